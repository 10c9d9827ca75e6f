"""The restriction lists at the SMTP and LMTP doors: when they are asked, about whom, and what a refusal is."""
import random
import re

import pytest

import dns_case
import explain
import smtp
from nexthop import NextHop

MESSAGE = b"From: a@example.com\r\nSubject: hi\r\n\r\nbody\r\n"

# Nobody is looked up, no table of the machine is read, and whoever connects from here may relay.
SITE = {"mynetworks": "127.0.0.0/8", "myhostname": "mx.example.com", "mydestination": "example.com",
        "local_recipient_maps": "", "alias_maps": "", "smtpd_reject_footer": "",
        "smtpd_authorized_xclient_hosts": "127.0.0.0/8", "smtpd_peername_lookup": "no",
        "resolver": "127.0.0.1:9"}


@pytest.fixture
def mta(filterd, hop):
    """mta(SETTING=VALUE, ...): filterd in the role mta before a next hop that takes everything."""
    started = []

    def start(role="mta", **settings):
        settings = {**SITE, "next_hop": hop.next_hop, **settings}
        listeners = {"smtp": f"smtp, role = {role}", "lmtp": f"lmtp, role = {role}"}
        started.append(filterd(listeners=listeners, **settings))
        return started[-1]
    yield start
    # filterctl explain knows the rule of every refusal (issue 3, "Done when", 5).
    for f in started:
        if f.process is not None:
            explain.check_all(f)


def refusals(f, **fields):
    return [e for e in f.entries(**fields) if e.get("event") in ("reject", "defer")]


def converse(c, words):
    """Replies to commands; a reply of the greeting is the first."""
    return [c.greeting] + [c.cmd(w) for w in words]


SESSION = ["EHLO helo.example", "MAIL FROM:<a@example.com>", "RCPT TO:<b@example.com>", "DATA"]

# The list that refuses, and where that is heard: with smtpd_delay_reject, and without.  The stage is
# the log's word.
STAGES = [
    ("client", "<unknown[127.0.0.1]>: Client host rejected", (3, "RCPT"), (0, "CONNECT")),
    ("helo", "<helo.example>: Helo command rejected", (3, "RCPT"), (1, "EHLO")),
    ("sender", "<a@example.com>: Sender address rejected", (3, "RCPT"), (2, "MAIL")),
    ("relay", "<b@example.com>: Recipient address rejected", (3, "RCPT"), (3, "RCPT")),
    ("recipient", "<b@example.com>: Recipient address rejected", (3, "RCPT"), (3, "RCPT")),
    ("data", "<DATA>: Data command rejected", (4, "DATA"), (4, "DATA")),
]


@pytest.mark.parametrize("delay", ["yes", "no"])
@pytest.mark.parametrize("name,text,late,early", STAGES)
def test_where_a_list_refuses(mta, delay, name, text, late, early):
    f = mta(smtpd_delay_reject=delay, **{f"smtpd_{name}_restrictions": "reject"})
    at, stage = late if delay == "yes" else early
    with smtp.Client(f.address("smtp")) as c:
        got = converse(c, SESSION[:at])
        assert [r.code for r in got] == [220, 250, 250, 250, 354][:at] + [554], got
        assert got[-1].text == f"5.7.1 {text}: Access denied"
    e = f.wait_log(lambda e: e.get("event") == "reject")
    assert e["stage"] == stage and e["list"] == f"smtpd_{name}_restrictions"
    assert e["rule"] == f"{f.config}:{line_of(f, f'smtpd_{name}_restrictions')}"
    assert (e["code"], e["enhanced"], e["reply"]) == (554, "5.7.1", f"{text}: Access denied")
    known = ["", " from=<a@example.com>", " from=<a@example.com> to=<b@example.com>"]
    known = known[1 if stage in ("MAIL", "DATA") else 2 if stage == "RCPT" else 0]
    proto = "SMTP" if stage in ("CONNECT", "EHLO") else "ESMTP"
    helo = "" if stage == "CONNECT" else " helo=<helo.example>"
    assert e["text"] == (f"reject: {stage} from unknown[127.0.0.1]: 554 5.7.1 {text}: Access denied;"
                         f"{known} proto={proto}{helo} rule={e['rule']}")
    assert len(refusals(f)) == 1


def line_of(f, parameter):
    with open(f.config) as cf:
        return [i for i, line in enumerate(cf, 1) if line.startswith(parameter + " ")][0]


def test_refused_at_the_end_of_data(mta, hop):
    f = mta(smtpd_end_of_data_restrictions="reject")
    m, rs, end = smtp.send(f.address("smtp"), "a@example.com", "b@example.com", MESSAGE)
    assert [str(r) for r in end] == ["554 5.7.1 <END-OF-MESSAGE>: End-of-data rejected: Access denied"]
    assert hop.messages == []
    final = f.wait_finals(1)[0]
    assert (final["verdict"], final["fate"], final["list"]) == ("reject", "reject", "smtpd_end_of_data_restrictions")


@pytest.mark.parametrize("code", [421, 521, 554])
def test_greeting_refused(mta, code):
    """RFC 5321 3.1: QUIT is all that is left, and 421 and 521 do not even leave that."""
    f = mta(smtpd_delay_reject="no", smtpd_client_restrictions="check_client_access inline:{ {127.0.0.1 = %d go} }" % code)
    with smtp.Client(f.address("smtp")) as c:
        assert (c.greeting.code, c.greeting.text[:2]) == (code, f"{code // 100}.")
        if code != 554:
            assert c.at_end()
            return
        for line in ("EHLO x.example", "MAIL FROM:<a@example.com>", "NOOP", "XCLIENT ADDR=192.0.2.1"):
            assert str(c.cmd(line)) == "503 5.7.0 Error: access denied for unknown[127.0.0.1]"
        assert c.cmd("FOO").code == 500
        assert c.cmd("QUIT").code == 221
    with smtp.Client(f.address("smtp")) as c:
        # Its octets would be taken for commands.
        assert c.cmd("BDAT 5 LAST").code == 521 and c.at_end()


def test_codes_that_close(mta):
    f = mta(smtpd_recipient_restrictions="check_recipient_access inline:{ {a@example.com = 421 4.7.9 go} },"
                                         " check_recipient_access inline:{ {b@example.com = 521 5.7.9 go} }")
    for who, code in (("a", 421), ("b", 521)):
        with smtp.Client(f.address("smtp")) as c:
            c.hello()
            c.mail("x@example.com")
            r = c.rcpt(f"{who}@example.com")
            assert (r.code, r.text) == (code, f"{code // 100}.7.9 <{who}@example.com>: Recipient address rejected: go")
            assert c.at_end()


def test_xclient_begins_anew(mta):
    """The greeting is judged again, by the new client; the reply takes the place of 220."""
    f = mta(smtpd_delay_reject="no", smtpd_helo_required="yes",
            smtpd_client_restrictions="check_client_access inline:{ {192.0.2.1 = 554 not you}, {192.0.2.2 = 450 later} }")
    with smtp.Client(f.address("smtp")) as c:
        c.hello()
        assert str(c.cmd("XCLIENT ADDR=192.0.2.1 NAME=bad.example")) == \
            "554 5.7.1 <bad.example[192.0.2.1]>: Client host rejected: not you"
        assert c.cmd("EHLO x.example").text == "5.7.0 Error: access denied for bad.example[192.0.2.1]"
    assert [e["stage"] for e in refusals(f)] == ["CONNECT"]
    with smtp.Client(f.address("smtp")) as c:
        c.hello()
        assert c.cmd("XCLIENT ADDR=192.0.2.3").code == 220
        # What HELO said was said by somebody else.
        assert str(c.mail("a@example.com")) == "503 5.5.1 Error: send HELO/EHLO first"
        c.hello()
        assert c.mail("a@example.com").code == 250
    with smtp.Client(f.address("smtp")) as c:
        assert c.cmd("XCLIENT HELO=told.example").code == 220
        assert c.mail("a@example.com").code == 250


def test_reload_between_greeting_and_mail(mta):
    """Who was not judged at the greeting is at RCPT, though the new configuration would have done it then."""
    for name, text in (("client", "<unknown[127.0.0.1]>: Client host"), ("helo", "<client.example>: Helo command")):
        f = mta(smtpd_delay_reject="yes", **{f"smtpd_{name}_restrictions": "reject"})
        with smtp.Client(f.address("smtp")) as c:
            c.hello()
            f.reload(smtpd_delay_reject="no")
            assert c.mail("a@example.com").code == 250
            for _ in range(2):
                assert c.rcpt("b@example.com").text == f"5.7.1 {text} rejected: Access denied"


@pytest.mark.parametrize("name,reverse,client,back", [
    ("[UNAVAILABLE]", "r.example", "550 5.7.25", None),
    ("[TEMPUNAVAIL]", "r.example", "450 4.7.25", None),
    ("[UNAVAILABLE]", "[UNAVAILABLE]", "550 5.7.25", "550 5.7.1"),
    ("[TEMPUNAVAIL]", "[TEMPUNAVAIL]", "450 4.7.25", "450 4.7.1"),
    ("n.example", None, None, None),            # a name that is set also sets the reverse name
    ("[UNAVAILABLE]", None, "550 5.7.25", "550 5.7.1"),
])
def test_xclient_names(mta, name, reverse, client, back):
    for restriction, want in (("reject_unknown_client_hostname", client),
                              ("reject_unknown_reverse_client_hostname", back)):
        f = mta(smtpd_client_restrictions=restriction, unknown_client_reject_code=550)
        with smtp.Client(f.address("smtp")) as c:
            c.cmd(f"XCLIENT ADDR=192.0.2.1 NAME={name}" + (f" REVERSE_NAME={reverse}" if reverse else ""))
            c.hello()
            c.mail("a@example.com")
            r = c.rcpt("b@example.com")
            assert str(r).startswith(want or "250 "), r


def test_xclient_login(mta):
    f = mta(allow_xclient_login="yes", smtpd_sasl_auth_enable="yes",
            smtpd_recipient_restrictions="permit_sasl_authenticated, reject")
    for login, code in (("LOGIN=joe", 250), ("LOGIN=[UNAVAILABLE]", 554), ("PORT=1", 554)):
        with smtp.Client(f.address("smtp")) as c:
            c.cmd("XCLIENT " + login)
            c.hello()
            c.mail("a@example.com")
            assert c.rcpt("b@example.com").code == code, login


def test_helo_refused_leaves_the_transaction(mta, hop):
    """RFC 5321 4.1.4: as it was before."""
    f = mta(smtpd_delay_reject="no", smtpd_helo_restrictions="check_helo_access inline:{ {bad.example = REJECT} }")
    with smtp.Client(f.address("smtp")) as c:
        c.hello()
        c.mail("a@example.com")
        c.rcpt("b@example.com")
        assert c.cmd("HELO bad.example").code == 554
        assert c.data(MESSAGE)[0].code == 250
    assert f.wait_finals(1)[0]["helo"] == "client.example"
    assert [e["helo"] for e in refusals(f)] == ["bad.example"]


def test_helo_required(filterd, hop):
    """In role after_queue only where the listener itself says so."""
    f = filterd(listeners={"mta": "smtp, role = mta", "behind": "smtp",
                           "told": "smtp, smtpd_helo_required = yes"},
                next_hop=hop.next_hop, smtpd_helo_required="yes", **SITE)
    for name, code in (("mta", 503), ("behind", 250), ("told", 503)):
        with smtp.Client(f.address(name)) as c:
            r = c.mail("a@example.com")
            assert r.code == code, name
            if code == 503:
                assert r.text == "5.5.1 Error: send HELO/EHLO first"
                c.cmd("HELO x.example")
                assert c.mail("a@example.com").code == 250


SYNTAX = [
    # command, strict_rfc821_envelopes, the reply
    ("MAIL FROM:a@example.com", "no", "250 2.1.0 Ok"),
    ("MAIL FROM:a@example.com", "yes", "501 5.1.7 Bad sender address syntax"),
    ("MAIL FROM: <a@example.com>", "yes", "250 2.1.0 Ok"),
    ("MAIL FROM:<a@example.com>", "yes", "250 2.1.0 Ok"),
    ("MAIL a@example.com", "yes", "501 5.5.4 Syntax: MAIL FROM:<address>"),
    ("MAIL FROM:<u@-bad-.example>", "no", "501 5.1.7 Bad sender address syntax"),
    ("MAIL FROM:<u@1.2.3.4>", "no", "501 5.1.7 Bad sender address syntax"),
    ("MAIL FROM:<a@example.com> (c)", "no", "555 5.5.4 Unsupported option: (c)"),
    # a local part of nothing, or one that looks like a route once its quotes are gone
    ("MAIL FROM:<@example.com>", "no", "250 2.1.0 Ok"),
    ("MAIL FROM:<@example.com>", "yes", "501 5.1.7 Bad sender address syntax"),
    ('MAIL FROM:<"@b"@example.com>', "yes", "501 5.1.7 Bad sender address syntax"),
    ("MAIL FROM:<@relay.example:a@example.com>", "yes", "250 2.1.0 Ok"),
    ("MAIL FROM:<>", "yes", "250 2.1.0 Ok"),
    ('RCPT TO:<""@example.com>', "yes", "501 5.1.3 Bad recipient address syntax"),
    ("RCPT TO:b@example.com", "yes", "501 5.1.3 Bad recipient address syntax"),
    ("RCPT TO:<u@-bad-.example>", "no", "501 5.1.3 Bad recipient address syntax"),
]


@pytest.mark.parametrize("soft", ["no", "yes"])
def test_syntax_comes_before_the_lists(mta, soft):
    """soft_bounce is for these too."""
    for strict in ("no", "yes"):
        f = mta(strict_rfc821_envelopes=strict, soft_bounce=soft, smtpd_delay_reject="no",
                smtpd_recipient_restrictions="reject",
                smtpd_sender_restrictions="permit" if strict == "yes" else "")
        for line, when, want in SYNTAX:
            if when != strict:
                continue
            if soft == "yes":
                want = re.sub("^5(.*?) 5", r"4\1 4", want)
            with smtp.Client(f.address("smtp")) as c:
                c.hello()
                if line.startswith("RCPT"):
                    c.mail("")
                assert str(c.cmd(line)) == want
        assert refusals(f) == []


def test_a_footer_may_name_the_recipient(mta):
    f = mta(smtpd_reject_footer="\\c (to $recipient from $sender by $client_address)",
            smtpd_recipient_restrictions="check_recipient_access inline:{ {b@example.com = 450 4.2.0 wait} }, reject")
    with smtp.Client(f.address("smtp")) as c:
        c.hello()
        c.mail("a@example.com")
        assert c.rcpt("b@example.com").text.endswith("rejected: wait (to b@example.com from a@example.com by 127.0.0.1)")
        assert c.rcpt("c@example.com").text.endswith("denied (to c@example.com from a@example.com by 127.0.0.1)")
    assert [(e["event"], e["recipient"]) for e in refusals(f)] == \
        [("defer", "b@example.com"), ("reject", "c@example.com")]


def test_recipient_limit(mta, hop):
    f = mta(smtpd_recipient_limit=2, smtpd_recipient_restrictions="check_recipient_access inline:{ {x@example.com = REJECT} }")
    with smtp.Client(f.address("smtp")) as c:
        c.hello()
        c.mail("a@example.com")
        got = [c.rcpt(w + "@example.com") for w in ("x", "b", "c", "d", "x")]
        # One that was refused does not count; beyond the limit no list is asked.
        assert [r.code for r in got] == [554, 250, 250, 452, 452]
        assert got[3].text == "4.5.3 Error: too many recipients"
        assert c.data(MESSAGE)[0].code == 250
    assert hop.wait(1)[0].recipients == ["b@example.com", "c@example.com"]


def test_no_recipient_left(mta, hop):
    f = mta(smtpd_recipient_restrictions="reject")
    with smtp.Client(f.address("smtp")) as c:
        c.hello()
        c.send(b"MAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.com>\r\nDATA\r\n")
        assert [r.code for r in c.replies(3)] == [250, 554, 554]
        assert c.log[-1][1].text == "5.5.1 Error: no valid recipients"
        # BDAT's octets are swallowed whatever the answer is.
        c.cmd("RSET")
        c.mail("a@example.com")
        c.send(b"RCPT TO:<b@example.com>\r\nBDAT 6 LAST\r\nQUIT\r\n")
        assert [r.code for r in c.replies(2)] == [554, 554]
        assert c.cmd("NOOP").code == 250
    assert hop.messages == []


def test_data_list_at_bdat(mta, hop):
    f = mta(smtpd_data_restrictions="check_sender_access inline:{ {a@example.com = 450 4.7.9 not now} }")
    with smtp.Client(f.address("smtp")) as c:
        c.hello()
        for sender, code in (("a", 450), ("b", 250)):
            c.mail(sender + "@example.com")
            c.rcpt("c@example.com")
            c.send(b"BDAT 6 LAST\r\nQUIT\r\n")
            assert c.reply().code == code
            c.cmd("RSET")
    assert [(e["stage"], e["code"]) for e in refusals(f)] == [("BDAT", 450)]
    assert hop.wait(1)[0].sender == "b@example.com"


def test_discard(mta, hop):
    """Whoever else is named is accepted unasked, by us and the next hop, and nobody gets it."""
    hop.script["rcpt"] = lambda session, line: "550 5.1.1 no such user" if b"no" in line else "250 2.1.5 Ok"
    f = mta(smtpd_recipient_restrictions="check_recipient_access inline:{ {c@example.com = DISCARD unwanted} }, reject_non_fqdn_recipient,"
                                         " check_recipient_access inline:{ {d@example.com = REJECT} }")
    with smtp.Client(f.address("smtp")) as c:
        c.hello()
        c.mail("a@example.com")
        assert [c.rcpt(w + "@example.com").code for w in ("d", "b", "no", "c", "d", "no")] == [554, 250, 550, 250, 250, 250]
        assert [r.code for r in c.data(MESSAGE)] == [250]
        # The next message is a new one.
        m, rs, end = c.transaction("a@example.com", ["b@example.com"], MESSAGE)
        assert [r.code for r in end] == [250]
    finals = f.wait_finals(5)
    assert [e["fate"] for e in finals] == ["discard"] * 4 + ["deliver"]
    assert {e["rule"] for e in finals[:4]} == {f"{f.config}:{line_of(f, 'smtpd_recipient_restrictions')}"}
    assert [m.recipients for m in hop.wait(1)] == [["b@example.com"]]


def test_effects_of_the_lists_are_carried_out(mta, hop):
    """Raised at RCPT and later, for the whole message; prepended lines in the order they came."""
    with NextHop() as other:
        f = mta(filter_next_hop_maps="static:" + other.next_hop,
                smtpd_recipient_restrictions="check_recipient_access inline:{"
                " {p@example.com=PREPEND X-One: 1}, {q@example.com=PREPEND X-Two: 2},"
                " {b@example.com=BCC copy@example.net}, {r@example.com=REDIRECT re@example.net},"
                " {f@example.com=FILTER some:where}, {h@example.com=HOLD look} }",
                smtpd_data_restrictions="check_sender_access inline:{ {s@example.com = PREPEND X-Three: 3} }")

        def send(sender, *who):
            n = len(f.finals())
            m, rs, end = smtp.send(f.address("smtp"), sender, [w + "@example.com" for w in who], MESSAGE)
            assert [r.code for r in [m] + rs + end] == [250] * (2 + len(who))
            return f.wait_finals(n + len(who))[n:]

        finals = send("s@example.com", "q", "p", "q")
        # Once for each recipient that came to it.
        assert hop.wait(1)[-1].data == b"X-Two: 2\r\nX-One: 1\r\nX-Two: 2\r\nX-Three: 3\r\n" + MESSAGE
        assert finals[0]["effects"] == "prepend"
        assert send("a@example.com", "b")[0]["bcc"] == "copy@example.net"
        assert hop.wait(2)[-1].recipients == ["b@example.com", "copy@example.net"]
        assert send("a@example.com", "x", "r")[0]["redirect"] == "re@example.net"
        assert hop.wait(3)[-1].recipients == ["re@example.net"]
        assert send("a@example.com", "f")[0]["filter"] == "some:where"
        assert len(other.wait(1)) == 1 and len(hop.messages) == 3
        held = send("s@example.com", "p", "h")
        assert [e["fate"] for e in held] == ["hold", "hold"]
        assert {e["rule"] for e in held} == {f"{f.config}:{line_of(f, 'smtpd_recipient_restrictions')}"}
        assert {e["reason"] for e in held} == {"look"}
        assert len(hop.messages) == 3


def test_prepended_lines_go_with_a_held_message(mta, hop):
    f = mta(received_header="Received: by x",
            smtpd_recipient_restrictions="check_recipient_access inline:{ {b@example.com = PREPEND X-One: 1} },"
                                         " check_recipient_access inline:{ {b@example.com = HOLD} }")
    smtp.send(f.address("smtp"), "a@example.com", ["b@example.com"], MESSAGE)
    f.wait_finals(1)
    held = f.ctl("hold", "list", "--json")
    one = re.search(r'"id": ?"([^"]+)"', held).group(1)
    f.ctl("hold", "release", one)
    assert hop.wait(1)[0].data == b"X-One: 1\r\nReceived: by x\r\n" + MESSAGE


# --- whose words count ---

@pytest.mark.parametrize("delay", ["yes", "no"])
def test_a_client_told_of_by_xforward(filterd, hop, delay):
    """DESIGN 16: judged at RCPT, for before that nobody knows who it is; never the peer in its place."""
    f = filterd(listeners={"smtp": "smtp, role = before_queue"}, next_hop=hop.next_hop, **SITE,
                smtpd_delay_reject=delay,
                smtpd_client_restrictions="check_client_access inline:{ {127.0.0.1 = REJECT peer}, {192.0.2.1 = REJECT client} }",
                smtpd_helo_restrictions="check_helo_access inline:{ {peer.example = REJECT peer}, {client.example = REJECT helo} }")
    with smtp.Client(f.address("smtp")) as c:
        assert c.hello("peer.example").code == 250
        for told, want in (({"ADDR": "192.0.2.1"}, "<unknown[192.0.2.1]>: Client host rejected: client"),
                           ({"ADDR": "192.0.2.2", "HELO": "client.example"}, "<client.example>: Helo command rejected: helo")):
            assert c.xforward(**told).code == 250
            assert c.mail("a@example.com").code == 250
            # Each recipient is refused, not only the first.
            assert [c.rcpt(w + "@example.com").text for w in "bc"] == ["5.7.1 " + want] * 2
            c.cmd("RSET")
        assert c.xforward(ADDR="192.0.2.2", HELO="good.example").code == 250
        m, rs, end = c.transaction("a@example.com", ["b@example.com"], MESSAGE)
        assert [r.code for r in end] == [250]
    assert {e["stage"] for e in refusals(f)} == {"RCPT"}


def test_what_a_late_client_leaves(filterd, hop):
    """defer_if_permit of the client list counts at RCPT, before the sender list's."""
    f = filterd(listeners={"smtp": "smtp, role = before_queue"}, next_hop=hop.next_hop, **SITE, smtpd_delay_reject="no",
                smtpd_client_restrictions="check_client_access inline:{ {192.0.2.1 = DEFER_IF_PERMIT client} }",
                smtpd_sender_restrictions="check_sender_access inline:{ {a@example.com = DEFER_IF_PERMIT sender} }")
    with smtp.Client(f.address("smtp")) as c:
        c.hello()
        for addr, word in (("192.0.2.1", "Client host rejected: client"), ("192.0.2.2", "Sender address rejected: sender")):
            c.xforward(ADDR=addr)
            c.mail("a@example.com")
            r = c.rcpt("b@example.com")
            assert r.code == 450 and r.text.endswith(word), r
            c.cmd("RSET")


def test_xforward_is_missing(filterd, hop):
    """Then nobody is the client, which is a fact and said once a session."""
    f = filterd(listeners={"smtp": "smtp, role = before_queue"}, next_hop=hop.next_hop, **SITE,
                smtpd_client_restrictions="check_client_access inline:{ {127.0.0.1 = REJECT peer}, {unknown = DUNNO} }",
                smtpd_helo_restrictions="check_helo_access inline:{ {client.example = REJECT peer} }")
    with smtp.Client(f.address("smtp")) as c:
        c.hello()
        for _ in range(2):
            m, rs, end = c.transaction("a@example.com", ["b@example.com"], MESSAGE)
            assert [r.code for r in end] == [250], rs
    assert [e["facts"] for e in f.wait_finals(2)] == ["client=untold"] * 2
    assert sum("has not sent XFORWARD" in e["text"] for e in f.entries()) == 1


def test_xforward_tells_of_verified_names(filterd, hop):
    """So the unverified name is that one, or it is not known whether there is one."""
    f = filterd(listeners={"smtp": "smtp, role = before_queue"}, next_hop=hop.next_hop, **SITE,
                smtpd_client_restrictions="reject_unknown_reverse_client_hostname")
    f.expect("XFORWARD does not tell the unverified name of .192.0.2.1.")
    for name in ("good.example", "[UNAVAILABLE]"):
        m, rs, end = smtp.send(f.address("smtp"), "a@example.com", ["b@example.com"], MESSAGE, NAME=name, ADDR="192.0.2.1")
        assert [r.code for r in end] == [250]
    assert sum("does not tell" in e["text"] for e in f.entries()) == 1


def test_mail_refused_leaves_what_xforward_said(filterd, hop):
    f = filterd(listeners={"smtp": "smtp, role = before_queue"}, next_hop=hop.next_hop, **SITE, smtpd_delay_reject="no",
                smtpd_sender_restrictions="check_sender_access inline:{ {bad@example.com = REJECT} }")
    with smtp.Client(f.address("smtp")) as c:
        c.hello()
        c.xforward(ADDR="192.0.2.1")
        assert c.mail("bad@example.com").code == 554
        c.transaction("good@example.com", ["b@example.com"], MESSAGE)
    assert f.wait_finals(1)[0]["client"] == "unknown[192.0.2.1]"
    assert refusals(f)[0]["client"] == "unknown[192.0.2.1]"


PIPELINED = [
    # what is sent in one write, and whether it was allowed
    (b"EHLO x.example\r\nMAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.com>\r\n", False),
    (b"MAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.com>\r\n", False),         # nobody said EHLO
    (b"HELO x.example\r\n", b"MAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.com>\r\n", False),
    (b"EHLO x.example\r\n", b"MAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.com>\r\n", True),
    (b"EHLO x.example\r\n", b"NOOP\r\nMAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.com>\r\n", False),
    (b"EHLO x.example\r\n", b"MAIL FROM:<a@example.com>\r\n", b"RCPT TO:<b@example.com>\r\n", True),
]


@pytest.mark.parametrize("case", range(len(PIPELINED)))
def test_pipelining_ahead_of_turn(mta, case):
    *writes, good = PIPELINED[case]
    f = mta(smtpd_recipient_restrictions="reject_unauth_pipelining")
    with smtp.Client(f.address("smtp")) as c:
        for w in writes:
            c.send(w)
            replies = c.replies(w.count(b"\r\n"))
        assert replies[-1].code == (250 if good else 503), replies
        if not good:
            assert "Improper use of SMTP command pipelining" in replies[-1].text
            # It stays so for the session.
            c.cmd("RSET")
            c.cmd("EHLO x.example")
            c.mail("a@example.com")
            assert c.rcpt("b@example.com").code == 503


def test_data_sent_ahead(mta):
    f = mta(smtpd_data_restrictions="reject_unauth_pipelining")
    with smtp.Client(f.address("smtp")) as c:
        c.hello()
        c.mail("a@example.com")
        c.rcpt("b@example.com")
        c.send(b"DATA\r\nSubject: x\r\n")
        assert c.reply().code == 503


# --- the client's name ---

NAMES = {
    # the client's address: its name, reverse name, and what the log says
    "127.0.0.2": ("good.example", "good.example", "good.example[127.0.0.2]"),
    "127.0.0.3": ("[UNAVAILABLE]", "forged.example", "unknown[127.0.0.3]"),
    "127.0.0.4": ("[TEMPUNAVAIL]", "later.example", "unknown[127.0.0.4]"),
    "127.0.0.5": ("[UNAVAILABLE]", "[UNAVAILABLE]", "unknown[127.0.0.5]"),
    "127.0.0.6": ("[TEMPUNAVAIL]", "[TEMPUNAVAIL]", "unknown[127.0.0.6]"),
}


@pytest.mark.parametrize("restriction", ["reject_unknown_client_hostname", "reject_unknown_reverse_client_hostname"])
def test_peer_names(mta, restriction):
    """Before the greeting, so that CONNECT can use them."""
    zone = {}
    for address, (name, reverse, _) in NAMES.items():
        dns_case.peer(zone, address, name, reverse)
    zone["forged.example"] = {"A": ["127.0.0.77"]}
    zone[dns_case.reverse("127.0.0.7")] = {"PTR": ["not a name.example"]}
    with dns_case.Server(zone) as dns:
        f = mta(smtpd_peername_lookup="yes", resolver=dns.address, smtpd_delay_reject="no",
                smtpd_client_restrictions=f"warn_if_reject reject, {restriction}", unknown_client_reject_code=550)
        reverse = "reverse" in restriction
        for address, (name, back, label) in NAMES.items():
            state = back if reverse else name
            want = {"[UNAVAILABLE]": 550, "[TEMPUNAVAIL]": 450}.get(state, 220)
            with smtp.Client(f.address("smtp"), source=(address, 0)) as c:
                assert c.greeting.code == want, (address, c.greeting)
            f.wait_log(lambda e, label=label: f"reject_warning: CONNECT from {label}:" in e["text"])
        with smtp.Client(f.address("smtp"), source=("127.0.0.7", 0)) as c:
            assert c.greeting.code == 550       # what is no host name is none
        asked = [(n, t) for n, t, _ in dns.asked]
        assert ("good.example", "A") in asked and ("good.example", "AAAA") not in asked
        # The machine's own hosts file comes first.
        with smtp.Client(f.address("smtp")) as c:
            assert c.greeting.code == 220
        assert not [n for n, _ in asked if n.startswith("1.0.0.127")]


def test_no_look_ups_unless_wanted(filterd, hop):
    with dns_case.Server({}) as dns:
        f = filterd(listeners={"after": "smtp", "before": "smtp, role = before_queue", "unix": "smtp:unix, role = mta"},
                    next_hop=hop.next_hop,
                    **{**SITE, "resolver": dns.address, "smtpd_peername_lookup": None})
        for name in ("after", "before", "unix"):
            source = {} if name == "unix" else {"source": ("127.0.0.9", 0)}
            with smtp.Client(f.address(name), **source) as c:
                assert c.hello().code == 250
        assert dns.asked == []


# --- any order of commands, with refusals in between (PITFALLS A7) ---

class Model:
    """What a session may do next."""

    def __init__(self):
        self.mail, self.rcpts = False, 0

    def expect(self, word):
        if word in ("MAIL", "BADMAIL"):
            if self.mail:
                return 503
            self.mail = word == "MAIL"
            return 250 if self.mail else 554
        if word in ("RCPT", "BADRCPT"):
            if not self.mail:
                return 503
            self.rcpts += word == "RCPT"
            return 250 if word == "RCPT" else 450
        if word == "DATA":
            if not self.rcpts:
                return 554 if self.mail else 503
            return 354
        if word in ("RSET", "EHLO"):
            self.mail, self.rcpts = False, 0
        return 554 if word == "BADEHLO" else 250


WORDS = {"MAIL": "MAIL FROM:<a@example.com>", "BADMAIL": "MAIL FROM:<bad@example.com>",
         "RCPT": "RCPT TO:<b@example.com>", "BADRCPT": "RCPT TO:<bad@example.com>", "DATA": "DATA",
         "RSET": "RSET", "EHLO": "EHLO good.example", "BADEHLO": "EHLO bad.example", "NOOP": "NOOP"}


@pytest.mark.parametrize("verify", ["yes", "no"])
def test_automaton_with_refusals(mta, verify):
    f = mta(smtpd_delay_reject="no", verify_recipients_at_next_hop=verify, smtpd_hard_error_limit=0, smtpd_junk_command_limit=0,
            smtpd_helo_restrictions="check_helo_access inline:{ {bad.example = REJECT} }",
            smtpd_sender_restrictions="check_sender_access inline:{ {bad@example.com = REJECT} }",
            smtpd_recipient_restrictions="check_recipient_access inline:{ {bad@example.com = 450 later} }")
    seed = random.randrange(1 << 32)
    rng = random.Random(seed)
    for _ in range(12):
        model, said = Model(), []
        with smtp.Client(f.address("smtp")) as c:
            c.hello()
            for _ in range(40):
                word = rng.choice(list(WORDS))
                said.append(word)
                want = model.expect(word)
                got = c.cmd(WORDS[word])
                assert got.code == want, (seed, said, got)
                if want == 354:
                    c.send(smtp.dot_stuff(MESSAGE))
                    assert c.reply().code == 250, (seed, said)
                    model.mail, model.rcpts = False, 0
