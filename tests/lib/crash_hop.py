"""A next hop in a process of its own, made to be killed: its record is on disk before it answers.

    python3 crash_hop.py [--lmtp] [--steady] PORT RECORD

Each message that ended is one line of RECORD (JSON), written with one write(2) before the reply:
{"run": process, "n": count, "ident": XFORWARD's IDENT, "rcpts": [...], "sum": SHA-256 of the
octets}; {"run":, "done": n} follows when the reply has been handed to the kernel.  Nothing is
synced: what a process wrote outlives it, only power cuts need more.  A message without "done" is
one whose reply may be lost.

Pauses of a few milliseconds before and behind the record make kills fall there; one message in
a hundred is refused with 452, and LMTP refuses some recipients of others.
"""
import asyncio
import hashlib
import json
import logging
import os
import random
import socket
import sys

HELLO = ["250-hop.example", "250-PIPELINING", "250-SIZE", "250-8BITMIME", "250-DSN",
         "250-ENHANCEDSTATUSCODES", "250 XFORWARD NAME ADDR PROTO HELO SOURCE PORT IDENT"]


class Record:
    def __init__(self, path):
        self.fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        end = os.lseek(self.fd, 0, os.SEEK_END)
        if end > 0 and os.pread(self.fd, 1, end - 1) != b"\n":
            os.write(self.fd, b"\n")        # the last one was killed in the middle of a line
        self.run, self.n = os.getpid(), 0

    def write(self, entry):
        line = json.dumps({"run": self.run, **entry}).encode() + b"\n"
        if os.write(self.fd, line) != len(line):
            os._exit(1)


def read(path):
    """(messages, the (run, n) whose reply was sent); a cut line was never answered."""
    messages, done = [], set()
    try:
        with open(path, "rb") as f:
            lines = f.read().split(b"\n")
    except FileNotFoundError:
        lines = []
    for line in lines:
        try:
            e = json.loads(line)
        except ValueError:
            continue
        if "done" in e:
            done.add((e["run"], e["done"]))
        else:
            messages.append(e)
    return messages, done


def path_of(line):
    return line.split(b"<", 1)[1].split(b">")[0].decode("ascii", "surrogateescape")


class Session:
    refusals = 0.01

    def __init__(self, record, lmtp, reader, writer):
        self.record, self.lmtp, self.reader, self.writer = record, lmtp, reader, writer
        self.ident, self.mail, self.rcpts = "", None, []

    def say(self, *lines):
        self.writer.write("".join(line + "\r\n" for line in lines).encode())

    async def run(self):
        self.say("220 hop.example")
        while True:
            line = (await self.reader.readuntil(b"\r\n"))[:-2]
            verb = line.split(b" ")[0].upper()
            if verb == b"XFORWARD":
                for word in line.split(b" ")[1:]:
                    name, _, value = word.partition(b"=")
                    if name.upper() == b"IDENT":
                        self.ident = value.decode()
                self.say("250 2.0.0 Ok")
            elif verb in (b"EHLO", b"LHLO"):
                self.say(*HELLO)
            elif verb == b"MAIL":
                self.mail, self.rcpts = path_of(line), []
                self.say("250 2.1.0 Ok")
            elif verb == b"RCPT":
                self.rcpts.append(path_of(line))
                self.say("250 2.1.5 Ok")
            elif verb == b"DATA":
                self.say("354 go")
                await self.message()
            elif verb == b"QUIT":
                self.say("221 2.0.0 Bye")
                return
            else:
                self.mail, self.rcpts = None, []
                self.say("250 2.0.0 Ok")

    async def message(self):
        digest, lines = hashlib.sha256(), []
        while (line := await self.reader.readuntil(b"\r\n")) != b".\r\n":
            lines.append(line[1:] if line.startswith(b".") else line)
            if len(lines) == 1000:
                digest.update(b"".join(lines))
                lines = []
        digest.update(b"".join(lines))
        await asyncio.sleep(random.random() * 0.004)
        replies = [random.random() >= self.refusals
                   for _ in self.rcpts[:len(self.rcpts) if self.lmtp else 1]]
        kept = [r for r, yes in zip(self.rcpts, replies) if yes] if self.lmtp else self.rcpts
        if any(replies):
            self.record.n += 1
            self.record.write({"n": self.record.n, "ident": self.ident, "rcpts": kept,
                               "sum": digest.hexdigest()})
        n = self.record.n
        await asyncio.sleep(random.random() * 0.004)
        self.say(*["250 2.0.0 Ok" if yes else "452 4.3.1 not now" for yes in replies])
        # Handed over at once or the peer reads slowly: a few octets always go at once.
        if any(replies) and self.writer.transport.get_write_buffer_size() == 0:
            self.record.write({"done": n})
        self.mail, self.rcpts, self.ident = None, [], ""


async def main(port, path, lmtp):
    logging.getLogger("asyncio").setLevel(logging.ERROR)    # peers that are gone are no news
    record = Record(path)

    async def serve(reader, writer):
        writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            await Session(record, lmtp, reader, writer).run()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", port, backlog=1024, limit=1 << 20)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    args = [a for a in sys.argv[1:] if not a.startswith("--")]
    if "--steady" in sys.argv:
        Session.refusals = 0
    asyncio.run(main(int(args[0]), args[1], "--lmtp" in sys.argv))
