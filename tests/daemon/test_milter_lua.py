"""Scripts of miltertest (tests/miltertest): every command and option that it can send, at a real filterd."""
import os
import shutil
import subprocess

import pytest

from conftest import cannot

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "miltertest")

LISTS = {
    "smtpd_delay_reject": "no",
    "smtpd_client_restrictions": "check_client_access inline:{ {192.0.2.66 = REJECT client} }",
    "smtpd_helo_restrictions": "check_helo_access inline:{ {bad.helo.test = REJECT helo} }",
    "smtpd_sender_restrictions": "check_sender_access inline:{ {bad@sender.test = 553 5.1.8 sender} }",
    "smtpd_recipient_restrictions": "check_recipient_access inline:{ {no@example.test = REJECT rcpt} }",
    "smtpd_data_restrictions": "check_sender_access inline:{ {data@sender.test = 554 5.7.3 data} }",
    "smtpd_end_of_data_restrictions": "check_sender_access inline:{ {end@sender.test = 552 5.3.4 end} }",
    "header_checks": "pcre:{dir}/hc", "body_checks": "pcre:{dir}/bc",
}
FILES = {
    "hc": "/^X-Bad:/ REJECT header\n/^X-Discard:/ DISCARD away\n/^X-Replace:/ REPLACE X-Replace: other\n/^X-Ignore:/ IGNORE\n"
          "/^X-Prepend:/ PREPEND X-New: n\n/^X-Bcc:/ BCC z@example.test\n/^X-Redirect:/ REDIRECT other@example.test\n"
          "/^X-Hold:/ HOLD look at it\n",
    "bc": "/^bad body/ REJECT body\n/^first/ REPLACE premier\n",
}
LOGIN = {
    "smtpd_sasl_auth_enable": "yes",
    "smtpd_client_restrictions": "check_client_access inline:{ {macro.example = DUNNO} {192.0.2.1 = DUNNO} }",
    "smtpd_recipient_restrictions": "permit_sasl_authenticated, reject",
}
SCRIPTS = {
    "negotiate": LISTS, "refusals": LISTS, "changes": LISTS, "aborts": LISTS, "rest": LISTS, "macros": LOGIN,
}


def test_all_scripts_are_run():
    there = {name[:-4] for name in os.listdir(HERE) if name.endswith(".lua")}
    assert there == set(SCRIPTS) | {"common", "run"}


@pytest.mark.parametrize("script", SCRIPTS)
def test_script(filterd, script):
    if shutil.which("miltertest") is None:
        cannot("miltertest is not installed")
    f = filterd(listeners={"milter": "milter"}, files=FILES, **SCRIPTS[script])
    f.expect("version 1 of the protocol is too old|the MTA cannot be told how this message is to be changed")
    r = subprocess.run(["miltertest", "-D", f"SOCKET=inet:{f.address('milter')[1]}@127.0.0.1", "-D", f"HERE={HERE}",
                        "-D", f"SCRIPT={script}", "-s", f"{HERE}/run.lua"], capture_output=True, text=True, timeout=120)
    assert (r.returncode, r.stdout) == (0, ""), r.stderr + f.raw_log()[-3000:]
