"""Header and body checks beside the real Postfix: cases made at random.

Both get the same tables, parameters and messages; reply, fate, envelope and stored octets
must be alike.  tests/lib/content_cases.py makes the cases; filterd's answers come through
tests/parity/candidate.  FILTERD_SEED tries cases that nobody has seen.
"""
import base64
import json
import os
import subprocess
import sys

import pytest

import content_cases
import filterd_proc
import postfix as postfix_lib
import postfix_answers
from conftest import cannot

CANDIDATE = os.path.join(os.path.dirname(__file__), "..", "parity", "candidate")
SEEDS = [int(os.environ["FILTERD_SEED"])] if "FILTERD_SEED" in os.environ else [1, 2]


def replies(answer):
    """The text of a success is each one's own."""
    return [(r["stage"], r["code"], r["text"] if r["code"] >= 400 else "") for r in answer["replies"]]


def fate(answer):
    queue = answer["queue"]
    if queue is None or queue["where"] == "discarded":
        return queue and {"where": "discarded"}
    message = base64.b64decode(queue["message_b64"]) if "message_b64" in queue else queue["message"].encode()
    return {"where": queue["where"], "filter": queue["filter"], "redirect": queue["redirect"],
            "recipients": sorted(set(queue["recipients"])), "message": message}


def compare(seed, groups, cases):
    for missing in (postfix_lib.missing(), filterd_proc.missing()):
        if missing:
            cannot(missing)
    made = list(content_cases.groups(seed, groups, cases))
    every = [c for group in made for c in group]
    r = subprocess.run([sys.executable, CANDIDATE], input="".join(json.dumps(c) + "\n" for c in every), text=True,
                       capture_output=True, timeout=600, env=dict(os.environ, FILTERD_BUILD_DIR=filterd_proc.build_dir()))
    ours = {a["id"]: a for a in map(json.loads, r.stdout.splitlines())}
    theirs = postfix_answers.ask(made, content_cases.BASE)
    assert len(ours) == len(every), r.stderr[-3000:]
    wrong = []
    for c in every:
        a, b = theirs[c["id"]], ours[c["id"]]
        if replies(a) != replies(b) or fate(a) != fate(b):
            wrong.append("%s\n Postfix: %s %s\n filterd: %s %s" % (json.dumps(c)[:4000], replies(a)[-1], fate(a), replies(b)[-1], fate(b)))
    assert not wrong, "%d of %d differ:\n%s" % (len(wrong), len(every), "\n".join(wrong[:3]))
    # The draw must reach what it is for.
    fates = [a["queue"] and a["queue"]["where"] for a in theirs.values()]
    assert None in fates and fates.count("queued") > len(fates) / 5


@pytest.mark.parametrize("seed", SEEDS)
def test_random_cases(seed):
    compare(seed, 20, 12)


@pytest.mark.long
def test_random_cases_long():
    for seed in range(100, 100 + max(1, int(20 * float(os.environ.get("FILTERD_SOAK", "1"))))):
        compare(seed, 40, 12)
