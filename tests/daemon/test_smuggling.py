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


def one_message(f, door, payload, bdat=False):
    """The payload as one message; the reply, and nothing of the payload was a command."""
    with smtp.Client(f.address(door), lmtp=door == "lmtp") as c:
        c.hello()
        c.mail("a@example.com")
        c.rcpt("b@example.com")
        if bdat:
            c.send(b"BDAT %d LAST\r\n" % len(payload) + payload)
        else:
            assert c.cmd("DATA").code == 354
            c.send(payload + b"\r\n.\r\n")
        r = c.reply()
        assert c.cmd("NOOP").code == 250
        assert c.cmd("QUIT").code == 221
        assert c.at_end()
        return r


def matrix():
    return itertools.product(HEADS.items(), SEQUENCES.items())


# door, verify_recipients_at_next_hop, BDAT
WAYS = [("smtp", "yes", False), ("smtp", "no", False), ("lmtp", "yes", False),
        ("smtp", "yes", True), ("lmtp", "yes", True)]


@pytest.mark.parametrize("ends", sorted(set(nexthop.ENDS) - {"crlf"}) + ["all"])
@pytest.mark.parametrize("door,verify,bdat", WAYS)
def test_hostile_next_hop_sees_one_message(filterd, door, verify, bdat, ends):
    ends = tuple(nexthop.ENDS) if ends == "all" else ("crlf", ends)
    with nexthop.NextHop(ends=ends, line_ends=(b"\n", b"\r")) as hop:
        f = filterd(next_hop=hop.next_hop, verify_recipients_at_next_hop=verify)
        for n, ((hn, head), (sn, seq)) in enumerate(matrix(), 1):
            r = one_message(f, door, head + seq + SMUGGLED, bdat)
            assert r.code == 250, (hn, sn)
            messages = hop.wait(n)
            assert len(messages) == n, (hn, sn, messages[-1].data)
            m = messages[-1]
            assert m.sender == "a@example.com" and m.recipients == ["b@example.com"], (hn, sn)
            # "CR MAIL" became "blank MAIL", all of it inside the message
            assert b"MAIL FROM:<evil@" in m.data and m.data.endswith(
                b"evil\r\n" + (b"" if bdat else b"\r\n")), (hn, sn, m.data)
            assert b"\r" not in m.wire.replace(b"\r\n", b""), (hn, sn)
            assert b"\n" not in m.wire.replace(b"\r\n", b""), (hn, sn)
        verbs = {c.split(b" ")[0].split(b":")[0] for c in hop.commands}
        assert verbs <= {b"EHLO", b"XFORWARD", b"MAIL", b"RCPT", b"DATA", b"RSET", b"QUIT"}
        assert hop.unanswered == [] and hop.broken == []


@pytest.mark.parametrize("name", sorted(SEQUENCES))
def test_chunks_cut_anywhere(filterd, hop, name):
    """A6: chunks have no dots, and what a sequence is cut into changes nothing."""
    f = filterd(next_hop=hop.next_hop)
    payload = b"Subject: x\r\n\r\n.a" + SEQUENCES[name] + b"MAIL FROM:<evil@example.com>\r\n.\r\nQUIT\r\n"
    for n in range(1, len(payload)):
        with smtp.Client(f.address("smtp")) as c:
            c.hello()
            c.mail("a@example.com")
            c.rcpt("b@example.com")
            c.send(b"BDAT %d\r\n" % n + payload[:n] + b"BDAT %d LAST\r\n" % (len(payload) - n) + payload[n:])
            assert [r.code for r in c.replies(2)] == [250, 250]
            assert c.cmd("NOOP").code == 250
    data = {m.data for m in hop.wait(len(payload) - 1)}
    assert len(data) == 1 and len(hop.messages) == len(payload) - 1
    got = data.pop()
    assert got.startswith(b"Subject: x\r\n\r\n.a") and got.endswith(b"\r\n.\r\nQUIT\r\n")
    assert (hop.messages[0].wire.count(b"\r\n..") ==
            got.count(b"\r\n."))                 # every dot at a line's start is stuffed


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
        r = one_message(f, "smtp", b"Subject: x\r\n\r\na" + seq + SMUGGLED)
        bare = b"\n" in seq.replace(b"\r\n", b"")
        assert r.code == (550 if bare else 250), name
    assert all(m.sender == "a@example.com" for m in hop.messages)


def test_no_latch_from_the_first_line(filterd, hop):
    """A3: a message whose header came with LF alone has no other end than any."""
    f = filterd(next_hop=hop.next_hop)
    r = one_message(f, "smtp", b"Subject: x\nTo: y\n\nbody\n.\nmore\n.\r\nmore")
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


@pytest.mark.parametrize("door,verify,bdat", WAYS)
def test_real_postfix_behind(filterd, postfix, door, verify, bdat):
    """Through filterd into a real Postfix that trusts it and so has no defence of its own."""
    p = postfix(mailboxes=["b@example.com", "victim@example.com"])
    f = filterd(next_hop="smtp:[127.0.0.1]:%d" % p.reinject[1], verify_recipients_at_next_hop=verify)
    n = 0
    for (hn, head), (sn, seq) in matrix():
        r = one_message(f, door, head + seq + SMUGGLED, bdat)
        n += 1
        assert r.code == 250, (hn, sn, r)
    p.wait_empty()
    mails = p.mails("b@example.com")
    assert len(mails) == n and p.mails("victim@example.com") == []
    # none shortened: all that was smuggled came with the message
    assert all(b"MAIL FROM:<evil@" in m and m.endswith(b"evil\n" + (b"" if bdat else b"\n")) for m in mails)


def test_the_next_hop_is_vulnerable(postfix):
    """What is tested above can go wrong at all: the same octets straight into that Postfix."""
    p = postfix(mailboxes=["b@example.com", "victim@example.com"])
    with smtp.Client(p.reinject) as c:
        c.hello()
        c.mail("a@example.com")
        c.rcpt("b@example.com")
        assert c.cmd("DATA").code == 354
        c.send(HEADS["ordinary"] + SEQUENCES["lf.crlf"] + SMUGGLED + b"\r\n.\r\n")
        assert c.reply().code == 250
        assert c.reply().code == 250        # to MAIL FROM:<evil@...>
