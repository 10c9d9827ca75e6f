"""contrib/plugin-example, built outside the tree with what make install brings, and used."""
import json
import os
import re
import shutil
import subprocess
import tempfile
import time

import pytest

import filterd_proc
import smtp
from conftest import cannot

SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")


def run(*args, status=0, **kwargs):
    env = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "CFLAGS", "LDFLAGS")}
    r = subprocess.run(args, env=env, capture_output=True, text=True, **kwargs)
    assert r.returncode == status, r.stdout + r.stderr
    return r.stdout


def copy(source, to):
    """Of sources, which may be read-only."""
    shutil.copytree(source, to, ignore=shutil.ignore_patterns("*.so"), copy_function=shutil.copyfile)
    os.chmod(to, 0o755)
    return to


class Installed:
    """filterd under a root of its own, and the example beside it."""

    def __init__(self, root):
        self.root = root
        run("make", "-s", "-C", filterd_proc.build_dir(), "install", f"DESTDIR={root}/root")
        [pc] = [os.path.join(d, "filterd.pc") for d, _, files in os.walk(root) if "filterd.pc" in files]
        [prefix] = re.findall("^prefix=(.*)", open(pc).read(), re.M)
        self.env = f"PKG_CONFIG_PATH={os.path.dirname(pc)}"
        self.pkg_config = f"pkg-config --define-variable=prefix={root}/root{prefix}"
        self.folder = self.ask("--variable=plugindir")
        self.example = os.path.join(root, "example")
        copy(os.path.join(SOURCE, "contrib", "plugin-example"), self.example)
        self.make(self.example, "install")

    def ask(self, question):
        return run("env", self.env, *self.pkg_config.split(), question, "filterd").strip()

    def make(self, folder, *what):
        """As its README says, but warnings are errors."""
        return run("env", self.env, "make", "-C", folder, f"PKG_CONFIG={self.pkg_config}", "CFLAGS=-O1 -g -Wall -Wextra -Werror",
                   *what)


@pytest.fixture(scope="module")
def installed():
    if filterd_proc.missing():
        cannot(filterd_proc.missing())
    for program in ("pkg-config", "make", "cc"):
        if not shutil.which(program):
            cannot(f"{program} is not installed")
    # Not pytest's folder, which the user the worker runs as may not enter.
    root = tempfile.mkdtemp(prefix="filterd-plugin.")
    os.chmod(root, 0o755)
    try:
        yield Installed(root)
    finally:
        shutil.rmtree(root, ignore_errors=True)


def filterctl(config, *args, status=0):
    r = subprocess.run([filterd_proc.program("filterctl"), "-c", config, *args], capture_output=True, text=True,
                       env=filterd_proc.sanitizer_env(os.path.dirname(config)))
    assert r.returncode == status, r.stdout + r.stderr
    return r.stdout + r.stderr


@pytest.fixture
def config(installed, tmp_path):
    """config(SETTING=VALUE ...) writes one; its path."""

    def write(**settings):
        settings = {"listeners": "{ lmtp:127.0.0.1:10025 }", "plugin_directory": installed.folder, "plugins": "example",
                    **settings}
        path = tmp_path / "filterd.cf"
        path.write_text("".join(f"{n} = {v}\n" for n, v in settings.items()))
        return str(path)

    return write


def test_built_outside_the_tree(installed):
    """With the installed header and nothing of the sources."""
    cflags = installed.ask("--cflags")
    assert cflags == f"-I{os.path.dirname(installed.folder)[:-len('/lib/filterd')]}/include"
    with open(os.path.join(SOURCE, "plugins", "filterd_plugin.h")) as f:
        header = f.read()
    with open(os.path.join(cflags[2:], "filterd_plugin.h")) as f:
        assert f.read() == header
    assert installed.ask("--variable=abi") == re.search("#define FILTERD_PLUGIN_ABI ([0-9]+)", header)[1]
    assert os.listdir(installed.folder).count("example.so") == 1


def test_manual_page_example_compiles(installed, tmp_path, config):
    """The plugin of filterd_plugin(7), compiled by the line that stands there."""
    with open(os.path.join(SOURCE, "plugins", "filterd_plugin.7")) as f:
        page = f.read()
    blocks = re.findall(r"^\.Bd -literal.*?\n(.*?)^\.Ed", page, re.M | re.S)
    [source] = [b for b in blocks if "#include <filterd_plugin.h>" in b]
    [line] = re.findall(r"^\$ (cc .*)$", page, re.M)
    (tmp_path / "first.c").write_text(source)
    line = line.replace("pkg-config", installed.pkg_config).replace("cc ", "cc -Wall -Werror ", 1)
    run("env", installed.env, "sh", "-c", line, cwd=tmp_path)
    path = config(plugins="first", plugin_directory=tmp_path)
    assert "first_reply = Not wanted here\n" in filterctl(path, "config")


def test_config_and_types(config):
    path = config(example_size_limit="2k", myhostname="h.example")
    assert filterctl(path, "config", "-x", "example_reply", "example_size_limit", "example_on_failure") == (
        "example_reply = Not wanted at h.example\nexample_size_limit = 2k\nexample_on_failure = defer\n")
    defaults = filterctl(path, "config", "-d")
    assert "\nexample_reply = Not wanted at $myhostname\nexample_size_limit = 50m\n" in defaults
    assert "example_line" not in filterctl(path, "config", "-n")
    types = filterctl(path, "types")
    for text in ("example 1.0: a plugin to begin with", "reject_sender_containing TEXT", "check_sender_tld TABLE", "reject_marked_line ",
                 "scan         lines ", "table type   glob ", "fact         example=line ", "counter      example_lines ",
                 "parameter    example_line ", "example_on_failure "):
        assert text in types


@pytest.mark.parametrize("settings, told", [
    ({"example_size_limit": "0"}, "example_size_limit: found \"0\", expected at least 1"),
    ({"example_action": "drop"}, "example_action: found \"drop\", expected one of: refuse hold tag"),
    ({"example_lines": "1"}, "example_lines: is no parameter of filterd or Postfix, and nothing refers to it; nearest: example_line"),
    ({"plugins": "exampel"}, "plugins: plugin exampel: {folder}/exampel.so: No such file or directory"),
    ({"listeners": "{ lmtp:127.0.0.1:10025, example_lines_max = 1 }"},
     "listeners: example_lines_max: has one value for all of filterd and must be set outside the listeners"),
])
def test_check_tells(installed, config, settings, told):
    out = filterctl(config(**settings), "check", status=78)
    assert told.replace("{folder}", installed.folder) in out
    assert re.search(r"^errors: 1,", out, re.M)


def other_abi(installed, folder):
    """The example for a filterd that has yet to come."""
    include = os.path.join(folder, "include")
    os.makedirs(include)
    with open(os.path.join(installed.ask("--cflags")[2:], "filterd_plugin.h")) as f:
        text, n = re.subn("(#define FILTERD_PLUGIN_ABI) [0-9]+", r"\1 4711", f.read())
    assert n == 1
    with open(os.path.join(include, "filterd_plugin.h"), "w") as f:
        f.write(text)
    source = copy(installed.example, os.path.join(folder, "source"))
    installed.make(source, f"CPPFLAGS=-I{include}")
    return source


def start_refused(**settings):
    """What filterd says when it does not start, by its exit status for configurations."""
    f = filterd_proc.Filterd(**settings)
    try:
        ended = f.command("-f")
        assert ended.returncode == 78, ended.stderr
        return ended.stderr + f.raw_log()
    finally:
        f.finish()


def test_other_abi_is_refused(installed, tmp_path):
    own = installed.ask("--variable=abi")
    folder = other_abi(installed, str(tmp_path))
    said = start_refused(plugins="example", plugin_directory=folder)
    assert f"plugin example: {folder}/example.so: has ABI 4711, and this filterd has ABI {own}: " in said


def test_missing_library_is_refused(installed, tmp_path):
    """The example, linked with a library that is gone afterwards."""
    source = copy(installed.example, tmp_path / "source")
    run("cc", "-shared", "-fPIC", "-Wl,-soname,libgone.so.1", "-x", "c", "/dev/null", "-o", str(tmp_path / "libgone.so"))
    installed.make(str(source), f"LDFLAGS=-Wl,--no-as-needed {tmp_path}/libgone.so")
    said = start_refused(plugins="example", plugin_directory=str(source))
    assert f"plugin example: {source}/example.so: libgone.so.1: cannot open shared object file: " in said


# --- in use ---

def use(filterd, installed, hop, **settings):
    return filterd(**{"listeners": {"smtp": "smtp, role = before_queue"}, "next_hop": hop.next_hop, "smtpd_reject_footer": "",
                      "plugins": "example", "plugin_directory": installed.folder, "myhostname": "h.example",
                      "smtpd_recipient_restrictions": "permit", **settings})


def replies(f, *senders):
    """The reply to RCPT for each, for there are the lists asked."""
    got = []
    with smtp.Client(f.address("smtp")) as c:
        c.hello()
        for sender in senders:
            assert c.mail(sender).code == 250
            r = c.rcpt("b@example.com")
            got.append((r.code, r.text))
            c.cmd("RSET")
        c.quit()
    return got


def test_restriction_with_a_word(filterd, installed, hop):
    f = use(filterd, installed, hop, smtpd_sender_restrictions="reject_sender_containing Casino")
    got = replies(f, "a@example.com", "a@cAsino.example", "casino@example.com", "")
    assert [g[0] for g in got] == [250, 550, 550, 250], got
    assert got[1][1] == "5.7.1 Not wanted at h.example"
    # Other words, another text: by reload.
    f.reload(smtpd_sender_restrictions="reject_sender_containing example.com", example_reply="No")
    assert [g[0] for g in replies(f, "a@example.com", "a@casino.example")] == [550, 250]
    # A reload that its compile function refuses changes nothing.
    f.expect("nearly every address|is not used")
    assert "is not used" in f.reload(smtpd_sender_restrictions="reject_sender_containing c")["text"]
    assert [g[0] for g in replies(f, "a@example.com", "a@casino.example")] == [550, 250]
    assert json.loads(f.ctl("status", "--json"))["counters"]["example_refused"] == 4


def test_restriction_with_a_table(filterd, installed, hop):
    f = use(filterd, installed, hop,
            smtpd_sender_restrictions="check_sender_tld inline:{ xx=REJECT, yy=OK, { zz = 450 later } } reject")
    got = replies(f, "a@b.xx", "a@b.yy", "a@b.zz", "a@b.com", "a.xx@b", "")
    assert [g[0] for g in got] == [554, 250, 450, 554, 554, 554], got


def test_failure_of_its_table(filterd, installed, hop):
    f = use(filterd, installed, hop, smtpd_sender_restrictions="check_sender_tld fail:x")
    f.expect("fail:x: the look-up failed|check_sender_tld")
    assert replies(f, "a@b.xx")[0][0] == 451


def test_explain(filterd, installed, hop):
    f = use(filterd, installed, hop, smtpd_sender_restrictions="reject_sender_containing casino")
    out = f.ctl("explain", "--listener", "smtp", "--sender", "a@casino.example", "--recipient", "b@example.com", status=1)
    assert "reject_sender_containing casino" in out and "550" in out, out


def test_reload_with_a_plugin_that_is_gone(filterd, installed, hop):
    f = use(filterd, installed, hop, smtpd_sender_restrictions="reject_sender_containing casino")
    f.expect("nowhere.so|is not used")
    assert "is not used" in f.reload(plugins="example nowhere")["text"]
    assert [g[0] for g in replies(f, "a@casino.example", "a@example.com")] == [550, 250]
    # Without it, and with it again.
    assert "is in use" in f.reload(plugins="", smtpd_sender_restrictions="")["text"]
    assert replies(f, "a@casino.example")[0][0] == 250
    assert "is in use" in f.reload(plugins="example", smtpd_sender_restrictions="reject_sender_containing casino")["text"]
    assert replies(f, "a@casino.example")[0][0] == 550


@pytest.mark.parametrize("outcome, code, fate", [
    (None, 451, "defer"), ("defer", 451, "defer"), ("hold", 250, "hold"), ("tag", 250, "deliver"), ("accept", 250, "deliver")])
def test_failure(filterd, installed, hop, outcome, code, fate):
    """What becomes of a message that is too large for it, and of one that is not looked at."""
    settings = {"example_on_failure": outcome} if outcome else {}
    f = use(filterd, installed, hop, content_restrictions="reject_marked_line", example_line="X", example_size_limit=100,
            tag_header="X-Tagged: yes", **settings)
    f.expect("example_size_limit")
    end = smtp.send(f.address("smtp"), "a@example.com", "b@example.com", b"Subject: x\r\n\r\n" + b"x" * 100 + b"\r\n")[2][-1]
    assert end.code == code
    [final] = f.wait_finals(1)
    assert final["fate"] == fate
    assert "example=size" in final["facts"].split(), final
    sent = [m.data for m in hop.messages]
    assert len(sent) == (fate == "deliver") and all((b"X-Tagged: yes" in m) == (outcome == "tag") for m in sent)
    # In place, for this item alone; and without a line nothing is looked for.
    f.reload(content_restrictions="{ reject_marked_line, on_failure = accept }")
    assert smtp.send(f.address("smtp"), "a@example.com", "b@example.com", b"\r\n" + b"x" * 100 + b"\r\n")[2][-1].code == 250
    f.reload(content_restrictions="reject_marked_line", example_line="")
    assert smtp.send(f.address("smtp"), "a@example.com", "b@example.com", b"\r\n" + b"x" * 100 + b"\r\n")[2][-1].code == 250


def test_table_type(filterd, installed, hop):
    """The example's own, at its restriction, at one of filterd's, and asked by filterctl."""
    f = use(filterd, installed, hop, smtpd_sender_restrictions="check_sender_tld glob:x[xy]=REJECT;z?=OK, "
            "check_sender_access glob:*@*.example=REJECT;*=DUNNO")
    got = replies(f, "a@b.xx", "a@b.xy", "a@b.xz", "a@b.zz", "a@b.example", "a@b.com")
    assert [g[0] for g in got] == [554, 554, 250, 250, 554, 250], got
    f.reload(smtpd_sender_restrictions="check_sender_access glob:*@*.com=REJECT")
    assert [g[0] for g in replies(f, "a@b.xx", "a@b.com")] == [250, 554]
    table = "glob:*.com=found;b=too"
    assert f.ctl("query", table, "x.com") == "found\n"
    assert f.ctl("query", table, "b") == "too\n"
    assert f.ctl("query", table, "c", status=1) == ""
    f.expect("expected PATTERN=RESULT|is not used")
    assert "is not used" in f.reload(smtpd_sender_restrictions="check_sender_access glob:x")["text"]


def marked(*numbers, end=b"\r\n"):
    """A message whose lines with these numbers, counted from 1, are the one that is looked for."""
    lines = [b"Subject: x", b"From: a@example.com", b""] + [b"text %d" % i for i in range(20)]
    for n in numbers:
        lines[n - 1] = b"X-Marked: yes"
    return b"\r\n".join(lines) + end


def send(f, message):
    return smtp.send(f.address("smtp"), "a@example.com", "b@example.com", message)[2][-1]


def test_scan(filterd, installed, hop):
    f = use(filterd, installed, hop, content_restrictions="reject_marked_line", example_line="X-Marked: yes", example_lines_max=2)
    for message, line in ((marked(), None), (marked(1), 1), (marked(23), 23), (marked(5, 6, 7), 5),
                          (marked().replace(b"text 3", b"X-marked: yes"), None), (marked().replace(b"text 3", b"X-Marked: yes "), None)):
        r = send(f, message)
        if line is None:
            assert r.code == 250
            assert "example=" not in f.finals()[-1]["facts"]
        else:
            assert (r.code, r.text) == (550, f"5.7.1 Not wanted at h.example (line {line})")
            assert f"example=line:{line}" in f.finals()[-1]["facts"].split()
    assert len(hop.messages) == 3
    assert json.loads(f.ctl("status", "--json"))["counters"]["example_lines"] == 4


@pytest.mark.parametrize("action", ["refuse", "hold", "tag"])
def test_scan_action(filterd, installed, hop, action):
    f = use(filterd, installed, hop, content_restrictions="reject_marked_line", example_line="x-marked: YES", example_ignore_case="yes",
            example_action=action, tag_header="X-Tagged: yes")
    assert send(f, marked(4)).code == (550 if action == "refuse" else 250)
    assert f.finals()[-1]["fate"] == {"refuse": "reject", "hold": "hold", "tag": "deliver"}[action]
    assert [b"X-Tagged: yes" in m.data for m in hop.messages] == ([True] if action == "tag" else [])


def wait_until(true, seconds=120):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.1)


def test_scan_with_other_values(filterd, installed, hop):
    """A reload gives scanners the new line, without a message that is not looked at."""
    f = use(filterd, installed, hop, content_restrictions="reject_marked_line", example_line="X-Marked: yes")
    other = marked().replace(b"text 3", b"X-Other: yes")
    assert (send(f, marked(4)).code, send(f, other).code) == (550, 250)
    assert "is in use" in f.reload(example_line="X-Other: yes")["text"]
    wait_until(lambda: {550: True, 250: False}[send(f, other).code])
    assert send(f, marked(4)).code == 250
    # None is needed without a line, and they are there again with one; until then nothing is found out.
    f.expect("reject_marked_line could not be checked")
    f.reload(example_line="")
    assert send(f, other).code == 250
    f.reload(example_line="X-Other: yes")
    wait_until(lambda: {550: True, 250: False, 451: False}[send(f, other).code])


def test_manual_page_is_complete():
    """What the header has is in filterd_plugin(7)."""
    with open(os.path.join(SOURCE, "plugins", "filterd_plugin.h")) as f:
        header = re.sub(r"/\*.*?\*/", "", f.read(), flags=re.S)
    with open(os.path.join(SOURCE, "plugins", "filterd_plugin.7")) as f:
        words = set(re.findall(r"\w+", f.read()))
    names = set(re.findall(r"\(\*(\w+)\)\(", header)) | set(re.findall(r"^#define ((?:FILTERD|NEED|AT|CAN)_\w+)\b(?!\()", header, re.M))
    for body in re.findall(r"^enum \w+ \{(.*?)\}", header, re.M | re.S):
        names |= set(re.findall(r"\b([A-Z]\w+)\b", body))
    for struct in ("plugin", "param", "value", "message", "part", "restriction_def"):
        [body] = re.findall(rf"^struct (?:filterd_)?{struct} \{{(.*?)^\}}", header, re.M | re.S)
        names |= set(re.findall(r"\b(\w+)(?:, \w+)*;", body)) | set(re.findall(r", (\w+);", body))
    # Lists that have an AT_... each, counts, and numbers of the DNS.
    names -= {n for n in names if n.startswith("LIST_")} | {"RULE_LISTS", "RULE_REFUSED", "FILTERD_PRINTF", "FILTERD_PLUGIN_H"}
    assert len(names) > 90
    assert sorted(names - words) == []


def test_first_plugin_with_scans_needs_a_restart(filterd, installed, hop):
    """Its other restrictions work at once; its scans cannot be asked, which is a failure and not "nothing"."""
    f = use(filterd, installed, hop, plugins="", content_restrictions="")
    f.expect("by a restart only|could not be checked")
    f.reload(plugins="example", example_line="X-Marked: yes", content_restrictions="reject_marked_line",
             smtpd_sender_restrictions="reject_sender_containing casino")
    assert replies(f, "a@casino.example")[0][0] == 550
    assert send(f, marked(4)).code == 451 and send(f, marked()).code == 451
    assert "example=failed" in f.finals()[-1]["facts"]
    assert [e for e in f.entries() if "scanner processes are started by a restart only" in e.get("text", "")]
    assert json.loads(f.ctl("status", "--json"))["restart_needed"] == 1
