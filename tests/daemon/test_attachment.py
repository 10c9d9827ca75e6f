"""check_attachment through a whole filterd: what of is attached is said, by real scanners."""
import os
import re

import pytest

import archives as ar
import attaching
from attaching import A, B, C, DEFERRED, EXE, OK, message, part
from conftest import cannot

SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
PE = "application/vnd.microsoft.portable-executable"
WORDS = b"Nothing but words.\n"
TWO = (("x.exe", EXE), ("words.txt", WORDS))


@pytest.fixture
def attached(filterd, hop):
    if attaching.missing():
        cannot(attaching.missing())
    return lambda **settings: attaching.Attaching(filterd, hop, **settings)


def names(look):
    return [k.name for k in look.keys]


# --- parts ---

def test_keys(attached):
    """Each attachment is one; what is there to be read is none."""
    a = attached()
    look = a.look(message(part(EXE, "x.exe"), part(WORDS, "w.txt", "text/plain"), part(b"%PDF-1.4\n", "d.pdf", "application/pdf")))
    assert look.keys == [("x.exe", "application/octet-stream", PE, str(len(EXE)), "x.exe"),
                         ("w.txt", "text/plain", "text/plain", str(len(WORDS)), "w.txt"),
                         ("d.pdf", "application/pdf", "application/pdf", "9", "d.pdf")]
    assert look.facts == set() and look.reply == OK
    assert a.look(message()).keys == []
    # Without a name a text is none, and a program is.
    look = a.look(message(part(WORDS, None, "text/html"), part(EXE, None, "text/plain")))
    assert look.keys == [("", "text/plain", PE, str(len(EXE)), "")] and look.facts == {"attachment=type_mismatch"}


def header(text):
    return "".join(line + "\r\n" for line in text.split("\n"))


NAMES = (
    ('Content-Type: a/b; name="a.txt"\nContent-Disposition: x; filename="b.exe"', ["a.txt", "b.exe"]),
    ('Content-Type: a/b; name="a.txt"; name="c.exe"', ["a.txt", "c.exe"]),
    ('Content-Type: a/b; name="a.txt"; name*=\'\'b%2Eexe', ["b.exe", "a.txt"]),
    ('Content-Disposition: x; filename*1="exe"; filename*0="long."', ["long.exe"]),
    ('Content-Disposition: x; filename="=?utf-8?B?YS5leGU=?="', ["a.exe"]),
    ('Content-Disposition: x; filename=a.exe b.txt', ["a.exe b.txt", "a.exe"]),
    ('Content-Disposition: x; filename="a.exe. . "', ["a.exe. . ", "a.exe"]),
    ('Content-Disposition: x; filename="a.pdf                         .exe"', ["a.pdf                         .exe", "a.pdf .exe"]),
    ('Content-Disposition: x; filename*=\'\'a.exe%00.txt', ["a.exe\\x00.txt", "a.exe.txt", "a.exe"]),
    ('Content-Disposition: x; filename*=\'\'a%0Ab.exe', ["a\\x0ab.exe", "ab.exe"]),
    ('Content-Disposition: x; filename*=utf-8\'\'in%E2%80%AEfdp.exe', ["in\u202efdp.exe", "infdp.exe", "inexe.pdf"]),
    ('Content-Disposition: x; filename*=utf-8\'\'a%EF%BC%8Eexe', ["a\uff0eexe", "a.exe"]),
    ('Content-Disposition: x; filename="a;b.exe"', ["a\\x3bb.exe"]),
    ('Content-Disposition: x; filename="c:\\\\d\\\\a.exe"', ["a.exe"]),
    ('Content-Disposition: x; filename="a.exe::$DATA"', ["a.exe::$DATA", "a.exe"]),
    ('Content-Disposition: x; filename*=\'\'%FFa.exe', ["\xffa.exe"]),
    ('Content-Disposition: x; filename*=koi8-r\'\'%C1.exe', ["\u0430.exe"]),
)


def test_names(attached):
    """Every reading of a name is a key."""
    a = attached()
    for fields, wanted in NAMES:
        assert names(a.look(message(part(WORDS, headers=header(fields))))) == wanted, fields


def test_long_name(attached):
    """A long name keeps its ends."""
    a = attached()
    (key,) = a.attached(WORDS, "a" * 900 + ".exe").keys
    assert key.name.endswith("aaa.exe") and key.name.startswith("aaa") and "..." in key.name and len(key.name) <= 240


def test_types(attached):
    """Two Content-Type fields: two keys."""
    look = attached().look(message(part(WORDS, headers=header("Content-Type: image/png; name=a\nContent-Type: Text/Plain"))))
    assert [(k.name, k.declared) for k in look.keys] == [("a", "image/png"), ("a", "text/plain")]


# --- archives ---

KINDS = {
    "zip": ar.zipped, "by.zip": ar.by_zip, "streamed.zip": ar.zip_streamed, "tar": ar.tarred, "tar.gz": ar.tar_gz,
    "tar.bz2": ar.tar_bz2, "tar.xz": ar.tar_xz, "two.tar": ar.two_tars, "old.tar": ar.old_tar, "7z": ar.seven_zip, "iso": ar.iso,
    "cpio": ar.cpio, "a": ar.ar, "tar.zst": ar.zstd_tar, "tar.lz4": ar.lz4_tar, "tar.lzma": ar.lzma_tar, "cab": ar.cab,
    "lzh": ar.lha, "rar": ar.rar, "5.rar": ar.rar5,
}
LOCKED = {"zip": ar.zip_encrypted, "aes.zip": ar.zip_aes, "7z": ar.seven_zip_encrypted, "rar": ar.rar_encrypted}
LOCKED_HEADERS = {"7z": ar.seven_zip_headers, "rar": ar.rar_headers, "5.rar": ar.rar5_headers}


def test_archives(attached):
    """All kinds, in the sandbox: the members, their types and sizes."""
    a = attached()
    for kind, make in KINDS.items():
        look = a.attached(make(*TWO), f"a.{kind}")
        found = {k.name: k for k in look.keys}
        assert set(found) == {f"a.{kind}", "x.exe", "words.txt"}, (kind, look)
        assert found["x.exe"][1:4] == ("-", PE, str(len(EXE))), (kind, look)
        assert found["x.exe"].path.replace("/./", "/") == f"a.{kind}/x.exe", (kind, look)
        assert found["words.txt"].detected == "text/plain", (kind, look)
        assert look.facts == set() and look.reply == OK, (kind, look)


def test_compressed(attached):
    """One file compressed: its name is the archive's without the last extension, and what gzip says."""
    a = attached()
    for name, octets in (("x.exe.gz", ar.gz(EXE)), ("x.exe.bz2", ar.bz(EXE)), ("x.exe.xz", ar.xz(EXE))):
        look = a.attached(octets, name)
        assert look.keys[1:] == [("x.exe", "-", PE, str(len(EXE)), f"{name}/x.exe")], look
    look = a.attached(ar.gz(EXE, "y.exe"), "words.txt.gz")
    assert names(look) == ["words.txt.gz", "words.txt", "y.exe"] and look.facts == {"attachment=type_mismatch"}


def test_encrypted(attached):
    a = attached()
    for kind, make in LOCKED.items():
        look = a.attached(make(*TWO), f"a.{kind}")
        assert {k.name: k.detected for k in look.keys[1:]} == {"x.exe": "-", "words.txt": "-"}, (kind, look)
        assert look.facts == {"archive=encrypted"} and look.reply == OK, (kind, look)
    for kind, make in LOCKED_HEADERS.items():
        look = a.attached(make(*TWO), f"a.{kind}")
        assert names(look) == [f"a.{kind}"] and look.facts == {"archive=encrypted"}, (kind, look)


def test_nested(attached):
    """Archives in archives, of different kinds, with the path to what is in them."""
    octets, path = EXE, "x.exe"
    makers = {"zip": ar.zipped, "tar.gz": ar.tar_gz, "7z": ar.seven_zip, "rar": ar.rar, "iso": ar.iso}
    for kind, make in makers.items():
        octets = make((path.split("/")[0], octets))
        path = f"a.{kind}/{path}"
    look = attached().attached(octets, path.split("/")[0])
    assert look.keys[-1].path == path and look.keys[-1].detected == PE and look.facts == set()


def test_wrong_names(attached):
    """An archive is opened by what it is, whatever it is called."""
    a = attached()
    for kind in ("zip", "tar.gz", "7z", "rar", "cab", "iso"):
        look = a.attached(KINDS[kind](*TWO), "holiday.jpg", "image/jpeg")
        assert "x.exe" in names(look) and look.facts == {"attachment=type_mismatch"}, (kind, look)
        look = a.attached(ar.zipped(("inner.dat", KINDS[kind](*TWO))), "a.zip")
        assert "a.zip/inner.dat/x.exe" in [k.path.replace("/./", "/") for k in look.keys], (kind, look)


def test_messages(attached):
    """In an attached message, one that is encoded, and one in an archive."""
    a = attached()
    inner = message(part(ar.zipped(*TWO), "a.zip"))
    look = a.look(message(b"Content-Type: message/rfc822\r\n\r\n" + inner))
    assert names(look) == ["a.zip", "x.exe", "words.txt"]
    look = a.attached(inner, "m.eml", "message/rfc822")
    assert names(look) == ["a.zip", "x.exe", "words.txt"]
    look = a.attached(inner, "m.eml")
    assert names(look) == ["m.eml", "a.zip", "x.exe", "words.txt"]
    for name in ("m.eml", "m"):
        look = a.attached(ar.zipped((name, inner)), "b.zip")
        assert look.keys[-2].path == f"b.zip/{name}/a.zip/x.exe", look
    assert look.facts == set()


def test_discs(attached):
    """Each tree of a disc is read; what is the same in two is said once."""
    a = attached()
    for options, wanted in (
            (("-J", "-R"), ["x.exe", "words.txt"]),
            (("-J", "-R", "-hide", "x.exe"), ["words.txt", "x.exe"]),
            (("-J", "-R", "-hide-joliet", "x.exe"), ["x.exe", "words.txt"]),
            (("-J", "-hide", "x.exe"), ["x.exe"]),
            (("-l",), ["X.EXE"])):
        look = a.attached(ar.iso(*TWO, options=options), "a.iso")
        assert set(wanted) <= set(names(look)) and len(names(look)) == len(set(names(look))), (options, look)
        assert "archive=ambiguous:udf" not in look.facts
    look = a.attached(ar.iso(*TWO, options=("-udf", "-hide", "x.exe", "-J", "-hide-joliet", "x.exe")), "a.iso")
    assert "x.exe" not in names(look) and "archive=ambiguous:udf" in look.facts, look
    # Rock Ridge's names are not those that Windows shows.
    look = a.attached(ar.iso(*TWO, options=("-R",)), "a.iso")
    assert {"x.exe", "X.EXE"} <= {n.split(";")[0] for n in names(look)}, look


def test_images_with_a_tail(attached):
    """What is known by its last octets."""
    a = attached()
    for magic, kind in ((b"conectix", "vhd"), (b"koly", "dmg")):
        look = a.attached(bytes(4096) + magic + bytes(512 - len(magic)), "a.img")
        assert look.facts == {f"archive=broken:{kind}"}, look


JPEG = b"\xff\xd8\xff\xe0\0\x10JFIF\0" + bytes(range(256)) * 200


def test_behind_a_member(attached):
    """The same in an archive, where the beginning of a picture is not all that is of it."""
    a = attached()
    for kind in ("zip", "rar", "7z"):
        for make in (ar.zipped, ar.tarred, ar.seven_zip):
            look = a.attached(make(("photo.jpg", JPEG + KINDS[kind](*TWO))), "a.x")
            assert {"x.exe", "words.txt"} <= set(names(look)) and "archive=ambiguous:prepended" in look.facts, (kind, look)
    # What is too large to be held is searched.
    a = attached(attachment_memory_limit="64k", attachment_limit_action="accept")
    hidden = "archive=limit:memory"
    for end, told in ((b"", False), (ar.zipped(*TWO), True), (ar.rar(*TWO), True)):
        look = a.attached(ar.zipped(("photo.jpg", JPEG * 3 + end)), "a.zip")
        assert (hidden in look.facts) == told, look
        (key,) = [k for k in look.keys if k.name == "photo.jpg"]
        assert key.detected == "image/jpeg" and key.size == str(len(JPEG * 3 + end)), key


def test_behind_a_program(attached):
    """What opens itself: a zip, RAR or 7z behind a program or a picture."""
    a = attached()
    for kind in ("zip", "rar", "5.rar", "7z"):
        for begin, name in ((EXE, "a.exe"), (b"GIF89a" + bytes(200), "a.gif")):
            look = a.attached(begin + KINDS[kind](*TWO), name)
            assert {"x.exe", "words.txt"} <= set(names(look)) and "archive=ambiguous:prepended" in look.facts, (kind, look)


def test_two_at_once(attached):
    """One archive to who looks at its beginning, another to who looks at its end; decoys in front."""
    a = attached()
    zipped = ar.zip_of(TWO[0])
    for begin in (ar.rar(("a.txt", WORDS)), ar.tar_gz(("a.txt", WORDS)), ar.seven_zip(("a.txt", WORDS)), ar.iso(("a.txt", WORDS))):
        look = a.attached(begin + zipped, "a.zip")
        assert {"a.txt", "x.exe"} <= set(names(look)) and "archive=ambiguous:prepended" in look.facts, look
    look = a.attached(ar.rar(TWO[0]) + ar.zipped(TWO[1]), "a.exe")
    assert {"words.txt", "x.exe"} <= set(names(look)), look
    decoys = EXE + b"Rar!\x1a\7\0, and 7z\xbc\xaf'\x1c" * 5
    look = a.attached(decoys + ar.rar(*TWO), "a.exe")
    assert {"words.txt", "x.exe"} <= set(names(look)) and "archive=ambiguous:prepended" in look.facts, look
    # A program with these octets in it is no archive; too many of them are told.
    assert a.attached(decoys, "a.exe").facts == set()
    assert a.attached(decoys * 9, "a.exe").facts == {"archive=ambiguous:prepended"}
    # A member that is a zip is none of this (but in a cab that does not compress it has no end of the cab behind it).
    for make in (ar.tarred, ar.seven_zip, ar.rar, ar.rar5, ar.lha, ar.iso, ar.cpio):
        assert a.attached(make(("a.zip", zipped)), "a").facts == set()


def test_broken(attached):
    a = attached()
    for kind, make in KINDS.items():
        octets = make(("words.txt", WORDS), ("random", bytes(range(256)) * 400), ("x.exe", EXE))
        # An iso has room at its end.
        look = a.attached(octets[:octets.index(EXE) + 10 if kind == "iso" else len(octets) // 2], f"a.{kind}")
        assert any(f.startswith("archive=broken:") for f in look.facts), (kind, look)
        assert look.reply == OK
    look = a.attached(b"`\xea" + bytes(100), "a.arj")
    assert look.facts == {"archive=broken:arj"}


# --- types ---

MISMATCHES = (
    (EXE, "a.exe", "application/octet-stream", False),
    (EXE, "a.exe", "application/x-msdownload", False),
    (EXE, "a.exe", "image/png", True),
    (EXE, "a.pdf", "application/octet-stream", True),
    (EXE, "a.bin", "application/octet-stream", False),
    (EXE, "a", "text/plain", True),
    (WORDS, "a.pdf.exe", "application/octet-stream", True),
    (WORDS, "a.1.exe", "application/octet-stream", False),
    (WORDS, "a.pdf.js", "application/octet-stream", True),
    (WORDS, "a.js", "text/plain", False),
    (WORDS, "a.js", "image/gif", True),
    (b"#!/bin/sh\nrm -rf /\n", "a.jpg", "image/jpeg", True),
    (b"#!/bin/sh\nrm -rf /\n", "a.sh", "text/plain", False),
    (b"#!/bin/sh\nrm -rf /\n", "a.txt", "text/plain", False),
    (ar.zipped(*TWO), "a.zip", "application/zip", False),
    (ar.zipped(*TWO), "a.txt", "text/plain", True),
    (ar.zipped(*TWO), "a.docx", "application/octet-stream", False),
    (WORDS, "a.jpg", "image/jpeg", False),
    (WORDS, "\u202egpj.exe", "image/jpeg", True),
)


def test_mismatch(attached):
    a = attached()
    for octets, name, declared, is_wrong in MISMATCHES:
        look = a.attached(octets, name, declared)
        assert ("attachment=type_mismatch" in look.facts) == is_wrong, look


# --- the restriction ---

def test_each_recipient(attached, hop):
    """Three answers out of one scan: by a class, and by tables of their own."""
    a = attached(files={"per_user": f"{A} strict\n{B} holds\n", "strict": "/^[^;]*\\.(exe|scr|js)\\s*;/ REJECT no programs here\n",
                        "holds": "/; application\\/vnd.microsoft.portable-executable;/ HOLD a program\n"},
                 smtpd_restriction_classes="strict, holds", strict="check_attachment pcre:{dir}/strict",
                 holds="check_attachment pcre:{dir}/holds",
                 content_restrictions="check_recipient_access texthash:{dir}/per_user")
    assert a.send(message(part(ar.zipped(*TWO), "a.zip")), A, B, C) == ["554 5.7.1 no programs here", OK, OK]
    assert [m.recipients for m in hop.wait(1)] == [[C]]
    assert "attachment_messages" in a.f.ctl("status") and counter(a.f, "attachment_messages") == 1
    assert counter(a.f, "attachment_members") == 4        # the text is one of them


def counter(f, name):
    for line in f.ctl("status").splitlines():
        if line.split()[:1] == [name]:
            return int(line.split()[1])
    return 0


def test_ok_ends(attached):
    """An effect and the next key; OK ends the list."""
    a = attached(files={"t": "/^w\\.txt;/ HOLD words\n/^y\\.exe;/ OK\n/\\.exe;/ REJECT program\n"},
                 content_restrictions="check_attachment pcre:{dir}/t, reject")
    assert a.send(message(part(WORDS, "w.txt"), part(EXE, "y.exe"), part(EXE, "x.exe"))) == OK
    assert a.send(message(part(WORDS, "w.txt"), part(EXE, "x.exe"), part(EXE, "y.exe"))) == "554 5.7.1 program"
    assert "hold: words" in a.f.ctl("hold", "list", "--json")


def test_encrypted_action(attached):
    a = attached(attachment_encrypted_action="fail", attachment_broken_action="fail", attachment_on_failure="hold")
    a.f.expect("could not be checked: an attached archive ")
    for octets in (ar.zip_encrypted(*TWO), ar.zipped(*TWO)[:-60]):
        assert a.send(message(part(octets, "a.zip"))) == OK
    assert len(a.f.ctl("hold", "list", "--json").splitlines()) == 2


def test_table_fails(attached):
    a = attached(content_restrictions="check_attachment fail:x")
    a.f.expect("could not be checked")
    assert a.send(message(part(WORDS, "w.txt"))) == DEFERRED
    assert a.send(message()) == OK


def test_manual():
    """It names all parameters, facts and counters."""
    with open(os.path.join(SOURCE, "plugins", "attachment_params.def")) as f:
        wanted = re.findall(r'^P\(\w+, "(\w+)"', f.read(), re.M)
    with open(os.path.join(SOURCE, "plugins", "attachment.c")) as f:
        text = f.read()
    wanted += [f"{s}={v}" for s, v in re.findall(r'^\t\{ "(archive|attachment)", "(\w+)"', text, re.M)]
    wanted += re.findall(r'^\t\{ "(attachment_\w+)", "', text, re.M)
    assert len(wanted) > 18
    with open(os.path.join(SOURCE, "plugins", "filterd_attachment.5")) as f:
        manual = f.read()
    assert [w for w in wanted if not re.search(rf"(^|[\s(]){re.escape(w)}\b", manual)] == []


def test_no_database(attached):
    """libmagic's database is missing: nobody looks, and nothing is clean."""
    a = attached(attachment_magic_database="/nonexistent/magic")
    a.f.expect("libmagic|could not be checked")
    assert a.send(message(part(WORDS, "w.txt"))) == DEFERRED


def test_facts_decide(attached):
    """What the list knows behind it."""
    a = attached(files={"t": "archive=encrypted REJECT locked\nattachment=type_mismatch REJECT a lie\n"},
                 content_restrictions="check_attachment pcre:{dir}/all, check_fact texthash:{dir}/t")
    assert a.send(message(part(ar.zip_encrypted(*TWO), "a.zip"))) == "554 5.7.1 locked"
    assert a.send(message(part(EXE, "a.pdf"))) == "554 5.7.1 a lie"
    assert a.send(message(part(ar.zipped(*TWO), "a.zip"))) == OK
