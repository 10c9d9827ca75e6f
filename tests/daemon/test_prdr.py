"""PRDR (draft-hall-prdr, as Exim speaks it): a reply for each recipient of an SMTP transaction (PITFALLS B8)."""
import json

import pytest

import smtp
from nexthop import NextHop

MESSAGE = b"From: a@example.com\r\nSubject: s\r\n\r\nbody\r\n"
OK = "250 2.0.0 Ok"
BLOCK = "353 A reply for each recipient follows"
ROWS = {"ok": "OK", "no": "REJECT 5.7.9 no", "nay": "REJECT 5.7.8 nay", "later": "DEFER 4.7.9 later", "kept": "HOLD kept",
        "gone": "DISCARD", "marked": "PREPEND X-New: 1", "moved": "REDIRECT x@example.net"}
CONTENT = dict(content_restrictions="check_recipient_access inline:{ %s }" % ", ".join(
    "{%s@example.com = %s}" % x for x in ROWS.items()), smtpd_reject_footer="")
HEARS = {"no": "554 5.7.9 <no@example.com>: Recipient address rejected: no",
         "nay": "554 5.7.8 <nay@example.com>: Recipient address rejected: nay",
         "later": "450 4.7.9 <later@example.com>: Recipient address rejected: later"}
ROLES = {role: f"smtp, role = {role}, smtpd_authorized_xforward_hosts =" for role in ("before_queue", "after_queue")}


def address(name):
    return name + "@example.com"


def texts(replies):
    """Without what the next hop adds."""
    return [OK if str(r).startswith(OK + ": queued as") else str(r) for r in replies]


def by_data(c, message, n):
    return c.data(message, n)


def by_chunks(c, message, n):
    half = len(message) // 2
    c.send(b"BDAT %d\r\n%s" % (half, message[:half]))
    assert c.reply().code == 250                # no more than that before the last chunk
    c.send(b"BDAT %d LAST\r\n%s" % (len(message) - half, message[half:]))
    return c.after_data(n)


def by_empty_last_chunk(c, message, n):
    c.send(b"BDAT %d\r\n%sBDAT 0 LAST\r\n" % (len(message), message))
    assert c.reply().code == 250
    return c.after_data(n)


WAYS = [by_data, by_chunks, by_empty_last_chunk]


def held(f):
    return sorted(tuple(r["path"] for r in h["recipients"]) for h in map(json.loads, f.ctl("hold", "list", "--json").splitlines()))


def test_announced(filterd, hop):
    f = filterd(listeners={"on": "smtp", "off": "smtp, smtpd_prdr_enable = no", "discarded": "smtp, smtpd_discard_ehlo_keywords = prdr",
                           "lmtp": "lmtp"}, next_hop=hop.next_hop, smtpd_reject_footer="")
    for name in ("on", "off", "discarded", "lmtp"):
        with smtp.Client(f.address(name), lmtp=name == "lmtp") as c:
            c.hello()
            assert c.extensions.get("PRDR") == ("" if name == "on" else None)
            assert str(c.mail("a@example.com", "PRDR")) == ("250 2.1.0 Ok" if name == "on" else "555 5.5.4 Unsupported option: PRDR")
            c.cmd("RSET")
            assert str(c.mail("a@example.com", "PRDR=yes")) == "555 5.5.4 Unsupported option: PRDR=yes"
            assert str(c.mail("a@example.com", "PRDR PRDR")) == "501 5.5.4 Bad PRDR parameter syntax"
            if name == "on":
                assert c.cmd("HELO client.example").code == 250     # which announces nothing
                assert c.mail("a@example.com", "PRDR").code == 555
                assert str(c.mail("a@example.com")) == "250 2.1.0 Ok"
                assert str(c.rcpt("b@example.com", "PRDR")) == "555 5.5.4 Unsupported option: PRDR"


# who; the last reply
BLOCKS = [
    (["ok", "fine"], OK),
    (["ok", "ok"], OK),                         # twice the same: twice a reply
    (["ok", "no", "later"], "250 2.0.0 Ok: taken for 1 of 3 recipients"),
    (["no", "later", "ok", "fine"], "250 2.0.0 Ok: taken for 2 of 4 recipients"),
    (["no", "kept"], "250 2.0.0 Ok: taken for 1 of 2 recipients"),
    (["later", "gone"], "250 2.0.0 Ok: taken for 1 of 2 recipients"),
    (["marked", "moved", "ok", "no"], "250 2.0.0 Ok: taken for 3 of 4 recipients"),
    (["no", "nay"], HEARS["no"]),
    (["nay", "no", "nay"], HEARS["nay"]),
    (["no", "later"], HEARS["later"]),          # Exim takes a last 5xx for everybody, who may try again too
    (["later", "later"], HEARS["later"]),
    (["kept", "gone"], OK),
]


@pytest.mark.parametrize("verify", ["yes", "no"])
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("role", ROLES)
def test_a_reply_each(filterd, hop, role, way, verify):
    """All blocks in one session: whatever is read too much or too little shows in the next one."""
    f = filterd(listeners=ROLES, next_hop=hop.next_hop, on_mixed="strictest", verify_recipients_at_next_hop=verify,
                after_queue_reject="reject", **CONTENT)
    f.expect("after_queue_reject")
    with smtp.Client(f.address(role)) as c:
        c.hello()
        for i, (names, last) in enumerate(BLOCKS):
            sender = f"s{i}@example.com"
            c.mail(sender, "PRDR SIZE=100")
            for name in names:
                assert c.rcpt(address(name)).code == 250
            assert texts(way(c, MESSAGE, len(names))) == [BLOCK, *(HEARS.get(n, OK) for n in names), last], names
            took = sorted(r for m in hop.messages if m.sender == sender for r in m.recipients)
            assert took == sorted("x@example.net" if n == "moved" else address(n) for n in names
                                  if n in ("ok", "fine", "marked", "moved"))
        c.quit()
    assert held(f) == sorted([(address("kept"),)] * 2)
    assert not [x for x in hop.commands if b"PRDR" in x.upper()]
    finals = f.wait_finals(sum(len(names) for names, _ in BLOCKS))
    for e, name in zip(finals, [n for names, _ in BLOCKS for n in names]):
        assert e["recipient"] == address(name)
        said = HEARS.get(name, OK)
        assert f"{e['code']} {e['reply']}".startswith(said)
        assert (e["rule"] != "-") == (name not in ("ok", "fine"))


@pytest.mark.parametrize("way", WAYS)
def test_one_recipient(filterd, hop, way):
    """Is as if PRDR had not been asked for: so Exim does it, and so its client, which asks for it only with several, reads it."""
    f = filterd(listeners=ROLES, next_hop=hop.next_hop, **CONTENT)
    with smtp.Client(f.address("before_queue")) as c:
        c.hello()
        for name in ("ok", "no", "later", "kept", "gone"):
            c.mail("s@example.com", "PRDR")
            c.rcpt(address(name))
            assert texts(way(c, MESSAGE, 1)) == [HEARS.get(name, OK)]
        # one of two is not accepted at RCPT: one is left
        c.mail("s@example.com", "PRDR")
        c.rcpt(address("no"))
        assert c.rcpt("bad@").code == 501
        assert texts(way(c, MESSAGE, 1)) == [HEARS["no"]]
        c.quit()


def test_it_ends_with_the_transaction(filterd, hop):
    """A7: RSET, EHLO and the end of a message forget it; a MAIL that is refused asks for nothing."""
    f = filterd(listeners=ROLES, next_hop=hop.next_hop, on_mixed="defer", **CONTENT)
    mixed = [address("ok"), address("no")]
    again = ["451 4.3.0 Recipients disagree about this message, try later"]
    with smtp.Client(f.address("before_queue")) as c:
        c.hello()
        for end in ("RSET", "EHLO client.example"):
            c.mail("s@example.com", "PRDR")
            assert c.cmd(end).code == 250
            assert texts(c.transaction("s@example.com", mixed, MESSAGE)[2]) == again
        assert c.transaction("s@example.com", mixed, MESSAGE, mail_args="PRDR")[2][0].code == 353
        assert texts(c.transaction("s@example.com", mixed, MESSAGE)[2]) == again
        assert c.mail("s@", "PRDR").code == 501
        assert texts(c.transaction("s@example.com", mixed, MESSAGE)[2]) == again
        c.quit()


@pytest.mark.parametrize("way", WAYS)
def test_whole_message_refused(filterd, hop, way):
    """Each hears of it."""
    f = filterd(listeners=ROLES, next_hop=hop.next_hop, message_size_limit="2000",
                smtpd_end_of_data_restrictions="check_sender_access inline:{ {bad@example.com = REJECT bad} }", **CONTENT)
    big = MESSAGE + b"x" * 3000 + b"\r\n"
    with smtp.Client(f.address("before_queue")) as c:
        c.hello()
        for sender, message, why in (("s@example.com", big, "552 5.3.4 Error: message file too big"),
                                     ("bad@example.com", MESSAGE, "554 5.7.1 <bad@example.com>: Sender address rejected: bad")):
            c.mail(sender, "PRDR")
            for name in ("ok", "no", "fine"):
                c.rcpt(address(name))
            assert texts(way(c, message, 3)) == [BLOCK, why, why, why, why]
        assert c.cmd("NOOP").code == 250
        c.quit()
    assert hop.messages == []


@pytest.mark.parametrize("lmtp", [True, False])
def test_what_the_next_hop_says(filterd, lmtp):
    """Its replies are mapped back, recipient by recipient; one of a whole transaction goes to all in it."""
    with NextHop(lmtp=lmtp, script={"end": ["250 2.0.0 first", "452 4.2.2 full", "550 5.2.1 off"] if lmtp else "452 4.2.2 full"}) as hop:
        f = filterd(listeners=ROLES, next_hop=hop.next_hop, smtpd_reject_footer="")
        with smtp.Client(f.address("before_queue")) as c:
            c.hello()
            replies = texts(c.transaction("s@example.com", [address(x) for x in "abc"], MESSAGE, mail_args="PRDR")[2])
            if lmtp:
                assert replies == [BLOCK, "250 2.0.0 first", "452 4.2.2 full", "550 5.2.1 off", "250 2.0.0 Ok: taken for 1 of 3 recipients"]
            else:
                assert replies == [BLOCK] + ["452 4.2.2 full"] * 4
            c.quit()


def test_refused_at_rcpt_by_the_next_hop(filterd, hop):
    """B9: as many replies as recipients were accepted."""
    hop.script["rcpt"] = ["250 2.1.5 Ok", "550 5.1.1 no such user", "250 2.1.5 Ok"]
    f = filterd(listeners=ROLES, next_hop=hop.next_hop, verify_recipients_at_next_hop="yes", **CONTENT)
    with smtp.Client(f.address("before_queue")) as c:
        c.hello()
        _, at_rcpt, after = c.transaction("s@example.com", [address(x) for x in ("ok", "who", "no")], MESSAGE, mail_args="PRDR")
        assert [r.code for r in at_rcpt] == [250, 550, 250]
        assert texts(after) == [BLOCK, OK, HEARS["no"], "250 2.0.0 Ok: taken for 1 of 2 recipients"]
        c.quit()


def test_pipelined(filterd, hop):
    """Two messages in one write, the second without PRDR."""
    f = filterd(listeners=ROLES, next_hop=hop.next_hop, **CONTENT)
    with smtp.Client(f.address("before_queue")) as c:
        c.hello()
        for octets in (b"MAIL FROM:<s@example.com> PRDR\r\nRCPT TO:<no@example.com>\r\nRCPT TO:<ok@example.com>\r\nBDAT %d LAST\r\n" %
                       len(MESSAGE) + MESSAGE + b"MAIL FROM:<s@example.com>\r\nRCPT TO:<ok@example.com>\r\nBDAT %d LAST\r\n" % len(MESSAGE) +
                       MESSAGE,):
            c.send(octets)
            assert [r.code for r in c.replies(10)] == [250, 250, 250, 353, 554, 250, 250, 250, 250, 250]
        c.quit()


def test_421_closes_behind_the_last_reply(filterd, hop):
    f = filterd(listeners=ROLES, next_hop=hop.next_hop, content_restrictions="check_recipient_access inline:{ {no@example.com = 421 off} }",
                smtpd_reject_footer="")
    with smtp.Client(f.address("before_queue")) as c:
        c.hello()
        replies = c.transaction("s@example.com", [address("no"), address("ok")], MESSAGE, mail_args="PRDR")[2]
        assert [r.code for r in replies] == [353, 421, 250, 250]
        assert c.at_end()


def test_refused_recipients_are_no_errors_of_the_client(filterd, hop):
    """Who brings mail that somebody takes is no nuisance; who brings what nobody takes is one."""
    f = filterd(listeners=ROLES, next_hop=hop.next_hop, smtpd_hard_error_limit="6", **CONTENT)
    with smtp.Client(f.address("before_queue")) as c:
        c.hello()
        for _ in range(4):
            replies = c.transaction("s@example.com", [address("no"), address("nay"), address("ok")], MESSAGE, mail_args="PRDR")[2]
            assert [r.code for r in replies] == [353, 554, 554, 250, 250]
        for _ in range(2):
            replies = c.transaction("s@example.com", [address("no"), address("nay")], MESSAGE, mail_args="PRDR")[2]
            assert [r.code for r in replies] == [353, 554, 554, 554]
        assert c.cmd("NOOP").code == 421
