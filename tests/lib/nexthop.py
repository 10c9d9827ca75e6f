"""A next hop that does as the test says and remembers what it was told.

    hop = NextHop(script={"rcpt": ["250 ok", "550 5.1.1 no"], "end": CLOSE})
    with hop: ...; hop.wait(1); hop.messages[0].data

script: what is answered at a stage: connect, hello, xforward, mail, rcpt, data,
end (the reply after the message; LMTP: one per recipient), rset, noop, quit.
A value is
    "250 text"          this, always ("\\n" makes several lines)
    a list              one value an occasion, then the stage's default again
    CLOSE RESET HANG    end of connection, the hard end, no answer ever
    Delay(s, value)     value after s seconds
    f(session, line)    a function that returns one of these
"body": CloseAfter(n), ResetAfter(n), HangAfter(n) act after n octets of the message.

ends: which octets end the message; a lenient hop knows more than CRLF.CRLF, see
ENDS.  A line ended by LF, or with "cr" among line_ends by CR, is a command all the
same, so what was smuggled shows up as a transaction of its own.
"""
import os
import socket
import struct
import threading
import time

CLOSE, RESET, HANG = "<close>", "<reset>", "<hang>"

ENDS = {
    "crlf": b"\r\n.\r\n",       # the only right one
    "lf.lf": b"\n.\n",
    "lf.crlf": b"\n.\r\n",
    "crlf.lf": b"\r\n.\n",
    "cr.cr": b"\r.\r",
    "cr.crlf": b"\r.\r\n",
    "crlf.cr": b"\r\n.\r",
}

EXTENSIONS = ("PIPELINING", "SIZE", "8BITMIME", "SMTPUTF8", "DSN", "ENHANCEDSTATUSCODES",
              "XFORWARD NAME ADDR PROTO HELO SOURCE PORT IDENT")

DEFAULTS = {
    "connect": "220 hop.example ESMTP", "xforward": "250 2.0.0 Ok", "mail": "250 2.1.0 Ok",
    "rcpt": "250 2.1.5 Ok", "data": "354 go ahead", "end": "250 2.0.0 Ok: queued as {queue_id}",
    "rset": "250 2.0.0 Ok", "noop": "250 2.0.0 Ok", "quit": "221 2.0.0 Bye",
}


class Delay:
    def __init__(self, seconds, value):
        self.seconds, self.value = seconds, value


class _After:
    def __init__(self, octets):
        self.octets = octets


class CloseAfter(_After):
    act = CLOSE


class ResetAfter(_After):
    act = RESET


class HangAfter(_After):
    act = HANG


class Message:
    """A transaction that got as far as DATA."""

    def __init__(self, session):
        self.session = session
        self.mail = session.mail                # as said: b"<a@example.com> SIZE=3"
        self.rcpts = list(session.rcpts)        # accepted ones, as said
        self.xforward = dict(session.xforward)
        self.wire = b""                         # octets up to the end, stuffed
        self.data = None                        # without stuffing; None: never ended
        self.replies = []                       # what was answered; LMTP: one a recipient
        self.answered = False                   # all of it
        self.queue_id = None

    @property
    def sender(self):
        return path(self.mail)

    @property
    def recipients(self):
        return [path(r) for r in self.rcpts]

    @property
    def accepted(self):
        return [r for r, a in zip(self.recipients, self._per_rcpt()) if a.startswith("2")]

    def _per_rcpt(self):
        if len(self.replies) == 1:
            return self.replies * len(self.rcpts)
        return self.replies


def path(argument):
    """<a@b> SIZE=1 -> a@b, as text."""
    return argument[1:].split(b">")[0].decode("utf-8", "surrogateescape")


def unstuff(wire):
    lines = wire.split(b"\r\n")
    return b"\r\n".join(line[1:] if line.startswith(b".") else line for line in lines)


class _Gone(Exception):
    pass


class Session:
    def __init__(self, hop, sock, number):
        self.hop, self.sock, self.number = hop, sock, number
        self.commands = []          # lines as they came, without their end
        self.hello = None
        self.forget()
        self.xforward = {}
        self.buffer = b""
        self.closed = False

    def forget(self):
        self.mail, self.rcpts = None, []

    def fill(self):
        try:
            more = self.sock.recv(65536)
        except OSError:
            more = b""
        if not more:
            raise _Gone
        self.buffer += more

    def line(self):
        while True:
            ends = [i for i in (self.buffer.find(e) for e in self.hop.line_ends) if i >= 0]
            # A CR at the very end may be half a CRLF.
            if ends and not self.buffer[min(ends):] == b"\r":
                break
            self.fill()
        i = min(ends)
        line, rest = self.buffer[:i], self.buffer[i:]
        for e in (b"\r\n", b"\n", b"\r"):
            if rest.startswith(e):
                self.buffer = rest[len(e):]
                break
        line = line.removesuffix(b"\r")
        self.commands.append(line)
        return line

    def say(self, stage, line=b"", default=None, before=None):
        """Answer; the reply as text.  before(reply) is called when it is just about to be sent."""
        value = self.hop.scripted(stage, default or DEFAULTS[stage])
        while True:
            if isinstance(value, Delay):
                self.hop.stopping.wait(value.seconds)
                value = value.value
            elif callable(value):
                value = value(self, line)
            else:
                break
        if value in (CLOSE, RESET, HANG):
            self.end(value)
        if stage == "end":
            value = value.replace("{queue_id}", line.decode())
        if before:
            before(value)
        self.raw(value)
        return value

    def raw(self, value):
        lines = value.split("\n")
        code = lines[0][:3]
        out = [lines[0] if len(lines) == 1 else lines[0][:3] + "-" + lines[0][4:]]
        for i, text in enumerate(lines[1:], 2):
            out.append(code + (" " if i == len(lines) else "-") + text)
        try:
            self.sock.sendall("".join(x + "\r\n" for x in out).encode("utf-8", "surrogateescape"))
        except OSError as e:
            raise _Gone from e

    def end(self, how):
        if how == HANG:
            self.hop.stopping.wait()
        elif how == RESET:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raise _Gone

    def run(self):
        try:
            self.say("connect")
            while True:
                line = self.line()
                verb = line.split(b" ")[0].split(b":")[0].upper()
                if self.command(verb, line) == "quit":
                    return
        except _Gone:
            pass
        finally:
            self.closed = True
            self.sock.close()
            self.hop.note()

    def command(self, verb, line):
        if verb in (b"EHLO", b"LHLO", b"HELO"):
            if (verb == b"LHLO") != self.hop.lmtp:
                return self.raw("500 5.5.1 this hop speaks the other protocol")
            self.hello = line
            self.forget()
            ext = () if verb == b"HELO" else self.hop.extensions
            return self.say("hello", line, "\n".join(("250 hop.example",) + tuple(ext)))
        if verb == b"XFORWARD":
            for word in line.split(b" ")[1:]:
                name, _, value = word.partition(b"=")
                self.xforward[name.decode().upper()] = value.decode("utf-8", "surrogateescape")
            return self.say("xforward", line)
        if verb == b"MAIL":
            if self.mail is not None:
                return self.raw("503 5.5.1 nested MAIL")
            self.rcpts = []
            if self.say("mail", line).startswith("2"):
                self.mail = line.partition(b":")[2].lstrip()
        elif verb == b"RCPT":
            if self.mail is None:
                return self.raw("503 5.5.1 no MAIL")
            if self.say("rcpt", line).startswith("2"):
                self.rcpts.append(line.partition(b":")[2].lstrip())
        elif verb == b"DATA":
            if not self.rcpts:
                return self.raw("554 5.5.1 no valid recipients" if self.mail is not None
                                else "503 5.5.1 no MAIL")
            if self.say("data", line).startswith("354"):
                self.message()
                self.forget()
        elif verb == b"RSET":
            self.forget()
            self.say("rset", line)
        elif verb == b"NOOP":
            self.say("noop", line)
        elif verb == b"QUIT":
            self.say("quit", line)
            return "quit"
        else:
            self.raw("500 5.5.2 unknown command")

    def message(self):
        m = Message(self)
        self.hop.add(m)
        after = self.hop.script.get("body")
        # The line end of DATA itself counts, so a lone dot can be the first line.
        lead = len(b"\r\n")
        text = bytearray(b"\r\n" + self.buffer)
        self.buffer = b""
        looked = 0
        try:
            while True:
                found = [(i, -len(e), e) for e in self.hop.ends
                         for i in [text.find(e, looked)] if i >= 0]
                if found:
                    break
                if after is not None and len(text) - lead >= after.octets:
                    self.end(after.act)
                looked = max(0, len(text) - 4)
                self.fill()
                text += self.buffer
                self.buffer = b""
        except _Gone:
            m.wire = bytes(text[lead:])
            raise
        at, _, e = min(found)
        # The line end in front of the dot belongs to the message.
        m.wire = bytes(text[lead:at + e.index(b".")])
        self.buffer = bytes(text[at + len(e):])
        m.data = unstuff(m.wire)
        if self.hop.shrink is not None:
            m.wire, m.data = None, self.hop.shrink(m.data)
        m.queue_id = self.hop.next_queue_id()
        n = len(self.rcpts) if self.hop.lmtp else 1
        m.answered = n == 0

        def answered(reply):
            # Before the octets leave: who has the reply at the other end finds the message here.
            m.replies.append(reply)
            m.answered = len(m.replies) == n
        try:
            for _ in range(n):
                self.say("end", m.queue_id.encode(), before=answered)
        except _Gone:
            m.answered = False
            raise
        self.hop.note()


class NextHop:
    def __init__(self, lmtp=False, script=None, extensions=EXTENSIONS, ends=("crlf",),
                 line_ends=(b"\n",), port=None, unix=None, host="127.0.0.1"):
        self.lmtp = lmtp
        self.script = dict(script or {})
        self.extensions = extensions
        self.ends = [ENDS[e] for e in ends]
        self.line_ends = line_ends
        self.sessions, self.started = [], []
        self.changed = threading.Condition()
        self.stopping = threading.Event()
        self.ids = 0
        self.shrink = None      # what to keep of a message's octets, where there are very many
        self.unix = unix
        self.host, self.port = host, port
        self.listener = None

    # --- life ---

    def start(self):
        self.stopping.clear()
        if self.unix:
            self.listener = socket.socket(socket.AF_UNIX)
            if os.path.exists(self.unix):
                os.unlink(self.unix)
            self.listener.bind(self.unix)
        else:
            from ports import free_port
            if self.port is None:
                self.port = free_port()
            self.listener = socket.socket()
            self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self.listener.bind((self.host, self.port))
        self.listener.listen(1024)
        threading.Thread(target=self._accept, args=(self.listener,), daemon=True).start()
        return self

    def stop(self):
        """No more connections, and those that are there end."""
        if self.listener is None:
            return
        self.stopping.set()
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.listener = None
        with self.changed:
            for s in self.sessions:
                try:
                    s.sock.shutdown(socket.SHUT_RDWR)
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
            with self.changed:
                s = Session(self, sock, len(self.sessions))
                self.sessions.append(s)
            threading.Thread(target=s.run, daemon=True).start()

    @property
    def address(self):
        return self.unix or (self.host, self.port)

    @property
    def next_hop(self):
        """As filterd's next_hop has it."""
        kind = "lmtp" if self.lmtp else "smtp"
        return f"{kind}:unix:{self.unix}" if self.unix else f"{kind}:[{self.host}]:{self.port}"

    # --- what sessions call ---

    def scripted(self, stage, default):
        with self.changed:
            value = self.script.get(stage)
            if isinstance(value, list):
                value = value.pop(0) if value else None
            return default if value is None else value

    def add(self, message):
        with self.changed:
            self.started.append(message)

    def note(self):
        with self.changed:
            self.changed.notify_all()

    def next_queue_id(self):
        with self.changed:
            self.ids += 1
            return f"HOP{self.ids:06d}"

    # --- what the test asks ---

    @property
    def messages(self):
        """Those that ended and were answered."""
        return [m for m in list(self.started) if m.answered]

    @property
    def unanswered(self):
        """Those that ended but whose replies were not all sent, by script or by accident."""
        return [m for m in list(self.started) if m.data is not None and not m.answered]

    @property
    def broken(self):
        """Those whose data never ended, on connections that are closed."""
        return [m for m in list(self.started) if m.data is None and m.session.closed]

    @property
    def commands(self):
        """All commands of all sessions, in the order of sessions."""
        return [c for s in list(self.sessions) for c in s.commands]

    def wait(self, n=1, timeout=15):
        """Until n messages have ended; returns all there are."""
        self.wait_for(lambda: len(self.messages) >= n, timeout,
                      lambda: f"{len(self.messages)} of {n} messages came")
        return self.messages

    def wait_for(self, true, timeout=15, what=lambda: "it did not happen"):
        end = time.monotonic() + timeout
        with self.changed:
            while not true():
                left = end - time.monotonic()
                if left <= 0:
                    raise AssertionError(f"next hop: {what()} in {timeout} s")
                self.changed.wait(min(left, 0.2))
