"""The smuggling matrix (PITFALLS A1-A4, A12): one message in is one message out, whatever the next hop takes for an end."""
import itertools

import pytest

import nexthop
import smtp

SMUGGLED = b"MAIL FROM:<evil@example.com>\r\nRCPT TO:<victim@example.com>\r\nDATA\r\nSubject: evil\r\n\r\nevil\r\n"

SEQUENCES = {
    "lf.lf": b"\n.\n", "lf.crlf": b"\n.\r\n", "crlf.lf": b"\r\n.\n", "cr.crlf": b"\r.\r\n",
    "crlf.cr": b"\r\n.\r", "crlf.crcrlf": b"\r\n.\r\r\n", "crlf.nulcrlf": b"\r\n.\0\r\n",
    "crcrlf.crcrlf": b"\r\r\n.\r\r\n", "cr.cr": b"\r.\r", "cr.lf": b"\r.\n", "lf.cr": b"\n.\r",
    "lf..lf": b"\n..\n", "lf..crlf": b"\n..\r\n", "crlf..lf": b"\r\n..\n", "cr..crlf": b"\r..\r\n",
}

HEADS = {
    "ordinary": b"Subject: outer\r\n\r\nouter",
    "no header": b"this line is no header",
    "empty line first": b"\r\nbody",
    "nothing": b"",
    "mbox": b"From a@example.com Sat Nov 21 2026\r\nSubject: x\r\n\r\nbody",
    "in the header": b"Subject: outer",
}


def one_message(f, door, payload):
    with smtp.Client(f.address(door), lmtp=door == "lmtp") as c:
        c.hello()
        c.mail("a@example.com")
        c.rcpt("b@example.com")
        assert c.cmd("DATA").code == 354
        c.send(payload)
        r = c.reply()
        assert c.cmd("NOOP").code == 250    # nothing of the payload was a command
        return r


@pytest.mark.parametrize("ends", sorted(set(nexthop.ENDS) - {"crlf"}))
@pytest.mark.parametrize("door", ["smtp", "lmtp"])
def test_hostile_next_hop_sees_one_message(filterd, door, ends):
    with nexthop.NextHop(ends=("crlf", ends), line_ends=(b"\n", b"\r")) as hop:
        f = filterd(next_hop=hop.next_hop)
        n = 0
        for (hn, head), (sn, seq) in itertools.product(HEADS.items(), SEQUENCES.items()):
            r = one_message(f, door, head + seq + SMUGGLED + b"\r\n.\r\n")
            n += 1
            assert r.code == 250, (hn, sn)
            messages = hop.wait(n)
            assert len(messages) == n, (hn, sn, messages[-1].data)
            assert messages[-1].sender == "a@example.com"
            assert b"\nMAIL FROM:<evil@" in b"\n" + messages[-1].data, (hn, sn)
            wire = messages[-1].wire
            assert b"\r" not in wire.replace(b"\r\n", b"") and b"\n" not in wire.replace(b"\r\n", b"")


@pytest.mark.parametrize("name", sorted(SEQUENCES))
def test_split_at_every_byte(filterd, hop, name):
    f = filterd(next_hop=hop.next_hop)
    payload = b"Subject: x\r\n\r\na" + SEQUENCES[name] + b"MAIL FROM:<evil@example.com>\r\n.\r\n"
    for n in range(1, len(payload)):
        with smtp.Client(f.address("lmtp"), lmtp=True) as c:
            c.hello()
            c.mail("a@example.com")
            c.rcpt("b@example.com")
            c.cmd("DATA")
            c.send(payload[:n])
            c.send(payload[n:])
            assert c.reply().code == 250
    data = {m.data for m in hop.wait(len(payload) - 1)}
    assert len(data) == 1 and len(hop.messages) == len(payload) - 1


def test_reject_mode(filterd, hop):
    f = filterd(next_hop=hop.next_hop, smtpd_forbid_bare_newline="reject")
    for name, seq in SEQUENCES.items():
        r = one_message(f, "smtp", b"Subject: x\r\n\r\na" + seq + SMUGGLED + b"\r\n.\r\n")
        bare = b"\n" in seq.replace(b"\r\n", b"")
        assert r.code == (550 if bare else 250), name
    assert all(m.sender == "a@example.com" for m in hop.messages)


def test_no_latch_from_the_first_line(filterd, hop):
    """A3: a message whose header came with LF alone has no other end than any."""
    f = filterd(next_hop=hop.next_hop)
    r = one_message(f, "smtp", b"Subject: x\nTo: y\n\nbody\n.\nmore\n.\r\nmore\r\n.\r\n")
    assert r.code == 250
    assert hop.wait(1)[0].data == b"Subject: x\r\nTo: y\r\n\r\nbody\r\nmore\r\nmore\r\n"


def test_dot_at_a_buffer_boundary(filterd, hop):
    """A11: a dot that comes first in a piece of a long line is content."""
    f = filterd(next_hop=hop.next_hop)
    for i, n in enumerate((998, 2047, 2048, 4096, 8191, 16384, 65535, 65536, 131072)):
        body = b"Subject: x\r\n\r\n" + b"a" * n + b".b\r\n..\r\n." + b"c" * n + b"\r\n"
        smtp.send(f.address("smtp"), "a@example.com", ["b@example.com"], body)
        assert hop.wait(i + 1)[-1].data == body, n


def test_nul_and_8bit_pass(filterd, hop):
    f = filterd(next_hop=hop.next_hop)
    body = b"Subject: x\r\n\r\nnul\0here\r\n" + bytes(range(14, 256)) + b"\r\n"
    smtp.send(f.address("smtp"), "a@example.com", ["b@example.com"], body)
    assert hop.wait(1)[0].data == body


def test_real_postfix_behind(filterd, postfix):
    """Through filterd into a real Postfix that trusts it and so has no defence of its own."""
    p = postfix(mailboxes=["b@example.com"])
    f = filterd(next_hop="smtp:[127.0.0.1]:%d" % p.reinject[1])
    n = 0
    for (hn, head), (sn, seq) in itertools.product(HEADS.items(), SEQUENCES.items()):
        r = one_message(f, "smtp", head + seq + SMUGGLED + b"\r\n.\r\n")
        n += 1
        assert r.code == 250, (hn, sn, r)
    p.wait_empty()
    assert len(p.mails("b@example.com")) == n
