"""Restrictions that look into the message, for each recipient by himself: different replies and different changes out of one message
that was looked at once, at the doors; the rule of each in log and explain; what could not be looked up."""
import base64
import json
import os
import re

import pytest

import explain
import milter_client
import smtp

SOURCE = os.path.join(os.path.dirname(__file__), "..", "..")
ANN, BOB, CAROL = (n + "@example.com" for n in ("ann", "bob", "carol"))
MESSAGE = (b"From: shop <s@shop.example>\r\nSubject: =?utf-8?q?you_are?= a\r\n =?utf-8?b?d2lubmVy?=\r\nX-Mailer: mass\r\n\r\n"
           b"Dear friend,\r\nwe have the cheapest watches\r\n-- newsletter --\r\n")
PLAIN = b"From: a <a@example.org>\r\nSubject: lunch\r\n\r\nat noon?\r\n"
OK = "250 2.0.0 Ok"


def listeners(*kinds):
    return {k.split(":")[0]: k + ", role = before_queue, smtpd_authorized_xforward_hosts =" for k in kinds}


def replies(got):
    return [OK if str(r).startswith(OK) else str(r) for r in got]


def lmtp(f, recipients, message=MESSAGE, sender="s@shop.example"):
    with smtp.Client(f.address("lmtp"), lmtp=True) as c:
        c.hello()
        got = c.transaction(sender, recipients, message)[2]
        c.quit()
    return replies(got)


def copies(hop, n):
    return {tuple(m.recipients): m.data for m in hop.wait(n)}


def counters(f):
    return json.loads(f.ctl("status", "--json"))["counters"]


def held(f):
    return sorted(tuple(r["path"] for r in h["recipients"]) for h in map(json.loads, f.ctl("hold", "list", "--json").splitlines()))


# --- the worked example of filterd_content(5) ---

def example():
    """filterd.cf and the tables as the page has them."""
    with open(os.path.join(SOURCE, "rules", "filterd_content.5.tail")) as page:
        text = page.read().split(".Sh EXAMPLES")[1]
    blocks = [b.replace("\\e", "\\").replace("\\-", "-") for b in re.findall(r"^\.Bd -literal[^\n]*\n(.*?)^\.Ed", text, re.M | re.S)]
    names = re.findall(r"^\.Pa (\S+) :", text, re.M)
    assert len(blocks) == len(names) == 4
    return blocks[0].replace("/etc/filterd", "{dir}"), {os.path.basename(n): b for n, b in zip(names[1:], blocks[1:])}


@pytest.fixture
def example_filterd(filterd, hop):
    def start(kinds, **settings):
        config, files = example()
        extra = re.sub(r"^(\w+) =\n?", r"\1 =", config, flags=re.M)
        f = filterd(listeners=listeners(*kinds), files=files, next_hop=hop.next_hop, smtpd_reject_footer="",
                    extra="", **dict(parameters(extra), **settings))
        return f
    return start


def parameters(text):
    """{name: value} of a piece of configuration."""
    found, name = {}, None
    for line in text.splitlines():
        if line[:1].isspace():
            found[name] += "\n" + line
        elif line:
            name, _, value = line.partition("=")
            name = name.strip()
            found[name] = value.strip()
    return found


PRIZES, WATCHES = "554 5.7.1 no prizes here", "554 5.7.1 we have watches"
TAGGED = b"X-Filterd-Score: 1 check_text=1\r\nX-Spam-Flag: YES\r\n" + MESSAGE


def explained(f, final):
    """What explain says of this recipient is what the log says."""
    found = [s for s in explain.stages(explain.by_id(f, final["id"])) if s.get("recipient") == final["recipient"]]
    assert any(s.get("rule") == final["rule"] and s["verdict"].startswith(f"{final['code']} ") for s in found), (final, found)


def test_example_over_lmtp(example_filterd, hop):
    f = example_filterd(["lmtp"])
    before = counters(f)
    assert lmtp(f, [ANN, BOB, CAROL]) == [PRIZES, OK, PRIZES]
    assert [m.recipients for m in hop.wait(1)] == [[BOB]]
    assert hop.messages[0].data == TAGGED
    finals = {e["recipient"]: e for e in f.wait_finals(3)}
    assert {r: (e["verdict"], e["rule"]) for r, e in finals.items()} == {
        ANN: ("reject", f.dir + "/subjects:1"), BOB: ("tag", f.dir + "/per_user:2"), CAROL: ("reject", f.dir + "/subjects:1")}
    # One message, one walk.
    after = counters(f)
    assert after["content_walks"] - before["content_walks"] == 1
    records = explain.by_id(f, finals[ANN]["id"])
    for who in (ANN, CAROL):
        explained(f, finals[who])
    text = json.dumps(records)
    assert f.dir + "/subjects" in text and f.dir + "/phrases" in text
    # The exception: mail of a partner, whatever it says.
    assert lmtp(f, [ANN, BOB], sender="x@partner.example") == [OK, OK]
    assert lmtp(f, [ANN, BOB], PLAIN) == [OK, OK]
    # However it is packed.
    html = base64.b64encode(b"<p>the chea<!-- x -->pest wat<b>ches</b>").decode()
    packed = f"Subject: x\r\nContent-Type: text/html\r\nContent-Transfer-Encoding: base64\r\n\r\n{html}\r\n".encode()
    assert lmtp(f, [ANN, BOB], packed) == [WATCHES, OK]
    assert copies(hop, 4)[(ANN, BOB)] == PLAIN


def test_example_over_smtp(example_filterd, hop):
    """One reply: Bob's, and the copies of those who refuse are kept."""
    f = example_filterd(["smtp"], smtpd_prdr_enable="no")
    with smtp.Client(f.address("smtp")) as c:
        c.hello()
        got = c.transaction("s@shop.example", [ANN, BOB, CAROL], MESSAGE)[2]
    assert replies(got) == [OK]
    assert [(m.recipients, m.data) for m in hop.wait(1)] == [([BOB], TAGGED)]
    assert held(f) == [(ANN, CAROL)]


def test_example_watches(example_filterd, hop):
    """Without the subject it is the body, which both look at; each line is looked up once, and only as far as somebody wants."""
    f = example_filterd(["lmtp"])
    message = MESSAGE.replace(b"d2lubmVy", b"bHVjaw==")
    before = counters(f)
    assert lmtp(f, [ANN, BOB]) == [PRIZES, OK]
    with_subject = counters(f)
    assert lmtp(f, [ANN, BOB], message) == [WATCHES, OK]
    after = counters(f)
    first = with_subject["content_lookups"] - before["content_lookups"]
    second = after["content_lookups"] - with_subject["content_lookups"]
    # Fields: up to the one that decides, or all three; then the text.
    assert (first, second) == (2 + 1, 3 + 1)


MANY = [f"r{i}@example.com" for i in range(20)]


def test_one_evaluation_for_many(filterd, hop):
    """Twenty recipients with two classes that order the same checks differently: as many look-ups as one has."""
    f = filterd(listeners=listeners("lmtp"), files={
        "body": "/cheapest/ WARN a\n/newsletter/ SCORE 1\n", "header": "/^X-Mailer: mass/ SCORE 2\n",
        "per_user": "".join(f"{r} {'one' if i % 2 else 'two'}\n" for i, r in enumerate(MANY))},
        next_hop=hop.next_hop, smtpd_restriction_classes="one, two",
        one="check_body regexp:{dir}/body, check_header regexp:{dir}/header, reject_if_score 3",
        two="check_header regexp:{dir}/header, check_body regexp:{dir}/body, tag_if_score 3",
        content_restrictions="check_recipient_access texthash:{dir}/per_user", smtpd_reject_footer="")
    got = []
    for who in (MANY[:1], MANY):
        before = counters(f)
        said = lmtp(f, who)
        after = counters(f)
        got.append([after[n] - before[n] for n in ("content_walks", "content_lookups")])
    assert got == [[1, 6], [1, 6]]
    assert said == [OK, "554 5.7.1 Message score too high"] * 10
    assert len({tuple(m.recipients) for m in hop.wait(2)}) == 2


# --- different changes of one message ---

CHANGES = {
    "names": "/^X-Mailer/ IGNORE\n/^Subject: / REPLACE Subject: (an advertisement)\n",
    "lines": "/^-- newsletter/ STRIP\n/^Dear/ REPLACE Hello\n/^we have/ PREPEND [an advertisement]\n",
    "per_user": "ann@example.com fields\nbob@example.com lines\ncarol@example.com both\n"}


@pytest.mark.parametrize("door", ["lmtp", "smtp"])
def test_changes(filterd, hop, door):
    f = filterd(listeners=listeners(door), files=CHANGES, next_hop=hop.next_hop, smtpd_restriction_classes="fields, lines, both",
                fields="check_header regexp:{dir}/names", lines="check_body regexp:{dir}/lines", both="fields, lines",
                content_restrictions="check_recipient_access texthash:{dir}/per_user")
    recipients = [ANN, BOB, CAROL, "dan@example.com"]
    with smtp.Client(f.address(door), lmtp=door == "lmtp") as c:
        c.hello()
        got = c.transaction("s@shop.example", recipients, MESSAGE)[2]
        c.quit()
    assert {r.code for r in got} == {250}
    head, body = MESSAGE.split(b"\r\n\r\n")
    changed_head = b"From: shop <s@shop.example>\r\nSubject: (an advertisement)"
    changed_body = b"Hello\r\n[an advertisement]\r\nwe have the cheapest watches\r\n"
    assert copies(hop, 4) == {
        (ANN,): changed_head + b"\r\n\r\n" + body, (BOB,): head + b"\r\n\r\n" + changed_body,
        (CAROL,): changed_head + b"\r\n\r\n" + changed_body, ("dan@example.com",): MESSAGE}
    logged = [(e["recipient"], e["rule"].rsplit("/")[-1]) for e in f.entries("strip") + f.entries("replace") + f.entries("prepend")]
    # A row has one line, of the first whose list has met it.
    assert sorted(logged) == sorted([(ANN, "names:2"), (BOB, "lines:1"), (BOB, "lines:2"), (BOB, "lines:3")])
    [line] = f.entries("replace", recipient=BOB)
    assert line["content"] == "body Dear friend,: Hello"


def test_changes_of_both(filterd, hop):
    """header_checks changes the message for everybody; what a recipient's rule wants of the same field comes too late."""
    f = filterd(listeners=listeners("lmtp"), files={
        "all": "/^X-Mailer/ REPLACE X-Mailer: unknown\n", "mine": "/^X-Mailer/ IGNORE\n/^Subject/ PREPEND X-Ad: yes\n"},
        next_hop=hop.next_hop, header_checks="regexp:{dir}/all",
        content_restrictions="check_recipient_access inline:{ ann@example.com=mine }", smtpd_restriction_classes="mine",
        mine="check_header regexp:{dir}/mine")
    assert lmtp(f, [ANN, BOB]) == [OK, OK]
    everybody = MESSAGE.replace(b"X-Mailer: mass", b"X-Mailer: unknown")
    assert copies(hop, 2) == {(BOB,): everybody, (ANN,): everybody.replace(b"Subject:", b"X-Ad: yes\r\nSubject:")}


def test_changes_of_what_is_mended(filterd, hop):
    """A blank in front of the colon goes for everybody; it keeps no rule of a recipient from its field."""
    f = filterd(listeners=listeners("lmtp"), files={"mine": "/^X-Mailer: mass/ REPLACE X-Mailer: none\n/^Subject/ IGNORE\n"},
                next_hop=hop.next_hop, smtpd_restriction_classes="mine", mine="check_header regexp:{dir}/mine",
                content_restrictions="check_recipient_access inline:{ ann@example.com=mine }")
    odd = MESSAGE.replace(b"X-Mailer:", b"X-Mailer :").replace(b"Subject:", b"Subject\t:")
    assert lmtp(f, [ANN, BOB], odd) == [OK, OK]
    assert copies(hop, 2) == {(BOB,): MESSAGE, (ANN,): b"From: shop <s@shop.example>\r\nX-Mailer: none" + MESSAGE[MESSAGE.index(b"\r\n\r\n"):]}


# --- other doors ---

def test_example_over_smtp(example_filterd, hop):
    """One reply for two who disagree: the refused copy is kept; a reply each with PRDR."""
    f = example_filterd(["smtp"])
    _, _, [reply] = smtp.send(f.address("smtp"), "s@shop.example", [ANN, BOB], MESSAGE)
    assert reply.code == 250 and held(f) == [(ANN,)]
    assert [m.recipients for m in hop.wait(1)] == [[BOB]]
    assert {e["recipient"]: e["verdict"] for e in f.wait_finals(2)} == {ANN: "reject", BOB: "tag"}
    with smtp.Client(f.address("smtp")) as c:
        c.hello()
        c.mail("s@shop.example", "PRDR")
        assert [c.rcpt(r).code for r in (ANN, BOB)] == [250, 250]
        first, *each, last = map(str, c.data(MESSAGE, 2))
        c.quit()
    assert first.startswith("353 ") and each[0] == PRIZES and each[1].startswith("250 ") and last.startswith("250 ")
    assert [m.recipients for m in hop.wait(2)][1] == [BOB] and held(f) == [(ANN,)]


def test_example_over_milter(example_filterd):
    """The refused recipient is taken out of the envelope and his copy kept; the other one's is marked."""
    f = example_filterd(["milter"])
    c = milter_client.Client(f.address("milter"))
    c.negotiate()
    c.connect(addr="192.0.2.1")
    c.helo("client.example")
    c.macros("mail", {"i": "4bCdEf"})
    c.mail("<s@shop.example>")
    for r in (ANN, BOB):
        c.rcpt(f"<{r}>")
    reply = c.message(MESSAGE)
    c.close()
    assert reply.kind in ("accept", "continue")
    changes = str(reply.changes)
    assert ANN in changes and BOB not in changes and "X-Spam-Flag" in changes
    assert held(f) == [(ANN,)]
    assert {e["recipient"]: e["verdict"] for e in f.wait_finals(2)} == {ANN: "reject", BOB: "tag"}


def test_changes_over_milter(filterd):
    """What Postfix is told to change makes of the message what the rules do; fields with names of their own, for a milter's changes
    go by name and number."""
    f = filterd(listeners=listeners("milter"), files=CHANGES, smtpd_restriction_classes="fields, lines, both",
                fields="check_header regexp:{dir}/names", lines="check_body regexp:{dir}/lines", both="fields, lines",
                content_restrictions="check_recipient_access texthash:{dir}/per_user")
    c = milter_client.Client(f.address("milter"))
    c.negotiate()
    c.connect(addr="192.0.2.1")
    c.helo("client.example")
    _, reply = c.transaction(MESSAGE, rcpts=(f"<{CAROL}>",))
    c.close()
    assert milter_client.apply(MESSAGE, reply.changes, True) == (
        b"From: shop <s@shop.example>\r\nSubject: (an advertisement)\r\n\r\n"
        b"Hello\r\n[an advertisement]\r\nwe have the cheapest watches\r\n")


# --- what could not be looked up ---

# A line on which this pattern takes longer than its limit, and a table that is down.
SLOW = "/^(a+)+$/ REJECT slow\n/^end/ REJECT the end\n"
LONG = b"Subject: x\r\n\r\n" + b"a" * 60 + b"!\r\nmiddle\r\n"
FAILED = "451 4.7.1 Service temporarily unavailable, try again later"
FAILURES = [
    ("defer", FAILED, "defer", ""),
    ("hold", OK, "hold", "hold"),
    ("tag", OK, "tag", "tag"),
    ("accept", OK, "pass", ""),
]


@pytest.mark.parametrize("table", ["pcre:{dir}/slow", "fail:retry"])
@pytest.mark.parametrize("outcome,reply,verdict,effects", FAILURES, ids=[f[0] for f in FAILURES])
def test_failures(filterd, hop, outcome, reply, verdict, effects, table):
    """By the parameter, and for another recipient by the item's own."""
    f = filterd(listeners=listeners("lmtp"), files={"slow": SLOW}, next_hop=hop.next_hop, smtpd_reject_footer="",
                patterns_on_failure=outcome, smtpd_restriction_classes="own", own="{ check_body %s, on_failure = accept }" % table,
                content_restrictions="check_recipient_access inline:{ bob@example.com=own }, check_recipient_access inline:{ bob@example.com=OK }, "
                f"check_body {table}")
    f.expect("could not be checked")
    assert lmtp(f, [ANN, BOB], LONG) == [reply, OK]
    ann, bob = f.wait_finals(2)
    assert (ann["recipient"], ann["verdict"], ann["effects"]) == (ANN, verdict, effects)
    assert (bob["verdict"], bob["effects"]) == ("pass", "")
    assert "patterns=failed" in ann["facts"]
    warned = [e["text"] for e in f.entries() if "could not be checked" in e.get("text", "")]
    assert warned and all(w.startswith("patterns: check_body could not be checked: ") for w in warned)
    records = explain.by_id(f, ann["id"])
    assert f"on_failure = {outcome}" in json.dumps(records) and "on_failure = accept" in json.dumps(records)
    if verdict == "defer":
        explained(f, ann)
    # What stands behind the line is looked up all the same, where the line does not decide.
    if table != "fail:retry":
        want = [FAILED if outcome == "defer" else "554 5.7.1 the end", "554 5.7.1 the end"]
        assert lmtp(f, [ANN, BOB], LONG + b"end\r\n") == want


def test_look_at_the_tables(filterd, hop):
    """What a row says that cannot be done is found while loading, with its line."""
    f = filterd(listeners=listeners("lmtp"), files={"body": "/a/ REJECT\n", "facts": "x REJECT\n"}, next_hop=hop.next_hop,
                content_restrictions="check_body regexp:{dir}/body")
    f.file("body", "/a/ REJECT\n# x\n/b/ REJCT\n")
    status, out, err = f.ctl("check", status=None)
    said = out + err
    assert status != 0 and f"{f.dir}/body:3: " in said and '"REJCT" is no action' in said, said
