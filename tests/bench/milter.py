#!/usr/bin/env python3
"""Measure the milter door against a no-op filter on libmilter, and say which bound does not hold.

    make bench-milter [BENCH_ARGS="--rounds 5 --only 4k-20-0 --skip postfix,memory"]

speed     a client of ours (bench_milter) brings messages as Postfix does to a filterd without
          checks and to bench_noop, in turn within a round: CPU of the filter's whole process tree
          a message.  4 and 50 KB, one message and twenty a connection, with 0 and 2,000 idle
          connections to each.
blocking  20 ends of message at one time with a check that takes 2 s: when the last is answered.
postfix   bench_send and smtp-source through a private Postfix with two smtpd listeners, which
          differ in smtpd_milters; mail is discarded.  Messages a second, and Postfix's own CPU a
          message until its queue is empty.
memory    what a filterd takes with 10,000 idle connections: PSS of its process tree.

Figures are medians of the rounds, ratios are taken round by round.  What bench_noop and filterd
counted must be what was sent to them.  Needs libmilter-dev, and for the Postfix to be root.  Exit status: 0 all bounds
hold, 1 not, 2 it could not be measured.
"""
import argparse
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import milter_cases as cases
from measure import Program, Sent, cpu_seconds, settled, values

import postfix  # measure.py made tests/lib known
from filterd_proc import Filterd
from ports import free_port

PARTS = ("speed", "blocking", "postfix", "memory")
OURS, THEIRS = "filterd", "noop"


def say(text=""):
    print(text, flush=True)


class Filter:
    """filterd or the no-op filter, where it listens, and what it was sent."""

    def __init__(self, path, pid, stop):
        self.address, self.pid, self.stop = "unix:" + path, pid, stop
        self.sent = {"messages": 0, "fields": 0, "octets": 0}


class Stand:
    """Everything that runs while contenders are measured."""

    def __init__(self, build, folder):
        self.build, self.folder = build, folder
        os.environ["FILTERD_BUILD_DIR"] = build
        os.chmod(folder, 0o755)
        self.filters, self.failed = [], []

    def tool(self, name):
        return os.path.join(self.build, "tests", "bench", f"bench_{name}")

    def started(self, path, pid, stop):
        self.filters.append(Filter(path, pid, stop))
        return self.filters[-1]

    def filterd(self, **settings):
        f = Filterd(listeners={"milter": "milter:unix, socket_mode = 0666"},
                    log_format="text", listener_connection_limit=20000, **settings)
        f.start()

        def stop():
            status = dict(line.split()[:2] for line in f.ctl("status").splitlines()
                          if line.startswith("  milter_"))
            f.stop()
            f.remove()
            return {"messages": int(status["milter_messages"])}
        return self.started(f.address("milter"), f.process.pid, stop)

    def noop(self, *options):
        path = os.path.join(self.folder, f"noop{len(self.filters)}")
        program = Program(self.tool("noop"), *options, "unix:" + path)
        end = time.monotonic() + 10
        while not os.path.exists(path):
            if time.monotonic() > end:
                raise RuntimeError("bench_noop does not listen")
            time.sleep(.02)
        return self.started(path, program.pid, lambda: values(program.stop()))

    def client(self, to, *options, timeout=300):
        done = Sent([self.tool("milter"), *options, to.address], to.pid, timeout)
        for what, said in (("messages", "msgs"), ("fields", "fields"), ("octets", "octets")):
            to.sent[what] += int(done.line[said])
        return done

    def idle(self, to, n):
        return Program(self.tool("milter"), "-i", n, to.address, wait_for="held")

    def must(self, holds, text):
        if not holds:
            self.failed.append(text)
        return "ok" if holds else "NOT MET"

    def stop(self):
        """End all filters; each must have got what it was sent."""
        wrong = []
        for f in self.filters:
            wrong += [f"{f.sent[what]} {what} were sent, the filter says {n:.0f}"
                      for what, n in f.stop().items()
                      if f.sent.get(what) and n != f.sent[what]]
        self.filters = []
        if wrong:
            raise RuntimeError("; ".join(wrong))


def median(runs, figure):
    return statistics.median(figure(r) for r in runs)


def ratio(runs, figure):
    """Ours against theirs, round by round."""
    return statistics.median(figure(a) / max(figure(b), 1e-9)
                             for a, b in zip(runs[OURS], runs[THEIRS]))


def in_turn(rounds, measure):
    """{name: [what measure(name) gave]}; nobody is always first after the other."""
    runs = {OURS: [], THEIRS: []}
    for i in range(rounds):
        for name in (OURS, THEIRS) if i % 2 == 0 else (THEIRS, OURS):
            runs[name].append(measure(name))
    return runs


# --- speed ---


def cpu(sent):
    return sent.cpu_us


def run_speed(stand, args):
    who = {OURS: stand.filterd(), THEIRS: stand.noop()}
    say("\nwithout checks; CPU us a message, and messages a second")
    say(f"  {'':40} {OURS:>15} {THEIRS:>15} {'CPU ratio':>10}")
    for idle in sorted({c.idle for c in cases.CASES}):
        wanted = [c for c in cases.CASES if c.idle == idle and not (args.only and c.name not in args.only)]
        if not wanted:
            continue
        held = [stand.idle(f, idle) for f in who.values()] if idle else []
        for f in who.values():  # memory touched, threads made
            stand.client(f, "-s", cases.SESSIONS, "-m", 500, "-D", 20)
        for case in wanted:
            speed_case(stand, args, who, case)
        for h in held:
            h.stop()


def speed_case(stand, args, who, case):
    runs = in_turn(args.rounds, lambda name: stand.client(
        who[name], "-s", cases.SESSIONS, "-m", int(case.messages * args.scale),
        "-D", case.per_connection, "-l", case.octets))
    share = ratio(runs, cpu)
    line = f"  {case.text:40}"
    for name in (OURS, THEIRS):
        line += f" {median(runs[name], cpu):7.1f} {median(runs[name], lambda s: s.line['msg_s']):7.0f}"
    say(line + f" {share:10.2f}   <= {cases.CPU} " + stand.must(
        share <= cases.CPU, f"{case.text}: CPU {share:.2f} of the no-op filter's, bound {cases.CPU}"))


# --- a check that blocks ---


def run_blocking(stand, args):
    text = f"{cases.ENDS} ends of message at one time, a check of {cases.BLOCKS_S} s"
    options = ["-b", "-s", cases.ENDS, "-m", cases.ENDS]
    f = stand.filterd(smtpd_end_of_data_restrictions=f"sleep {cases.BLOCKS_S}")
    last = []
    for _ in range(min(args.rounds, 3)):
        last.append(stand.client(f, *options).line["end_max_ms"])
        if last[-1] < cases.BLOCKS_S * 1000:
            raise RuntimeError(f"the check of {cases.BLOCKS_S} s took {last[-1]} ms")
    ms = statistics.median(last)
    theirs = stand.client(stand.noop("-e", cases.BLOCKS_S), *options).line["end_max_ms"]
    say(f"\n{text}: the last is answered after")
    say(f"  {OURS:12} {ms:8.0f} ms   <= {cases.ENDS_MS} " + stand.must(
        ms <= cases.ENDS_MS, f"{text}: {ms:.0f} ms, bound {cases.ENDS_MS}"))
    say(f"  {THEIRS:12} {theirs:8.0f} ms")


# --- behind a Postfix ---


def clients(stand):
    """{name: the beginning of a command line}; the port comes last."""
    folder = os.path.join(stand.folder, "mail")
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "message"), "w") as f:
        lines = (cases.POSTFIX_OCTETS - len(cases.POSTFIX_MESSAGE)) // 80
        f.write(cases.POSTFIX_MESSAGE + ("x" * 79 + "\n") * lines)
    source = shutil.which("smtp-source", path="/usr/sbin:/usr/bin")
    return {"send": [stand.tool("send"), "-F", folder],
            "source": [source, "-l", cases.POSTFIX_OCTETS, "-f", "sender@example.org",
                       "-t", "r0@example.net"]}


class Run:
    """One run of a client: messages a second until the last reply, CPU a message of Postfix and of
    the filter until the queue is empty."""

    def __init__(self, p, to, argv, messages):
        before, filter_before = cpu_seconds(p.process.pid), cpu_seconds(to.pid)
        began = time.monotonic()
        done = subprocess.run([str(a) for a in argv], capture_output=True, text=True, timeout=300,
                              check=False)
        self.msg_s = messages / (time.monotonic() - began)
        taken = values(done.stdout).get("ok", messages)
        if done.returncode != 0 or done.stderr or taken != messages:
            raise RuntimeError(f"{argv}: {done.stdout}{done.stderr}\n{p.log()[-2000:]}")
        to.sent["messages"] += messages
        p.wait_empty(120)
        self.cpu_us = (cpu_seconds(p.process.pid) - before) * 1e6 / messages
        self.filter_us = (cpu_seconds(to.pid) - filter_before) * 1e6 / messages


def run_postfix(stand, args):
    why = postfix.missing()
    if why:
        raise RuntimeError(why)
    who = {OURS: stand.filterd(), THEIRS: stand.noop()}
    ports = {name: free_port() for name in who}
    # In memory, so that not the disk is measured.
    folder = tempfile.mkdtemp(prefix="filterd-postfix.",
                              dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None)
    p = postfix.Postfix(
        dir=folder, main={"milter_default_action": "tempfail", "default_transport": "discard:",
                          "in_flow_delay": "0"},
        master="".join(f"127.0.0.1:{ports[name]} inet n - n - - smtpd\n"
                       f"  -o smtpd_milters={f.address}\n" for name, f in who.items()))
    try:
        with p:
            say("\nbehind a Postfix")
            say(f"  {'':38} {'':8} {'msg/s':>8} {'Postfix us':>11} {'filter us':>10}")
            for case in cases.POSTFIX:
                if args.only and case.name not in args.only:
                    continue
                postfix_case(stand, args, p, ports, who, case)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def postfix_case(stand, args, p, ports, who, case):
    def measure(name, messages=int(case.messages * args.scale)):
        return Run(p, who[name], [*clients(stand)[case.program], *case.options, "-s",
                                  cases.POSTFIX_SESSIONS, "-m", messages,
                                  f"127.0.0.1:{ports[name]}"], messages)

    for name in who:
        measure(name, 200)
    runs = in_turn(args.rounds, measure)
    for name in (OURS, THEIRS):
        say(f"  {case.text:38} {name:8} {median(runs[name], lambda r: r.msg_s):8.0f} "
            f"{median(runs[name], cpu):11.0f} {median(runs[name], lambda r: r.filter_us):10.0f}")
    fast, dear = ratio(runs, lambda r: r.msg_s), ratio(runs, cpu)
    say(f"  {'':38} {'ratio':8} {fast:8.2f} {dear:11.2f}   >= %.1f %s, <= %.1f %s" % (
        cases.POSTFIX_THROUGHPUT, stand.must(
            fast >= cases.POSTFIX_THROUGHPUT,
            f"Postfix, {case.text}: throughput {fast:.2f} of that with the no-op filter, "
            f"bound {cases.POSTFIX_THROUGHPUT}"),
        cases.POSTFIX_CPU, stand.must(
            dear <= cases.POSTFIX_CPU,
            f"Postfix, {case.text}: its CPU {dear:.2f} of that with the no-op filter, "
            f"bound {cases.POSTFIX_CPU}")))


# --- memory ---


def run_memory(stand, args):
    f = stand.filterd()
    before = settled(f.pid)
    held = stand.idle(f, cases.IDLE_CONNECTIONS)
    got = settled(f.pid)
    held.stop()
    text = f"PSS with {cases.IDLE_CONNECTIONS:,} idle connections"
    say(f"\n{text}: {got / cases.MB:.1f} MB, with none {before / cases.MB:.1f}   "
        f"<= {cases.IDLE_MEMORY // cases.MB} " + stand.must(
            got <= cases.IDLE_MEMORY, f"{text}: {got / cases.MB:.1f} MB, "
                                      f"bound {cases.IDLE_MEMORY // cases.MB}"))


def arguments():
    p = argparse.ArgumentParser(description=__doc__,
                                formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--build-dir", default=".", help="where filterd and the programs were built")
    p.add_argument("--rounds", type=int, default=5, help="at least 3 for figures that count")
    p.add_argument("--scale", type=float, default=1, help="so many times the messages")
    p.add_argument("--only", type=lambda s: s.split(","), help="cases: " + ",".join(
        c.name for c in cases.CASES + cases.POSTFIX))
    p.add_argument("--skip", type=lambda s: s.split(","), default=[], help=", ".join(PARTS))
    return p.parse_args()


def main():
    args = arguments()
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with tempfile.TemporaryDirectory(prefix="filterd-bench.") as folder:
        stand = Stand(os.path.abspath(args.build_dir), folder)
        for part in PARTS:
            if part not in args.skip:
                try:
                    globals()["run_" + part](stand, args)
                finally:
                    stand.stop()
    if stand.failed:
        say("\nThese bounds do not hold:")
        for text in stand.failed:
            say(f"  {text}")
        return 1
    say("\nAll bounds hold.")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (OSError, RuntimeError, AssertionError, subprocess.SubprocessError) as e:
        print(f"bench-milter: {e}", file=sys.stderr)
        sys.exit(2)
