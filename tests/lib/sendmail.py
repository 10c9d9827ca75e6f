"""A private Sendmail: own configuration, queue, port and log; what it delivers goes to a next hop
of the test.

    with NextHop() as hop, Sendmail(hop, milters=[m.sendmail]) as s:
        smtp.send(s.smtp, "x@example.test", "a@example.test", b"...")
        hop.wait(1)

Debian's sendmail-bin cannot be installed beside postfix.  contrib/install-deps test unpacks it where
FILTERD_SENDMAIL, by default ROOT, says; from there come program and m4 files.

Mail for any address is taken and handed to the next hop by SMTP, unless the parameter `refuse`
names it; no DNS is asked.  Nothing in /etc is written; the daemon is stopped by its pid.
"""
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

from children import dies_with_us
from ports import free_port

ROOT = "/var/cache/filterd-tests/sendmail"

CONFIG = """\
divert(-1)
define(`_CF_DIR_', `{cf}/')
divert(0)dnl
include(`{cf}/m4/cf.m4')dnl
OSTYPE(`linux')dnl
define(`confDOMAIN_NAME', `{hostname}')dnl
define(`confPID_FILE', `{dir}/pid')dnl
define(`QUEUE_DIR', `{dir}/queue')dnl
define(`STATUS_FILE', `{dir}/statistics')dnl
define(`HELP_FILE', `{dir}/helpfile')dnl
define(`confCW_FILE', `-o {dir}/none')dnl
define(`ALIAS_FILE', `')dnl
define(`confSERVICE_SWITCH_FILE', `{dir}/switch')dnl
define(`confDONT_PROBE_INTERFACES', `True')dnl
define(`confDONT_BLAME_SENDMAIL', `TrustStickyBit')dnl
define(`confDEF_USER_ID', ``{uid}:{gid}'')dnl
define(`confTO_IDENT', `0')dnl
define(`confTO_QUEUEWARN', `')dnl
define(`confPRIVACY_FLAGS', `{privacy}')dnl
define(`confREFUSE_LA', `1000')dnl
define(`confQUEUE_LA', `1000')dnl
define(`confDELAY_LA', `0')dnl
define(`confDELIVERY_MODE', `background')dnl
define(`confLOG_LEVEL', `{log_level}')dnl
define(`confBAD_RCPT_THROTTLE', `0')dnl
define(`confMAX_HEADERS_LENGTH', `2097152')dnl
define(`confMAX_MIME_HEADER_LENGTH', `0/0')dnl
define(`SMTP_MAILER_FLAGS', `8k')dnl
FEATURE(`no_default_msa')dnl
FEATURE(`nocanonify')dnl
FEATURE(`promiscuous_relay')dnl
FEATURE(`accept_unresolvable_domains')dnl
FEATURE(`accept_unqualified_senders')dnl
DAEMON_OPTIONS(`Port={port}, Addr=127.0.0.1, Name=MTA')dnl
{milters}{more}MAILER_DEFINITIONS
Msink,	P=[IPC], F=mDFMuXa8k, S=EnvFromSMTP/HdrFromSMTP, R=EnvToSMTP, E=\\r\\n, L=2040,
	T=DNS/RFC822/SMTP, A=TCP [127.0.0.1] {sink}
LOCAL_RULE_0
R$* <@ $+ > $*	$#sink $@ [127.0.0.1] $: $1 <@ $2 > $3
R$+	$#sink $@ [127.0.0.1] $: $1 <@ {hostname}>
LOCAL_RULESETS
SLocal_check_rcpt
{refuse}"""

# Before it reads its configuration it wants to know the machine's full name, and sleeps for a
# minute when that has none.  Its log goes to /dev/log, Cyrus SASL's configuration is where
# the library was told at its build: all these are ours, for this process alone.
ALONE = """\
set -e
dir=$1 name=$2; shift 2
hostname "$name"
mount --bind "$dir/hosts" /etc/hosts
mount --bind "$dir/resolv.conf" "$(readlink -f /etc/resolv.conf)"
[ ! -d "$dir/sasl" ] || mount --bind "$dir/sasl" /usr/lib/sasl2
for d in null zero random urandom; do
	: >"$dir/dev/$d"
	mount --bind "/dev/$d" "$dir/dev/$d"
done
mount --rbind "$dir/dev" /dev
exec "$@"
"""


def root():
    return os.environ.get("FILTERD_SENDMAIL", ROOT)


def program():
    return root() + "/usr/libexec/sendmail/sendmail"


def missing():
    """Why no Sendmail can be started here, or None."""
    if not os.access(program(), os.X_OK):
        return f"no Sendmail is unpacked in {root()} (contrib/install-deps test does it)"
    if shutil.which("m4") is None:
        return "m4 is not installed"
    if os.geteuid() != 0:
        return "only root can start a private Sendmail"
    return None


class Sendmail:
    def __init__(self, hop, milters=(), hostname="mx.example.test", refuse=(), more="",
                 privacy="noexpn,novrfy", flag="T", sasl="", log_level=14):
        """milters: "inet:PORT@HOST" or "unix:PATH"; more: m4 lines; refuse: recipients unknown to
        Sendmail itself; flag: what it does when a filter fails (T: temporary failure);
        sasl: Cyrus SASL's Sendmail.conf."""
        self.hop, self.milters, self.hostname = hop, list(milters), hostname
        self.refuse, self.more, self.privacy, self.flag = list(refuse), more, privacy, flag
        self.sasl, self.log_level = sasl, log_level
        self.dir = tempfile.mkdtemp(prefix="filterd-sendmail.")
        self.smtp = ("127.0.0.1", free_port())
        self.process = None

    # --- life ---

    def configure(self):
        os.chmod(self.dir, 0o755)
        for sub in ["queue", "dev"] + (["sasl"] if self.sasl else []):
            os.makedirs(f"{self.dir}/{sub}", mode=0o700 if sub == "queue" else 0o755, exist_ok=True)
        if self.sasl:
            with open(self.dir + "/sasl/Sendmail.conf", "w") as f:
                f.write(self.sasl)
        for name, text in (("switch", "passwd files\nhosts files\naliases files\n"),
                           ("hosts", f"127.0.0.1 localhost\n127.0.0.254 {self.hostname}\n"),
                           ("resolv.conf", "nameserver 127.0.0.1\n"), ("statistics", "")):
            with open(f"{self.dir}/{name}", "w") as f:
                f.write(text)
        shutil.copy(root() + "/etc/mail/helpfile", self.dir + "/helpfile")
        milters = "".join(
            f"INPUT_MAIL_FILTER(`filter{i}', `S={m}, F={self.flag}, T=C:30s;S:60s;R:60s;E:300s')dnl\n"
            for i, m in enumerate(self.milters))
        refuse = "".join(f"R<{a}>	$#error $@ 5.1.1 $: \"550 User unknown\"\n"
                         f"R{a}	$#error $@ 5.1.1 $: \"550 User unknown\"\n" for a in self.refuse)
        text = CONFIG.format(
            cf=root() + "/usr/share/sendmail/cf", dir=self.dir, hostname=self.hostname,
            uid=65534, gid=65534, privacy=self.privacy, log_level=self.log_level,
            port=self.smtp[1], sink=self.hop.port, milters=milters,
            more=self.more.replace("{dir}", self.dir), refuse=refuse)
        with open(self.dir + "/sendmail.mc", "w") as f:
            f.write(text)
        cf = subprocess.run(["m4", self.dir + "/sendmail.mc"], capture_output=True, text=True)
        if cf.returncode != 0:         # it warns of promiscuous_relay
            raise AssertionError(f"m4: {cf.stderr}")
        with open(self.dir + "/sendmail.cf", "w") as f:
            f.write(cf.stdout)
        os.chmod(self.dir + "/sendmail.cf", 0o644)

    def start(self):
        self.configure()
        self.output = open(self.dir + "/output", "ab")
        self.syslog = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.syslog.bind(self.dir + "/dev/log")
        threading.Thread(target=self._keep_log, args=(self.syslog,), daemon=True).start()
        self.process = subprocess.Popen(
            ["unshare", "--mount", "--uts", "sh", "-c", ALONE, "sh", self.dir, self.hostname, program(),
             "-C", self.dir + "/sendmail.cf", "-bD", "-q5s", "-X", self.dir + "/traffic"],
            stdin=subprocess.DEVNULL, stdout=self.output, stderr=self.output,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
            start_new_session=True, preexec_fn=dies_with_us)
        self.until(self.listens, "Sendmail does not listen")
        return self

    def _keep_log(self, syslog):
        with open(self.dir + "/mail.log", "ab") as f:
            while True:
                try:
                    line = syslog.recv(65536)
                except OSError:
                    return
                if not line:
                    return
                f.write(re.sub(rb"^<\d+>", b"", line).rstrip(b"\0\n") + b"\n")
                f.flush()

    def listens(self):
        if self.process.poll() is not None:
            raise AssertionError(f"Sendmail ended:\n{self.log()}")
        try:
            socket.create_connection(self.smtp, 5).close()
        except OSError:
            return False
        return True

    def stop(self):
        if self.process is None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            pass
        # Its children, one a connection, are of its process group and may outlive it.
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait(20)
        self.process = None
        self.output.close()
        self.syslog.shutdown(socket.SHUT_RDWR)
        self.syslog.close()

    def finish(self):
        self.stop()
        shutil.rmtree(self.dir, ignore_errors=True)

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.finish()
            raise

    def __exit__(self, *_):
        self.finish()

    # --- what there is ---

    def run(self, *args, input=None):
        """sendmail ARGS with this configuration, beside the daemon; what it printed."""
        r = subprocess.run(["nsenter", "--target", str(self.process.pid), "--mount", "--uts", "--root", program(),
                            "-C", self.dir + "/sendmail.cf", *args],
                           input=input, capture_output=True, text=True, timeout=50,
                           env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"})
        return r.stdout + r.stderr

    def queued(self):
        """Queue ids waiting; not those in quarantine."""
        return sorted(n[2:] for n in os.listdir(self.dir + "/queue") if n.startswith("qf"))

    def quarantined(self):
        """{queue id: reason} of what is in quarantine."""
        found = {}
        for name in os.listdir(self.dir + "/queue"):
            if name.startswith("hf"):
                with open(f"{self.dir}/queue/{name}", errors="surrogateescape") as f:
                    reason = re.search(r"(?m)^q(.*)$", f.read())
                found[name[2:]] = reason.group(1) if reason else ""
        return found

    def until(self, true, what, timeout=30):
        end = time.monotonic() + timeout
        while not true():
            if time.monotonic() > end:
                raise AssertionError(f"{what} in {timeout} s:\n{self.log()[-4000:]}")
            time.sleep(0.05)

    def log(self):
        """What it printed and logged, and what went over its connections."""
        text = ""
        for name in ("output", "traffic", "mail.log"):
            try:
                with open(os.path.join(self.dir, name), errors="replace") as f:
                    text += f.read()
            except FileNotFoundError:
                pass
        return text
