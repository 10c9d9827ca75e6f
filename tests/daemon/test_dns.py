"""filterctl dns: against a real server, and against one that does everything wrong."""
import subprocess
import time

import pytest

import dns_faults
import filterd_proc
import nsd as nsd_lib
from conftest import cannot

ABSENT = {"NXDOMAIN", "NODATA", "bad name"}
LONG = " ".join('"%s"' % (c * 200) for c in "abcdefghijklmnopqrst")

ZONES = {
    "example.test": f"""@ A 192.0.2.1
@ AAAA 2001:db8::1
@ MX 20 mx2
@ MX 10 mx1
@ TXT "v=spf1 " "-all" ""
@ TXT "say \\"hi\\" \\\\ \\200"
long TXT {LONG}
two 7 A 192.0.2.2
two 7 A 192.0.2.3
www CNAME two
www2 CNAME www
out CNAME host.other.test.
gone CNAME nothing.other.test.
half CNAME two.example.test.
abroad CNAME www.elsewhere.example.
circle CNAME circle2
circle2 CNAME circle
nomail MX 0 .
*.wild A 127.0.0.2
a.b.deep A 192.0.2.4
a\\.b A 192.0.2.5
\\195\\188 A 192.0.2.6
""" + "\n".join(f"c{i} CNAME c{i + 1}" for i in range(30)) + "\nc30 A 192.0.2.9",
    "other.test": "host A 192.0.2.7\n",
    "2.0.192.in-addr.arpa": "1 PTR mail.example.test.\n1 PTR other.example.test.\n",
    "8.b.d.0.1.0.0.2.ip6.arpa": "1" + 23 * ".0" + " PTR six.example.test.\n",
}


@pytest.fixture(scope="module")
def nsd():
    if nsd_lib.missing():
        cannot(nsd_lib.missing())
    n = nsd_lib.Nsd(ZONES)
    try:
        yield n.start()
    finally:
        n.finish()


@pytest.fixture
def faults():
    with dns_faults.Server() as s:
        yield s


def filterctl(*args, timeout=60):
    if filterd_proc.missing():
        cannot(filterd_proc.missing())
    p = subprocess.run([filterd_proc.program("filterctl"), *args], capture_output=True, text=True,
                       timeout=timeout)
    return p.returncode, p.stdout, p.stderr


def ask(server, kind, *names):
    """(status, [(name, ttl, type, data)])"""
    status, out, err = filterctl("dns", "-r", server.address, kind, *names)
    assert err == ""
    return status, [tuple(line.split("\t")) for line in out.splitlines()]


def outcome(server, kind, name):
    """The word of a look-up that found nothing, or "found"; the status goes with it."""
    status, lines = ask(server, kind, name)
    data = lines[-1][3]
    word = data[3:].split(":")[0] if data.startswith("-- ") else "found"
    assert status == (0 if word in ("found", "null MX") else 1 if word in ABSENT else 75)
    return word


# --- a real server ---

@pytest.mark.parametrize("kind, name, answers", [
    ("A", "example.test", ["192.0.2.1"]),
    ("a", "EXAMPLE.test.", ["192.0.2.1"]),
    ("AAAA", "example.test", ["2001:db8::1"]),
    ("MX", "example.test", ["10 mx1.example.test", "20 mx2.example.test"]),
    ("TXT", "example.test", [r'"say \"hi\" \\ \200"', '"v=spf1 " "-all" ""']),
    ("TXT", "long.example.test", [LONG]),       # by TCP
    ("NS", "example.test", ["ns.example.test"]),
    ("SOA", "example.test",
     ["ns.example.test hostmaster.example.test 7 3600 900 604800 60"]),
    ("CNAME", "www2.example.test", ["www.example.test"]),
    ("A", "any.thing.wild.example.test", ["127.0.0.2"]),
    ("A", "a\\.b.example.test", ["192.0.2.5"]),
    ("A", "\u00fc.example.test", ["192.0.2.6"]),        # no IDNA: the octets that were given
    ("PTR", "192.0.2.1", ["mail.example.test", "other.example.test"]),
    ("PTR", "1.2.0.192.in-addr.arpa", ["mail.example.test", "other.example.test"]),
    ("PTR", "2001:db8::1", ["six.example.test"]),
    ("MX", "nomail.example.test", ["-- null MX: the domain takes no mail", "0 ."]),
])
def test_found(nsd, kind, name, answers):
    status, lines = ask(nsd, kind, name)
    assert (status, sorted(x[3] for x in lines)) == (0, answers)
    assert {x[1] for x in lines} == {"300"}
    assert {x[2] for x in lines} == {kind.upper()}


@pytest.mark.parametrize("kind, name, word", [
    ("A", "nothing.example.test", "NXDOMAIN"),
    ("MX", "two.example.test", "NODATA"),
    ("A", "deep.example.test", "NODATA"),               # nothing there, but something below
    ("A", "gone.example.test", "NXDOMAIN"),             # the alias is there, its end is not
    ("MX", "www.example.test", "NODATA"),
    ("A", "elsewhere.example", "REFUSED"),              # not this server's
    ("A", "abroad.example.test", "REFUSED"),
    ("A", "circle.example.test", "alias chain"),
    ("A", "c0.example.test", "alias chain"),
    ("A", "c20.example.test", "found"),
    ("A", "a..example.test", "bad name"),
    ("A", 64 * "a" + ".example.test", "bad name"),
    ("A", 50 * "abcd." + "example.test", "bad name"),
    ("A", "", "bad name"),
])
def test_outcome(nsd, kind, name, word):
    assert outcome(nsd, kind, name) == word


def test_ttl(nsd):
    assert ask(nsd, "A", "two.example.test")[1][0][1] == "7"
    # what there is not: the SOA's minimum
    assert ask(nsd, "A", "nothing.example.test")[1] == [
        ("nothing.example.test", "60", "A", "-- NXDOMAIN: there is no such name")]


@pytest.mark.parametrize("name, end, ttl", [
    ("www.example.test", "two.example.test", "7"),
    ("www2.example.test", "two.example.test", "7"),
    ("out.example.test", "host.other.test", "300"),     # another zone: asked for by itself
])
def test_alias(nsd, name, end, ttl):
    status, lines = ask(nsd, "A", name)
    assert status == 0
    assert lines[0] == (name, ttl, "alias", end)
    assert {x[2] for x in lines[1:]} == {"A"}


def test_many(nsd):
    """All at once, answered in the order they were asked for."""
    status, lines = ask(nsd, "A", "two.example.test", "nothing.example.test", "example.test")
    assert status == 1
    assert [x[0] for x in lines] == ["two.example.test"] * 2 + [
        "nothing.example.test", "example.test"]
    assert ask(nsd, "A", "nothing.example.test", "elsewhere.example")[0] == 75


# --- faults ---

@pytest.mark.parametrize("name, word", [
    ("fine.test", "found"),
    ("servfail.test", "SERVFAIL"),
    ("refused.test", "REFUSED"),
    ("notimp.test", "bad answer"),
    ("nxdomain.test", "NXDOMAIN"),
    ("nosoa.test", "NXDOMAIN"),
    ("nodata.test", "NODATA"),
    ("slow.test", "found"),
    ("truncated.test", "found"),
    ("cut.test", "bad answer"),
    ("forged.test", "found"),           # the wrong one is passed over, the right one is waited for
    ("halfrecord.test", "bad answer"),
    ("badrecord.test", "bad answer"),
    ("loop.test", "bad answer"),
    ("lame.test", "bad answer"),
    ("alias.test", "found"),
    ("toward.test", "NXDOMAIN"),
    ("circle.test", "alias chain"),
    ("chain0.test", "alias chain"),
    ("noedns.test", "found"),
    ("wildcard.test", "found"),
])
def test_fault(faults, name, word):
    assert outcome(faults, "A", name) == word


SILENT = ["timeout", "wrongid", "wrongquestion", "wrongtype", "garbage", "empty", "header"]


def test_silent(faults):
    """What is no answer to the question is waited past.  All at once: each takes two times 5 s."""
    names = [word + ".test" for word in SILENT]
    begin = time.monotonic()
    status, lines = ask(faults, "A", "fine.test", *names)
    assert 9 < time.monotonic() - begin < 20
    assert status == 75
    assert [x[3].split(":")[0] for x in lines] == ["127.0.0.2"] + len(names) * ["-- timeout"]
    assert sum(x[0] == "timeout.test" for x in faults.asked) == 2


def test_hangup(faults):
    """Truncated, and by TCP nothing."""
    assert outcome(faults, "A", "hangup.test") in ("unreachable", "timeout")


def test_truncated_text(faults):
    status, lines = ask(faults, "TXT", "truncated.test")
    assert status == 0
    assert lines[0][3] == " ".join('"%s"' % s.decode() for s in dns_faults.BIG)
    assert [x[2] for x in faults.asked] == ["udp", "tcp"]


def test_chain_is_bounded(faults):
    """Each alias a question of its own: no more of them than there may be aliases."""
    assert outcome(faults, "A", "chain0.test") == "alias chain"
    assert len(faults.asked) == 17


def test_second_server(faults):
    with dns_faults.Server() as second:
        faults.script["x.test"] = "servfail"
        status, out, _ = filterctl("dns", "-r", f"{faults.address} {second.address}", "A", "x.test")
        assert (status, out) == (0, "x.test\t60\tA\t127.0.0.2\n")
        assert len(faults.asked) == len(second.asked) == 1


def test_same_question_once(faults):
    status, lines = ask(faults, "A", "slow.test", "SLOW.test.", "slow.test")
    assert status == 0 and len(lines) == 3
    assert faults.asked == [("slow.test", dns_faults.A, "udp")]


def test_nobody_there(faults):
    faults.__exit__()
    assert outcome(faults, "A", "fine.test") == "unreachable"


# --- the command ---

def test_parameter(tmp_path, faults):
    cf = tmp_path / "filterd.cf"
    cf.write_text(f"resolver = {faults.address}\n")
    assert filterctl("-c", str(cf), "dns", "A", "fine.test") == (
        0, "fine.test\t60\tA\t127.0.0.2\n", "")
    cf.write_text("resolver = localhost\n")
    status, _, err = filterctl("-c", str(cf), "dns", "A", "fine.test")
    assert status == 78 and "localhost" in err
    status, out, _ = filterctl("-c", str(cf), "check")
    assert status == 78 and f"error: {cf}:1: resolver: localhost" in out


def test_how_long_and_how_often(tmp_path, faults):
    cf = tmp_path / "filterd.cf"
    cf.write_text(f"resolver = {faults.address}\nresolver_timeout = 1s\nresolver_tries = 1\n")
    begun = time.monotonic()
    status, out, _ = filterctl("-c", str(cf), "dns", "A", "timeout.test")
    assert status == 75 and "timeout" in out
    assert len(faults.asked) == 1 and time.monotonic() - begun < 4


@pytest.mark.parametrize("args, status", [
    ([], 64),
    (["A"], 64),
    (["-x", "A", "a.test"], 64),
    (["-r", "127.0.0.1", "TLSA", "a.test"], 64),
    (["-r", "localhost", "A", "a.test"], 78),
])
def test_usage(args, status):
    assert filterctl("dns", *args)[0] == status


def test_control_characters(faults):
    status, out, _ = filterctl("dns", "-r", faults.address, "A", "nodata\x1b[31m.test")
    assert status == 1
    assert "\x1b" not in out
