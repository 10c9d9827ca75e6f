"""A real Postfix that asks filterd's milter beside a real Postfix that decides: the client hears the same (issue 4, "Done when", 3).

The Postfix that asks has only relay_domains = static:all and reject_unauth_destination; the case's restrictions are filterd's.
tests/lib/milter_front.py lists what a milter is not asked, so that no milter can give these answers.
"""
import collections
import json
import lzma
import os
import random

import pytest

import filterd_proc
import milter_front
import postfix as postfix_lib
import restriction_cases
from conftest import cannot
from test_restrictions_random import AT_ONCE, CANDIDATE, IN_A_GROUP, POSTFIX, ask, replies, told

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
SESSIONS = int(os.environ.get("FILTERD_MILTER_SESSIONS", "250"))


def told_at_mail(expect, answer):
    a, b = replies(expect), replies(answer or {"replies": []})
    # A milter's 421 ends the session at once, a 5xx with the first command, both in Postfix's own words.
    if a[-1][:2] == ("connect", 421):
        return b[:1] == [("connect", 421, "", "mx.filterd.test Service unavailable - try again later")]
    if a[-1][0] == "connect" and a[-1][1] >= 500:
        return b[:1] == [("connect", 554, "", "mx.filterd.test ESMTP not accepting connections")]
    return b[-1:] == [("mail", *a[-1][1:])] or b[-1:] == [("mail", 501, "5.1.7", "Bad sender address syntax")]


def where(answer):
    return answer["queue"] and answer["queue"]["where"]


def compare(cases, expected, most=.15, other=.01):
    """cases with what Postfix says to each; most: so much may be left out; other: so much may be answered otherwise."""
    left_out = {c["id"]: milter_front.not_told(c, expected[c["id"]]) for c in cases}
    reasons = collections.Counter(filter(None, left_out.values()))
    asked = [c for c in cases if not left_out[c["id"]]]
    early = [c for c in cases if left_out[c["id"]] == "early"]
    ours, said = ask(CANDIDATE, asked + early, "--milter")
    wrong = [told(c, expected[c["id"]], ours.get(c["id"])) for c in asked
             if c["id"] not in ours or replies(ours[c["id"]]) != replies(expected[c["id"]])]
    # Told later, but the same words, unless the connection was refused for good.
    wrong_early = [told(c, expected[c["id"]], ours.get(c["id"])) for c in early if not told_at_mail(expected[c["id"]], ours.get(c["id"]))]
    elsewhere = [told(c, expected[c["id"]], ours[c["id"]]) for c in asked
                 if c["id"] in ours and where(ours[c["id"]]) != where(expected[c["id"]])]
    why = {name: text for name, text, _ in milter_front.NOT_TOLD}
    print(f"{len(cases)} cases; {len(asked) - len(wrong)} of {len(asked)} replies alike,"
          f" {len(asked) - len(elsewhere)} messages where they belong")
    for name, n in reasons.most_common():
        print(f"{n:5} {n / len(cases):6.1%}  {name}: {why[name]}")
    print("\n".join(wrong))
    report = "%d of %d differ:\n%s\n%s" % (len(wrong), len(asked), "\n".join(wrong[:40]), said[-2000:])
    assert sum(reasons.values()) <= most * len(cases), reasons
    assert len(wrong) <= other * len(asked), report
    assert len(elsewhere) <= other * len(asked), "\n".join(elsewhere[:8])
    assert len(wrong_early) <= other * len(cases), "\n".join(wrong_early[:8])
    assert ": filterd: " not in said, said[-3000:]
    return ours


def random_cases(seed, groups):
    made = [c for g in restriction_cases.groups(seed, groups, IN_A_GROUP) for c in g]
    theirs, said = ask(POSTFIX, made)
    assert len(theirs) > .9 * len(made), said[-3000:]
    return [c for c in made if c["id"] in theirs], theirs


@pytest.fixture(autouse=True)
def programs():
    for missing in (postfix_lib.missing(), filterd_proc.missing()):
        if missing:
            cannot(missing)


def test_random_sessions():
    seed = int(os.environ.get("FILTERD_SEED", random.SystemRandom().randrange(10 ** 6)))
    print(f"FILTERD_SEED={seed}")
    # So few groups may have many of a kind: 6 to 14 % have been seen.
    compare(*random_cases(seed, -(-SESSIONS // IN_A_GROUP)), most=.25)


@pytest.mark.long
def test_random_sessions_long():
    first = random.SystemRandom().randrange(10 ** 6)
    for seed in range(first, first + max(1, int(5 * float(os.environ.get("FILTERD_SOAK", "1"))))):
        print(f"FILTERD_SEED={seed}")
        compare(*random_cases(seed, AT_ONCE))


def recorded():
    folder = os.environ.get("FILTERD_PARITY", os.path.join(TOP, "..", "shared", "parity"))
    path = os.path.join(folder, "cases-restrictions.jsonl.xz")
    if not os.path.exists(path):
        pytest.skip("the recorded cases of Postfix are not here (FILTERD_PARITY)")
    with lzma.open(path, "rt") as f:
        cases = [json.loads(line) for line in f]
    return cases, {c["id"]: c["expect"] for c in cases}


def test_recorded_sample():
    """Every ninth configuration."""
    cases, expected = recorded()
    groups = sorted({c["group"] for c in cases})[::9]
    compare([c for c in cases if c["group"] in groups], expected, most=.2, other=0)


@pytest.mark.long
def test_recorded():
    compare(*recorded(), other=0)
