"""EICAR in all structures of tests/lib/eicar.py: found, or a fact says why not; never clean in silence."""
import os
import sys
import time

import pytest

import clam
import eicar
import filterd_proc
import smtp
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


def start(filterd, hop, files=(), **settings):
    plugin = os.path.join(filterd_proc.build_dir(), "plugins", "clamav.so")
    if not os.path.exists(plugin):
        cannot("the ClamAV plugin is not built")
    with open(plugin, "rb") as opened:          # where others than us may read it
        files = {"plugins/clamav.so": opened.read(), **dict(files)}
    f = filterd(listeners={"lmtp": "lmtp"}, files=files, next_hop=hop.next_hop, plugins="clamav",
                plugin_directory="{dir}/plugins", content_restrictions="reject_virus", scanner_processes="2", **settings)
    f.expect("clamav: reject_virus could not be checked: message is beyond a limit")
    return f


def send(f, case):
    """The reply."""
    with smtp.Client(f.address("lmtp"), lmtp=True, timeout=300) as c:
        c.hello()
        (reply,) = c.transaction(case.name + "@sender.example", ["user@here.example"], case.message)[2]
    return reply


def facts_of(final):
    """The words of eicar.Case.wanted that its facts amount to."""
    facts = final["facts"].split()
    assert "clamav=clean" not in facts or len([f for f in facts if f.startswith(("clamav=", "virus="))]) == 1
    words = {"virus=" + eicar.NAME: "found", "clamav=encrypted": "encrypted", "clamav=limit": "limit",
             "mime=limit": "limit"}
    return {word for fact in facts for start, word in words.items() if fact.startswith(start)}


def extra_parts(f):
    (count,) = [x.split()[1] for x in f.ctl("status").splitlines() if x.split()[:1] == ["clamav_extra_parts"]]
    return int(count)


def wait_loaded(f):
    """Until a scan does not fail."""
    harmless = eicar.Case("harmless", b"Subject: x\r\n\r\nnothing\r\n")
    end = time.monotonic() + 60
    f.expect("clamav: reject_virus could not be checked")
    while send(f, harmless).code != 250:
        assert time.monotonic() < end, f.raw_log()
        time.sleep(0.1)


CODES = {"found": [554], "limit": [451, 550], "encrypted": [250]}


def run(f, hop, cases):
    wrong = []
    replies = {c.name: send(f, c) for c in cases}
    finals = {c.name: f.wait_finals(1, 60, sender=c.name + "@sender.example")[0] for c in cases}
    for c in cases:
        words = facts_of(finals[c.name])
        codes = next((CODES[w] for w in ("found", "limit", "encrypted") if w in words), [])
        if not words & c.wanted or replies[c.name].code not in codes:
            wrong.append(f"{c.name}: {replies[c.name]}, {finals[c.name]['facts']}, wanted {set(c.wanted)}")
    assert not wrong, "\n".join(wrong)
    passed = [c.name for c in cases if c.wanted == eicar.ENCRYPTED]
    assert [m.sender.split("@")[0] for m in hop.messages if not m.sender.startswith("harmless@")] == passed


def test_libclamav(filterd, hop, cases):
    f = start(filterd, hop, files={"db/eicar.ndb": eicar.signatures()}, clamav_database="{dir}/db")
    wait_loaded(f)
    run(f, hop, cases)
    assert extra_parts(f) >= sum(c.in_part for c in cases)


def test_beyond_libclamav(filterd, hop, database, tmp_path):
    """What libclamav passes over is not clean."""
    import eicar_email
    import eicar_files

    rows = [eicar.Case(name, eicar_email.with_attachment(octets, "application/zip", "files.zip"), eicar.LIMIT)
            for name, octets in eicar_files.beyond_libclamav()]
    for c in rows:
        with open(tmp_path / c.name, "wb") as opened:
            opened.write(RECEIVED + c.message)
    assert set(clam.clamscan(database, str(tmp_path)).values()) == {None}
    f = start(filterd, hop, files={"db/eicar.ndb": eicar.signatures()}, clamav_database="{dir}/db")
    wait_loaded(f)
    for turn in range(2):       # and is not remembered as clean
        replies = {c.name: send(f, c) for c in rows}
        assert {r.code for r in replies.values()} == {451}, replies
        facts = {c.name: f.wait_finals(turn + 1, 60, sender=c.name + "@sender.example")[-1]["facts"] for c in rows}
        assert set(facts.values()) == {"client=untold clamav=limit:UnsupportedArchive"}, facts


def test_ordinary(filterd, hop, tmp_path):
    """libclamav sees all that there is in messages as they come: nothing is scanned twice."""
    sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "bench"))
    import corpus

    corpus.write_corpus(str(tmp_path / "corpus"))
    f = start(filterd, hop, files={"db/eicar.ndb": eicar.signatures()}, clamav_database="{dir}/db")
    wait_loaded(f)
    names = sorted(os.listdir(tmp_path / "corpus"))
    for name in names:
        message = (tmp_path / "corpus" / name).read_bytes().replace(b"\n", b"\r\n")
        assert send(f, eicar.Case(name, message)).code == 250
        (final,) = f.wait_finals(1, 60, sender=name + "@sender.example")
        assert final["facts"] == "client=untold clamav=clean", name
    assert extra_parts(f) == 0


def test_clamd_engine(filterd, hop, cases, database):
    with clam.Clamd(database) as c:
        f = start(filterd, hop, clamav_engine="clamd", clamd_socket="unix:" + c.unix)
        run(f, hop, cases)
        assert extra_parts(f) >= sum(c.in_part for c in cases)


def test_not_in_the_sources():
    """No file of ours is taken for infected."""
    top = os.environ.get("FILTERD_SOURCE_DIR") or os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
    for folder in ("tests/lib", "tests/daemon", "tests/bench", "tests/unit", "contrib", "contrib/samples", "plugins"):
        for name in os.listdir(os.path.join(top, folder)):
            path = os.path.join(top, folder, name)
            if os.path.isfile(path):
                with open(path, "rb") as f:
                    assert eicar.EICAR not in f.read(), path
