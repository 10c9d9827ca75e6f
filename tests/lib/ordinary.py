"""Messages as mail programs write them: {what it is: octets with CRLF}."""
import base64
import email.message
import email.mime.message
import email.mime.multipart
import email.mime.text
import email.policy
import random

PNG = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")
ASCII = "Dear all,\n\nsome words in a line,\n.and a dot at the beginning.\nFrom here on nothing.\n-- \nme\n"
LATIN = "Grüße aus Köln, schöne Straße\nund noch eine Zeile\n"
GREEK = "Καλημέρα κόσμε\nδεύτερη γραμμή\n"
HTML = "<html><head><title>x</title></head><body><p>Some <b>words</b> and an <img src=\"cid:a\"></p></body></html>\n"


def new(subject):
    m = email.message.EmailMessage()
    m["From"], m["To"], m["Subject"] = "a@example.com", "b@example.com", subject
    m["Message-ID"] = f"<{abs(hash(subject))}@example.com>"
    return m


def octets(m):
    return m.as_bytes(policy=email.policy.SMTP) if isinstance(m, email.message.Message) else m


def raw(headers, body):
    return ("From: a@example.com\nTo: b@example.com\nSubject: raw\n" + headers + "\n" + body).replace("\n", "\r\n").encode()


def texts(found):
    for cte in ("7bit", "quoted-printable", "base64"):
        m = new(cte)
        m.set_content(ASCII, cte=cte)
        found["text " + cte] = m
    for cte in ("8bit", "quoted-printable", "base64"):
        for charset, text in (("iso-8859-1", LATIN), ("utf-8", GREEK)):
            m = new(cte + charset)
            m.set_content(text, charset=charset, cte=cte)
            found[f"text {charset} {cte}"] = m
    found["no MIME"] = raw("", ASCII)
    found["no body"] = raw("", "")
    found["one empty line"] = raw("", "\n")
    found["long"] = raw("", ASCII * 2000)
    found["long lines"] = raw("", ("word " * 150 + "\n") * 20)
    found["no last line end"] = raw("", "the end")[:-2] + b"x"
    m = new("html")
    m.set_content(HTML, subtype="html", cte="quoted-printable")
    found["html alone"] = m


def multiparts(found):
    m = new("alternative")
    m.set_content(LATIN)
    m.add_alternative(HTML, subtype="html", cte="quoted-printable")
    found["alternative"] = m
    m = new("related")
    m.set_content(ASCII)
    m.add_alternative(HTML, subtype="html")
    m.get_payload()[1].add_related(PNG, "image", "png", cid="<a>")
    m.add_attachment(random.Random(1).randbytes(30000), maintype="application", subtype="pdf", filename="report.pdf")
    found["alternative, related, attached"] = m
    m = new("attachments")
    m.set_content(ASCII)
    m.add_attachment(LATIN, filename="notes.txt")
    m.add_attachment("a,b,c\n1,2,3\n", subtype="csv", filename="table.csv")
    m.add_attachment("BEGIN:VCALENDAR\nVERSION:2.0\nEND:VCALENDAR\n", subtype="calendar", filename="x.ics")
    m.add_attachment(b"", maintype="application", subtype="octet-stream", filename="empty")
    m.add_attachment(b"<?xml version='1.0'?><a>b</a>\n", maintype="application", subtype="xml", filename="x.xml")
    m.add_attachment(PNG, maintype="image", subtype="png", filename="a b ü.png")
    found["attachments"] = m
    found["preamble"] = raw("MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n",
                            "This is MIME.\n--b\n\nfirst text\n--b\nContent-Type: text/plain\n\nsecond text\n--b--\nepilogue\n")
    found["never closed"] = raw("MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n",
                                "--b\n\nfirst text\n--b\nContent-Type: text/html\n\n" + HTML)
    found["signed"] = raw('MIME-Version: 1.0\nContent-Type: multipart/signed; boundary="b"; micalg=pgp-sha256;\n'
                          ' protocol="application/pgp-signature"\n',
                          "--b\nContent-Type: text/plain\n\nsigned words\n--b\n"
                          "Content-Type: application/pgp-signature; name=\"signature.asc\"\n\n"
                          "-----BEGIN PGP SIGNATURE-----\n\niQEzBAEBCAAdFiEE\n-----END PGP SIGNATURE-----\n--b--\n")


def reports(found):
    inner = new("inner")
    inner.set_content(ASCII)
    inner.add_attachment(random.Random(2).randbytes(2000), maintype="application", subtype="zip", filename="x.zip")
    m = new("forward")
    m.set_content("see below\n")
    m.add_attachment(inner)
    found["forwarded"] = m
    twice = new("twice")
    twice.set_content("again\n")
    twice.add_attachment(m)
    found["forwarded twice"] = twice
    found["bounce"] = raw('MIME-Version: 1.0\nContent-Type: multipart/report; report-type=delivery-status; boundary="b"\n',
                          "--b\nContent-Type: text/plain\n\nIt was not delivered.\n\n--b\n"
                          "Content-Type: message/delivery-status\n\nReporting-MTA: dns; mail.example.com\n\n"
                          "Final-Recipient: rfc822; b@example.com\nAction: failed\nStatus: 5.1.1\n\n--b\n"
                          "Content-Type: message/rfc822\n\nFrom: a@example.com\nSubject: inner\n\ninner words\n--b--\n")
    found["bounce with headers"] = raw(
        'MIME-Version: 1.0\nContent-Type: multipart/report; report-type=delivery-status; boundary="b"\n',
        "--b\n\nIt was not delivered.\n--b\nContent-Type: text/rfc822-headers\n\nFrom: a@example.com\nSubject: inner\n--b--\n")
    found["uuencoded"] = raw("", "see this\n\nbegin 644 x.txt\n#86)C\n`\nend\n\nbye\n")


def ordinary():
    found = {}
    for make in (texts, multiparts, reports):
        make(found)
    return {name: octets(m) for name, m in found.items()}
