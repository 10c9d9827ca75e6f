"""Children that do not outlive us, however we end.

A process of ours gets dies_with_us.  What may turn itself into a daemon, which nobody's death
reaches, is started as Guarded.  Everything is marked by an environment variable, so that left_over()
can tell at the end of a test run that nothing was forgotten.
"""
import ctypes
import glob
import json
import os
import signal
import subprocess
import sys
import time

_libc = ctypes.CDLL(None)
PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
MARK = "FILTERD_TEST_RUN"


def dies_with_us():
    """For subprocess.Popen(preexec_fn=...)."""
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def alive(pid):
    """Not the dead ones, which in some containers nobody buries."""
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rsplit(") ", 1)[1][0] not in "ZX"
    except OSError:
        return False


def end(pids, seconds):
    """SIGTERM, and SIGKILL for those that are there after so many seconds; these."""
    killed = []
    for number, until in ((signal.SIGTERM, seconds), (signal.SIGKILL, 10)):
        for pid in pids:
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass
        over = time.monotonic() + until
        while any(map(alive, pids)) and time.monotonic() < over:
            time.sleep(0.02)
        pids = [pid for pid in pids if alive(pid)]
        if number == signal.SIGTERM:
            killed = pids
    return killed


class Guarded:
    """A command that may leave a daemon behind: returncode, stdout and stderr as of
    subprocess.run().  close(), or our end by whatever cause, ends what it has left; close()
    returns the process ids of those that only SIGKILL has ended."""

    def __init__(self, argv, timeout=30, env=None):
        self.guard = subprocess.Popen(
            [sys.executable, "-B", os.path.abspath(__file__), str(timeout), *argv], env=env,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            self.returncode, self.stdout, self.stderr = json.loads(self.guard.stdout.readline())
        except BaseException:
            self.close()
            raise
        if self.returncode is None:
            self.close()
            raise AssertionError(f"{' '.join(argv)} does not return in {timeout} s")

    def close(self):
        if self.guard is None:
            return []
        self.guard.stdin.close()
        with self.guard.stdout as f:
            killed = json.loads(f.readline() or "[]")
        self.guard.wait()
        self.guard = None
        return killed

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def _children():
    with open(f"/proc/self/task/{os.getpid()}/children") as f:
        return [int(pid) for pid in f.read().split()]


def _bury():
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def _guard(timeout, argv):
    """The other side of Guarded.  The end of stdin says that it is time to go: a signal that was
    meant for the whole process group must not keep us from our work."""
    _libc.prctl(PR_SET_CHILD_SUBREAPER, 1)
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)      # unlike SIG_IGN not inherited
    try:
        r = subprocess.run(argv, capture_output=True, text=True, errors="replace",
                           stdin=subprocess.DEVNULL, timeout=float(timeout))
        said = [r.returncode, r.stdout, r.stderr]
    except subprocess.TimeoutExpired:
        said = [None, "", ""]
    killed = []
    try:
        print(json.dumps(said), flush=True)
        sys.stdin.read()
    finally:
        _bury()
        while pids := _children():                  # a dead one's children become ours
            killed += end(pids, 20)
            _bury()
        print(json.dumps(killed), flush=True)


def start_marking():
    """From here on all that we start is ours for left_over()."""
    os.environ[MARK] = f"{os.getpid()}.{time.time_ns()}"


def _environment(pid):
    try:
        with open(f"/proc/{pid}/environ", "rb") as f:
            return dict(x.split(b"=", 1) for x in f.read().split(b"\0") if b"=" in x)
    except OSError:
        return {}           # gone, or another user's


def marked():
    """{process id: what it is and which test started it} of what was started since
    start_marking() and runs."""
    found = {}
    mark = os.environ[MARK].encode()
    for folder in glob.glob("/proc/[0-9]*"):
        pid = int(os.path.basename(folder))
        env = _environment(pid)
        if env.get(MARK.encode()) != mark or pid == os.getpid() or not alive(pid):
            continue
        try:
            with open(folder + "/cmdline", "rb") as f:
                args = f.read().replace(b"\0", b" ").decode(errors="replace").strip()
        except OSError:
            continue
        test = env.get(b"PYTEST_CURRENT_TEST", b"no test").decode(errors="replace")
        found[pid] = f"process {pid} ({args}) of {test}"
    return found


def left_over(seconds):
    """What of marked() is still there after so many seconds; it is ended."""
    over = time.monotonic() + seconds
    while (found := marked()) and time.monotonic() < over:
        time.sleep(0.05)
    end(list(found), 20)
    return list(found.values())


if __name__ == "__main__":
    _guard(sys.argv[1], sys.argv[2:])
