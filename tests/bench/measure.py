"""Processes that are measured: CPU and memory of a whole tree, and the benchmark's programs."""
import os
import subprocess
import sys
import time

TICK = os.sysconf("SC_CLK_TCK")

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from children import dies_with_us  # noqa: E402


def stat_of(pid):
    """Fields of /proc/PID/stat behind the name, or None when it is gone."""
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rsplit(") ", 1)[1].split()
    except (OSError, IndexError):
        return None


def tree(root):
    """root and all its descendants."""
    children = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            fields = stat_of(name)
            if fields:
                children.setdefault(int(fields[1]), []).append(int(name))
    found, at = [root], 0
    while at < len(found):
        found += children.get(found[at], [])
        at += 1
    return found


def cpu_seconds(root):
    """User and system time of the tree, with that of children it has waited for."""
    total = 0
    for pid in tree(root):
        fields = stat_of(pid)
        if fields:
            total += sum(int(fields[i]) for i in (11, 12, 13, 14))
    return total / TICK


def memory(root):
    """{field: octets} of smaps_rollup, summed over the tree; "Private" is clean and dirty."""
    total = {}
    for pid in tree(root):
        try:
            with open(f"/proc/{pid}/smaps_rollup") as f:
                lines = f.read().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            name, value = line.split()[:2]
            total[name[:-1]] = total.get(name[:-1], 0) + int(value) * 1024
    total["Private"] = total.get("Private_Clean", 0) + total.get("Private_Dirty", 0)
    return total


def settled(pid):
    """PSS once it has stopped moving."""
    last = memory(pid)["Pss"]
    for _ in range(20):
        time.sleep(.25)
        now = memory(pid)["Pss"]
        if abs(now - last) < 64 * 1024:
            return now
        last = now
    return last


class Program:
    """A server of the benchmark that runs until it is stopped."""

    def __init__(self, *argv, wait_for=None):
        self.process = subprocess.Popen([str(a) for a in argv], stdout=subprocess.PIPE, text=True,
                                        preexec_fn=dies_with_us)
        self.said = ""
        if wait_for:
            self.said = self.process.stdout.readline()
            if not self.said.startswith(wait_for):
                raise RuntimeError(f"{argv[0]} said {self.said!r}, not {wait_for!r}")

    @property
    def pid(self):
        return self.process.pid

    def stop(self):
        """What it printed."""
        self.process.terminate()
        return self.said + self.process.communicate(timeout=30)[0]


def wait_for_port(port, timeout=10):
    """Until somebody listens there; nothing connects for this, it would be counted."""
    wanted = f"0100007F:{port:04X}"
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        with open("/proc/net/tcp") as f:
            if any(line.split()[1] == wanted and line.split()[3] == "0A"
                   for line in f.read().splitlines()[1:]):
                return
        time.sleep(.02)
    raise RuntimeError(f"nobody listens on port {port}")


def values(line):
    """"a=1 b=2.5" as a dictionary."""
    return {k: float(v) for k, v in (w.split("=", 1) for w in line.split() if "=" in w)}


class Sent:
    """One run of a sender through a contender: what it printed, and what the contender used."""

    def __init__(self, argv, pid, timeout=300):
        before = cpu_seconds(pid)
        done = subprocess.run([str(a) for a in argv], capture_output=True, text=True,
                              timeout=timeout, check=False)
        self.cpu = cpu_seconds(pid) - before
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(map(str, argv))}: exit status {done.returncode}: "
                               f"{done.stdout}{done.stderr}")
        self.line = values(done.stdout)
        if self.line["ok"] != self.line["msgs"]:
            raise RuntimeError(f"{' '.join(map(str, argv))}: not all was taken: {done.stdout}")
        self.cpu_us = self.cpu * 1e6 / self.line["msgs"]
