"""Indexed tables in a running filterd: made by filterctl postmap, replaced while it runs, broken,
missing; and filterctl postmap's manners."""

import os
import re
import subprocess
import time

import pytest
import smtp
from conftest import cannot

import filterd_proc
from nexthop import NextHop

SUFFIX = {"hash": "db", "btree": "db", "lmdb": "lmdb", "cdb": "cdb"}
MESSAGE = b"Subject: x\r\n\r\nbody\r\n"
FILTERCTL = filterd_proc.program("filterctl")


@pytest.fixture(params=sorted(SUFFIX))
def kind(request):
    if filterd_proc.missing():
        cannot(filterd_proc.missing())
    known = subprocess.run([FILTERCTL, "types"], capture_output=True, check=True).stdout.decode()
    if not re.search(rf"^{request.param} ", known, re.M):
        cannot("filterd is built without " + request.param)
    return request.param


def postmap(*args):
    p = subprocess.run([FILTERCTL, "postmap", *args], capture_output=True, timeout=60)
    return p.returncode, p.stdout.decode(), p.stderr.decode()


def make(path, text, kind):
    with open(path, "w") as f:
        f.write(text)
    assert postmap(f"{kind}:{path}") == (0, "", "")


def test_replaced_while_it_runs(filterd, hop, kind):
    """The next hop of a FILTER follows the index, without a reload."""
    with NextHop() as first, NextHop() as second:
        f = filterd(files={"hc": "/^Subject: x/ FILTER content:[127.0.0.1]:1\n"},
                    prepare=lambda f: make(f"{f.dir}/map", f"content:[127.0.0.1]:1 {first.next_hop}\n", kind),
                    header_checks="pcre:{dir}/hc", next_hop=hop.next_hop,
                    filter_next_hop_maps=f"{kind}:{{dir}}/map")
        path = f"{f.dir}/map"
        assert smtp.send(f.address("lmtp"), "a@example.com", ["b@example.com"], MESSAGE, lmtp=True)[0].code == 250
        assert first.wait(1)[0].data == MESSAGE
        before = len(f.entries())
        make(path, f"content:[127.0.0.1]:1 {second.next_hop}\nother:x {first.next_hop}\n", kind)
        f.wait_log(lambda e: f"{kind}:{path}: read again, 2 rows" in e["text"],
                   skip=before)
        assert smtp.send(f.address("lmtp"), "a@example.com", ["b@example.com"], MESSAGE, lmtp=True)[0].code == 250
        assert second.wait(1)[0].data == MESSAGE and len(first.messages) == 1
        # A broken one is told once and does not take the place of the good one.
        f.expect("must be a sound|stays in use")
        with open(f"{path}.new", "wb") as out:
            out.write(os.urandom(5000))
        os.rename(f"{path}.new", f"{path}.{SUFFIX[kind]}")
        f.wait_log(lambda e: "the version read before stays in use" in e["text"],
                   skip=before)
        assert smtp.send(f.address("lmtp"), "a@example.com", ["b@example.com"], MESSAGE, lmtp=True)[0].code == 250
        assert second.wait(2)[1].data == MESSAGE
        assert f"{path}.{SUFFIX[kind]}" in f.ctl("status")
    assert hop.messages == []


def check(tmp_path, spec):
    conf = tmp_path / "filterd.cf"
    conf.write_text(f"listeners = {{ lmtp:127.0.0.1:10025, next_hop = smtp:[127.0.0.1]:10026, "
                    f"filter_next_hop_maps = {spec} }}\n")
    p = subprocess.run([FILTERCTL, "-c", str(conf), "check"], capture_output=True, timeout=60)
    return p.returncode, p.stdout.decode()


def test_load(tmp_path, kind):
    path = tmp_path / "map"
    index = f"{path}.{SUFFIX[kind]}"
    path.write_text("a b\n")
    status, said = check(tmp_path, f"{kind}:{path}")
    assert status == 78 and f"open {index}: No such file" in said
    assert f"filterctl postmap {kind}:{path}" in said
    assert postmap(f"{kind}:{path}") == (0, "", "")
    now = time.time()
    os.utime(index, (now - 2000, now - 2000))
    os.utime(path, (now - 1000, now - 1000))
    status, said = check(tmp_path, f"{kind}:{path}")
    assert status == 0 and f"database {index} is older than source file {path}" in said
    os.truncate(index, os.path.getsize(index) // 2)
    status, said = check(tmp_path, f"{kind}:{path}")
    assert status == 78 and f"{index}: must be a sound {kind} file" in said


def test_postmap_manners(tmp_path, kind):
    path = tmp_path / "map"
    path.write_text("a 1\n\nb\nA 2\n")
    status, out, err = postmap(f"{kind}:{path}")
    assert (status, out) == (0, "")
    assert err == (f"filterctl: warning: {path}, line 3: expected \"key white-space value\", found \"b\": "
                   "ignoring this line\n"
                   f"filterctl: warning: {path}, line 4: duplicate key \"a\": the row before it stays\n")
    assert postmap("-w", f"{kind}:{path}")[2].count("\n") == 1
    assert sorted(os.listdir(tmp_path)) == ["map", f"map.{SUFFIX[kind]}"]
    # Two at once; what fails does not keep the others from being made, and leaves the old one.
    other = tmp_path / "other"
    other.write_text("x y\n")
    status, out, err = postmap(f"{kind}:{tmp_path}/missing", f"{kind}:{other}")
    assert status == 73 and f"{tmp_path}/missing" in err
    p = subprocess.run([FILTERCTL, "query", f"{kind}:{other}", "X"], capture_output=True)
    assert p.stdout == b"y\n"


def test_postmap_usage():
    assert postmap()[0] == 64
    assert postmap("-z", "hash:x")[0] == 64
    status, out, err = postmap("texthash:/etc/x")
    assert status == 65 and "not made by postmap" in err
