"""A sender that loses nothing: like an MTA's queue it keeps each message until every recipient got
a final answer, and brings it again after a 4xx or a lost connection.  It knows what it sent.

    load = Load(addresses, 2000)        # {"smtp": (host, port), "lmtp": ...}; at least so many
    load.run(killer, seconds)           # killer(load): a coroutine; messages go on until it returns

Attempt k at message i says XFORWARD IDENT=i.k, which next hop and hold store keep.  What became of it is in
load.attempts[(i, k)]: dot (the final dot was handed to the kernel), and per recipient a
reply code or None (the reply was lost).
"""
import asyncio
import hashlib
import random
import socket
import time

# kind: weight.  The header field X-Kind lets a header rule decide.
KINDS = {"plain": 66, "hold": 8, "filter": 16, "bcc": 6, "reject": 4}
REPLY_SECONDS = 60


class Message:
    def __init__(self, i, rng):
        self.i = i
        self.kind = rng.choices(list(KINDS), KINDS.values())[0]
        # 3 MB goes through the spool file, 100 KB through many packets.
        size = rng.choices([200, 4000, 20000, 100000, 3000000], [40, 40, 15, 4.5, 0.5])[0]
        line = b"%d line of the body\r\n.and a dot in front\r\n" % rng.getrandbits(64)
        self.octets = (b"Message-ID: <%d@load.example>\r\nX-Kind: %s\r\n\r\n" %
                       (i, self.kind.encode()) + line * (size // len(line) + 1))
        self.sum = hashlib.sha256(self.octets).hexdigest()
        self.rcpts = [f"m{i}.r{k}@example.org" for k in range(rng.choice((1, 1, 1, 2, 5)))]
        self.left = list(self.rcpts)        # without a final answer
        self.bounced = {}                   # recipient: 5xx
        self.tries = 0

    @property
    def wire(self):
        return self.octets.replace(b"\r\n.", b"\r\n..")


class Attempt:
    def __init__(self, rcpts):
        self.dot = False
        self.inside = False             # MAIL was accepted
        self.codes = {r: None for r in rcpts}


class Lost(Exception):
    pass


class Session:
    """One connection, used for a number of messages."""

    def __init__(self, load, door, number):
        self.load, self.door, self.number = load, door, number
        self.lmtp = door.startswith("lmtp")
        self.after_354 = None               # the attempt between 354 and its last reply

    async def connect(self):
        self.reader, self.writer = await asyncio.open_connection(*self.load.addresses[self.door])
        self.writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.writer.transport.set_write_buffer_limits(0)    # drain() waits for the kernel
        await self.want(220)
        self.say("LHLO load.example" if self.lmtp else "EHLO load.example")
        await self.want(250)

    def say(self, *lines):
        self.writer.write("".join(line + "\r\n" for line in lines).encode())

    async def reply(self):
        while True:
            try:
                line = await asyncio.wait_for(self.reader.readuntil(b"\r\n"), REPLY_SECONDS)
            except asyncio.TimeoutError:
                self.load.hung += 1
                raise Lost from None
            if line[3:4] != b"-":
                return int(line[:3])

    async def want(self, code):
        if await self.reply() != code:
            raise Lost

    async def transaction(self, m, attempt, rng):
        rcpts = list(attempt.codes)
        self.say(f"XFORWARD NAME=c.example ADDR=192.0.2.{self.number} IDENT={m.i}.{m.tries}")
        await self.want(250)
        head = ["MAIL FROM:<s@example.com>"] + [f"RCPT TO:<{r}>" for r in rcpts] + ["DATA"]
        if rng.random() < 0.5:
            self.say(*head)
            codes = [await self.reply()]
            attempt.inside = codes[0] == 250
            codes += [await self.reply() for _ in head[1:]]
        else:
            codes = []
            for line in head:
                self.say(line)
                codes.append(await self.reply())
                attempt.inside = codes[0] == 250
        if codes[-1] != 354:
            for r, code in zip(rcpts, codes[1:-1]):
                # MAIL's refusal is everybody's; DATA's is for those whom RCPT accepted.
                attempt.codes[r] = (codes[0] if codes[0] != 250 else
                                    codes[-1] if code == 250 else code)
            return
        if codes[:-1] != [250] * (len(rcpts) + 1):
            raise Lost                      # the next hop here takes all recipients
        self.after_354 = attempt
        await self.content(m, attempt, rng)
        if self.lmtp:
            for r in rcpts:
                attempt.codes[r] = await self.reply()
        else:
            code = await self.reply()
            attempt.codes = dict.fromkeys(rcpts, code)
        self.after_354 = None

    async def content(self, m, attempt, rng):
        wire, whim = m.wire, rng.random()
        cut = rng.randrange(len(wire))
        self.writer.write(wire[:cut])
        await self.writer.drain()
        if whim < 0.3:
            await asyncio.sleep(rng.random() * 0.02)
        if whim < 0.01 and self.load.vanish:
            raise Lost                      # we vanish in the middle
        self.writer.write(wire[cut:])
        await self.writer.drain()
        attempt.dot = True
        self.writer.write(b".\r\n")
        if 0.5 < whim < 0.51 and self.load.vanish:
            await asyncio.sleep(rng.random() * 0.005)
            raise Lost                      # we vanish before the reply
        await self.writer.drain()


class Load:
    def __init__(self, addresses, messages, connections=20, seed=None, pace=None, vanish=True):
        """pace: up to so many seconds of rest behind a message, while the killer is at work.
        vanish: some sessions break off by themselves."""
        self.addresses = addresses
        self.seed = random.randrange(1 << 32) if seed is None else seed
        self.rng = random.Random(self.seed)
        self.total, self.made = messages, 0
        self.connections, self.pace, self.vanish = connections, pace, vanish
        self.messages, self.attempts, self.again = [], {}, []
        self.sessions = set()
        self.finished = 0               # messages with a final answer for everybody
        self.hung = 0                   # no reply in REPLY_SECONDS
        self.refused = 0                # connections
        self.broken = []                # idents whose connection was lost inside the transaction
        self.given_up = False           # the killer failed
        self.no_more = False            # the killer is done: what is left is sent without pace

    def next_message(self):
        now = time.monotonic()
        if self.again and self.again[0][0] <= now:
            return self.again.pop(0)[1]
        if self.made >= self.total and self.no_more:
            return None
        m = Message(self.made, self.rng)
        self.made += 1
        self.messages.append(m)
        return m

    def settle(self, m, attempt):
        for r, code in attempt.codes.items():
            if code is not None and code // 100 in (2, 5):
                m.left.remove(r)
                if code // 100 == 5:
                    m.bounced[r] = code
        if m.left:
            when = time.monotonic() + 0.05 + self.rng.random() * 0.2
            self.again.append((when, m))
            self.again.sort(key=lambda x: x[0])
        else:
            self.finished += 1

    async def one_message(self, session, m):
        m.tries += 1
        attempt = self.attempts[(m.i, m.tries)] = Attempt(m.left)
        try:
            await session.transaction(m, attempt, self.rng)
        except (Lost, OSError, asyncio.IncompleteReadError):
            if attempt.inside:
                self.broken.append(f"{m.i}.{m.tries}")
            raise
        finally:
            self.settle(m, attempt)

    @property
    def over(self):
        return self.given_up or self.no_more and self.made >= self.total and self.finished == self.made

    async def sender(self, number):
        doors = sorted(self.addresses)
        while not self.over:
            session = Session(self, doors[number % len(doors)], number)
            try:
                await session.connect()
                self.sessions.add(session)
                for _ in range(self.rng.choice((1, 5, 50))):
                    while self.given_up or (m := self.next_message()) is None:
                        if self.over:
                            return
                        await asyncio.sleep(0.02)
                    await self.one_message(session, m)
                    if self.pace and not self.no_more:
                        await asyncio.sleep(self.rng.random() * self.pace)
            except (Lost, OSError, asyncio.IncompleteReadError) as e:
                self.refused += isinstance(e, ConnectionRefusedError)
                await asyncio.sleep(0.02)
            finally:
                self.sessions.discard(session)
                if getattr(session, "writer", None):
                    session.writer.transport.abort()

    def open_now(self):
        """The attempts between 354 and their last reply."""
        return [s.after_354 for s in self.sessions if s.after_354 is not None]

    def run(self, killer, seconds):
        async def everything():
            async def kill():
                try:
                    await killer(self)
                except BaseException:
                    self.given_up = True
                    raise
                self.no_more = True
            await asyncio.gather(kill(), *(self.sender(n) for n in range(self.connections)))

        asyncio.run(asyncio.wait_for(everything(), seconds))
