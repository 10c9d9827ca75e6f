"""Messages that are made to cost time or memory: their names, octets and the facts that each must leave."""
import base64
import io
import zipfile

HEAD = b"From: a@sender.example\nTo: user@here.example\nSubject: bomb\nMIME-Version: 1.0\n"
PLAIN = b"Content-Type: text/plain\n"
HTML = b"Content-Type: text/html; charset=utf-8\n"
MIXED = b'Content-Type: multipart/mixed; boundary="b"\n'
FILE = b"Content-Type: application/zip; name=a.zip\nContent-Transfer-Encoding: base64\n\n"
RFC822 = b"Content-Type: message/rfc822\nContent-Transfer-Encoding: %s\n\n"


def attached(octets):
    return HEAD + MIXED + b"\n--b\n" + FILE + base64.encodebytes(octets) + b"--b--\n"


def nested(depth):
    text = HEAD
    for i in range(depth):
        text += b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (i, i)
    return text + b"\nx\n" + b"".join(b"--b%d--\n" % i for i in reversed(range(depth)))


def zip_of(members):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as z:
        for name, octets in members:
            z.writestr(name, octets)
    return out.getvalue()


def zip_in_zip(depth):
    octets = b"x"
    for i in range(depth):
        octets = zip_of([("%d.zip" % i, octets)])
    return octets


def zip_overlapping(members):
    """Entries of the directory that all have the same octets."""
    whole = zip_of([("a", bytes(10 << 20))])
    at, end = whole.index(b"PK\1\2"), whole.index(b"PK\5\6")
    entries = whole[at:end] * members
    numbers = members.to_bytes(2, "little")
    return (whole[:at] + entries + b"PK\5\6" + bytes(4) + numbers + numbers + len(entries).to_bytes(4, "little") +
            at.to_bytes(4, "little") + b"\0\0")


# Who is asked before a fact about it is told; others are told of any message.
ASKED = {"archive": "file", "text": "text", "urls": "url", "body": "body"}


def missing(wanted, rules, facts):
    """Those of the wanted facts that these rules should have left."""
    return [f for f in (wanted or "").split() if ASKED.get(f.split("=")[0], rules[0]) in rules and f not in facts.split()]


def bombs():
    """(name, octets, facts with blanks between or None)"""
    word = b"=?utf-8?b?YWJj?="
    rows = [
        ("parts-20000", HEAD + MIXED + b"\n" + b"--b\n\nx\n" * 20000 + b"--b--\n",
         "mime=limit:parts archive=limit:members archive=limit:parts text=limit:parts urls=limit:parts"),
        ("parts-9000", HEAD + MIXED + b"\n" + b"--b\n\nx\n" * 9000 + b"--b--\n", "archive=limit:members"),
        ("parts-words-9000", HEAD + MIXED + b"\n" + b"".join(b"--b\n\nhello number %d\n" % i for i in range(9000)) +
         b"--b--\n", "archive=limit:members"),
        ("parts-html-9000", HEAD + MIXED + b"\n" + (b"--b\n" + HTML + b"\n<b>x</b>\n") * 9000 + b"--b--\n",
         "archive=limit:members"),
        ("multiparts-5000", nested(5000), "mime=limit:depth"),
        ("multiparts-99", nested(99), None),
        ("encoded-base64", HEAD + RFC822 % b"base64" * 4000 + b"x\n",
         "text=limit:parts urls=limit:parts archive=limit:parts archive=limit:memory"),
        ("encoded-qp", HEAD + RFC822 % b"quoted-printable" * 1200 + b"x\n",
         "text=limit:parts urls=limit:parts archive=limit:parts archive=limit:memory"),
        ("folding-1m", HEAD + b"X-Long: a\n" + b" b\n" * 350000 + b"\nx\n", "header=over_limit"),
        ("folding-words-1m", HEAD.replace(b"bomb", word + (b"\n " + word) * 60000) + b"\nx\n", "header=over_limit"),
        ("headers-10000", HEAD + b"".join(b"X-%d: value\n" % i for i in range(10000)) + b"\nx\n", None),
        ("headers-words-10000", HEAD + b"".join(b"X-%d: %s\n" % (i, word) for i in range(10000)) + b"\nx\n", None),
        ("line-1m", HEAD + b"\n" + b"x" * (1 << 20) + b"\n", "line=long text=limit:size body=limit"),
        ("names-2000", HEAD + b"Content-Type: text/plain" + b"".join(b"; name*%d=x" % i for i in range(2000)) + b"\n\nx\n",
         "archive=limit:names line=long"),
        ("html-deep", HEAD + HTML + b"\n" + b"<div>\n" * 150000 + b"x\n", "text=limit:html body=limit"),
        ("html-comments", HEAD + HTML + b"\n" + b"<!--\n" * 200000 + b"x\n", "text=limit:size body=limit"),
        ("html-unclosed", HEAD + HTML + b"\n" + b'<a title="\n' * 90000 + b"x\n", "text=limit:size body=limit"),
        ("html-entities", HEAD + HTML + b"\n" + b"&#97;&zwnj;&\n" * 80000, "text=limit:size body=limit"),
        ("html-tables", HEAD + HTML + b"\n" + b"<table><tr><td>\n" * 60000, "text=limit:html body=limit"),
        ("html-formatting", HEAD + HTML + b"\n" + b"<b><i><p>\n" * 100000, "text=limit:html body=limit"),
        ("html-style", HEAD + HTML + b"\n<style>" + b"".join(b".c%d b{display:none}\n" % i for i in range(30000)) +
         b"</style>" + b"<p class=c1>x\n" * 20000, "text=limit:html body=limit"),
        ("html-classes", HEAD + HTML + b"\n<style>.a{display:none}</style>" +
         b"<p class='" + b"c " * 5000 + b"'>x\n" + b"<p class='a b c d e f'>x\n" * 20000,
         "text=limit:size text=hidden line=long body=limit"),
        ("urls-20000", HEAD + PLAIN + b"\n" + b"".join(b"http://h%d.example/\n" % i for i in range(20000)),
         "urls=limit:count body=limit"),
        ("urls-html-20000", HEAD + HTML + b"\n" + b"".join(b"<a href=http://h%d.example/>x\n" % i for i in range(20000)),
         "urls=limit:count text=limit:size body=limit"),
        ("urls-base-1m", HEAD + HTML + b"\n<base href=http://a.example/" + b"x/" * 30000 + b">\n" + b"<a href=y>\n" * 90000,
         "urls=limit:length text=limit:size line=long body=limit"),
        ("urls-base-lines-1m", HEAD + HTML + b"\n<base href='http://a.example/" + b"xxxxxxxx/\n" * 6000 + b"'>\n" +
         b"<a href=y>\n" * 90000, "urls=limit:length text=limit:size body=limit"),
        ("urls-half", HEAD + PLAIN + b"\n" + b"http://" * 140000 + b"\n", "text=limit:size line=long body=limit"),
        ("zero-width-1m", HEAD + b"Content-Type: text/plain; charset=utf-8\n\n" + "a\u200b".encode() * 250000 + b"\n",
         "text=limit:size line=long body=limit"),
    ]
    archives = [
        ("zip-members-60000", attached(zip_of([("%d" % i, b"") for i in range(60000)])), "archive=limit:members"),
        ("zip-depth-100", attached(zip_in_zip(100)), "archive=limit:depth"),
        ("zip-ratio", attached(zip_of([("a.zip", zip_of([("zeros", bytes(64 << 20))]))])), "archive=limit:ratio"),
        ("zip-overlapping", attached(zip_overlapping(5000)), "archive=ambiguous:overlap archive=limit:ratio"),
    ]
    return [(name, octets.replace(b"\n", b"\r\n"), fact) for name, octets, fact in rows + archives]
