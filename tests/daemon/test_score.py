"""Scores: what each recipient's rules hold against one message, and what becomes of it (DESIGN.md, "Verdicts")."""
import json
import re

import pytest

import explain
import filterd_proc
import milter_client as mc
import smtp

MESSAGE = b"From: a@example.com\r\nSubject: cheap pills\r\n\r\nbuy pills\r\n"
OK = "250 2.0.0 Ok"
HIGH = "554 5.7.1 Message score too high"
DOMAIN = "@example.com"

CHECKS = {"header": "/^Subject:.*pills/ SCORE 2.5 subject\n",
          "body": "/pills/ REJECT pills\n",
          "friends": "friend@example.net OK\nworse@example.net SCORE 3 sender\n"}
# What all users' classes ask; their tables say from which score on something is done.
CLASSES = {"smtpd_restriction_classes": "spamhater, spamlover, usual",
           "usual": "score_if_reject 5 check_body regexp:{dir}/body, check_header regexp:{dir}/header",
           "spamhater": "usual, check_sender_access texthash:{dir}/friends, { reject_if_score 7, text = 550 5.7.1 No spam here }",
           "spamlover": "check_sender_access texthash:{dir}/friends, usual, tag_if_score 3, discard_if_score 10"}


def send(f, recipients, sender="a@example.com", message=MESSAGE, hello="client.example"):
    """What each recipient hears after the data."""
    with smtp.Client(f.address("lmtp"), lmtp=True) as c:
        c.hello(hello)
        replies = c.transaction(sender, [r + DOMAIN for r in recipients], message)[2]
        c.quit()
    return [str(r) if r.code != 250 else OK for r in replies]


@pytest.fixture
def scored(filterd, hop):
    def start(per_user, files={}, **settings):
        door = "lmtp, role = before_queue, smtpd_authorized_xforward_hosts ="
        return filterd(listeners={"lmtp": door}, next_hop=hop.next_hop, smtpd_reject_footer="",
                       files={"per_user": per_user, **CHECKS, **files},
                       **{"content_restrictions": "check_recipient_access texthash:{dir}/per_user", **CLASSES, **settings})
    return start


PER_USER = """hater@example.com spamhater
lover@example.com spamlover
limits@example.com usual, tag_if_score 3, hold_if_score 7, reject_if_score 8
strict@example.com usual, tag_if_score 3, reject_if_score 7.5
later@example.com usual, defer_if_score 7.5
nothing@example.com DUNNO
"""
USERS = ["hater", "lover", "limits", "strict", "later", "nothing", "other"]
LISTED = "7.5 check_body=5 subject=2.5"
FORGED = b"X-Filterd-Score: -50 trust=-50\r\n"
TAGGED = b"X-Filterd-Score: 7.5 check_body=5 subject=2.5\r\nX-Spam-Flag: YES\r\n" + MESSAGE


def test_each_has_limits_of_his_own(scored, hop):
    f = scored(PER_USER)
    assert send(f, USERS, message=FORGED + MESSAGE) == [
        "550 5.7.1 No spam here", OK, OK, HIGH, "450 4.7.1 Message score too high, try again later", OK, OK]
    # Who is tagged is told of the score, and of no other; to the others nothing is done.
    assert sorted((m.recipients, m.data) for m in hop.wait(2)) == [
        (["lover@example.com"], TAGGED),
        (["nothing@example.com", "other@example.com"], FORGED + MESSAGE)]
    held = json.loads(f.ctl("hold", "list", "--json"))
    assert ([r["path"] for r in held["recipients"]], held["reason"]) == (["limits@example.com"], "hold: score 7.5, hold_if_score 7")
    finals = {e["recipient"].partition("@")[0]: e for e in f.wait_finals(len(USERS))}
    assert {u: (e["verdict"], e["score"]) for u, e in finals.items()} == {
        "hater": ("reject", LISTED), "lover": ("tag", LISTED), "limits": ("hold", LISTED), "strict": ("reject", LISTED),
        "later": ("defer", LISTED), "nothing": ("pass", ""), "other": ("pass", "")}
    assert finals["hater"]["rule"] == f"{f.dir}/per_user:1" and finals["strict"]["rule"] == f"{f.dir}/per_user:4"
    # explain tells the same, step by step
    record = explain.by_id(f, finals["hater"]["id"])[-1]
    assert {r["recipient"].partition("@")[0]: r.get("score", "") for r in record["recipients"]} == {
        u: e["score"] for u, e in finals.items()}
    text = f.ctl("explain", finals["hater"]["id"])
    assert re.search(r"effect SCORE 5 check_body  \[", text) and re.search(r"effect SCORE 2.5 subject  \[", text)
    assert f"note: score {LISTED}" in text and f"score=<{LISTED}>" in text


def test_known_senders(scored, hop):
    """An OK in front spares what follows; behind the checks it comes too late for their points, but not for the limits."""
    f = scored(PER_USER)
    assert send(f, ["hater", "lover", "strict"], sender="friend@example.net") == [OK, OK, HIGH]
    assert [(m.recipients, m.data) for m in hop.wait(1)] == [(["hater@example.com", "lover@example.com"], MESSAGE)]
    assert {e["recipient"]: e["score"] for e in f.wait_finals(3)} == {
        "hater@example.com": LISTED, "lover@example.com": "", "strict@example.com": LISTED}
    # points of a sender's row: one who loves spam has had enough, too
    assert send(f, ["hater", "lover"], sender="worse@example.net") == ["550 5.7.1 No spam here", OK]
    last = f.wait_finals(5)[-1]
    assert (last["verdict"], last["score"]) == ("discard", "10.5 check_body=5 sender=3 subject=2.5")
    # nothing is held against other mail
    plain = b"From: a@example.com\r\nSubject: x\r\n\r\ny\r\n"
    assert send(f, ["hater", "lover", "strict"], message=plain) == [OK] * 3
    assert hop.wait(2)[-1].data == plain


def test_points_for_the_whole_message(scored, hop):
    """smtpd_*_restrictions are asked for each recipient, and give the message their points once."""
    f = scored("a@example.com tag_if_score 4.5\nb@example.com reject_if_score 4.5, tag_if_score 3\n"
               "c@example.com score_if_reject -1 reject, reject_if_score 3.5, tag_if_score 2\n",
               smtpd_recipient_restrictions="score_if_reject 3 reject_non_fqdn_helo_hostname, check_recipient_access inline:{{c@example.com=SCORE 1 c}}")
    assert send(f, ["a", "b", "c"], hello="localhost") == [OK] * 3
    assert sorted((m.recipients, m.data.split(b"\r\n")[0]) for m in hop.wait(3)) == [
        (["a@example.com"], b"From: a@example.com"),
        (["b@example.com"], b"X-Filterd-Score: 4 reject_non_fqdn_helo_hostname=3 c=1"),
        (["c@example.com"], b"X-Filterd-Score: 3 reject_non_fqdn_helo_hostname=3 c=1 reject=-1")]


def test_what_could_not_be_checked(scored, hop):
    """Gives no points, and defers only if the item itself wants it; on_failure holds otherwise."""
    f = scored("", content_restrictions="score_if_reject 9 check_header fail:retry, reject_if_score 5")
    f.expect("the look-up failed")
    assert send(f, ["a"]) == [OK]
    final = f.wait_finals(1)[0]
    assert (final["score"], final["verdict"]) == ("", "pass") and "patterns=failed" in final["facts"]
    f.reload(content_restrictions="score_if_reject 9 { check_header fail:retry, on_failure = defer }, reject_if_score 5")
    assert send(f, ["a"]) == ["451 4.7.1 Service temporarily unavailable, try again later"]
    f.reload(content_restrictions="score_if_reject 9 { check_header fail:retry, on_failure = tag }, tag_if_score 5")
    assert send(f, ["a"]) == [OK]
    assert f.wait_finals(3)[-1]["score"] == "" and hop.wait(2)[-1].data == b"X-Spam-Flag: YES\r\n" + MESSAGE


def test_score_header(scored, hop):
    """Its name is a parameter; without one nobody is told, and what came stays."""
    f = scored("", content_restrictions="{ tag_if_score -99, text = all }, score_if_reject 1 reject", score_header="X-Points")
    assert send(f, ["a"], message=b"X-Points: 0\r\n" + MESSAGE) == [OK]
    assert hop.wait(1)[-1].data == b"X-Points: 1 reject=1\r\nX-Spam-Flag: YES\r\n" + MESSAGE
    f.reload(score_header="")
    assert send(f, ["a"], message=b"X-Points: 0\r\n" + MESSAGE) == [OK]
    assert hop.wait(2)[-1].data == b"X-Spam-Flag: YES\r\nX-Points: 0\r\n" + MESSAGE
    f.reload(score_header="X-Points", message_drop_headers="X-Points", content_restrictions="")
    assert send(f, ["a"], message=b"X-Points: 0\r\n" + MESSAGE) == [OK]
    assert hop.wait(3)[-1].data == MESSAGE
    status, said = filterd_proc.check("listeners = { lmtp:127.0.0.1:1 }\nscore_header = a b\n")
    assert status == 78 and "filterd.cf:2: score_header: must be the name of a header field" in said


def test_a_hundred_recipients(scored, hop):
    """In whatever order their rules came: those who are told the same share one transaction."""
    names = [f"u{i}" for i in range(100)]
    checks = ["score_if_reject 5 check_body regexp:{dir}/body", "check_header regexp:{dir}/header",
              "score_if_reject 1 reject_non_fqdn_helo_hostname", "score_if_reject 2 check_fact inline:{from=REJECT}",
              "score_if_reject -1 check_message_size { <1k REJECT }"]
    classes = {f"c{i}": ", ".join(checks[(i + k * (1 + i // 5 % 4)) % 5] for k in range(5)) for i in range(20)}
    rows = "".join(f"{n}{DOMAIN} c{i % 20}, {'tag_if_score 7.5' if i % 2 else 'tag_if_score 7.6'}, reject_if_score {8 if i % 10 else 7}\n"
                   for i, n in enumerate(names))
    f = scored(rows, **{**CLASSES, **classes, "smtpd_restriction_classes": CLASSES["smtpd_restriction_classes"] + ", " + ", ".join(classes)})
    replies = send(f, names, hello="localhost")
    assert [r == OK for r in replies] == [i % 10 != 0 for i in range(100)]
    first, second = sorted(hop.wait(2), key=lambda m: len(m.data))
    assert first.data == MESSAGE and second.data.startswith(
        b"X-Filterd-Score: 7.5 check_body=5 subject=2.5 reject_non_fqdn_helo_hostname=1\r\n check_message_size=-1\r\n")
    assert first.recipients == [n + DOMAIN for i, n in enumerate(names) if i % 2 == 0 and i % 10]
    assert second.recipients == [n + DOMAIN for i, n in enumerate(names) if i % 2]
    assert len(hop.messages) == 2


OWN = b"Received: from a by b; Sun, 1 Jan 2023 00:00:00 +0000\r\n"     # the MTA's, which a milter is not shown


@pytest.mark.parametrize("edits", ["all", "none"])
def test_at_the_milter_door(filterd, edits):
    """One text for all: everybody is told the highest score of those who are tagged, or nobody any."""
    f = filterd(listeners={"milter": "milter:unix"}, on_mixed_edits=edits, tag_header="",
                files={"per_user": "a@example.com tag_if_score 7\nb@example.com score_if_reject 1 reject, tag_if_score 8\n", **CHECKS},
                content_restrictions="check_header regexp:{dir}/header, score_if_reject 5 check_body regexp:{dir}/body, "
                                     "check_recipient_access texthash:{dir}/per_user")
    with mc.Client(f.address("milter")) as c:
        c.negotiate()
        for step in (c.connect, c.helo):
            step()
        got = c.transaction(FORGED + MESSAGE, rcpts=["a@example.com", "b@example.com", "c@example.com"])[1]
    made = mc.apply(OWN + FORGED + MESSAGE, got.changes)
    if edits == "none":
        assert made == OWN + FORGED + MESSAGE
    else:
        want = b"X-Filterd-Score: 8.5 check_body=5 subject=2.5 reject=1\r\n"
        assert made in (want + OWN + MESSAGE, OWN + want + MESSAGE)


# --- check_fact, check_message_size, check_recipient_count ---

FACTS = """/^from=missing$/ REJECT 5.6.0 From missing
/^mime=ambiguous$/ TAG
/^mime=bad_base64$/ SCORE 4 base64
/^header=duplicate/ HOLD
"""


def test_facts(scored, hop):
    f = scored("careful@example.com check_facts, reject_if_score 4\neasy@example.com check_facts, tag_if_score 4\n",
               files={"facts": FACTS}, **{**CLASSES, "smtpd_restriction_classes": CLASSES["smtpd_restriction_classes"] + ", check_facts"},
               check_facts="check_fact regexp:{dir}/facts")
    assert send(f, ["careful", "easy", "other"]) == [OK] * 3
    assert f.wait_finals(3)[-1]["facts"] == ""
    broken = b"From: a@example.com\r\nContent-Transfer-Encoding: base64\r\n\r\n???\r\n"
    assert send(f, ["careful", "easy", "other"], message=broken) == [HIGH, OK, OK]
    assert f.wait_finals(6)[-1]["facts"] == "mime=bad_base64 mime=ambiguous"
    tagged = [m for m in hop.wait(3)[1:] if m.recipients == ["easy@example.com"]]
    assert tagged[0].data == b"X-Filterd-Score: 4 base64=4\r\nX-Spam-Flag: YES\r\n" + broken
    nobody = b"Subject: x\r\nSubject: y\r\n\r\nz\r\n"
    assert send(f, ["careful", "other"], message=nobody) == ["554 5.6.0 From missing", OK]
    assert f.wait_finals(8)[-2]["facts"] == "from=missing header=duplicate:subject"


def test_size_and_number(scored, hop):
    f = scored("small@example.com check_message_size { >1k 552 5.3.4 Too big for me }\n"
               "few@example.com check_recipient_count { >=3 REJECT 5.7.1 Not with so many }\n"
               "any@example.com DUNNO\n")
    big = MESSAGE + b"x" * 78 + b"\r\n" + (b"y" * 78 + b"\r\n") * 12
    assert send(f, ["small", "few", "any"]) == [OK, "554 5.7.1 Not with so many", OK]
    assert send(f, ["small", "few"], message=big) == ["552 5.3.4 Too big for me", OK]
    assert send(f, ["small"], message=MESSAGE) == [OK]
