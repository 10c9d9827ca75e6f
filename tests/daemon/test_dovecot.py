"""A real Dovecot as LMTP next hop: Postfix -> filterd -> Dovecot (EXAMPLES.md 18, 21)."""
import contextlib
import re

import pytest

import dovecot as dovecot_lib
import smtp
from conftest import cannot

MESSAGE = b"From: s@example.net\r\nTo: x\r\nSubject: %s\r\nMessage-Id: <m@example.net>\r\n\r\nbody\r\n.dot\r\nFrom here\r\n"
CHECKS = "/^Subject: bad/ REJECT 5.7.9 not this\n/^Subject: tag/ TAG\n/^Subject: later/ REJECT 4.7.1 later\n"
USERS = ["alice@example.test", "bob@example.test"]


@pytest.fixture
def dovecot():
    why = dovecot_lib.missing()
    if why:
        cannot(why)
    with contextlib.ExitStack() as stack:

        def start(**kwargs):
            d = dovecot_lib.Dovecot(**kwargs)
            stack.callback(d.finish)
            return d.start()

        yield start


def body(mail):
    return mail.split(b"\n\n", 1)[1]


@pytest.mark.parametrize("by", ["tcp", "unix"])
def test_each_recipient_its_own_reply(filterd, dovecot, by):
    """RCPT is answered by filterd; the unknown user's refusal comes after the data, the others get it."""
    d = dovecot(users=USERS)
    f = filterd(next_hop=d.next_hop if by == "tcp" else f"lmtp:unix:{d.socket}", smtpd_reject_footer="")
    mail, rcpts, data = smtp.send(f.address("lmtp"), "s@example.net", ["alice@example.test", "ghost@example.test",
                                  "bob+sub@example.test"], MESSAGE % b"hi", lmtp=True)
    assert [r.code for r in rcpts] == [250] * 3
    assert [r.code for r in data] == [250, 550, 250], data
    assert re.match(r"5\.1\.1 <ghost@example\.test> User doesn't exist", data[1].text)
    assert re.match(r"2\.0\.0 <alice@example\.test> \S+ Saved", data[0].text)
    for user in USERS:
        assert [body(m) for m in d.mails(user)] == [b"body\n.dot\nFrom here\n"]
    finals = f.wait_finals(3)
    assert [e["fate"] for e in finals] == ["deliver", "reject", "deliver"]


@pytest.mark.parametrize("verify", ["yes", "no"])
def test_smtp_door(filterd, dovecot, verify):
    """With verification the unknown user is refused at RCPT, as Dovecot itself would."""
    d = dovecot(users=USERS)
    f = filterd(next_hop=d.next_hop, verify_recipients_at_next_hop=verify, smtpd_reject_footer="")
    f.expect("indeterminate")
    mail, rcpts, data = smtp.send(f.address("smtp"), "s@example.net", ["alice@example.test", "ghost@example.test"],
                                  MESSAGE % b"hi")
    if verify == "yes":
        assert [r.code for r in rcpts] == [250, 550] and [r.code for r in data] == [250]
        assert len(d.mails("alice@example.test")) == 1
    else:
        # one reply cannot say both: nobody gets it, and it comes again
        assert [r.code for r in rcpts] == [250, 250] and [r.code for r in data] == [450]
        assert d.mails("alice@example.test") == []
    assert [r.code for r in smtp.send(f.address("smtp"), "", ["bob@example.test"], MESSAGE % b"hi")[2]] == [250]
    assert len(d.mails("bob@example.test")) == 1


def test_announces_what_dovecot_can(filterd, dovecot):
    d = dovecot(users=USERS)
    f = filterd(next_hop=d.next_hop)
    with smtp.Client(d.address, lmtp=True) as c:
        c.hello()
        theirs = set(c.extensions)
    with smtp.Client(f.address("lmtp"), lmtp=True) as c:
        c.hello()
        for word in ("8BITMIME", "SMTPUTF8", "DSN"):
            assert (word in c.extensions) == (word in theirs), word
        assert c.mail("s@example.net", "BODY=8BITMIME").code == (250 if "8BITMIME" in theirs else 555)


def chain(filterd, postfix, dovecot, users=USERS, more=""):
    d = dovecot(users=[u for u in users if not u.startswith("ghost")], more=more)
    f = filterd(files={"hc": CHECKS}, header_checks="pcre:{dir}/hc", next_hop=d.next_hop)
    p = postfix(mailboxes=users + ["s@example.test"], main={
        "virtual_transport": "filter_lmtp:inet:[127.0.0.1]:%d" % f.address("lmtp")[1],
        "transport_maps": "inline:{ s@example.test=virtual: }", "notify_classes": "", "bounce_queue_lifetime": "1d"})
    return p, f, d


def test_chain(filterd, postfix, dovecot):
    p, f, d = chain(filterd, postfix, dovecot)
    for subject in (b"hi", b"tag it"):
        smtp.send(p.smtp, "s@example.test", USERS, MESSAGE % subject)
    p.wait_empty()
    for user in USERS:
        first, second = sorted(d.mails(user), key=lambda m: b"Subject: tag" in m)
        assert body(first) == body(second) == b"body\n.dot\nFrom here\n"
        assert b"X-Spam-Flag" not in first and b"\nX-Spam-Flag: YES\n" in b"\n" + second
    finals = f.wait_finals(4)
    assert {e["fate"] for e in finals} == {"deliver"}
    # Postfix's queue id and the real client came by XFORWARD, Dovecot's reply went back into Postfix's log
    for e in finals:
        assert e["queue_id"] in p.log() and e["client"].endswith("[127.0.0.1]") and e["helo"] == "client.example"
        assert f"status=sent (250 {e['reply'].split(chr(10))[0]}" in p.log()


def test_chain_only_the_unknown_user_bounces(filterd, postfix, dovecot):
    p, f, d = chain(filterd, postfix, dovecot, users=["alice@example.test", "ghost@example.test"])
    smtp.send(p.smtp, "s@example.test", ["alice@example.test", "ghost@example.test"], MESSAGE % b"hi")
    p.wait_empty()
    assert len(d.mails("alice@example.test")) == 1
    bounce = p.mails("s@example.test")
    assert len(bounce) == 1 and b"ghost@example.test" in bounce[0] and b"User doesn't exist" in bounce[0]
    assert b"alice@example.test" not in bounce[0].split(b"Content-Description: Undelivered Message")[0].split(b"Content-Description: Delivery report")[1]


def test_chain_refusal_and_deferral(filterd, postfix, dovecot):
    p, f, d = chain(filterd, postfix, dovecot)
    smtp.send(p.smtp, "s@example.test", USERS, MESSAGE % b"bad one")
    p.wait_empty()
    assert [b"5.7.9 not this" in b for b in p.mails("s@example.test")] == [True]
    smtp.send(p.smtp, "s@example.test", USERS, MESSAGE % b"later")
    p.wait_deferred()
    f.file("hc", "/^Subject: none/ REJECT\n")
    f.reload()
    p.flush()
    p.wait_empty()
    for user in USERS:
        assert len(d.mails(user)) == 1


def test_store_down_and_back(filterd, postfix, dovecot):
    p, f, d = chain(filterd, postfix, dovecot)
    f.expect("next hop")
    d.process.terminate()
    d.process.wait(20)
    smtp.send(p.smtp, "s@example.test", USERS, MESSAGE % b"hi")
    p.wait_deferred()
    d.start()
    p.flush()
    p.wait_empty()
    for user in USERS:
        assert len(d.mails(user)) == 1
