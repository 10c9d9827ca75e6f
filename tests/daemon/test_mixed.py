"""{accept, tag, hold, discard, redirect, defer, reject}^n, n up to 3, at every door (PITFALLS B8, B9; issue 6, section 2).

What is expected is told by tests/lib/mixed_rules.py.  One filterd has all the doors; each of 399 messages is looked at in the replies,
at the next hop, in the hold store and in the log.
"""
import contextlib
import itertools
import json
import time

import pytest

import filterd_proc
import milter_client
import nexthop
import postfix as postfix_lib
import smtp
from conftest import cannot
from mixed_rules import ACTIONS, DISAGREE, OK, ROWS, TABLE, Door, expect
from ports import free_port

MESSAGE = b"From: a@example.com\r\nSubject: s\r\n\r\nbody\r\n"
TAG = b"X-Spam-Flag: YES\r\n"
TAGGED = TAG + MESSAGE
BAD = MESSAGE.replace(b"Subject: s", b"Subject: all are refused")
MIXTURES = [m for n in (1, 2, 3) for m in itertools.product(ACTIONS, repeat=n)]
LATER = "452 4.5.3 Other rules than for the first recipient, send it apart"

# name: (what is expected, the listener)
BEFORE = "role = before_queue, smtpd_authorized_xforward_hosts ="
AFTER = "role = after_queue, smtpd_authorized_xforward_hosts ="
DOORS = {
    "lmtp": (Door("lmtp"), f"lmtp, {BEFORE}"),
    "lmtp_after_reject": (Door("lmtp", after="reject"), f"lmtp, {AFTER}, after_queue_reject = reject"),
    "lmtp_after_hold": (Door("lmtp", after="hold"), f"lmtp, {AFTER}, after_queue_reject = hold"),
    "lmtp_after_discard": (Door("lmtp", after="discard"), f"lmtp, {AFTER}, after_queue_reject = discard"),
    "prdr": (Door("prdr"), f"smtp, {BEFORE}, on_mixed = strictest"),
    "prdr_after_hold": (Door("prdr", after="hold"), f"smtp, {AFTER}, after_queue_reject = hold, on_mixed = split"),
    "smtp_unverified": (Door("smtp"), f"smtp, {BEFORE}, verify_recipients_at_next_hop = no"),
    "smtp_mta": (Door("smtp"), "smtp, role = mta"),
}
for mode in ("split", "strictest", "lenient", "hold", "defer"):
    DOORS["smtp_" + mode] = Door("smtp", mode), f"smtp, {BEFORE}, on_mixed = {mode}"
    DOORS["milter_" + mode] = Door("milter", mode), f"milter, on_mixed = {mode}, milter_hold = store"
for mode, after in itertools.product(("split", "strictest", "hold"), ("reject", "hold", "discard")):
    DOORS[f"smtp_after_{mode}_{after}"] = (Door("smtp", mode, after=after),
                                           f"smtp, {AFTER}, after_queue_reject = {after}, on_mixed = {mode}")
for edits in ("none", "hold"):
    DOORS["milter_edits_" + edits] = Door("milter", edits=edits), f"milter, on_mixed_edits = {edits}, milter_hold = store"
    DOORS["milter_lenient_edits_" + edits] = (Door("milter", "lenient", edits=edits),
                                              f"milter, on_mixed = lenient, on_mixed_edits = {edits}, milter_hold = store")
for where in ("mta", "both"):
    DOORS["milter_hold_" + where] = Door("milter", where=where), f"milter, milter_hold = {where}"
# Nobody answers RCPT of mail that did not come by SMTP: split is settled at the end.
for refused in ("hold", "discard"):
    DOORS["milter_late_" + refused] = (Door("milter", "split", refused=refused, split=False),
                                       f"milter, on_mixed = split, on_mixed_refused = {refused}, milter_hold = store")
for mode in ("split", "strictest", "hold"):
    DOORS["libmilter_" + mode] = (Door("milter", mode), f"milter, on_mixed = {mode}, milter_hold = store, milter_engine = libmilter")
# What is all of it for these; for the others, which differ from one of them in what is done with a refused copy, one triple in seven.
WHOLE = {"lmtp", "lmtp_after_hold", "prdr", "smtp_split", "smtp_strictest", "smtp_lenient", "smtp_hold", "smtp_defer",
         "milter_split", "milter_strictest", "milter_hold", "milter_late_hold", "libmilter_hold"}
TWICE = ("lmtp", "lmtp_after_hold", "prdr", "smtp_hold")        # the same recipient more than once
SETTINGS = dict(
    allowed_clients="127.0.0.0/8", header_checks="regexp:{dir}/bad", smtpd_reject_footer="",
    content_restrictions="check_recipient_access regexp:{dir}/rows",
    smtpd_relay_restrictions="", smtpd_recipient_restrictions="permit_mynetworks, reject", mynetworks="127.0.0.0/8",
    alias_maps="", local_recipient_maps="", smtpd_client_connection_count_limit="0", smtpd_hard_error_limit="0", smtpd_error_sleep_time="0s")


class World:
    def __init__(self):
        self.hop = nexthop.NextHop()

    def __enter__(self):
        self.hop.__enter__()
        self.filterd = filterd_proc.Filterd(listeners={n: where for n, (_, where) in DOORS.items()}, next_hop=self.hop.next_hop,
                                            files={"rows": TABLE, "bad": "/^Subject: all/ REJECT 5.7.7 all\n"}, **SETTINGS)
        self.filterd.expect("after_queue_reject")
        self.filterd.start()
        return self

    def __exit__(self, *why):
        try:
            problems = self.filterd.finish()
        finally:
            self.hop.__exit__(*why)
        assert not problems, "\n".join(problems)

    def finals(self, wanted, timeout=60):
        """{sender: [final line]} of those senders, as many as wanted has for each."""
        end = time.monotonic() + timeout
        while True:
            found = {}
            for e in self.filterd.entries("message"):
                found.setdefault(e["sender"], []).append(e)
            if all(len(found.get(s, [])) >= n for s, n in wanted.items()):
                return found
            assert time.monotonic() < end, {s: (found.get(s), n) for s, n in wanted.items() if len(found.get(s, [])) < n}
            time.sleep(0.05)

    def held(self):
        """{sender: [((recipients), reason, class, tagged)]}"""
        found = {}
        for line in self.filterd.ctl("hold", "list", "--json").splitlines():
            h = json.loads(line)
            found.setdefault(h["sender"], []).append((tuple(r["path"] for r in h["recipients"]), h["reason"], h["class"],
                                                      self.is_tagged_size(h["size"])))
        return {s: sorted(h) for s, h in found.items()}

    def delivered(self):
        """{sender: [((recipients), tagged)]}"""
        found = {}
        for m in self.hop.messages:
            found.setdefault(m.sender, []).append((tuple(m.recipients), self.is_tagged(m.data)))
        return {s: sorted(d) for s, d in found.items()}

    def is_tagged(self, data):
        assert data in (MESSAGE, TAGGED, BAD), data
        return data == TAGGED

    def is_tagged_size(self, size):
        assert size in (len(MESSAGE), len(TAGGED), len(BAD)), size
        return size == len(TAGGED)


@pytest.fixture(scope="module")
def world():
    if filterd_proc.missing():
        cannot(filterd_proc.missing())
    with World() as w:
        yield w


def plain(reply):
    """Without what the next hop's queue adds."""
    text = str(reply)
    return OK if text.startswith(OK + ": queued as ") else text


def over_smtp(c, sender, rcpts, message=MESSAGE):
    """One transaction in two writes -> (who was accepted, the replies after the data)."""
    c.send(b"MAIL FROM:<%s>%s\r\n" % (sender.encode(), b" PRDR" if c.prdr else b"") +
           b"".join(b"RCPT TO:<%s>\r\n" % r.encode() for r in rcpts) + b"DATA\r\n")
    mail, *at_rcpt, data = c.replies(len(rcpts) + 2)
    assert (mail.code, data.code) == (250, 354), (mail, at_rcpt, data)
    assert {str(r) for r in at_rcpt if r.code != 250} <= {LATER}
    c.send(smtp.dot_stuff(message))
    taken = [to for to, r in zip(rcpts, at_rcpt) if r.code == 250]
    return taken, [plain(r) for r in c.after_data(len(taken))], None


@contextlib.contextmanager
def smtp_client(address, door):
    with smtp.Client(address, lmtp=door.kind == "lmtp") as c:
        c.hello()
        c.prdr = door.kind == "prdr"
        yield lambda sender, rcpts, message=MESSAGE: over_smtp(c, sender, rcpts, message)
        assert c.cmd("NOOP").code == 250        # as many replies as there should be
        c.quit()


def change(c):
    if c.kind in ("insheader", "addheader"):
        assert (c.name, c.value.strip()) == ("X-Spam-Flag", "YES"), c
        return "tag", None
    return c.kind, c.name.rpartition(" (id ")[0] if c.kind == "quarantine" else c.name


def over_milter(c, sender, rcpts):
    c.mail(f"<{sender}>")
    at_rcpt = [c.rcpt(f"<{r}>") for r in rcpts]
    assert {str(r) for r in at_rcpt if r is not None and r.kind != "continue"} <= {LATER}
    c.data()
    end = c.message(MESSAGE)
    changes = [change(x) for x in end.changes]
    assert len(set(changes)) == len(changes), end
    taken = [to for to, r in zip(rcpts, at_rcpt) if r is None or r.kind == "continue"]
    return taken, [str(end)], set(changes)


@contextlib.contextmanager
def milter(address, door):
    with milter_client.Client(address) as c:
        c.negotiate()
        if door.split:
            c.connect(addr="127.0.0.2")
        else:                                   # as Postfix's cleanup(8) tells of what sendmail(1) brought
            c.macros("connect", {"v": "Postfix 3.7.11", "i": "4bCdEf"})
            c.connect(name="localhost", addr="127.0.0.1")
        c.helo()
        yield lambda sender, rcpts: over_milter(c, sender, rcpts)
        c.quit()


def bring(say, sender, rcpts):
    """As a client does: who was put off comes again.  [(who, replies, changes)], one a transaction."""
    done = []
    while rcpts:
        got = say(sender, rcpts)
        assert got[0] and len(done) < 10, (rcpts, done)
        done.append(got)
        rcpts = [r for r in rcpts if r not in got[0]]
    return done


def addresses(mixture, twice):
    """twice: who has the same action is the same recipient."""
    return [f"{a}{'' if twice else i}@example.com" for i, a in enumerate(mixture, 1)]


def rule(w, name):
    if name is None:
        return "-"
    return f"{w.filterd.dir}/rows:{ACTIONS.index(name) + 1}" if name in ROWS else name


def logged(e):
    return e["recipient"], e["verdict"], e["fate"], plain(f"{e['code']} {e['reply']}"), e["rule"]


def compare(w, expected, got):
    """expected: {sender: [Expected]}; got: {sender: what bring() told}."""
    finals = w.finals({s: sum(len(e.log) for e in es) for s, es in expected.items()})
    held, delivered = w.held(), w.delivered()
    wrong = []
    for sender, es in expected.items():
        want = {
            "replies": [(e.rcpts, e.replies, e.changes) for e in es],
            "delivered": sorted(d for e in es for d in e.delivered),
            "held": sorted(h for e in es for h in e.held),
            "log": [(*line[:4], rule(w, line[4])) for e in es for line in e.log],
        }
        have = {"replies": got[sender], "delivered": delivered.get(sender, []), "held": held.get(sender, []),
                "log": [logged(e) for e in finals[sender]]}
        wrong += [f"{sender} {what}:\n  wanted {want[what]}\n  got    {have[what]}" for what in want if want[what] != have[what]]
    assert not wrong, f"{len(wrong)} differ:\n" + "\n".join(wrong[:5])


@pytest.mark.parametrize("name,twice", [(n, False) for n in DOORS] + [(n, True) for n in TWICE])
def test_every_mixture(world, name, twice):
    door, _ = DOORS[name]
    expected, got = {}, {}
    with (milter if door.kind == "milter" else smtp_client)(world.filterd.address(name), door) as say:
        for i, mixture in enumerate(MIXTURES):
            if name not in WHOLE and len(mixture) == 3 and i % 7 != len(name) % 7:
                continue
            if twice and len(set(mixture)) == len(mixture):
                continue                        # nobody is there twice
            sender, rcpts = f"{name}-{int(twice)}-{i}@example.net", addresses(mixture, twice)
            expected[sender] = expect(door, mixture, rcpts)
            got[sender] = bring(say, sender, rcpts)
    compare(world, expected, got)


@pytest.mark.parametrize("name", [n for n, (d, _) in DOORS.items() if d.kind != "milter"])
def test_a_whole_message_refused(world, name):
    """B9: as many replies as recipients, the same one more than once included; nobody's own rules are asked."""
    door, _ = DOORS[name]
    kept = door.after in ("hold", "discard")
    no = "550 5.7.7 all"
    got, rcpts = {}, [r + "@example.com" for r in ("reject", "accept", "reject", "hold", "accept")]
    with smtp_client(world.filterd.address(name), door) as say:
        for n in range(1, len(rcpts) + 1):
            sender = f"whole-{name}-{n}@example.net"
            who = [r for r in rcpts[:n] if r == rcpts[0]] if door.mixed == "split" and door.kind == "smtp" else rcpts[:n]
            taken, replies, _ = say(sender, rcpts[:n], BAD)
            said = OK if kept else no
            assert taken == who
            assert replies == ([said] * n if door.kind == "lmtp" else ["353 A reply for each recipient follows", *[said] * (n + 1)]
                               if door.kind == "prdr" and n > 1 else [said])
            got[sender] = who
    finals, held, delivered = world.finals({s: len(who) for s, who in got.items()}), world.held(), world.delivered()
    for sender, who in got.items():
        assert sender not in delivered
        assert held.get(sender) == ([(tuple(who), "reject: " + no, "spam", False)] if door.after == "hold" else None)
        assert [(e["recipient"], e["verdict"], e["fate"], e["list"]) for e in finals[sender]] == [
            (r, "reject", door.after if kept else "reject", "header_checks") for r in who]


# --- Postfix in front, before its queue ---

class Proxied(World):
    """Postfix puts its Received: on top of the message."""

    def is_tagged(self, data):
        tagged = data.startswith(TAG)
        rest = data[len(TAG):] if tagged else data
        assert rest.startswith(b"Received: ") and rest.endswith(MESSAGE) and TAG not in rest, data
        return tagged

    def is_tagged_size(self, size):
        assert size > len(TAGGED)
        return False                            # none that is tagged is kept at these doors


@pytest.mark.parametrize("mode,options", [("split", ""), ("hold", ""), ("strictest", ""), ("lenient", ""), ("defer", ""),
                                          ("hold", "speed_adjust"), ("strictest", "speed_adjust")])
def test_before_postfix_s_queue(postfix, mode, options):
    """smtpd_proxy_filter hands RCPT on as it comes, but with speed_adjust, which is no place for split."""
    name = "smtp_" + mode
    everybody = [f"{a}{i}@example.com" for a in ACTIONS for i in (1, 2, 3)]
    expected, got = {}, {}
    with Proxied() as w:
        port = w.filterd.address(name)[1]
        # refusals are no reason for it to be slow or to hang up
        errors = {"smtpd_error_sleep_time": "0", "smtpd_soft_error_limit": "99999", "smtpd_hard_error_limit": "99999"}
        p = postfix(mailboxes=everybody, queue_manager=False, main=errors, smtpd=f"  -o smtpd_proxy_filter=127.0.0.1:{port}\n" +
                    f"  -o smtpd_proxy_options={options}\n")
        with smtp_client(p.smtp, DOORS[name][0]) as say:
            for i, mixture in enumerate(MIXTURES):
                if len(mixture) == 3 and i % 7 != len(mode) % 7:
                    continue
                sender, rcpts = f"{name}-{i}@example.net", addresses(mixture, False)
                expected[sender] = expect(DOORS[name][0], mixture, rcpts)
                got[sender] = bring(say, sender, rcpts)
        compare(w, expected, got)


def test_the_table_is_whole():
    assert len(MIXTURES) == 7 + 49 + 343 and WHOLE <= set(DOORS) and {d.kind for d, _ in DOORS.values()} == {DOORS[n][0].kind for n in WHOLE}
    # every way in which a door settles it comes up
    seen = {(line[1], line[2]) for door, _ in DOORS.values() for m in MIXTURES for e in expect(door, m, addresses(m, False)) for line in e.log}
    assert {("pass", f) for f in ("deliver", "defer", "reject")} <= seen
    assert {(v, f) for v in ("defer", "reject") for f in ("deliver", "hold", v)} <= seen
    assert {("reject", "discard"), ("defer", "reject"), ("reject", "defer"), ("tag", "hold")} <= seen
    assert {("hold", "hold"), ("hold", "defer"), ("discard", "discard"), ("discard", "reject")} <= seen
    assert any(DISAGREE in e.replies for m in MIXTURES for e in expect(DOORS["smtp_defer"][0], m, addresses(m, False)))
