"""The milter door with many MTAs at one time, while everything else that can happen happens: reloads
that bring and take lists, slow checks with PROGRESS, MTAs that vanish or begin anew at any command,
connections that are kept for many SMTP sessions.  Every answer must be the one that the message
asks for.  Under the thread sanitizer this is what it looks at."""
import os
import random
import threading
import time

import pytest

import milter_client as mc

SCALE = float(os.environ.get("FILTERD_SOAK", "1"))
RULES = ("/^X-Never: {version}/ REJECT\n/^Subject: refuse/ REJECT no\n/^Subject: later/ REJECT 450 4.7.1 later\n"
         "/^Subject: keep/ HOLD kept\n/^Subject: mark/ PREPEND X-Mark: yes\n/^Subject: drop/ DISCARD\n")
# Subject, or recipient: what the answer must be, and the kinds of its changes.
WANTED = {
    "plain": ("continue", []), "refuse": ("replycode", []), "keep": ("continue", ["quarantine"]),
    "mark": ("continue", ["insheader"]), "drop": ("discard", []), "change": ("continue", ["replbody"]),
    "mixed": ("continue", ["delrcpt"]), "slow": ("continue", []), "bad": ("replycode", [])}


def is_good(reply):
    return reply is None or reply.kind == "continue"


class Mta(threading.Thread):
    def __init__(self, f, name, seed, stop):
        super().__init__(daemon=True)
        self.f, self.name_of_listener, self.rng, self.stop_at = f, name, random.Random(seed), stop
        self.seed, self.done, self.slow, self.progress, self.wrong = seed, 0, 0, 0, []

    def run(self):
        while not self.stop_at.is_set():
            try:
                self.connection()
            except Exception as e:          # the thread's end would go unseen
                self.wrong.append(f"{self.seed}: {e!r}")
                return

    def connection(self):
        rng = self.rng
        steps = rng.choice((mc.STEPS, 0, mc.STEPS & ~mc.HDR_LEADSPC, mc.STEPS & ~mc.SKIP, 0x7f))
        with mc.Client(self.f.address(self.name_of_listener), timeout=60) as c:
            c.negotiate(version=rng.choice((2, 4, 6, 6, 6)), steps=steps)
            for _ in range(rng.randint(1, 4)):
                c.macros("connect", {"j": "mx.example", "{client_ptr}": "a.example"})
                assert is_good(c.connect(addr=rng.choice(("192.0.2.1", "2001:db8::1", "/run/x", None))))
                assert is_good(c.helo())
                for _ in range(rng.randint(1, 6)):
                    if rng.random() < 0.1 and not self.break_off(c):
                        return
                    self.message(c, rng.choice(list(WANTED)))
                if self.stop_at.is_set():
                    break
                c.quit_nc()
            if rng.random() < 0.5:
                c.quit()

    def break_off(self, c):
        """A message that comes to no end; is the connection still there?"""
        steps = [c.mail, c.rcpt, c.data, lambda: c.header("Subject", " plain"), c.eoh, lambda: c.body(b"x\r\n")]
        for step in steps[:self.rng.randint(0, len(steps))]:
            assert is_good(step())
        how = self.rng.randint(0, 2)
        if how == 0:
            c.abort()
        elif how == 1:
            c.send(mc.packet(b"M", b"<a@b>\0")[:self.rng.randint(1, 9)])
        return how != 1         # 2: MAIL follows without a word

    def message(self, c, what):
        # Few are slow, for they take their time.
        if what == "slow" and self.rng.random() < 0.8:
            what = "plain"
        body = self.rng.randbytes(self.rng.choice((0, 10, 1000, 100000))).hex().encode()
        lines = b"".join(body[i:i + 70] + b"\r\n" for i in range(0, len(body), 70))
        lines = (b"change me\r\n" if what == "change" else b"") + lines
        message = b"From: me@example.com\r\nSubject: %b\r\nX: y\r\n\r\n" % what.encode() + lines
        rcpts = {"mixed": ["<you@example.org>", "<content@example.org>"], "bad": ["<bad@example.org>"]}
        sender = "<slow@example.com>" if what == "slow" else "<me@example.com>"
        macros = {"mail": {"i": f"q{self.seed}"}, "rcpt": {"{rcpt_mailer}": "smtp"}, "end": {"i": f"q{self.seed}"}}
        replies, got = c.transaction(message, sender, rcpts.get(what, ["<you@example.org>"]), macros)
        kind, kinds = WANTED[what]
        said = got if got is not None else replies[0]
        # A body takes as many packets as it needs.
        got_kinds = list(dict.fromkeys(x.kind for x in said.changes))
        assert (said.kind, got_kinds) == (kind, kinds), (what, replies, str(got)[:500])
        if what == "change":
            assert b"".join(x.value for x in said.changes) == b"changed\r\n" + lines[11:]
        self.progress += said.progress
        self.slow += what == "slow"
        self.done += 1


@pytest.mark.threads
@pytest.mark.parametrize("kind", ["milter", "milter:unix"])
def test_load(filterd, kind):
    f = filterd(listeners={"one": kind, "two": kind + ", smtpd_delay_reject = no"},
                files={"h": RULES.format(version=0), "b": "/^change me/ REPLACE changed\n"},
                header_checks="regexp:{dir}/h", body_checks="regexp:{dir}/b", milter_progress_interval="1s",
                smtpd_restriction_classes="slow", slow="sleep 3",
                smtpd_recipient_restrictions="check_recipient_access inline:{ { bad@example.org = REJECT } }",
                smtpd_end_of_data_restrictions="check_sender_access inline:{ { slow@example.com = slow } }",
                content_restrictions="check_recipient_access inline:{ { content@example.org = REJECT } }")
    worker, = f.workers()
    stop = threading.Event()
    mtas = [Mta(f, ("one", "two")[i % 2], i, stop) for i in range(24)]
    for m in mtas:
        m.start()
    end, n = time.monotonic() + 8 * SCALE, 0
    while time.monotonic() < end:
        n += 1
        f.file("h", RULES.format(version=n))
        # A list where there was none: what it says is wanted by nobody, but replies are.
        lists = "check_client_access inline:{ { 192.0.2.99 = REJECT } }" if n % 2 else None
        assert f.reload(smtpd_client_restrictions=lists, smtpd_data_restrictions=lists)["level"] == "info"
        f.ctl("status", "--json")
        time.sleep(0.3)
    stop.set()
    for m in mtas:
        m.join(60)
    wrong = [w for m in mtas for w in m.wrong]
    assert not wrong, wrong[:3]
    done, slow, progress = (sum(getattr(m, name) for m in mtas) for name in ("done", "slow", "progress"))
    print(f"{done} messages, {slow} slow, PROGRESS said {progress} times, {n} reloads")
    assert done > 100 and slow > 0 and progress >= slow
    assert f.workers() == [worker]
