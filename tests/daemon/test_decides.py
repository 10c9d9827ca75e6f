"""What only a whole daemon shows: parameters with two values and two answers, restrictions that need what a door tells.
tests/coverage/named counts on these."""
import time

import pytest

import policy
import smtp
from nexthop import HANG, NextHop

SITE = {"mynetworks": "", "myhostname": "mx.example.com", "myorigin": "example.com", "mydestination": "example.com",
        "local_recipient_maps": "", "alias_maps": "", "smtpd_reject_footer": "", "smtpd_peername_lookup": "no", "resolver": "127.0.0.1:9",
        "resolver_timeout": "1s"}
REJECT = "554 5.7.1 <unknown[127.0.0.1]>: Client host rejected: Access denied"
NAMED = REJECT.replace("unknown", "localhost")
FROM, TO = "MAIL FROM:<a@example.com>", "RCPT TO:<b@example.com>"
HELLO = "EHLO client.example"
UNKNOWN = "550 5.1.1 <b@example.com>: Recipient address rejected: User unknown in local recipient table"
LATER = "450 4.1.8 <a@far.example>: Sender address rejected: Domain not found"
DENIED = "554 5.7.1 <b@example.com>: Recipient address rejected: Access denied"
OK = "250 2.1.5 Ok"

# The parameter, its two values; other settings; what is said, and the last reply with each value.
ROWS = [
    ("smtpd_helo_required", "no", "yes", {}, [FROM], "250 2.1.0 Ok", "503 5.5.1 Error: send HELO/EHLO first"),
    ("strict_rfc821_envelopes", "no", "yes", {}, [HELLO, "MAIL FROM:a@example.com"],
     "250 2.1.0 Ok", "501 5.1.7 Bad sender address syntax"),
    ("soft_bounce", "no", "yes", {}, [HELLO, "MAIL FROM:<u@-bad-.example>"],
     "501 5.1.7 Bad sender address syntax", "401 4.1.7 Bad sender address syntax"),
    ("smtpd_reject_footer", "", "call us", {"smtpd_client_restrictions": "reject"}, [HELLO, FROM, TO], REJECT, REJECT + "\n5.7.1 call us"),
    ("smtpd_reject_footer", "call us", "\\c; call us", {"smtpd_client_restrictions": "reject"}, [HELLO, FROM, TO],
     REJECT + "\n5.7.1 call us", REJECT + "; call us"),
    ("smtpd_peername_lookup", "no", "yes", {"smtpd_client_restrictions": "reject"}, [HELLO, FROM, TO], REJECT, NAMED),
    ("alias_maps", "inline:{b=c}", "inline:{c=b}", {"local_recipient_maps": "$alias_maps", "smtpd_reject_unlisted_recipient": "yes"},
     [HELLO, FROM, TO], OK, UNKNOWN),
    ("reject_tempfail_action", "defer", "defer_if_permit", {"smtpd_recipient_restrictions": "reject_unknown_sender_domain, reject"},
     [HELLO, "MAIL FROM:<a@far.example>", TO], LATER, DENIED),
    # What is no address is refused before any list.
    ("allow_min_user", "no", "yes", {}, [HELLO, "MAIL FROM:<-a@far.example>"], "501 5.1.7 Bad sender address syntax", "250 2.1.0 Ok"),
    ("allow_min_user", "no", "yes", {}, [HELLO, FROM, "RCPT TO:<-b@example.com>"], "501 5.1.3 Bad recipient address syntax", OK),
    ("resolve_null_domain", "no", "yes", {}, [HELLO, FROM, "RCPT TO:<b%@example.com>"], "501 5.1.3 Bad recipient address syntax", OK),
    ("resolve_numeric_domain", "no", "yes", {"inet_interfaces": "127.0.0.1"}, [HELLO, FROM, "RCPT TO:<b%127.0.0.1@example.com>"],
     "501 5.1.3 Bad recipient address syntax", OK),
]


@pytest.mark.parametrize("row", ROWS, ids=range(len(ROWS)))
def test_at_the_smtp_door(filterd, hop, row):
    parameter, a, b, settings, words, with_a, with_b = row
    for value, want in ((a, with_a), (b, with_b)):
        settings = {**SITE, **settings, parameter: value}
        f = filterd(listeners={"smtp": "smtp, role = mta"}, next_hop=hop.next_hop, **settings)
        with smtp.Client(f.address("smtp")) as c:
            assert [str(c.cmd(w)) for w in words][-1] == want


# The parameter, its two values, the list, the answers.
POLICY = [
    ("policy_permit_action", "DUNNO", "OK", "permit", "DUNNO", "OK"),
    ("policy_refusal_text", "postfix", "whole", "reject", "554 5.7.1 Access denied", DENIED),
]


@pytest.mark.parametrize("row", POLICY, ids=[r[0] for r in POLICY])
def test_at_the_policy_door(filterd, row):
    parameter, a, b, restrictions, with_a, with_b = row
    for value, want in ((a, with_a), (b, with_b)):
        f = filterd(listeners={"policy": "policy"}, **SITE, **{parameter: value}, smtpd_recipient_restrictions=restrictions)
        with policy.Client(f.address("policy")) as c:
            assert c.ask(recipient="b@example.com") == want


TLS = {"encryption_protocol": "TLSv1.3", "encryption_cipher": "AES", "encryption_keysize": "256"}
STOLEN = "554 5.7.1 <unknown[192.0.2.1]>: Client certificate rejected: stolen"
PRINT, KEY = "C2:9D:F4:87:71:73:73:D9", "18:E7:C2:F3:C1:DA:6E:04"

# The list; attributes that make it decide, and those that do not; the answer of each.
ATTRIBUTES = [
    ("check_ccert_access inline:{ {%s = REJECT stolen} }, permit" % PRINT, {**TLS, "ccert_fingerprint": PRINT}, {**TLS, "ccert_fingerprint": KEY},
     STOLEN, "OK"),
    ("check_ccert_access inline:{ {%s = REJECT stolen} }, permit" % KEY, {**TLS, "ccert_pubkey_fingerprint": KEY}, TLS, STOLEN, "OK"),
    ("permit_tls_clientcerts, reject", {**TLS, "ccert_fingerprint": PRINT}, {**TLS, "ccert_fingerprint": KEY}, "OK", "554 5.7.1 Access denied"),
    ("permit_tls_clientcerts, reject", {**TLS, "ccert_pubkey_fingerprint": PRINT}, {**TLS, "ccert_subject": "x"}, "OK", "554 5.7.1 Access denied"),
    # The protocol tells of subject and issuer only when the certificate was verified.
    ("permit_tls_all_clientcerts, reject", {**TLS, "ccert_subject": "x", "ccert_fingerprint": KEY}, {**TLS, "ccert_fingerprint": KEY},
     "OK", "554 5.7.1 Access denied"),
    ("reject_plaintext_session, permit", {}, TLS, "450 4.7.1 Session encryption is required", "OK"),
]


@pytest.mark.parametrize("row", ATTRIBUTES, ids=range(len(ATTRIBUTES)))
def test_tls_at_the_policy_door(filterd, row):
    restrictions, deciding, other, decided, passed = row
    f = filterd(listeners={"policy": "policy"}, **SITE, policy_permit_action="OK", relay_clientcerts="inline:{ %s=x }" % PRINT,
                smtpd_recipient_restrictions=restrictions)
    with policy.Client(f.address("policy")) as c:
        assert c.ask(recipient="b@example.com", **deciding) == decided
        assert c.ask(recipient="b@example.com", **other) == passed


@pytest.mark.parametrize("value,lines", [("all", 1), ("decisions", 0)])
def test_policy_log(filterd, value, lines):
    f = filterd(listeners={"policy": "policy"}, **SITE, policy_log=value,
                smtpd_recipient_restrictions="check_sender_access inline:{ s@example.com=REJECT }")
    with policy.Client(f.address("policy")) as c:
        assert c.ask(recipient="b@example.com") == "DUNNO"
        assert c.ask(recipient="b@example.com", sender="s@example.com").startswith("554 ")
    f.wait_log(lambda e: e.get("event") == "reject")
    assert len(f.entries("dunno")) == lines


# --- address verification: how often the next hop is asked about whom ---

def says(session, line):
    return HANG if b"<hang" in line else "550 5.1.1 no" if b"<bad" in line else OK


def asked(hop):
    return [line.split(b"<")[1].split(b"@")[0].decode() for s in hop.sessions for line in s.commands if line.startswith(b"RCPT")]


# The parameter and its two values; who is asked for, one after the other, and whom the next hop hears of.
CACHE = [
    ("address_verify_positive_expire_time", "1s", "31d", ["good", 1.5, "good"], ["good", "good"], ["good"]),
    ("address_verify_positive_refresh_time", "1s", "7d", ["good", 1.5, "good"], ["good", "good"], ["good"]),
    ("address_verify_negative_expire_time", "1s", "3d", ["bad", 1.5, "bad"], ["bad", "bad"], ["bad"]),
    ("address_verify_negative_refresh_time", "1s", "3h", ["bad", 1.5, "bad"], ["bad", "bad"], ["bad"]),
    ("address_verify_negative_cache", "no", "yes", ["bad", "bad"], ["bad", "bad"], ["bad"]),
    ("address_verify_cache_size", "1", "1000", ["one", "two", "one"], ["one", "two", "one"], ["one", "two"]),
]


@pytest.mark.parametrize("row", CACHE, ids=[r[0] for r in CACHE])
def test_verification_cache(filterd, row):
    parameter, a, b, who, with_a, with_b = row
    for value, want in ((a, with_a), (b, with_b)):
        with NextHop(script={"rcpt": says}) as hop:
            f = filterd(listeners={"smtp": "smtp, role = before_queue"}, next_hop=hop.next_hop, verify_recipients_at_next_hop="no",
                        **{**SITE, parameter: value}, smtpd_recipient_restrictions="reject_unverified_recipient")
            for w in who:
                if isinstance(w, float):
                    time.sleep(w)
                    continue
                with smtp.Client(f.address("smtp")) as c:
                    c.cmd(HELLO)
                    c.cmd(FROM)
                    assert c.rcpt(w + "@example.com").code == (450 if w == "bad" else 250)
            end = time.monotonic() + 10
            while len(asked(hop)) < len(want) and time.monotonic() < end:      # a refresh takes its time
                time.sleep(.05)
            assert asked(hop) == want, value


def test_verification_time_limit(filterd):
    for value, want in (("1s", "timed out"), ("60s", "Address verification in progress")):
        with NextHop(script={"rcpt": says}) as hop:
            f = filterd(listeners={"smtp": "smtp, role = before_queue"}, next_hop=hop.next_hop, verify_recipients_at_next_hop="no",
                        **SITE, address_verify_time_limit=value, address_verify_poll_count="3", address_verify_poll_delay="1s",
                        smtpd_recipient_restrictions="reject_unverified_recipient")
            with smtp.Client(f.address("smtp")) as c:
                c.cmd(HELLO)
                c.cmd(FROM)
                assert want in c.rcpt("hang@example.com").text
