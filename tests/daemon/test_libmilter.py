"""The process that serves a listener with milter_engine = libmilter: its life beside the worker's."""
import json
import os
import pwd
import signal
import socket
import stat
import threading
import time

import pytest

import filterd_proc
import milter_client as mc
from children import alive
from reloading import sanitized

MESSAGE = b"Subject: hi\r\n\r\nhello\r\n"
LIB = "milter:unix, milter_engine = libmilter"


def door(filterd, more="", **settings):
    return filterd(listeners={"milter": LIB + more, "native": "milter:unix"}, **settings)


def status(f):
    return json.loads(f.ctl("status", "--json"))


def listener(f):
    return status(f)["listeners"][0]


def engine(f):
    """Its process id."""
    pid = listener(f)["engine_pid"]
    assert pid in f.workers()
    return pid


def wait_for(true, timeout=15):
    end = time.monotonic() + timeout
    while not true():
        assert time.monotonic() < end, "not in time"
        time.sleep(0.02)


ANSWERED = 0x7f     # steps of an MTA that wants an answer to everything, so what was said has been heard


def client(f, name="milter", **offer):
    c = mc.Client(f.address(name))
    c.negotiate(**offer)
    return c


def is_good(reply):
    return reply is None or reply.kind == "continue"


def reachable(address):
    try:
        mc.Client(address).close()
    except OSError:
        return False
    return True


def said(f, name="milter", **kwargs):
    """The reply at the end of a message on a connection of its own."""
    with client(f, name) as c:
        assert is_good(c.connect()) and is_good(c.helo())
        end = c.transaction(kwargs.pop("message", MESSAGE), **kwargs)[1]
        c.quit()
        return end


def test_a_process_of_its_own(filterd):
    f = door(filterd)
    pid = engine(f)
    assert pid != status(f)["pid"] and listener(f)["engine_serving"]
    assert f"libmilter: process {pid}, serving" in f.ctl("status")
    assert "engine" not in status(f)["listeners"][1]
    with open(f"/proc/{pid}/status") as s:
        fields = dict(line.rstrip("\n").split(":\t", 1) for line in s if ":\t" in line)
    assert fields["NoNewPrivs"] == "1" and fields["Name"] == "filterd-milter"
    wanted = pwd.getpwnam("nobody").pw_uid if os.geteuid() == 0 else os.geteuid()
    assert fields["Uid"].split() == [str(wanted)] * 4


def test_several(filterd):
    """One process a listener; a host and port too."""
    f = filterd(listeners={"a": LIB, "b": "milter, milter_engine = libmilter", "c": "milter:unix"})
    a, b = (x["engine_pid"] for x in status(f)["listeners"][:2])
    assert a != b
    for name in "abc":
        assert is_good(said(f, name))
    os.kill(b, signal.SIGKILL)
    f.expect("libmilter engine of b [0-9]* died of signal 9")
    wait_for(lambda: status(f)["listeners"][1]["engine_serving"] and status(f)["listeners"][1]["engine_pid"] != b)
    assert status(f)["listeners"][0]["engine_pid"] == a
    assert is_good(said(f, "b"))


def test_counters_are_told_with_the_worker_s(filterd):
    f = door(filterd, header_checks="regexp:{dir}/hc", files={"hc": "/^Subject: hi/ REJECT\n"})
    for name in ("milter", "native", "milter"):
        assert said(f, name).code == 550
    counters = status(f)["counters"]
    assert (counters["sessions"], counters["milter_sessions"], counters["milter_messages"], counters["rejected"]) == (3, 3, 3, 3)
    wait_for(lambda: status(f)["counters"]["sessions_now"] == 0)


def test_stores_are_one(filterd):
    """What either process holds, filterctl lists; what either has decided, it explains."""
    f = door(filterd, milter_hold="store", smtpd_recipient_restrictions="check_recipient_access inline:{ {bad@example.org = REJECT no} }",
             header_checks="regexp:{dir}/hc", files={"hc": "/^Subject: hold/ HOLD odd\n"})
    ids = []
    for name in ("milter", "native") * 3:
        end = said(f, name, message=b"Subject: hold\r\n\r\nx\r\n")
        assert end.kind == "discard"        # all of it is in the store
        ids.append(said(f, name, rcpts=("<bad@example.org>",)).text.split("(id ")[1].rstrip(")"))
    wait_for(lambda: len(f.ctl("hold", "list", "--json").splitlines()) == 6)
    for name in ids:
        wait_for(lambda: f.ctl("explain", name, status=None)[0] == 0)
        assert "REJECT" in f.ctl("explain", name)


@pytest.mark.parametrize("who", ["engine", "worker"])
def test_death(filterd, who):
    """The one that dies is replaced, the other one stays; the socket is there all the time."""
    f = door(filterd).expect("died of signal 9")
    lib, worker = engine(f), status(f)["pid"]
    for _ in range(2):
        os.kill(lib if who == "engine" else worker, signal.SIGKILL)
        with mc.Client(f.address("milter")) as c:       # waits in the queue of the socket meanwhile
            c.negotiate()
            assert is_good(c.connect())
        assert is_good(said(f, "native"))
        if who == "engine":
            assert status(f)["pid"] == worker and engine(f) != lib
            lib = engine(f)
        else:
            assert status(f)["pid"] != worker and engine(f) == lib
            worker = status(f)["pid"]


def test_a_message_of_the_dead_is_not_lost(filterd):
    f = door(filterd).expect("died of signal 9")
    with client(f, steps=ANSWERED) as c:
        assert is_good(c.connect()) and is_good(c.mail()) and is_good(c.rcpt())
        os.kill(engine(f), signal.SIGKILL)
        with pytest.raises((mc.Closed, OSError)):
            c.message(MESSAGE)


def test_reload(filterd):
    """New messages see it, those under way do not; both processes have it."""
    f = door(filterd, header_checks="regexp:{dir}/hc", files={"hc": "/^Subject: hi/ REJECT old\n"})
    f.file("hc2", "/^Subject: hi/ REJECT new\n")
    with client(f, steps=ANSWERED) as c:
        assert is_good(c.connect()) and is_good(c.mail()) and is_good(c.rcpt()) and is_good(c.data())
        seen = len(f.entries())
        f.write_config(header_checks="regexp:{dir}/hc2")
        f.kill(signal.SIGHUP)
        f.wait_log(lambda e: "libmilter engine of milter" in e.get("text", "") and "is in use" in e["text"], skip=seen)
        assert "old" in c.message(MESSAGE).text
        assert "new" in c.transaction(MESSAGE)[1].text
    f.expect("is not used|no such file|hc3")
    f.write_config(header_checks="regexp:{dir}/hc3")
    f.kill(signal.SIGHUP)
    f.wait_log(lambda e: "libmilter engine of milter" in e.get("text", "") and "is not used" in e["text"])
    assert "new" in said(f).text


def test_table_changes_are_seen(filterd):
    f = door(filterd, header_checks="regexp:{dir}/hc", files={"hc": "/^Subject: hi/ REJECT old\n"})
    assert "old" in said(f).text
    f.file("hc", "/^Subject: hi/ REJECT new\n")
    wait_for(lambda: "new" in said(f).text)


def test_another_engine_needs_a_restart(filterd):
    f = door(filterd)
    text = f.settings["listeners"]
    f.expect("milter_engine has changed")
    f.reload(listeners=text.replace("milter_engine = libmilter", "milter_engine = native"))
    assert status(f)["restart_needed"] == 1 and engine(f) and is_good(said(f))


def test_log_is_opened_again(filterd):
    f = door(filterd, header_checks="regexp:{dir}/hc", files={"hc": "/^Subject: hi/ REJECT\n"})
    os.rename(f.log_file, f.log_file + ".0")
    f.kill(signal.SIGUSR1)
    wait_for(lambda: os.path.exists(f.log_file))
    wait_for(lambda: said(f) and f.finals())


@pytest.mark.parametrize("kind", [LIB, "milter, milter_engine = libmilter"])
def test_stop_lets_a_message_end(filterd, kind):
    """And begins no other one."""
    f = filterd(listeners={"milter": kind}).expect("refused: filterd stops")
    with client(f, steps=ANSWERED) as c, client(f, steps=ANSWERED) as other:
        for x in (c, other):
            assert is_good(x.connect()) and is_good(x.helo())
        assert is_good(c.mail()) and is_good(c.rcpt()) and is_good(c.data())
        f.kill(signal.SIGTERM)
        f.wait_log(lambda e: e.get("text") == "stopping")
        wait_for(lambda: other.transaction(MESSAGE)[1].kind == "tempfail")
        wait_for(lambda: not reachable(f.address("milter")))
        assert is_good(c.message(MESSAGE))
        assert f.stop() == 0


def test_stop_time_limit(filterd):
    f = door(filterd, stop_time_limit="1s").expect("1 messages were broken off at stop_time_limit")
    with client(f, steps=ANSWERED) as c:
        assert is_good(c.connect()) and is_good(c.mail())
        before = time.monotonic()
        assert f.stop() == 0
        assert 0.9 < time.monotonic() - before < 15
        assert c.is_closed()


def test_idle_connections_do_not_keep_it(filterd):
    f = door(filterd)
    with client(f) as a, client(f) as b:
        assert is_good(b.connect()) and is_good(b.transaction(MESSAGE)[1])
        before = time.monotonic()
        assert f.stop() == 0
        assert time.monotonic() - before < 4
        assert a.is_closed() and b.is_closed()


def test_stray_signals(filterd):
    """What a terminal sends to all is for the supervisor to hear."""
    f = door(filterd)
    pid = engine(f)
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGUSR1):
        os.kill(pid, number)
    assert is_good(said(f)) and engine(f) == pid


@pytest.mark.parametrize("kind", [LIB, "milter, milter_engine = libmilter"])
def test_outlives_no_supervisor(filterd, kind):
    """The message under way ends well, others find nobody, and a successor may start at once."""
    f = filterd(listeners={"milter": kind}).expect("the supervisor has gone")
    pids = [engine(f), status(f)["pid"]]
    with client(f, steps=ANSWERED) as c:
        assert is_good(c.connect()) and is_good(c.mail()) and is_good(c.rcpt()) and is_good(c.data())
        f.kill(signal.SIGKILL)
        f.process.wait()
        f.process = None
        wait_for(lambda: not reachable(f.address("milter")))
        f.start()
        assert alive(pids[0]) and is_good(c.message(MESSAGE))
    assert is_good(said(f))
    wait_for(lambda: not any(map(alive, pids)))


def test_allowed_clients(filterd):
    f = door(filterd, ", allowed_clients = 192.0.2.1").expect("connection to milter refused: not in allowed_clients")
    with mc.Client(f.address("milter")) as c, pytest.raises(mc.Closed):
        c.negotiate()
    assert is_good(said(f, "native"))


def test_connection_limit(filterd):
    f = door(filterd, ", listener_connection_limit = 2").expect("refused: listener_connection_limit is reached")
    with client(f) as a, client(f):
        with mc.Client(f.address("milter")) as c, pytest.raises(mc.Closed):
            c.negotiate()
        a.quit()
        assert a.is_closed()
        assert is_good(said(f))


def test_socket_mode(filterd):
    f = door(filterd, ", socket_mode = 0606")
    assert stat.S_IMODE(os.stat(f.address("milter")).st_mode) == 0o606


@pytest.mark.parametrize("endpoint, good", [("127.0.0.2:1", True), ("localhost:1", True), ("[::1]:1", True), ("unix:/run/x", True),
                                            ("192.0.2.1:1", False), ("0.0.0.0:1", False), ("[::]:1", False)])
def test_whom_it_cannot_know(endpoint, good):
    code, text = filterd_proc.check(f"listeners = {{ milter:{endpoint}, milter_engine = libmilter }}\n"
                                    "state_directory = {dir}\nspool_directory = {dir}\nhold_directory = {dir}\n")
    assert (code == 0) == good, text
    assert good or "the library does not tell who connects" in text


def test_sessions_one_after_another(filterd):
    """QUIT_NC keeps what was negotiated; the client is another one."""
    f = door(filterd, smtpd_client_restrictions="check_client_access inline:{ {192.0.2.66 = REJECT} }")
    with client(f) as c:
        for addr, good in (("192.0.2.1", True), ("192.0.2.66", False), ("192.0.2.2", True)):
            assert is_good(c.connect(addr=addr)) and is_good(c.mail())
            assert is_good(c.rcpt()) == good
            if good:
                assert is_good(c.data()) and is_good(c.message(MESSAGE))
            else:
                c.abort()
            c.quit_nc()


def test_what_is_no_milter_protocol(filterd):
    f = door(filterd)
    for junk in (b"GET / HTTP/1.1\r\n\r\n", b"\0\0\0\0", b"\xff\xff\xff\xff", b"\0\0\0\x02O\0", b"\0\0\0\x01M"):
        with mc.Client(f.address("milter")) as c:
            c.send(junk)
            c.sock.shutdown(socket.SHUT_WR)
            assert c.is_closed()
    with mc.Client(f.address("milter")) as c:       # MAIL without a negotiation
        c.command(b"M", b"<a@b>\0")
        assert c.reply().kind == "tempfail"
    assert is_good(said(f))


def test_many_at_once(filterd):
    f = door(filterd, header_checks="regexp:{dir}/hc", files={"hc": "/^Subject: (.*)/ PREPEND X-Was: $1\n"})
    wrong = []

    def talk(n):
        for i in range(10):
            end = said(f, message=b"Subject: %d.%d\r\n\r\nx\r\n" % (n, i))
            if [c.value.strip() for c in end.changes] != [f"{n}.{i}"]:
                wrong.append(end)

    threads = [threading.Thread(target=talk, args=(n,)) for n in range(16)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not wrong
    assert status(f)["counters"]["milter_messages"] == 160


def test_memory_does_not_grow(filterd):
    """Connections, SMTP sessions on one, messages that are changed, refused and broken off."""
    f = door(filterd, header_checks="regexp:{dir}/hc", files={"hc": "/^Subject: bad/ REJECT\n/^Subject: (.*)/ PREPEND X-Was: $1\n"})
    pid = engine(f)

    def some(n):
        for i in range(n):
            with client(f, steps=[ANSWERED, mc.STEPS][i % 2]) as c:
                for again in range(2):
                    c.connect()
                    c.macros("mail", {"i": "4bCdEf", "{auth_authen}": "bob"})
                    assert c.transaction(b"Subject: bad\r\n\r\nx\r\n")[1].code == 550
                    assert is_good(c.transaction(b"Subject: hi\r\n\r\n" + b"x" * 5000)[1])
                    c.quit_nc()
                if i % 3:
                    c.connect()
                    c.mail()

    def resident():
        with open(f"/proc/{pid}/statm") as s:
            return int(s.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    some(150)
    before = resident()
    some(450)
    if not sanitized(pid):        # what the address sanitizer keeps is no growth
        assert resident() - before < 1500 * 1024    # 1 KB for each of 1,800 messages would be more
