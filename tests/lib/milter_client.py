"""The MTA's side of the milter protocol, hiding nothing: exact octets out, every packet in.

    c = milter_client.Client(f.address("milter"))           # (host, port), or a unix socket's path
    c.negotiate()                                           # as Postfix: all that version 6 has
    c.connect(addr="192.0.2.1")                             # Reply(kind="continue", ...), or None
    c.macros("mail", {"i": "4bCdEf"})
    c.mail("<a@example.com>", "SIZE=1000").kind == "continue"
    c.message(b"Subject: x\\r\\n\\r\\nhello\\r\\n")              # headers to end; the last Reply
    c.send(b"GET / HTTP/1.1\\r\\n"); c.is_closed()

What was negotiated holds: an event that the filter does not want is not sent, one that it does not
answer is not waited for; None is returned for both.  Changes that come with the reply at the end of
the message are in its .changes, in their order; apply() makes them in a message.  A filter that
closes instead of answering raises Closed; what is no answer here raises ProtocolError.
"""
import socket
import struct
from collections import namedtuple

ADDHDRS, CHGBODY, ADDRCPT, DELRCPT = 0x01, 0x02, 0x04, 0x08
CHGHDRS, QUARANTINE, CHGFROM, ADDRCPT_PAR, SETSYMLIST = 0x10, 0x20, 0x40, 0x80, 0x100
ACTIONS = 0x1ff
SKIP, RCPT_REJ, HDR_LEADSPC = 0x400, 0x800, 0x100000
STEPS = 0x1fffff
MDS_256K, MDS_1M = 0x10000000, 0x20000000

# Event: command octet, "not sent" bit, "not answered" bit; 0: it has none.
EVENTS = {
    "connect": (b"C", 0x01, 0x1000),
    "helo": (b"H", 0x02, 0x2000),
    "mail": (b"M", 0x04, 0x4000),
    "rcpt": (b"R", 0x08, 0x8000),
    "data": (b"T", 0x200, 0x10000),
    "unknown": (b"U", 0x100, 0x20000),
    "header": (b"L", 0x20, 0x80),
    "eoh": (b"N", 0x40, 0x40000),
    "body": (b"B", 0x10, 0x80000),
    "end": (b"E", 0, 0),
}
NO = {name: bits[1] for name, bits in EVENTS.items() if bits[1]}
NR = {name: bits[2] for name, bits in EVENTS.items() if bits[2]}
# The numbers by which a filter asks for macros.
STAGES = ("connect", "helo", "mail", "rcpt", "data", "end", "eoh")

FINAL = {b"a": "accept", b"c": "continue", b"d": "discard", b"r": "reject", b"s": "skip",
         b"t": "tempfail", b"y": "replycode"}
CHUNK = 65535

Granted = namedtuple("Granted", "version actions steps macros")     # macros: {stage: [name]}


class Closed(Exception):
    """The filter closed the connection."""


class ProtocolError(Exception):
    """What came is no answer here."""


class Reply(namedtuple("Reply", "kind code text changes progress")):
    """kind: a word of FINAL.  code, text: of a "replycode", "%" no longer doubled, lines parted by
    LF and still with code and enhanced code.  changes: [Change].  progress: how often it was said.
    """

    def __str__(self):
        return self.text if self.kind == "replycode" else self.kind


# kind: a first word of CHANGES.  name: of a field, an address, the reason; value: of a field,
# parameters, or the body's octets.
Change = namedtuple("Change", "kind name value index", defaults=(None, None))


def text(octets):
    return octets.decode(errors="surrogateescape")


def octets(s):
    return s if isinstance(s, bytes) else s.encode(errors="surrogateescape")


def packet(command, data=b""):
    return struct.pack(">I", len(data) + 1) + command + data


def strings(*args):
    return b"".join(octets(a) + b"\0" for a in args)


def texts(data):
    if not data.endswith(b"\0"):
        raise ProtocolError(f"no NUL at the end: {data!r}")
    return [text(d) for d in data[:-1].split(b"\0")]


def header_change(kind, data):
    index = None
    if kind != "addheader":
        index, data = struct.unpack(">I", data[:4])[0], data[4:]
    got = texts(data)
    if len(got) != 2:
        raise ProtocolError(f"{kind}: not two texts: {data!r}")
    return Change(kind, got[0], got[1], index)


def text_change(kind, data):
    got = texts(data)
    if len(got) > (2 if kind in ("chgfrom", "addrcpt_par") else 1):
        raise ProtocolError(f"{kind}: too many texts: {data!r}")
    return Change(kind, got[0], got[1] if len(got) == 2 else None)


CHANGES = {
    b"h": ("addheader", header_change, ADDHDRS), b"i": ("insheader", header_change, ADDHDRS),
    b"m": ("chgheader", header_change, CHGHDRS), b"e": ("chgfrom", text_change, CHGFROM),
    b"b": ("replbody", lambda kind, data: Change(kind, None, data), CHGBODY),
    b"+": ("addrcpt", text_change, ADDRCPT), b"2": ("addrcpt_par", text_change, ADDRCPT_PAR),
    b"-": ("delrcpt", text_change, DELRCPT), b"q": ("quarantine", text_change, QUARANTINE),
}


def reply_text(data):
    """The lines of a REPLYCODE packet, looked at as closely as the pickiest MTA does."""
    got = texts(data)
    if len(got) != 1:
        raise ProtocolError(f"a NUL in a reply: {data!r}")
    if got[0].replace("%%", "").count("%"):
        raise ProtocolError(f"a single % in a reply: {data!r}")
    lines = got[0].replace("%%", "%").split("\r\n")
    code = lines[0][:3]
    for i, line in enumerate(lines):
        last = i == len(lines) - 1
        if (line[:3] != code or code[0] not in "45" or not code.isdigit()
                or line[3:4] != (" " if last else "-") or line[4:5] != code[0]
                or len(line) > 510 or any(c in line for c in "\r\n")):
            raise ProtocolError(f"a reply that is malformed: {data!r}")
    return int(code), "\n".join(lines)


class Client:
    def __init__(self, address, timeout=30):
        if isinstance(address, str):
            self.sock = socket.socket(socket.AF_UNIX)
            self.sock.settimeout(timeout)
            self.sock.connect(address)
        else:
            self.sock = socket.create_connection(address, timeout)
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""
        self.granted = None
        self.skipped = False        # SKIP was said to a body chunk of this message

    # --- packets ---

    def send(self, data):
        """Exactly these octets."""
        self.sock.sendall(data)

    def command(self, command, data=b""):
        self.send(packet(command, data))

    def more(self):
        try:
            got = self.sock.recv(65536)
        except (ConnectionResetError, BrokenPipeError):
            got = b""
        if not got:
            raise Closed(f"the filter closed the connection, {len(self.buffer)} octets left")
        self.buffer += got

    def receive(self):
        """One packet: (command octet, data)."""
        while len(self.buffer) < 4:
            self.more()
        n = struct.unpack(">I", self.buffer[:4])[0]
        if not 1 <= n <= 1 << 20:
            raise ProtocolError(f"a length of {n}")
        while len(self.buffer) < 4 + n:
            self.more()
        got, self.buffer = self.buffer[4:4 + n], self.buffer[4 + n:]
        return got[:1], got[1:]

    def reply(self, at_end=False):
        """What comes until the reply is final; changes only at the end of the message."""
        changes, progress = [], 0
        while True:
            command, data = self.receive()
            if command == b"p" and not data:
                progress += 1
            elif command in CHANGES and at_end:
                kind, parse, need = CHANGES[command]
                if self.granted and not self.granted.actions & need:
                    raise ProtocolError(f"{kind} was not granted")
                changes.append(parse(kind, data))
            elif command == b"y":
                code, lines = reply_text(data)
                return Reply("replycode", code, lines, changes, progress)
            elif command in FINAL and not data:
                return Reply(FINAL[command], None, None, changes, progress)
            else:
                raise ProtocolError(f"no answer here: {command!r} {data!r}")

    def is_closed(self):
        """Has the filter closed the connection?  Waits for it; what it says first is dropped."""
        try:
            while True:
                self.more()
        except Closed:
            return True
        except socket.timeout:
            return False

    def has_more(self, seconds=0.1):
        """Does anything arrive that nobody asked for?"""
        if self.buffer:
            return True
        before = self.sock.gettimeout()
        self.sock.settimeout(seconds)
        try:
            self.more()
            return True
        except socket.timeout:
            return False
        finally:
            self.sock.settimeout(before)

    # --- negotiation and macros ---

    def negotiate(self, version=6, actions=ACTIONS, steps=STEPS):
        self.command(b"O", struct.pack(">III", version, actions, steps))
        command, data = self.receive()
        if command != b"O" or len(data) < 12:
            raise ProtocolError(f"no negotiation: {command!r} {data!r}")
        got = struct.unpack(">III", data[:12])
        if got[0] > version or got[1] & ~actions or got[2] & ~steps:
            raise ProtocolError(f"more than was offered: {got}")
        macros, data = {}, data[12:]
        while data:
            names, nul, rest = data[4:].partition(b"\0")
            stage = struct.unpack(">I", data[:4])[0]
            if not nul or stage >= len(STAGES) or not got[1] & SETSYMLIST:
                raise ProtocolError(f"no list of macros: {data!r}")
            macros[STAGES[stage]] = text(names).split()
            data = rest
        self.granted = Granted(*got, macros)
        return self.granted

    def macros(self, event, values):
        """Of an event, by its name here; values: {"i": "...", "{client_addr}": "..."}."""
        pairs = [x for pair in values.items() for x in pair]
        self.command(b"D", EVENTS[event][0] + strings(*pairs))

    # --- events ---

    def is_sent(self, event):
        return not self.granted or not self.granted.steps & NO.get(event, 0)

    def is_answered(self, event):
        return not self.granted or not self.granted.steps & NR.get(event, 0)

    def event(self, event, data=b"", wait=True):
        """Send it and wait for the reply; wait=False: only send, for others to wait."""
        if not self.is_sent(event):
            return None
        self.command(EVENTS[event][0], data)
        if not wait or not self.is_answered(event):
            return None
        return self.reply(at_end=event == "end")

    def connect(self, name="unknown", addr="192.0.2.1", port=40000, family=None, wait=True):
        """addr None: not known.  family: as the octet says it, else from addr."""
        if family is None:
            family = "U" if addr is None else "L" if addr[:1] == "/" else "46"[":" in addr]
        data = strings(name) + octets(family)
        if addr is not None:
            prefix = "IPv6:" if family == "6" and not addr.startswith("IPv6:") else ""
            data += struct.pack(">H", port) + strings(prefix + addr)
        return self.event("connect", data, wait)

    def helo(self, name="mail.example.com", wait=True):
        return self.event("helo", strings(name), wait)

    def mail(self, path="<sender@example.com>", *params, wait=True):
        self.skipped = False
        return self.event("mail", strings(path, *params), wait)

    def rcpt(self, path="<you@example.org>", *params, wait=True):
        return self.event("rcpt", strings(path, *params), wait)

    def data(self, wait=True):
        return self.event("data", b"", wait)

    def unknown(self, line, wait=True):
        return self.event("unknown", strings(line), wait)

    def header(self, name, value, wait=True):
        """value: all behind the colon, as octets; made what the negotiation says."""
        value = octets(value).replace(b"\r\n", b"\n")
        if not self.granted or not self.granted.steps & HDR_LEADSPC:
            value = value[1:] if value[:1] == b" " else value
        return self.event("header", strings(name, value), wait)

    def eoh(self, wait=True):
        return self.event("eoh", b"", wait)

    def body(self, chunk, wait=True):
        got = self.event("body", octets(chunk), wait)
        self.skipped = self.skipped or (got is not None and got.kind == "skip")
        return got

    def end(self, chunk=b"", wait=True):
        return self.event("end", octets(chunk), wait)

    def abort(self):
        self.command(b"A")

    def quit(self):
        self.command(b"Q")

    def quit_nc(self):
        self.command(b"K")
        self.skipped = False

    # --- whole messages ---

    def message(self, message, chunk=CHUNK):
        """Header fields, end of headers, body, end: the reply to the end, or the first one before
        it that is neither "continue" nor "skip"."""
        fields, body = split(octets(message))
        steps = [lambda f=f: self.header(*f) for f in fields] + [self.eoh]
        steps += [lambda at=at: None if self.skipped else self.body(body[at:at + chunk])
                  for at in range(0, len(body), chunk)]
        for step in steps:
            got = step()
            if got is not None and got.kind not in ("continue", "skip"):
                return got
        return self.end()

    def transaction(self, message, sender="<sender@example.com>", rcpts=("<you@example.org>",),
                    macros=None):
        """One message from MAIL on, as an MTA does it: refused recipients are left out, and without
        one the message is aborted.  -> ([reply per recipient], reply).  macros: {event: values}."""
        macros = macros or {}

        def step(event, do):
            if event in macros:
                self.macros(event, macros[event])
            return do()

        def is_good(got):
            return got is None or got.kind == "continue"

        got = step("mail", lambda: self.mail(sender))
        if not is_good(got):
            return [], got
        replies = [step("rcpt", lambda r=r: self.rcpt(r)) for r in rcpts]
        refused = [r for r in replies if not is_good(r)]
        if len(refused) == len(replies):
            self.abort()
            return replies, refused[0]
        got = step("data", self.data)
        for event in ("eoh", "end"):
            if event in macros:
                self.macros(event, macros[event])
        return replies, self.message(message) if is_good(got) else got

    def close(self):
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def split(message):
    """-> ([(name, all behind the colon)], body), of octets with CRLF."""
    head, _, body = (b"\r\n" + message).partition(b"\r\n\r\n")
    fields = []
    for line in head[2:].split(b"\r\n") if head[2:] else []:
        if line[:1] in (b" ", b"\t") and fields:
            fields[-1][1] += b"\r\n" + line
        else:
            name, _, value = line.partition(b":")
            fields.append([name, value])
    return [tuple(f) for f in fields], body


def apply(message, changes, leadspc=True):
    """The message with these changes made, as an MTA makes them that put nothing in front of it."""
    fields, body = split(octets(message))
    fields, replaced = list(fields), []
    for c in changes:
        if c.kind == "replbody":
            replaced.append(c.value)
            continue
        if c.kind not in ("addheader", "insheader", "chgheader"):
            continue
        value = (b"" if leadspc else b" ") + octets(c.value).replace(b"\n", b"\r\n")
        field = (octets(c.name), value)
        if c.kind == "chgheader":
            at = [i for i, f in enumerate(fields) if f[0].lower() == field[0].lower()]
            if not 1 <= max(c.index, 1) <= len(at):
                if c.value:
                    fields.append(field)        # Sendmail and Postfix add what they do not find
                continue
            i = at[max(c.index, 1) - 1]
            fields[i:i + 1] = [(fields[i][0], value)] if c.value else []
        elif c.kind == "insheader":
            fields.insert(c.index, field)
        else:
            fields.append(field)
    body = b"".join(replaced) if replaced else body
    return b"".join(n + b":" + v + b"\r\n" for n, v in fields) + b"\r\n" + body
