"""Header fields and names of files of well-formed mail, decoded by filterd, by Python's email package and by GMime: what
check_decoded_header and check_attachment look up first is what the others give.

Compared are Subject, the names of the people in From, and the names of files, in every charset that filterd and Python have,
with every character that has a place in it.  Where they are not the same DIFFERENCES has a row, with the reason.  Of the fields and names among the evasions, which are not
well-formed, what the others show must be one of the texts that are looked up.

FILTERD_BUILD_DIR names the build directory.
"""
import collections
import email
import email.policy
import functools
import os
import re
import subprocess
import unicodedata

import pytest

import decoded_mail
import evasions_files
import evasions_hand
from conftest import cannot

PROGRAM = os.path.join(os.environ.get("FILTERD_BUILD_DIR", "."), "tests/lib/field_texts")
MAIL = decoded_mail.corpus()
Decoded = collections.namedtuple("Decoded", "subject people names")


# --- what each says ---

def run(*args, mail):
    if not os.path.exists(PROGRAM):
        cannot("%s is not built" % PROGRAM)
    done = subprocess.run([PROGRAM, *args], input=mail, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120)
    if done.returncode == 77:
        cannot(done.stderr.decode())
    assert done.returncode == 0, done.stderr
    out, found = done.stdout, collections.defaultdict(list)
    while out:
        line, _, out = out.partition(b"\n")
        thing, n = line.decode().split(" ")
        found[thing].append(out[:int(n)].decode("utf-8", "replace"))
        out = out[int(n):]
    return found


def unquoted(name):
    return re.sub(r"\\(.)", r"\1", name[1:-1]) if name.startswith('"') and name.endswith('"') else name


def people(field):
    """The field is a text in which nothing tells a comma that was encoded from one between two people, so all names are
    one text here: what stands in front of each address."""
    if "<" not in field:
        return ""
    return ", ".join(unquoted(name) for name in re.findall(r"(?:^|(?<=>), )(.*?) ?<[^<>]*>", field))


def joined(names):
    return ", ".join(n for n in names if n)


@functools.cache
def ours(name):
    found = run(mail=MAIL[name])
    names = found["name"]
    if name == "ordinary: uuencoded":  # the file in the text, which is none for the others
        assert names.pop() == "x.txt"
    return Decoded(found["subject"][0], people(found["from"][0]), "\n".join(names))


@functools.cache
def gmime(name):
    found = run("gmime", mail=MAIL[name])
    return Decoded(found["subject"][0], joined(found["person"]), "\n".join(found["name"]))


def leaves(part):
    if part.is_multipart() and part.get_content_type() != "message/delivery-status":
        for inner in part.get_payload():
            yield from leaves(inner)
    else:
        yield part


def octets_too(text):
    """Octets that stand there as they are Python leaves for its caller."""
    return text.encode("utf-8", "surrogateescape").decode()


@functools.cache
def python(name):
    m = email.message_from_bytes(MAIL[name], policy=email.policy.default)
    return Decoded(str(m["Subject"]), octets_too(joined(a.display_name for a in m["From"].addresses)),
                   octets_too("\n".join(part.get_filename() or "" for part in leaves(m))))


WHO = {"python": python, "gmime": gmime}


# --- where they differ ---

def anything(_ours, _theirs):
    return True


def signs(pairs, gone=""):
    """Theirs has the first of two where ours has the second; and it may have, or lack, the others."""
    table = str.maketrans(pairs[1::2], pairs[::2], gone)
    return lambda mine, theirs: mine.translate(table) == theirs.translate(table)


def composed(mine, theirs):
    return unicodedata.normalize("NFC", mine) == unicodedata.normalize("NFC", theirs)


def lost(mine, theirs):
    """Something in theirs is missing."""
    same = len(os.path.commonprefix([mine, theirs]))
    return len(theirs) < len(mine) and mine.endswith(theirs[same:])


def reads(text):
    return lambda _mine, theirs: theirs == text


MARK = "\ufeff"
# Who, which of Decoded's members, the mail (each that differs must do so as the row says, and one must differ), how theirs
# comes of ours, and why.
DIFFERENCES = [
    # of the texts
    ("python|gmime", "subject", "folded", signs("\t "), "a tab is shown as the blank that a reader sees"),
    ("python", "subject", "folded at once", reads(" one"), "Python keeps the blank of the first fold"),
    ("gmime", "people", "folded", reads("One\r\n Two"), "GMime keeps a fold that stands in quotes"),
    ("python", "people", "two charsets|two, folded|two encodings|short .* [BQ]", signs("", " " + MARK),
     "Python puts a blank between two encoded words of a name, which RFC 2047 6.2 forbids"),
    ("gmime", "people", "comment", reads("Grüße"), "GMime takes a comment for a name; the check looks at all of the field"),
    ("python", "people", "group", reads("Köln"), "Python leaves out the group's name"),
    ("gmime", "people", "group", reads("Grüße"), "GMime gives the group, and not who is in it"),
    ("gmime", "people", "blanks", reads("a"), "GMime takes blanks away that are in the encoded word"),
    ("python|gmime", "names", "name, both", reads("EURO rates.txt"),
     "RFC 2231's name counts, as for mail readers; check_attachment looks up the other, too"),
    # of the charsets
    ("gmime", "subject|people|names", r"(all of|short|name of words) .* B", lost,
     "GMime leaves out what stands behind an encoded word with '=' at its end, if it is of the same charset"),
    ("gmime", "subject|people|names", ".* hz-gb-2312.*", anything, "GMime's iconv has no HZ"),
    ("gmime", "names", r"name .*utf-(16|32).*", anything, "GMime's names end at an octet of 0"),
    ("python", "subject|people|names", r".* utf-(16|32) [BQ]", signs("", " " + MARK),
     "each word begins with a byte order mark; the text is looked up with those in the middle, and without"),
    ("python", "subject|people|names", ".* (hz-)?gb-?2312.*", signs("・·―—", " "), "GB 2312 is read as its successor GB 18030, as browsers do"),
    ("gmime", "subject|people|names", ".* big5( [BQ])?", signs("‧•﹑､¯‾～∼⊕♁⊙☉∕／﹨＼￥¥￠¢￡£"),
     "Big5 is read as Big5-HKSCS, as browsers do"),
    ("gmime", "subject", "all of big5-hkscs [BQ]", lambda mine, theirs: theirs.startswith(mine[:mine.index("╴")] + "?Z"),
     "three signs that the C library's iconv leaves out, and goes on in the middle of"),
    ("python", "subject", "all of windows-1258 [BQ]", composed, "the C library puts a letter and its accent together"),
    ("python", "subject", "all of mac-cyrillic [BQ]", signs("€¤"), "the C library has the sign of before the euro"),
    ("python", "subject", "all of macintosh [BQ]", signs("∆Δ"), "the C library has the letter, Python the increment"),
    ("python", "subject", "all of ibm273 [BQ]", signs("‾¯"), "the C library has the macron, Python the overline"),
    ("python|gmime", "subject", "all of shift_jis [BQ]", signs("〜～‖∥−－¢￠£￡¬￢"),
     "Shift_JIS is read as Windows' code page 932, as browsers do"),
]


def rows_for(who, part, name):
    return [r for r in DIFFERENCES if re.fullmatch(r[0], who) and re.fullmatch(r[1], part) and re.fullmatch(r[2], name)]


@pytest.mark.parametrize("name", MAIL)
@pytest.mark.parametrize("who", WHO)
def test_same(who, name):
    for part, mine, theirs in zip(Decoded._fields, ours(name), WHO[who](name)):
        if mine != theirs and not any(how(mine, theirs) for _, _, _, how, _ in rows_for(who, part, name)):
            assert mine == theirs, part


def differs(row, who, part, name):
    mine, theirs = getattr(ours(name), part), getattr(WHO[who](name), part)
    return mine != theirs and row[3](mine, theirs)


@pytest.mark.parametrize("row", DIFFERENCES, ids=[f"{r[0]}-{r[1]}-{r[2]}" for r in DIFFERENCES])
def test_still_differs(row):
    for who in row[0].split("|"):
        names = [n for n in MAIL if re.fullmatch(row[2], n)]
        assert any(differs(row, who, part, n) for part in row[1].split("|") for n in names), row[4]


# --- what is not well-formed ---

ODD = {kind + ": " + name: message.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
       for kind, rows in (("field", evasions_hand.headers()), ("name", evasions_hand.names()), ("name", evasions_files.names()))
       for name, message in rows}


@functools.cache
def looked_up(name):
    found = run(mail=ODD[name])
    return found["subject"], found["name"] + found["other"]


@functools.cache
def shown(who, name):
    if who == "gmime":
        found = run("gmime", mail=ODD[name])
        return found["subject"], [n for n in found["name"] if n]
    m = email.message_from_bytes(ODD[name], policy=email.policy.default)
    return [octets_too(m["Subject"] or "")], [octets_too(n) for n in (part.get_filename() for part in leaves(m)) if n]


def beginning(texts, theirs):
    return any(t.startswith(theirs) for t in texts)


# Who, which, how the text is found all the same, and why.
ODD_DIFFERENCES = [
    ("python|gmime", "field: folded-(tabs|much)", lambda texts, theirs: theirs.replace("\t", " ") in texts, "a tab is shown as a blank"),
    ("python", "field: empty-first-line", lambda texts, theirs: theirs.strip() in texts, "Python keeps the first blank"),
    ("python", "field: blank-before-colon", lambda texts, theirs: theirs == "", "Python does not take it for a field"),
    ("python|gmime", "field: nul", lambda texts, theirs: theirs.replace("?", "").replace("\0", "") in texts, "controls are left out"),
    ("gmime", "field: (two-words|letter-by-letter|glued-words)|name: rfc2047-(two|glued-words)", beginning,
     "GMime leaves out what stands behind an encoded word with '=' at its end"),
    ("python|gmime", "field: (pads?-inside|two-groups)", beginning, "they end at an '=' inside base64; others go on"),
    ("gmime", "name: (rfc2047-)?nul", lambda texts, theirs: beginning(texts, theirs.strip('"')),
     "GMime ends at the NUL, as check_attachment does in one of its keys"),
    ("gmime", "name: unterminated-quote", lambda texts, theirs: theirs.lstrip('"') in texts, "GMime keeps the quote"),
    ("gmime", "name: rfc2047-no-padding", lambda texts, theirs: theirs.replace("?", "\ufffd") in texts,
     "GMime has another sign for what is no character"),
    ("python", "name: dots-and-blanks-behind", beginning, "Python takes a blank away; check_attachment all of that"),
    ("python", "name: (comment-inside|quotes-of-the-end)", beginning, "Python ends at the sign; others go on, to the name that runs"),
]


def odd_ones(who, name):
    """What the reader shows and nobody looks up."""
    return [(theirs, texts) for all_theirs, texts in zip(shown(who, name), looked_up(name)) for theirs in all_theirs
            if theirs not in texts]


@pytest.mark.parametrize("name", ODD)
@pytest.mark.parametrize("who", WHO)
def test_looked_up(who, name):
    rows = [r for r in ODD_DIFFERENCES if re.fullmatch(r[0], who) and re.fullmatch(r[1], name)]
    for theirs, texts in odd_ones(who, name):
        assert any(how(texts, theirs) for _, _, how, _ in rows), (theirs, texts)


@pytest.mark.parametrize("row", ODD_DIFFERENCES, ids=[f"{r[0]}-{r[1]}" for r in ODD_DIFFERENCES])
def test_still_odd(row):
    for who in row[0].split("|"):
        assert any(odd_ones(who, n) for n in ODD if re.fullmatch(row[1], n)), row[3]
