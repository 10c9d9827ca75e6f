#!/usr/bin/python3
"""How many requests a second the policy door answers: policy_door.py [CONNECTIONS [SECONDS]].

A filterd with a list of a few restrictions and a table of 10,000 keys, `policy_log = decisions`.
FILTERD_BUILD_DIR says which; `make bench-policy` builds what is needed and runs this.
"""
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

import filterd_proc
from filterd_proc import Filterd

# Requests a second on 2 processors over 8 connections.
BOUND = 20000

LISTS = dict(
    smtpd_client_restrictions="permit_mynetworks, check_client_access texthash:{dir}/clients",
    smtpd_helo_restrictions="reject_invalid_helo_hostname, reject_non_fqdn_helo_hostname",
    smtpd_sender_restrictions="reject_non_fqdn_sender, check_sender_access texthash:{dir}/senders",
    smtpd_recipient_restrictions="reject_non_fqdn_recipient, reject_unauth_destination,"
                                 " check_recipient_access texthash:{dir}/recipients",
    relay_domains="example.org", mynetworks="127.0.0.0/8")


def main():
    connections, seconds = (sys.argv[1:] + ["8", "5"][len(sys.argv) - 1:])[:2]
    rows = "".join(f"user{i}@example.org DUNNO\n" for i in range(10000))
    f = Filterd(listeners={"policy": "policy:unix"}, policy_log="decisions", myhostname="mx.example.org",
                files={"clients": "192.0.2.255 REJECT\n", "senders": "bad.example REJECT\n",
                       "recipients": rows}, **LISTS)
    with f:
        program = os.path.join(filterd_proc.build_dir(), "tests", "bench", "bench_policy")
        out = subprocess.run([program, connections, seconds, "unix:" + f.address("policy")],
                             check=True, stdout=subprocess.PIPE, text=True).stdout
    print(out, end="")
    rate = int(out.split()[1])
    if rate < BOUND:
        sys.exit(f"policy door: {rate} requests a second, at least {BOUND} must be: DOES NOT HOLD")


if __name__ == "__main__":
    main()
