"""filterctl explain: the rule that decides is the one that the log names, of live mail by its id and anew; what is kept, and for how long."""
import glob
import json
import os
import socket
import time

import pytest

import explain
import policy_server
import smtp

SITE = {"mynetworks": "127.0.0.0/8", "myhostname": "mx.example.com", "mydestination": "example.com",
        "local_recipient_maps": "", "alias_maps": "", "smtpd_authorized_xclient_hosts": "127.0.0.0/8",
        "smtpd_peername_lookup": "no", "resolver": "127.0.0.1:9", "resolver_timeout": "1s", "resolver_tries": "1"}
MESSAGE = b"From: a@example.com\r\nSubject: hi\r\n\r\nbody\r\n"


@pytest.fixture
def mta(filterd, hop):
    def start(role="before_queue", **settings):
        return filterd(listeners={"smtp": f"smtp, role = {role}"},
                       **{**SITE, "next_hop": hop.next_hop, **settings})
    return start


def session(f, client="192.0.2.9", name="mail.good.example", helo="helo.example", sender="s@from.example",
            rcpts=("a@example.com",), message=None):
    """Replies from MAIL on; stops where something is refused."""
    with smtp.Client(f.address("smtp")) as c:
        c.cmd("EHLO x.example")
        c.cmd(f"XCLIENT ADDR={client} NAME={name}")
        got = [c.cmd(f"EHLO {helo}")]
        if got[-1].code == 250:
            got.append(c.cmd(f"MAIL FROM:<{sender}>"))
        if got[-1].code == 250:
            got += [c.cmd(f"RCPT TO:<{r}>") for r in rcpts]
        if message and any(r.code == 250 for r in got[2:]):
            got.append(c.cmd("DATA"))
            if got[-1].code == 354:
                c.send(smtp.dot_stuff(message))
                got.append(c.reply())
        c.quit()
    return got


FILES = {
    "access": "bad.example REJECT go away\nhold.example HOLD look\nx@class.example inner\nlater.example 450 4.7.1 later\n"
              "if.example DEFER_IF_PERMIT perhaps\n192.0.2.66 554 5.7.9 this client\n",
    "rcpt": "gone@example.com 550 5.1.1 gone\nclass@example.com strict\n",
}
TABLES = {"smtpd_restriction_classes": "strict inner", "strict": "check_sender_access texthash:{dir}/access, inner",
          "inner": "warn_if_reject reject_non_fqdn_sender\n  reject_invalid_helo_hostname\n  reject"}

# Settings; sessions that each are refused by a list, in whichever stage.
CONFIGURATIONS = [
    (dict(smtpd_client_restrictions="permit_mynetworks\n  check_client_access texthash:{dir}/access",
          smtpd_helo_restrictions="reject_invalid_helo_hostname, reject_non_fqdn_helo_hostname",
          smtpd_sender_restrictions="check_sender_access texthash:{dir}/access",
          smtpd_recipient_restrictions="reject_unauth_destination\n  check_recipient_access texthash:{dir}/rcpt\n  permit"),
     [dict(client="192.0.2.66"), dict(helo="bad!"), dict(helo="short"), dict(sender="s@bad.example"),
      dict(sender="x@class.example"), dict(sender="s@later.example"), dict(sender="s@if.example"),
      dict(rcpts=["x@other.example"]), dict(rcpts=["a@example.com", "gone@example.com"]),
      dict(rcpts=["class@example.com"]), dict(rcpts=["class@example.com"], sender="s@bad.example"),
      dict(sender="", rcpts=["gone@example.com"])]),
    (dict(smtpd_delay_reject="no", smtpd_client_restrictions="check_client_access texthash:{dir}/access",
          smtpd_sender_restrictions="check_sender_access texthash:{dir}/access\n reject_non_fqdn_sender",
          smtpd_relay_restrictions="permit_mynetworks, defer_unauth_destination",
          smtpd_recipient_restrictions="defer_if_reject\n  check_recipient_access texthash:{dir}/rcpt"),
     [dict(sender="s@bad.example"), dict(sender="nodomain"), dict(rcpts=["x@other.example"]),
      dict(rcpts=["gone@example.com"])]),
    (dict(smtpd_recipient_restrictions="reject_unknown_sender_domain, reject_unauth_destination, reject_rbl_client rbl.example\n"
          "  reject_unverified_recipient, reject_plaintext_session"),
     [dict(), dict(rcpts=["x@other.example"])]),
    (dict(soft_bounce="yes", smtpd_data_restrictions="check_sender_access inline:{from.example=REJECT}",
          smtpd_reject_footer="\\c see http://help.example/?$decision_id"), [dict(message=MESSAGE)]),
]


@pytest.mark.parametrize("settings,sessions", CONFIGURATIONS)
def test_the_rule_of_the_log(mta, settings, sessions):
    f = mta(files=FILES, **{**TABLES, **settings})
    f.expect("unreachable|undeliverable|RBL lookup error|reject_unverified")
    for s in sessions:
        before = len(explain.refusals(f))
        replies = session(f, **s)
        refused = [r for r in replies if r.code >= 400]
        assert refused, s
        entries = explain.refusals(f)[before:]
        assert len(entries) == len(refused)
        for e, reply in zip(entries, refused):
            assert str(reply).startswith(f"{e['code']} {e['enhanced']} {e['reply']}")
            more = ["--recipient", "a@example.com"] if e["stage"] == "DATA" else []
            o = explain.same_rule(f, e, *more)
            stage = explain.find(o["stages"], e)[-1]
            # As the door sends it, but for the id.
            assert stage["reply"].replace(o["id"], e["id"]) == str(reply)


def test_text_says_what_json_says(mta):
    f = mta(files=FILES, **{**TABLES, **CONFIGURATIONS[0][0]})
    args = ["--client-address", "192.0.2.9", "--client-name", "n.example", "--helo", "h.example", "--sender", "x@class.example",
            "--recipient", "gone@example.com", "--sasl-username", "joe"]
    status, out, _ = f.ctl("explain", *args, "--json", status=None)
    assert status == 1
    o = json.loads(out)
    status, text, _ = f.ctl("explain", *args, status=None)
    assert status == 1
    # But for ids, times, and what the member's name says.
    for t in explain.texts(o["stages"]):
        if t not in ("list", "restriction", "lookup", "dns", "effect", "deferral", "settled", "warning", "next", "note"):
            assert t.replace(o["id"], "") in text or t.split(o["id"])[0] in text, t
    for t in ("192.0.2.9", "n.example", "h.example", "joe", "x@class.example", "ESMTP"):
        assert t in text
    assert "next would be: check_recipient_access" in text


def steps(o, kind):
    """All steps of a kind, however deep."""
    found = []
    for s in o.get("steps", []):
        found += [s] if s["type"] == kind else []
        found += steps(s, kind)
    return found


def test_what_is_told_of_a_step(mta):
    f = mta(files=FILES, **{**TABLES, **CONFIGURATIONS[0][0]})
    o = json.loads(f.ctl("explain", "--json", "--client-address", "192.0.2.9", "--no-dns", "--helo", "h.example",
                         "--sender", "s@hold.example", "--recipient", "a@example.com"))
    (rcpt,) = [s for s in o["stages"] if s["stage"] == "RCPT"]
    assert rcpt["verdict"] == "ok" and rcpt["recipient"] == "a@example.com"
    found = [s for s in steps(rcpt, "lookup") if s["answer"] == "HOLD look"]
    assert [s["key"] for s in found] == ["hold.example"]
    assert found[0]["table"] == f"texthash:{f.dir}/access" and found[0]["rule"] == f"{f.dir}/access:2"
    assert 0 <= found[0]["ms"] < 1000
    assert [(s["effect"], s["argument"], s["rule"]) for s in steps(rcpt, "effect")] == [("HOLD", "look", f"{f.dir}/access:2")]
    rows = [(r["restriction"], r["result"]) for r in steps(rcpt, "restriction")]
    assert ("permit", "ok") in rows and ("reject_unauth_destination", "dunno") in rows
    with open(f.config) as cf:
        lines = cf.read().splitlines()
    for r in steps(rcpt, "restriction"):
        file, line = r["rule"].rsplit(":", 1)
        assert file == f.config and r["restriction"].split()[0] in lines[int(line) - 1]
    assert o["recipients_accepted"] == 1 and o["recipients"][0]["recipient"] == "a@example.com"


def test_message(mta):
    f = mta(files={"hc": "/^Subject: no/ REJECT not that\n/^Subject: wait/ HOLD\n", "spam": "Subject: no\n\nx\n",
                   "wait": "Subject: wait\n\nx\n", "fine": "Subject: fine\n\nx\n"},
            header_checks="regexp:{dir}/hc", content_restrictions="check_recipient_access inline:{c@example.com=DEFER}")
    args = ["explain", "--json", "--no-dns", "--client-address", "192.0.2.1", "--recipient", "b@example.com",
            "--recipient", "c@example.com", "--message"]
    fates = {}
    for name in ("spam", "wait", "fine"):
        _, out, err = f.ctl(*args, f"{f.dir}/{name}", status=None)
        assert err == ""
        o = json.loads(out)
        fates[name] = [(r["fate"], r.get("rule")) for r in o["recipients"]]
    rule = f"{f.dir}/hc:"
    assert fates["spam"] == [("reject", rule + "1")] * 2
    assert fates["wait"][0] == ("hold", rule + "2")
    assert fates["fine"][0][0] in ("deliver", "hold", "defer")      # on_mixed
    _, _, err = f.ctl(*args, f"{f.dir}/none", status=None)
    assert "none: No such file" in err


def test_policy_listener(filterd, hop):
    f = filterd(listeners={"policy": "policy:unix"}, next_hop=hop.next_hop, **SITE,
                smtpd_recipient_restrictions="check_recipient_access inline:{ {a@example.com = REJECT no} }")
    o = json.loads(f.ctl("explain", "--json", "--no-dns", "--client-address", "192.0.2.1", "--listener", "policy",
                         "--recipient", "a@example.com", "--recipient", "b@example.com", status=None)[1])
    assert [s["reply"] for s in o["stages"] if s["stage"] == "RCPT"] == ["action=554 5.7.1 no", "action=DUNNO"]


@pytest.mark.parametrize("args,status,says", [
    ([], 64, "usage"), (["--json"], 64, "usage"), (["x", "y"], 64, "usage"), (["x", "--helo", "y"], 64, "usage"),
    (["--what"], 64, "usage"), (["--client-address", "one"], 64, "is no IP address"),
    (["--sender", "a b@c"], 64, "--sender"), (["--listener", "no"], 64, "there is none of the name no"),
    (["--helo", "x" * 300], 64, "too long"), (["--message", "x"], 64, "--recipient is needed"),
    (["0000000000000000"], 1, "no such decision"), (["../../../etc/passwd"], 1, "no such decision"),
])
def test_wrong_arguments(mta, args, status, says):
    got, out, err = mta().ctl("explain", *args, status=None)
    assert (got, out) == (status, "") and says in err


def test_broken_configuration(mta):
    f = mta()
    f.write_config(smtpd_client_restrictions="reject_everything")
    status, out, err = f.ctl("explain", "--client-address", "192.0.2.1", status=None)
    assert (status, out) == (78, "") and "reject_everything" in err
    f.write_config(smtpd_client_restrictions="")


# --- live mail ---

LISTS = dict(smtpd_recipient_restrictions="check_recipient_access inline:{ {gone@example.com = REJECT gone} }, permit")


def test_live(mta):
    """Everybody of a transaction, what the next hop said, effects; several ids."""
    f = mta(**LISTS)
    got = session(f, rcpts=["a@example.com", "gone@example.com", "b@example.com"], message=MESSAGE)
    (refused,) = explain.refusals(f)
    finals = f.wait_finals(2)
    assert {e["id"] for e in finals} == {refused["id"]}
    (record,) = explain.live(f, refused)
    assert record["listener"] == "smtp" and record["sender"] == "s@from.example"
    assert record["client"]["address"] == "192.0.2.9" and record["client"]["told_by"] == "xclient"
    assert [s["recipient"] for s in record["stages"] if s["stage"] == "RCPT"] == ["a@example.com", "gone@example.com", "b@example.com"]
    assert [(r["recipient"], r["fate"], r["code"]) for r in record["recipients"]] == [
        ("a@example.com", "deliver", 250), ("b@example.com", "deliver", 250)]
    assert all(f"{r['code']} {r['reply']}" == str(got[-1]) for r in record["recipients"])
    text = f.ctl("explain", refused["id"])
    assert "gone" in text and "deliver, 250" in text
    # A decision is looked at, not made: what would have come next is not known.
    assert "next would be" not in text


def test_what_was_said_live(mta):
    """The reply with its footer, of the stage that it is about."""
    f = mta(**LISTS, smtpd_reject_footer="\\c see\\nline $decision_id", smtpd_recipient_limit="1")
    got = session(f, rcpts=["gone@example.com", "a@example.com", "b@example.com"])
    assert [r.code for r in got[2:]] == [554, 250, 452]
    (record,) = explain.by_id(f, explain.refusals(f)[-1]["id"])
    said = {s["recipient"]: s.get("reply") for s in record["stages"] if s["stage"] == "RCPT"}
    assert said == {"gone@example.com": "554-5.7.1 <gone@example.com>: Recipient address rejected: gone see\n"
                                        f"554 5.7.1 line {record['id']}", "a@example.com": None}


def test_policy_live(filterd, hop):
    """Each request is there at once, though the connection stays open."""
    f = filterd(listeners={"policy": "policy"}, next_hop=hop.next_hop, **SITE,
                smtpd_recipient_restrictions="check_recipient_access inline:{ {a@example.com = REJECT no} }")
    case = {"client": {"addr": "192.0.2.1", "name": "n.example", "reverse_name": "n.example", "helo": "h.example", "login": None,
                       "proto": "ESMTP"}, "sender": "s@from.example", "recipients": ["a@example.com"], "id": "1"}
    request = policy_server.rcpt_request(case)
    with socket.create_connection(f.address("policy"), 30) as s, s.makefile("rb") as answer:
        for _ in range(2):
            s.sendall("".join(f"{k}={v}\n" for k, v in request.items()).encode() + b"\n")
            assert answer.readline().startswith(b"action=554 5.7.1 ") and answer.readline() == b"\n"
        e = f.wait_log(lambda e: e.get("event") == "reject")
        end = time.monotonic() + 10
        while len(explain.by_id(f, e["id"])) < 2 and time.monotonic() < end:
            time.sleep(0.02)
        records = explain.by_id(f, e["id"])
    assert [[s["reply"].split()[0] for s in r["stages"]] for r in records] == [["action=554"]] * 2
    assert records[0]["service"] == "policy" and records[0]["client"]["told_by"] == "policy"


def test_nothing_is_asked_nothing_is_kept(mta):
    f = mta(smtpd_relay_restrictions="")
    session(f, message=MESSAGE)
    (final,) = f.wait_finals(1)
    time.sleep(0.2)
    assert f.ctl("explain", final["id"], status=None)[0] == 1


def counters(f):
    return json.loads(f.ctl("status", "--json"))["counters"]


def test_restart_and_kill(mta):
    """What was kept is there after a restart, and after the worker is killed."""
    f = mta(**LISTS)
    f.expect("worker")
    entries = []
    for how in ("stop", "kill", None):
        session(f, rcpts=["gone@example.com"])
        entries.append(explain.refusals(f)[-1])
        explain.live(f, entries[-1])
        if how == "stop":
            f.stop()
            f.start()
        elif how == "kill":
            seen = len(f.entries())
            (worker,) = f.workers()
            os.kill(worker, 9)
            f.wait_log(lambda e: e.get("text") == "serving", 30, seen)
    for e in entries:
        explain.live(f, e)


def test_days(mta):
    """Old files go; with 0 nothing is kept, from the reload on."""
    f = mta(**LISTS, decision_log_days="3")
    folder = f.dir + "/state/decisions"
    session(f, rcpts=["gone@example.com"])
    kept = explain.refusals(f)[-1]
    explain.live(f, kept)
    today = time.time()
    names = {n: time.strftime("%Y%m%d", time.gmtime(today - 86400 * n)) for n in range(0, 8)}
    f.stop()
    for n in range(1, 8):
        for end in ("", ".index"):
            open(f"{folder}/{names[n]}{end}", "w").close()
    f.start()
    session(f, rcpts=["gone@example.com"])
    explain.live(f, explain.refusals(f)[-1])
    left = sorted(os.path.basename(p) for p in glob.glob(folder + "/*"))
    assert left == sorted(names[n] + end for n in range(0, 4) for end in ("", ".index"))
    f.reload(decision_log_days="0")
    session(f, rcpts=["gone@example.com"])
    time.sleep(0.2)
    assert f.ctl("explain", explain.refusals(f)[-1]["id"], status=None)[0] == 1
    explain.live(f, kept)
    assert counters(f)["decisions_lost"] == 0


def test_max_size(mta):
    """The oldest day makes room for today; when today's alone are too much no more are kept."""
    f = mta(**LISTS, decision_log_max_size="1m")
    folder = f.dir + "/state/decisions"
    session(f, rcpts=["gone@example.com"])
    kept = explain.refusals(f)[-1]
    explain.live(f, kept)
    f.stop()
    names = [time.strftime("%Y%m%d", time.gmtime(time.time() - 86400 * n)) for n in range(3)]
    for name in names[1:]:
        with open(f"{folder}/{name}", "wb") as day:
            day.truncate(600 << 10)
    f.start()
    session(f, rcpts=["gone@example.com"])
    explain.live(f, explain.refusals(f)[-1])
    assert sorted(n for n in os.listdir(folder) if n.isdigit()) == sorted(names[:2])
    f.stop()
    f.expect("today's decisions alone")
    f.write_config(decision_log_max_size="1")
    f.start()
    session(f, rcpts=["gone@example.com"])
    time.sleep(0.2)
    assert f.ctl("explain", explain.refusals(f)[-1]["id"], status=None)[0] == 1
    explain.live(f, kept)
    assert counters(f)["decisions_lost"] == 1


def test_disk_full(mta):
    """One warning; mail goes on; what cannot be written is counted; once there is room it goes on."""
    f = mta(**LISTS)
    f.expect("decisions cannot be kept")
    folder = f.dir + "/state/decisions"
    day = time.strftime("%Y%m%d", time.gmtime())
    session(f, rcpts=["gone@example.com"])
    explain.live(f, explain.refusals(f)[-1])
    f.stop()
    for end in ("", ".index"):
        os.rename(f"{folder}/{day}{end}", f"{folder}/kept{end}")
    os.symlink("/dev/full", f"{folder}/{day}")
    f.start()
    for n in range(3):
        assert session(f, rcpts=["a@example.com", "gone@example.com"], message=MESSAGE)[-1].code == 250
        end = time.monotonic() + 10
        while counters(f)["decisions_lost"] < n + 1 and time.monotonic() < end:
            time.sleep(0.05)
        assert counters(f)["decisions_lost"] == n + 1
    assert len([e for e in f.entries() if "decisions cannot be kept" in e.get("text", "")]) == 1
    os.unlink(f"{folder}/{day}")
    session(f, rcpts=["gone@example.com"])
    explain.live(f, explain.refusals(f)[-1])
    f.wait_log(lambda e: e.get("text") == "decisions are kept again")


def test_policy_server_is_asked_once(mta):
    """The engine asks it as in live mail, and not again to see what would have come next."""
    with policy_server.Server() as server:
        server.rules = [{"if": {"protocol_state": "RCPT"}, "action": "REJECT by policy"}]
        ask = f"check_policy_service {server.endpoint}"
        f = mta(smtpd_recipient_restrictions=f"{ask}\n  {ask}\n  permit")
        _, out, _ = f.ctl("explain", "--json", "--no-dns", "--client-address", "192.0.2.1", "--recipient", "a@example.com", status=None)
        (rcpt,) = [s for s in json.loads(out)["stages"] if s["stage"] == "RCPT"]
        assert rcpt["verdict"].endswith("by policy")
        assert [s["answer"] for s in steps(rcpt, "policy")] == ["REJECT by policy"]
        assert rcpt["next"] == [{"restriction": "permit", "rule": rcpt["next"][0]["rule"], "result": "ok"}]
        assert len(server.asked) == 1
