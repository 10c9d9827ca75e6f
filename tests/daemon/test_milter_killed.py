"""A real Postfix with milter_default_action = tempfail, and a filterd that dies, or is lost, with a
message at any stage: what is delivered has been checked, and has been changed as a whole."""
import os
import signal
import subprocess
import tempfile
import threading
import time

import pytest

import postfix as postfix_lib
import smtp
from milter_cut import Cut
from ports import free_port
from conftest import cannot

ALICE = "alice@example.test"
MESSAGE = b"From: me@example.com\r\nSubject: hello\r\n\r\nhow are you\r\n"
# Every message that filterd has seen to its end has this, and the other body.
SEEN, BODY = b"X-Seen: yes", b"fine, thanks"
DEFERRED = range(400, 500)

CHECKS = dict(
    files={"header": "/^Subject:/ PREPEND X-Seen: yes\n", "body": "/^how are you/ REPLACE fine, thanks\n"},
    header_checks="regexp:{dir}/header", body_checks="regexp:{dir}/body",
    smtpd_restriction_classes="slow", slow="sleep 2",
    smtpd_end_of_data_restrictions="check_sender_access inline:{ { slow@example.com = slow } }")


def milter(f):
    return "inet:%s:%d" % f.address("milter")


def main(milters, **more):
    """Postfix as the README has it, but that it gives up sooner."""
    return {"smtpd_milters": milters, "non_smtpd_milters": milters, "milter_default_action": "tempfail",
            "milter_connect_timeout": "5s", "milter_command_timeout": "10s", "milter_content_timeout": "10s",
            **more}


def all_checked(p):
    """Every message in the mailbox was changed as a whole; how many there are."""
    mails = p.mails(ALICE)
    for m in mails:
        assert SEEN in m and BODY in m and b"how are you" not in m, m
    return len(mails)


def send(p, sender="me@example.com"):
    """One message in a session of its own: the last reply."""
    with smtp.Client(p.smtp) as c:
        if c.greeting.code != 220:
            return c.greeting.code
        return transaction(c, sender)


def transaction(c, sender="me@example.com", after=lambda stage: None):
    """The reply that ends it; after(stage) is called when a stage has been replied to."""
    for stage, line in (("helo", "EHLO client.example"), ("mail", f"MAIL FROM:<{sender}>"),
                        ("rcpt", f"RCPT TO:<{ALICE}>"), ("data", "DATA")):
        reply = c.cmd(line)
        after(stage)
        if reply.code >= 400:
            c.cmd("RSET")
            return reply.code
    c.send(MESSAGE[:50])
    after("body")
    c.send(MESSAGE[50:] + b".\r\n")
    after("end")
    return c.reply().code


def arrives(p, n):
    p.wait_empty()
    p.until(lambda: len(p.mails(ALICE)) >= n, "not delivered")
    assert all_checked(p) == n


def kill_worker(f):
    """And wait until another one serves."""
    old, = f.workers()
    os.kill(old, signal.SIGKILL)
    f.wait_log(lambda e: e.get("text") == "serving" and e["pid"] != old, 30, len(f.entries()) - 1)


def kill_both(f):
    """Nobody listens afterwards."""
    worker, = f.workers()
    f.kill(signal.SIGSTOP)          # that it starts no other, and that this one does not end by itself
    os.kill(worker, signal.SIGKILL)
    f.kill(signal.SIGKILL)
    f.process.wait()
    f.process = None


STAGES = ("connect", "helo", "mail", "rcpt", "data", "body", "end")


@pytest.fixture(scope="module", params=["inet", "unix"])
def behind_one(request):
    """(endpoint, Postfix): each test has a filterd of its own there, for one whose workers die again
    and again is made to wait longer and longer."""
    if postfix_lib.missing():
        cannot(postfix_lib.missing())
    with tempfile.TemporaryDirectory(prefix="filterd-test.") as d:
        os.chmod(d, 0o777)
        endpoint = f"unix:{d}/milter" if request.param == "unix" else f"127.0.0.1:{free_port()}"
        milters = endpoint if request.param == "unix" else "inet:" + endpoint
        with postfix_lib.Postfix(main=main(milters)) as p:
            yield endpoint, p


@pytest.mark.parametrize("both", [False, True])
@pytest.mark.parametrize("stage", STAGES)
def test_killed(filterd, behind_one, stage, both):
    """The worker: the message is deferred, the next one of the session is too or has been checked, and
    a new session has the next worker.  Or the supervisor too: all are deferred until it is started
    again."""
    endpoint, p = behind_one
    listeners = f"{{ milter:{endpoint}, name = milter, socket_mode = 0666 }}"
    if not endpoint.startswith("unix"):
        listeners = listeners.replace(", socket_mode = 0666", "")
    f = filterd(listeners=listeners, **CHECKS).expect("died of signal 9").expect("supervisor has gone")
    p.clear_mails()
    killed = []

    def after(now):
        if now == stage and not killed:
            if stage == "end":
                time.sleep(0.5)         # the check is under way
            killed.append(now)
            (kill_both if both else kill_worker)(f)

    with smtp.Client(p.smtp) as c:
        assert c.greeting.code == 220
        after("connect")
        code = transaction(c, "slow@example.com" if stage == "end" else "me@example.com", after)
        assert killed and code in DEFERRED
        again = transaction(c)
    assert again in DEFERRED or (again == 250 and not both)
    if both:
        assert send(p) in DEFERRED
        f.start()
    assert send(p) == 250
    arrives(p, 1 + (again == 250))


@pytest.mark.parametrize("stage", STAGES)
def test_engine_libmilter_is_killed(filterd, postfix, stage):
    """The process that has libmilter in it.  Between two of them nobody listens."""
    f = filterd(listeners={"milter": "milter, milter_engine = libmilter"}, **CHECKS)
    f.expect("died of signal 9")
    p = postfix(main=main(milter(f)))
    engine = f.wait_log(lambda e: e["text"] == "libmilter engine of milter: serving")["pid"]
    killed = []

    def after(now):
        if now == stage and not killed:
            if stage == "end":
                time.sleep(0.5)
            killed.append(now)
            os.kill(engine, signal.SIGKILL)

    with smtp.Client(p.smtp) as c:
        assert c.greeting.code == 220
        after("connect")
        code = transaction(c, "slow@example.com" if stage == "end" else "me@example.com", after)
        assert killed and code in DEFERRED
        accepted = [code for code in [transaction(c)] if code == 250]
    end = time.monotonic() + 30
    while not accepted:
        code = send(p)
        assert code in DEFERRED or code == 250
        accepted += [code] * (code == 250)
        assert time.monotonic() < end
    arrives(p, 1)


def test_worker_is_killed_again_and_again(filterd, postfix):
    """While eight clients send as fast as they can."""
    f = filterd(listeners={"milter": "milter"}, **CHECKS).expect("died of signal 9")
    p = postfix(main=main(milter(f)))
    accepted, deferred, other, done = [], [], [], threading.Event()

    def client():
        while not done.is_set():
            try:
                code = send(p)
            except (smtp.Closed, OSError):
                code = 421
            (accepted if code == 250 else deferred if code in DEFERRED else other).append(code)

    threads = [threading.Thread(target=client) for _ in range(8)]
    for t in threads:
        t.start()
    for _ in range(3):
        time.sleep(0.7)
        kill_worker(f)
    time.sleep(0.7)
    done.set()
    for t in threads:
        t.join()
    print(f"{len(accepted)} accepted, {len(deferred)} deferred")
    assert not other and len(accepted) > 20 and deferred
    arrives(p, len(accepted))


def test_worker_does_not_answer(filterd, postfix):
    """Stopped, not dead: Postfix's time-out decides."""
    f = filterd(listeners={"milter": "milter"}, **CHECKS)
    p = postfix(main=main(milter(f), milter_command_timeout="2s", milter_content_timeout="2s"))
    assert send(p) == 250
    worker, = f.workers()
    os.kill(worker, signal.SIGSTOP)
    try:
        assert send(p) in DEFERRED
    finally:
        os.kill(worker, signal.SIGCONT)
    assert send(p) == 250
    arrives(p, 2)


def test_local_mail_waits(filterd, postfix):
    """What comes by sendmail(1) goes to cleanup(8), which asks non_smtpd_milters."""
    f = filterd(listeners={"milter": "milter"}, **CHECKS)
    p = postfix(main=main(milter(f)))
    f.stop()
    subprocess.run(["/usr/sbin/sendmail", "-C", p.dir + "/etc", "-i", "-f", "me@example.com", ALICE],
                   input=MESSAGE.replace(b"\r\n", b"\n"), check=True)
    p.until(lambda: "tempfail" in p.log() or "Service unavailable" in p.log() or "cannot connect" in p.log()
            or "Connection refused" in p.log(), "cleanup has asked")
    time.sleep(1)
    assert p.mails(ALICE) == []
    f.start()
    p.run("postqueue", "-f")
    p.until(lambda: p.mails(ALICE), "not delivered", 90)
    arrives(p, 1)


# --- lost in the middle of the answer ---

def test_answer_is_cut(filterd, postfix):
    """At each packet's bounds, and in each packet: with one octet missing nothing is delivered."""
    f = filterd(listeners={"milter": "milter"}, **CHECKS)
    most, seen = [None], []

    def cut(command, said):
        if command != b"E":
            return None
        seen.append(said)
        return most[0]

    with Cut(f.address("milter"), cut) as between:
        p = postfix(main=main(between.postfix))
        assert send(p) == 250
        answer = seen[-1]
        bounds = [0]
        while bounds[-1] < len(answer):
            bounds.append(bounds[-1] + 4 + int.from_bytes(answer[bounds[-1]:bounds[-1] + 4], "big"))
        assert len(bounds) >= 4         # a field, the body, CONTINUE
        cuts = sorted({b + d for b in bounds for d in (-1, 0, 2, 5)} & set(range(len(answer))))
        for most[0] in cuts:
            assert send(p) in DEFERRED, f"cut behind {most[0]} of {len(answer)} octets"
        most[0] = None
        assert send(p) == 250
        arrives(p, 2)
