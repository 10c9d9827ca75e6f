"""The second half of contrib/quickstart: see there.

    quickstart.py BUILD-DIRECTORY [--once | --send FILE...]
"""
import base64
import email
import json
import os
import signal
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "tests", "lib"))

import eicar  # noqa: E402
import filterd_proc  # noqa: E402
import postfix  # noqa: E402
import smtp  # noqa: E402
from ports import free_port  # noqa: E402

MAILBOXES = [name + "@example.test" for name in ("alice", "bob", "carol", "spamlover", "sender")]

HEADER_CHECKS = """\
# What the samples run into; see header_checks(5).  TAG is filterd's.
/^Subject:.*winner/		REJECT no prizes here
/^Subject:.*newsletter/		TAG
/^X-Attachment:.*\\.exe/		HOLD a program is attached
/^Subject:.*unread mail/	DISCARD
/^Subject: Complaint/		REDIRECT carol@example.test
"""
BODY_CHECKS = """\
/cheapest watches/		REJECT we have watches
"""

PHRASES = """\
/drawn\\s+in\\s+our\\s+lottery/i	REJECT 5.7.1 no lotteries
"""

# What each wants of one message; whoever is not here takes everything but viruses.
PER_USER = """\
alice@example.test		spamhater
spamlover@example.test		spamlover
"""
CONTENT_RULES = {
    "smtpd_restriction_classes": "spamhater, spamlover",
    "spamhater": "check_text pcre:{dir}/phrases",
    "spamlover": "score_if_reject 1 check_text pcre:{dir}/phrases, tag_if_score 1, permit",
    "content_restrictions": "check_recipient_access texthash:{dir}/per_user",
}
# Who sees to it himself what a virus is: his are held, everybody else's refused.
VIRUS_RULES = {
    "plugins": "clamav", "plugin_directory": "{dir}/plugins", "clamav_database": "{dir}/signatures",
    "spamlover": "hold_virus, " + CONTENT_RULES["spamlover"],
    "content_restrictions": CONTENT_RULES["content_restrictions"] + ", reject_virus",
}

# The two listeners differ in what a refusal becomes behind the queue.
LISTENERS = ("reject", "hold")


class Running:
    """Addresses and paths of what runs; kept in a file, so that --send finds them."""

    def __init__(self, smtp_ports, log, maildirs, hold):
        self.smtp_ports, self.log, self.maildirs, self.hold = smtp_ports, log, maildirs, hold

    @classmethod
    def load(cls, path):
        with open(path) as f:
            return cls(**json.load(f))

    def save(self, path):
        with open(path, "w") as f:
            json.dump(vars(self), f)

    def finals(self, message_id):
        found = []
        with open(self.log) as f:
            for line in f:
                e = json.loads(line) if line.endswith("\n") else {}
                if e.get("event") == "message" and message_id in e.get("message_id", ""):
                    found.append(e)
        return found

    def mail_with(self, mailbox, *texts):
        """Is there a mail in this mailbox that has these texts in it?"""
        new = os.path.join(self.maildirs, mailbox, "new")
        for name in os.listdir(new) if os.path.isdir(new) else ():
            with open(os.path.join(new, name), "rb") as f:
                mail = f.read()
            if all(text.encode() in mail for text in texts):
                return True
        return False

    def held_with(self, text):
        """The id of a held message that has this text in it, or None."""
        for folder, _, names in os.walk(self.hold):
            for name in names if folder != self.hold else ():   # beside them is the index
                try:
                    with open(os.path.join(folder, name), "rb") as f:
                        if text.encode() in f.read():
                            return name.split(".")[0]
                except FileNotFoundError:
                    pass            # renamed between the two looks
        return None


def parse_sample(path):
    """(sender, recipients, message): MAIL and RCPT lines, an empty line, the message.  @EICAR@ stands for the test
    file of virus scanners, in base64, so that none takes a sample for infected."""
    with open(path, newline="") as f:
        envelope, _, message = f.read().replace("\r\n", "\n").partition("\n\n")
    sender, recipients = "", []
    for line in envelope.splitlines():
        verb, _, address = line.partition(":")
        address = address.strip().strip("<>")
        if verb.upper() == "MAIL FROM":
            sender = address
        elif verb.upper() == "RCPT TO":
            recipients.append(address)
        else:
            sys.exit(f"quickstart: {path}: expected MAIL FROM: or RCPT TO:, found {line!r}")
    if not recipients:
        sys.exit(f"quickstart: {path}: there is no RCPT TO: line")
    return sender, recipients, message.replace("@EICAR@", base64.b64encode(eicar.EICAR).decode())


def stamp(message, listener, serial=[0]):
    """The message with a message id that tells the copies apart; and that id."""
    serial[0] += 1
    head, empty, body = message.partition("\n\n")
    old = email.message_from_string(head)["Message-Id"] or "<mail@quickstart.test>"
    new = old.strip().strip("<>").replace("@", f".{listener}.{os.getpid()}.{serial[0]}@")
    lines = [x for x in head.split("\n") if not x.lower().startswith("message-id:")]
    lines.append(f"Message-Id: <{new}>")
    return ("\n".join(lines) + empty + body).replace("\n", "\r\n").encode(), new


def wait(true, seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if true():
            return True
        time.sleep(0.05)
    return False


def where(running, entry, sender, message_id):
    """Where this recipient's copy is, looked up there and not believed from the log."""
    fate = entry["fate"]
    if fate == "deliver":
        to = entry.get("redirect") or entry["recipient"]
        there = wait(lambda: running.mail_with(to, message_id), 15)
        if there and "tag" in entry["effects"].split():
            if not running.mail_with(to, message_id, "\nX-Spam-Flag: YES\n"):
                return "LOST: the tag"
            return f"maildir of {to}, tagged"
        return f"maildir of {to}" if there else "LOST: in no maildir"
    if fate == "hold":
        if running.mail_with(entry["recipient"], message_id):
            return "DELIVERED, though held"
        held = running.held_with(message_id)
        return f"hold store, {held}" if held else "LOST: not in the hold store"
    if fate == "reject":
        there = wait(lambda: running.mail_with(sender, message_id), 15)
        return f"bounced to {sender}" if there else "LOST: refused, and no bounce"
    if fate == "defer":
        return "deferred in Postfix's queue"
    if fate == "discard":
        kept = running.mail_with(entry["recipient"], message_id)
        return "DELIVERED, though discarded" if kept else "nowhere"
    return fate


def verdict(entry):
    """The verdict, and what else the rules asked for."""
    words = [w.split("=")[0] for w in entry["effects"].split()]
    return " + ".join([entry["verdict"]] + [w for w in words if w != entry["verdict"]])


def send(running, path, listener):
    """A sample through one listener; rows of the table."""
    sender, recipients, message = parse_sample(path)
    octets, message_id = stamp(message, listener)
    name = os.path.basename(path).removesuffix(".eml")
    m, rs, ends = smtp.send(("127.0.0.1", running.smtp_ports[listener]), sender, recipients, octets)
    if not ends or ends[0].code != 250:
        bad = ends or [r for r in rs if r.code != 250] or [m]
        return [(name, listener, ", ".join(recipients), "refused by Postfix", "", str(bad[0]))]
    if not wait(lambda: len(running.finals(message_id)) >= len(recipients), 30):
        return [(name, listener, ", ".join(recipients), "?", "", "filterd has not seen it yet")]
    return [(name, listener, e["recipient"], verdict(e), e["rule"] or "-",
             where(running, e, sender, message_id)) for e in running.finals(message_id)]


def print_table(rows, prefix):
    head = ("MESSAGE", "LISTENER", "RECIPIENT", "VERDICT", "RULE", "WHERE IT ENDED")
    rows = [head] + [tuple(c.replace(prefix, "") if i == 4 else c for i, c in enumerate(r))
                     for r in rows]
    widths = [max(len(r[i]) for r in rows) for i in range(len(head))]
    for r in rows:
        print("  ".join(c.ljust(w) for c, w in zip(r, widths)).rstrip())


def samples(with_virus):
    folder = os.path.join(HERE, "samples")
    return [os.path.join(folder, n) for n in sorted(os.listdir(folder))
            if n.endswith(".eml") and (with_virus or "virus" not in n)]


def virus_files():
    """The plugin and a database of one signature; none if the plugin is not built."""
    try:
        with open(os.path.join(filterd_proc.build_dir(), "plugins", "clamav.so"), "rb") as f:
            plugin = f.read()
    except FileNotFoundError:
        return {}
    return {"plugins/clamav.so": plugin, "signatures/quickstart.ndb": eicar.signatures()}


def scanning(f):
    """Are there scanners with a database?"""
    scanners = json.loads(f.ctl("status", "--json"))["scanners"]
    return bool(scanners["processes"]) and all(p["loaded"] for p in scanners["plugins"])


def run(build, once):
    os.environ["FILTERD_BUILD_DIR"] = build
    for why in (filterd_proc.missing(), postfix.missing()):
        if why:
            sys.exit(f"quickstart: {why}")
    folder = tempfile.mkdtemp(prefix="filterd-quickstart.")
    state = os.path.join(build, "quickstart.json")
    ports = {n: free_port(p) for n, p in zip(LISTENERS, (10025, 10027))}
    second = free_port()
    viruses = virus_files()
    p = postfix.Postfix(
        content_filter=f"lmtp:[127.0.0.1]:{ports['reject']}", mailboxes=MAILBOXES,
        ports=(None, 10026), master=f"127.0.0.1:{second} inet n - n - - smtpd\n"
        f"  -o content_filter=filter_lmtp:[127.0.0.1]:{ports['hold']}\n")
    f = filterd_proc.Filterd(
        dir=folder, files={"header_checks": HEADER_CHECKS, "body_checks": BODY_CHECKS, "phrases": PHRASES,
                           "per_user": PER_USER, **viruses},
        listeners="".join(
            f"\n    {{ lmtp:127.0.0.1:{ports[n]}, name = {n}, after_queue_reject = {n} }}"
            for n in LISTENERS),
        next_hop=f"smtp:[127.0.0.1]:{p.reinject[1]}",
        header_checks="regexp:{dir}/header_checks", body_checks="regexp:{dir}/body_checks",
        **CONTENT_RULES | (VIRUS_RULES if viruses else {}))
    running = Running(smtp_ports={"reject": p.smtp[1], "hold": second}, log=f.log_file,
                      maildirs=p.dir + "/mail", hold=folder + "/hold")
    problems = []
    try:
        p.start()
        f.start()
        if viruses and not wait(lambda: scanning(f), 60):
            sys.exit("quickstart: the virus scanner does not come up:\n" + f.raw_log())
        running.save(state)
        rows = [row for path in samples(bool(viruses)) for n in LISTENERS for row in send(running, path, n)]
        print_table(rows, folder + "/")
        lost = [r for r in rows if "LOST" in r[5] or "DELIVERED" in r[5] or r[3] in ("?", "refused by Postfix")]
        if not viruses:
            print("\nNo sample with a virus: this filterd is built without ClamAV.")
        problems += [" ".join(r) for r in lost]
        if not once:
            explain(f, p, running)
            while True:
                signal.pause()
    except KeyboardInterrupt:
        print()
    finally:
        if os.path.exists(state):
            os.unlink(state)
        p.finish()
        problems += f.finish()
        f.remove()
    if problems:
        sys.exit("quickstart: not as it should be:\n" + "\n".join(problems))


def explain(f, p, running):
    print(f"""
A refusal behind the queue is a bounce (listener reject) unless after_queue_reject
says otherwise (listener hold).  All this runs until Ctrl-C:

  send more       contrib/quickstart --send FILE...   (FILE as in contrib/samples/)
                  or SMTP to 127.0.0.1:{running.smtp_ports['hold']} (hold), {running.smtp_ports['reject']} (reject)
                  for {', '.join(m.split('@')[0] for m in MAILBOXES)} @example.test
  rules           {f.dir}/header_checks, body_checks, phrases, per_user (edit them; no reload is needed)
  configuration   {f.config}
  what is held    {filterd_proc.program('filterctl')} -c {f.config} hold list
  its state       {filterd_proc.program('filterctl')} -c {f.config} status
  logs            {f.log_file}
                  {p.dir}/mail.log
  maildirs        {p.dir}/mail
""", flush=True)


def send_more(build, files):
    state = os.path.join(build, "quickstart.json")
    if not os.path.exists(state):
        # Configured in place, the programs are beside the source.
        state = os.path.join(os.path.dirname(build), "quickstart.json")
    if not os.path.exists(state):
        sys.exit("quickstart: none is running")
    running = Running.load(state)
    print_table([row for path in files for n in LISTENERS for row in send(running, path, n)],
                os.path.dirname(running.log) + "/")


def main():
    # Ended by whatever signal, what was started is stopped.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(1))
    build, *args = sys.argv[1:]
    if args[:1] == ["--send"]:
        send_more(build, args[1:])
    else:
        run(build, args == ["--once"])


main()
