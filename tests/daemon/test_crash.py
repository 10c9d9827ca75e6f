"""kill -9 at random instants under load (PITFALLS B8-B12): what got 250 is at a next hop or held, whole,
and is there twice only where a final dot was sent and its reply lost."""
import asyncio
import collections
import os
import random
import shutil
import signal

import crash_load
import filterd_proc
import load_world
import pytest
from children import alive
from conftest import cannot
from load_world import until

# In this order, again and again.  A supervisor's death begins the restart back-off anew, which
# several workers that die one after the other would make longer and longer.
VICTIMS = ("worker", "hop", "worker", "supervisor", "worker", "hop", "worker", "worker",
           "supervisor", "hop", "worker", "supervisor")
# What filterd says about deaths and what they break.
SAID = (r"died of signal 9|supervisor has gone|lost connection|next hop|indeterminate|"
        r"Address already in use|cannot listen|before it was ready")


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
            await until(lambda: not any(map(alive, workers)), "the worker drains")
        while True:
            f.start(ready=False)
            while f.process.poll() is None:
                await asyncio.sleep(0.01)
                if f.is_ready():
                    await until(lambda: not any(map(alive, workers)), "the worker drains")
                    return
            self.restarts += 1
            await asyncio.sleep(0.1)

    def told(self):
        """How many kills broke a transaction between 354 and its final reply."""
        return sum(1 for _, open_ in self.between
                   if any(c is None or c // 100 == 4 for a in open_ for c in a.codes.values()))


def crash(tmp_path, messages, kills):
    missing = filterd_proc.missing()
    if missing:
        cannot(missing)
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    hops = [load_world.Hop(tmp_path, "first", False), load_world.Hop(tmp_path, "other", True)]
    f = load_world.make(hops).expect(SAID)
    load = crash_load.Load(load_world.addresses(f), messages, seed=seed, pace=0.2)
    killer = Killer(f, hops, kills, random.Random(seed))
    try:
        f.start()
        load.run(killer, 120 + kills * 6 + messages / 20)
        # The last word has the store, not a process that remembers.
        f.process.kill()
        f.process.wait()
        asyncio.run(until(lambda: not f.processes(), "the last worker"))
        f.start()
        found = load_world.found(f, hops)
        wrong = load_world.check(load, found)
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
