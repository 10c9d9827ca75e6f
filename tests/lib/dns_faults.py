"""A DNS server on a port of 127.0.0.1, by UDP and TCP, that misbehaves as it is told.

    with dns_faults.Server() as dns: ... dns.address, dns.asked

What it does with a question says script[NAME], or else the name's first label up to a digit or
hyphen; a word that is none of those below is answered with an address (A: 127.0.0.2), a name, or a
text.  asked: (name, type, "udp" or "tcp") of each question.
"""
import re
import socket
import struct
import threading

from ports import free_port

A, NS, CNAME, SOA, PTR, MX, TXT, AAAA, OPT = 1, 2, 5, 6, 12, 15, 16, 28, 41
NOERROR, FORMERR, SERVFAIL, NXDOMAIN, NOTIMP, REFUSED = range(6)
QR, AA, TC, RD, RA = 0x8000, 0x0400, 0x0200, 0x0100, 0x0080
BIG = 20 * [b"x" * 250]         # strings of a TXT record that no UDP packet takes


def name(text):
    labels = [x for x in text.encode("latin-1").split(b".") if x]
    return b"".join(bytes([len(x)]) + x for x in labels) + b"\0"


def record(owner, kind, ttl, data):
    return name(owner) + struct.pack(">HHIH", kind, 1, ttl, len(data)) + data


def soa(zone, ttl=60, minimum=60):
    return record(zone, SOA, ttl,
                  name("ns.test") + name("hm.test") + struct.pack(">5I", 1, 2, 3, 4, minimum))


def txt(strings):
    return b"".join(bytes([len(s)]) + s for s in strings)


class Question:
    def __init__(self, packet):
        self.id, self.flags, count, _, _, self.additional = struct.unpack(">6H", packet[:12])
        labels, at = [], 12
        while packet[at]:
            labels.append(packet[at + 1:at + 1 + packet[at]].decode("latin-1"))
            at += 1 + packet[at]
        self.name = ".".join(labels)
        self.type, self.klass = struct.unpack(">HH", packet[at + 1:at + 5])
        self.raw = packet[12:at + 5]

    def reply(self, rcode=NOERROR, answer=(), authority=(), flags=RA, id=None, question=None):
        return struct.pack(">6H", self.id if id is None else id, QR | RD | flags | rcode, 1,
                           len(answer), len(authority), 0) + \
            (self.raw if question is None else question) + b"".join(answer) + b"".join(authority)

    def record(self, ttl=60, owner=None):
        data = {A: b"\x7f\0\0\2", AAAA: bytes(15) + b"\2", TXT: txt([b"listed ", b"here"]),
                MX: b"\0\x0a" + name("mx.test"), SOA: soa("test")[-32:]}
        return record(owner or self.name, self.type, ttl, data.get(self.type) or name("host.test"))


# Each gets the question and the server's way ("udp" or "tcp"): the packets that answer, in order;
# a number is a pause in seconds.

def _truncated(q, way):
    """The whole answer is to be had by TCP."""
    if way == "udp":
        return [q.reply(flags=RA | TC)]
    if q.type == TXT:
        return [q.reply(answer=[record(q.name, TXT, 60, txt(BIG))])]
    return [q.reply(answer=[q.record()])]


def _noedns(q, way):
    """Before EDNS (RFC 6891)."""
    return [q.reply(FORMERR)] if q.additional else [q.reply(answer=[q.record()])]


def _wildcard(q, way):
    """A list that has been given up, or a provider that sells the names there are not."""
    return [q.reply(answer=[record(q.name, A, 60, b"\xc0\0\2\x01")])]


WORDS = {
    "servfail": lambda q, way: [q.reply(SERVFAIL)],
    "refused": lambda q, way: [q.reply(REFUSED)],
    "notimp": lambda q, way: [q.reply(NOTIMP)],
    "nxdomain": lambda q, way: [q.reply(NXDOMAIN, authority=[soa("test")])],
    "nosoa": lambda q, way: [q.reply(NXDOMAIN)],
    "nodata": lambda q, way: [q.reply(authority=[soa("test")])],
    "timeout": lambda q, way: [],
    "slow": lambda q, way: [0.3, q.reply(answer=[q.record()])],
    "truncated": _truncated,
    "cut": lambda q, way: [q.reply(flags=RA | TC)],             # by TCP too
    "hangup": lambda q, way: [q.reply(flags=RA | TC)] if way == "udp" else [],
    "wrongid": lambda q, way: [q.reply(answer=[q.record()], id=q.id ^ 1)],
    "forged": lambda q, way: [q.reply(NXDOMAIN, id=q.id ^ 1), 0.05,
                              q.reply(answer=[q.record()])],
    "wrongquestion": lambda q, way: [q.reply(answer=[q.record()],
                                             question=name("other.test") + q.raw[-4:])],
    "wrongtype": lambda q, way: [q.reply(answer=[q.record()],
                                         question=q.raw[:-4] + b"\0\x63\0\1")],
    "garbage": lambda q, way: [bytes(range(256))],
    "empty": lambda q, way: [b""],
    "header": lambda q, way: [q.reply()[:12]],
    "halfrecord": lambda q, way: [q.reply(answer=[q.record()])[:-2]],
    "badrecord": lambda q, way: [q.reply(answer=[record(q.name, q.type, 60, b"\3ab")])],
    "loop": lambda q, way: [q.reply(answer=[struct.pack(">H", 0xc000 | 12 + len(q.raw)) +
                                            q.record()[len(name(q.name)):]])],
    "lame": lambda q, way: [q.reply(authority=[record("test", NS, 60, name("ns.else"))],
                                    flags=0)],
    "alias": lambda q, way: [q.reply(answer=[record(q.name, CNAME, 60, name("end.test"))])],
    "circle": lambda q, way: [q.reply(answer=[
        record(q.name, CNAME, 60, name("circle2.test")),
        record("circle2.test", CNAME, 60, name(q.name))])],
    # Each is an alias of the next, and only that is said.
    "chain": lambda q, way: [q.reply(answer=[record(q.name, CNAME, 60, name(
        "chain%d.test" % (int(re.search(r"\d+", q.name)[0]) + 1)))])],
    "toward": lambda q, way: [q.reply(answer=[record(q.name, CNAME, 60, name("nxdomain.test"))])],
    "noedns": _noedns,
    "wildcard": _wildcard,
}


class Server:
    def __init__(self, port=None):
        self.port = port or free_port()
        self.address = f"127.0.0.1:{self.port}"
        self.script = {}
        self.asked = []
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.tcp = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        for s in (self.udp, self.tcp):
            s.bind(("127.0.0.1", self.port))
            s.settimeout(0.1)
        self.tcp.listen(50)
        self.stop = threading.Event()
        self.threads = [threading.Thread(target=f, daemon=True)
                        for f in (self._serve_udp, self._serve_tcp)]

    def __enter__(self):
        for t in self.threads:
            t.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        for t in self.threads:
            t.join()
        self.udp.close()
        self.tcp.close()

    def _answers(self, packet, way):
        q = Question(packet)
        self.asked.append((q.name, q.type, way))
        word = self.script.get(q.name.lower()) or \
            re.match(r"[a-z]*", q.name.split(".")[0].lower())[0]
        return WORDS.get(word, lambda q, way: [q.reply(answer=[q.record()])])(q, way)

    def _send(self, answers, send):
        """A pause holds nobody up."""
        for i, x in enumerate(answers):
            if isinstance(x, bytes):
                send(x)
                continue
            t = threading.Timer(x, self._send, (answers[i + 1:], send))
            t.daemon = True
            t.start()
            return

    def _serve_udp(self):
        while not self.stop.is_set():
            try:
                packet, peer = self.udp.recvfrom(4096)
            except TimeoutError:
                continue

            def send(x, peer=peer):
                try:
                    self.udp.sendto(x, peer)
                except OSError:
                    pass                # it is over

            self._send(self._answers(packet, "udp"), send)

    def _serve_tcp(self):
        while not self.stop.is_set():
            try:
                s, _ = self.tcp.accept()
            except TimeoutError:
                continue
            threading.Thread(target=self._talk, args=(s,), daemon=True).start()

    def _talk(self, s):
        """Questions of one connection, until the other side closes; one that gets no answer ends
        it."""
        with s:
            s.settimeout(5)
            try:
                while not self.stop.is_set():
                    answers = self._answers(_read_tcp(s), "tcp")
                    for x in answers:
                        if isinstance(x, bytes):
                            s.sendall(struct.pack(">H", len(x)) + x)
                    if not answers:
                        return
            except (OSError, EOFError):
                pass


def _read(s, n):
    data = b""
    while len(data) < n:
        more = s.recv(n - len(data))
        if not more:
            raise EOFError
        data += more
    return data


def _read_tcp(s):
    return _read(s, struct.unpack(">H", _read(s, 2))[0])
