"""Tables of many patterns in a running filterd: what filterctl says of them, what is kept on disk, and the limits of a
pattern (issue 6, section 3)."""
import json
import os
import subprocess
import sys
import time

import pytest

import filterd_proc
import smtp

EXAMPLE = "From: a@example.com\r\nSubject: s\r\n\r\n%s\r\n"
RULES = "".join(f"/word{i}x/ REJECT number {i}\n" for i in range(40))


def send(f, line):
    """The reply to the message."""
    with smtp.Client(f.address("lmtp"), lmtp=True) as c:
        c.hello()
        c.mail("a@example.com")
        c.rcpt("b@example.com")
        c.cmd("DATA")
        c.send((EXAMPLE % line).encode() + b".\r\n")
        return c.reply()


def patterns(f):
    """What status says of the one table, once nothing is being compiled."""
    end = time.monotonic() + 120
    while True:
        said = json.loads(f.ctl("status", "--json"))["tables"][0].get("patterns", "")
        if "being compiled" not in said:
            return said
        assert time.monotonic() < end, said
        time.sleep(.05)


def kept(f):
    folder = f.dir + "/state/patterns"
    return {name: os.stat(os.path.join(folder, name)).st_ino for name in os.listdir(folder)} \
        if os.path.isdir(folder) else {}


def start(filterd, hop, rules, **more):
    return filterd(files={"bc": rules}, body_checks="pcre:{dir}/bc", next_hop=hop.next_hop, smtpd_reject_footer="",
                   **more)


def has_vectorscan(f):
    """Without it every rule is tried, and that is what status says; then there is nothing to keep."""
    said = patterns(f)
    if "40 of 40 patterns looked for in one pass" in said:
        return True
    assert "40 patterns tried one by one: " in said and ("without Vectorscan" in said or "processor" in said)
    return False


def test_one_pass(filterd, hop):
    """The first rule of the file answers, whether compiled already or not; what was compiled is found again, and a
    changed table is compiled anew."""
    f = start(filterd, hop, RULES)
    assert send(f, "a word7x and a word5x").text == "5.7.1 number 5"
    one_pass = has_vectorscan(f)
    assert send(f, "a word7x and a word5x").text == "5.7.1 number 5"
    assert send(f, "a word7y").code == 250
    assert "looked for in one pass" in f.ctl("status") or not one_pass
    first = kept(f)
    assert len(first) == one_pass
    f.reload()
    assert has_vectorscan(f) == one_pass
    assert kept(f) == first
    f.file("bc", RULES.replace("word5x", "term5x"))
    f.wait_log(lambda e: "read again" in e.get("text", ""), 60)
    assert has_vectorscan(f) == one_pass
    assert len(kept(f)) == 2 * one_pass
    assert send(f, "a word7x and a word5x").text == "5.7.1 number 7"
    assert send(f, "a word7x and a term5x").text == "5.7.1 number 5"


@pytest.mark.parametrize("name, value, pattern, line", [
    ("pattern_match_limit", "2000000000", r"^(?:a+)+(?=$)", "a" * 24 + "!"),
    # A text for which the compiled code has no stack, so that the interpreter takes over.
    ("pattern_depth_limit", "1000000", r"^(?:(a)|b)*(?=$)", "a" * 1900),
    ("pattern_heap_limit", "1g", r"^(?:(a)|b)*(?=$)", "a" * 1900),
])
def test_limits(filterd, hop, name, value, pattern, line):
    """A check that needs more than it may is not made: 4xx, not `does not match`."""
    low = {"pattern_match_limit": "1000", "pattern_depth_limit": "1000", "pattern_heap_limit": "64k"}[name]
    rules = f"/(*NO_JIT){pattern}/ REJECT it\n/./ REJECT another\n"
    f = start(filterd, hop, rules, **{name: low})
    f.expect(r"limit exceeded")
    assert send(f, line).code == 451
    f.reload(**{name: value})
    assert send(f, line).code == 550


def test_check_warns(filterd, hop):
    """filterctl check names the line of a pattern that backtracks explosively, and of no other."""
    f = start(filterd, hop, "/word/ REJECT\n/^(\\w+\\s?)*!$/ REJECT\n/(foo|bar)+x/ REJECT\n")
    said = [line for line in f.ctl("check").splitlines() if "explosively" in line]
    assert len(said) == 1 and f"{f.dir}/bc:2: " in said[0]


@pytest.mark.long
def test_random_tables_long():
    """Random tables and texts answer alike in one pass and one by one."""
    tables = max(1, int(20000 * float(os.environ.get("FILTERD_SOAK", "1"))))
    program = os.path.join(filterd_proc.build_dir(), "tests", "unit", "test_prefilter")
    done = subprocess.run([program], env=dict(os.environ, FILTERD_PREFILTER_TABLES=str(tables)), capture_output=True,
                          text=True, timeout=7200)
    if "not tested: " in done.stdout:
        print(done.stdout, file=sys.stderr)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
