"""Virus scanning with a real clamd: over its socket and port, what it finds, its limits, and when it goes and comes."""
import contextlib
import io
import os
import signal
import zipfile

import pytest

import clam
import virus
from conftest import cannot
from virus import DEFERRED, EICAR, NAME, OK, REFUSED, message

WORDS = b"nothing to be found here"


@contextlib.contextmanager
def clamd(folder, **options):
    for why in (clam.missing("clamd"), virus.missing()):
        if why:
            cannot(why)
    with open(folder / "test.ndb", "w") as f:
        f.write(virus.EICAR_DATABASE)
    with clam.Clamd(str(folder), **options) as c:
        yield c


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with clamd(tmp_path_factory.mktemp("db"), StreamMaxLength="1M", MaxRecursion="4") as c:
        yield c


@pytest.fixture
def scanning(filterd, hop):
    def start(sockets, **settings):
        return virus.Scanning(filterd, hop, clamav_engine="clamd", clamd_socket=sockets, **settings)
    return start


def zipped(octets, depth):
    for _ in range(depth):
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as z:
            z.writestr("inner.zip", octets)
        octets = out.getvalue()
    return octets


@pytest.mark.parametrize("way", ["descriptor", "stream", "port"])
def test_found_and_clean(scanning, server, way):
    s = scanning(f"127.0.0.1:{server.tcp[1]}" if way == "port" else f"unix:{server.unix}",
                 clamd_pass_descriptors="yes" if way == "descriptor" else "no")
    assert s.send(message(EICAR)) == REFUSED
    assert s.send(message(WORDS)) == OK
    assert s.send(message(EICAR, text="Some words.\r\n" * 20000)) == REFUSED
    assert [e["facts"] for e in s.f.wait_finals(3)] == [f"virus={NAME}", "clamav=clean", f"virus={NAME}"]
    assert s.pids("scanner") == []


def test_limits(scanning, server):
    """What clamd tells of its limits, and a message that is longer than it takes."""
    s = scanning(f"127.0.0.1:{server.tcp[1]}")
    s.f.expect("beyond a limit of the virus scan: (MaxRecursion|StreamMaxLength)")
    assert s.send(message(zipped(b"words", 6))) == DEFERRED
    assert s.send(message(os.urandom(3 << 20))) == DEFERRED
    assert [e["facts"] for e in s.f.wait_finals(2)] == ["clamav=limit:MaxRecursion", "clamav=limit:StreamMaxLength"]
    assert s.send(message(WORDS)) == OK


def test_down_and_another(scanning, server):
    s = scanning(f"unix:{server.dir}/nowhere unix:{server.unix}")
    assert s.send(message(EICAR)) == REFUSED
    assert s.send(message(WORDS)) == OK


def test_goes_and_comes(scanning, tmp_path):
    with clamd(tmp_path) as server:
        s = scanning(f"unix:{server.unix}", clamd_retry_time="1s")
        s.f.expect("could not be checked")
        assert s.send(message(WORDS)) == OK
        server.kill(signal.SIGKILL)
        server.process.wait(20)
        assert s.send(message(WORDS)) == DEFERRED
        assert s.send(message(EICAR)) == DEFERRED
        server.start()
        s.wait(lambda: s.send(message(EICAR)) == REFUSED, "it does not come back")
        assert s.send(message(WORDS)) == OK


def test_stopped(scanning, tmp_path):
    """A clamd that hangs: the message's check fails in time, and those after it do not wait."""
    with clamd(tmp_path) as server:
        s = scanning(f"unix:{server.unix}", clamd_timeout="1s", clamd_retry_time="1h")
        s.f.expect("could not be checked")
        os.kill(server.process.pid, signal.SIGSTOP)
        assert [s.send(message(WORDS)) for _ in range(3)] == [DEFERRED] * 3
        facts = [e["facts"] for e in s.f.wait_finals(3)]
        assert facts == ["clamav=timeout", "clamav=timeout", "clamav=error"]
        assert "every clamd is left alone after a failure" in s.f.raw_log()
        os.kill(server.process.pid, signal.SIGCONT)
