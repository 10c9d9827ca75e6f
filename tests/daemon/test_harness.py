"""The harness itself: a fake next hop that lies is worse than none."""
import os
import shutil
import signal
import socket
import subprocess
import sys
import time

import pytest

import children
import nexthop
import postfix as postfix_lib
import smtp

MESSAGE = b"Subject: one\r\n\r\n.dot\r\nlast\r\n"


def test_message_arrives_as_sent(hop):
    m, rs, ends = smtp.send(hop.address, "a@example.com", ["b@example.com", "c@example.com"],
                            MESSAGE, name="client.example", ident="4F00")
    assert (m.code, [r.code for r in rs]) == (250, [250, 250])
    assert ends == [(250, ["2.0.0 Ok: queued as HOP000001"])]
    [got] = hop.wait(1)
    assert got.sender == "a@example.com"
    assert got.recipients == got.accepted == ["b@example.com", "c@example.com"]
    assert got.data == MESSAGE
    assert b"\r\n..dot\r\n" in got.wire
    assert got.xforward == {"NAME": "client.example", "IDENT": "4F00"}


def test_lmtp_answers_each_recipient(lmtp_hop):
    lmtp_hop.script = {"rcpt": [None, "550 5.1.1 unknown"], "end": ["250 one", "452 4.2.2 full"]}
    m, rs, ends = smtp.send(lmtp_hop.address, "", ["a@x.example", "b@x.example", "c@x.example"],
                            MESSAGE, lmtp=True)
    assert [r.code for r in rs] == [250, 550, 250]
    assert [str(e) for e in ends] == ["250 one", "452 4.2.2 full"]
    assert lmtp_hop.wait(1)[0].accepted == ["a@x.example"]


@pytest.mark.parametrize("stage", ["connect", "hello", "mail", "rcpt", "data", "end"])
@pytest.mark.parametrize("how", [nexthop.CLOSE, nexthop.RESET])
def test_closes_at_stage(hop, stage, how):
    hop.script = {stage: how}
    with pytest.raises(smtp.Closed):
        smtp.send(hop.address, "a@example.com", "b@example.com", MESSAGE)
    assert hop.messages == []
    # The message was there: whoever sent it cannot know.
    assert [m.data for m in hop.unanswered] == ([MESSAGE] if stage == "end" else [])


def test_hangs(hop):
    hop.script = {"mail": nexthop.HANG}
    c = smtp.Client(hop.address, timeout=0.3)
    c.hello()
    with pytest.raises(socket.timeout):
        c.mail("a@example.com")
    c.close()


def test_closes_inside_the_message(hop):
    hop.script = {"body": nexthop.CloseAfter(5)}
    with pytest.raises(smtp.Closed):
        with smtp.Client(hop.address) as c:
            c.hello()
            c.mail("a@example.com"), c.rcpt("b@example.com"), c.cmd("DATA")
            c.send(b"0123456789")
            c.reply()
    hop.wait_for(lambda: hop.broken)
    assert hop.broken[0].wire == b"0123456789"


def test_delay_and_function(hop):
    hop.script = {"mail": nexthop.Delay(0.2, "250 late"),
                  "rcpt": lambda session, line: "250 " + line.decode()}
    with smtp.Client(hop.address) as c:
        c.hello()
        t = time.monotonic()
        assert c.mail("a@example.com").text == "late"
        assert time.monotonic() - t >= 0.2
        assert c.rcpt("b@example.com").text == "RCPT TO:<b@example.com>"


@pytest.mark.parametrize("name", sorted(nexthop.ENDS))
def test_smuggled_transaction_shows(name):
    """A second transaction behind each lenient end, where and only where the hop falls for it."""
    end = nexthop.ENDS[name]
    smuggled = (b"Subject: one\r\n\r\nx" + end + b"MAIL FROM:<evil@example.com>\r\n"
                b"RCPT TO:<victim@example.com>\r\nDATA\r\nSubject: two\r\n\r\n.\r\n")
    for ends, expected in ((("crlf",), 1 if name != "crlf" else 2), (("crlf", name), 2)):
        with nexthop.NextHop(ends=ends, line_ends=(b"\n", b"\r")) as hop:
            with smtp.Client(hop.address) as c:
                c.hello()
                c.mail("a@example.com"), c.rcpt("b@example.com"), c.cmd("DATA")
                c.send(smuggled)
                hop.wait(expected)
            assert len(hop.messages) == expected
            assert hop.messages[-1].sender == ("evil@example.com" if expected == 2
                                               else "a@example.com")


def test_unix_socket(tmp_path):
    with nexthop.NextHop(lmtp=True, unix=str(tmp_path / "s")) as hop:
        _, _, ends = smtp.send(hop.address, "", "b@example.com", MESSAGE, lmtp=True)
        assert ends[0].code == 250
        assert hop.next_hop == f"lmtp:unix:{tmp_path}/s"


def test_client_refuses_what_is_no_reply():
    with nexthop.NextHop(script={"connect": "22 short"}) as hop:
        with pytest.raises(smtp.ProtocolError):
            smtp.Client(hop.address)


def test_big_message_is_quick(hop):
    big = b"Subject: big\r\n\r\n" + b"0123456789" * 7 * 100000 + b"\r\n"
    smtp.send(hop.address, "a@example.com", "b@example.com", big)
    assert hop.wait(1)[0].data == big


def test_postfix_alone(postfix):
    p = postfix()
    smtp.send(p.smtp, "bob@example.test", "alice@example.test", MESSAGE)
    p.wait_empty()
    [mail] = p.mails("alice@example.test")
    assert mail.endswith(b"Subject: one\n\n.dot\nlast\n")
    assert p.mails("bob@example.test") == []
    _, rs, _ = smtp.send(p.smtp, "", "nobody-here@example.test", MESSAGE)
    assert rs[0].code == 550


@pytest.mark.parametrize("kind", ["lmtp", "smtp"])
def test_postfix_through_content_filter(postfix, kind):
    """What filterd is given: XFORWARD, and the message as Postfix sends it."""
    with nexthop.NextHop(lmtp=kind == "lmtp") as hop:
        p = postfix(content_filter=f"{kind}:[127.0.0.1]:{hop.port}")
        smtp.send(p.smtp, "bob@example.test", ["alice@example.test", "bob@example.test"], MESSAGE)
        [m] = hop.wait(1)
        assert m.sender == "bob@example.test"
        assert m.recipients == ["alice@example.test", "bob@example.test"]
        assert m.xforward["ADDR"] == "127.0.0.1" and "IDENT" in m.xforward
        assert m.data.endswith(b"Subject: one\r\n\r\n.dot\r\nlast\r\n")
        p.wait_empty()


def test_postfix_defers_and_bounces(postfix):
    with nexthop.NextHop(lmtp=True, script={"rcpt": ["450 4.2.0 later"]}) as hop:
        p = postfix(content_filter=f"lmtp:[127.0.0.1]:{hop.port}")
        smtp.send(p.smtp, "bob@example.test", "alice@example.test", MESSAGE)
        p.wait_deferred()
        hop.script = {"end": ["550 5.7.1 not here"]}
        p.flush()
        p.wait_empty()
        [bounce] = p.mails("bob@example.test")
        assert b"550 5.7.1 not here" in bounce


def test_postfix_leaves_nothing_running(postfix):
    p = postfix()
    pid = p.process.pid
    # The master listens before it has made anybody.
    p.until(lambda: len(postfix_lib.members(pid)) > 1, "Postfix has one process only")
    p.stop()
    assert postfix_lib.members(pid) == []


# --- nothing is left running ---

# As a daemon does: another session, nobody's output, and its process id told.
DAEMON = ["sh", "-c", "setsid sleep 300 > /dev/null 2>&1 & echo $!"]


def with_harness(*argv):
    """Start a Python that finds what a test finds."""
    return subprocess.Popen([sys.executable, "-B", *argv], stdout=subprocess.PIPE, text=True,
                            env=dict(os.environ, PYTHONPATH=os.path.dirname(children.__file__),
                                     PYTEST_ADDOPTS=""))


def test_a_daemon_ends_with_its_guard():
    with children.Guarded(DAEMON) as g:
        pid = int(g.stdout)
        assert g.returncode == 0 and children.alive(pid)
        assert g.close() == []
    assert not children.alive(pid)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_daemon_ends_with_us(number):
    p = with_harness("-c", "import children, signal\n"
                     f"print(children.Guarded({DAEMON}).stdout, flush=True)\n"
                     "signal.pause()")
    pid = int(p.stdout.readline())
    assert children.alive(pid)
    p.send_signal(number)
    p.wait()
    end = time.monotonic() + 20
    while children.alive(pid):
        assert time.monotonic() < end
        time.sleep(0.02)


def test_what_is_forgotten_fails_the_run(tmp_path):
    """Also when all tests pass; and by then it is gone."""
    shutil.copy(os.path.join(os.path.dirname(__file__), "conftest.py"), tmp_path)
    (tmp_path / "test_it.py").write_text(
        "import subprocess\n\n\ndef test_forgets():\n"
        f"    subprocess.run({DAEMON})\n\n\ndef test_is_last():\n    pass\n")
    p = with_harness("-m", "pytest", "-p", "no:cacheprovider", "-q",
                     "--rootdir", str(tmp_path), str(tmp_path))
    said = p.communicate(timeout=60)[0]
    assert p.returncode == 1
    assert "2 passed, 1 error" in said and "(sleep 300) of test_it.py::test_forgets (call)" in said
    assert not any("sleep 300" in what for what in children.marked().values())
