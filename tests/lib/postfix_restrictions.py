#!/usr/bin/python3
"""Restriction cases on standard input, the real Postfix's answers on standard output.

Cases and answers are those of tests/parity/candidate.  One private Postfix, in namespaces where
the network is a loopback interface with the clients' addresses and /etc/resolv.conf names our own
server, has a smtpd, cleanup and trivial-rewrite a group.  There is no queue manager, so what was
taken stays in the queue and can be looked at.  All cases must have the same dns.  Needs root.

A group whose smtpd ends when it is spoken to has no answers: its configuration is fatal.
"""
import collections
import concurrent.futures
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import threading

import case_session
import dns_case
import loopback
import policy_server
import postfix
import smtp
from ports import free_port
from postfix_answers import NoQueueManager

# As the recorded cases were made.
MAIN = {
    "smtpd_relay_restrictions": "permit_mynetworks, permit_sasl_authenticated, defer_unauth_destination",
    "inet_protocols": "all", "inet_interfaces": "127.0.0.1, [::1]", "default_transport": "smtp", "local_transport": "local:$myhostname",
    "smtpd_authorized_xclient_hosts": "0.0.0.0/0, [::]/0", "smtpd_error_sleep_time": "0", "smtpd_soft_error_limit": "1000",
    "smtpd_hard_error_limit": "1000", "smtpd_junk_command_limit": "1000", "in_flow_delay": "0", "notify_classes": "",
    "smtpd_sasl_type": "dovecot", "virtual_alias_domains": "", "virtual_mailbox_domains": "", "virtual_mailbox_maps": "",
    "local_header_rewrite_clients": "permit_inet_interfaces", "queue_minfree": "0",
}
RESOLV = "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n"


class Login:
    """A Dovecot that offers PLAIN, so that a smtpd with smtpd_sasl_auth_enable can start; XCLIENT logs in."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(path)
        os.chmod(path, 0o666)
        self.socket.listen(100)
        self.open = []
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            s, _ = self.socket.accept()
            s.sendall(b"VERSION\t1\t1\nMECH\tPLAIN\tplaintext\nSPID\t1\nCUID\t1\nCOOKIE\t0\nDONE\n")
            self.open.append(s)


class Group:
    def __init__(self, number, cases):
        self.number, self.cases = number, cases
        self.doors = {4: ("127.0.0.1", free_port()), 6: ("::1", free_port())}
        self.policy = policy_server.Server() if "@POLICY@" in json.dumps([cases[0]["main_cf"], cases[0]["tables"]]) else None

    def configure(self, p):
        """Its tables; its lines of master.cf."""
        tables = os.path.join(p.dir, "etc", f"tables{self.number}")

        def own(text):
            if self.policy:
                text = text.replace("@POLICY@", self.policy.endpoint)
            return text.replace("/tables/", tables + "/")

        os.makedirs(tables)
        for name, table in self.cases[0]["tables"].items():
            path = os.path.join(tables, name)
            with open(path, "w") as f:
                f.write(own(table["text"]))
            if table["type"] in ("hash", "btree", "lmdb", "cdb"):
                r = subprocess.run(["/usr/sbin/postmap", "-c", p.dir + "/etc", f"{table['type']}:{path}"], capture_output=True, text=True)
                if r.returncode:
                    raise AssertionError(r.stderr)
        options = "".join("  -o { %s = %s }\n" % (k, own(v)) for k, v in self.cases[0]["main_cf"].items())
        services = f"  -o cleanup_service_name=cleanup{self.number}\n  -o rewrite_service_name=rewrite{self.number}\n"
        lines = "".join("%s:%d inet n - n - 1 smtpd\n%s%s" % ("[::1]" if ":" in host else host, port, services, options)
                        for host, port in self.doors.values())
        return (lines + f"cleanup{self.number} unix n - n - 0 cleanup\n{services}{options}"
                f"rewrite{self.number} unix - - n - - trivial-rewrite\n{options}")

    def answers(self, p):
        if self.policy:
            self.policy.__enter__()
        try:
            for case in self.cases:
                if self.policy:
                    self.policy.rules = case.get("policy", [])
                address = case["client"]["addr"]
                with smtp.Client(self.doors[6 if ":" in address else 4], 12, source=(address, 0)) as client:
                    replies, _ = case_session.converse(client, case)
                yield {"id": case["id"], "replies": replies, "queue": queue(p, replies)}
        except (smtp.Closed, TimeoutError) as e:
            print(f"postfix: group {self.cases[0]['group']}: {e!r}", file=sys.stderr)
        finally:
            if self.policy:
                self.policy.__exit__()


def queue(p, replies):
    """What became of a message."""
    found = re.search(r"queued as (\w+)", replies[-1]["text"])
    if replies[-1]["stage"] != "eod" or not found:
        return None
    for where, kind in (("incoming", "queued"), ("hold", "hold")):
        file = os.path.join(p.dir, "queue", where, found[1])
        if os.path.exists(file):
            break
    else:
        return {"where": "discarded"}
    said = subprocess.run(["/usr/sbin/postcat", "-c", p.dir + "/etc", "-eh", file], capture_output=True, check=True)
    said = said.stdout.decode(errors="surrogateescape")
    envelope, _, header = said.partition("*** MESSAGE CONTENTS")
    header, _, extracted = header.partition("\n")[2].partition("*** HEADER EXTRACTED")
    envelope += extracted
    prepended = re.match(r"(?s)(.*?\n)??Received: ", header)[1] or ""
    last = {name: (re.findall(rf"^{record}: (.*)$", envelope, re.M) or [None])[-1]
            for name, record in (("filter", "content_filter"), ("redirect", "redirect_to"))}
    return {"where": kind, "sender": re.findall(r"^sender: (.*)$", envelope, re.M)[0], **last,
            "recipients": re.findall(r"^recipient: (.*)$", envelope, re.M),
            "prepended": prepended.split("\n")[:-1]}


def prepare(cases, directory):
    """Namespaces, /etc; the DNS data."""
    loopback.enter(sorted({c["client"]["addr"] for c in cases}), mounts=True)
    loopback.hide("/etc/resolv.conf", RESOLV, directory)
    loopback.hide("/etc/hosts", "127.0.0.1 localhost\n", directory)
    loopback.hide("/etc/nsswitch.conf", "passwd: files\ngroup: files\nshadow: files\nhosts: files dns\n", directory)
    dns = {name: dict(types) for name, types in cases[0]["dns"].items()}
    for c in cases:
        if c.get("connect_mode") == "direct" and c["client"]["addr"] != "127.0.0.1":
            dns_case.peer(dns, c["client"]["addr"], c["client"]["name"], c["client"]["reverse_name"])
    return dns


def main():
    cases = [json.loads(line) for line in sys.stdin]
    byname = collections.OrderedDict()
    for c in cases:
        byname.setdefault(c["group"], []).append(c)
    with tempfile.TemporaryDirectory(prefix="filterd-etc.") as directory:
        dns = prepare(cases, directory)
        p = postfix.Postfix(mailboxes=["x@unused.example"], queue_manager=False, main=MAIN)
        p.main["smtpd_sasl_path"] = p.dir + "/login"
        Login(p.dir + "/login")
        groups = [Group(i, g) for i, g in enumerate(byname.values())]
        os.makedirs(p.dir + "/etc")
        with open(p.dir + "/etc/main.cf", "w"):
            pass
        p.master += "".join(g.configure(p) for g in groups)

        def run(group):
            for answer in group.answers(p):
                print(json.dumps(answer) + "\n", end="", flush=True)

        with dns_case.Server(dns, port=53), p, concurrent.futures.ThreadPoolExecutor(3) as pool:
            NoQueueManager(p)
            last = groups[-1].doors[6][1]
            p.until(lambda: socket.socket(socket.AF_INET6).connect_ex(("::1", last)) == 0, "Postfix does not listen")
            list(pool.map(run, groups))
            if "FILTERD_POSTFIX_LOG" in os.environ:
                with open(os.environ["FILTERD_POSTFIX_LOG"], "w") as f:
                    f.write(p.log())


if __name__ == "__main__":
    main()
