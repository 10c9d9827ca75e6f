"""received_header: a trace field of ours, checked like any other."""
import re

import smtp

HEADER = ("Received: from $helo_name ($client_name [$client_address])\\nby $server_name with"
          " $protocol id $decision_id${recipient?\\nfor <x>};\\n $date")


def stored(filterd, hop, message, recipients=("b@example.org",), **settings):
    f = filterd(next_hop=hop.next_hop, myhostname="me.example", **settings)
    smtp.send(f.address("smtp"), "a@example.org", list(recipients), message, hello="h.example",
              name="c.example", addr="192.0.2.7", helo="there.example", proto="ESMTP")
    return hop.wait(1)[0].data


def test_macros(filterd, hop):
    data = stored(filterd, hop, b"Subject: x\r\n\r\nb\r\n", received_header=HEADER)
    assert re.fullmatch(
        rb"Received: from there.example \(c.example \[192.0.2.7\]\)\r\n"
        rb"\tby me.example with ESMTP id [0-9A-Za-z]{13,}\r\n\tfor <x>;\r\n"
        rb" [A-Z][a-z][a-z], \d\d [A-Z][a-z][a-z] \d{4} \d\d:\d\d:\d\d [+-]\d{4}\r\n"
        rb"Subject: x\r\n\r\nb\r\n", data), data


def test_several_recipients_are_not_named(filterd, hop):
    data = stored(filterd, hop, b"Subject: x\r\n\r\nb\r\n", ["b@example.org", "c@example.org"],
                  received_header=HEADER)
    assert b"for <x>" not in data


def test_none_by_default(filterd, hop):
    assert stored(filterd, hop, b"Subject: x\r\n\r\nb\r\n") == b"Subject: x\r\n\r\nb\r\n"


def test_it_is_checked_and_the_first_line_is_the_senders(filterd, hop):
    data = stored(filterd, hop, b"From x\r\nSubject: x\r\n\r\nb\r\n",
                  received_header="Received: secret\\nword", header_checks="regexp:{dir}/h",
                  files={"h": "/secret/ REPLACE Received: gone\n"})
    assert data == b"Received: gone\r\nX-Mailbox-Line: From x\r\nSubject: x\r\n\r\nb\r\n"


def test_it_must_be_a_field(filterd):
    import filterd_proc
    status, said = filterd_proc.check(
        "listeners = { smtp:127.0.0.1:10025 }\nreceived_header = no field\nlog_to = stderr\n")
    assert status == 78
    assert "received_header: must be a header field" in said
