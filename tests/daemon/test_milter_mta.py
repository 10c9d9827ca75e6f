"""The milter door behind a real Postfix and a real Sendmail: what both can do, the same on both."""
import os
import random
import re
import tempfile
from concurrent.futures import ThreadPoolExecutor

import pytest

import accounts
import smtp
from conftest import cannot
from mta_chain import KINDS, body, fields, parted

MESSAGE = (b"Received: from there (there [192.0.2.7])\r\n\tby elsewhere.example; Sat, 1 Nov 2025 10:00:00 +0000\r\n"
           b"From: Ann <a@example.test>\r\nTo: b@example.test\r\nDate: Sat, 1 Nov 2025 10:00:00 +0000\r\n"
           b"Message-Id: <1@example.test>\r\nSubject: hello\r\nX-One: 1\r\nX-Two:  two\r\n\tfolded \r\n\r\n"
           b"first line\r\n.dot\r\n\r\nlast line\r\n")
BOTH = pytest.mark.parametrize("kind", KINDS)
MILTER = {"milter": "milter"}
# Where the wire differs; what follows from the changes and answers is the same for both engines.
ENGINES = pytest.mark.parametrize("engine", ["native", "libmilter"])
ID = r" \(id [0-9A-Za-z]+\)"


def same(reply, code, text):
    """The reply, with filterd's footer.  In some (450, 550, 553) Sendmail puts the address in front of the text."""
    assert reply.code == code and re.fullmatch(re.escape(text) + ID, re.sub(r"(?<=\.\d )<[^>]*>\.\.\. ", "", reply.text)), str(reply)


# --- refusals ---

REFUSALS = {
    "smtpd_client_restrictions": "check_client_access inline:{ {127.0.0.2 = REJECT client} {127.0.0.3 = 450 4.7.9 wait} }",
    "smtpd_helo_restrictions": "check_helo_access inline:{ {bad.helo.test = REJECT 100% helo} }",
    "smtpd_sender_restrictions": "check_sender_access inline:{ {bad@sender.test = 553 5.1.8 sender} }",
    "smtpd_recipient_restrictions": "check_recipient_access inline:{ {no@example.test = REJECT rcpt} {later@example.test = DEFER rcpt} }",
    "smtpd_data_restrictions": "check_sender_access inline:{ {data@sender.test = 554 5.7.3 at DATA} }",
    "smtpd_end_of_data_restrictions": "check_sender_access inline:{ {end@sender.test = 552 5.3.4 at the end} }",
}
CONTENT = {"header_checks": "pcre:{dir}/hc", "body_checks": "pcre:{dir}/bc", 
           "content_restrictions": "check_recipient_access inline:{ {content@example.test = 451 4.7.5 content} }"}
CONTENT_FILES = {"hc": "/^X-Bad: header/ REJECT in the header\n/^X-Bad: later/ REJECT 4.7.4 never\n",
                 "bc": "/^bad body/ REJECT in the body\n"}
# what is odd; where it is told with smtpd_delay_reject = no, and with yes; code; text
CLIENT = "<unknown[127.0.0.2]>: Client host rejected: client"
ROWS = [
    ({"source": "127.0.0.2"}, "mail", "rcpt", 554, "5.7.1 " + CLIENT),
    ({"source": "127.0.0.3"}, "mail", "rcpt", 450, "4.7.9 <unknown[127.0.0.3]>: Client host rejected: wait"),
    ({"hello": "bad.helo.test"}, "mail", "rcpt", 554, "5.7.1 <bad.helo.test>: Helo command rejected: 100% helo"),
    ({"sender": "bad@sender.test"}, "mail", "rcpt", 553, "5.1.8 <bad@sender.test>: Sender address rejected: sender"),
    ({"recipients": ["no@example.test"]}, "rcpt", "rcpt", 554, "5.7.1 <no@example.test>: Recipient address rejected: rcpt"),
    ({"recipients": ["later@example.test"]}, "rcpt", "rcpt", 450, "4.7.1 <later@example.test>: Recipient address rejected: rcpt"),
    ({"sender": "data@sender.test"}, "data", "data", 554, "5.7.3 <data@sender.test>: Sender address rejected: at DATA"),
    ({"sender": "end@sender.test"}, "end", "end", 552, "5.3.4 <end@sender.test>: Sender address rejected: at the end"),
    ({"message": MESSAGE.replace(b"X-One: 1", b"X-Bad: header")}, "end", "end", 550, "5.7.1 in the header"),
    ({"message": MESSAGE + b"bad body\r\n"}, "end", "end", 550, "5.7.1 in the body"),
    ({"recipients": ["content@example.test"]}, "end", "end", 451, "4.7.5 <content@example.test>: Recipient address rejected: content"),
]


def answer(c, what):
    """(where, reply): the first that is no success, in a dialogue with something odd in it."""
    with c.client(what.get("source"), None) as s:
        if s.greeting.code != 220:
            return "connect", s.greeting
        steps = [("helo", "EHLO " + what.get("hello", "client.example")),
                 ("mail", f"MAIL FROM:<{what.get('sender', 'a@example.test')}>")]
        steps += [("rcpt", f"RCPT TO:<{r}>") for r in what.get("recipients", ["b@example.test"])]
        for stage, line in steps:
            r = s.cmd(line)
            if r.code != 250:
                return stage, r
        r = s.data(what.get("message", MESSAGE))[0]
        where = "end" if s.log[-2][1].endswith(b".\r\n") else "data"
        s.quit()
        return (None if r.code == 250 else where), r


@BOTH
@ENGINES
@pytest.mark.parametrize("delay", ["no", "yes"])
def test_refusals(filterd, hop, chain, kind, engine, delay):
    """At each stage, with code, enhanced code and text as the client sees them."""
    f = filterd(listeners={"milter": f"milter, milter_engine = {engine}"}, files=CONTENT_FILES, smtpd_delay_reject=delay, **REFUSALS, **CONTENT)
    c = chain(kind, f, hop)
    for what, at, delayed, code, text in ROWS:
        where, reply = answer(c, what)
        if kind == "sendmail" and delay == "no" and "source" in what:
            # Told to at the start of a session, it refuses in words of its own.
            assert (where, reply.code // 100) == (("connect", 5) if code >= 500 else ("mail", 4)), what
            continue
        if delay == "no" and code >= 500 and "source" in what:
            # Postfix's banner says so too; the text comes with MAIL.
            assert where == "connect" and reply.code == 554
            with c.client(what["source"]) as s:
                reply = s.mail("a@example.test")
            same(reply, code, text)
            continue
        assert where == (delayed if delay == "yes" else at), (what, str(reply))
        same(reply, code, text)
    c.nothing_more(0)
    assert c.taken(answer(c, {})[1])
    hop.wait(1)


@BOTH
def test_recipients_are_refused_one_by_one(filterd, hop, chain, kind):
    """What the MTA or filterd refuses is not among those that the message is checked for."""
    f = filterd(listeners=MILTER, smtpd_recipient_restrictions=REFUSALS["smtpd_recipient_restrictions"])
    c = chain(kind, f, hop, refuse=["unknown@example.test"])
    rcpts = ["no@example.test", "b@example.test", "unknown@example.test", "later@example.test", "c@example.test"]
    with c.client() as s:
        _, replies, end = s.transaction("a@example.test", rcpts, MESSAGE)
    assert [r.code for r in replies] == [554, 250, 550, 450, 250]
    assert c.taken(end[0])
    m, = hop.wait(1)
    assert sorted(m.recipients) == ["b@example.test", "c@example.test"]
    finals = f.wait_finals(2)
    assert sorted(e["recipient"] for e in finals) == ["b@example.test", "c@example.test"]


@BOTH
@ENGINES
def test_421(filterd, hop, chain, kind, engine):
    """The session is over with it."""
    f = filterd(listeners={"milter": f"milter, milter_engine = {engine}"}, smtpd_sender_restrictions="check_sender_access inline:{ {bad@sender.test = 421 4.7.0 bye} }",
                smtpd_delay_reject="no")
    c = chain(kind, f, hop)
    with c.client() as s:
        r = s.mail("bad@sender.test")
        same(r, 421, "4.7.0 <bad@sender.test>: Sender address rejected: bye")
        assert s.at_end()


@BOTH
def test_reply_of_several_lines(filterd, hop, chain, kind):
    f = filterd(listeners=MILTER, smtpd_reject_footer=r"For help: 100% here\n2nd line",
                smtpd_recipient_restrictions=REFUSALS["smtpd_recipient_restrictions"])
    c = chain(kind, f, hop)
    r = c.refused(MESSAGE, "no@example.test")
    assert (r.code, r.lines) == (554, ["5.7.1 <no@example.test>: Recipient address rejected: rcpt",
                                       "5.7.1 For help: 100% here", "5.7.1 2nd line"])


# --- changes ---

def untouched():
    return fields(MESSAGE)


@BOTH
def test_message_passes_as_it_is(filterd, hop, chain, kind):
    f = filterd(listeners=MILTER, header_checks="pcre:{dir}/hc", files={"hc": "/^X-Nothing/ REJECT\n"})
    c = chain(kind, f, hop)
    m = c.pass_on(MESSAGE)
    above, below = parted(m.data)
    assert (above, below, body(m.data)) == ([], untouched(), body(MESSAGE))
    e, = f.wait_finals(1)
    assert e["verdict"] == "pass"


def changed(*edits):
    """The message's fields with some of them changed: (name, new value, None: gone)."""
    found = untouched()
    for name, value in edits:
        at = next(i for i, f in enumerate(found) if f[0] == name)
        found[at:at + 1] = [] if value is None else [(name, value)]
    return found


def before(name, *new):
    found = untouched()
    at = next(i for i, f in enumerate(found) if f[0] == name)
    return found[:at] + list(new) + found[at:]


# header_checks; what stands above the MTA's own Received; below
CHANGES = [
    ("/^Subject:/ REPLACE Subject: other\n", [], changed(("Subject", b" other"))),
    ("/^X-One:/ REPLACE X-Uno:1\n", [], [(("X-Uno", b"1") if f[0] == "X-One" else f) for f in untouched()]),
    ("/^X-Two:/ IGNORE\n", [], changed(("X-Two", None))),
    ("/^X-One:/ STRIP\n/^From:/ REPLACE From: nobody@example.test\n", [],
     changed(("X-One", None), ("From", b" nobody@example.test"))),
    ("/^X-One:/ PREPEND X-New: a b\n", [], before("X-One", ("X-New", b" a b"))),
    # What is put in front of the first is on top of all, as in mail that has been through the MTA's queue.
    ("/^Received:/ PREPEND X-First: 1\n", [("X-First", b" 1")], untouched()),
    ("/^Received:/ IGNORE\n", [], changed(("Received", None))),
    ("/^Date:/ IGNORE\n/^X-Two:/ PREPEND X-Mid: x\n", [],
     [g for f in changed(("Date", None)) for g in ([("X-Mid", b" x"), f] if f[0] == "X-Two" else [f])]),
]


@BOTH
@pytest.mark.parametrize("rules,above,below", CHANGES, ids=[c[0].split("\n")[0] for c in CHANGES])
def test_header_checks(filterd, hop, chain, kind, rules, above, below):
    f = filterd(listeners=MILTER, header_checks="pcre:{dir}/hc", files={"hc": rules})
    c = chain(kind, f, hop)
    m = c.pass_on(MESSAGE)
    assert (parted(m.data), body(m.data)) == ((above, below), body(MESSAGE))


@BOTH
def test_body_is_replaced(filterd, hop, chain, kind):
    f = filterd(listeners=MILTER, body_checks="pcre:{dir}/bc",
                files={"bc": "/^first/ REPLACE .premier\n/^last/ IGNORE\n/^[.]dot/ PREPEND .\n"})
    c = chain(kind, f, hop)
    m = c.pass_on(MESSAGE)
    assert body(m.data) == b".premier\r\n.\r\n.dot\r\n\r\n"
    assert parted(m.data) == ([], untouched())
    big = b"".join(b"%06d 0123456789012345678901234567890123456789\r\n" % i for i in range(8000))
    m = c.pass_on(MESSAGE + big)                # in several packets
    assert body(m.data) == b".premier\r\n.\r\n.dot\r\n\r\n" + big


@BOTH
def test_tag(filterd, hop, chain, kind):
    f = filterd(listeners=MILTER, header_checks="pcre:{dir}/hc", files={"hc": "/^X-One/ TAG\n"},
                tag_subject_prefix="[spam] ", tag_header="X-Spam: yes")
    c = chain(kind, f, hop)
    m = c.pass_on(MESSAGE)
    above, below = parted(m.data)
    assert ("Subject", b" [spam] hello") in below and len(above + below) == len(untouched()) + 1
    assert [v for n, v in above + below if n == "X-Spam"] == [b" yes"]


@BOTH
@ENGINES
def test_envelope_is_changed(filterd, hop, chain, kind, engine):
    f = filterd(listeners={"milter": f"milter, milter_engine = {engine}"}, header_checks="pcre:{dir}/hc",
                files={"hc": "/^X-Bcc/ BCC z@example.test\n/^X-Redirect/ REDIRECT other@example.test\n/^X-Discard/ DISCARD away\n"})
    c = chain(kind, f, hop)
    two = ["b@example.test", "c@example.test"]
    m = c.pass_on(b"X-Bcc: 1\r\n" + MESSAGE, two)
    assert sorted(m.recipients) == two + ["z@example.test"]
    m = c.pass_on(b"X-Redirect: 1\r\n" + MESSAGE, two)
    assert m.recipients == ["other@example.test"]
    had = len(hop.messages)
    end = c.send("a@example.test", two, b"X-Discard: 1\r\n" + MESSAGE)[2]
    assert c.taken(end[0])
    c.nothing_more(had)
    f.wait_finals(6)


AR = b"Authentication-Results: mx.example.test; %s\r\n"


@BOTH
@ENGINES
def test_forged_among_many(filterd, hop, chain, kind, engine):
    """Some of eight fields of one name go; the right ones stay."""
    head = b"".join(AR % (b"forged %d" % i if i in (1, 2, 5, 8) else b"mine %d" % i) if i != 4 else
                    b"authentication-RESULTS: other.example;\r\n\tforged=4\r\n" for i in range(1, 9))
    f = filterd(listeners={"milter": f"milter, milter_engine = {engine}"}, header_checks="pcre:{dir}/hc",
                files={"hc": "/^Authentication-Results:.*forged/ IGNORE\n/^Authentication-Results:.*mine 7/ REPLACE Authentication-Results: changed\n"})
    c = chain(kind, f, hop)
    m = c.pass_on(head + MESSAGE)
    above, below = parted(m.data)
    assert above == [] and below == [
        ("Authentication-Results", b" mx.example.test; mine 3"), ("Authentication-Results", b" mx.example.test; mine 6"),
        ("Authentication-Results", b" changed")] + untouched()


@BOTH
def test_recipients_that_disagree(filterd, hop, chain, kind):
    """Those who refuse are taken out and have a copy in the hold store; all refuse: 5xx."""
    f = filterd(listeners=MILTER, content_restrictions="check_recipient_access inline:{ {r@example.test = REJECT not me} {s@example.test = REJECT nor me} }")
    c = chain(kind, f, hop)
    m = c.pass_on(MESSAGE, ["b@example.test", "r@example.test", "c@example.test"])
    assert sorted(m.recipients) == ["b@example.test", "c@example.test"]
    kept = f.ctl("hold", "list")
    assert "r@example.test" in kept and "b@example.test" not in kept and c.held() == []
    r = c.refused(MESSAGE, ["r@example.test", "s@example.test"])
    same(r, 554, "5.7.1 <r@example.test>: Recipient address rejected: not me")


# How a client may write a recipient, and the MTA tells us.
WRITTEN = ["<@relay.example:no@example.test>", "<NO@EXAMPLE.test>", "no@example.test", "< no@example.test >", "<no@example.test> NOTIFY=NEVER",
           '<"no one"@example.test>', '<"no\\"quote"@example.test>', '<"no\\ two"@example.test>', '<"no"@example.test>', "<no+x@example.test>",
           "<no@example.test.>", "<no%there@example.test>", "<no>"]
# What filterd does not understand, though the MTA may.
TOO_ODD = ["<no@example.test(c)>", "<no@(c)example.test>", "<no (c)@example.test>", "<x:no@example.test;>", "<Joe <no@example.test>>",
           "no@example.test(c)", "<no@example .test>"]


@BOTH
def test_ways_to_write_a_recipient(filterd, hop, chain, kind):
    """Whoever refuses does not get it, however he was written: the one who is taken out is the one who was asked."""
    f = filterd(listeners=MILTER, content_restrictions="check_recipient_access pcre:{dir}/no", files={"no": "/no/ REJECT not me\n"})
    c = chain(kind, f, hop)
    for n, path in enumerate(WRITTEN):
        with c.client() as s:
            s.mail("a@example.test")
            s.rcpt("b@example.test")
            assert s.cmd("RCPT TO:" + path).code == 250, path
            assert c.taken(s.data(MESSAGE)[0]), path
            s.quit()
        assert hop.wait(n + 1)[n].recipients == ["b@example.test"], path
    for path in TOO_ODD:                        # at the end, for no list of RCPT wants an answer here
        with c.client() as s:
            s.mail("a@example.test")
            r = s.cmd("RCPT TO:" + path)
            if r.code == 250:                   # else it is too odd for the MTA too
                same(s.data(MESSAGE)[0], 501, "5.1.3 Bad recipient address syntax")
            assert r.code in (250, 501, 553), (path, str(r))
    c.nothing_more(len(WRITTEN))
    assert f.ctl("hold", "list").count("not me") == len(WRITTEN)


# --- quarantine ---

@BOTH
@pytest.mark.parametrize("where", ["mta", "store", "both"])
def test_hold(filterd, hop, chain, kind, where):
    f = filterd(listeners=MILTER, header_checks="pcre:{dir}/hc", files={"hc": "/^Subject: hello/ HOLD look at it\n"}, milter_hold=where)
    c = chain(kind, f, hop)
    end = c.send("a@example.test", "b@example.test", MESSAGE)[2]
    assert c.taken(end[0])
    c.nothing_more(0)
    held = c.held()
    assert len(held) == (where != "store")
    if held and kind == "postfix":
        assert f"{held[0]}!" in c.mta.run("postqueue", "-p")
        c.mta.run("postsuper", "-H", held[0])
    elif held:
        assert c.mta.quarantined()[held[0]].startswith("hold: look at it (id ")
        assert "look at it" in c.mta.run("-bp", "-qQ")
        c.mta.run("-qQ", "-Q")
    if held:                                    # whole when it is let go
        m, = hop.wait(1, timeout=30)
        assert (parted(m.data), body(m.data), m.recipients) == (([], untouched()), body(MESSAGE), ["b@example.test"])
    assert ("b@example.test" in f.ctl("hold", "list")) == (where != "mta")


# --- who the client is ---

SECURE = {
    "smtpd_sasl_auth_enable": "yes", "smtpd_delay_reject": "yes",
    "smtpd_recipient_restrictions":
        "check_sasl_access inline:{ {joe = REJECT not joe} }, permit_sasl_authenticated,"
        " check_recipient_access inline:{ {b@example.test = REJECT not for strangers} }, permit",
}


@pytest.fixture
def known():
    missing = accounts.missing()
    if missing:
        cannot(missing)
    with tempfile.TemporaryDirectory(prefix="filterd-accounts.") as directory:
        os.chmod(directory, 0o755)
        with accounts.Accounts({"ann": "a", "joe": "j"}, directory) as a:
            yield a


@BOTH
def test_who_has_logged_in(filterd, hop, chain, known, kind):
    f = filterd(listeners=MILTER, **SECURE)
    c = chain(kind, f, hop, accounts=known)
    with c.client() as s:
        same(s.transaction("a@example.test", ["b@example.test"], MESSAGE)[1][0], 554,
             "5.7.1 <b@example.test>: Recipient address rejected: not for strangers")
        assert s.cmd("RSET").code == 250
        assert s.auth("ann", "wrong").code == 535
        assert s.transaction("a@example.test", ["b@example.test"], MESSAGE)[1][0].code == 554   # still nobody
        s.cmd("RSET")
        assert s.auth("ann", "a").code == 235
        assert c.taken(s.transaction("a@example.test", ["b@example.test"], MESSAGE)[2][0])
        assert c.taken(s.transaction("a@example.test", ["b@example.test"], MESSAGE)[2][0])      # the next one too
    with c.client() as s:
        assert s.auth("joe", "j").code == 235
        same(s.transaction("a@example.test", ["b@example.test"], MESSAGE)[1][0], 554, "5.7.1 <joe>: SASL login name rejected: not joe")
    hop.wait(2)


@BOTH
@ENGINES
def test_tls(filterd, hop, chain, known, kind, engine):
    """What TLS told lasts to the end of the session, and no longer."""
    f = filterd(listeners={"milter": f"milter, milter_engine = {engine}"}, smtpd_recipient_restrictions="reject_plaintext_session, permit", plaintext_reject_code="450")
    c = chain(kind, f, hop, accounts=known)
    for secure in (False, True, False):
        with c.client() as s:
            if secure:
                assert s.starttls().code == 220
                s.hello("client.example")
            for _ in range(2):
                _, rcpts, end = s.transaction("a@example.test", ["b@example.test"], MESSAGE)
                if secure:
                    assert c.taken(end[0])
                else:
                    same(rcpts[0], 450, "4.7.1 Session encryption is required")
                    s.cmd("RSET")
            s.quit()
    hop.wait(2)


# --- sessions ---

@BOTH
@ENGINES
def test_pipelining(filterd, hop, chain, kind, engine):
    f = filterd(listeners={"milter": f"milter, milter_engine = {engine}"}, smtpd_recipient_restrictions=REFUSALS["smtpd_recipient_restrictions"])
    c = chain(kind, f, hop)
    with c.client() as s:
        for n in range(3):
            s.send(b"MAIL FROM:<a@example.test>\r\nRCPT TO:<b@example.test>\r\nRCPT TO:<no@example.test>\r\n"
                   b"RCPT TO:<c@example.test>\r\nDATA\r\n")
            assert [r.code for r in s.replies(5)] == [250, 250, 554, 250, 354]
            # The next message's envelope in one write with this one's end.
            s.send(MESSAGE.replace(b"hello", b"hello %d" % n) + b".\r\nMAIL FROM:<a@example.test>\r\nRSET\r\n")
            assert [r.code for r in s.replies(3)] == [250, 250, 250]
        s.quit()
    assert sorted(next(v for n, v in fields(m.data) if n == "Subject") for m in hop.wait(3)) == [b" hello 0", b" hello 1", b" hello 2"]
    assert all(sorted(m.recipients) == ["b@example.test", "c@example.test"] for m in hop.messages)


@BOTH
@ENGINES
def test_sessions_of_several_messages(filterd, hop, chain, kind, engine):
    """RSET, EHLO and refusals between, changes in every other message: none is told of another's."""
    f = filterd(listeners={"milter": f"milter, milter_engine = {engine}"}, header_checks="pcre:{dir}/hc", files={"hc": "/^Subject: (odd .*)/ REPLACE Subject: changed $1\n/^Subject: bad/ REJECT\n"},
                smtpd_recipient_restrictions=REFUSALS["smtpd_recipient_restrictions"])
    c = chain(kind, f, hop)
    expected = []
    with c.client() as s:
        for n in range(8):
            s.mail("reset@example.test")
            s.rcpt("reset@example.test")
            assert s.cmd("RSET").code == 250
            if n % 4 == 1:
                s.mail("reset@example.test")
                assert s.hello("again.example").code == 250
            if n % 4 == 2:
                assert s.transaction("a@example.test", ["b@example.test"], b"Subject: bad\r\n\r\nx\r\n")[2][0].code == 550
            if n % 4 == 3:
                assert s.transaction("a@example.test", ["no@example.test"], MESSAGE)[1][0].code == 554
                s.cmd("RSET")
            text = b"%s %d" % (b"odd" if n % 2 else b"even", n)
            assert c.taken(s.transaction(f"s{n}@example.test", [f"r{n}@example.test"],
                                         MESSAGE.replace(b"hello", text))[2][0])
            expected.append((f"s{n}@example.test", [f"r{n}@example.test"], (b" changed " if n % 2 else b" ") + text))
        s.quit()
    got = [(m.sender, m.recipients, next(v for n, v in fields(m.data) if n == "Subject")) for m in hop.wait(8)]
    assert sorted(got) == sorted(expected)


@BOTH
@ENGINES
def test_client_vanishes(filterd, hop, chain, kind, engine):
    """At every command and in mid body: nothing of it is left, nothing is delivered."""
    f = filterd(listeners={"milter": f"milter, milter_engine = {engine}"}, header_checks="pcre:{dir}/hc", files={"hc": "/^X-Nothing/ REJECT\n"})
    c = chain(kind, f, hop)
    lines = [b"EHLO client.example\r\n", b"MAIL FROM:<a@example.test>\r\n", b"RCPT TO:<b@example.test>\r\n", b"DATA\r\n"]
    for n in range(len(lines) + 1):
        for how in ("close", "abort"):
            s = c.client(hello=None)
            for line in lines[:n]:
                s.send(line)
                s.reply()
            if n == len(lines):
                s.send(MESSAGE[:len(MESSAGE) // 2])
            getattr(s, how)()
    c.pass_on(MESSAGE)
    c.nothing_more(1)
    assert len(f.finals()) == 1


@BOTH
@ENGINES
@pytest.mark.threads
def test_clients_at_one_time(filterd, hop, chain, kind, engine):
    """Each message has its own changes and its own recipients, also where many are under way."""
    f = filterd(
        listeners={"milter": f"milter, milter_engine = {engine}"}, header_checks="pcre:{dir}/hc",
        files={"hc": "/^Subject: n(\\d*[02468])$/ REPLACE Subject: even $1\n/^Subject: n(\\d*[37])$/ REJECT not $1\n", "out": "/^out/ REJECT\n"},
        content_restrictions="check_recipient_access pcre:{dir}/out")
    c = chain(kind, f, hop)
    replies = {}

    def client(first):
        with c.client() as s:
            for n in range(first, first + 8):
                replies[n] = str(s.transaction(f"s{n}@example.test", [f"r{n}@example.test", f"out{n}@example.test"],
                                               MESSAGE.replace(b"hello", b"n%d" % n))[2][0])
            s.quit()

    with ThreadPoolExecutor(10) as pool:
        list(pool.map(client, range(0, 80, 8)))
    assert len(replies) == 80
    assert all(f"not {n} (id " in text for n, text in replies.items() if n % 10 in (3, 7))
    expected = [(f"s{n}@example.test", [f"r{n}@example.test"], b" even %d" % n if n % 2 == 0 else b" n%d" % n)
                for n in range(80) if n % 10 not in (3, 7)]
    got = [(m.sender, m.recipients, next(v for name, v in fields(m.data) if name == "Subject")) for m in hop.wait(len(expected), timeout=60)]
    assert sorted(got) == sorted(expected)


# --- round trip ---

NAMES = ["Subject", "X-A", "x-a", "X-B", "Received", "Authentication-Results", "X-Empty", "Comments"]
VALUES = [b" one", b"two", b"  three", b"\tfour", b" five\r\n\tfolded", b" seven  ", b"", b" \xc3\xa4", b" e:i:g:h:t",
          b" " + b"n" * 900]
# Once each, for Sendmail adds the one that is missing.
ALWAYS = [b"From: a@example.test", b"To: b@example.test", b"Date: Sat, 1 Nov 2025 10:00:00 +0000", b"Message-Id: <1@example.test>"]
MARKS = 60


def random_rules(rng):
    """What is done to a field with this mark."""
    rules = ""
    for mark in range(MARKS):
        name, gap = rng.choice(NAMES), rng.choice(["", " ", "  "])
        what = rng.choice([None, None, "IGNORE", "STRIP", f"REPLACE {name}:{gap}new {mark}", f"REPLACE SAME:{gap}new {mark}",
                           f"PREPEND {name}:{gap}put {mark}"])
        if what and "SAME" in what:             # its own name, whatever it is
            rules += f"/^([^:]*):.*<{mark:02d}@mark>/s {what.replace('SAME', '$1')}\n"
        elif what:
            rules += f"/<{mark:02d}@mark>/ {what}\n"
    return rules + "/^From:/ PREPEND X-Above-From: 1\n/^To:/ REPLACE To: c@example.test\n"


def random_message(rng):
    lines = [rng.choice(NAMES).encode() + b":" + rng.choice(VALUES) + b" <%02d@mark>" % rng.randrange(MARKS)
             for _ in range(rng.randint(0, 16))]
    for line in ALWAYS:
        lines.insert(rng.randint(0, len(lines)), line)
    return b"".join(line + b"\r\n" for line in lines) + b"\r\nbody\r\n"


@BOTH
@ENGINES
def test_round_trip(filterd, hop, chain, kind, engine):
    """The header that leaves the MTA is the one it would have been given by filterd's own SMTP door."""
    rng = random.Random(20251121)
    f = filterd(listeners={"milter": f"milter, milter_engine = {engine}", "smtp": "smtp, role = before_queue"}, next_hop=hop.next_hop,
                header_checks="pcre:{dir}/hc", files={"hc": random_rules(rng)})
    c, plain = chain(kind, f, hop), chain(kind, f, hop, milters=[])
    for _ in range(60):
        message = random_message(rng)
        before = len(hop.messages)
        assert smtp.send(f.address("smtp"), "a@example.test", "b@example.test", message)[2][0].code == 250
        want = plain.pass_on(hop.wait(before + 1)[before].data).data
        got = c.pass_on(message).data
        above, below = parted(got)              # what is new above all others stands above the MTA's own
        assert above + below == parted(want)[1] and body(got) == body(want), (message, above)
