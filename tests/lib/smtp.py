"""An SMTP and LMTP client that hides nothing: exact octets out, every reply in.

    c = smtp.Client(("127.0.0.1", 10025))       # or a unix socket's path
    c.greeting                                  # Reply(220, ["host ESMTP"])
    c.ehlo(); c.cmd("MAIL FROM:<a@example.com>")
    c.send(b"RCPT TO:<b@example.com>\\r\\nDATA\\r\\n"); c.replies(2)

A Reply is (code, lines); lines are text without code and line end, octets above
127 as surrogates.  What is no reply raises ProtocolError; the other side's end
of the connection raises Closed.
"""
import base64
import socket
import ssl
import struct
from collections import namedtuple


class Closed(Exception):
    """The peer closed the connection."""


class ProtocolError(Exception):
    """What came is no reply."""


class Reply(namedtuple("Reply", "code lines")):
    @property
    def text(self):
        return "\n".join(self.lines)

    def __str__(self):
        return f"{self.code} {self.text}"


def dot_stuff(message):
    """The octets as they go over the wire: dots doubled, the final one added.

    Line ends are left as they are; a missing last CRLF is added.
    """
    if message.startswith(b"."):
        message = b"." + message
    message = message.replace(b"\r\n.", b"\r\n..")
    if message and not message.endswith(b"\r\n"):
        message += b"\r\n"
    return message + b".\r\n"


class Client:
    def __init__(self, address, timeout=30, lmtp=False, greet=True, source=None):
        self.lmtp = lmtp
        self.prdr = False       # the last MAIL asked for it
        self.buffer = b""
        self.log = []           # ("C", octets) and ("S", Reply) in order
        self.extensions = {}
        if isinstance(address, str):
            self.sock = socket.socket(socket.AF_UNIX)
            self.sock.settimeout(timeout)
            self.sock.connect(address)
        else:
            try:
                self.sock = socket.create_connection(address, timeout, source)
            except ConnectionResetError as e:       # accepted and thrown out at once
                raise Closed("reset") from e
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.greeting = self.reply() if greet else None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # --- octets ---

    def send(self, octets):
        self.log.append(("C", octets))
        try:
            self.sock.sendall(octets)
        except (BrokenPipeError, ConnectionResetError) as e:
            raise Closed(str(e)) from e

    def _line(self):
        while b"\n" not in self.buffer:
            try:
                more = self.sock.recv(65536)
            except ConnectionResetError as e:
                raise Closed("reset") from e
            if not more:
                raise Closed(repr(self.buffer))
            self.buffer += more
        line, self.buffer = self.buffer.split(b"\n", 1)
        if not line.endswith(b"\r"):
            raise ProtocolError(f"line without CR: {line!r}")
        return line[:-1]

    def reply(self):
        lines, code = [], None
        while True:
            line = self._line()
            if not line[:3].isdigit() or line[3:4] not in (b" ", b"-", b""):
                raise ProtocolError(repr(line))
            if code not in (None, line[:3]):
                raise ProtocolError(f"{line!r} after code {code!r}")
            code = line[:3]
            lines.append(line[4:].decode("ascii", "surrogateescape"))
            if line[3:4] != b"-":
                break
        r = Reply(int(code), lines)
        self.log.append(("S", r))
        return r

    def replies(self, n):
        return [self.reply() for _ in range(n)]

    def at_end(self, timeout=5):
        """Has the peer closed?  What it sent before that is an error."""
        self.sock.settimeout(timeout)
        try:
            self.buffer += self.sock.recv(65536)
        except ConnectionResetError:
            return True
        except socket.timeout:
            return False
        if self.buffer:
            raise ProtocolError(f"expected the end, got {self.buffer!r}")
        return True

    def silent(self, seconds=0.3):
        """Nothing comes for so long."""
        old = self.sock.gettimeout()
        self.sock.settimeout(seconds)
        try:
            more = self.sock.recv(65536)
        except socket.timeout:
            return self.buffer == b""
        finally:
            self.sock.settimeout(old)
        self.buffer += more
        return False

    def close(self):
        self.sock.close()

    def abort(self):
        """Vanish with a reset instead of an orderly end."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    # --- commands ---

    def cmd(self, line):
        if isinstance(line, str):
            line = line.encode("utf-8", "surrogateescape")
        self.send(line + b"\r\n")
        return self.reply()

    def hello(self, name="client.example"):
        """LHLO or EHLO, and what is announced into self.extensions."""
        r = self.cmd(("LHLO " if self.lmtp else "EHLO ") + name)
        self.extensions = {}
        for line in r.lines[1:] if r.code == 250 else []:
            word, _, arg = line.partition(" ")
            self.extensions[word.upper()] = arg
        return r

    def xforward(self, **attributes):
        return self.cmd("XFORWARD " + " ".join(f"{k.upper()}={v}" for k, v in attributes.items()))

    def starttls(self, cert=None):
        """Whatever certificate the other side has; cert: our own, key and all in one file."""
        r = self.cmd("STARTTLS")
        if r.code == 220:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            if cert:
                context.load_cert_chain(cert)
            self.sock = context.wrap_socket(self.sock)
        return r

    def auth(self, user, password):
        plain = base64.b64encode(f"\0{user}\0{password}".encode()).decode()
        return self.cmd("AUTH PLAIN " + plain)

    def mail(self, sender, args=""):
        self.prdr = "PRDR" in args.upper().split()
        return self.cmd(f"MAIL FROM:<{sender}>" + (" " + args if args else ""))

    def rcpt(self, recipient, args=""):
        return self.cmd(f"RCPT TO:<{recipient}>" + (" " + args if args else ""))

    def data(self, message, nrcpts=1):
        """DATA and the message; the replies: one, with LMTP nrcpts, with PRDR as after_data(); or DATA's own if not 354."""
        r = self.cmd("DATA")
        if r.code != 354:
            return [r]
        self.send(dot_stuff(message))
        return self.after_data(nrcpts)

    def after_data(self, nrcpts):
        """The replies after the message.  Where MAIL asked for PRDR and 353 comes: that, one a recipient, and the last."""
        if self.lmtp:
            return self.replies(nrcpts)
        first = self.reply()
        if self.prdr and first.code == 353:
            return [first, *self.replies(nrcpts + 1)]
        return [first]

    def transaction(self, sender, recipients, message, mail_args="", rcpt_args=""):
        """All of it; (MAIL's reply, RCPTs' replies, replies after the data)."""
        m = self.mail(sender, mail_args)
        if m.code != 250:
            return m, [], []
        rs = [self.rcpt(r, rcpt_args) for r in recipients]
        taken = sum(1 for r in rs if r.code // 100 == 2)
        if taken == 0:
            return m, rs, []
        return m, rs, self.data(message, taken)

    def quit(self):
        r = self.cmd("QUIT")
        self.close()
        return r


def send(address, sender, recipients, message, lmtp=False, hello="client.example", **xforward):
    """One message on a connection of its own; as Client.transaction()."""
    if isinstance(recipients, str):
        recipients = [recipients]
    with Client(address, lmtp=lmtp) as c:
        c.hello(hello)
        if xforward:
            c.xforward(**xforward)
        result = c.transaction(sender, recipients, message)
        c.quit()
        return result
