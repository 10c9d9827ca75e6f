#!/usr/bin/env python3
"""Measure virus scanning, with a database of 100,000 signatures, and say which bound does not hold.

    make bench-clamav [BENCH_ARGS="--rounds 5 --only 4k --skip throughput"]

cost        CPU a message, of the whole process tree, with the CPUs busy: filterd with the plugin less filterd with a
            rule of another kind, against cl_scanmap_callback() in a loop over the same messages.  A clamd driven by
            INSTREAM for comparison.
throughput  messages a second: filterd with the plugin, over SMTP against clamsmtp and clamd, over the milter protocol
            against clamav-milter and clamd, as many scanners here as threads there.
memory      private memory of the scanner processes after 1,000 scans; what filterd takes while it loads its
            database anew, against the size of an engine.

Contenders take turns within a round; figures are medians of the rounds, differences and ratios are taken round by
round.  Nobody remembers clean files, for the messages come again.  Needs ClamAV's programs (contrib/install-deps
test).  Exit status: 0 all bounds hold, 1 not, 2 it could not be measured.
"""
import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time

import clamav_cases as cases
from measure import Program, Sent, memory, settled, tree, values, wait_for_port

import clam  # measure.py made tests/lib known
from children import dies_with_us
from filterd_proc import Filterd
from ports import free_port

PARTS = ("cost", "throughput", "memory")


def say(text=""):
    print(text, flush=True)


class Raw:
    """The bare library; asked by lines."""

    def __init__(self, stand):
        self.process, self.engine = {}, 0
        for size in cases.SIZES:
            p = subprocess.Popen([stand.tool("clamav"), "-d", stand.database, "-F", stand.messages[size.name]],
                                 stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, preexec_fn=dies_with_us)
            said = values(p.stdout.readline())
            if said.get("signatures") != cases.SIGNATURES:
                raise RuntimeError(f"the bare library has loaded {said}")
            self.engine = said["engine_kb"] * 1024
            self.process[size.name] = p

    def scan(self, size, n):
        p = self.process[size.name]
        p.stdin.write(f"{n}\n")
        p.stdin.flush()
        return values(p.stdout.readline())

    def stop(self):
        for p in self.process.values():
            p.stdin.close()
            p.wait(30)


class Daemon:
    """A program that is told by a file what to do, and listens on a port or a path."""

    def __init__(self, argv, conf, text, port=None, path=None):
        with open(conf, "w") as f:
            f.write(text)
        self.process = subprocess.Popen([*argv, conf], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL, preexec_fn=dies_with_us)
        if port:
            wait_for_port(port, 30)
        end = time.monotonic() + 30
        while path and not os.path.exists(path):
            if time.monotonic() > end or self.process.poll() is not None:
                raise RuntimeError(f"{argv[0]} does not listen")
            time.sleep(.05)

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(10)


class Stand:
    """Everything that runs while contenders are measured."""

    def __init__(self, args, folder):
        self.build, self.folder, self.args = os.path.abspath(args.build_dir), folder, args
        os.environ["FILTERD_BUILD_DIR"] = self.build
        os.chmod(folder, 0o755)
        self.failed, self.running = [], []
        self.database = folder + "/db"
        cases.write_database(self.database)
        self.messages = {}
        for size in cases.SIZES:
            self.messages[size.name] = f"{folder}/{size.name}"
            cases.write_messages(self.messages[size.name], size.octets)

    def tool(self, name):
        return os.path.join(self.build, "tests", "bench", f"bench_{name}")

    def keep(self, what, stop):
        self.running.append(stop)
        return what

    def sink(self):
        port = free_port()
        s = Program(self.tool("sink"), port)
        self.keep(s, s.stop)
        wait_for_port(port)
        return port

    def filterd(self, listeners, scans=True, **settings):
        if scans:
            with open(os.path.join(self.build, "plugins", "clamav.so"), "rb") as f:
                settings.update(files={"plugins/clamav.so": f.read()}, plugins="clamav",
                                plugin_directory="{dir}/plugins", clamav_database=self.database,
                                clamav_disable_cache="yes", content_restrictions="reject_virus")
        f = Filterd(listeners=listeners, log_format="text", **settings)
        self.keep(f, lambda: (f.stop(), f.remove()))
        f.start(timeout=300)
        if scans:
            until(lambda: loaded(f), "filterd's scanners do not come up")
        return f

    def clamd(self, **more):
        c = clam.Clamd(self.database, DisableCache="yes", TCPSocket=None, TCPAddr=None, **more)
        return self.keep(c, c.finish).start(300)

    def must(self, holds, text):
        if not holds:
            self.failed.append(text)
        return "ok" if holds else "NOT MET"

    def stop(self):
        while self.running:
            self.running.pop()()


def until(true, why, seconds=300):
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            raise RuntimeError(why)
        time.sleep(.1)


def scanners(f):
    return json.loads(f.ctl("status", "--json"))["scanners"]


def loaded(f):
    s = scanners(f)
    return bool(s["processes"]) and all(p["loaded"] for p in s["plugins"])


def in_turn(rounds, measures):
    """{name: [what measures[name]() gave]}; nobody is always first."""
    runs = {name: [] for name in measures}
    names = list(measures)
    for i in range(rounds):
        for name in names if i % 2 == 0 else reversed(names):
            runs[name].append(measures[name]())
    return runs


def median(numbers):
    return statistics.median(numbers)


# --- cost ---


def cpu_us(root):
    """User and system time of the tree so far, finer than in ticks, which say too little of many processes that do
    little each.  What has ended is not in it: nothing ends while it is measured."""
    total = 0
    for pid in tree(root):
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/schedstat") as f:
                total += int(f.read().split()[0])
    return total / 1000


def cost(pid, n, work):
    """CPU a message of the tree while n of them are worked on."""
    before = cpu_us(pid)
    work()
    return (cpu_us(pid) - before) / n


def sender(stand, f, size, n, sessions=1, timeout=300):
    """Bring messages to a filterd, or what else speaks SMTP; all must be taken."""
    address, pid = f
    return Sent([stand.tool("send"), "-s", sessions, "-m", n, "-D", 50, "-F", stand.messages[size.name], address], pid,
                timeout)


def address(f, name):
    return "127.0.0.1:%d" % f.address(name)[1]


def run_cost(stand, args):
    hop = f"smtp:[127.0.0.1]:{stand.sink()}"
    with_it = stand.filterd({"smtp": "smtp"}, next_hop=hop)
    without = stand.filterd({"smtp": "smtp"}, scans=False, next_hop=hop,
                            content_restrictions="check_recipient_access inline:{nobody@example.org=OK}")
    both = {f: (address(f, "smtp"), f.process.pid) for f in (with_it, without)}
    raw = Raw(stand)
    stand.keep(raw, raw.stop)
    clamd = stand.clamd()

    def instream(size, n):
        subprocess.run([stand.tool("clamav"), "-c", "unix:" + clamd.unix, "-s", str(cases.SESSIONS),
                        "-m", str(n), "-F", stand.messages[size.name]], check=True, stdout=subprocess.DEVNULL,
                       timeout=300)

    say("\nCPU us a message")
    say(f"  {'':34} {'raw call':>9} {'plugin':>9} {'difference':>11} {'':8} {'clamd':>9}")
    for size in chosen(args):
        n = int(size.messages * args.scale)
        runs = in_turn(args.rounds + 1, {
            "raw": lambda: raw.scan(size, n)["cpu_us"],
            "with": lambda: cost(with_it.process.pid, n, lambda: sender(stand, both[with_it], size, n, cases.SESSIONS)),
            "without": lambda: cost(without.process.pid, n,
                                    lambda: sender(stand, both[without], size, n, cases.SESSIONS)),
            "clamd": lambda: cost(clamd.process.pid, n, lambda: instream(size, n))})
        runs = {name: v[1:] for name, v in runs.items()}       # the first warms up
        plugin = [a - b for a, b in zip(runs["with"], runs["without"])]
        over = median([a - b for a, b in zip(plugin, runs["raw"])])
        say(f"  {size.text:34} {median(runs['raw']):9.0f} {median(plugin):9.0f} {over:11.0f}   <= {size.over_raw} " +
            stand.must(over <= size.over_raw, f"{size.text}: the plugin takes {over:.0f} us more than the bare library "
                                              f"call, bound {size.over_raw}") + f" {median(runs['clamd']):9.0f}")


# --- throughput ---


def run_throughput(stand, args):
    why = clam.missing("clamd", "clamsmtpd", "clamav-milter")
    if why:
        raise RuntimeError(why)
    sink = stand.sink()
    f = stand.filterd({"smtp": "smtp", "milter": "milter:unix, socket_mode = 0666"},
                      next_hop=f"smtp:[127.0.0.1]:{sink}", scanner_processes=cases.SESSIONS)
    clamd = stand.clamd(MaxThreads=cases.SESSIONS)
    port, path = free_port(), stand.folder + "/milter"
    smtp = Daemon([clam.program("clamsmtpd"), "-d", "1", "-f"], stand.folder + "/clamsmtpd.conf",
                  f"OutAddress: 127.0.0.1:{sink}\nListen: 127.0.0.1:{port}\nClamAddress: {clamd.unix}\n"
                  f"TempDirectory: {stand.folder}\nHeader:\n", port=port)
    stand.keep(smtp, smtp.stop)
    milter = Daemon([clam.program("clamav-milter"), "-c"], stand.folder + "/clamav-milter.conf",
                    f"MilterSocket unix:{path}\nMilterSocketMode 666\nClamdSocket unix:{clamd.unix}\nForeground yes\n"
                    f"TemporaryDirectory {stand.folder}\nOnInfected Reject\nOnFail Defer\n", path=path)
    stand.keep(milter, milter.stop)

    def by_smtp(to, pid, size, n):
        return sender(stand, (to, pid), size, n, cases.SESSIONS).line["msg_s"]

    def by_milter(to, pid, size, n):
        return Sent([stand.tool("milter"), "-s", cases.SESSIONS, "-m", n, "-D", 50, "-F", stand.messages[size.name],
                     "unix:" + to], pid).line["msg_s"]

    say(f"\nmessages a second, {cases.SESSIONS} at one time")
    say(f"  {'':34} {'filterd':>9} {'other':>9} {'ratio':>7}")
    pairs = [("clamsmtp and clamd", by_smtp, address(f, "smtp"), f"127.0.0.1:{port}", smtp),
             ("clamav-milter and clamd", by_milter, f.address("milter"), path, milter)]
    for size in chosen(args):
        n = int(size.messages * args.scale)
        for name, measure, ours, theirs, other in pairs:
            runs = in_turn(args.rounds + 1, {"ours": lambda: measure(ours, f.process.pid, size, n),
                                             "theirs": lambda: measure(theirs, other.process.pid, size, n)})
            runs = {who: v[1:] for who, v in runs.items()}
            ratio = median([a / b for a, b in zip(runs["ours"], runs["theirs"])])
            text = f"{size.name}, {name}"
            say(f"  {text:34} {median(runs['ours']):9.0f} {median(runs['theirs']):9.0f} {ratio:7.2f}   >= "
                f"{cases.THROUGHPUT} " + stand.must(ratio >= cases.THROUGHPUT,
                                                    f"{text}: {ratio:.2f} of its throughput, bound {cases.THROUGHPUT}"))


# --- memory ---


def run_memory(stand, args):
    f = stand.filterd({"smtp": "smtp"}, next_hop=f"smtp:[127.0.0.1]:{stand.sink()}")
    pids = [p["pid"] for p in scanners(f)["processes"]]
    size = cases.SIZES[-1]
    sender(stand, (address(f, "smtp"), f.process.pid), size, cases.SCANS * len(pids), len(pids), 1800)
    held = {p["pid"]: memory(p["pid"])["Private"] for p in scanners(f)["processes"]}
    if sorted(held) != sorted(pids):
        raise RuntimeError("scanners were replaced while they worked")
    most = max(held.values())
    say(f"\nprivate memory of {len(pids)} scanners after {cases.SCANS} scans each: {most / cases.MB:.1f} MB at most   "
        f"<= {cases.SCANNER_PRIVATE // cases.MB} " + stand.must(
            most <= cases.SCANNER_PRIVATE, f"a scanner's private memory: {most / cases.MB:.1f} MB, "
                                           f"bound {cases.SCANNER_PRIVATE // cases.MB}"))
    reload_peak(stand, f)


def reload_peak(stand, f):
    raw = Raw(stand)
    engine = raw.engine
    raw.stop()
    before, generation = settled(f.process.pid), scanners(f)["generation"]
    peak, done = [before], threading.Event()

    def watch():
        while not done.is_set():
            peak.append(memory(f.process.pid).get("Pss", 0))
            time.sleep(.02)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        with open(stand.database + "/more.hdb", "w") as more:
            more.write(cases.hashed(cases.random.Random(2), "more") + "\n")
        until(lambda: scanners(f)["generation"] > generation and loaded(f), "the database was not loaded anew")
        time.sleep(2)
    finally:
        done.set()
        watcher.join()
        os.unlink(stand.database + "/more.hdb")
    engines = (max(peak) - before) / engine
    say(f"an engine {engine / cases.MB:.0f} MB; filterd {before / cases.MB:.0f} MB, while it loads anew "
        f"{max(peak) / cases.MB:.0f}: {engines:.2f} engines more   <= {cases.RELOAD_ENGINES} " + stand.must(
            engines <= cases.RELOAD_ENGINES,
            f"a reload takes {engines:.2f} engines more, bound {cases.RELOAD_ENGINES}"))


def chosen(args):
    return [s for s in cases.SIZES if not args.only or s.name in args.only]


def arguments():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--build-dir", default=".", help="where filterd and the programs were built")
    p.add_argument("--rounds", type=int, default=7, help="at least 3 for figures that count")
    p.add_argument("--scale", type=float, default=1, help="so many times the messages")
    p.add_argument("--only", type=lambda s: s.split(","), help="sizes: " + ",".join(s.name for s in cases.SIZES))
    p.add_argument("--skip", type=lambda s: s.split(","), default=[], help=", ".join(PARTS))
    return p.parse_args()


def main():
    args = arguments()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with tempfile.TemporaryDirectory(prefix="filterd-bench.") as folder:
        stand = Stand(args, folder)
        if not os.path.exists(os.path.join(stand.build, "plugins", "clamav.so")):
            raise RuntimeError("the ClamAV plugin is not built")
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
        print(f"clamav.py: {e}", file=sys.stderr)
        sys.exit(2)
