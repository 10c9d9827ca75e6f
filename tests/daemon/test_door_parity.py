"""The SMTP door beside Debian's Postfix: the same commands get the same code and the same words."""
import pytest

import smtp

M, R = "MAIL FROM:<a@example.com>", "RCPT TO:<b@example.com>"

SCRIPTS = [
    # one connection each, after EHLO; None: EHLO is left out
    ["NOOP", "NOOP x", "RSET", "RSET x", "QUIT"],
    ["FOO", "FOO bar", "", "   ", "\t", "EXPN x", "TURN", "STARTTLS", "AUTH PLAIN", "NOOP\tx", "  NOOP"],
    [M, M, "RSET", M],
    [R, "DATA", "DATA x", "RSET"],
    [M, "DATA", "DATA x", R, "DATA x"],
    ["MAIL", "MAIL FROM", "MAIL FROM:", "MAIL FROM: ", "MAIL TO:<a@example.com>", "mail from:<a@example.com>"],
    [M, "RCPT", "RCPT TO", "RCPT TO:", "RCPT FROM:<b@example.com>", "RCPT TO:<>", "RCPT TO:<b@>", "rcpt to:<b@example.com>"],
    ["MAIL FROM:<>"], ["MAIL FROM: <>"], ["MAIL FROM:a@example.com"], ["MAIL FROM: a@example.com"], ["MAIL FROM:< a@example.com >"],
    ["MAIL FROM:<a@b@c>"], ["MAIL FROM:<a.@example.com>"], ["MAIL FROM:<.a@example.com>"], ["MAIL FROM:<a..b@example.com>"],
    ["MAIL FROM:<a>"], ["MAIL FROM:<\"a b\"@example.com>"], ["MAIL FROM:<\"a@b\"@example.com>"], ["MAIL FROM:<\"\"@example.com>"],
    ["MAIL FROM:<@example.com>"], ["MAIL FROM:<@x.example:a@example.com>"], ["MAIL FROM:<a%b@example.com>"],
    ["MAIL FROM:<a@[192.0.2.1]>"], ["MAIL FROM:<a@[IPv6:2001:db8::1]>"], ["MAIL FROM:<a@[192.0.2.999]>"],
    ["MAIL FROM:<a@-bad-.example>"], ["MAIL FROM:<a@example.com"], ["MAIL FROM:a@example.com>"], ["MAIL FROM:<a b@example.com>"],
    ["MAIL FROM:<a@exa_mple.com>"], ["MAIL FROM:<a@example.com.>"], ["MAIL FROM:<" + "x" * 300 + "@example.com>"],
    ["MAIL FROM:<a@example.com> SIZE=10"], ["MAIL FROM:<a@example.com> SIZE=abc"], ["MAIL FROM:<a@example.com> SIZE="],
    ["MAIL FROM:<a@example.com> SIZE=-1"], ["MAIL FROM:<a@example.com> SIZE=99999999999999999999"],
    ["MAIL FROM:<a@example.com> BODY=7BIT"], ["MAIL FROM:<a@example.com> BODY=8bitmime"], ["MAIL FROM:<a@example.com> BODY=x"],
    ["MAIL FROM:<a@example.com> BODY=BINARYMIME"], ["MAIL FROM:<a@example.com> BODY"],
    ["MAIL FROM:<a@example.com> SMTPUTF8"], ["MAIL FROM:<a@example.com> SMTPUTF8=x"], ["MAIL FROM:<a@example.com> FOO"],
    ["MAIL FROM:<a@example.com> FOO=BAR"], ["MAIL FROM:<a@example.com> RET=HDRS ENVID=abc"], ["MAIL FROM:<a@example.com> RET=x"],
    ["MAIL FROM:<a@example.com> ENVID=a+zz"], ["MAIL FROM:<a@example.com> ENVID="], ["MAIL FROM:<a@example.com> NOTIFY=NEVER"],
    [M, "RCPT TO:<b@example.com> NOTIFY=NEVER"], [M, "RCPT TO:<b@example.com> NOTIFY=NEVER,DELAY"],
    [M, "RCPT TO:<b@example.com> NOTIFY=SUCCESS,FAILURE,DELAY ORCPT=rfc822;b@example.com"], [M, "RCPT TO:<b@example.com> NOTIFY=x"],
    [M, "RCPT TO:<b@example.com> ORCPT=b@example.com"], [M, "RCPT TO:<b@example.com> ORCPT=rfc822;a+zz"],
    [M, "RCPT TO:<b@example.com> SIZE=1"], [M, "RCPT TO:<b@example.com> FOO=1"],
    [None, M, M, R, "NOOP", "RSET", M, R, "EHLO x.example", M, "RSET", "HELO x.example", M], [None, R, "DATA", "RSET", "NOOP"],
    [None, "EHLO", "HELO", "HELO x.example", "EHLO [192.0.2.1]", "HELO x y"],
    [M, "EHLO x.example", R], [M, "HELO x.example", R],
    ["XFORWARD NAME=x", "XCLIENT NAME=x"],
    ["BDAT"], ["BDAT x"], ["BDAT 1 FOO"], ["BDAT 1 LAST x"], ["BDAT -1"], ["BDAT +1"], ["BDAT 99999999999999999999999"],
    ["BDAT 0", "BDAT 0 LAST", M, "BDAT 0 LAST", "NOOP"],
    [M, R, "BDAT 0", "DATA", M, R, "NOOP", "RSET", M],
    [M, R, "BDAT 0", "BDAT x"],
    ["MAIL FROM:<a@example.com>" + " " * 2000 + "SIZE=1"],
    ["VRFY"],
]

# Where they differ, and why.
DELIBERATE = {
    "HELP": "RFC 5321 wants it answered",
    "HELO x y": "a host name has no blank; Postfix joins the words",
    "MAIL FROM:a@example.com>": "two servers would read it in two ways",
    "MAIL FROM:<a@example.com> SIZE=99999999999999999999": "no limit here: the next hop's counts",
    "XFORWARD NAME=x": "allowed_clients may, in the role after_queue",
    "BDAT 0": "RFC 3030 allows it; Postfix 551",
    "BDAT 0 LAST": "Postfix is at odds with itself since the BDAT 0",
    "VRFY": "we do not take SMTPUTF8 there",
}


def talk(address, script):
    said = []
    with smtp.Client(address) as c:
        if script[0] is not None:
            c.hello()
        try:
            for line in script[script[0] is None:]:
                r = c.cmd(line)
                # who they are and what EHLO offers is their own
                said.append((line, r.code, "" if line[:4] in ("EHLO", "HELO") and r.code == 250 else r.text))
        except smtp.Closed:
            said.append((line, "closed", ""))
    return said


@pytest.fixture
def pair(filterd, postfix, hop):
    p = postfix(mailboxes=["b@example.com"], main={
        "smtpd_helo_required": "no",
        "smtpd_reject_unlisted_recipient": "no", "smtpd_error_sleep_time": "0", "smtpd_hard_error_limit": "100",
        "smtpd_junk_command_limit": "1000", "smtpd_delay_reject": "no", "resolve_numeric_domain": "yes"})
    return p, filterd(next_hop=hop.next_hop, verify_recipients_at_next_hop="no", smtpd_reject_footer="")


def test_replies(pair):
    p, f = pair
    different = []
    for script in SCRIPTS:
        theirs, ours = talk(p.smtp, script), talk(f.address("smtp"), script)
        for t, o in zip(theirs, ours):
            if t != o and o[0] not in DELIBERATE:
                different.append((t, o))
        if len(theirs) != len(ours):
            different.append((theirs, ours))
    assert not different, "\n".join(f"{t}\n{o}" for t, o in different)


def test_the_last_words_of_data(pair):
    """After the message: the same code; the same state."""
    p, f = pair
    for lines in ([M, R, "DATA"], [M, R, R, "DATA"]):
        for address in (p.smtp, f.address("smtp")):
            with smtp.Client(address) as c:
                c.hello()
                for line in lines:
                    c.cmd(line)
                c.send(b"Subject: x\r\n\r\nbody\r\n.\r\n")
                assert c.reply().code == 250
                assert [c.cmd(x).code for x in (R, "DATA", M, R, "RSET", "QUIT")] == [503, 503, 250, 250, 250, 221]
                assert c.at_end()


def test_no_hello_is_asked_for(pair):
    """smtpd_helo_required = no: the mail is taken all the same."""
    for address in (pair[0].smtp, pair[1].address("smtp")):
        with smtp.Client(address) as c:
            _, rcpts, data = c.transaction("a@example.com", ["b@example.com"], b"X: y\r\n\r\n")
            assert [r.code for r in rcpts + data] == [250, 250]
            c.quit()
    (final,) = pair[1].wait_finals(1)
    assert (final["proto"], final["helo"]) == ("SMTP", "")


def test_pipelined(pair):
    p, f = pair
    lines = [M, "RCPT TO:<b@>", R, "FOO", "DATA"]
    after = ["NOOP", M, "RSET", "BDAT 3\r\nabcNOOP", "QUIT"]
    said = []
    for address in (p.smtp, f.address("smtp")):
        with smtp.Client(address) as c:
            c.hello()
            c.send("".join(x + "\r\n" for x in lines).encode() + b"Subject: x\r\n\r\n.\r\n" +
                   "".join(x + "\r\n" for x in after).encode())
            # DATA has two replies, and so has the line with a chunk in it
            said.append([r.code for r in c.replies(len(lines) + len(after) + 2)])
            assert c.at_end()
    assert said[0] == said[1] == [250, 501, 250, 500, 354, 250, 250, 250, 250, 503, 250, 221]
