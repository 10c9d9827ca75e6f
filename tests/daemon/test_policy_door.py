"""The policy door: requests of every kind, and a real Postfix that asks."""
import re
import smtplib
import time

import pytest

import nexthop
import policy
from filterd_proc import Filterd
from postfix import Postfix
import postfix as postfix_lib

LISTS = dict(
    myhostname="mx.example.org", relay_domains="example.org", mynetworks="127.0.0.0/8",
    smtpd_client_restrictions="check_client_access texthash:{dir}/clients",
    smtpd_helo_restrictions="check_helo_access texthash:{dir}/helos",
    smtpd_sender_restrictions="check_sender_access texthash:{dir}/senders",
    smtpd_recipient_restrictions="check_recipient_access texthash:{dir}/recipients",
    smtpd_data_restrictions="check_sender_access texthash:{dir}/data, reject_multi_recipient_bounce",
    smtpd_end_of_data_restrictions="check_recipient_access texthash:{dir}/end")
FILES = dict(
    clients="192.0.2.66 REJECT\nbad.client.example REJECT\n",
    helos="bad.helo.example 450 4.7.1 not you\n",
    senders="bad@example.com REJECT go away\n550@example.com 550 5.1.3 odd\n",
    recipients="""\
bad@example.org REJECT
full@example.org 452 4.2.2 mailbox full
permit@example.org OK
defer@example.org DEFER_IF_PERMIT come again
unsure@example.org DEFER_IF_REJECT not sure
hold@example.org HOLD look at this
discard@example.org DISCARD
filter@example.org FILTER smtp:[127.0.0.1]:26
redirect@example.org REDIRECT other@example.org
bcc@example.org BCC archive@example.org
prepend@example.org PREPEND X-Policy: yes
many@example.org many
both@example.org both
turned@example.org turned
warn@example.org WARN look
""",
    data="data@example.com REJECT\n",
    end="end@example.org 554 5.6.0 no\n")


def door(kind="policy:unix", files=FILES, more=None, **settings):
    values = dict(LISTS, smtpd_restriction_classes="many, both, turned",
                  both="check_recipient_access inline:{{both@example.org = DEFER_IF_REJECT one}},"
                       " check_recipient_access inline:{{both@example.org = DEFER_IF_PERMIT two}}",
                  turned="check_recipient_access inline:{{turned@example.org = DEFER_IF_REJECT one}},"
                         " reject",
                  many="check_recipient_access inline:{{many@example.org = HOLD}},"
                       " check_recipient_access inline:{{many@example.org = BCC a@example.org}},"
                       " check_recipient_access inline:{{many@example.org = PREPEND X-A: b}}")
    values.update(settings)
    return Filterd(listeners=dict(more or {}, policy=kind), files=files, **values)


@pytest.fixture(scope="module")
def served():
    f = door().expect("^policy answer hold leaves out BCC").expect("look")
    with f:
        yield f


@pytest.fixture
def client(served):
    with policy.Client(served.address("policy")) as c:
        yield c


CASES = [
    (dict(), "DUNNO"),
    # RCPT, with the earlier lists
    (dict(recipient="bad@example.org"), "554 5.7.1 Access denied"),
    (dict(recipient="full@example.org"), "452 4.2.2 mailbox full"),
    (dict(sender="bad@example.com"),
     "554 5.7.1 <bad@example.com>: Sender address rejected: go away"),
    (dict(sender="550@example.com"), "550 5.1.7 <550@example.com>: Sender address rejected: odd"),
    (dict(helo_name="bad.helo.example"),
     "450 4.7.1 <bad.helo.example>: Helo command rejected: not you"),
    (dict(client_address="192.0.2.66"),
     "554 5.7.1 <unknown[192.0.2.66]>: Client host rejected: Access denied"),
    (dict(client_name="bad.client.example", reverse_client_name="bad.client.example"),
     "554 5.7.1 <bad.client.example[192.0.2.1]>: Client host rejected: Access denied"),
    # a permit opens nothing (PITFALLS B3)
    (dict(recipient="permit@example.org"), "DUNNO"),
    (dict(recipient="warn@example.org"), "DUNNO"),
    # what the MTA settles
    (dict(recipient="defer@example.org"), "DEFER_IF_PERMIT 4.7.1 come again"),
    (dict(recipient="unsure@example.org"), "DEFER_IF_REJECT 4.7.1 not sure"),
    # what is settled already: a deferral whatever the MTA decides, and a refusal turned into one
    (dict(recipient="both@example.org"), "450 4.7.1 two"),
    (dict(recipient="turned@example.org"), "450 4.7.1 one"),
    # effects
    (dict(recipient="hold@example.org"), "HOLD look at this"),
    (dict(recipient="discard@example.org"), "DISCARD"),
    (dict(recipient="filter@example.org"), "FILTER smtp:[127.0.0.1]:26"),
    (dict(recipient="redirect@example.org"), "REDIRECT other@example.org"),
    (dict(recipient="bcc@example.org"), "BCC archive@example.org"),
    (dict(recipient="prepend@example.org"), "PREPEND X-Policy: yes"),
    # delayed lists say nothing earlier
    (dict(protocol_state="CONNECT", client_address="192.0.2.66", helo_name="", sender="",
          recipient=""), "DUNNO"),
    (dict(protocol_state="EHLO", helo_name="bad.helo.example", sender="", recipient=""), "DUNNO"),
    (dict(protocol_state="HELO", helo_name="bad.helo.example", sender="", recipient=""), "DUNNO"),
    (dict(protocol_state="MAIL", sender="bad@example.com", recipient=""), "DUNNO"),
    # DATA and later; recipient only when it is one
    (dict(protocol_state="DATA", sender="data@example.com", recipient_count="1"),
     "554 5.7.1 <data@example.com>: Sender address rejected: Access denied"),
    (dict(protocol_state="DATA", recipient_count="2", recipient=""), "DUNNO"),
    (dict(protocol_state="DATA", sender="", recipient_count="1"), "DUNNO"),
    (dict(protocol_state="DATA", sender="", recipient_count="2", recipient=""),
     "550 5.5.3 Multi-recipient bounce"),
    (dict(protocol_state="END-OF-MESSAGE", recipient="end@example.org", recipient_count="1",
          size="1234"), "554 5.6.0 <end@example.org>: Recipient address rejected: no"),
    (dict(protocol_state="END-OF-MESSAGE", recipient="", recipient_count="2"), "DUNNO"),
    (dict(protocol_state="END-OF-MESSAGE", recipient="end@example.org", recipient_count="2"),
     "DUNNO"),       # whatever it says: it is about two
    (dict(protocol_state="END-OF-MESSAGE", recipient="", recipient_count="1"), "DUNNO"),
    (dict(protocol_state="VRFY", recipient="bad@example.org"), "DUNNO"),
    (dict(protocol_state="ETRN", recipient="", etrn_domain="example.org"), "DUNNO"),
    # odd, and fine
    (dict(sender=""), "DUNNO"),
    (dict(recipient="Bad@EXAMPLE.org"), "554 5.7.1 Access denied"),
    (dict(recipient="a b@example.org"), "DUNNO"),
    (dict(recipient="postmaster"), "DUNNO"),
    (dict(client_address="2001:db8::1"), "DUNNO"),
    (dict(client_address="unknown"), "DUNNO"),
    (dict(instance=None, stress="yes", policy_context="x", shoe_size="44"), "DUNNO"),
]


@pytest.mark.parametrize("attributes,action", CASES)
def test_answers(client, attributes, action):
    assert client.ask(**attributes) == action
    # and the connection is as good as before
    assert client.ask() == "DUNNO"


def test_left_out(served, client):
    assert client.ask(recipient="many@example.org") == "HOLD"
    line = served.wait_log(lambda e: "leaves out" in e.get("text", ""))
    assert "BCC a@example.org, PREPEND X-A: b" in line["text"]


def both_doors(hop):
    return door(more={"smtp": "smtp, role = before_queue"}, next_hop=hop.next_hop,
                smtpd_reject_footer="", smtpd_authorized_xforward_hosts="",
                smtpd_authorized_xclient_hosts="127.0.0.0/8",
                smtpd_relay_restrictions="reject_unauth_destination",
                smtpd_recipient_restrictions="reject_non_fqdn_recipient, " +
                LISTS["smtpd_recipient_restrictions"]).expect("leaves out|look")


def test_same_as_smtp_door():
    """What is refused at RCPT by one door is refused by the other in the same words."""
    refused = 0
    with nexthop.NextHop() as hop, both_doors(hop) as f, policy.Client(f.address("policy")) as c:
        for attributes, _ in CASES + [(dict(recipient="x@elsewhere.example"), ""),
                                      (dict(recipient="local"), "")]:
            a = dict(policy.STRANGER, **attributes)
            if a["protocol_state"] != "RCPT" or a["client_address"] == "unknown" or \
                    not a["recipient"] or " " in a["recipient"]:
                continue
            action = c.ask(**attributes)
            reply = smtp_rcpt(f.address("smtp"), a)
            if action[:1] in "45" and action[:1].isdigit():
                assert action == policy.answer_for(reply, a["recipient"])
                refused += 1
            elif action.startswith("DEFER_IF_PERMIT"):
                assert "4.7.1 " in reply
            else:
                assert reply.startswith("250 "), (action, reply)
    assert refused >= 8


def smtp_rcpt(address, a):
    """The reply to RCPT of a client as the attributes describe it."""
    with smtplib.SMTP(*address, local_hostname="x", timeout=20) as s:
        s.ehlo()
        name = a["client_name"] if a["client_name"] != "unknown" else "[UNAVAILABLE]"
        v6 = "IPV6:" if ":" in a["client_address"] else ""
        code, _ = s.docmd(f"XCLIENT ADDR={v6}{a['client_address']} NAME={name} HELO={a['helo_name']}")
        assert code == 220
        assert s.docmd("EHLO " + a["helo_name"])[0] == 250
        assert s.docmd(f"MAIL FROM:<{a['sender']}>")[0] == 250
        code, text = s.docmd(f"RCPT TO:<{a['recipient']}>")
        return f"{code} {text.decode()}"


MALFORMED = [
    "\n",
    "request=smtpd_access_policy\n\n",                   # no protocol_state
    policy.request(request="other"),
    policy.request(request=None),
    policy.request(protocol_state="STARTTLS"),
    policy.request(size="12k"),
    policy.request(client_address="example.org"),
    policy.request(recipient_count="-1"),
    policy.request(sasl_username="x" * 300),
    policy.request(helo_name="x" * 300),
    policy.request(instance="x" * 300),
    policy.request(protocol_state="DATA", recipient_count="99999999"),
    policy.request(sender="x" * 9000),
    policy.request(**{f"attribute{i}": "" for i in range(101)}),
    policy.request().replace("sender=me", "sender=a\nsender=me"),     # PITFALLS B6
    policy.request().replace("sender=me", "sender=a\nb=c\nd\nx="),
    policy.request(sender="a\0b"),
    policy.request().replace("\n", "\r\n") + "\n",
    "x" * 40000,
]


@pytest.mark.parametrize("text", MALFORMED, ids=range(len(MALFORMED)))
def test_malformed(served, text):
    served.expect("^malformed request from unix, connection closed: ")
    before = len(served.entries())
    with policy.Client(served.address("policy")) as c:
        c.send(text)
        assert c.reply() is None
    served.wait_log(lambda e: e.get("text", "").startswith("malformed request from unix"), 10, before)
    with policy.Client(served.address("policy")) as c:
        assert c.ask() == "DUNNO"


def test_pieces(client):
    """A request may come octet by octet, and the next one right behind it."""
    text = policy.request(recipient="bad@example.org")
    for i in range(0, len(text), 7):
        client.send(text[i:i + 7])
        time.sleep(0.001)
    assert client.reply() == "554 5.7.1 Access denied"
    client.send(text + policy.request())
    have = b""
    while have.count(b"\n\n") < 2:
        have += client.s.recv(4096)
    assert have == b"action=554 5.7.1 Access denied\n\naction=DUNNO\n\n"


def test_log_and_instances(served, client):
    """One instance has one decision id; the line says who, what, why."""
    for recipient in ("bad@example.org", "you@example.org"):
        client.ask(instance="one.1", recipient=recipient, queue_id="4ABC")
    client.ask(instance="two.2", recipient="bad@example.org", queue_id="4DEF")

    def lines(queue_id):
        return [e for e in served.entries() if e.get("queue_id") == queue_id]
    served.wait_log(lambda e: e.get("queue_id") == "4DEF")
    first, second = lines("4ABC")
    assert first["id"] == second["id"] != lines("4DEF")[0]["id"]
    assert (first["event"], second["event"]) == ("reject", "dunno")
    assert first["answer"] == "554 5.7.1 Access denied"
    assert first["stage"] == "RCPT" and first["client"] == "unknown[192.0.2.1]"
    assert first["sender"] == "me@example.com" and first["recipient"] == "bad@example.org"
    assert re.fullmatch(r".*/recipients:1", first["rule"])
    assert first["text"].startswith("reject: RCPT from unknown[192.0.2.1]: 554 5.7.1 Access denied; "
                                    "from=<me@example.com> to=<bad@example.org> proto=ESMTP "
                                    "helo=<mail.example.com> rule=")
    assert first["text"].endswith(" queue_id=4ABC")


def test_whole_text():
    with door(policy_refusal_text="whole") as f, policy.Client(f.address("policy")) as c:
        assert c.ask(recipient="bad@example.org") == \
            "554 5.7.1 <bad@example.org>: Recipient address rejected: Access denied"
        assert c.ask(recipient="defer@example.org") == \
            "DEFER_IF_PERMIT 4.7.1 <defer@example.org>: Recipient address rejected: come again"


def test_without_delay():
    with door(smtpd_delay_reject="no") as f, policy.Client(f.address("policy")) as c:
        assert c.ask(protocol_state="CONNECT", client_address="192.0.2.66", helo_name="", sender="",
                     recipient="") == "554 5.7.1 Access denied"
        assert c.ask(protocol_state="EHLO", helo_name="bad.helo.example", sender="",
                     recipient="") == "450 4.7.1 not you"
        assert c.ask(protocol_state="MAIL", sender="bad@example.com",
                     recipient="") == "554 5.7.1 go away"
        assert c.ask(sender="bad@example.com") == "DUNNO"       # it was asked at MAIL
        assert c.ask(recipient="bad@example.org") == "554 5.7.1 Access denied"


def test_permit_action_and_decisions():
    with door("policy", policy_permit_action="OK", policy_log="decisions") as f, \
            policy.Client(f.address("policy")) as c:
        assert c.ask() == "DUNNO"
        assert c.ask(recipient="permit@example.org") == "OK"
        line = f.wait_log(lambda e: e.get("program") == "filterd/policy")
        assert line["event"] == "permit" and line["recipient"] == "permit@example.org"
        assert not f.entries("dunno")


def test_login_and_tls():
    """Restrictions that only this door can make decide: sasl_*, encryption_*, ccert_*."""
    fingerprint = "C2:9D:F4:87:71:73:73:D9:18:E7:C2:F3:C1:DA:6E:04"
    tls = dict(encryption_protocol="TLSv1.3", encryption_cipher="AES", encryption_keysize="256")
    f = door(files=dict(ccerts=fingerprint + " REJECT bad certificate\n",
                        logins="joe REJECT not joe\n"),
             smtpd_sasl_auth_enable="yes", smtpd_client_restrictions="", smtpd_helo_restrictions="",
             smtpd_sender_restrictions="", smtpd_data_restrictions="",
             smtpd_end_of_data_restrictions="",
             smtpd_recipient_restrictions="check_sasl_access texthash:{dir}/logins,"
             " check_ccert_access texthash:{dir}/ccerts, permit_sasl_authenticated,"
             " permit_tls_all_clientcerts, reject_plaintext_session, reject")
    f.expect("stands before the protection against relaying")
    with f, policy.Client(f.address("policy")) as c:
        assert c.ask() == "450 4.7.1 Session encryption is required"
        assert c.ask(**tls) == "554 5.7.1 Access denied"
        assert c.ask(sasl_username="ann", sasl_method="plain") == "DUNNO"
        assert "not joe" in c.ask(sasl_username="joe", sasl_method="plain")
        assert c.ask(ccert_subject="x.example.com", **tls) == "DUNNO"
        assert "bad certificate" in c.ask(ccert_fingerprint=fingerprint, **tls)


def test_limits():
    f = door("policy, listener_connection_limit = 2")
    f.expect("listener_connection_limit")
    with f:
        clients = [policy.Client(f.address("policy")) for _ in range(2)]
        for c in clients:
            assert c.ask() == "DUNNO"
        with policy.Client(f.address("policy")) as third:
            assert third.s.recv(100) == b""         # no SMTP reply here
        for c in clients:
            assert c.ask() == "DUNNO"
            c.close()


def test_strangers_and_stop():
    f = door("policy, allowed_clients = 192.0.2.0/24").expect("not in allowed_clients")
    with f:
        with policy.Client(f.address("policy")) as c:
            assert c.s.recv(100) == b""
    # An idle connection does not keep filterd from stopping, and one is closed cleanly.
    with door() as f:
        c = policy.Client(f.address("policy"))
        assert c.ask() == "DUNNO"
        start = time.monotonic()
        assert f.stop() == 0
        assert time.monotonic() - start < 10
        assert c.s.recv(100) == b""
        c.close()


def test_slow_request():
    """A request that was begun and does not come to its end is not waited for without end."""
    with door("policy, smtpd_timeout = 1s") as f, policy.Client(f.address("policy")) as c:
        c.send("request=smtpd_access_policy\n")
        start = time.monotonic()
        assert c.reply() is None
        assert 0.5 < time.monotonic() - start < 8
        with policy.Client(f.address("policy")) as idle:
            time.sleep(3)
            assert idle.ask() == "DUNNO"        # between requests the client decides


def test_reload():
    with door() as f, policy.Client(f.address("policy")) as c:
        assert c.ask(instance="a.1", recipient="bad@example.org").startswith("554")
        f.reload(smtpd_recipient_restrictions="check_recipient_access inline:{{you@example.org = HOLD}}")
        # One message sees one configuration; the next one the new one.
        assert c.ask(instance="a.1", recipient="bad@example.org").startswith("554")
        assert c.ask(instance="a.2", recipient="bad@example.org") == "DUNNO"
        assert c.ask(instance="a.2") == "HOLD"


# --- a real Postfix asks ---

@pytest.mark.parametrize("kind", ["policy:unix", "policy"])
def test_postfix(kind):
    if postfix_lib.missing():
        pytest.skip(postfix_lib.missing())
    recipients = "alice@example.test DUNNO\nbob@example.test REJECT not bob\n" \
                 "carol@example.test 450 4.2.1 carol is away\n"
    unused = {f"smtpd_{name}_restrictions": "" for name in ("client", "helo", "sender", "data", "end_of_data")}
    f = door(kind + (", socket_mode = 0666" if kind.endswith(":unix") else ""),
             files=dict(r=recipients), **unused,
             smtpd_recipient_restrictions="check_recipient_access texthash:{dir}/r")
    with f:
        a = f.address("policy")
        service = f"unix:{a}" if isinstance(a, str) else "inet:%s:%d" % a
        boxes = [f"{n}@example.test" for n in ("alice", "bob", "carol")]
        own = {"smtpd_recipient_restrictions": f"check_recipient_access texthash:{f.dir}/r"}
        asks = {"smtpd_recipient_restrictions": f"check_policy_service {service}",
                "smtpd_data_restrictions": f"check_policy_service {service}",
                "smtpd_end_of_data_restrictions": f"check_policy_service {service}"}
        replies = []
        for main in (own, asks):
            with Postfix(mailboxes=boxes, main=main) as p:
                replies.append(rcpt_replies(p.smtp, boxes))
        assert replies[0] == replies[1]
        assert [r[0] for r in replies[1][:3]] == [250, 554, 450]
        assert replies[1][3] == 250          # the message itself
        lines = [e for e in f.entries() if e.get("program") == "filterd/policy" and "stage" in e]
        assert [e["stage"] for e in lines] == ["RCPT", "RCPT", "RCPT", "DATA", "END-OF-MESSAGE"]
        assert len({e["id"] for e in lines}) == 1       # one message, one id


def rcpt_replies(address, recipients):
    with smtplib.SMTP(*address, local_hostname="client.example.test", timeout=15) as s:
        s.ehlo()
        s.mail("x@example.test")
        out = [s.rcpt(r) for r in recipients]
        out.append(s.data(b"Subject: x\r\n\r\nx\r\n")[0])
    return out
