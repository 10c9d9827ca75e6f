"""Odd addresses: what Postfix hands over with a filter between reaches the next hop as without."""
import re

import pytest

import smtp
from nexthop import NextHop

ADDRESSES = [
    "a@example.com", "a", "postmaster", "Postmaster", '"a b"@example.com', '"a\\"b"@example.com', '"a\\\\b"@example.com',
    '"a@b"@example.com', '"@"@example.com', '""@example.com', '"a"@example.com', 'a."b".c@example.com', '"a"b@example.com',
    '"a>b"@example.com', '"<a>"@example.com', "a(c)@example.com", "a@example.com(c)", "a\\ b@example.com", "a\\@b@example.com",
    "@x.example:a@example.com", "@x.example,@y.example:a@example.com", "a%b@example.com", "x!a@example.com", "a@b@example.com",
    ".a@example.com", "a.@example.com", "a..b@example.com", "#a@example.com", "-a@example.com", "|a@example.com",
    "a,b@example.com", "a;b@example.com", "a:b@example.com", "a/b@example.com", "a=b@example.com", "a+b@example.com",
    "x" * 200 + "@example.com", '"' + "x" * 300 + '"@example.com', "a@" + "x" * 63 + ".com", "a@" + "x." * 100 + "com",
    "a@example.com.", "a@localhost", "a@com", "a@x_.example", "a@xn--bcher-kva.example", "MAILER-DAEMON",
    "a@[192.0.2.1]", "a@[IPv6:2001:db8::1]", "é@example.com", "a@é.example",
]
# As a recipient only: the local part's tab becomes a blank, and stays in ORCPT.
RECIPIENTS = ["\ta@example.com", '"a\tb"@example.com', '"a\\\tb"@example.com', '"a\tb=+"@example.com']


def through(postfix, hop, where):
    """Every message with the address as its sender, or as its recipient; {message: envelope}."""
    p = postfix(content_filter=where, mailboxes=["b@example.com"], main={
        "smtpd_reject_unlisted_recipient": "no", "smtpd_error_sleep_time": "0", "smtpd_hard_error_limit": "10000",
        "smtpd_soft_error_limit": "10000", "smtpd_junk_command_limit": "10000", "maximal_queue_lifetime": "0",
        "bounce_queue_lifetime": "0", "notify_classes": ""})
    pairs = [(a, "b@example.com") for a in ADDRESSES] + [("a@example.com", a) for a in ADDRESSES + RECIPIENTS]
    taken = set()
    with smtp.Client(p.smtp) as c:
        c.hello()
        for i, (sender, recipient) in enumerate(pairs):
            params = "" if (sender + recipient).isascii() else "SMTPUTF8"
            end = c.transaction(sender, [recipient], b"X-Pair: %d\r\n\r\n" % i, params)[2]
            if [r.code for r in end] == [250]:
                taken.add(i)
            else:
                c.cmd("RSET")
    p.wait_empty(60)
    p.finish()
    numbers = [(re.search(rb"^X-Pair: (\d+)\r$", m.data, re.M), m) for m in hop.messages]
    # A queue id, in Received:, is as long as the file's number is.
    return taken, {int(n[1]): (re.sub(rb"SIZE=\d+", b"SIZE", m.mail), m.rcpts) for n, m in numbers if n}, pairs


@pytest.mark.parametrize("kind", ["smtp", "lmtp"])
def test_odd_addresses(filterd, postfix, kind):
    with NextHop() as plain, NextHop() as hop:
        want = through(postfix, plain, "smtp:[127.0.0.1]:%d" % plain.address[1])
        f = filterd(next_hop=hop.next_hop)
        got = through(postfix, hop, "%s:[127.0.0.1]:%d" % (kind, f.address(kind)[1]))
    assert want[0] == got[0] and len(want[0]) > 80
    assert sorted(want[1]) == sorted(want[0])
    different = [(want[2][i], want[1][i], got[1].get(i)) for i in want[1] if want[1][i] != got[1].get(i)]
    assert not different, "\n".join(map(str, different))
