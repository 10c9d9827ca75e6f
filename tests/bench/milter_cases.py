"""What `make bench-milter` measures, and what must come out: the bounds."""
import collections

# A way of bringing messages.  messages: at the noop's pace, about a second's worth.
Case = collections.namedtuple("Case", "name text octets per_connection messages idle")

CASES = [
    Case(f"{size}-{each}-{idle}", f"{kb} KB, {each} a connection, {idle} idle",
         octets, each, messages, idle)
    for idle in (0, 2000)
    for size, kb, octets, per_second in (("4k", 4, 4096, 3000), ("50k", 50, 50000, 2000))
    for each, messages in ((1, per_second * 2 // 3), (20, per_second))
]

# Connections at one time.
SESSIONS = 10

# filterd's CPU a message against that of the no-op filter, without checks.
CPU = .5

# So many ends of message at one time, with a check that takes so long: the last answer.
ENDS = 20
BLOCKS_S = 2
ENDS_MS = 2500

# Behind a Postfix, against the no-op filter: throughput at least, Postfix's own CPU a message at most.
POSTFIX_THROUGHPUT = 1.0
POSTFIX_CPU = .9
PostfixCase = collections.namedtuple("PostfixCase", "name text options messages")
POSTFIX = [
    PostfixCase("kept", "4 KB, connections kept", ["-d"], 1500),
    PostfixCase("one", "4 KB, one message a connection", [], 1000),
]
POSTFIX_SESSIONS = 10

MB = 1 << 20
IDLE_CONNECTIONS = 10000
IDLE_MEMORY = 60 * MB
