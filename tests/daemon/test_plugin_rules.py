"""Restrictions of a plugin in a real filterd: verdicts, effects, facts, failure with a name, explain (DESIGN.md, "Verdicts").

The plugin is tests/lib/probe_plugin.c, whose restriction "probe WORD" does what the word says.
"""
import json
import os
import re
import shutil

import pytest

import explain
import filterd_proc
import smtp

MODULE = os.path.join(filterd_proc.build_dir(), "tests", "modules", "probe.so")
PLUGIN = {"plugins": "probe", "plugin_directory": "{dir}/plugins"}
MESSAGE = b"From: a@example.com\r\nSubject: s\r\n\r\nbody\r\n"
A, B, C = "abelard@example.com", "heloise@example.com", "fulbert@example.com"
OK = "250 2.0.0 Ok"
UNAVAILABLE = "451 4.7.1 Service temporarily unavailable, try again later"
FAILED = "probe: probe could not be checked: secret 42; on_failure = "


def install(f):
    os.makedirs(f.dir + "/plugins", exist_ok=True)
    shutil.copyfile(MODULE, f.dir + "/plugins/probe.so")


@pytest.fixture
def probed(filterd, hop):
    """A filterd that has the plugin; settings as with filterd()."""
    def start(**settings):
        door = "lmtp, role = before_queue, smtpd_authorized_xforward_hosts ="
        return filterd(listeners={"lmtp": door}, prepare=install, next_hop=hop.next_hop, smtpd_reject_footer="",
                       **{**PLUGIN, **settings})
    return start


def send(f, *recipients, message=MESSAGE):
    """What each recipient hears after the data."""
    with smtp.Client(f.address("lmtp"), lmtp=True) as c:
        c.hello("client.example")
        replies = c.transaction("a@example.com", list(recipients), message)[2]
    assert len(replies) == len(recipients)
    return [str(r) if r.code != 250 else OK for r in replies]


def held(f):
    return sorted((tuple(r["path"] for r in h["recipients"]), h["reason"], h["class"])
                  for h in map(json.loads, f.ctl("hold", "list", "--json").splitlines()))


def check(text, **files):
    """(status, what filterd -n says of this configuration)."""
    listener = "listeners = { lmtp:127.0.0.1:1 }\nplugins = probe\nplugin_directory = {dir}/plugins\n"
    for name in ("probe.so", "probeclash.so"):
        with open(os.path.join(os.path.dirname(MODULE), name), "rb") as f:
            files["plugins/" + name] = f.read()
    return filterd_proc.check(listener + text, files=files)


# --- verdicts and facts ---

CLASSES = {"smtpd_restriction_classes": "hater, lover",
           "hater": "probe facts, probe refuse, permit", "lover": "probe hold",
           "content_restrictions": "check_recipient_access texthash:{dir}/per_user"}
PER_USER = {"per_user": f"{A} hater\n{B} lover\n"}


def test_each_recipient_by_itself(probed, hop):
    f = probed(files=PER_USER, **CLASSES)
    f.expect("probe=undeclared is none of|others=x is none of")
    assert send(f, A, B, C) == ["554 5.7.9 no refuse  here", OK, OK]
    assert [m.recipients for m in hop.wait(1)] == [[C]]
    assert held(f) == [((B,), "hold: look at  it", "policy")]
    finals = {e["recipient"]: e for e in f.wait_finals(3)}
    assert finals[A]["verdict"] == "reject" and finals[A]["rule"] == f"{f.dir}/per_user:1"
    assert finals[B]["fate"] == "hold" and finals[C]["fate"] == "deliver"
    assert all(e["facts"] == "seen=a_b:c probe=clean" for e in finals.values())


def test_envelope_lists(probed):
    f = probed(smtpd_recipient_restrictions="warn_if_reject probe refuse, probe rcpt", smtpd_client_restrictions="probe_ok ok")
    with smtp.Client(f.address("lmtp"), lmtp=True) as c:
        c.hello("client.example")
        c.mail("a@example.com")
        assert str(c.rcpt(A)) == "550 5.7.1 " + A
        c.quit()
    (warned,) = f.entries("reject_warning")
    assert "554 5.7.9 no refuse  here" in warned["text"]


# --- failure ---

FAILURES = [("defer", UNAVAILABLE), ("hold", OK), ("tag", OK), ("accept", OK)]


def outcome(f, hop, mode):
    """The message to A, whose check fails, came out as the mode has it; C's is untouched."""
    copies = {tuple(m.recipients): m.data for m in hop.messages}
    mine = [data for recipients, data in copies.items() if A in recipients]
    assert any(C in recipients for recipients in copies)
    assert len(mine) == (mode in ("tag", "accept"))
    for data in mine:
        assert (b"X-Spam-Flag: YES" in data) == (mode == "tag")
    # What a failure put there is not thrown away for want of room.
    assert held(f) == ([((A,), "hold: probe failed: secret 42", "failure")] if mode == "hold" else [])
    finals = {e["recipient"]: e for e in f.wait_finals(2)}
    assert finals[A]["facts"] == finals[C]["facts"] == "probe=failed:secret_42"
    assert [e["text"] for e in f.entries() if "secret 42; on_failure" in e["text"]] == [FAILED + mode]


@pytest.mark.parametrize("mode,reply", FAILURES, ids=[m for m, _ in FAILURES])
@pytest.mark.parametrize("where", ["family", "braces"])
def test_failure(probed, hop, where, mode, reply):
    f = probed(files={"per_user": f"{A} careful\n"}, smtpd_restriction_classes="careful",
               careful=f"{{ probe fail, on_failure = {mode} }}" if where == "braces" else "probe fail",
               probe_on_failure=mode if where == "family" else "accept" if mode == "defer" else "defer",
               content_restrictions="check_recipient_access texthash:{dir}/per_user")
    f.expect("could not be checked")
    assert send(f, A, C) == [reply, OK]
    assert "secret" not in reply
    outcome(f, hop, mode)


def test_warn_if_reject(probed, hop):
    f = probed(content_restrictions="warn_if_reject probe fail")
    f.expect("could not be checked")
    assert send(f, A) == [OK]
    (warned,) = f.entries("reject_warning")
    assert UNAVAILABLE in warned["text"] and "secret" not in warned["text"]


# --- explain ---

def test_explain(probed):
    f = probed(content_restrictions="probe facts, { probe fail, on_failure = accept }, probe refuse")
    f.expect("could not be checked|is none of the plugin's")
    assert send(f, A) == ["554 5.7.9 no refuse  here"]
    (entry,) = f.wait_finals(1)
    (record,) = explain.by_id(f, entry["id"])
    (stage,) = [s for s in record["stages"] if s.get("list") == "content_restrictions"]
    said = explain.texts(stage)
    for text in ("probe facts", "{ probe fail, on_failure = accept }", "probe refuse", "fact seen=a_b:c", "fact probe=clean",
                 FAILED + "accept", "554 5.7.9 no refuse  here"):
        assert text in said, (text, said)
    out = f.ctl("explain", entry["id"])
    assert "{ probe fail, on_failure = accept }" in out and "fact seen=a_b:c" in out


def test_explain_does_nothing(probed):
    """What would come next is only looked at."""
    f = probed(smtpd_recipient_restrictions="reject, probe look, probe refuse")
    f.expect("probe look is never reached behind reject")
    status, out, _ = f.ctl("explain", "--recipient", A, status=None)
    assert status == 1
    assert "note: not probed" in out and "next would be: probe refuse" in out


# --- tables ---

@pytest.mark.parametrize("table,status,want", [
    ("probe:x", 0, "REJECT x key\n"), ("probe:none", 1, ""), ("proxy:probe:x", 0, "REJECT x key\n"),
    ("unionmap:{ probe:x, inline:{key=too}, proberemote:y }", 0, "REJECT x key,too,REJECT y key\n"),
    ("probe:trouble", 75, "probe:trouble: trouble with key"), ("probe:mute", 75, "it found what is no text"),
    ("probe:wrong", 78, "probe:wrong: no words at wrong"), ("proberemote:wrong", 75, "no words at wrong"),
    ("prob:x", 78, "did you mean \"probe\"?")])
def test_query(tmp_path, table, status, want):
    f = filterd_proc.Filterd(listeners={"lmtp": "lmtp"}, prepare=install, **PLUGIN)
    try:
        # filterctl has no daemon to ask: it makes the plugin's host itself.
        got, out, err = f.ctl("query", table, "key", status=None)
        assert (got, out) == (status, want) if status < 2 else got == status and want in err
    finally:
        f.remove()


def test_tables_in_lists(probed):
    f = probed(smtpd_client_restrictions="check_sender_access probe:x",
               smtpd_recipient_restrictions="check_recipient_access probe:none, check_helo_access unionmap:{probe:none}")
    with smtp.Client(f.address("lmtp"), lmtp=True) as c:
        c.hello("client.example")
        c.mail("a@example.com")
        assert str(c.rcpt(A)) == "554 5.7.1 <a@example.com>: Sender address rejected: x a@example.com"
        c.quit()


def test_remote_table(probed, tmp_path):
    """What is away keeps nothing from starting; when it comes it is used, and what goes stays open."""
    server = "{dir}/server"
    f = probed(smtpd_recipient_restrictions=f"check_recipient_access proxy:proberemote:{server}")
    f.expect("no words at")

    def rcpt():
        with smtp.Client(f.address("lmtp"), lmtp=True) as c:
            c.hello("client.example")
            c.mail("a@example.com")
            reply = str(c.rcpt(A))
            c.quit()
        return reply

    assert rcpt() == f"451 4.3.5 <{A}>: Recipient address rejected: Server configuration error"
    assert "no words at" in f.ctl("status")
    f.file("server", "")
    f.wait_log(lambda e: "read again" in e.get("text", ""))
    assert rcpt().startswith(f"554 5.7.1 <{A}>: Recipient address rejected: {f.dir}/server {A}")
    assert "no words at" not in f.ctl("status")


# --- the rest ---

def test_counters(probed):
    f = probed(content_restrictions="probe count, probe count")
    assert "probe_scanned" in json.loads(f.ctl("status", "--json"))["counters"]     # shown from the start
    assert send(f, A) == [OK]
    assert json.loads(f.ctl("status", "--json"))["counters"]["probe_count"] == 6
    assert re.search(r"^\s*probe_count\s+6  what was counted$", f.ctl("status"), re.M)


def test_status_manual(probed):
    """filterctl(8) names each member of the answer, and no other."""
    with open(os.path.join(os.path.dirname(explain.__file__), "..", "..", "filterd", "ctl", "filterctl.8.in")) as page:
        [text] = re.findall(r"one JSON object with the members\n(.*?)^\.El$", page.read(), re.M | re.S)
    named = " ".join(re.findall(r"^\.Cm (.*)", text, re.M))
    f = probed(content_restrictions="probe count, reject_probe")
    status = json.loads(f.ctl("status", "--json"))
    assert sorted(re.findall("[a-z_]+", named)) == sorted(status)
    assert status["plugin_counters"]["probe_count"] == "what was counted"


def test_reload(probed):
    """A configuration that the plugin refuses is not used; what it holds of the host lives on."""
    f = probed(content_restrictions="probe log, probe state, permit")
    f.expect("said 1|probe_state must not be refuse|is not used")
    assert send(f, A) == ["550 5.7.1 begun"]
    assert "is not used" in f.reload(probe_state="refuse")["text"]
    assert send(f, A)[0].startswith("550 5.7.1")
    assert "is in use" in f.reload(probe_state="again")["text"]
    assert send(f, A) == ["550 5.7.1 again"]
    assert len([e for e in f.entries() if e["text"] == "probe: said 1"]) == 3


LOADS = [
    ("probe_state = refuse\n", 78, "2: plugin probe: probe_state must not be refuse"),
    ("content_restrictions = permit,\n  { probe x, on_failure = refuse }\n", 78,
     "5: content_restrictions: { probe x ... }: on_failure = \"refuse\" must be one of defer hold tag accept"),
    ("content_restrictions = check_probe probe:wrong\n", 78, "4: content_restrictions: probe:wrong: no words at wrong"),
    ("content_restrictions = check_probe proberemote:wrong\n", 0, "no words at wrong"),
    ("content_restrictions = probed x\n", 78, "did you mean probe?"),
    ("content_restrictions = { probe x, on_failure = hold }, check_probe inline:{a=OK}\n", 0, ""),
    ("smtpd_end_of_data_restrictions = check_probe inline:{a=OK}\n"
     "listeners = { policy:127.0.0.1:2 }\n", 0, "the message is not known there, as a policy request does not bring it"),
]


@pytest.mark.parametrize("text,status,want", LOADS, ids=range(len(LOADS)))
def test_load(text, status, want):
    got, said = check(text)
    assert got == status, said
    assert want in said


def test_names_of_ours():
    """A plugin's row that nobody could ever mean."""
    status, said = check("plugins = probeclash\n")
    assert status == 78
    assert "4: plugin probeclash: restriction permit_mynetworks is one of filterd's own" in said
    assert "4: plugin probeclash: table type inline is one of filterd's own" in said


def test_types():
    f = filterd_proc.Filterd(listeners={"lmtp": "lmtp"}, prepare=install, **PLUGIN)
    try:
        assert "check_probe TABLE" in f.ctl("types")
    finally:
        f.remove()


# --- scans ---

FOUND = MESSAGE.replace(b"\r\n\r\n", b"\r\nProbe: Worm\r\nProbe: Other\r\n\r\n")
FAILING = MESSAGE.replace(b"\r\n\r\n", b"\r\nProbe-Failed: half of it\r\n\r\n")
SCANNED = {"smtpd_restriction_classes": "hater, lover, marked",
           "hater": "reject_probe", "lover": "hold_probe, reject_unauth_pipelining",
           "marked": "check_probe inline:{ {Other = TAG it} }, { reject_probe, on_failure = tag }",
           "content_restrictions": "check_recipient_access texthash:{dir}/per_user", "probe_on_failure": "hold"}
WISHES = {"per_user": f"{A} hater\n{B} lover\n{C} marked\n"}


def scanned(f):
    return json.loads(f.ctl("status", "--json"))["counters"]["probe_scanned"]


def test_one_scan_for_all(probed, hop):
    f = probed(files=WISHES, scanner_processes="2", **SCANNED)
    assert send(f, A, B, C, message=FOUND) == ["554 5.7.1 Worm", OK, "554 5.7.1 Worm"]
    assert held(f) == [((B,), "hold: Worm", "policy")]
    assert scanned(f) == 1
    finals = {e["recipient"]: e for e in f.wait_finals(3)}
    assert {e["facts"] for e in finals.values()} == {"seen=Worm seen=Other probe=clean"}
    (record,) = explain.by_id(f, finals[A]["id"])
    scans = [s for stage in record["stages"] for s in steps(stage, "scan")]
    assert [(s["scan"], s["answer"]) for s in scans] == [("probe/look", "Worm Other")] * 4
    assert scans[0]["ms"] > 0 and all(s["ms"] == 0 for s in scans[1:])
    assert "scan probe/look" in f.ctl("explain", finals[A]["id"])
    assert send(f, A, B, C) == [OK] * 3
    assert scanned(f) == 2
    assert sorted(r for m in hop.wait(1) for r in m.recipients) == sorted([A, B, C])


def steps(o, kind):
    """All steps of a kind, however deep."""
    found = []
    for s in o.get("steps", []):
        found += [s] if s["type"] == kind else []
        found += steps(s, kind)
    return found


def test_scan_that_fails(probed, hop):
    f = probed(files=WISHES, **SCANNED)
    f.expect("could not be checked: half of it")
    assert send(f, A, C, message=FAILING) == [OK, OK]
    assert held(f) == [((A,), "hold: probe failed: half of it", "failure")]
    (m,) = hop.wait(1)
    assert m.recipients == [C] and b"X-Spam-Flag: YES" in m.data
    assert {e["facts"] for e in f.wait_finals(2)} == {"probe=failed:half_of_it"}
    said = [e["text"] for e in f.entries() if "half of it; on_failure" in e["text"]]
    assert sorted(s.rsplit(" ", 1)[1] for s in said) == ["hold", "tag"], said    # once an outcome


def test_explain_has_no_scanner(probed):
    """A question beforehand says what it cannot know."""
    f = probed(content_restrictions="reject_probe, permit")
    status, out, _ = f.ctl("explain", "--recipient", A, "--message", f.file("mail", FOUND), status=None)
    assert status == 75
    assert "scan probe/look" in out and "no scanner process here" in out
