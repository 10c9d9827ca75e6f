"""Zip archives that programs read differently, and archives that are bombs."""
import io
import struct
import zipfile

import pytest

import archives as ar
import attaching
from attaching import DEFERRED, EXE, OK
from conftest import cannot
from evasions_files import unicode_path

WORDS = b"Nothing but words.\n"
A = ("a.txt", WORDS)
X = ("x.exe", EXE)


@pytest.fixture
def attached(filterd, hop):
    if attaching.missing():
        cannot(attaching.missing())
    return lambda **settings: attaching.Attaching(filterd, hop, **settings)


def names(look):
    return [k.name for k in look.keys[1:]]


# --- honest ones that are odd ---

def zip64():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as z:
        for name, octets in (A, X):
            with z.open(name, "w", force_zip64=True) as f:
                f.write(octets)
    return out.getvalue()


def with_comments():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as z:
        z.comment = b"Nobody\r\nreads this."
        for name, octets in (A, X):
            info = zipfile.ZipInfo(name)
            info.comment, info.extra = b"nor this", struct.pack("<HH", 0xcafe, 0)
            z.writestr(info, octets)
    return out.getvalue()


HONEST = {
    "plain": lambda: ar.zip_of(A, X),
    "64 bits": zip64,
    "comments": with_comments,
    "empty": lambda: ar.zip_of(),
    "trailing newline": lambda: ar.zip_of(A, X) + b"\r\n",
    "marked as a volume": lambda: ar.zip_of(A, X, before=b"PK00"),
    "stored": lambda: ar.zipped(A, X, method=zipfile.ZIP_STORED),
    "bzip2": lambda: ar.zipped(A, X, method=zipfile.ZIP_BZIP2),
    "lzma": lambda: ar.zipped(A, X, method=zipfile.ZIP_LZMA),
    "streamed and stored": lambda: ar.zip_streamed(A, X),
    "by zip": lambda: ar.by_zip(A, X),
}


def test_honest(attached):
    """Nothing is ambiguous; a stored zip inside has headers and an end of its own."""
    a = attached()
    for what, make in HONEST.items():
        look = a.attached(make(), "a.zip")
        assert look.facts == set(), (what, look)
        assert sorted(names(look)) == ([] if what == "empty" else ["a.txt", "x.exe"]), (what, look)
        look = a.attached(ar.zipped(A, ("b.zip", make()), method=zipfile.ZIP_STORED), "a.zip")
        assert look.facts == set() and names(look)[:2] == ["a.txt", "b.zip"], (what, look)


# --- dishonest ones: each hides x.exe from some readers ---

def no_header():
    """The directory has a member that nothing leads to."""
    data = ar.local(*A)
    directory = ar.central(*A, 0) + ar.central(*X, 7)
    return data + directory + ar.end(2, directory, len(data))


def few():
    """The end tells of one member alone."""
    z = ar.zip_of(A, X)
    at = z.rindex(b"PK\5\6")
    return z[:at + 8] + struct.pack("<HH", 1, 1) + z[at + 12:]


def two_directories():
    """By its size the directory is another one than by its offset."""
    data = ar.local(*A) + ar.local(*X)
    first, second = ar.central(*A, 0), ar.central(*X, len(ar.local(*A)))
    return data + first + second + ar.end(1, second, len(data))


def short():
    """The directory says that a.txt is longer than its header does: what a stream has next is in it."""
    inner = ar.local(*X)
    data = ar.local(A[0], WORDS) + inner
    directory = ar.central(A[0], WORDS, 0, packed=len(WORDS) + len(inner), size=len(WORDS) + len(inner))
    return data + directory + ar.end(1, directory, len(data))


DISHONEST = {
    "hidden": lambda: ar.zip_of(A, hidden=ar.local(*X)),
    "name": lambda: ar.zip_of(("a.txt", EXE), name="x.exe"),
    "method": lambda: ar.zip_of(A, X, method=8),
    "method locked": lambda: ar.zip_of(A, X, flags=1),
    "header": no_header,
    "directory few": few,
    "directory two": two_directories,
    "size": short,
    "prepended": lambda: ar.zip_of(A, X, before=b"MZ and more"),
    "prepended unaccounted": lambda: b"GIF89a and more" + ar.zip_of(A, X),
    "hidden two archives": lambda: ar.zip_of(X) + ar.zip_of(A),
    "hidden behind": lambda: ar.zip_of(A) + ar.local(*X),
    "hidden comment": lambda: ar.zip_of(X, comment=ar.zip_of(A)),
    "hidden comment locals": lambda: ar.zip_of(A, comment=ar.local(*X)),
}


def test_dishonest(attached):
    a = attached()
    for what, make in DISHONEST.items():
        look = a.attached(make(), "a.zip")
        assert any(f.startswith("archive=ambiguous:") for f in look.facts), (what, look)
        assert {"x.exe", "a.txt"} <= set(names(look)), (what, look)
        # Inside another archive as well.
        look = a.attached(ar.tar_gz(("a.zip", make())), "a.tar.gz")
        assert any(f.startswith("archive=ambiguous:") for f in look.facts), (what, look)
        assert "x.exe" in names(look), (what, look)


def test_why(attached):
    """The first cause is the detail."""
    a = attached()
    for what in ("hidden", "name", "method", "header", "size", "prepended"):
        look = a.attached(DISHONEST[what](), "a.zip")
        assert f"archive=ambiguous:{what}" in look.facts, (what, look)


def test_no_directory(attached):
    """What is left of a zip without its end: members are found by their headers."""
    a = attached()
    z = ar.zip_of(A, X)
    look = a.attached(z[:z.index(b"PK\1\2")], "a.zip")
    assert names(look) == ["a.txt", "x.exe"] and look.facts == {"archive=broken:zip"}


def test_member_names(attached):
    a = attached()
    look = a.attached(ar.zip_of(("../../etc/x.exe", EXE), ("c:\\d\\y.exe", EXE), (b"z.exe\0.txt", EXE), (b"\x81.exe", EXE),
                                ("d/", b""), ("e.exe/", EXE)), "a.zip")
    assert names(look) == ["x.exe", "y.exe", "z.exe\\x00.txt", "z.exe.txt", "z.exe", "\\x81.exe", "e.exe"]
    assert [k.path for k in look.keys][1:3] == ["a.zip/../../etc/x.exe", "a.zip/c:\\x5cd\\x5cy.exe"]


# --- bombs ---

def limits(look):
    return {f for f in look.facts if f.startswith("archive=limit:")}


def test_depth(attached):
    """An archive deeper than it may be is not clean, and one that just fits is."""
    a = attached(attachment_depth_limit="4")
    a.f.expect("attachments are beyond a limit: depth")
    look = a.attached(ar.nest(EXE, 4), "a.zip")
    assert look.keys[-1].name == "x.exe" and look.reply == OK and look.facts == set()
    for wrap in (ar.zipped, ar.tar_gz, ar.rar, lambda m: ar.gz(m[1])):
        look = a.attached(ar.nest(EXE, 5, wrap=wrap), "a.zip")
        assert limits(look) == {"archive=limit:depth"} and look.reply == DEFERRED, look


def many_times(octets, count):
    return ar.zipped(*[(f"{i}.gz", octets) for i in range(count)])


BOMBS = {
    "quine": (ar.quine, {}, {"depth"}),
    # what, its settings, limits of which one must be told
    "forty-two": (lambda: ar.forty_two(), {}, {"depth", "members", "size", "ratio"}),
    "wide": (lambda: ar.zipped(*[(f"{i}.txt", b"words") for i in range(1500)]), {}, {"members"}),
    "one big member": (lambda: ar.zipped(("0", bytes(50 << 20))), {}, {"ratio"}),
    "one big member in gzip": (lambda: ar.gz(bytes(50 << 20)), {}, {"ratio"}),
    "big tar": (lambda: ar.tar_xz(("0", bytes(50 << 20))), {}, {"ratio"}),
    "big 7z": (lambda: ar.seven_zip(("0", bytes(50 << 20))), {}, {"ratio"}),
    "size": (lambda: ar.tar_gz(*[(f"{i}", bytes(range(256)) * 40 * 1024) for i in range(3)]),
             {"attachment_size_limit": "20m", "attachment_ratio_limit": "100000"}, {"size"}),
    "overlapping": (lambda: ar.zip_overlapping(400), {}, {"ratio"}),
    "escalating": (lambda: ar.zip_escalating(250), {}, {"ratio"}),
    "memory": (lambda: ar.gz(ar.zipped(("0", b"0" * (3 << 20)), method=zipfile.ZIP_STORED)),
               {"attachment_memory_limit": "1m", "attachment_ratio_limit": "100000"}, {"memory"}),
    "time": (lambda: many_times(ar.gz(bytes(8 << 20)), 900),
             {"attachment_time_limit": "1s", "attachment_ratio_limit": "100000", "attachment_size_limit": "16g"}, {"time"}),
    "long names": (lambda: ar.zipped(*[("n" * 400 + f"{i}.txt", b"w") for i in range(900)]), {}, {"keys"}),
}


@pytest.mark.parametrize("what", BOMBS)
def test_bombs(attached, what):
    """Whatever the bomb, it is told, deferred, and the scanner lives."""
    make, settings, wanted = BOMBS[what]
    a = attached(**settings)
    a.f.expect("attachments are beyond a limit: ")
    octets = make()
    look = a.attached(octets, "bomb.zip")
    assert {f"archive=limit:{w}" for w in wanted} & look.facts, look.facts
    assert look.reply == DEFERRED
    # And one that has no such attachment goes through.
    assert a.send(attaching.message(attaching.part(WORDS, "w.txt"))) == OK


def test_quine(attached):
    """It is opened as often as the depth allows, and there is nothing odd about it else."""
    a = attached(attachment_depth_limit="7", attachment_limit_action="accept")
    octets = ar.quine()
    assert zipfile.ZipFile(io.BytesIO(octets)).read("q") == octets
    look = a.attached(octets, "q.zip")
    assert look.keys[-1].path == "q.zip" + "/q" * 7 and look.facts == {"archive=limit:depth"} and look.reply == OK


def test_overlapping(attached):
    a = attached(attachment_limit_action="accept")
    look = a.attached(ar.zip_escalating(10, WORDS), "a.zip")
    assert "archive=ambiguous:overlap" in look.facts and look.reply == OK and len(look.keys) == 11, look
    # Many names of one member: their number is what differs first.
    look = a.attached(ar.zip_overlapping(10, WORDS), "a.zip")
    assert "archive=ambiguous:name" in look.facts and look.reply == OK, look


def test_unicode_path(attached):
    """A second name in an extra field is a key; that it says more than the plain one can is no ambiguity."""
    a = attached()
    for how in ({}, {"central": False}, {"crc_of": b"x"}):
        look = a.attached(unicode_path("a.txt", "x.exe", **how), "a.zip")
        assert set(names(look)) == {"a.txt", "x.exe"} and "archive=ambiguous:name" in look.facts, (how, look)
    for plain, name in (("_.txt", "\u0434.txt"), ("_/a.txt", "\u0434.d/a.txt"), ("a", "\u0434")):
        look = a.attached(unicode_path(plain, name), "a.zip")
        assert set(names(look)) == {plain.split("/")[-1], name.split("/")[-1]} and look.facts == set(), look


def test_zeros(attached):
    """What begins with zeros is an empty tar to libarchive, and a zip to others."""
    look = attached().attached(ar.gz(bytes(2048) + ar.zip_of(A, X)), "a.gz")
    assert "x.exe" in names(look) and "archive=ambiguous:prepended" in look.facts


def test_limit_action(attached):
    """A row decides before the limit does; and the limit does not when it is accepted."""
    a = attached(files={"t": "/^bomb/ REJECT bomb\n"}, content_restrictions="check_attachment pcre:{dir}/t")
    assert a.send(attaching.message(attaching.part(ar.nest(EXE, 9), "bomb.zip"))) == "554 5.7.1 bomb"
    b = attached(attachment_limit_action="accept")
    look = b.attached(ar.nest(EXE, 9), "a.zip")
    assert look.facts == {"archive=limit:depth"} and look.reply == OK, look


def test_many_parts(attached):
    """Parts beyond the limit of parts, and beyond that of members."""
    a = attached(mime_parts_limit="50", attachment_member_limit="20")
    a.f.expect("attachments are beyond a limit: ")
    look = a.look(attaching.message(*[attaching.part(WORDS, f"{i}.txt") for i in range(30)]))
    assert limits(look) == {"archive=limit:members"} and look.reply == DEFERRED and len(look.keys) == 19
    a.f.reload(attachment_member_limit="200")
    look = a.look(attaching.message(*[attaching.part(WORDS, f"{i}.txt") for i in range(60)]))
    assert "archive=limit:parts" in look.facts and look.reply == DEFERRED
