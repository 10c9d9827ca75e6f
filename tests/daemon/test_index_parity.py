"""Indexed tables beside the real postmap(1): what it writes we read, what `filterctl postmap` writes
it reads, both with the same answers and the same lines complained about; and an index that postmap
writes anew while we look up.

Files are made up by a generator whose seed a failure shows; INDEX_PARITY_SEED sets it.
FILTERD_BUILD_DIR names the build directory.
"""

import os
import random
import re
import shutil
import subprocess
import threading

import pytest

from conftest import cannot

import filterd_proc

POSTMAP = shutil.which("postmap", path=os.environ.get("PATH", "") + ":/usr/sbin")
FILTERCTL = filterd_proc.program("filterctl")
SUFFIX = {"hash": "db", "btree": "db", "lmdb": "lmdb", "cdb": "cdb"}
SEED = int(os.environ.get("INDEX_PARITY_SEED") or random.randrange(1 << 32))


@pytest.fixture(scope="module")
def confdir(tmp_path_factory):
    for path in (POSTMAP, FILTERCTL):
        if path is None or not os.path.exists(path):
            cannot("%s is not there" % (path or "postmap"))
    d = tmp_path_factory.mktemp("postfix")
    (d / "main.cf").write_text("compatibility_level = 3.6\n")
    os.utime(d / "main.cf", (1500000000, 1500000000))  # Postfix waits for a fresh one
    for name in ("dynamicmaps.cf", "dynamicmaps.cf.d"):
        if os.path.exists("/etc/postfix/" + name):
            os.symlink("/etc/postfix/" + name, d / name)
    return d


@pytest.fixture(params=sorted(SUFFIX))
def kind(request, confdir):
    known = subprocess.run([FILTERCTL, "types"], capture_output=True, check=True).stdout.decode()
    if request.param not in {line.split()[0] for line in known.splitlines()}:
        cannot("filterd is built without " + request.param)
    if not theirs_ok(confdir, request.param):
        cannot("this Postfix has no " + request.param)
    return request.param


def theirs_ok(confdir, kind):
    f = confdir / ("try-" + kind)
    f.write_text("a b\n")
    return run([POSTMAP, "-c", str(confdir), f"{kind}:{f}"]).returncode == 0


def run(argv, keys=None):
    return subprocess.run(argv, input=keys, capture_output=True, timeout=120)


class Makers:
    """-u: octets as they are; without, Postfix leaves out what is not UTF-8."""

    def __init__(self, confdir, kind, source):
        self.conf, self.kind, self.source = str(confdir), kind, source
        self.spec = f"{kind}:{source}"
        self.index = f"{source}.{SUFFIX[kind]}"

    def theirs(self, *options):
        return self.summary(run([POSTMAP, "-u", "-c", self.conf, *options, self.spec]))

    def ours(self, *options):
        return self.summary(run([FILTERCTL, "postmap", *options, self.spec]))

    def summary(self, p):
        err = p.stderr.decode("latin-1")
        told = re.findall(r", line (\d+): (?:expected|unbalanced|record is in|the key)", err)
        return {"fails": p.returncode != 0, "lines": sorted(set(map(int, told))),
                "duplicates": err.count(": duplicate ")}, err

    def ask(self, keys):
        """What both answer; they must not differ."""
        text = b"".join(k + b"\n" for k in keys)
        theirs = run([POSTMAP, "-u", "-c", self.conf, "-q", "-", self.spec], text)
        ours = run([FILTERCTL, "query", self.spec, "-"], text)
        assert (ours.stdout, ours.stderr) == (theirs.stdout, theirs.stderr), self.spec
        return ours.stdout


WORDS = 8 * [b"a", b"b", b"example.com", b"@", b".", b"MiXed", b"\xc3\xbc", b"\xe4", b"\xff", b"+x",
             b"<>", b"\"q w\"", b"=", b"$1", b"\x01", b"\x7f", b"Z", b"0"] + [
    b"\"", b"\\", b"\\ ", b"\\\"", b":", b"#"]
BLANKS = [b" ", b"\t", b"  ", b" \t ", b"\r", b"\x0b", b"\x0c"]


def word(rng, most):
    return b"".join(rng.choice(WORDS) for _ in range(rng.randint(1, most)))


def line(rng):
    """One logical line, mostly good."""
    value = word(rng, 6)
    for _ in range(rng.choice((0, 0, 0, 1, 3))):
        value += rng.choice(BLANKS) + word(rng, 4)
    if rng.random() < 0.03:
        value = word(rng, 2) * rng.choice((300, 2000, 9000))
    if rng.random() < 0.1:
        value += rng.choice((b"\n ", b"\n\t", b"\n# c\n  ", b"\n\n ")) + word(rng, 3)
    key = word(rng, 4) if rng.random() < 0.5 else b"k%d@Example.com" % rng.randrange(3000)
    return rng.choice((b"", b"", b"", b"", b"", b"", b"", b"# ", b" ")) + key + (
        rng.choice(BLANKS) + value if rng.random() < 0.97 else b"") + rng.choice((b"", b"", b" "))


def keys_of(rng, text):
    """The first words of lines, in other case too, and some that are not there."""
    keys = set()
    for one in text.split(b"\n"):
        for key in (one.split(None, 1)[:1] or [b""]) + [one[:20], one.split(b"\t")[0]]:
            keys.update((key, key.upper(), key.lower(), key + b"x"))
    keys = sorted(k for k in keys if k and len(k) < 500 and b"\0" not in k)
    rng.shuffle(keys)
    return keys[:2000]


def compare(confdir, tmp_path, kind, text, keys, *options):
    both = []
    for n, maker in enumerate(("theirs", "ours")):
        source = tmp_path / f"map{n}"
        source.write_bytes(text)
        m = Makers(confdir, kind, source)
        summary, err = getattr(m, maker)(*options)
        both.append((summary, None if summary["fails"] else m.ask(keys), err))
    assert both[0][:2] == both[1][:2], f"seed {SEED}\n{both[0][2]}\n{both[1][2]}"
    return both[0]


@pytest.mark.parametrize("options", [[], ["-N"], ["-n"], ["-r"], ["-f"], ["-w"]])
def test_same(confdir, tmp_path, kind, options):
    rng = random.Random(f"{SEED} {kind} {options}")
    for rows in (0, 1, 30, 3000):
        text = b"\n".join(line(rng) for _ in range(rows))
        summary, answers, _ = compare(confdir, tmp_path, kind, text, keys_of(rng, text), *options)
        if kind == "lmdb" and summary["fails"]:
            continue  # quotes have made a long value a part of the key
        assert summary["fails"] is False
        assert rows < 3000 or answers.count(b"\n") > 30


def test_many_small_files(confdir, tmp_path, kind):
    rng = random.Random(f"{SEED} {kind}")
    for _ in range(15):
        text = b"\n".join(line(rng) for _ in range(rng.randint(1, 8))) + rng.choice((b"", b"\n"))
        compare(confdir, tmp_path, kind, text, keys_of(rng, text))


def test_long_keys(confdir, tmp_path, kind):
    """An lmdb key has at most 511 octets, for both."""
    text = b"".join(b"%s %d\n" % (b"k" * n, n) for n in (1, 509, 510, 900, 1100, 5000, 20000))
    if kind == "lmdb":
        assert compare(confdir, tmp_path, kind, text, [])[0]["fails"] is True
        text = b"".join(b"%s %d\n" % (b"k" * n, n) for n in (1, 509, 510))
    keys = [k.split(b" ")[0] for k in text.splitlines()]
    summary, answers, _ = compare(confdir, tmp_path, kind, text, keys + [k[:-1] + b"x" for k in keys])
    assert summary["fails"] is False and answers.count(b"\n") == len(keys)


def test_utf8(confdir, tmp_path, kind):
    """Postfix as it is by default, with small letters that are not ASCII."""
    source = tmp_path / "map"
    source.write_text("müller@example.com grüße\nJOE@ßtraße.example ok\n", "utf-8")
    assert run([POSTMAP, "-c", str(confdir), f"{kind}:{source}"]).returncode == 0
    for maker in (lambda: None, lambda: run([FILTERCTL, "postmap", f"{kind}:{source}"])):
        maker()
        for key, value in ("müller@EXAMPLE.com", "grüße"), ("joe@example.org", ""):
            theirs = run([POSTMAP, "-c", str(confdir), "-q", key, f"{kind}:{source}"])
            ours = run([FILTERCTL, "query", f"{kind}:{source}", key])
            assert (ours.returncode, ours.stdout) == (theirs.returncode, theirs.stdout)
            assert ours.stdout.decode().strip() == value


def test_updated_by_postmap(confdir, tmp_path, kind):
    """What -i and -d leave behind: other pages than a fresh file has."""
    if kind == "cdb":
        return  # postmap cannot change one
    rng = random.Random(f"{SEED} {kind} update")
    source = tmp_path / "map"
    source.write_bytes(b"".join(b"key%d %s\n" % (i, b"v" * rng.randrange(300)) + b"" for i in range(800)
                                ).replace(b" \n", b" x\n"))
    m = Makers(confdir, kind, source)
    assert not m.theirs()[0]["fails"]
    keys = [b"key%d" % i for i in range(1500)]
    gone = b"".join(k + b"\n" for k in rng.sample(keys[:800], 500))
    assert run([POSTMAP, "-u", "-c", m.conf, "-d", "-", m.spec], gone).returncode == 0
    added = b"".join(b"%s %s\n" % (k, b"w" * rng.choice((3, 50, 5000))) for k in keys[800:])
    assert run([POSTMAP, "-u", "-c", m.conf, "-i", m.spec], added).returncode == 0
    assert m.ask(keys).count(b"\n") == 1000


def test_rewritten_while_we_look_up(confdir, tmp_path, kind):
    """postmap rewrites hash and btree in place and lmdb in a transaction: every look-up is answered,
    from the old index or the new."""
    source = tmp_path / "map"
    m = Makers(confdir, kind, source)
    texts = [b"".join(b"key%d %s%d\n" % (i, v, i) for i in range(2000)) for v in (b"A", b"B")]
    source.write_bytes(texts[0])
    assert not m.theirs()[0]["fails"]
    p = subprocess.Popen([FILTERCTL, "query", m.spec, "-"], stdin=subprocess.PIPE,
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    done = threading.Event()

    def feed():
        rng, n = random.Random(SEED), 0
        try:
            while not done.is_set():
                p.stdin.write(b"".join(b"key%d\n" % rng.randrange(2000) for _ in range(200)))
                p.stdin.flush()
                done.wait(0.01)
        finally:
            p.stdin.close()

    lines = []
    threads = [threading.Thread(target=feed),
               threading.Thread(target=lambda: lines.extend(p.stdout))]
    for t in threads:
        t.start()
    for i in range(25):
        source.write_bytes(texts[(i + 1) % 2])
        summary, err = m.theirs()
        assert not summary["fails"], err
    done.set()
    for t in threads:
        t.join()
    assert (p.wait(60), p.stderr.read()) == (0, b"")
    p.stdout.close()
    p.stderr.close()
    assert len(lines) >= 200 and len(lines) % 200 == 0  # each key was found
    wrong = [x for x in lines if not re.fullmatch(rb"key(\d+)\t[AB]\1\n", x)]
    assert wrong == [], f"seed {SEED}"
    if kind != "cdb":
        assert {x.split(b"\t")[1][:1] for x in lines} == {b"A", b"B"}
