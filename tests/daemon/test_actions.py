"""Header and body checks end to end at both doors: what is answered, what goes on, what the log says (EXAMPLES.md 10, 11; issue 2, sections 6-8)."""
import json
import re

import pytest

import filterd_proc
import smtp
from nexthop import NextHop

HEAD = b"From: a@example.com\r\nSubject: %d x\r\nTo: y\r\n\r\nbody\r\n"
BODY = b"From: a@example.com\r\nSubject: s\r\n\r\nline\r\nBody: %d x\r\nend\r\n"
RCPTS = ["b@example.com", "c@example.com"]
OK = "250 2.0.0 Ok"
QUEUED = OK + ": queued as "

# the action; its reply; who gets it (None: nobody); what is done to it: a function of the message
# without the line, the line, and what follows; the verdict, fate, effects and reason logged; the
# action's own log line
SAME = object()
ACTIONS = [
    ("REJECT", "550 5.7.1 message content rejected", None, SAME, "reject", "reject", "", "", "reject"),
    ("REJECT own words", "550 5.7.1 own words", None, SAME, "reject", "reject", "", "", "reject"),
    ("reject 5.7.9 own code", "550 5.7.9 own code", None, SAME, "reject", "reject", "", "", "reject"),
    ("REJECT 4.7.8 later", "451 4.7.8 later", None, SAME, "defer", "defer", "", "", "reject"),
    ("DISCARD", OK, None, SAME, "discard", "discard", "discard", "", "discard"),
    ("DISCARD because", OK, None, SAME, "discard", "discard", "discard", "because", "discard"),
    ("HOLD", OK, None, SAME, "hold", "hold", "hold", "", "hold"),
    ("HOLD odd", OK, None, SAME, "hold", "hold", "hold", "odd", "hold"),
    ("REDIRECT x@example.net", QUEUED, ["x@example.net"], SAME, "pass", "deliver", "redirect=x@example.net", "", "redirect"),
    ("BCC z@example.net", QUEUED, RCPTS + ["z@example.net"], SAME, "pass", "deliver", "bcc=z@example.net", "", "bcc"),
    ("PREPEND X-New: 1", QUEUED, RCPTS, lambda line: b"X-New: 1\r\n" + line, "pass", "deliver", "edit", "", "prepend"),
    ("REPLACE X-Re: 1", QUEUED, RCPTS, lambda line: b"X-Re: 1\r\n", "pass", "deliver", "edit", "", "replace"),
    ("STRIP", QUEUED, RCPTS, lambda line: b"", "pass", "deliver", "edit", "", "strip"),
    ("STRIP why", QUEUED, RCPTS, lambda line: b"", "pass", "deliver", "edit", "", "strip"),
    ("IGNORE", QUEUED, RCPTS, lambda line: b"", "pass", "deliver", "edit", "", None),
    ("WARN look", QUEUED, RCPTS, SAME, "pass", "deliver", "", "", "warning"),
    ("INFO look", QUEUED, RCPTS, SAME, "pass", "deliver", "", "", "info"),
    ("TAG", QUEUED, RCPTS, "tag", "tag", "deliver", "tag", "", "tag"),
    ("TAG odd", QUEUED, RCPTS, "tag", "tag", "deliver", "tag", "", "tag"),
    ("DUNNO", QUEUED, RCPTS, SAME, "pass", "deliver", "", "", None),
    ("OK", QUEUED, RCPTS, SAME, "pass", "deliver", "", "", None),
    ("PASS", QUEUED, RCPTS, SAME, "pass", "deliver", "", "", "pass"),
]


def send(f, door, message, recipients=RCPTS, sender="a@example.com"):
    """The replies after the data; the SMTP door's one stands for all."""
    return smtp.send(f.address(door), sender, list(recipients), message, lmtp=door.startswith("lmtp"))[2]


@pytest.mark.parametrize("verify", ["yes", "no"])
@pytest.mark.parametrize("door", ["smtp", "lmtp"])
@pytest.mark.parametrize("where", ["header", "body"])
def test_every_action(filterd, hop, door, where, verify):
    template = HEAD if where == "header" else BODY
    pattern = r"/^Subject: %d /" if where == "header" else r"/^Body: %d /"
    rules = "".join(f"{pattern % n}\t{a[0]}\n" for n, a in enumerate(ACTIONS))
    f = filterd(files={"rules": rules}, next_hop=hop.next_hop, smtpd_reject_footer="",
                verify_recipients_at_next_hop=verify, **{where + "_checks": "pcre:{dir}/rules"})
    for n, (action, reply, rcpts, change, verdict, fate, effects, reason, event) in enumerate(ACTIONS):
        message = template % n
        before = len(hop.messages)
        got = send(f, door, message)
        if reply == QUEUED:
            assert all(re.fullmatch(re.escape(QUEUED) + "HOP[0-9]+", str(r)) for r in got), (action, got)
        else:
            assert [str(r) for r in got] == [reply] * (2 if door == "lmtp" else 1), action
        new = hop.wait(before + (rcpts is not None))[before:]
        assert [m.recipients for m in new] == ([rcpts] if rcpts else []), action
        line = (b"Subject: %d x\r\n" if where == "header" else b"Body: %d x\r\n") % n
        for m in new:
            want = (message if change is SAME else b"X-Spam-Flag: YES\r\n" + message if change == "tag"
                    else message.replace(line, change(line)))
            assert m.data == want, action
        finals = f.wait_finals(2 * (n + 1))[-2:]
        assert [e["recipient"] for e in finals] == RCPTS
        for e in finals:
            assert (e["verdict"], e["fate"], e["effects"], e["reason"]) == (verdict, fate, effects, reason), action
            assert f"{e['code']} {e['reply']}".startswith(reply), action
            if effects not in ("edit", "") or fate in ("reject", "defer"):
                assert e["rule"] == f"{f.dir}/rules:{n + 1}", action
            assert e["redirect"] == ("x@example.net" if "REDIRECT" in action else "")
            assert e["bcc"] == ("z@example.net" if "BCC" in action else "")
        own = [e for e in f.entries(id=finals[0]["id"]) if e["event"] != "message"]
        assert [e["event"] for e in own] == ([event] if event else []), action
        for e in own:
            assert e["rule"] == f"{f.dir}/rules:{n + 1}" and e["what"] == where
            assert e["content"] == line.decode().strip()
            assert re.match(rf"{event}: {where} {line.decode().strip()} from unknown\[unknown\]; "
                            r"from=<a@example\.com> to=<c@example\.com> proto=E?S?L?MTP ", e["text"]), e["text"]
    assert len(f.ctl("hold", "list", "--json").splitlines()) == 2
    status = f.ctl("status")
    assert re.search(r"held\D+4\b", status) and re.search(r"discarded\D+4\b", status)


# --- FILTER ---

@pytest.mark.parametrize("door", ["smtp", "lmtp"])
def test_filter(filterd, hop, door):
    """Another next hop: by the map, else smtp: and lmtp: as written, else 451 4.3.5."""
    with NextHop() as second, NextHop(lmtp=True) as third:
        f = filterd(files={"hc": f"/^Subject: 0/ FILTER {second.next_hop}\n/^Subject: 1/ FILTER {third.next_hop}\n"
                                 "/^Subject: 2/ FILTER amavis:[127.0.0.1]:10024\n/^Subject: 3/ FILTER other:dest\n"
                                 f"/^Subject: 4/ HOLD\n/^Subject: 5/ WARN\n/^To: y/ FILTER {second.next_hop}\n"
                                 "/^X: z/ FILTER other:dest\n",
                           "map": f"amavis:[127.0.0.1]:10024 {third.next_hop}\n"},
                    header_checks="pcre:{dir}/hc", filter_next_hop_maps="texthash:{dir}/map",
                    next_hop=hop.next_hop, smtpd_reject_footer="")
        f.expect("FILTER other:dest")
        assert {r.code for r in send(f, door, HEAD % 0)} == {250}
        assert second.wait(1)[0].recipients == RCPTS and second.messages[0].data == HEAD % 0
        # the last one wins
        assert {r.code for r in send(f, door, HEAD % 1)} == {250}
        assert second.wait(2)[1].data == HEAD % 1 and third.messages == []
        assert {r.code for r in send(f, door, (HEAD % 1).replace(b"To: y\r\n", b""))} == {250}
        assert third.wait(1)[0].recipients == RCPTS
        assert {r.code for r in send(f, door, (HEAD % 2).replace(b"To: y\r\n", b""))} == {250}
        assert third.wait(2)[1].data == (HEAD % 2).replace(b"To: y\r\n", b"")
        assert {str(r) for r in send(f, door, (HEAD % 3).replace(b"To: y\r\n", b""))} == {
            "451 4.3.5 Server configuration error"}
        finals = f.wait_finals(10)
        assert [e["hop"] for e in finals[::2]] == [second.next_hop] * 2 + [third.next_hop] * 2 + [""]
        assert finals[-1]["filter"] == "other:dest" and finals[-1]["fate"] == "defer"
        # held: the filter is carried out at release
        assert {str(r) for r in send(f, door, HEAD % 4)} == {OK}
        held = json.loads(f.ctl("hold", "list", "--json"))
        f.ctl("hold", "release", held["id"])
        assert second.wait(3)[2].data == HEAD % 4
    assert hop.messages == []


def test_filter_that_cannot_work_is_told_at_load(filterd, hop):
    f = filterd(files={"hc": "/^Subject: 1/ FILTER other:dest\n/^Subject: 2/ FILTER smtp:[127.0.0.1]:9\n"},
                header_checks="pcre:{dir}/hc", next_hop=hop.next_hop, smtpd_reject_footer="")
    f.expect("FILTER other:dest")
    told = [e["text"] for e in f.entries() if "FILTER" in e["text"]]
    assert told and all(f"{f.dir}/hc:1: FILTER other:dest will be answered with 451 4.3.5" in x for x in told)
    assert {str(r) for r in send(f, "smtp", HEAD % 1)} == {"451 4.3.5 Server configuration error"}


NO_MX = "MX look-up is not available in this version; write "


def test_names_without_brackets(filterd, hop):
    """In Postfix they are looked up as MX, which may be another host: nothing goes to the host itself instead."""
    port = hop.next_hop.rsplit(":", 1)[1]
    wanted = NO_MX + f"smtp:[localhost]:{port} for the host itself"
    f = filterd(files={"hc": f"/^Subject: 1/ FILTER smtp:localhost:{port}\n"
                             f"/^Subject: 2/ FILTER smtp:[localhost]:{port}\n/^Subject: 3/ FILTER mx:\n"},
                listeners={"smtp": "smtp", "lmtp": "lmtp", "lmtp_mapped": "lmtp, filter_next_hop_maps = inline:{mx:=smtp:example.com}"},
                header_checks="pcre:{dir}/hc", next_hop=hop.next_hop, smtpd_reject_footer="")
    f.expect("FILTER (smtp:localhost|mx:)")
    told = [e["text"] for e in f.entries() if "FILTER" in e["text"]]
    assert any(x.endswith(f"{f.dir}/hc:1: FILTER smtp:localhost:{port} will be answered with 451 4.3.5: {wanted}")
               for x in told), told
    for door in ("smtp", "lmtp"):
        assert {str(r) for r in send(f, door, HEAD % 1)} == {"451 4.3.5 Server configuration error"}
        assert {r.code for r in send(f, door, HEAD % 2)} == {250}
    assert {str(r) for r in send(f, "lmtp_mapped", HEAD % 3)} == {"451 4.3.5 Server configuration error"}
    told = [e["text"] for e in f.entries() if e["level"] == "warning" and "filter_next_hop_maps" in e["text"]]
    assert told == ['FILTER mx: is "smtp:example.com" in filter_next_hop_maps: ' + NO_MX +
                    "smtp:[example.com]:25 for the host itself"]
    assert len(hop.wait(2)) == 2


@pytest.mark.parametrize("mode", ["refuse", "postfix"])
@pytest.mark.parametrize("value,text", [
    ("smtp:example.com", NO_MX + "smtp:[example.com]:25 for the host itself"),
    ("smtp:mx.example.com:2525", NO_MX + "smtp:[mx.example.com]:2525 for the host itself"),
    ("example.com", "must begin with smtp: or lmtp:, as in smtp:[127.0.0.1]:10026"),
    ("smtp:[127.0.0.1:25", "']' is missing"),
])
def test_next_hop_that_cannot_be(value, text, mode):
    status, said = filterd_proc.check(f"config_errors = {mode}\nlisteners = {{ lmtp:127.0.0.1:1 }}\nnext_hop = {value}\n")
    assert status == 78
    assert f'filterd.cf:3: next_hop: "{value}": {text}\n' in said
    assert said.count(value) == 1 and "MX look-up" not in said.replace(text, "")
    status, said = filterd_proc.check(f"config_errors = {mode}\nlisteners =\n  {{ lmtp:127.0.0.1:1, next_hop = {value} }}\n")
    assert status == 78 and f'filterd.cf:3: next_hop: "{value}": {text}\n' in said


def test_tag_header_must_be_a_field():
    status, said = filterd_proc.check("listeners = { lmtp:127.0.0.1:1 }\ntag_header = spam\n")
    assert status == 78 and 'filterd.cf:2: tag_header: must be a header field, "X-Spam-Flag: YES"\n' in said


def test_filter_next_hop_down_is_4xx(filterd, hop):
    with NextHop() as second:
        gone = second.next_hop
    f = filterd(files={"hc": f"/^Subject/ FILTER {gone}\n"}, header_checks="pcre:{dir}/hc",
                next_hop=hop.next_hop, smtp_connect_timeout="1s")
    f.expect("next hop")
    for door in ("smtp", "lmtp"):
        assert {r.code for r in send(f, door, HEAD % 0)} == {451}
    assert hop.messages == []


# --- after_queue_reject, soft_bounce, footer ---

@pytest.mark.parametrize("door", ["smtp", "lmtp"])
@pytest.mark.parametrize("mode,role,code,fate", [
    ("reject", "after_queue", 550, "reject"), ("hold", "after_queue", 250, "hold"),
    ("discard", "after_queue", 250, "discard"),
    ("hold", "before_queue", 550, "reject"), ("discard", "before_queue", 550, "reject"),   # nothing bounces there
])
def test_after_queue_reject(filterd, hop, door, mode, role, code, fate):
    f = filterd(listeners={"lmtp": f"lmtp, role = {role}", "smtp": f"smtp, role = {role}"},
                files={"hc": "/^Subject: 1/ REJECT 5.7.9 no such thing\n/^Subject: 2/ REJECT 4.7.9 later\n"},
                header_checks="pcre:{dir}/hc", next_hop=hop.next_hop, after_queue_reject=mode,
                message_size_limit=5000, smtpd_reject_footer="")
    assert {r.code for r in send(f, door, HEAD % 1)} == {code}
    finals = f.wait_finals(2)
    for e in finals:
        assert (e["verdict"], e["fate"], e["rule"]) == ("reject", fate, f.dir + "/hc:1")
        assert e["reason"] == ("550 5.7.9 no such thing" if fate != "reject" else "")
        assert e["text"].startswith(fate + ": END-OF-MESSAGE from ") and "verdict=reject" in e["text"]
    assert len(f.ctl("hold", "list", "--json").splitlines()) == (fate == "hold")
    if fate == "hold":
        held = json.loads(f.ctl("hold", "list", "--json"))
        assert held["reason"] == "reject: 550 5.7.9 no such thing" and held["class"] == "spam"
    # a 4xx is never turned, nor what is not about content
    assert {str(r) for r in send(f, door, HEAD % 2)} == {"451 4.7.9 later"}
    assert {str(r) for r in send(f, door, HEAD % 3 + b"x\r\n" * 5000)} == {"552 5.3.4 Error: message file too big"}
    assert hop.messages == []


def test_after_queue_reject_warning(filterd, hop):
    f = filterd(files={"hc": "/x/ REJECT\n"}, header_checks="pcre:{dir}/hc", next_hop=hop.next_hop)
    assert "after_queue_reject" in "".join(f.ctl("check", status=None)[1:])


@pytest.mark.parametrize("door", ["smtp", "lmtp"])
def test_soft_bounce(filterd, hop, door):
    f = filterd(files={"hc": "/^Subject: 1/ REJECT 5.7.9 no\n"}, header_checks="pcre:{dir}/hc",
                next_hop=hop.next_hop, soft_bounce="yes", smtpd_reject_footer="", after_queue_reject="discard")
    assert {str(r) for r in send(f, door, HEAD % 1)} == {"450 4.7.9 no"}
    hop.script["end"] = "550 5.1.1 said the next hop"
    assert {str(r) for r in send(f, door, HEAD % 2)} == {"450 4.1.1 said the next hop"}
    assert {e["fate"] for e in f.wait_finals(4)} == {"defer"}


FOOTERS = [
    # smtpd_reject_footer, what stands behind the text of the LMTP door's reply
    ("", ""),
    ("\\c (id $decision_id)", " (id ID)"),
    ("\\c; see http://example.com/", "; see http://example.com/"),
    ("Ask postmaster", "\n5.7.1 Ask postmaster"),
    ("one\\ntwo $recipient", "\n5.7.1 one\n5.7.1 two b@example.com"),
    ("$client_address $client_name $sender $server_name", "\n5.7.1 192.0.2.1 x.example a@example.com mail.example"),
    ("${recipient?to $recipient} $nonsense", "\n5.7.1 to b@example.com $nonsense"),
]


@pytest.mark.parametrize("footer,added", FOOTERS)
def test_reject_footer(filterd, hop, footer, added):
    f = filterd(files={"hc": "/^Subject: 1/ REJECT no\n"}, header_checks="pcre:{dir}/hc", next_hop=hop.next_hop,
                smtpd_reject_footer=footer, myhostname="mail.example")
    got = smtp.send(f.address("lmtp"), "a@example.com", RCPTS, HEAD % 1, lmtp=True, NAME="x.example",
                    ADDR="192.0.2.1")[2]
    ident = f.wait_finals(2)[0]["id"]
    assert got[0].text == "5.7.1 no" + added.replace("ID", ident)
    assert got[1].text == "5.7.1 no" + added.replace("ID", ident).replace("b@", "c@")
    assert f.finals()[0]["reply"] == "5.7.1 no"
    got = smtp.send(f.address("lmtp"), "a@example.com", RCPTS, HEAD % 2, lmtp=True)[2]
    assert [r.text for r in got] == [QUEUED[4:] + "HOP000001"] * 2          # refusals only


# --- tags ---

TAGS = [
    # tag_header, tag_subject_prefix, the Subject: field; what goes on in front of the message, and in its place
    ("X-Spam-Flag: YES", "", b"Subject: hi", b"X-Spam-Flag: YES\r\n", b"Subject: hi"),
    ("X-Spam: 1", "***SPAM***", b"Subject: hi", b"X-Spam: 1\r\n", b"Subject: ***SPAM*** hi"),
    ("", "***SPAM***", b"Subject: hi", b"", b"Subject: ***SPAM*** hi"),
    ("", "[s]", b"Subject: [s] hi", b"", b"Subject: [s] hi"),                   # has it
    ("", "[s]", b"Subject: =?utf-8?q?=5Bs=5D_hi?=", b"", b"Subject: =?utf-8?q?=5Bs=5D_hi?="),
    ("", "[s]", b"X: y", b"Subject: [s]\r\n", b"X: y"),                        # there was none
]


@pytest.mark.parametrize("header,prefix,subject,front,after", TAGS)
@pytest.mark.parametrize("door", ["smtp", "lmtp"])
def test_tag(filterd, hop, door, header, prefix, subject, front, after):
    f = filterd(files={"bc": "/spam/ TAG\n"}, body_checks="pcre:{dir}/bc", next_hop=hop.next_hop,
                tag_header=header, tag_subject_prefix=prefix)
    message = b"From: a@example.com\r\n" + subject + b"\r\n\r\nspam spam\r\nspam\r\n"
    assert {r.code for r in send(f, door, message)} == {250}
    got = hop.wait(1)[0].data
    if b"X: y" in subject:      # a field that is added stands where the writer thinks best
        assert sorted(got.split(b"\r\n")) == sorted((front + message).split(b"\r\n")) and got.endswith(b"spam\r\n")
    else:
        assert got == front + message.replace(subject, after)
    assert len(f.entries("tag")) == 2               # each line that matched


# --- several at once ---

def test_several_actions(filterd, hop):
    rules = """/^From:/ PREPEND X-One: 1
/^Subject:/ REPLACE Subject: new
/^To:/ IGNORE
/^X-Bcc:/ BCC one@example.net
/^X-Hold:/ HOLD first
/^X-Reject:/ REJECT last
/^X-Discard:/ DISCARD
/^X-Pass:/ PASS
"""
    f = filterd(files={"hc": rules, "bc": "/body/ BCC two@example.net\n/^end/ REPLACE END\n"}, next_hop=hop.next_hop,
                header_checks="pcre:{dir}/hc", body_checks="pcre:{dir}/bc", smtpd_reject_footer="")
    base = b"From: a\r\nSubject: s\r\nTo: t\r\n%s\r\nbody\r\nend\r\n"
    done = b"From: a\r\nSubject: new\r\n%s\r\nbody\r\nEND\r\n"

    def case(fields):
        before = len(hop.messages)
        got = {str(r).split(": queued")[0] for r in send(f, "lmtp", base % fields)}
        return got, hop.messages[before:]
    got, m = case(b"X-Bcc: x\r\n")
    assert got == {OK} and m[0].recipients == RCPTS + ["one@example.net", "two@example.net"]
    assert m[0].data == b"X-One: 1\r\n" + done % b"X-Bcc: x\r\n"
    assert case(b"X-Hold: x\r\nX-Reject: x\r\n") == ({"550 5.7.1 last"}, [])        # refused, not held
    assert case(b"X-Discard: x\r\nX-Reject: x\r\n") == ({OK}, [])                   # looked at no further
    assert case(b"X-Hold: x\r\nX-Discard: x\r\n") == ({OK}, [])
    assert [e["fate"] for e in f.wait_finals(8)[-4:]] == ["discard"] * 4
    got, m = case(b"X-Pass: x\r\nX-Reject: x\r\n")
    assert got == {OK} and m[0].recipients == RCPTS and m[0].data.endswith(b"body\r\nend\r\n")
    assert case(b"X-Hold: x\r\n") == ({OK}, [])
    held = json.loads(f.ctl("hold", "list", "--json"))
    f.ctl("hold", "release", held["id"])            # edits and copies come with it
    m = hop.wait(3)[2]
    assert m.data == b"X-One: 1\r\n" + done % b"X-Hold: x\r\n" and m.recipients == RCPTS + ["two@example.net"]


def test_redirect_and_bcc_tell_no_one(filterd, hop):
    """DSN: nobody but the rule asked for the copies, so the sender is not told of them."""
    f = filterd(files={"hc": "/^Subject: 1/ BCC z@example.net\n"}, header_checks="pcre:{dir}/hc", next_hop=hop.next_hop)
    with smtp.Client(f.address("lmtp"), lmtp=True) as c:
        c.hello()
        c.transaction("a@example.com", ["b@example.com"], HEAD % 1, "RET=HDRS", "NOTIFY=SUCCESS ORCPT=rfc822;b@example.com")
    assert hop.wait(1)[0].rcpts == [b"<b@example.com> NOTIFY=SUCCESS ORCPT=rfc822;b@example.com",
                                    b"<z@example.net> NOTIFY=NEVER"]


# --- the final line ---

def test_final_line_json(filterd, hop):
    f = filterd(files={"bc": "/x/ WARN\n"}, body_checks="pcre:{dir}/bc", next_hop=hop.next_hop)
    message = b"From: a@example.com\r\nMessage-ID: <m@example.com>\r\nSubject: s\r\n\r\n\n.\nbody\r\n"
    with smtp.Client(f.address("lmtp"), lmtp=True) as c:
        c.hello()
        c.xforward(NAME="x.example", ADDR="192.0.2.1", HELO="h.example", PROTO="ESMTP", IDENT="4ABC")
        c.mail("a@example.com")
        c.rcpt("b@example.com")
        c.cmd("DATA")
        c.send(message + b".\r\n")
        assert c.reply().code == 250
    e = f.wait_finals(1)[0]
    assert {k: e[k] for k in ("queue_id", "message_id", "sender", "recipient", "client", "helo", "proto", "listener",
                              "verdict", "fate", "rule", "list", "effects", "filter", "redirect", "bcc", "reason", "code",
                              "hop", "level", "event")} == {
        "queue_id": "4ABC", "message_id": "<m@example.com>", "sender": "a@example.com", "recipient": "b@example.com",
        "client": "x.example[192.0.2.1]", "helo": "h.example", "proto": "ESMTP", "listener": "lmtp",
        "verdict": "pass", "fate": "deliver", "rule": "-", "list": "", "effects": "", "filter": "", "redirect": "", "bcc": "",
        "reason": "", "code": 250, "hop": hop.next_hop, "level": "info", "event": "message"}
    assert e["reply"] == "2.0.0 Ok: queued as " + hop.wait(1)[0].queue_id
    assert e["bytes"] == len(hop.messages[0].data)
    assert all(isinstance(e[k], int) and 0 <= e[k] < 60000 for k in ("receive_ms", "check_ms", "total_ms"))
    assert "line=bare_lf" in e["facts"] and "line=smuggling" in e["facts"], e["facts"]


def test_final_line_text(filterd, hop):
    f = filterd(files={"hc": "/^Subject: 1/ REJECT no\n"}, header_checks="pcre:{dir}/hc", next_hop=hop.next_hop,
                log_format="text", smtpd_reject_footer="")
    smtp.send(f.address("lmtp"), "a@example.com", RCPTS, (HEAD % 1).replace(b"\r\n\r\n", b"\r\nMessage-Id: <m@x>\r\n\r\n"),
              lmtp=True, NAME="x.example", ADDR="192.0.2.1", HELO="h.example", PROTO="ESMTP", IDENT="4ABC")
    f.stop()
    lines = [x for x in f.raw_log().splitlines() if "END-OF-MESSAGE" in x]
    f.log_file += ".none"                           # its lines are no JSON for the fixture to look over
    assert len(lines) == 2
    for line, rcpt in zip(lines, RCPTS):
        assert re.fullmatch(
            r"\S+ filterd/lmtp\[[0-9]+\]: \w+: reject: END-OF-MESSAGE from x\.example\[192\.0\.2\.1\]: 550 5\.7\.1 no; "
            rf"from=<a@example\.com> to=<{re.escape(rcpt)}> proto=ESMTP helo=<h\.example> rule={f.dir}/hc:1 "
            r"list=header_checks verdict=reject effects=<> queue_id=4ABC message-id=<m@x> hop=- size=[0-9]+ ms=[0-9]+/[0-9]+/[0-9]+ "
            r"facts=<>", line), line


def test_log_is_one_line_whatever_comes(filterd, hop):
    """I7: nothing from outside makes a line of its own or says a word that is not its."""
    f = filterd(files={"hc": "/^Subject/ WARN seen\n"}, header_checks="pcre:{dir}/hc", next_hop=hop.next_hop)
    send(f, "lmtp", b"Subject: a\r\n\tfilterd/lmtp[1]: X: reject: \x1b[31m\xff\xe2\x82\x00\r\nMessage-Id: <a\x07b@x>\r\n\r\nx\r\n",
         recipients=["\"a\\\"; to=<x\"@example.com"])
    e = f.wait_finals(1)[0]
    assert e["recipient"] == "\"a\\\"; to=<x\"@example.com"
    for line in f.raw_log().splitlines():
        json.loads(line)
        assert not re.search(r"[\x00-\x1f\x7f]", line)


def test_refused_at_the_next_hop_is_logged(filterd, hop):
    hop.script["rcpt"] = ["550 5.1.1 no such user", "250 2.1.5 Ok"]
    f = filterd(next_hop=hop.next_hop)
    send(f, "smtp", HEAD % 1)
    e = f.wait_log(lambda e: e.get("event") == "reject")
    assert e["text"].startswith("reject: RCPT from unknown[unknown]: 550 5.1.1 no such user; "
                                "from=<a@example.com> to=<b@example.com> proto=ESMTP helo=<")
    assert [e["recipient"] for e in f.wait_finals(1)] == ["c@example.com"]


# --- worked examples ---

SPAM = [  # EXAMPLES.md 10
    (b"Subject: a Free Mortgage Quote for you", True), (b"Subject: repair your credit!", True),
    (b"Subject: free mortgages", False),
    (b"Content-Type: application/x; name=\"virus.exe\"", True), (b"Content-Type: application/x; name=invoice.PIF", True),
    (b"Content-Type: application/x;\r\n\tname =\"a.b.vbs\"", False), (b"Content-Type: text/plain; name=\"notes.txt\"", False),
]
PHRASES = [  # EXAMPLES.md 11
    (b"You can increase your sales by 100 %", "message content rejected"), (b"the lowest rates ever!", "message content rejected"),
    (b"the lowest rates ever.", None), (b"mail in compliance of strict rules", "message content rejected"),
    (b"vi<!-- x -->agra", "Suspicious embedded HTML comments"), (b"vi <!-- x --> agra", None),
]


def test_example_10(filterd, hop):
    f = filterd(files={"hc": "/free mortgage quote/ REJECT\n/repair your credit/ REJECT\n"
                             r'/name ?="?.*\.(bat|com|dll|exe|hta|pif|vbs)"?/ REJECT' + "\n"},
                header_checks="regexp:{dir}/hc", next_hop=hop.next_hop)
    for field, bad in SPAM:
        message = b"From: a@example.com\r\n" + field + b"\r\n\r\nx\r\n"
        # a folded field is looked up with its line end in it, so `name ?=` finds it there as well
        want = 550 if bad or b"vbs" in field else 250
        assert {r.code for r in send(f, "lmtp", message)} == {want}, field
        part = b"From: a@example.com\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n" + field + b"\r\n\r\nx\r\n--b--\r\n"
        assert {r.code for r in send(f, "smtp", part)} == {want}, field


def test_example_11(filterd, hop):
    f = filterd(files={"bc": "/increase your sales by/ REJECT\n/lowest rates.*\\!/ REJECT\n"
                             "/in compliance (with|of) strict/ REJECT\n"
                             "/[[:alpha:]]<!--.*-->[[:alpha:]]/ REJECT Suspicious embedded HTML comments\n"},
                body_checks="regexp:{dir}/bc", next_hop=hop.next_hop, smtpd_reject_footer="")
    for line, words in PHRASES:
        got = send(f, "lmtp", b"From: a@example.com\r\n\r\nfirst\r\n" + line + b"\r\n")[0]
        assert str(got).startswith("550 5.7.1 " + words if words else "250 "), line
    text = "first\n" + "\n".join(line.decode() for line, _ in PHRASES) + "\n"
    for kind in ("regexp", "pcre"):
        out = f.ctl("query", f"{kind}:{f.dir}/bc", "-", input=text)
        assert out.splitlines() == [f"{line.decode()}\tREJECT{'' if words == 'message content rejected' else ' ' + words}"
                                    for line, words in PHRASES if words]


STORE = [  # EXAMPLES.md 20
    "250 2.5.0 OK", "420 4.2.0 Mailbox is locked", "422 4.2.2 over quota", "430 4.3.0 System I/O error",
    "522 5.2.2 over quota", "523 5.2.3 message too large", "511 5.1.1 no such mailbox", "560 5.6.0 NUL in message",
    "450 4.2.1 Mailbox busy",
]


def test_example_20_a_store_behind(filterd, lmtp_hop):
    """Each recipient's reply is the store's own, in order, in one transaction."""
    lmtp_hop.script["end"] = list(STORE)
    f = filterd(next_hop=lmtp_hop.next_hop, smtpd_reject_footer="")
    rcpts = [f"User{n}+folder@example.com" for n in range(len(STORE))]
    assert [str(r) for r in send(f, "lmtp", HEAD % 1, rcpts)] == STORE
    assert [m.recipients for m in lmtp_hop.wait(1)] == [rcpts]
    assert [e["fate"] for e in f.wait_finals(len(STORE))] == [
        {"2": "deliver", "4": "defer", "5": "reject"}[s[0]] for s in STORE]


def test_example_15_two_in_a_chain(filterd, hop):
    """The first hands to the second, the second to Postfix: verdicts and who the client was come through."""
    spam = filterd(files={"bc": "/spam/ REJECT no spam here\n/odd/ HOLD\n"}, body_checks="pcre:{dir}/bc",
                   next_hop=hop.next_hop)
    virus = filterd(files={"bc": "/virus/ REJECT no virus here\n"}, body_checks="pcre:{dir}/bc",
                    next_hop="lmtp:[127.0.0.1]:%d" % spam.address("lmtp")[1])
    for word, want in ((b"virus", 550), (b"spam", 550), (b"odd", 250), (b"fine", 250)):
        got = smtp.send(virus.address("lmtp"), "a@example.com", RCPTS, b"Subject: x\r\n\r\n" + word + b"\r\n", lmtp=True,
                        NAME="x.example", ADDR="192.0.2.1", IDENT="4ABC")[2]
        assert {r.code for r in got} == {want}, word
    assert [m.data for m in hop.wait(1)] == [b"Subject: x\r\n\r\nfine\r\n"]
    assert hop.messages[0].xforward["ADDR"] == "192.0.2.1" and hop.messages[0].xforward["IDENT"] == "4ABC"
    assert {e["client"] for e in spam.wait_finals(6)} == {"x.example[192.0.2.1]"}
    first, second = virus.wait_finals(8)[2:4], spam.finals()[:2]
    # the second's id is in the first's log, so one can be followed to the other
    assert all(a["reply"] == f"5.7.1 no spam here (id {b['id']})" for a, b in zip(first, second))


@pytest.mark.parametrize("kind", ["smtp", "lmtp"])
def test_example_14_between_two_halves_of_postfix(filterd, postfix, hop, kind):
    """content_filter to filterd and back on 10026: what passes is delivered once, what is refused bounces with its reason."""
    f = filterd(files={"hc": "/^Subject: bad/ REJECT 5.7.9 not this\n/^Subject: tag/ TAG\n"},
                header_checks="pcre:{dir}/hc", next_hop=hop.next_hop)
    p = postfix(content_filter=f"{kind}:[127.0.0.1]:{f.address(kind)[1]}",
                mailboxes=["s@example.test", "b@example.test", "c@example.test"])
    f.reload(next_hop="smtp:[127.0.0.1]:%d" % p.reinject[1])    # each has to know the other's port
    for subject in (b"hi", b"tag", b"bad"):
        smtp.send(p.smtp, "s@example.test", ["b@example.test", "c@example.test"],
                  b"From: s@example.test\r\nSubject: " + subject + b"\r\n\r\nbody of it\r\n")
    p.wait_empty(60)
    for user in ("b@example.test", "c@example.test"):
        mails = p.mails(user)
        assert len(mails) == 2 and all(m.endswith(b"\n\nbody of it\n") for m in mails)
        assert sum(b"\nX-Spam-Flag: YES\n" in m for m in mails) == 1
    bounce = p.mails("s@example.test")
    assert len(bounce) == 1 and b"5.7.9 not this" in bounce[0]
    finals = f.wait_finals(6)
    assert all(e["client"].endswith("[127.0.0.1]") and e["helo"] == "client.example" and e["queue_id"] in p.log()
               for e in finals)
    # Postfix behind logs the client that came to Postfix in front, and its reply reached the front
    assert p.log().count("client=localhost[127.0.0.1], orig_queue_id=") + p.log().count("orig_client=") >= 2
    for e in finals:
        if e["fate"] == "deliver":
            assert f"status=sent (250 {e['reply']})" in p.log()
