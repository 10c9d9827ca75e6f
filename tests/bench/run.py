#!/usr/bin/env python3
"""Measure filterd against a blind TCP relay, and say which bound does not hold.

    make bench [BENCH_ARGS="--rounds 5 --only 4k,1m"]

Sender, contender and next hop run on loopback; the contenders take turns within a round,
and each figure is the median of the rounds: messages a second, CPU of the contender's
whole process tree a message, time from MAIL to the reply.  Ratios are taken round by
round.  Exit status: 0 all bounds hold, 1 not, 2 it could not be measured.

--yardsticks DIR compiles src.c, sink.c and relay.c from there and puts our sender, next
hop and relay in the place of theirs, one at a time: figures must agree within 15 %.
"""
import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time

import cases
import corpus
from measure import Program, Sent, cpu_seconds, memory, settled, values, wait_for_port

from filterd_proc import Filterd  # measure.py made tests/lib known
from ports import free_port


def say(text=""):
    print(text, flush=True)


class Stand:
    """Everything that runs while contenders are measured."""

    def __init__(self, build, folder):
        self.build, self.folder = build, folder
        self.corpus = os.path.join(folder, "corpus")
        octets = corpus.write_corpus(self.corpus)
        say(f"corpus: {corpus.MESSAGES} messages, mean {octets // corpus.MESSAGES} octets")
        os.environ["FILTERD_BUILD_DIR"] = build
        self.sink_port = free_port()
        self.sink = Program(self.tool("sink"), self.sink_port)
        wait_for_port(self.sink_port)
        self.running, self.sent = [], 0

    def tool(self, name):
        return os.path.join(self.build, "tests", "bench", f"bench_{name}")

    def filterd(self, listener, header=0, body=0, name="door"):
        f = Filterd(listeners={name: listener}, log_format="text",
                    next_hop=f"smtp:[127.0.0.1]:{self.sink_port}")
        for kind, n in (("header", header), ("body", body)):
            if n:
                path = corpus.write_patterns(os.path.join(f.dir, kind), kind, n)
                f.write_config(**{f"{kind}_checks": f"pcre:{path}"})
        f.start()
        self.running.append(f.stop)
        return f, "%s:%d" % f.address(name)

    def contender(self, c):
        """Its process and where it listens."""
        if c.listener is None:
            port = free_port()
            relay = Program(self.tool("relay"), port, self.sink_port)
            self.running.append(relay.stop)
            wait_for_port(port)
            return relay.pid, f"127.0.0.1:{port}"
        n = 10 if c.checks else 0
        f, address = self.filterd(c.listener, n, n)
        return f.process.pid, address

    def send(self, pid, address, options, messages, sessions, lmtp):
        argv = [self.tool("send"), "-s", sessions, "-m", messages, *(["-L"] if lmtp else []),
                *(str(o).replace("{corpus}", self.corpus) for o in options), address]
        sent = Sent(argv, pid)
        self.sent += int(sent.line["ok"])
        return sent

    def stop(self):
        for stop in self.running:
            stop()
        self.running = []
        taken = int(values(self.sink.stop())["messages"])
        if taken != self.sent:
            raise RuntimeError(f"{self.sent} messages were sent, {taken} came to the next hop")


class Results:
    """runs[case, connections, contender]: one Sent a round."""

    def __init__(self):
        self.runs, self.failed = {}, []

    def add(self, case, connections, who, sent):
        self.runs.setdefault((case, connections, who), []).append(sent)

    def median(self, key, figure):
        return statistics.median(figure(s) for s in self.runs[key])

    def ratio(self, case, connections, who, figure):
        mine, relay = self.runs[case, connections, who], self.runs[case, connections, "relay"]
        return statistics.median(figure(a) / max(figure(b), 1e-9) for a, b in zip(mine, relay))

    def must(self, holds, text):
        if not holds:
            self.failed.append(text)
        return "ok" if holds else "NOT MET"


def throughput(sent):
    return sent.line["msg_s"]


def cpu(sent):
    return sent.cpu_us


def p50(sent):
    return sent.line["p50_ms"]


def p99(sent):
    return sent.line["p99_ms"]


# --- speed ---


def run_speed(stand, args, results):
    who = [(c, *stand.contender(c)) for c in cases.CONTENDERS
           if c.listener is None or args.contenders is None or c.name in args.contenders]
    for c, pid, address in who:  # connections made, memory touched
        stand.send(pid, address, ["-d", "-l", 4096], 500, 20, c.lmtp)
    for case in cases.CASES:
        if args.only and case.name not in args.only:
            continue
        for connections in cases.CONNECTIONS:
            messages = int(case.messages * args.scale * (1 if connections > 1 else cases.SINGLE))
            for i in range(args.rounds):
                # Nobody is always first after the others.
                turn = i % len(who)
                for c, pid, address in who[turn:] + who[:turn]:
                    results.add(case.name, connections, c.name, stand.send(
                        pid, address, case.options, max(messages, connections), connections,
                        c.lmtp))
            print_case(results, case, connections, [c.name for c, _, _ in who])


def print_case(results, case, connections, names):
    say(f"\n{case.text}, {connections} connection{'s' * (connections > 1)}")
    say(f"  {'':12} {'msg/s':>8} {'CPU us':>8} {'p50 ms':>8} {'p99 ms':>8} "
        f"{'/ relay':>8} {'CPU / relay':>12}")
    for name in names:
        key = (case.name, connections, name)
        line = (f"  {name:12} {results.median(key, throughput):8.0f} "
                f"{results.median(key, cpu):8.1f} {results.median(key, p50):8.3f} "
                f"{results.median(key, p99):8.3f}")
        if name != "relay":
            line += verdict(results, case, connections, name)
        say(line)


def verdict(results, case, connections, name):
    fast = results.ratio(case.name, connections, name, throughput)
    dear = results.ratio(case.name, connections, name, cpu)
    text = f" {fast:8.2f} {dear:12.2f}"
    bound = cases.BOUNDS.get((case.name, name)) if connections == 20 else None
    if bound:
        what = f"{case.text}, {name}"
        text += "   >= %.2f %s, <= %.1f %s" % (
            bound.throughput,
            results.must(fast >= bound.throughput,
                         f"{what}: throughput {fast:.2f} of the relay's, bound {bound.throughput}"),
            bound.cpu,
            results.must(dear <= bound.cpu,
                         f"{what}: CPU {dear:.2f} times the relay's, bound {bound.cpu}"))
    if connections == 1 and case.name == cases.ADDED_CASE and name in cases.ADDED_WHO:
        mine = results.runs[case.name, 1, name]
        added = statistics.median(p50(a) - p50(b)
                                  for a, b in zip(mine, results.runs[case.name, 1, "relay"]))
        text += "   %+.3f ms <= %.1f %s" % (added, cases.ADDED_MS, results.must(
            added <= cases.ADDED_MS,
            f"{case.text}, one connection, {name}: {added:.3f} ms added, bound {cases.ADDED_MS}"))
    return text


# --- memory ---


class Peak(threading.Thread):
    """The most of a figure while it runs."""

    def __init__(self, pid, field):
        super().__init__(daemon=True)
        self.pid, self.field, self.value, self.over = pid, field, 0, threading.Event()

    def run(self):
        while not self.over.is_set():
            self.value = max(self.value, memory(self.pid).get(self.field, 0))
            time.sleep(.005)

    def stop(self):
        self.over.set()
        self.join()
        return self.value


def run_memory(stand, results):
    # 100 rows of tables: the first half for header fields.
    f, address = stand.filterd("lmtp", 50, 50)
    pid, got = f.process.pid, {}
    idle = got["idle"] = settled(pid)
    held = Program(stand.tool("idle"), cases.MEMORY_CONNECTIONS, address, wait_for="held")
    got["connections"] = settled(pid) - idle
    held.stop()
    stand.send(pid, address, ["-d", "-F", "{corpus}"], cases.MEMORY_MESSAGES, 20, True)
    got["after"] = settled(pid) - idle
    # A new one: what the 10,000 left behind would hide what a large message takes.
    f, address = stand.filterd("lmtp", 50, 50)
    pid = f.process.pid
    stand.send(pid, address, ["-l", 4096], 1, 1, True)
    before = memory(pid)["Private"]
    peak = Peak(pid, "Private")
    peak.start()
    stand.send(pid, address, ["-l", cases.MEMORY_LARGE], 1, 1, True)
    got["large"] = peak.stop() - before
    say("\nmemory of the process tree")
    for key, text, bound in cases.MEMORY:
        mb = got[key] / cases.MB
        say(f"  {text:52} {mb:7.2f} MB   <= {bound // cases.MB} " + results.must(
            got[key] <= bound, f"{text}: {mb:.2f} MB, bound {bound // cases.MB}"))


# --- our programs against the yardsticks ---


def chain(tools, folder):
    """Start next hop and relay of `tools`; (sink, relay, address)."""
    sink_port, relay_port = free_port(), free_port()
    sink = Program(tools["sink"], sink_port)
    wait_for_port(sink_port)
    relay = Program(tools["relay"], relay_port, sink_port)
    wait_for_port(relay_port)
    return sink, relay, f"127.0.0.1:{relay_port}"


def chain_run(tools, stack, case, messages):
    """One run; figures by name."""
    sink, relay, address = stack
    before = cpu_seconds(sink.pid)
    sent = Sent([tools["send"], "-s", 20, "-m", messages, *case.options, address], relay.pid)
    return {"messages a second": throughput(sent), "sender's CPU": sent.line["src_us"],
            "relay's CPU": sent.cpu_us,
            "next hop's CPU": (cpu_seconds(sink.pid) - before) * 1e6 / sent.line["msgs"]}


# Which figure a program's replacement may move.
OWN = {"send": "sender's CPU", "sink": "next hop's CPU", "relay": "relay's CPU"}


def run_yardsticks(stand, args, results):
    theirs = {}
    for name, source in (("send", "src"), ("sink", "sink"), ("relay", "relay")):
        theirs[name] = os.path.join(stand.folder, source)
        subprocess.run(["gcc", "-O2", "-w", "-o", theirs[name],
                        os.path.join(args.yardsticks, source + ".c")], check=True)
    sets = {"yardsticks": theirs}
    for name in OWN:
        sets[name] = {**theirs, name: stand.tool(name)}
    stacks = {name: chain(tools, stand.folder) for name, tools in sets.items()}
    say("\nour programs in the place of the yardsticks': ours / theirs")
    for case in cases.CASES:
        if "-F" in case.options or (args.only and case.name not in args.only):
            continue
        rounds = {name: [] for name in sets}
        for i in range(args.rounds):
            for name in list(sets)[i % 4:] + list(sets)[:i % 4]:
                rounds[name].append(chain_run(sets[name], stacks[name], case,
                                              int(case.messages * args.scale)))
        for name, figure in OWN.items():
            for what in ("messages a second", figure):
                ratio = statistics.median(a[what] / max(b[what], 1e-9) for a, b in
                                          zip(rounds[name], rounds["yardsticks"]))
                say(f"  {case.text:34} {'bench_' + name:12} {what:18} {ratio:5.2f} " + results.must(
                    abs(ratio - 1) <= cases.AGREE,
                    f"{case.text}: with bench_{name} {what} is {ratio:.2f} of the yardstick's"))
    for sink, relay, _ in stacks.values():
        relay.stop()
        sink.stop()


def arguments():
    p = argparse.ArgumentParser(description=__doc__,
                                formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--build-dir", default=".", help="where filterd and the programs were built")
    p.add_argument("--rounds", type=int, default=5, help="at least 3 for figures that count")
    p.add_argument("--scale", type=float, default=1, help="so many times the messages")
    p.add_argument("--only", type=lambda s: s.split(","), help="cases: " + ",".join(
        c.name for c in cases.CASES))
    p.add_argument("--contenders", type=lambda s: s.split(","),
                   help="beside the relay: " + ",".join(c.name for c in cases.CONTENDERS[1:]))
    p.add_argument("--skip", type=lambda s: s.split(","), default=[], help="speed, memory")
    p.add_argument("--yardsticks", metavar="DIR", help="compare our programs with those there")
    return p.parse_args()


def main():
    args = arguments()
    results = Results()
    with tempfile.TemporaryDirectory(prefix="filterd-bench.") as folder:
        stand = Stand(os.path.abspath(args.build_dir), folder)
        try:
            if args.yardsticks:
                run_yardsticks(stand, args, results)
            if "speed" not in args.skip:
                run_speed(stand, args, results)
            if "memory" not in args.skip:
                run_memory(stand, results)
        finally:
            stand.stop()
    if results.failed:
        say("\nThese bounds do not hold:")
        for text in results.failed:
            say(f"  {text}")
        return 1
    say("\nAll bounds hold.")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (OSError, RuntimeError, AssertionError, subprocess.SubprocessError) as e:
        print(f"bench: {e}", file=sys.stderr)
        sys.exit(2)
