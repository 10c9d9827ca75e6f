"""EICAR in messages of Python's email package."""
import email
import email.encoders
import email.message
import email.mime.application
import email.mime.base
import email.mime.message
import email.mime.multipart
import email.mime.text
import email.policy
import tarfile
import zipfile

import eicar_files as files
from eicar import EICAR, ENCRYPTED, FILE_TYPE, FOUND, LIMIT, Case

TEXT = EICAR.decode()


def head(message):
    message["From"] = "Someone <someone@sender.example>"
    message["To"] = "user@here.example"
    message["Subject"] = "the test file"
    message["Date"] = "Sat, 21 Nov 2026 10:00:00 +0000"
    message["Message-ID"] = "<1@sender.example>"
    return message


def octets(message):
    return message.as_bytes(policy=email.policy.SMTP)


def attachment(data, kind=FILE_TYPE, name="eicar.com", encode=email.encoders.encode_base64):
    part = email.mime.base.MIMEBase(*kind.split("/"))
    part.set_payload(data)
    encode(part)
    part.add_header("Content-Disposition", "attachment", filename=name)
    return part


def with_attachment(*args, **keys):
    message = email.message.EmailMessage(policy=email.policy.SMTP)
    head(message)
    message.set_content("See the file.\n")
    message.make_mixed()
    message.attach(attachment(*args, **keys))
    return octets(message)


def plain(encoding):
    message = email.message.EmailMessage(policy=email.policy.SMTP)
    head(message)
    message.set_content(TEXT + "\n", cte=encoding, charset="utf-8" if encoding != "7bit" else "us-ascii")
    return octets(message)


def nested(depth):
    """Multiparts in multiparts, the file in the innermost."""
    message = email.mime.multipart.MIMEMultipart()
    message.attach(attachment(EICAR))
    for _ in range(depth):
        outer = email.mime.multipart.MIMEMultipart()
        outer.attach(email.mime.text.MIMEText("deeper"))
        outer.attach(message)
        message = outer
    return octets(head(message))


def attached(depth):
    """Messages attached to messages."""
    message = head(email.mime.multipart.MIMEMultipart())
    message.attach(attachment(EICAR))
    for _ in range(depth):
        outer = head(email.mime.multipart.MIMEMultipart())
        outer.attach(email.mime.text.MIMEText("forwarded"))
        outer.attach(email.mime.message.MIMEMessage(message))
        message = outer
    return octets(message)


def multipart(subtype, *parts, **keys):
    message = email.mime.multipart.MIMEMultipart(subtype, **keys)
    for part in parts:
        message.attach(part)
    return octets(head(message))


def digest():
    inner = head(email.mime.multipart.MIMEMultipart())
    inner.attach(attachment(EICAR))
    return multipart("digest", email.mime.message.MIMEMessage(head(email.mime.text.MIMEText("one"))),
                     email.mime.message.MIMEMessage(inner))


def bounce():
    """A delivery report, which has the message returned in it."""
    inner = head(email.mime.multipart.MIMEMultipart())
    inner.attach(attachment(EICAR))
    status = email.message_from_string("Content-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example\n\n"
                                       "Final-Recipient: rfc822; x@y.example\nStatus: 5.1.1\n")
    return multipart("report", email.mime.text.MIMEText("It could not be delivered."), status,
                     email.mime.message.MIMEMessage(inner), **{"report-type": "delivery-status"})


def html():
    message = email.message.EmailMessage(policy=email.policy.SMTP)
    head(message)
    message.set_content("text\n")
    message.add_alternative("<html><body><p>%s</p></body></html>\n" % TEXT, subtype="html", cte="base64")
    return octets(message)


def text_part(cte):
    message = email.message.EmailMessage(policy=email.policy.SMTP)
    head(message)
    message.set_content("text\n")
    message.add_attachment(TEXT, filename="eicar.txt", cte=cte)
    return octets(message)


def padded(size):
    """An attachment of `size` octets in front of it."""
    line = b"Nothing to be seen here, and that for long. "
    return multipart("mixed", attachment(line * (size // len(line)), "text/plain", "long.txt"), attachment(EICAR))


def cases():
    q = email.encoders.encode_quopri
    rows = [
        ("7bit", plain("7bit")),
        ("base64", plain("base64")),
        ("quoted-printable", plain("quoted-printable")),
        ("attachment", with_attachment(EICAR)),
        ("attachment-quoted-printable", with_attachment(EICAR, encode=q)),
        ("attachment-text-7bit", text_part("7bit")),
        ("attachment-text-quoted-printable", text_part("quoted-printable")),
        ("attachment-text-base64", text_part("base64")),
        ("name-rfc2231", with_attachment(EICAR, name=("utf-8", "", "pr\u00fcfung.com"))),
        ("name-none", with_attachment(EICAR, name="")),
        ("name-long", with_attachment(EICAR, name="a" * 900 + ".com")),
        ("as-png", with_attachment(EICAR, "image/png", "logo.png")),
        ("as-pdf", with_attachment(EICAR, "application/pdf", "invoice.pdf")),
        ("as-zip", with_attachment(EICAR, "application/zip", "files.zip")),
        ("as-audio", with_attachment(EICAR, "audio/mpeg", "song.mp3")),
        ("as-unknown", with_attachment(EICAR, "x-none/x-such", "thing")),
        ("html", html()),
        ("html-entities", with_attachment(files.html_entities(), "text/html", "page.html")),
        ("nested-5", nested(5)),
        ("nested-12", nested(12)),
        ("nested-20", nested(20), FOUND | LIMIT),
        ("nested-200", nested(200), FOUND | LIMIT),
        ("attached-message", attached(1)),
        ("attached-message-3", attached(3)),
        ("attached-message-8", attached(8)),
        ("attached-message-60", attached(60), FOUND | LIMIT),
        ("digest", digest()),
        ("bounce", bounce()),
        ("related", multipart("related", email.mime.text.MIMEText("<img src='cid:1'>", "html"),
                              attachment(EICAR, "image/gif", "x.gif"))),
        ("signed", multipart("signed", attachment(EICAR), attachment(b"0\x80\6\t", "application/pkcs7-signature"))),
        ("padding-1m", padded(1 << 20)),
        ("padding-1m-inside", with_attachment(b"." * (1 << 20) + EICAR, "text/plain", "long.txt")),
        ("padding-8m", padded(8 << 20)),
        ("zip", with_attachment(files.zipped(), "application/zip", "eicar.zip")),
        ("zip-stored", with_attachment(files.zipped(zipfile.ZIP_STORED), "application/zip", "eicar.zip")),
        ("zip-bzip2", with_attachment(files.zipped(zipfile.ZIP_BZIP2), "application/zip", "eicar.zip")),
        ("zip-as-text", with_attachment(files.zipped(), "text/plain", "readme.txt")),
        ("zip-as-jpeg", with_attachment(files.zipped(), "image/jpeg", "photo.jpg")),
        ("zip-in-zip", with_attachment(files.zip_nested(2), "application/zip", "eicar.zip")),
        ("zip-5-deep", with_attachment(files.zip_nested(5), "application/zip", "eicar.zip")),
        ("zip-40-deep", with_attachment(files.zip_nested(40), "application/zip", "eicar.zip"), LIMIT),
        ("zip-500-files", with_attachment(files.zip_many(500), "application/zip", "eicar.zip")),
        ("zip-streamed", with_attachment(files.zip_streamed(), "application/zip", "eicar.zip")),
        ("zip-two-names", with_attachment(files.zip_other_name(), "application/zip", "eicar.zip")),
        ("zip-after-program", with_attachment(b"MZ" + bytes(500) + files.zipped(), name="setup.exe")),
        ("zip-encrypted", with_attachment(files.zip_encrypted(), "application/zip", "eicar.zip"), ENCRYPTED),
        ("zip-bomb", with_attachment(files.zip_big(200 << 20), "application/zip", "eicar.zip"), FOUND | LIMIT),
        ("tar", with_attachment(files.tarred(), "application/x-tar", "eicar.tar")),
        ("tar-gnu", with_attachment(files.tarred(form=tarfile.GNU_FORMAT), "application/x-tar", "eicar.tar")),
        ("tar-gz", with_attachment(files.tarred("w:gz"), "application/gzip", "eicar.tar.gz")),
        ("tar-bz2", with_attachment(files.tarred("w:bz2"), "application/x-bzip2", "eicar.tar.bz2")),
        ("tar-xz", with_attachment(files.tarred("w:xz"), "application/x-xz", "eicar.tar.xz")),
        ("tar-as-doc", with_attachment(files.tarred(), "application/msword", "letter.doc")),
        ("gz", with_attachment(files.GZ, "application/gzip", "eicar.gz")),
        ("gz-two-members", with_attachment(files.gzip_two(), "application/gzip", "eicar.gz")),
        ("bz2", with_attachment(files.BZ2, "application/x-bzip2", "eicar.bz2")),
        ("xz", with_attachment(files.XZ, "application/x-xz", "eicar.xz")),
        ("7z", with_attachment(files.seven_zip(), "application/x-7z-compressed", "eicar.7z")),
        ("7z-libarchive", with_attachment(files.bsdtar("7zip"), "application/x-7z-compressed", "eicar.7z")),
        ("7z-encrypted", with_attachment(files.seven_zip("secret"), "application/x-7z-compressed", "eicar.7z"),
         ENCRYPTED),
        ("iso9660", with_attachment(files.bsdtar("iso9660"), "application/x-iso9660-image", "eicar.iso")),
        ("xar", with_attachment(files.bsdtar("xar"), "application/x-xar", "eicar.xar")),
        ("cpio", with_attachment(files.cpio(), "application/x-cpio", "eicar.cpio")),
        ("ar", with_attachment(files.ar(), "application/x-archive", "eicar.a")),
        ("docx", with_attachment(files.docx(), "application/vnd.openxmlformats-officedocument."
                                 "wordprocessingml.document", "letter.docx")),
        ("pdf", with_attachment(files.pdf(), "application/pdf", "letter.pdf")),
        ("rtf", with_attachment(files.rtf(), "text/rtf", "letter.rtf")),
        ("tnef", with_attachment(files.tnef(), "application/ms-tnef", "winmail.dat")),
        ("pkcs7", with_attachment(files.pkcs7(), "application/pkcs7-mime", "smime.p7m")),
        ("zip-in-attached-message", multipart("mixed", email.mime.message.MIMEMessage(
            email.message_from_bytes(with_attachment(files.zipped(), "application/zip", "eicar.zip"))))),
        ("message-in-zip", with_attachment(files.zip_of([("mail.eml", with_attachment(EICAR))]), "application/zip",
                                           "mail.zip")),
    ]
    return [Case("email-" + row[0], row[1], row[2] if len(row) > 2 else FOUND) for row in rows]
