"""More evasions of what looks at names: fields that readers take apart in ways of their own, archives with several sides."""
import binascii
import io
import quopri
import struct
import zipfile
import zlib

from evasions import FILE, PHRASE, Row
from evasions_hand import CTE64, b64, disposed, encoded, lines, mixed, zip_of


def names():
    f = FILE.encode()
    quoted = lambda word: disposed(b'filename="' + word + b'"')                # noqa: E731
    rows = [
        ("rfc2047-glued", quoted(b"x" + encoded(b".exe"))),
        ("rfc2047-glued-words", quoted(encoded(f[:4]) + encoded(f[4:]))),
        ("rfc2047-blank-inside", quoted(b"=?utf-8?q?evil .exe?=")),
        ("rfc2047-no-padding", quoted(b"=?utf-8?b?ZXZpbA?= =?utf-8?b?LmV4ZQ?=")),
        ("rfc2047-nul", quoted(b"=?koi8-r?q?evil.exe=00.txt?=")),
        ("rfc2047-in-rfc2231", disposed(b"filename*=us-ascii''=?utf-8?q?evil=2Eexe?=")),
        ("rfc2231-utf-7", disposed(b"filename*=utf-7''evil%2BAC4-exe")),
        ("rfc2231-ibm037", disposed(b"filename*=ibm037''" + b"".join(b"%%%02x" % c for c in FILE.encode("cp037")))),
        ("rfc2231-not-utf-7", disposed(b"filename*=utf-16be''evil.exe")),
        ("rfc2231-64-pieces", disposed(b"".join(b"filename*%d=x; " % i for i in range(63)) + b"filename*63=.exe")),
        ("rfc2231-second-piece", disposed(b"filename*0=evil; filename*1=.txt; filename*1=.exe")),
        ("rfc2231-first-piece", disposed(b"filename*0=evil; filename*1=.exe; filename*1=.txt")),
        ("rfc2231-joined-pieces", disposed(b"filename*0=evil; filename*1=.e; filename*1=xe")),  # GMime's
        ("rfc2231-gap", disposed(b"filename*0=evil.exe; filename*2=.txt")),
        ("rfc2231-number-0", disposed(b"filename*0=evil.exe; filename*01=.txt")),
        ("comment-behind", disposed(b"filename=evil.exe(x)")),
        ("comment-inside", disposed(b"filename=evil(;).exe")),
        ("comment-behind-name", disposed(b"filename(x)=evil.exe")),
        ("apostrophes", disposed(b"filename='evil.exe'")),
        ("quotes-of-a-half", disposed(b'filename="evil".exe')),
        ("quotes-of-the-end", disposed(b'filename=evil".exe"')),
    ]
    for charset in (b"windows-1252", b"koi8-r", b"iso-8859-15", b"ascii", b"UTF8", b"x-nothing"):
        rows.append(("rfc2047-" + charset.decode(), quoted(b"=?" + charset + b"?Q?evil=2Eexe?=")))
    for i, field in enumerate((b"Content-Name: evil.exe", b"Content-Name: =?utf-8?B?ZXZpbC5leGU=?=",
                               b"X-Sun-Data-Name: evil.exe",
                               b"Content-Location: evil.exe", b"Content-Location: http://h.example/x/evil.exe",
                               b"Content-Description: evil.exe")):
        rows.append((f"other-field-{i}", mixed(
            b"\nhello\n", b"Content-Type: application/octet-stream\n" + field + b"\n" + CTE64 + b"\n" + b64(b"MZ"))))
    return rows + [("rfc2047-utf-7", quoted(b"=?utf-7?Q?evil+AC4-exe?="))]


# --- messages that are attached as files ---

def der(tag, content):
    size = len(content)
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag]) + (bytes([size]) if size < 128 else bytes([0x80 | len(octets)]) + octets) + content


def signed(octets):
    """An S/MIME file that is signed in the clear, without signatures: the content in one octet string."""
    data, signed_data = (der(6, bytes.fromhex("2a864886f70d01070" + n)) for n in "12")
    inner = der(2, b"\1") + der(0x31, b"") + der(0x30, data + der(0xa0, octets)) + der(0x31, b"")
    return der(0x30, signed_data + der(0xa0, der(0x30, inner)))


def messages():
    inner = lines(disposed(b"filename=evil.exe").replace(b"hello", PHRASE.encode()))
    plain = lambda kind: mixed(b"Content-Type: " + kind + b"\n" + CTE64 + b"\n" + b64(inner))     # noqa: E731
    smime = lambda kind, octets: plain(kind).replace(b64(inner), b64(signed(octets)))             # noqa: E731
    as_is = mixed(b'Content-Type: application/octet-stream; name="mail.eml"\n\n' +
                  inner.replace(b"\r\n", b"\n").replace(b'"b"', b'"c"').replace(b"--b", b"--c"))
    return [
        ("message-octets", plain(b"application/octet-stream; name=mail.eml")),
        ("message-name-dot", plain(b'application/octet-stream; name="mail.EML. ."')),
        ("message-mht", plain(b"application/x-mimearchive; name=page.mht")),
        ("message-text", plain(b"text/plain; name=mail.eml")),
        ("message-news", plain(b"message/news")),
        ("message-in-message", plain(b"message/rfc822").replace(b64(inner), b64(lines(plain(
            b"application/octet-stream; name=mail.eml"))))),
        ("message-8bit", as_is),
        ("message-signed", smime(b"application/pkcs7-mime; smime-type=signed-data; name=smime.p7m", der(4, inner))),
        ("message-signed-name", smime(b"application/octet-stream; name=smime.p7m", der(4, inner))),
        ("message-signed-pieces", smime(b"application/x-pkcs7-mime", b"\x24\x80" + b"".join(
            der(4, inner[i:i + 100]) for i in range(0, len(inner), 100)) + b"\0\0")),
        ("message-partial", plain(b"message/partial; id=x; number=1; total=1")),
        ("message-partial-8bit", as_is.replace(b'application/octet-stream; name="mail.eml"',
                                               b'message/partial; id=x; number="1"; total=2')),
    ]


# --- files in texts ---

def yenc(octets, name=FILE.encode()):
    out = b""
    for c in octets:
        c = c + 42 & 255
        out += bytes([ord("="), c + 64 & 255]) if c in b"\0\t\n\r.=" else bytes([c])
    return b"Hello,\n\n=ybegin line=128 size=%d name=%s\n%s\n=yend size=%d\n" % (len(octets), name, out, len(octets))


def in_texts():
    octets = b"MZ nothing"
    uu = b"Hello,\n\nbegin 644 evil.exe\n" + binascii.b2a_uu(octets) + b"`\nend\nBye\n"
    begin64 = b"Hello,\n\nbegin-base64 644 evil.exe\n" + b64(octets) + b"====\nBye\n"
    plain, qp = b"Content-Type: text/plain\n", b"Content-Transfer-Encoding: quoted-printable\n"
    old = b"From: someone@sender.example\nSubject: a file\n"
    rows = [(f"{name}-no-mime", old + b"\n" + text) for name, text in (
        ("uu", uu), ("begin-base64", begin64), ("yenc", yenc(octets)))]
    for name, text in (("uu", uu), ("begin-base64", begin64), ("yenc", yenc(octets))):
        rows += [(f"{name}-qp", mixed(plain + qp + b"\n" + quopri.encodestring(text))),
                 (f"{name}-base64", mixed(plain + CTE64 + b"\n" + b64(lines(text)))),
                 (f"{name}-html", mixed(b"Content-Type: text/html\n\n<pre>\n" + text)),
                 (f"{name}-octets", mixed(b"Content-Type: application/octet-stream\n\n" + text)),
                 (f"{name}-unknown-type", mixed(b"Content-Type: foo/bar\n\n" + text))]
    return rows + [
        ("begin-base64-pad-inside", mixed(plain + b"\n" + begin64.replace(b64(octets), b"TV=" + b64(octets)[2:]))),
        ("yenc-in-uu", mixed(plain + b"\nbegin 644 a.txt\n" + yenc(octets))),
        ("yenc-encoding", disposed(b"filename=a.txt").replace(b"hello", yenc(octets, b"a")).replace(
            b"filename=a.txt\n", b"filename=evil.exe\nContent-Transfer-Encoding: x-yencode\n")),
    ]


def words():
    """Several words in one Content-Transfer-Encoding."""
    page = b64(b"<p>" + PHRASE.encode())
    return [(f"encoding-{name}", mixed(b"Content-Type: text/html\nContent-Transfer-Encoding: " + words + b"\n\n" + page))
            for name, words in (("two", b"7bit base64"), ("comma", b"8bit, base64"), ("unknown", b"x-none base64"),
                                ("behind", b"quoted-printable base64"))]


def calendars():
    """RFC 5545: lines are folded anywhere, and there are backslashes."""
    first, rest = PHRASE.encode().split(b"watches")
    text = b"BEGIN:VCALENDAR\nBEGIN:VEVENT\nSUMMARY:" + first + b"wat\n ches" + rest.replace(b" of", b"\\n of") + (
        b"\nURL:http://shop.exa\n mple/\nEND:VEVENT\nEND:VCALENDAR\n")
    out = []
    for name, kind in (("calendar", b"text/calendar; method=REQUEST"), ("vcard", b"text/vcard"),
                       ("ics", b"application/ics"), ("ics-name", b"application/octet-stream; name=invite.ics"),
                       ("vcf-name", b"application/octet-stream; name=me.vcf"), ("plain", b"text/plain; name=invite.ics")):
        message = mixed(b"Content-Type: " + kind + b"\n\n" + text)
        out += [(f"folded-{name}-text", message, "text"), (f"folded-{name}-url", message, "url")]
    link = b"[InternetShortcut]\nURL=http://shop.example/\n"
    for name in (b"a.url", b"a.webloc", b"a.xml", b"a.csv", b"a.log"):
        out.append((f"link-in-{name.decode()}", mixed(b"Content-Type: application/octet-stream; name=" + name + b"\n\n" +
                                                      link), "url"))
    return out


def shown_names():
    """Names whose strings and comments no reader shows."""
    p = PHRASE.encode()
    rows = [("pair", b'"' + p[:3] + b"\\" + p[3:] + b'"'), ("strings", p.replace(b"watches", b'"watches"')),
            ("comment", p.replace(b" ", b"(x) ", 1)), ("comment-and-word", b"=?utf-8?q?replica?= (x) " + p[8:])]
    head = b"Subject: an order\nFrom: %s <a@sender.example>\n\nhello\n"
    return [(f"shown-{name}", head % shown, "header") for name, shown in rows]


# --- archives ---

def unicode_path(header_name, name, central=True, crc_of=None):
    """A zip whose member has another name in Info-ZIP's extra field: in the directory, or in front of the member."""
    extra = struct.pack("<BI", 1, zlib.crc32(crc_of or header_name.encode())) + name.encode()
    extra = struct.pack("<HH", 0x7075, len(extra)) + extra
    plain = zip_of((header_name, b"MZ nothing"))
    at, end, local = plain.index(b"PK\1\2"), plain.index(b"PK\5\6"), 30 + len(header_name)
    entry, tail = bytearray(plain[at:end]), bytearray(plain[end:])
    begin = bytearray(plain[:at])
    if central:
        struct.pack_into("<H", entry, 30, len(extra))
        entry += extra
        struct.pack_into("<I", tail, 12, len(entry))
    else:
        struct.pack_into("<H", begin, 28, len(extra))
        begin[local:local] = extra
        struct.pack_into("<I", tail, 16, len(begin))
    return bytes(begin + entry + tail)


def archives():
    made = [
        ("zip-unicode-path", unicode_path("readme.txt", FILE)),
        ("zip-unicode-path-bad-sum", unicode_path("readme.txt", FILE, crc_of=b"x")),
        ("zip-unicode-path-local", unicode_path("readme.txt", FILE, central=False)),
    ]
    picture = b"\xff\xd8\xff\xe0\0\x10JFIF\0" + bytes(range(256)) * 200
    made.append(("zip-behind-picture-in-zip", zip_of(("photo.jpg", picture + zip_of((FILE, b"MZ nothing"))))))
    return [(name, disposed(b"filename=offer.zip", b"application/zip", octets)) for name, octets in made]


def rows():
    groups = [("name", "file", names()), ("file", "file", messages()), ("archive", "file", archives())]
    out = [Row(f"{group}-{name}", lines(message), rule) for group, rule, made in groups for name, message in made]
    out += [Row(f"in-text-{name}", lines(message), "file") for name, message in in_texts()]
    out.append(Row("in-text-binhex", lines(mixed(b"Content-Type: text/plain\n\nHello,\n\n(This file must be converted with "
                                                 b"BinHex 4.0)\n\n:$f*TEQKPH#\"[FQ4!:\n")), "fact archive=broken"))
    out += [Row(name, lines(message), rule) for name, message, rule in calendars() + shown_names()]
    out += [Row(f"text-{name}", lines(message), "text") for name, message in words()]
    return out + [Row(f"text-{name}", lines(message), "text") for name, message in messages()]
