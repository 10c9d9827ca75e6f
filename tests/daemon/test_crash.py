"""kill -9 at random instants under load (PITFALLS B8-B12): what got 250 is at a next hop or held, whole,
and is there twice only where a final dot was sent and its reply lost."""
import asyncio
import base64
import collections
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys

import crash_hop
import crash_load
import filterd_proc
import pytest
from children import dies_with_us
from conftest import cannot
from ports import free_port

CHECKS = """/^X-Kind: hold/ HOLD by rule
/^X-Kind: filter/ FILTER local:other
/^X-Kind: bcc/ BCC copy@example.net
/^X-Kind: reject/ REJECT by rule
"""
# In this order, again and again.  A supervisor's death begins the restart back-off anew, which
# several workers that die one after the other would make longer and longer.
VICTIMS = ("worker", "hop", "worker", "supervisor", "worker", "hop", "worker", "worker",
           "supervisor", "hop", "worker", "supervisor")
# What filterd says about deaths and what they break.
SAID = (r"died of signal 9|supervisor has gone|lost connection|next hop|indeterminate|"
        r"Address already in use|cannot listen|before it was ready")


class Hop:
    def __init__(self, directory, name, lmtp):
        self.record = f"{directory}/{name}"
        self.port, self.lmtp, self.process = free_port(), lmtp, None
        self.start()

    def start(self):
        args = ["--lmtp"] if self.lmtp else []
        self.process = subprocess.Popen(
            [sys.executable, crash_hop.__file__, *args, str(self.port), self.record],
            preexec_fn=dies_with_us)

    def kill(self):
        self.process.kill()
        self.process.wait()

    @property
    def next_hop(self):
        return f"{'lmtp' if self.lmtp else 'smtp'}:[127.0.0.1]:{self.port}"


def gone(pid):
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rsplit(") ", 1)[1][0] == "Z"
    except OSError:
        return True


async def until(true, what, seconds=60):
    for _ in range(int(seconds / 0.01)):
        if true():
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"{what}: not in {seconds} s")


class Killer:
    def __init__(self, f, hops, kills, rng):
        self.f, self.hops, self.kills, self.rng = f, hops, kills, rng
        self.between = []           # for each kill: (victim, the attempts between 354 and reply)
        self.restarts = 0           # of filterd, that another one still held the sockets against

    async def __call__(self, load):
        for k in range(self.kills):
            victim = VICTIMS[k % len(VICTIMS)]
            # Under load: something was answered since the last death.
            done = load.finished
            await until(lambda: load.finished >= done + 5, f"mail flows before kill {k} ({victim})")
            await until(self.f.workers, "a worker")
            await asyncio.sleep(self.rng.random() * 0.25)
            # Mostly when somebody is in a transaction: those are the kills that tell.
            for _ in range(100):
                if load.open_now():
                    break
                await asyncio.sleep(0.001)
            workers = self.f.workers()
            if victim == "worker" and workers:
                os.kill(workers[0], signal.SIGKILL)
            elif victim == "hop":
                hop = self.rng.choice(self.hops)
                hop.kill()
            elif victim == "supervisor":
                self.f.process.kill()
            self.between.append((victim, load.open_now()))
            if victim == "hop":
                await asyncio.sleep(self.rng.random() * 0.1)
                hop.start()
            elif victim == "supervisor":
                await self.start_again(workers)

    async def start_again(self, workers):
        """As a service manager does: again and again.  The old worker drains meanwhile."""
        f = self.f
        f.process.wait()
        if self.rng.random() < 0.5:
            await until(lambda: all(gone(w) for w in workers), "the worker drains")
        while True:
            f.start(ready=False)
            while f.process.poll() is None:
                await asyncio.sleep(0.01)
                if f.is_ready():
                    await until(lambda: all(gone(w) for w in workers), "the worker drains")
                    return
            self.restarts += 1
            await asyncio.sleep(0.1)

    def told(self):
        """How many kills broke a transaction between 354 and its final reply."""
        return sum(1 for _, open_ in self.between
                   if any(c is None or c // 100 == 4 for a in open_ for c in a.codes.values()))


def held(f):
    """What is held, as next hops' records are."""
    out = []
    for line in f.ctl("hold", "list", "--json").splitlines():
        e = json.loads(line)
        shown = json.loads(f.ctl("hold", "show", e["id"], "--json"))
        octets = base64.b64decode(shown["message_base64"])
        out.append({"ident": e["queue_id"], "rcpts": [r["path"] for r in e["recipients"]],
                    "sum": hashlib.sha256(octets).hexdigest(), "place": "hold",
                    "replied": True})
    return out


def delivered(hop, name):
    messages, done = crash_hop.read(hop.record)
    return [{"place": name, "replied": (m["run"], m["n"]) in done, **m} for m in messages]


PLACES = {"plain": "first", "bcc": "first", "filter": "other", "hold": "hold", "reject": "hold"}


def check(load, found):
    """The list of what is wrong."""
    wrong = []
    by_rcpt = collections.defaultdict(list)
    for e in found:
        i, k = map(int, e["ident"].split("."))
        m = load.messages[i]
        if e["sum"] != m.sum:
            wrong.append(f"message {i} ({m.kind}) is not whole at {e['place']}")
        if e["place"] != PLACES[m.kind]:
            wrong.append(f"message {i} ({m.kind}) is at {e['place']}")
        rcpts = list(e["rcpts"])
        if m.kind == "bcc":
            if rcpts.count("copy@example.net") != 1:
                wrong.append(f"message {i}: no copy")
            rcpts.remove("copy@example.net")
        attempt = load.attempts[(i, k)]
        if not set(rcpts) <= set(attempt.codes) or len(set(rcpts)) != len(rcpts):
            wrong.append(f"message {i}.{k}: recipients {rcpts} of {list(attempt.codes)}")
            continue
        if not attempt.dot:
            wrong.append(f"message {i}.{k} is at {e['place']} and its dot was never sent")
        for r in rcpts:
            by_rcpt[r].append((k, attempt.codes[r], e))
    for m in load.messages:
        if m.left or m.bounced:
            wrong.append(f"message {m.i}: unanswered {m.left}, refused {m.bounced}")
        for r in m.rcpts:
            at = by_rcpt[r]
            if not at:
                wrong.append(f"LOST: {r} ({m.kind}) was answered 250")
            if len({k for k, _, _ in at}) != len(at):
                wrong.append(f"TWICE in one attempt: {r} {at}")
            # Once; and once more for each dot whose reply was lost, ours to the sender or the
            # next hop's to us.  (Answered 4xx and not there again: remembered as served.)
            known = [x for x in at if x[1] is not None and x[2]["replied"]]
            if len(known) > 1:
                wrong.append(f"TWICE without need: {r} {at}")
    return wrong


def crash(tmp_path, messages, kills):
    missing = filterd_proc.missing()
    if missing:
        cannot(missing)
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    hops = [Hop(tmp_path, "first", False), Hop(tmp_path, "other", True)]
    f = filterd_proc.Filterd(
        {"smtp": "smtp", "fast": "smtp, verify_recipients_at_next_hop = no", "lmtp": "lmtp"},
        files={"hc": CHECKS, "map": f"local:other {hops[1].next_hop}\n"},
        next_hop=hops[0].next_hop, header_checks="regexp:{dir}/hc", stop_time_limit="20s",
        filter_next_hop_maps="texthash:{dir}/map", after_queue_reject="hold", hold_min_free="0",
        message_memory_limit="64k", smtp_connect_timeout="5s")
    f.expect(SAID)
    load = crash_load.Load({n: f.address(n) for n in ("smtp", "fast", "lmtp")}, messages,
                           seed=seed, pace=0.2)
    killer = Killer(f, hops, kills, random.Random(seed))
    try:
        f.start()
        load.run(killer, 120 + kills * 6 + messages / 20)
        # The last word has the store, not a process that remembers.
        f.process.kill()
        f.process.wait()
        asyncio.run(until(lambda: not f.workers(), "the last worker"))
        f.start()
        found = held(f) + delivered(hops[0], "first") + delivered(hops[1], "other")
        wrong = check(load, found)
        assert f.stop() == 0
    finally:
        for hop in hops:
            hop.kill()
        shutil.copy(f.log_file, tmp_path)       # pytest keeps it a while
        problems = f.finish()
        print("\n".join(problems[:20]))
    pairs = collections.Counter(r for e in found for r in e["rcpts"] if r.startswith("m"))
    print(f"{load.made} messages in {len(load.attempts)} attempts, {kills} kills, {killer.told()} "
          f"of them between 354 and the final reply; {sum(pairs.values()) - len(pairs)} of "
          f"{len(pairs)} recipients twice; {killer.restarts} starts too early")
    assert not wrong, "\n".join(wrong[:20]) + f"\n{len(wrong)} in all"
    assert not problems
    assert load.hung == 0
    assert load.made >= messages and len(killer.between) == kills
    assert killer.told() * 3 >= kills


def test_crash(tmp_path):
    crash(tmp_path, 2000, 30)


@pytest.mark.long
def test_crash_long(tmp_path):
    soak = float(os.environ.get("FILTERD_SOAK", "1"))
    crash(tmp_path, int(20000 * soak), int(300 * soak))
