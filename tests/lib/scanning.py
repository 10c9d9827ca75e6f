"""A filterd with the plugin faulty (tests/lib/faulty_plugin.c), whose scan does what messages say."""
import json
import os
import shutil
import threading
import time

import children
import filterd_proc
import smtp

MODULE = os.path.join(filterd_proc.build_dir(), "tests", "modules", "faulty.so")
A = "abelard@example.com"
DEFERRED = "451 4.7.1 Service temporarily unavailable, try again later"
PATIENCE = 60


def message(*words, body=""):
    scans = "".join(f"Scan: {w}\r\n" for w in words)
    return f"From: a@example.com\r\nSubject: s\r\n{scans}\r\n{body}\r\n".encode()


def comm(pid):
    try:
        with open(f"/proc/{pid}/comm") as f:
            return f.read().strip()
    except OSError:
        return ""


class Scanning:
    """start is the fixture filterd; settings are as there.  engine: content of the engine's file;
    listeners: more of them."""

    def __init__(self, start, hop, engine="one", listeners=None, **settings):
        def prepare(f):
            os.makedirs(f.dir + "/plugins", exist_ok=True)
            shutil.copyfile(MODULE, f.dir + "/plugins/faulty.so")
            f.file("engine", engine + "\n")
            os.makedirs(f.dir + "/scan", exist_ok=True)
            shutil.chown(f.dir + "/scan", *self.owner(f))

        door = "lmtp, role = before_queue, smtpd_authorized_xforward_hosts ="
        self.f = start(listeners={"lmtp": door, **(listeners or {})}, prepare=prepare, next_hop=hop.next_hop, smtpd_reject_footer="",
                       **{"plugins": "faulty", "plugin_directory": "{dir}/plugins", "faulty_engine": "{dir}/engine",
                          "content_restrictions": "reject_faulty", "scanner_processes": "2",
                          "scanner_directory": "{dir}/scan", **settings})

    @staticmethod
    def owner(f):
        s = os.stat(f.dir + "/state")
        return s.st_uid, s.st_gid

    def send(self, *words, **more):
        """The reply to a message with these words, without the part that is always the same."""
        with smtp.Client(self.f.address("lmtp"), lmtp=True, timeout=PATIENCE) as c:
            c.hello("client.example")
            (reply,) = c.transaction("a@example.com", [A], message(*words, **more))[2]
        return str(reply).removeprefix("554 5.7.1 ")

    def status(self):
        return json.loads(self.f.ctl("status", "--json"))["scanners"]

    def pids(self, name):
        """Of the processes with this name: keeper, engine, scanner."""
        return [p for p in self.f.processes() if comm(p) == "filterd-" + name and children.alive(p)]

    def wait(self, true, what):
        end = time.monotonic() + PATIENCE
        while not true():
            assert time.monotonic() < end, f"{what}\n{self.f.raw_log()[-4000:]}"
            time.sleep(0.05)

    def wait_scanners(self, n=2):
        """So many are there, none of them a moment old: they have entered the sandbox."""
        self.wait(lambda: len(self.status()["processes"]) == n and len(self.pids("scanner")) == n, f"no {n} scanners")

    def change_engine(self, text):
        self.f.file("engine", text + "\n")

    def expect_faults(self):
        """The lines of a scan that goes wrong twice, as every message has two tries."""
        self.f.expect(r"^scanner \d+ |another one tries$|^faulty: reject_faulty could not be checked: ")
        return self

    def failures(self):
        """Why checks could not be made, as the lines about it have it."""
        texts = [e["text"] for e in self.f.entries() if "could not be checked" in e.get("text", "")]
        return [t.split("could not be checked: ")[1].split("; on_failure")[0] for t in texts]

    def failure(self):
        return self.failures()[-1]


class Load:
    """Messages one after the other from several clients, until the end; replies in the order they came."""

    def __init__(self, s, *words, clients=3):
        self.s, self.words, self.replies, self.over = s, words, [], threading.Event()
        self.threads = [threading.Thread(target=self.run) for _ in range(clients)]

    def run(self):
        while not self.over.is_set():
            try:
                self.replies.append(self.s.send(*self.words))
            except Exception as e:      # a worker that was killed
                self.replies.append(f"no reply: {e}")
                time.sleep(0.05)

    def __enter__(self):
        for t in self.threads:
            t.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        for t in self.threads:
            t.join()
