"""A mail filter that writes down what an MTA tells it, and does as the test says: the other end
of what tests/lib/milter_client.py is one of.  Real MTAs are measured with it.

    m = Recorder(script={"mail": reply("550 5.7.1 no"), "end": [insert(0, "X-A", " b")]})
    with m: ... smtpd_milters = m.postfix ...
    m.events                            # [("connect", {...}), ("helo", {...}), ...]
    m.macros("mail")                    # the macros that came with the last MAIL

An event is (name, data, macros): what its packet held as a dict, and the macros that were sent
for it since the last event.  script: per event a list of packets (the last is CONTINUE if it is
none that ends the answer), or f(connection, data) that returns one; {"rcpt": {"a@x": [...]}} picks
by the path without its brackets.

actions, steps: what it asks for of what is offered (steps: SMFIP bits); version; ask: {stage
number: "macro names"} by SETSYMLIST.
"""
import os
import socket
import struct
import threading
import time

NAMES = {"O": "optneg", "C": "connect", "H": "helo", "M": "mail", "R": "rcpt", "T": "data",
         "L": "header", "N": "eoh", "B": "body", "E": "end", "A": "abort", "Q": "quit",
         "K": "quit_nc", "U": "unknown", "D": "macro"}
LETTERS = {name: letter for letter, name in NAMES.items()}

# SMFIP_NR_*, by the command they are of
NO_REPLY = {"header": 0x80, "connect": 0x1000, "helo": 0x2000, "mail": 0x4000, "rcpt": 0x8000,
            "data": 0x10000, "unknown": 0x20000, "eoh": 0x40000, "body": 0x80000}
SKIP, RCPT_REJ, LEADSPC = 0x400, 0x800, 0x100000
ALL_ACTIONS, ALL_STEPS = 0x1ff, 0x1fffff


def octets(text):
    return text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape")


def packet(letter, data=b""):
    return struct.pack(">I", len(data) + 1) + letter.encode() + data


def z(*texts):
    return b"".join(octets(t) + b"\0" for t in texts)


# --- answers and changes ---

CONTINUE, ACCEPT, REJECT, TEMPFAIL = (packet(c) for c in "cart")
DISCARD, PROGRESS, SKIPPED = (packet(c) for c in "dps")
FINAL = b"cartdys"


def reply(text):
    """REPLYCODE: the octets as they are."""
    return packet("y", z(text))


def add(name, value):
    return packet("h", z(name, value))


def insert(index, name, value):
    return packet("i", struct.pack(">I", index) + z(name, value))


def change(index, name, value):
    """An empty value deletes."""
    return packet("m", struct.pack(">I", index) + z(name, value))


def body(data):
    return packet("b", octets(data))


def quarantine(reason):
    return packet("q", z(reason))


def add_rcpt(path, params=None):
    return packet("+", z(path)) if params is None else packet("2", z(path, params))


def delete_rcpt(path):
    return packet("-", z(path))


def change_from(path, params=None):
    return packet("e", z(path) if params is None else z(path, params))


# --- what comes ---

def strings(data):
    """NUL-ended texts."""
    parts = data.split(b"\0")
    if parts[-1] != b"":
        raise ValueError(f"no NUL at the end: {data!r}")
    return [p.decode("utf-8", "surrogateescape") for p in parts[:-1]]


def parse(name, data):
    if name == "optneg":
        version, actions, steps = struct.unpack(">III", data[:12])
        return {"version": version, "actions": actions, "steps": steps, "rest": data[12:]}
    if name == "connect":
        host, rest = data.split(b"\0", 1)
        out = {"name": host.decode(), "family": rest[:1].decode()}
        if rest[:1] != b"U":
            out["port"] = struct.unpack(">H", rest[1:3])[0]
            out["addr"] = strings(rest[3:])[0]
        return out
    if name in ("helo", "unknown"):
        return {"text": strings(data)[0]}
    if name in ("mail", "rcpt"):
        args = strings(data)
        return {"path": args[0], "args": args[1:]}
    if name == "header":
        field, value = data[:-1].split(b"\0", 1)
        if not data.endswith(b"\0"):
            raise ValueError(f"no NUL at the end: {data!r}")
        return {"name": field.decode("utf-8", "surrogateescape"), "value": value}
    return {"data": data} if data else {}


class Gone(Exception):
    pass


class Connection:
    def __init__(self, recorder, sock):
        self.recorder, self.sock = recorder, sock
        self.events = []            # of this connection alone
        self.macros = {}
        self.steps = self.actions = 0
        self.version = None
        self.closed = False

    def read(self, n):
        data = b""
        while len(data) < n:
            try:
                more = self.sock.recv(n - len(data))
            except OSError as e:
                raise Gone from e
            if not more:
                raise Gone
            data += more
        return data

    def run(self):
        try:
            while True:
                length = struct.unpack(">I", self.read(4))[0]
                data = self.read(length)
                self.one(chr(data[0]), data[1:])
        except (Gone, OSError):
            pass
        finally:
            self.closed = True
            self.sock.close()
            self.recorder.note()

    def one(self, letter, data):
        name = NAMES[letter]
        if name == "macro":
            texts = strings(data[1:])
            of = NAMES[chr(data[0])]
            self.macros.setdefault(of, {}).update(zip(
                (n.strip("{}") for n in texts[::2]), texts[1::2]))
            self.recorder.saw_macros(of, dict(zip(texts[::2], texts[1::2])))
            return
        d = parse(name, data)
        event = (name, d, self.macros.pop(name, {}))
        self.events.append(event)
        self.recorder.saw(event)
        if name == "optneg":
            return self.negotiate(d)
        if name in ("quit", "abort", "quit_nc"):
            if name == "quit":
                raise Gone
            return None
        if self.steps & NO_REPLY.get(name, 0):
            return None
        self.sock.sendall(self.answer(name, d))
        return None

    def negotiate(self, d):
        r = self.recorder
        self.version = min(d["version"], r.version)
        self.actions = d["actions"] & r.actions
        self.steps = d["steps"] & r.steps
        asked = b"".join(struct.pack(">I", stage) + z(names) for stage, names in r.ask.items())
        self.sock.sendall(packet("O", struct.pack(">III", self.version, self.actions, self.steps) + asked))

    def answer(self, name, d):
        said = self.recorder.script.get(name)
        if callable(said):
            said = said(self, d)
        if isinstance(said, dict):
            said = said.get(d["path"].strip("<>"))
        if said is None:
            return CONTINUE
        if isinstance(said, bytes):
            said = [said]
        said = list(said)
        if not said or said[-1][4:5] not in FINAL:
            said.append(CONTINUE)
        return b"".join(said)


class Recorder:
    def __init__(self, script=None, actions=ALL_ACTIONS, steps=RCPT_REJ | LEADSPC, version=6,
                 ask=None, unix=None):
        self.script = dict(script or {})
        self.actions, self.steps, self.version = actions, steps, version
        self.ask = dict(ask or {})
        self.unix, self.port = unix, None
        self.events, self.connections = [], []
        self.raw_macros = []        # (of which command, {name as sent: value}), a packet each
        self.changed = threading.Condition()
        self.listener = None

    def start(self):
        if self.unix:
            self.listener = socket.socket(socket.AF_UNIX)
            self.listener.bind(self.unix)
            os.chmod(self.unix, 0o777)
        else:
            from ports import free_port
            self.port = self.port or free_port()
            self.listener = socket.socket()
            self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self.listener.bind(("127.0.0.1", self.port))
        self.listener.listen(128)
        threading.Thread(target=self._accept, args=(self.listener,), daemon=True).start()
        return self

    def stop(self):
        if self.listener is None:
            return
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.listener = None
        for c in list(self.connections):
            try:
                c.sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    __enter__ = start

    def __exit__(self, *_):
        self.stop()

    def _accept(self, listener):
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            if not self.unix:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            c = Connection(self, sock)
            self.connections.append(c)
            threading.Thread(target=c.run, daemon=True).start()

    @property
    def postfix(self):
        """As Postfix's smtpd_milters has it."""
        return f"unix:{self.unix}" if self.unix else f"inet:127.0.0.1:{self.port}"

    @property
    def sendmail(self):
        """As Sendmail's S= has it."""
        return f"unix:{self.unix}" if self.unix else f"inet:{self.port}@127.0.0.1"

    # --- what connections tell ---

    def saw(self, event):
        with self.changed:
            self.events.append(event)
            self.changed.notify_all()

    def saw_macros(self, of, macros):
        with self.changed:
            self.raw_macros.append((of, macros))

    def note(self):
        with self.changed:
            self.changed.notify_all()

    # --- what the test asks ---

    @property
    def order(self):
        return [e[0] for e in list(self.events)]

    def of(self, name):
        """The data of all events of this name."""
        return [d for n, d, _ in list(self.events) if n == name]

    def macros(self, name):
        """Those of the last event of this name."""
        return [m for n, _, m in list(self.events) if n == name][-1]

    def clear(self):
        with self.changed:
            del self.events[:], self.raw_macros[:]

    def wait(self, name, n=1, timeout=15):
        """Until n events of this name have come."""
        end = time.monotonic() + timeout
        with self.changed:
            while sum(e[0] == name for e in self.events) < n:
                left = end - time.monotonic()
                if left <= 0:
                    raise AssertionError(f"milter: no {name} in {timeout} s: {self.order}")
                self.changed.wait(left)
