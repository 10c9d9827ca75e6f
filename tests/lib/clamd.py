"""A private clamd: Debian's, with a database and configuration of its own, that downloads nothing."""
import os
import shutil
import socket
import subprocess
import tempfile
import time

import children
from ports import free_port

PROGRAM = "/usr/sbin/clamd"


def missing():
    return None if os.access(PROGRAM, os.X_OK) else f"{PROGRAM} is missing (clamav-daemon)"


class Clamd:
    """settings are lines of clamd.conf."""

    def __init__(self, databases, *settings):
        self.dir = tempfile.mkdtemp(prefix="clamd-test.")
        os.chmod(self.dir, 0o755)
        self.path, self.port = self.dir + "/socket", free_port()
        os.mkdir(self.dir + "/db")
        os.mkdir(self.dir + "/tmp")
        for name, text in databases.items():
            with open(f"{self.dir}/db/{name}", "w") as f:
                f.write(text)
        with open(self.dir + "/clamd.conf", "w") as f:
            f.write(f"DatabaseDirectory {self.dir}/db\nTemporaryDirectory {self.dir}/tmp\n"
                    f"LocalSocket {self.path}\nLocalSocketMode 666\nTCPSocket {self.port}\nTCPAddr 127.0.0.1\n"
                    f"LogFile {self.dir}/log\nLogFileUnlock yes\nForeground yes\nSelfCheck 0\n"
                    "AlertExceedsMax yes\nAlertEncrypted yes\n" + "".join(s + "\n" for s in settings))
        self.process = None

    def start(self):
        self.process = subprocess.Popen([PROGRAM, "-c", self.dir + "/clamd.conf"], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                        preexec_fn=children.dies_with_us)
        end = time.monotonic() + 120
        while not self.answers():
            assert self.process.poll() is None, self.log()
            assert time.monotonic() < end, self.log()
            time.sleep(0.1)
        return self

    def answers(self):
        try:
            with socket.socket(socket.AF_UNIX) as s:
                s.settimeout(10)
                s.connect(self.path)
                s.sendall(b"zPING\0")
                return s.recv(100) == b"PONG\0"
        except OSError:
            return False

    def log(self):
        try:
            with open(self.dir + "/log") as f:
                return f.read()
        except OSError:
            return ""

    def stop(self):
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()
        shutil.rmtree(self.dir, ignore_errors=True)
