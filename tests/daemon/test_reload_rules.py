"""Reloads under load between two configurations whose rules carry A or B in what they say: a transaction has all of its
answers from one of them, no connection is dropped, nothing grows (issue 3; PITFALLS I3)."""
import os
import random
import re
import signal
import threading
import time

import pytest

import smtp
from reloading import Tail, process_state, sanitized

SOAK = float(os.environ.get("FILTERD_SOAK", "1"))
CLIENTS = 8
MESSAGE = b"From: a@example.com\r\nSubject: s\r\n\r\ntext\r\n"


def letter_rules(x):
    """Every stage says which configuration it is; by a row, a class, a list in a row, and a pattern."""
    return {
        "smtpd_helo_restrictions": "check_helo_access inline:{ {no.example = REJECT helo %s} }" % x,
        "smtpd_sender_restrictions": "check_sender_access texthash:{dir}/senders.%s" % x,
        "smtpd_recipient_restrictions": "check_recipient_access texthash:{dir}/rcpts.%s" % x,
        "content_restrictions": "check_recipient_access texthash:{dir}/ends.%s" % x,
        "smtpd_restriction_classes": "cls, lst",
        "cls": "check_sender_access inline:{ {ok@example.com = REJECT class %s} }" % x,
        # The same text in a row of both, so that a list kept from the other would be found.
        "lst": "check_sender_access inline:{ {ok@example.com = REJECT list %s} }" % x,
        "header_checks": "pcre:{dir}/heads.%s" % x,
        "smtpd_reject_footer": r"\c footer %s" % x,
    }


FILES = {name % x: text.replace("@", x) for x in "AB" for name, text in {
    "senders.%s": "no|example.com REJECT mail @\nok|example.com PREPEND X-Mail: @\n",
    "rcpts.%s": "no|example.com REJECT rcpt @\ncls|example.com cls\nlst|example.com warn_if_reject reject, lst\n",
    "ends.%s": "no-end|example.com REJECT end @\nok-end|example.com PREPEND X-End: @\n",
    "heads.%s": "/^Subject: head/ REJECT head @\n/^From:/ PREPEND X-Head: @\n",
}.items()}
FILES = {name: text.replace("|", "@") for name, text in FILES.items()}


def letters(text):
    """What configurations a reply or a message speaks of."""
    return set(re.findall(r"(?:mail|rcpt|end|class|list|head|helo|footer|X-Mail:|X-End:|X-Head:) ([AB])\b", text))


class Load:
    """Clients that go on until they are told to stop."""

    def __init__(self, f, seed):
        self.f, self.seed = f, seed
        self.stop = threading.Event()
        self.wrong, self.seen = [], {}
        self.generation = self.straddled = self.done = 0
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self.client, args=(random.Random(seed * 100 + i), i)) for i in range(CLIENTS)]

    def __enter__(self):
        for t in self.threads:
            t.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        for t in self.threads:
            t.join()

    def client(self, rng, number):
        try:
            while not self.stop.is_set():
                with smtp.Client(self.f.address("lmtp" if number % 2 else "smtp"), lmtp=bool(number % 2)) as c:
                    for _ in range(rng.randrange(1, 6)):
                        if rng.random() < .1:
                            self.note("HELO", [c.hello("no.example")], self.generation)
                        assert c.hello().code == 250
                        self.transaction(c, rng)
                    assert c.quit().code == 221
        except (OSError, smtp.Closed, smtp.ProtocolError, AssertionError) as e:
            self.wrong.append(f"client {number}: {e!r}")

    def note(self, what, replies, began):
        said = set().union(*(letters(str(r)) for r in replies))
        with self.lock:
            if len(said) != 1:
                self.wrong.append(f"{what}: {said or 'no letter'}: {[str(r) for r in replies]}")
            for r in replies:
                for word in re.findall(r"(helo|mail|rcpt|end|class|list|head) [AB]\b", str(r)):
                    self.seen[word, min(said)] = self.seen.get((word, min(said)), 0) + 1
            self.straddled += began != self.generation
            self.done += 1

    def pause(self, rng):
        if rng.random() < .5:
            time.sleep(rng.random() * .02)

    def transaction(self, c, rng):
        began = self.generation
        if rng.random() < .1:
            r = c.mail("no@example.com")
            assert r.code == 554, r
            self.note("MAIL", [r], began)
            return
        assert c.mail("ok@example.com").code == 250
        said = []
        for rcpt in rng.sample(["no", "cls", "lst"], rng.randrange(1, 4)):
            self.pause(rng)
            said.append(c.rcpt(rcpt + "@example.com"))
            assert said[-1].code == 554, said[-1]
        self.pause(rng)
        taken = ["no-end@example.com"] if rng.random() < .5 else ["ok-end@example.com"]
        if c.lmtp:
            taken = ["no-end@example.com", "ok-end@example.com"]
        for rcpt in taken:
            assert c.rcpt(rcpt).code == 250
        self.pause(rng)
        assert c.cmd("DATA").code == 354
        self.pause(rng)
        head = rng.random() < .2
        c.send(smtp.dot_stuff(MESSAGE.replace(b"Subject: s", b"Subject: head") if head else MESSAGE))
        ends = c.replies(len(taken) if c.lmtp else 1)
        assert [r.code for r in ends] == [550 if head else 554 if rcpt.startswith("no") else 250
                                          for rcpt in (taken if c.lmtp else taken[:1])], ends
        self.note("transaction", said + ends, began)


def ab(filterd, hop, n):
    seed = int(os.environ.get("FILTERD_SEED", "0")) or random.randrange(1, 10**6)
    print(f"FILTERD_SEED={seed}")
    # What a delivered message says of its configuration comes back in the next hop's reply, which is passed on.
    def queued(session, line):
        [m] = [m for m in hop.unanswered if m.queue_id == line.decode()]
        return "250 2.0.0 Ok " + " ".join(re.findall(r"X-\w+: [AB]", m.data.decode()))

    hop.script["end"] = queued
    f = filterd(listeners={kind: f"{kind}, role = before_queue" for kind in ("lmtp", "smtp")}, files=FILES, next_hop=hop.next_hop,
                smtpd_delay_reject="no", smtpd_authorized_xforward_hosts="", on_mixed="strictest", **letter_rules("A"))
    worker, = f.workers()
    tail, states = Tail(f), {}
    with Load(f, seed) as load:
        for k in range(n):
            time.sleep(random.random() * .03)
            f.write_config(**letter_rules("BA"[k % 2]))
            tail.texts()
            f.kill(signal.SIGHUP)
            end = time.monotonic() + 30
            while not any(t.startswith(f.config + " is in use") for t in tail.texts()):
                assert time.monotonic() < end, "the reload is not told of"
                time.sleep(.002)
            load.generation = k + 1
            if k in (n // 5, n - 1):
                states[k] = process_state(worker)
            assert not load.wrong, "\n".join(load.wrong[:10])
    assert not load.wrong, "\n".join(load.wrong[:10])
    assert f.workers() == [worker]
    # Both were seen at every stage, and many a transaction was under way during a reload.
    assert {k for k, count in load.seen.items() if count} == {(w, x) for w in ("helo", "mail", "rcpt", "end", "class", "list", "head") for x in "AB"}
    assert load.straddled >= n // 2, (load.straddled, load.done)
    early, late = states[n // 5], states[n - 1]
    assert late[0] <= early[0] + 30 and late[1] <= early[1] + 10 and late[2] == 0, states
    if n >= 500 and not sanitized(worker):
        assert late[3] <= early[3] + 8192, states
    print(f"{load.done} transactions, {load.straddled} of them across a reload, {n} reloads; descriptors, threads, children, kB: "
          f"{early} then {late}")


def test_rules_are_never_mixed(filterd, hop):
    ab(filterd, hop, 100)


@pytest.mark.long
def test_rules_are_never_mixed_long(filterd, hop):
    ab(filterd, hop, int(1000 * SOAK))
