"""The milter door on the wire: negotiation, order, several messages and sessions a connection, what
is broken, progress, reload, stop, sockets, sizes, and what verdicts become."""
import grp
import json
import os
import socket
import stat
import struct
import threading
import time

import pytest

import filterd_proc
import milter_client as mc
from reloading import sanitized

MESSAGE = b"From: me@example.com\r\nSubject: hello\r\n\r\nhow are you\r\n"
LISTS = dict(
    smtpd_delay_reject="no",
    smtpd_client_restrictions="check_client_access inline:{ { 192.0.2.66 = REJECT client } }",
    smtpd_helo_restrictions="check_helo_access inline:{ { bad.example = REJECT helo } }",
    smtpd_sender_restrictions="check_sender_access inline:{ { bad@example.com = REJECT sender }"
                              " { later@example.com = 450 4.7.1 later } }",
    smtpd_recipient_restrictions="check_recipient_access inline:{ { bad@example.org = REJECT rcpt }"
                                 " { drop@example.org = DISCARD } { keep@example.org = HOLD odd } }",
    smtpd_data_restrictions="check_sender_access inline:{ { data@example.com = REJECT data } }",
    smtpd_end_of_data_restrictions="check_sender_access inline:{ { end@example.com = REJECT end } }")


def door(filterd, kind="milter:unix", **settings):
    return filterd(listeners={"milter": kind}, **{**LISTS, **settings})


def client(f, name="milter", negotiate=True, **offer):
    c = mc.Client(f.address(name))
    if negotiate:
        c.negotiate(**offer)
    return c


def begun(f, name="milter", **offer):
    """A connection with an SMTP session on it."""
    c = client(f, name, **offer)
    assert is_good(c.connect()) and is_good(c.helo())
    return c


def is_good(reply):
    return reply is None or reply.kind == "continue"


def passes(c, **kwargs):
    rcpts, end = c.transaction(MESSAGE, **kwargs)
    return all(map(is_good, rcpts)) and is_good(end)


def counter(f, name):
    return json.loads(f.ctl("status", "--json"))["counters"][name]


# --- negotiation ---

@pytest.mark.parametrize("version", range(2, 7))
@pytest.mark.parametrize("actions", [0, mc.ACTIONS, mc.ADDHDRS, mc.ACTIONS & ~mc.SETSYMLIST, 0x3f])
@pytest.mark.parametrize("steps", [0, mc.STEPS, 0x7f, mc.STEPS & ~mc.HDR_LEADSPC, mc.STEPS & ~mc.SKIP, 0x15555])
def test_negotiation(served, version, actions, steps):
    """The client checks that no more is taken than was offered, and goes by what was agreed."""
    with client(served, version=version, actions=actions, steps=steps) as c:
        assert c.granted.version == version
        assert is_good(c.connect()) and is_good(c.helo())
        assert passes(c) and passes(c)
        assert not c.has_more(0.01)


@pytest.mark.parametrize("version", [7, 100])
def test_a_later_version_is_met_with_ours(served, version):
    with client(served, version=version) as c:
        assert c.granted.version == 6
        assert passes(c)


@pytest.fixture(scope="module")
def served():
    """One for all tests that leave it as it is."""
    with filterd_proc.Filterd(listeners={"milter": "milter:unix"}, **LISTS) as f:
        yield f


# --- what is not the protocol ---

BROKEN = {
    "HTTP": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "SMTP": b"EHLO x\r\n",
    "length 0": b"\0\0\0\0",
    "length of 4 GB": b"\xff\xff\xff\xffO",
    "too long for the first": struct.pack(">I", 65537 + 1) + b"O",
    "no OPTNEG": mc.packet(b"C", mc.strings("x") + b"U"),
    "QUIT_NC first": mc.packet(b"K"),
    "OPTNEG too short": mc.packet(b"O", b"\0\0\0\6"),
    "version 1": mc.packet(b"O", struct.pack(">III", 1, 0x3f, 0x7f)),
}


@pytest.mark.parametrize("what", BROKEN)
def test_first_octets(filterd, what):
    """Closed without a word, with a line in the log; who is there already notices nothing."""
    f = door(filterd).expect("malformed milter packet from unix.*connection closed: ")
    with begun(f) as other, client(f, negotiate=False) as c:
        c.send(BROKEN[what])
        with pytest.raises(mc.Closed, match=" 0 octets left"):
            c.more()
        assert passes(other)
    assert counter(f, "milter_malformed") == 1
    assert counter(f, "milter_sessions") == 1
    assert counter(f, "milter_messages") == 1


LATER = {
    "length 0": b"\0\0\0\0",
    "length of 4 GB": b"\xff\xff\xff\xffL",
    "a command that does not exist": mc.packet(b"Z"),
    "OPTNEG again": mc.packet(b"O", struct.pack(">III", 6, 0x1ff, 0)),
    "RCPT outside a message": mc.packet(b"R", mc.strings("<a@b.example>")),
    "DATA outside a message": mc.packet(b"T"),
    "a field outside a message": mc.packet(b"L", mc.strings("a", "b")),
    "EOH outside a message": mc.packet(b"N"),
    "body outside a message": mc.packet(b"B", b"x"),
    "END outside a message": mc.packet(b"E"),
    "MAIL without its NUL": mc.packet(b"M", b"<a@b.example>"),
    "half a macro": mc.packet(b"D", b"Mi\0"),
    "an unknown family": mc.packet(b"C", b"x\0X\0\x19" b"1.2.3.4\0"),
}


@pytest.mark.parametrize("what", LATER)
def test_later_octets(filterd, what):
    f = door(filterd).expect("malformed milter packet from unix.*connection closed: ")
    with begun(f) as c:
        assert passes(c)
        c.send(LATER[what])
        with pytest.raises(mc.Closed, match=" 0 octets left"):
            c.more()
    with begun(f) as c:
        assert passes(c)
    assert counter(f, "milter_malformed") == 1


def test_who_may_connect(filterd):
    f = door(filterd, kind="milter", allowed_clients="192.0.2.0/24").expect("refused: not in allowed_clients")
    with client(f, negotiate=False) as c:
        with pytest.raises(mc.Closed, match=" 0 octets left"):
            c.more()


# --- order ---

def test_messages_and_sessions(served):
    """Three messages in each of three SMTP sessions on one connection."""
    with client(served) as c:
        for i in range(3):
            assert is_good(c.connect(addr=f"192.0.2.{i + 1}")) and is_good(c.helo())
            for k in range(3):
                assert passes(c, sender=f"<{i}{k}@example.com>")
            c.quit_nc()
        c.quit()
        assert c.is_closed()
        assert c.buffer == b""


def test_a_refusal_is_this_messages_alone(served):
    with begun(served) as c:
        for sender in ("<bad@example.com>", "<data@example.com>", "<end@example.com>"):
            assert not passes(c, sender=sender)
            assert passes(c)
            c.quit_nc()
            assert is_good(c.connect()) and is_good(c.helo())


STEPS = [
    lambda c: c.mail(), lambda c: c.rcpt(), lambda c: c.data(), lambda c: c.header("Subject", " x"),
    lambda c: c.eoh(), lambda c: c.body(b"body\r\n")]


@pytest.mark.parametrize("steps", [mc.STEPS, 0])
@pytest.mark.parametrize("end", ["abort", "quit_nc", "quit", "vanish", "abort twice"])
def test_broken_off(served, end, steps):
    """After each command, and in the midst of one."""
    for n in range(len(STEPS) + 1):
        c = begun(served, steps=steps)
        for step in STEPS[:n]:
            assert is_good(step(c))
        if end == "vanish":
            c.send(mc.packet(b"L", b"x" * 100)[:50])
            c.close()
            continue
        for _ in range(1 + end.endswith("twice")):
            getattr(c, end.split()[0])()
        if end == "quit":
            assert c.is_closed() and c.buffer == b""
            continue
        if end == "quit_nc":
            assert is_good(c.connect()) and is_good(c.helo())
        assert passes(c)
        assert not c.has_more(0.01)
        c.close()


def test_another_message_without_abort(served):
    """An MTA that has refused a message by itself need not say so."""
    with begun(served) as c:
        for n in range(1, len(STEPS) + 1):
            for step in STEPS[:n]:
                assert is_good(step(c))
        assert passes(c)


def test_unknown_and_late_data(served):
    with begun(served) as c:
        assert is_good(c.unknown("FOO"))
        assert is_good(c.mail()) and is_good(c.unknown("BAR")) and is_good(c.rcpt())
        assert is_good(c.header("Subject", " x")) and is_good(c.eoh()) and is_good(c.data())
        assert is_good(c.body(b"x\r\n")) and is_good(c.end(b"y\r\n"))


def packets(c):
    """One message as an MTA says it that waits for nothing."""
    said = []
    real, c.send = c.send, said.append
    c.mail(wait=False), c.rcpt(wait=False), c.data(wait=False)
    for name, value in mc.split(MESSAGE)[0]:
        c.header(name, value, wait=False)
    c.eoh(wait=False), c.body(mc.split(MESSAGE)[1], wait=False), c.end(wait=False)
    c.send = real
    answered = [e for e in ("mail", "rcpt", "data", "header", "header", "eoh", "body") if c.is_sent(e) and c.is_answered(e)]
    return b"".join(said), len(answered)


@pytest.mark.parametrize("steps", [mc.STEPS, 0])
def test_pipelined(served, steps):
    """Twenty messages in one write: the replies are all there, and in order."""
    with begun(served, steps=steps) as c:
        octets, n = packets(c)
        c.send(octets * 20)
        for _ in range(20):
            assert [c.reply().kind for _ in range(n)] == ["continue"] * n
            assert c.reply(at_end=True).kind == "continue"
        assert not c.has_more(0.01)


@pytest.mark.parametrize("steps", [mc.STEPS, 0])
def test_octet_by_octet(served, steps):
    with begun(served, steps=steps) as c:
        octets, n = packets(c)
        for i in range(len(octets)):
            c.send(octets[i:i + 1])
        assert [c.reply().kind for _ in range(n)] == ["continue"] * n
        assert c.reply(at_end=True).kind == "continue"


# --- verdicts ---

@pytest.mark.parametrize("steps", [mc.STEPS, 0])
def test_refused_at_each_stage(served, steps):
    with client(served, steps=steps) as c:
        got = c.connect(addr="192.0.2.66")
        assert "5.7.1" in str(got) and "Client host rejected: client" in str(got)
        c.quit_nc()
        assert is_good(c.connect())
        assert "Helo command rejected: helo" in str(c.helo("bad.example"))
        assert is_good(c.helo())
        assert "Sender address rejected: sender" in str(c.transaction(MESSAGE, "<bad@example.com>")[1])
        got = c.transaction(MESSAGE, "<later@example.com>")[1]
        assert got.code == 450 and str(got).startswith("450 4.7.1 <later@example.com>: Sender address rejected: later")
        rcpts, got = c.transaction(MESSAGE, rcpts=["<bad@example.org>", "<you@example.org>"])
        assert "Recipient address rejected: rcpt" in str(rcpts[0]) and is_good(rcpts[1]) and is_good(got)
        for who in ("data", "end"):
            got = c.transaction(MESSAGE, f"<{who}@example.com>")[1]
            assert f"554 5.7.1 <{who}@example.com>: Sender address rejected: {who} " in str(got)


def test_discard(served):
    with begun(served) as c:
        assert c.transaction(MESSAGE, rcpts=["<drop@example.org>"])[1].kind == "discard"
        assert passes(c)


@pytest.mark.parametrize("where,by_mta,by_us", [("mta", True, False), ("store", False, True), ("both", True, True)])
def test_hold(filterd, where, by_mta, by_us):
    f = door(filterd, milter_hold=where)
    with begun(f) as c:
        got = c.transaction(MESSAGE, rcpts=["<keep@example.org>"])[1]
        if by_mta:
            assert got.kind == "continue" and [x.kind for x in got.changes] == ["quarantine"]
            assert got.changes[0].name.startswith("hold: odd (id ")
        else:
            assert got.kind == "discard" and got.changes == []
        assert ("keep@example.org" in f.ctl("hold", "list")) == by_us
    # Where the MTA does not let us it is kept here, and the MTA is to forget it; in two places it
    # cannot be then.
    with begun(f, actions=mc.ACTIONS & ~mc.QUARANTINE) as c:
        before = f.ctl("hold", "list").count("keep@example.org")
        got = c.transaction(MESSAGE, rcpts=["<keep@example.org>"])[1]
        assert got.code // 100 == 4 if where == "both" else got.kind == "discard"
        assert got.changes == []
        assert f.ctl("hold", "list").count("keep@example.org") == before + (where != "both")


def test_release(filterd, hop):
    """There is no next hop but one that is set for this."""
    f = door(filterd, milter_hold="store")
    with begun(f) as c:
        assert c.transaction(MESSAGE, rcpts=["<keep@example.org>"])[1].kind == "discard"
    held = json.loads(f.ctl("hold", "list", "--json"))["id"]
    for command in ("release", "requeue"):
        status, _, said = f.ctl("hold", command, held, status=None)
        assert status != 0 and "listener milter has no next_hop: set it to where released mail is to go" in said
    f.write_config(next_hop=hop.next_hop)
    f.ctl("hold", "release", held)
    assert [m.recipients for m in hop.messages] == [["keep@example.org"]]
    assert hop.messages[0].data == MESSAGE


OWN = b"Received: by mta\r\n"       # what an MTA puts on top and tells no filter of
CHECKS = {
    "PREPEND X-Seen: yes": MESSAGE.replace(b"Subject:", b"X-Seen: yes\r\nSubject:"),
    "REPLACE Subject: other": MESSAGE.replace(b"hello", b"other"),
    "IGNORE": MESSAGE.replace(b"Subject: hello\r\n", b""),
    "STRIP": MESSAGE.replace(b"Subject: hello\r\n", b""),
}


@pytest.mark.parametrize("leadspc", [True, False])
@pytest.mark.parametrize("action", CHECKS)
def test_changes(filterd, action, leadspc):
    """In the message as the MTA then has it; and with the blank where that is the filter's."""
    f = filterd(listeners={"milter": "milter:unix"}, files={"checks": f"/^Subject:/ {action}\n"},
                header_checks="regexp:{dir}/checks")
    with begun(f, steps=mc.STEPS if leadspc else mc.STEPS & ~mc.HDR_LEADSPC) as c:
        got = c.transaction(MESSAGE)[1]
        assert got.kind == "continue" and got.changes
        assert mc.apply(OWN + MESSAGE, got.changes, leadspc) == OWN + CHECKS[action]


def test_tag(filterd):
    f = filterd(listeners={"milter": "milter:unix"}, files={"checks": "/^Subject:/ TAG\n"},
                header_checks="regexp:{dir}/checks", tag_subject_prefix="[spam] ")
    with begun(f) as c:
        made = mc.apply(OWN + MESSAGE, c.transaction(MESSAGE)[1].changes)
        assert b"\r\nX-Spam-Flag: YES\r\n" in b"\r\n" + made
        assert b"\r\nSubject: [spam] hello\r\n" in made


def test_body_change_comes_last(filterd):
    f = filterd(listeners={"milter": "milter:unix"},
                files={"checks": "/^Subject:/ PREPEND X-Seen: yes\n", "body": "/how are you/ REPLACE fine\n"},
                header_checks="regexp:{dir}/checks", body_checks="regexp:{dir}/body")
    with begun(f) as c:
        got = c.transaction(MESSAGE)[1]
        assert [x.kind for x in got.changes] == ["insheader", "replbody"]
        assert got.changes[-1].value == b"fine\r\n"


def test_two_listeners(filterd):
    f = filterd(listeners={"one": "milter:unix, smtpd_sender_restrictions = reject",
                           "two": "milter, smtpd_helo_restrictions = reject"},
                smtpd_delay_reject="no")
    with client(f, "one") as one, client(f, "two") as two:
        assert is_good(one.connect()) and is_good(two.connect())
        assert is_good(one.helo()) and not is_good(two.helo())
        assert not is_good(one.mail()) and is_good(two.mail())
    assert "Helo command rejected" in f.ctl("explain", "--listener", "two", "--helo", "x", status=1)


# --- sizes ---

@pytest.mark.parametrize("size", [65536, 300000, 1000000])
def test_long_header_field(filterd, size):
    """Sendmail sends it in one packet, however long.  A check sees header_size_limit of it."""
    f = filterd(listeners={"milter": "milter:unix"}, files={"checks": "/^X-Long:.*zz$/ REJECT long\n/^X-Last:/ REJECT last\n"},
                header_checks="regexp:{dir}/checks", header_size_limit=2 * size)
    line = b"\r\n " + b"y" * 98
    long = b"X-Long: x" + line * (size // 101)
    with begun(f) as c:
        assert is_good(c.transaction(long + b"\r\n" + MESSAGE)[1])
        assert "last" in str(c.transaction(long + b"\r\nX-Last: x\r\n" + MESSAGE)[1])


@pytest.mark.parametrize("kind", ["milter:unix", "milter"])
@pytest.mark.parametrize("steps", [mc.STEPS, 0])
def test_large_body(filterd, kind, steps):
    """A megabyte in pieces of 64 KB, and its last line is seen."""
    f = door(filterd, kind, files={"body": "/^the end$/ REJECT seen\n"}, body_checks="regexp:{dir}/body",
             body_checks_size_limit=2000000)
    body = (b"x" * 76 + b"\r\n") * (1000000 // 78)
    with begun(f, steps=steps) as c:
        assert is_good(c.transaction(MESSAGE + body)[1])
        assert "seen" in str(c.transaction(MESSAGE + body + b"the end\r\n")[1])


def test_large_replacement(filterd):
    f = door(filterd, files={"body": "/^how are you$/ REPLACE fine\n"}, body_checks="regexp:{dir}/body")
    body = (b"x" * 76 + b"\r\n") * (1000000 // 78)
    with begun(f) as c:
        got = c.transaction(MESSAGE + body)[1]
        assert {x.kind for x in got.changes} == {"replbody"}
        assert b"".join(x.value for x in got.changes) == b"fine\r\n" + body
        assert max(len(x.value) for x in got.changes) <= 65535


@pytest.mark.parametrize("kind", ["milter", "policy"])
def test_an_mta_is_not_one_client(filterd, kind):
    """smtpd_client_connection_count_limit is for those who talk to the MTA; it has one address for
    all of them."""
    f = filterd(listeners={"mta": f"{kind}, role = mta, smtpd_client_connection_count_limit = 2"}, alias_maps="", **LISTS)
    socks = [socket.create_connection(f.address("mta"), 10) for _ in range(5)]
    for s in socks:
        with pytest.raises(TimeoutError):       # it would be hung up on
            s.settimeout(0.3)
            s.recv(1)
        s.close()


def test_replies_are_not_heaped_up(filterd):
    """Short packets behind a long one come in one piece, and a reply is a hundred times as long."""
    def peak():
        with open(f"/proc/{pid}/status") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))

    f = door(filterd, smtpd_reject_footer="x" * 450)
    pid = json.loads(f.ctl("status", "--json"))["pid"]
    with client(f) as c:
        assert c.connect(addr="192.0.2.66").kind == "replycode"
        before = peak()
        sender = threading.Thread(target=lambda: c.send(
            mc.packet(b"U", b"x" * 1000000 + b"\0") + mc.packet(b"M", b"<>\0") * 100000))
        sender.start()
        assert c.reply().kind == "continue"
        for _ in range(100000):
            assert c.reply().code == 554
        sender.join()
        if not sanitized(pid):          # there what is freed is kept for a while
            assert peak() < before + 10000      # KB; the replies are 50 MB


# --- time ---

@pytest.mark.parametrize("interval,said", [("1s", range(1, 4)), ("0", [0]), ("5s", [0])])
def test_progress(filterd, interval, said):
    f = door(filterd, smtpd_end_of_data_restrictions="sleep 3", milter_progress_interval=interval)
    with begun(f) as c:
        got = c.transaction(MESSAGE)[1]
        assert got.kind == "continue" and got.progress in said
        # Waiting for the MTA is no progress, and nothing follows the reply.
        assert not c.has_more(2.5)
        assert passes(c)


def test_no_progress_elsewhere(filterd):
    """Sendmail takes it for an error there."""
    f = door(filterd, smtpd_sender_restrictions="sleep 3", milter_progress_interval="1s")
    with begun(f, steps=0) as c:
        got = c.mail()
        assert got.kind == "continue" and got.progress == 0
        assert is_good(c.rcpt())


def test_slow_checks_at_once(filterd):
    """20 ends of message that take 2 s each: none waits for another."""
    f = door(filterd, smtpd_end_of_data_restrictions="sleep 2")
    done = []

    def one():
        with begun(f) as c:
            for step in STEPS:
                assert is_good(step(c))
            ready.wait()
            start = time.monotonic()
            assert is_good(c.end())
            done.append(time.monotonic() - start)

    ready = threading.Barrier(20)
    threads = [threading.Thread(target=one) for _ in range(20)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert len(done) == 20 and max(done) < 2.5


@pytest.mark.parametrize("timeout", ["2s", "7210s"])
def test_idle_connection(filterd, timeout):
    f = door(filterd, milter_timeout=timeout)
    with begun(f) as c, begun(f) as busy:
        for _ in range(8):
            time.sleep(0.5)
            assert passes(busy)
        if timeout == "2s":
            assert c.is_closed() and c.buffer == b""
        else:
            assert passes(c)


def test_half_a_packet(filterd):
    """That is waited for no longer than a command line is, and so is the first packet."""
    f = door(filterd, smtpd_timeout="2s")
    with begun(f) as c, begun(f) as idle:
        c.send(mc.packet(b"M", mc.strings("<a@b.example>"))[:9])
        start = time.monotonic()
        assert c.is_closed() and 1 < time.monotonic() - start < 5
        with client(f, negotiate=False) as c:
            assert c.is_closed() and c.buffer == b""
        assert passes(idle)


# --- reload and stop ---

def test_reload_between_messages(filterd):
    f = door(filterd)
    with begun(f) as c, begun(f) as in_message:
        assert passes(c)
        assert is_good(in_message.mail())
        assert f.reload(smtpd_recipient_restrictions="reject")["level"] == "info"
        rcpts, got = c.transaction(MESSAGE)
        assert "Recipient address rejected" in str(rcpts[0] or got)
        # A message goes on as it began; its connection has stayed.
        assert is_good(in_message.rcpt()) and is_good(in_message.data())
        assert is_good(in_message.message(MESSAGE))
        rcpts, got = in_message.transaction(MESSAGE)
        assert "Recipient address rejected" in str(rcpts[0] or got)


def test_reload_brings_a_list(filterd):
    """Nothing asked for a reply where it was negotiated: it is given at the next that can."""
    f = filterd(listeners={"milter": "milter:unix"}, smtpd_delay_reject="no")
    with begun(f) as c:
        assert passes(c)
        for name in ("smtpd_sender_restrictions", "smtpd_recipient_restrictions", "smtpd_data_restrictions",
                     "smtpd_end_of_data_restrictions"):
            assert f.reload(**{name: "reject"})["level"] == "info"
            assert not passes(c)
            assert f.reload(**{name: None})["level"] == "info"
            assert passes(c)


def test_reloads_under_load(filterd):
    """Connections that are kept over ten reloads: none is dropped, no message fails."""
    f = door(filterd)
    made, ended = [], threading.Event()

    def one(steps):
        with begun(f, steps=steps) as c:
            while not ended.is_set():
                assert passes(c)
                if len(made) % 3 == 0:
                    c.quit_nc()
                    assert is_good(c.connect()) and is_good(c.helo())
                made.append(steps)
            done.append(steps)

    done = []
    threads = [threading.Thread(target=one, args=(s,)) for s in (0, mc.STEPS, mc.STEPS & ~mc.SKIP, 0x7f) * 2]
    for t in threads:
        t.start()
    reloads = 0
    while reloads < 10 or len(made) <= 100:
        assert f.reload(smtpd_banner=f"filterd.test number {reloads}")["level"] == "info"
        reloads += 1
    ended.set()
    for t in threads:
        t.join()
    assert len(done) == len(threads)
    assert counter(f, "milter_malformed") == 0
    assert counter(f, "milter_messages") == len(made)


def test_stop(filterd):
    """Between messages a connection is closed at once; in one it may go on to its end."""
    f = door(filterd, stop_time_limit="20s")
    idle, message, asking, new = begun(f), begun(f), begun(f, steps=0), client(f, negotiate=False)
    for step in STEPS:
        assert is_good(step(message))
    assert is_good(asking.mail())
    stopped = []
    t = threading.Thread(target=lambda: stopped.append(f.stop()))
    t.start()
    for c in (idle, new):
        assert c.is_closed() and c.buffer == b""
    time.sleep(1)
    assert not stopped
    assert is_good(asking.rcpt()) and is_good(asking.data()) and is_good(asking.message(MESSAGE))
    assert is_good(message.end())
    assert message.is_closed() and asking.is_closed()
    t.join(5)
    assert stopped == [0]
    for c in (idle, message, asking, new):
        c.close()


def test_stop_at_the_time_limit(filterd):
    """Who never comes to the end of a message is broken off."""
    f = door(filterd, stop_time_limit="1s").expect("broken off")
    with begun(f) as c:
        assert is_good(c.mail())
        start = time.monotonic()
        f.stop()
        assert 0.9 < time.monotonic() - start < 10
        assert c.is_closed() and c.buffer == b""


def test_mta_that_does_not_wait(filterd):
    """Gone while its message is looked at: the next one is served."""
    f = door(filterd, smtpd_end_of_data_restrictions="sleep 1", milter_progress_interval="1s")
    for _ in range(3):
        c = begun(f)
        for step in STEPS:
            assert is_good(step(c))
        c.end(wait=False)
        c.close()
    with begun(f) as c:
        assert passes(c)


# --- sockets ---

def cpu_seconds(f):
    total = 0
    for pid in f.workers():
        with open(f"/proc/{pid}/stat") as s:
            total += sum(map(int, s.read().rpartition(")")[2].split()[11:13]))
    return total / os.sysconf("SC_CLK_TCK")


def test_no_descriptors_left(filterd, tmp_path, monkeypatch):
    """Nothing turns round and round meanwhile, and those who waited are served when there are some."""
    real = filterd_proc.program
    few = tmp_path / "few"
    few.write_text(f'#!/bin/sh\nulimit -n 128\nexec {real("filterd")} "$@"\n')
    few.chmod(0o755)
    monkeypatch.setattr(filterd_proc, "program", lambda name: str(few) if name == "filterd" else real(name))
    f = door(filterd).expect("Too many open files$")
    with begun(f) as c:
        many = [client(f, negotiate=False) for _ in range(128)]
        f.wait_log(lambda e: "Too many open files" in e.get("text", ""))
        before = cpu_seconds(f)
        time.sleep(2)
        assert cpu_seconds(f) - before < 0.2
        assert passes(c)
        while len(many) > 5:
            many.pop(0).close()
        for m in many:
            m.negotiate()
            assert passes(m)
            m.close()


def test_socket_mode_and_group(filterd):
    group = grp.getgrgid(os.getgroups()[0] if os.getgroups() else os.getgid()).gr_name
    f = filterd(listeners={"a": f"milter:unix, socket_mode = 0600", "b": f"milter:unix, socket_mode = 0666, socket_group = {group}"})
    a, b = (os.stat(f.address(name)) for name in "ab")
    assert stat.S_ISSOCK(a.st_mode) and stat.S_IMODE(a.st_mode) == 0o600
    assert stat.S_IMODE(b.st_mode) == 0o666 and b.st_gid == grp.getgrnam(group).gr_gid
    for name in "ab":
        with begun(f, name) as c:
            assert passes(c)


def test_status(filterd):
    f = door(filterd)
    with begun(f) as c:
        assert passes(c) and passes(c)
        c.quit_nc()
        assert is_good(c.connect())
        assert counter(f, "milter_sessions") == 2 and counter(f, "milter_messages") == 2
    said = f.ctl("status")
    assert f"milter:unix:{f.address('milter')}  milter  before_queue\n" in said
    assert "milter_malformed" in said
