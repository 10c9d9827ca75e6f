"""A real filterd with a configuration of its own in a temporary directory.

    f = Filterd(next_hop=hop.next_hop, header_checks="pcre:" + f.file("hc", "..."))
    f.start(); smtp.send(f.address("lmtp"), ...); f.finals(); f.finish()

Keywords are parameters; listeners defaults to one of kind lmtp and one of kind
smtp.  finish() stops it and returns what was wrong: an exit status other than 0, a
warning or error line the test did not announce with expect(), a sanitizer's report.
The log is JSON, in self.log_file.  Which filterd: FILTERD_BUILD_DIR.
"""
import glob
import json
import os
import pwd
import re
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import children
import covered
from ports import free_port

# A folder or a file that a group may write holds no plugins (conf/plugin_file.h).
os.umask(0o022)

# Said once when the first fiber is made, whatever fibers tell the sanitizer of themselves.
HARMLESS = "ASan doesn't fully support makecontext/swapcontext"


def build_dir():
    here = os.path.dirname(os.path.abspath(__file__))
    return os.environ.get("FILTERD_BUILD_DIR") or os.path.dirname(os.path.dirname(here))


def program(name):
    return os.path.join(build_dir(), "filterd", name)


def missing():
    for name in ("filterd", "filterctl"):
        if not os.access(program(name), os.X_OK):
            return f"{program(name)} is not built"
    return None


def is_sanitized():
    """Is this a build with a sanitizer of memory or threads?"""
    with open(program("filterd"), "rb") as f:
        octets = f.read()
    return b"__asan_init" in octets or b"__tsan_init" in octets


def sanitizer_env(directory):
    """Where reports go, so that those of a forked worker are found too, whoever it runs as."""
    reports = os.path.join(directory, "san")
    os.makedirs(reports, exist_ok=True)
    os.chmod(reports, 0o777)
    env = dict(os.environ)
    for name, more in (("ASAN_OPTIONS", "exitcode=99"),
                       ("UBSAN_OPTIONS", "print_stacktrace=1"),
                       ("TSAN_OPTIONS", "exitcode=99:history_size=4:suppressions=" +
                        os.path.join(os.path.dirname(os.path.abspath(__file__)), "tsan.supp")),
                       ("LSAN_OPTIONS", "")):
        env[name] = ":".join(x for x in (os.environ.get(name, ""), more,
                                         f"log_path={reports}/report") if x)
    return env


class Filterd:
    def __init__(self, listeners=None, files=None, dir=None, args=(), env=None, extra="",
                 prepare=None, **settings):
        """listeners: {name: "KIND" or "KIND, NAME = VALUE ..."} with an endpoint made here, or
        the text of the parameter.  files: {name: content} beside the configuration; {dir} in
        a setting's value is that directory.  extra: more configuration, as it is.  prepare(self)
        is called when the directory is there and nothing is started."""
        self.keep = dir is not None
        self.dir = dir or tempfile.mkdtemp(prefix="filterd-test.")
        os.chmod(self.dir, 0o755)
        self.args, self.env = list(args), dict(env or {})
        self.addresses = {}
        self.extra = extra
        self.expected = []
        self.process = None
        self.guarded = []
        self.status = None
        self.problems = []
        self.log_file = os.path.join(self.dir, "filterd.log")
        self.config = os.path.join(self.dir, "filterd.cf")
        self.log_from = 0
        for name, content in (files or {}).items():
            self.file(name, content)
        for sub in ("run", "state", "spool", "hold"):
            os.makedirs(os.path.join(self.dir, sub), exist_ok=True)
        self.settings = {
            "log_to": self.log_file, "log_format": "json",
            "service_name": "filterd.test",
            "control_socket": self.dir + "/run/control",
            "state_directory": self.dir + "/state",
            "spool_directory": self.dir + "/spool",
            "hold_directory": self.dir + "/hold",
        }
        if os.geteuid() == 0:
            self.settings["filter_user"] = "nobody"
            who = pwd.getpwnam("nobody")
            for sub in ("run", "state", "spool", "hold"):
                os.chown(os.path.join(self.dir, sub), who.pw_uid, who.pw_gid)
        if listeners is None:
            listeners = {"lmtp": "lmtp", "smtp": "smtp"}
        if isinstance(listeners, dict):
            listeners = self._listeners(listeners)
        self.settings["listeners"] = listeners
        self.settings.update(settings)
        if prepare:
            prepare(self)
        self.write_config()

    def _listeners(self, wanted):
        text = ""
        for name, what in wanted.items():
            kind, _, rest = what.partition(",")
            if kind.endswith(":unix"):
                path = os.path.join(self.dir, "run", name)
                self.addresses[name] = path
                endpoint = f"{kind}:{path}"
            else:
                port = free_port()
                self.addresses[name] = ("127.0.0.1", port)
                endpoint = f"{kind}:127.0.0.1:{port}"
            text += f"\n    {{ {endpoint}, name = {name}{', ' + rest if rest.strip() else ''} }}"
        return text

    def file(self, name, content):
        """A file beside the configuration; its path.  Replaced at one blow, as editors do."""
        path = os.path.join(self.dir, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        mode = "wb" if isinstance(content, bytes) else "w"
        with open(path + ".new", mode) as f:
            f.write(content)
        os.rename(path + ".new", path)
        return path

    def write_config(self, **changes):
        """Change settings (None: take one out) and write the file; reload() makes it count."""
        self.settings.update(changes)
        text = "".join(f"{n} = {str(v).replace('{dir}', self.dir)}\n"
                       for n, v in self.settings.items() if v is not None)
        self.file("filterd.cf", text + self.extra)
        covered.configuration(self.settings, self.dir)

    # --- life ---

    def start(self, ready=True, timeout=30):
        """ready: wait until it serves; else return at once."""
        notify = os.path.join(self.dir, "run", "notify")
        if os.path.exists(notify):
            os.unlink(notify)
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notify.bind(notify)
        os.chmod(notify, 0o777)
        self.output = open(os.path.join(self.dir, "output"), "ab")
        env = sanitizer_env(self.dir)
        env.update(self.env)
        env["NOTIFY_SOCKET"] = notify
        if os.geteuid() == 0 and not os.path.exists(self.log_file):
            # Made by us, so that a worker that is nobody and opens it anew may.
            open(self.log_file, "a").close()
        self.process = subprocess.Popen(
            [program("filterd"), "-f", "-c", self.config, *self.args],
            stdin=subprocess.DEVNULL, stdout=self.output, stderr=self.output, env=env,
            preexec_fn=children.dies_with_us)
        if ready:
            self.wait_ready(timeout)
        return self

    def wait_ready(self, timeout=30):
        end = time.monotonic() + timeout
        while True:
            if self.process.poll() is not None:
                raise AssertionError(f"filterd ended with {self.process.returncode}:\n"
                                     f"{self.said()}{self.raw_log()}")
            r, _, _ = select.select([self.notify], [], [], 0.1)
            if r and b"READY=1" in self.notify.recv(4096):
                return
            if time.monotonic() > end:
                raise AssertionError(f"filterd is not ready in {timeout} s:\n"
                                     f"{self.said()}{self.raw_log()}")

    def is_ready(self):
        """Has it said so by now?  For who must not wait; once."""
        r, _, _ = select.select([self.notify], [], [], 0)
        return bool(r) and b"READY=1" in self.notify.recv(4096)

    def kill(self, number):
        self.process.send_signal(number)

    def stop(self, number=signal.SIGTERM, timeout=60):
        """Stop it and return its exit status."""
        if self.process is None:
            return self.status
        if self.process.poll() is None:
            self.kill(number)
        try:
            self.status = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.problems.append(f"filterd did not stop in {timeout} s")
            for pid in self.workers():
                os.kill(pid, signal.SIGKILL)
            self.process.kill()
            self.status = self.process.wait(10)
        self.process = None
        self.notify.close()
        self.output.close()
        return self.status

    def command(self, *args, timeout=30):
        """filterd -c CONFIG ARGS, which returns by itself; a daemon that it leaves ends with us.  See
        children.Guarded."""
        g = children.Guarded([program("filterd"), "-c", self.config, *args], timeout,
                             sanitizer_env(self.dir))
        self.guarded.append(g)
        return g

    def processes(self):
        """Ids of all that run with this configuration, supervisors and workers."""
        found = []
        for name in glob.glob("/proc/[0-9]*/cmdline"):
            try:
                with open(name, "rb") as f:
                    args = f.read().decode(errors="replace").split("\0")
            except OSError:
                continue
            if os.path.basename(args[0]) == "filterd" and self.config in args:
                found.append(int(name.split("/")[2]))
        return found

    def end_all(self, timeout=60):
        """Daemons, and workers whose supervisor was killed: they end by themselves."""
        for g in self.guarded:
            self.problems += [f"process {pid} of a daemon had to be killed" for pid in g.close()]
        self.guarded = []
        self.problems += [f"filterd's process {pid} had to be killed"
                          for pid in children.end(self.processes(), timeout)]

    def workers(self):
        """Process ids of the supervisor's children."""
        try:
            with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children") as f:
                return [int(pid) for pid in f.read().split()]
        except (OSError, AttributeError):
            return []

    def reload(self, timeout=30, **changes):
        """Write what is changed, SIGHUP, and wait for the log to say how it went; that entry.

        What the scanners say of the file ("is not used by scanners") they say when they come to it,
        which may be during the next reload: it is not the answer.
        """
        if changes:
            self.write_config(**changes)
        seen = len(self.entries())
        self.kill(signal.SIGHUP)
        return self.wait_log(lambda e: e.get("text", "").startswith(
            (self.config + " is in use", self.config + " is not used,")), timeout, seen)

    def finish(self):
        """Stop, look it over, remove the directory; the list of what was wrong."""
        was_running = self.process is not None
        if was_running and self.stop() != 0:
            self.problems.append(f"exit status {self.status}:\n{self.said()}")
        self.end_all()
        for e in self.entries():
            if e.get("level") in ("warn", "warning", "error", "fatal") and not self._announced(e):
                self.problems.append(f"unexpected log line: {json.dumps(e)}")
        self.problems += self.sanitizer_reports()
        if not self.keep:
            self.remove()
        return self.problems

    def remove(self):
        shutil.rmtree(self.dir, ignore_errors=True)

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.finish()
            raise

    def __exit__(self, kind, *_):
        problems = self.finish()
        if kind is None:
            assert not problems, "\n".join(problems)

    # --- what it says ---

    def address(self, name="lmtp"):
        return self.addresses[name]

    def endpoint(self, name):
        a = self.addresses[name]
        return f"unix:{a}" if isinstance(a, str) else f"[{a[0]}]:{a[1]}"

    def expect(self, pattern):
        """Announce a warning or error line, by a regular expression on its text."""
        self.expected.append(re.compile(pattern))
        return self

    def _announced(self, entry):
        return any(p.search(entry.get("text", "")) for p in self.expected)

    def raw_log(self):
        try:
            with open(self.log_file, errors="surrogateescape") as f:
                return f.read()
        except FileNotFoundError:
            return ""

    def said(self):
        with open(os.path.join(self.dir, "output"), errors="replace") as f:
            return f.read()

    def entries(self, event=None, **fields):
        """Log lines so far, as dicts; only those of an event, with fields of these values."""
        out = []
        for line in self.raw_log().splitlines(keepends=True):
            if not line.endswith("\n"):
                break           # being written
            try:
                e = json.loads(line)
            except ValueError:
                e = {"level": "error", "text": f"not JSON: {line!r}"}
            if event is not None and e.get("event") != event:
                continue
            if all(e.get(k) == v for k, v in fields.items()):
                out.append(e)
        return out

    def finals(self, **fields):
        """The final line of each recipient."""
        return self.entries("message", **fields)

    def wait_log(self, true, timeout=15, skip=0):
        """The first entry, from entry number skip on, for which true(entry) holds."""
        end = time.monotonic() + timeout
        while True:
            for e in self.entries()[skip:]:
                if true(e):
                    return e
            if time.monotonic() > end:
                raise AssertionError(f"not logged in {timeout} s; the log:\n{self.raw_log()[-4000:]}")
            time.sleep(0.02)

    def wait_finals(self, n, timeout=15, **fields):
        end = time.monotonic() + timeout
        while len(self.finals(**fields)) < n:
            if time.monotonic() > end:
                raise AssertionError(f"{len(self.finals(**fields))} of {n} final lines in "
                                     f"{timeout} s:\n{self.raw_log()[-4000:]}")
            time.sleep(0.02)
        return self.finals(**fields)

    def sanitizer_reports(self):
        reports = []
        for name in sorted(glob.glob(self.dir + "/san/report.*")):
            with open(name, errors="replace") as f:
                lines = [line for line in f if HARMLESS not in line]
            if lines:
                reports.append(f"{name}:\n{''.join(lines)}")
        said = self.said() if os.path.exists(os.path.join(self.dir, "output")) else ""
        if "runtime error:" in said or "Sanitizer:" in said:
            reports.append(said)
        return reports

    def ctl(self, *args, input=None, status=0):
        """filterctl on this configuration: what it printed; status None: any exit status is
        fine and (status, output, errors) is returned."""
        r = subprocess.run([program("filterctl"), "-c", self.config, *args], input=input,
                           capture_output=True, text=True, env=sanitizer_env(self.dir))
        if status is None:
            return r.returncode, r.stdout, r.stderr
        if r.returncode != status:
            raise AssertionError(f"filterctl {' '.join(args)}: {r.returncode}\n{r.stdout}{r.stderr}")
        return r.stdout


def check(text, files=None, args=("-n",)):
    """filterd -n on a configuration; (status, what it said)."""
    with tempfile.TemporaryDirectory(prefix="filterd-test.") as d:
        for name, content in (files or {}).items():
            os.makedirs(os.path.dirname(os.path.join(d, name)), exist_ok=True)
            with open(os.path.join(d, name), "wb" if isinstance(content, bytes) else "w") as f:
                f.write(content)
        config = os.path.join(d, "filterd.cf")
        with open(config, "w") as f:
            f.write(text.replace("{dir}", d))
        r = subprocess.run([program("filterd"), *args, "-c", config], capture_output=True,
                           text=True, env=sanitizer_env(d))
        return r.returncode, r.stdout + r.stderr
