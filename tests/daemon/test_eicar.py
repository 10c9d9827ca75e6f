"""EICAR in all structures of tests/lib/eicar.py: found, or a fact says why not; never clean in silence."""
import os

import pytest

import clam
import eicar
from conftest import cannot

RECEIVED = b"Received: from sender.example by mx.example; Sat, 21 Nov 2026 10:00:00 +0000\r\n"


@pytest.fixture(scope="module")
def cases():
    missing = eicar.missing() or clam.missing()
    if missing:
        cannot(missing)
    return eicar.all_cases()


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    folder = tmp_path_factory.mktemp("database")
    eicar.database(str(folder))
    return str(folder)


def test_there_are_many(cases):
    for builder in ("email-", "hand-", "mime-tools-"):
        assert sum(c.name.startswith(builder) for c in cases) >= 20
    assert len(cases) >= 60
    assert len({c.message for c in cases}) == len(cases)


def check(cases, found):
    """found: {name: signature}, in messages as they are.  What libclamav does not see by itself is here so that it is
    noticed when it does."""
    wrong = []
    for c in cases:
        wanted = {None} if c.in_part else c.wanted
        if eicar.outcome(found[c.name]) not in wanted:
            wrong.append(f"{c.name}: {found[c.name]}, wanted {wanted}")
    assert not wrong, "\n".join(wrong)


def test_clamscan(cases, database, tmp_path):
    """The messages are what they are meant to be: clamscan sees in them what is expected of filterd."""
    for c in cases:
        with open(tmp_path / c.name, "wb") as f:
            f.write(RECEIVED + c.message)
    check(cases, clam.clamscan(database, str(tmp_path)))


def test_clamd(cases, database):
    """A clamd sees the same, and in none of them something when there is nothing."""
    with clam.Clamd(database) as c:
        check(cases, {case.name: c.scan(RECEIVED + case.message) for case in cases})
        for case in cases:
            harmless = case.message.replace(eicar.EICAR, b"nothing".ljust(len(eicar.EICAR)))
            if harmless != case.message:
                assert c.scan(RECEIVED + harmless) is None, case.name


def test_not_in_the_sources():
    """No file of ours is taken for infected."""
    top = os.environ.get("FILTERD_SOURCE_DIR") or os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
    for folder in ("tests/lib", "tests/daemon", "tests/bench", "tests/unit", "contrib", "contrib/samples", "plugins"):
        for name in os.listdir(os.path.join(top, folder)):
            path = os.path.join(top, folder, name)
            if os.path.isfile(path):
                with open(path, "rb") as f:
                    assert eicar.EICAR not in f.read(), path
