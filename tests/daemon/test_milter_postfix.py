"""The milter door behind a real Postfix: what Sendmail does not have."""
import subprocess

import pytest

from mta_chain import body, fields, parted
from test_milter_mta import ID, MESSAGE, MILTER, REFUSALS, same

MAIL = b"From: root@example.test\nSubject: hello\nX-One: 1\n\nfirst line\n"


def submit(c, *args, mail=MAIL):
    """sendmail(1) of this instance."""
    r = subprocess.run(["/usr/sbin/sendmail", "-C", c.mta.dir + "/etc", *args], input=mail, capture_output=True)
    assert r.returncode == 0, r
    return r.stdout


def by_smtp(recipient):
    return (b"EHLO localhost\r\nMAIL FROM:<a@example.test>\r\nRCPT TO:<%s>\r\nDATA\r\n" % recipient +
            MAIL.replace(b"\n", b"\r\n") + b".\r\nQUIT\r\n")


@pytest.mark.parametrize("how", ["sendmail", "sendmail -bs"])
def test_local_mail(filterd, hop, chain, how):
    """non_smtpd_milters: the session is Postfix's invention, and a client is not to be judged by it."""
    f = filterd(listeners=MILTER, header_checks="pcre:{dir}/hc", body_checks="pcre:{dir}/bc",
                files={"hc": "/^Subject: hello/ REPLACE Subject: changed\n/^X-One:/ IGNORE\n", "bc": "/^first/ REPLACE other\n"})
    c = chain("postfix", f, hop)
    if how == "sendmail":
        submit(c, "-f", "a@example.test", "b@example.test", "c@example.test")
    else:
        assert b"354 " in submit(c, "-bs", mail=by_smtp(b"b@example.test"))
    m, = hop.wait(1)
    assert m.recipients == (["b@example.test", "c@example.test"] if how == "sendmail" else ["b@example.test"])
    assert m.sender == "a@example.test"
    found = fields(m.data)
    assert ("Subject", b" changed") in found and "X-One" not in dict(found) and body(m.data) == b"other\r\n"
    e = f.wait_finals(len(m.recipients))[0]
    assert (e["sender"], e["verdict"]) == ("a@example.test", "pass")
    assert e["queue_id"] and e["queue_id"] in c.log(), e


def test_local_mail_is_refused_at_the_end(filterd, hop, chain):
    """A recipient must not be refused there (MILTER_README): Postfix would defer the whole message
    for ever; a refusal of the message is a bounce, which is not for us to avoid."""
    f = filterd(listeners=MILTER, header_checks="pcre:{dir}/hc", files={"hc": "/^Subject: bad/ REJECT no\n"})
    c = chain("postfix", f, hop, main={"soft_bounce": "no", "notify_classes": ""})
    submit(c, "-f", "a@example.test", "b@example.test", mail=MAIL.replace(b"hello", b"bad"))
    m, = hop.wait(1)                            # the bounce
    assert m.sender == "" and m.recipients == ["a@example.test"]
    assert b"<b@example.test>: no (id " in m.data and b"\r\nStatus: 5.7.1\r\n" in m.data, m.data.decode()


def test_xclient(filterd, hop, chain):
    """Client and HELO as Postfix believes them: addresses of either family, names verified or not."""
    f = filterd(listeners=MILTER, smtpd_recipient_restrictions=
                "reject_unknown_client_hostname, check_client_access inline:{ {good.example = REJECT name} {2001:db8::7 = REJECT six} },"
                " check_reverse_client_hostname_access inline:{ {rev.example = REJECT reverse} },"
                " check_helo_access inline:{ {odd.example = REJECT helo} }, permit", unknown_client_reject_code="450")
    c = chain("postfix", f, hop, main={"smtpd_authorized_xclient_hosts": "127.0.0.0/8",
                                       "smtpd_relay_restrictions": "permit_auth_destination, reject", "inet_protocols": "all"})
    rows = [
        ("NAME=good.example ADDR=192.0.2.7 HELO=a.example", 554, "5.7.1 <good.example[192.0.2.7]>: Client host rejected: name"),
        ("NAME=other.example ADDR=IPv6:2001:db8::7 HELO=a.example", 554, "5.7.1 <other.example[2001:db8::7]>: Client host rejected: six"),
        ("NAME=[UNAVAILABLE] ADDR=192.0.2.8 HELO=a.example", 450,
         "4.7.25 Client host rejected: cannot find your hostname, [192.0.2.8]"),
        ("NAME=[TEMPUNAVAIL] ADDR=192.0.2.8 HELO=a.example", 450,
         "4.7.25 Client host rejected: cannot find your hostname, [192.0.2.8]"),
        ("NAME=other.example REVERSE_NAME=rev.example ADDR=192.0.2.9 HELO=a.example", 554,
         "5.7.1 <rev.example>: Unverified Client host rejected: reverse"),
        ("NAME=other.example ADDR=192.0.2.9 HELO=odd.example", 554, "5.7.1 <odd.example>: Helo command rejected: helo"),
        ("NAME=other.example ADDR=192.0.2.9 HELO=fine.example", 250, None),
    ]
    for attributes, code, text in rows:
        with c.client() as s:
            assert s.cmd("XCLIENT " + attributes).code == 220
            s.hello(attributes.rsplit("=", 1)[1])
            r = s.transaction("a@example.test", ["b@example.test"], MESSAGE)[1][0]
            if text is None:
                assert r.code == code
            else:
                assert (r.code, r.text.split(" (id ")[0]) == (code, text), str(r)
            s.quit()
    e = f.wait_finals(1)[0]
    assert e["client"] == "other.example[192.0.2.9]"


@pytest.mark.parametrize("delay", ["no", "yes"])
def test_postfix_delays_or_not(filterd, hop, chain, delay):
    """smtpd_delay_reject of Postfix is about its own restrictions; the milter's answers are told where they were given."""
    f = filterd(listeners=MILTER, smtpd_sender_restrictions=REFUSALS["smtpd_sender_restrictions"], smtpd_delay_reject="no")
    c = chain("postfix", f, hop, main={"smtpd_delay_reject": delay,
                                       "smtpd_client_restrictions": "check_client_access inline:{ {127.0.0.9 = REJECT own} }"})
    with c.client("127.0.0.9", None) as s:
        assert s.greeting.code == (554 if delay == "no" else 220)
    with c.client() as s:
        same(s.mail("bad@sender.test"), 553, "5.1.8 <bad@sender.test>: Sender address rejected: sender")


def test_two_filters(filterd, hop, chain):
    """Each sees what the one before it has made of the message, and a change of the second is at its right place."""
    first = filterd(listeners=MILTER, header_checks="pcre:{dir}/hc",
                    files={"hc": "/^Subject:/ PREPEND X-First: 1\n/^X-One:/ IGNORE\n/^X-Two:/ REPLACE X-Two: changed\n"})
    second = filterd(listeners=MILTER, header_checks="pcre:{dir}/hc",
                     files={"hc": "/^X-First:/ PREPEND X-Second: 2\n/^X-Two: changed/ REPLACE X-Two: again\n/^X-One/ REJECT\n"})
    c = chain("postfix", first, hop, milters=[f"inet:127.0.0.1:{f.address('milter')[1]}" for f in (first, second)])
    above, below = parted(c.pass_on(MESSAGE).data)
    at = [n for n, _ in below].index("X-First")
    assert below[at - 1:at + 2] == [("X-Second", b" 2"), ("X-First", b" 1"), ("Subject", b" hello")]
    assert ("X-Two", b" again") in below and "X-One" not in dict(below) and above == []


def test_prepend_of_smtpd(filterd, hop, chain):
    """A field that Postfix's access(5) has put in front is one of the message's."""
    f = filterd(listeners=MILTER, header_checks="pcre:{dir}/hc",
                files={"hc": "/^X-Put: 1/ IGNORE\n/^X-Put: 2/ REPLACE X-Put: two\n"})
    c = chain("postfix", f, hop, main={"smtpd_recipient_restrictions": "check_recipient_access inline:{ {b@example.test = PREPEND X-Put: 3} }, permit_mynetworks, reject"})
    above, below = parted(c.pass_on(b"X-Put: 1\r\nX-Put: 2\r\n" + MESSAGE).data)
    assert [v for n, v in above + below if n == "X-Put"] == [b" 3", b" two"]


def test_unix_socket(filterd, hop, chain):
    f = filterd(listeners={"milter": "milter:unix, socket_group = postfix, socket_mode = 0660"},
                smtpd_recipient_restrictions=REFUSALS["smtpd_recipient_restrictions"])
    c = chain("postfix", f, hop)
    same(c.refused(MESSAGE, "no@example.test"), 554, "5.7.1 <no@example.test>: Recipient address rejected: rcpt")
    c.pass_on(MESSAGE)


def test_nothing_passes_without_filterd(filterd, hop, chain):
    """milter_default_action = tempfail: before it is up, when it has stopped, when it was killed."""
    f = filterd(listeners=MILTER, header_checks="pcre:{dir}/hc", files={"hc": "/^X-One/ WARN\n"})
    c = chain("postfix", f, hop)
    c.pass_on(MESSAGE)
    with c.client() as s:                       # a session that has begun
        s.mail("a@example.test")
        s.rcpt("b@example.test")
        f.stop()
        assert s.data(MESSAGE)[0].code == 451
    assert c.refused(MESSAGE).code == 451
    f.start()
    c.pass_on(MESSAGE)
    assert ID and len(hop.messages) == 2


def test_smtputf8(filterd, hop, chain):
    """Addresses and fields in UTF-8: asked for, refused, taken out, changed."""
    f = filterd(listeners=MILTER, header_checks="pcre:{dir}/hc", files={"hc": "/^Subject: .*\u00f6/ REPLACE Subject: sch\u00f6n\n"},
                smtpd_recipient_restrictions="check_recipient_access inline:{ {n\u00f6@example.test = REJECT utf8} }",
                content_restrictions="check_recipient_access inline:{ {t\u00fcr@example.test = REJECT not me} }")
    c = chain("postfix", f, hop)
    with c.client() as s:
        assert s.mail("\u00e4@example.test", "SMTPUTF8").code == 250
        same(s.rcpt("nö@example.test"), 554, "5.7.1 <n??@example.test>: Recipient address rejected: utf8")    # a reply is ASCII
        for r in ("t\u00fcr@example.test", "b\u00e4r@example.test"):
            assert s.rcpt(r).code == 250
        assert s.data(MESSAGE.replace(b"hello", "h\u00f6ren".encode()))[0].code == 250
        s.quit()
    m, = hop.wait(1)
    assert (m.sender, m.recipients) == ("\u00e4@example.test", ["b\u00e4r@example.test"])
    assert ("Subject", " sch\u00f6n".encode()) in fields(m.data)


def test_bdat(filterd, hop, chain):
    f = filterd(listeners=MILTER, body_checks="pcre:{dir}/bc", files={"bc": "/^first/ REPLACE premier\n/^bad/ REJECT body\n"})
    c = chain("postfix", f, hop)
    with c.client() as s:
        for line, code in ((b"last\r\n", 250), (b"bad\r\n", 550)):
            s.mail("a@example.test")
            s.rcpt("b@example.test")
            head = b"Subject: x\r\n\r\nfirst\r\n"
            s.send(b"BDAT %d\r\n" % len(head) + head)
            assert s.reply().code == 250
            s.send(b"BDAT %d LAST\r\n" % len(line) + line)
            assert s.reply().code == code
        s.quit()
    assert body(hop.wait(1)[0].data) == b"premier\r\nlast\r\n"


def test_many_recipients(filterd, hop, chain):
    """Two hundred in one write; every second is refused at once, every third of the others after the data."""
    f = filterd(listeners=MILTER, smtpd_recipient_restrictions="check_recipient_access pcre:{dir}/no", content_restrictions="check_recipient_access pcre:{dir}/out",
                files={"no": "/^r\\d*[13579]@/ REJECT odd\n", "out": "/^r(\\d*[05])@/ REJECT fifth\n"})
    c = chain("postfix", f, hop, main={"smtp_destination_recipient_limit": "1000", "smtpd_hard_error_limit": "1000", "smtpd_soft_error_limit": "1000"})
    with c.client() as s:
        s.send(b"MAIL FROM:<a@example.test>\r\n" + b"".join(b"RCPT TO:<r%d@example.test>\r\n" % n for n in range(200)) + b"DATA\r\n")
        codes = [r.code for r in s.replies(202)]
        assert codes == [250] + [250, 554] * 100 + [354]
        s.send(MESSAGE + b".\r\n")
        assert s.reply().code == 250
        s.quit()
    m, = hop.wait(1)
    assert sorted(m.recipients) == sorted(f"r{n}@example.test" for n in range(0, 200, 2) if n % 5)
    assert f.ctl("hold", "list").count("fifth") >= 1


def test_big_message(filterd, hop, chain):
    """20 MB, more than a packet, and a change of its header alone: the body is not sent back."""
    f = filterd(listeners=MILTER, header_checks="pcre:{dir}/hc", files={"hc": "/^Subject:/ REPLACE Subject: big\n"}, message_size_limit="0")
    c = chain("postfix", f, hop)
    big = MESSAGE + b"".join(b"%08d 0123456789012345678901234567890123456789012345678901234567890123456789\r\n" % n for n in range(250000))
    m = c.pass_on(big)
    assert body(m.data) == body(big) and ("Subject", b" big") in fields(m.data)


def test_long_field(filterd, hop, chain):
    """In one packet however long it is, up to header_size_limit."""
    f = filterd(listeners=MILTER, header_checks="pcre:{dir}/hc", files={"hc": "/^X-Long:/ REPLACE X-Long: short\n"})
    c = chain("postfix", f, hop, main={"header_size_limit": "900000"})
    m = c.pass_on(b"X-Long:" + (b" " + b"x" * 85 + b"\r\n") * 8000 + MESSAGE)
    assert ("X-Long", b" short") in fields(m.data)
