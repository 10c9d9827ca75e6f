"""What becomes of a message whose recipients' rules say different things: DESIGN.md's "Verdicts" in other words than the daemon's.

    door = Door("smtp", mixed="hold")
    e = expect(door, ["accept", "reject"], ["accept1@example.com", "reject2@example.com"])
    e.replies, e.delivered, e.held, e.log

Each recipient has an action; its copy is then to be delivered, kept, dropped, refused for now (4xx) or for good (5xx).  A door that
answers each leaves it at that.  A door with one reply settles what differs.
"""
import collections

ACTIONS = ("accept", "tag", "hold", "discard", "redirect", "defer", "reject")
ELSEWHERE = "elsewhere@example.net"
# Rows of a table of patterns, by which a recipient's name says its action; their lines count from 1.
ROWS = {"accept": "OK", "tag": "TAG", "hold": "HOLD odd", "discard": "DISCARD away", "redirect": "REDIRECT " + ELSEWHERE,
        "defer": "DEFER 4.7.9 later", "reject": "REJECT 5.7.9 no"}
TABLE = "".join(f"/^{action}/ {ROWS[action]}\n" for action in ACTIONS)
WISH = {"accept": "deliver", "tag": "deliver", "redirect": "deliver", "hold": "keep", "discard": "drop", "defer": "again", "reject": "no"}
# What the log calls a verdict, and what was done.
VERDICT = {"accept": "pass", "redirect": "pass", "tag": "tag", "hold": "hold", "discard": "discard", "defer": "defer", "reject": "reject"}
FATE = {"deliver": "deliver", "keep": "hold", "drop": "discard", "again": "defer", "no": "reject"}
OK = "250 2.0.0 Ok"
DISAGREE = "451 4.3.0 Recipients disagree about this message, try later"
CHANGES = "hold: recipients want different changes to this message"

# kind: lmtp, smtp, prdr, milter.  after: after_queue_reject, where the door stands behind the queue.  split: RCPT parts them.
Door = collections.namedtuple("Door", "kind mixed edits after refused where split", defaults=("hold", "all", None, "hold", "store", True))
Expected = collections.namedtuple("Expected", "rcpts replies delivered held log changes")
# rcpts: whose RCPT was accepted.  delivered: [((recipients), tagged)]; held: [((recipients), reason, class, tagged)]; log: [(recipient, verdict,
# fate, reply, rule)], rule: an action's row, a parameter, or None; changes: what a milter's MTA is told.


def refusal(action, rcpt):
    return {"defer": f"450 4.7.9 <{rcpt}>: Recipient address rejected: later",
            "reject": f"554 5.7.9 <{rcpt}>: Recipient address rejected: no"}[action]


class Copy:
    def __init__(self, door, action, rcpt):
        self.action, self.rcpt = action, rcpt
        self.done = WISH[action]
        self.tagged = action == "tag"
        self.reply, self.rule = OK, action if action != "accept" else None
        self.reason, self.klass = {"hold": ("hold: odd", "policy")}.get(action, (None, None))
        if self.is_refused():
            self.reply = refusal(action, rcpt)
            self.reason = f"{action}: {self.reply}"
            self.klass = "failure" if action == "defer" else "spam"
        if door.after in ("hold", "discard") and action == "reject":
            self.take("keep" if door.after == "hold" else "drop")

    def is_refused(self):
        return self.done in ("again", "no")

    def take(self, done):
        """Not refused after all."""
        self.done, self.reply = done, OK

    def refuse(self, reply, rule):
        """For the sake of others, unless that is the same."""
        if not self.action in ("defer", "reject"):
            self.rule = rule
        self.done, self.reply = "again" if reply[0] == "4" else "no", reply


def like(copies, first):
    """All are refused as the first one of this kind is, or else as the first one."""
    refused = [c for c in copies if c.is_refused()]
    one = next((c for c in refused if c.done == first), refused[0])
    reply, rule = one.reply, one.rule
    for c in copies:
        c.refuse(reply, rule)


def everybody_again(copies):
    for c in copies:
        c.refuse(DISAGREE, "on_mixed")


def one_reply(door, copies):
    """No copy is refused, or all are, with one reply."""
    refused = [c for c in copies if c.is_refused()]
    if not refused:
        return
    if len(refused) == len(copies):
        like(copies, "no" if door.mixed == "strictest" else "again")
    elif door.mixed == "strictest":
        like(copies, "no")
    elif door.mixed == "lenient":
        for c in refused:
            c.take("deliver")
    elif door.mixed == "defer":
        everybody_again(copies)
    elif door.mixed == "split" and door.refused == "discard":
        if any(c.done == "again" for c in refused):
            everybody_again(copies)
        else:
            for c in refused:
                c.take("drop")
    else:
        for c in refused:
            c.take("keep")


def one_text(door, copies):
    """A milter's MTA has one message for all who get it."""
    go_on = [c for c in copies if c.done == "deliver"]
    if len({c.tagged for c in go_on}) < 2:
        return
    for c in go_on:
        if door.edits != "hold":
            c.tagged = door.edits == "all"
        elif c.tagged:
            c.done, c.reason, c.klass, c.rule = "keep", CHANGES, "policy", "on_mixed_edits"


def grouped(pairs):
    """[(key, value)] -> {key: (values)}, in the order of keys."""
    groups = {}
    for key, value in pairs:
        groups.setdefault(key, []).append(value)
    return {key: tuple(values) for key, values in groups.items()}


def transactions(copies):
    """Who gets the same in the same way shares one."""
    groups = grouped(((c.action == "redirect", c.tagged), c.rcpt) for c in copies if c.done == "deliver")
    return [((ELSEWHERE,) if away else rcpts, tagged) for (away, tagged), rcpts in groups.items()]


def kept(copies):
    return [(rcpts, *why) for why, rcpts in grouped(((c.reason, c.klass, c.tagged), c.rcpt) for c in copies if c.done == "keep").items()]


def last_reply(copies):
    """PRDR's."""
    taken = [c for c in copies if not c.is_refused()]
    if taken and len(taken) < len(copies):
        return f"{OK}: taken for {len(taken)} of {len(copies)} recipients"
    return OK if taken else next((c for c in copies if c.done == "again"), copies[0]).reply


def replies(door, copies):
    if door.kind == "lmtp":
        return [c.reply for c in copies]
    if door.kind == "prdr" and len(copies) > 1:
        return ["353 A reply for each recipient follows", *(c.reply for c in copies), last_reply(copies)]
    return [copies[0].reply]


def milter_changes(door, copies):
    """-> (the answer, {change}, what the hold store gets)."""
    if copies[0].is_refused():
        return copies[0].reply, set(), []
    go_on = [c for c in copies if c.done == "deliver"]
    keeps = [c for c in copies if c.done == "keep"]
    store, changes = kept(copies), set()
    if not go_on and keeps and door.where in ("mta", "both"):
        changes.add(("quarantine", keeps[0].reason))
        go_on = keeps
        if door.where == "mta":
            store = []
    if not go_on:
        return "discard", set(), store
    own = {c.rcpt for c in go_on if c.action != "redirect"}
    changes |= {("delrcpt", f"<{c.rcpt}>") for c in copies if c.rcpt not in own}
    changes |= {("addrcpt", f"<{ELSEWHERE}>") for c in go_on if c.action == "redirect"}
    if go_on[0].tagged:
        changes.add(("tag", None))
    return "continue", changes, store


def settle(door, actions, rcpts):
    """One transaction."""
    copies = [Copy(door, a, r) for a, r in zip(actions, rcpts)]
    if door.kind in ("smtp", "milter") or (door.kind == "prdr" and len(copies) == 1):
        one_reply(door, copies)
    if door.kind == "milter":
        one_text(door, copies)
        answer, changes, store = milter_changes(door, copies)
        said, delivered = [answer], []
    else:
        said, delivered, store, changes = replies(door, copies), transactions(copies), kept(copies), None
    log = [(c.rcpt, VERDICT[c.action], FATE[c.done], c.reply, c.rule) for c in copies]
    return Expected([c.rcpt for c in copies], said, sorted(delivered), sorted(store), log, changes)


def expect(door, actions, rcpts):
    """[Expected], one a transaction: with split there are as many as there are policies."""
    if door.mixed != "split" or not door.split or door.kind not in ("smtp", "milter"):
        return [settle(door, actions, rcpts)]
    parted = grouped(zip(actions, zip(actions, rcpts)))
    return [settle(door, *zip(*part)) for part in parted.values()]
