"""EICAR in messages put together octet by octet: what no library would write, and mail readers understand."""
import base64
import binascii
import quopri

import eicar_files as files
from eicar import EICAR, FILE_TYPE, FOUND, LIMIT, Case

B64 = base64.b64encode(EICAR)
HEAD = (b"From: someone@sender.example\nTo: user@here.example\nSubject: the test file\n"
        b"Date: Sat, 21 Nov 2026 10:00:00 +0000\nMessage-ID: <1@sender.example>\n")
MIME = HEAD + b"MIME-Version: 1.0\n"
MIXED = MIME + b'Content-Type: multipart/mixed; boundary="b"\n\n'
PART = b"Content-Type: " + FILE_TYPE.encode() + b"\nContent-Disposition: attachment; filename=eicar.com\n"
CTE64 = b"Content-Transfer-Encoding: base64\n"


# libclamav reads none of these as mail readers do: it wants nothing behind the '=' of a soft line break, does not
# decode a multipart, misses what is in a message at the top whose base64 has mistakes, ends base64 at an "=", and looks
# for files in a text only if they are uuencoded and the text is not encoded.
IN_PART = ("qp-blanks-behind-soft", "qp-cr-in-soft", "multipart-base64", "top-multipart-qp", "top-message-base64-junk",
           "base64-pad-inside-2", "base64-pads-inside", "uuencode-in-qp-text", "uuencode-in-base64-text", "begin-base64-in-text",
           "yenc-in-text", "yenc-in-qp-text", "yenc-no-mime")


def body64(octets=None):
    """Base64 in lines."""
    return base64.encodebytes(EICAR if octets is None else octets)


def mixed(*parts, head=MIXED, end=b"--b--\n"):
    return head + b"".join(b"--b\n" + p for p in parts) + end


def file_part(encoding, body):
    return PART + encoding + b"\n" + body


def quoted(soft=b"=\n"):
    """Every octet as =HH, and soft breaks."""
    lines = [b"".join(b"=%02x" % c for c in EICAR[i:i + 20]) for i in range(0, len(EICAR), 20)]
    return soft.join(lines) + b"\n"


def uuencoded(name=b"eicar.com", end=b"`\nend\n"):
    lines = [binascii.b2a_uu(EICAR[i:i + 45], backtick=True) for i in range(0, len(EICAR), 45)]
    return b"begin 644 " + name + b"\n" + b"".join(lines) + end


def yenc():
    out = b""
    for c in EICAR:
        c = c + 42 & 255
        out += bytes([ord("="), c + 64 & 255]) if c in b"\0\t\n\r.=" else bytes([c])
    return b"=ybegin line=128 size=%d name=eicar.com\n%s\n=yend size=%d crc32=%08x\n" % (
        len(EICAR), out, len(EICAR), binascii.crc32(EICAR))


def encodings():
    part = file_part
    return [
        ("base64-one-line", part(CTE64, B64 + b"\n")),
        ("base64-spaced", part(CTE64, b" ".join(bytes([c]) for c in B64) + b"\n")),
        ("base64-short-lines", part(CTE64, b"\n".join(B64[i:i + 3] for i in range(0, len(B64), 3)) + b"\n")),
        ("base64-blank-lines", part(CTE64, B64[:40] + b"\n\n\n" + B64[40:] + b"\n")),
        ("base64-junk", part(CTE64, B64[:40] + b"!*$" + B64[40:] + b"\n")),
        ("base64-junk-lines", part(CTE64, B64[:40] + b"\n*****\n" + B64[40:] + b"\n")),
        ("base64-pad-inside-2", part(CTE64, B64[:42] + b"=" + B64[42:] + b"\n")),
        ("base64-pad-inside-3", part(CTE64, B64[:43] + b"=\n" + B64[43:] + b"\n")),
        ("base64-pads-inside", part(CTE64, B64[:42] + b"==" + B64[42:] + b"\n")),
        ("base64-unpadded", part(CTE64, B64.rstrip(b"=") + b"\n")),
        ("base64-more-padding", part(CTE64, B64 + b"====\n")),
        ("base64-text-behind", part(CTE64, body64() + b"\nThis was a virus.\n")),
        ("base64-case", part(b"content-TRANSFER-encoding: BASE64\n", body64())),
        ("base64-semicolon", part(b"Content-Transfer-Encoding: base64;\n", body64())),
        ("base64-quoted", part(b'Content-Transfer-Encoding: "base64"\n', body64())),
        ("base64-comment", part(b"Content-Transfer-Encoding: (no) base64\n", body64())),
        ("base64-comment-behind", part(b"Content-Transfer-Encoding: base64 (yes)\n", body64())),
        ("base64-folded", part(b"Content-Transfer-Encoding:\n base64\n", body64())),
        ("base64-blank-before-colon", part(b"Content-Transfer-Encoding : base64\n", body64())),
        ("base64-no-blank", part(b"Content-Transfer-Encoding:base64\n", body64())),
        ("base64-twice", part(CTE64 + CTE64, body64())),
        ("base64-then-7bit", part(CTE64 + b"Content-Transfer-Encoding: 7bit\n", body64())),
        ("7bit-then-base64", part(b"Content-Transfer-Encoding: 7bit\n" + CTE64, body64())),
        ("qp-every-octet", part(b"Content-Transfer-Encoding: quoted-printable\n", quoted())),
        ("qp-blanks-behind-soft", part(b"Content-Transfer-Encoding: quoted-printable\n", quoted(b"= \t\n"))),
        ("uuencode", part(b"Content-Transfer-Encoding: x-uuencode\n", uuencoded())),
        ("uuencode-name", part(b"Content-Transfer-Encoding: uuencode\n", uuencoded(b"a file.com"))),
        ("uuencode-no-end", part(b"Content-Transfer-Encoding: x-uuencode\n", uuencoded(end=b""))),
        ("uuencode-uue", part(b"Content-Transfer-Encoding: x-uue\n", uuencoded())),
        ("yenc", part(b"Content-Transfer-Encoding: x-yencode\n", yenc())),
        ("encoding-7bit-base64", part(b"Content-Transfer-Encoding: 7bit base64\n", body64())),
    ]


def boundaries():
    part = file_part(CTE64, body64())
    rows = [
        ("boundary-not-closed", mixed(part, end=b"")),
        ("boundary-blanks-behind", mixed(part).replace(b"--b\n", b"--b  \n")),
        ("boundary-unquoted", mixed(part).replace(b'"b"', b"b")),
        ("boundary-comment", mixed(part).replace(b'"b"', b'"b" (the boundary)')),
        ("boundary-folded", mixed(part).replace(b"; boundary", b";\n\tboundary")),
        ("boundary-case", mixed(part).replace(b"boundary", b"BOUNDARY")),
        ("boundary-twice", mixed(part).replace(b'"b"', b'"b"; boundary="other"')),
        ("boundary-other-first", mixed(part).replace(b'boundary="b"', b'boundary="other"; boundary="b"')),
        ("boundary-prefix", mixed(part).replace(b'"b"', b'"bb"').replace(b"--b", b"--bb") + b"--b\n"),
        ("boundary-type-twice", mixed(part, head=MIXED[:-1] + b"Content-Type: text/plain\n\n")),
        ("boundary-type-first", mixed(part, head=MIME + b"Content-Type: text/plain\n" + MIXED[len(MIME):])),
        ("boundary-blank-before-equals", mixed(part).replace(b"boundary=", b"boundary =")),
        ("boundary-70", mixed(part).replace(b'"b"', b'"%s"' % (b"b" * 70)).replace(b"--b", b"--" + b"b" * 70)),
        ("preamble", mixed(file_part(b"", b"hello\n"), head=MIXED + EICAR + b"\n\n")),
        ("epilogue", mixed(file_part(b"", b"hello\n")) + EICAR + b"\n"),
    ]
    return rows


def odd():
    part = file_part(CTE64, body64())
    attached = b"Content-Type: message/rfc822\n"
    inner = mixed(part)
    return [
        ("bare-lf", mixed(part)),
        ("from-line", b"From someone@sender.example Sat Nov 21 10:00:00 2026\n" + mixed(part)),
        ("quoted-from-line", b">From someone@sender.example Sat Nov 21 10:00:00 2026\n" + mixed(part)),
        ("no-header", b"\n" + EICAR + b"\n"),
        ("no-header-at-all", EICAR + b"\n"),
        ("no-mime-version", mixed(part).replace(b"MIME-Version: 1.0\n", b"")),
        ("no-from", mixed(part, head=MIXED[MIXED.index(b"MIME"):])),
        ("x-header-first", b"X-First: yes\n" + mixed(part)),
        ("odd-header-first", b"Zz-Nobody-Knows: yes\n" + mixed(part)),
        ("resent-first", b"Resent-From: x@y.example\nReturn-Path: <>\n" + mixed(part)),
        ("top-base64", MIME + PART + CTE64 + b"\n" + body64()),
        ("top-qp", MIME + PART + b"Content-Transfer-Encoding: quoted-printable\n\n" + quoted()),
        ("top-multipart-base64", MIME + b"Content-Type: multipart/mixed\n" + CTE64 + b"\n" + body64()),
        ("top-multipart-base64-junk", MIME + b'Content-Type: multipart/mixed; boundary="b"\n' + CTE64 + b"\n" +
         B64[:41] + b"!*$\n" + B64[41:] + b"\n"),
        ("top-multipart-qp", MIME + b"Content-Type: multipart/mixed\nContent-Transfer-Encoding: quoted-printable\n\n" +
         quoted(b"= \t\n")),
        ("top-multipart-base64-other-boundary", MIME + b'Content-Type: multipart/mixed; boundary="c"\n' + CTE64 +
         b"\n" + body64(mixed(file_part(b"", EICAR + b"\n"), head=b""))),
        ("top-message-base64-junk", MIME + attached + CTE64 + b"\n" + B64[:41] + b"!*$\n" + B64[41:] + b"\n"),
        ("message-base64-damaged", mixed(attached + CTE64 + b"\n" + base64.b64encode(inner)[:81] + b"!*$\n" +
                                         body64(inner)[82:])),
        ("type-missing", mixed(CTE64 + b"\n" + body64())),
        ("type-half", mixed(b"Content-Type: text\n" + CTE64 + b"\n" + body64())),
        ("type-nonsense", mixed(b"Content-Type: ;;;=\n" + CTE64 + b"\n" + body64())),
        ("type-multipart", mixed(b"Content-Type: multipart/mixed\n" + CTE64 + b"\n" + body64())),
        ("type-charset", mixed(b"Content-Type: text/plain; charset=x-none\n" + CTE64 + b"\n" + body64())),
        ("name-backslash", mixed(part.replace(b"eicar.com", b'"a\\"b.com"'))),
        ("name-pieces", mixed(part.replace(b"filename=eicar.com", b'filename*1="com"; filename*0="eicar."'))),
        ("uuencode-in-text", MIME + b"\nHello,\n\n" + uuencoded() + b"\nBye\n"),
        ("uuencode-no-mime", HEAD + b"\nHello,\n\n" + uuencoded() + b"\nBye\n"),
        ("uuencode-in-qp-text", MIME + b"Content-Transfer-Encoding: quoted-printable\n\nHello,\n\n" +
         quopri.encodestring(uuencoded()) + b"\nBye\n"),
        ("uuencode-in-base64-text", MIME + CTE64 + b"\n" + body64(b"Hello,\n\n" + uuencoded() + b"\nBye\n")),
        ("begin-base64-in-text", MIME + b"\nHello,\n\nbegin-base64 644 eicar.com\n" + body64() + b"====\nBye\n"),
        ("yenc-in-text", MIME + b"\nHello,\n\n" + yenc() + b"\nBye\n"),
        ("yenc-in-qp-text", MIME + b"Content-Transfer-Encoding: quoted-printable\n\nHello,\n\n" +
         quopri.encodestring(yenc()) + b"\nBye\n"),
        ("yenc-no-mime", HEAD + b"\nHello,\n\n" + yenc() + b"\nBye\n"),
        ("uuencode-second", MIME + b"\n" + b"begin 644 a.txt\n#04)#\n`\nend\n\n" + uuencoded()),
        ("binhex-named", mixed(part.replace(b"octet-stream", b"mac-binhex40"))),
        ("appledouble", mixed(b'Content-Type: multipart/appledouble; boundary="c"\n\n--c\n'
                              b"Content-Type: application/applefile\n" + CTE64 + b"\nAAUWBwACAAA=\n--c\n" + part +
                              b"--c--\n")),
        ("message", mixed(attached + b"\n" + inner)),
        ("message-top", MIME + attached + b"\n" + inner),
        ("message-base64", mixed(attached + CTE64 + b"\n" + body64(inner))),
        ("message-quoted-printable", mixed(attached + b"Content-Transfer-Encoding: quoted-printable\n\n" +
                                           inner.replace(b"=", b"=3D"))),
        ("message-as-octets", mixed(file_part(CTE64, body64(inner)))),
        ("message-as-text", mixed(b"Content-Type: text/plain\n\n" + inner)),
        ("message-partial", mixed(b'Content-Type: message/partial; id="x"; number=1; total=1\n\n' + inner)),
        ("message-partial-in-octets", mixed(b'Content-Type: message/partial; id="x"; number=1; total=1\n\n' +
                                            inner.replace(b'"b"', b'"c"').replace(b"--b", b"--c"))),
        ("external-body", mixed(b"Content-Type: message/external-body; access-type=local-file\n\n" + part)),
        ("digest-implicit", mixed(b"\n" + inner.replace(b'"b"', b'"c"').replace(b"--b", b"--c")).replace(
            b"multipart/mixed", b"multipart/digest", 1)),
        ("header-long", mixed(part, head=b"X-Long: " + b"a" * 5000 + b"\n" + MIXED)),
        ("header-many", mixed(part, head=b"".join(b"X-%d: x\n" % i for i in range(900)) + MIXED)),
        ("header-folded-much", mixed(part, head=b"X-Long: a\n" + b" b\n" * 500 + MIXED)),
        ("8bit-header", mixed(part).replace(b"the test", b"\xe4\xf6\xfc")),
        ("nul-in-text", mixed(b"\n\0\0\0\n", part)),
        ("html-comment", mixed(b"Content-Type: text/html\n\n<html><!--\n" + EICAR + b"\n--></html>\n")),
        ("multipart-base64", MIME + b'Content-Type: multipart/mixed; boundary="b"\n' + CTE64 + b"\n" +
         body64(mixed(part, head=b""))),
        ("multipart-qp", MIME + b'Content-Type: multipart/mixed; boundary="b"\n'
         b"Content-Transfer-Encoding: quoted-printable\n\n" + mixed(part, head=b"").replace(b"=", b"=3D")),
        ("multipart-two-types", mixed(part, head=MIXED[:-1] + b'Content-Type: multipart/mixed; boundary="c"\n\n')),
        ("multipart-in-base64-message", mixed(attached + CTE64 + b"\n" + body64(mixed(
            attached + CTE64 + b"\n" + body64(inner))))),
        ("nul-in-header", mixed(part, head=MIXED[:-1] + b"X-Nul: a\0b\n\n")),
        ("nul-in-base64", mixed(part.replace(B64[:20], B64[:10] + b"\0" + B64[10:20]))),
        ("blank-before-header", mixed(b" " + part)),
        ("header-ends-in-text", mixed(part.replace(b"\n\n", b"\nThis is text\n\n", 1))),
        ("encoding-in-text-type", mixed(part.replace(b"application/octet-stream", b"text/plain"))),
        ("qp-cr-in-soft", mixed(file_part(b"Content-Transfer-Encoding: quoted-printable\n", quoted(b"=\r\r\n")))),
        ("qp-of-base64", mixed(file_part(b"Content-Transfer-Encoding: quoted-printable, base64\n", quoted()))),
        ("x-unix-encoding", mixed(file_part(b"Content-Transfer-Encoding: x-none\n", EICAR + b"\n"))),
        ("empty-parts", mixed(b"\n", b"\n\n", b"", part)),
        ("zip-hand", mixed(file_part(CTE64, body64(files.zipped())))),
        ("zip-uuencoded", MIME + b"\n" + b"begin 644 eicar.zip\n" + b"".join(
            binascii.b2a_uu(files.zipped()[i:i + 45], backtick=True) for i in range(0, len(files.zipped()), 45)) +
         b"`\nend\n"),
        ("padding-1m-in-front", mixed(b"\n" + b"a line of some text\n" * 52429, part)),
        ("padding-1m-behind", mixed(part, b"\n" + b"a line of some text\n" * 52429)),
        ("parts-2000", mixed(*([b"\nx\n"] * 2000 + [part])), FOUND | LIMIT),
    ]


def lines(octets):
    """LF becomes CRLF."""
    return octets.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def cases():
    rows = [(name, mixed(part)) for name, part in encodings()] + boundaries() + odd()
    out = []
    for name, message, *wanted in rows:
        message = message if name == "bare-lf" else lines(message)
        out.append(Case("hand-" + name, message, *wanted, in_part=name in IN_PART))
    return out
