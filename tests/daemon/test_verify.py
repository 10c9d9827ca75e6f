"""reject_unverified_sender and reject_unverified_recipient through a running filterd: MX hosts by
DNS, a next hop, hosts that hang or are gone, and what is still known after a restart."""
import os
import contextlib
import errno
import time

import pytest

import dns_case
import smtp
from conftest import cannot
from nexthop import HANG, NextHop

# Port 25 of addresses of this process's own: several tests may run at a time.
NET = "127.0.%d" % (77 + int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:]))
HOSTS = (NET + ".1", NET + ".2")
DNS = {
    "remote.example": {"MX": [[20, "mx2.remote.example"], [10, "mx1.remote.example"]]},
    "mx1.remote.example": {"A": [HOSTS[0]]},
    "mx2.remote.example": {"A": [HOSTS[1]]},
    "second.example": {"MX": [[20, "mx2.remote.example"]]},
    "plain.example": {"A": [HOSTS[0]]},             # no MX: its own address
    "null.example": {"MX": [[0, "."]]},
    "down.example": {"MX": [[10, "down.example"]], "A": [NET + ".3"]},
    "trouble.example": {"*": "SERVFAIL"},
}
REFUSED = "550 5.1.1 No such user here"


def mailboxes(session, line):
    """What RCPT says: the name of the mailbox tells."""
    local = line.decode().split("<")[1].split("@")[0]
    return {"bad": REFUSED, "later": "451 4.3.0 not now", "hang": HANG}.get(local, "250 2.1.5 Ok")


@contextlib.contextmanager
def mail_host(address):
    h = NextHop(host=address, port=25, script={"rcpt": mailboxes})
    try:
        h.start()
    except OSError as e:
        if e.errno in (errno.EACCES, errno.EADDRINUSE, errno.EADDRNOTAVAIL):
            cannot(f"{address}:25: {e.strerror}")
        raise
    try:
        yield h
    finally:
        h.stop()


@pytest.fixture
def world(filterd, hop):
    """make(...): a filterd, one MX host, the DNS."""
    with mail_host(HOSTS[0]) as mx, dns_case.Server(DNS) as dns:
        hop.script["rcpt"] = mailboxes

        def make(**more):
            settings = dict(
                listeners={"smtp": "smtp, role = before_queue"}, next_hop=hop.next_hop,
                verify_recipients_at_next_hop="no", resolver=dns.address, resolver_timeout="1s",
                smtpd_relay_restrictions="", mydestination="here.example", myorigin="here.example",
                local_recipient_maps="", inet_interfaces="127.0.0.1", myhostname="mx.here.example",
                smtpd_recipient_restrictions="reject_unverified_sender", smtpd_reject_footer="")
            settings.update(more)
            return filterd(**settings)
        yield make, mx, hop


def ask(f, sender="s@here.example", rcpt="r@here.example"):
    with smtp.Client(f.address("smtp"), timeout=60) as c:
        c.hello()
        c.mail(sender)
        got = str(c.rcpt(rcpt))
        c.quit()
    return got


def probes(host):
    """What probes said to this host: (MAIL, RCPT)."""
    out = []
    for s in host.sessions:
        said = [c.decode() for c in s.commands]
        out += [(m, r) for m, r in zip(said, said[1:])
                if m.startswith("MAIL") and r.startswith("RCPT")]
    return out


def test_sender(world):
    make, mx, _ = world
    f = make()
    where = "Sender address rejected:"
    said = f"host mx1.remote.example[{HOSTS[0]}] said:"
    for sender, want in (
            ("good@remote.example", "250 2.1.5 Ok"),
            ("bad@remote.example", f"450 4.1.7 <bad@remote.example>: {where} unverified address: "
             f"{said} {REFUSED} (in reply to RCPT TO command)"),
            ("later@remote.example", f"450 4.1.7 <later@remote.example>: {where} unverified "
             f"address: "),
            ("good@plain.example", "250 2.1.5 Ok"),
            ("bad@plain.example", f"450 4.1.7 <bad@plain.example>: {where} unverified address: "
             f"host plain.example[{HOSTS[0]}] said: {REFUSED}"),
            (f"good@[{HOSTS[0]}]", "250 2.1.5 Ok"),
            ("x@null.example", f"450 4.1.7 <x@null.example>: {where} unverified address: Domain "
             "null.example does not accept mail (nullMX)"),
            ("x@nowhere.example", f"450 4.1.7 <x@nowhere.example>: {where} unverified address: "
             "Host or domain name not found"),
            ("x@trouble.example", f"450 4.1.7 <x@trouble.example>: {where} unverified address: "
             "Host or domain name not found. Name service error for name=trouble.example type=MX: "
             "Host not found, try again"),
            ("x@down.example", f"450 4.1.7 <x@down.example>: {where} unverified address: connect "
             f"to down.example[{NET}.3]:25: "),
            ("", "250 2.1.5 Ok")):
        for _ in range(2):              # the second time it is known
            assert ask(f, sender=sender).startswith(want), sender
    assert ("MAIL FROM:<double-bounce@here.example>", "RCPT TO:<good@remote.example>") in probes(mx)
    assert len(probes(mx)) == 6
    assert {s.hello.split()[-1] for s in mx.sessions} == {b"mx.here.example"}
    assert not mx.messages


def test_other_host(world):
    """The best host does not answer, or not yet: the next one is asked."""
    make, mx, _ = world
    with mail_host(HOSTS[1]) as second:
        f = make()
        assert ask(f, sender="later@remote.example").startswith("450 4.1.7")
        assert [len(probes(h)) for h in (mx, second)] == [1, 1]
        mx.stop()
        assert ask(f, sender="good@remote.example") == "250 2.1.5 Ok"
        assert len(probes(second)) == 2


def test_recipient(world):
    """Ours are asked for at the next hop, others at their MX hosts."""
    make, mx, hop = world
    f = make(smtpd_recipient_restrictions="reject_unverified_recipient",
             unverified_recipient_reject_code="550")
    assert ask(f, rcpt="good@here.example") == "250 2.1.5 Ok"
    assert ask(f, rcpt="bad@here.example") == (
        "550 5.1.1 <bad@here.example>: Recipient address rejected: undeliverable address: host "
        f"127.0.0.1[127.0.0.1] said: {REFUSED} (in reply to RCPT TO command)")
    assert ask(f, rcpt="bad@remote.example").startswith(
        "550 5.1.1 <bad@remote.example>: Recipient address rejected: undeliverable address: host "
        f"mx1.remote.example[{HOSTS[0]}] said:")
    assert [r for _, r in probes(hop)] == ["RCPT TO:<good@here.example>", "RCPT TO:<bad@here.example>"]
    assert [r for _, r in probes(mx)] == ["RCPT TO:<bad@remote.example>"]


def test_hanging(world):
    """A probe without an answer costs its client its patience, and nobody else anything."""
    make, _, _ = world
    f = make(address_verify_poll_count="2", address_verify_poll_delay="1s",
             address_verify_time_limit="4s")
    began = time.monotonic()
    progress = ("450 4.1.7 <hang@remote.example>: Sender address rejected: unverified address: "
                "Address verification in progress")
    assert ask(f, sender="hang@remote.example") == progress
    assert 0.9 < time.monotonic() - began < 3.5
    assert ask(f, sender="good@remote.example") == "250 2.1.5 Ok"
    end = time.monotonic() + 20
    while ask(f, sender="hang@remote.example") == progress:
        assert time.monotonic() < end
    assert "timed out" in ask(f, sender="hang@remote.example")


def test_restart(world):
    make, mx, _ = world
    f = make()
    bad = ask(f, sender="bad@remote.example")
    assert ask(f, sender="good@remote.example") == "250 2.1.5 Ok" and REFUSED in bad
    assert "probes: 2, good: 1, bad: 1" in f.ctl("status")
    assert f.stop() == 0
    mx.stop()
    f.start()
    assert ask(f, sender="good@remote.example") == "250 2.1.5 Ok"
    assert ask(f, sender="bad@remote.example") == bad
    # Times are taken over by a reload: now both are out of date, and nobody is there to ask.
    f.write_config(address_verify_positive_expire_time="1s", address_verify_negative_expire_time="1s")
    f.reload()
    time.sleep(1.1)
    assert ask(f, sender="good@remote.example").startswith(
        "450 4.1.7 <good@remote.example>: Sender address rejected: unverified address: connect to")


def test_reason_and_code(world):
    make, _, _ = world
    f = make(unverified_sender_reject_code="550", unverified_sender_reject_reason="ask your postmaster",
             unverified_sender_defer_code="451",
             smtpd_recipient_restrictions="reject_unverified_sender, reject")
    assert ask(f, sender="bad@remote.example") == (
        "550 5.1.7 <bad@remote.example>: Sender address rejected: undeliverable address: ask your "
        "postmaster")
    # What would be deferred if it were permitted is refused all the same.
    assert ask(f, sender="later@remote.example").startswith("554 5.7.1")
    f.write_config(unverified_sender_tempfail_action="defer")
    f.reload()
    assert ask(f, sender="later@remote.example") == (
        "451 4.1.7 <later@remote.example>: Sender address rejected: unverified address: ask your "
        "postmaster")
