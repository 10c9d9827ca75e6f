"""A filterd with the ClamAV plugin, small databases, and messages for it.

The test string of EICAR is put together here, so that no file of ours holds it.
"""
import base64
import os
import shutil
import time

import children
import filterd_proc
import smtp

MODULE = os.path.join(filterd_proc.build_dir(), "plugins", "clamav.so")
EICAR = b"X5O!P%@AP[4\\PZX54(P^)7CC)7}$" + b"EICAR-STANDARD-" + b"ANTIVIRUS-TEST-" + b"FILE!$H+H*"
NAME = "Test.Eicar.UNOFFICIAL"
REFUSED = "554 5.7.1 message contains malware: " + NAME
DEFERRED = "451 4.7.1 Service temporarily unavailable, try again later"
OK = "250 2.0.0 Ok"
A, B, C = "abelard@example.com", "heloise@example.com", "fulbert@example.com"
PATIENCE = 120


def missing():
    return None if os.path.exists(MODULE) else f"{MODULE} is not built"


def signature(name, octets):
    """A line of a .ndb file: these octets, anywhere in anything."""
    return f"{name}:0:*:{octets.hex()}\n"


EICAR_DATABASE = signature("Test.Eicar", EICAR)


def message(*attachments, text="Some words.\r\n", headers=""):
    """attachments: octets, or (name, octets)."""
    body = f"--bb\r\nContent-Type: text/plain\r\n\r\n{text}"
    for a in attachments:
        name, octets = a if isinstance(a, tuple) else ("a.bin", a)
        body += (f"--bb\r\nContent-Type: application/octet-stream; name=\"{name}\"\r\n"
                 f"Content-Disposition: attachment; filename=\"{name}\"\r\nContent-Transfer-Encoding: base64\r\n\r\n"
                 + base64.encodebytes(octets).decode().replace("\n", "\r\n"))
    return (f"From: a@example.com\r\nSubject: things\r\n{headers}MIME-Version: 1.0\r\n"
            f"Content-Type: multipart/mixed; boundary=\"bb\"\r\n\r\n{body}--bb--\r\n").encode()


class Scanning:
    """start is the fixture filterd; settings are as there.  databases: {name: text}."""

    def __init__(self, start, hop, databases=None, scanners=2, **settings):
        def prepare(f):
            os.makedirs(f.dir + "/plugins", exist_ok=True)
            os.makedirs(f.dir + "/db", exist_ok=True)
            shutil.copyfile(MODULE, f.dir + "/plugins/clamav.so")
            for name, text in (databases if databases is not None else {"test.ndb": EICAR_DATABASE}).items():
                f.file("db/" + name, text)

        door = "lmtp, role = before_queue, smtpd_authorized_xforward_hosts ="
        self.f = start(listeners={"lmtp": door}, prepare=prepare, next_hop=hop.next_hop, smtpd_reject_footer="",
                       **{"plugins": "clamav", "plugin_directory": "{dir}/plugins", "clamav_database": "{dir}/db",
                          "content_restrictions": "reject_virus", "scanner_processes": scanners, **settings})

    def send(self, octets, *recipients):
        """What each recipient hears after the data."""
        with smtp.Client(self.f.address("lmtp"), lmtp=True, timeout=PATIENCE) as c:
            c.hello("client.example")
            replies = c.transaction("a@example.com", list(recipients or [A]), octets)[2]
        replies = [str(r) if r.code != 250 else OK for r in replies]
        return replies if recipients else replies[0]

    def database(self, name, text):
        """None: removed."""
        if text is None:
            os.unlink(f"{self.f.dir}/db/{name}")
        else:
            self.f.file("db/" + name, text)

    def status(self):
        import json
        return json.loads(self.f.ctl("status", "--json"))["scanners"]

    def pids(self, name):
        return [p for p in self.f.processes() if comm(p) == "filterd-" + name and children.alive(p)]

    def wait(self, true, what):
        end = time.monotonic() + PATIENCE
        while not true():
            assert time.monotonic() < end, f"{what}\n{self.f.raw_log()[-4000:]}"
            time.sleep(0.05)

    def wait_ready(self):
        """Until it is loaded and somebody scans."""
        self.wait(lambda: self.send(message(EICAR)) == REFUSED, "it does not scan")


def comm(pid):
    try:
        with open(f"/proc/{pid}/comm") as f:
            return f.read().strip()
    except OSError:
        return ""
