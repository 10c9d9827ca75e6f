"""In role mta parameters have the defaults of Debian's Postfix at compatibility_level 3.6; what filterctl says of roles."""
import os
import re
import shutil
import subprocess

import pytest

import filterd_proc
from conftest import cannot

LEVEL = "3.6"
# What is not Postfix's on purpose.
DIFFERENT = {
    "alias_maps": "hash:/etc/aliases, without NIS, which filterd's tables lack",
    "local_recipient_maps": "has alias_maps in it",
    "mynetworks": "rules work it out from the machine's addresses, where it is not set",
    "service_name": "filterd's own, with a name that Postfix has for reading",
    "smtp_helo_timeout": "a client waits too",
    "smtp_mail_timeout": "less than the MTA in front waits",
    "smtp_data_done_timeout": "less than the MTA in front waits",
    "smtp_connection_cache_time_limit": "less than the MTA behind waits",
    "smtpd_banner": "names filterd",
    "smtpd_forbid_bare_newline": "a bare newline never passes as it is",
    "smtpd_reject_footer": "the decision id, by which explain finds what was decided",
}


def run(*argv):
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout


def values(text):
    """NAME = VALUE lines; white space is not what a value differs by."""
    found = {}
    for line in text.splitlines():
        name, _, value = line.partition(" =")
        found[name] = " ".join(value.split())
    return found


@pytest.fixture(scope="module")
def defaults(tmp_path_factory):
    """Of filterd and of Postfix, both with every reference replaced."""
    if shutil.which("postconf") is None:
        cannot("there is no postconf")
    folder = tmp_path_factory.mktemp("defaults")
    (folder / "main.cf").write_text(f"compatibility_level = {LEVEL}\n")
    (folder / "master.cf").write_text("")
    (folder / "filterd.cf").write_text("listeners = { smtp:127.0.0.1:25, name = mx, role = mta }\n")
    ours = run(filterd_proc.program("filterctl"), "-c", str(folder / "filterd.cf"), "config", "-x", "-l", "mx")
    return values(ours), values(run("postconf", "-c", str(folder), "-x"))


def test_defaults_are_postfix_s(defaults):
    ours, theirs = defaults
    both = set(ours) & set(theirs)
    assert len(both) > 130
    wrong = {n: (ours[n], theirs[n]) for n in both if ours[n] != theirs[n] and n not in DIFFERENT}
    assert wrong == {}


def test_every_difference_is_one(defaults):
    ours, theirs = defaults
    assert [n for n in DIFFERENT if ours[n] == theirs[n]] == []


def filterctl(tmp_path, text, *args, status=0):
    config = tmp_path / "filterd.cf"
    config.write_text(text)
    r = subprocess.run([filterd_proc.program("filterctl"), "-c", str(config), *args], capture_output=True, text=True)
    assert r.returncode == status, r.stdout + r.stderr
    return r.stdout + r.stderr


ROLES = """listeners =
  { lmtp:127.0.0.1:10025, name = after, smtpd_helo_required = yes }
  { policy:127.0.0.1:10027, name = asked }
smtpd_recipient_restrictions = permit_mynetworks, $classes
classes = reject
smtpd_helo_required = no
"""


def test_config_of_a_listener(tmp_path):
    def config(*args):
        return filterctl(tmp_path, ROLES, "config", *args).splitlines()

    assert config("-n") == [
        "classes = reject", "listeners = { lmtp:127.0.0.1:10025, name = after, smtpd_helo_required = yes } "
        "{ policy:127.0.0.1:10027, name = asked }", "smtpd_helo_required = no",
        "smtpd_recipient_restrictions = permit_mynetworks, $classes"]
    assert config("-l", "after", "smtpd_recipient_restrictions", "smtpd_helo_required") == [
        "smtpd_recipient_restrictions =", "smtpd_helo_required = yes"]
    assert config("-x", "-l", "asked", "smtpd_recipient_restrictions", "smtpd_helo_required") == [
        "smtpd_recipient_restrictions = permit_mynetworks, reject", "smtpd_helo_required = no"]
    assert [line for line in config("-n", "-l", "after") if line.startswith("smtpd_")] == ["smtpd_helo_required = yes"]
    assert config("-d", "-l", "after", "smtpd_helo_required", "mynetworks") == ["smtpd_helo_required = no", "mynetworks ="]
    assert filterctl(tmp_path, ROLES, "config", "-l", "afer", status=1) == "filterctl: there is no listener afer\n"


def test_check_tells_what_role_after_queue_leaves_alone(tmp_path):
    said = filterctl(tmp_path, ROLES, "check")
    text = "not used by listener after: in role after_queue it must be set in the listener itself"
    assert [line for line in said.splitlines() if "not used by" in line] == [
        f"note: {tmp_path}/filterd.cf:4: smtpd_recipient_restrictions: {text}"]
    # Not said of a door that gets no messages.
    assert "listener asked" not in said


@pytest.mark.parametrize("kind, lists, note", [
    ("milter", "", "no restrictions, no header_checks and no body_checks: all mail passes"),
    ("milter", "header_checks = inline:{ a=REJECT }", None),
    ("milter", "smtpd_helo_restrictions = reject_invalid_helo_hostname", None),
    ("milter", "content_restrictions = permit", None),
    ("policy", "", "no restrictions: every answer is DUNNO"),
    ("policy", "header_checks = inline:{ a=REJECT }", "no restrictions: every answer is DUNNO"),
    ("policy", "smtpd_sender_restrictions = reject_non_fqdn_sender", None),
])
def test_check_tells_of_a_listener_that_checks_nothing(tmp_path, kind, lists, note):
    said = filterctl(tmp_path, f"listeners = {{ {kind}:unix:{tmp_path}/s, name = a }}\n{lists}\n", "check")
    notes = [line.split(": ", 3)[3] for line in said.splitlines() if ": listeners: listener a: " in line or "listener a: no " in line]
    assert notes == ([] if note is None else [note]), said


def test_rules_are_told_every_option():
    """A field of struct rule_options that engine forgets would be empty for ever."""
    source = os.environ.get("FILTERD_SOURCE_DIR", os.path.join(os.path.dirname(__file__), "..", ".."))

    def text(path):
        with open(os.path.join(source, path)) as f:
            return re.sub(r"/\*.*?\*/", "", f.read(), flags=re.S)

    struct = re.search(r"^struct rule_options \{(.*?)^\};", text("rules/rules.h"), re.S | re.M).group(1)
    fields = re.findall(r"(\w+)(?:\[\w+\])?\s*[,;]", struct)
    filled = {a or b for a, b in re.findall(r"TAKE\((\w+)\)|o->(\w+)(?:\[\w+\])? =", text("filterd/engine/rule_params.c"))}
    filled |= set(re.findall(r"&o->(\w+)\)", text("filterd/engine/rule_params.c")))     # by a function
    filled |= set(re.findall(r"\bo\.(\w+) =", text("filterd/engine/snapshot.c")))  # what is no parameter
    assert len(fields) > 90
    assert set(fields) - filled == set()
