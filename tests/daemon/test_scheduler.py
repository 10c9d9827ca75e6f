"""Threads hand work to each other: no event is lost by that, and no reply leaves before its log line."""
import fcntl
import os
import select
import signal
import time

import smtp

DOOR = {"smtp": "smtp, verify_recipients_at_next_hop = no"}
HOLD = {"files": {"hc": "/^X-Kind: hold/ HOLD by rule\n"}, "header_checks": "regexp:{dir}/hc",
        "hold_min_free": "0"}


def burst(clients, seconds):
    """Commands on all of them at one time; which ones get no reply."""
    socks = {c.sock for c in clients}
    end = time.monotonic() + seconds
    for s in socks:
        s.send(b"NOOP\r\n")
    while time.monotonic() < end:
        for s in select.select(socks, [], [], 0.05)[0]:
            s.recv(1000)
            s.send(b"NOOP\r\n")
    late = set(socks)
    while late:
        answered = select.select(late, [], [], 3)[0]
        if not answered:
            break
        late -= set(answered)
    for s in socks - late:
        s.recv(1000)
    return late


def test_events_after_a_thread_has_blocked(filterd, hop):
    """The thread that held the message is no leader when it goes on.  What it does then must not
    look like the leader's work: after a second the lead would be taken from one that waits for
    events, and two threads would fetch them."""
    f = filterd(DOOR, next_hop=hop.next_hop, **HOLD)
    with smtp.Client(f.address("smtp")) as c:
        c.hello()
        others = [smtp.Client(f.address("smtp")) for _ in range(20)]
        for _ in range(2):
            assert c.transaction("a@example.com", ["b@example.com"],
                                 b"X-Kind: hold\r\n\r\nx\r\n")[2][0].code == 250
            time.sleep(2.2)
            assert not burst(others, 0.5)
        for o in others:
            o.close()


def test_log_line_before_a_pipelined_reply(filterd, hop):
    """The reply of one message leaves with the one to the next one's DATA.  The log is a pipe that
    gets full: then its line can not be written and the reply must not come."""
    def pipe(f):
        os.mkfifo(f.dir + "/pipe")
        os.chmod(f.dir + "/pipe", 0o666)
        readers.append(os.open(f.dir + "/pipe", os.O_RDONLY | os.O_NONBLOCK))
        fcntl.fcntl(readers[0], fcntl.F_SETPIPE_SZ, 4096)

    readers = []
    f = filterd(DOOR, next_hop=hop.next_hop, prepare=pipe, log_to="{dir}/pipe")
    with smtp.Client(f.address("smtp"), timeout=2) as c:
        c.hello()
        begin = b"MAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.com>\r\nDATA\r\n"
        c.send(begin)
        c.replies(3)
        replies = 0
        try:
            while replies < 100:
                c.send(b"x: y\r\n.\r\n" + begin)
                c.replies(4)
                replies += 1
        except TimeoutError:
            pass
        lines = os.read(readers[0], 65536)
        assert 0 < replies < 100
        assert lines.count(b'"event":"message"') >= replies
    f.kill(signal.SIGTERM)
    while f.process.poll() is None:             # it can not end while the pipe is full
        if select.select(readers, [], [], 0.1)[0]:
            os.read(readers[0], 65536)
    os.close(readers[0])
