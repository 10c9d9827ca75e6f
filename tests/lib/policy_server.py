"""A policy server (SMTPD_POLICY_README) that answers by rules and remembers what it was asked.

    with policy_server.Server() as s:
        s.rules = [{"if": {"protocol_state": "RCPT"}, "action": "reject"}]
        ... check_policy_service s.endpoint
        s.asked

The first rule whose attributes are all equal decides; else DUNNO.
"""
import re
import socket
import threading

from ports import free_port


def rcpt_request(case):
    """What a Postfix would ask at a case's first RCPT (tests/parity/candidate)."""
    who = case["client"]

    def name(n):
        return "unknown" if n.startswith("[") else n
    return {"request": "smtpd_access_policy", "protocol_state": "RCPT", "protocol_name": who["proto"], "client_address": who["addr"],
            "client_name": name(who["name"]), "client_port": "4242", "reverse_client_name": name(who["reverse_name"]),
            "server_address": "::1" if ":" in who["addr"] else "127.0.0.1", "server_port": "25", "helo_name": who["helo"] or "",
            "sender": case["sender"], "recipient": case["recipients"][0], "recipient_count": "0", "queue_id": "", "instance": "1." + case["id"],
            "size": "0", "etrn_domain": "", "stress": "", "sasl_method": "PLAIN" if who["login"] else "", "sasl_username": who["login"] or "",
            "sasl_sender": "", "ccert_subject": "", "ccert_issuer": "", "ccert_fingerprint": "", "ccert_pubkey_fingerprint": "",
            "encryption_protocol": "", "encryption_cipher": "", "encryption_keysize": "0", "policy_context": ""}


def ask(address, request):
    """A policy server's answer: its action; None: it hung up."""
    with socket.create_connection(address, 30) as s, s.makefile("rb") as answer:
        s.sendall("".join(f"{k}={v}\n" for k, v in request.items()).encode() + b"\n")
        action = re.fullmatch(r"action=(.*)\n", answer.readline().decode(errors="surrogateescape"))
        return action[1] if action and answer.readline() == b"\n" else None


class Server:
    def __init__(self):
        self.rules, self.asked = [], []
        self.address = ("127.0.0.1", free_port())
        self.endpoint = "inet:%s:%d" % self.address
        self.socket = socket.create_server(self.address, backlog=50)

    def __enter__(self):
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        # Closing alone does not wake who accepts.
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()

    def _accept(self):
        while True:
            try:
                s, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(s,), daemon=True).start()

    def action(self, request):
        for rule in self.rules:
            if all(request.get(k) == v for k, v in rule["if"].items()):
                return rule["action"]
        return "DUNNO"

    def _serve(self, s):
        request = {}
        with s, s.makefile("rb") as lines:
            try:
                for line in lines:
                    name, _, value = line.rstrip(b"\n").decode(errors="surrogateescape").partition("=")
                    if name:
                        request[name] = value
                        continue
                    self.asked.append(request)
                    s.sendall(("action=%s\n\n" % self.action(request)).encode())
                    request = {}
            except OSError:
                pass
