"""The milter door behind a real Sendmail: what Postfix does otherwise."""
import pytest

from mta_chain import body, fields, parted
from test_milter_mta import MESSAGE, MILTER, REFUSALS, same

SHORT = b"X-A: 1\r\nX-B: 2\r\nX-A: 3\r\n\r\nbody\r\n"      # Sendmail adds From, Date and Message-Id

FOUR = [("X-A", b" 1"), ("X-New", b" n"), ("X-B", b" 2"), ("X-A", b" 3")]
MADE = b" Sat, 1 Nov 2025 10:00:00 +0000"
# header_checks; what stands above Sendmail's own Received; the X- fields of the message
SHORT_CHANGES = [
    ("/^X-B:/ PREPEND X-New: n\n", [], FOUR),
    ("/^X-A: 1/ PREPEND X-New: n\n", [FOUR[1]], [FOUR[0]] + FOUR[2:]),
    ("/^X-A: 3/ PREPEND X-New: n\n/^X-B/ IGNORE\n", [], FOUR[:2] + FOUR[3:]),
    ("/^X-A: 1/ IGNORE\n/^X-A: 3/ REPLACE X-A: three\n", [], [("X-B", b" 2"), ("X-A", b" three")]),
    ("/^X-/ IGNORE\n", [], []),
    ("/^X-A: 3/ PREPEND Date:%s\n" % MADE.decode(), [], [FOUR[0]] + FOUR[2:]),     # instead of Sendmail's, at its place
]


@pytest.mark.parametrize("rules,over,expected", SHORT_CHANGES, ids=[c[0].split("\n")[0] for c in SHORT_CHANGES])
def test_fields_that_sendmail_adds(filterd, hop, chain, rules, over, expected):
    """They are not shown to us, and no change is in the wrong place for it."""
    f = filterd(listeners=MILTER, header_checks="pcre:{dir}/hc", files={"hc": rules})
    c = chain("sendmail", f, hop)
    m = c.pass_on(SHORT)
    above, below = parted(m.data)
    assert above == over and body(m.data) == b"body\r\n"
    assert [x for x in below if x[0].startswith("X-")] == expected
    added = [x for x in below if not x[0].startswith("X-")]
    assert sorted(n for n, _ in added) == ["Date", "From", "Message-Id"]
    assert (dict(added)["Date"] == MADE) == ("Date" in rules)


def test_two_filters(filterd, hop, chain):
    first = filterd(listeners=MILTER, header_checks="pcre:{dir}/hc",
                    files={"hc": "/^X-One:/ IGNORE\n/^X-Two:/ REPLACE X-Two: changed\n"})
    second = filterd(listeners=MILTER, header_checks="pcre:{dir}/hc",
                     files={"hc": "/^X-Two: changed/ REPLACE X-Two: again\n/^X-One/ REJECT\n/^Subject:/ REPLACE Subject: second\n"})
    c = chain("sendmail", first, hop, milters=[f"inet:{f.address('milter')[1]}@127.0.0.1" for f in (first, second)])
    above, below = parted(c.pass_on(MESSAGE).data)
    assert above == [] and ("X-Two", b" again") in below and ("Subject", b" second") in below and "X-One" not in dict(below)


def test_unix_socket(filterd, hop, chain):
    f = filterd(listeners={"milter": "milter:unix, socket_mode = 0600"},
                smtpd_recipient_restrictions=REFUSALS["smtpd_recipient_restrictions"])
    c = chain("sendmail", f, hop)
    same(c.refused(MESSAGE, "no@example.test"), 554, "5.7.1 <no@example.test>: Recipient address rejected: rcpt")
    c.pass_on(MESSAGE)


def test_nothing_passes_without_filterd(filterd, hop, chain):
    """F=T: a filter that is not there is a temporary failure."""
    f = filterd(listeners=MILTER, header_checks="pcre:{dir}/hc", files={"hc": "/^X-One/ WARN\n"})
    c = chain("sendmail", f, hop)
    c.pass_on(MESSAGE)
    with c.client() as s:
        s.mail("a@example.test")
        s.rcpt("b@example.test")
        f.stop()
        assert s.data(MESSAGE)[0].code == 451
    assert c.refused(MESSAGE).code == 451
    f.start()
    c.pass_on(MESSAGE)
    assert len(hop.messages) == 2


def test_long_field(filterd, hop, chain):
    """In one packet, up to its 64 KB; a longer one Sendmail cannot send, and F=T holds."""
    f = filterd(listeners=MILTER, header_checks="pcre:{dir}/hc", files={"hc": "/^X-Long:/ REPLACE X-Long: short\n"})
    c = chain("sendmail", f, hop)
    line = b" " + b"x" * 85 + b"\r\n"
    m = c.pass_on(b"X-Long:" + line * 740 + MESSAGE)
    assert ("X-Long", b" short") in fields(m.data)
    assert c.refused(b"X-Long:" + line * 760 + MESSAGE).code == 451
    m = c.pass_on(MESSAGE)
