"""Who was served when another recipient's delivery failed is not served again on the retry."""
import os
import signal

import pytest

import smtp

RCPTS = ["a@example.com", "b@example.com"]


def send(f, message=b"X: y\r\n\r\nz\r\n", sender="s@example.com", rcpts=RCPTS):
    return smtp.send(f.address("smtp"), sender, rcpts, message)[2][-1].code


@pytest.mark.parametrize("how", ["worker", "restart", "reload", "forgotten"])
def test_remembered(filterd, lmtp_hop, how):
    f = filterd(next_hop=lmtp_hop.next_hop, smtpd_reject_footer="",
                delivered_memory_time="0" if how == "forgotten" else "1h")
    f.expect("indeterminate|died of signal|supervisor has gone")
    lmtp_hop.script["end"] = ["250 2.0.0 one", "452 4.2.2 full"]
    assert send(f) == 452
    if how == "worker":
        old = f.workers()
        os.kill(old[0], signal.SIGKILL)
        f.wait_log(lambda e: e.get("text") == "serving" and e["pid"] != old[0])
    elif how == "restart":
        f.stop(signal.SIGKILL)
        f.start()
    elif how == "reload":
        f.reload()
    # Another sender, another message: not the same mail.
    assert send(f, sender="t@example.com") == 250 and send(f, b"X: y\r\n\r\nother\r\n") == 250
    assert send(f) == 250
    assert [m.recipients for m in lmtp_hop.wait(4)] == [RCPTS, RCPTS, RCPTS, RCPTS if how == "forgotten" else RCPTS[1:]]
