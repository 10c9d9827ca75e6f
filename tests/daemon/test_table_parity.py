"""Our table types beside the real postmap(1): the same file and keys must give the same values and
the same lines complained about.  Fixed cases first, then files made up from pieces by a seeded
generator.

FILTERD_BUILD_DIR names the build directory.
"""

import os
import random
import re
import shutil
import subprocess

import pytest

from conftest import cannot

POSTMAP = shutil.which("postmap", path=os.environ.get("PATH", "") + ":/usr/sbin")
QUERY = os.path.join(os.environ.get("FILTERD_BUILD_DIR", "."), "tests/lib/tablequery")

# Postfix tells the first without a line number and the second not at all.
OURS = "a logical line must not start|ignoring what follows a NUL"


@pytest.fixture(scope="module")
def confdir(tmp_path_factory):
    if POSTMAP is None:
        cannot("postmap is not installed")
    if not os.path.exists(QUERY):
        cannot("%s is not built" % QUERY)
    d = tmp_path_factory.mktemp("postfix")
    (d / "main.cf").write_text("compatibility_level = 3.6\n")
    os.utime(d / "main.cf", (1500000000, 1500000000))  # Postfix waits for a fresh one
    shutil.copy("/etc/postfix/dynamicmaps.cf", d) if os.path.exists(
        "/etc/postfix/dynamicmaps.cf"
    ) else None
    if os.path.isdir("/etc/postfix/dynamicmaps.cf.d"):
        shutil.copytree("/etc/postfix/dynamicmaps.cf.d", d / "dynamicmaps.cf.d")
    (d / "master.cf").write_text("")
    return d


def run(argv, keys):
    p = subprocess.run(argv, input=keys, capture_output=True, timeout=60)
    err = p.stderr.decode("utf-8", "replace")
    return {
        "out": p.stdout,
        "fatal": "fatal:" in err,
        "lines": sorted({int(n) for n in re.findall(r", line (\d+): (?!%s)" % OURS, err)}),
        "err": err,
    }


def compare(confdir, spec, keys):
    keys = b"".join(k + b"\n" for k in keys)
    # -u: octets as they are, which is how Postfix looks up in header and body checks
    theirs = run([POSTMAP, "-u", "-c", str(confdir), "-q", "-", spec], keys)
    ours = run([QUERY, spec], keys)
    what = "%s\npostmap: %s\nours: %s" % (spec, theirs, ours)
    assert theirs["fatal"] == ours["fatal"], what
    assert theirs["out"] == ours["out"], what
    assert theirs["lines"] == ours["lines"], what


def compare_file(confdir, tmp_path, kind, text, keys):
    f = tmp_path / "table"
    f.write_bytes(text)
    # texthash waits for a file that was written this second
    os.utime(f, (1500000000, 1500000000))
    try:
        compare(confdir, "%s:%s" % (kind, f), keys)
    except AssertionError as e:
        raise AssertionError("%s\nfile:\n%s" % (e, text.decode("latin-1"))) from None


PATTERN_FILES = [
    b"/a/ 1\n/b/ 2\n",
    b"# c\n\n  # d\n/a/ 1\n#x\n  2\n\n\t3\n/b/ 4\n",
    b"  /a/ 1\n/b/ 2\n",
    b"  /a/ 1\n\t/c/ 3\n/b/ 2\n",
    b"/a/\n/b/   \n/c/ x",
    b"/a/ i\r\n/b/ j\r\n",
    b"/A/i 1\n/a/ii 2\n/B/ 3\n",
    b"/a/z 1\n/b/iz 2\n/c/ 3\n",
    b"!/a/ not a\n/a/ a\n",
    b"! ! /a/ a\n",
    b"!\n! \n/\n//\n// all\n",
    b"|a| 1\n,b, 2\n",
    b"\\a\\ 1\n/b/ 2\n",
    b"/a\\/ 1\n/b/ 2\n",
    b"/a\\\\/ 1\n/b/ 2\n",
    b"/a\\/b/ 1\n/b/ 2\n",
    b"/(a)(b)?/ <$1><$2>\n",
    b"/(a)(b)?/ <$(1)><${2}>$$\n",
    b"/(a)/ $2\n/b/ x\n",
    b"/(a)/ $0\n/(a)/ $foo\n/(a)/ ${1\n/(a)/ $\n/(a)/ $ x\n/(a)/ $1x\n/(a)/ ${1}x\n",
    b"/(a)/ ${{1}}\n/a/ $(1}\n/(a)/ $()\n/(a)/ $01\n/(a)/ $${1}$$$1\n",
    b"!/(a)/ $1\n!/(a)/ $$1\n",
    b"/a/ $$\n",
    b"/a(/ 1\n/a[/ 2\n/a{2/ 3\n/*a/ 4\n/a/ 5\n",
    b"if /a/\n/b/ 1\nendif\n/b/ 2\n",
    b"IF !/a/\n/b/ 1\nENDIF\n/b/ 2\n",
    b"if/a/\n/b/ 1\nendif\n/b/ 2\n",
    b"if /a/\nif /b/\n/c/ 1\nendif\n/c/ 2\nendif\n/c/ 3\n",
    b"if /a/\n/b/ 1\n",
    b"if /a/\nif /b/\n/c/ 1\nendif\n/c/ 2\n",
    b"endif\n/b/ 1\n",
    b"if /a/ text\n/b/ 1\nendif text\n/b/ 2\n",
    b"if /(/\n/b/ 1\nendif\n/b/ 2\n",
    b"if\n/b/ 1\nendif\n",
    b"ifx /a/ 1\nendifx\nword\n0 x\n/b/ 2\n",
    b"if /a/\n  /b/ 1\nendif\n/b/ 2\n",
    b"/a\0b/ 1\n/b/ 2\n",
    b"/a/ 1\0 2\n/b/ 2\n",
    b"/\xe4/ 1\n/b/ \xe4\n",
    b"/^$/ empty\n",
    b"/[[:alpha:]]<!--.*-->[[:alpha:]]/ REJECT Suspicious\n/increase your sales by/ REJECT\n",
    b"",
]
PCRE_FILES = [
    b"/a.b/s 1\n/a.b/ 2\n/a b/x 3\n/b/A 4\n/a$/E 5\n/(a+)/U $1\n/c/X 6\n",
    b"/(?<n>a)\\1/ <$1>\n/\\bab\\b/ word\n/(?i:A)b/i 7\n",
    b"/^(?=.*a)(?=.*b)/ both\n",
]
REGEXP_FILES = [
    b"/a/!/b/ 1\n/b/ 2\n",
    b"/a/i!/B/i 1\n/b/ 2\n",
    b"/(a)/!/b/ $1\n",
    b"/a/!/b/!/c/ 1\n",
    b"/a/! 1\n/b/ 2\n",
    b"/a(b)/x 1\n/a\\(b\\)/x $1\n/a+/x 3\n",
    b"/(a|ab)(c|bcd)/ <$1><$2>\n",
    b"/a\\{2\\}/x two\n/a{2}/ ere\n",
]
PATTERN_KEYS = [
    b"", b"a", b"b", b"c", b"ab", b"abc", b"bc", b"ac", b"A", b"B", b"a/b", b"a\\", b"aa", b"ABC",
    b"a b", b"abcd", b"x<!--y-->z", b"Increase Your Sales By", b"\xe4b", b"a(b)", b"a\0b", b"b\0a",
    b" a ", b"a+", b"aab",
]


@pytest.mark.parametrize("i", range(len(PATTERN_FILES)))
@pytest.mark.parametrize("kind", ["pcre", "regexp"])
def test_patterns(confdir, tmp_path, kind, i):
    compare_file(confdir, tmp_path, kind, PATTERN_FILES[i], PATTERN_KEYS)


@pytest.mark.parametrize("i", range(len(PCRE_FILES)))
def test_pcre(confdir, tmp_path, i):
    compare_file(confdir, tmp_path, "pcre", PCRE_FILES[i], PATTERN_KEYS)


@pytest.mark.parametrize("i", range(len(REGEXP_FILES)))
def test_regexp(confdir, tmp_path, i):
    compare_file(confdir, tmp_path, "regexp", REGEXP_FILES[i], PATTERN_KEYS)


TEXTHASH_FILES = [
    b"a b c\nA2 x\n\"q k\" v1 v2\nq2: v\nnov\n\"unterm v\n\"q\"x y\nz  \t v w  \n\"a\\\"b\" esc\n",
    b"a\\ b c\n\"\" emp\n\\\"b c\" d\nk  v\\ \n\"\\q\" u\n\"x\\\\\" y\n",
    b"# x\n  a b\n c d\ne f\n",
    b"a b\n\n\n  c\n#\n  d\ne f\n",
    b"a\0x b\nc d\0e\ng h\n",
    b"a b\r\nc d\r\n\r\ne\r\n",
    b"MiXed@Example.COM Value KEEPS Case\n",
    b"\xfcX.example latin\n",
    b"",
]
TEXTHASH_KEYS = [
    b"a", b"a2", b"A2", b'"q k"', b"q k", b"q2:", b"q2", b"nov", b'"unterm', b'"q"x', b"z",
    b'"a\\"b"', b"a\\ b", b'""', b'\\"b', b"k", b'"\\q"', b'"x\\\\"', b"c", b"e", b"g",
    b"mixed@example.com", b"MIXED@EXAMPLE.COM", b"\xfcx.example",
    b"\xdcx.example",
]


@pytest.mark.parametrize("i", range(len(TEXTHASH_FILES)))
def test_texthash(confdir, tmp_path, i):
    compare_file(confdir, tmp_path, "texthash", TEXTHASH_FILES[i], TEXTHASH_KEYS)


CIDR_FILES = [
    b"if 10.0.0.0/8 extra\n10.1.1.1 ten\nendif more\n!192.168.0.0/16 notpriv\n[1.2.3.4] brk\n"
    b"[1.2.3.0/24] br2\n[1.2.3.0]/24 br3\n1.2.3.4/24 bad\n::/0 v6\nendif\nif !\n1.2.3.4\nif !::1\n"
    b"::2 two\nfoo bar\n1.2.3.0/33 x\n1.2.3.0/ x\n[1.2.3.4 x\n[1.2.3.4]x y\n!!5.5.5.5 dbl\n"
    b"!1.1.1.1/32\nifx y\n",
    b"if 10.0.0.0/8\nif !10.1.0.0/16\n0.0.0.0/0 a\nendif\n0.0.0.0/0 b\nendif\n0.0.0.0/0 c\n::/0 d\n",
    b"if !10.0.0.0/8\n0.0.0.0/0 a\n::/0 a6\nendif\n0.0.0.0/0 b\n::/0 b6\n",
    b"192.0.2.128/25 h\n192.0.2.0/24 w\n192.0.2.4/030 z\n::ffff:0:0/96 m\n2001:db8::/33 x\n",
    b"! 10.0.0.0/8 x\n! !\n! !11.0.0.0/8\n! x\nif ! ! 10.1.0.0/16\n10.1.0.0/17 w\nendif\n10.0.0.0 / 8 y\n0.0.0.0/0 z\n",
    b"10.0.0.0/8 a b\n  c\n[::1] l\n[fe80::/10] k\nif ![10.0.0.0/8]\n9.9.9.9 n\nendif\n",
    b"if 10.0.0.0/8\n10.0.0.0/8 a\n",
    b"1.2.3.4/-1 x\n1.2.3.4/3a y\n1.2.3.4/99999999999 z\n01.2.3.4 o\n1.2.3 p\n",
]
CIDR_KEYS = [
    b"10.1.1.1", b"10.2.1.1", b"192.168.1.1", b"8.8.8.8", b"::1", b"::2", b"5.5.5.5", b"010.1.1.1",
    b"::ffff:10.1.1.1", b"[::1]", b"1.2.3", b"192.0.2.5", b"192.0.2.200", b"2001:db8:7fff::",
    b"2001:db8:8000::", b"2001:0db8:0000:0000:0000:0000:0000:0001", b"fe80::1", b"9.9.9.9", b"",
    b"host.example", b"1.2.3.4", b"fe80::1%eth0", b"1" * 100,
]


@pytest.mark.parametrize("i", range(len(CIDR_FILES)))
def test_cidr(confdir, tmp_path, i):
    compare_file(confdir, tmp_path, "cidr", CIDR_FILES[i], CIDR_KEYS)


NAMES = [
    "inline:{a=b, c=d}", "inline:{ A=b, {c = d e} }", "inline:{}", "inline:{a}", "inline:{a=}",
    "inline:{ {a=b} x }", "inline:x", "inline:{=b}", "inline:{a=b}x", "inline:{{a=b}{c=d}}",
    "inline:{{ a = b }, {c = {x y}}}", "inline:{a=b c=d}", "inline:{a==b}", "inline:{a=b, a=c}",
    "inline:{a b=c}", "inline:{{a b=c}}", "inline:{{a = b} }", "inline:{,}", "inline:{a=b",
    "static:a b", "static:{ a b }", "static:{a}b", "static:{a", "static:{ }", "static:", "fail:x",
    "unionmap:{static:a,static:b}", "unionmap:{static:a static:b, fail:x}", "unionmap:{}",
    "unionmap:{a}", "unionmap:{nosuch:x}", "unionmap:{static:{a b},static:c}",
    "unionmap:{inline:{x=y}}", "unionmap:{inline:{a=y},inline:{b=z},inline:{a=w}}",
    "pipemap:{inline:{a=b},inline:{b=c}}", "pipemap:{inline:{a=b},inline:{x=c}}", "pipemap:{}",
    "pipemap:{unionmap:{static:a,static:b},pcre:{{/^a,b$/ z}}}",
    "pipemap:{pcre:{{/(.)/ $1$1}},inline:{aa=A}}", "pipemap:{static:x,fail:y}",
    "pcre:{ {/a(.)c/ $1}, {/k/ kk} }", "pcre:{ /a/ b }", "pcre:{{/a/ b}} x", "pcre:{}", "pcre:{ }",
    "pcre:{{/a/ b} {/c/ d}}", "pcre:{{/a/ {b}}}", "pcre:{{/a/}}", "pcre:{{}}", "pcre:{{#/a/ x}}",
    "regexp:{{/K/ r}}", "regexp:{{/(b)/ <$1>},{/a/ y}}", "cidr:{{10.0.0.0/8 x}, {!1.2.3.4 y}}",
    "texthash:{a b}", "nosuch:x", "pcre:/nonexist", "texthash:/nonexist", "cidr:/nonexist",
    "regexp:/nonexist", "pcre:",
]
NAME_KEYS = [b"a", b"A", b"b", b"c", b"k", b"abc", b"x", b"10.1.1.1", b"9.9.9.9", b"a b"]


@pytest.mark.parametrize("name", NAMES)
def test_names(confdir, name):
    compare(confdir, name, NAME_KEYS)


PIECES = [
    b"/", b"/a/", b"/b+/", b"/(a)(b)?/", b"/(a|b)*c/", b"!", b"if ", b"endif", b"if", b"\n", b"\n",
    b"\n", b"\n", b" ", b" ", b"\t", b"i", b"m", b"x", b" $1", b" ${2}", b" $$", b" text", b" OK",
    b"#", b"\\", b"\\/", b"[", b"]", b"(", b")", b"/^$/", b"/[[:digit:]]/", b"\nif /a/\n",
    b"\nif !/b/\n", b"\nendif\n", b"\n/a/ one\n", b"\n!/c/ two\n", b"\n/(b)(c)/ <$2$1>\n", b"$",
    b"{", b"}", b"0", b"\r\n",
]
CIDR_PIECES = [
    b"10.0.0.0/8", b"10.1.0.0/16", b"0.0.0.0/0", b"::/0", b"2001:db8::/32", b"!", b"if ", b"endif",
    b"\n", b"\n", b"\n", b"\n", b" ", b" ", b" x", b" y", b"[", b"]", b"/", b"/24", b"#", b"1",
    b"192.0.2.1", b"\nif 10.0.0.0/8\n", b"\nif !10.1.0.0/16\n", b"\nendif\n", b"\n0.0.0.0/0 all\n",
]
TEXT_PIECES = [
    b"key", b"Key2", b" ", b" ", b"value", b"\n", b"\n", b"\n", b"\t", b'"', b"\\", b"#", b":",
    b"a", b"b", b"\r\n", b"\n k2 v\n", b"\n\"k 3\" v\n",
]


def generated(confdir, tmp_path, kind, pieces, keys, seed, n=20):
    rnd = random.Random(seed)
    for _ in range(n):
        text = b"".join(rnd.choice(pieces) for _ in range(rnd.randint(1, 60)))
        if kind == "regexp":
            # Postfix takes a backslash at the end of a line for the closing delimiter: a rule
            # that has no result and matches what it should not.  Ours is a warning, as in pcre.
            text = re.sub(rb"(\\[ \t\r]*)+(?=\n|\Z)", b"", text)
        if kind == "cidr":
            # Postfix keeps the length in eight bits: /321 is /65 there, and an error here.
            text = re.sub(rb"/(\d\d)\d+", rb"/\1", text)
        if kind == "texthash":
            # postmap takes duplicate keys with a warning, a daemon of Postfix does not
            probe = tmp_path / "probe"
            probe.write_bytes(text)
            os.utime(probe, (1500000000, 1500000000))
            if "duplicate entry" in run(
                [POSTMAP, "-c", str(confdir), "-q", "-", "texthash:%s" % probe], b"a\n"
            )["err"]:
                continue
        compare_file(confdir, tmp_path, kind, text, keys)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("kind", ["pcre", "regexp"])
def test_generated_patterns(confdir, tmp_path, kind, seed):
    generated(confdir, tmp_path, kind, PIECES, PATTERN_KEYS, seed)


@pytest.mark.parametrize("seed", range(3))
def test_generated_cidr(confdir, tmp_path, seed):
    generated(confdir, tmp_path, "cidr", CIDR_PIECES, CIDR_KEYS, seed)


@pytest.mark.parametrize("seed", range(3))
def test_generated_texthash(confdir, tmp_path, seed):
    keys = [b"key", b"KEY2", b"k2", b'"k 3"', b"a", b"b", b"ab", b"key:", b'""', b"valuekey"]
    generated(confdir, tmp_path, "texthash", TEXT_PIECES, keys, seed)


@pytest.mark.long
@pytest.mark.parametrize("kind", ["pcre", "regexp", "cidr", "texthash"])
def test_generated_long(confdir, tmp_path, kind):
    pieces = {"cidr": CIDR_PIECES, "texthash": TEXT_PIECES}.get(kind, PIECES)
    keys = CIDR_KEYS if kind == "cidr" else PATTERN_KEYS
    n = int(3000 * float(os.environ.get("FILTERD_SOAK", "1")))
    generated(confdir, tmp_path, kind, pieces, keys, "long", n)
