"""A client of the policy delegation protocol.

    c = policy.Client(f.address("policy"))
    c.ask(recipient="you@example.org") == "DUNNO"

Attributes that are not given are what Postfix sends for a stranger at RCPT; None leaves one out.
"""
import itertools
import socket

STRANGER = dict(
    request="smtpd_access_policy", protocol_state="RCPT", protocol_name="ESMTP",
    client_address="192.0.2.1", client_name="unknown", client_port="40000",
    reverse_client_name="unknown", server_address="192.0.2.254", server_port="25",
    helo_name="mail.example.com", sender="me@example.com", recipient="you@example.org",
    recipient_count="0", queue_id="", instance="", size="0", etrn_domain="", stress="",
    sasl_method="", sasl_username="", sasl_sender="", ccert_subject="", ccert_issuer="",
    ccert_fingerprint="", ccert_pubkey_fingerprint="", encryption_protocol="",
    encryption_cipher="", encryption_keysize="0", policy_context="")

instances = itertools.count(1)


def request(**attributes):
    values = dict(STRANGER, instance="test.%d" % next(instances))
    values.update(attributes)
    return "".join(f"{n}={v}\n" for n, v in values.items() if v is not None) + "\n"


def answer_for(reply, recipient):
    """What the policy door answers at RCPT where the SMTP door replies so: the words that Postfix
    puts in front by itself are left out (filterd_policy(8))."""
    code, enhanced, text = reply.split(" ", 2)
    for front in (f"<{recipient}>: ", "Recipient address rejected: "):
        if not text.startswith(front):
            break
        text = text[len(front):]
    return f"{code} {enhanced} {text}"


class Client:
    def __init__(self, address, timeout=20):
        family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
        self.s = socket.socket(family, socket.SOCK_STREAM)
        self.s.settimeout(timeout)
        self.s.connect(address)

    def send(self, text):
        self.s.sendall(text if isinstance(text, bytes) else text.encode(errors="surrogateescape"))

    def reply(self):
        """The action; None: the connection was closed without one."""
        have = b""
        while not have.endswith(b"\n\n"):
            try:
                more = self.s.recv(4096)
            except ConnectionResetError:
                more = b""
            if not more:
                assert not have, have
                return None
            have += more
        assert have.startswith(b"action=") and have.count(b"\n") == 2, have
        return have[7:-2].decode()

    def ask(self, **attributes):
        self.send(request(**attributes))
        return self.reply()

    def close(self):
        self.s.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
