"""reject_unverified_sender and reject_unverified_recipient beside Debian's Postfix: both ask the same
hosts, and their clients get the same code and the same words."""
import concurrent.futures
import re
import time

import pytest

import smtp
from nexthop import CLOSE, HANG, RESET, Delay, NextHop
from ports import free_port

LONG = "550 5.1.1 " + "x" * 300 + " end"

# What the host says to RCPT for these mailboxes.
MAILBOXES = {
    "good": "250 2.1.5 Ok",
    "good251": "251 2.1.5 will forward",
    "bare250": "250 fine",
    "bad": "550 5.1.1 No such user here",
    "bare550": "550 no such user",
    "code553": "553 5.1.3 bad syntax",
    "code554": "554 5.7.1 not for you",
    "code500": "500 5.5.2 what?",
    "code521": "521 5.3.2 no mail at all",
    "code556": "556 5.1.10 null MX behind me",
    "later": "451 4.3.0 not now",
    "bare450": "450 try again",
    "full": "452 4.2.2 mailbox full",
    "gone": "421 4.3.2 closing",
    "lines": "550 5.1.1 No such user\n5.1.1 ask the\n5.1.1 postmaster",
    "barelines": "550 No such user\nask the postmaster",
    "mixedlines": "550 5.1.1 No such user\nask the postmaster",
    "laterlines": "451 4.3.0 not now\n4.3.0 come again",
    "odd": "550 4.7.1 five and four",
    "odd4": "450 5.7.1 four and five",
    "empty": "550 ",
    "enhancedonly": "550 5.1.1",
    "blanks": "550  5.1.1   wide   open ",
    "long": LONG,
    "longlater": "451 4.3.0 " + "y" * 300,
    "percent": "550 5.1.1 %s 100% %n",
    "control": "550 5.1.1 a\tb\x01c",
    "code354": "354 go ahead",
    "close": CLOSE,
    "reset": RESET,
    "hang": HANG,
}


def mailbox(session, line):
    local = line.decode().split("<")[1].split("@")[0].strip('"').lower()
    return MAILBOXES.get(local, "250 2.1.5 Ok")


# Hosts with a script of their own; mailbox "good" is asked for.
HOSTS = {
    "mailboxes": {"rcpt": mailbox},
    "mail550": {"mail": "550 5.7.1 not from you"},
    "mail450": {"mail": "450 4.7.1 not from you yet"},
    "mail421": {"mail": "421 4.3.2 going away"},
    "mailclose": {"mail": CLOSE},
    "mailhang": {"mail": HANG},
    "greet554": {"connect": "554 5.7.1 go away"},
    "greet421": {"connect": "421 4.3.2 too busy"},
    "greet450": {"connect": "450 bare words\nof two lines"},
    "greetclose": {"connect": CLOSE},
    "greethang": {"connect": HANG},
    "greetodd": {"connect": "250 hello?"},
    "hello550": {"hello": "550 5.5.0 no hello"},
    "hello450": {"hello": "450 4.5.0 not now"},
    "hello421": {"hello": "421 4.3.2 closing"},
    "helloclose": {"hello": CLOSE},
    "hellohang": {"hello": HANG},
    "refused": None,                # nobody listens
}

# Parameters of the restrictions, asked for mailboxes of the first host.
MANNERS = {
    "codes": {"unverified_sender_reject_code": "550", "unverified_recipient_reject_code": "551",
              "unverified_sender_defer_code": "451", "unverified_recipient_defer_code": "452"},
    "turned": {"unverified_sender_reject_code": "421", "unverified_recipient_reject_code": "450",
               "unverified_sender_defer_code": "400", "unverified_recipient_defer_code": "421"},
    "two": {"unverified_sender_reject_code": "250", "unverified_recipient_reject_code": "250",
            "unverified_sender_defer_code": "250", "unverified_recipient_defer_code": "250"},
    "reason": {"unverified_sender_reject_reason": "sender, ask $myhostname",
               "unverified_recipient_reject_reason": "recipient: 100% sure",
               "unverified_recipient_reject_code": "550", "unverified_sender_reject_code": "550"},
    "longreason": {"unverified_sender_reject_reason": "s" * 280, "unverified_recipient_reject_reason": "r" * 280},
    "defer": {"unverified_sender_tempfail_action": "defer", "unverified_recipient_tempfail_action": "defer"},
    "ifpermit": {"unverified_sender_tempfail_action": "defer_if_permit",
                 "unverified_recipient_tempfail_action": "defer_if_permit"},
    "action": {"reject_tempfail_action": "defer"},
    "warn": {"_prefix": "warn_if_reject "},
    "rejected": {"_suffix": ", reject"},
    "rejecteddefer": {"_suffix": ", reject", "unverified_sender_tempfail_action": "defer",
                      "unverified_recipient_tempfail_action": "defer"},
    "soft": {"soft_bounce": "yes", "unverified_sender_reject_code": "550", "unverified_recipient_reject_code": "550"},
}

COMMON = {
    "myhostname": "mx.here.example", "myorigin": "here.example", "smtpd_reject_footer": "",
    "mydestination": "", "local_recipient_maps": "", "virtual_alias_domains": "", "virtual_mailbox_domains": "",
    "relay_recipient_maps": "", "mynetworks": "127.0.0.0/8", "smtpd_reject_unlisted_recipient": "no",
    "smtpd_relay_restrictions": "permit_mynetworks, defer_unauth_destination", "inet_interfaces": "127.0.0.1", "address_verify_poll_count": "4", "address_verify_poll_delay": "1s",
    "smtp_helo_timeout": "3s",
}


def restrictions(kind, manner):
    return manner.get("_prefix", "") + f"reject_unverified_{kind}" + manner.get("_suffix", "")


def settings_of(kind, manner):
    own = {k: v for k, v in manner.items() if not k.startswith("_")}
    return dict(own, smtpd_recipient_restrictions=restrictions(kind, manner))


def ask(address, kind, mailbox):
    """What the client is told, one line."""
    asked = {"sender": "s@elsewhere.example", "rcpt": "r@mailboxes.example",
             {"sender": "sender", "recipient": "rcpt"}[kind]: mailbox}
    with smtp.Client(address, timeout=60) as c:
        c.hello()
        m = c.mail(asked["sender"])
        return str(c.rcpt(asked["rcpt"])) if m.code == 250 else str(m)


class Pair:
    """A Postfix and a filterd whose doors go by (kind, manner, host)."""

    def __init__(self, postfix, filterd, doors, running, **more):
        """running: {name: NextHop}; host NAME serves the domain NAME.example."""
        hosts = {name: h.port for name, h in running.items()}
        domains = ", ".join(f"{h}.example" for h in hosts)
        common = dict(COMMON, relay_domains=domains, **more)
        maps = "".join(f" {{ {h}.example = smtp:[127.0.0.1]:{port} }}" for h, port in hosts.items())
        self.ports = {key: free_port() for key in {(kind, name) for kind, name, _ in doors}}
        master = "".join(
            f"127.0.0.1:{port} inet n - n - - smtpd\n"
            + "".join(f"  -o {{ {k} = {v} }}\n" for k, v in settings_of(kind, MANNERS.get(name, {})).items())
            for (kind, name), port in self.ports.items())
        self.postfix = postfix(mailboxes=["x@unused.example"], hostname=common["myhostname"], master=master, main=dict(
            common, transport_maps="inline:{" + maps + " }", default_transport="smtp", smtpd_error_sleep_time="0",
            in_flow_delay="0", notify_classes="", smtp_mail_timeout="3s", smtp_rcpt_timeout="3s", smtp_rset_timeout="3s",
            smtp_quit_timeout="3s", smtp_connect_timeout="3s", default_destination_concurrency_failed_cohort_limit="0"))
        self.listeners = {f"{kind}-{name}-{host}": (
            f"smtp, role = before_queue, next_hop = smtp:[127.0.0.1]:{hosts[host]}, verify_recipients_at_next_hop = no"
            + "".join(f", {k} = {{ {v} }}" for k, v in settings_of(kind, MANNERS.get(name, {})).items()))
            for kind, name, host in doors}
        self.filterd = filterd(listeners=self.listeners, address_verify_time_limit="3s", **common)
        for name in self.listeners:
            with smtp.Client(self.filterd.address(name)) as c:
                c.hello()           # a door has to know what its next hop can do
        for name, h in running.items():
            if HOSTS[name] is None:
                h.stop()
            else:
                h.script.update(HOSTS[name])

    def ask(self, kind, name, host, mailbox):
        """(Postfix's answer, ours)"""
        address = f"{mailbox}@{host}.example"
        return (ask(("127.0.0.1", self.ports[kind, name]), kind, address),
                ask(self.filterd.address(f"{kind}-{name}-{host}"), kind, address))


def both(pair, questions):
    """Every question twice: what a probe has found out is remembered.  All that differs."""
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        for again in (False, True):
            answers = list(pool.map(lambda q: pair.ask(*q), questions))
            yield from ((again, q, theirs, ours) for q, (theirs, ours) in zip(questions, answers))


@pytest.fixture
def hosts():
    running = {name: NextHop().start() for name in HOSTS}
    yield running
    for h in running.values():
        h.stop()


def report(rows):
    return "\n".join(f"{'again' if again else 'first'} {q}\n  postfix {t}\n  filterd {o}" for again, q, t, o in rows)


# (host, mailbox): filterd's words are its own; all before them is the same.
OWN_WORDS = {
    ("mailboxes", "mixedlines"): "the enhanced code of the first line counts for all",
    ("mailboxes", "blanks"): "none at the end",
    ("mailboxes", "control"): "controls become blanks",
    ("mailboxes", "code354"): "a broken protocol",
    ("greet450", "good"): "one line of what is said before mail",
    ("greetclose", "good"): "what was being waited for", ("greethang", "good"): "the same",
    ("helloclose", "good"): "the same", ("hellohang", "good"): "the same",
}
PROGRESS = "Address verification in progress"


def differs(again, question, theirs, ours):
    _, _, host, mailbox = question
    # Who hangs does so for about as long as a client waits.
    if not again and "hang" in host + mailbox and PROGRESS in theirs + ours:
        return False
    if (host, mailbox) in OWN_WORDS:
        assert theirs != ours or PROGRESS in theirs, f"{question}: no longer its own"
        mark = "unverified address: "
        return theirs.partition(mark)[:2] != ours.partition(mark)[:2]
    return theirs != ours


def test_what_hosts_say(postfix, filterd, hosts):
    pair = Pair(postfix, filterd, [("recipient", "", h) for h in hosts] + [("sender", "", "mailboxes")], hosts)
    questions = [(kind, "", "mailboxes", m) for kind in ("recipient", "sender") for m in MAILBOXES]
    questions += [("recipient", "", h, "good") for h in hosts if h != "mailboxes"]
    rows = [r for r in both(pair, questions) if differs(*r)]
    assert not rows, report(rows)


def test_manners(postfix, filterd, hosts):
    hosts = {"mailboxes": hosts["mailboxes"]}
    doors = [(kind, name, "mailboxes") for kind in ("sender", "recipient") for name in MANNERS]
    pair = Pair(postfix, filterd, doors, hosts)
    asked = ("good", "bad", "later", "long", "longlater")
    rows = list(both(pair, [(*d, m) for d in doors for m in asked]))
    wrong = [r for r in rows if r[2] != r[3]]
    assert not wrong, report(wrong)
    answers = {q: t for _, q, t, _ in rows}
    # These parameters do something: else the two would agree on nothing.
    assert {answers["sender", "two", "mailboxes", m][:3] for m in asked} == {"250"}
    assert answers["recipient", "turned", "mailboxes", "bad"].startswith("450 4.1.1 ")
    assert answers["sender", "rejected", "mailboxes", "bad"].startswith("554 5.7.1 ")
    assert answers["sender", "rejecteddefer", "mailboxes", "bad"].startswith("450 4.1.7 ")
    assert {answers["sender", "warn", "mailboxes", m][:3] for m in asked} == {"250"}
    # What warn_if_reject writes instead.
    said = re.findall(r"reject_warning: RCPT from \S+ (450 4.1.7 <bad@.*?);", pair.postfix.log())
    assert len(said) == 2 and len(set(said)) == 1, said
    assert said[0] in pair.filterd.raw_log().replace('\\"', '"')


@pytest.mark.parametrize("prober, said", [
    (None, "double-bounce@here.example"), ("probe", "probe@here.example"), ("p@else.example", "p@else.example"), ("", ""),
    ("<>", "")])
def test_who_asks(postfix, filterd, hosts, prober, said):
    """The sender of probes, who himself is not asked about."""
    hosts = {"mailboxes": hosts["mailboxes"]}
    more = {} if prober is None else {"address_verify_sender": prober}
    pair = Pair(postfix, filterd, [("sender", "", "mailboxes"), ("recipient", "", "mailboxes")], hosts, **more)
    for kind, mailbox in (("sender", "Joe.User"), ("recipient", '"a b"'), ("sender", "double-bounce")):
        theirs, ours = pair.ask(kind, "", "mailboxes", mailbox)
        assert theirs == ours
    # Postfix would ask about it; and the host asked, if it does the same, about the one that asks.
    if said:
        assert ask(pair.filterd.address("sender--mailboxes"), "sender", said).startswith("250 ")
    sent = [c for c in hosts["mailboxes"].commands if c[:4] in (b"MAIL", b"RCPT")]
    assert {path(c) for c in sent if c.startswith(b"MAIL")} == {said}
    rcpts = sorted(path(c) for c in sent if c.startswith(b"RCPT"))
    assert rcpts[::2] == rcpts[1::2], rcpts
    assert rcpts[::2] == sorted(["Joe.User@mailboxes.example", '"a b"@mailboxes.example', "double-bounce@mailboxes.example"])


def path(command):
    return re.search(rb"<(.*)>", command)[1].decode()


class Memory:
    """Both asked for mailboxes of their own at the same host, which answers as `says` has it."""

    def __init__(self, postfix, filterd, **more):
        self.host, self.says = NextHop(), {}
        self.host.start()
        self.pair = Pair(postfix, filterd, [("sender", "", "mailboxes")], {"mailboxes": self.host}, **more)
        self.host.script["rcpt"] = lambda session, line: MAILBOXES[self.says[path(line).split("+")[0]]]
        self.doors = {"p": ("127.0.0.1", self.pair.ports["sender", ""]), "f": self.pair.filterd.address("sender--mailboxes")}

    def step(self, *mailboxes, again=True):
        """The codes of the answers, and how often the host has been asked so far, by mailbox.
        again: Postfix has asked as often as we have."""
        found = {}
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            codes = {(d, m): pool.submit(ask, a, "sender", f"{m}+{d}@mailboxes.example")
                     for d, a in self.doors.items() for m in mailboxes}
            codes = {k: f.result()[:3] for k, f in codes.items()}
        time.sleep(1)               # what is asked again in the background
        rcpts = [path(c) for c in self.host.commands if c.startswith(b"RCPT")]
        for d in self.doors:
            found[d] = {m: (codes[d, m], sum(r.startswith(f"{m}+{d}@") for r in rcpts)) for m in mailboxes}
        assert found["p"] == found["f"] or not again
        assert {m: c for m, (c, _) in found["p"].items()} == {m: c for m, (c, _) in found["f"].items()}
        return found["f"]


@pytest.fixture
def memory(postfix, filterd, hosts):
    made = []

    def make(**more):
        made.append(Memory(postfix, filterd, **more))
        return made[-1]
    yield make
    for m in made:
        m.host.stop()


def test_what_is_remembered(memory):
    m = memory(address_verify_positive_refresh_time="3s", address_verify_positive_expire_time="9s",
               address_verify_negative_refresh_time="3s", address_verify_negative_expire_time="9s")
    began = time.monotonic()
    m.says = {"a": "good", "b": "bad", "c": "later", "d": "good", "e": "bad"}
    assert m.step(*"abcde") == {"a": ("250", 1), "b": ("450", 1), "c": ("450", 1), "d": ("250", 1), "e": ("450", 1)}
    m.says = {"a": "bad", "b": "good", "c": "good", "d": "bad", "e": "good"}
    assert m.step(*"abc") == {"a": ("250", 1), "b": ("450", 1), "c": ("450", 1)}
    time.sleep(began + 6 - time.monotonic())
    # Too old: asked again behind the client's back, who hears what was known.
    assert m.step(*"abc") == {"a": ("250", 2), "b": ("450", 2), "c": ("450", 2)}
    # A good address stays good until it expires.
    assert m.step(*"abc") == {"a": ("250", 2), "b": ("250", 2), "c": ("250", 2)}
    time.sleep(began + 14 - time.monotonic())
    # As if never asked for.
    assert m.step(*"de") == {"d": ("450", 2), "e": ("250", 2)}


def test_only_good_is_remembered(memory):
    """Postfix asks again each time it looks, and never has an answer but "in progress"; we tell
    who waits."""
    m = memory(address_verify_negative_cache="no")
    m.says = {"a": "good", "b": "bad", "c": "later"}
    for n in (1, 2, 3):
        assert m.step(*"bc", again=False) == {"b": ("450", n), "c": ("450", n)}
        assert m.step("a") == {"a": ("250", 1)}


def test_in_progress(postfix, filterd, hosts):
    """poll_count 1: nobody waits, and the next time it is known."""
    hosts = {"mailboxes": hosts["mailboxes"]}
    pair = Pair(postfix, filterd, [("sender", "", "mailboxes"), ("recipient", "", "mailboxes")], hosts,
                address_verify_poll_count="1")
    hosts["mailboxes"].script["rcpt"] = lambda session, line: Delay(1, mailbox(session, line))
    for kind, code in (("sender", "4.1.7"), ("recipient", "4.1.1")):
        for box in ("good", "bad"):
            theirs, ours = pair.ask(kind, "", "mailboxes", f"{box}")
            if kind == "sender":
                assert PROGRESS in ours
            assert theirs == ours
            time.sleep(2.5)
            theirs, ours = pair.ask(kind, "", "mailboxes", f"{box}")
            assert theirs == ours and (ours[:3] == "250") == (box == "good")
