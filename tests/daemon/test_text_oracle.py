"""The parts of well-formed mail, decoded by filterd, by Python's email package and by GMime: types,
order and octets must be the same, texts as UTF-8.

Where they are not, and why:
  - The uuencoded file in a text: filterd shows it as a part of its own behind the text.
  - ISO-8859-1: filterd reads octets 128 to 159 as windows-1252, as mail readers do; the others give
    control characters.  Text without them is the same.
  - US-ASCII, or no word at all, with octets above 127: filterd guesses, Python gives U+FFFD, GMime
    leaves the octets.
  - text/rfc822-headers is no attached message for any of them; message/delivery-status is one part
    here and for GMime, several header blocks for Python: it is joined here.
  - The line end before a boundary is the boundary's (RFC 2046), and base64 ends where it ends; of
    texts that are not encoded only what stands before their last line ends is compared.

FILTERD_BUILD_DIR names the build directory.
"""

import base64
import email
import email.policy
import os
import quopri
import subprocess

import pytest

import ordinary
from conftest import cannot

PROGRAM = os.path.join(os.environ.get("FILTERD_BUILD_DIR", "."), "tests/lib/part_texts")

WORDS = {
    "utf-8": "Grüße, 你好, мир, שלום\n",
    "us-ascii": "plain words\n",
    "iso-8859-1": "Grüße aus Köln\n",
    "iso-8859-2": "Žluťoučký kůň\n",
    "iso-8859-5": "Привет, мир\n",
    "iso-8859-7": "Καλημέρα\n",
    "iso-8859-8": "שלום עולם\n",
    "iso-8859-9": "İyi günler\n",
    "iso-8859-15": "10 € für œuvre\n",
    "windows-1250": "Žluťoučký „kůň“\n",
    "windows-1251": "Привет — «мир»\n",
    "windows-1252": "“Grüße” – 10 €\n",
    "windows-1253": "Καλημέρα “κόσμε”\n",
    "windows-1254": "İyi günler, Şişli\n",
    "windows-1255": "שלום “עולם”\n",
    "windows-1256": "مرحبا بالعالم\n",
    "windows-1257": "Labdien, pasaule – ā\n",
    "windows-1258": "Chao\n",
    "koi8-r": "Привет, мир\n",
    "koi8-u": "Привіт, світе\n",
    "ibm866": "Привет, мир\n",
    "tis-620": "สวัสดีชาวโลก\n",
    "gb2312": "你好，世界\n",
    "gbk": "你好，世界\n",
    "gb18030": "你好，世界 €\n",
    "big5": "你好，世界\n",
    "euc-jp": "こんにちは、世界\n",
    "shift_jis": "こんにちは、世界\n",
    "iso-2022-jp": "こんにちは、世界 abc\n",
    "euc-kr": "안녕하세요 세계\n",
    "utf-7": "Grüße 你好 + a\n",
    "utf-16": "Grüße 你好\n",
    "utf-16le": "Grüße 你好\n",
    "utf-16be": "Grüße 你好\n",
    "utf-32": "Grüße 你好\n",
}


def in_charset(charset, text, encoding):
    octets = text.encode(charset)
    if encoding == "base64":
        body = base64.encodebytes(octets)
    elif encoding == "quoted-printable":
        body = quopri.encodestring(octets, quotetabs=True)
    else:
        body = octets
    head = f"From: a@example.com\nMIME-Version: 1.0\nContent-Type: text/plain; charset={charset}\n" \
           f"Content-Transfer-Encoding: {encoding}\n\n"
    return head.replace("\n", "\r\n").encode() + body.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def corpus():
    found = dict(ordinary.ordinary())
    for charset, text in WORDS.items():
        encodings = ["base64"]
        if not charset.startswith(("utf-16", "utf-32")):  # their line ends are no line ends of mail
            encodings += ["quoted-printable", "8bit"]
        for encoding in encodings:
            found[f"{charset} {encoding}"] = in_charset(charset, text * 3, encoding)
    return found


MAIL = corpus()


def tidy(type_, octets):
    octets = octets.replace(b"\r\n", b"\n")
    return octets.rstrip(b"\n") if type_.startswith(("text/", "message/")) else octets


def told(*args, mail):
    if not os.path.exists(PROGRAM):
        cannot("%s is not built" % PROGRAM)
    done = subprocess.run([PROGRAM, *args], input=mail, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120)
    if done.returncode == 77:
        cannot(done.stderr.decode())
    assert done.returncode == 0, done.stderr
    out, found = done.stdout, []
    while out:
        line, _, out = out.partition(b"\n")
        type_, n = line.decode().split(" ")
        found.append((type_, tidy(type_, out[:int(n)])))
        out = out[int(n):]
    return found


def python(mail):
    found = []

    def leaf(m):
        type_ = m.get_content_type()
        if type_ == "message/delivery-status":
            blocks = [b.as_string().encode() for b in m.get_payload()]
            return found.append((type_, tidy(type_, b"\n\n".join(b.strip(b"\n") for b in blocks))))
        octets = m.get_payload(decode=True)
        if type_.startswith("text/"):
            octets = octets.decode(m.get_content_charset("us-ascii"), "replace").encode()
        return found.append((type_, tidy(type_, octets)))

    def walk(m):
        if m.get_content_maintype() == "multipart" or m.get_content_type() == "message/rfc822":
            for part in m.get_payload():
                walk(part)
        else:
            leaf(m)

    walk(email.message_from_bytes(mail, policy=email.policy.compat32))
    return found


def ours(name):
    found = told(mail=MAIL[name])
    if name == "uuencoded":
        assert found.pop() == ("application/octet-stream", b"abc")
    return found


@pytest.mark.parametrize("name", sorted(MAIL))
def test_python(name):
    found = ours(name)
    if name == "bounce":  # Python drops the empty line between the blocks' ends
        found = [(t, o.strip(b"\n")) for t, o in found]
    assert found == python(MAIL[name])


@pytest.mark.parametrize("name", sorted(MAIL))
def test_gmime(name):
    assert ours(name) == told("gmime", mail=MAIL[name])
