"""Many sessions at one time, while everything else that can happen happens: reloads, tables that
change, sessions that vanish, questions from filterctl.  Every message must come out as it went
in, or as the rules say.  Under the thread sanitizer this is what it looks at."""
import hashlib
import os
import random
import signal
import threading
import time

import pytest

import smtp

SCALE = float(os.environ.get("FILTERD_SOAK", "1"))


def rules(version):
    """The first rule of each kind matches nothing and tells versions apart."""
    return (f"/^X-Never: {version}/ REJECT\n/^Subject:.*refuse/ REJECT no\n"
            "/^Subject:.*keep/ HOLD kept\n/^Subject:.*mark/ TAG\n/^Subject:.*drop/ DISCARD\n")


def body(rng):
    lines = [bytes(rng.choices(b"abcdefghij .", k=rng.randint(0, 900))) for _ in range(
        rng.choice((0, 1, 5, 40, 400)))]
    return b"".join(line + b"\r\n" for line in lines)


class Sender(threading.Thread):
    """Sessions with several messages each; what was answered to which."""

    def __init__(self, f, door, seed, stop):
        super().__init__(daemon=True)
        self.f, self.door, self.rng, self.stop = f, door, random.Random(seed), stop
        self.seed = seed
        self.sent, self.wrong = {}, []

    def run(self):
        n = 0
        while not self.stop.is_set():
            try:
                n = self.session(n)
            except Exception as e:          # the thread's end would go unseen
                self.wrong.append(repr(e))
                return

    def session(self, n):
        with smtp.Client(self.f.address(self.door), lmtp=self.door == "lmtp", timeout=60) as c:
            c.hello()
            for _ in range(self.rng.randint(1, 6)):
                n += 1
                self.message(c, f"{self.door}-{self.seed}-{n}")
                if self.rng.random() < 0.05:
                    c.mail("gone@example.com"), c.rcpt("b@example.com"), c.cmd("DATA")
                    c.send(b"Subject: half a mess")
                    c.abort()
                    return n
            c.quit()
        return n

    def message(self, c, name):
        what = self.rng.choice(("pass", "pass", "pass", "refuse", "keep", "mark", "drop"))
        rcpts = [f"r{i}@example.com" for i in range(self.rng.randint(1, 3))]
        text = (f"Subject: {what} {name}\r\nX-Name: {name}\r\n\r\n").encode() + body(self.rng)
        _, _, replies = c.transaction("s@example.com", rcpts, text)
        expected = 550 if what == "refuse" else 250
        if {r.code for r in replies} != {expected}:
            self.wrong.append(f"{name} {what}: {[str(r) for r in replies]}")
        self.sent[name] = (what, digest(text))


def disturb(f, stop, wrong):
    n = 0
    while not stop.is_set():
        n += 1
        f.file("rules", rules(n))
        if n % 3 == 0:
            f.kill(signal.SIGHUP)
        if n % 7 == 0:
            f.kill(signal.SIGUSR1)
        status, _, errors = f.ctl("status", status=None)
        if status != 0:
            wrong.append(f"filterctl status: {status} {errors}")
        stop.wait(0.3)


def digest(octets):
    return hashlib.sha256(octets).digest()


TAG = b"X-Spam-Flag: YES\r\n"


def shrink(octets):
    """What is asked of a message that has arrived; hundreds of thousands would not fit whole."""
    name = octets.split(b"X-Name: ")[1].split(b"\r\n")[0].decode()
    return name, octets.count(TAG), digest(octets.replace(TAG, b""))


def load(filterd, hop, seconds, senders):
    f = filterd(files={"rules": rules(0)}, header_checks="regexp:{dir}/rules",
                next_hop=hop.next_hop, after_queue_reject="reject", on_mixed="split",
                smtpd_timeout="60s")
    f.expect("^lost connection after DATA from ")
    hop.shrink = shrink
    stop = threading.Event()
    threads = [Sender(f, ("lmtp", "smtp")[i % 2], i, stop) for i in range(senders)]
    wrong = []
    disturber = threading.Thread(target=disturb, args=(f, stop, wrong), daemon=True)
    for t in threads + [disturber]:
        t.start()
    time.sleep(seconds)
    stop.set()
    for t in threads + [disturber]:
        t.join(120)
        assert not t.is_alive()
    sent = {}
    for t in threads:
        wrong += t.wrong
        sent.update(t.sent)
    assert wrong == []
    arrived = {}
    for m in hop.messages:
        name, *rest = m.data
        assert name not in arrived, "twice"
        arrived[name] = rest
    for name, (what, text) in sent.items():
        if what in ("pass", "mark"):
            assert arrived.pop(name) == [int(what == "mark"), text]
    assert arrived == {}, "what should not have passed"
    assert hop.unanswered == []
    finals = f.finals()
    for word, fate in (("keep", "hold"), ("drop", "discard"), ("refuse", "reject")):
        n = sum(1 for what, _ in sent.values() if what == word)
        assert len({e["id"] for e in finals if e["fate"] == fate}) == n
    return sent


@pytest.mark.threads
def test_load(filterd, hop):
    assert len(load(filterd, hop, 5, 12)) > 20


@pytest.mark.long
def test_load_long(filterd, hop):
    assert len(load(filterd, hop, 600 * SCALE, 40)) > 20
