"""The EICAR test string in many structures: what a virus scanner has to find in a message.

all_cases() gives them all, from three builders that know nothing of each other: Python's email
(eicar_email.py), perl's MIME::Tools (eicar_mime_tools.pl), and octets put together by hand
(eicar_hand.py).  The string is made of pieces here, so that no scanner takes these files for
infected.
"""
import dataclasses
import importlib.util
import os
import shutil
import subprocess
import sys

EICAR = ("X5O!P%@AP[4" + "\\PZX54(P^)7CC)7" + "}$EICAR-" + "STANDARD-ANTI" + "VIRUS-TEST-FILE" +
         "!$H+H*").encode()
assert len(EICAR) == 68

# What the file with it is declared to be.  filled() makes the same messages with something else in a file of another type.
FILE_TYPE = "application/octet-stream"

NAME = "Filterd.Test.Eicar"
BUILDERS = ("eicar_files", "eicar_email", "eicar_hand")
# What may come of a case.  Each is a set of words: "found", "encrypted", "limit".
FOUND = frozenset(["found"])
ENCRYPTED = frozenset(["encrypted"])
LIMIT = frozenset(["limit"])


@dataclasses.dataclass(frozen=True)
class Case:
    name: str
    message: bytes  # CRLF at line ends, unless the case is about line ends
    wanted: frozenset = FOUND
    in_part: bool = False  # libclamav does not see it in the message, only in the decoded part


def signatures():
    """A database (.ndb) of the string, anywhere in a file.  Of HTML libclamav looks only at what it makes of it, in
    lower case."""
    return "%s:0:*:%s\n%s.Html:3:*:%s\n" % (NAME, EICAR.hex(), NAME, EICAR.lower().hex())


def database(folder):
    with open(os.path.join(folder, "eicar.ndb"), "w", encoding="ascii") as f:
        f.write(signatures())


def outcome(signature):
    """What a name that ClamAV reports means, as one of the words of Case.wanted; None: nothing was found."""
    if signature is None:
        return None
    if signature.startswith("Heuristics.Encrypted."):
        return "encrypted"
    if signature.startswith("Heuristics.Limits.Exceeded"):
        return "limit"
    assert signature.startswith(NAME), signature
    return "found"


def missing():
    """Why the messages cannot be made, or None."""
    if shutil.which("bsdtar") is None:
        return "bsdtar is not installed"
    if importlib.util.find_spec("py7zr") is None:
        return "there is no py7zr"
    try:
        done = subprocess.run(["perl", "-MMIME::Entity", "-e", "1"], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return "perl is not there"
    return None if done.returncode == 0 else "perl has no MIME::Tools"


def mime_tools():
    """NAME LENGTH, a line end, and the message, one behind the other."""
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "eicar_mime_tools.pl")
    done = subprocess.run(["perl", script, FILE_TYPE], input=EICAR, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    out, cases = done.stdout, []
    while out:
        head, out = out.split(b"\n", 1)
        name, length = head.decode().split()
        message, out = out[:int(length)], out[int(length):]
        cases.append(Case("mime-tools-" + name, message.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")))
    return cases


def filled(octets, file_type):
    """all_cases() with these octets in place of the string, and files of that type: {name: message}."""
    global EICAR, FILE_TYPE
    assert len(octets) == len(EICAR)
    before, kept = (EICAR, FILE_TYPE), {m: sys.modules.pop(m, None) for m in BUILDERS}
    try:
        EICAR, FILE_TYPE = octets, file_type
        return {c.name: c.message for c in all_cases()}
    finally:
        EICAR, FILE_TYPE = before
        for module, was in kept.items():
            sys.modules.pop(module, None)
            if was is not None:
                sys.modules[module] = was


def all_cases():
    import eicar_email
    import eicar_hand

    cases = eicar_email.cases() + eicar_hand.cases() + mime_tools()
    names = [c.name for c in cases]
    assert len(names) == len(set(names)), "two cases of one name"
    return cases
