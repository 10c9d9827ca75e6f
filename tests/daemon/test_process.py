"""Supervisor and worker: start, stop, reload, death of either, and what filterctl sees of it."""
import json
import os
import pwd
import re
import signal
import socket
import threading
import time

import filterd_proc
import pytest
import smtp
from children import alive
from nexthop import Delay

MESSAGE = b"Subject: hi\r\n\r\nhello\r\n"


def send(f, name="lmtp", message=MESSAGE):
    """The reply to the one recipient."""
    return smtp.send(f.address(name), "a@example.com", ["b@example.com"], message,
                     lmtp=name == "lmtp")[2][0]


def wait_for(true, timeout=15):
    end = time.monotonic() + timeout
    while not true():
        assert time.monotonic() < end, "not in time"
        time.sleep(0.02)


def status(f):
    return json.loads(f.ctl("status", "--json"))


def test_rights_of_the_worker(filterd, hop):
    f = filterd(next_hop=hop.next_hop)
    worker, = f.workers()
    with open(f"/proc/{worker}/status") as s:
        fields = dict(line.rstrip("\n").split(":\t", 1) for line in s if ":\t" in line)
    assert fields["NoNewPrivs"] == "1"
    wanted = pwd.getpwnam("nobody").pw_uid if os.geteuid() == 0 else os.geteuid()
    assert fields["Uid"].split() == [str(wanted)] * 4
    if os.geteuid() == 0:
        assert fields["CapEff"].strip("0") == "" and "0" not in fields["Groups"].split()


def test_worker_is_replaced(filterd, hop):
    f = filterd(next_hop=hop.next_hop).expect("died of signal 9")
    for _ in range(3):
        worker, = f.workers()
        os.kill(worker, signal.SIGKILL)
        wait_for(lambda: f.workers() not in ([], [worker]))
        assert send(f).code == 250      # the socket was there all the time
    assert status(f)["pid"] == f.workers()[0]


def test_worker_outlives_no_supervisor(filterd, hop):
    """The open transaction ends well, others find nobody, and a successor may start at once."""
    f = filterd(next_hop=hop.next_hop).expect("supervisor has gone")
    worker, = f.workers()
    with smtp.Client(f.address("lmtp"), lmtp=True) as c:
        c.hello()
        c.mail("a@example.com")
        c.rcpt("b@example.com")
        f.kill(signal.SIGKILL)
        f.wait_log(lambda e: "supervisor has gone" in e["text"])
        wait_for(lambda: refused(f.address("smtp")))
        f.process.wait()
        f.process = None
        f.start()
        assert alive(worker)
        assert c.data(MESSAGE, 1)[0].code == 250
    assert send(f).code == 250
    wait_for(lambda: not alive(worker))
    assert len(hop.wait(2)) == 2


def refused(address):
    try:
        socket.create_connection(address, 5).close()
    except OSError:
        return True
    return False


def test_stop_lets_a_transaction_end(filterd, hop):
    f = filterd(next_hop=hop.next_hop)
    with smtp.Client(f.address("smtp")) as idle, smtp.Client(f.address("lmtp"), lmtp=True) as c:
        idle.hello()
        c.hello()
        c.mail("a@example.com")
        c.rcpt("b@example.com")
        f.kill(signal.SIGTERM)
        assert idle.reply().code == 421
        wait_for(lambda: refused(f.address("smtp")))
        assert c.data(MESSAGE, 1)[0].code == 250
    assert f.stop() == 0


def test_stop_time_limit(filterd, hop):
    """Also: a limit that a reload brought."""
    f = filterd(next_hop=hop.next_hop, stop_time_limit="1h").expect("broken off")
    assert f.reload(stop_time_limit="1s")["level"] == "info"
    with smtp.Client(f.address("lmtp"), lmtp=True) as c:
        c.hello()
        c.mail("a@example.com")
        began = time.monotonic()
        assert f.stop() == 0
        assert time.monotonic() - began < 10
    assert not hop.messages


def test_reload(filterd, hop):
    """I3: transactions keep their configuration, nothing is closed, bad ones change nothing."""
    f = filterd(next_hop=hop.next_hop, files={"rules": "/^Subject: hi/ REJECT 5.7.9 no\n"})
    worker = f.workers()
    with smtp.Client(f.address("lmtp"), lmtp=True) as c:
        c.hello()
        c.mail("a@example.com")
        c.rcpt("b@example.com")
        assert f.reload(header_checks="regexp:{dir}/rules")["level"] == "info"
        assert c.data(MESSAGE, 1)[0].code == 250
        c.mail("a@example.com")
        c.rcpt("b@example.com")
        assert c.data(MESSAGE, 1)[0].code == 550
    f.expect("nonsense|not used|missing")
    assert f.reload(header_checks="nonsense:x")["level"] == "error"
    assert f.reload(header_checks="regexp:{dir}/missing")["level"] == "error"
    assert send(f).code == 550
    s = status(f)
    assert (s["counters"]["reloads"], s["counters"]["reloads_failed"]) == (1, 2)
    assert f.reload(header_checks="")["level"] == "info"
    assert send(f).code == 250
    assert f.workers() == worker


def test_reload_names_what_needs_a_restart(filterd, hop):
    f = filterd(next_hop=hop.next_hop).expect("restart")
    assert f.reload(worker_threads=3, after_queue_reject="hold")["level"] == "info"
    told = [e["text"] for e in f.entries() if "by a restart only" in e["text"]]
    assert told == ["worker_threads has changed and is taken over by a restart only"]
    assert status(f)["restart_needed"] == 1
    # Other sockets: all of it is refused, for half a configuration is nobody's wish.
    was = f.settings["listeners"]
    f.expect("not used")
    assert f.reload(listeners="{ lmtp:127.0.0.1:1 }", worker_threads=None)["level"] == "error"
    assert send(f).code == 250
    assert f.reload(listeners=was)["level"] == "info"
    assert status(f)["restart_needed"] == 0


def test_many_reloads_leak_nothing(filterd, hop):
    f = filterd(next_hop=hop.next_hop, header_checks="regexp:{dir}/rules",
                files={"rules": "/^X-Never:/ REJECT\n"})
    worker, = f.workers()

    def load():
        return len(os.listdir(f"/proc/{worker}/fd")), len(os.listdir(f"/proc/{worker}/task"))

    f.reload()
    before = load()
    for _ in range(100):
        f.reload()
    assert send(f).code == 250
    # The kept connection to the next hop; today's decisions and their index.
    wait_for(lambda: load()[0] <= before[0] + 3)
    assert load()[1] <= before[1] + 1


def test_findings_are_told_once(filterd, hop):
    """By each reading of the configuration, for however many listeners and parameters; the first
    also tells the terminal."""
    f = filterd(next_hop=hop.next_hop, files={"rules": "if /a/\n/x/ DUNNO\n"},
                header_checks="regexp:{dir}/rules", body_checks="regexp:{dir}/rules")
    f.expect("IF without ENDIF|died of signal 9")

    def told():
        return sum("IF without ENDIF" in e["text"] for e in f.entries())

    assert len(f.addresses) > 1
    assert (told(), f.said().count("IF without ENDIF")) == (1, 1)
    f.reload()
    assert told() == 2
    worker, = f.workers()
    os.kill(worker, signal.SIGKILL)
    f.wait_log(lambda e: e["text"] == "serving" and e["pid"] != worker)
    assert (told(), f.said().count("IF without ENDIF")) == (3, 1)


def test_stop_waits_for_no_reload(filterd, hop):
    """Many were asked for, by a script gone wild, and none is begun once it is to stop."""
    f = filterd(next_hop=hop.next_hop)
    worker, = f.workers()
    os.kill(worker, signal.SIGSTOP)
    for _ in range(200):
        f.kill(signal.SIGHUP)
        time.sleep(0.002)
    f.kill(signal.SIGTERM)
    f.wait_log(lambda e: e["text"] == "stopping")
    time.sleep(0.1)             # it says so just before the worker is told
    os.kill(worker, signal.SIGCONT)
    assert f.stop() == 0
    assert not [e for e in f.entries() if e["text"].endswith(" is in use")]


def test_log_is_opened_again(filterd, hop):
    f = filterd(next_hop=hop.next_hop)
    os.rename(f.log_file, f.log_file + ".1")
    f.kill(signal.SIGUSR1)
    wait_for(lambda: os.path.exists(f.log_file))
    # The supervisor first, then the worker: both must be done.
    wait_for(lambda: send(f).code == 250 and f.finals())


def test_daemon_returns_when_it_serves(filterd, hop):
    f = filterd(next_hop=hop.next_hop, pid_file="{dir}/run/pid")
    f.expect("running already|nonsense|before it was ready")
    assert f.stop() == 0
    # The output is a pipe: it must be let go of too, or this waits for ever.
    r = f.command()
    assert (r.returncode, r.stdout + r.stderr) == (0, "")
    with open(f.dir + "/run/pid") as p:
        pid = int(p.read())
    assert send(f).code == 250
    again = f.command()
    assert again.returncode == 71 and f"running already, as process {pid}" in again.stderr
    os.kill(pid, signal.SIGTERM)
    wait_for(lambda: not alive(pid))
    assert not os.path.exists(f.dir + "/run/pid") and f.processes() == []
    # One that fails says why and with which status.
    f.write_config(header_checks="nonsense:x")
    bad = f.command()
    assert bad.returncode == 78 and "nonsense" in bad.stderr


BROKEN = [
    # settings, all of what must be said
    ({"heder_checks": "x", "smtpd_timeout": "soon"}, ["header_checks", "smtpd_timeout"]),
    ({"header_checks": "pcre:/nonexistent/x"}, ["filterd.cf:", "/nonexistent/x"]),
    ({"header_checks": "nonsense:x", "log_to": "here"}, ["nonsense", "log_to: "]),
    ({"syslog_facility": "mial"}, ['did you mean "mail"']),
    ({"listeners": ""}, ["at least one"]),
]


@pytest.mark.parametrize("settings, said", BROKEN)
@pytest.mark.parametrize("args", [("-n",), ("-f",), ()])
def test_broken_configuration(settings, said, args):
    """The same words and status from -n, in the foreground and as a daemon."""
    f = filterd_proc.Filterd(**settings)
    try:
        r = f.command(*args)
        checked = f.ctl("check", status=None)
    finally:
        f.end_all()
        f.remove()
    assert (r.returncode, checked[0]) == (78, 78)
    assert checked[1].startswith("error: ") or "\nerror: " in checked[1]
    for word in said:
        assert word in r.stderr
    assert r.stderr.startswith("filterd: ") and "filterd: error: " in r.stderr


def test_control_socket(filterd, hop):
    f = filterd(next_hop=hop.next_hop)
    send(f)
    f.wait_finals(1)
    s = status(f)
    assert s["counters"]["delivered"] == 1
    assert s["config"] == f.config
    assert [x["kind"] for x in s["listeners"]] == ["lmtp", "smtp"]
    assert s["next_hops"][hop.next_hop]["learnt"] is True
    text = f.ctl("status")
    assert f"worker {f.workers()[0]}" in text and "recipients handed to the next hop" in text
    # A crowd with rubbish does not keep others from asking.
    path = f.settings["control_socket"]
    crowd = []
    for junk in (b"", b"{", b"\0" * 100, b"x" * 1000):
        c = socket.socket(socket.AF_UNIX)
        c.connect(path)
        c.send(junk)
        crowd.append(c)
    assert status(f)["pid"] == s["pid"]
    for c in crowd:
        c.close()
    f.stop()
    assert f.ctl("status", status=None)[0] == 69
    assert not os.path.exists(path)


def test_under_load(filterd, hop):
    """Reloads and dead workers while mail flows: every 250 is at the next hop."""
    f = filterd(next_hop=hop.next_hop).expect("died of signal 9|lost connection")
    accepted, stop = [], threading.Event()

    def sender(n):
        i = 0
        while not stop.is_set():
            i += 1
            mark = f"{n}.{i}"
            try:
                r = smtp.send(f.address("lmtp"), "a@example.com", ["b@example.com"],
                              b"Subject: %s\r\n\r\nx\r\n" % mark.encode(), lmtp=True)[2][0]
                if r.code == 250:
                    accepted.append(mark)
            except (OSError, IndexError, smtp.Closed, smtp.ProtocolError):
                pass                    # its worker died: it would try again

    threads = [threading.Thread(target=sender, args=(n,)) for n in range(4)]
    for t in threads:
        t.start()
    for k in range(4):
        time.sleep(0.2)
        f.kill(signal.SIGHUP)
        if k % 2:
            for w in f.workers():
                os.kill(w, signal.SIGKILL)
            wait_for(lambda: f.workers())
    stop.set()
    for t in threads:
        t.join()
    at_hop = {m.data.split(b"\r\n")[0][9:].decode() for m in hop.messages if m.data}
    assert accepted and set(accepted) <= at_hop


@pytest.mark.parametrize("waits_for", ["client", "next hop"])
def test_stop_spares_a_pipelined_transaction(filterd, hop, waits_for):
    """MAIL, RCPT and DATA in one write: it never rests inside the transaction, but it is in one."""
    f = filterd(next_hop=hop.next_hop)
    with smtp.Client(f.address("lmtp"), lmtp=True) as c:
        c.hello()
        c.transaction("a@example.com", ["b@example.com"], MESSAGE)
        c.send(b"MAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.com>\r\nDATA\r\n")
        assert [r.code for r in c.replies(3)] == [250, 250, 354]
        if waits_for == "next hop":
            hop.script = {"end": Delay(1, "250 2.0.0 Ok: late")}
            c.send(smtp.dot_stuff(MESSAGE))
            hop.wait_for(lambda: len(hop.started) == 2 and hop.started[1].data is not None)
        f.kill(signal.SIGTERM)
        wait_for(lambda: refused(f.address("smtp")))
        time.sleep(0.5)
        if waits_for == "client":
            c.send(smtp.dot_stuff(MESSAGE))
        assert c.reply().code == 250
    assert f.stop() == 0


def test_all_errors_are_listed():
    """Of syntax, range, networks, tables and next hops, in one go, each with its line."""
    status, said = filterd_proc.check("""\
listeners = { lmtp:127.0.0.1:10025, next_hop = nonsense } { frob:1 }
message_size_limit = abc
header_checks = regexp:{dir}/absent
body_checks = frob:/x
allowed_clients = 10.0.0.0/99
foo = bar
state_directory = relative
next_hop = ${x
header_size_limit = 0
tag_header = no field
filter_next_hop_maps = texthash:{dir}/rules
""", files={"rules": "a b\na c\n"})
    assert status == 78
    lines = {int(n) for n in re.findall(r"error: \S*filterd\.cf:(\d+): ", said)}
    assert lines == {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}, said
    for what in ("nonsense", "kind \"frob\"", "absent", "type \"frob\"", "10.0.0.0/99", "duplicate key"):
        assert what in said, (what, said)
