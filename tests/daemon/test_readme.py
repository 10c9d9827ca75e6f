"""The configurations that README.md and filterd(8) show, word for word but for ports and folders, with a real Postfix."""
import os
import re

import pytest

import dovecot as dovecot_lib
import filterd_proc
import smtp
from conftest import cannot
from ports import free_port

TOP = os.path.join(os.path.dirname(__file__), "..", "..")
USERS = ["alice@example.test", "bob@example.test"]
MESSAGE = b"From: s@example.net\r\nSubject: %s\r\nMessage-Id: <m@example.net>\r\n\r\nbody\r\n"
CLIENT = {"NAME": "mx.example.net", "ADDR": "192.0.2.7", "PORT": "4000", "PROTO": "ESMTP", "HELO": "helo.example.net"}


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
    assert "bounced" not in p.log() and "warning" not in p.log(), p.log()
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
    import postfix as postfix_lib
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
