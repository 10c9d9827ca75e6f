"""Odd and hostile mail, and full disks: nothing is lost, memory stays where it was, filterd lives on."""
import glob
import json
import os
import re
import resource
import select
import shutil
import socket
import subprocess
import time

import pytest
import smtp
from conftest import cannot
from nexthop import NextHop
from test_process import status, wait_for

DOORS = ["smtp", "fast", "lmtp"]


def start(filterd, hop, **settings):
    return filterd({"smtp": "smtp", "fast": "smtp, verify_recipients_at_next_hop = no",
                    "lmtp": "lmtp"}, next_hop=hop.next_hop, **settings)


def memory(f):
    """Private memory of the worker, in kB."""
    pid, = f.workers()
    with open(f"/proc/{pid}/smaps_rollup") as r:
        return sum(int(n) for n in re.findall(r"^Private_\w+: +(\d+)", r.read(), re.M))


def sanitized(f):
    with open(f"/proc/{f.workers()[0]}/maps") as m:
        return "san.so" in m.read()


def threads(f):
    return len(os.listdir(f"/proc/{f.workers()[0]}/task"))


def send(f, door, message, recipients=("b@example.com",)):
    return smtp.send(f.address(door), "a@example.com", list(recipients), message,
                     lmtp=door == "lmtp")


def works(f, hop, door="lmtp"):
    """It takes a message and hands it on."""
    n = len(hop.messages)
    assert send(f, door, b"Subject: still there\r\n\r\nyes\r\n")[2][0].code == 250
    hop.wait(n + 1)


# --- odd messages ---

ODD = {
    # name: (what is sent, what arrives; None: the same)
    "nothing": (b"", None),
    "one empty line": (b"\r\n", None),
    "empty lines": (b"\r\n" * 1000, None),
    "no header": (b"this is no header field\r\nand so on\r\n",
                  b"\r\nthis is no header field\r\nand so on\r\n"),
    "no header, an empty line first": (b"\r\nbody at once\r\n", None),
    "header only": (b"Subject: x\r\n", None),
    "one line without an end": (b"Subject: x\r\n\r\nlast", b"Subject: x\r\n\r\nlast\r\n"),
    # As Postfix: a field ends at a NUL, the body's octets are nobody's business.
    "NULs in header and body": (b"Subject: a\0b\r\nX-Y: \0\r\n\r\n\0\0\0\r\n\0.\r\n.\0\r\n",
                                b"Subject: a\r\nX-Y: \r\n\r\n\0\0\0\r\n\0.\r\n.\0\r\n"),
    "NULs in a field's name": (b"X\0Y: z\r\n\r\nx\r\n", b"\r\nX\0Y: z\r\n\r\nx\r\n"),
    "NULs only": (b"\0" * 5000 + b"\r\n", b"\r\n" + b"\0" * 5000 + b"\r\n"),
    "every octet": (b"Subject: x\r\n\r\n" +
                    bytes(i for i in range(256) if i not in (10, 13)) * 20 + b"\r\n", None),
    "a line of a megabyte": (b"Subject: x\r\n\r\n" + b"y" * (1 << 20) + b"\r\n", None),
    # header_size_limit: cut, as Postfix does.
    "a field of a megabyte": (b"Subject: " + b"y" * (1 << 20) + b"\r\n\r\nbody\r\n",
                              b"Subject: " + b"y" * (102400 - 9) + b"\r\n\r\nbody\r\n"),
    "a field of 20,000 lines": (b"Subject: x\r\n" + b" y\r\n" * 20000 + b"\r\nbody\r\n", None),
    "100,000 fields": (b"".join(b"X-%d: %d\r\n" % (i, i) for i in range(100000)) + b"\r\nbody\r\n",
                       None),
    "dots": (b"Subject: x\r\n\r\n" + b".\r\n..\r\n...\r\n" * 10000, None),
    "nested deeply, without ends": (b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" +
                                    b"--b\r\nContent-Type: message/rfc822\r\n\r\n"
                                    b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" * 49,
                                    None),
    "20,000 parts": (b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" +
                     b"--b\r\n\r\nx\r\n" * 20000 + b"--b--\r\n", None),
}
RULES = "/^X-Never: / REJECT\n/^Subject:.*never/ REJECT\n/never$/ WARN\n"


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("name", ODD)
def test_odd_message_passes(odd, door, name):
    f, hop = odd
    sent, arrives = ODD[name]
    n = len(hop.messages)
    began = time.monotonic()
    assert send(f, door, sent)[2][0].code == 250
    assert time.monotonic() - began < 20
    m = hop.wait(n + 1)[n]
    assert m.data == (sent if arrives is None else arrives)


@pytest.mark.parametrize("door", DOORS)
def test_nested_too_deeply_is_refused(odd, door):
    """As Postfix does; and refused is not handed on."""
    f, hop = odd
    n = len(hop.messages)
    message = ODD["nested deeply, without ends"][0] * 20
    r = send(f, door, message)[2][0]
    assert (r.code, r.text[:5]) == (550, "5.6.0")
    works(f, hop, door)
    assert len(hop.messages) == n + 1


@pytest.fixture(scope="module")
def odd():
    """One filterd for all of them, with checks that look at everything."""
    import filterd_proc
    if filterd_proc.missing():
        cannot(filterd_proc.missing())
    with NextHop() as hop:
        f = filterd_proc.Filterd(
            {"smtp": "smtp", "fast": "smtp, verify_recipients_at_next_hop = no", "lmtp": "lmtp"},
            files={"rules": RULES}, next_hop=hop.next_hop, header_checks="regexp:{dir}/rules",
            body_checks="regexp:{dir}/rules", body_checks_size_limit="10000000")
        with f:
            worker = f.workers()
            yield f, hop
            works(f, hop)
            assert f.workers() == worker


@pytest.mark.parametrize("door", DOORS)
def test_ten_thousand_recipients(filterd, hop, door):
    f = start(filterd, hop, smtpd_recipient_limit=10000, smtpd_timeout="60s")
    names = [f"r{i}@example.com" for i in range(10000)]
    with smtp.Client(f.address(door), timeout=120, lmtp=door == "lmtp") as c:
        c.hello()
        c.send(b"MAIL FROM:<a@example.com>\r\n" +
               b"".join(b"RCPT TO:<%s>\r\n" % n.encode() for n in names))
        assert {r.code for r in c.replies(10001)} == {250}
        assert c.rcpt("one.too.many@example.com").code == 452
        replies = c.data(b"Subject: many\r\n\r\nx\r\n", 10000)
        assert len(replies) == (10000 if door == "lmtp" else 1)
        assert {r.code for r in replies} == {250}
    assert hop.wait(1)[0].recipients == names
    f.wait_finals(10000, 60)
    works(f, hop)


# --- size and time ---

def test_fifty_megabytes(filterd, hop):
    f = start(filterd, hop, header_checks="regexp:{dir}/rules", body_checks="regexp:{dir}/rules",
              files={"rules": RULES})
    message = b"Subject: big\r\n\r\n" + b"0123456789 a line of a big message\r\n" * 1460000
    assert len(message) > 50 << 20
    works(f, hop)
    before, most = memory(f), 0
    with smtp.Client(f.address("fast"), timeout=120) as c:
        c.hello()
        c.mail("a@example.com")
        c.rcpt("b@example.com")
        assert c.cmd("DATA").code == 354
        wire = smtp.dot_stuff(message)
        for at in range(0, len(wire), 1 << 20):
            c.send(wire[at:at + (1 << 20)])
            most = max(most, memory(f))
        assert c.reply().code == 250
    most = max(most, memory(f))
    assert hop.wait(2)[1].data == message
    if not sanitized(f):
        assert most - before < 10 * 1024


def test_message_that_never_ends(filterd, hop):
    """Swallowed in little memory and no disk; its end is answered, if it comes."""
    f = start(filterd, hop, message_size_limit=5000000)
    works(f, hop)
    before, most = memory(f), 0
    with smtp.Client(f.address("lmtp"), timeout=60, lmtp=True) as c:
        c.hello()
        c.mail("a@example.com")
        c.rcpt("b@example.com")
        assert c.cmd("DATA").code == 354
        piece = b"it goes on and on and on and on and on\r\n" * 25000
        for _ in range(200):
            c.send(piece)
            most = max(most, memory(f))
        c.send(b".\r\n")
        assert c.reply().code == 552
        assert c.cmd("NOOP").code == 250
    assert glob.glob(f.dir + "/spool/*") == []
    if not sanitized(f):
        assert most - before < 10 * 1024
    works(f, hop)


@pytest.mark.parametrize("steady", [True, False])
def test_message_that_drips(filterd, hop, steady):
    """smtpd_data_timeout for the whole, however steadily it comes; smtpd_timeout for a pause."""
    f = start(filterd, hop, smtpd_data_timeout="2s" if steady else "1h",
              smtpd_timeout="1h" if steady else "2s").expect("lost connection after DATA")
    with smtp.Client(f.address("lmtp"), lmtp=True) as c:
        c.hello()
        c.mail("a@example.com")
        c.rcpt("b@example.com")
        assert c.cmd("DATA").code == 354
        began = time.monotonic()
        try:
            while time.monotonic() - began < 10:
                if steady:
                    c.send(b"x")
                if not c.silent(0.2):
                    break
        except smtp.Closed:
            pass
        assert 1.5 < time.monotonic() - began < 6
        assert c.reply().code == 421 and c.at_end()
    assert not hop.messages
    works(f, hop)


# --- many at one time ---

def many(n):
    """Room for n descriptors more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < n + 500:
        if hard != resource.RLIM_INFINITY and hard < n + 500:
            cannot(f"at most {hard} descriptors")
        resource.setrlimit(resource.RLIMIT_NOFILE, (n + 500, hard))


def connect_many(f, door, n, talk):
    """n connections; talk: lines, and what is said is said to all before anybody waits."""
    many(2 * n)
    clients = [smtp.Client(f.address(door), timeout=60, lmtp=door == "lmtp", greet=False)
               for _ in range(n)]
    for c in clients:
        assert c.reply().code == 220
    for line, code in talk:
        for c in clients:
            c.send(line + b"\r\n")
        for c in clients:
            assert c.reply().code == code, line
    return clients


HELLO = {"smtp": (b"EHLO x", 250), "fast": (b"EHLO x", 250), "lmtp": (b"LHLO x", 250)}
TO_DATA = [(b"MAIL FROM:<a@example.com>", 250), (b"RCPT TO:<b@example.com>", 250), (b"DATA", 354)]


@pytest.mark.parametrize("door", ["fast", "lmtp"])
def test_a_thousand_drip_their_data(filterd, hop, door):
    """One octet a second each: they hold no thread, others are served as ever, all end well."""
    f = start(filterd, hop)
    works(f, hop)
    before = memory(f)
    clients = connect_many(f, door, 1000, [HELLO[door]] + TO_DATA)
    text = b"Subject: slow\r\n\r\nslow\r\n"
    seconds = 4
    for k in range(seconds):
        began = time.monotonic()
        for c in clients:
            c.send(text[k:k + 1])
        for d in DOORS:
            at = time.monotonic()
            works(f, hop, d)
            assert time.monotonic() - at < 2
        time.sleep(max(0, 1 - (time.monotonic() - began)))
    # 64 worker_threads and a few of its own; measured: far fewer.
    assert threads(f) < 80
    if not sanitized(f):
        assert memory(f) - before < 1000 * 64
    for c in clients:
        c.send(text[seconds:] + b".\r\n")
    for c in clients:
        assert c.reply().code == 250
        c.close()
    slow = [m for m in hop.messages if m.data == text]
    assert len(slow) == 1000
    wait_for(lambda: status(f)["counters"]["sessions_now"] == 0)
    works(f, hop)


def test_many_big_ones_at_a_time(filterd, hop):
    """Thirty messages that would be in memory each: together they are not."""
    f = start(filterd, hop, message_memory_limit="4m", message_memory_total_limit="6m")
    works(f, hop)
    before = memory(f)
    text = b"Subject: big\r\n\r\n" + b"one of many lines, not the last one\r\n" * 80000
    clients = connect_many(f, "lmtp", 30, [HELLO["lmtp"]] + TO_DATA)
    for c in clients:
        c.send(text)
    for d in DOORS:
        works(f, hop, d)                    # a small one needs no file
    if not sanitized(f):
        assert memory(f) - before < 6 * 1024 + 30 * 400 + 3 * 1024
    for c in clients:
        c.send(b".\r\n")
        assert c.reply().code == 250
        c.close()
    assert len([m for m in hop.messages if m.data == text]) == 30
    wait_for(lambda: status(f)["counters"]["sessions_now"] == 0)


def test_a_thousand_idle(filterd, hop):
    f = start(filterd, hop)
    works(f, hop)
    before = memory(f)
    clients = connect_many(f, "lmtp", 1000, [HELLO["lmtp"]])
    assert status(f)["counters"]["sessions_now"] == 1000
    for d in DOORS:
        works(f, hop, d)
    if not sanitized(f):
        assert memory(f) - before < 8 * 1024
    for c in clients[::50]:
        assert c.transaction("a@example.com", ["b@example.com"], b"x: y\r\n\r\n")[2][0].code == 250
    for c in clients:
        c.close()
    wait_for(lambda: status(f)["counters"]["sessions_now"] == 0)


# --- full disks ---

@pytest.fixture
def small_disk():
    """small_disk(directory, size) puts a file system of so many octets there."""
    if os.geteuid() != 0:
        cannot("needs root, to mount a small file system")
    mounted = []

    def make(directory, size):
        st = os.stat(directory)
        r = subprocess.run(["mount", "-t", "tmpfs", "-o",
                            f"size={size},mode=700,uid={st.st_uid},gid={st.st_gid}",
                            "tmpfs", directory], capture_output=True, text=True)
        if r.returncode != 0:
            cannot(f"cannot mount: {r.stderr}")
        mounted.append(directory)

    yield make
    for directory in mounted:
        # What still runs there is about to be stopped.
        subprocess.run(["umount", "-l", directory], check=True)


def fill(directory):
    """Leave nothing free; the file that takes it."""
    name = os.path.join(directory, "filler")
    fd = os.open(name, os.O_WRONLY | os.O_CREAT)
    for size in (1 << 16, 4096, 1):
        try:
            while os.write(fd, b"\0" * size) > 0:
                pass
        except OSError:
            pass
    os.close(fd)
    return name


BIG = b"Subject: big\r\n\r\n" + b"a line of a message that needs the spool file\r\n" * 100000


@pytest.mark.parametrize("limit", ["64k", "2m"])
@pytest.mark.parametrize("door", DOORS)
def test_spool_full(filterd, hop, small_disk, door, limit):
    f = start(filterd, hop, message_memory_limit=limit,
              prepare=lambda f: small_disk(f.dir + "/spool", "2m")).expect("No space|spool")
    r = send(f, door, BIG)[2][0]
    assert (r.code, r.text[:5]) == (452, "4.3.1")
    with smtp.Client(f.address(door), lmtp=door == "lmtp") as c:
        c.hello()
        # Again and again on one connection, big ones and small ones in turn.
        for _ in range(3):
            assert c.transaction("a@example.com", ["b@example.com"], BIG)[2][0].code == 452
            r = c.transaction("a@example.com", ["b@example.com"], b"Subject: small\r\n\r\n")[2][0]
            assert r.code == 250
    assert [len(m.data) for m in hop.wait(3)] == [18, 18, 18] and not hop.broken
    subprocess.run(["mount", "-o", "remount,size=32m", f.dir + "/spool"], check=True)
    assert send(f, door, BIG)[2][0].code == 250
    assert hop.wait(4)[3].data == BIG


@pytest.mark.parametrize("door", DOORS)
def test_no_spool(filterd, hop, door):
    """Small messages need none, whatever the limit; large ones are to come again."""
    f = start(filterd, hop, message_memory_limit="64k").expect("spool")
    shutil.rmtree(f.dir + "/spool")
    small, large = b"Subject: x\r\n\r\n", b"Subject: x\r\n\r\n" + b"a line\r\n" * 20000
    with smtp.Client(f.address(door), lmtp=door == "lmtp") as c:
        c.hello()
        for message, code in ((small, 250), (large, 452), (small, 250), (BIG, 452), (small, 250)):
            r = c.transaction("a@example.com", ["b@example.com"], message)[2][0]
            assert r.code == code
    assert [m.data for m in hop.wait(3)] == [small] * 3


@pytest.mark.parametrize("door", DOORS)
def test_hold_store_full(filterd, hop, small_disk, door):
    """4xx and the client keeps it; what was held stays whole; with room again it is held."""
    f = start(filterd, hop, header_checks="regexp:{dir}/rules", hold_min_free="0",
              files={"rules": "/^Subject: hold/ HOLD by rule\n"},
              prepare=lambda f: small_disk(f.dir + "/hold", "4m")).expect("No space|disk|hold")
    message = b"Subject: hold\r\n\r\n" + b"x" * 60 + b"\r\n"
    assert send(f, door, message)[2][0].code == 250
    filler = fill(f.dir + "/hold")
    for _ in range(3):
        r = send(f, door, message + BIG)[2][0]
        assert (r.code, r.text[:5]) == (451, "4.3.1")
        assert glob.glob(f.dir + "/hold/??/*.tmp") == []
        works(f, hop, door)
    assert len(f.ctl("hold", "list", "--json").splitlines()) == 1
    os.unlink(filler)
    assert send(f, door, message)[2][0].code == 250
    entries = [json.loads(x) for x in f.ctl("hold", "list", "--json").splitlines()]
    assert len(entries) == 2
    for e in entries:
        f.ctl("hold", "release", e["id"])
    hop.wait_for(lambda: [m.data for m in hop.messages].count(message) == 2)


def test_hold_store_full_for_its_index(filterd, hop, small_disk):
    """The file still fits, the index does not: held all the same, and listed when there is room."""
    f = start(filterd, hop, header_checks="regexp:{dir}/rules", hold_min_free="0",
              files={"rules": "/^Subject: hold/ HOLD by rule\n"},
              prepare=lambda f: small_disk(f.dir + "/hold", "4m")).expect("No space|disk|hold|full")
    filler = fill(f.dir + "/hold")
    took = 0
    # Room for one page more each time: for nothing, for the file, for the file and the index.
    for _ in range(12):
        os.truncate(filler, max(0, os.path.getsize(filler) - 4096))
        took += send(f, "lmtp", b"Subject: hold\r\n\r\nx\r\n")[2][0].code == 250
    assert 0 < took
    fill(f.dir + "/hold")
    entries = f.ctl("hold", "list", "--json").splitlines()
    assert len(entries) == took
    # Who cleans up can do so now, not only when there is room.
    f.ctl("hold", "delete", json.loads(entries[0])["id"])
    assert len(f.ctl("hold", "list", "--json").splitlines()) == took - 1
    os.unlink(filler)
    f.ctl("hold", "reindex")
    assert len(f.ctl("hold", "list", "--json").splitlines()) == took - 1


def test_state_full(filterd, hop, small_disk):
    f = start(filterd, hop, prepare=lambda f: small_disk(f.dir + "/state", "128k"))
    fill(f.dir + "/state")
    for door in DOORS:
        works(f, hop, door)


def test_log_full(filterd, hop, small_disk):
    """Nothing can be written down, and mail goes on."""
    def prepare(f):
        os.mkdir(f.dir + "/log")
        shutil.chown(f.dir + "/log", "nobody")
        small_disk(f.dir + "/log", "64k")
    f = start(filterd, hop, log_to="{dir}/log/filterd.log", prepare=prepare)
    f.log_file = f.dir + "/log/filterd.log"
    filler = fill(f.dir + "/log")
    for door in DOORS:
        works(f, hop, door)
    os.unlink(filler)
    for door in DOORS:
        works(f, hop, door)
    f.wait_finals(3)
    f.stop()


# --- clients that vanish ---

def test_clients_vanish_at_any_octet(filterd, hop):
    """Cut anywhere, nothing arrives but the whole message, and only after its final dot."""
    f = start(filterd, hop).expect("lost connection")
    wire = (b"LHLO x\r\nMAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.com>\r\nDATA\r\n"
            b"Subject: cut\r\n\r\nbody\r\n.\r\n")
    for cut in range(len(wire)):
        c = smtp.Client(f.address("lmtp"), lmtp=True)
        c.send(wire[:cut])
        if cut % 2:
            select.select([c.sock], [], [], 0.02)
            c.abort()
        else:
            c.sock.shutdown(socket.SHUT_WR)
            c.close()
    works(f, hop)
    wait_for(lambda: status(f)["counters"]["sessions_now"] == 0)
    assert len(hop.messages) == 1 and hop.unanswered == [] and hop.broken == []
