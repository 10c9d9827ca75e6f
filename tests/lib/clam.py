"""ClamAV's programs: a clamd of the test's own, and clamscan.

    with Clamd(DATABASE_FOLDER) as c: c.unix, c.tcp; c.scan(OCTETS); c.kill(signal.SIGSTOP)

They are Debian's, installed or unpacked in FILTERD_CLAMAV, by default ROOT (contrib/install-deps test).
"""
import os
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time

from children import dies_with_us
from ports import free_port

ROOT = "/var/cache/filterd-tests/clamav"


def program(name):
    """Its path, or None."""
    root = os.environ.get("FILTERD_CLAMAV", ROOT)
    return shutil.which(name, path=":".join([os.environ.get("PATH", ""), "/usr/sbin", root + "/usr/sbin",
                                             root + "/usr/bin"]))


def missing(*names):
    """Why these cannot be run, or None."""
    for name in names or ("clamd", "clamscan"):
        if program(name) is None:
            return f"there is no {name} (contrib/install-deps test unpacks it)"
    return None


def clamscan(database, folder):
    """What clamscan finds in the files of a folder: {name: signature, or None}."""
    done = subprocess.run([program("clamscan"), "--database=" + database, "--alert-exceeds-max=yes",
                           "--alert-encrypted=yes", "--no-summary", "--max-scansize=400M", "--max-filesize=100M",
                           folder], capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stderr
    found = {}
    for line in done.stdout.splitlines():
        path, _, answer = line.rpartition(": ")
        found[os.path.basename(path)] = answer[:-len(" FOUND")] if answer.endswith(" FOUND") else None
    return found


class Clamd:
    def __init__(self, database, **options):
        """options: of clamd.conf, with their values."""
        self.dir = tempfile.mkdtemp(prefix="filterd-clamd.")
        os.chmod(self.dir, 0o755)
        self.unix = self.dir + "/clamd.ctl"
        self.tcp = ("127.0.0.1", free_port())
        self.conf = self.dir + "/clamd.conf"
        self.process = None
        settings = {"DatabaseDirectory": database, "LocalSocket": self.unix, "LocalSocketMode": "666",
                    "TCPSocket": self.tcp[1], "TCPAddr": self.tcp[0], "Foreground": "yes", "LogFile": self.dir + "/log",
                    "TemporaryDirectory": self.dir, "AlertEncrypted": "yes", "AlertExceedsMax": "yes",
                    "StreamMaxLength": "100M", "MaxScanSize": "400M", "MaxFileSize": "100M",
                    "ConcurrentDatabaseReload": "no"}
        settings.update(options)
        with open(self.conf, "w") as f:
            f.write("".join(f"{name} {value}\n" for name, value in settings.items() if value is not None))

    def start(self, timeout=120):
        self.process = subprocess.Popen([program("clamd"), "-c", self.conf], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=dies_with_us)
        end = time.monotonic() + timeout
        while not self._answers():
            assert self.process.poll() is None, "clamd ended:\n" + self.log()
            assert time.monotonic() < end, "clamd does not answer:\n" + self.log()
            time.sleep(0.05)
        return self

    def _answers(self):
        try:
            return self.ask(b"zPING\0") == b"PONG"
        except OSError:
            return False

    def connect(self):
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(120)
        try:
            s.connect(self.unix)
        except OSError:
            s.close()
            raise
        return s

    def ask(self, octets):
        """What it answers to a command, without the NUL."""
        with self.connect() as s:
            s.sendall(octets)
            answer = b""
            while not answer.endswith(b"\0"):
                more = s.recv(4096)
                if not more:
                    break
                answer += more
            return answer.rstrip(b"\0")

    def scan(self, octets):
        """INSTREAM: the signature, or None."""
        answer = self.ask(b"zINSTREAM\0" + struct.pack(">I", len(octets)) + octets + bytes(4)).decode()
        assert answer.startswith("stream: ") and answer.endswith((" FOUND", " OK")), answer
        return answer[len("stream: "):-len(" FOUND")] if answer.endswith(" FOUND") else None

    def log(self):
        try:
            with open(self.dir + "/log", errors="replace") as f:
                return f.read()
        except OSError:
            return ""

    def kill(self, number):
        self.process.send_signal(number)

    def finish(self):
        if self.process is not None:
            self.kill(signal.SIGCONT)
            self.kill(signal.SIGTERM)
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(10)
            self.process = None
        shutil.rmtree(self.dir, ignore_errors=True)

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.finish()
            raise

    def __exit__(self, *_):
        self.finish()
