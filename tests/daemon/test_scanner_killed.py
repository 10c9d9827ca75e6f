"""Who dies among filterd's processes: no scan is lost or left undone, nobody stays behind, and engines change under load.

The plugin is tests/lib/faulty_plugin.c.
"""
import os
import signal
import time

import pytest

import children
from scanning import DEFERRED, Load, Scanning


@pytest.fixture
def scanning(filterd, hop):
    return lambda **settings: Scanning(filterd, hop, **settings)


def deferred(load):
    return [r for r in load.replies if r != "one"]


def served(s, load, more=20):
    """It goes on."""
    n = len(load.replies)
    s.wait(lambda: load.replies[n:].count("one") >= more, f"no service: {load.replies[n:]}")


# --- deaths under load ---

def test_scanners_killed(scanning):
    """The message that one held is tried again in another one."""
    s = scanning(scanner_processes="3").expect_faults()
    s.wait_scanners(3)
    with Load(s, "engine") as load:
        for _ in range(5):
            os.kill(s.pids("scanner")[0], signal.SIGKILL)
            served(s, load)
            s.wait_scanners(3)
    assert deferred(load) == []
    assert s.status()["died"] == 5


def test_scanner_stopped(scanning):
    s = scanning().expect_faults()
    s.wait_scanners()
    with Load(s, "engine") as load:
        stopped = s.pids("scanner")[0]
        os.kill(stopped, signal.SIGSTOP)
        s.wait(lambda: not children.alive(stopped), "not killed")
        served(s, load)
    assert deferred(load) == []


def test_engine_process_killed(scanning):
    s = scanning().expect_faults()
    s.f.expect("^scanners' engine process")
    s.wait_scanners()
    with Load(s, "engine") as load:
        before = s.pids("engine")
        old = s.pids("scanner")
        os.kill(before[0], signal.SIGKILL)
        s.wait(lambda: not any(map(children.alive, old)), "scanners without a parent")
        served(s, load)
    s.wait_scanners()
    assert s.pids("engine") != before
    # One that lost both its scanners at once, or nothing.
    assert all(r == DEFERRED for r in deferred(load)) and len(deferred(load)) <= 3


def test_keeper_killed(scanning):
    s = scanning().expect_faults()
    s.f.expect("^keeper of scanners")
    s.wait_scanners()
    with Load(s, "engine") as load:
        old = s.pids("engine") + s.pids("scanner")
        os.kill(s.pids("keeper")[0], signal.SIGKILL)
        s.wait(lambda: not any(map(children.alive, old)), "left without a keeper")
        served(s, load)
    s.wait_scanners()
    assert all(r == DEFERRED for r in deferred(load)) and len(deferred(load)) <= 3


def test_worker_killed(scanning):
    s = scanning().expect_faults()
    s.f.expect("^worker ")
    s.wait_scanners()
    before = sorted(s.pids("scanner"))
    with Load(s, "engine") as load:
        served(s, load)
        os.kill(s.pids("worker")[0], signal.SIGKILL)
        served(s, load)
    # They are not its business.
    assert sorted(s.pids("scanner")) == before
    assert DEFERRED not in load.replies


def test_supervisor_killed(scanning):
    s = scanning().expect_faults()
    s.f.expect("the supervisor has gone")
    s.wait_scanners()
    s.f.process.kill()
    s.f.process.wait()
    s.f.process = None
    s.wait(lambda: s.f.processes() == [], "left without a supervisor")
    assert os.listdir(s.f.dir + "/scan") == []


def test_stop_under_load(scanning):
    """Who was served when it was told to stop is served to the end."""
    s = scanning()
    s.wait_scanners()
    with Load(s, "engine") as load:
        served(s, load)
        assert s.f.stop() == 0
        load.over.set()
    assert DEFERRED not in load.replies
    assert s.f.processes() == []


# --- engines ---

def in_use(s, text):
    return lambda: s.status()["plugins"] == [{"name": "faulty", "loaded": True, "text": f"text={text}"}]


def test_engine_changes_under_load(scanning):
    s = scanning()
    s.wait_scanners()
    with Load(s, "engine") as load:
        for i in range(8):
            served(s, load, 1) if i == 0 else None
            s.change_engine(f"number {i}")
            s.wait(in_use(s, f"number {i}"), "not in use")
            s.wait(lambda: load.replies[-1] == f"number {i}", "not seen")
    assert all(r == "one" or r.startswith("number ") for r in load.replies), load.replies
    s.wait(lambda: len(s.pids("engine")) == 1, "old ones are there")
    s.wait_scanners()
    st = s.status()
    assert (st["died"], st["killed"], st["refused"]) == (0, 0, 0)
    # It is not told twice of one change.
    assert st["engines"] == 9


def test_engine_changes_while_it_is_loaded(scanning):
    """What is told once is not lost while nobody can act on it."""
    s = scanning()
    s.wait_scanners()
    s.change_engine("slow two")
    s.wait(lambda: len(s.pids("engine")) == 2, "not being loaded")
    time.sleep(1.5)
    s.change_engine("three")
    s.wait(in_use(s, "three"), "the change was lost")
    s.wait(lambda: s.send("engine") == "three", "not in use")


def test_reload_under_load(scanning):
    s = scanning()
    s.wait_scanners()
    with Load(s, "engine") as load:
        for n in (4, 1, 3):
            s.f.reload(scanner_processes=str(n))
            s.wait_scanners(n)
        served(s, load)
    assert deferred(load) == []


def test_refused_configuration(scanning):
    """What the worker does not take scanners do not take either, though it is well written."""
    s = scanning()
    s.f.expect("is not used|must be an absolute path")
    s.wait_scanners()
    s.f.file("none", "none\n")
    before = s.pids("engine")
    assert "is not used" in s.f.reload(faulty_engine="{dir}/none", pid_file="no/path")["text"]
    s.f.wait_log(lambda e: "is not used by scanners" in e.get("text", ""))
    assert s.send("engine") == "one"
    assert s.pids("engine") == before
    s.f.reload(faulty_engine="{dir}/engine", pid_file="")
    s.wait(lambda: s.status()["engines"] == 2, "a good one is not taken")
    assert s.send("engine") == "one"


def looked_at_for_long(s):
    """A new configuration, at which its process looks and does not come to an end."""
    s.wait_scanners()
    s.change_engine("hang")
    s.wait(in_use(s, "hang"), "not in use")
    s.f.reload()
    s.wait(lambda: len(s.pids("check")) == 1, "not looked at")


def test_configuration_that_takes_long(scanning):
    """Who has it looked at goes on meanwhile, and does not wait for that when there is a newer one."""
    s = scanning()
    looked_at_for_long(s)
    first = s.pids("check")
    s.change_engine("hang again")
    s.wait(in_use(s, "hang again"), "the keeper waits")
    s.f.reload()
    s.wait(lambda: len(s.pids("check")) == 1 and s.pids("check") != first, "the newer one is not looked at")
    s.change_engine("two")
    s.wait(in_use(s, "two"), "the keeper waits")
    s.f.reload(scanner_processes="1")
    s.wait_scanners(1)
    assert s.pids("check") == []
    assert s.send("engine") == "two"


def test_stop_while_a_configuration_is_looked_at(scanning):
    s = scanning()
    looked_at_for_long(s)
    assert s.f.stop() == 0
    assert s.f.processes() == []


def test_reload_whose_check_is_killed(scanning):
    s = scanning()
    s.f.expect("is not used by scanners, the old configuration stays")
    looked_at_for_long(s)
    os.kill(s.pids("check")[0], signal.SIGKILL)
    s.f.wait_log(lambda e: "is not used by scanners" in e.get("text", ""))
    assert s.send("engine") == "hang"


def test_bad_engine_is_not_used(scanning):
    s = scanning()
    s.f.expect("^faulty: .*cannot be loaded: bad two: what was loaded before stays in use")
    s.change_engine("bad two")
    s.wait(lambda: s.status()["refused"] >= 1, "not tried")
    assert s.send("engine") == "one"
    assert in_use(s, "one")()
    s.change_engine("three")
    s.wait(in_use(s, "three"), "not in use")
    # Told once, however often it was tried.
    assert len([e for e in s.f.entries() if "stays in use" in e.get("text", "")]) == 1


def test_engine_that_kills_who_loads_it(scanning):
    s = scanning()
    s.f.expect("^scanners' engine process .* died of signal 6 .* while it loaded")
    s.change_engine("crash")
    s.wait(lambda: s.status()["refused"] >= 1, "not tried")
    assert s.send("engine") == "one"
    # Nothing stays of what it wrote.
    (made,) = {e["text"].split("made ")[1] for e in s.f.entries() if "made /" in e.get("text", "")}
    assert made.startswith(s.f.dir + "/scan/")
    assert not os.path.exists(made)
    s.change_engine("two")
    s.wait(in_use(s, "two"), "not in use")


def test_bad_engine_at_the_start(scanning):
    s = scanning(engine="bad zero").expect_faults()
    s.f.expect("^faulty: .*cannot be loaded: bad zero: its scans fail")
    assert s.send("engine") == DEFERRED
    assert s.failure().endswith("/engine: cannot be loaded: bad zero")
    assert "faulty: not loaded: " in s.f.ctl("status")
    s.change_engine("one")
    s.wait(lambda: s.send("engine") == "one", "not tried again")


def test_crash_at_the_start(scanning):
    s = scanning(engine="crash").expect_faults()
    s.f.expect("^scanners' engine process .* died of signal 6 .* while it loaded")
    assert s.send("engine") == DEFERRED
    assert "the process that loads engines died of signal 6" in s.failure()
    s.change_engine("one")
    s.wait(lambda: s.send("engine") == "one", "not tried again")


def test_no_scanner_needed(scanning):
    s = scanning(engine="none").expect_faults()
    assert s.pids("scanner") == []
    assert s.send("engine") == DEFERRED
    assert s.failure() == "no scanner: none is needed by this configuration"
    s.change_engine("one")
    s.wait(lambda: s.send("engine") == "one", "not tried again")
    s.wait_scanners()


def test_cannot_begin(scanning):
    s = scanning(engine="begin here").expect_faults()
    s.f.expect(r"^scanner \d+: faulty: \d is no folder for begin here")
    assert s.send("engine") == DEFERRED
    assert s.failure().endswith("is no folder for begin here")
    s.change_engine("one")
    s.wait(lambda: s.send("engine") == "one", "not tried again")


def test_log_is_reopened(scanning):
    s = scanning()
    s.f.expect("^scanner ")
    s.wait_scanners()
    s.send("log")
    s.f.wait_log(lambda e: "said in a scanner" in e.get("text", ""))
    moved = s.f.log_file + ".1"
    os.rename(s.f.log_file, moved)
    s.f.kill(signal.SIGUSR1)
    s.wait(lambda: os.path.exists(s.f.log_file), "not opened again")

    def said_there():
        s.send("log")
        return any("said in a scanner" in e.get("text", "") for e in s.f.entries())
    s.wait(said_there, "the scanners' log is the old file")
