"""Whole filterds under load (crash_load.py), next hops that can be killed (crash_hop.py), and the question
what became of each message."""
import asyncio
import base64
import collections
import hashlib
import json
import socket
import subprocess
import sys
import time

import crash_hop
import filterd_proc
from children import dies_with_us
from ports import free_port

DOORS = {"smtp": "smtp", "fast": "smtp, verify_recipients_at_next_hop = no", "lmtp": "lmtp"}
CHECKS = """/^X-Kind: hold/ HOLD by rule
/^X-Kind: filter/ FILTER local:other
/^X-Kind: bcc/ BCC copy@example.net
/^X-Kind: reject/ REJECT by rule
"""


class Hop:
    """steady: it refuses nobody."""

    def __init__(self, directory, name, lmtp, steady=False):
        self.record = f"{directory}/{name}"
        self.port, self.lmtp, self.process = free_port(), lmtp, None
        self.steady = steady
        self.start()
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
                return
            except ConnectionRefusedError:
                assert self.process.poll() is None
                time.sleep(0.02)

    def start(self):
        args = ["--lmtp"] * self.lmtp + ["--steady"] * self.steady
        self.process = subprocess.Popen(
            [sys.executable, crash_hop.__file__, *args, str(self.port), self.record],
            preexec_fn=dies_with_us)

    def kill(self):
        self.process.kill()
        self.process.wait()

    @property
    def next_hop(self):
        return f"{'lmtp' if self.lmtp else 'smtp'}:[127.0.0.1]:{self.port}"


async def until(true, what, seconds=60):
    for _ in range(int(seconds / 0.01)):
        if true():
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"{what}: not in {seconds} s")


def make(hops, **settings):
    """A filterd with all doors between a load and two next hops."""
    settings = {"header_checks": "regexp:{dir}/hc", "filter_next_hop_maps": "texthash:{dir}/map",
                "after_queue_reject": "hold", "hold_min_free": "0", "message_memory_limit": "64k",
                "stop_time_limit": "20s", "smtp_connect_timeout": "5s", **settings}
    return filterd_proc.Filterd(
        DOORS, files={"hc": CHECKS, "map": f"local:other {hops[1].next_hop}\n"},
        next_hop=hops[0].next_hop, **settings)


def addresses(f):
    return {n: f.address(n) for n in DOORS}


def held(f):
    """What is held, as next hops' records are."""
    out = []
    for line in f.ctl("hold", "list", "--json").splitlines():
        e = json.loads(line)
        shown = json.loads(f.ctl("hold", "show", e["id"], "--json"))
        octets = base64.b64decode(shown["message_base64"])
        out.append({"ident": e["queue_id"], "rcpts": [r["path"] for r in e["recipients"]],
                    "sum": hashlib.sha256(octets).hexdigest(), "place": "hold",
                    "replied": True})
    return out


def delivered(hop, name):
    messages, done = crash_hop.read(hop.record)
    return [{"place": name, "replied": (m["run"], m["n"]) in done, **m} for m in messages]


def found(f, hops):
    """All that is anywhere; f runs."""
    return held(f) + delivered(hops[0], "first") + delivered(hops[1], "other")


PLACES = {"plain": "first", "bcc": "first", "filter": "other", "hold": "hold", "reject": "hold"}


def check(load, found):
    """The list of what is wrong: lost, changed, or twice without need."""
    wrong = []
    by_rcpt = collections.defaultdict(list)
    for e in found:
        i, k = map(int, e["ident"].split("."))
        m = load.messages[i]
        if e["sum"] != m.sum:
            wrong.append(f"message {i} ({m.kind}) is not whole at {e['place']}")
        if e["place"] != PLACES[m.kind]:
            wrong.append(f"message {i} ({m.kind}) is at {e['place']}")
        rcpts = list(e["rcpts"])
        if m.kind == "bcc":
            if rcpts.count("copy@example.net") != 1:
                wrong.append(f"message {i}: copies are {rcpts.count('copy@example.net')}, not 1")
            rcpts = [r for r in rcpts if r != "copy@example.net"]
        attempt = load.attempts[(i, k)]
        if not set(rcpts) <= set(attempt.codes) or len(set(rcpts)) != len(rcpts):
            wrong.append(f"message {i}.{k}: recipients {rcpts} of {list(attempt.codes)}")
            continue
        if not attempt.dot:
            wrong.append(f"message {i}.{k} is at {e['place']} and its dot was never sent")
        for r in rcpts:
            by_rcpt[r].append((k, attempt.codes[r], e))
    for m in load.messages:
        if m.left or m.bounced:
            wrong.append(f"message {m.i}: unanswered {m.left}, refused {m.bounced}")
        for r in m.rcpts:
            at = by_rcpt[r]
            if not at:
                wrong.append(f"LOST: {r} ({m.kind}) was answered 250")
            if len({k for k, _, _ in at}) != len(at):
                wrong.append(f"TWICE in one attempt: {r} {at}")
            # Once; and once more for each dot whose reply was lost, ours to the sender or the
            # next hop's to us.  (Answered 4xx and not there again: remembered as served.)
            known = [x for x in at if x[1] is not None and x[2]["replied"]]
            if len(known) > 1:
                wrong.append(f"TWICE without need: {r} {at}")
    return wrong
