"""A thousand recipients and thousands of hits: memory, time and log lines are those of a few. (A worker that took 4.3 GB for 98 KB of
mail was the reason.)"""
import os
import re
import time

import pytest

import milter_client
import smtp

RCPTS = [f"u{i}@example.com" for i in range(1000)]
PART = b"--b\r\n\r\n" + b"a\r\n" * 16000
MESSAGE = b"Subject: x\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" + PART * 2
OTHERS = b"Subject: x\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n--b\r\n\r\n"


def listeners(door):
    return {door: door + ", role = before_queue, smtpd_authorized_xforward_hosts ="}


def megabytes(f):
    """The most that the worker has ever had."""
    [pid] = f.workers()
    with open(f"/proc/{pid}/status") as status:
        return int(re.search(r"VmHWM:\s+(\d+)", status.read())[1]) / 1024


def send(f, door, recipients, message=MESSAGE):
    """The codes, and how long the end of the message took."""
    with smtp.Client(f.address(door), lmtp=door == "lmtp", timeout=120) as c:
        c.hello()
        began = time.monotonic()
        got = c.transaction("s@shop.example", recipients, message)[2]
        took = time.monotonic() - began
        c.quit()
    return [r.code for r in got], took


# Recipients, and seconds on a machine that is busy with other tests. Edits are made once for all; other effects each recipient's list
# goes through. The log lines are those that are not one a recipient.
CASES = {
    "ignore": ("/^a$/ IGNORE\n", OTHERS, 1000, 10, 0),
    "strip": ("/^a$/ STRIP x\n", OTHERS, 1000, 10, 2),
    "replace": ("/^a$/ REPLACE b\n", OTHERS.replace(b"--b\r\n\r\n", b"--b\r\n\r\n" + b"b\r\n" * 16000), 1000, 10, 2),
    "warn": ("/^a$/ WARN x\n", MESSAGE, 100, 10, 2),
    "score": ("/^a$/ SCORE 0.001 x\n", MESSAGE, 100, 10, 0),
    "tag": ("/^a$/ TAG x\n", b"X-Spam-Flag: YES\r\n" + MESSAGE, 100, 10, 0),
    "bcc": ("/^a$/ BCC copy@example.com\n", MESSAGE, 100, 10, 2),
}


@pytest.mark.parametrize("case", CASES)
def test_many_recipients(filterd, hop, case):
    rows, sent, n, seconds, lines = CASES[case]
    f = filterd(listeners=listeners("lmtp"), files={"p": rows}, next_hop=hop.next_hop,
                content_restrictions="check_body pcre:{dir}/p")
    before = len(f.entries())
    codes, took = send(f, "lmtp", RCPTS[:n])
    assert codes == [250] * n
    assert took < seconds
    assert megabytes(f) < 250    # with the address sanitizer; each recipient by itself would be thousands
    [m] = hop.wait(1)
    assert (m.data, len(m.recipients)) == (sent, n + (case == "bcc"))
    f.wait_finals(n)
    # two more are of the connection
    assert len(f.entries()) - before - n <= lines + 2
    assert os.path.getsize(f.log_file) < 1 << 20


def test_classes_at_one_door(filterd, hop):
    """A text a class, different in one line each, and one reply: each has its own copy, and those of a class share one."""
    files = {"per_user": "".join(f"u{i}@example.com k{i % 10}\n" for i in range(1000))}
    classes = {}
    for i in range(10):
        files[f"p{i}"] = f"/^(a|c{i})$/ IGNORE\n"
        classes[f"k{i}"] = f"check_body pcre:{{dir}}/p{i}"
    f = filterd(listeners=listeners("lmtp"), files=files, next_hop=hop.next_hop, smtpd_restriction_classes=", ".join(classes),
                content_restrictions="check_recipient_access texthash:{dir}/per_user", **classes)
    message = MESSAGE + b"".join(b"c%d\r\n" % i for i in range(10))
    codes, took = send(f, "lmtp", RCPTS, message)
    assert codes == [250] * 1000
    assert took < 20
    assert megabytes(f) < 250    # with the address sanitizer; each recipient by itself would be thousands
    got = {m.data: len(m.recipients) for m in hop.wait(10)}
    assert got == {OTHERS + b"".join(b"c%d\r\n" % k for k in range(10) if k != i): 100 for i in range(10)}


def test_too_many_changes(filterd, hop):
    """What each recipient has for himself is bounded: the rest is deferred, and it is said why."""
    f = filterd(listeners=listeners("lmtp"), files={"p": "/^(a.*)$/ TAG $1\n"}, next_hop=hop.next_hop,
                content_restrictions="check_body pcre:{dir}/p")
    message = b"Subject: x\r\n\r\n" + b"".join(b"a%d %s\r\n" % (i, b"x" * 200) for i in range(2000))
    codes, _ = send(f, "lmtp", RCPTS, message)
    assert set(codes) == {250, 451} and codes == sorted(codes)
    assert codes.count(250) > 20
    assert megabytes(f) < 250
    f.expect("takes too much memory")


def test_joined_at_a_milter(filterd):
    """A door with one text for all: lists that differ are joined in no more than the time to read them."""
    classes = {f"k{i}": f"check_body pcre:{{dir}}/p{i}" for i in range(10)}
    files = {f"p{i}": f"/^(a|c{i})$/ IGNORE\n" for i in range(10)}
    files["per_user"] = "".join(f"u{i}@example.com k{i}\n" for i in range(10))
    f = filterd(listeners={"m": "milter, milter_hold = store"}, files=files, smtpd_restriction_classes=", ".join(classes),
                on_mixed_edits="all", content_restrictions="check_recipient_access texthash:{dir}/per_user", **classes)
    with milter_client.Client(f.address("m"), timeout=60) as c:
        c.negotiate()
        c.connect(addr="127.0.0.2")
        c.helo()
        c.mail("<s@shop.example>")
        for r in RCPTS[:10]:
            c.rcpt(f"<{r}>")
        c.data()
        began = time.monotonic()
        end = c.message(MESSAGE + b"".join(b"c%d\r\n" % i for i in range(10)))
        took = time.monotonic() - began
        c.quit()
    assert [x.value for x in end.changes if x.kind == "replbody"] == [b"--b\r\n\r\n--b\r\n\r\n"]
    assert took < 10
    assert megabytes(f) < 200
