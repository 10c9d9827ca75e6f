"""A real Postfix that decides nothing and asks a milter: who does decide.

    prepare(cases, directory)                       # as for postfix_restrictions
    with Front({"r0001": "inet:127.0.0.1:7357"}) as front:
        with smtp.Client(front.doors["r0001"][4], source=(client, 0)) as c: ...

It takes mail for every domain (relay_domains = static:all), refuses only what
reject_unauth_destination finds odd, lets XCLIENT speak for others, and has a pair of smtpd
(IPv4, IPv6) for each milter.  What was taken stays in the queue.  Needs root.

NOT_TOLD lists what it answers without the milter's word: a case that one of the rows holds for is
no test of a milter.
"""
import re
import socket

import postfix
import postfix_restrictions
from ports import free_port
from postfix_answers import NoQueueManager

# What is no list of restrictions is the same as where Postfix decides.
MAIN = dict(
    postfix_restrictions.MAIN, relay_domains="static:all", smtpd_relay_restrictions="reject_unauth_destination",
    mydestination="", mynetworks="127.0.0.1", myhostname="mx.filterd.test",
    smtpd_reject_unlisted_recipient="no",
    smtpd_sasl_auth_enable="yes", milter_default_action="tempfail", max_idle="5s", **{
        f"smtpd_{x}_restrictions": "" for x in ("client", "helo", "sender", "recipient", "data", "end_of_data")})


class Front:
    def __init__(self, milters, families=(4, 6)):
        """milters: {name: where it is, as in smtpd_milters}."""
        self.postfix = p = postfix.Postfix(mailboxes=["x@unused.example"], queue_manager=False, main=MAIN)
        if 6 not in families:
            p.main["inet_interfaces"] = "127.0.0.1"
        p.main["smtpd_sasl_path"] = p.dir + "/login"
        p.main["virtual_mailbox_domains"] = ""
        self.doors = {}
        for name, endpoint in milters.items():
            self.doors[name] = {f: ({4: "127.0.0.1", 6: "::1"}[f], free_port()) for f in families}
            for host, port in self.doors[name].values():
                where = "[::1]" if ":" in host else host
                p.master += f"{where}:{port} inet n - n - 1 smtpd\n  -o {{ smtpd_milters = {endpoint} }}\n"
        self.last = host, port

    def __enter__(self):
        self.login = postfix_restrictions.Login(self.postfix.dir + "/login")
        self.postfix.__enter__()
        NoQueueManager(self.postfix)
        # The last service is made last.
        self.postfix.until(self.listens, "Postfix does not listen")
        return self

    def listens(self):
        with socket.socket(socket.AF_INET6 if ":" in self.last[0] else socket.AF_INET) as s:
            return s.connect_ex(self.last) == 0

    def __exit__(self, *why):
        self.postfix.__exit__(*why)


# --- what a milter is not asked ---

def routed(case, expect):
    """A recipient with a route in its local part, or two "@", that Postfix came to."""
    return any(r["stage"] == "rcpt" for r in expect["replies"]) and any(
        re.search(r'^[^"@]*[%!@].*@', re.sub("^@[^:]*:", "", r)) for r in case["recipients"])


def reverse_untold(case, expect):
    """A reverse name that is not there for another reason than the name, and that was looked at."""
    return (case["client"]["name"], case["client"]["reverse_name"]) == ("[UNAVAILABLE]", "[TEMPUNAVAIL]") and any(
        "cannot find your reverse hostname" in r.get("text", "") for r in expect["replies"])


# name; why; does it hold for a case, and for what Postfix said to it?
NOT_TOLD = [
    ("routed", "reject_unauth_destination refuses a route in a recipient (allow_untrusted_routing) before it asks a milter", routed),
    ("syntax", "what is a syntax error is the MTA's affair: its strict_rfc821_envelopes, soft_bounce and footer",
     lambda case, expect: any(
         re.match("Bad (sender|recipient) address syntax|Unsupported option", r["text"]) and
         (r["code"] < 500 or case["main_cf"].get("smtpd_reject_footer") or (case["main_cf"].get("strict_rfc821_envelopes") == "yes" and case.get("envelope_style") in ("bare", "space")))
         for r in expect["replies"] if r["code"] >= 400)),
    ("filter", "no milter can set a message's content filter (FILTER): 451 4.3.5",
     lambda case, expect: (expect["queue"] or {}).get("filter")),
    ("early", "Postfix tells a milter's refusal of connection or HELO at MAIL, and a 5xx of the connection in words of its own",
     lambda case, expect: expect["replies"][-1]["stage"] in ("connect", "helo")),
    ("protocol", "whether the client said EHLO is told by no macro of Postfix, and a policy server was to decide by it",
     lambda case, expect: case["client"]["proto"] == "ESMTP" and any("protocol_name" in rule.get("if", {}) for rule in case.get("policy") or [])),
    ("reverse name", "why there is no unverified name is not told", reverse_untold),
]


def not_told(case, expect):
    """The name of the row that holds, or None."""
    return next((name for name, _, holds in NOT_TOLD if holds(case, expect)), None)
