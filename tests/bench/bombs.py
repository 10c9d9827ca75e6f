#!/usr/bin/env python3
"""What messages that are made to cost much cost each check, in an optimised build.

    make bench-bombs [BENCH_ARGS="--rounds 5 --only parts"]

Each message of tests/lib/bombs.py goes to a recipient of each rule of tests/lib/evasions.py, over LMTP.  ms: CPU of the
worker and the scanners, less that for a recipient without a rule; the least of the rounds.  MB: the most that the worker
took, less the same.  Bounds: 50 ms and 20 MB.  Exit status: 0 they hold, 1 not.
"""
import argparse
import glob
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import bombs  # noqa: E402
import evasions  # noqa: E402
import scanning  # noqa: E402
from filterd_proc import Filterd  # noqa: E402
from nexthop import NextHop  # noqa: E402

MS, MB = 50, 20


def status(pid, name):
    with open(f"/proc/{pid}/status") as f:
        return int([line.split()[1] for line in f if line.startswith(name + ":")][0])


def cpu_ms(pids):
    total = 0
    for path in [p for pid in pids for p in glob.glob(f"/proc/{pid}/task/*/schedstat")]:
        with open(path) as f:
            total += int(f.read().split()[0])
    return total / 1e6


def measure(f, name, octets, rule, number):
    """(ms, KB) of one message."""
    (pid,) = [p for p in f.workers() if scanning.comm(p) == "filterd-worker"]
    with open(f"/proc/{pid}/clear_refs", "w") as refs:
        refs.write("5")
    pids = [p for p in f.processes() if scanning.comm(p) in ("filterd-worker", "filterd-scanner")]
    before, began, sender = status(pid, "VmRSS"), cpu_ms(pids), f"{name}-{rule}-{number}@sender.example"
    evasions.caught(f, octets, [rule], sender)
    f.wait_finals(1, 60, sender=sender)
    return cpu_ms(pids) - began, status(pid, "VmHWM") - before


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="", help="messages with this in their name")
    args = parser.parse_args()
    rules = ["none", *evasions.RULES]
    failed = []
    print(f"{'ms / MB':22}" + "".join(f"{rule:>14}" for rule in rules))
    with NextHop() as hop, Filterd(**evasions.settings(hop, "yes")) as f:
        evasions.wait_loaded(f)
        for name, octets, _ in bombs.bombs():
            if args.only not in name:
                continue
            got = {}
            for rule in rules:
                rows = [measure(f, name, octets, rule, n) for n in range(args.rounds)]
                got[rule] = [min(column) for column in zip(*rows)]
            line = ""
            for rule in rules:
                ms, kb = (got[rule][i] - (got["none"][i] if rule != "none" else 0) for i in (0, 1))
                bad = rule != "none" and (ms > MS or kb > MB << 10)
                line += f"{ms:7.0f} /{kb / 1024:4.1f}{'!' if bad else ' '}"
                if bad:
                    failed.append(f"{name}, {rule}: {ms:.0f} ms, {kb >> 10} MB")
            print(f"{name:22}{line}", flush=True)
    print("\n".join(failed) or "all bounds hold")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
