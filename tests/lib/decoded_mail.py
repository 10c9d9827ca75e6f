"""Mail with header fields and names of files beyond ASCII, as RFC 2047 and RFC 2231 want them: {what it is: octets}."""
import base64
import codecs
import os
import re
import urllib.parse

import ordinary

SOURCE = os.environ.get("FILTERD_SOURCE_DIR", os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))

# How a charset is called in mail, where that is not iconv's name for it.
MAIL_NAMES = {
    "BIG5-HKSCS": ["big5", "big5-hkscs"], "GB18030": ["gb2312", "gbk", "gb18030"], "CP932": ["shift_jis", "cp932"],
    "CP949": ["euc-kr", "ks_c_5601-1987", "cp949"], "CP874": ["tis-620", "windows-874", "iso-8859-11"],
    "CP850": ["ibm850"], "CP858": ["ibm858"],
    "CP866": ["ibm866"],
    "WINDOWS-1254": ["iso-8859-9", "windows-1254"],
} | {f"CP{n}": [f"windows-{n}"] for n in range(1250, 1259) if n != 1254}
BESIDE_ICONV = ["us-ascii", "utf-8", "iso-8859-1", "windows-1252", "hz-gb-2312", "utf-16", "utf-16le", "utf-16be", "utf-32",
                "utf-32le", "utf-32be"]


def known_to_python(charset):
    try:
        codecs.lookup(charset)
    except LookupError:
        return False
    return True


def charsets():
    """Those of mail/charsets.def that Python has too."""
    with open(os.path.join(SOURCE, "filterd/mail/charsets.def"), encoding="ascii") as f:
        iconv = dict.fromkeys(re.findall(r'^C\("[^"]*", \w+, "([^"]*)"\)', f.read(), re.M))
    names = [n for i in iconv for n in MAIL_NAMES.get(i, [i.lower()])] + BESIDE_ICONV
    return [n for n in names if known_to_python(n)]


def repertoire(charset):
    """Every character beyond ASCII that the charset has, as far as it can be had from one or two octets."""
    if charset.startswith(("utf-", "gb18030", "us-ascii")):
        return "Grüße, 你好, мир, שלום €" if charset != "us-ascii" else "plain words"
    singles = [bytes([a]) for a in range(256)]
    doubles = [bytes([a, b]) for a in range(0x81, 0xff) for b in range(0x30, 0xff)]
    escape = {"iso-2022-jp": b"\x1b$B", "iso-2022-jp-2": b"\x1b$B", "iso-2022-kr": b"\x1b$)C\x0e", "hz-gb-2312": b"~{"}
    back = {"iso-2022-jp": b"\x1b(B", "iso-2022-jp-2": b"\x1b(B", "iso-2022-kr": b"\x0f", "hz-gb-2312": b"~}"}
    if charset in escape:
        doubles = [escape[charset] + bytes([a, b]) + back[charset] for a in range(0x21, 0x7e) for b in range(0x21, 0x7f)]
    found = {}
    for octets in singles + doubles:
        if charset == "big5" and 0xc6 <= octets[0] <= 0xc8:  # each font's own
            continue
        try:
            c = octets.decode(charset)
        except UnicodeDecodeError:
            continue
        if len(c) == 1 and ord(c) > 0x9f and c.isprintable() and not re.match(r"\s", c):
            found[c] = None
    return "".join(found)


# --- encoded words ---

def word(charset, text, how):
    octets = text.encode(charset)
    if how == "B":
        inside = base64.b64encode(octets).decode()
    else:
        inside = "".join(chr(o) if chr(o).isalnum() and o < 128 else "_" if o == 32 and charset in PLAIN_BLANK else "=%02X" % o
                         for o in octets)
    return f"=?{charset}?{how}?{inside}?="


# In the others an octet 32 need not be a blank, and '_' is the octet.
PLAIN_BLANK = ("utf-8", "us-ascii", "iso-8859-1")


def words(charset, text, how):
    """As few words as there can be, none longer than 75 octets, each of whole characters."""
    found, piece = [], ""
    for c in text:
        if len(word(charset, piece + c, how)) > 75:
            found.append(word(charset, piece, how))
            piece = ""
        piece += c
    return found + [word(charset, piece, how)]


def mail(subject="x", sender="a@example.com", disposition=None, type_="application/octet-stream"):
    fields = [("From", sender), ("Subject", subject), ("MIME-Version", "1.0"), ("Content-Type", type_),
              ("Content-Disposition", disposition)]
    head = "".join(f"{name}: {value}\n" for name, value in fields if value is not None)
    return (head + "\nx\n").replace("\n", "\r\n").encode("utf-8", "surrogateescape")


def of_words(charset, how):
    text = repertoire(charset)
    whole = "\n ".join(words(charset, text, how))
    short = " ".join(words(charset, text[:12], how))
    return {
        f"all of {charset} {how}": mail(whole),
        f"short {charset} {how}": mail(f"Re: {short} (old)", f"{short} <a@example.com>"),
        f"apart {charset} {how}": mail(f"{word(charset, text[:4], how)} and\n {word(charset, text[4:8], how)}",
                                       f"{word(charset, text[:4], how)} Q. {word(charset, text[4:8], how)} <a@example.com>"),
    }


def of_forms():
    a, b = word("utf-8", "Grüße", "Q"), word("iso-8859-1", "Köln", "B")
    return {
        "plain": mail("plain words", "A Person <a@example.com>"),
        "quoted": mail("x", '"Person, A. \\"B\\" \\\\" <a@example.com>'),
        "folded": mail("one\n two\n\tthree\n   four", '"One\n Two" <a@example.com>'),
        "folded at once": mail("\n one", "\n A <a@example.com>"),
        "two charsets": mail(f"{a} {b}", f"{a} {b} <a@example.com>"),
        "two, folded": mail(f"{a}\n  \t{b}", f"{a}\n {b} <a@example.com>"),
        "two encodings": mail(f"{a} {word('utf-8', 'aus', 'B')}", f"{word('utf-8', 'aus', 'B')} {a} <a@example.com>"),
        "lower case": mail("=?utf-8?q?a_b?=", "=?utf-8?b?YQ==?= <a@example.com>"),
        "language": mail("=?utf-8*de?Q?Gr=C3=BC=C3=9Fe?=", "=?iso-8859-1*de-DE?B?S/ZsbiE=?= <a@example.com>"),
        "comment": mail("x", f"a@example.com ({a})"),
        "two people": mail("x", f"{a} <a@example.com>,\n {b} <b@example.com>, plain <c@example.com>"),
        "group": mail("x", f"{a}: {b} <b@example.com>;"),
        "empty": mail("", ""),
        "no words": mail("=? is not one, nor =?this? or a?=b?=c", "a@example.com"),
        "all signs": mail(word("utf-8", "".join(map(chr, range(33, 127))), "Q")),
        "blanks": mail("=?utf-8?Q?_a__b_?= c", "=?utf-8?Q?_a_?= <a@example.com>"),
        "raw utf-8": mail("Grüße 你好", "Grüße <a@example.com>"),
        "raw utf-8, quoted": mail("x", '"Grüße, 你好" <a@example.com>'),
    }


# --- names of files ---

def percent(charset, text):
    return urllib.parse.quote(text.encode(charset), safe="")


def in_pieces(charset, text, size=20):
    """Each of whole characters, for some decode each by itself; a byte order mark stands in the first alone."""
    for i in range(0, len(text), size):
        unmarked = charset + "-le" if i > 0 and charset in ("utf-16", "utf-32") else charset
        yield percent(unmarked, text[i:i + size])


def attached(parameters):
    return mail(disposition="attachment;\n " + ";\n ".join(parameters))


def of_names(charset):
    text = repertoire(charset)[:60].replace("/", "") + ".txt"
    star = [f"filename*{i}*=" + (f"{charset}'en'" if i == 0 else "") + p for i, p in enumerate(in_pieces(charset, text))]
    found = {
        f"name {charset}": attached([f"filename*={charset}''{percent(charset, text)}"]),
        f"name of pieces {charset}": attached(star),
        f"name and disposition {charset}": mail(
            type_=f"text/plain;\n name*={charset}''{percent(charset, text)}", disposition="attachment"),
    }
    for how in "BQ":
        found[f"name of words {charset} {how}"] = attached(['filename="%s"' % "\n ".join(words(charset, text, how))])
    return found


def of_plain_names():
    e = "utf-8''%E2%82%AC%20rates.txt"
    rows = {
        "token": ["filename=a.txt"],
        "quoted": ['filename="a b;c=d, (e).txt"'],
        "pairs": ['filename="a\\"b\\\\c.txt"'],
        "folded": ['filename="a\n b.txt"'],
        "empty": ['filename=""'],
        "case": ["FileName=A.TXT"],
        "others": ["size=3", 'filename="a.txt"', "x=y"],
        "pieces": ['filename*0="a "', 'filename*1="b"', "filename*2=.txt"],
        "twelve pieces": [f"filename*{i}={c}" for i, c in enumerate("abcdefghijkl")],
        "out of order": ["filename*1=b.txt", "filename*0=a"],
        "mixed pieces": ["filename*0*=utf-8''%e2%82%ac", "filename*1=%41", "filename*2*=%41.txt"],
        "percent": ["filename=a%41.txt"],
        "both": ["filename=\"EURO rates.txt\"", f"filename*={e}"],
        "both, other way": [f"filename*={e}", "filename=\"EURO rates.txt\""],
        "no charset": ["filename*=''a%20b.txt"],
        "raw utf-8": ['filename="Grüße.txt"'],
    }
    found = {"name, " + name: attached(parameters) for name, parameters in rows.items()}
    found["name, of the type"] = mail(type_='text/plain; name="a b.txt"')
    found["name, of both"] = mail(type_='text/plain; name="type.txt"', disposition='attachment; filename="disposition.txt"')
    found["name, none"] = mail(disposition="attachment")
    return found


def corpus():
    found = {"ordinary: " + name: m for name, m in ordinary.ordinary().items()}
    found.update(of_forms())
    found.update(of_plain_names())
    for charset in charsets():
        for how in "BQ":
            found.update(of_words(charset, how))
        found.update(of_names(charset))
    return found
