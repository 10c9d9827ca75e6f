"""check_url, check_url_host and reject_rhsbl_url in a whole filterd: different answers for recipients of one message, with lists in
a real DNS server; what log, explain and facts say; what the DNS does not tell."""
import base64
import json
import re
import socket
import threading

import pytest

import dns_faults
import explain
import nsd as nsd_lib
import smtp
from conftest import cannot

PEOPLE = ("url", "host", "list", "none")
ADDRESSES = [p + "@example.com" for p in PEOPLE]
OK = "250 2.0.0 Ok"
FAILED = "451 4.7.1 Service temporarily unavailable, try again later"
HTML = b'<base href="https://cdn.shop.example/a/"><p style="background:url(bg.gif)">Click <a href="HTTP&#58;\\\\x@WWW.Evil.example/phish?u=1">' \
       b'here</a> or www.<b>other</b>.example</p>'


def message(html=HTML, text=b"Dear friend,\r\n"):
    return (b"From: s <s@shop.example>\r\nSubject: hello\r\nMIME-Version: 1.0\r\n"
            b"Content-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\n" + text +
            b"\r\n--b\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n" +
            base64.encodebytes(html).replace(b"\n", b"\r\n") + b"--b--\r\n")


def plain(*urls):
    return b"From: s <s@shop.example>\r\nSubject: x\r\n\r\n" + b"".join(u.encode() + b"\r\n" for u in urls)


def lmtp(f, recipients, message):
    with smtp.Client(f.address("lmtp"), lmtp=True) as c:
        c.hello()
        got = c.transaction("s@shop.example", recipients, message)[2]
        c.quit()
    return [OK if str(r).startswith(OK) else str(r) for r in got]


def explained(f, final):
    """The stage of this recipient, as text, with the rule that the log names."""
    stages = [s for s in explain.stages(explain.by_id(f, final["id"])) if s.get("recipient") == final["recipient"]]
    assert any(s.get("rule") == final["rule"] and s["verdict"].startswith(f"{final['code']} ") for s in stages), (final, stages)
    return json.dumps(stages)


LISTENERS = {"lmtp": "lmtp, role = before_queue, smtpd_authorized_xforward_hosts ="}
CLASSES = {
    "smtpd_restriction_classes": "url, host, list, none", "smtpd_reject_footer": "",
    "url": "check_url texthash:{dir}/urls", "host": "check_url_host texthash:{dir}/hosts",
    "list": "reject_rhsbl_url l.test", "none": "permit",
    "content_restrictions": "check_recipient_access inline:{ " + ", ".join(f"{a}={p}" for a, p in zip(ADDRESSES, PEOPLE)) + " }"}
FILES = {"urls": "# x\nhttp://www.evil.example/phish REJECT phishing\nhttps://cdn.shop.example/a/ WARN their pictures\n",
         "hosts": "other.example REJECT not them\n"}
ZONES = {"l.test": 'TEST A 127.0.0.2\nevil.example A 127.0.1.4\nevil.example TXT "phish, see http://l.test/"\n1.2.0.192 A 127.0.0.2\n'
                   "asked.example A 127.0.1.255\n2.0.0.127 A 127.0.0.2\n"}


@pytest.fixture(scope="module")
def nsd():
    if nsd_lib.missing():
        cannot(nsd_lib.missing())
    n = nsd_lib.Nsd(ZONES)
    try:
        yield n.start()
    finally:
        n.finish()


def test_each_by_his_own(filterd, hop, nsd):
    f = filterd(listeners=LISTENERS, files=FILES, next_hop=hop.next_hop, resolver=nsd.address, **CLASSES)
    assert lmtp(f, ADDRESSES, message()) == [
        "554 5.7.1 phishing", "554 5.7.1 not them",
        "554 5.7.1 Service unavailable; URL host [evil.example] blocked using l.test; phish, see http://l.test/", OK]
    finals = {e["recipient"]: e for e in f.wait_finals(4)}
    url, host, listed = (finals[a] for a in ADDRESSES[:3])
    assert (url["rule"], host["rule"]) == (f.dir + "/urls:2", f.dir + "/hosts:1")
    assert re.fullmatch(re.escape(f.dir) + r"/filterd\.cf:\d+", listed["rule"]), listed
    # The URL that was found, whichever key the table knew.
    assert "http://www.evil.example/phish?u=1" in explained(f, url) and "urls:2" in explained(f, url)
    assert "http://www.other.example/" in explained(f, host)
    assert "the URL: http://www.evil.example/phish?u=1" in explained(f, listed)
    assert "evil.example.l.test" in explained(f, listed)
    # The message was taken apart once, and passed unchanged to whom nothing forbids it.
    assert [(m.recipients, m.data) for m in hop.wait(1)] == [([ADDRESSES[3]], message())]


def test_relative(filterd, hop, nsd):
    """<base> makes a URL of what is none by itself; the log has it whole."""
    f = filterd(listeners=LISTENERS, files=FILES, next_hop=hop.next_hop, resolver=nsd.address, **CLASSES)
    assert lmtp(f, ADDRESSES[:1], message(HTML.replace(b"Evil", b"good"))) == [OK]
    assert [(e["recipient"], e["content"], e["rule"]) for e in f.entries("warn")] == [
        (ADDRESSES[0], text, f.dir + "/urls:3") for text in ("url https://cdn.shop.example/a/: their pictures", "url: and 1 more")]


LISTED = [
    ("http://evil.example/", "evil.example"),
    ("http://a.b.evil.example:8080/x", "evil.example"),
    ("see www.evil.example.", "evil.example"),
    ("http://good.example@evil.example", "evil.example"),
    ("http://r.example/?u=http%253A%252F%252Fevil.example", "evil.example"),
    ("http://3221225985/", "192.0.2.1"),
    ("http://good.example/ mailto:joe@evil.example", "evil.example"),
    ("http://good.example/ joe@evil.example", None),
    ("http://asked.example/", None),    # the list refuses to answer
    ("nothing", None),
]


def test_list(filterd, hop, nsd):
    f = filterd(listeners=LISTENERS, files=FILES, next_hop=hop.next_hop, resolver=nsd.address, **CLASSES)
    f.expect("refuses to answer: 127.0.1.255")
    for text, what in LISTED:
        [got] = lmtp(f, ADDRESSES[2:3], plain(text))
        want = OK if what is None else f"554 5.7.1 Service unavailable; URL host [{what}] blocked using l.test"
        assert got.startswith(want), (text, got)
    f.reload(list="reject_rhsbl_url l.test=127.0.0.[2..9]")
    assert lmtp(f, ADDRESSES[2:3], plain("http://evil.example/")) == [OK]


def test_limits(filterd, hop, nsd):
    """What is beyond the limits is not called clean: facts, and a rule about them."""
    f = filterd(listeners=LISTENERS, files=FILES, next_hop=hop.next_hop, resolver=nsd.address, url_check_count_limit="3",
                **dict(CLASSES, list="reject_rhsbl_url l.test, check_fact inline:{ urls=HOLD }"))
    many = plain(*(f"http://good{i}.example/" for i in range(3)))
    assert lmtp(f, ADDRESSES[2:3], many) == [OK]
    assert lmtp(f, ADDRESSES[2:3], many + b"http://evil.example/\r\n") == [OK]
    inside, beyond = f.wait_finals(2)
    assert (inside["verdict"], inside["facts"]) == ("pass", "")
    assert beyond["verdict"] == "hold" and "urls=limit:count" in beyond["facts"]
    f.reload(url_check_count_limit="500", url_dns_count_limit="3")
    assert lmtp(f, ADDRESSES[2:3], many) == [OK]
    assert lmtp(f, ADDRESSES[2:3], many + b"http://evil.example/\r\n") == [OK]
    inside, beyond = f.wait_finals(4)[2:]
    assert inside["verdict"] == "pass"
    assert beyond["verdict"] == "hold" and "urls=limit:hosts" in beyond["facts"]
    f.reload(url_dns_count_limit="50")
    [got] = lmtp(f, ADDRESSES[2:3], many + b"http://evil.example/\r\n")
    assert got.startswith("554 5.7.1 ")


FAILURES = [("defer", FAILED, "defer", ""), ("hold", OK, "hold", "hold"), ("tag", OK, "tag", "tag"), ("accept", OK, "pass", "")]


@pytest.mark.parametrize("outcome,reply,verdict,effects", FAILURES, ids=[x[0] for x in FAILURES])
def test_trouble(filterd, hop, outcome, reply, verdict, effects):
    """That the DNS does not tell is neither listed nor not listed; one that is listed outweighs it."""
    with dns_faults.Server() as dns:
        dns.script.update({"down.example.l.test": "servfail", "evil.example.l.test": "listed", "good.example.l.test": "nxdomain",
                           "invalid.l.test": "nxdomain"})
        f = filterd(listeners=LISTENERS, files=FILES, next_hop=hop.next_hop, resolver=dns.address, urls_on_failure=outcome, **CLASSES)
        f.expect("RBL lookup error: SERVFAIL|could not be checked")
        assert lmtp(f, ADDRESSES[2:3], plain("http://down.example/ http://good.example/")) == [reply]
        [final] = f.wait_finals(1)
        assert (final["verdict"], final["effects"]) == (verdict, effects)
        assert "urls=failed" in final["facts"]
        assert f"on_failure = {outcome}" in json.dumps(explain.by_id(f, final["id"]))
        [got] = lmtp(f, ADDRESSES[2:3], plain("http://down.example/ http://evil.example/"))
        assert got.startswith("554 5.7.1 Service unavailable; URL host [evil.example] blocked")


class Together:
    """A DNS server that says nothing before it has been asked for n names; then there is none of them."""

    def __init__(self, n):
        self.n, self.waiting, self.names = n, [], set()
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(("127.0.0.1", 0))
        self.udp.settimeout(0.1)
        self.address = "127.0.0.1:%d" % self.udp.getsockname()[1]
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self.serve, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join()
        self.udp.close()

    def serve(self):
        while not self.stop.is_set():
            try:
                packet, peer = self.udp.recvfrom(4096)
            except TimeoutError:
                continue
            q = dns_faults.Question(packet)
            self.names.add(q.name.lower())
            self.waiting.append((q, peer))
            if len(self.names) < self.n:
                continue
            for q, peer in self.waiting:
                self.udp.sendto(q.reply(dns_faults.NXDOMAIN, authority=[dns_faults.soa("test")]), peer)
            self.waiting = []


def test_all_at_a_time(filterd, hop):
    """Two lists and twelve hosts: no answer is waited for before all have been asked for."""
    names = [f"h{i}.example" for i in range(12)]
    with Together(24) as dns:
        f = filterd(listeners=LISTENERS, files=FILES, next_hop=hop.next_hop, resolver=dns.address, resolver_timeout="20s",
                    **dict(CLASSES, list="reject_rhsbl_url l.test, reject_rhsbl_url m.test"))
        assert lmtp(f, ADDRESSES[2:3], plain(*("http://" + n for n in names))) == [OK]
        assert dns.names == {f"{n}.{zone}.test" for n in names for zone in "lm"}
