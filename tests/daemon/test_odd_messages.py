"""What bad input gets: every message is handed on whole or refused, and the next one is served (issue 2, "What bad input gets")."""
import pytest

import smtp
from nexthop import CLOSE, NextHop

FIELD = b"X-%d: " + b"v" * 20 + b"\r\n"
ODD = {
    "empty": b"",
    "one empty line": b"\r\n",
    "only empty lines": b"\r\n" * 50,
    "a header and no body": b"Subject: x\r\n",
    "a header and an empty line": b"Subject: x\r\n\r\n",
    "no header": b"this is no header\r\nneither is this\r\n",
    "a body only": b"\r\nbody\r\n",
    "a continuation first": b" folded\r\nSubject: x\r\n\r\nbody\r\n",
    "mbox": b"From a@example.com Sat Nov 21 10:00:00 2026\r\nSubject: x\r\n\r\nFrom here\r\n",
    "dots": b".\r\n..\r\n...\r\n.Subject: x\r\n\r\n.\r\n..\r\n. .\r\n",
    "NUL everywhere": b"Sub\0ject: x\r\nFrom: \0\r\n\r\n\0\0\r\n" + b"\0" * 5000 + b"\r\n",
    "every octet": b"Subject: x\r\n\r\n" + bytes(set(range(256)) - {10, 13}) * 40 + b"\r\n",
    "100,000 fields": b"".join(FIELD % n for n in range(100000)) + b"\r\nbody\r\n",
    "one field of 3 MB": b"Subject: " + b"x" * 3000000 + b"\r\n\r\nbody\r\n",
    "a field of 100,000 lines": b"Subject: x\r\n" + b"\ty\r\n" * 100000 + b"\r\nbody\r\n",
    "a line of 5 MB": b"Subject: x\r\n\r\n" + b"z" * 5000000 + b"\r\n",
    "a million line ends": b"Subject: x\r\n\r\n" + b"\r\n" * 1000000,
    "20,000 parts": b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\nx\r\n" * 20000 + b"--b--\r\n",
    "a boundary that never comes": b"Content-Type: multipart/mixed; boundary=\"" + b"b" * 500 + b"\"\r\n\r\n--c\r\n" * 3,
    "no final line end": None,
}
NESTED = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(300)) + b"\r\nx\r\n"
CHECKS = {"header_checks": "pcre:{dir}/hc", "body_checks": "pcre:{dir}/bc",
          "files": {"hc": "/^Subject: nothing like this$/ REJECT\n/(x+x+)+[yz]$/ REJECT\n", "bc": "/^nothing like this$/ REJECT\n"}}


@pytest.mark.parametrize("door", ["smtp", "lmtp"])
def test_odd_messages(filterd, hop, door):
    f = filterd(next_hop=hop.next_hop, body_checks=CHECKS["body_checks"],
                header_checks="", files=CHECKS["files"])
    for n, (name, message) in enumerate(ODD.items(), 1):
        with smtp.Client(f.address(door), lmtp=door == "lmtp", timeout=60) as c:
            c.hello()
            if message is None:
                # what is in a chunk need not end in a line end; here it gets one
                message = b"Subject: x\r\n\r\nlast"
                c.mail("a@example.com")
                c.rcpt("b@example.com")
                c.send(b"BDAT %d LAST\r\n" % len(message) + message)
                got, message = c.replies(1), message + b"\r\n"
            else:
                got = c.transaction("a@example.com", ["b@example.com"], message)[2]
            assert [r.code for r in got] == [250], name
            assert c.cmd("NOOP").code == 250
        assert hop.wait(n)[-1].data == expected(message), name


def expected(message):
    """As Postfix's cleanup has it (POSTFIX.md): mbox's line becomes a field, a header that is none a body."""
    if message.startswith(b"From "):
        return b"X-Mailbox-Line: " + message
    if message.startswith((b"this is no", b" folded", b".", b"Sub\0")):
        return b"\r\n" + message
    if len(message) > 102400 and message.startswith((b"Subject: xx", b"Subject: x\r\n\t")):
        return cut(message)
    return message


def cut(message):
    """header_size_limit, which counts a line end as one octet: the rest of the field is dropped."""
    end = message.index(b"\r\n\r\n")
    field = message[:end].replace(b"\r\n", b"\n")[:102400].replace(b"\n", b"\r\n")
    return field + message[end:]


def test_deep_nesting(filterd, hop):
    f = filterd(next_hop=hop.next_hop, body_checks=CHECKS["body_checks"], files=CHECKS["files"], smtpd_reject_footer="")
    r = smtp.send(f.address("lmtp"), "a@example.com", ["b@example.com"], NESTED, lmtp=True)[2][0]
    assert str(r) == "550 5.6.0 MIME nesting exceeds safety limit"


def test_a_pattern_that_explodes(filterd, hop):
    """It fails, which is neither yes nor no: the mail comes again."""
    f = filterd(next_hop=hop.next_hop, header_checks=CHECKS["header_checks"], files=CHECKS["files"])
    f.expect("match limit|pcre|pattern")
    r = smtp.send(f.address("lmtp"), "a@example.com", ["b@example.com"], b"Subject: " + b"x" * 3000 + b"\r\n\r\n", lmtp=True)[2][0]
    assert r.code == 451
    assert "patterns=failed" in f.wait_finals(1)[0]["facts"]
    assert smtp.send(f.address("lmtp"), "a@example.com", ["b@example.com"], b"Subject: a\r\n\r\n", lmtp=True)[2][0].code == 250


@pytest.mark.parametrize("door,kind,verify", [("lmtp", "lmtp", "no"), ("lmtp", "smtp", "no"), ("smtp", "smtp", "yes"),
                                              ("smtp", "smtp", "no"), ("smtp", "lmtp", "no")])
def test_ten_thousand_recipients(filterd, door, kind, verify):
    with NextHop(lmtp=kind == "lmtp") as hop:
        f = filterd(next_hop=hop.next_hop, smtpd_recipient_limit=10000, verify_recipients_at_next_hop=verify)
        rcpts = [f"user{n}@example.com" for n in range(10000)]
        with smtp.Client(f.address(door), lmtp=door == "lmtp", timeout=120) as c:
            c.hello()
            c.mail("a@example.com")
            for at in range(0, 10000, 500):
                c.send(b"".join(b"RCPT TO:<%s>\r\n" % r.encode() for r in rcpts[at:at + 500]))
                assert {r.code for r in c.replies(500)} == {250}
            assert c.cmd("RCPT TO:<more@example.com>").code == 452
            got = c.data(b"Subject: x\r\n\r\nbody\r\n", 10000)
            assert {r.code for r in got} == {250} and len(got) == (10000 if door == "lmtp" else 1)
        assert hop.wait(1)[0].recipients == rcpts
        assert len(f.wait_finals(10000, timeout=30)) == 10000


def test_never_ending(filterd, hop):
    """message_size_limit stops what does not stop by itself, in a header, a line, a body; the session goes on."""
    f = filterd(next_hop=hop.next_hop, message_size_limit=1000000, smtpd_data_timeout="20s")
    with smtp.Client(f.address("smtp"), timeout=60) as c:
        c.hello()
        for stuff in (b"X: y\r\n", b"x" * 1000, b"\r\n", b".x\r\n", b"\n.\n", b"\0"):
            c.mail("a@example.com")
            c.rcpt("b@example.com")
            assert c.cmd("DATA").code == 354
            piece = stuff * (100000 // len(stuff))
            for _ in range(300):
                c.send(piece)
            c.send(b"\r\n.\r\n")
            assert c.reply().code == 552
        assert c.transaction("a@example.com", ["b@example.com"], b"Subject: x\r\n\r\n")[2][0].code == 250
    assert len(hop.wait(1)) == 1


def test_data_timeout(filterd, hop):
    """A client that trickles octets for ever is not waited for longer than smtpd_data_timeout."""
    f = filterd(next_hop=hop.next_hop, smtpd_data_timeout="2s")
    f.expect("lost connection after DATA")
    with smtp.Client(f.address("smtp")) as c:
        c.hello()
        c.mail("a@example.com")
        c.rcpt("b@example.com")
        c.cmd("DATA")
        c.sock.settimeout(0.2)
        for _ in range(60):
            try:
                c.send(b"x")
                got = c.sock.recv(1000)
                break
            except TimeoutError:
                continue
        else:
            raise AssertionError("it waited")
        assert got.startswith(b"421 4.4.2 ")
    assert hop.started == []


def test_truncated_anywhere(filterd, hop):
    """A client gone before the final dot leaves nothing, whatever came before it."""
    f = filterd(next_hop=hop.next_hop, verify_recipients_at_next_hop="yes")
    f.expect("lost connection")
    wire = smtp.dot_stuff(b"Subject: x\r\n\r\n" + b"line\r\n.dot\r\n" * 3)
    for n in range(len(wire)):
        with smtp.Client(f.address("smtp")) as c:
            c.hello()
            c.mail("a@example.com")
            c.rcpt("b@example.com")
            c.cmd("DATA")
            c.send(wire[:n])
            if n % 3 == 0:
                c.abort()
    hop.script["mail"] = [CLOSE]            # and a connection kept from it may be stale
    assert smtp.send(f.address("smtp"), "z@example.com", ["b@example.com"], b"Subject: x\r\n\r\n")[2][0].code == 250
    assert [m.sender for m in hop.wait(1)] == ["z@example.com"] and hop.unanswered == []
