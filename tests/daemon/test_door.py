"""The SMTP and LMTP doors: commands, their order, what is announced, limits (PITFALLS A6-A14, B1, B2)."""
import os
import random
import re
import signal
import socket
import time

import pytest

import smtp
from reloading import sanitized
from nexthop import CLOSE, NextHop

MESSAGE = b"From: a@example.com\r\nSubject: hi\r\n\r\nbody\r\n"


def codes(replies):
    return [r.code for r in replies]


def all_gone(f):
    """Wait for the last session to end."""
    end = time.monotonic() + 10
    while not re.search(r"sessions_now\D+0\b", f.ctl("status")):
        assert time.monotonic() < end, f.ctl("status")
        time.sleep(0.1)


def test_announces_what_both_can(filterd):
    with NextHop(extensions=("PIPELINING", "SIZE 5000000", "DSN")) as hop:
        f = filterd(next_hop=hop.next_hop, message_size_limit=10000)
        with smtp.Client(f.address("smtp")) as c:
            assert c.greeting.code == 220
            c.hello()
            assert "DSN" in c.extensions and "PIPELINING" in c.extensions
            assert "8BITMIME" not in c.extensions and "SMTPUTF8" not in c.extensions
            assert c.extensions["SIZE"] == "10000"
            assert c.mail("a@example.com", "BODY=8BITMIME").code == 555
            assert c.mail("a@example.com", "SIZE=20000").code == 552
            assert c.mail("a@example.com", "SIZE=9000 RET=HDRS ENVID=x").code == 250
            assert c.rcpt("b@example.com", "NOTIFY=NEVER ORCPT=rfc822;b@example.com").code == 250
            assert c.data(MESSAGE)[0].code == 250
        m = hop.wait(1)[0]
        assert b"RET=HDRS" in m.mail and b"ENVID=x" in m.mail
        assert b"NOTIFY=NEVER" in m.rcpts[0] and b"ORCPT=rfc822;b@example.com" in m.rcpts[0]


def test_next_hop_never_learnt_is_421(filterd):
    hop = NextHop().start()
    address = hop.next_hop
    hop.stop()
    f = filterd(next_hop=address)
    f.expect("next hop .* cannot be asked").expect("not reachable|refused|connect")
    with smtp.Client(f.address("smtp")) as c:
        assert c.greeting.code == 421
        assert "4.3.2" in c.greeting.text
        assert c.at_end()


ORDER = [
    # commands and the codes they get; the transaction after them must still work
    (["RCPT TO:<b@example.com>"], [503]),
    (["DATA"], [503]),
    (["MAIL FROM:<a@example.com>", "MAIL FROM:<a@example.com>"], [250, 503]),
    (["MAIL FROM:<a@example.com>", "DATA"], [250, 554]),
    (["MAIL FROM:<a@example.com>", "RSET", "RCPT TO:<b@example.com>"], [250, 250, 503]),
    (["MAIL FROM:<a@example.com>", "EHLO again.example", "RCPT TO:<b@example.com>"], [250, 250, 503]),
    (["MAIL FROM:<a@example.com>", "XFORWARD NAME=x.example"], [250, 503]),
    (["FOO bar"], [500]),
    (["STARTTLS"], [502]),
    (["NOOP", "NOOP x", "VRFY a", "VRFY", "HELP"], [250, 250, 252, 501, 214]),
    (["MAIL FROM:a@example.com"], [250]),
    (["MAIL FROM: <a@example.com>"], [250]),
    (["MAIL TO:<a@example.com>"], [501]),
    (["MAIL"], [501]),
    (["MAIL FROM:<a@b@c>"], [250]),             # Postfix: the last @ counts
    (["MAIL FROM:<<a@b>>"], [501]),
    (["MAIL FROM:<u@-bad-.example>"], [501]),
    (["MAIL FROM:<a@example.com> FOO=1"], [555]),
    (["MAIL FROM:<a@example.com> SIZE=abc"], [501]),
    (["MAIL FROM:<>", "RCPT TO:<>"], [250, 501]),
    (["DATA now"], [503]),
    (["MAIL FROM:<a@example.com>", "DATA now"], [250, 554]),
    (["MAIL FROM:<a@example.com>", "RCPT TO:<b@example.com>", "DATA now"], [250, 250, 501]),
    (["EHLO"], [501]),
    (["BDAT 0 LAST"], [503]),
    (["MAIL FROM:<a@example.com>", "BDAT 0 LAST"], [250, 554]),
]


@pytest.mark.parametrize("verify", ["yes", "no"])
def test_order_of_commands(filterd, hop, verify):
    f = filterd(next_hop=hop.next_hop, verify_recipients_at_next_hop=verify)
    for lines, expected in ORDER:
        with smtp.Client(f.address("smtp")) as c:
            c.hello()
            assert codes(c.cmd(line) for line in lines) == expected, lines
            c.cmd("RSET")
            assert codes(c.transaction("a@example.com", ["b@example.com"], MESSAGE)[2]) == [250], lines


def test_lmtp_wants_lhlo(filterd, hop):
    f = filterd(next_hop=hop.next_hop)
    with smtp.Client(f.address("lmtp"), lmtp=True) as c:
        assert c.cmd("EHLO x.example").code == 500
        assert c.cmd("MAIL FROM:<a@example.com>").code == 503
        assert c.hello().code == 250
        assert c.mail("a@example.com").code == 250


class Model:
    """What a session may do next, as PITFALLS A7 has it."""

    def __init__(self):
        self.mail, self.rcpts = False, 0

    def expect(self, verb):
        if verb == "MAIL":
            ok = not self.mail
            self.mail = True
            return 250 if ok else 503
        if verb == "RCPT":
            if not self.mail:
                return 503
            self.rcpts += 1
            return 250
        if verb == "BADRCPT":
            return 501 if self.mail else 503
        if verb == "DATA":
            if not self.rcpts:
                return 554 if self.mail else 503
            return 354
        if verb in ("RSET", "EHLO"):
            self.mail, self.rcpts = False, 0
        return 250


WORDS = {"MAIL": "MAIL FROM:<a@example.com>", "RCPT": "RCPT TO:<b@example.com>",
         "BADRCPT": "RCPT TO:<b@>", "DATA": "DATA", "RSET": "RSET", "EHLO": "EHLO x.example",
         "NOOP": "NOOP"}


@pytest.mark.parametrize("verify", ["yes", "no"])
def test_random_sequences_follow_the_model(filterd, hop, verify):
    """Whatever the final reply was (250, 4xx, 5xx), the next transaction starts at MAIL."""
    rnd = random.Random(7)
    ends = ["250 2.0.0 ok", "451 4.3.0 later", "550 5.7.1 no"]
    f = filterd(next_hop=hop.next_hop, verify_recipients_at_next_hop=verify)
    f.expect(".*")
    for _ in range(40):
        with smtp.Client(f.address("smtp")) as c:
            c.hello()
            m = Model()
            said = []
            for _ in range(25):
                verb = rnd.choice(list(WORDS))
                said.append(verb)
                hop.script["end"] = rnd.choice(ends)
                want = m.expect(verb)
                got = c.cmd(WORDS[verb])
                assert got.code == want, said
                if got.code == 354:
                    c.send(smtp.dot_stuff(MESSAGE))
                    assert c.reply().code == int(hop.script["end"][:3]), said
                    m.mail, m.rcpts = False, 0


def test_pipelining_one_reply_each(filterd, hop):
    f = filterd(next_hop=hop.next_hop)
    with smtp.Client(f.address("smtp")) as c:
        c.hello()
        c.send(b"MAIL FROM:<a@example.com>\r\nRCPT TO:<b@>\r\nRCPT TO:<c@>\r\nDATA\r\nNOOP\r\nFOO\r\nRSET\r\n")
        assert codes(c.replies(7)) == [250, 501, 501, 554, 250, 500, 250]
        c.send(b"MAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.com>\r\nDATA\r\n" + smtp.dot_stuff(MESSAGE) +
               b"MAIL FROM:<c@example.com>\r\nRCPT TO:<d@example.com>\r\nDATA\r\n" + smtp.dot_stuff(MESSAGE) +
               b"QUIT\r\n")
        assert codes(c.replies(9)) == [250, 250, 354, 250, 250, 250, 354, 250, 221]
        assert c.at_end()
    assert [m.sender for m in hop.wait(2)] == ["a@example.com", "c@example.com"]


def test_long_and_odd_command_lines(filterd, hop):
    f = filterd(next_hop=hop.next_hop)
    f.expect("NUL")
    with smtp.Client(f.address("smtp")) as c:
        c.hello()
        # one reply for a line that is too long, however long, and none of it is a command
        for n in (2100, 9000, 200000):
            c.send(b"NOOP " + b"x" * n + b" QUIT\r\n")
            assert c.reply().code == 500, n
        assert c.cmd("NOOP").code == 250
        c.send(b"NOOP a\0b\r\n")
        assert c.reply().code == 500
        c.send(b"MAIL FROM:<a\0@example.com>\r\n")
        assert c.reply().code == 500
        c.send(b"noop\n")       # Postfix takes LF for commands
        assert c.reply().code == 250
        c.send(b"\r\n")
        assert c.reply().code == 500
        # a command in single octets
        for octet in b"MAIL FROM:<a@example.com>\r\n":
            c.send(bytes([octet]))
        assert c.reply().code == 250


def test_line_length_limit(filterd, hop):
    for limit, longest in ((512, 512), (5000, 5000), (10000000, 32768)):
        f = filterd(next_hop=hop.next_hop, line_length_limit=limit)
        with smtp.Client(f.address("smtp")) as c:
            c.hello()
            assert c.cmd(b"NOOP " + b"x" * (longest - 6)).code == 250
            assert c.cmd(b"NOOP " + b"x" * (longest - 4)).code == 500
            c.send(b"NOOP " + b"x" * 200000)    # no line end for now
            assert c.silent()
            c.send(b"\r\nNOOP\r\n")
            assert codes(c.replies(2)) == [500, 250]


def test_recipients_are_limited(filterd, hop):
    f = filterd(next_hop=hop.next_hop, smtpd_recipient_limit=50)
    with smtp.Client(f.address("lmtp"), lmtp=True) as c:
        c.hello()
        c.mail("a@example.com")
        assert codes(c.rcpt(f"u{i}@example.com") for i in range(60)) == [250] * 50 + [452] * 10
        assert codes(c.data(MESSAGE, 50)) == [250] * 50
    assert len(hop.wait(1)[0].rcpts) == 50


def test_message_size_limit(filterd, hop):
    f = filterd(next_hop=hop.next_hop, message_size_limit=20000)
    with smtp.Client(f.address("smtp")) as c:
        c.hello()
        big = b"Subject: x\r\n\r\n" + b"y" * 70 + b"\r\n"
        r = c.transaction("a@example.com", ["b@example.com"], big * 1000)[2]
        assert (r[0].code, r[0].text.startswith("5.3.4")) == (552, True)
        r = c.transaction("a@example.com", ["b@example.com"], big)[2]
        assert r[0].code == 250
    assert len(hop.wait(1)) == 1


def test_footer_and_id(filterd, hop):
    f = filterd(next_hop=hop.next_hop, files={"hc": "/^subject: hi/ REJECT 5.7.9 not this\n"},
                header_checks="pcre:{dir}/hc")
    r = smtp.send(f.address("lmtp"), "a@example.com", ["b@example.com"], MESSAGE, lmtp=True)[2][0]
    final = f.wait_finals(1)[0]
    assert (r.code, r.text) == (550, f"5.7.9 not this (id {final['id']})")
    assert final["fate"] == "reject" and final["recipient"] == "b@example.com"


def test_xforward_is_the_client(filterd, hop):
    f = filterd(next_hop=hop.next_hop)
    smtp.send(f.address("lmtp"), "a@example.com", ["b@example.com"], MESSAGE, lmtp=True,
              NAME="mx.example", ADDR="192.0.2.7", PORT="2525", PROTO="ESMTP", HELO="helo.example",
              IDENT="4ABC", SOURCE="REMOTE")
    final = f.wait_finals(1)[0]
    assert final["client"] == "mx.example[192.0.2.7]"
    assert (final["queue_id"], final["helo"], final["proto"]) == ("4ABC", "helo.example", "ESMTP")
    x = hop.wait(1)[0].xforward
    assert (x["NAME"], x["ADDR"], x["HELO"], x["IDENT"]) == ("mx.example", "192.0.2.7", "helo.example", "4ABC")


def test_mail_that_goes_round(filterd, hop):
    """PITFALLS B13: the smtpd behind filterd has a content_filter as well.  Told, not refused: what a
    distant host sends back looks the same."""
    f = filterd(listeners={"lmtp": "lmtp", "other": "lmtp"}, next_hop=hop.next_hop)
    f.expect("comes through it again")

    def send(ident, *passed, to="lmtp"):
        trace = b"".join(b"Received: from x (x [192.0.2.1])\r\n\tby y with ESMTP id %b\r\n\tfor <b@example.com>; z\r\n"
                         % i.encode() for i in (ident, *passed))
        r = smtp.send(f.address(to), "a@example.com", ["b@example.com"], trace + MESSAGE, lmtp=True,
                      ADDR="192.0.2.7", IDENT=ident)[2][0]
        assert r.code == 250
        return [e["facts"] for e in f.wait_finals(1, queue_id=ident)][-1]

    assert send("4AAA") == ""
    assert send("4AAA") == ""                       # only tried again
    assert send("4BBB", "4ZZZ") == ""
    assert send("4CCC", "4AAA", to="other") == ""   # a chain is no loop
    assert send("4DDD", "4AAA") == "loop=reentry:4AAA"
    assert send("4EEE", "4DDD", "4AAA") == "loop=reentry:4DDD"
    hop.script["rcpt"] = ["550 5.1.1 no such user"]     # one of two: the other has got it
    smtp.send(f.address("lmtp"), "a@example.com", ["no@example.com", "b@example.com"], MESSAGE, lmtp=True,
              ADDR="192.0.2.7", IDENT="4PART")
    assert {e["fate"] for e in f.wait_finals(2, queue_id="4PART")} == {"reject", "deliver"}
    assert send("4FFF", "4PART") == "loop=reentry:4PART"
    said = [e for e in f.entries(level="warning") if "comes through it again" in e["text"]]
    assert len(said) == 1 and "4AAA" in said[0]["text"]     # once a minute
    assert re.search(r"reentries +3 ", f.ctl("status"))


def test_xforward_is_good_for_one_message(filterd, hop):
    """PITFALLS B2: cleared after the dot; then the client is unknown, not the peer."""
    f = filterd(next_hop=hop.next_hop)
    with smtp.Client(f.address("lmtp"), lmtp=True) as c:
        c.hello()
        assert c.xforward(NAME="mx.example", ADDR="192.0.2.7").code == 250
        c.transaction("a@example.com", ["b@example.com"], MESSAGE)
        c.transaction("a@example.com", ["b@example.com"], MESSAGE)
    assert [e["client"] for e in f.wait_finals(2)] == ["mx.example[192.0.2.7]", "unknown[unknown]"]
    assert "no_xforward" in f.ctl("status")


@pytest.mark.parametrize("words", [
    "NAME", "NAME=", "NAME=a+b", "NAME=a+0Ab", "ADDR=1.2.3.4.5", "ADDR=x", "PORT=99999", "SOURCE=MARS",
    "FOO=x", "NAME=" + "a" * 300, "NAME=a+00b", "LOGIN=me", "",
])
def test_bad_xforward_changes_nothing(filterd, hop, words):
    f = filterd(next_hop=hop.next_hop)
    with smtp.Client(f.address("lmtp"), lmtp=True) as c:
        c.hello()
        assert c.cmd("XFORWARD ADDR=192.0.2.7").code == 250
        assert c.cmd("XFORWARD HELO=changed.example " + words if words else "XFORWARD").code == 501
        c.transaction("a@example.com", ["b@example.com"], MESSAGE)
    final = f.wait_finals(1)[0]
    assert (final["client"], final["helo"]) == ("unknown[192.0.2.7]", "")


def test_xforward_and_xclient_from_listed_peers_only(filterd, hop):
    f = filterd(next_hop=hop.next_hop, smtpd_authorized_xforward_hosts="192.0.2.1")
    with smtp.Client(f.address("smtp")) as c:
        c.hello()
        assert "XFORWARD" not in c.extensions and "XCLIENT" not in c.extensions
        assert c.cmd("XFORWARD NAME=x.example").code == 550
        assert c.cmd("XCLIENT NAME=x.example").code == 550
        c.transaction("a@example.com", ["b@example.com"], MESSAGE)
    assert f.wait_finals(1)[0]["client"] == "unknown[127.0.0.1]"


def test_xclient(filterd, hop):
    f = filterd(next_hop=hop.next_hop, smtpd_authorized_xclient_hosts="127.0.0.0/8",
                smtpd_authorized_xforward_hosts="")
    with smtp.Client(f.address("smtp")) as c:
        c.hello()
        assert "XCLIENT" in c.extensions
        assert c.cmd("XCLIENT LOGIN=me").code == 501    # not without allow_xclient_login
        c.mail("a@example.com")
        assert c.cmd("XCLIENT ADDR=192.0.2.9").code == 503
        c.cmd("RSET")
        assert c.cmd("XCLIENT ADDR=192.0.2.9 NAME=x.example HELO=h.example").code == 220
        assert c.cmd("MAIL FROM:<a@example.com>").code == 250    # HELO= was one
        c.hello("said.example")
        assert "XCLIENT" not in c.extensions            # 192.0.2.9 is not authorised
        assert c.cmd("XCLIENT ADDR=192.0.2.10").code == 550
        c.cmd("RSET")
        c.transaction("a@example.com", ["b@example.com"], MESSAGE)
    final = f.wait_finals(1)[0]
    assert (final["client"], final["helo"]) == ("x.example[192.0.2.9]", "said.example")


def test_allowed_clients(filterd, hop):
    f = filterd(next_hop=hop.next_hop, allowed_clients="192.0.2.1")
    f.expect("refused: not in allowed_clients")
    with smtp.Client(f.address("smtp")) as c:
        assert c.greeting.code == 554
        assert c.at_end()


def test_bdat(filterd, hop):
    f = filterd(next_hop=hop.next_hop)
    with smtp.Client(f.address("smtp")) as c:
        c.hello()
        assert "CHUNKING" in c.extensions
        for _ in range(2):
            c.mail("a@example.com")
            c.rcpt("b@example.com")
            head, tail = b"Subject: x\r\n\r\n.dot\r\n", b"..two\r\n.\r\nend"
            c.send(b"BDAT %d\r\n" % len(head) + head + b"BDAT %d LAST\r\n" % len(tail) + tail)
            assert codes(c.replies(2)) == [250, 250]
        assert [m.data for m in hop.wait(2)] == [head + tail + b"\r\n"] * 2
    assert len(hop.messages) == 2


def test_bdat_with_nul(filterd, hop):
    """PITFALLS A6: the octets behind a BDAT that is not understood are never commands."""
    f = filterd(next_hop=hop.next_hop)
    f.expect("NUL")
    with smtp.Client(f.address("smtp")) as c:
        c.hello()
        c.send(b"BDAT 11\0\r\nNOOP\r\nRSET\r\n")
        assert c.reply().code == 521
        assert c.at_end()


def test_bdat_errors(filterd, hop):
    f = filterd(next_hop=hop.next_hop)
    with smtp.Client(f.address("smtp")) as c:
        c.hello()
        chunk = b"QUIT\r\nRSET\r\n"
        c.send(b"BDAT %d LAST\r\n" % len(chunk) + chunk + b"NOOP\r\n")
        assert codes(c.replies(2)) == [503, 250]        # swallowed, not obeyed
        c.mail("a@example.com")
        c.rcpt("b@example.com")
        c.send(b"BDAT 5\r\nA: b\n")
        assert c.reply().code == 250
        assert c.cmd("DATA").code == 503                # no mixing
        assert c.cmd("RCPT TO:<c@example.com>").code == 503
        assert c.cmd("RSET").code == 250
        assert c.cmd("BDAT x").code == 521      # how many octets follow is not known
        assert c.at_end()
    assert hop.messages == []


def test_bdat_many_tiny_chunks(filterd, hop):
    f = filterd(next_hop=hop.next_hop)
    with smtp.Client(f.address("smtp")) as c:
        c.hello()
        c.mail("a@example.com")
        c.rcpt("b@example.com")
        body = b"Subject: x\r\n\r\n" + b"tiny\r\n" * 300
        c.send(b"".join(b"BDAT 1\r\n" + body[i:i + 1] for i in range(len(body))) + b"BDAT 0 LAST\r\n")
        assert set(codes(c.replies(len(body) + 1))) == {250}
    assert hop.wait(1)[0].data == body


def test_verify_passes_refusals_on(filterd, hop):
    hop.script["rcpt"] = ["250 2.1.5 ok", "550 5.1.1 no such user", "450 4.2.1 later"]
    f = filterd(next_hop=hop.next_hop, verify_recipients_at_next_hop="yes", smtpd_reject_footer="")
    with smtp.Client(f.address("smtp")) as c:
        c.hello()
        c.mail("a@example.com")
        got = [c.rcpt(r + "@example.com") for r in ("a", "b", "c", "d")]
        assert codes(got) == [250, 550, 450, 250]
        assert got[1].text == "5.1.1 no such user"
        assert codes(c.data(MESSAGE)) == [250]
    assert hop.wait(1)[0].recipients == ["a@example.com", "d@example.com"]


def test_verify_next_hop_lost_between(filterd, hop):
    hop.script["rcpt"] = ["250 2.1.5 ok", CLOSE]
    f = filterd(next_hop=hop.next_hop, verify_recipients_at_next_hop="yes")
    f.expect("next hop")
    with smtp.Client(f.address("smtp")) as c:
        c.hello()
        c.mail("a@example.com")
        assert codes([c.rcpt("a@example.com"), c.rcpt("b@example.com"), c.rcpt("c@example.com")]) == [250, 451, 451]
        assert codes(c.data(MESSAGE)) == [451]
        # and the next transaction works
        assert codes(c.transaction("a@example.com", ["b@example.com"], MESSAGE)[2]) == [250]
    assert len(hop.wait(1)) == 1


def test_lmtp_replies_one_a_recipient(filterd, lmtp_hop):
    lmtp_hop.script["end"] = ["250 2.0.0 first", "452 4.2.2 full", "550 5.7.1 no"]
    f = filterd(next_hop=lmtp_hop.next_hop, smtpd_reject_footer="")
    with smtp.Client(f.address("lmtp"), lmtp=True) as c:
        c.hello()
        c.mail("a@example.com")
        assert codes(c.rcpt(u + "@example.com") for u in ("a", "b", "c")) == [250] * 3
        assert codes(c.data(MESSAGE, 3)) == [250, 452, 550]
        assert c.silent()
        # a recipient given twice gets two replies
        assert codes(c.transaction("a@example.com", ["a@example.com"] * 2, MESSAGE)[2]) == [250] * 2


def test_soft_bounce(filterd, hop):
    f = filterd(next_hop=hop.next_hop, soft_bounce="yes", files={"hc": "/^subject: hi/ REJECT no\n"},
                header_checks="pcre:{dir}/hc")
    with smtp.Client(f.address("smtp")) as c:
        c.hello()
        assert c.mail("u@-bad-.example").code == 401
        r = c.transaction("a@example.com", ["b@example.com"], MESSAGE)[2][0]
        assert r.code == 450 and r.text.startswith("4.")


def test_idle_session_times_out(filterd, hop):
    f = filterd(next_hop=hop.next_hop, smtpd_timeout="1s")
    with smtp.Client(f.address("smtp")) as c:
        c.hello()
        r = c.reply()
        assert r.code == 421 and "4.4.2" in r.text
        assert c.at_end()
    with smtp.Client(f.address("smtp")) as c:      # inside the data
        f.expect("lost connection after DATA")
        c.hello()
        c.mail("a@example.com")
        c.rcpt("b@example.com")
        assert c.cmd("DATA").code == 354
        c.send(b"Subject: x\r\n")
        assert c.reply().code == 421
        assert c.at_end()
    assert hop.messages == []


def test_next_hop_is_kept_when_the_client_times_out(filterd, hop):
    """That the client's time is over says nothing of how long the next hop may take for RSET."""
    f = filterd(next_hop=hop.next_hop, smtpd_timeout="1s")
    for _ in range(2):
        with smtp.Client(f.address("smtp")) as c:
            c.hello()
            c.mail("a@example.com")
            c.rcpt("b@example.com")
            assert c.reply().code == 421
            assert c.at_end()
    assert len(hop.sessions) == 1


def test_clients_that_vanish(filterd, hop):
    f = filterd(next_hop=hop.next_hop)
    f.expect("lost connection").expect("client")
    whole = (b"EHLO x.example\r\nMAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.com>\r\nDATA\r\n" +
             smtp.dot_stuff(MESSAGE))
    for n in range(0, len(whole) - 1):
        with smtp.Client(f.address("smtp")) as c:
            c.send(whole[:n])
            c.abort() if n % 2 else c.close()
    assert codes(smtp.send(f.address("smtp"), "z@example.com", ["b@example.com"], MESSAGE)[2]) == [250]
    assert [m.sender for m in hop.wait(1)] == ["z@example.com"] and hop.unanswered == []
    all_gone(f)


def test_refused_recipients_are_bounded(filterd, hop):
    """With the error limits off a client may be refused for ever, but not in memory without end."""
    f = filterd(next_hop=hop.next_hop, smtpd_recipient_limit=1)
    with smtp.Client(f.address("lmtp"), lmtp=True) as c:
        c.hello()
        c.mail("a@example.com")
        c.rcpt("b@example.com")
        line = b"RCPT TO:<" + b"x" * 1000 + b"@example.com>\r\n"
        seen = set()
        for _ in range(1000):
            c.send(line * 20)
            replies = []
            for _ in range(20):
                replies.append(c.reply().code)
                if replies[-1] == 421:
                    break
            seen.update(replies)
            if 421 in seen:
                break
        assert seen == {452, 421}
        assert c.at_end()


def test_mail_clears_the_error_count(filterd, hop):
    f = filterd(next_hop=hop.next_hop, smtpd_hard_error_limit=4, smtpd_junk_command_limit=3)
    with smtp.Client(f.address("smtp")) as c:
        c.hello()
        for _ in range(3):
            assert codes(c.cmd("FOO") for _ in range(3)) == [500] * 3
            assert codes(c.transaction("a@example.com", ["b@example.com"], MESSAGE)[2]) == [250]
        for _ in range(4):
            assert codes(c.cmd("NOOP") for _ in range(3)) == [250] * 3
            assert codes(c.transaction("a@example.com", ["b@example.com"], MESSAGE)[2]) == [250]
        assert codes(c.cmd("FOO") for _ in range(4)) == [500] * 4
        assert c.cmd("NOOP").code == 421


def test_half_closed_after_quit(filterd, hop):
    """A client that sends all it has and its end of the stream gets every reply."""
    import socket
    f = filterd(next_hop=hop.next_hop)
    parts = [b"EHLO x.example\r\n", b"MAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.com>\r\nDATA\r\n",
             smtp.dot_stuff(MESSAGE), b"QUIT\r\n"]
    for together in (True, False):
        with smtp.Client(f.address("smtp")) as c:
            for part in [b"".join(parts)] if together else parts:
                c.send(part)
            c.sock.shutdown(socket.SHUT_WR)
            assert codes(c.replies(6)) == [250, 250, 250, 354, 250, 221]
            assert c.at_end()
    assert len(hop.wait(2)) == 2


@pytest.mark.parametrize("verify", ["yes", "no"])
def test_connections_end_at_any_command(filterd, hop, verify):
    """No command, a half one, or in the middle of a transaction: nothing is left open at the next hop."""
    f = filterd(next_hop=hop.next_hop, verify_recipients_at_next_hop=verify)
    for octets in (b"", b"QU", b"EHLO x\r\n", b"EHLO x\r\nMAIL FROM:<a@example.com>\r\n",
                   b"EHLO x\r\nMAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.com>\r\n",
                   b"EHLO x\r\nMAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.com>\r\nBDAT 3\r\nabc",
                   b"EHLO x\r\nMAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.com>\r\nBDAT 9\r\nabc"):
        f.expect("lost connection")
        with smtp.Client(f.address("smtp")) as c:
            c.send(octets)
    assert codes(smtp.send(f.address("smtp"), "z@example.com", ["b@example.com"], MESSAGE)[2]) == [250]
    assert [m.sender for m in hop.wait(1)] == ["z@example.com"] and hop.started == hop.messages
    all_gone(f)


def test_hard_error_limit(filterd, hop):
    f = filterd(next_hop=hop.next_hop, smtpd_hard_error_limit=5, smtpd_reject_footer="")
    with smtp.Client(f.address("smtp")) as c:
        c.hello()
        assert codes(c.cmd("FOO") for _ in range(5)) == [500] * 5
        r = c.cmd("NOOP")
        assert (r.code, r.text) == (421, "4.7.0 filterd.test Error: too many errors")
        assert c.at_end()
    with smtp.Client(f.address("smtp")) as c:       # pipelined ones, too, and nothing after it is done
        c.hello()
        c.send(b"FOO\r\n" * 20 + b"MAIL FROM:<a@example.com>\r\n")
        assert codes(c.replies(6)) == [500] * 5 + [421]
        assert c.at_end()


def test_session_limits(filterd, hop):
    f = filterd(next_hop=hop.next_hop, listener_connection_limit=3, smtpd_client_connection_count_limit=2)
    f.expect("connection from .* refused")
    with smtp.Client(f.address("smtp")) as a, smtp.Client(f.address("smtp")) as b:
        assert (a.greeting.code, b.greeting.code) == (220, 220)
        with smtp.Client(f.address("smtp")) as c:
            assert (c.greeting.code, c.greeting.text[:5]) == (421, "4.7.0") and c.at_end()
        a.cmd("QUIT")
        assert a.at_end()
        with smtp.Client(f.address("smtp")) as c:
            assert c.greeting.code == 220


def test_xclient_address_survives_a_reload(filterd, hop):
    """PITFALLS B1: what XCLIENT took away does not come back with a new configuration."""
    f = filterd(next_hop=hop.next_hop, smtpd_authorized_xclient_hosts="127.0.0.1")
    with smtp.Client(f.address("smtp")) as c:
        c.hello()
        assert c.cmd("XCLIENT ADDR=192.0.2.9").code == 220
        f.reload(tag_header="X-Other: 1")
        c.hello()
        c.transaction("a@example.com", ["b@example.com"], MESSAGE)
        assert c.cmd("XCLIENT ADDR=127.0.0.1").code == 550
        assert c.cmd("XFORWARD NAME=x").code == 550
    assert f.wait_finals(1)[0]["client"] == "unknown[192.0.2.9]"


def peak_kb(pid):
    with open(f"/proc/{pid}/status") as f:
        return int(re.search(r"VmHWM:\s+(\d+)", f.read())[1])


def fill(s, text, most):
    """Send while the other side sleeps, until nothing more goes in."""
    sent = 0
    s.setblocking(False)
    while sent < most:
        try:
            sent += s.send(text)
        except BlockingIOError:
            break
    return sent


def drain(s):
    """All that comes until nothing does for a while."""
    got = 0
    s.settimeout(1)
    try:
        while more := s.recv(65536):
            got += len(more)
    except TimeoutError:
        pass
    return got


def test_replies_do_not_pile_up_for_who_reads_none(filterd, hop):
    """What a connection can hold of short commands would have several times as much of replies."""
    f = filterd(listeners={"smtp": "smtp"}, next_hop=hop.next_hop)
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        s.connect(f.address("smtp"))
        assert s.recv(4096).startswith(b"220")
        worker, = f.workers()
        before = peak_kb(worker)
        os.kill(worker, signal.SIGSTOP)
        try:
            assert fill(s, b"HELP\r\n" * 1000, 4 * 1024 * 1024) > 256 * 1024
        finally:
            os.kill(worker, signal.SIGCONT)
        time.sleep(1)
        assert drain(s) > 1024 * 1024
        if not sanitized(worker):               # there what is freed is kept for a while
            assert peak_kb(worker) - before < 700
