"""The configurations that README.md and filterd(8) show, word for word but for ports and folders, with a real Postfix."""
import os
import re
import subprocess
import tempfile

import pytest

import dovecot as dovecot_lib
import filterd_proc
import postfix as postfix_lib
import sendmail as sendmail_lib
import smtp
from conftest import cannot
from ports import free_port

TOP = os.path.join(os.path.dirname(__file__), "..", "..")
USERS = ["alice@example.test", "bob@example.test"]
MESSAGE = b"From: s@example.net\r\nSubject: %s\r\nMessage-Id: <m@example.net>\r\n\r\nbody\r\n"
CLIENT = {"NAME": "mx.example.net", "ADDR": "192.0.2.7", "PORT": "4000", "PROTO": "ESMTP", "HELO": "helo.example.net"}


def warnings(p):
    """On a busy machine Postfix warns of its clock."""
    return [line for line in p.log().splitlines() if "warning" in line and "file system clock" not in line]


def section(title):
    """The indented blocks of a section of README.md, together."""
    with open(os.path.join(TOP, "README.md")) as f:
        text = f.read()
    [found] = re.findall(rf"^### {re.escape(title)}\n(.*?)(?=^##)", text, re.M | re.S)
    return re.findall(r"(?:^    .*\n|^\n)+", found, re.M)


def blocks(title):
    return [re.sub(r"^    ", "", b, flags=re.M).strip("\n") + "\n" for b in section(title) if b.strip()]


def parted(block):
    """{file: lines} of a block in which '# FILE' stands above each."""
    out = {}
    for part in re.split(r"^# ", block, flags=re.M)[1:]:
        head, _, lines = part.partition("\n")
        out[os.path.basename(head.split(";")[0].strip())] = lines
    return out


def lmtp_texts():
    ours, main, master = blocks("LMTP (recommended)")[:3]
    return {"filterd.cf": ours, "main.cf": main, "master.cf": master}


def smtp_texts():
    texts = parted(blocks("SMTP")[0])
    lmtp = lmtp_texts()
    texts["master.cf"] += lmtp["master.cf"][lmtp["master.cf"].index("127.0.0.1:10026"):]      # "as above"
    texts["filterd.cf"] = lmtp["filterd.cf"].replace("listeners = { lmtp:127.0.0.1:10025 }\n", "") + texts["filterd.cf"]
    return texts


def manual_texts():
    with open(os.path.join(TOP, "filterd", "filterd.8.in")) as f:
        ours, postfix = re.findall(r"^\.Bd -literal -offset indent\n(.*?)^\.Ed", f.read().split(".Sh WIRING")[1], re.M | re.S)[:2]
    return dict(parted(postfix), **{"filterd.cf": ours})


def settings(text):
    """NAME = VALUE lines, as keyword arguments."""
    return dict(re.match(r"(\w+)\s*=\s*(.*)", line).groups() for line in text.splitlines() if line.strip())


def start(filterd, postfix, texts, **more):
    there, back = free_port(), free_port()

    def change(text):
        return text.replace("10025", str(there)).replace("10026", str(back))
    mine = settings(change(texts["filterd.cf"]))
    mine.update(more)
    p = postfix(mailboxes=USERS, main=settings(change(texts["main.cf"])), master=change(texts["master.cf"]),
                smtpd="  -o smtpd_authorized_xforward_hosts=127.0.0.0/8\n")
    f = filterd(files={"hc": "/^Subject: bad/ REJECT\n"}, header_checks="pcre:{dir}/hc", **mine)
    return f, p


def bring(p, subject):
    with smtp.Client(p.smtp) as c:
        c.hello()
        c.xforward(**CLIENT)
        data = c.transaction("s@example.net", USERS, MESSAGE % subject)[2]
        assert [r.code for r in data] == [250]
    p.wait_empty()


@pytest.mark.parametrize("texts", [lmtp_texts, smtp_texts, manual_texts])
def test_as_shown(filterd, postfix, texts):
    """A message comes through once; the client is known in every log; what is refused is held, and nothing bounces."""
    f, p = start(filterd, postfix, texts())
    assert f.settings["after_queue_reject"] == "hold"
    bring(p, b"hi")
    bring(p, b"bad")
    for user in USERS:
        [mail] = p.mails(user)
        assert b"Subject: hi\n" in mail and mail.count(b"\nReceived: ") <= 3
    finals = f.wait_finals(4)
    assert [e["fate"] for e in finals] == ["deliver"] * 2 + ["hold"] * 2
    for e in finals:
        assert (e["client"], e["helo"]) == ("mx.example.net[192.0.2.7]", "helo.example.net") and e["queue_id"]
    assert "no_xforward                   0 " in f.ctl("status")
    # behind filterd too
    [first] = {e["queue_id"] for e in finals[:2]}
    assert f", orig_queue_id={first}, orig_client=mx.example.net[192.0.2.7]\n" in p.log(), p.log()
    assert "bounced" not in p.log() and not warnings(p), p.log()
    assert len(f.ctl("hold", "list").splitlines()) == 1


def test_unix_socket_in_the_chroot(filterd, postfix):
    """What the paragraph about chroot says, with the transport inside of it."""
    texts = lmtp_texts()
    with open(os.path.join(TOP, "README.md")) as f:
        listeners, main = re.search(r"with `(listeners = [^`]*)` Postfix\s+says `([^`]*)`", f.read()).groups()
    texts["main.cf"] = main + "\n"
    texts["master.cf"] = re.sub(r"^(filterd +unix +- +- +)n", r"\1y", texts["master.cf"], flags=re.M)
    assert "  y  " in texts["master.cf"]
    # The queue folder must be there, and be Postfix's, before filterd makes one in it.
    made = postfix_lib.Postfix(mailboxes=USERS)
    try:
        made.configure()
        made.run("postfix", "check")
        socket = listeners.replace("/var/spool/postfix", made.dir + "/queue").split(" = ", 1)[1]
        back = free_port()
        f = filterd(listeners=socket, next_hop=f"smtp:[127.0.0.1]:{back}")
        f.expect("next hop .* refused")     # Postfix comes later
        made.main = settings(main)
        made.master = texts["master.cf"].replace("10026", str(back))
        made.start()
        bring(made, b"hi")
        assert [len(made.mails(u)) for u in USERS] == [1, 1]
        assert [e["fate"] for e in f.wait_finals(2)] == ["deliver"] * 2
    finally:
        made.finish()


def test_chain(filterd, postfix):
    """Postfix -> filterd -> Dovecot."""
    if dovecot_lib.missing():
        cannot(dovecot_lib.missing())
    texts = parted(blocks("LMTP chain: Postfix, filterd, then Dovecot or Cyrus")[0])
    # Tests have no user filter; their worker is nobody.
    d = dovecot_lib.Dovecot(users=USERS, more=texts["10-master.conf"].replace("group = filter", "group = nogroup"))
    try:
        d.start()
        texts["filterd.cf"] = texts["filterd.cf"].replace("/run/dovecot/lmtp", d.socket)
        f, p = start(filterd, postfix, texts)
        bring(p, b"hi")
        assert [len(d.mails(u)) for u in USERS] == [1, 1]
        assert [e["client"] for e in f.wait_finals(2)] == ["mx.example.net[192.0.2.7]"] * 2
    finally:
        d.finish()


def test_try_it(tmp_path):
    """filterd(8)'s example for an ordinary user is a configuration without errors."""
    with open(os.path.join(TOP, "filterd", "filterd.8.in")) as f:
        text = f.read().split("Try something as an ordinary user")[1]
    [config] = re.findall(r"try\.cf <<END\n(.*?)^END$", text, re.M | re.S)
    [rule] = re.findall(r"^\$ echo '(.*)' > rules$", text, re.M)
    status, said = filterd_proc.check(config.replace("/tmp/try", "{dir}"), files={"rules": rule + "\n"})
    assert (status, said) == (0, "")


# --- "Coming from Postfix" ---

# What an administrator may have: classes, tables of several types, an old name, limits, things filterd has no use for.
OLD = {
    "mynetworks": "127.0.0.0/8", "smtpd_authorized_xclient_hosts": "127.0.0.0/8", "smtpd_helo_required": "yes",
    "smtpd_client_connection_count_limit": "30", "smtpd_hard_error_limit": "15", "smtpd_error_sleep_time": "0",
    "smtpd_tls_security_level": "none", "transport_retry_time": "60s",
    "smtpd_restriction_classes": "careful, easy", "careful": "reject_non_fqdn_helo_hostname, check_sender_access hash:{dir}/senders",
    "easy": "permit",
    "smtpd_client_restrictions": "check_client_access texthash:{dir}/clients",
    "smtpd_helo_restrictions": "permit_mynetworks, reject_invalid_hostname",
    "smtpd_sender_restrictions": "reject_non_fqdn_sender",
    "smtpd_relay_restrictions": "permit_mynetworks, permit_sasl_authenticated, reject_unauth_destination",
    "smtpd_recipient_restrictions": "permit_mynetworks, check_recipient_access texthash:{dir}/users, reject_unlisted_recipient",
}
TABLES = {"clients": "bad.example 554 5.7.8 not you\n192.0.2.9 REJECT\n", "senders": "bulk.example 450 4.7.9 later\n",
          "users": "alice@example.test careful\nbob@example.test easy\n"}
# client's address and name, HELO, sender, recipient
SESSIONS = [
    ("192.0.2.1", "good.example", "good.example", "a@good.example", "alice@example.test"),
    ("192.0.2.1", "mx.bad.example", "good.example", "a@good.example", "bob@example.test"),
    ("192.0.2.9", "good.example", "good.example", "a@good.example", "alice@example.test"),
    ("192.0.2.1", "good.example", "bad!host.example", "a@good.example", "alice@example.test"),
    ("192.0.2.1", "good.example", "good.example", "a@local", "alice@example.test"),
    ("192.0.2.1", "good.example", "host", "a@good.example", "alice@example.test"),
    ("192.0.2.1", "good.example", "host", "a@good.example", "bob@example.test"),
    ("192.0.2.1", "good.example", "good.example", "a@bulk.example", "alice@example.test"),
    ("192.0.2.1", "good.example", "good.example", "a@bulk.example", "bob@example.test"),
    ("192.0.2.1", "good.example", "good.example", "a@good.example", "c@elsewhere.example"),
    ("127.0.0.1", "localhost", "good.example", "a@good.example", "alice@example.test"),
    ("192.0.2.1", "good.example", "good.example", "a@good.example", "nobody@example.test"),
]
COMING = "Coming from Postfix"


def coming():
    """The blocks of the section itself: the copy, the configuration, what is tried."""
    with open(os.path.join(TOP, "README.md")) as f:
        text = f.read().split(f"## {COMING}\n")[1].split("\n### ")[0]
    return [re.sub("^    ", "", b, flags=re.M) for b in re.findall(r"(?:^    .*\n)+", text, re.M)]


def answers(p):
    """What the client of each session hears at RCPT."""
    said = []
    for addr, name, helo, sender, recipient in SESSIONS:
        with smtp.Client(p.smtp) as c:
            assert c.cmd(f"XCLIENT ADDR={addr} NAME={name}").code == 220
            c.hello(helo)
            c.mail(sender)
            r = c.rcpt(recipient)
            said.append(re.sub(r"^(\d+) \S+ .*", r"\1", str(r)) if r.code == 250 else str(r))
    return said


def paste(line, where, p, status=0):
    """A line of README.md in a shell, with paths of a test."""
    line = line.replace("postconf ", f"postconf -c {p.dir}/etc ").replace("/etc/filterd", where)
    line = line.replace("filterctl ", f"{filterd_proc.program('filterctl')} -c {where}/filterd.cf ")
    r = subprocess.run(["sh", "-ec", line], capture_output=True, text=True)
    assert r.returncode == status, line + r.stdout + r.stderr
    return r.stdout + r.stderr


@pytest.fixture
def old(postfix, tmp_path_factory):
    """A Postfix as it was, and a folder with its tables and the copy of its configuration."""
    where = str(tmp_path_factory.mktemp("old"))
    d = where
    while d.startswith(tempfile.gettempdir() + "/"):
        os.chmod(d, 0o755)
        d = os.path.dirname(d)
    for name, text in TABLES.items():
        with open(os.path.join(where, name), "w") as f:
            f.write(text)
    p = postfix(mailboxes=USERS, main={k: v.replace("{dir}", where) for k, v in OLD.items()},
                indexed=[f"hash:{where}/senders"])
    paste(coming()[0], where, p)
    return p, where


def start_with_copy(filterd, where, **settings):
    """With the copy, as `include` of the README has it."""
    with open(os.path.join(where, "postfix.cf")) as f:
        copy = f.read()
    f = filterd(prepare=lambda f: f.file("postfix.cf", copy), extra="include postfix.cf\n", smtpd_reject_footer="",
                resolver="127.0.0.1:9", **settings)
    f.expect("an old name of")


def test_copy_and_look(old):
    p, where = old
    with open(where + "/postfix.cf") as f:
        copy = f.read()
    assert "careful = reject_non_fqdn_helo_hostname" in copy and "smtpd_hard_error_limit" not in copy and "count_limit" not in copy
    _, config, commands = coming()
    with open(where + "/filterd.cf", "w") as f:
        f.write(config)
    check, shown, explain = commands.splitlines()
    said = paste(check, where, p)
    assert re.search(r"warning: .*/postfix.cf:\d+: smtpd_helo_restrictions: reject_invalid_hostname is an old name of", said)
    assert "note: " in said and "transport_retry_time: Postfix's parameter" in said and "errors: 0," in said
    assert paste(shown, where, p) == ("smtpd_recipient_restrictions = permit_mynetworks, "
                                      f"check_recipient_access texthash:{where}/users, reject_unlisted_recipient\n")
    # The README's recipient is none of this Postfix's.
    assert "RCPT <you@example.com>: 554 5.7.1 <you@example.com>: Relay access denied" in paste(explain, where, p, 1)
    said = paste(explain.replace("you@example.com", "alice@example.test").replace("--helo mail.example.net", "--helo host"), where, p, 1)
    assert "RCPT <alice@example.test>: 504 5.5.2 <host>: Helo command rejected: need fully-qualified hostname" in said
    assert f"rule={where}/users:1" in said


def test_policy_service(filterd, postfix, old):
    """The same refusals as before; Postfix puts its own list's words in front of some."""
    p, where = old
    texts = parted(blocks("Policy service")[0])
    ours, port = texts["filterd.cf"].replace("include postfix.cf\n", ""), str(free_port())
    start_with_copy(filterd, where, **settings(ours.replace("10040", port)))
    main = dict(OLD, **settings(texts["main.cf"].replace("10040", port)))
    q = postfix(mailboxes=USERS, main={k: v.replace("{dir}", where) for k, v in main.items()})
    for session, was, now in zip(SESSIONS, answers(p), answers(q)):
        assert now == was or now == was.replace(" <", f" <{session[-1]}>: Recipient address rejected: <", 1), session


def test_before_the_queue(filterd, postfix, old):
    p, where = old
    texts = parted(blocks("Before the queue")[0])
    there, back = str(free_port()), free_port()
    ours = texts["filterd.cf"].replace("include postfix.cf\n", "").replace("10025", there).replace("10026", str(back))
    first, *options = texts["master.cf"].rstrip("\n").splitlines()
    assert first.split() == "smtp inet n - y - - smtpd".split()
    master = lmtp_texts()["master.cf"]
    q = postfix(mailboxes=USERS, main={k: v.replace("{dir}", where) for k, v in OLD.items()},
                smtpd="".join(line + "\n" for line in options).replace("10025", there),
                master=master[master.index("127.0.0.1:10026"):].replace("10026", str(back)))
    start_with_copy(filterd, where, **settings(ours))
    assert answers(q) == answers(p)
    # and a message
    with smtp.Client(q.smtp) as c:
        assert c.cmd("XCLIENT ADDR=192.0.2.1 NAME=good.example").code == 220
        c.hello("good.example")
        assert [r.code for r in c.transaction("a@good.example", ["alice@example.test"], MESSAGE % b"hi")[2]] == [250]
    q.wait_empty()
    assert len(q.mails("alice@example.test")) == 1


def test_by_milter(filterd, postfix, old):
    """The same refusals as before, word for word, and a message."""
    p, where = old
    texts = parted(blocks("By milter")[0])
    ours, port = texts["filterd.cf"].replace("include postfix.cf\n", ""), str(free_port())
    start_with_copy(filterd, where, **settings(ours.replace("10028", port)))
    main = dict(OLD, **settings(texts["main.cf"].replace("10028", port)))
    q = postfix(mailboxes=USERS, main={k: v.replace("{dir}", where) for k, v in main.items()})
    assert answers(q) == answers(p)
    with smtp.Client(q.smtp) as c:
        assert c.cmd("XCLIENT ADDR=192.0.2.1 NAME=good.example").code == 220
        c.hello("good.example")
        assert [r.code for r in c.transaction("a@good.example", ["alice@example.test"], MESSAGE % b"hi")[2]] == [250]
    q.wait_empty()
    assert len(q.mails("alice@example.test")) == 1


# --- the milter ---

MILTER = "Milter (Postfix or Sendmail, before the queue)"


def milter_answers(p):
    """What the client hears at the end of a message that is fine, and of one that is not."""
    with smtp.Client(p.smtp) as c:
        c.hello()
        return [c.transaction("s@example.net", USERS, MESSAGE % subject)[2][0] for subject in (b"hi", b"bad")]


def milter_seen(f, p, client="localhost[127.0.0.1]"):
    p.wait_empty()
    for user in USERS:
        [mail] = p.mails(user)
        assert b"Subject: hi\n" in mail and mail.count(b"\nReceived: ") == 1
    finals = f.wait_finals(4)
    assert [e["fate"] for e in finals] == ["deliver"] * 2 + ["reject"] * 2
    assert all(e["client"] == client for e in finals)


def test_milter_as_shown(filterd, postfix):
    """A refusal reaches the client; when filterd is gone nothing passes."""
    texts, port = parted("".join(blocks(MILTER))), str(free_port())
    f = filterd(files={"hc": "/^Subject: bad/ REJECT\n"}, header_checks="pcre:{dir}/hc",
                **settings(texts["filterd.cf"].replace("10028", port)))
    p = postfix(mailboxes=USERS, main=settings(texts["main.cf"].replace("10028", port)))
    good, bad = milter_answers(p)
    assert good.code == 250 and str(bad).startswith("550 5.7.1 ")
    milter_seen(f, p)
    assert not warnings(p), p.log()
    f.stop()
    with smtp.Client(p.smtp) as c:
        assert c.hello().code == 250
        assert c.mail("s@example.net").code // 100 == 4


def test_milter_of_sendmail(filterd, hop):
    """The same with Sendmail's line."""
    if sendmail_lib.missing():
        cannot(sendmail_lib.missing())
    texts, port = parted("".join(blocks(MILTER))), str(free_port())
    f = filterd(files={"hc": "/^Subject: bad/ REJECT\n"}, header_checks="pcre:{dir}/hc",
                **settings(texts["filterd.cf"].replace("10028", port)))
    with sendmail_lib.Sendmail(hop, more=texts["sendmail.mc"].rstrip("\n").replace("10028", port) + "\n") as s:
        good, bad = milter_answers(s)
        assert good.code == 250 and str(bad).startswith("550 5.7.1 ")
        hop.wait(1)
        assert [e["fate"] for e in f.wait_finals(4)] == ["deliver"] * 2 + ["reject"] * 2
        f.stop()
        with smtp.Client(s.smtp) as c:
            assert c.greeting.code == 451 or c.hello().code // 100 == 4 or c.mail("s@example.net").code // 100 == 4


class Chrooted(postfix_lib.Postfix):
    """What talks to milters is locked in the queue directory, as Debian has it."""

    def configure(self):
        super().configure()
        with open(self.dir + "/etc/master.cf") as f:
            text = f.read()
        text, n = re.subn(r"^(\S+ +\S+ +n +- +)n(.* (?:smtpd|cleanup))$", r"\1y\2", text, flags=re.M)
        assert n == 3
        self.write("master.cf", text)


def test_milter_in_the_chroot(filterd):
    """What the paragraph about chroot says."""
    with open(os.path.join(TOP, "README.md")) as f:
        listeners, main = re.search(r"with `listeners = (\{ milter:unix[^`]*)` Postfix\s+says `([^`]*)`", f.read()).groups()
    p = Chrooted(mailboxes=USERS, main=settings(main + "\n"))
    try:
        p.configure()
        p.run("postfix", "check")       # makes the queue directory, before filterd makes one in it
        f = filterd(files={"hc": "/^Subject: bad/ REJECT\n"}, header_checks="pcre:{dir}/hc",
                    listeners=listeners.replace("/var/spool/postfix", p.dir + "/queue"))
        p.start()
        good, bad = milter_answers(p)
        assert good.code == 250 and str(bad).startswith("550 5.7.1 ")
        # There is no hosts(5) in there.
        milter_seen(f, p, "unknown[127.0.0.1]")
    finally:
        p.finish()
