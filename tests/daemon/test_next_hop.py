"""The next hop refuses, breaks off, hangs or changes its mind, at any stage and any octet (issue 2, section 5; PITFALLS A8, A14, B10, B11, G1)."""
import re
import threading

import pytest

import smtp
from nexthop import (CLOSE, DEFAULTS, EXTENSIONS, HANG, RESET, CloseAfter, Delay, HangAfter, NextHop,
                     ResetAfter)

MESSAGE = b"From: a@example.com\r\nSubject: hi\r\n\r\n" + b"line\r\n.dot\r\n" * 200
FAST = {"smtp_connect_timeout": "1s", "smtp_helo_timeout": "1s", "smtp_mail_timeout": "1s",
        "smtp_data_xfer_timeout": "1s", "smtp_data_done_timeout": "1s", "smtpd_reject_footer": ""}

# door, what it hands on to, verify_recipients_at_next_hop
WAYS = [("smtp", "smtp", "yes"), ("smtp", "smtp", "no"), ("smtp", "lmtp", "yes"), ("smtp", "lmtp", "no"),
        ("lmtp", "smtp", "no"), ("lmtp", "lmtp", "no")]


def codes(replies):
    return [r.code for r in replies]


def send(f, door, message=MESSAGE, recipients=("b@example.com",), sender="a@example.com", **xforward):
    """The reply that ended it for each recipient (one for all at the SMTP door): to MAIL, RCPT, or after the data."""
    with smtp.Client(f.address(door), lmtp=door.startswith("lmtp")) as c:
        if c.greeting.code != 220:
            return [c.greeting]
        h = c.hello()
        if h.code != 250:
            return [h]
        c.xforward(**(xforward or {"NAME": "x.example", "ADDR": "192.0.2.1"}))
        mail, rcpts, data = c.transaction(sender, list(recipients), message)
        if mail.code != 250:
            return [mail]
        return data or rcpts


class Keyed:
    """A next hop that fails as a table says for the name XFORWARD gives, so that what takes time is tried at once."""

    def __init__(self, hop, plans):
        """plans: {name: (stage, value)}"""
        self.hop, self.plans = hop, plans
        for stage in DEFAULTS:
            hop.script[stage] = self.say(stage)

    def say(self, stage):
        def value(session, line):
            at, what = self.plans.get(session.xforward.get("NAME"), (None, None))
            return what if at == stage else DEFAULTS[stage]
        return value

    def send(self, f, door, names=None):
        """One message for each name; {name: last reply}."""
        out = {}
        left = list(names or self.plans)

        def work():
            while True:
                try:
                    name = left.pop()
                except IndexError:
                    return
                out[name] = send(f, door, NAME=name)[0]
        threads = [threading.Thread(target=work) for _ in range(40)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        return out


def check_names(f, hop):
    """Each line about trouble says once which next hop it is about; what clients are told leaves that out."""
    lines = [e for e in f.entries() if e["level"] in ("warning", "error") and "next hop" in e["text"]]
    assert lines
    for e in lines:
        assert e["text"].count("next hop") == e["text"].count(hop.next_hop) == 1, e["text"]
        assert e["text"].count(hop.next_hop.split(":", 1)[1]) == 1, e["text"]
    for e in f.finals():
        assert e["reply"].lower().count("next hop") <= 1 and "127.0.0.1" not in e["reply"], e["reply"]
    return lines


FAILURES = {
    # what the next hop does, and the first digit its client is told
    "4xx": ("451 4.3.0 try \x07later", "4"),
    "5xx": ("550 5.7.1 never \x07again", "5"),
    "421": ("421 4.3.2 going down", "4"),
    "521": ("521 5.3.2 no service", "5"),
    "close": (CLOSE, "4"),
    "reset": (RESET, "4"),
    "hang": (HANG, "4"),
    "no code": ("hello there", "4"),
    "3xx": ("399 what now", "4"),
    "no 354": ("250 2.0.0 fine", "2"),
    "two codes": (lambda s, line: (s.sock.sendall(b"250-a\r\n550 b\r\n"), CLOSE)[1], "4"),
    "endless line": (lambda s, line: (s.sock.sendall(b"250 " + b"x" * 100000), HANG)[1], "4"),
    "endless reply": (lambda s, line: (s.sock.sendall(b"250-x\r\n" * 20000), HANG)[1], "4"),
    "NUL": (lambda s, line: (s.sock.sendall(b"250 a\0b\r\n"), HANG)[1], "4"),
}


def expected(stage, how, digit):
    if how == "no 354":
        return "4" if stage == "data" else "2"
    if stage == "xforward" and how in ("4xx", "5xx", "521"):
        return "2"      # the mail matters more than who sent it
    if stage in ("connect", "hello"):
        return "2" if how == "no 354" else "4"      # what it says there is not about this mail
    return digit


@pytest.mark.parametrize("door,kind,verify", WAYS)
def test_failure_at_every_stage(filterd, door, kind, verify):
    """What the client is told, and that nothing is lost or cut short."""
    cases = {f"{stage}.{how}".replace(" ", "-"): (stage, how)
             for stage in ("xforward", "mail", "rcpt", "data", "end") for how in FAILURES}
    with NextHop(lmtp=kind == "lmtp") as hop:
        f = filterd(next_hop=hop.next_hop, verify_recipients_at_next_hop=verify,
                    smtp_connection_reuse_count_limit=1, **FAST)
        f.expect("next hop|indeterminate")
        k = Keyed(hop, {n: (stage, FAILURES[how][0]) for n, (stage, how) in cases.items()})
        got = k.send(f, door)
        wrong = {}
        for name, (stage, how) in cases.items():
            want = expected(stage, how, FAILURES[how][1])
            words = FAILURES[how][0].split(" ", 2)[2].replace("\x07", " ") if how in ("4xx", "5xx", "421", "521") else ""
            if (not str(got[name]).startswith(want) or got[name].code == 421 or
                    (want != "2" and words not in got[name].text)):
                wrong[name] = str(got[name])
        assert wrong == {}
        check_names(f, hop)
        assert all(m.data == MESSAGE for m in hop.messages + hop.unanswered)
        delivered = [m.xforward["NAME"] for m in hop.messages if m.replies[0].startswith("2")]
        assert sorted(delivered) == sorted(n for n, r in got.items() if r.code == 250)
        # the client brings the message again, and now it goes through
        k.plans.clear()
        assert {n: str(r) for n, r in k.send(f, door, cases).items() if r.code != 250} == {}
        assert all(m.data == MESSAGE for m in hop.wait(len(delivered) + len(cases)))


@pytest.mark.parametrize("door", ["smtp", "lmtp"])
@pytest.mark.parametrize("how", sorted(FAILURES))
def test_failure_when_connecting(filterd, hop, door, how):
    f = filterd(next_hop=hop.next_hop, smtp_connection_reuse_count_limit=1, **FAST)
    f.expect("next hop")
    assert codes(send(f, door)) == [250]
    for stage in ("connect", "hello"):
        hop.script[stage] = [FAILURES[how][0]]
        r = send(f, door)[0]
        assert r.code == (250 if how == "no 354" else 451), (stage, str(r))
        assert codes(send(f, door)) == [250]
    if how != "no 354":
        check_names(f, hop)
    assert all(m.data == MESSAGE for m in hop.messages)


def drip(reply, octets, then):
    """The first octets of a reply, then an end of some kind."""
    def say(session, line):
        session.sock.sendall(reply[:octets])
        return then
    return say


@pytest.mark.parametrize("door,kind,verify", WAYS)
@pytest.mark.parametrize("then", [CLOSE, RESET])
def test_every_octet_of_its_replies(filterd, door, kind, verify, then):
    """A reply that is cut short is none, wherever."""
    stages = {"mail": b"250-2.1.0 A\r\n250 2.1.0 Ok\r\n", "rcpt": b"250 2.1.5 Ok\r\n", "data": b"354 go\r\n",
              "end": b"250-2.0.0 Ok\r\n250 2.0.0 queued\r\n", "hello": b"250-hop\r\n250 PIPELINING\r\n"}
    with NextHop(lmtp=kind == "lmtp") as hop:
        f = filterd(next_hop=hop.next_hop, verify_recipients_at_next_hop=verify,
                    smtp_connection_reuse_count_limit=1, **FAST)
        f.expect("next hop|indeterminate")
        sent = 0
        for stage, reply in stages.items():
            for n in range(len(reply)):
                hop.script[stage] = drip(reply, n, then)
                r = send(f, door)[0]
                assert r.code // 100 == 4, (stage, n, str(r))
                sent += stage == "end"
            del hop.script[stage]
        assert hop.messages == []
        assert len(hop.unanswered) == sent and all(x.data == MESSAGE for x in hop.unanswered)
        assert codes(send(f, door)) == [250]
        assert hop.wait(1)[0].data == MESSAGE
    assert len(f.entries("indeterminate")) == sent


@pytest.mark.parametrize("door,kind,verify", WAYS)
def test_hanging_at_every_octet(filterd, door, kind, verify):
    """Deadlines are for the whole reply: octets that trickle do not renew them."""
    reply = b"250 2.0.0 Ok\r\n"
    def trickle(text, upto):
        def say(session, line):
            try:
                for octet in text[:upto]:
                    session.sock.sendall(bytes([octet]))
                    if session.hop.stopping.wait(0.4):
                        break
            except OSError:
                pass        # it has been given up
            return HANG
        return say
    plans = {f"{stage}.{n}": (stage, trickle(b"354 go ahead\r\n" if stage == "data" else reply, n))
             for stage in ("xforward", "mail", "rcpt", "data", "end") for n in range(0, len(reply), 2)}
    with NextHop(lmtp=kind == "lmtp") as hop:
        f = filterd(next_hop=hop.next_hop, verify_recipients_at_next_hop=verify, **FAST)
        f.expect("next hop|indeterminate")
        got = Keyed(hop, plans).send(f, door)
        assert {n: str(r) for n, r in got.items() if r.code // 100 != 4} == {}
        assert hop.messages == []


def test_slow_but_in_time(filterd, hop):
    f = filterd(next_hop=hop.next_hop, **{**FAST, "smtp_mail_timeout": "5s", "smtp_data_done_timeout": "5s"})
    hop.script.update({s: [Delay(0.3, DEFAULTS[s])] for s in ("mail", "rcpt", "data", "end")})
    assert codes(send(f, "smtp")) == [250]
    assert hop.wait(1)[0].data == MESSAGE


REPLIES = [
    # what it says after the data, what the client gets
    ("250 2.0.0 Ok: queued as 4ABC", 250, "2.0.0 Ok: queued as 4ABC"),
    ("250 queued", 250, "2.0.0 queued"),
    ("251 2.1.5 forwarded", 250, "2.1.5 forwarded"),
    ("550 5.7.1 one\n5.7.1 two", 550, "5.7.1 one\n5.7.1 two"),
    ("550 5.7.1 one\ntwo", 550, "5.7.1 one\n5.7.1 two"),
    ("550 no enhanced code", 550, "5.0.0 no enhanced code"),
    ("550 4.7.1 another class", 550, "5.7.1 another class"),
    ("550 2.0.0 another class", 550, "5.0.0 another class"),
    ("451 5.7.1 another class", 451, "4.7.1 another class"),
    ("550 5.7.1 bell\x07 esc\x1b del\x7f tab\t", 550, "5.7.1 bell  esc  del  tab"),
    ("550 5.7.1 caf\u00e9", 550, "5.7.1 caf??"),
    ("550 5.7.1", 550, "5.7.1"),
    ("550", 550, "5.0.0"),
    ("552 5.3.4 too big", 552, "5.3.4 too big"),
    ("421 4.3.2 closing", 451, "4.3.2 closing"),
]


@pytest.mark.parametrize("said,code,text", REPLIES)
def test_words_are_handed_through_cleaned(filterd, hop, said, code, text):
    f = filterd(next_hop=hop.next_hop, smtpd_reject_footer="")
    f.expect("next hop")
    hop.script["end"] = said
    for door in ("smtp", "lmtp"):
        r = send(f, door)[0]
        assert (r.code, r.text.rstrip()) == (code, text)
    assert {e["code"] for e in f.wait_finals(2)} == {code}


def test_very_long_words(filterd, hop):
    f = filterd(next_hop=hop.next_hop, smtpd_reject_footer="")
    hop.script["end"] = "550 5.7.1 " + "x" * 3000
    r = send(f, "smtp")[0]
    assert r.code == 550 and all(len(line) <= 508 for line in r.lines) and r.lines[0].startswith("5.7.1 xxx")


def test_lmtp_replies_cut_off(filterd, lmtp_hop):
    """It dies between the replies after the data: those who were answered are served, the others 4xx."""
    lmtp_hop.script["end"] = ["250 2.0.0 one", "550 5.2.2 two", CLOSE]
    f = filterd(next_hop=lmtp_hop.next_hop, **FAST)
    f.expect("next hop|indeterminate")
    assert codes(send(f, "lmtp", recipients=["a@x", "b@x", "c@x", "d@x"])) == [250, 550, 451, 451]
    assert [e["fate"] for e in f.wait_finals(4)] == ["deliver", "reject", "defer", "defer"]


def test_lmtp_hop_and_one_reply(filterd, lmtp_hop):
    """At the SMTP door some refused is 4xx for all; who was served is not served again on the retry."""
    f = filterd(next_hop=lmtp_hop.next_hop, **FAST)
    f.expect("indeterminate")
    lmtp_hop.script["end"] = ["250 2.0.0 one", "452 4.2.2 full", "250 2.0.0 three"]
    rcpts = ["a@example.com", "b@example.com", "c@example.com"]
    r = send(f, "smtp", recipients=rcpts)[0]
    assert (r.code, r.text) == (452, "4.2.2 full")
    assert codes(send(f, "smtp", recipients=rcpts)) == [250]
    assert [m.recipients for m in lmtp_hop.wait(2)] == [rcpts, ["b@example.com"]]
    lmtp_hop.script["end"] = ["550 5.1.1 a", "550 5.1.2 b"]
    assert codes(send(f, "smtp", recipients=["x@example.com", "y@example.com"])) == [550]


def test_refused_recipients_without_verify(filterd, hop):
    f = filterd(next_hop=hop.next_hop, verify_recipients_at_next_hop="no", **FAST)
    rcpts = ["a@example.com", "b@example.com", "c@example.com"]
    no = ["250 2.1.5 ok", "550 5.1.1 no such user", "250 2.1.5 ok"]
    hop.script["rcpt"] = list(no)
    r = send(f, "smtp", recipients=rcpts)[0]                # aborted before the data
    assert (r.code, r.text) == (450, "4.1.1 no such user")
    assert hop.messages == []
    hop.script["rcpt"] = ["550 5.1.1 no %d" % i for i in range(3)]
    r = send(f, "smtp", recipients=rcpts)[0]                # all 5xx
    assert r.code == 550 and r.text.startswith("5.1.1 no")
    hop.script["rcpt"] = list(no)
    got = send(f, "lmtp", recipients=rcpts)                 # each his own, the others served
    assert [str(r) for r in got[1:2]] == ["550 5.1.1 no such user"] and codes(got) == [250, 550, 250]
    assert hop.wait(1)[0].recipients == [rcpts[0], rcpts[2]]


ENVELOPES = [
    # octets between < and >, parameters
    ("a@example.com", ""),
    ("", "BODY=7BIT"),
    ("\"a b\"@example.com", ""),
    ("\"a@b>c\\\\\\\" \"@example.com", ""),
    ("\"\"@example.com", ""),
    ("@relay.example,@b.example:user@example.com", ""),
    ("user%other.example@example.com", ""),
    ("a@b@example.com", ""),
    ("user+tag=x@Example.COM", ""),
    (".a..b.@example.com", ""),
    ("user@[192.0.2.1]", ""),
    ("user@[IPv6:2001:db8::1]", ""),
    ("postmaster", ""),
    ("x" * 64 + "@" + ".".join(["y" * 60] * 3), ""),
    ("b\u00fccher@ex\u00e4mple.com", "SMTPUTF8"),
    ("a@example.com", "BODY=8BITMIME"),
    ("a@example.com", "SIZE=1234 BODY=8BITMIME RET=HDRS ENVID=a+2Bb+3Dc"),
    ("a@example.com", "ret=full envid=x SMTPUTF8 body=8bitmime"),
]


@pytest.mark.parametrize("door,kind,verify", WAYS)
def test_envelope_is_unchanged(filterd, door, kind, verify):
    with NextHop(lmtp=kind == "lmtp") as hop:
        f = filterd(next_hop=hop.next_hop, verify_recipients_at_next_hop=verify)
        for n, (path, params) in enumerate(ENVELOPES, 1):
            rcpt_params = "NOTIFY=SUCCESS,DELAY ORCPT=rfc822;x+2By@example.com" if "RET" in params else ""
            rcpt = path or "b@example.com"
            with smtp.Client(f.address(door), lmtp=door == "lmtp") as c:
                c.hello()
                assert c.cmd(f"MAIL FROM:<{path}>" + " " * bool(params) + params).code == 250, path
                assert c.cmd(f"RCPT TO:<{rcpt}>" + " " * bool(rcpt_params) + rcpt_params).code == 250, path
                assert codes(c.data(MESSAGE)) == [250]
            m = hop.wait(n)[-1]
            assert m.mail.decode() == f"<{path}>" + " " * bool(params) + params
            assert m.rcpts[0].decode() == f"<{rcpt}>" + " " * bool(rcpt_params) + rcpt_params


LESS = ("PIPELINING", "SIZE", "ENHANCEDSTATUSCODES")


@pytest.mark.parametrize("door,verify", [("smtp", "yes"), ("smtp", "no"), ("lmtp", "no")])
def test_capabilities_change(filterd, hop, door, verify):
    """G1: an extension that went away is never dropped silently, and is no longer announced."""
    f = filterd(next_hop=hop.next_hop, verify_recipients_at_next_hop=verify,
                smtp_connection_reuse_count_limit=1, smtpd_reject_footer="")
    f.expect("does not offer")
    n = 0
    for params, rcpt_params, want in (("BODY=8BITMIME", "", (554, "5.6.1 Next hop does not offer 8BITMIME")),
                                      ("SMTPUTF8", "", (550, "5.6.7 Next hop does not offer SMTPUTF8")),
                                      ("RET=HDRS", "", (451, "4.3.3 Next hop does not offer DSN")),
                                      ("", "NOTIFY=NEVER", (451, "4.3.3 Next hop does not offer DSN"))):
        hop.extensions = EXTENSIONS
        send(f, door)                               # learns all of it
        n += 1
        hop.wait(n)
        with smtp.Client(f.address(door), lmtp=door == "lmtp") as c:
            c.hello()
            assert "8BITMIME" in c.extensions and "DSN" in c.extensions and "SMTPUTF8" in c.extensions
            hop.extensions = LESS
            mail, rcpts, data = c.transaction("a@example.com", ["b@example.com"], MESSAGE, params, rcpt_params)
            r = ([mail] + rcpts + data)[-1]
            assert (r.code, r.text) == want
            assert len(hop.messages) == n
            c.hello()
            assert "8BITMIME" not in c.extensions and "DSN" not in c.extensions
            # SIZE and BODY=7BIT ask for nothing
            assert codes(c.transaction("a@example.com", ["b@example.com"], MESSAGE, "SIZE=100")[2]) == [250]
        n += 1
        hop.wait(n)


def test_size_is_left_out_where_unknown(filterd):
    with NextHop(extensions=("PIPELINING",)) as hop:
        f = filterd(next_hop=hop.next_hop)
        with smtp.Client(f.address("smtp")) as c:
            c.hello()
            assert codes(c.transaction("a@example.com", ["b@example.com"], MESSAGE, "SIZE=100")[2]) == [250]
        assert hop.wait(1)[0].mail == b"<a@example.com>"


@pytest.mark.parametrize("verify", ["yes", "no"])
def test_without_pipelining(filterd, verify):
    """One command at a time, and the message only once the next hop has asked for it."""
    with NextHop(extensions=("SIZE", "8BITMIME")) as hop:
        waited = []

        def early(value):
            def say(session, line):
                session.hop.stopping.wait(0.05)
                session.sock.setblocking(False)
                try:
                    waited.append(session.sock.recv(1000))
                except BlockingIOError:
                    pass
                session.sock.setblocking(True)
                waited.extend([session.buffer] if session.buffer else [])
                return value
            return say
        hop.script = {s: early(DEFAULTS[s]) for s in ("mail", "rcpt", "data")}
        f = filterd(next_hop=hop.next_hop, verify_recipients_at_next_hop=verify)
        assert codes(send(f, "smtp", recipients=["a@x", "b@x"])) == [250]
        assert waited == []
        assert hop.wait(1)[0].data == MESSAGE


# --- XFORWARD ---

GIVEN = {"NAME": "mx.example", "ADDR": "192.0.2.7", "PORT": "2525", "PROTO": "ESMTP", "HELO": "helo.example",
         "IDENT": "4ABC", "SOURCE": "REMOTE"}


@pytest.mark.parametrize("door,verify", [("smtp", "yes"), ("smtp", "no"), ("lmtp", "no")])
def test_xforward_is_passed_on(filterd, hop, door, verify):
    f = filterd(next_hop=hop.next_hop, verify_recipients_at_next_hop=verify)
    send(f, door, **GIVEN)
    assert hop.wait(1)[0].xforward == GIVEN
    # what is not known now is not what was known before
    send(f, door, **{**GIVEN, "NAME": "[UNAVAILABLE]", "ADDR": "IPV6:2001:db8::1", "PORT": "[UNAVAILABLE]",
                     "HELO": "a+2Bb+3Dc", "IDENT": "[TEMPUNAVAIL]", "SOURCE": "LOCAL"})
    x = hop.wait(2)[1].xforward
    assert x == {**GIVEN, "NAME": "[UNAVAILABLE]", "ADDR": "IPV6:2001:db8::1", "PORT": "[UNAVAILABLE]",
                 "HELO": "a+2Bb+3Dc", "IDENT": "[UNAVAILABLE]", "SOURCE": "LOCAL"}
    assert len(hop.sessions) <= 2


@pytest.mark.parametrize("reset", ["RSET", "LHLO again.example"])
def test_xforward_ends_with_rset(filterd, hop, reset):
    """PITFALLS B2: what was said of a message that never came is not said of the next."""
    f = filterd(next_hop=hop.next_hop)
    with smtp.Client(f.address("lmtp"), lmtp=True) as c:
        c.hello()
        c.xforward(**GIVEN)
        c.mail("a@example.com")
        assert c.cmd(reset).code == 250
        c.transaction("a@example.com", ["b@example.com"], MESSAGE)
    assert f.wait_finals(1)[0]["client"] == "unknown[unknown]"
    assert hop.wait(1)[0].xforward.get("ADDR", "[UNAVAILABLE]") == "[UNAVAILABLE]"


def test_xforward_only_what_it_takes(filterd):
    with NextHop(extensions=("PIPELINING", "XFORWARD NAME ADDR")) as hop:
        f = filterd(next_hop=hop.next_hop)
        send(f, "lmtp", **GIVEN)
        assert hop.wait(1)[0].xforward == {"NAME": "mx.example", "ADDR": "192.0.2.7"}
    with NextHop(extensions=("PIPELINING",)) as hop:
        f = filterd(next_hop=hop.next_hop)
        send(f, "lmtp", **GIVEN)
        assert hop.wait(1)[0].xforward == {}
        assert not [c for c in hop.commands if c.startswith(b"XFORWARD")]


def test_xforward_refused(filterd, hop):
    """501 is about the values, 4xx about now; where it is not for us at all it is not tried for ever."""
    f = filterd(next_hop=hop.next_hop)
    for reply, again in (("501 5.5.4 Bad HELO syntax", True), ("451 4.3.0 not now", True), ("550 5.7.0 not you", False)):
        hop.script["xforward"] = [reply]
        n = len(hop.messages)
        assert codes(send(f, "lmtp", **GIVEN)) == [250]
        assert codes(send(f, "lmtp", **GIVEN)) == [250]
        hop.wait(n + 2)
        assert len([c for c in hop.sessions[-1].commands if c.startswith(b"XFORWARD")]) == 1 + again
        hop.sessions[-1].sock.shutdown(2)


# --- kept connections ---

@pytest.mark.parametrize("verify", ["yes", "no"])
def test_one_connection_for_many(filterd, hop, verify):
    f = filterd(next_hop=hop.next_hop, verify_recipients_at_next_hop=verify)
    for _ in range(20):
        assert codes(send(f, "smtp")) == [250]
    hop.wait(20)
    assert len(hop.sessions) == 1
    assert [c for c in hop.commands if c == b"RSET"] == []


def test_reuse_count_limit(filterd, hop):
    f = filterd(next_hop=hop.next_hop, smtp_connection_reuse_count_limit=4)
    for _ in range(10):
        send(f, "lmtp")
    hop.wait(10)
    assert 3 <= len(hop.sessions) <= 4
    assert sum(c == b"QUIT" for c in hop.commands) >= 2


def test_cache_time_limit(filterd, hop):
    f = filterd(next_hop=hop.next_hop, smtp_connection_cache_time_limit="1s")
    send(f, "lmtp")
    hop.wait(1)
    hop.wait_for(lambda: all(s.closed for s in hop.sessions), 10)
    assert codes(send(f, "lmtp")) == [250]


@pytest.mark.parametrize("how", ["closed", "reset", "421 in advance", "421 to MAIL", "closes at MAIL"])
@pytest.mark.parametrize("door,verify", [("smtp", "yes"), ("smtp", "no"), ("lmtp", "no")])
def test_stale_connection_gets_one_try_more(filterd, hop, door, verify, how):
    f = filterd(next_hop=hop.next_hop, verify_recipients_at_next_hop=verify, **FAST)
    for i in range(5):
        assert codes(send(f, door)) == [250], (how, i)
        hop.wait(i + 1)
        live = [s for s in hop.sessions if not s.closed]
        if how == "closed":
            live[-1].sock.shutdown(2)
        elif how == "reset":
            import socket
            import struct
            live[-1].sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            live[-1].sock.shutdown(socket.SHUT_RD)
            live[-1].sock.close()
        elif how == "421 in advance":
            live[-1].sock.sendall(b"421 4.4.2 idle too long\r\n")
            live[-1].sock.shutdown(2)
        else:
            hop.script["xforward"] = ["421 4.4.2 idle too long" if how == "421 to MAIL" else CLOSE]
    assert all(m.data == MESSAGE for m in hop.messages) and len(hop.messages) == 5


def test_replies_nobody_asked_for(filterd, hop):
    """A8: a reply too many is never taken for the next command's."""
    f = filterd(next_hop=hop.next_hop, verify_recipients_at_next_hop="no", **FAST)
    f.expect("next hop|protocol")
    for stage in ("mail", "rcpt", "data", "end"):
        hop.script[stage] = [lambda s, line, stage=stage: (s.sock.sendall(b"250 2.0.0 too many\r\n"), DEFAULTS[stage])[1]]
        n = len(hop.messages)
        r = send(f, "smtp")[0]
        # Before the end it cannot be told from a reply, and what follows does not fit: no 250.
        assert r.code == (250 if stage == "end" else 451), (stage, str(r))
        hop.script.pop(stage, None)
        assert len(hop.wait(n + 1 if stage == "end" else 0)) == (n + 1 if stage == "end" else n), stage
        assert codes(send(f, "smtp")) == [250]
        hop.wait(n + 1)
    used = [s for s in hop.sessions if any(c.startswith(b"MAIL") for c in s.commands)]
    assert len(used) >= 4


def test_hangs_at_rset(filterd, hop):
    """What needs nothing of the next hop does not wait for it: a refusal, and RSET of the client's."""
    f = filterd(next_hop=hop.next_hop, files={"hc": "/^Subject: hi/ REJECT no\n"}, header_checks="pcre:{dir}/hc",
                smtpd_reject_footer="")         # smtp_mail_timeout is two minutes
    for patience, rset in ((10, HANG), (2, DEFAULTS["rset"])):
        hop.script["rset"] = rset
        with smtp.Client(f.address("smtp"), timeout=patience) as c:
            c.hello()
            mail, rcpts, data = c.transaction("a@example.com", ["b@example.com"], MESSAGE)
            assert [str(r) for r in data] == ["550 5.7.1 no"]
            c.mail("a@example.com")
            assert c.rcpt("b@example.com").code == 250
            assert c.cmd("RSET").code == 250
            assert c.mail("a@example.com").code == 250
    assert [b"RSET" in s.commands for s in hop.sessions].count(True) >= 3
    # Where it answers, the connection is used again.
    assert any(s.commands.count(b"RSET") >= 2 for s in hop.sessions)


def test_failures_are_counted_once(filterd, hop):
    f = filterd(next_hop=hop.next_hop, smtp_connection_reuse_count_limit=1, **FAST)
    f.expect("next hop")

    def count():
        return int(re.search(r"hop_failures\D+(\d+)", f.ctl("status")).group(1))
    send(f, "smtp")
    assert count() == 0
    for n, stage in enumerate(("connect", "mail", "rcpt", "data", "end"), 1):
        hop.script[stage] = [CLOSE]
        assert send(f, "lmtp")[0].code == 451
        assert count() == n, stage


@pytest.mark.parametrize("door", ["smtp", "lmtp"])
def test_down_and_up_again(filterd, hop, door):
    f = filterd(next_hop=hop.next_hop, **FAST)
    f.expect("next hop")
    assert codes(send(f, door)) == [250]
    hop.stop()
    for _ in range(3):
        assert send(f, door)[0].code == 451         # what it can do is known: no 421
    hop.start()
    assert codes(send(f, door)) == [250]
    assert all(m.data == MESSAGE for m in hop.messages)


def test_host_without_address(filterd):
    f = filterd(next_hop="smtp:[host.invalid]:25", **FAST)
    f.expect("next hop")
    assert send(f, "smtp")[0].code == 421
    told = {e["text"].partition(": ")[2].rpartition(": ")[0] for e in f.entries() if "next hop" in e["text"]}
    assert told == {"cannot look up its address"}


def test_up_after_start(filterd):
    hop = NextHop().start()
    hop.stop()
    f = filterd(next_hop=hop.next_hop, **FAST)
    f.expect("next hop")
    assert send(f, "smtp")[0].code == 421
    assert {e["text"] for e in check_names(f, hop)} == {
        f"next hop {hop.next_hop}: cannot connect: Connection refused",
        f"next hop {hop.next_hop} cannot be asked what it can do: cannot connect: Connection refused"}
    hop.start()
    assert codes(send(f, "smtp")) == [250]
    hop.stop()


def test_client_goes_before_the_dot(filterd, hop):
    """B11: the next hop's transaction is broken off without its final dot."""
    f = filterd(next_hop=hop.next_hop, verify_recipients_at_next_hop="no")
    f.expect("lost connection|client has gone")
    hop.script["data"] = [Delay(0.5, "354 go")]
    c = smtp.Client(f.address("smtp"))
    c.hello()
    c.mail("a@example.com")
    c.rcpt("b@example.com")
    c.cmd("DATA")
    c.send(smtp.dot_stuff(MESSAGE))
    c.abort()
    f.wait_finals(1, fate="defer")
    hop.wait_for(lambda: hop.broken or not hop.started, 5)
    assert hop.messages == [] and hop.unanswered == []
    assert codes(send(f, "smtp")) == [250]


def test_big_message_to_a_slow_reader(filterd, hop):
    """Sockets full in the middle: hangs and closes there are 4xx, and nothing half arrives."""
    big = b"Subject: big\r\n\r\n" + b"y" * 900 + b"\r\n"
    big += (b"z" * 998 + b"\r\n") * 12000
    f = filterd(next_hop=hop.next_hop, **FAST)
    f.expect("next hop")
    for after in (CloseAfter(1000000), ResetAfter(1000000), HangAfter(1000000)):
        for door in ("smtp", "lmtp"):
            hop.script["body"] = after
            assert send(f, door, big)[0].code == 451
    del hop.script["body"]
    assert hop.messages == [] and hop.unanswered == []
    assert codes(send(f, "lmtp", big)) == [250]
    assert hop.wait(1)[0].data == big
