"""Evasions of what mail readers see otherwise than Postfix, or than one another: where a part begins and ends, which charset
it has, which lines are one, and what is a page."""
import base64
import re

from evasions import FILE, HOST, PHRASE, Row
from evasions_hand import CTE64, HEAD, HTML, MIXED, b64, disposed, lines, mixed

P = PHRASE.encode()
PAGE = b"<p>" + P + b' <a href="http://' + HOST.encode() + b'/">x</a>\n'
PLAIN = b"Content-Type: text/plain"
ATTACHED = b"Content-Type: application/octet-stream; name=" + FILE.encode() + b"\n"


def multipart(parameters, body, boundary=b"b"):
    head = HEAD + b"Content-Type: multipart/mixed; " + parameters + b"\n\n"
    return head + body.replace(b"--b", b"--" + boundary)


def bounded():
    """name, body of a multipart with boundary b, {PART} the part that is to be found."""
    return [
        ("end-by-prefix", b'boundary="b"', b"--b\n\nhello\n--b--x\n--b\n{PART}--b--\n"),
        ("end-by-prefix-word", b'boundary="b"', b"--b\n\nhello\n--b-- and more\n--b\n{PART}--b--\n"),
        ("end-by-prefix-dashes", b'boundary="b"', b"--b\n\nhello\n--b---\n--b\n{PART}--b--\n"),
        ("rfc2231", b"boundary*=us-ascii''b", b"--b\n{PART}--b--\n"),
        ("rfc2231-percent", b"boundary*=us-ascii'en'%62", b"--b\n{PART}--b--\n"),
        ("rfc2231-pieces", b"boundary*0=b; boundary*1=c", b"--bc\n{PART}--bc--\n"),
        ("rfc2231-beside", b"boundary=no; boundary*=us-ascii''b", b"--b\n{PART}--b--\n"),
        ("rfc2231-before", b"boundary*=us-ascii''b; boundary=no", b"--b\n{PART}--b--\n"),
        ("empty", b'boundary=""', b"--\n{PART}----\n"),
        ("blank-behind", b'boundary="b "', b"--b\n{PART}--b--\n"),
        ("between-others", b"boundary=x; boundary=b; boundary=z", b"--x\n\nhello\n--b\n{PART}--b--\n--x--\n"),
    ]


# Fields in front of which, or among which, there is what is no field.
HEADERS = [
    ("line", b"garbage line\n%s"),
    ("name", b"X\x80: y\n%s"),
    ("name-blank", b"No field: y\n%s"),
    ("no-name", b": y\n%s"),
    ("from", b"From someone Sat Nov 21 10:00:00 2026\n%s"),
    ("two", b"garbage line\n and more\nX: y\nagain\n%s"),
    ("blank", b" %s"),
    ("tab", b"\t %s"),
    ("blank-line", b" x\n%s"),
]


def parts(page, attached):
    """The same twice: with a text, and with a file."""
    out = []
    for rule, part in (("text", page), ("url", page), ("file", attached)):
        for name, parameters, body in bounded():
            out.append((f"boundary-{name}-{rule}", multipart(parameters, body.replace(b"{PART}", part)), rule))
        for name, form in HEADERS:
            out.append((f"header-{name}-{rule}", mixed(b"\nhello\n", form % part), rule))
            out.append((f"header-{name}-attached-{rule}", mixed(b"\nhello\n", b"Content-Type: message/rfc822\n\n" + form % part),
                        rule))
        out.append((f"header-and-end-{rule}", MIXED + b"--b\n\nhello\n--b--x\n--b\ngarbage line\n" + part + b"--b--\n", rule))
    return out


def split_base64():
    """A line of base64 that begins as a boundary does: to who decodes it, '-' is nothing."""
    first, rest = (base64.b64encode(s) for s in (b"<p> replica ", b"watches of the finest kind"))
    assert base64.b64decode(b"ICAg") == b"   "
    return multipart(b'boundary="ICA"', b"--ICA\n" + HTML + CTE64 + b"\n" + first + b"\n--ICAg\n" + rest + b"\n--ICA--\n")


def charsets():
    octets = P.replace(b"i", b"+AGk-")
    text = b" see http+ADo-//" + HOST.encode() + b"/ now\n"
    kinds = [
        ("twice", PLAIN + b"; charset=utf-8; charset=utf-7\n"),
        ("twice-first", PLAIN + b"; charset=utf-7; charset=utf-8\n"),
        ("rfc2231-beside", PLAIN + b"; charset=utf-8; charset*=us-ascii''utf-7\n"),
        ("two-types", PLAIN + b"; charset=utf-7\n" + PLAIN + b"; charset=utf-8\n"),
        ("two-types-last", PLAIN + b"; charset=utf-8\n" + PLAIN + b"; charset=utf-7\n"),
        ("no-type", b"Content-Type: foo/bar; charset=utf-7\n"),
    ]
    return [(f"charset-{name}-{rule}", mixed(kind + b"\n" + octets + text), rule) for name, kind in kinds
            for rule in ("text", "url")]


def flowed():
    """RFC 3676, with delsp=yes: a blank at the end of a line is none."""
    text = b"%s\nrepl \nica watches of the fin \nest kind, see http://sh \nop.example/ now\n"
    out = []
    for name, kind, body in (
            ("plain", b"; format=flowed; delsp=yes", text),
            ("case", b"; DelSp=YES; Format=Flowed", text),
            ("quotes", b'; format=flowed; delsp="yes"', text),
            ("stuffed", b"; format=flowed; delsp=yes", text.replace(b" \n", b" \n ")),
            ("quoted", b"; format=flowed; delsp=yes", text.replace(b"\n", b"\n> "))):
        for rule in ("text", "url"):
            out.append((f"delsp-{name}-{rule}", HEAD + PLAIN + kind + body.replace(b"%s", b"\n", 1), rule))
    return out


def pages():
    """Attached pages, with so many control characters that they look like no text."""
    out = []
    for octets, junk in ((b"\0" * 200, "nul"), (b"<!--" + b"\1" * 150 + b"-->", "comment"), (b"\1" * 200, "controls")):
        for name in ("a.html", "a.htm", "A.HTML", "a.xht", "a.xhtml", "a.shtm", "a.shtml", "a.mht", "a.mhtml", "a.hta", "a.svg",
                     '"a.html."', '"a.html. ."', '"a.html "', '"a.html::$DATA"', "a.html; filename=a.bin"):
            out.append((f"{junk}-{name}", disposed(b"filename=" + name.encode(), body=octets + PAGE)))
        for kind in (b"application/html", b"application/xhtml+xml", b"image/svg+xml", b"text/html"):
            out.append((f"{junk}-{kind.decode()}", disposed(b"filename=a.bin", kind, octets + PAGE)))
        out += [(f"{junk}-name", disposed(b"filename=a.bin", b"application/octet-stream; name=a.html", octets + PAGE)),
                (f"{junk}-filename", disposed(b"filename=a.html", b"application/octet-stream; name=a.bin", octets + PAGE)),
                (f"{junk}-name-nul", disposed(b"filename*=utf-8''a.html%00.bin", body=octets + PAGE))]
    return [(f"page-{name}-{rule}", message, rule) for name, message in out for rule in ("text", "url")]


def two_types():
    """Of which one is that of a container: who takes the other sees a page that is no part."""
    out = []
    for name, container, body in (
            ("multipart", b"Content-Type: multipart/mixed; boundary=c\n", b"\n" + PAGE + b"--c\n\nhello\n--c--\n"),
            ("epilogue", b"Content-Type: multipart/mixed; boundary=c\n", b"\n--c\n\nhello\n--c--\n" + PAGE),
            ("message", b"Content-Type: message/rfc822\n", b"\nfoo: " + PAGE + b"\nhello\n")):
        for rule in ("text", "url"):
            out += [(f"types-{name}-first-{rule}", HEAD + container + HTML + body, rule),
                    (f"types-{name}-last-{rule}", HEAD + HTML + container + body, rule),
                    (f"types-{name}-attached-{rule}", mixed(b"\nhello\n", container + HTML + body), rule)]
    return out


def rows():
    found = parts(HTML + CTE64 + b"\n" + b64(PAGE), ATTACHED + CTE64 + b"\n" + b64(b"MZ nothing"))
    found += charsets() + flowed() + pages() + two_types()
    found += [("boundary-in-base64-text", split_base64(), "text"),
              ("boundary-starts-field-text", mixed(HTML + b"\n<p>\n--bX\nfoo: " + P + b"\n\nend\n"), "text")]
    # A name is the sender's address, too.
    return [Row("ways-" + re.sub('[^A-Za-z0-9.+-]+', "_", name), lines(message), rule) for name, message, rule in found]
