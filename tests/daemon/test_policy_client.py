"""check_policy_service: filterd asks policy servers, one of them a real postgrey."""
import os
import smtplib
import socket
import subprocess
import tempfile
import threading
import time

import pytest

import children
import filterd_proc
import nexthop
import policy
import policy_server
import postfix
import smtp
from filterd_proc import Filterd
from ports import free_port


def asking(service, kind="policy:unix", **settings):
    """A filterd whose recipient list asks the service; we ask it through its policy door, which
    says most."""
    values = dict(myhostname="mx.example.org", relay_domains="example.org",
                  smtpd_recipient_restrictions=f"check_policy_service {service}")
    values.update(settings)
    return Filterd(listeners={"policy": kind}, **values)


def test_request_and_actions():
    """All attributes go out, and any action of access(5) may come back."""
    actions = {
        "reject@example.org": ("REJECT no", "554 5.7.1 no"),
        "code@example.org": ("451 4.7.0 later", "451 4.7.0 later"),
        "dunno@example.org": ("DUNNO", "DUNNO"),
        "ok@example.org": ("OK", "OK"),
        "hold@example.org": ("HOLD", "HOLD"),
        "defer@example.org": ("defer_if_permit Greylisted", "DEFER_IF_PERMIT 4.7.1 Greylisted"),
        "prepend@example.org": ("PREPEND X-Grey: 1", "PREPEND X-Grey: 1"),
        "class@example.org": ("strict", "554 5.7.1 Access denied"),
        "odd@example.org": ("no such action", "451 4.3.5 Server configuration error"),
    }
    with policy_server.Server() as s:
        s.rules = [{"if": {"recipient": r}, "action": a} for r, (a, _) in actions.items()]
        f = asking(s.endpoint, policy_permit_action="OK", smtpd_restriction_classes="strict",
                   strict="reject", smtpd_policy_service_policy_context="inbound")
        f.expect('^"(no|such|action)" is no restriction and no class')
        with f, policy.Client(f.address("policy")) as c:
            for recipient, (_, answer) in actions.items():
                assert c.ask(recipient=recipient) == answer
            sent = dict(policy.STRANGER, helo_name="h.example", sender="s@example.com",
                        recipient="dunno@example.org", client_name="c.example",
                        reverse_client_name="c.example", sasl_username="joe", sasl_method="plain",
                        sasl_sender="joe@example.com", size="4711", queue_id="4ABC",
                        encryption_protocol="TLSv1.3", encryption_cipher="AES",
                        encryption_keysize="256", ccert_subject="a+2Bb", ccert_issuer="ca",
                        ccert_fingerprint="AB:CD", ccert_pubkey_fingerprint="EF:01",
                        policy_context="other")
            del sent["instance"]
            assert c.ask(**sent) == "DUNNO"
            got = dict(s.asked[-1])
            assert got.pop("instance") != ""
            assert got == dict(sent, policy_context="inbound")
            # B6: nothing a client says adds an attribute
            assert all("\n" not in v for v in got.values())


def test_default_action():
    port = free_port()
    down = f"inet:127.0.0.1:{port}"
    for service, settings, answer in [
            (down, {}, "451 4.3.5 Server configuration problem"),
            (down, {"smtpd_policy_service_default_action": "DUNNO"}, "DUNNO"),
            ("{ %s, default_action=HOLD }" % down, {}, "HOLD"),
            ("{ %s, { default_action = 450 4.7.1 later, please } }" % down, {},
             "450 4.7.1 later, please"),
            # a default action that asks a server that is down as well
            (down, {"smtpd_policy_service_default_action": "again", "smtpd_restriction_classes": "again",
                    "again": f"check_policy_service {down}"},
             "451 4.3.5 Server configuration problem")]:
        f = asking(service, smtpd_policy_service_retry_delay="1s",
                   smtpd_policy_service_try_limit="1", **settings)
        f.expect("^problem talking to server 127.0.0.1:%d: " % port)
        with f, policy.Client(f.address("policy")) as c:
            assert c.ask() == answer
            f.wait_log(lambda e: e.get("text", "").startswith("problem talking to server"))


def rude_server(path):
    """It closes each connection behind its first answer, and breaks every third without one; the
    list of what it did."""
    server = socket.socket(socket.AF_UNIX)
    server.bind(path)
    os.chmod(path, 0o777)
    server.listen(50)
    did = []

    def serve():
        while True:
            try:
                s, _ = server.accept()
            except OSError:
                return
            with s:
                s.recv(65536)
                did.append("answer" if len(did) % 3 else "break")
                if did[-1] == "answer":
                    s.sendall(b"action=REJECT from afar\n\n")
    threading.Thread(target=serve, daemon=True).start()
    return server, did


def test_rude_server():
    """Nobody notices: what is closed is made anew, what is broken is tried again."""
    with tempfile.TemporaryDirectory(prefix="filterd-test.") as d:
        os.chmod(d, 0o755)
        server, did = rude_server(d + "/policy")
        # One try may go to a kept connection whose end has not been seen yet, the next be broken.
        with asking(f"{{ unix:{d}/policy, try_limit=3 }}") as f, \
                policy.Client(f.address("policy")) as c:
            for _ in range(6):
                assert c.ask() == "554 5.7.1 from afar"
        server.close()
        assert did.count("answer") == 6 and did.count("break") >= 3


def test_silent_server():
    """A server that takes requests and says nothing: its timeout, then the default action; others
    are served meanwhile."""
    silent = socket.create_server(("127.0.0.1", 0))
    service = "{ inet:127.0.0.1:%d, timeout=1s, try_limit=1, default_action=DUNNO }" % silent.getsockname()[1]
    f = asking(service).expect("^problem talking to server .*: timeout")
    with f:
        slow, fast = (policy.Client(f.address("policy")) for _ in range(2))
        slow.send(policy.request())
        start = time.monotonic()
        assert fast.ask(protocol_state="VRFY") == "DUNNO"
        assert time.monotonic() - start < 0.8
        assert slow.reply() == "DUNNO"
        assert 0.8 < time.monotonic() - start < 8
        slow.close()
        fast.close()
    silent.close()


def test_relative_path():
    """unix:private/policy is below queue_directory, as for Postfix's smtpd."""
    with tempfile.TemporaryDirectory(prefix="filterd-test.") as d:
        os.chmod(d, 0o755)
        os.mkdir(d + "/private", 0o755)
        server, _ = rude_server(d + "/private/policy")
        with asking("{ unix:private/policy, try_limit=3 }", queue_directory=d) as f, \
                policy.Client(f.address("policy")) as c:
            assert c.ask() == "554 5.7.1 from afar"
        server.close()


@pytest.mark.parametrize("service,said", [
    ("127.0.0.1:10023", "must be inet:HOST:PORT or unix:PATH"),
    ("{ inet:127.0.0.1:10023, timeout=never }", "must be a time such as 10s"),
    ("{ inet:127.0.0.1:10023, tmeout=1s }", "has no such option"),
])
def test_wrong_services(service, said):
    status, text = filterd_proc.check(
        "listeners = { policy:127.0.0.1:10040 }\nmyhostname = mx.example.org\n"
        f"smtpd_recipient_restrictions = check_policy_service {service}\n")
    assert status == 78 and ".cf:3: " in text and said in text


# What each of the two makes up itself, or what only it knows.
OWN = ("instance", "queue_id", "client_port", "server_port")

SENDERS = ["me@example.com", "", "Me+ext@EXAMPLE.com", '"a b"@example.com', "local",
           "@relay.example:me@example.com", "me@[192.0.2.1]", "me@example.com.", '"x@y"@example.com',
           '"a\\"b"@example.com']


def session(address, sender, greeting="ehlo"):
    with smtplib.SMTP(*address, local_hostname="client.example.test", timeout=15) as s:
        getattr(s, greeting)()
        s.docmd(f"MAIL FROM:<{sender}>" + (" SIZE=1234" if greeting == "ehlo" else ""))
        s.docmd("RCPT TO:<alice@example.test>")
        s.docmd("RCPT TO:<Bob@example.test>")
        s.data(b"Subject: x\r\n\r\nx\r\n")
        s.docmd("MAIL FROM:<second@example.com>")
        s.docmd("RCPT TO:<bob@example.test>")
        s.data(b"Subject: y\r\n\r\ny\r\n")


def test_same_as_postfix():
    """The same session at both: the same requests, but for what each makes up itself."""
    if postfix.missing():
        pytest.skip(postfix.missing())
    stages = ("recipient", "data", "end_of_data")
    asked = []

    def talk(address, server):
        del server.asked[:]
        for sender in SENDERS:
            session(address, sender)
        session(address, "me@example.com", "helo")
        asked.append(list(server.asked))

    with policy_server.Server() as server:
        ask = {f"smtpd_{s}_restrictions": f"check_policy_service {server.endpoint}" for s in stages}
        with postfix.Postfix(main=dict(ask, smtpd_relay_restrictions="permit_mynetworks, reject",
                                       smtpd_peername_lookup="no")) as p:
            talk(p.smtp, server)
        with nexthop.NextHop() as hop, \
                Filterd(listeners={"smtp": "smtp, role = before_queue"}, next_hop=hop.next_hop,
                        smtpd_authorized_xforward_hosts="", myhostname="mx.example.test", **ask) as f:
            talk(f.address("smtp"), server)
    theirs, ours = asked
    assert [r["protocol_state"] for r in ours] == [r["protocol_state"] for r in theirs]
    for mine, his in zip(ours, theirs):
        assert list(mine) == list(his)      # names, and their order
        assert {n: v for n, v in mine.items() if n not in OWN} == \
            {n: v for n, v in his.items() if n not in OWN}
    # requests about one message belong together, and about no other
    for requests in asked:
        first = requests[0]["instance"]
        assert [r["instance"] == first for r in requests[:6]] == [True] * 4 + [False] * 2


POSTGREY = "/usr/sbin/postgrey"


@pytest.mark.skipif(not os.access(POSTGREY, os.X_OK), reason="postgrey is not installed")
def test_postgrey():
    """A real server: greylisted at first, let through after the delay."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="filterd-test.") as d:
        os.chmod(d, 0o777)
        server = subprocess.Popen(
            [POSTGREY, f"--inet=127.0.0.1:{port}", f"--dbdir={d}", "--delay=2", "--user=nobody",
             "--group=nogroup", f"--pidfile={d}/pid"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=children.dies_with_us)
        try:
            wait_for(port)
            with asking(f"inet:127.0.0.1:{port}") as f, policy.Client(f.address("policy")) as c:
                first = c.ask(client_address="192.0.2.7")
                assert first.startswith("DEFER_IF_PERMIT 4.2.0 Greylisted"), first
                time.sleep(3)
                assert c.ask(client_address="192.0.2.7").startswith("PREPEND X-Greylist: delayed")
                assert c.ask(client_address="192.0.2.7") == "DUNNO"
        finally:
            server.terminate()
            server.wait(20)


def wait_for(port):
    end = time.monotonic() + 20
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 5).close()
            return
        except OSError:
            assert time.monotonic() < end, "postgrey does not start"
            time.sleep(0.1)


def test_a_unix_door_has_no_server_address():
    """SMTPD_POLICY_README's server_address and server_port are of the Internet, or empty."""
    with policy_server.Server() as s, nexthop.NextHop() as hop, \
            Filterd(listeners={"lmtp": "lmtp:unix, role = before_queue"}, next_hop=hop.next_hop,
                    verify_recipients_at_next_hop="no", smtpd_authorized_xforward_hosts="",
                    smtpd_recipient_restrictions=f"check_policy_service {s.endpoint}") as f:
        with smtp.Client(f.address("lmtp")) as c:
            c.cmd("LHLO h.example")
            c.cmd("MAIL FROM:<a@example.com>")
            assert c.cmd("RCPT TO:<b@example.org>").code == 250
            c.quit()
        assert [(r["server_address"], r["server_port"]) for r in s.asked] == [("", "")]
