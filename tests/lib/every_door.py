"""One sample (tests/lib/door_samples.py) through one door: what was decided of each recipient's copy.

    with World(CONFIGURATIONS["late"]) as w:
        DOORS["lmtp after_queue"](w, sample).words      # ["hold", "554 5.7.1 <...>: ..."]

A refusal is told word by word, whether at a command or after the data; the rest as the log has it: the verdict, then its effects.
"""
import collections
import json
import os
import re
import time

import dns_case
import door_samples
import filterd_proc
import milter_client
import nexthop
import policy
import smtp

# Of filterd and the doors, not of the samples.
SETTINGS = dict(
    allowed_clients="127.0.0.0/8", smtpd_authorized_xclient_hosts="127.0.0.0/8", allow_xclient_login="yes", smtpd_peername_lookup="no",
    alias_maps="", smtpd_error_sleep_time="0s", resolver_timeout="1s", resolver_tries="1", message_drop_headers="")
LISTENERS = {
    "smtp_mta": "smtp, role = mta", "smtp_before": "smtp, role = before_queue", "smtp_after": "smtp, role = after_queue",
    "lmtp_after": "lmtp, role = after_queue", "policy": "policy", "milter": "milter",
    "libmilter": "milter, milter_engine = libmilter"}


class World:
    """filterd with a configuration, its listeners, DNS server and next hop."""

    def __init__(self, configuration):
        self.configuration = configuration
        self.front = None               # where a Postfix listens that asks this filterd
        self.dns, self.hop = dns_case.Server(door_samples.DNS), nexthop.NextHop()

    def make(self):
        own = "".join(", { %s = %s }" % x for x in door_samples.LISTS.items())      # after the queue lists are the listener's own
        settings = dict(SETTINGS, **door_samples.LISTS, **door_samples.CLASSES)
        settings.update(self.configuration, resolver=self.dns.address, next_hop=self.hop.next_hop,
                        filter_next_hop_maps="static:" + self.hop.next_hop)
        return filterd_proc.Filterd(
            listeners={n: k + (own if n.endswith("after") else "") for n, k in LISTENERS.items()}, files=door_samples.TABLES, **settings)

    def __enter__(self):
        self.dns.__enter__()
        self.hop.__enter__()
        self.filterd = self.make().__enter__()
        return self

    def __exit__(self, *why):
        try:
            self.filterd.__exit__(*why)
        finally:
            self.hop.__exit__(*why)
            self.dns.__exit__(*why)

    def logged(self):
        return os.path.getsize(self.filterd.log_file)

    def finals(self, offset, n, timeout=15):
        """n final lines behind an offset in the log, by recipient."""
        end = time.monotonic() + timeout
        while True:
            with open(self.filterd.log_file, "rb") as f:
                f.seek(offset)
                said = [json.loads(line) for line in f.read().split(b"\n")[:-1]]
            finals = [e for e in said if e.get("event") == "message"]
            if len(finals) >= n:
                assert len(finals) == n, finals
                return {e["recipient"]: e for e in finals}
            assert time.monotonic() < end, f"{len(finals)} of {n} final lines: {said}"
            time.sleep(0.005)


def decided(final):
    """What a final line of the log says."""
    if final["verdict"] in ("reject", "defer"):
        # A refused copy that is kept has its refusal for a reason.
        return final["reason"] if re.match("[45]", final["reason"]) else f"{final['code']} {final['reply']}"
    return " ".join([final["verdict"], *(x for x in final["effects"].split() if x != final["verdict"])])


class Result(collections.namedtuple("Result", "words fates stage")):
    """What was decided of each copy; what is done with it ("" not accepted); where the last refusal was told."""


class Course:
    """A message on its way through a door: what has been said so far.  Reply: what str() makes "554 5.7.1 words" of."""

    def __init__(self, w, sample):
        self.w, self.sample = w, sample
        self.words, self.stage, self.finals = {}, None, {}

    def left(self):
        return [r for r in self.sample.recipients if r not in self.words]

    def take(self, stage, reply, *recipients):
        """Is it no refusal, for these recipients or all that are left?"""
        if not re.match("[45]", str(reply)):
            return True
        self.stage = stage
        self.words.update(dict.fromkeys(recipients or self.left(), str(reply)))
        return False

    def data(self, reply):
        """reply(): send the message, return the replies: one, or one each.  What the log says then."""
        left, logged = self.left(), self.w.logged()
        replies = [str(r) for r in reply(len(left))]
        self.finals = self.w.finals(logged, len(left))
        self.words.update((r, decided(e)) for r, e in self.finals.items())
        for r, said in zip(left, replies if len(replies) == len(left) else replies * len(left)):
            # It is told what was done, which may not be what was decided.
            done = f"{self.finals[r]['code']} {self.finals[r]['reply']}"
            assert said == done if re.match("[45]", said + done) else True, (r, said, done)

    def result(self):
        return Result([self.words[r] for r in self.sample.recipients],
                      [self.finals[r]["fate"] if r in self.finals else "" for r in self.sample.recipients], self.stage)


# --- SMTP and LMTP: to filterd, or to the MTA that asks it ---

def converse(course, c, introduce):
    sample = course.sample
    if not introduce(course, c, sample.client) or not course.take("mail", c.mail(sample.sender)):
        return
    for r in sample.recipients:
        course.take("rcpt", c.rcpt(r), r)
    if not course.left() or not course.take("data", c.cmd("DATA")):
        return

    def message(n):
        c.send(smtp.dot_stuff(sample.message))
        return c.replies(n if c.lmtp else 1)
    course.data(message)
    c.quit()


def session(address, introduce, lmtp=False):
    def through(w, sample):
        course = Course(w, sample)
        with smtp.Client(address(w), lmtp=lmtp) as c:
            converse(course, c, introduce)
        return course.result()
    return through


def told(name):
    return "unknown" if name.startswith("[") else name


def address_of(who):
    return ("IPV6:" if ":" in who["addr"] else "") + who["addr"]


def xclient(course, c, who):
    c.hello("driver.example")
    # A name that is set also sets the reverse name, so that comes last.
    line = "XCLIENT ADDR=%s NAME=%s REVERSE_NAME=%s" % (address_of(who), who["name"], who["reverse_name"])
    return (course.take("connect", c.cmd(line + (f" LOGIN={who['login']}" if who["login"] else ""))) and
            course.take("helo", c.cmd("HELO " + who["helo"]) if who["proto"] == "SMTP" else c.hello(who["helo"])))


def xforward(course, c, who):
    c.hello("mta.example")
    return course.take("connect", c.xforward(name=who["name"], addr=address_of(who), helo=who["helo"], proto=who["proto"]))


# --- the milter door ---

def over_milter(w, sample, name):
    """As Postfix tells it."""
    course = Course(w, sample)
    with milter_client.Client(w.filterd.address(name)) as c:
        c.negotiate()
        if milter_envelope(course, c, sample, sample.client) and course.take("data", c.data()):
            course.data(lambda _: [c.message(sample.message)])
        c.quit()
    return course.result()


def milter_envelope(course, c, sample, who):
    """Is there a recipient in the end?"""
    name, reverse = told(who["name"]), told(who["reverse_name"])
    resolved = {"[UNAVAILABLE]": "FAIL", "[TEMPUNAVAIL]": "TEMP"}.get(who["name"], "OK")
    c.macros("connect", {"j": "mx.here.example", "{daemon_name}": "mx.here.example", "{client_name}": name, "{client_ptr}": reverse,
                         "{client_addr}": address_of(who).replace("IPV6", "IPv6"), "{client_resolve}": resolved})
    if not course.take("connect", c.connect(name, who["addr"])) or not course.take("helo", c.helo(who["helo"])):
        return False
    macros = {"{auth_authen}": who["login"], "{auth_type}": "PLAIN"} if who["login"] else {}
    c.macros("mail", dict(macros, **{"{tls_version}": who["tls"]} if who["tls"] else {}))
    if not course.take("mail", c.mail(f"<{sample.sender}>")):
        return False
    for r in sample.recipients:
        course.take("rcpt", c.rcpt(f"<{r}>"), r)
    return bool(course.left())


# --- the policy door ---

def over_policy(w, sample):
    """As Postfix asks: at each RCPT, at DATA, at the end of the data."""
    who = sample.client
    asked = dict(client_address=who["addr"], client_name=told(who["name"]), reverse_client_name=told(who["reverse_name"]),
                 helo_name=who["helo"], protocol_name=who["proto"], sender=sample.sender, sasl_username=who["login"] or "",
                 sasl_method="PLAIN" if who["login"] else "", encryption_protocol=who["tls"] or "",
                 instance=f"every.{id(sample)}")
    words, effects = {}, []
    with policy.Client(w.filterd.address("policy")) as c:
        for r in sample.recipients:
            action = c.ask(recipient=r, **asked)
            if re.match("[45]|DEFER_IF_PERMIT", action):
                # Handed on by name, Postfix gives it its own code.
                words[r] = re.sub("^DEFER_IF_PERMIT", "450", action)
            else:
                effects.append(action)
        left = [r for r in sample.recipients if r not in words]
        for state in ("DATA", "END-OF-MESSAGE"):
            if left and not re.match("[45]", (effects or [""])[-1]):
                effects.append(c.ask(protocol_state=state, recipient=left[0] if len(left) == 1 else "",
                                     recipient_count=str(len(left)), **asked))
    words.update(dict.fromkeys(left, by_action([e for e in effects if e != "DUNNO"])))
    return Result([words[r] for r in sample.recipients], None, None)


def by_action(actions):
    """What an action of the answer says, as decided() does."""
    if not actions:
        return "pass"
    (action,) = actions
    word, _, argument = action.partition(" ")
    return {"HOLD": "hold", "DISCARD": "discard", "PREPEND": "pass prepend"}.get(word) or (
        action if word.isdigit() else f"pass {word.lower()}={argument}")


def door(name, introduce, lmtp=False):
    return session(lambda w: w.filterd.address(name), introduce, lmtp)


DOORS = {
    "smtp mta": door("smtp_mta", xclient),
    "smtp before_queue": door("smtp_before", xclient),
    "smtp after_queue": door("smtp_after", xforward),
    "lmtp after_queue": door("lmtp_after", xforward, lmtp=True),
    "policy": over_policy,
    "milter": lambda w, sample: over_milter(w, sample, "milter"),
    "milter, engine libmilter": lambda w, sample: over_milter(w, sample, "libmilter"),
    "milter Postfix": session(lambda w: w.front, xclient),
}
