"""The hold store from the outside: HOLD, filterctl hold (PITFALLS B12, I6)."""
import base64
import glob
import json
import os
import re

import pytest

import smtp
from nexthop import CLOSE, NextHop

MESSAGE = b"From: a@example.com\r\nSubject: %s\r\nMessage-Id: <1@example.com>\r\n\r\nbody\r\n.x\r\n"
CHECKS = r"""/^Subject: hold/ HOLD odd
/^Subject: redirect/ REDIRECT else@example.net
/^Subject: bcc/ BCC copy@example.net
/^Subject: .*redirect/ REDIRECT else@example.net
/^Subject: .*bcc/ BCC copy@example.net
/^Subject: bad/ REJECT no
"""


def start(filterd, hop, checks=CHECKS, **more):
    return filterd(files={"hc": checks}, header_checks="pcre:{dir}/hc", next_hop=hop.next_hop, **more)


def hold(f, subject=b"hold", recipients=("r1@example.org", "r2@example.org"), sender="s@example.com"):
    with smtp.Client(f.address("lmtp"), lmtp=True) as c:
        c.hello()
        replies = c.transaction(sender, list(recipients), MESSAGE % subject)[2]
        assert [r.code for r in replies] == [250] * len(recipients)
    return held(f)[-1]


def held(f, *args):
    return [json.loads(x) for x in f.ctl("hold", "list", "--json", *args).splitlines()]


def files(f):
    return glob.glob(f.dir + "/hold/??/*")


def test_list_show(filterd, hop):
    f = start(filterd, hop)
    e = hold(f)
    assert e["sender"] == "s@example.com" and e["listener"] == "lmtp"
    assert [r["path"] for r in e["recipients"]] == ["r1@example.org", "r2@example.org"]
    assert e["reason"] == "hold: odd" and e["rule"] == f.dir + "/hc:1" and e["class"] == "policy"
    assert e["message_id"] == "<1@example.com>" and e["subject"] == "hold"
    shown = json.loads(f.ctl("hold", "show", e["id"], "--json"))
    assert base64.b64decode(shown["message_base64"]) == MESSAGE % b"hold"
    assert "body\n.x\n" in f.ctl("hold", "show", e["id"])
    assert e["id"] in f.ctl("hold", "list")
    assert f.finals(fate="hold")[0]["id"] == e["decision_id"]
    assert hop.messages == []
    assert len(held(f, "--sender", "S@EXAMPLE")) == 1 and held(f, "--sender", "x@") == []
    assert len(held(f, "--recipient", "r2@")) == 1 and held(f, "--rule", "hc:2") == []
    assert held(f, "--age", "1h") == []
    for name in files(f):
        assert os.stat(name).st_mode & 0o077 == 0


def test_arguments(filterd, hop):
    f = start(filterd, hop)
    for bad in ([], ["nonsense"], ["list", "x"], ["list", "--age", "soon"], ["show"], ["release"],
                ["requeue"], ["delete"], ["reindex", "x"]):
        assert f.ctl("hold", *bad, status=None)[0] == 64, bad
    for what in ("show", "release", "requeue", "delete"):
        for name in ("B0B0", "../../etc/passwd", "..", "-x" if what == "x" else "a/b"):
            assert f.ctl("hold", what, name, status=None)[0] == 1


def test_release(filterd, hop):
    f = start(filterd, hop)
    e = hold(f)
    out = f.ctl("hold", "release", e["id"])
    assert out.count("delivered: 250") == 2
    m = hop.wait(1)[0]
    assert m.data == MESSAGE % b"hold"
    assert b"<s@example.com>" in m.mail and len(m.rcpts) == 2
    assert held(f) == [] and files(f) == []
    assert f.ctl("hold", "release", e["id"], status=None)[0] == 1
    assert len(f.entries("release", hold_id=e["id"])) == 2


def test_release_one(filterd, hop):
    f = start(filterd, hop)
    e = hold(f)
    f.ctl("hold", "release", e["id"], "R2@example.org")
    assert b"r2@example.org" in hop.wait(1)[0].rcpts[0] and len(hop.messages[0].rcpts) == 1
    assert [r["state"] for r in held(f)[0]["recipients"]] == ["held", "released"]
    assert f.ctl("hold", "release", e["id"], "r2@example.org", status=None)[0] == 1
    assert f.ctl("hold", "release", e["id"], "nobody@example.org", status=None)[0] == 1
    f.ctl("hold", "release", e["id"])
    assert b"r1@example.org" in hop.wait(2)[1].rcpts[0] and len(hop.messages[1].rcpts) == 1
    assert files(f) == []


@pytest.mark.parametrize("script", [
    {"end": "451 4.3.0 not now"}, {"end": "554 5.6.0 never"}, {"end": CLOSE}, {"data": "451 no"},
    {"mail": "550 5.1.0 no"}, {"connect": "421 4.3.2 away"}])
def test_release_fails(filterd, script):
    with NextHop() as hop:
        f = start(filterd, hop)
        e = hold(f)
        hop.script = script
        status, out, _ = f.ctl("hold", "release", e["id"], status=None)
        assert status == 75 and out.count("stays held") == 2, out
        assert [r["state"] for r in held(f)[0]["recipients"]] == ["held", "held"]
        f.expect(".")
        hop.script = {}
        f.ctl("hold", "release", e["id"])
        assert files(f) == []


def test_release_part_refused(filterd):
    with NextHop(script={"rcpt": ["250 2.1.5 Ok", "550 5.1.1 unknown"]}) as hop:
        f = start(filterd, hop)
        e = hold(f)
        f.expect(".")
        status, out, _ = f.ctl("hold", "release", e["id"], status=None)
        assert status == 75 and "5.1.1 unknown" in out and out.count("delivered") == 1
        assert [r["state"] for r in held(f)[0]["recipients"]] == ["released", "held"]


def test_release_lmtp(filterd, lmtp_hop):
    f = start(filterd, lmtp_hop)
    lmtp_hop.script = {"end": ["250 2.1.5 Ok", "452 4.2.2 full"]}
    e = hold(f)
    f.expect(".")
    assert f.ctl("hold", "release", e["id"], status=None)[0] == 75
    assert [r["state"] for r in held(f)[0]["recipients"]] == ["released", "held"]


def test_release_effects(filterd, hop):
    """What Postfix's queue manager would do with the held message: redirect, filter, bcc."""
    with NextHop() as other:
        f = start(filterd, hop, checks=CHECKS + f"/^Subject: .*filter/ FILTER {other.next_hop}\n"
                  "/^Message-Id:/ HOLD\n")
        e = hold(f, b"bcc")
        assert e["bcc"] == ["copy@example.net"]
        f.ctl("hold", "release", e["id"], "r1@example.org")
        assert [b"copy@example.net" in r for r in hop.wait(1)[0].rcpts] == [False, True]
        f.ctl("hold", "release", e["id"])
        assert len(hop.wait(2)[1].rcpts) == 1            # the copy went with the first
        e = hold(f, b"x filter")
        assert e["filter"] == other.next_hop
        f.ctl("hold", "release", e["id"])
        assert len(other.wait(1)[0].rcpts) == 2 and len(hop.messages) == 2


def test_release_redirect(filterd, hop):
    f = start(filterd, hop, checks="/^From:/ HOLD\n/^Subject:/ REDIRECT else@example.net\n")
    e = hold(f, b"x")
    assert e["redirect"] == "else@example.net"
    assert f.ctl("hold", "release", e["id"], "r1@example.org", status=None)[0] == 64
    f.ctl("hold", "release", e["id"])
    m = hop.wait(1)[0]
    assert len(m.rcpts) == 1 and b"else@example.net" in m.rcpts[0]
    assert files(f) == []


def test_requeue(filterd, hop):
    f = start(filterd, hop)
    e = hold(f)
    out = f.ctl("hold", "requeue", e["id"])              # the rules have not changed
    again = held(f)
    assert len(again) == 1 and again[0]["id"] != e["id"] and again[0]["id"] in out
    assert len(files(f)) == 1
    f.file("hc", "/^Subject: hold/ REJECT now it is bad\n")
    status, out, _ = f.ctl("hold", "requeue", again[0]["id"], status=None)
    assert status == 75 and "now it is bad" in out and len(held(f)) == 1
    f.write_config(after_queue_reject="discard")
    f.ctl("hold", "requeue", again[0]["id"])
    assert files(f) == [] and hop.messages == []


def test_requeue_delivers(filterd, hop):
    f = start(filterd, hop)
    e = hold(f)
    f.file("hc", "/^Subject: hold/ PREPEND X-New: yes\n")
    f.ctl("hold", "requeue", e["id"])
    assert hop.wait(1)[0].data == (MESSAGE % b"hold").replace(b"Subject", b"X-New: yes\r\nSubject", 1)
    assert files(f) == []


def test_reject_becomes_hold(filterd, hop):
    f = start(filterd, hop, after_queue_reject="hold")
    e = hold(f, b"bad")
    assert e["class"] == "spam" and e["reason"].startswith("reject: 550 5.7.1 no")


def test_delete_reindex(filterd, hop):
    f = start(filterd, hop)
    a, b = hold(f), hold(f)
    for name in glob.glob(f.dir + "/hold/index.sqlite*"):
        os.unlink(name)
    assert "2 held messages" in f.ctl("hold", "reindex")
    f.ctl("hold", "delete", a["id"])
    assert [e["id"] for e in held(f)] == [b["id"]]
    assert hold(f)["id"] not in (a["id"], b["id"])       # the daemon uses the new index
    assert len(held(f)) == 2


def test_tag(filterd, hop):
    f = start(filterd, hop, checks="/^Subject:/ TAG\n", tag_subject_prefix="[Müll]")
    with smtp.Client(f.address("lmtp"), lmtp=True) as c:
        c.hello()
        assert c.transaction("s@example.com", ["r@example.org"], MESSAGE % b"offer")[2][0].code == 250
    data = hop.wait(1)[0].data
    assert data.startswith(b"X-Spam-Flag: YES\r\n")
    assert re.search(rb"\r\nSubject: =\?UTF-8\?Q\?=5BM=C3=BCll=5D\?= offer\r\n", data)
    assert data.endswith(b"\r\n\r\nbody\r\n.x\r\n")


def test_full_store_defers(filterd, hop):
    f = start(filterd, hop, hold_min_free="900000g")
    f.expect("hold")
    with smtp.Client(f.address("lmtp"), lmtp=True) as c:
        c.hello()
        r = c.transaction("s@example.com", ["r@example.org"], MESSAGE % b"hold")[2][0]
        assert r.code == 451 and "4.3.1" in r.text
        assert c.transaction("s@example.com", ["r@example.org"], MESSAGE % b"good")[2][0].code == 250
    assert files(f) == []
