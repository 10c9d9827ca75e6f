"""filterd as the target of Postfix's smtpd_proxy_filter: the refusals of lists, checks and the next hop reach the client."""
import time

import pytest

import smtp
from nexthop import HANG, NextHop
from ports import free_port

MESSAGE = b"From: a@example.com\r\nSubject: %s\r\n\r\nbody\r\n"
ALICE, BOB = "alice@example.test", "bob@example.test"


@pytest.fixture
def world(filterd, postfix):
    """world(SETTING=VALUE, ...): a Postfix, whose smtpd hands mail to filterd, which gives it to
    that Postfix's second smtpd; (Postfix, filterd)."""
    def start(main=None, **settings):
        door = free_port()
        p = postfix(smtpd=f"  -o smtpd_proxy_filter=127.0.0.1:{door}\n",
                    main={"smtpd_authorized_xclient_hosts": "127.0.0.0/8",
                          "smtpd_relay_restrictions": "permit_auth_destination, reject", **(main or {})})
        f = filterd(listeners=f"{{ smtp:127.0.0.1:{door}, role = before_queue, name = proxy }}",
                    next_hop="smtp:[127.0.0.1]:%d" % p.reinject[1], smtpd_reject_footer="",
                    myhostname="filter.example.test", resolver="127.0.0.1:9", **settings)
        return p, f
    return start


def submit(p, rcpts, message=MESSAGE % b"hi", addr="192.0.2.1", name="client.example", sender="sender@example.com"):
    """One message from a client of the outside world; (RCPTs' replies, replies after the data)."""
    with smtp.Client(p.smtp) as c:
        assert c.cmd(f"XCLIENT ADDR={addr} NAME={name}").code == 220
        c.hello("helo.example")
        return c.transaction(sender, rcpts, message)[1:]


def test_mail_goes_through(world):
    """With the client's name, address and HELO, and the queue id of the other end in the reply."""
    p, f = world()
    rcpts, end = submit(p, [ALICE, BOB])
    assert [r.code for r in rcpts + end] == [250, 250, 250]
    p.wait_empty()
    assert len(p.mails(ALICE)) == len(p.mails(BOB)) == 1
    finals = f.wait_finals(2)
    assert {e["client"] for e in finals} == {"client.example[192.0.2.1]"}
    assert {e["helo"] for e in finals} == {"helo.example"}
    # XFORWARD went on to the next hop, whose log has the client.
    assert "client=client.example[192.0.2.1]" in p.log()
    assert end[0].text.split()[-1] in p.log()


def test_refusals_of_the_lists_reach_the_client(world):
    him = "inline:{ {%s = 550 5.7.9 not him} }" % BOB
    p, f = world(smtpd_recipient_restrictions="check_recipient_access " + him,
                 smtpd_client_restrictions="check_client_access inline:{ {192.0.2.66 = 554 5.7.8 go away} }",
                 smtpd_helo_restrictions="check_helo_access inline:{ {never.example = REJECT} }")
    rcpts, end = submit(p, [ALICE, BOB])
    assert str(rcpts[0])[:3] == "250" and [r.code for r in end] == [250]
    assert str(rcpts[1]) == f"550 5.7.9 <{BOB}>: Recipient address rejected: not him"
    p.wait_empty()
    assert len(p.mails(ALICE)) == 1 and p.mails(BOB) == []
    # The client is the real one, not the Postfix in front, whatever the list.
    rcpts, end = submit(p, [ALICE], addr="192.0.2.66")
    assert str(rcpts[0]) == "554 5.7.8 <client.example[192.0.2.66]>: Client host rejected: go away"
    assert [(e["stage"], e["recipient"]) for e in f.entries("reject")] == [("RCPT", BOB), ("RCPT", ALICE)]
    assert len(p.mails(ALICE)) == 1


def test_refusal_at_the_end_of_data(world):
    p, f = world(header_checks="pcre:{dir}/hc", files={"hc": "/^Subject: bad/ REJECT no such thing\n/^Subject: later/ REJECT 4.7.2 later\n"},
                 smtpd_end_of_data_restrictions="check_sender_access inline:{ {other@example.com = REJECT} }")
    assert [str(r) for r in submit(p, [ALICE], MESSAGE % b"bad")[1]] == ["550 5.7.1 no such thing"]
    assert [str(r) for r in submit(p, [ALICE], MESSAGE % b"later")[1]] == ["451 4.7.2 later"]
    assert [str(r) for r in submit(p, [ALICE], sender="other@example.com")[1]] == \
        ["554 5.7.1 <other@example.com>: Sender address rejected: Access denied"]
    assert [r.code for r in submit(p, [ALICE], MESSAGE % b"good")[1]] == [250]
    p.wait_empty()
    assert len(p.mails(ALICE)) == 1
    # A refusal is no bounce here: nothing was ever queued.
    assert p.queued() == [] and "status=bounced" not in p.log()


def test_next_hop_behind_is_asked_live(filterd, postfix):
    """The replies to RCPT are those of the next hop, word for word."""
    said = {"rcpt": ["250 2.1.5 Ok", "450 4.2.1 mailbox is being moved"]}
    with NextHop(script=said) as hop:
        door = free_port()
        f = filterd(listeners=f"{{ smtp:127.0.0.1:{door}, role = before_queue }}", next_hop=hop.next_hop,
                    smtpd_reject_footer="", resolver="127.0.0.1:9")
        p = postfix(smtpd=f"  -o smtpd_proxy_filter=127.0.0.1:{door}\n")
        with smtp.Client(p.smtp) as c:
            c.hello("helo.example")
            rcpts, end = c.transaction("sender@example.com", [ALICE, BOB], MESSAGE % b"hi")[1:]
        assert [str(r) for r in rcpts][1:] == ["450 4.2.1 mailbox is being moved"]
        assert [r.code for r in end] == [250]
        m = hop.wait(1)[0]
        assert m.recipients == [ALICE] and m.xforward["HELO"] == "helo.example"
        assert m.xforward["ADDR"] == "127.0.0.1" and m.xforward["PROTO"] == "ESMTP"
        assert "hop" in f.entries("defer")[0]


def test_client_that_vanishes_leaves_nothing(filterd, postfix):
    """Postfix breaks the connection off when its client goes away inside the message: nobody gets half of it."""
    with NextHop() as hop:
        door = free_port()
        f = filterd(listeners=f"{{ smtp:127.0.0.1:{door}, role = before_queue }}", next_hop=hop.next_hop,
                    resolver="127.0.0.1:9")
        f.expect("lost connection after DATA")
        p = postfix(smtpd=f"  -o smtpd_proxy_filter=127.0.0.1:{door}\n")
        with smtp.Client(p.smtp) as c:
            c.hello()
            c.mail("a@example.com")
            c.rcpt(ALICE)
            assert c.cmd("DATA").code == 354
            c.send(b"From: a@example.com\r\n\r\n" + b"half a message\r\n" * 20000)
            c.abort()
        hop.wait_for(lambda: hop.sessions and all(s.closed or b"RSET" in s.commands for s in hop.sessions))
        time.sleep(0.3)
        assert hop.messages == [] and not [m for m in hop.started if m.data is not None]
        # And the next message is none the worse.
        with smtp.Client(p.smtp) as c:
            c.hello()
            assert [r.code for r in c.transaction("a@example.com", [ALICE], MESSAGE % b"x")[2]] == [250]
        assert len(hop.wait(1)) == 1


def test_next_hop_that_fails_is_a_4xx(filterd, postfix):
    with NextHop(script={"end": HANG}) as hop:
        door = free_port()
        f = filterd(listeners=f"{{ smtp:127.0.0.1:{door}, role = before_queue }}", next_hop=hop.next_hop,
                    smtp_data_done_timeout="2s", resolver="127.0.0.1:9")
        f.expect(".")
        p = postfix(smtpd=f"  -o smtpd_proxy_filter=127.0.0.1:{door}\n")
        with smtp.Client(p.smtp) as c:
            c.hello()
            end = c.transaction("a@example.com", [ALICE], MESSAGE % b"x")[2]
        assert end[0].code // 100 == 4
        assert p.queued() == []


def test_xclient_goes_on(filterd, postfix):
    """Whom XCLIENT told of to us the next hop is told of in the same way, if it takes that of us: its
    own lists then judge that client."""
    p = postfix(main={"smtpd_authorized_xclient_hosts": "127.0.0.0/8", "smtpd_delay_reject": "yes",
                      "smtpd_relay_restrictions": "permit_auth_destination, reject",
                      "smtpd_client_restrictions": "check_client_access inline:{ {192.0.2.66 = 554 5.7.8 go away} }",
                      "smtpd_helo_restrictions": "check_helo_access inline:{ {bad.example = REJECT} }"})
    f = filterd(listeners={"door": "smtp, role = before_queue"}, next_hop="smtp:[127.0.0.1]:%d" % p.smtp[1],
                smtpd_authorized_xclient_hosts="127.0.0.0/8", smtpd_reject_footer="", resolver="127.0.0.1:9")
    for addr, helo, want in (("192.0.2.1", "good.example", None),
                             ("192.0.2.66", "good.example", "554 5.7.8 <x.example[192.0.2.66]>: Client host rejected: go away"),
                             ("192.0.2.2", "bad.example", "554 5.7.1 <bad.example>: Helo command rejected: Access denied"),
                             ("192.0.2.3", "good.example", None)):
        with smtp.Client(f.address("door")) as c:
            assert c.cmd(f"XCLIENT ADDR={addr} NAME=x.example").code == 220
            c.hello(helo)
            rcpts, end = c.transaction("a@example.com", [ALICE], MESSAGE % b"x")[1:]
            if want is None:
                assert [r.code for r in rcpts + end] == [250, 250]
            else:
                assert str(rcpts[0]) == want
    p.wait_empty()
    assert len(p.mails(ALICE)) == 2
    assert "client=x.example[192.0.2.1]" in p.log() and "client=x.example[192.0.2.3]" in p.log()


def test_speed_adjust(filterd, postfix):
    """Postfix keeps the message until it is whole, and then says all of it in one go."""
    with NextHop() as hop:
        door = free_port()
        f = filterd(listeners=f"{{ smtp:127.0.0.1:{door}, role = before_queue }}", next_hop=hop.next_hop, resolver="127.0.0.1:9",
                    header_checks="pcre:{dir}/hc", files={"hc": "/^Subject: bad/ REJECT no such thing\n"}, smtpd_reject_footer="")
        p = postfix(smtpd=f"  -o smtpd_proxy_filter=127.0.0.1:{door}\n  -o smtpd_proxy_options=speed_adjust\n")
        for subject, want in ((b"good", "250 2.0.0 Ok: queued as HOP"), (b"bad", "550 5.7.1 no such thing")):
            with smtp.Client(p.smtp) as c:
                c.hello()
                end = c.transaction("a@example.com", [ALICE, BOB], MESSAGE % subject)[2]
            assert [str(r)[:len(want)] for r in end] == [want]
        assert [m.recipients for m in hop.wait(1)] == [[ALICE, BOB]]
        assert len(f.wait_finals(4)) == 4
