"""What `make bench-clamav` measures, and what must come out: the bounds."""
import base64
import collections
import os
import random

import corpus

MB = 1 << 20

# A size of message.  messages: in a round; sessions: connections at one time, for throughput.
# over_raw: what filterd with the plugin may take more than the bare library call, in us of CPU a message.
Size = collections.namedtuple("Size", "name text octets messages over_raw")
SIZES = [
    Size("4k", "4 KB of text", 4096, 400, 120),
    Size("64k", "64 KB, most of it an attachment", 65536, 100, 250),
]
SESSIONS = 4

# Throughput against each pair of a filter and clamd, at least.
THROUGHPUT = 1.0

# Private memory of a scanner after so many scans.
SCANS = 1000
SCANNER_PRIVATE = 5 * MB
# While a database is loaded anew: what is there then, beyond what was there, in engines; the rest
# is what the process that loads takes besides and gives back.
RELOAD_ENGINES = 1.25

SIGNATURES = 100000


def write_database(folder):
    """SIGNATURES of the kinds that a site's databases have: hashes, and strings of octets, some with gaps."""
    r = random.Random(1)
    os.makedirs(folder)
    # libclamav makes ready for each logical one in every file that it looks into: a few thousand of them and nothing
    # else is seen of what a scan costs.
    kinds = [("bench.hdb", SIGNATURES * 64 // 100, hashed), ("bench.ndb", SIGNATURES * 35 // 100, octets),
             ("bench.ldb", SIGNATURES // 100, logical)]
    for name, n, make in kinds:
        with open(os.path.join(folder, name), "w") as f:
            for i in range(n):
                f.write(make(r, i) + "\n")


def hashed(r, i):
    return f"{r.randbytes(16).hex()}:{r.randint(1000, 5000000)}:Bench.Hash-{i}"


def octets(r, i):
    gap = r.choice(["??", "{4-20}", "*"]) if r.random() < .1 else ""
    return f"Bench.Octets-{i}:0:*:{r.randbytes(r.randint(16, 40)).hex()}{gap}{r.randbytes(12).hex()}"


def logical(r, i):
    return f"Bench.Logical-{i};Engine:51-255,Target:0;0&1;{r.randbytes(16).hex()};{r.randbytes(16).hex()}"


def write_messages(folder, size, count=20):
    """Messages of about this size; above 8 KB the most is an attachment.  Lines end in LF."""
    os.makedirs(folder)
    for i in range(count):
        w = corpus.Writer(size + i)
        head = (f"From: {w.name()}@example.org\nTo: r0@example.net\nSubject: {w.sentence()}\n"
                f"Date: Sat, 21 Nov 2026 10:00:00 +0000\nMessage-Id: <{i}.{size}@example.org>\nMIME-Version: 1.0\n")
        text, want = "", size - len(head) - 100 if size <= 8192 else 3000
        while len(text) < want:
            text += w.sentence() + "\n"
        if size <= 8192:
            body = "Content-Type: text/plain\n\n" + text
        else:
            data = w.r.randbytes((size - len(head) - len(text) - 300) * 57 // 77)
            body = ("Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain\n\n" + text +
                    "\n--b\nContent-Type: application/octet-stream; name=data.bin\n"
                    "Content-Transfer-Encoding: base64\n\n" + base64.encodebytes(data).decode() + "--b--\n")
        with open(os.path.join(folder, f"{i:03}"), "w") as f:
            f.write(head + body)
