"""Samples for every door: a client, an envelope, a message, a configuration, and what is decided of each recipient's copy.

tests/daemon/test_every_door.py puts them through the doors.
"""

TABLES = {
    "clients": "192.0.2.66 REJECT\nbad.client.example 450 4.7.1 not today\n",
    "helos": "bad.helo.example REJECT not you\n",
    "senders": "bad@ok.example REJECT go away\nodd@ok.example 550 5.1.3 odd\n<> helo\n",
    "recipients": """\
reject@here.example REJECT
code@here.example 452 4.2.2 mailbox full
status@here.example 550 5.1.6 moved
rbl@here.example rbl
rhsbl@here.example rhsbl
white@here.example white
helo@here.example helo
unknown@here.example unknown
reverse@here.example reverse
domain@here.example domain
login@here.example login
tls@here.example reject_plaintext_session
mine@here.example mine
multi@here.example reject_multi_recipient_bounce
warned@here.example warn_if_reject reject
permit@here.example DEFER_IF_PERMIT come again
unsure@here.example unsure
list@here.example permit_mynetworks, reject_invalid_helo_hostname, defer
hold@here.example HOLD look at this
discard@here.example DISCARD
redirect@here.example REDIRECT other@here.example
bcc@here.example BCC archive@here.example
prepend@here.example PREPEND X-Found: yes
filter@here.example FILTER scan:here
""",
    "data": "data@ok.example REJECT not this data\n",
    "end": "end@ok.example 554 5.6.0 no\n",
    "headers": """\
/^Subject: refuse/ REJECT
/^Subject: later/ REJECT 4.7.8 later
/^Subject: hold/ HOLD odd
/^Subject: drop/ DISCARD
/^Subject: elsewhere/ REDIRECT other@here.example
/^Subject: copy/ BCC archive@here.example
/^Subject: more/ PREPEND X-More: 1
/^Subject: less/ STRIP
/^Subject: other/ REPLACE Subject: new
/^Subject: tag/ TAG
/^Subject: look/ WARN look
/^Subject: filter/ FILTER scan:here
""",
    "bodies": "/^refuse this/ REJECT 5.7.9 no such words\n/^strip this/ STRIP\n/^replace this/ REPLACE that\n",
    "content": """\
hater@here.example hater
holder@here.example HOLD hers
dropper@here.example DISCARD
redirector@here.example REDIRECT other@here.example
copier@here.example BCC archive@here.example
tagger@here.example TAG
prepender@here.example PREPEND X-For: her
deferrer@here.example 450 4.2.0 her box
""",
}
LISTS = {
    "myhostname": "mx.here.example", "mydestination": "", "relay_domains": "here.example", "mynetworks": "127.0.0.0/8 10.0.0.0/8",
    "relay_recipient_maps": "", "smtpd_sasl_auth_enable": "yes", "smtpd_reject_footer": "", "recipient_delimiter": "+",
    "smtpd_relay_restrictions": "permit_mynetworks, reject_unauth_destination",
    "smtpd_client_restrictions": "check_client_access texthash:{dir}/clients",
    "smtpd_helo_restrictions": "check_helo_access texthash:{dir}/helos",
    "smtpd_sender_restrictions": "check_sender_access texthash:{dir}/senders",
    "smtpd_recipient_restrictions": "check_recipient_access texthash:{dir}/recipients",
    "smtpd_data_restrictions": "check_sender_access texthash:{dir}/data",
    "smtpd_end_of_data_restrictions": "check_sender_access texthash:{dir}/end",
    "content_restrictions": "check_recipient_access texthash:{dir}/content",
}
CLASSES = {
    "smtpd_restriction_classes": "rbl, rhsbl, white, helo, unknown, reverse, domain, login, mine, unsure, hater",
    "rbl": "reject_rbl_client rbl.test", "rhsbl": "reject_rhsbl_sender rhs.test, reject_rhsbl_helo rhs.test",
    "white": "permit_dnswl_client wl.test=127.0.[0..255].2, reject", "helo": "reject_invalid_helo_hostname, reject_non_fqdn_helo_hostname",
    "unknown": "reject_unknown_client_hostname", "reverse": "reject_unknown_reverse_client_hostname",
    "domain": "reject_unknown_sender_domain", "login": "permit_sasl_authenticated, reject", "mine": "permit_mynetworks, reject",
    "unsure": "check_sender_access inline:{ {ok.example=DEFER_IF_REJECT not sure} }, reject",
    "hater": "reject_non_fqdn_helo_hostname, reject_rbl_client rbl.test",
    "header_checks": "pcre:{dir}/headers", "body_checks": "pcre:{dir}/bodies",
}
CONFIGURATIONS = {
    "late": {},
    "codes": {"unknown_client_reject_code": "550"},
    "early": {"smtpd_delay_reject": "no"},
    "soft": {"soft_bounce": "yes"},
    "strictest": {"on_mixed": "strictest"},
}
DNS = {"ok.example": {"MX": [[10, "mx.ok.example"]], "A": ["192.0.2.80"]}, "mx.ok.example": {"A": ["192.0.2.81"]},
       "later.example": {"*": "SERVFAIL"}, "7.2.0.192.rbl.test": {"A": ["127.0.0.2"], "TXT": ["seen at it"]},
       "listed.example.rhs.test": {"A": ["127.0.0.2"]}, "listed.example": {"A": ["192.0.2.82"]}, "9.2.0.192.wl.test": {"A": ["127.0.0.2"]},
       "7." + "0." * 23 + "8.b.d.0.1.0.0.2.rbl.test": {"A": ["127.0.0.2"]}}
STRANGER = {"addr": "192.0.2.1", "name": "client.ok.example", "reverse_name": "client.ok.example", "helo": "mail.ok.example",
            "proto": "ESMTP", "login": None, "tls": None}
MESSAGE = b"From: me@ok.example\r\nTo: you@here.example\r\nSubject: %s\r\n\r\ntext\r\n%s\r\n"

PASS, DENIED = "pass", "554 5.7.1 <%s>: %s rejected: Access denied"
DENIED_HELO = "554 5.7.1 <bad.helo.example>: Helo command rejected: not you"
NEED = "504 5.5.2 <%s>: Helo command rejected: need fully-qualified hostname"
LISTED = "554 5.7.1 Service unavailable; Client host [192.0.2.7] blocked using rbl.test; seen at it"
BOX = "450 4.2.0 <deferrer@here.example>: Recipient address rejected: her box"


class Sample:
    def __init__(self, recipients, *want, sender="me@ok.example", subject="s", body="", needs="", configuration="late", stage=None,
                 fates=None, each=None, each_hears=None, handed_back=None, **client):
        """recipients: local parts or whole addresses; want: one verdict each, or one for all.  needs: facts, by comma.  stage: where the
        refusal is told.  fates: what is done with each copy where there is one reply to the data; each: where each has its own, if
        that is different; each_hears: its verdicts.  handed_back: the fates where the MTA goes on with the message itself."""
        self.recipients = [r if "@" in r else r + "@here.example" for r in recipients.split()]
        self.want = list(want) * (len(self.recipients) // len(want))
        self.each_hears = each_hears or self.want
        self.sender, self.configuration, self.stage = sender, configuration, stage
        self.fates, self.each, self.handed_back = fates, each or fates, handed_back or fates
        self.client = dict(STRANGER, **client)
        if "name" in client and "reverse_name" not in client:
            self.client["reverse_name"] = client["name"]
        self.message = MESSAGE % (subject.encode(), body.encode())
        self.needs = set(filter(None, needs.split(", ")))
        if subject != "s" or body:
            self.needs.add("message")


def about(recipient, text="Access denied"):
    return f"554 5.7.1 <{recipient}@here.example>: Recipient address rejected: {text}"


S = Sample
SAMPLES = {
    "nothing": S("you", PASS),
    # envelope lists
    "client address": S("you", DENIED % ("client.ok.example[192.0.2.66]", "Client host"), addr="192.0.2.66"),
    "client name": S("you", "450 4.7.1 <bad.client.example[192.0.2.1]>: Client host rejected: not today", name="bad.client.example"),
    "client of that network": S("you", PASS, addr="10.1.2.3", name="pc.here.example"),
    "client over IPv6": S("rbl", "554 5.7.1 Service unavailable; Client host [2001:db8::7] blocked using rbl.test", addr="2001:db8::7"),
    "helo": S("you", DENIED_HELO, helo="bad.helo.example"),
    "sender": S("you", "554 5.7.1 <bad@ok.example>: Sender address rejected: go away", sender="bad@ok.example"),
    "status of a sender": S("you", "550 5.1.7 <odd@ok.example>: Sender address rejected: odd", sender="odd@ok.example"),
    "null sender": S("you", NEED % "pc", sender="", helo="pc"),
    "relay": S("you@else.example", "554 5.7.1 <you@else.example>: Relay access denied"),
    "relay of our own": S("you@else.example", PASS, addr="127.0.0.1", name="localhost"),
    "recipient": S("reject", about("reject")),
    "code of a recipient": S("code", "452 4.2.2 <code@here.example>: Recipient address rejected: mailbox full"),
    "status of a recipient": S("status", "550 5.1.6 <status@here.example>: Recipient address rejected: moved"),
    "extension": S("reject+x", "554 5.7.1 <reject+x@here.example>: Recipient address rejected: Access denied"),
    "quoted": S('"re\\ject"@here.example', about("reject"), needs="path"),
    "one of three": S("you reject also", PASS, about("reject"), PASS),
    "all of two": S("reject code", about("reject"), "452 4.2.2 <code@here.example>: Recipient address rejected: mailbox full"),
    "list in a row": S("list", "501 5.5.2 <a_!>: Helo command rejected: Invalid name", helo="a_!"),
    "list in a row, to its end": S("list", "450 4.3.2 <list@here.example>: Recipient address rejected: Try again later"),
    "own network": S("mine", PASS, addr="10.1.2.3"),
    "not own network": S("mine", about("mine")),
    "logged in": S("login", PASS, login="joe", needs="login"),
    "not logged in": S("login", about("login")),
    "over TLS": S("tls", PASS, tls="TLSv1.3", needs="tls"),
    "not over TLS": S("tls", "450 4.7.1 Session encryption is required"),
    "warn_if_reject": S("warned", PASS),
    "defer_if_permit": S("permit", "450 4.7.1 <permit@here.example>: Recipient address rejected: come again"),
    "defer_if_reject": S("unsure", "450 4.7.1 <me@ok.example>: Sender address rejected: not sure"),
    # DNS
    "listed client": S("rbl", LISTED, addr="192.0.2.7"),
    "client not listed": S("rbl", PASS),
    "listed sender": S("rhsbl", "554 5.7.1 Service unavailable; Sender address [me@listed.example] blocked using rhs.test",
                       sender="me@listed.example"),
    "listed helo": S("rhsbl", "554 5.7.1 Service unavailable; Helo command [listed.example] blocked using rhs.test", helo="listed.example"),
    "allowed client": S("white", PASS, addr="192.0.2.9"),
    "no such domain": S("domain", "450 4.1.8 <me@nx.example>: Sender address rejected: Domain not found", sender="me@nx.example"),
    "domain of a broken server": S("domain", "450 4.1.8 <me@later.example>: Sender address rejected: Domain not found",
                                   sender="me@later.example"),
    "client without a name": S("unknown", "450 4.7.25 Client host rejected: cannot find your hostname, [192.0.2.1]", name="[UNAVAILABLE]"),
    "client without a name, for good": S("unknown", "550 5.7.25 Client host rejected: cannot find your hostname, [192.0.2.1]",
                                         name="[UNAVAILABLE]", needs="temporary", configuration="codes"),
    "client without a name, for now": S("unknown", "450 4.7.25 Client host rejected: cannot find your hostname, [192.0.2.1]",
                                        name="[TEMPUNAVAIL]", needs="temporary", configuration="codes"),
    "client without any name": S("reverse", "450 4.7.1 Client host rejected: cannot find your reverse hostname, [192.0.2.1]",
                                 name="[UNAVAILABLE]", needs="reverse"),
    "client with a reverse name": S("reverse", PASS, name="[UNAVAILABLE]", reverse_name="x.example", needs="reverse"),
    "reverse name, for now": S("reverse", "450 4.7.1 Client host rejected: cannot find your reverse hostname, [192.0.2.1]",
                               name="[UNAVAILABLE]", reverse_name="[TEMPUNAVAIL]", needs="reverse temporary", configuration="codes"),
    # DATA and the end of data
    "data": S("you", "554 5.7.1 <data@ok.example>: Sender address rejected: not this data", sender="data@ok.example"),
    "end of data": S("you", "554 5.6.0 <end@ok.example>: Sender address rejected: no", sender="end@ok.example"),
    "null sender to several": S("you multi", PASS, "550 5.5.3 <multi@here.example>: Recipient address rejected: Multi-recipient bounce",
                                sender="", needs="recipients"),
    "null sender to one": S("multi", PASS, sender=""),
    # effects of the envelope
    "hold": S("hold you", "hold", fates=["hold"] * 2),
    "discard": S("discard you", "discard", fates=["discard"] * 2),
    "redirect": S("redirect you", "pass redirect=other@here.example"),
    "bcc": S("bcc", "pass bcc=archive@here.example"),
    "prepend": S("prepend", "pass prepend"),
    "filter": S("filter", "pass filter=scan:here", fates=["deliver"], handed_back=["defer"]),
    # header and body checks
    "header": S("you", "550 5.7.1 message content rejected", subject="refuse"),
    "header, for now": S("you also", "451 4.7.8 later", subject="later"),
    "header holds": S("you also", "hold", subject="hold", fates=["hold"] * 2),
    "header drops": S("you", "discard", subject="drop", fates=["discard"]),
    "header redirects": S("you also", "pass redirect=other@here.example", subject="elsewhere"),
    "header copies": S("you also", "pass bcc=archive@here.example", subject="copy"),
    "header prepends": S("you", "pass edit", subject="more"),
    "header goes": S("you", "pass edit", subject="less"),
    "header is replaced": S("you", "pass edit", subject="other"),
    "header tags": S("you", "tag", subject="tag"),
    "header warns": S("you", PASS, subject="look"),
    "header filters": S("you", "pass filter=scan:here", subject="filter", fates=["deliver"], handed_back=["defer"]),
    "body": S("you", "550 5.7.9 no such words", body="refuse this"),
    "body strips": S("you", "pass edit", body="strip this"),
    "body replaces": S("you", "pass edit", body="replace this"),
    # content_restrictions: each recipient's own
    "hers is held": S("holder you", "hold", PASS, needs="message", fates=["hold", "deliver"]),
    "hers is dropped": S("dropper you", "discard", PASS, needs="message", fates=["discard", "deliver"]),
    "hers goes elsewhere": S("redirector you", "pass redirect=other@here.example", PASS, needs="message", fates=["deliver"] * 2),
    "hers is copied": S("copier you", "pass bcc=archive@here.example", PASS, needs="message"),
    "hers is tagged": S("tagger", "tag", needs="message"),
    "hers is marked": S("prepender", "pass prepend", needs="message"),
    "tagged for both": S("tagger you", "tag", PASS, needs="message"),
    "a class of hers": S("hater you", NEED % "pc", PASS, helo="pc", needs="message", fates=["hold", "deliver"], each=["reject", "deliver"]),
    "a class of hers that asks the DNS": S("hater", LISTED, addr="192.0.2.7", needs="message"),
    "refused for all": S("hater", NEED % "pc", helo="pc", needs="message", fates=["reject"]),
    "later for her": S("you deferrer", PASS, BOX, needs="message", fates=["deliver", "hold"], each=["deliver", "defer"]),
    # told as what they heard: one reply, and it says that the other will do better later
    "none of two": S("hater deferrer", BOX, helo="pc", needs="message", fates=["defer", "defer"], each=["reject", "defer"],
                     each_hears=[NEED % "pc", BOX]),
    "held for all, refused for her": S("hater you", NEED % "pc", "hold", helo="pc", subject="hold", fates=["hold", "hold"],
                                       each=["reject", "hold"]),
    "header before her own": S("hater you", "550 5.7.1 message content rejected", helo="pc", subject="refuse"),
    "refused at RCPT, held after it": S("reject holder you", about("reject"), "hold", PASS, needs="message"),
    # one refusal is everybody's
    "strictest": S("you hater also", PASS, NEED % "pc", PASS, helo="pc", needs="message", configuration="strictest",
                   fates=["reject"] * 3, each=["deliver", "reject", "deliver"]),
    "strictest, for now": S("you deferrer", PASS, BOX, needs="message", configuration="strictest", fates=["defer"] * 2,
                            each=["deliver", "defer"]),
    # soft_bounce
    "soft": S("reject", "454 4.7.1 <reject@here.example>: Recipient address rejected: Access denied", configuration="soft"),
    "soft relay": S("you@else.example", "454 4.7.1 <you@else.example>: Relay access denied", configuration="soft"),
    "soft after the data": S("you", "450 4.7.1 message content rejected", subject="refuse", configuration="soft"),
    "soft, her own": S("hater", "404 4.5.2 <pc>: Helo command rejected: need fully-qualified hostname", helo="pc", needs="message",
                       configuration="soft"),
    # told at once
    "at the connection": S("you also", DENIED % ("client.ok.example[192.0.2.66]", "Client host"), addr="192.0.2.66", needs="early",
                           configuration="early", stage="connect"),
    "at HELO": S("you also", DENIED_HELO, helo="bad.helo.example", needs="early", configuration="early", stage="helo"),
    "at MAIL": S("you also", "554 5.7.1 <bad@ok.example>: Sender address rejected: go away", sender="bad@ok.example", needs="early",
                 configuration="early", stage="mail"),
    "at RCPT": S("you reject", PASS, about("reject"), configuration="early", stage="rcpt"),
}
