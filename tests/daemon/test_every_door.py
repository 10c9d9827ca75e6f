"""Every sample through every door that is told what it takes: the same verdict (issue 4, "Done when", 4).

The samples and their verdicts are those of tests/lib/door_samples.py.  LACKS says which door is not told what; a sample that needs it
does not go there.
"""
import contextlib

import pytest

import filterd_proc
import milter_front
import policy
import postfix as postfix_lib
from conftest import cannot
from door_samples import CONFIGURATIONS, SAMPLES
from every_door import DOORS, Result, World

# What a sample may need, beyond client's address and name, HELO, sender and recipient.
FACTS = {
    "reverse": "the client's unverified name where it is not the verified one",
    "temporary": "whether the look-up of the client's name failed for good or for now",
    "reverse temporary": "the same of its unverified name, on its own",
    "login": "who has logged in",
    "tls": "how the client's connection is protected",
    "path": "the path as it was written",
    "recipients": "that other recipients came before",
    "message": "the message",
    "early": "that a command can be answered before there is a recipient",
}
# What a door is not told.
LACKS = {
    "smtp mta": ["tls"],                                    # XCLIENT and XFORWARD have no word for it
    "smtp before_queue": ["tls"],
    "smtp after_queue": ["reverse", "temporary", "reverse temporary", "login", "tls", "early"],     # nor XFORWARD for these
    "lmtp after_queue": ["reverse", "temporary", "reverse temporary", "login", "tls", "early"],
    "policy": ["temporary", "reverse temporary", "path", "recipients", "message", "early"],
    "milter": ["reverse temporary"],                        # {client_resolve} is of the verified name
    "milter, engine libmilter": ["reverse temporary"],
    "milter Postfix": ["reverse temporary", "tls", "early"],     # it tells an early answer at MAIL, or in its own words
}


@pytest.fixture(scope="module")
def worlds():
    """A filterd for each configuration."""
    if filterd_proc.missing():
        cannot(filterd_proc.missing())
    with contextlib.ExitStack() as stack:
        yield {name: stack.enter_context(World(settings)) for name, settings in CONFIGURATIONS.items()}


@pytest.fixture(scope="module")
def front(worlds):
    """A Postfix that asks them."""
    if postfix_lib.missing():
        cannot(postfix_lib.missing())
    with milter_front.Front({name: "inet:127.0.0.1:%d" % w.filterd.address("milter")[1] for name, w in worlds.items()}, (4,)) as f:
        for name, w in worlds.items():
            w.front = f.doors[name][4]
        yield f


def test_the_table_is_whole():
    assert set(LACKS) == set(DOORS)
    assert {fact for lacks in LACKS.values() for fact in lacks} == set(FACTS) == {fact for s in SAMPLES.values() for fact in s.needs}
    assert {s.configuration for s in SAMPLES.values()} == set(CONFIGURATIONS)


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("configuration", CONFIGURATIONS)
def test_verdicts(request, worlds, configuration, door):
    if door == "milter Postfix":
        request.getfixturevalue("front")
    wrong = []
    for name, sample in SAMPLES.items():
        if sample.configuration != configuration or sample.needs & set(LACKS[door]):
            continue
        got = DOORS[door](worlds[configuration], sample)
        if door.startswith("lmtp"):
            want = Result(sample.each_hears, sample.each, sample.stage)
        else:
            want = Result(sample.want, sample.handed_back if door.startswith("milter") else sample.fates, sample.stage)
        if door == "policy":            # without the words that Postfix itself puts in front
            want = Result([policy.answer_for(x, r) if x[:1] in "45" else x for x, r in zip(want.words, sample.recipients)], None, None)
        # What is not said of a sample is not looked at.
        got = Result(*(g if w is not None else None for g, w in zip(got, want)))
        if got != want:
            wrong.append(f"{name}:\n  {want}\n  {got}")
    assert not wrong, "\n".join(wrong)
