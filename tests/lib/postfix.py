"""A private Postfix: own configuration, queue, data, log, ports and maildirs.

    with Postfix(content_filter="lmtp:[127.0.0.1]:10025", mailboxes=["a@example.test"]) as p:
        smtp.send(p.smtp, "x@example.test", "a@example.test", b"...")
        p.wait_empty()
        p.mails("a@example.test")

Mail comes in at p.smtp, goes through content_filter (kind:HOST:PORT, kind smtp or
lmtp) with XFORWARD, comes back at p.reinject, and is delivered to a maildir a
mailbox.  Other addresses of the domains of the mailboxes are refused at RCPT; mail
for other domains never leaves this machine.  Nothing in /etc is written; the
instance's master is stopped by its pid.  Needs root.
"""
import glob
import os
import pwd
import re
import shutil
import signal
import subprocess
import tempfile
import time

from children import dies_with_us
from ports import free_port

DAEMONS = "/usr/lib/postfix/sbin"

MAIN = """\
compatibility_level = 3.6
config_directory = {dir}/etc
queue_directory = {dir}/queue
data_directory = {dir}/data
daemon_directory = {daemons}
command_directory = /usr/sbin
mail_owner = postfix
setgid_group = postdrop
maillog_file = {dir}/mail.log
maillog_file_prefixes = {dir}

myhostname = {hostname}
mydestination =
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
alias_maps =
local_transport = error:there is no local delivery
default_transport = error:no mail leaves this machine
smtp_host_lookup = native
lmtp_host_lookup = native
virtual_transport = virtual
virtual_mailbox_domains = {domains}
virtual_mailbox_base = {dir}/mail
virtual_mailbox_maps = texthash:{dir}/etc/mailboxes
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
virtual_minimum_uid = 1
virtual_mailbox_limit = 0
message_size_limit = 0
local_header_rewrite_clients =
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_client_connection_count_limit = 0
minimal_backoff_time = 5s
maximal_backoff_time = 5s
queue_run_delay = 5s
"""

MASTER = """\
127.0.0.1:{smtp} inet n - n - - smtpd
{content_filter}
filter_lmtp unix - - n - 20 lmtp
  -o lmtp_send_xforward_command=yes
  -o disable_dns_lookups=yes
filter_smtp unix - - n - 20 smtp
  -o smtp_send_xforward_command=yes
  -o disable_dns_lookups=yes
127.0.0.1:{reinject} inet n - n - - smtpd
  -o content_filter=
  -o receive_override_options=no_unknown_recipient_checks,no_header_body_checks,no_milters
  -o smtpd_authorized_xforward_hosts=127.0.0.0/8
  -o smtpd_recipient_restrictions=permit_mynetworks,reject
pickup unix n - n 60 1 pickup
  -o content_filter=
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
proxywrite unix - - n - 1 proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
virtual unix - n n - - virtual
lmtp unix - - n - - lmtp
anvil unix - - n - 1 anvil
tlsmgr unix - - n 1000? 1 tlsmgr
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
  -o max_use=1000000000 -o max_idle=1000d
"""
# Without a postlogd that reads, master waits for room in its socket for ever: it is what would start one.


def missing():
    """Why no Postfix can be started here, or None."""
    if not os.access(DAEMONS + "/master", os.X_OK):
        return "Postfix is not installed"
    if os.geteuid() != 0:
        return "only root can start a private Postfix"
    return None


def members(group):
    """Processes of a process group; not the dead ones, which in some containers nobody buries."""
    found = []
    for stat in glob.glob("/proc/[0-9]*/stat"):
        try:
            with open(stat) as f:
                pid, rest = f.read().split(" ", 1)
        except OSError:
            continue
        state, _, of = rest.rsplit(") ", 1)[1].split()[:3]
        if int(of) == group and state != "Z":
            found.append(int(pid))
    return found


class Postfix:
    def __init__(self, content_filter=None, mailboxes=("alice@example.test", "bob@example.test"),
                 main=None, master="", smtpd="", hostname="mx.example.test", dir=None,
                 ports=(None, None), queue_manager=True, files=None, indexed=()):
        """main: further parameters (dict); smtpd: further -o lines of the listener that mail
        comes in at; master: further lines of master.cf; without a queue manager mail stays
        where cleanup puts it; files: {name: text} beside main.cf; indexed: tables to postmap,
        before anything listens (a smtpd that finds none says "configuration error" until it ends)."""
        self.mailboxes = list(mailboxes)
        self.content_filter = content_filter
        self.main, self.master, self.smtpd = dict(main or {}), master, smtpd
        self.hostname, self.queue_manager = hostname, queue_manager
        self.files, self.indexed = dict(files or {}), list(indexed)
        self.keep = dir is not None
        self.dir = dir or tempfile.mkdtemp(prefix="filterd-postfix.")
        self.smtp, self.reinject = (("127.0.0.1", free_port(p)) for p in ports)
        self.process = None

    # --- life ---

    def write(self, name, text):
        path = os.path.join(self.dir, "etc", name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as f:
            f.write(text)

    def configure(self):
        os.chmod(self.dir, 0o755)
        for sub in ("etc", "queue", "data", "mail"):
            os.makedirs(os.path.join(self.dir, sub), exist_ok=True)
        owner = pwd.getpwnam("postfix")
        nobody = pwd.getpwnam("nobody")
        os.chown(os.path.join(self.dir, "data"), owner.pw_uid, owner.pw_gid)
        os.chown(os.path.join(self.dir, "mail"), nobody.pw_uid, nobody.pw_gid)
        domains = sorted({m.split("@")[1] for m in self.mailboxes})
        main = MAIN.format(dir=self.dir, daemons=DAEMONS, hostname=self.hostname,
                           domains=", ".join(domains), uid=nobody.pw_uid, gid=nobody.pw_gid)
        # A parameter's last line counts, but Postfix warns of the first.
        lines = [line for line in main.splitlines() if line.split(" =")[0] not in self.main]
        lines += [f"{name} = {value}" for name, value in self.main.items()]
        self.write("main.cf", "\n".join(lines) + "\n")
        option = ""
        if self.content_filter:
            kind, _, where = self.content_filter.partition(":")
            option = f"  -o content_filter=filter_{kind}:{where}\n"
        services = MASTER if self.queue_manager else re.sub(r"(?m)^qmgr .*\n", "", MASTER)
        self.write("master.cf", services.format(
            smtp=self.smtp[1], reinject=self.reinject[1],
            content_filter=option + self.smtpd) .replace("\n\n", "\n") + self.master)
        for name, text in self.files.items():
            self.write(name, text)
        self.write("mailboxes", "".join(f"{m} {m}/\n" for m in self.mailboxes))

    def start(self):
        self.configure()
        self.run("postfix", "check")
        for table in self.indexed:
            self.run("postmap", table)
        self.output = open(os.path.join(self.dir, "output"), "a")
        self.process = subprocess.Popen(
            [DAEMONS + "/master", "-c", self.dir + "/etc", "-d"],
            stdin=subprocess.DEVNULL, stdout=self.output, stderr=self.output,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "MAIL_CONFIG": self.dir + "/etc"},
            start_new_session=True, preexec_fn=dies_with_us)
        # Without this, a mail that comes before the queue manager runs waits a minute.
        self.until(lambda: self.listens() and
                   (not self.queue_manager or os.path.exists(self.dir + "/queue/public/qmgr")),
                   "Postfix does not listen")
        return self

    def listens(self):
        import socket
        if self.process.poll() is not None:
            raise AssertionError(f"Postfix ended:\n{self.log()}")
        # The master opens them one after the other, those of `master` last.
        more = re.findall(r"^127\.0\.0\.1:(\d+)\s+inet\s", self.master, re.M)
        for address in (self.smtp, self.reinject, *(("127.0.0.1", int(port)) for port in more)):
            try:
                socket.create_connection(address, 5).close()
            except OSError:
                return False
        return True

    def stop(self):
        if self.process is None:
            return
        # SIGTERM makes the master end the whole process group, which is its own; but a child
        # that it was just making may miss that.
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            pass
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait(20)
        group, self.process = self.process.pid, None
        self.until(lambda: not members(group), "Postfix's processes do not end")
        self.output.close()

    def finish(self):
        self.stop()
        if not self.keep:
            shutil.rmtree(self.dir, ignore_errors=True)

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.finish()
            raise

    def __exit__(self, *_):
        self.finish()

    def run(self, command, *args):
        """A Postfix command on this instance; what it printed."""
        path = shutil.which(command, path="/usr/sbin:/usr/bin:/sbin:/bin") or command
        r = subprocess.run([path, "-c", self.dir + "/etc", *args], text=True,
                           stdin=subprocess.DEVNULL, capture_output=True)
        if r.returncode != 0:
            raise AssertionError(f"{command} {' '.join(args)}: {r.stdout}{r.stderr}")
        return r.stdout

    # --- what there is ---

    def queued(self, *queues):
        """Queue ids in these queues, by default in all but hold and corrupt."""
        ids = []
        for q in queues or ("maildrop", "incoming", "active", "deferred"):
            for _, _, names in os.walk(os.path.join(self.dir, "queue", q)):
                ids += names
        return sorted(ids)

    def wait_empty(self, timeout=30):
        """Until nothing is queued, twice in a row: a message between two queues is in neither."""
        empty = 0

        def still():
            nonlocal empty
            empty = 0 if self.queued() else empty + 1
            return empty >= 3
        self.until(still, "the queue does not become empty", timeout)

    def wait_deferred(self, timeout=30):
        """Until all that is queued is deferred, and something is."""
        self.until(lambda: self.queued("deferred") and
                   not self.queued("incoming", "active", "maildrop"), "nothing is deferred", timeout)

    def flush(self):
        self.run("postqueue", "-f")

    def until(self, true, what, timeout=30):
        end = time.monotonic() + timeout
        while not true():
            if time.monotonic() > end:
                raise AssertionError(f"{what} in {timeout} s:\n{self.log()[-4000:]}")
            time.sleep(0.05)

    def mails(self, mailbox):
        """What was delivered to a mailbox, as octets, oldest first."""
        new = os.path.join(self.dir, "mail", mailbox, "new")
        if not os.path.isdir(new):
            return []
        files = [os.path.join(new, n) for n in os.listdir(new)]
        mails = []
        for f in sorted(files, key=lambda f: (os.stat(f).st_mtime_ns, f)):
            with open(f, "rb") as m:
                mails.append(m.read())
        return mails

    def clear_mails(self):
        for m in self.mailboxes:
            shutil.rmtree(os.path.join(self.dir, "mail", m), ignore_errors=True)

    def log(self):
        text = ""
        for name in ("output", "mail.log"):
            try:
                with open(os.path.join(self.dir, name), errors="replace") as f:
                    text += f.read()
            except FileNotFoundError:
                pass
        return text
