"""Fixtures of the whole-daemon tests."""
import contextlib
import os
import signal
import sys

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))

import children  # noqa: E402
import covered  # noqa: E402
import filterd_proc  # noqa: E402
import mta_chain  # noqa: E402
import nexthop  # noqa: E402
import postfix as postfix_lib  # noqa: E402


def pytest_configure():
    # By default these end a process at once; this way fixtures end what they have started.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    children.start_marking()
    covered.begin()


@pytest.fixture(scope="session", autouse=True)
def nothing_is_left():
    """Set up first, so looked at last: what a test started is gone.  The report is that of the
    last test, but names the one."""
    yield
    left = children.left_over(3)
    assert not left, "left running:\n" + "\n".join(left)


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
    problems = []
    with contextlib.ExitStack() as stack:       # each is ended, though ending one may fail

        def start(*args, **kwargs):
            f = filterd_proc.Filterd(*args, **kwargs)
            stack.callback(lambda: problems.extend(f.finish()))
            return f.start()

        yield start
    assert not problems, "\n".join(problems)


@pytest.fixture
def postfix():
    """postfix(...) starts a private Postfix; see tests/lib/postfix.py."""
    missing = postfix_lib.missing()
    if missing:
        cannot(missing)
    with contextlib.ExitStack() as stack:

        def start(*args, **kwargs):
            p = postfix_lib.Postfix(*args, **kwargs)
            stack.callback(p.finish)
            return p.start()

        yield start


@pytest.fixture
def chain():
    """chain("postfix" or "sendmail", filterd, hop, ...) starts an MTA with that filterd as its
    milter; see tests/lib/mta_chain.py."""
    with contextlib.ExitStack() as stack:

        def start(kind, *args, **kwargs):
            missing = mta_chain.missing(kind)
            if missing:
                cannot(missing)
            c = mta_chain.Chain(kind, *args, **kwargs)
            stack.callback(c.finish)
            return c.start()

        yield start
