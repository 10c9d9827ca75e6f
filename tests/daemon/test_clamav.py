"""Virus scanning with libclamav through a whole filterd: verdicts, facts, databases that change."""
import contextlib
import hashlib
import io
import json
import os
import re
import subprocess
import tempfile
import threading
import zipfile

import pytest

import ordinary
import virus
from conftest import cannot
from virus import A, B, C, DEFERRED, EICAR, NAME, OK, REFUSED, message

SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
SOAK = float(os.environ.get("FILTERD_SOAK", "1"))


@pytest.fixture
def scanning(filterd, hop):
    if virus.missing():
        cannot(virus.missing())
    return lambda **settings: virus.Scanning(filterd, hop, **settings)


def held(f):
    return sorted((tuple(r["path"] for r in h["recipients"]), h["reason"])
                  for h in map(json.loads, f.ctl("hold", "list", "--json").splitlines()))


def counter(f, name):
    found = re.search(rf"^ *{name} +(\d+)", f.ctl("status"), re.M)
    return int(found.group(1)) if found else 0


def zipped(octets, depth=1):
    for _ in range(depth):
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as z:
            z.writestr("inner", octets)
        octets = out.getvalue()
    return octets


# --- verdicts ---

def test_found_and_clean(scanning, hop):
    s = scanning()
    assert s.send(message(EICAR)) == REFUSED
    assert s.send(message(b"nothing to be found here")) == OK
    bad, good = s.f.wait_finals(2)
    assert bad["facts"] == f"virus={NAME}" and good["facts"] == "clamav=clean"
    assert [m.recipients for m in hop.wait(1)] == [[A]]
    assert counter(s.f, "clamav_found") == 1 and counter(s.f, "clamav_scanned") == 2
    assert counter(s.f, "clamav_extra_parts") == 0


def test_each_recipient_by_itself(scanning, hop):
    """Refused for one, held for another, and for the third nobody looks; out of one scan."""
    s = scanning(files={"per_user": f"{A} hater\n{B} lover\n"}, smtpd_restriction_classes="hater, lover",
                 hater="reject_virus", lover="hold_virus",
                 content_restrictions="check_recipient_access texthash:{dir}/per_user")
    assert s.send(message(EICAR), A, B, C) == [REFUSED, OK, OK]
    assert held(s.f) == [((B,), f"hold: virus {NAME}")]
    assert [m.recipients for m in hop.wait(1)] == [[C]]
    assert counter(s.f, "clamav_scanned") == 1


def test_table(scanning):
    s = scanning(files={"names": "Test.Other.UNOFFICIAL REJECT other\nUNOFFICIAL HOLD unofficial\nHeuristics.Encrypted REJECT locked\n"},
                 databases={"test.ndb": virus.EICAR_DATABASE + virus.signature("Test.Other", b"the other one")},
                 content_restrictions="check_virus texthash:{dir}/names")
    assert s.send(message(b"the other one")) == "554 5.7.1 other"
    assert s.send(message(EICAR)) == OK
    assert [h[1] for h in held(s.f)] == ["hold: unofficial"]


def test_limit(scanning):
    """What is beyond a limit has not been checked, unless the site says otherwise."""
    s = scanning(clamav_max_recursion="4")
    s.f.expect("beyond a limit of the virus scan: MaxRecursion")
    assert s.send(message(zipped(b"words", 6))) == DEFERRED
    (final,) = s.f.wait_finals(1)
    assert final["facts"] == "clamav=limit:MaxRecursion"
    assert counter(s.f, "clamav_limits") == 1


def test_limit_that_is_held(scanning):
    s = scanning(clamav_max_recursion="4", content_restrictions="{ reject_virus, on_failure = hold }")
    s.f.expect("beyond a limit of the virus scan: MaxRecursion")
    assert s.send(message(zipped(b"words", 6))) == OK
    assert [h[0] for h in held(s.f)] == [(A,)]


def test_whole_message(scanning, hop):
    """In smtpd_end_of_data_restrictions nobody gets it."""
    s = scanning(content_restrictions="", smtpd_end_of_data_restrictions="reject_virus")
    assert s.send(message(EICAR), A, B) == [REFUSED, REFUSED]
    assert s.send(message(b"nothing to be found here"), A, B) == [OK, OK]
    assert [m.recipients for m in hop.wait(1)] == [[A, B]]
    assert counter(s.f, "clamav_scanned") == 2


def test_status(scanning):
    s = scanning()
    s.wait_ready()
    assert re.search(r"signatures=1 version=\d+ .*libclamav=", s.f.ctl("status"))


# --- parts ---

# Parts without header fields, signatures and reports are none of libclamav's objects, nor are texts
# that have a uuencoded file in them.
BY_THEMSELVES = {"preamble": 1, "never closed": 1, "signed": 1, "bounce": 2, "bounce with headers": 1, "uuencoded": 1}


def test_ordinary_messages(scanning):
    """libclamav comes to every part of what mail programs write; what it does not come to is scanned by itself."""
    s = scanning()
    extra, before = {}, 0
    for name, octets in ordinary.ordinary().items():
        assert s.send(octets) == OK, name
        n = counter(s.f, "clamav_extra_parts")
        if n != before:
            extra[name], before = n - before, n
    assert extra == BY_THEMSELVES
    assert {e["facts"] for e in s.f.finals()} == {"clamav=clean"}


# --- the manual page ---

def source(name):
    with open(f"{SOURCE}/plugins/{name}") as f:
        return f.read()


def test_manual_has_every_parameter():
    page = re.sub(r"^\.(Li|Pa|Cm) ", "", source("filterd_clamav.5"), flags=re.M)
    rows = re.findall(r'^P\(\w+, "(\w+)", FILTERD_\w+, "([^"]*)"', source("clamav_params.def"), re.M)
    assert len(rows) > 50
    missing = [name for name, default in rows
               if not re.search(rf"^\.It Sy {name} No =( (Cm|Pa) {re.escape(default)})?$", page, re.M)
               or (default and f".It Sy {name} No = Cm {default}\n" not in page
                   and f".It Sy {name} No = Pa {default}\n" not in page)]
    assert not missing
    assert not [name for name in re.findall(r"^\.It Sy (\w+) No", page, re.M)
                if name not in dict(rows) and name != "clamav_on_failure"]


def test_manual_names_what_there_is():
    """Restrictions of the plugin, and the time limit of filterd that holds for a scan."""
    page = source("filterd_clamav.5")
    ours = set(re.findall(r'\.name = "(\w+_virus)"', source("clamav.c")))
    in_example = {"check_recipient_access"}
    assert set(re.findall(r"\b(?:check|hold|reject)_\w+", page)) == ours | in_example
    (entry,) = re.findall(r"^\.It Sy clamav_max_scan_time .*\n((?:(?!\.It).*\n)*)", page, re.M)
    (text,) = re.findall(r'"clamav_max_scan_time",[^\n]*\n +"([^"]*)"', source("clamav_params.def"))
    limit = re.compile(r"\b\w+_time_limit")
    assert set(limit.findall(entry)) == {*limit.findall(text), "scanner_time_limit"}


def test_manual_examples(scanning):
    """The page's example with users of different wishes."""
    blocks = re.findall(r"^\.Bd -literal.*?\n(.*?)^\.Ed", source("filterd_clamav.5"), re.M | re.S)
    files = {m.group(1): b for b in blocks if (m := re.match(r"# /etc/filterd/(\w+)\n", b))}
    (example,) = [b for b in blocks if "smtpd_restriction_classes" in b]
    settings = dict(re.findall(r"^(\w+) =((?:.|\n )*)", example.replace("/etc/filterd/", "{dir}/"), re.M))
    assert set(files) == {"viruses", "per_user"} and len(settings) == 5
    settings = {k: v.replace("\n", "\n    ") for k, v in settings.items() if k != "plugins"}
    s = scanning(files=files, **settings)
    assert s.send(message(EICAR), "anna@example.com", "bert@example.com", A) == [OK, OK, REFUSED]
    assert held(s.f) == [(("anna@example.com",), f"hold: virus {NAME}"),
                         (("bert@example.com",), "hold: found by an unofficial signature")]


# --- databases ---

def test_replaced_while_it_runs(scanning):
    s = scanning()
    assert s.send(message(b"the next one")) == OK
    s.database("test.ndb", virus.signature("Test.Next", b"the next one"))
    s.wait(lambda: s.send(message(b"the next one")) == REFUSED.replace("Eicar", "Next"), "not in force")
    # For a moment scanners with the old one may still take a message.
    s.wait(lambda: s.send(message(EICAR)) == OK, "the old one is still in force")
    assert {e["verdict"] for e in s.f.finals()} == {"pass", "reject"}


def test_bad_load_keeps_the_old(scanning):
    s = scanning()
    s.f.expect("Malformed database|malformed|Problem parsing")
    s.database("broken.ndb", "Test.Broken:0:*:5")
    s.wait(lambda: re.search("Malformed database", s.f.raw_log()), "nobody said so")
    assert s.send(message(EICAR)) == REFUSED
    assert s.send(message(b"nothing to be found here")) == OK


def test_canary_must_be_found(scanning):
    s = scanning()
    s.f.expect("the canary was not found")
    s.database("local.ign2", "Filterd.Canary\n")
    s.wait(lambda: "the canary was not found" in s.f.raw_log(), "nobody said so")
    assert s.send(message(EICAR)) == REFUSED


def test_no_database_at_the_start(scanning):
    """It starts, nothing is clean, and it scans when there is one."""
    s = scanning(databases={})
    s.f.expect("there is no database|could not be checked")
    assert s.send(message(b"nothing to be found here")) == DEFERRED
    (final,) = s.f.wait_finals(1)
    assert final["facts"] == "clamav=error"
    s.database("test.ndb", virus.EICAR_DATABASE)
    s.wait_ready()
    # A scanner of the beginning may have this one in hand.
    s.wait(lambda: s.send(message(b"nothing to be found here")) == OK, "it does not scan")


# --- the temporary folder ---

@pytest.fixture
def small():
    """A folder that is a file system of one megabyte."""
    if os.geteuid() != 0:
        cannot("only root can mount a small file system")
    with tempfile.TemporaryDirectory(prefix="filterd-small.") as directory:
        os.chmod(directory, 0o755)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m,mode=0777", "none", directory], check=True)
        try:
            yield directory
        finally:
            subprocess.run(["umount", "-l", directory], check=True)


def test_folder_full(small, scanning):
    """Where libclamav would say clean, the message waits, and that alone; and it is over when there is room again."""
    s = scanning(scanner_directory=small)
    s.wait_ready()
    s.f.expect("could not be checked|scanner")
    with open(small + "/filler", "wb") as f, contextlib.suppress(OSError):
        f.write(bytes(2 << 20))
    assert s.send(message(b"nothing to be found here")) == DEFERRED
    assert s.f.finals()[-1]["facts"] == "clamav=error"
    os.unlink(small + "/filler")
    s.wait(lambda: s.send(message(b"nothing to be found here")) == OK, "no message goes through any more")
    assert s.send(message(EICAR)) == REFUSED
    # A message that fills it by itself.
    assert s.send(message(os.urandom(3 << 20))) == DEFERRED
    assert s.f.finals()[-1]["facts"] == "clamav=error"
    s.wait(lambda: s.send(message(b"nothing to be found here")) == OK, "no message goes through any more")


# --- what Debian's package has to test with, in the sandbox ---

TESTFILES = "/usr/share/clamav-testfiles"


def content_of(name):
    with open(f"{TESTFILES}/{name}", "rb") as f:
        return f.read()


def test_testfiles(scanning):
    """Every kind of archive, program and document that libclamav's makers test with."""
    if not os.path.isdir(TESTFILES):
        cannot("clamav-testfiles is not installed")
    program = content_of("clam.exe")
    signature = f"{hashlib.md5(program).hexdigest()}:{len(program)}:Clam.Exe\n"
    # One of them is as deep as is allowed before it is put into a message.
    s = scanning(databases={"clam.hdb": signature}, clamav_max_recursion="30", clamav_max_scan_time="60s", scanner_time_limit="90s",
                 stage_time_limit="100s", message_time_limit="120s")
    names = sorted(os.listdir(TESTFILES))
    assert len(names) > 40
    missed = [(n, r) for n in names for r in [s.send(message((n, content_of(n))))]
              if r != REFUSED.replace("Test.Eicar", "Clam.Exe")]
    assert not missed
    assert counter(s.f, "clamav_failed") == 0


# --- a thousand reloads ---

def database(i):
    """A thousand signatures, one of which is for what only every second database knows."""
    return virus.EICAR_DATABASE + virus.signature("Test.Turn", turn(i)) + "".join(
        virus.signature(f"Test.Filler{n}", f"filler {n} of {i % 2}".encode()) for n in range(998))


def turn(i):
    return b"the turn of " + (b"the even ones", b"the odd ones")[i % 2]


def memory(pids):
    """Kilobytes that these have for themselves."""
    total = 0
    for pid in pids:
        try:
            with open(f"/proc/{pid}/smaps_rollup") as f:
                total += sum(int(line.split()[1]) for line in f if line.startswith("Private_"))
        except OSError:
            pass
    return total


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


class Load(threading.Thread):
    """Messages one after the other; what is answered otherwise than it must be is kept."""

    def __init__(self, s):
        super().__init__(daemon=True)
        self.s, self.over, self.sent, self.wrong = s, threading.Event(), 0, []

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.join()

    def run(self):
        while not self.over.is_set():
            for attachment, wanted in ((EICAR, REFUSED), (b"nothing to be found here", OK)):
                try:
                    reply = self.s.send(message(attachment))
                except Exception as e:  # noqa: BLE001: whatever it is, the test is to hear of it
                    reply = repr(e)
                self.sent += 1
                if reply != wanted:
                    self.wrong.append((reply, wanted))


@pytest.mark.long
def test_reloads(scanning):
    """A database that alternates, under load: each is seen to be in force, no message goes unscanned, nothing grows."""
    rounds = max(4, int(1000 * SOAK))
    s = scanning(databases={"turn.ndb": database(0)})
    s.wait_ready()
    start = None
    with Load(s) as load:
        for i in range(1, rounds + 1):
            s.database("turn.ndb", database(i))
            # The scanners of before end with the message they have in hand, which may be one of these.
            s.wait(lambda: s.send(message(turn(i))) == REFUSED.replace("Eicar", "Turn")
                   and s.send(message(turn(i + 1))) == OK, f"database {i} is not in force")
            assert not load.wrong
            if i == max(2, rounds // 10):
                (keeper,) = s.pids("keeper")
                start = memory(s.pids("keeper") + s.pids("engine")), descriptors(keeper)
    assert not load.wrong and load.sent > rounds
    s.wait(lambda: len(s.pids("engine")) == 1 and len(s.pids("scanner")) == 2, "an old engine is left")
    assert s.pids("keeper") == [keeper]
    assert memory(s.pids("keeper") + s.pids("engine")) < 1.3 * start[0] + 4000
    assert descriptors(keeper) <= start[1] + 2
    assert counter(s.f, "clamav_failed") == 0
