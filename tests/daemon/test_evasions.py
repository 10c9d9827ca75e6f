"""Evasions (tests/lib/evasions.py): each is caught by the rule that must catch it, for the recipient whose rule it is.

And bombs (tests/lib/bombs.py): each ends, in little memory, and leaves the fact of its limit.
"""
import collections
import os
import re

import pytest

import bombs
import eicar
import evasions
import filterd_proc
import scanning
from conftest import cannot
from evasions import caught


@pytest.fixture(scope="module")
def rows():
    missing = eicar.missing()
    if missing:
        cannot(missing)
    return evasions.all_rows()


@pytest.fixture
def tempted(filterd, hop, request):
    """A filterd whose recipients have a rule each, and text_fold_homoglyphs as the parameter says."""
    if not os.path.exists(os.path.join(filterd_proc.build_dir(), "plugins", "attachment.so")):
        cannot("the attachment plugin is not built")
    f = filterd(**evasions.settings(hop, request.param))
    evasions.wait_loaded(f)
    return f


def test_there_are_many(rows):
    for builder in ("email-", "mime-tools-"):
        assert sum(r.name.startswith(builder) for r in rows) >= 20
    assert sum(not r.name.startswith(("email-", "mime-tools-")) for r in rows) >= 60
    for rule in evasions.RULES:
        assert sum(r.rule.startswith(rule) for r in rows) >= 4, rule
    assert len({(r.rule, r.message) for r in rows}) >= len(rows) - 1      # of text/plain two structures are one


def is_caught(f, row, said):
    if row.rule == "nothing":
        return not set(said) - {"body"}
    if row.rule != "limit":
        return said.get(row.rule.split()[0]) == "554 5.7.1 " + row.rule
    facts = f.wait_finals(1, sender=row.name + "@sender.example")[-1]["facts"]
    return "file" in said and "=limit:" in facts and not re.search("archive=(?!limit|ambiguous)", facts)


@pytest.mark.parametrize("tempted, folded", [("no", False), ("yes", True)], indirect=["tempted"], ids=["default", "folded"])
def test_caught(tempted, folded, rows):
    missed = collections.defaultdict(list)
    for row in rows:
        said = caught(tempted, row.message, sender=row.name + "@sender.example")
        if is_caught(tempted, row, said) != (folded or row.name not in evasions.LOOK_ALIKE):
            missed[row.rule].append(f"{row.name}: {said}")
    assert not missed, "\n".join(f"{rule}:\n    " + "\n    ".join(names) for rule, names in missed.items())


# --- bombs ---

ROOM = 20 << 10         # KB that one check may take, beside the message


def worker(f):
    (pid,) = [p for p in f.workers() if scanning.comm(p) == "filterd-worker"]
    return pid


def kilobytes(pid, name):
    """VmRSS: now; VmHWM: the most since forget_most()."""
    with open(f"/proc/{pid}/status") as f:
        return int(re.search(rf"^{name}:\s+(\d+) kB", f.read(), re.M)[1])


def forget_most(pid):
    with open(f"/proc/{pid}/clear_refs", "w") as f:
        f.write("5")


def bomb(f, name, octets, rules, fact):
    """What is wrong with how it went."""
    measured = len(rules) == 1 and os.geteuid() == 0
    if measured:
        forget_most(worker(f))
        before = kilobytes(worker(f), "VmRSS")
    sender = f"{name}-{len(rules)}-{rules[0]}@sender.example"
    caught(f, octets, rules, sender)
    facts = f.wait_finals(1, 60, sender=sender)[-1]["facts"]
    wrong = []
    missing = bombs.missing(fact, rules, facts)
    if missing:
        wrong.append(f"facts are {facts}, not {missing}")
    if measured and kilobytes(worker(f), "VmHWM") - before > ROOM + 2 * (len(octets) >> 10):
        wrong.append(f"took {kilobytes(worker(f), 'VmHWM') - before} KB")
    return [f"{name}, {rules}: {what}" for what in wrong]


@pytest.mark.parametrize("tempted", ["yes"], indirect=True)
def test_bombs(tempted):
    """Each ends, in little memory, and leaves the fact of its limit."""
    tempted.expect("attachment: check_attachment could not be checked")
    wrong = []
    for name, octets, fact in bombs.bombs():
        for rules in [evasions.RULES] if filterd_proc.is_sanitized() else [[rule] for rule in evasions.RULES]:
            wrong += bomb(tempted, name, octets, rules, fact)
    assert not wrong, "\n".join(wrong)
    assert caught(tempted, b"Subject: x\r\n\r\nnothing\r\n") == {}
