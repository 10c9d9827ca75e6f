"""A policy server (SMTPD_POLICY_README) that answers by rules and remembers what it was asked.

    with policy_server.Server() as s:
        s.rules = [{"if": {"protocol_state": "RCPT"}, "action": "reject"}]
        ... check_policy_service s.endpoint
        s.asked

The first rule whose attributes are all equal decides; else DUNNO.
"""
import socket
import threading

from ports import free_port


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
