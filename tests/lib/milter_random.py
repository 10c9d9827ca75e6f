"""Conversations of an MTA with a filter, random and recorded, and configurations that they meet.

    for c in conversations(seed=1, scenario="lists", n=100) + recorded():
        milter_random.hold(address, c)          # -> what the filter said, as a list of texts

milter_recorded.json holds what a Postfix and a Sendmail told tests/lib/milter_record.py of a few SMTP
sessions: one and several messages, pipelined, RSET, TLS and a login, a client that vanished, 150 KB.

A conversation is drawn before it is held, so the same one can be held with two filters.  It is what
a real MTA would do: what is refused is not gone on with.  FILES and SCENARIOS are the configurations;
their tables are keyed by the words that conversations are made of.
"""
import json
import os
import random
import re
from collections import namedtuple

import milter_client as mc

ACTIONS = ["REJECT", "REJECT {stage} says no", "DEFER", "DEFER_IF_PERMIT", "DEFER_IF_REJECT if so", "450 4.7.1 50% {stage}",
           "554 5.7.1 100%% {stage}", "521 5.7.1 bye", "421 4.7.0 go", "HOLD {stage}", "DISCARD {stage}", "PREPEND X-{stage}: seen",
           "BCC {stage}@bcc.example", "REDIRECT {stage}@other.example", "WARN {stage}", "OK", "DUNNO"]
WORDS = [f"w{i}" for i in range(len(ACTIONS))]
LISTS = ("client", "helo", "sender", "rcpt", "data", "end")
CONTENT = ["REJECT not here", "REJECT 4.7.1 later", "REJECT 5.7.9 50% dsn", "HOLD put aside", "DISCARD", "TAG", "PREPEND X-Content: yes",
           "REPLACE X-Do: other", "IGNORE", "STRIP", "FILTER smtp:[127.0.0.1]:9", "WARN", "BCC c@bcc.example", "REDIRECT c@other.example", "DUNNO", "OK", "INFO"]
CONTENT_WORDS = [f"c{i}" for i in range(len(CONTENT))]


def address(list_name, word):
    return {"client": f"192.0.2.{10 + WORDS.index(word)}", "helo": f"{word}.helo.example", "sender": f"{word}@sender.example",
            "rcpt": f"{word}@rcpt.example", "data": f"{word}@data.example", "end": f"{word}@end.example"}[list_name]


def table(list_name):
    return "".join(f"{address(list_name, w)} {a.format(stage=list_name)}\n" for w, a in zip(WORDS, ACTIONS))


def pattern_table(begin):
    return "".join(f"/{begin}{w}$/ {a}\n" for w, a in zip(CONTENT_WORDS, CONTENT))


def content_rows():
    rows = ["REJECT not for me", "DEFER not yet", "HOLD for me", "DISCARD", "PREPEND X-Mine: yes", "BCC mine@bcc.example", "OK", "look",
            "REDIRECT mine@other.example", "450 4.2.0 50% full"]
    return "".join(f"u{i}@rcpt.example {row}\n" for i, row in enumerate(rows))


FILES = {**{name: table(name) for name in LISTS}, "header": pattern_table("^X-Do: "), "body": pattern_table("^do "),
         "users": content_rows()}
DIR = "texthash:{dir}/"
STAGES = {
    "smtpd_client_restrictions": f"check_client_access {DIR}client",
    "smtpd_helo_restrictions": f"check_helo_access {DIR}helo",
    "smtpd_sender_restrictions": f"check_sender_access {DIR}sender",
    "smtpd_recipient_restrictions": f"check_recipient_access {DIR}rcpt",
    "smtpd_data_restrictions": f"check_sender_access {DIR}data",
    "smtpd_end_of_data_restrictions": f"check_sender_access {DIR}end"}
CHECKS = {"header_checks": "regexp:{dir}/header", "body_checks": "regexp:{dir}/body"}
USERS = {"smtpd_restriction_classes": "look", "look": f"check_sender_access {DIR}sender",
         "content_restrictions": "check_recipient_access " + DIR + "users"}
FOOTER = {"smtpd_reject_footer": r"\c (id $decision_id)\nSee https://mail.example/?a=$client_address&b=100%\nor call"}
SCENARIOS = {
    "none": {},
    "lists": STAGES,
    "at once": {**STAGES, "smtpd_delay_reject": "no", **FOOTER},
    "checks": {**CHECKS, "milter_hold": "store"},
    "all": {**STAGES, **CHECKS, **USERS},
    "hold": {**CHECKS, **USERS, "on_mixed": "hold", "milter_hold": "both"},
    "strictest": {**CHECKS, **USERS, "on_mixed": "strictest", "on_mixed_edits": "none"},
    "lenient": {**CHECKS, **USERS, "on_mixed": "lenient", "on_mixed_edits": "hold", "tag_subject_prefix": "***"},
    "defer": {**USERS, "on_mixed": "defer", **FOOTER},
    "split": {**CHECKS, **USERS, "on_mixed": "split", "smtpd_delay_reject": "no", **FOOTER}}

# Steps of a conversation.
Step = namedtuple("Step", "event args macros", defaults=((), None))


class Draw:
    """One conversation, drawn with this generator."""

    def __init__(self, rng):
        self.rng = rng
        self.steps = []
        self.version = rng.choice([2, 3, 4, 5, 6, 6, 6, 6])
        # By version, as MTAs of that age offer; and some that miss one thing or another.
        self.actions = {2: 0x1f, 3: 0x3f, 4: 0x3f, 5: 0x3f, 6: 0x1ff}[self.version]
        self.offered = {2: 0x7f, 3: 0x17f, 4: 0x37f, 5: 0x37f, 6: mc.STEPS}[self.version]
        if rng.random() < 0.3:
            self.actions &= rng.randrange(1, 0x200) | 1 << rng.randrange(5)
            self.actions = self.actions or mc.ADDHDRS
        if self.version == 6 and rng.random() < 0.3:
            self.offered &= rng.randrange(1, 1 << 21) | 0x7f
        # An MTA sends macros with all events of a kind or with none.
        self.with_macros = {e for e in ("connect", "helo", "mail", "rcpt", "data", "eoh", "end") if rng.random() < 0.7}
        self.ident = f"4b{rng.randrange(1 << 40):x}"

    def word(self, plain, named=0.35):
        """A word that some table knows, or one that none does."""
        return self.rng.choice(WORDS) if self.rng.random() < named else plain

    def add(self, event, *args, **macros):
        told = {f"{{{n}}}" if len(n) > 1 else n: v for n, v in macros.items()}
        self.steps.append(Step(event, args, told if event in self.with_macros else None))

    def client(self):
        r = self.rng
        kind = r.choice("4444466UL")
        if kind == "U":
            self.add("connect", "unknown", None, 0, v="Postfix 3.7.11", client_addr="unknown")
            return
        if kind == "L":
            self.add("connect", "localhost", "/run/client", 0, j="mx.example")
            return
        addr = f"2001:db8::{r.randrange(1, 9)}" if kind == "6" else address("client", self.word(WORDS[0]))
        if kind == "4" and r.random() < 0.6:
            addr = f"198.51.100.{r.randrange(1, 250)}"
        name = r.choice([f"[{addr}]", "mail.client.example", "unknown"])
        self.add("connect", name, addr, r.randrange(1024, 65536), j="mx.example", daemon_name="smtp", v=r.choice(["Postfix 3.7.11", "8.17.1"]),
                 client_ptr=r.choice(["mail.client.example", "unknown"]), client_resolve=r.choice(["OK", "FAIL", "TEMP", "FORGED"]),
                 if_addr="192.0.2.250", daemon_port="25", daemon_addr="192.0.2.250")

    def hello(self):
        for _ in range(self.rng.choice([0, 1, 1, 1, 1, 2])):
            self.add("helo", self.rng.choice([address("helo", self.word(WORDS[-1])), "mail.client.example", "[192.0.2.1]", "localhost"]),
                     tls_version="TLSv1.3", cipher="TLS_AES_256_GCM_SHA384", cipher_bits="256")

    def unknown(self):
        if self.rng.random() < 0.1:
            self.add("unknown", self.rng.choice(["HELP me", "XYZZY", "EXPN list", "VRFY a@b"]))

    def sender(self):
        r = self.rng
        what = r.choice(["sender", "data", "end", "plain", "plain", "null"])
        if what == "null":
            return "<>"
        return f"<{address(what, self.word(WORDS[-1], 0.8))}>" if what != "plain" else "<a.sender@plain.example>"

    def envelope(self):
        r = self.rng
        params = r.sample(["SIZE=1000", "BODY=8BITMIME", "RET=HDRS", "ENVID=x+3Dy"], r.randrange(3))
        login = {"auth_authen": "bob", "auth_type": "PLAIN"} if r.random() < 0.3 else {}
        self.add("mail", self.sender(), *params, i=self.ident, mail_addr="x", **login)
        self.unknown()
        for n in range(r.choice([1, 1, 1, 2, 3, 5])):
            who = r.choice([f"<u{r.randrange(10)}@rcpt.example>", f"<u{r.randrange(10)}@rcpt.example>", f"<plain{n}@rcpt.example>",
                            f"<{address('rcpt', self.word(WORDS[-1]))}>"])
            self.add("rcpt", who, *r.sample(["NOTIFY=NEVER", "ORCPT=rfc822;x@y"], r.randrange(2)), i=self.ident,
                     rcpt_addr=who.strip("<>"), rcpt_mailer="local")
            # Nothing may follow it but RCPT, DATA or ABORT: see test_milter_engines.py.
            if self.version >= 4:
                self.unknown()

    def fields(self):
        r = self.rng
        fields = [("From", " me@example.com"), ("Subject", r.choice([" hello", "hello", "  two blanks", " a\r\n\tfolded one", "", " caf\xe9"])),
                  ("To", " you@example.org"), ("Received", " from a by b;\r\n Sat, 21 Nov 2026 07:00:00 +0000")]
        fields = r.sample(fields, r.randrange(len(fields) + 1))
        for _ in range(r.choice([0, 0, 1, 1, 2])):
            fields.insert(r.randrange(len(fields) + 1), ("X-Do", " " + r.choice(CONTENT_WORDS)))
        if r.random() < 0.1:
            fields.append(("X-Long", " " + "z" * r.randrange(900, 60000)))
        if r.random() < 0.2:
            fields += [("Mime-Version", " 1.0"), ("Content-Type", " multipart/mixed; boundary=b")]
        return fields

    def body(self):
        r = self.rng
        lines = [r.choice(["hello", "", ".", "..", "From here", "x" * 200, "caf\xe9", " lead", "--b", "--b--", "do it"])
                 for _ in range(r.randrange(12))]
        for _ in range(r.choice([0, 0, 1, 2])):
            lines.insert(r.randrange(len(lines) + 1), "do " + r.choice(CONTENT_WORDS))
        if r.random() < 0.03:
            lines += ["y" * 998] * r.randrange(50, 300)
        return "".join(line + "\r\n" for line in lines).encode("latin-1")

    def message(self):
        r = self.rng
        self.envelope()
        if r.random() < 0.05:
            self.add("abort")
            return
        if self.version >= 4:
            self.add("data", i=self.ident)
        for name, value in self.fields():
            self.add("header", name, value.encode("latin-1"))
        if r.random() < 0.04:
            self.add(r.choice(["abort", "vanish"]))
            return
        self.add("eoh", i=self.ident)
        body = self.body()
        size = r.choice([mc.CHUNK, 4096, 17])
        size = max(size, len(body) // 8)        # not thousands of packets
        for at in range(0, len(body), size):
            self.add("body", body[at:at + size])
            if r.random() < 0.01:
                self.add(r.choice(["abort", "vanish"]))
                return
        self.add("end", i=self.ident)

    def conversation(self):
        r = self.rng
        self.client()
        self.hello()
        self.unknown()
        for _ in range(r.choice([0, 1, 1, 2, 3])):
            self.message()
            if self.steps[-1].event == "vanish":
                return self
            # Only behind a message that has been taken: see test_milter_engines.py.
            if self.version == 6 and self.steps[-1].event == "end" and r.random() < 0.1:
                self.add("again")
                self.client()
                self.hello()
        return self


def conversations(seed, scenario, n):
    return [Draw(random.Random(f"{seed} {scenario} {i}")).conversation() for i in range(n)]


Recorded = namedtuple("Recorded", "title version actions offered steps")


def recorded():
    """One line a step; octets are written as the characters of their numbers."""
    def args(event, values):
        if event not in ("header", "body", "end"):
            return tuple(values)
        return (*values[:-1], *(v.replace("<900 z>", "z" * 900).encode("latin-1") for v in values[-1:]))

    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "milter_recorded.json")) as f:
        return [Recorded(f"{c['mta']}, {c['script']}", *c["offer"], [Step(e, args(e, a), m) for e, a, m in c["steps"]])
                for c in json.load(f)]


# --- holding one ---

def plain(text):
    """Without the decision id."""
    return re.sub(r"\(id [0-9A-Za-z]+\)", "(id)", text)


def words(event, reply):
    if reply is None or reply.kind in ("continue", "skip"):
        said = "goes on"
    else:
        said = plain(str(reply))
    for c in reply.changes if reply else ():
        said += "\n    " + plain(repr(tuple(c)))
    return f"{event}: {said}"


class Talk:
    """An MTA that goes by what it is told."""

    def __init__(self, address, conversation):
        self.said = []
        self.c = mc.Client(address)
        self.draw = conversation

    def event(self, step):
        """Whether it goes on."""
        if not self.c.is_sent(step.event):
            return True
        if step.macros:
            self.c.macros(step.event, step.macros)
        if step.event == "body" and self.c.skipped:
            return True
        reply = getattr(self.c, step.event)(*step.args)
        good = reply is None or reply.kind in ("continue", "skip")
        if step.event != "eoh" or not good:         # not all filters want it
            self.said.append(words(step.event, reply))
        return good

    def hold(self):
        granted = self.c.negotiate(self.draw.version, self.draw.actions, self.draw.offered)
        self.said.append(agreed(granted))
        skip_to, rcpts = None, 0
        for step in self.draw.steps:
            if skip_to and step.event not in skip_to:
                continue
            skip_to = None
            if step.event == "abort":
                self.c.abort()
            elif step.event == "vanish":
                return self.said
            elif step.event == "again":
                self.c.quit_nc()
                self.said.append("again")
            else:
                if step.event in ("data", "header", "eoh", "body", "end") and rcpts == 0:
                    self.c.abort()
                    skip_to = ("mail",)
                    continue
                good = self.event(step)
                rcpts = 0 if step.event == "mail" else rcpts + (step.event == "rcpt" and good)
                if not good:
                    if step.event == "connect":
                        break
                    if step.event in ("data", "header", "eoh", "body"):
                        self.c.abort()
                    if step.event not in ("helo", "rcpt", "unknown"):
                        skip_to = ("mail",)
        self.c.quit()
        assert self.c.is_closed()
        return self.said


def agreed(g):
    """What comes to the same: an end of headers that is not sent, or not answered."""
    steps = g.steps & ~(mc.NO["eoh"] | mc.NR["eoh"])
    return f"negotiated: {g.version} {g.actions:x} {steps:x} {sorted(g.macros.items())}"


def hold(address, conversation):
    t = Talk(address, conversation)
    try:
        return t.hold()
    except (mc.Closed, mc.ProtocolError, OSError) as e:
        return t.said + [f"{type(e).__name__}: {e}"]
    finally:
        t.c.close()
