"""What the real Postfix says to the cases of tests/parity/candidate, and what it would queue.

    answers = postfix_answers.ask(groups, base)     # {id: {"replies": [...], "queue": ...}}

One private Postfix serves all groups: each has a smtpd and a cleanup with its parameters.
There is no queue manager, so what was taken stays in the queue and can be looked at.
"""
import base64
import os
import re
import socket
import subprocess
import threading

import postfix
import smtp
from ports import free_port

DATE = re.compile(rb"\w\w\w, [ \d]\d \w\w\w \d{4} \d\d:\d\d:\d\d [-+]\d{4} \([A-Z]+\)")
FIXED = b"Sat, 21 Nov 2026 07:00:00 +0000 (UTC)"


class NoQueueManager:
    """Who is told of new mail, instead of it: cleanup would wait for somebody to listen."""

    def __init__(self, p):
        path = os.path.join(p.dir, "queue", "public", "qmgr")
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.bind(path)
        os.chmod(path, 0o666)
        self.sock.listen(100)
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        try:
            while True:
                self.sock.accept()[0].close()
        except OSError:
            pass


def note(replies, stage, reply, queue_id=None):
    text = reply.text.replace(queue_id, "QID") if queue_id else reply.text
    enhanced, _, rest = text.partition(" ")
    entry = {"stage": stage, "code": reply.code, "text": text}
    if [part.isdigit() for part in enhanced.split(".")] == [True] * 3:
        entry.update(enhanced=enhanced, text=rest)
    replies.append(entry)


def queued(p, queue_id, sender):
    for where, kind in (("incoming", "queued"), ("hold", "hold")):
        file = os.path.join(p.dir, "queue", where, queue_id)
        if os.path.exists(file):
            break
    else:
        return {"where": "discarded"}

    def postcat(what):
        return subprocess.run(["/usr/sbin/postcat", "-c", p.dir + "/etc", what, file], capture_output=True, check=True).stdout

    envelope = postcat("-e").decode(errors="surrogateescape")
    queue = {"where": kind, "sender": sender, "recipients": re.findall(r"^recipient: (.*)$", envelope, re.M)}
    for name, record in (("filter", "content_filter"), ("redirect", "redirect_to")):
        queue[name] = (re.findall(rf"^{record}: (.*)$", envelope, re.M) or [None])[-1]
    message = DATE.sub(FIXED, postcat("-hb").replace(queue_id.encode(), b"QID"))
    queue["message_b64"] = base64.b64encode(message).decode()
    return queue


def answer(p, port, c):
    replies = []
    with smtp.Client(("127.0.0.1", port)) as client:
        client.hello("x")
        r = client.cmd("XCLIENT NAME=%(name)s ADDR=%(addr)s REVERSE_NAME=%(name)s" % c["client"])
        note(replies, "connect", r)
        note(replies, "helo", client.hello(c["client"]["helo"]))
        note(replies, "mail", client.mail(c["sender"]))
        for recipient in c["recipients"]:
            note(replies, "rcpt", client.rcpt(recipient))
        note(replies, "data", client.cmd("DATA"))
        client.send(smtp.dot_stuff(base64.b64decode(c["message_b64"])))
        r = client.reply()
        queue_id = re.search(r"queued as (\w+)", r.text)
        queue_id = queue_id and queue_id[1]
        note(replies, "eod", r, queue_id)
        client.quit()
    return {"replies": replies, "queue": queued(p, queue_id, c["sender"]) if r.code == 250 else None}


def ask(groups, base):
    """base: the parameters that are not header or body checks' and the same in all cases."""
    groups = list(groups)
    p = postfix.Postfix(mailboxes=["x@unused.example"], queue_manager=False, main=dict(
        base, smtpd_authorized_xclient_hosts="127.0.0.0/8", smtpd_error_sleep_time="0",
        local_transport="local", in_flow_delay="0", notify_classes="", message_size_limit="0",
        smtpd_relay_restrictions="permit_mynetworks, defer_unauth_destination"))
    ports = []
    for i, cases in enumerate(groups):
        ports.append(free_port())
        tables = os.path.join(p.dir, "etc", "tables%d" % i)
        os.makedirs(tables)
        for name, table in cases[0]["tables"].items():
            with open(os.path.join(tables, name), "w") as f:
                f.write(table["text"])
        options = "".join("  -o { %s = %s }\n" % (k, v.replace("/tables/", tables + "/"))
                          for k, v in cases[0]["main_cf"].items() if k not in base)
        p.master += f"127.0.0.1:{ports[-1]} inet n - n - 1 smtpd\n  -o cleanup_service_name=cleanup{i}\n{options}"
        p.master += f"cleanup{i} unix n - n - 0 cleanup\n{options}"
    with p:
        NoQueueManager(p)
        # The last service is made last.
        p.until(lambda: socket.socket().connect_ex(("127.0.0.1", ports[-1])) == 0, "Postfix does not listen")
        return {c["id"]: answer(p, port, c) for port, cases in zip(ports, groups) for c in cases}
