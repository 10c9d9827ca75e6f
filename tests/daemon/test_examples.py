"""Worked examples of Postfix's restriction lists, with the reply that each must give: EXAMPLES.md 1 to 9.

Each session goes through the SMTP door, the client told by XCLIENT, and where root runs the tests
through the real Postfix, and through one that only asks filterd's milter.  Old names of restrictions stand as the texts have them; filterd warns at
load, naming the new one.
"""
import json
import os
import re
import subprocess
import sys

import pytest

import case_session
import dns_case
import explain
import milter_front
import postfix as postfix_lib
import smtp
from conftest import cannot
from ports import free_port

LIB = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib")
GONE = "[UNAVAILABLE]"
OK = "rcpt 250 2.1.5 Ok"
TAKEN = [OK, "taken"]
MESSAGE = "From: a@ok.example\nSubject: s\n\ntext\n"
US, THEM, SENDER = "bob@example.com", "x@elsewhere.example", "ann@ok.example"

DNS = {
    "ok.example": {"MX": [[10, "mx.ok.example"]]}, "mx.ok.example": {"A": ["192.0.2.80"]},
    "example.com": {"A": ["192.0.2.81"]}, "elsewhere.example": {"A": ["192.0.2.82"]},
    "digital-letter.com": {"A": ["192.0.2.83"]}, "specials.digital-letter.com": {"A": ["192.0.2.84"]},
    "news.specials.digital-letter.com": {"A": ["192.0.2.85"]},
    "31.254.168.192.nospam.example.com": {"A": ["127.0.0.2"], "TXT": ["see http://nospam.example.com/"]},
    "66.2.0.192.nospam.example.com": {"A": ["127.0.0.2"]},
}
BASE = {"myhostname": "mx.filterd.test", "mydomain": "filterd.test", "mydestination": "example.com", "local_recipient_maps": "",
        "mynetworks": "192.168.0.0/24", "smtpd_relay_restrictions": "", "smtpd_delay_reject": "yes"}
NEW_NAMES = {"reject_invalid_hostname": "reject_invalid_helo_hostname", "reject_non_fqdn_hostname": "reject_non_fqdn_helo_hostname"}


def session(client, helo, sender, recipients, expect, name=GONE, message=MESSAGE):
    return {"client": {"addr": client, "name": name, "reverse_name": name, "helo": helo, "login": None, "proto": "ESMTP"},
            "sender": sender, "recipients": recipients.split(), "message": message, "expect": expect}


def helo(name, expect):
    return session("203.0.113.9", name, SENDER, US, expect)


def client(addr, expect, name=GONE, sender=SENDER):
    return session(addr, "mail.ok.example", sender, US, expect, name)


RELAY_DENIED = ["rcpt 554 5.7.1 <x@elsewhere.example>: Relay access denied"]
INVALID = ["rcpt 501 5.5.2 <bad!host.example>: Helo command rejected: Invalid name"]
SIMPLE = "permit_mynetworks, reject_unauth_destination, "

TWO = [
    session("192.168.0.7", "bad!host.example", "u@nx.example", THEM, TAKEN),           # the first item permits
    session("203.0.113.9", "mail.ok.example", SENDER, THEM, RELAY_DENIED),
    session("203.0.113.9", "bad!host.example", "u@nx.example", US, INVALID),           # in turn
    session("203.0.113.9", "mail.ok.example", "u@nx.example", US,
            ["rcpt 450 4.1.8 <u@nx.example>: Sender address rejected: Domain not found"]),
    session("203.0.113.9", "mail.ok.example", SENDER, US, TAKEN),                      # nothing conclusive
    session("203.0.113.9", "mail.ok.example", "", US, TAKEN),
]
HELO = {"helo_access": ("hash", "greatdeals.example.com REJECT\noreillynet.com OK\n")}
CLASSES = {
    "smtpd_restriction_classes": "spamlover, spamhater",
    "spamhater": "reject_invalid_hostname, reject_non_fqdn_hostname, reject_unknown_sender_domain, reject_rbl_client nospam.example.com",
    "spamlover": "permit",
    "smtpd_recipient_restrictions": SIMPLE + "check_recipient_access hash:/tables/per_user_ube"}
PER_USER = {"per_user_ube": ("hash", "abelard@example.com spamhater\nheloise@example.com spamlover\n")}
LOVERS = "abelard@example.com heloise@example.com"
BLOCKED = "rcpt 554 5.7.1 Service unavailable; Client host [%s] blocked using nospam.example.com"
SEE = "; see http://nospam.example.com/"

CLIENT_ACCESS = {"client_access": ("hash", "10.157 REJECT\n192.168.76.23 REJECT\ncurrentmail.com REJECT\n"),
                 "sender_access": ("hash", "hardsell@example.com REJECT\nmarketing@ REJECT\nspecials.digital-letter.com REJECT\n")}
REJECTED_CLIENT = ["rcpt 554 5.7.1 <%s>: Client host rejected: Access denied"]
REJECTED_SENDER = ["rcpt 554 5.7.1 <%s>: Sender address rejected: Access denied"]


def denied(text, name):
    return [line % name for line in text]


FULL = dict(CLASSES, smtpd_helo_required="yes",
            smtpd_client_restrictions="check_client_access hash:/tables/client_access",
            smtpd_helo_restrictions="reject_invalid_hostname, check_helo_access hash:/tables/helo_access",
            smtpd_sender_restrictions="reject_non_fqdn_sender, reject_unknown_sender_domain, check_sender_access hash:/tables/sender_access",
            smtpd_recipient_restrictions="permit_mynetworks, reject_unauth_destination, reject_non_fqdn_recipient, "
                                         "reject_unknown_recipient_domain",
            smtpd_data_restrictions="reject_unauth_pipelining",
            header_checks="pcre:/tables/header_checks", body_checks="pcre:/tables/body_checks")
FULL_TABLES = dict(HELO, **PER_USER, **CLIENT_ACCESS, header_checks=("pcre", "/free mortgage quote/ REJECT\n"),
                   body_checks=("pcre", "/increase your sales by/ REJECT\n"))

# name; parameters; tables; sessions
EXAMPLES = [
    ("1", {"smtpd_recipient_restrictions": "permit_mynetworks, reject_unauth_destination"}, {}, [
        session("192.168.0.7", "pc", SENDER, THEM, TAKEN),
        session("203.0.113.9", "pc", SENDER, US, TAKEN),
        session("203.0.113.9", "pc", SENDER, THEM, RELAY_DENIED),
        session("203.0.113.9", "pc", SENDER, f"{THEM} {US}", [*RELAY_DENIED, *TAKEN])]),
    ("1 with the relay list of 3.6", {"smtpd_recipient_restrictions": "permit_mynetworks, reject_unauth_destination",
                                      "smtpd_relay_restrictions": "permit_mynetworks, permit_sasl_authenticated, defer_unauth_destination"}, {}, [
        session("192.168.0.7", "pc", SENDER, THEM, TAKEN),
        session("203.0.113.9", "pc", SENDER, THEM, ["rcpt 454 4.7.1 <x@elsewhere.example>: Relay access denied"])]),
    ("2", {"smtpd_recipient_restrictions": SIMPLE + "reject_invalid_hostname, reject_unknown_sender_domain"}, {}, TWO),
    ("3", {"smtpd_recipient_restrictions": SIMPLE + "warn_if_reject reject_invalid_hostname, reject_unknown_sender_domain"}, {}, [
        session("203.0.113.9", "bad!host.example", SENDER, US, TAKEN),
        session("203.0.113.9", "bad!host.example", "u@nx.example", US,
                ["rcpt 450 4.1.8 <u@nx.example>: Sender address rejected: Domain not found"])]),
    ("4", {"smtpd_helo_restrictions": "check_helo_access hash:/tables/helo_access, reject_invalid_hostname",
           "smtpd_sender_restrictions": "check_sender_access inline:{ {turn@ok.example = REJECT sender list} }",
           "smtpd_recipient_restrictions": "reject_unauth_destination"}, HELO, [
        helo("example", TAKEN),
        helo("bad!host.example", INVALID),
        helo("greatdeals.example.com", ["rcpt 554 5.7.1 <greatdeals.example.com>: Helo command rejected: Access denied"]),
        helo("oreillynet.com", TAKEN),
        session("203.0.113.9", "oreillynet.com", "turn@ok.example", US,                # OK ends its own list only
                ["rcpt 554 5.7.1 <turn@ok.example>: Sender address rejected: sender list"]),
        helo("mail.ora.com", TAKEN)]),
    ("4 fully qualified", {"smtpd_helo_restrictions": "check_helo_access hash:/tables/helo_access, reject_non_fqdn_hostname",
                           "smtpd_recipient_restrictions": "reject_unauth_destination"}, HELO, [
        helo("example", ["rcpt 504 5.5.2 <example>: Helo command rejected: need fully-qualified hostname"]),
        helo("mail.ora.com", TAKEN)]),
    ("5", {"smtpd_client_restrictions": "check_client_access hash:/tables/client_access",
           "smtpd_sender_restrictions": "check_sender_access hash:/tables/sender_access",
           "smtpd_recipient_restrictions": "reject_unauth_destination"}, CLIENT_ACCESS, [
        client("10.157.3.4", denied(REJECTED_CLIENT, "unknown[10.157.3.4]")),
        client("10.158.3.4", TAKEN),
        client("10.15.7.4", TAKEN),
        client("192.168.76.23", denied(REJECTED_CLIENT, "unknown[192.168.76.23]")),
        client("192.168.76.24", TAKEN),
        client("203.0.113.9", denied(REJECTED_CLIENT, "currentmail.com[203.0.113.9]"), "currentmail.com"),
        client("203.0.113.9", denied(REJECTED_CLIENT, "mx1.currentmail.com[203.0.113.9]"), "mx1.currentmail.com"),
        client("203.0.113.9", TAKEN, "notcurrentmail.com"),
        client("203.0.113.9", denied(REJECTED_SENDER, "hardsell@example.com"), sender="hardsell@example.com"),
        client("203.0.113.9", TAKEN, sender="softsell@example.com"),
        client("203.0.113.9", denied(REJECTED_SENDER, "marketing@ok.example"), sender="marketing@ok.example"),
        client("203.0.113.9", denied(REJECTED_SENDER, "marketing@example.com"), sender="marketing@example.com"),
        client("203.0.113.9", TAKEN, sender="telemarketing@ok.example"),
        client("203.0.113.9", denied(REJECTED_SENDER, "x@specials.digital-letter.com"), sender="x@specials.digital-letter.com"),
        client("203.0.113.9", denied(REJECTED_SENDER, "x@news.specials.digital-letter.com"), sender="x@news.specials.digital-letter.com"),
        client("203.0.113.9", TAKEN, sender="x@digital-letter.com")]),
    ("6", CLASSES, PER_USER, [
        session("192.0.2.66", "mail.ok.example", SENDER, LOVERS, [BLOCKED % "192.0.2.66", *TAKEN]),
        session("192.0.2.66", "pc", SENDER, LOVERS,
                ["rcpt 504 5.5.2 <pc>: Helo command rejected: need fully-qualified hostname", *TAKEN]),
        session("203.0.113.9", "mail.ok.example", "u@nx.example", LOVERS,
                ["rcpt 450 4.1.8 <u@nx.example>: Sender address rejected: Domain not found", *TAKEN]),
        session("203.0.113.9", "mail.ok.example", SENDER, LOVERS, [OK, *TAKEN]),
        session("192.168.0.7", "pc", SENDER, "abelard@example.com", TAKEN)]),
    ("7", FULL, FULL_TABLES, [
        client("203.0.113.9", TAKEN),
        client("10.157.3.4", denied(REJECTED_CLIENT, "unknown[10.157.3.4]")),
        session("203.0.113.9", None, SENDER, US, ["mail 503 5.5.1 Error: send HELO/EHLO first"]),
        helo("bad!host.example", INVALID),
        helo("greatdeals.example.com", ["rcpt 554 5.7.1 <greatdeals.example.com>: Helo command rejected: Access denied"]),
        client("203.0.113.9", ["rcpt 504 5.5.2 <ann>: Sender address rejected: need fully-qualified address"], sender="ann"),
        client("203.0.113.9", ["rcpt 450 4.1.8 <u@nx.example>: Sender address rejected: Domain not found"], sender="u@nx.example"),
        client("203.0.113.9", denied(REJECTED_SENDER, "marketing@ok.example"), sender="marketing@ok.example"),
        session("203.0.113.9", "mail.ok.example", SENDER, THEM, RELAY_DENIED),
        session("192.168.0.7", "mail.ok.example", SENDER, f"{THEM} u@nx.example", [OK, OK, "taken"]),   # own network: nothing behind it
        session("203.0.113.9", "mail.ok.example", SENDER, US, [OK, "eod 550 5.7.1 message content rejected"],
                message=MESSAGE.replace("s\n", "free mortgage quote\n", 1)),
        session("203.0.113.9", "mail.ok.example", SENDER, US, [OK, "eod 550 5.7.1 message content rejected"],
                message=MESSAGE.replace("text", "increase your sales by 200 %"))]),
    ("8", {"smtpd_recipient_restrictions": "reject_unauth_destination, reject_rbl_client nospam.example.com"}, {}, [
        client("192.168.254.31", [BLOCKED % "192.168.254.31" + SEE]),
        client("192.168.254.32", TAKEN)]),
    ("9 soft_bounce", {"soft_bounce": "yes", "smtpd_recipient_restrictions": SIMPLE + "reject_invalid_hostname, reject_unknown_sender_domain",
                       "smtpd_client_restrictions": "check_client_access hash:/tables/client_access"}, CLIENT_ACCESS, [
        session("203.0.113.9", "mail.ok.example", SENDER, THEM, ["rcpt 454 4.7.1 <x@elsewhere.example>: Relay access denied"]),
        session("203.0.113.9", "bad!host.example", SENDER, US,
                ["rcpt 401 4.5.2 <bad!host.example>: Helo command rejected: Invalid name"]),
        client("10.157.3.4", ["rcpt 454 4.7.1 <unknown[10.157.3.4]>: Client host rejected: Access denied"])]),
    ("9 smtpd_delay_reject", dict(FULL, smtpd_delay_reject="no"), FULL_TABLES, [
        client("203.0.113.9", TAKEN),
        client("10.157.3.4", ["connect 554 5.7.1 <unknown[10.157.3.4]>: Client host rejected: Access denied"]),
        helo("bad!host.example", ["helo 501 5.5.2 <bad!host.example>: Helo command rejected: Invalid name"]),
        client("203.0.113.9", ["mail 554 5.7.1 <marketing@ok.example>: Sender address rejected: Access denied"], sender="marketing@ok.example"),
        session("203.0.113.9", "mail.ok.example", SENDER, THEM, RELAY_DENIED)]),
]
NAMES = [e[0] for e in EXAMPLES]


def cases():
    """As the recorded cases are written."""
    for name, main_cf, tables, sessions in EXAMPLES:
        for i, s in enumerate(sessions):
            yield dict(s, id=f"{name}/{i}", group=name, kind="restrictions", main_cf=dict(BASE, **main_cf), dns=DNS,
                       tables={t: {"type": kind, "text": text} for t, (kind, text) in tables.items()})


def outcome(replies):
    """The replies to RCPT, what was refused, and whether the message was taken."""
    said = []
    for r in replies:
        line = " ".join(str(x) for x in (r["stage"], r["code"], r.get("enhanced"), r["text"]) if x is not None)
        if r["stage"] == "eod" and r["code"] == 250:
            assert "queued as" in line
            said.append("taken")
        elif r["stage"] == "rcpt" or r["code"] >= 400:
            said.append(line)
    return said


@pytest.fixture
def dns():
    with dns_case.Server(DNS) as server:
        yield server


@pytest.fixture(params=["mta", "before_queue"])
def role(request):
    return request.param


def start(filterd, hop, dns, name, role, milter=None, **more):
    """filterd with this example's configuration; its old names are announced.  milter: a port for that door, instead of the SMTP one."""
    _, main_cf, tables, _ = EXAMPLES[NAMES.index(name)]
    settings = {k: v.replace("/tables/", "{dir}/") for k, v in dict(BASE, **main_cf).items()}

    def prepare(f):
        f.expect("is an old name of")
        f.write_config()
        for t, (kind, _) in tables.items():
            if kind == "hash":
                f.ctl("postmap", f"hash:{f.dir}/{t}")

    listeners = f"{{ milter:127.0.0.1:{milter}, role = {role} }}" if milter else {"smtp": f"smtp, role = {role}"}
    f = filterd(listeners=listeners, files={t: text for t, (_, text) in tables.items()}, prepare=prepare,
                next_hop=hop.next_hop, resolver=dns.address, smtpd_authorized_xclient_hosts="127.0.0.0/8", smtpd_reject_footer="",
                smtpd_authorized_xforward_hosts="", smtpd_peername_lookup="no", alias_maps="", smtpd_error_sleep_time="0s",
                **dict(settings, **more))
    text = " ".join(settings.values())
    told = " ".join(e["text"] for e in f.entries() if "is an old name of" in e.get("text", ""))
    for old, new in NEW_NAMES.items():
        assert (f"{old} is an old name of {new}" in told) == (old in text), told
    return f


def converse(f, case):
    with smtp.Client(f.address("smtp")) as c:
        return outcome(case_session.converse(c, case)[0])


@pytest.mark.parametrize("name", NAMES)
def test_example(filterd, hop, dns, role, name):
    f = start(filterd, hop, dns, name, role)
    for case in cases():
        if case["group"] != name:
            continue
        before = len(hop.messages)
        assert converse(f, case) == case["expect"], case["id"]
        taken = [r for r, said in zip(case["recipients"], [x for x in case["expect"] if x.startswith("rcpt")]) if said == OK]
        assert [m.recipients for m in hop.messages[before:]] == ([taken] if "taken" in case["expect"] else []), case["id"]
    # What decided is told by filterctl explain too (issue 3, "Done when", 5).
    explain.check_all(f)
    for e in explain.refusals(f):
        if e["stage"] == "RCPT":
            explain.anew(f, e)


@pytest.fixture(scope="module")
def front():
    """A Postfix that asks a milter, another one for each example."""
    if postfix_lib.missing():
        cannot(postfix_lib.missing())
    ports = {name: free_port() for name in NAMES}
    with milter_front.Front({name: f"inet:127.0.0.1:{port}" for name, port in ports.items()}, (4,)) as f:
        yield f, ports


@pytest.mark.parametrize("name", NAMES)
def test_example_through_a_milter(filterd, hop, dns, front, role, name):
    front, ports = front
    f = start(filterd, hop, dns, name, role, milter=ports[name])
    for case in cases():
        if case["group"] != name:
            continue
        # What a milter says to the connection and to HELO, Postfix tells in words of its own, or later.
        expect = ["connect 554 mx.filterd.test ESMTP not accepting connections" if x.startswith("connect 5") else
                  re.sub("^helo", "mail", x) for x in case["expect"]]
        with smtp.Client(front.doors[name][4]) as c:
            assert outcome(case_session.converse(c, case)[0]) == expect, case["id"]
    explain.check_all(f)


@pytest.fixture(scope="module")
def real():
    """The real Postfix's answers by case."""
    if postfix_lib.missing():
        cannot(postfix_lib.missing())
    # Its header and body checks are cleanup's, which has a group's parameters too.
    # Where it refuses at once it would refuse who speaks for the client, so that one comes itself.
    lines = "".join(json.dumps(dict(c, connect_mode="direct") if c["main_cf"]["smtpd_delay_reject"] == "no" else c) + "\n"
                    for c in cases())
    r = subprocess.run([sys.executable, os.path.join(LIB, "postfix_restrictions.py")], input=lines, capture_output=True, text=True,
                       timeout=300)
    assert r.returncode == 0, r.stderr
    return {a["id"]: outcome(a["replies"]) for a in map(json.loads, r.stdout.splitlines())}


@pytest.mark.parametrize("name", NAMES)
def test_the_real_postfix_says_so(real, name):
    for case in cases():
        if case["group"] == name:
            assert real.get(case["id"]) == case["expect"], case["id"]


# --- what a reply does not show ---

def test_1_by_compatibility_level(filterd, hop, dns):
    """The relay list is what the level makes it, unless it is set."""
    for level, code in (("0", "554 5.7.1"), ("3.6", "454 4.7.1")):
        f = start(filterd, hop, dns, "1", "mta", compatibility_level=level, smtpd_relay_restrictions=None)
        stranger = session("203.0.113.9", "pc", SENDER, THEM, [f"rcpt {code} <x@elsewhere.example>: Relay access denied"])
        assert converse(f, dict(stranger, kind="restrictions")) == stranger["expect"]


def test_3_is_logged(filterd, hop, dns, role):
    f = start(filterd, hop, dns, "3", role)
    assert converse(f, dict(session("203.0.113.9", "bad!host.example", SENDER, US, TAKEN), kind="restrictions")) == TAKEN
    [e] = f.entries("reject_warning")
    assert (e["stage"], e["list"], e["content"]) == ("RCPT", "smtpd_recipient_restrictions",
                                                  "501 5.5.2 <bad!host.example>: Helo command rejected: Invalid name")


def test_7_pipelining(filterd, hop, dns, role):
    """Who does not wait for the reply to DATA, having said HELO."""
    f = start(filterd, hop, dns, "7", role)
    with smtp.Client(f.address("smtp")) as c:
        c.hello()
        assert c.cmd("XCLIENT ADDR=203.0.113.9").code == 220
        assert c.cmd("HELO mail.ok.example").code == 250
        assert c.mail(SENDER).code == c.rcpt(US).code == 250
        c.send(b"DATA\r\nQUIT\r\n")
        assert str(c.reply()) == "503 5.5.0 <DATA>: Data command rejected: Improper use of SMTP command pipelining"
        assert c.reply().code == 221
    assert hop.messages == []


def test_8_the_question(filterd, hop, dns, role):
    f = start(filterd, hop, dns, "8", role)
    assert converse(f, dict(client("192.168.254.31", None), kind="restrictions")) == [BLOCKED % "192.168.254.31" + SEE]
    asked = [(n, kind) for n, kind, _ in dns.asked if n.startswith("31.")]
    assert ("31.254.168.192.nospam.example.com", "A") in asked
    assert {n for n, _ in asked} == {"31.254.168.192.nospam.example.com"}
