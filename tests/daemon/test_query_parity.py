"""`filterctl query -h -b -m` beside `postmap -h -b -m`: the same message gives the same header fields
and body lines.  One thing differs on purpose: postmap looks up empty body lines, a running Postfix
and filterctl do not, so no rule here matches the empty string.

FILTERD_BUILD_DIR names the build directory.
"""

import os
import shutil
import subprocess

import pytest

from conftest import cannot

import filterd_proc

POSTMAP = shutil.which("postmap", path=os.environ.get("PATH", "") + ":/usr/sbin")
FILTERCTL = filterd_proc.program("filterctl")


@pytest.fixture(autouse=True)
def programs():
    for path in (POSTMAP, FILTERCTL):
        if path is None or not os.path.exists(path):
            cannot("%s is not there" % (path or "postmap"))


MESSAGES = [
    b"From: a@example.com\nSubject: hello\n\tfolded sales\nX-Long-Name : v\n\nbody sales\n \nend\n",
    b"Subject: no body\n",
    b"no header at all\nSubject: this is body\n",
    b"Subject: ends at a bad line\nnot a header\nX: body\n\nmore\n",
    b"\nonly body: yes\n",
    b"MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=\"BB\"\n\npreamble\n--BB\n"
    b"Content-Type: text/plain;\n name=\"x.exe\"\n\npart\nA<!-- c -->B\n--BB\n"
    b"Content-Type: message/rfc822\n\nSubject: nested\nX-Y: folded\n more\n\nnested body\n--BB--\n"
    b"epilogue\n",
    b"Content-Type: multipart/digest; boundary=d\n\n--d\n\nSubject: in digest\n\nbody\n--d--\n",
    b"Content-Type: message/rfc822\n\nSubject: inner\n\nContent: inner body\n",
    b"Subject: 8 bit \xe4\xf6\nX: y\n\n\xe4\xf6\xfc\n",
    b"Subject: long\n\n" + b"x" * 2000 + b"\nend\n",
]


def run(argv, message):
    p = subprocess.run(argv, input=message, capture_output=True, timeout=60)
    return p.returncode, p.stdout


@pytest.mark.parametrize("i", range(len(MESSAGES)))
@pytest.mark.parametrize("options", [[], ["-h"], ["-b"], ["-hm"], ["-bm"], ["-hbm"]])
def test_message(tmp_path, options, i):
    (tmp_path / "main.cf").write_text("compatibility_level = 3.6\n")
    os.utime(tmp_path / "main.cf", (1500000000, 1500000000))  # Postfix waits for a fresh one
    for name in ("dynamicmaps.cf", "dynamicmaps.cf.d"):
        if os.path.exists("/etc/postfix/" + name):
            os.symlink("/etc/postfix/" + name, tmp_path / name)
    table = "pcre:{{/^(.{1,20}).*[a-z]/ found <$1>}, {/^.*[^ ]/ other}, {/^ / blank}}"
    message = MESSAGES[i]
    if not options:  # a key a line; the empty ones are not the point here
        message = message.replace(b"\n\n", b"\n").lstrip(b"\n")
    theirs = run([POSTMAP, "-u", "-c", str(tmp_path)] + options + ["-q", "-", table], message)
    ours = run([FILTERCTL, "query"] + options + [table, "-"], message)
    assert ours == theirs


@pytest.mark.parametrize(
    "arguments, status, out",
    [
        (["inline:{a=b}", "A"], 0, b"b\n"),
        (["inline:{a=b}", "c"], 1, b""),
        (["inline:{a=b}", "static:x", "c"], 0, b"x\n"),
        (["fail:x", "c"], 75, b""),
        (["fail:config", "c"], 78, b""),
        (["nosuch:x", "c"], 78, b""),
        (["pcre:/nonexistent", "c"], 78, b""),
        (["inline:{a=b}"], 64, b""),
        (["-h", "inline:{a=b}", "c"], 64, b""),
    ],
)
def test_status(arguments, status, out):
    p = subprocess.run([FILTERCTL, "query"] + arguments, capture_output=True, timeout=60)
    assert (p.returncode, p.stdout) == (status, out), p.stderr
    assert (p.stderr != b"") == (status > 1)


def test_types():
    p = subprocess.run([FILTERCTL, "types"], capture_output=True, timeout=60)
    names = [line.split()[0] for line in p.stdout.decode().splitlines()]
    assert p.returncode == 0
    assert set("inline static texthash regexp pcre cidr fail unionmap pipemap".split()) <= set(names)
