"""on_mixed = split: recipients whose content_restrictions differ are parted at RCPT (PITFALLS B8)."""
import json

import pytest

import explain
import milter_client
import smtp
from ports import free_port

MESSAGE = b"From: a@example.com\r\nSubject: s\r\n\r\nbody\r\n"
OK = "250 2.0.0 Ok"
LATER = "452 4.5.3 Other rules than for the first recipient, send it apart"
CLASSES = dict(
    smtpd_restriction_classes="lover, hater", lover="permit", hater="check_sender_access inline:{ {bad@example.com = REJECT not for me} }",
    content_restrictions="check_recipient_access texthash:{dir}/per_user", smtpd_reject_footer="")
PER_USER = "".join(f"{name}{i}@example.com {name}\n" for name in ("lover", "hater") for i in (1, 2, 3)) + \
    "list@example.com reject_non_fqdn_sender, lover\n"
BEFORE = "smtp, role = before_queue, on_mixed = split, smtpd_authorized_xforward_hosts ="


def start(filterd, hop, listeners=None, **more):
    return filterd(listeners=listeners or {"smtp": BEFORE}, files={"per_user": PER_USER}, next_hop=hop.next_hop, **{**CLASSES, **more})


def at(*names):
    return [n + "@example.com" for n in names]


def text(r):
    return OK if r.code == 250 else str(r)


def held(f):
    return sorted(tuple(r["path"] for r in h["recipients"]) for h in map(json.loads, f.ctl("hold", "list", "--json").splitlines()))


def rounds(c, sender, recipients, message=MESSAGE, limit=10):
    """As a client does: who got 452 comes again in another transaction.  [[who was served, the reply], ...]"""
    done = []
    while recipients:
        assert len(done) < limit
        _, at_rcpt, after = c.transaction(sender, recipients, message)
        assert {str(r) for r in at_rcpt if r.code != 250} <= {LATER}
        assert at_rcpt[0].code == 250           # the first one is never put off, so it comes to an end
        done.append([[to for to, r in zip(recipients, at_rcpt) if r.code == 250], *map(text, after)])
        recipients = [to for to, r in zip(recipients, at_rcpt) if r.code != 250]
    return done


@pytest.mark.parametrize("verify", ["yes", "no"])
def test_each_policy_has_its_transaction(filterd, hop, verify):
    f = start(filterd, hop, verify_recipients_at_next_hop=verify)
    who = at("hater1", "lover1", "nobody", "hater2", "list", "lover2", "nobody2", "hater1")
    want = [at("hater1", "hater2", "hater1"), at("lover1", "lover2"), at("nobody", "nobody2"), at("list")]
    with smtp.Client(f.address("smtp")) as c:
        c.hello()
        assert rounds(c, "good@example.com", who) == [[w, OK] for w in want]
        no = "554 5.7.1 <bad@example.com>: Sender address rejected: not for me"
        assert rounds(c, "bad@example.com", who) == [[w, no if w == want[0] else OK] for w in want]
        # whoever comes first is served
        assert rounds(c, "good@example.com", who[1:])[0] == [want[1], OK]
        c.quit()
    # the others at the next hop never had to do with it: nothing was begun there for who was put off
    assert sorted(m.recipients for m in hop.messages) == sorted(
        want + want[1:] + [want[1], at("nobody", "nobody2"), at("hater2", "hater1"), want[3]])
    assert held(f) == []
    # the log says why; explain does, too
    refusals = f.entries("defer", code=452)
    assert len(refusals) == 3 * (5 + 3 + 1) and {(e["rule"], e["stage"]) for e in refusals} == {("on_mixed", "RCPT")}
    assert "on_mixed = split" in json.dumps(explain.by_id(f, refusals[0]["id"]))


def test_in_one_write(filterd, hop):
    """A client that pipelines learns of it just so; nobody is left after all were put off but the first."""
    f = start(filterd, hop)
    with smtp.Client(f.address("smtp")) as c:
        c.hello()
        c.send(b"MAIL FROM:<good@example.com>\r\n" + b"".join(b"RCPT TO:<%s>\r\n" % r.encode() for r in at("lover1", "hater1", "lover2", "x")) +
               b"DATA\r\n")
        assert [r.code for r in c.replies(6)] == [250, 250, 452, 250, 452, 354]
        c.send(smtp.dot_stuff(MESSAGE))
        assert c.reply().code == 250
        c.quit()
    assert [m.recipients for m in hop.messages] == [at("lover1", "lover2")]


def test_first_accepted_counts(filterd, hop):
    """Not one that was refused by a list, by its syntax or by the next hop."""
    hop.script["rcpt"] = ["550 5.1.1 no such user"]
    f = start(filterd, hop, smtpd_recipient_restrictions="check_recipient_access inline:{ {lover3@example.com = REJECT} }",
              verify_recipients_at_next_hop="yes")
    with smtp.Client(f.address("smtp")) as c:
        c.hello()
        c.mail("good@example.com")
        assert [c.rcpt(r).code for r in [*at("lover3"), "bad@", *at("lover1", "hater1", "lover2", "hater2")]] == [554, 501, 550, 250, 452, 250]
        assert [text(r) for r in c.data(MESSAGE)] == [OK]
        # another transaction begins anew
        assert rounds(c, "good@example.com", at("lover1", "lover2")) == [[at("lover1", "lover2"), OK]]
        c.mail("good@example.com")
        c.rcpt(at("hater1")[0])
        c.cmd("RSET")
        assert rounds(c, "good@example.com", at("lover1"))[0] == [at("lover1"), OK]
        c.quit()
    assert hop.messages[0].recipients == at("hater1", "hater2")


def test_put_off_is_no_error(filterd, hop):
    f = start(filterd, hop, smtpd_hard_error_limit="3")
    with smtp.Client(f.address("smtp")) as c:
        c.hello()
        c.mail("good@example.com")
        assert [c.rcpt(r).code for r in at("hater1", *["lover1"] * 10)] == [250] + [452] * 10
        assert [text(r) for r in c.data(MESSAGE)] == [OK]
        c.quit()


def test_not_where_each_has_a_reply(filterd, hop):
    """LMTP, PRDR; nor without content_restrictions, nor with another on_mixed."""
    f = start(filterd, hop, listeners={"lmtp": "lmtp, role = before_queue", "smtp": "smtp, role = before_queue",
                                       "none": "smtp, role = before_queue, content_restrictions =",
                                       "hold": "smtp, role = before_queue, on_mixed = hold"}, on_mixed="split")
    who = at("hater1", "lover1")
    for door, args in (("lmtp", ""), ("smtp", "PRDR"), ("none", ""), ("hold", "")):
        with smtp.Client(f.address(door), lmtp=door == "lmtp") as c:
            c.hello()
            assert {r.code for r in c.transaction("bad@example.com", who, MESSAGE, mail_args=args)[1]} == {250}
            c.quit()


# What no digest can foresee: one list for both, and a row of another table looks at the recipient after all.
LATE = dict(content_restrictions="check_sender_access inline:{ {bad@example.com = reject_non_fqdn_recipient}, "
                                 "{late@example.com = reject_unknown_recipient_domain} }, "
                                 "check_sender_access inline:{ {held@example.com = HOLD} }")
NO = "504 5.5.2 <short>: Recipient address rejected: need fully-qualified address"


@pytest.mark.parametrize("refused", ["hold", "discard"])
@pytest.mark.parametrize("role", ["before_queue", "after_queue"])
def test_who_differs_all_the_same(filterd, hop, refused, role):
    """Told apart at the end: kept or dropped, never bounced."""
    f = start(filterd, hop, listeners={"smtp": f"smtp, role = {role}, on_mixed = split, smtpd_authorized_xforward_hosts ="},
              on_mixed_refused=refused, after_queue_reject="reject", resolver="127.0.0.1:9", resolver_timeout="1s", resolver_tries="1", **LATE)
    f.expect("after_queue_reject")
    if role == "after_queue":
        f.expect("on_mixed")
    with smtp.Client(f.address("smtp")) as c:
        c.hello()
        for recipients in (["short", "a@example.com"], ["a@example.com", "short"]):
            _, at_rcpt, after = c.transaction("bad@example.com", recipients, MESSAGE)
            assert [r.code for r in at_rcpt] == [250, 250] and [text(r) for r in after] == [OK]
        # nobody is to have it: a refusal is nobody's loss
        assert [str(r) for r in c.transaction("bad@example.com", ["short"], MESSAGE)[2]] == [NO]
        # 4xx: it may pass later, so nothing is dropped, and all are put off; kept it can be
        assert [text(r) for r in c.transaction("late@example.com", ["short", "a@example.com"], MESSAGE)[2]] == [
            OK if refused == "hold" else "451 4.3.0 Recipients disagree about this message, try later"]
        c.quit()
    if refused == "hold":
        assert [m.recipients for m in hop.messages] == [["a@example.com"]] * 2 + [["short"]]
        assert held(f) == [("a@example.com",)] + [("short",)] * 2
        last = [("short", "pass", "deliver"), ("a@example.com", "defer", "hold")]
    else:
        assert [m.recipients for m in hop.messages] == [["a@example.com"]] * 2
        assert held(f) == []
        last = [("short", "pass", "defer"), ("a@example.com", "defer", "defer")]
    finals = f.wait_finals(7)
    assert [(e["recipient"], e["verdict"], e["fate"]) for e in finals] == [
        ("short", "reject", refused), ("a@example.com", "pass", "deliver"), ("a@example.com", "pass", "deliver"), ("short", "reject", refused),
        ("short", "reject", "reject"), *last]
    assert {e["list"] for e in finals if e["verdict"] == "reject"} == {"content_restrictions"}


def test_at_the_milter_door(filterd, hop):
    """The MTA hands the 452 on; where it does not wait for an answer, all is settled at the end."""
    f = start(filterd, hop, listeners={"milter": "milter, on_mixed = split, milter_hold = store",
                                       "libmilter": "milter, on_mixed = split, milter_engine = libmilter, milter_hold = store",
                                       "hold": "milter, on_mixed = hold"})
    for door in ("milter", "libmilter"):
        with milter_client.Client(f.address(door)) as c:
            c.negotiate()
            c.connect()
            c.helo()
            c.mail("<bad@example.com>")
            replies = [c.rcpt(f"<{r}>") for r in at("lover1", "hater1", "lover2")]
            assert [r.kind for r in replies] == ["continue", "replycode", "continue"]
            assert replies[1].text == LATER
            c.data()
            end = c.message(MESSAGE)
            assert (end.kind, end.changes) == ("continue", [])
            # and the other one by himself
            c.mail("<bad@example.com>")
            assert c.rcpt("<hater1@example.com>").kind == "continue"
            c.data()
            assert str(c.message(MESSAGE)) == "554 5.7.1 <bad@example.com>: Sender address rejected: not for me"
            c.quit()
    # nobody would answer RCPT there
    with milter_client.Client(f.address("hold")) as c:
        assert c.negotiate().steps & milter_client.NR["rcpt"]
        c.quit()


# --- real clients ---

def test_postfix_brings_the_others_later(filterd, postfix):
    """Postfix's own SMTP client in front: each recipient gets the message once, whoever was put off comes by the next queue run."""
    who = [f"{n}@example.test" for n in ("hater1", "lover1", "nobody", "hater2", "lover2")]
    port = free_port()
    p = postfix(content_filter=f"smtp:[127.0.0.1]:{port}", mailboxes=[*who, "sender@example.test"])
    f = filterd(listeners=f"{{ smtp:127.0.0.1:{port}, name = smtp, on_mixed = split }}", next_hop="smtp:[%s]:%d" % p.reinject,
                files={"per_user": "hater1@example.test hater\nhater2@example.test hater\nlover1@example.test lover\nlover2@example.test lover\n"},
                after_queue_reject="hold", **CLASSES)
    smtp.send(p.smtp, "sender@example.test", who, MESSAGE)
    p.wait_empty(timeout=120)
    assert {w: len(p.mails(w)) for w in who} == {w: 1 for w in who}
    assert p.mails("sender@example.test") == []
    finals = f.wait_finals(5)
    assert sorted(e["recipient"] for e in finals) == sorted(who) and {e["fate"] for e in finals} == {"deliver"}
    together = {}
    for e in finals:
        together.setdefault(e["id"], set()).add(e["recipient"])
    assert sorted(map(sorted, together.values())) == sorted([["hater1@example.test", "hater2@example.test"],
                                                             ["lover1@example.test", "lover2@example.test"], ["nobody@example.test"]])


def test_postfix_before_the_queue(filterd, postfix):
    """smtpd_proxy_filter: the 452 reaches Postfix's client, who comes again."""
    who = [f"{n}@example.test" for n in ("hater1", "lover1", "hater2")]
    port = free_port()
    p = postfix(mailboxes=who, smtpd=f"  -o smtpd_proxy_filter=127.0.0.1:{port}")
    filterd(listeners=f"{{ smtp:127.0.0.1:{port}, name = smtp, role = before_queue, on_mixed = split }}", next_hop="smtp:[%s]:%d" % p.reinject,
            files={"per_user": "hater1@example.test hater\nhater2@example.test hater\nlover1@example.test lover\n"}, **CLASSES)
    with smtp.Client(p.smtp) as c:
        c.hello()
        assert rounds(c, "good@example.com", who) == [[[who[0], who[2]], OK], [[who[1]], OK]]
        no = "554 5.7.1 <bad@example.com>: Sender address rejected: not for me"
        assert rounds(c, "bad@example.com", who) == [[[who[0], who[2]], no], [[who[1]], OK]]
        c.quit()
    p.wait_empty()
    assert {w: len(p.mails(w)) for w in who} == {who[0]: 1, who[1]: 2, who[2]: 1}


# --- how many there are ---

def test_count(filterd, hop):
    """A rule about their number parts nobody, or it would never find many."""
    f = start(filterd, hop, content_restrictions="check_recipient_count { >=3 REJECT too many }, " + CLASSES["content_restrictions"])
    with smtp.Client(f.address("smtp")) as c:
        c.hello()
        same, parted = at("hater1", "hater2", "hater3"), at("hater1", "lover1", "hater2", "lover2")
        assert rounds(c, "a@example.com", same) == [[same, "554 5.7.1 too many"]]
        assert rounds(c, "a@example.com", same[:2]) == [[same[:2], OK]]
        # parted by another rule they are two and two
        assert rounds(c, "a@example.com", parted) == [[parted[::2], OK], [parted[1::2], OK]]
        c.quit()
    hop.wait(3)
