"""Header and body checks beside the real Postfix.

Each message goes through a private Postfix whose cleanup has the rules, and through a
filterd that has the same rules.  Reply, fate, recipients and stored octets must be
alike.  The rules leave a mark at what they were asked with, so the stored message
shows which list saw which key.

And the recorded cases, where they are there: FILTERD_PARITY names their folder.
"""
import base64
import json
import os
import re
import subprocess
import sys

import pytest

from conftest import cannot

import filterd_proc
import nexthop
import smtp

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")

HEADER = r"""
/^X-Reject:$/ REJECT
/^X-Reject: (.*)$/ REJECT $1
/^X-Blank: ([0-9.]* )?(x)?/ REJECT $1no $2
/^X-Ignore/ IGNORE
/^X-Strip/ STRIP why
/^X-Replace: (.*)$/ REPLACE $1
/^X-Prepend: (.*)$/ PREPEND $1
/^X-Inside: (.*\n)\s*(\S+)$/ REPLACE X-Inside: $1$2
/^X-Hold: (.*)/ HOLD $1
/^X-Discard/ DISCARD
/^X-Pass/ pass
/^X-Redirect: (.*)$/ REDIRECT $1
/^X-Bcc: (.*)$/ BCC $1
/^X-Filter: (.*)$/ FILTER $1
/^X-Odd/ nonsense
/^X-Empty: (x)?/ $1
/^X-Code/ 550 no
/^X-Dunno/ DUNNO
/^X-Dunno/ REJECT never
/^X-Warn/ WARN 2.0.0 x
/^(X-See.*|X-Mailbox.*|Bcc.*|X-Drop.*|Content-.*)$/ PREPEND X-Saw-Header: <$1>
"""
MIME = "/^(.*)$/ PREPEND X-Saw-Mime: <$1>\n"
NESTED = "/^(.*)$/ PREPEND X-Saw-Nested: <$1>\n"
BODY = r"""
/^ign/ IGNORE
/^strip/ STRIP
/^rep(.*)/ REPLACE <$1>
/^pre(.*)/ PREPEND <$1>
/^rej (.*)/ REJECT $1
/^disc/ DISCARD
/^hold/ HOLD body
/^pass/ PASS
/^bare/ REPLACE
/^(--.*)/ PREPEND [$1]
/^(.*see)$/ REPLACE SAW $1
/^$/ REJECT an empty line
"""
DROP = "bcc, content-length, resent-bcc, return-path"
LISTS = {"header_checks": "pcre:{dir}/h", "mime_header_checks": "pcre:{dir}/m",
         "nested_header_checks": "pcre:{dir}/n", "body_checks": "pcre:{dir}/b"}
CONFIGS = {
    "lists": LISTS,
    "limits": dict(LISTS, header_size_limit="1000", line_length_limit="512",
                   body_checks_size_limit="100", mime_nesting_limit="3",
                   mime_boundary_length_limit="10"),
    "no-mime": dict(LISTS, disable_mime_input_processing="yes"),
    "one-list": {"header_checks": "pcre:{dir}/h", "body_checks": "pcre:{dir}/b",
                 "body_checks_size_limit": "0"},
    "drop": dict(LISTS, message_drop_headers="x-drop, content-type content-length"),
    "soft": dict(LISTS, soft_bounce="yes"),
    "fail": dict(LISTS, nested_header_checks="fail:nested", body_checks="pcre:{dir}/b, fail:body"),
}


def nest(levels):
    parts = ["Content-Type: multipart/x; boundary=B%04d\n\n--B%04d\n" % (i, i)
             for i in range(levels)]
    return "".join(parts).encode() + b"X: y\n\nsee\n"


MIXED = b"Content-Type: multipart/mixed; boundary=B\n\n"

# LF stands for CRLF, @ for an address of the message's own.
MESSAGES = [
    b"", b"\n", b"\n\n\n", b"see\n", b"X-See: 1\n", b"X-See: 1\n\nsee\nnot\n\n\nsee\n",
    b"X-See: a\n b\n\tc\n \n d\n\n",
    b"X-See : a\nX-See\t : b\nX-See:c\nX-See:\nx-SEE: d\n\nsee\n",
    b"X-See: 1\nbad line\nX-See: 2\n\nsee\n", b": x\n\nsee\n", b"X-See Y: x\n\nsee\n",
    b"X-S\xe9e: x\nX-See: y\n\nsee\n", b"X-See: \xe9\xff\nX-See: =?utf-8?q?x?=\n\n\xe9see\n",
    b"From a@b\n>From c\n>>From d\nX-See: y\nFrom e\n\nsee\n", b"From a@b\n cont\nX-See: y\n\n",
    b"From \n\nsee\n", b" first\nX-See: y\n\nsee\n", b"\tfirst\n", b">From: x\nX-See: y\n\n",
    b"X-See: a\0b\n c\0d\n e\nX-See: y\0z\n\nb\0see\nsee\0b\nrep\0x\nign\0\npre\0y\n",
    b"X-S\0ee: x\n\nsee\n", b"From a\0b\nX-See: y\n\n",
    b"X-See: y\n\n.\n..\n.see\nrep.\n",
    # actions on header fields
    b"X-Reject:\n\n", b"X-Reject: text\n\n", b"X-Reject: 5.7.9  two  blanks\n\n",
    b"X-Reject: 4.7.1 later\n\n", b"X-Reject: 2.0.0 bad\n\n", b"X-Reject: 5.7.1x y\n\n",
    b"X-Reject: 45.1.1 y\n\n", b"X-Blank: y\n\n", b"X-Blank: 5.1.2 y\n\n", b"X-Reject: \n\n", b"X-Reject: a\n b\n\n", b"X-Reject: " + b"x" * 300 + b"\n\n",
    b"X-Ignore: a\n b\nX-See: y\nX-Strip: z\n\nsee\n", b"X-Ignore: a\n\n",
    b"X-Replace: A: b\nX-Replace: A : b\nX-Replace: no\nX-Replace: A: b\n c\nX-Replace:\n\n",
    b"X-Replace: Bcc: x\nX-Replace: BCC : x\nX-Replace: Content-Type: y\n\n",
    b"X-Prepend: A: b\nX-Prepend: no\nX-Prepend: Bcc: x\nX-Prepend: A: b\n c\n\n",
    b"X-Inside: a\n b\nX-Inside: a\n b\n c\n\n",
    b"Bcc: a\nX-Drop: b\nReturn-Path: c\nResent-Bcc : d\nContent-Length: 5\nX-See: y\n\n",
    b"X-Hold: a\nX-Hold: b\nX-See: y\n\nsee\n", b"X-Hold: a\nX-Reject: b\n\n",
    b"X-Discard: a\nX-Reject: b\n\n", b"X-Reject: a\nX-Discard: b\n\n",
    b"X-Pass: a\nBcc: c\nX-See : b\nX-Reject: no\n\nrej no\nsee\n",
    b"X-Redirect: r@\nX-See: y\nX-Reject: no\n\nsee\n", b"X-Redirect: nobody\nX-See: y\n\n",
    b"X-Bcc: b@\nX-Bcc: B@\nX-Bcc: nobody\nX-See: y\n\n", b"X-Bcc: b@\nX-Redirect: r@\n\n",
    b"X-Filter: %hop\nX-See: y\n\nsee\n", b"X-Filter: nocolon\nX-See: y\n\n",
    b"X-Empty: y\nX-Reject: no\n\n", b"X-Odd: a\nX-Code: b\nX-Dunno: c\nX-Warn: d\nX-See: y\n\n",
    # actions on body lines
    b"X: y\n\nign\nsee\nstrip\nrepx\nprey\nbare\n\nsee", b"X: y\n\nrej 5.1.1 why\nsee\n",
    b"X: y\n\nsee\nrej 4.1.1 why\n", b"X: y\n\ndisc\nrej no\n", b"X: y\n\nhold\nsee\nhold\n",
    b"X: y\n\npass\nsee\nrej no\n",
    # long lines, which are looked at in pieces
    *(b"X: y\n\n" + word + b"a" * (n - len(word)) + tail + b"\nsee\n"
      for n in (511, 512, 1024, 2047, 2048, 4096)
      for word in (b"", b"ign", b"rep", b"pre", b".")
      for tail in (b"", b"ign", b"rep", b"prex")),
    MIXED + b"a" * 2048 + b"--B\nX-See: y\n\n--B\nX-See: z\n\nsee\n",
    b"X-See: " + b"a" * 3000 + b"\nX-See: b\n\nsee\n", b"From " + b"a" * 3000 + b"\nX: y\n\n",
    b"X-" + b"a" * 2044 + b": v\nX-See: b\n\n", b"X-" + b"a" * 2046 + b": v\nX-See: b\n\n",
    *(b"X-See: " + b"a" * (n - 7) + b"\n " + b"b" * (k - 1) + b"\n c\nX-See: d\n\n"
      for n in (500, 899, 900, 985, 999, 1000) for k in (1, 14, 15, 200, 600)),
    b"X-Replace: X-New: " + b"a" * 2000 + b"\n\n", b"X-See: " + b"a" * 120000 + b"\n\nsee\n",
    # segments and the body size limit
    b"X: y\n\n" + b"b" * 98 + b"\nsee\nsee\n", b"X: y\n\n" + b"b" * 97 + b"\nsee\n",
    b"X: y\n" + b"b" * 98 + b"\nsee\nsee\n", b"X: y\n" + b"b" * 99 + b"\nsee\n",
    b" X\n" + b"b" * 95 + b"\nsee\n", b" X\n" + b"b" * 96 + b"\nsee\n",
    MIXED + b"see\n" * 30 + b"--B\n\n" + b"see\n" * 30 + b"--B\n" + b"see\n" * 30 +
    b"--B\nX: y\n" + b"see\n" * 30 + b"--B--\n" + b"see\n" * 30,
    b"Content-Type: message/rfc822\n\nX: y\n\n" + b"see\n" * 30, b"X: y\n\n" + b"see\n" * 14000,
    # MIME: which list, and what is a part
    b"MIME-Version: 1.0\nContent-Type: text/plain\nContent-Transfer-Encoding: 8bit\n"
    b"Content-ID: x\nContent-Disposition: y\nContent-Description: z\nContent-Length: 1\n"
    b"Content-MD5: a\nContent-Language: en\n\nsee\n",
    MIXED + b"see\n--B\nX-See: y\n\nsee\n--Bxyz\nX: z\n\nsee\n--B--junk\nsee\n--B\nX: no\n",
    *(MIXED + b"--B" + b"x" * n + tail + b"\nX: y\n\nsee\n" for n in (509, 2044, 2045, 2046, 3000, 5000)
      for tail in (b"", b"A: see", b"--B")),
    MIXED + b"--B\nbad see\n--B\nX: y\n--B\n\nsee\n--B\nX: y\nbad\nsee\n--B \t\nX: z\n\n--B-- \n",
    MIXED + b"--B\nContent-Type: multipart/x; boundary=I\n\n--I\nX: 1\n\nsee\n--B\nX: 2\n\n--I\nsee\n",
    MIXED + b"--B\nContent-Type: multipart/x; boundary=BB\n\n--BB\nX: 1\n\n--B\nX: 2\n\n",
    b"Content-Type: multipart/x; boundary=A; boundary=B\nContent-Type: multipart/x; boundary=C\n\n"
    b"--B\nX: 1\n\n--A\nX: 2\n\n--B\nX: 3\n\n--C\nX: 4\n",
    b"Content-Type: multipart/x; boundary=A\nContent-Type: text/plain\n\n--A\nX: 1\n\n",
    b"Content-Type: message/rfc822\n\nX: 1\nContent-Type: message/rfc822\n\nX: 2\n\nsee\n",
    b"Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\nX: 1\n\nsee\n",
    b"Content-Type: message/global\n\nX: 1\nbad\nsee\n", b"Content-Type: message/rfc822\n\n x\n",
    b"Content-Type: message/partial\n\nX: 1\n\nsee\n", b"Content-Type: message/rfc822\n\n\nsee\n",
    *(b"Content-Type: " + outer + b"\n" + sep + b"Content-Type:" + inner + b"\n\nX: y\n\nsee\n"
      for outer, sep in ((b"multipart/digest; boundary=B", b"\n--B\n"), (b"message/rfc822", b""))
      for inner in (b" image/png", b"", b" ; x", b" x", b" message", b" multipart/x", b" (c", b" /",
                    b' "text"/x', b" audio/x; boundary=B", b" message/global")),
    b"Content-Type: multipart/digest; boundary=B\n\n--B\n\nX: 1\n\nsee\n--B\n"
    b"Content-Type: text/plain\n\nsee\n--B\nX: 2\n\nX: 3\nBcc: x\n\n--B\nX: 4\nbad\nsee\n--B--\n",
    MIXED + b"--B\nBcc: a\nX-Drop: b\nName : v\n\n",
    *(b"Content-Type: " + value + b"\n\n" + line + b"\nX: y\n\nsee\n" for value, line in (
        (b"multipart/x; boundary=\"a\n b\"", b"--a b"), (b"multipart/x; boundary=\"\"", b"--x"),
        (b"multipart/x; boundary==_x", b"--=y"), (b"multipart/x; boundary=A(c)B", b"--A"),
        (b"multipart/x; boundary=\"a\\\"b\\c\"", b"--a\"bc"), (b"multipart; boundary=ab", b"--ab"),
        (b"multipart/x boundary=ab", b"--ab"), (b"\"multipart\"/x; boundary=ab", b"--ab"),
        (b"multipart/x; x=\"a;b\"; boundary=ab", b"--ab"), (b"multipart/x; boundary=AB", b"--ab"),
        (b"(c) MultiPart / X ; BOUNDARY = ab", b"--ab"), (b"text/plain; boundary=ab", b"--ab"),
        (b"multipart/x; boundary*0=ab", b"--ab"), (b"multipart/x; boundary=\"ab", b"--ab"),
        (b"multipart/x; boundary=a\xe9", b"--a\xe9"), (b"multipart/x; boundary=a\0b", b"--a"),
        (b"multipart/x; boundary=12345678901234567890", b"--1234567890xyz"))),
    *(nest(n) for n in (4, 5, 6, 101, 102, 103)),
    b"X-Discard: a\n" + nest(103), b"X-Reject: a\n" + nest(103), b"X-Hold: a\n" + nest(103),
    nest(6) + b"disc\n", nest(6) + b"rej no\n", b"X-Pass: a\n" + nest(6),
]

MAILBOXES = [f"{w}{i}@example.test" for i in range(len(MESSAGES)) for w in "mrb"]


def message(i, hop):
    m = MESSAGES[i].replace(b"%hop", hop.next_hop.encode())
    m = re.sub(rb"(?i)([rb])@", rb"\g<1>%d@example.test" % i, m)
    m = m.replace(b"\n", b"\r\n")
    return m if m.endswith(b"\r\n") or not m else m + b"\r\n"


def shape(reply):
    """A reply as it must be: the text of a success is each one's own."""
    return (reply.code, reply.text if reply.code >= 400 else "")


def lf(data):
    return data.replace(b"\r\n", b"\n")


RECEIVED = re.compile(rb"\AReceived: [^\n]*\n(?:[ \t][^\n]*\n)*")
DELIVERED = re.compile(rb"\A(?:(?:Return-Path|X-Original-To|Delivered-To):[^\n]*\n){3}")


def send_all(address, hop):
    """Every message with an envelope of its own; the replies."""
    replies = []
    with smtp.Client(address) as c:
        c.hello()
        for i in range(len(MESSAGES)):
            m, rs, end = c.transaction("s@example.org", [f"m{i}@example.test"], message(i, hop))
            assert m.code == 250 and rs[0].code == 250, (m, rs)
            replies.append(end[-1])
        c.quit()
    return replies


def caught(hop, skip=0):
    """{recipient: octets} of what a next hop took."""
    return {r.lower(): lf(m.data) for m in hop.messages[skip:] for r in m.accepted}


def through_postfix(postfix, settings, filtered):
    files = {"h": HEADER, "m": MIME, "n": NESTED, "b": BODY}
    p = postfix.Postfix(mailboxes=MAILBOXES, hostname="mx.example.test", main=dict(
        smtpd_recipient_limit="10", smtpd_error_sleep_time="0", smtpd_soft_error_limit="1000",
        smtpd_hard_error_limit="1000", smtpd_junk_command_limit="1000",
        maximal_queue_lifetime="0"))
    p.main.update({k: v.replace("{dir}", p.dir + "/etc") for k, v in settings.items()})
    os.makedirs(p.dir + "/etc", exist_ok=True)
    with p:
        for name, text in files.items():
            p.write(name, text)
        replies = send_all(p.smtp, filtered)
        p.wait_empty(60)
        stored = {}
        for box in MAILBOXES:
            for mail in p.mails(box):
                stored[box] = RECEIVED.sub(b"", DELIVERED.sub(b"", mail))
        stored.update({r: RECEIVED.sub(b"", m) for r, m in caught(filtered).items()})
        held = {}
        for i, reply in enumerate(replies):
            file = os.path.join(p.dir, "queue", "hold", reply.text.split(" ")[-1])
            if reply.code == 250 and os.path.exists(file):
                r = subprocess.run(["/usr/sbin/postcat", "-c", p.dir + "/etc", "-bh", file],
                                   capture_output=True, check=True)
                held[f"m{i}@example.test"] = RECEIVED.sub(b"", r.stdout)
    return [shape(r) for r in replies], stored, held


def through_filterd(settings, filtered):
    files = {"h": HEADER, "m": MIME, "n": NESTED, "b": BODY}
    before = len(filtered.messages)
    with nexthop.NextHop() as hop:
        f = filterd_proc.Filterd(
            listeners={"smtp": "smtp"}, files=files, next_hop=hop.next_hop,
            smtpd_reject_footer="", config_errors="postfix",
            **{"message_drop_headers": DROP, **settings})
        f.expect(".")           # rules of every kind of error are the point here
        with f:
            replies = send_all(f.address("smtp"), filtered)
            held = {}
            for line in f.ctl("hold", "list", "--json").splitlines():
                entry = json.loads(f.ctl("hold", "show", json.loads(line)["id"], "--json"))
                held[entry["recipients"][0]["path"]] = lf(
                    base64.b64decode(entry["message_base64"]))
        stored = {**caught(hop), **caught(filtered, before)}
    return [shape(r) for r in replies], stored, held


@pytest.mark.parametrize("name", CONFIGS)
def test_beside_postfix(name):
    import postfix
    for missing in (postfix.missing(), filterd_proc.missing()):
        if missing:
            cannot(missing)
    with nexthop.NextHop() as filtered:     # what FILTER names
        want = through_postfix(postfix, CONFIGS[name], filtered)
        got = through_filterd(CONFIGS[name], filtered)
    wrong = []
    for i in range(len(MESSAGES)):
        boxes = [f"{w}{i}@example.test" for w in "mrb"]
        for what, a, b in [("reply", want[0][i], got[0][i])] + [
                (f"{kind} {box}", want[n].get(box), got[n].get(box))
                for n, kind in ((1, "stored"), (2, "held")) for box in boxes]:
            if a != b:
                wrong.append(f"{MESSAGES[i][:200]!r}: {what}\n Postfix: {str(a)[:600]}\n"
                             f" filterd: {str(b)[:600]}")
    assert len(want[1]) > 10 or name == "fail"
    assert not wrong, f"{len(wrong)} differ:\n" + "\n".join(wrong[:8])


@pytest.mark.parametrize("cases", ["content", "restrictions"])
def test_recorded_cases(cases):
    folder = os.environ.get("FILTERD_PARITY", os.path.join(TOP, "..", "shared", "parity"))
    judge = os.path.join(folder, "judge.py")
    if not os.path.exists(judge):
        pytest.skip("the recorded cases of Postfix are not here (FILTERD_PARITY)")
    if filterd_proc.missing():
        cannot(filterd_proc.missing())
    candidate = os.path.join(TOP, "tests", "parity", "candidate")
    r = subprocess.run(
        [sys.executable, judge, "--cmd", f"{sys.executable} {candidate}",
         "--cases", os.path.join(folder, f"cases-{cases}.jsonl.xz")],
        capture_output=True, text=True, timeout=900)
    assert r.returncode == 0, r.stdout[-6000:] + r.stderr[-2000:]
