"""The SMTP session of a recorded case, as it is held with Postfix and with filterd.

    replies, taken = converse(smtp.Client(...), case)

A case is described in tests/parity/candidate.  replies: {"stage", "code", "enhanced", "text"} each;
taken: how many recipients were.
"""
import base64

import smtp

SMALL = b"From: sender@example.com\r\nSubject: test\r\n\r\ntext\r\n"


def octets(case):
    if case.get("message_b64") is not None:
        return base64.b64decode(case["message_b64"])
    return case["message"].encode() if "message" in case else SMALL


def styled(case, path):
    """An address as the client writes it."""
    style = case.get("envelope_style")
    return {None: f"<{path}>", "bare": path, "comment": f"<{path}> (c)", "space": f" <{path}>"}[style]


def entry(stage, reply):
    enhanced, _, rest = reply.text.partition(" ")
    if [part.isdigit() for part in enhanced.split(".")] == [True] * 3:
        return {"stage": stage, "code": reply.code, "enhanced": enhanced, "text": rest}
    return {"stage": stage, "code": reply.code, "text": reply.text}


def introduce(client, case):
    """Be the client; what it is greeted with."""
    if case["kind"] == "content" or case.get("connect_mode") == "direct":
        return client.greeting
    who = case["client"]
    client.hello("driver.example")
    # A name that is set also sets the reverse name, so that comes last.
    attributes = [("ADDR", ("IPV6:" if ":" in who["addr"] else "") + who["addr"]),
                  ("NAME", who["name"]), ("REVERSE_NAME", who["reverse_name"])]
    if who["login"] is not None:
        attributes.append(("LOGIN", who["login"]))
    return client.cmd("XCLIENT " + " ".join("%s=%s" % a for a in attributes))


def converse(client, case):
    replies, taken = [], 0

    def note(stage, reply):
        replies.append(entry(stage, reply))
        return reply.code < 400

    who = case["client"]
    try:
        begun = note("connect", introduce(client, case))
        if begun and who["helo"] is not None:
            begun = note("helo", client.cmd("HELO " + who["helo"]) if who["proto"] == "SMTP"
                         else client.hello(who["helo"]))
        if begun and note("mail", client.cmd("MAIL FROM:" + styled(case, case["sender"]))):
            for r in case["recipients"]:
                taken += note("rcpt", client.cmd("RCPT TO:" + styled(case, r)))
        if taken and note("data", client.cmd("DATA")):
            client.send(smtp.dot_stuff(octets(case)))
            note("eod", client.reply())
        client.quit()
    except smtp.Closed:
        # 421 and 521 end a session.
        if not replies or replies[-1]["code"] not in (421, 521):
            raise
    return replies, taken
