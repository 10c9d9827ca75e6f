"""The milter door when things go wrong: peers that vanish, speak something else, dawdle or do not
read, too many of them, an MTA that grants little, and a filterd that dies with mail in its hands.
Behind a real Postfix that is told to defer (milter_default_action = tempfail) no message passes
unchecked."""
import collections
import itertools
import json
import os
import random
import re
import resource
import socket
import struct
import subprocess
import sys
import time

import pytest

import milter_client as mc
from reloading import sanitized
from conftest import cannot

MESSAGE = b"From: me@example.com\r\nSubject: hello\r\n\r\nhow are you\r\n"
# A peer that is no MTA, or stops to be one, gets a line in the log.
ODD_PEERS = "malformed milter packet from"
SLOW = dict(smtpd_restriction_classes="slow", slow="sleep 2",
            smtpd_end_of_data_restrictions="check_sender_access inline:{ { slow@example.com = slow } }")


def connect(f, name="milter", **offer):
    c = mc.Client(f.address(name))
    c.negotiate(**offer)
    return c


def is_good(reply):
    return reply is None or reply.kind == "continue"


def begun(f, name="milter", **offer):
    c = connect(f, name, **offer)
    assert is_good(c.connect()) and is_good(c.helo())
    return c


def passes(f, name="milter"):
    with begun(f, name) as c:
        rcpts, end = c.transaction(MESSAGE)
        c.quit()
        return all(map(is_good, rcpts)) and is_good(end)


def wait_for(true, what, timeout=15):
    end = time.monotonic() + timeout
    while not true():
        assert time.monotonic() < end, f"not in {timeout} s: {what}"
        time.sleep(0.05)


# --- what a process has ---

def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def memory(pid):
    """Resident, in KB."""
    with open(f"/proc/{pid}/status") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmRSS:"))


def cpu(pid):
    """Seconds so far."""
    with open(f"/proc/{pid}/stat") as f:
        fields = f.read().rsplit(") ", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


# --- an MTA that vanishes ---

def conversation():
    """A session as packets, in order, each with how long it is on the wire."""
    neg = mc.packet(b"O", struct.pack(">III", 6, mc.ACTIONS, mc.STEPS))
    return [neg,
            mc.packet(b"D", b"C" + mc.strings("j", "mx.example", "{client_ptr}", "a.example")),
            mc.packet(b"C", mc.strings("a.example") + b"4" + struct.pack(">H", 25) + mc.strings("192.0.2.1")),
            mc.packet(b"H", mc.strings("a.example")),
            mc.packet(b"D", b"M" + mc.strings("i", "4bCdEf")),
            mc.packet(b"M", mc.strings("<a@example.com>", "SIZE=100")),
            mc.packet(b"R", mc.strings("<b@example.org>")),
            mc.packet(b"T"),
            mc.packet(b"L", mc.strings("Subject", " hello")),
            mc.packet(b"N"),
            mc.packet(b"B", b"how are you\r\n"),
            mc.packet(b"E"),
            mc.packet(b"A"),
            mc.packet(b"U", mc.strings("FOO")),
            mc.packet(b"K"),
            mc.packet(b"C", mc.strings("localhost") + b"U")]


def vanish(sock, how):
    if how == "reset":
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    if how == "half":
        sock.shutdown(socket.SHUT_WR)       # it would still read, and is then closed
        sock.settimeout(20)
        while sock.recv(65536):
            pass
    sock.close()


@pytest.mark.parametrize("kind", ["milter", "milter:unix"])
@pytest.mark.parametrize("how", ["close", "reset", "half"])
def test_vanishes_at_every_command(filterd, kind, how):
    """Behind each packet, and in the middle of each; with what was answered read, or not."""
    f = filterd(listeners={"milter": kind})
    assert passes(f)
    worker, = f.workers()
    wait_for(lambda: sessions(f) == 0, "the session's end")
    before = descriptors(worker)
    packets = conversation()
    for n, middle, wait in itertools.product(range(len(packets) + 1), (False, True), (0, 0.02)):
        said = b"".join(packets[:n])
        if middle:
            said += packets[n][:len(packets[n]) // 2 + 1] if n < len(packets) else b"\0\0"
        c = mc.Client(f.address("milter"))
        c.send(said)
        time.sleep(wait)
        vanish(c.sock, how)
    assert passes(f)
    wait_for(lambda: descriptors(worker) <= before, "descriptors given back")
    assert f.workers() == [worker] and sessions(f) == 0
    assert os.listdir(f.dir + "/spool") == []


def sessions(f):
    return json.loads(f.ctl("status", "--json"))["counters"]["sessions_now"]


def test_vanishes_while_checks_run(filterd):
    """In the end of a message that takes 2 s, and with what is behind it already sent."""
    f = filterd(listeners={"milter": "milter"}, **SLOW)
    clients = []
    for i in range(10):
        c = begun(f)
        assert is_good(c.mail("<slow@example.com>")) and is_good(c.rcpt()) and is_good(c.data())
        assert is_good(c.header("Subject", " x")) and is_good(c.eoh()) and is_good(c.body(b"x\r\n"))
        c.end(wait=False)
        if i % 2:
            c.quit()
        clients.append(c)
    time.sleep(0.5)
    for i, c in enumerate(clients):
        vanish(c.sock, ("close", "reset")[i // 2 % 2])
    assert passes(f)
    wait_for(lambda: sessions(f) == 0, "the sessions' end")


# --- what is no milter client ---

def nonsense():
    """Octets from no MTA, each an own seed; most have a length that cannot be."""
    r = random.Random(20261)
    for _ in range(150):
        yield r.randbytes(r.randint(1, 200))
    for _ in range(150):        # a good length, then anything
        data = r.randbytes(r.randint(1, 60))
        yield struct.pack(">I", len(data)) + data
    for _ in range(100):        # a command that exists, and anything as its data
        data = r.choice(b"ABCDEHKLMNORTU").to_bytes(1, "big") + r.randbytes(r.randint(0, 60))
        yield struct.pack(">I", len(data)) + data


@pytest.mark.parametrize("negotiated", [False, True])
def test_random_octets(filterd, negotiated):
    f = filterd(listeners={"milter": "milter:unix"}).expect(ODD_PEERS)
    worker, = f.workers()
    with begun(f) as other:
        for data in nonsense():
            c = begun(f) if negotiated else mc.Client(f.address("milter"))
            c.send(data)
            c.close()
        assert is_good(other.transaction(MESSAGE)[1])
    assert passes(f)
    assert f.workers() == [worker]
    wait_for(lambda: sessions(f) == 0, "the sessions' end")


@pytest.mark.parametrize("data", [
    b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n", b"UNKNOWN COMMAND\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"\0\0\0\0", b"\xff\xff\xff\xff", b"\xff\xff\xff\xffO",
    b"\x7f\xff\xff\xffO", b"\x80\0\0\0O", b"\x01", b"G"])
@pytest.mark.parametrize("later", [False, True])
def test_closed_at_once(filterd, data, later):
    """From the first octets, without a wait for more; nothing is said to it."""
    f = filterd(listeners={"milter": "milter"}).expect(ODD_PEERS)
    with (begun(f) if later else mc.Client(f.address("milter"))) as c:
        c.send(data)
        c.sock.settimeout(2)
        with pytest.raises(mc.Closed, match=" 0 octets left"):
            c.more()
    assert passes(f)


# --- those who take their time ---

def test_slow_loris(filterd):
    """Many that send an octet now and then, in the middle of everything, and few threads: others do
    not wait for them."""
    f = filterd(listeners={"milter": "milter"}, worker_threads=2)
    packets = conversation()
    said = b"".join(packets[:12])
    starts = list(itertools.accumulate(map(len, packets[:11]), initial=0))
    slow, slowest = [], 0
    for i in range(100):
        c = mc.Client(f.address("milter"))
        at = starts[i % len(starts)] + 1 + i // len(starts) % 4
        c.send(said[:at])
        slow.append([c, at])
    for _ in range(8):
        for s in slow:
            s[0].send(said[s[1]:s[1] + 1])
            s[1] += 1
        for _ in range(5):
            start = time.monotonic()
            assert passes(f)
            slowest = max(slowest, time.monotonic() - start)
    print(f"slowest session beside 100 slow ones: {slowest:.3f} s")
    assert slowest < 5
    # They have not been cut short either: one that goes on gets its answers.
    c, at = slow[0]
    c.send(said[at:])
    assert c.receive()[0] == b"O"
    for c, _ in slow:
        c.close()


def test_half_a_packet_times_out(filterd):
    """Half a packet is no idle SMTP session: it does not have two hours."""
    f = filterd(listeners={"milter": "milter"}, smtpd_timeout="1s")
    with begun(f) as idle, begun(f) as half:
        half.send(mc.packet(b"M", mc.strings("<a@example.com>"))[:8])
        start = time.monotonic()
        assert half.is_closed() and half.buffer == b""
        assert 0.5 < time.monotonic() - start < 5
        assert is_good(idle.transaction(MESSAGE)[1])


def test_claims_of_a_megabyte(filterd):
    """A length takes no memory before its octets are there."""
    f = filterd(listeners={"milter": "milter"})
    assert passes(f)
    worker, = f.workers()
    room_for(1000)
    clients = [begun(f) for _ in range(300)]
    for c in clients:
        c.send(mc.packet(b"M", mc.strings("<a@example.com>")))
    before = memory(worker)
    for c in clients:
        c.send(struct.pack(">I", 1 << 20) + b"L" + b"x" * 100)
    wait_for(lambda: cpu_settled(worker), "it has read them")
    grown = memory(worker) - before
    print(f"300 claims of 1 MB: {grown} KB")
    assert grown < 30000 or sanitized(worker)       # what is freed is kept for a while there
    assert passes(f)
    for c in clients:
        c.close()


def cpu_settled(pid):
    before = cpu(pid)
    time.sleep(0.3)
    return cpu(pid) - before < 0.02


@pytest.mark.parametrize("kind", ["milter", "milter:unix"])
def test_who_reads_nothing(filterd, kind):
    """Peers that ask and ask and read no answer: they are not heard any more, and nobody waits for
    them."""
    f = filterd(listeners={"milter": kind}, worker_threads=2)
    assert passes(f)
    worker, = f.workers()
    before = memory(worker)
    ask = mc.packet(b"U", mc.strings("FOO")) * 1000
    deaf = [begun(f, steps=0) for _ in range(8)]
    for c in deaf:
        c.sock.setblocking(False)
    sent = [0] * len(deaf)
    end = time.monotonic() + 3
    while time.monotonic() < end:
        for i, c in enumerate(deaf):
            try:
                sent[i] += c.sock.send(ask[sent[i] % len(ask):])
            except BlockingIOError:
                time.sleep(0.01)
    with pytest.raises(BlockingIOError):
        while True:
            sent[0] += deaf[0].sock.send(ask[sent[0] % len(ask):])
    start = time.monotonic()
    assert passes(f)
    waited, grown = time.monotonic() - start, memory(worker) - before
    print(f"{sum(sent) >> 10} KB asked, nothing read: {grown} KB more, others wait {waited:.3f} s")
    assert waited < 5
    assert grown < 30000 or sanitized(worker)
    for c in deaf:
        c.close()
    assert passes(f)


# --- many ---

def room_for(n):
    """n descriptors more, here."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    want = n + 500
    if soft < want:
        if hard != resource.RLIM_INFINITY and hard < want:
            cannot(f"at most {hard} descriptors")
        resource.setrlimit(resource.RLIMIT_NOFILE, (want, hard))


def test_two_thousand_connections(filterd):
    """In the middle of an SMTP session each; all are good for a message, and leave nothing behind."""
    f = filterd(listeners={"milter": "milter"})
    assert passes(f)
    worker, = f.workers()
    wait_for(lambda: sessions(f) == 0, "the session's end")
    before, kb = descriptors(worker), memory(worker)
    room_for(4000)
    clients = [mc.Client(f.address("milter")) for _ in range(2000)]
    for c in clients:
        c.negotiate()
        assert is_good(c.connect()) and is_good(c.helo())
    assert sessions(f) == 2000
    print(f"2,000 connections: {memory(worker) - kb} KB more")
    start = time.monotonic()
    assert passes(f)
    assert time.monotonic() - start < 5
    assert cpu_settled(worker), "idle connections keep it busy"
    for c in clients[::20]:
        assert is_good(c.transaction(MESSAGE)[1])
    for c in clients:
        c.close()
    wait_for(lambda: descriptors(worker) <= before and sessions(f) == 0, "descriptors given back")
    assert passes(f)


def limit_descriptors(pid, n):
    """Of that process, as its own user, for root need not have the right to; what its limit was."""
    with open(f"/proc/{pid}/status") as f:
        ids = {line.split()[0]: int(line.split()[1]) for line in f if line[:4] in ("Uid:", "Gid:")}
    code = "import sys, resource as r; p, n = map(int, sys.argv[1:]); was = r.prlimit(p, r.RLIMIT_NOFILE);" \
        "r.prlimit(p, r.RLIMIT_NOFILE, (n, was[1])); print(was[0])"
    return int(subprocess.check_output([sys.executable, "-c", code, str(pid), str(n)], user=ids["Uid:"],
                                       group=ids["Gid:"], extra_groups=[]))


def test_no_descriptors_left(filterd):
    """Those who are in are served, the others wait, and waiting costs nothing; when there are
    descriptors again all get their turn."""
    f = filterd(listeners={"milter": "milter", "unix": "milter:unix"})
    f.expect("accept|[Tt]oo many open files|descriptor")
    assert passes(f) and passes(f, "unix")
    worker, = f.workers()
    wait_for(lambda: sessions(f) == 0, "the sessions' end")
    most = descriptors(worker) + 20
    was = limit_descriptors(worker, most)
    clients = [mc.Client(f.address(("milter", "unix")[i % 2])) for i in range(60)]
    for c in clients:
        c.command(b"O", struct.pack(">III", 6, mc.ACTIONS, 0))      # all is answered
    time.sleep(1)
    before = cpu(worker)
    time.sleep(3)
    used = cpu(worker) - before
    print(f"CPU in 3 s without descriptors: {used:.2f} s")
    assert used < 1
    served = [c for c in clients if c.has_more(0.01)]
    assert 1 <= len(served) <= 20
    for c in served:
        assert c.receive()[0] == b"O"
        assert is_good(c.connect())
        c.close()
    served_later = [c for c in clients if c not in served]
    limit_descriptors(worker, was)
    for c in served_later:
        assert c.receive()[0] == b"O"
        assert is_good(c.connect()) and is_good(c.helo()) and is_good(c.transaction(MESSAGE)[1])
    for c in served_later:
        c.close()
    assert f.workers() == [worker]
    assert passes(f) and passes(f, "unix")


# --- an MTA that grants little ---

RULES = {
    "prepend": "PREPEND X-Seen: yes", "replace": "REPLACE Subject: other", "ignore": "IGNORE", "tag": "TAG",
    "bcc": "BCC carol@example.org", "redirect": "REDIRECT dave@example.org", "hold": "HOLD odd",
    "both": "PREPEND X-Seen: yes", "mixed": "PREPEND X-Seen: yes"}
RIGHTS = {"ADDHDRS": mc.ADDHDRS, "CHGHDRS": mc.CHGHDRS, "CHGBODY": mc.CHGBODY, "ADDRCPT": mc.ADDRCPT,
          "DELRCPT": mc.DELRCPT, "QUARANTINE": mc.QUARANTINE}


EDITING = ("insheader", "addheader", "chgheader", "replbody")


class Wish:
    """What a message got whose rules want something: the answer, changes of its octets, others."""

    def __init__(self, c, what):
        body = b"change me\r\n" if what in ("both", "mixed") else b"leave me\r\n"
        message = b"From: me@example.com\r\nSubject: " + what.encode() + b"\r\n\r\n" + body
        rcpts = ["<you@example.org>"] + ["<bad@example.org>"] * (what == "mixed")
        replies, end = c.transaction(message, rcpts=rcpts)
        assert all(map(is_good, replies))
        self.kind, self.code = end.kind, end.code
        # Each decision has its own id, which the reason for the MTA's hold queue names.
        changes = [x._replace(name=re.sub(r"\(id \w+\)", "(id)", x.name or "")) for x in end.changes]
        self.edits = [x for x in changes if x.kind in EDITING]
        self.others = [x for x in changes if x.kind not in EDITING]

    def __repr__(self):
        return f"{self.kind} {self.code or ''} {self.edits + self.others}"


def kept(f):
    """Copies in the hold store."""
    return len(f.ctl("hold", "list", "--json").splitlines())


@pytest.mark.parametrize("hold", ["mta", "store", "both"])
def test_what_is_not_granted(filterd, hold):
    """Each set of rights: the answer is the one with all of them, or its written substitute; never a
    part of the changes."""
    rules = "".join(f"/^Subject: {name}/ {action}\n" for name, action in RULES.items())
    f = filterd(listeners={"milter": "milter:unix"},
                files={"h": rules, "b": "/^change me/ REPLACE changed\n"},
                header_checks="regexp:{dir}/h", body_checks="regexp:{dir}/b", milter_hold=hold,
                content_restrictions="check_recipient_access inline:{ { bad@example.org = REJECT no } }")
    with begun(f) as c:
        full = {what: Wish(c, what) for what in RULES}
    assert [x.kind for x in full["both"].edits] == ["insheader", "replbody"]
    assert [x.kind for x in full["mixed"].others] == ["delrcpt"] and len(full["mixed"].edits) == 2
    assert [x.kind for x in full["redirect"].others] == ["addrcpt", "delrcpt"]
    assert full["hold"].kind == ("discard" if hold == "store" else "continue")
    seen = collections.Counter()
    for names in (n for k in range(len(RIGHTS) + 1) for n in itertools.combinations(RIGHTS, k)):
        with begun(f, actions=sum(RIGHTS[name] for name in names)) as c:
            for what, whole in full.items():
                before = kept(f) if what in ("hold", "mixed") else 0
                got = Wish(c, what)
                more = kept(f) - before if what in ("hold", "mixed") else 0
                said = f"{what}, granted {names}: {got}, {more} kept; with all rights {whole}"
                if got.kind == "continue":
                    assert got.edits == whole.edits and got.others == whole.others, said
                    assert whole.kind == "continue" and more == whole_kept(what, hold), said
                    seen[what, "all"] += 1
                else:
                    assert not got.edits and not got.others, said
                    if got.kind == "discard":
                        assert what == "hold" and more == 1, said
                    else:
                        assert got.code == 451 and more == 0, said
                    seen[what, got.kind] += 1
    print(dict(seen))
    for what in RULES:
        # Where the MTA is to hold it and may not, it is kept here, unless both were wished.
        without = "discard" if what == "hold" and hold != "both" else "replycode"
        assert seen[what, without], what
        assert seen[what, "all"] or (what, hold) == ("hold", "store"), what


def whole_kept(what, hold):
    """Copies in the hold store where the message passes."""
    return int(what == "mixed" or (what, hold) == ("hold", "both"))
