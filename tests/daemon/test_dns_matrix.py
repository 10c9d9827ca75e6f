"""Everything that can go wrong in the DNS, for every restriction that asks it (PITFALLS F1).

One filterd has a class for each restriction; the recipient chooses it.  What is asked for has the
fault and the restriction in its name, so that a cache knows nothing.  What is expected is
POSTFIX.md's: what the DNS cannot tell is neither listed nor permitted, and what there is not is
"not found" and nothing else.
"""
import concurrent.futures
import socket
import time

import pytest

import dns_faults
import nsd as nsd_lib
import smtp
from conftest import cannot
from dns_faults import A, AAAA, PTR, RA, TC

LISTED, REFUSAL, SOLD = "127.0.0.2", "127.255.255.254", "127.0.0.98"


def _address(text):
    return lambda q, way: [q.reply(answer=[dns_faults.record(q.name, A, 60,
                                                             socket.inet_aton(text))])
                           if q.type == A else q.reply(authority=[dns_faults.soa("test")])]


def _truncated(q, way):
    """The answer is to be had by TCP, and is a good one."""
    if way == "udp":
        return [q.reply(flags=RA | TC)]
    if q.type == AAAA:
        return [q.reply(authority=[dns_faults.soa("test")])]
    return [q.reply(answer=[q.record()])]


# The zone's owner answers everything with one address (which is ours to connect to).
FAULTS = {
    "nxdomain": dns_faults.WORDS["nxdomain"],
    "nodata": dns_faults.WORDS["nodata"],
    "servfail": dns_faults.WORDS["servfail"],
    "refused": dns_faults.WORDS["refused"],
    "timeout": dns_faults.WORDS["timeout"],
    "truncated": _truncated,
    "wrongid": dns_faults.WORDS["wrongid"],
    "refusal": _address(REFUSAL),
    "wildcard": _address(SOLD),
}
ABSENT = ("nxdomain", "nodata")
TROUBLE = ("servfail", "refused", "timeout", "wrongid")
ADDRESS = ("refusal", "wildcard")       # any question for an address has this answer
FOUND = ("truncated",)

OK = "250"
DENIED = "554 5.7.1"


class Row:
    """name: of the class; rules: with {d} for the domain that is asked for; role: what is that
    domain in the session; want: a reply's beginning for each group of faults."""

    def __init__(self, name, rules, role, absent, trouble, address, found, **more):
        self.name, self.rules, self.role = name, rules, role
        self.want = {}
        for group, value in ((ABSENT, absent), (TROUBLE, trouble), (ADDRESS, address),
                             (FOUND, found)):
            for fault in group:
                self.want[fault] = value
        self.want.update(more)


def lists():
    """No list lists, and none permits, but by an answer that is a listing."""
    for what, role in (("reject_rbl_client", "zone"), ("reject_rhsbl_client", "zone"),
                       ("reject_rhsbl_reverse_client", "zone"), ("reject_rhsbl_helo", "zone"),
                       ("reject_rhsbl_sender", "zone"), ("reject_rhsbl_recipient", "zone")):
        yield Row(what, what + " {d}", role, OK, OK, OK, DENIED + " Service unavailable")
    yield Row("filtered", "reject_rbl_client {d}=[0..255].[0..255].[0..255].[0..255]", "zone",
              OK, OK, OK, DENIED + " Service unavailable")
    for what, subject in (("permit_dnswl_client", "<192.0.2.10>: Client host"),
                          ("permit_rhswl_client", "<client.example>: Client host")):
        yield Row(what, what + " {d}, reject", "zone", DENIED,
                  f"450 4.7.1 {subject} rejected: Service unavailable", DENIED, OK)


def names():
    not_found = "450 4.7.1 <{d}>: Helo command rejected: Host not found"
    yield Row("reject_unknown_helo_hostname", "reject_unknown_helo_hostname", "helo",
              not_found, not_found, OK, OK)
    yield Row("reject_unknown_sender_domain", "reject_unknown_sender_domain", "sender",
              *2 * ["450 4.1.8 <s@{d}>: Sender address rejected: Domain not found"], OK, OK)
    yield Row("reject_unknown_recipient_domain", "reject_unknown_recipient_domain", "recipient",
              *2 * ["450 4.1.2 <{r}@{d}>: Recipient address rejected: Domain not found"], OK, OK)


def access():
    """The tables have the addresses and names that the faults answer with; what cannot be found
    out is DUNNO."""
    where = {"client": "client", "reverse_client_hostname": "client", "helo": "helo",
             "sender": "sender", "recipient": "recipient"}
    for subject, role in where.items():
        for kind in ("mx", "ns", "a"):
            what = f"check_{subject}_{kind}_access"
            # Without NS records nobody has a name server; without MX the domain is its own.
            address = OK if kind == "ns" else DENIED
            yield Row(what, what + " texthash:{dir}/bad", role, OK, OK, address, DENIED)


def others():
    unable = "450 4.4.4 <{r}@{d}>: Recipient address rejected: Unable to look up"
    yield Row("permit_mx_backup", "permit_mx_backup, reject", "recipient", DENIED, unable,
              DENIED, DENIED, nxdomain=DENIED)
    where = "<s@{d}>: Sender address rejected:"
    yield Row("reject_unverified_sender", "reject_unverified_sender", "sender",
              f"450 4.1.7 {where} unverified address: Host or domain name not found",
              f"450 4.1.7 {where} unverified address: Host or domain name not found",
              f"450 4.1.7 {where} unverified address: connect to",
              f"450 4.1.7 {where} unverified address: connect to")


ROWS = [*lists(), *names(), *access(), *others()]


class World:
    def __init__(self, dns, make, hop):
        self.dns = dns
        self.domains = {}
        classes, rows = [], []
        dns.script = self
        for row in ROWS:
            for fault in FAULTS:
                name = f"{row.name}_{fault}"
                d = f"{name}.test".replace("_", "-")
                self.domains[d] = fault
                classes.append((name, row.rules.replace("{d}", d)))
                rows.append(f"{name}@{self.recipient_domain(row, d)} {name}")
        self.f = make(
            listeners={"smtp": "smtp, role = before_queue"}, next_hop=hop.next_hop,
            verify_recipients_at_next_hop="no",
            resolver=dns.address, resolver_timeout="1s", resolver_tries="2",
            smtpd_authorized_xclient_hosts="127.0.0.0/8", smtpd_relay_restrictions="",
            smtpd_recipient_restrictions="check_recipient_access texthash:{dir}/who",
            smtpd_restriction_classes=", ".join(n for n, _ in classes),
            relay_domains="relay.example", mydestination="", inet_interfaces="127.0.0.1",
            address_verify_poll_count="8", worker_threads="32",
            dnsbl_refused_limit="1000", smtpd_client_connection_count_limit="0",
            files={"who": "\n".join(rows) + "\n",
                   "bad": f"{LISTED} REJECT\n{REFUSAL} REJECT\n{SOLD} REJECT\n"
                          "mx.test REJECT\nhost.test REJECT\n"},
            **dict(classes))
        self.f.expect(r"RBL lookup error|refuses to answer|without =filter|it lists everything|"
                      r"(MX|NS) of \S+: |has no address that could be found")

    @staticmethod
    def recipient_domain(row, d):
        return d if row.role == "recipient" else "relay.example"

    def get(self, name):
        """The script of the DNS: what lies in or below a domain of ours has its fault."""
        for d, fault in self.domains.items():
            if name == d or name.endswith("." + d):
                # A list that is sound but for this does not list everybody (RFC 5782).
                point = name.startswith(("1.0.0.127.", "invalid."))
                return "nxdomain" if point and fault in FOUND else fault
        # Who has no name servers of his own has his parent's.
        return "nxdomain" if name == "test" else None

    def rcpt(self, row, fault):
        d = f"{row.name}_{fault}.test".replace("_", "-")
        client = d if row.role == "client" else "client.example"
        helo = d if row.role == "helo" else "helo.example"
        sender = f"s@{d}" if row.role == "sender" else "s@sender.example"
        local = f"{row.name}_{fault}"
        with smtp.Client(self.f.address("smtp"), timeout=60) as c:
            c.hello()
            assert c.cmd(f"XCLIENT ADDR=192.0.2.10 NAME={client}").code == 220
            c.cmd(f"EHLO {helo}")
            assert c.cmd(f"MAIL FROM:<{sender}>").code == 250
            got = c.cmd(f"RCPT TO:<{local}@{self.recipient_domain(row, d)}>")
            c.quit()
        want = row.want[fault].replace("{d}", d).replace("{r}", local)
        return str(got), want


@pytest.fixture(scope="module")
def words():
    """FAULTS are words of the server's for as long as these tests run."""
    before = dict(dns_faults.WORDS)
    dns_faults.WORDS.update(FAULTS)
    yield
    dns_faults.WORDS.clear()
    dns_faults.WORDS.update(before)


def test_matrix(words, filterd, hop):
    with dns_faults.Server() as dns:
        w = World(dns, filterd, hop)
        cells = [(row, fault) for row in ROWS for fault in FAULTS]
        with concurrent.futures.ThreadPoolExecutor(24) as pool:
            answers = list(pool.map(lambda cell: w.rcpt(*cell), cells))
        wrong = [f"{row.name} x {fault}: {got!r}, not {want!r}"
                 for (row, fault), (got, want) in zip(cells, answers) if not got.startswith(want)]
        assert not wrong, "\n".join(wrong)
        # Each fault has been met: its names were asked for.
        asked = {name.lower() for name, _, _ in dns.asked}
        for d in w.domains:
            assert any(name == d or name.endswith("." + d) for name in asked), d


# --- names of the client, which the door itself looks up ---

# fault: what reject_unknown_reverse_client_hostname and reject_unknown_client_hostname say
PTR_WANT = {
    "nxdomain": ("450 4.7.1 Client host rejected: cannot find your reverse hostname",
                 "450 4.7.25 Client host rejected: cannot find your hostname"),
    "truncated": (OK, "450 4.7.25 Client host rejected: cannot find your hostname"),
}
for _fault in FAULTS:
    PTR_WANT.setdefault(_fault, PTR_WANT["nxdomain"])


def test_client_names(words, filterd, hop):
    with dns_faults.Server() as dns:
        for i, fault in enumerate(FAULTS):
            dns.script[f"{i + 1}.7.9.127.in-addr.arpa"] = fault
        dns.script["host.test"] = "nxdomain"
        f = filterd(
            listeners={"smtp": "smtp, role = before_queue, smtpd_peername_lookup = yes, "
                               "smtpd_authorized_xforward_hosts ="},
            next_hop=hop.next_hop, verify_recipients_at_next_hop="no", allowed_clients="127.0.0.0/8",
            resolver=dns.address, resolver_timeout="1s", resolver_tries="1",
            smtpd_relay_restrictions="", smtpd_restriction_classes="reverse, both",
            smtpd_recipient_restrictions="check_recipient_access inline:{ a@relay.example=reverse, b@relay.example=both }",
            relay_domains="relay.example",
            extra="reverse = reject_unknown_reverse_client_hostname\n"
                  "both = reject_unknown_client_hostname\n")
        f.expect("hostname")
        for i, (fault, name) in enumerate(zip(FAULTS, PTR_WANT)):
            with smtp.Client(f.address("smtp"), source=(f"127.9.7.{i + 1}", 0)) as c:
                c.hello()
                c.cmd("MAIL FROM:<s@sender.example>")
                for rcpt, want in zip("ab", PTR_WANT[fault]):
                    got = str(c.cmd(f"RCPT TO:<{rcpt}@relay.example>"))
                    assert got.startswith(want), (fault, rcpt, got)
                c.quit()
        assert {t for _, t, _ in dns.asked} >= {PTR}


# --- a list that refuses ---

def test_switched_off(words, filterd, hop):
    """After some refusals it is asked no more, until its test points are right."""
    with dns_faults.Server() as dns:
        dns.script["1.0.0.127.rbl.test"] = "nxdomain"
        for i in range(20):
            dns.script[f"{i}.2.0.192.rbl.test"] = "refusal"
        f = filterd(
            listeners={"smtp": "smtp, role = before_queue"}, next_hop=hop.next_hop,
            verify_recipients_at_next_hop="no", resolver=dns.address, resolver_timeout="1s",
            smtpd_authorized_xclient_hosts="127.0.0.0/8", smtpd_relay_restrictions="",
            smtpd_recipient_restrictions="reject_rbl_client rbl.test", relay_domains="relay.example",
            dnsbl_refused_limit="3", dnsbl_probe_interval="2s")
        f.expect("refuses to answer: 127.255.255.254|switched off: 3 questions refused in a row")

        def client(i):
            with smtp.Client(f.address("smtp")) as c:
                c.hello()
                c.cmd(f"XCLIENT ADDR=192.0.2.{i} NAME=client.example")
                c.hello()
                c.cmd("MAIL FROM:<s@sender.example>")
                return c.cmd("RCPT TO:<r@relay.example>").code

        assert [client(i) for i in range(6)] == 6 * [250]
        asked = [n for n, _, _ in dns.asked if n.endswith("rbl.test")]
        assert asked == [f"{i}.2.0.192.rbl.test" for i in range(3)]
        assert "switched off: 3 questions refused in a row" in f.ctl("status")
        # 2.0.0.127.rbl.test is 127.0.0.2, as everything of which nothing is said.
        time.sleep(2.1)
        assert client(30) == 554
        assert "switched off" not in f.ctl("status")


# --- ordinary zones, by a real server ---

ZONES = {
    "rbl.test": "2.0.0.127 A 127.0.0.2\n10.2.0.192 A 127.0.0.4\n"
                '10.2.0.192 TXT "spam source"\n11.2.0.192 A 127.0.0.1\n',
    "rhs.test": "TEST A 127.0.0.2\nbad.example A 127.0.1.2\n",
    "wl.test": "2.0.0.127 A 127.0.10.0\n12.2.0.192 A 127.0.5.3\n",
    "wild.test": "* A 127.0.0.2\n",
    "good.example": "@ MX 10 mx\n@ A 192.0.2.20\nmx A 192.0.2.21\n",
    "nullmx.example": "@ MX 0 .\n",
}


def test_ordinary(filterd, hop):
    if nsd_lib.missing():
        cannot(nsd_lib.missing())
    n = nsd_lib.Nsd(ZONES)
    try:
        n.start()
        f = filterd(
            listeners={"smtp": "smtp, role = before_queue"}, next_hop=hop.next_hop,
            verify_recipients_at_next_hop="no", resolver=n.address, resolver_timeout="2s",
            smtpd_authorized_xclient_hosts="127.0.0.0/8", smtpd_relay_restrictions="",
            smtpd_restriction_classes="rbl, rhs, wl, wild, mx, known", relay_domains="relay.example",
            smtpd_recipient_restrictions="check_recipient_access inline:{ " + ", ".join(
                f"{x}@relay.example={x}" for x in ("rbl", "rhs", "wl", "wild", "mx", "known"))
            + " }",
            extra="rbl = reject_rbl_client rbl.test\nrhs = reject_rhsbl_sender rhs.test\n"
                  "wl = permit_dnswl_client wl.test=127.0.[0..255].[1..3], reject\n"
                  "wild = reject_rbl_client wild.test\n"
                  "mx = check_sender_mx_access inline:{ mx.good.example=REJECT }\n"
                  "known = reject_unknown_sender_domain\n")
        f.expect("refuses to answer: 127.0.0.1|wild.test: switched off: it lists 127.0.0.1")
        for who, addr, sender, want in (
                ("rbl", "192.0.2.10", "s@good.example",
                 "554 5.7.1 Service unavailable; Client host [192.0.2.10] blocked using rbl.test; "
                 "spam source"),
                ("rbl", "192.0.2.11", "s@good.example", "250"),
                ("rbl", "192.0.2.12", "s@good.example", "250"),
                ("rhs", "192.0.2.10", "s@bad.example", "554 5.7.1 Service unavailable; Sender "
                 "address [s@bad.example] blocked using rhs.test"),
                ("rhs", "192.0.2.10", "s@good.example", "250"),
                ("wl", "192.0.2.12", "s@good.example", "250"),
                ("wl", "192.0.2.10", "s@good.example", "554 5.7.1 <wl@relay.example>: Recipient"),
                ("wild", "192.0.2.10", "s@good.example", "250"),
                ("wild", "192.0.2.99", "s@good.example", "250"),
                ("mx", "192.0.2.10", "s@good.example", "554 5.7.1 <s@good.example>: Sender"),
                ("known", "192.0.2.10", "s@good.example", "250"),
                ("known", "192.0.2.10", "s@nullmx.example", "550 5.7.27"),
                ("known", "192.0.2.10", "s@nothere.good.example", "450 4.1.8")):
            with smtp.Client(f.address("smtp")) as c:
                c.hello()
                c.cmd(f"XCLIENT ADDR={addr} NAME=client.example")
                c.hello()
                c.cmd(f"MAIL FROM:<{sender}>")
                got = str(c.cmd(f"RCPT TO:<{who}@relay.example>"))
                assert got.startswith(want), (who, addr, sender, got)
                c.quit()
    finally:
        n.finish()


def test_hundreds_of_exchangers_are_not_all_looked_up(filterd, hop):
    """PITFALLS B16: there is an end to the hosts behind one name."""
    if nsd_lib.missing():
        cannot(nsd_lib.missing())
    hosts = "".join(f"@ MX 10 h{i}\nh{i} A 192.0.2.{i}\n" for i in range(1, 121))
    nsd = nsd_lib.Nsd({"many.test": hosts})
    try:
        nsd.start()
        f = filterd(
            listeners={"smtp": "smtp, role = before_queue"}, next_hop=hop.next_hop,
            verify_recipients_at_next_hop="no", resolver=nsd.address,
            smtpd_sender_restrictions="check_sender_mx_access texthash:{dir}/hosts",
            files={"hosts": "other.test REJECT\n"})
        f.expect("MX of many.test: only 100 of 120 hosts are looked at")
        with smtp.Client(f.address("smtp"), timeout=60) as c:
            c.hello()
            assert c.cmd("MAIL FROM:<s@many.test>").code == 250
            assert c.cmd("RCPT TO:<r@relay.example>").code == 250
            c.quit()
        assert len([e for e in f.entries() if "only 100 of 120" in str(e)]) == 1
    finally:
        nsd.finish()
