"""What is measured, and what must come out: the bounds."""
import collections

# A way of sending.  messages: at 20 connections, about a second's worth.
Case = collections.namedtuple("Case", "name text options messages")

CASES = [
    Case("4k", "4 KB, kept, lock-step", ["-d", "-l", 4096], 24000),
    Case("64k", "64 KB, kept, lock-step", ["-d", "-l", 65536], 10000),
    Case("4k-pipelined", "4 KB, kept, pipelined", ["-d", "-p", "-l", 4096], 40000),
    Case("4k-one", "4 KB, one message a connection", ["-l", 4096], 8000),
    Case("1m", "1 MB, kept, lock-step", ["-d", "-l", 1000000], 1000),
    Case("corpus", "mixed corpus, kept, lock-step", ["-d", "-F", "{corpus}"], 10000),
]

# One connection gets by with fewer.
SINGLE = .15
CONNECTIONS = (20, 1)

# Everything that stands between sender and next hop, in turn.  listener None: the blind relay.
Contender = collections.namedtuple("Contender", "name listener checks lmtp")

CONTENDERS = [
    Contender("relay", None, False, False),
    Contender("lmtp", "lmtp", False, True),
    Contender("smtp", "smtp, verify_recipients_at_next_hop = no", False, False),
    Contender("smtp-verify", "smtp, verify_recipients_at_next_hop = yes", False, False),
    Contender("lmtp-checks", "lmtp", True, True),
    Contender("smtp-checks", "smtp, verify_recipients_at_next_hop = no", True, False),
]

# At 20 connections, against the relay: throughput at least, CPU at most.
Bound = collections.namedtuple("Bound", "throughput cpu")
_no_checks = {
    "4k": Bound(.9, 1.5),
    "64k": Bound(.9, 1.5),
    "4k-pipelined": Bound(.75, 2.1),
    "4k-one": Bound(1.1, 1.1),
    "1m": Bound(.8, 1.5),
    "corpus": Bound(.85, 1.9),
}
BOUNDS = {(case, who): b for case, b in _no_checks.items() for who in ("lmtp", "smtp")}
BOUNDS[("4k", "smtp-verify")] = Bound(.7, 1.8)

# At 4 KB over one connection, milliseconds more than the relay in the middle.
ADDED_MS = .3
ADDED_CASE = "4k"
ADDED_WHO = ("lmtp", "smtp")

MB = 1 << 20
MEMORY = [  # key, text, at most
    ("idle", "PSS when idle, 100 table rows", 8 * MB),
    ("connections", "PSS added by 1,000 idle connections", 8 * MB),
    ("after", "PSS above idle after 10,000 corpus messages", 16 * MB),
    ("large", "private memory added by a 50 MB message, at its peak", 10 * MB),
]
MEMORY_CONNECTIONS = 1000
MEMORY_MESSAGES = 10000
MEMORY_LARGE = 50 * 1000 * 1000

# Our programs against the yardsticks.
AGREE = .15
