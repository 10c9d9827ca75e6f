"""A whole filterd whose hold store fails, or whose worker stops, at each file system call in turn: 250 only
for what is on disk and whole (PITFALLS B12).  tests/unit/test_hold_order.c asks the same of hold_put()."""
import base64
import glob
import json
import os

import filterd_proc
import pytest
import smtp
from conftest import cannot

MESSAGE = b"Subject: hold me\r\n\r\n" + b"a line of the body\r\n.x\r\n" * 9000
RCPTS = ["b@example.com", "c@example.com"]


class World:
    def __init__(self, filterd, hop):
        library = os.path.join(filterd_proc.build_dir(), "tests/lib/failfs_preload.so")
        if not os.path.exists(library):
            cannot(f"{library} is not built")
        f = self.f = filterd(
            {"lmtp": "lmtp", "smtp": "smtp, verify_recipients_at_next_hop = no"},
            files={"hc": "/^Subject: hold me/ HOLD by rule\n"}, next_hop=hop.next_hop,
            header_checks="regexp:{dir}/hc", hold_min_free="0", prepare=lambda f: f.env.update(
                LD_PRELOAD=library, FAILFS_DIR=f.dir + "/hold", FAILFS_ORDER=f.dir + "/order",
                FAILFS_TRACE=f.dir + "/run/trace",
                ASAN_OPTIONS=os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"))
        f.expect("hold|disk|No space|ended with status 77")

    def send(self, door, what="watch", n=0):
        """The code of the final reply or replies; None: the connection was lost."""
        self.f.file("order", f"{what} {n}\n")
        try:
            replies = smtp.send(self.f.address(door), "a@example.com", RCPTS, MESSAGE,
                                lmtp=door == "lmtp")[2]
        except smtp.Closed:
            return None
        codes = {r.code for r in replies}
        assert len(codes) == 1, replies
        return codes.pop()

    def trace(self):
        with open(self.f.dir + "/run/trace") as t:
            return [line.rstrip("\n").split(" ", 2) for line in t]

    def files(self):
        return glob.glob(self.f.dir + "/hold/??/*")

    def held(self):
        """How many messages are held; each must be whole.  Afterwards there are none."""
        entries = [json.loads(x) for x in self.f.ctl("hold", "list", "--json").splitlines()]
        for e in entries:
            shown = json.loads(self.f.ctl("hold", "show", e["id"], "--json"))
            assert base64.b64decode(shown["message_base64"]) == MESSAGE
            assert [r["path"] for r in e["recipients"]] == RCPTS
            self.f.ctl("hold", "delete", e["id"])
        return len(entries)

    def count(self):
        assert self.send("lmtp") == 250
        assert self.held() == 1
        return len(self.trace()) - 1


@pytest.fixture
def world(filterd, hop):
    return World(filterd, hop)


@pytest.mark.parametrize("door", ["smtp", "lmtp"])
def test_order(world, door):
    """The file's own calls, then its folder's, then the index and nothing else, then 250."""
    assert world.send(door) == 250
    calls = world.trace()
    assert calls.pop() == ["reply", "250"]
    kinds = [c[0] for c in calls]
    writes = kinds.index("fsync")
    assert kinds[0] == "open" and kinds[1:writes] == ["write"] * (writes - 1) and writes > 2
    assert all(c[2].endswith(".tmp") for c in calls[:writes + 1])
    rename, folder, sync = calls[writes + 1:writes + 4]
    assert rename[0] == "rename" and rename[2].endswith(".msg")
    assert folder[0] == "open" and folder[2] == rename[2][:2]
    assert sync[0] == "fsync" and sync[2] == f"{world.f.dir}/hold/{folder[2]}"
    assert all("index.sqlite" in c[2] for c in calls[writes + 4:])
    assert world.held() == 1


@pytest.mark.parametrize("what, door", [("fail", "smtp"), ("fail", "lmtp"), ("short", "smtp")])
def test_each_call_fails(world, what, door):
    worker = world.f.workers()
    took = {}
    for n in range(1, world.count() + 1):
        took[n] = world.send(door, what, n)
        assert took[n] in (250, 451, 452), n
        assert world.held() == (took[n] == 250), n
        assert world.files() == [], n
        assert world.send(door) == 250 and world.held() == 1, n
    # The file's calls count, those of the index do not.
    assert sum(1 for code in took.values() if code != 250) >= (6 if what == "fail" else 2)
    assert took[max(took)] == 250
    assert world.f.workers() == worker


@pytest.mark.parametrize("what", ["before", "after"])
def test_stop_at_each_call(world, what):
    there = []
    for n in range(1, world.count() + 1):
        assert world.send("lmtp", what, n) is None, n
        world.f.file("order", "watch 0\n")
        world.f.stop()
        world.f.start()
        there.append(world.held())
        for name in world.files():          # goes when it is old: its writer might live
            assert name.endswith(".tmp")
            os.unlink(name)
    # From some call on it is there whole, before that not at all.
    assert there == sorted(there) and set(there) == {0, 1}
