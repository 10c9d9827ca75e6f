"""Messages that want to get a phrase or a file past the rules that are there for it: a corpus by name.

all_rows() gives them all, each with the rule that must catch it:

    text            check_text, of PHRASE (or OTHER, in Cyrillic letters)
    header          check_decoded_header, of the same in a field Subject or From
    file            check_attachment, of the name FILE
    url             check_url_host, of HOST
    body            check_body, of PHRASE, for what stands where readers of mail do not look
    fact SUBJECT=VALUE  check_fact, with check_attachment in front
    nothing         no text that a person reads, and no file
    limit           it is not taken, and a fact says which limit was reached

From three builders that know nothing of each other: Python's email (evasions_email.py), perl's MIME::Tools and octets
put together by hand (evasions_hand.py, evasions_ways.py, evasions_files.py, and the structures of eicar.py with a phrase
instead of the test file).
"""
import dataclasses
import os
import time

import filterd_proc
import smtp

PHRASE = "replica watches of the finest kind"
OTHER = "\u0434\u0435\u0448\u0451\u0432\u044b\u0435 \u0447\u0430\u0441\u044b"
FILE = "evil.exe"
HOST = "shop.example"
# As long as the test file, and with the phrase in it.
SENTENCE = b"Dear friend, %s are for sale today!!" % PHRASE.encode()
assert len(SENTENCE) == 68

SPACED = (PHRASE + "|" + OTHER).replace(" ", r"\s+")
TABLES = {
    "phrases": f"/{SPACED}/ REJECT text\n",
    "lines": f"/{PHRASE}/ REJECT body\n",
    "headers": f"/^(Subject|From):.*({SPACED})/ REJECT header\n",
    # By the end of the name; a text that is said to be a picture or the like; a text that is compressed; what cannot be
    # looked into.
    "files": "".join(f"/^[^;]*{rest}/ REJECT file\n" for rest in (
        r"\.(exe|com)\s*;", r"; (image|audio|application\/(pdf|msword|zip)|x-none)\b[^;]*; text\/plain;",
        r"; -; text\/plain; 68;", r"; (application\/(pdf|ms-tnef|pkcs7-mime)|text\/rtf);")),
    "hosts": f"{HOST} REJECT url\n",
}
# What each recipient's mail is asked.
CLASSES = {
    "text": "check_text pcre:{dir}/phrases",
    "header": "check_decoded_header pcre:{dir}/headers",
    "file": "check_attachment pcre:{dir}/files",
    "body": "check_body pcre:{dir}/lines",
    "url": "check_url_host texthash:{dir}/hosts",
    "fact": "check_text pcre:{dir}/none, check_attachment pcre:{dir}/none, check_fact texthash:{dir}/facts",
}


RULES = list(CLASSES)
FACTS = ("archive=encrypted", "archive=ambiguous", "archive=broken", "text=limit", "attachment=type_mismatch",
         "mime=partial", "mime=encrypted")


def address(rule):
    return rule + "@here.example"


def settings(hop, fold="no"):
    """Of a Filterd whose recipients have a rule each."""
    with open(os.path.join(filterd_proc.build_dir(), "plugins", "attachment.so"), "rb") as f:
        plugin = f.read()
    files = {"plugins/attachment.so": plugin, "none": "", **TABLES,
             "facts": "".join(f"{fact} REJECT fact {fact}\n" for fact in FACTS),
             "per_user": "".join(f"{address(rule)} {rule}_rule\n" for rule in RULES)}
    classes = {f"{rule}_rule": text for rule, text in CLASSES.items()}
    return {"listeners": {"lmtp": "lmtp"}, "files": files, "next_hop": hop.next_hop, "plugins": "attachment",
            "plugin_directory": "{dir}/plugins", "smtpd_reject_footer": "", "message_size_limit": "0",
            "text_fold_homoglyphs": fold, "smtpd_restriction_classes": ", ".join(classes), **classes,
            "content_restrictions": "check_recipient_access texthash:{dir}/per_user", "scanner_processes": "2"}


def caught(f, octets, rules=None, sender="a@sender.example"):
    """{rule: what its recipient hears} of those that refused."""
    rules = rules or RULES
    with smtp.Client(f.address("lmtp"), lmtp=True, timeout=300) as c:
        c.hello()
        replies = c.transaction(sender, [address(r) for r in rules], octets)[2]
    return {rule: str(reply) for rule, reply in zip(rules, replies) if reply.code != 250}


def wait_loaded(f):
    f.expect("attachment: check_attachment could not be checked")
    end = time.monotonic() + 60
    while caught(f, b"Subject: x\r\n\r\nnothing\r\n"):
        assert time.monotonic() < end, f.raw_log()
        time.sleep(0.1)


@dataclasses.dataclass(frozen=True)
class Row:
    name: str
    message: bytes  # CRLF at line ends, unless the row is about line ends
    rule: str


# Structures of test_eicar in which no text is that a person reads, and what catches the file in them instead.
FILES = """
    email-zip email-zip-stored email-zip-bzip2 email-zip-as-text email-zip-as-jpeg email-zip-in-zip email-zip-500-files
    email-zip-streamed email-zip-two-names email-zip-after-program email-tar email-tar-gnu email-tar-gz email-tar-bz2
    email-tar-xz email-tar-as-doc email-7z email-7z-libarchive email-iso9660 email-cpio email-ar email-docx
    email-zip-in-attached-message email-zip-5-deep email-gz email-gz-two-members email-bz2 email-xz email-message-in-zip
    hand-header-ends-in-text hand-zip-hand hand-zip-uuencoded hand-message-as-octets hand-uuencode-in-text hand-uuencode-no-mime
    hand-uuencode-second hand-uuencode-in-qp-text hand-uuencode-in-base64-text hand-begin-base64-in-text hand-yenc-in-text
    hand-yenc-in-qp-text hand-yenc-no-mime mime-tools-alone-x-uu mime-tools-attached-x-uu
    email-as-png email-as-pdf email-as-audio email-as-unknown email-as-zip email-related mime-tools-as-image-jpeg
    mime-tools-as-application-msword
    email-pdf email-rtf email-tnef email-pkcs7
""".split()
OTHERS = {
    "limit": "email-zip-40-deep email-zip-bomb email-nested-200",
    "fact archive=encrypted": "email-zip-encrypted email-7z-encrypted",
    "fact archive=broken": "email-xar",
    "fact text=limit": "email-padding-1m email-padding-1m-inside email-padding-8m hand-padding-1m-in-front",
    # Nobody is shown it.
    "nothing": "hand-html-comment hand-external-body",
    # No reader of MIME shows it.
    "body": "hand-preamble hand-epilogue",
}


# What is written in letters that look alike is caught with text_fold_homoglyphs = yes alone.
LOOK_ALIKE = ("html-wide-letters",)


def structures():
    """Those of test_eicar: the sentence in a text of that name."""
    import eicar

    rules = {name: "file" for name in FILES}
    rules.update((name, rule) for rule, names in OTHERS.items() for name in names.split())
    return [Row(name, message, rules.get(name, "text")) for name, message in eicar.filled(SENTENCE, "text/plain").items()]


def all_rows():
    import evasions_email
    import evasions_files
    import evasions_hand
    import evasions_ways

    rows = (structures() + evasions_email.rows() + evasions_hand.rows() + evasions_ways.rows() +
            evasions_files.rows())
    names = [r.name for r in rows]
    assert len(names) == len(set(names)), "two rows of one name"
    return rows
