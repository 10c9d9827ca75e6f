"""A filterd with the attachment plugin, and messages for it.

Attaching.look(message) gives the keys that the table of a check_attachment was asked with, which
has a row for each, and the facts.
"""
import base64
import collections
import os
import shutil

import filterd_proc
import smtp

MODULE = os.path.join(filterd_proc.build_dir(), "plugins", "attachment.so")
DEFERRED = "451 4.7.1 Service temporarily unavailable, try again later"
OK = "250 2.0.0 Ok"
A, B, C = "abelard@example.com", "heloise@example.com", "fulbert@example.com"
PATIENCE = 120

Key = collections.namedtuple("Key", "name declared detected size path")
Look = collections.namedtuple("Look", "keys facts reply")
# A program of Windows, as far as anybody looks.
EXE = (b"MZ" + bytes(58) + (64).to_bytes(4, "little") + b"PE\0\0\x4c\x01\x01\0" + bytes(12) + b"\xe0\0\x02\x01"
       + b"\x0b\x01" + bytes(600))


def missing():
    return None if os.path.exists(MODULE) else f"{MODULE} is not built"


def part(octets, name=None, declared="application/octet-stream", headers=None):
    """headers: in place of those that the name and type make."""
    if headers is None:
        names = ("", "") if name is None else (f'; name="{name}"', f'; filename="{name}"')
        headers = f"Content-Type: {declared}{names[0]}\r\nContent-Disposition: attachment{names[1]}\r\n"
    return (headers.encode("utf-8") + b"Content-Transfer-Encoding: base64\r\n\r\n"
            + base64.encodebytes(octets).replace(b"\n", b"\r\n"))


def message(*parts, headers="", text="Some words.\r\n"):
    """parts: octets of parts, with their header fields."""
    inner = b"".join(b"--bb\r\n" + p for p in parts)
    return (f"From: a@example.com\r\nSubject: things\r\n{headers}MIME-Version: 1.0\r\n"
            f"Content-Type: multipart/mixed; boundary=\"bb\"\r\n\r\n--bb\r\nContent-Type: text/plain\r\n\r\n{text}"
            ).encode() + inner + b"--bb--\r\n"


class Attaching:
    """start is the fixture filterd; settings are as there."""

    def __init__(self, start, hop, files=None, scanners=2, **settings):
        def prepare(f):
            os.makedirs(f.dir + "/plugins", exist_ok=True)
            shutil.copyfile(MODULE, f.dir + "/plugins/attachment.so")

        door = "lmtp, role = before_queue, smtpd_authorized_xforward_hosts ="
        files = {"all": "/^(.*)$/ WARN $1\n", **(files or {})}
        self.f = start(listeners={"lmtp": door}, prepare=prepare, next_hop=hop.next_hop, smtpd_reject_footer="",
                       files=files,
                       **{"plugins": "attachment", "plugin_directory": "{dir}/plugins",
                          "content_restrictions": "check_attachment pcre:{dir}/all",
                          "scanner_processes": scanners, **settings})
        self.f.expect(r"^warn: END-OF-MESSAGE ")
        self.seen = 0

    def send(self, octets, *recipients):
        """What each recipient hears after the data."""
        with smtp.Client(self.f.address("lmtp"), lmtp=True, timeout=PATIENCE) as c:
            c.hello("client.example")
            replies = c.transaction("a@example.com", list(recipients or [A]), octets)[2]
        replies = [str(r) if r.code != 250 else OK for r in replies]
        return replies if recipients else replies[0]

    def look(self, octets):
        reply = self.send(octets)
        final = self.f.wait_finals(self.seen + 1, timeout=PATIENCE)[self.seen]
        self.seen += 1
        keys = [e["arg"] for e in self.f.entries("warn") if e.get("id") == final["id"] and e.get("arg")]
        return Look([Key(*k.split("; ")) for k in keys], set(final.get("facts", "").split()), reply)

    def attached(self, octets, name=None, declared="application/octet-stream", **more):
        """Of a message with this attachment alone."""
        return self.look(message(part(octets, name, declared, **more)))
