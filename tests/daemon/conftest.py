"""Fixtures of the whole-daemon tests."""
import os
import sys

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))

import filterd_proc  # noqa: E402
import nexthop  # noqa: E402
import postfix as postfix_lib  # noqa: E402


def cannot(why):
    """What a test needs is not there: skipped, or where nothing may be missing, failed."""
    if os.environ.get("FILTERD_TESTS_STRICT"):
        pytest.fail(why)
    pytest.skip(why)


@pytest.fixture
def hop():
    """A next hop that takes everything; change hop.script in the test."""
    with nexthop.NextHop() as h:
        yield h


@pytest.fixture
def lmtp_hop():
    with nexthop.NextHop(lmtp=True) as h:
        yield h


@pytest.fixture
def filterd():
    """filterd(SETTING=VALUE, ...) starts one; all are stopped and looked over at the end."""
    missing = filterd_proc.missing()
    if missing:
        cannot(missing)
    started = []

    def start(*args, **kwargs):
        f = filterd_proc.Filterd(*args, **kwargs)
        started.append(f)
        return f.start()

    yield start
    problems = []
    for f in started:
        problems += f.finish()
    assert not problems, "\n".join(problems)


@pytest.fixture
def postfix():
    """postfix(...) starts a private Postfix; see tests/lib/postfix.py."""
    missing = postfix_lib.missing()
    if missing:
        cannot(missing)
    started = []

    def start(*args, **kwargs):
        p = postfix_lib.Postfix(*args, **kwargs)
        started.append(p)
        return p.start()

    yield start
    for p in started:
        p.finish()
