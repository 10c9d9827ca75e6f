"""Evasions in messages of Python's email package."""
import email.charset
import email.header
import email.message
import email.mime.base
import email.mime.message
import email.mime.multipart
import email.mime.text
import email.policy
import gzip
import io
import lzma
import tarfile

import eicar_files
from evasions import FILE, HOST, OTHER, PHRASE, Row

PROGRAM = b"MZ nothing that runs"


def message(subject="about our order", sender="Someone <someone@sender.example>"):
    m = email.message.EmailMessage(policy=email.policy.SMTP)
    m["From"], m["To"], m["Subject"] = sender, "user@here.example", subject
    m["Message-ID"] = "<1@sender.example>"
    return m


def octets(m):
    return m.as_bytes(policy=email.policy.SMTP)


# --- texts ---

def text(content, **how):
    m = message()
    m.set_content(content + "\n", **how)
    return octets(m)


def page(content, **how):
    m = message()
    m.set_content("See the other part.\n")
    m.add_alternative(f"<html><body><p>{content}</p></body></html>\n", subtype="html", **how)
    return octets(m)


def texts():
    rows = []
    for charset in ("utf-8", "koi8-r", "iso-8859-5", "windows-1251"):
        for cte in ("base64", "quoted-printable"):
            rows.append((f"text-{charset}-{cte}", text(OTHER, charset=charset, cte=cte)))
            rows.append((f"html-{charset}-{cte}", page(OTHER, charset=charset, cte=cte)))
    rows.append(("text-8bit", text(OTHER, charset="utf-8", cte="8bit")))
    m = message()
    m.set_content("hello\n")
    m.add_attachment(PHRASE, filename="letter.txt")
    rows.append(("attached-text", octets(m)))
    inner = message()
    inner.set_content(PHRASE)
    outer = message()
    outer.set_content("forwarded\n")
    outer.add_attachment(inner)
    rows.append(("forwarded-message", octets(outer)))
    related = email.mime.multipart.MIMEMultipart("related")
    alternative = email.mime.multipart.MIMEMultipart("alternative")
    alternative.attach(email.mime.text.MIMEText("see the other"))
    alternative.attach(email.mime.text.MIMEText(f"<b>{PHRASE}</b>", "html", "utf-8"))
    related.attach(alternative)
    related["From"], related["Subject"] = "a@sender.example", "x"
    rows.append(("related-alternative", related.as_bytes(policy=email.policy.SMTP)))
    return rows


# --- header fields ---

def headers():
    rows = []
    for charset in ("utf-8", "koi8-r", "iso-8859-5", "gb18030"):
        for name, how in (("b", email.charset.BASE64), ("q", email.charset.QP)):
            c = email.charset.Charset(charset)
            c.header_encoding = how
            m = email.mime.text.MIMEText("hello")
            m["From"] = "a@sender.example"
            m["Subject"] = email.header.Header("\u0432\u043e\u0442 " * 12 + OTHER, c, maxlinelen=40)
            rows.append((f"header-{charset}-{name}", m.as_bytes().replace(b"\n", b"\r\n")))
    rows.append(("header-from", octets_with(sender=f"{OTHER} <someone@sender.example>")))
    rows.append(("header-subject", octets_with(subject="x " * 40 + OTHER)))
    return rows


def octets_with(**how):
    m = message(**how)
    m.set_content("hello\n")
    return octets(m)


# --- files ---

def with_file(data, kind="application/octet-stream", **how):
    m = message()
    m.set_content("hello\n")
    maintype, subtype = kind.split("/")
    m.add_attachment(data, maintype=maintype, subtype=subtype, **how)
    return octets(m)


def tar_of(*members, mode="w"):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as t:
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            t.addfile(info, io.BytesIO(data))
    return out.getvalue()


def files():
    member = (FILE, PROGRAM)
    z = eicar_files.zip_of([("read.me", b"x"), member])
    inner = message()
    inner.set_content("x\n")
    inner.add_attachment(PROGRAM, maintype="image", subtype="png", filename=FILE)
    outer = message()
    outer.set_content("forwarded\n")
    outer.add_attachment(inner)
    return [
        ("file", with_file(PROGRAM, filename=FILE)),
        ("file-as-picture", with_file(PROGRAM, "image/png", filename=FILE)),
        ("file-qp", with_file(PROGRAM, filename=FILE, cte="quoted-printable")),
        ("file-long-name", with_file(PROGRAM, filename="../" * 60 + FILE)),
        ("file-inline", with_file(PROGRAM, filename=FILE, disposition="inline")),
        ("file-in-message", octets(outer)),
        ("file-in-zip", with_file(z, filename="offer.zip")),
        ("file-in-zip-as-doc", with_file(z, "application/msword", filename="offer.doc")),
        ("file-in-tar", with_file(tar_of(member), filename="offer.tar")),
        ("file-in-tar-gz", with_file(tar_of(member, mode="w:gz"), filename="offer.tgz")),
        ("file-in-tar-xz", with_file(tar_of(member, mode="w:xz"), filename="offer.txz")),
        ("file-in-gz", with_file(b"\x1f\x8b\x08\x08\0\0\0\0\0\3" + FILE.encode() + b"\0" + gzip.compress(PROGRAM)[10:],
                                 filename="offer.gz")),
        ("file-in-zip-in-tar", with_file(tar_of(("in.zip", z)), filename="offer.tar")),
        ("file-in-tar-in-zip", with_file(eicar_files.zip_of([("in.tar", tar_of(member))]), filename="offer.zip")),
        ("file-in-zip-xz", with_file(lzma.compress(z), filename="offer.zip.xz")),
        ("file-gz-of-gz", with_file(gzip.compress(gzip.compress(tar_of(member))), filename="offer.gz.gz")),
    ]


# --- addresses of the web ---

def urls():
    link = f"http://{HOST}/buy?now=1"
    return [
        ("url-text", text(f"see {link} now")),
        ("url-text-base64", text(f"see {link} now \u043d\u0443", cte="base64")),
        ("url-html", page(f'<a href="{link}">x</a>')),
        ("url-html-qp", page(f'<a href="{link}">x\u0432</a>', cte="quoted-printable")),
    ]


def rows():
    return [Row("email-" + name, made, rule)
            for rule, group in (("text", texts()), ("header", headers()), ("file", files()), ("url", urls()))
            for name, made in group]
