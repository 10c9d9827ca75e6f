"""content_restrictions: once for each accepted recipient, whose alone the effects are (DESIGN.md, "Verdicts"; PITFALLS B8, B9)."""
import json
import re

import pytest

import filterd_proc
import policy_server
import smtp
from nexthop import NextHop
from ports import free_port

MESSAGE = b"From: a@example.com\r\nSubject: s\r\n\r\nbody\r\n"
MINE, OTHER = "mine@example.com", "other@example.com"
DOORS = ["smtp", "lmtp"]
OK = "250 2.0.0 Ok"
AGAIN = "451 4.3.0 Recipients disagree about this message, try later"
RULE = "check_recipient_access texthash:{dir}/per_user"


def listeners(role="before_queue"):
    """Clients speak for themselves here, whatever the role."""
    return {door: f"{door}, role = {role}, smtpd_authorized_xforward_hosts =" for door in DOORS}


def send(f, door, recipients, sender="a@example.com", hello="client.example", message=MESSAGE):
    """What each recipient hears after the data, in order; the SMTP door's one reply for all of them."""
    with smtp.Client(f.address(door), lmtp=door == "lmtp") as c:
        c.hello(hello)
        replies = c.transaction(sender, list(recipients), message)[2]
        if 421 in [r.code for r in replies]:    # all replies first, then it closes
            assert c.at_end()
        else:
            c.quit()
    assert len(replies) == (len(recipients) if door == "lmtp" else 1)
    texts = [str(r) if r.code != 250 else OK for r in replies]
    return texts if door == "lmtp" else texts * len(recipients)


def copies(hop):
    return sorted((m.recipients, m.data) for m in hop.messages)


def held(f):
    """Whose copies the hold store has: (recipients, reason, class)."""
    return sorted((tuple(r["path"] for r in h["recipients"]), h["reason"], h["class"])
                  for h in map(json.loads, f.ctl("hold", "list", "--json").splitlines()))


# --- classes: what Postfix cannot ---

CLASSES = {"smtpd_restriction_classes": "spamlover, spamhater",
           "spamhater": "reject_invalid_helo_hostname, reject_non_fqdn_helo_hostname, check_sender_access texthash:{dir}/spammers",
           "spamlover": "permit", "content_restrictions": RULE}
PER_USER = "abelard@example.com spamhater\nheloise@example.com spamlover\n"
LOVERS = ["abelard@example.com", "heloise@example.com"]
NO = "504 5.5.2 <localhost>: Helo command rejected: need fully-qualified hostname"

# on_mixed, but for split, which parts these two before (test_split.py): what both hear, who gets it, whose copy is held
MIXED = [
    ("hold", OK, [LOVERS[1:]], LOVERS[:1]),
    ("strictest", NO, [], []),
    ("lenient", OK, [LOVERS], []),
    ("defer", AGAIN, [], []),
]


@pytest.mark.parametrize("verify", ["yes", "no"])
@pytest.mark.parametrize("mode,reply,taken,kept", MIXED, ids=[m[0] for m in MIXED])
@pytest.mark.parametrize("door", DOORS)
def test_classes(filterd, hop, door, mode, reply, taken, kept, verify):
    f = filterd(listeners=listeners(), files={"per_user": PER_USER, "spammers": "spam@example.net REJECT go away\n"},
                next_hop=hop.next_hop, on_mixed=mode, smtpd_reject_footer="", verify_recipients_at_next_hop=verify, **CLASSES)
    got = send(f, door, LOVERS, hello="localhost")
    if door == "lmtp":                          # a reply each: nothing is mixed
        want, taken, kept = [NO, OK], [LOVERS[1:]], []
    else:
        want = [reply] * 2
    assert got == want
    assert [m.recipients for m in hop.wait(len(taken))] == taken
    assert [r for r, _, _ in held(f)] == ([tuple(kept)] if kept else [])
    first, second = f.wait_finals(2)
    assert (first["recipient"], first["verdict"], first["list"]) == (LOVERS[0], "reject", "content_restrictions")
    assert first["rule"] == f"{f.dir}/per_user:1"       # the row that names the class
    assert second["verdict"] == "pass"
    if reply == NO and door == "smtp":          # refused for the other's sake, and the log says for whose
        assert (second["fate"], second["rule"], second["list"]) == ("reject", first["rule"], "content_restrictions")
    # a class goes on behind what does not refuse; nobody refused: nothing is mixed
    assert send(f, door, LOVERS) == [OK, OK]
    # everybody refused: nothing is mixed either, whatever on_mixed says
    assert send(f, door, LOVERS[:1], sender="spam@example.net") == [
        "554 5.7.1 <spam@example.net>: Sender address rejected: go away"]


def test_class_of_the_list_itself(filterd, hop):
    """Every list may be called by name from a row; a class's permit ends the list, DUNNO goes on."""
    f = filterd(listeners=listeners(), files={
        "per_user": "a@example.com reject_non_fqdn_helo_hostname, reject\nb@example.com cls\nc@example.com permit\nd@example.com dull\n"},
        next_hop=hop.next_hop, smtpd_reject_footer="", smtpd_restriction_classes="cls, dull", cls="dull, defer", dull="warn_if_reject reject",
        content_restrictions=RULE + ", check_sender_access inline:{ z@example.com=DISCARD }, reject")
    last = "554 5.7.1 <%s>: Recipient address rejected: Access denied"
    rcpts = ["a@example.com", "b@example.com", "c@example.com", "d@example.com"]
    assert send(f, "lmtp", rcpts) == [
        last % rcpts[0], "450 4.3.2 <b@example.com>: Recipient address rejected: Try again later", OK, last % rcpts[3]]
    assert [m.recipients for m in hop.messages] == [["c@example.com"]]
    assert [(e["recipient"], e["stage"], e["list"]) for e in f.entries("reject_warning")] == [
        (r, "END-OF-MESSAGE", "content_restrictions") for r in (rcpts[1], rcpts[3])]
    assert send(f, "lmtp", rcpts, sender="z@example.com")[3] == OK      # DISCARD ends the list as OK does


# --- every result of a row, for one of two ---

def prepend(line):
    return line + b"\r\n" + MESSAGE


# the row; what that recipient hears; who gets it beside the other's copy, and how; verdict, fate and effects logged
RESULTS = [
    ("OK", OK, [MINE], MESSAGE, "pass", "deliver", ""),
    ("450", OK, [MINE], MESSAGE, "pass", "deliver", ""),
    ("DUNNO", OK, [MINE], MESSAGE, "pass", "deliver", ""),
    ("WARN look", OK, [MINE], MESSAGE, "pass", "deliver", ""),
    ("INFO look", OK, [MINE], MESSAGE, "pass", "deliver", ""),
    ("DEFER_IF_REJECT later", OK, [MINE], MESSAGE, "pass", "deliver", ""),
    ("REJECT", "554 5.7.1 <mine@example.com>: Recipient address rejected: Access denied", None, None, "reject", "reject", ""),
    ("REJECT 5.7.9 own words", "554 5.7.9 <mine@example.com>: Recipient address rejected: own words", None, None, "reject", "reject", ""),
    ("550 no", "550 5.7.1 <mine@example.com>: Recipient address rejected: no", None, None, "reject", "reject", ""),
    ("DEFER", "450 4.7.1 <mine@example.com>: Recipient address rejected: Access denied", None, None, "defer", "defer", ""),
    ("421 off", "421 4.7.1 <mine@example.com>: Recipient address rejected: off", None, None, "defer", "defer", ""),
    ("DEFER_IF_PERMIT", "450 4.7.1 <mine@example.com>: Recipient address rejected: Service unavailable", None, None, "defer", "defer", ""),
    ("DISCARD", OK, None, None, "discard", "discard", "discard"),
    ("DISCARD because", OK, None, None, "discard", "discard", "discard"),
    ("HOLD", OK, None, None, "hold", "hold", "hold"),
    ("HOLD odd", OK, None, None, "hold", "hold", "hold"),
    ("TAG", OK, [MINE], prepend(b"X-Spam-Flag: YES"), "tag", "deliver", "tag"),
    ("PREPEND X-New: 1", OK, [MINE], prepend(b"X-New: 1"), "pass", "deliver", "prepend"),
    ("REDIRECT x@example.net", OK, ["x@example.net"], MESSAGE, "pass", "deliver", "redirect=x@example.net"),
    ("BCC z@example.net", OK, [MINE, "z@example.net"], MESSAGE, "pass", "deliver", "bcc=z@example.net"),
]


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("action,reply,who,data,verdict,fate,effects", RESULTS, ids=[r[0] for r in RESULTS])
def test_every_result(filterd, hop, door, action, reply, who, data, verdict, fate, effects):
    """The other recipient's copy is as it came, in a transaction of its own unless both are the same."""
    f = filterd(listeners=listeners(), files={"per_user": f"mine@example.com {action}\n"}, next_hop=hop.next_hop,
                smtpd_reject_footer="", content_restrictions=RULE)
    refused = not reply.startswith("250")
    got = send(f, door, [MINE, OTHER])
    # SMTP: the refused copy is kept (on_mixed = hold), the one reply is the other's
    assert got == ([reply, OK] if door == "lmtp" else [OK, OK])
    want = [([OTHER], MESSAGE)] + ([(who, data)] if who else [])
    if (who, data) == ([MINE], MESSAGE):
        want = [([MINE, OTHER], MESSAGE)]
    assert copies(hop) == sorted(want)
    mine, other = f.wait_finals(2)
    kept = door == "smtp" and refused
    assert (mine["verdict"], mine["fate"], mine["effects"]) == (verdict, "hold" if kept else fate, effects)
    assert (other["verdict"], other["fate"], other["effects"], other["rule"], other["list"]) == ("pass", "deliver", "", "-", "")
    assert other["redirect"] == other["bcc"] == other["filter"] == ""
    if effects or refused:
        assert mine["list"] == "content_restrictions"
        assert mine["rule"] == f"{f.dir}/per_user:1"
    assert [r for r, _, _ in held(f)] == ([(MINE,)] if kept or verdict == "hold" else [])
    for e in f.entries(recipient=OTHER):
        assert e["event"] == "message"          # no line of an effect that is the first one's


@pytest.mark.parametrize("door", DOORS)
def test_filter_of_one(filterd, hop, door):
    with NextHop() as second:
        f = filterd(listeners=listeners(), files={"per_user": f"mine@example.com FILTER {second.next_hop}\n"}, next_hop=hop.next_hop,
                    content_restrictions=RULE, smtpd_reject_footer="")
        f.expect("FILTER uucp:there")
        assert send(f, door, [MINE, OTHER]) == [OK, OK]
        assert second.wait(1)[0].recipients == [MINE] and hop.wait(1)[0].recipients == [OTHER]
        assert [(e["filter"], e["hop"]) for e in f.wait_finals(2)] == [(second.next_hop, second.next_hop), ("", hop.next_hop)]
        # without a next hop that recipient is deferred, and no other
        f.file("per_user", "mine@example.com FILTER uucp:there\n")
        f.reload()
        assert send(f, "lmtp", [MINE, OTHER]) == ["451 4.3.5 Server configuration error", OK]


@pytest.mark.parametrize("door", DOORS)
def test_effects_add_up_and_part(filterd, hop, door):
    """Four recipients, three texts: who wants the same shares a transaction; each recipient hears of its own."""
    f = filterd(listeners=listeners(), files={
        "per_user": "a@example.com one\nb@example.com two\nc@example.com one\nd@example.com held\n",
        "all": "example.com PREPEND X-All: 1\n"},
        next_hop=hop.next_hop, smtpd_restriction_classes="one, two, held",
        one="check_recipient_access inline:{ {example.com = PREPEND X-One: 1} }",
        two="check_recipient_access inline:{ {example.com = PREPEND X-Two: 1} }, check_sender_access inline:{ {example.com = BCC copy@example.net} }",
        held="check_recipient_access inline:{ {example.com = PREPEND X-Held: 1} }, check_sender_access inline:{ {example.com = HOLD odd} }",
        smtpd_data_restrictions="check_sender_access texthash:{dir}/all",       # the whole message's, as in Postfix
        content_restrictions=RULE)
    rcpts = [c + "@example.com" for c in "abcde"]
    assert send(f, door, rcpts) == [OK] * 5
    head = b"X-All: 1\r\n"
    assert copies(hop) == sorted([
        (["a@example.com", "c@example.com"], head + b"X-One: 1\r\n" + MESSAGE),
        (["b@example.com", "copy@example.net"], head + b"X-Two: 1\r\n" + MESSAGE),
        (["e@example.com"], head + MESSAGE)])
    assert held(f) == [(("d@example.com",), "hold: odd", "policy")]
    f.ctl("hold", "release", json.loads(f.ctl("hold", "list", "--json"))["id"])
    assert [(m.recipients, m.data) for m in hop.wait(4)[3:]] == [(["d@example.com"], head + b"X-Held: 1\r\n" + MESSAGE)]


@pytest.mark.parametrize("door", DOORS)
def test_nothing_leaks_into_the_next_message(filterd, hop, door):
    """A7, E11: verdicts end with their transaction; the same connection, RSET in between, and a duplicate recipient."""
    f = filterd(listeners=listeners(), files={"per_user": "mine@example.com PREPEND X-New: 1\nno@example.com REJECT\n"},
                next_hop=hop.next_hop, content_restrictions=RULE, smtpd_reject_footer="", on_mixed="defer")
    with smtp.Client(f.address(door), lmtp=door == "lmtp") as c:
        c.hello()
        c.mail("a@example.com")
        c.rcpt(MINE)
        assert c.cmd("RSET").code == 250
        assert {r.code for r in c.transaction("a@example.com", [OTHER], MESSAGE)[2]} == {250}
        assert [r.code for r in c.transaction("a@example.com", [MINE, MINE], MESSAGE)[2]] == [250] * (2 if c.lmtp else 1)
        replies = c.transaction("a@example.com", ["no@example.com", OTHER, "no@example.com"], MESSAGE)[2]
        assert [r.code for r in replies] == ([554, 250, 554] if c.lmtp else [451])
        assert {r.code for r in c.transaction("a@example.com", [OTHER], MESSAGE)[2]} == {250}
        assert c.cmd("NOOP").code == 250        # as many replies as recipients, so this one is its own
        c.quit()
    rest = [([OTHER], MESSAGE)] * (3 if door == "lmtp" else 2)
    assert copies(hop) == sorted(rest + [([MINE, MINE], b"X-New: 1\r\n" + MESSAGE)])


def test_only_who_was_accepted_is_asked(filterd, hop):
    """B9: the next hop refused one at RCPT; the list is asked for the others, once each."""
    hop.script["rcpt"] = ["250 2.1.5 Ok", "550 5.1.1 no such user", "250 2.1.5 Ok"]
    f = filterd(listeners=listeners(), files={"per_user": "example.com WARN seen\n"}, next_hop=hop.next_hop, content_restrictions=RULE,
                verify_recipients_at_next_hop="yes")
    rcpts = ["a@example.com", "b@example.com", "c@example.com"]
    _, at_rcpt, after = smtp.send(f.address("smtp"), "a@example.com", rcpts, MESSAGE)
    assert [r.code for r in at_rcpt] == [250, 550, 250] and [r.code for r in after] == [250]
    assert [e["recipient"] for e in f.entries("warn")] == ["a@example.com", "c@example.com"]


# --- warn_if_reject, soft_bounce, trouble ---

@pytest.mark.parametrize("door", DOORS)
def test_warn_if_reject(filterd, hop, door):
    f = filterd(listeners=listeners(), files={"per_user": "mine@example.com REJECT not me\n"}, next_hop=hop.next_hop,
                content_restrictions="warn_if_reject " + RULE)
    assert send(f, door, [MINE, OTHER]) == [OK, OK]
    assert copies(hop) == [([MINE, OTHER], MESSAGE)]
    warnings = f.entries("reject_warning")
    assert [(e["recipient"], e["stage"], e["rule"], e["list"]) for e in warnings] == [
        (MINE, "END-OF-MESSAGE", f"{f.dir}/per_user:1", "content_restrictions")]
    assert warnings[0]["content"] == "554 5.7.1 <mine@example.com>: Recipient address rejected: not me"
    assert {e["verdict"] for e in f.wait_finals(2)} == {"pass"}


@pytest.mark.parametrize("door", DOORS)
def test_soft_bounce(filterd, hop, door):
    f = filterd(listeners=listeners("after_queue"), files={"per_user": "mine@example.com REJECT\n"}, next_hop=hop.next_hop,
                content_restrictions=RULE, soft_bounce="yes", after_queue_reject="discard", on_mixed="strictest", smtpd_reject_footer="")
    no = "454 4.7.1 <mine@example.com>: Recipient address rejected: Access denied"
    assert send(f, door, [MINE, OTHER]) == ([no, OK] if door == "lmtp" else [no, no])


@pytest.mark.parametrize("door", DOORS)
def test_a_table_that_fails_defers_its_recipient(filterd, hop, door):
    """Never an accident for the others; on_mixed keeps the copy where there is one reply.  (What a pattern fills in is not
    known before mail comes.)"""
    f = filterd(listeners=listeners(), files={"per_user": "/^mine@(example)/ no_such_class_$1\n"}, next_hop=hop.next_hop,
                content_restrictions="check_recipient_access pcre:{dir}/per_user", smtpd_reject_footer="")
    f.expect("no_such_class")
    assert send(f, door, [MINE, OTHER]) == (["451 4.3.5 Server configuration error", OK] if door == "lmtp" else [OK, OK])
    assert [m.recipients for m in hop.wait(1)] == [[OTHER]]
    assert held(f) == ([] if door == "lmtp" else [((MINE,), "defer: 451 4.3.5 Server configuration error", "failure")])


def test_a_row_with_a_mistake_is_told_before():
    for row, why in (("mine@example.com careful, no_such_class\n", '"no_such_class" is no restriction and no class'),
                     ("mine@example.com carefull\n", "did you mean careful?"), ("mine@example.com SCORE many\n", "needs a number")):
        status, said = filterd_proc.check("listeners = { lmtp:127.0.0.1:0, next_hop = smtp:[127.0.0.1]:1 }\n"
                                          "smtpd_restriction_classes = careful\ncareful = reject\ncontent_restrictions = " + RULE,
                                          files={"per_user": "other@example.com careful\n" + row})
        assert status == 78
        assert re.search(r"error: \S+/per_user:2: content_restrictions: ", said) and why in said


# --- after the queue ---

@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("role", ["after_queue", "before_queue", "mta"])
@pytest.mark.parametrize("mode", ["reject", "hold", "discard"])
def test_after_queue_reject(filterd, hop, door, role, mode):
    """REJECT of this list is turned, for its recipient alone; DEFER never; before the queue nothing is."""
    f = filterd(listeners=listeners(role), files={"per_user": "mine@example.com REJECT no\nlater@example.com DEFER later\n"},
                next_hop=hop.next_hop, content_restrictions=RULE, after_queue_reject=mode, on_mixed="defer", smtpd_reject_footer="",
                smtpd_relay_restrictions="", smtpd_recipient_restrictions="reject_unauth_destination", mydestination="example.com",
                local_recipient_maps="", alias_maps="")
    turned = role == "after_queue" and mode != "reject"
    if role == "after_queue" and mode == "reject":
        f.expect("after_queue_reject")
    no = "554 5.7.1 <mine@example.com>: Recipient address rejected: no"
    later = "450 4.7.1 <later@example.com>: Recipient address rejected: later"
    got = send(f, door, [MINE, OTHER])
    if door == "lmtp":
        assert got == [OK if turned else no, OK]
    else:
        assert got == [OK if turned else AGAIN] * 2     # turned, nothing is mixed any more
    assert [m.recipients for m in hop.messages] == ([[OTHER]] if turned or door == "lmtp" else [])
    assert held(f) == ([((MINE,), "reject: 554 5.7.1 <mine@example.com>: Recipient address rejected: no", "spam")]
                       if turned and mode == "hold" else [])
    mine = f.wait_finals(2)[0]
    assert (mine["verdict"], mine["rule"], mine["list"]) == ("reject", f"{f.dir}/per_user:1", "content_restrictions")
    assert mine["fate"] == (mode if turned else "reject" if door == "lmtp" else "defer")
    got = send(f, door, ["later@example.com"])
    assert got == [later]
    got = send(f, door, [MINE])
    assert got == [OK if turned else no]
    # one turned, one deferred: the retry comes with both, so nothing of the first may be lost or doubled
    got = send(f, door, [MINE, "later@example.com"])
    assert got == ([OK if turned else no, later] if door == "lmtp" else [AGAIN if turned else later] * 2)


# --- who is first to refuse ---

LISTS = {"eod": "554 5.7.1 <END-OF-MESSAGE>: End-of-data rejected: eod", "header": "550 5.7.1 header",
         "content": "554 5.7.1 <mine@example.com>: Recipient address rejected: content"}


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("refusing", [("eod", "header", "content"), ("header", "content"), ("eod", "content"), ("content",), ("header",)])
def test_order_of_refusals(filterd, hop, door, refusing):
    """End-of-data list, header and body checks, this list; header checks run and are logged all the same."""
    verb = {name: "REJECT " + name if name in refusing else "WARN " + name for name in LISTS}
    f = filterd(listeners=listeners(), files={"hc": f"/^Subject/ {verb['header']}\n", "per_user": f"mine@example.com {verb['content']}\n",
                                              "client": f"a@example.com {verb['eod']}\n"},
                next_hop=hop.next_hop, smtpd_reject_footer="", smtpd_end_of_data_restrictions="check_sender_access texthash:{dir}/client",
                header_checks="pcre:{dir}/hc", content_restrictions=RULE)
    want = LISTS[refusing[0]].replace("<END-OF-MESSAGE>: End-of-data", "<a@example.com>: Sender address")
    assert send(f, door, [MINE]) == [want]
    assert hop.messages == []
    e = f.wait_finals(1)[0]
    assert e["list"] == {"eod": "smtpd_end_of_data_restrictions", "header": "header_checks", "content": "content_restrictions"}[refusing[0]]
    # the header check's own line is there whoever refused
    assert len(f.entries("reject" if "header" in refusing else "warning", what="header")) == 1


def test_discarded_is_discarded(filterd, hop):
    """A whole message's DISCARD answers before anybody's own list is asked."""
    f = filterd(listeners=listeners(), files={"hc": "/^Subject/ DISCARD\n", "per_user": "mine@example.com REJECT\n"}, next_hop=hop.next_hop,
                header_checks="pcre:{dir}/hc", content_restrictions=RULE)
    for door in DOORS:
        assert send(f, door, [MINE, OTHER]) == [OK, OK]
    assert hop.messages == [] and held(f) == []
    assert {e["fate"] for e in f.wait_finals(4)} == {"discard"}


@pytest.mark.parametrize("door", DOORS)
def test_own_effects_beside_the_message_s(filterd, hop, door):
    """The last redirect wins, BCC adds up, a held message keeps what is a recipient's own."""
    f = filterd(listeners=listeners(), files={"hc": "/^Subject: s/ BCC all@example.net\n/^From/ PREPEND X-All: 1\n",
                                              "per_user": "mine@example.com PREPEND X-Mine: 1\nr@example.com REDIRECT x@example.net\n"},
                next_hop=hop.next_hop, header_checks="pcre:{dir}/hc", content_restrictions=RULE)
    assert send(f, door, [MINE, OTHER, "r@example.com"]) == [OK] * 3
    text = b"X-All: 1\r\n" + MESSAGE
    assert copies(hop) == sorted([([MINE, "all@example.net"], b"X-Mine: 1\r\n" + text), ([OTHER], text), (["x@example.net"], text)])
    mine, other, redirected = f.wait_finals(3)
    assert mine["effects"] == "bcc=all@example.net prepend edit" and other["effects"] == "bcc=all@example.net edit"
    assert redirected["redirect"] == "x@example.net" and other["redirect"] == ""


# --- what else the language brings ---

def test_policy_server_is_asked_for_each(filterd, hop):
    """One question a recipient, each with the recipient it is about though there are several (PITFALLS B7)."""
    with policy_server.Server() as server:
        server.rules = [{"if": {"recipient": MINE}, "action": "prepend X-Policy: 1"},
                        {"if": {"recipient": "no@example.com"}, "action": "reject 5.7.9 not you"}]
        f = filterd(listeners=listeners(), next_hop=hop.next_hop, smtpd_reject_footer="",
                    content_restrictions="check_policy_service " + server.endpoint)
        assert send(f, "lmtp", [MINE, "no@example.com", OTHER]) == [
            OK, "554 5.7.9 <no@example.com>: Recipient address rejected: not you", OK]
        assert [(r["protocol_state"], r["recipient"], r["recipient_count"]) for r in server.asked] == [
            ("END-OF-MESSAGE", who, "3") for who in (MINE, "no@example.com", OTHER)]
    assert copies(hop) == sorted([([MINE], b"X-Policy: 1\r\n" + MESSAGE), ([OTHER], MESSAGE)])


@pytest.mark.parametrize("action,said", [("BCC", [b"<mine@example.com>", b'<"a> size=1"@copy.example> NOTIFY=NEVER']),
                                         ("REDIRECT", [b'<"a> size=1"@copy.example>'])])
def test_an_address_out_of_a_pattern(filterd, hop, action, said):
    """What a client said, its quotes undone, must not end the path in the command to the next hop."""
    f = filterd(listeners=listeners(), files={"senders": f'/^([^"]+)@ok\\.example$/ {action} $1@copy.example\n/^bad@(.*)$/ {action} x@-$1-\n'},
                next_hop=hop.next_hop, content_restrictions="check_sender_access pcre:{dir}/senders", smtpd_reject_footer="")
    assert send(f, "smtp", [MINE], sender='"a> SIZE=1"@ok.example') == [OK]
    hop.wait(1)
    assert [c for c in hop.commands if c.startswith(b"RCPT")][-len(said):] == [b"RCPT TO:" + x for x in said]
    f.expect("no address to send to")
    assert send(f, "smtp", [MINE], sender="bad@x.example") == ["451 4.3.5 Server configuration error"]


@pytest.mark.parametrize("lists", ["reject_non_fqdn_sender", "reject_unauth_destination", "check_client_access inline:{ 127.0.0.1=REJECT }",
                                   "check_helo_access inline:{ client.example=REJECT }", "check_sender_access inline:{ {a@example.com=REJECT} }",
                                   "defer", "reject", "defer_if_permit", "reject_unlisted_recipient", "reject_multi_recipient_bounce"])
def test_restrictions_of_every_kind(filterd, hop, lists):
    """All that a smtpd list may have can stand here, with the same reply."""
    where = dict(next_hop=hop.next_hop, smtpd_reject_footer="", mydestination="here.example", local_recipient_maps="inline:{ x=x }",
                 virtual_mailbox_domains="example.com", virtual_mailbox_maps="inline:{ x=x }")
    sender = "" if "bounce" in lists else "a" if "fqdn" in lists else "a@example.com"
    rcpt = "mine@far.example" if "unauth" in lists else MINE
    here = filterd(listeners=listeners(), content_restrictions=lists, **where)
    rcpts = [rcpt, "other@here.example"] if "bounce" in lists else [rcpt]
    got = send(here, "lmtp", rcpts, sender=sender)[0]
    there = filterd(listeners=listeners(), **where, **{"smtpd_data_restrictions" if "bounce" in lists else "smtpd_recipient_restrictions": lists})
    with smtp.Client(there.address("lmtp"), lmtp=True) as c:
        c.hello()
        c.mail(sender)
        said = [c.rcpt(r) for r in rcpts][0]
        if "bounce" in lists:
            said = c.cmd("DATA")
        c.quit()
    assert got == str(said).replace("<DATA>: Data command", f"<{rcpt}>: Recipient address") and not got.startswith("2")


# --- behind a real queue ---

@pytest.mark.parametrize("mode", ["hold", "reject"])
def test_behind_postfix(filterd, postfix, mode):
    """Postfix hands over one message for both; each has its own answer, and only the refused one's is not delivered."""
    lovers = ["abelard@example.test", "heloise@example.test"]
    port = free_port()
    p = postfix(content_filter=f"lmtp:[127.0.0.1]:{port}", mailboxes=[*lovers, "sender@example.test"])
    f = filterd(listeners=f"{{ lmtp:127.0.0.1:{port}, name = lmtp }}", next_hop="smtp:[%s]:%d" % p.reinject,
                files={"per_user": "abelard@example.test spamhater\nheloise@example.test spamlover\n"}, after_queue_reject=mode,
                smtpd_restriction_classes="spamlover, spamhater", spamlover="permit",
                spamhater="check_client_access inline:{ 127.0.0=DUNNO, unknown=DUNNO, localhost=DUNNO }, check_helo_access inline:{ bulk.example=REJECT }",
                content_restrictions=RULE)
    smtp.send(p.smtp, "sender@example.test", lovers, b"From: sender@example.test\r\nSubject: s\r\n\r\nx\r\n", hello="bulk.example")
    p.wait_empty()
    first, second = f.wait_finals(2)[:2]
    assert first["id"] == second["id"]          # one transaction
    assert (first["verdict"], first["fate"], first["rule"]) == ("reject", mode, f"{f.dir}/per_user:1")
    assert len(p.mails(lovers[1])) == 1 and p.mails(lovers[0]) == []
    bounces = p.mails("sender@example.test")
    assert len(bounces) == (mode == "reject")
    if bounces:
        assert b"<bulk.example>: Helo command rejected: Access denied" in bounces[0].replace(b"\n    ", b" ") and b"heloise" not in bounces[0]
    assert [r for r, _, _ in held(f)] == ([(lovers[0],)] if mode == "hold" else [])


# --- in another list they decide nothing, and change nothing ---

ELSEWHERE = {
    # what header_checks takes out, too
    "the list": ({"smtpd_end_of_data_restrictions": "check_header pcre:{dir}/p, check_body pcre:{dir}/p"}, b"X-Foo: bar"),
    # a class that a row names, which nobody sees while loading; and a field that is mended anyway
    "a class": ({"smtpd_end_of_data_restrictions": "check_sender_access static:strict",
                 "smtpd_restriction_classes": "strict", "strict": "check_header pcre:{dir}/p"}, b"X-Foo : bar"),
}


@pytest.mark.parametrize("action", ["IGNORE", "STRIP", "REPLACE X-Bar: 1", "PREPEND X-Bar: 1"])
@pytest.mark.parametrize("where", sorted(ELSEWHERE))
def test_elsewhere(filterd, hop, where, action):
    settings, field = ELSEWHERE[where]
    f = filterd(listeners=listeners(), files={"p": f"/^X-Foo/ {action}\n"}, next_hop=hop.next_hop,
                header_checks="pcre:{dir}/p", content_restrictions="check_header pcre:{dir}/p", **settings)
    f.expect("has no meaning in smtpd_end_of_data_restrictions: it never decides")
    message = b"A: 1\r\n" + field + b"\r\nB: 2\r\n\r\nbody\r\n"
    assert send(f, "lmtp", [MINE], message=message) == [OK]
    want = {"I": b"", "S": b"", "R": b"X-Bar: 1\r\n", "P": b"X-Bar: 1\r\n" * 2 + b"X-Foo: bar\r\n"}[action[0]]
    got = hop.wait(1)[0].data
    assert got.startswith(b"A: 1\r\n" + want) and got.endswith(b"B: 2\r\n\r\nbody\r\n")
