"""A DNS server whose data are written down as the recorded cases of Postfix have them.

    with dns_case.Server({"ok.example": {"MX": [[10, "mx.ok.example"]], "A": "SERVFAIL"},
                          "down.example": {"*": "TIMEOUT"}}) as dns:
        dns.address, dns.asked          # (name, type, "udp" or "tcp") of each question

A name's types are lists of values, or how it fails: SERVFAIL, REFUSED, TIMEOUT (no answer),
NXDOMAIN; "*" stands for all types that are not named.  A name that is absent is NXDOMAIN, unless
one below it is there; then it has no data.
"""
import ipaddress
import struct

import dns_faults
from dns_faults import name as packed, record, soa, txt

TYPES = {"A": dns_faults.A, "NS": dns_faults.NS, "CNAME": dns_faults.CNAME, "SOA": dns_faults.SOA, "PTR": dns_faults.PTR,
         "MX": dns_faults.MX, "TXT": dns_faults.TXT, "AAAA": dns_faults.AAAA}
NAMES = {number: text for text, number in TYPES.items()}
RCODES = {"SERVFAIL": dns_faults.SERVFAIL, "REFUSED": dns_faults.REFUSED, "NXDOMAIN": dns_faults.NXDOMAIN}
ALIASES = 16


def reverse(address):
    """10.2.0.192.in-addr.arpa"""
    return ipaddress.ip_address(address).reverse_pointer


def peer(dns, address, name, reverse_name):
    """Have the look-ups of a client's address end as its names say: [UNAVAILABLE] for good,
    [TEMPUNAVAIL] for now."""
    if reverse_name == "[TEMPUNAVAIL]":
        dns[reverse(address)] = {"*": "SERVFAIL"}
    elif reverse_name != "[UNAVAILABLE]":
        dns[reverse(address)] = {"PTR": [reverse_name]}
        there = dns.setdefault(reverse_name.lower(), {})
        if name == "[TEMPUNAVAIL]":
            there["A"] = there["AAAA"] = "SERVFAIL"
        elif name != "[UNAVAILABLE]":
            there.setdefault("AAAA" if ":" in address else "A", [address])
        elif not there:
            del dns[reverse_name.lower()]


def data(kind, value):
    if kind in ("A", "AAAA"):
        return ipaddress.ip_address(value).packed
    if kind == "MX":
        return struct.pack(">H", value[0]) + packed(value[1])
    if kind == "TXT":
        octets = value.encode()
        return txt([octets[i:i + 255] for i in range(0, len(octets), 255)] or [b""])
    return packed(value)


class Server(dns_faults.Server):
    def __init__(self, dns, port=None):
        super().__init__(port)
        self.dns = {n.lower(): types for n, types in dns.items()}
        labels = [n.split(".") for n in self.dns]
        self.above = {".".join(x[i:]) for x in labels for i in range(1, len(x))}

    def _values(self, name, kind):
        """What name has, or how it fails; None: there is no such name."""
        types = self.dns.get(name.lower())
        if types is None:
            return [] if name.lower() in self.above else None
        return types.get(kind, types.get("*", []))

    def _answers(self, packet, way):
        q = dns_faults.Question(packet)
        kind = NAMES.get(q.type, str(q.type))
        self.asked.append((q.name, kind, way))
        answer, owner = [], q.name
        for _ in range(ALIASES):
            values = self._values(owner, kind)
            if values == []:
                alias = self._values(owner, "CNAME")
                if isinstance(alias, list) and alias:
                    answer.append(record(owner, TYPES["CNAME"], 300, data("CNAME", alias[0])))
                    owner = alias[0]
                    continue
            break
        if values == "TIMEOUT":
            return []
        authority = [soa("example")]
        if values is None:
            return [q.reply(dns_faults.NXDOMAIN, answer, authority)]
        if isinstance(values, str):
            return [q.reply(RCODES[values], answer, authority if values == "NXDOMAIN" else ())]
        answer += [record(owner, q.type, 300, data(kind, v)) for v in values]
        whole = q.reply(answer=answer, authority=() if values else authority)
        if way == "udp" and len(whole) > 1232:
            return [q.reply(flags=dns_faults.RA | dns_faults.TC)]
        return [whole]
