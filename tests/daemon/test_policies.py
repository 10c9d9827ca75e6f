"""The policies of rules/policy, as a site includes them: they load without a word, with nothing filled in and with everything,
and refuse what their comments say."""
import os
import re

import pytest

import case_session
import dns_case
import filterd_proc
import smtp
from conftest import cannot
from ports import free_port

POLICY = os.path.join(os.environ.get("FILTERD_SOURCE_DIR") or os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."),
                      "rules", "policy")
NAMES = ["inbound", "strict", "permissive", "submission"]
GONE = "[UNAVAILABLE]"
OK = "rcpt 250 2.1.5 Ok"

DNS = {"ok.example": {"MX": [[10, "mx.ok.example"]]}, "mx.ok.example": {"A": ["192.0.2.80"]}, "example.com": {"A": ["192.0.2.81"]},
       "down.example": {"*": "SERVFAIL"}, "66.2.0.192.bl.test": {"A": ["127.0.0.2"]}}
US = {"myhostname": "mx.example.com", "mydestination": "example.com, $myhostname", "mynetworks": "192.168.0.0/24", "local_recipient_maps":
      "inline:{ ann=x, bob=x, carl=x, dora=x, emil=x }", "alias_maps": ""}
# Everything that a site can fill in.
FILLED = {
    "site_exceptions": "check_client_access inline:{ 198.51.100.9=OK }",
    "site_dnsbl": "reject_rbl_client bl.test",
    "site_dnsbl_trial": "warn_if_reject reject_rbl_client bl.test",
    "site_per_recipient": "inline:{ bob@example.com=lenient, carl@example.com=careful, dora@example.com=own }",
    "site_classes": "own", "own": "check_sender_access inline:{ {own@ok.example = REJECT not Dora} }",
    "site_last": "check_sender_access inline:{ {last@ok.example = DEFER last} }",
    "smtpd_sender_login_maps": "inline:{ ann@example.com=ann }",
    "site_submission_first": "check_sasl_access inline:{ {emil = REJECT not you} }",
    "site_submission_last": "check_sender_access inline:{ {last@ok.example = DEFER last} }",
}
FILLS = {"inbound": ["site_exceptions", "site_dnsbl", "site_per_recipient", "site_classes", "own", "site_last"],
         "strict": ["site_exceptions", "site_dnsbl", "site_per_recipient", "site_classes", "own", "site_last"],
         "permissive": ["site_exceptions", "site_dnsbl_trial"],
         "submission": ["smtpd_sender_login_maps", "site_submission_first", "site_submission_last"]}



def filled_in(name):
    """careful is inbound's alone, and a row that names it would be an error in strict."""
    found = {k: FILLED[k] for k in FILLS[name]}
    if name == "strict":
        found["site_per_recipient"] = found["site_per_recipient"].replace("carl@example.com=careful, ", "")
    return found


# (address, name, login), HELO, sender, recipient; the reply
STRANGER = ("192.0.2.80", "mx.ok.example", None)
NAMELESS = ("203.0.113.9", GONE, None)
LISTED = ("192.0.2.66", "mx.ok.example", None)
FRIEND = ("198.51.100.9", GONE, None)
OURS = ("192.168.0.7", GONE, None)
ANN = ("203.0.113.9", GONE, "ann")
EMIL = ("203.0.113.9", GONE, "emil")
HELO, BAD, SHORT, NONE = "mx.ok.example", "bad!host.example", "localhost", "nx.example"
SENDER, RCPT, BOB, CARL, DORA, FAR = ("x@ok.example", "ann@example.com", "bob@example.com", "carl@example.com", "dora@example.com",
                                      "y@ok.example")

DENIED = "rcpt 554 5.7.1 <y@ok.example>: Relay access denied"
NOBODY = "rcpt 550 5.1.1 <nobody@example.com>: Recipient address rejected: User unknown in local recipient table"
NO_DOMAIN = "rcpt 450 4.1.8 <x@nx.example>: Sender address rejected: Domain not found"
LATER = "rcpt 450 4.1.8 <x@down.example>: Sender address rejected: Domain not found"
SHORT_NAME = "rcpt 504 5.5.2 <localhost>: Helo command rejected: need fully-qualified hostname"
BAD_NAME = "rcpt 501 5.5.2 <bad!host.example>: Helo command rejected: Invalid name"
BARE_SENDER = "rcpt 504 5.5.2 <ann>: Sender address rejected: need fully-qualified address"
BARE_RCPT = "rcpt 504 5.5.2 <ann>: Recipient address rejected: need fully-qualified address"
BLOCKED = "rcpt 554 5.7.1 Service unavailable; Client host [192.0.2.66] blocked using bl.test"
NO_HELO = "mail 503 5.5.1 Error: send HELO/EHLO first"
LAST = "rcpt 450 4.7.1 <last@ok.example>: Sender address rejected: last"
NO_REVERSE = "rcpt 450 4.7.1 Client host rejected: cannot find your reverse hostname, [203.0.113.9]"
NO_CLIENT = "rcpt 450 4.7.25 Client host rejected: cannot find your hostname, [203.0.113.9]"
NO_HOST = "rcpt 450 4.7.1 <nx.example>: Helo command rejected: Host not found"

# What all policies for mail from strangers say.
INBOUND = [
    (STRANGER, HELO, SENDER, RCPT, OK),
    (STRANGER, HELO, "", RCPT, OK),
    (STRANGER, HELO, SENDER, "postmaster", OK),
    (STRANGER, HELO, SENDER, "nobody@example.com", NOBODY),
    (STRANGER, HELO, SENDER, FAR, DENIED),
    (FRIEND, HELO, SENDER, FAR, DENIED),                        # an exception opens nothing
    (STRANGER, HELO, SENDER, "ann", BARE_RCPT),
    (OURS, SHORT, SENDER, FAR, OK),
    (ANN, SHORT, SENDER, FAR, OK),
    (FRIEND, SHORT, "x@nx.example", RCPT, OK),
]
TESTED = [
    (STRANGER, None, SENDER, RCPT, NO_HELO),
    (STRANGER, SHORT, SENDER, RCPT, SHORT_NAME),
    (STRANGER, BAD, SENDER, RCPT, BAD_NAME),
    (STRANGER, HELO, "x@nx.example", RCPT, NO_DOMAIN),
    (STRANGER, HELO, "x@down.example", RCPT, LATER),
    (STRANGER, HELO, "ann", RCPT, BARE_SENDER),
    (LISTED, HELO, SENDER, RCPT, BLOCKED),
    (LISTED, HELO, SENDER, BOB, OK),                            # lenient
    (LISTED, SHORT, SENDER, BOB, SHORT_NAME),                   # what stands before the table holds for him too
    (STRANGER, HELO, "own@ok.example", DORA, "rcpt 554 5.7.1 <own@ok.example>: Sender address rejected: not Dora"),
    (STRANGER, HELO, "own@ok.example", RCPT, OK),
    (STRANGER, HELO, "last@ok.example", RCPT, LAST),
]
CASES = {
    "inbound": INBOUND + TESTED + [
        (NAMELESS, NONE, SENDER, RCPT, OK),
        (NAMELESS, HELO, SENDER, CARL, NO_CLIENT),              # careful
        (STRANGER, NONE, SENDER, CARL, NO_HOST),
        (STRANGER, HELO, SENDER, CARL, OK),
        (LISTED, HELO, SENDER, CARL, BLOCKED),                  # and the list goes on behind the class
        (STRANGER, HELO, "nobody@example.com", RCPT, OK)],
    "strict": INBOUND + TESTED + [
        (NAMELESS, HELO, SENDER, RCPT, NO_REVERSE),
        (STRANGER, NONE, SENDER, RCPT, NO_HOST),
        (NAMELESS, NONE, SENDER, BOB, OK),                      # lenient
        (STRANGER, HELO, "nobody@example.com", RCPT,
         "rcpt 550 5.1.0 <nobody@example.com>: Sender address rejected: User unknown in local recipient table"),
        (STRANGER, HELO, "ann@example.com", RCPT, OK)],
    "permissive": INBOUND + [
        (STRANGER, None, SENDER, RCPT, OK),
        (STRANGER, SHORT, SENDER, RCPT, OK),
        (STRANGER, BAD, "x@nx.example", RCPT, OK),
        (STRANGER, HELO, "x", RCPT, OK),
        (NAMELESS, NONE, SENDER, RCPT, OK),
        (LISTED, HELO, SENDER, RCPT, OK),
        (STRANGER, HELO, "x@down.example", RCPT, OK)],
    "submission": [
        (OURS, SHORT, SENDER, FAR, OK),
        (OURS, SHORT, SENDER, RCPT, OK),
        (ANN, SHORT, "ann@example.com", FAR, OK),
        (ANN, SHORT, "bob@example.com", FAR, "rcpt 553 5.7.1 <bob@example.com>: Sender address rejected: not owned by user ann"),
        (OURS, SHORT, "ann@example.com", FAR, "rcpt 553 5.7.1 <ann@example.com>: Sender address rejected: not logged in"),
        (NAMELESS, HELO, SENDER, FAR, "rcpt 554 5.7.1 <y@ok.example>: Recipient address rejected: Access denied"),
        (STRANGER, HELO, SENDER, RCPT, "rcpt 554 5.7.1 <ann@example.com>: Recipient address rejected: Access denied"),
        (EMIL, SHORT, "x@ok.example", FAR, "rcpt 554 5.7.1 <emil>: SASL login name rejected: not you"),
        (OURS, SHORT, "bob", FAR, BARE_SENDER.replace("ann", "bob")),
        (OURS, SHORT, "x@nx.example", FAR, NO_DOMAIN),
        (OURS, SHORT, "nobody@example.com", FAR,
         "rcpt 550 5.1.0 <nobody@example.com>: Sender address rejected: User unknown in local recipient table"),
        (OURS, SHORT, SENDER, "y", "rcpt 504 5.5.2 <y>: Recipient address rejected: need fully-qualified address"),
        (OURS, SHORT, SENDER, "y@nx.example", "rcpt 450 4.1.2 <y@nx.example>: Recipient address rejected: Domain not found"),
        (OURS, SHORT, "last@ok.example", FAR, LAST)],
}
# permissive: what its log says strict would have answered
WARNED = [
    (STRANGER, SHORT, SENDER, RCPT, [SHORT_NAME, "rcpt 450 4.7.1 <localhost>: Helo command rejected: Host not found"]),
    (STRANGER, BAD, "x@nx.example", RCPT, [BAD_NAME, "rcpt 504 5.5.2 <bad!host.example>: Helo command rejected: need fully-qualified hostname",
                                           NO_DOMAIN, "rcpt 450 4.7.1 <bad!host.example>: Helo command rejected: Host not found"]),
    (NAMELESS, NONE, SENDER, RCPT, [NO_REVERSE, NO_CLIENT, NO_HOST]),
    (LISTED, HELO, SENDER, RCPT, [BLOCKED]),
    (STRANGER, HELO, SENDER, RCPT, []),
]


def include(name):
    return f"include {os.path.join(POLICY, name)}.cf\n"


@pytest.mark.parametrize("role", ["mta", "before_queue"])
@pytest.mark.parametrize("filled", [False, True], ids=["bare", "filled"])
@pytest.mark.parametrize("name", NAMES)
def test_loads_without_a_word(name, filled, role):
    if filterd_proc.missing():
        cannot(filterd_proc.missing())
    fills = filled_in(name) if filled else {}
    f = filterd_proc.Filterd(listeners={"smtp": f"smtp, role = {role}"}, extra=include(name), **US, **fills)
    try:
        status, said, errors = f.ctl("check", status=None)
        assert (status, errors) == (0, "") and "errors: 0, warnings: 0" in said, said
        shown = f.ctl("config", "-x", "smtpd_recipient_restrictions") + f.ctl("config", "-x", "smtpd_sender_restrictions")
        assert "${" not in shown and ("bl.test" in shown) == (filled and name != "submission")
    finally:
        f.finish()


def converse(address, who, helo, sender, recipient):
    case = {"kind": "restrictions", "client": {"addr": who[0], "name": who[1], "reverse_name": who[1], "login": who[2], "helo": helo,
                                               "proto": "ESMTP"}, "sender": sender, "recipients": [recipient]}
    with smtp.Client(address) as c:
        replies = case_session.converse(c, case)[0]
    [said] = [r for r in replies if r["stage"] == "rcpt" or (r["code"] >= 400 and r["stage"] != "eod")]
    return " ".join(str(said[k]) for k in ("stage", "code", "enhanced", "text"))


@pytest.fixture
def policy(filterd, hop):
    with dns_case.Server(DNS) as dns:
        def start(extra, listeners=None, **settings):
            return filterd(listeners=listeners or {"smtp": "smtp, role = mta"}, extra=extra, next_hop=hop.next_hop, resolver=dns.address,
                           resolver_timeout="1s", resolver_tries="1",
                           smtpd_authorized_xclient_hosts="127.0.0.0/8", allow_xclient_login="yes", smtpd_reject_footer="",
                           smtpd_peername_lookup="no", smtpd_error_sleep_time="0s", **US, **settings)
        yield start


@pytest.mark.parametrize("name", NAMES)
def test_replies(policy, name):
    f = policy(include(name), **filled_in(name), **({} if name == "submission" else {"smtpd_sasl_auth_enable": "yes"}))
    wrong = [f"{case[:4]}: {said}, not {case[4]}" for case in CASES[name]
             for said in [converse(f.address("smtp"), *case[:4])] if said != case[4]]
    assert not wrong, "\n".join(wrong)


def test_permissive_warns(policy):
    f = policy(include("permissive"), **{k: FILLED[k] for k in FILLS["permissive"]})
    for who, helo, sender, recipient, said in WARNED:
        before = len(f.entries("reject_warning"))
        assert converse(f.address("smtp"), who, helo, sender, recipient) == OK
        assert ["rcpt " + e["content"] for e in f.entries("reject_warning")[before:]] == said


def test_both_ports(policy):
    """The last block of README.md, with ports of ours."""
    with open(os.path.join(POLICY, "README.md")) as text:
        block = text.read().rpartition("    include ")[2]
    assert block.startswith("/usr/share/filterd/policy/inbound.cf\n")
    listeners = block.partition("listeners =")[2]
    ports = {"[::]:25": free_port(), "[::]:587": free_port()}
    for endpoint, port in ports.items():
        assert endpoint + "," in listeners
        listeners = listeners.replace(endpoint + ",", f"127.0.0.1:{port},")
    listeners = re.sub(r"\n    ", "\n  ", listeners).rstrip()
    f = policy(include("inbound"), listeners=listeners, smtpd_sender_login_maps=FILLED["smtpd_sender_login_maps"])
    mx, submission = (("127.0.0.1", port) for port in ports.values())
    assert converse(mx, STRANGER, HELO, SENDER, RCPT) == OK
    assert converse(mx, STRANGER, SHORT, SENDER, RCPT) == SHORT_NAME
    assert converse(mx, STRANGER, HELO, SENDER, FAR) == DENIED
    for case in CASES["submission"]:
        if case[3] == FAR and "last" not in case[2] and case[0] is not EMIL and case[2] != "nobody@example.com":
            assert converse(submission, *case[:4]) == case[4], case
