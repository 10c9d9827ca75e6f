"""Reload, stop and restart under load (PITFALLS I3): no connection refused, no message lost or changed,
nothing leaked, no table read half way."""
import asyncio
import json
import os
import random
import re
import signal
import time

import crash_load
import filterd_proc
import load_world
import pytest
import smtp
from conftest import cannot
from load_world import until
from reloading import Tail, process_state, sanitized

SOAK = float(os.environ.get("FILTERD_SOAK", "1"))


class World:
    """filterd with two next hops that refuse nothing; run() a load with something beside it."""

    def __init__(self, tmp_path, **settings):
        if filterd_proc.missing():
            cannot(filterd_proc.missing())
        self.hops = [load_world.Hop(tmp_path, "first", False, steady=True),
                     load_world.Hop(tmp_path, "other", True, steady=True)]
        self.f = load_world.make(self.hops, **settings)

    def __enter__(self):
        try:
            self.f.start()
        except BaseException as e:
            self.__exit__(type(e))
            raise
        return self

    def __exit__(self, kind, *_):
        for hop in self.hops:
            hop.kill()
        problems = self.f.finish()
        if kind is None:
            assert not problems, "\n".join(problems[:20])

    def run(self, beside, messages=200, seconds=3600, **more):
        load = crash_load.Load(load_world.addresses(self.f), messages, vanish=False, **more)
        load.run(beside, seconds)
        wrong = load_world.check(load, load_world.found(self.f, self.hops))
        assert not wrong, "\n".join(wrong[:20]) + f"\n{len(wrong)} in all, seed {load.seed}"
        assert load.hung == 0
        return load

    def undisturbed(self, load):
        """Everything went through at once, as if nobody had done anything beside."""
        assert (load.refused, load.broken) == (0, [])
        again = {f"{i}.{k}": a.codes for (i, k), a in load.attempts.items() if load.messages[i].tries > 1}
        said = [e for e in self.f.entries() if e.get("queue_id") in again]
        assert again == {}, f"seed {load.seed}\n" + "\n".join(map(str, said))


async def reload_once(f, tail, good, **changes):
    f.write_config(**changes)
    tail.texts()
    f.kill(signal.SIGHUP)
    said = []

    def told():
        said.extend(t for t in tail.texts() if t.startswith(f.config + " is "))
        return said

    await until(told, "the reload")
    assert len(said) == 1 and said[0].startswith(f.config + (" is in use" if good
                                                             else " is not used")), said


BAD = [{"header_checks": "nonsense:x"}, {"smtpd_timeout": "soon"}, {"next_hop": "uucp:x"},
       {"filter_next_hop_maps": "texthash:{dir}/missing"},
       {"listeners": "{ lmtp:127.0.0.1:1 }"}]


def reloads(tmp_path, n):
    with World(tmp_path) as w:
        f = w.f
        f.expect("is not used|nonsense|soon|uucp|missing|restart")
        good = {name: f.settings.get(name) for bad in BAD for name in bad}
        worker, = f.workers()
        states = {}

        async def beside(load):
            tail, rng = Tail(f), random.Random(load.seed)
            await until(lambda: load.finished > 100, "mail flows")
            for k in range(n):
                if k % 6 == 5:
                    await reload_once(f, tail, False, **rng.choice(BAD))
                else:
                    # What is changed changes no verdict; all else is read anew all the same.
                    await reload_once(f, tail, True, **good, smtpd_banner=f"filterd.test {k}",
                                      body_checks=rng.choice(["", "regexp:{dir}/hc"]),
                                      hopcount_limit=rng.randrange(20, 60))
                await asyncio.sleep(rng.random() * 0.02)
                if k == n // 5 or k == n - 1:
                    states[k] = process_state(worker)
                    assert process_state(f.process.pid)[1:3] == (1, 1)
            f.write_config(**good)      # filterctl reads it too

        load = w.run(beside, pace=0.1)
        w.undisturbed(load)
        assert f.workers() == [worker]
        s = json.loads(f.ctl("status", "--json"))["counters"]
        bad = n // 6
        assert (s["reloads"], s["reloads_failed"]) == (n - bad, bad)
        early, late = states[n // 5], states[n - 1]
        # Sessions and kept connections come and go: twenty clients, each with one next hop or two.
        assert late[0] <= early[0] + 60 and late[1] <= early[1] + 20 and late[2] == 0, states
        if n >= 500 and not sanitized(worker):
            assert late[3] <= early[3] + 8192, states
        print(f"{load.made} messages, {n} reloads; descriptors, threads, children, kB: "
              f"{early} then {late}")


def test_reload_under_load(tmp_path):
    reloads(tmp_path, 12)


@pytest.mark.long
def test_reload_long(tmp_path):
    reloads(tmp_path, int(1000 * SOAK))


def rewritten(tmp_path, seconds):
    """The decisive row is the last one, so whoever reads half of a table decides otherwise.  Files are
    moved into place as the manual says; test_half_written has one that is written in place."""
    with World(tmp_path) as w:
        f = w.f

        async def beside(load):
            await until(lambda: load.finished > 100, "mail flows")
            tail, end, k = Tail(f), time.monotonic() + seconds, 0
            while time.monotonic() < end:
                k += 1
                f.file("hc", "".join(f"/^X-Never{i}: {k}/ WARN no\n" for i in range(k % 100 + 20)) +
                      load_world.CHECKS)
                f.file("map", "".join(f"row{i}:{k} smtp:[192.0.2.1]:1\n" for i in range(5000)) +
                      f"local:other {w.hops[1].next_hop}\n")
                await asyncio.sleep(0.1)
            read = [t for t in tail.texts() if "read again" in t]
            # Once a second each.
            assert seconds - 2 <= len(read) <= 2 * seconds + 4, read

        w.undisturbed(w.run(beside, pace=0.1))


def test_tables_are_never_read_half_way(tmp_path):
    rewritten(tmp_path, 6)


@pytest.mark.long
def test_tables_are_never_read_half_way_long(tmp_path):
    rewritten(tmp_path, int(60 * SOAK))


def stops(tmp_path, n):
    """SIGTERM: what is inside a transaction ends well, and in time; a successor goes on."""
    with World(tmp_path, stop_time_limit="20s") as w:
        f = w.f

        async def beside(load):
            rng = random.Random(load.seed)
            for _ in range(n):
                done = load.finished
                await until(lambda: load.finished > done + 50, "mail flows")
                await asyncio.sleep(rng.random() * 0.1)
                began = time.monotonic()
                f.kill(signal.SIGTERM)
                await until(lambda: f.process.poll() is not None, "the end", 30)
                assert f.process.returncode == 0
                assert time.monotonic() - began < 15
                f.process = None
                f.start()

        load = w.run(beside, pace=0.05)
        assert load.broken == []
        assert [m.i for m in load.messages if len(m.bounced)] == []


def test_stop_under_load(tmp_path):
    stops(tmp_path, 4)


@pytest.mark.long
def test_stop_under_load_long(tmp_path):
    stops(tmp_path, int(100 * SOAK))


def test_restart_back_off(filterd, hop):
    """Each death doubles the pause; who connects meanwhile waits and is served."""
    f = filterd(next_hop=hop.next_hop).expect("died of signal 9")
    tail = Tail(f)
    for k, pause in enumerate((250, 500, 1000)):
        worker, = f.workers()
        os.kill(worker, signal.SIGKILL)
        died = time.monotonic()
        while f.workers() == [worker]:
            time.sleep(0.005)
        r = smtp.send(f.address("lmtp"), "a@example.com", ["b@example.com"],
                      b"Subject: waits\r\n\r\nx\r\n", lmtp=True)[2][0]
        assert r.code == 250
        took = time.monotonic() - died
        assert pause / 1000 <= took + 0.05 and took < pause / 1000 + 5
        said = [t for t in tail.texts() if "next worker starts" in t]
        assert said == [f"the next worker starts in {pause} ms"]
    assert len(hop.wait(3)) == 3
