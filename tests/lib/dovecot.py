"""A private Dovecot that takes mail by LMTP and keeps it in maildirs.

    with Dovecot(users=["alice@example.test"]) as d:
        d.next_hop                              # as filterd's next_hop has it
        d.mails("alice@example.test")

An unknown user is refused at RCPT, as Dovecot does.  Nothing in /etc is read or
written; the instance's master is stopped by its pid.  Needs root.
"""
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time

from children import dies_with_us
from ports import free_port

CONFIG = """\
base_dir = {dir}/run
state_dir = {dir}/state
log_path = {dir}/dovecot.log
protocols = lmtp
listen = 127.0.0.1
ssl = no
default_internal_user = dovecot
default_internal_group = dovecot
default_login_user = dovenull
first_valid_uid = 1
hostname = store.example.test
postmaster_address = postmaster@example.test
mail_location = maildir:{dir}/mail/%u
recipient_delimiter = +
quota_full_tempfail = no
service anvil {{
  chroot =
}}
service lmtp {{
  inet_listener lmtp {{
    address = 127.0.0.1
    port = {port}
  }}
  unix_listener lmtp {{
    mode = 0666
  }}
}}
service stats {{
  unix_listener stats-writer {{
    mode = 0666
  }}
}}
passdb {{
  driver = passwd-file
  args = {dir}/users
}}
userdb {{
  driver = passwd-file
  args = {dir}/users
}}
protocol lmtp {{
  auth_username_format = %Lu
}}
{more}
"""


def missing():
    """Why no Dovecot can be started here, or None."""
    if shutil.which("dovecot", path="/usr/sbin:/usr/bin") is None:
        return "Dovecot is not installed"
    if not os.path.exists("/usr/lib/dovecot/lmtp"):
        return "Dovecot's LMTP server is not installed"
    if os.geteuid() != 0:
        return "only root can start a private Dovecot"
    return None


class Dovecot:
    def __init__(self, users=("alice@example.test", "bob@example.test"), more=""):
        self.users = list(users)
        self.more = more
        self.dir = tempfile.mkdtemp(prefix="filterd-dovecot.")
        self.port = free_port()
        self.process = None

    @property
    def address(self):
        return ("127.0.0.1", self.port)

    @property
    def next_hop(self):
        return f"lmtp:[127.0.0.1]:{self.port}"

    @property
    def socket(self):
        return self.dir + "/run/lmtp"

    def start(self):
        os.chmod(self.dir, 0o755)
        nobody = pwd.getpwnam("nobody")
        for sub in ("run", "state", "mail"):
            os.makedirs(os.path.join(self.dir, sub), exist_ok=True)
        os.chown(self.dir + "/mail", nobody.pw_uid, nobody.pw_gid)
        with open(self.dir + "/users", "w") as f:
            for u in self.users:
                f.write(f"{u}:{{PLAIN}}x:{nobody.pw_uid}:{nobody.pw_gid}::{self.dir}/mail/{u}::\n")
        with open(self.dir + "/dovecot.conf", "w") as f:
            f.write(CONFIG.format(dir=self.dir, port=self.port, more=self.more))
        self.output = open(self.dir + "/output", "a")
        self.process = subprocess.Popen(
            [shutil.which("dovecot", path="/usr/sbin:/usr/bin"), "-F", "-c", self.dir + "/dovecot.conf"],
            stdin=subprocess.DEVNULL, stdout=self.output, stderr=self.output, preexec_fn=dies_with_us,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"})
        end = time.monotonic() + 30
        while not self.listens():
            if self.process.poll() is not None or time.monotonic() > end:
                raise AssertionError(f"Dovecot does not listen:\n{self.log()}")
            time.sleep(0.05)
        return self

    def listens(self):
        import smtp
        try:
            with smtp.Client(self.address, timeout=5, lmtp=True) as c:
                return c.greeting.code == 220
        except (OSError, smtp.Closed):
            return False

    def finish(self):
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(20)
            self.process = None
            self.output.close()
        shutil.rmtree(self.dir, ignore_errors=True)

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.finish()
            raise

    def __exit__(self, *_):
        self.finish()

    def mails(self, user, folder=""):
        """What was delivered, as octets with LF, oldest first."""
        new = os.path.join(self.dir, "mail", user, folder, "new")
        if not os.path.isdir(new):
            return []
        names = sorted((os.path.join(new, n) for n in os.listdir(new)),
                       key=lambda n: (os.stat(n).st_mtime_ns, n))
        mails = []
        for n in names:
            with open(n, "rb") as f:
                mails.append(f.read())
        return mails

    def log(self):
        text = ""
        for name in ("output", "dovecot.log"):
            try:
                with open(os.path.join(self.dir, name), errors="replace") as f:
                    text += f.read()
            except FileNotFoundError:
                pass
        return text
