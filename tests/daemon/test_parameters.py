"""Parameters that change what a message or a command gets, each through a running filterd."""
import pytest

import smtp

ODD = {
    "nul_in_header": (b"X: a\0b\r\nY: c\r\n\r\nz\r\n", b"X: a\r\nY: c\r\n\r\nz\r\n", "5.6.0 NUL octet in the message header"),
    "header_over_limit": (b"X: " + b"a" * 300 + b"\r\nY: c\r\n\r\nz\r\n", b"X: " + b"a" * 97 + b"\r\nY: c\r\n\r\nz\r\n",
                          "5.3.4 message header field too long"),
    "non_header_line": (b"X: a\r\nno field\r\nY: c\r\n", b"X: a\r\n\r\nno field\r\nY: c\r\n",
                        "5.6.0 message header ends at a line that is no header field"),
}


@pytest.mark.parametrize("door", ["smtp", "lmtp"])
@pytest.mark.parametrize("name", ODD)
def test_odd_headers(filterd, hop, name, door):
    message, passed, text = ODD[name]
    f = filterd(next_hop=hop.next_hop, smtpd_reject_footer="", header_size_limit="100")
    for i, value in enumerate(["postfix", "reject", "hold"]):
        if i > 0:
            f.reload(**{name: value})
        for m, odd in ((message, True), (b"X: a\r\n\r\nz\r\n", False)):
            before = len(hop.messages)
            end = smtp.send(f.address(door), "a@example.com", "b@example.com", m, lmtp=door == "lmtp")[2][-1]
            if odd and value == "reject":
                assert (end.code, end.text) == (550, text)
            else:
                assert end.code == 250
            assert f.finals()[-1]["fate"] == (
                {"postfix": "deliver", "reject": "reject", "hold": "hold"}[value] if odd else "deliver")
            sent = [x.data for x in hop.messages[before:]]
            assert sent == ([] if odd and value != "postfix" else [passed if odd else m])


def test_hopcount_limit(filterd, hop):
    """As in Postfix, what a message attached to this one went through does not count."""
    f = filterd(next_hop=hop.next_hop, smtpd_reject_footer="", hopcount_limit=3)
    attached = b"Content-Type: message/rfc822\r\n\r\n" + b"Received: x\r\n" * 5 + b"\r\n"
    for n, code in ((2, 250), (3, 554), (50, 554)):
        end = smtp.send(f.address("lmtp"), "a@example.com", "b@example.com", b"received: x\r\n" * n + attached, lmtp=True)[2][-1]
        assert end.code == code and (code == 250 or end.text == "5.4.6 Error: too many hops")


def test_discarded_ehlo_keywords(filterd, hop):
    f = filterd(next_hop=hop.next_hop, smtpd_reject_footer="", smtpd_discard_ehlo_keywords="Chunking, dsn pipelining, silent-discard",
                disable_vrfy_command="yes")
    with smtp.Client(f.address("smtp")) as c:
        c.hello()
        assert not {"CHUNKING", "DSN", "PIPELINING"} & set(c.extensions) and "8BITMIME" in c.extensions
        assert c.mail("a@example.com", "RET=HDRS").code == 555
        assert c.mail("a@example.com").code == 250
        assert c.rcpt("b@example.com", "NOTIFY=NEVER").code == 555
        assert c.rcpt("b@example.com").code == 250
        # A6: what a chunk holds is never read as commands.
        c.send(b"BDAT 7 LAST\r\nQUIT\r\n.NOOP\r\n")
        assert [r.code for r in c.replies(2)] == [502, 250]
        assert c.cmd("VRFY x").code == 502
        c.quit()
    assert hop.messages == []


def test_a_listener_has_its_own(filterd, hop):
    f = filterd(listeners={"one": "smtp, hopcount_limit = 1, disable_vrfy_command = yes, { smtpd_reject_footer = \\c (one) }", "two": "smtp"},
                next_hop=hop.next_hop, smtpd_reject_footer="")
    for name, code, vrfy in (("one", 554, 502), ("two", 250, 252)):
        with smtp.Client(f.address(name)) as c:
            c.hello()
            assert c.cmd("VRFY x").code == vrfy
            end = c.transaction("a@example.com", ["b@example.com"], b"Received: x\r\n\r\n")[2][-1]
            assert end.code == code and ("(one)" in end.text) == (name == "one")
            c.quit()
