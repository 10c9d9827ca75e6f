"""A real MTA with filterd as its milter, in front of a next hop that keeps what it is given.

    with Chain("postfix", f, hop) as c:             # or "sendmail"; f: a filterd with a milter
        c.send("a@example.test", ["b@example.test"], message)
        c.delivered()                               # [Message] of nexthop.py

What differs between the two MTAs by their nature is here, so that a test need not know which one
it has.
"""
import re

import postfix
import sendmail
import smtp

KINDS = ("postfix", "sendmail")
# What stands in the reply of an MTA that has taken a message.
QUEUED = {"postfix": "2.0.0 Ok: queued as ", "sendmail": "Message accepted for delivery"}


def missing(kind):
    return postfix.missing() if kind == "postfix" else sendmail.missing()


def milter_of(f, kind, name="milter"):
    """The listener's endpoint as the MTA's configuration has it."""
    a = f.address(name)
    if isinstance(a, str):
        return f"unix:{a}"
    return f"inet:{a[0]}:{a[1]}" if kind == "postfix" else f"inet:{a[1]}@{a[0]}"


class Chain:
    def __init__(self, kind, f, hop, milters=None, main=None, more="", accounts=None, refuse=()):
        """milters: f's, unless told; main: Postfix's parameters; more: Sendmail's m4 lines; accounts: see accounts.py; refuse:
        recipients unknown to the MTA itself."""
        self.kind, self.filterd, self.hop = kind, f, hop
        milters = [milter_of(f, kind)] if milters is None else milters
        if kind == "postfix":
            to_hop = f"smtp:[127.0.0.1]:{hop.port}"
            parameters = {
                "smtpd_milters": ", ".join(milters), "non_smtpd_milters": ", ".join(milters),
                "milter_default_action": "tempfail", "virtual_mailbox_maps": "static:x",
                "virtual_transport": to_hop, "default_transport": to_hop,
                "always_add_missing_headers": "no"}
            files = {}
            if refuse:
                files["known"] = "!/^(%s)$/ x\n" % "|".join(re.escape(a) for a in refuse)
                parameters["virtual_mailbox_maps"] = "regexp:$config_directory/known"
            if accounts:
                parameters.update(accounts.postfix)
                files.update(accounts.postfix_files)
            parameters.update(main or {})
            self.mta = postfix.Postfix(main=parameters, files=files)
        else:
            if accounts:
                more += accounts.sendmail
            self.mta = sendmail.Sendmail(hop, milters, more=more, refuse=refuse,
                                         sasl=accounts.sasl if accounts else "")

    def start(self):
        self.mta.start()
        return self

    def finish(self):
        self.mta.finish()

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.finish()
            raise

    def __exit__(self, *_):
        self.finish()

    # --- mail ---

    @property
    def address(self):
        return self.mta.smtp

    def client(self, source=None, hello="client.example"):
        c = smtp.Client(self.address, source=(source, 0) if source else None)
        if hello:
            c.hello(hello)
        return c

    def send(self, sender, recipients, message, source=None, hello="client.example", **kwargs):
        """As smtp.Client.transaction()."""
        if isinstance(recipients, str):
            recipients = [recipients]
        with self.client(source, hello) as c:
            result = c.transaction(sender, recipients, message, **kwargs)
            c.quit()
        return result

    def taken(self, reply):
        return reply.code == 250 and QUEUED[self.kind] in reply.text

    def pass_on(self, message, recipients="b@example.test", sender="a@example.test", **kwargs):
        """Send what is to be delivered; as the hop has it then: a Message of nexthop.py."""
        before = len(self.hop.messages)
        _, rcpts, end = self.send(sender, recipients, message, **kwargs)
        assert end and self.taken(end[0]), (rcpts, end)
        return self.hop.wait(before + 1)[before]

    def refused(self, message, recipients="b@example.test", sender="a@example.test", **kwargs):
        """Send what is not to be delivered; the first reply that is no success."""
        before = len(self.hop.messages)
        mail, rcpts, end = self.send(sender, recipients, message, **kwargs)
        bad = [r for r in [mail, *rcpts, *end] if r.code // 100 != 2]
        assert bad, (mail, rcpts, end)
        self.nothing_more(before)
        return bad[0]

    def nothing_more(self, before):
        """Nothing is on its way; the hop has as many messages as before."""
        self.settle()
        assert len(self.hop.messages) == before, [m.data for m in self.hop.messages[before:]]

    def settle(self):
        """Until nothing is queued but what is held."""
        if self.kind == "postfix":
            self.mta.wait_empty()
        else:
            self.mta.until(lambda: not self.mta.queued(), "Sendmail's queue does not become empty")

    def held(self):
        """Queue ids of what is in the MTA's hold queue, or in quarantine."""
        if self.kind == "postfix":
            return self.mta.queued("hold")
        return sorted(self.mta.quarantined())

    def log(self):
        return self.mta.log()


def fields(data):
    """(name, all behind the colon) of each header field of a message, lines as they are."""
    head = data.partition(b"\r\n\r\n")[0]
    found = []
    for line in re.split(rb"\r\n(?![ \t])", head):
        name, colon, value = line.partition(b":")
        assert colon, line
        found.append((name.decode("utf-8", "surrogateescape"), value))
    return found


def body(data):
    return data.partition(b"\r\n\r\n")[2]


def is_own(field):
    """A Received: of the MTA's own."""
    return field[0] == "Received" and b"by mx.example.test" in field[1]


def parted(message):
    """A delivered message: (what stands above the MTA's Received, what stands below)."""
    own = [i for i, f in enumerate(fields(message)) if is_own(f)]
    assert len(own) == 1, fields(message)
    return fields(message)[:own[0]], fields(message)[own[0] + 1:]

