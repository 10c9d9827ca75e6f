"""Scanner processes in a real filterd: what scans find, and that a scan which goes wrong concerns its message alone.

The plugin is tests/lib/faulty_plugin.c.
"""
import fcntl
import os
import re
import signal
import threading

import pytest

import filterd_proc
import milter_client
from conftest import cannot
from scanning import A, DEFERRED, Scanning, message


@pytest.fixture
def scanning(filterd, hop):
    return lambda **settings: Scanning(filterd, hop, **settings)


# --- what is found ---

def test_found(scanning, hop):
    s = scanning()
    assert s.send("engine") == "one"
    assert s.send("engine", "lead") == "one, Received:"
    assert s.send("parts", body="in the body") == "text/plain in the body??"
    assert s.send().startswith("250 ")
    assert [m.recipients for m in hop.wait(1)] == [[A]]


def test_facts_and_counters(scanning):
    s = scanning()
    assert s.send("fact").startswith("250 ")
    (final,) = s.f.wait_finals(1)
    assert final["facts"] == "faulty=odd:detail"
    assert re.search(r"faulty_said +7  how often", s.f.ctl("status"))


@pytest.mark.parametrize("engine", ["native", "libmilter"])
def test_milter(scanning, engine):
    """Whatever process asks."""
    s = scanning(listeners={"milter": f"milter:unix, milter_engine = {engine}"})
    with milter_client.Client(s.f.address("milter")) as c:
        c.negotiate()
        c.connect()
        c.helo()
        end = c.transaction(message("engine"))[1]
        assert end.text == "554 5.7.1 one"
        c.quit()


def test_log_of_a_scan(scanning):
    s = scanning()
    s.f.expect("^scanner ")
    s.send("log")
    line = s.f.wait_log(lambda e: "said in a scanner" in e.get("text", ""))
    assert re.fullmatch(r"scanner \d+: faulty: said in a scanner\\x0a42", line["text"].replace("\n", r"\x0a"))


def test_log_has_an_end(scanning):
    """A scanner does not fill the disk with what it says."""
    s = scanning(scanner_processes="1")
    s.f.expect("^scanner ")
    s.wait_scanners(1)
    assert s.send("log_much").startswith("250 ")
    os.kill(s.pids("scanner")[0], signal.SIGKILL)   # what was left out is told then, or each minute
    s.f.wait_log(lambda e: re.search(r"^scanner \d+: \d+ more lines are left out", e.get("text", "")))
    # 100 of its 300 each minute, and a minute may end meanwhile
    assert 0 < len([e for e in s.f.entries() if ": line " in e.get("text", "")]) <= 200


def test_status(scanning):
    s = scanning()
    s.wait_scanners()
    for _ in range(5):
        s.send("engine")
    s.wait(lambda: s.status()["messages"] == 5, "not counted")
    st = s.status()
    assert sum(p["messages"] for p in st["processes"]) == 5
    assert sorted(p["pid"] for p in st["processes"]) == sorted(s.pids("scanner"))
    assert [st["keeper_pid"]] == s.pids("keeper")
    assert (st["generation"], st["engines"], st["died"], st["killed"], st["down"]) == (1, 1, 0, 0, "")
    assert st["plugins"] == [{"name": "faulty", "loaded": True, "text": "text=one"}]
    text = s.f.ctl("status")
    assert "faulty: text=one" in text and f"process {st['processes'][0]['pid']}  messages:" in text
    assert ("no Landlock" in text) == (st["landlock"] == "no")


def test_no_scanners_without_scans(filterd, hop):
    f = filterd(next_hop=hop.next_hop)
    assert len(f.workers()) == 1
    assert "scanners" not in f.ctl("status")


def test_what_a_scanner_has(scanning):
    """Nothing of mail, log or listeners; rights as the manual has them."""
    s = scanning()
    s.wait_scanners()
    if os.geteuid() != 0:
        cannot("a process that is confined shows nothing to others")
    for pid in s.pids("scanner"):
        fds = sorted(os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd"))
        others = [fd for fd in fds if fd != "/dev/null" and not fd.startswith("socket:")]
        # The log there is a file; what remains of the terminal is a sanitizer's.
        assert [fd for fd in others if fd != s.f.dir + "/output"] == [s.f.dir + "/scan/" + "/".join(others[-1].split("/")[-3:])]
        # The queue, and the way to the parent.
        assert len([fd for fd in fds if fd.startswith("socket:")]) == 2
        with open(f"/proc/{pid}/status") as f:
            status = dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)
        assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")
        assert status["Uid"].split() == [str(s.owner(s.f)[0])] * 4


if not filterd_proc.is_sanitized():     # a leak detector traces
    def test_nobody_of_the_user_looks_in(scanning):
        """What cannot be dumped the kernel shows as root's."""
        if os.geteuid() != 0:
            cannot("a process that is confined shows nothing to others")
        s = scanning(listeners={"milter": "milter:unix, milter_engine = libmilter"})
        s.wait_scanners()
        for name in ("worker", "milter", "keeper", "engine", "scanner"):
            assert s.pids(name) != []
            assert [os.stat(f"/proc/{pid}/mem").st_uid for pid in s.pids(name)] == [0] * len(s.pids(name)), name


# --- one scan goes wrong ---

SHORT = {"scanner_time_limit": "2s"}
FAULTS = [
    # word, why the check could not be made, what the log has of the scanner; settings
    ("failed", "half of it", None, {}),
    ("crash", r"scanner \d+ died", "died of signal 6", {}),
    ("hang", r"scanner \d+ (died|did not answer in time)", "was over its time: killed", SHORT),
    ("burn", r"scanner \d+ (died|did not answer in time)", "was over its time: killed|died of signal 24", SHORT),
    ("stop", r"scanner \d+ died", "was stopped: killed", {}),
    ("fill", r"scanner \d+ died", "has filled its folder beyond scanner_file_limit: killed", {"scanner_file_limit": "300k"}),
    ("much", "more was found than an answer can hold", None, {}),
    ("garbage", r"scanner \d+ said what is no answer", "was over its time: killed", SHORT),
    ("socket", r"scanner \d+ died", "died of signal 31", {}),
    ("fork", r"scanner \d+ died", "died of signal 31", {}),
    ("exec", r"scanner \d+ died", "died of signal 31", {}),
    ("trace", r"scanner \d+ died", "died of signal 31", {}),
    ("kill", r"scanner \d+ died", "died of signal 31", {}),
]
if not filterd_proc.is_sanitized():     # the sanitizers' runtimes want all the memory there is
    FAULTS += [
        ("memory", r"scanner \d+ died", "died of signal 6", {"scanner_memory_limit": "32m"}),
        ("memory_told", "out of memory", None, {"scanner_memory_limit": "32m"}),
    ]


def goes_wrong(s, word, why, scanner):
    assert s.send("engine", word) == DEFERRED
    assert re.fullmatch(why, s.failure()), s.failure()
    (final,) = s.f.wait_finals(1)
    assert re.match("faulty=failed:", final["facts"]), final["facts"]
    if scanner is not None:
        s.f.wait_log(lambda e: re.search(rf"^scanner \d+ ({scanner})", e.get("text", "")), 60)
    # Nobody else notices, and the dead are replaced.
    assert s.send("engine") == "one"
    s.wait_scanners()
    assert s.send("engine") == "one"


@pytest.mark.parametrize("word, why, scanner, settings", FAULTS, ids=[f[0] for f in FAULTS])
def test_goes_wrong(scanning, word, why, scanner, settings):
    goes_wrong(scanning(**settings).expect_faults(), word, why, scanner)


@pytest.mark.parametrize("word, what", [("seize_burn", "computes"), ("seize_file", "has files")])
def test_does_something_without_a_message(scanning, word, what):
    """Its page says that it waits."""
    s = scanning(scanner_processes="1").expect_faults()
    s.wait_scanners(1)
    assert s.send(word) == "seize done"
    (seized,) = s.pids("scanner")
    s.wait(lambda: s.status()["messages"] == 1, "not done with it")
    s.wait(lambda: os.system(f"kill -TERM {seized} 2>/dev/null") != 0 or "though it has no message" in s.f.raw_log(), "not killed")
    s.f.wait_log(lambda e: f"scanner {seized} {what} though it has no message: killed" in e.get("text", ""))
    assert s.send("engine") == "one"


def test_age(scanning):
    """One that is scanner_max_age old ends after the message in hand, and is replaced: no message is lost to that."""
    s = scanning(scanner_processes="1", scanner_max_age="1s")
    s.wait_scanners(1)
    seen = set()

    def five_have_served():
        assert s.send("engine") == "one"
        seen.update(s.pids("scanner"))
        return len(seen) >= 5
    s.wait(five_have_served, "not replaced")
    assert (s.status()["died"], s.status()["killed"], s.status()["engines"]) == (0, 0, 1)


def test_age_of_one_that_does_not_end(scanning):
    s = scanning(scanner_processes="1", scanner_max_age="3s", scanner_time_limit="2s").expect_faults()
    s.wait_scanners(1)

    def killed():
        s.send("seize_sleep")
        return re.search(r"scanner \d+ does not end: killed", s.f.raw_log())
    s.wait(killed, "not killed")
    s.wait(lambda: s.send("engine") == "one", "not replaced")


def test_forbidden(scanning):
    s = scanning(scanner_file_limit="1m")
    assert s.send("message") == "change Operation not permitted"
    assert s.send("big_file") == "file File too large"
    assert s.send("queue") == "one way"
    s.wait_scanners()
    if s.status()["landlock"] == "yes":
        assert s.send("outside") == "read Permission denied, write Permission denied"


def test_folder_is_emptied(scanning):
    s = scanning(scanner_processes="1")
    for _ in range(3):
        assert s.send("look", "leave") == "empty, left done, chmod Operation not permitted"
    assert s.send("look") == "empty"
    assert s.status()["died"] == 0


def test_others_go_on(scanning):
    """While one scanner hangs, the other serves."""
    s = scanning(scanner_time_limit="3s").expect_faults()
    reply = []
    hangs = threading.Thread(target=lambda: reply.append(s.send("hang")))
    hangs.start()
    s.f.wait_log(lambda e: "another one tries" in e.get("text", ""), 60)
    for _ in range(20):
        assert s.send("engine") == "one"
    assert reply == []
    hangs.join()
    assert reply == [DEFERRED]


def test_time_of_the_stage(scanning):
    """What the stage has no time for has failed; the scanner is not left hanging."""
    s = scanning(message_time_limit="3s", stage_time_limit="3s").expect_faults()
    assert s.send("hang") == DEFERRED
    assert "in time" in s.failure() or "died" in s.failure()
    s.wait(lambda: s.status()["killed"] >= 1, "not killed")
    assert s.send("engine") == "one"


# --- the folder ---

def test_no_folder_at_the_start(scanning):
    s = scanning(scanner_directory="{dir}/none").expect_faults()
    s.f.expect("^scanners: scanner_directory .*/none: No such file")
    assert s.send("engine") == DEFERRED
    assert "none: No such file or directory" in s.failure()
    assert "none at work: scanner_directory" in s.f.ctl("status")
    os.mkdir(s.f.dir + "/none")
    os.chown(s.f.dir + "/none", *s.owner(s.f))
    s.wait(lambda: s.send("engine") == "one", "still no scanners")


def test_folder_of_somebody_else_at_the_start(scanning):
    if os.geteuid() != 0:
        cannot("everything is ours")
    s = scanning(scanner_directory="{dir}").expect_faults()
    s.f.expect("^scanners: scanner_directory .*: Permission denied")
    assert s.send("engine") == DEFERRED
    assert "Permission denied" in s.failure()
    os.chown(s.f.dir, *s.owner(s.f))
    s.wait(lambda: s.send("engine") == "one", "still no scanners")


def all_folders(s):
    """The keeper's, the generations', the scanners'."""
    return [[os.path.join(d, x) for x in subs] for d, subs, _ in os.walk(s.f.dir + "/scan") if subs]


def test_folder_goes_while_running(scanning):
    s = scanning().expect_faults()
    s.f.expect("folder .* (is gone|No such file)|scanners' engine process")
    s.wait_scanners()
    os.system(f"rm -rf {s.f.dir}/scan/*")
    replies = [s.send("engine") for _ in range(2)]
    assert DEFERRED in replies and any("is gone" in why for why in s.failures())
    s.wait(lambda: s.send("engine") == "one", "no new folder")
    s.wait_scanners()
    assert all(s.send("engine") == "one" for _ in range(5))


def test_folder_changes_hands_while_running(scanning):
    s = scanning(scanner_processes="1").expect_faults()
    s.f.expect(r"^scanner \d+: folder ")
    s.wait_scanners(1)
    os.chmod(all_folders(s)[2][0], 0o777)
    assert s.send("engine") == DEFERRED
    assert "and of nobody else" in s.failure()
    s.wait(lambda: s.send("engine") == "one", "no new folder")


def test_folder_full(scanning):
    def mounted(f):
        return os.system(f"mount -t tmpfs -o size=4m,mode=0777 tmpfs {f.dir}/scan 2>/dev/null") == 0

    s = scanning().expect_faults()
    if os.geteuid() != 0 or not mounted(s.f):
        cannot("no file system can be mounted")
    try:
        s.f.reload()
        s.wait(lambda: len(os.listdir(s.f.dir + "/scan")) == 1 and s.status()["engines"] == 2, "the new folder is not used")
        assert s.send("engine") == "one"
        with open(s.f.dir + "/scan/full", "wb") as f:
            f.write(bytes((4 << 20) - 65536))
        assert s.send("engine") == DEFERRED
        assert s.failure() == "no room for temporary files"
        os.unlink(s.f.dir + "/scan/full")
        assert s.send("engine") == "one"
    finally:
        s.f.stop()
        os.system(f"umount {s.f.dir}/scan")


def test_folders_are_removed(scanning):
    s = scanning()
    s.wait_scanners()
    assert len(os.listdir(s.f.dir + "/scan")) == 1
    assert s.f.stop() == 0
    assert os.listdir(s.f.dir + "/scan") == []


def test_left_folder_is_removed(scanning):
    """That of a keeper that was killed, by the next one; that of one that lives is not."""
    s = scanning()
    s.f.expect("^keeper of scanners")
    s.wait_scanners()
    (before,) = os.listdir(s.f.dir + "/scan")
    other = s.f.dir + "/scan/filterd.stays"
    os.mkdir(other)
    os.chown(other, *s.owner(s.f))
    held = os.open(other, os.O_RDONLY)
    fcntl.flock(held, fcntl.LOCK_EX)
    os.kill(s.pids("keeper")[0], signal.SIGKILL)
    s.wait(lambda: len(os.listdir(s.f.dir + "/scan")) == 2 and before not in os.listdir(s.f.dir + "/scan"), "not removed")
    assert os.path.isdir(other)
    os.close(held)
