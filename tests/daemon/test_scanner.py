"""Scanner processes in a real filterd: what scans find, and that a scan which goes wrong concerns its message alone.

The plugin is tests/lib/faulty_plugin.c.
"""
import os
import signal

import pytest

import smtp
from conftest import cannot
from scanning import A, DEFERRED, Scanning

SANITIZED = "-fsanitize" in open(os.path.join(os.environ.get("FILTERD_BUILD_DIR", "."), "Makefile")).read()
LANDLOCK = "yes"


@pytest.fixture
def scanning(filterd, hop):
    return lambda **settings: Scanning(filterd, hop, **settings)


def failure(text):
    return f"faulty: reject_faulty could not be checked: {text}"


# --- what is found ---

def test_found(scanning, hop):
    s = scanning()
    assert s.send("engine") == "one"
    assert s.send("engine", "lead") == "one, Received:"
    assert s.send("parts", body="in the body") == "text/plain in the body??"
    assert s.send() == "250 2.0.0 Ok" or s.send().startswith("250 ")
    assert [m.recipients for m in hop.wait(1)][0] == [A]


def test_facts_and_counters(scanning):
    s = scanning()
    assert s.send("fact").startswith("250 ")
    (final,) = s.f.wait_finals(1)
    assert final["facts"] == "faulty=odd:detail"
    assert "faulty_said                   7  how often" in s.f.ctl("status")
