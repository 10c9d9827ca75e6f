"""filterd_restrictions(5) and filterd_access(5) say what is so: what load finds, what is there, the examples."""
import os
import re
import subprocess

import pytest

import filterd_proc
import smtp

SOURCE = os.environ.get("FILTERD_SOURCE_DIR", os.path.join(os.path.dirname(__file__), "..", ".."))
LISTENER = "listeners = { smtp:127.0.0.1:10025, role = mta }\n"
SITE = "mydestination = example.com\nlocal_recipient_maps =\nalias_maps =\nmynetworks = 127.0.0.0/8\n"

# In "LOOK BEFORE THE MAIL COMES": the configuration, what is said, and what config_errors = postfix makes of an error.
ERRORS = [
    ("smtpd_client_restrictions = permit_mynetwork\n", "did you mean permit_mynetworks", "warning"),
    ("smtpd_client_restrictions = check_client_access\n", "must be followed by a table", "warning"),
    ("smtpd_client_restrictions = sleep long\n", "must be a number of seconds", "warning"),
    ("smtpd_client_restrictions = reject_rbl_client bl.example=1.2\n", "bl.example=1.2", "warning"),
    ("smtpd_client_restrictions = check_client_access texthash:{dir}/none\n", "open .*none: No such file", "warning"),
    ("smtpd_restriction_classes = a\nsmtpd_client_restrictions = a\n", "class a is not defined", "warning"),
    ("smtpd_restriction_classes = a, b\na = b\nb = a\n", "class . calls itself", "warning"),
    ("reject_code = 250\n", "expected a code from 400 to 599", "warning"),
    ("default_rbl_reply = $nope\nsmtpd_client_restrictions = reject_rbl_client bl.example\n", "no such macro: nope", "warning"),
    ("smtpd_relay_restrictions =\nsmtpd_recipient_restrictions = permit_mynetworks\n", "keeps strangers from relaying", "error"),
    ("smtpd_relay_restrictions =\nsmtpd_recipient_restrictions = warn_if_reject reject_unauth_destination\n", "keeps strangers", "error"),
    ("smtpd_relay_restrictions =\nsmtpd_recipient_restrictions = permit, reject_unauth_destination\n", "keeps strangers", "error"),
]
WARNINGS = [
    ("smtpd_helo_restrictions = reject_invalid_hostname\n", "an old name of reject_invalid_helo_hostname"),
    ("smtpd_client_restrictions = permit, reject_rbl_client bl.example\n", "never reached behind permit"),
    ("smtpd_delay_reject = no\nsmtpd_client_restrictions = reject_unknown_sender_domain\n", "the sender is not known there"),
    ("smtpd_relay_restrictions =\nsmtpd_recipient_restrictions = check_client_access inline:{ {a=OK} }, reject_unauth_destination\n",
     "before the protection against relaying"),
    ("smtpd_restriction_classes = a, b\na = b\nb = check_helo_access inline:{ {x=OK} }\nsmtpd_relay_restrictions =\n"
     "smtpd_recipient_restrictions = permit_mynetworks, a, reject_unauth_destination\n",
     "check_helo_access .* before the protection against relaying"),
    ("smtpd_helo_restrictions = permit_naked_ip_address\n", "who knows how to say HELO"),
    ("smtpd_recipient_restrictions = check_relay_domains\n", "by their name alone"),
    ("smtpd_sender_restrictions = reject_sender_login_mismatch\n", "smtpd_sasl_auth_enable is no"),
    ("smtpd_client_restrictions = permit_dnswl_client list.example\n", "without =filter"),
    ("inet_interfaces = 192.0.2.77\n", "no interface of this machine"),
]


def findings(config, **settings):
    more = "".join(f"{k} = {v}\n" for k, v in settings.items())
    status, said = filterd_proc.check(LISTENER + SITE + more + config, files={})
    return status, [re.sub("^filterd: ", "", line) for line in said.splitlines()]


@pytest.mark.parametrize("config,text,tolerant", ERRORS)
def test_errors_at_load(config, text, tolerant):
    status, said = findings(config)
    assert status == 78 and [line for line in said if re.match(f"error: .*/filterd.cf:.*{text}", line)], said
    status, said = findings(config, config_errors="postfix")
    assert status == (0 if tolerant == "warning" else 78)
    assert [line for line in said if re.match(f"{tolerant}: .*{text}", line)], said


@pytest.mark.parametrize("config,text", WARNINGS)
def test_warnings_at_load(config, text):
    status, said = findings(config)
    assert status == 0 and [line for line in said if re.match(f"warning: .*{text}", line)], said


# --- the pages ---

def page(name):
    for folder in (os.path.join(filterd_proc.build_dir(), "rules"), os.path.join(SOURCE, "rules")):
        if os.path.exists(os.path.join(folder, name)):
            with open(os.path.join(folder, name)) as f:
                return f.read()
    raise AssertionError(f"{name} is not there")


def source(name):
    with open(os.path.join(SOURCE, "rules", name)) as f:
        return f.read()


def test_every_result_is_told_of():
    words = re.findall(r"\{ \"([A-Z_]+)\", (?:do|access)_\w+, (?:POSTFIX|OURS), \w+ \}", source("access_result.c"))
    assert len(words) > 15
    told = re.findall(r"^\.It Ic ([A-Z_]+)", page("filterd_access.5"), re.M)
    assert sorted(told) == sorted(words)


def test_every_result_about_the_content_is_told_of():
    words = re.findall(r"\{ \"([A-Z_]+)\", (?:do|access)_\w+, CONTENT, \w+ \}", source("access_result.c"))
    assert len(words) == 4
    assert set(words) <= set(re.findall(r"^\.It Ic ([A-Z_]+)", page("filterd_content.5"), re.M))


def test_examples_about_the_content_load():
    """Those of filterd_content(5); the last ones are sent mail through in test_content_policy.py."""
    first, facts, rows, failing = examples(page("filterd_content.5"))[:4]
    tables = {n: "/x/ WARN\n" for n in ("header", "phrases")}
    for config, files in ((first.replace("    reject_virus\n", ""), {"per_user": "", **tables}), (facts, {"facts": rows}), (failing, tables)):
        status, said = filterd_proc.check(LISTENER + SITE + config.replace("/etc/filterd", "{dir}"), files=files)
        assert (status, said) == (0, "")


def test_every_name_is_told_of():
    """With its older names."""
    names, told = set(), set()
    for name in os.listdir(os.path.join(SOURCE, "rules")):
        if name.startswith("check_") and name.endswith(".c"):
            text = source(name)
            names |= set(re.findall(r"(?:\.name = |ROW\()\"(\w+)\"", text))
            for older in re.findall(r"const older_\w+\[\] = \{ (.*?), NULL \};", text, re.S):
                names |= set(re.findall(r"\"(\w+)\"", older))
    text = page("filterd_restrictions.5").split(".Sh RESTRICTIONS")[1].split(".Sh THE DNS")[0]
    told |= set(re.findall(r"^\.It Ic (\w+)", text, re.M))
    for older in re.findall(r"^Older name: (.*)\.$", text, re.M):
        told |= set(older.split(", "))
    assert len(told) > 70 and told == names


def examples(text):
    return re.findall(r"^\.Bd -literal[^\n]*\n(.*?)^\.Ed", text, re.M | re.S)


def test_examples_load():
    first, classes, rows = examples(page("filterd_restrictions.5"))[:3]
    for config, users in ((first, ""), (classes, rows)):
        status, said = filterd_proc.check(LISTENER + SITE + config.replace("/etc/filterd", "{dir}"), files={"per_user": users})
        assert (status, said) == (0, "")


def test_examples_of_tables(filterd, hop):
    blocks = examples(page("filterd_access.5"))
    clients, mx, users = blocks[1:]
    f = filterd(files={"clients": clients, "mx": mx, "per_user": users}, listeners={"smtp": "smtp, role = before_queue"},
                smtpd_client_restrictions="check_client_access texthash:{dir}/clients",
                smtpd_sender_restrictions="check_sender_mx_access cidr:{dir}/mx", smtpd_restriction_classes="careful", careful="permit",
                content_restrictions="check_recipient_access texthash:{dir}/per_user", resolver="127.0.0.1:9", next_hop=hop.next_hop,
                smtpd_authorized_xforward_hosts="", smtpd_authorized_xclient_hosts="127.0.0.0/8", smtpd_reject_footer="")
    f.expect("MX of")

    def asked(addr, name, sender="s@sender.example"):
        with smtp.Client(f.address("smtp")) as c:
            c.cmd(f"XCLIENT ADDR={addr} NAME={name}")
            c.hello("helo.example")
            c.mail(sender)
            return str(c.rcpt("ann@example.com"))

    rejected = "Client host rejected:"
    assert asked("10.157.3.4", "a.example") == f"554 5.7.1 <a.example[10.157.3.4]>: {rejected} Access denied"
    assert asked("192.0.2.1", "x.bulk.example") == f"450 4.7.1 <x.bulk.example[192.0.2.1]>: {rejected} not before midnight"
    assert asked("192.0.2.1", "[UNAVAILABLE]") == f"450 4.7.1 <unknown[192.0.2.1]>: {rejected} your address has no name"
    # The row for the name hides none for the address here.
    assert asked("192.168.76.23", "ok.example")[:3] != "554"
    assert asked("192.168.76.23", "ok.example", "s@[127.0.0.1]") == \
        "554 5.7.27 <s@[127.0.0.1]>: Sender address rejected: mail for you would come back to me"


# What "DIFFERENCES FROM POSTFIX" says of a door and of addresses: the command, Postfix's reply, and ours.
DIFFERENT = [
    ("HELP", "500", "214"),
    ("HELO x y", "250", "501"),
    ("EHLO x", "250", "250"),
    ("VRFY x", "252", "252"),                       # an own recipient
    ("VRFY x@elsewhere.example", "454", "252"),
    ("ETRN example.com", "4|5", "502"),
    ("MAIL FROM:<s(who)@sender.example>", "250", "501 5.1.7"),
    ("RSET", "250", "250"),
    ("MAIL FROM:s@sender.example>", "250", "501 5.1.7"),
    ("RSET", "250", "250"),
    ("MAIL FROM:<s@sender.example>", "250", "250"),
    ("RCPT TO:<u(who)@example.com>", "250", "501 5.1.3"),
    ("RCPT TO:<gone@example.com>", "550 5.1.6", "250"),
    ("RCPT TO:<u@relay.example>", "550 5.1.1", "250"),      # relay_transport = error:...
    (r'RCPT TO:<"a@b \"c"@example.com>', "501 5.1.3", "501 5.1.3"),     # no difference any more
    ('RCPT TO:<"a@b"@example.com>', "454 4.7.1", "454 4.7.1"),
]


def test_differences_are_these(filterd, postfix, hop):
    same = {"mydestination": "example.com", "myorigin": "example.com", "mynetworks": "192.0.2.77", "local_recipient_maps": "",
            "relay_domains": "relay.example", "relocated_maps": "inline:{ {gone@example.com=new@elsewhere.example} }",
            "relay_transport": "error:5.1.1 nobody there", "local_transport": "discard:", "default_transport": "discard:",
            "smtpd_relay_restrictions": "permit_mynetworks, defer_unauth_destination", "smtpd_error_sleep_time": "0",
            "smtpd_junk_command_limit": "100", "smtpd_hard_error_limit": "100", "smtpd_helo_required": "no"}
    p = postfix(main=same)
    f = filterd(listeners={"smtp": "smtp, role = mta"}, next_hop=hop.next_hop, alias_maps="", resolver="127.0.0.1:9", **same)
    with smtp.Client(p.smtp) as theirs, smtp.Client(f.address("smtp")) as ours:
        for command, was, is_now in DIFFERENT:
            assert re.match(was, str(theirs.cmd(command))), command
            assert re.match(is_now, str(ours.cmd(command))), command


def test_pages_are_sound_text():
    """Nothing that mandoc cannot show: what was generated goes through it whole."""
    r = subprocess.run(["mandoc", "-T", "ascii"], input=page("filterd_restrictions.5"), capture_output=True, text=True)
    text = re.sub("\\s+", " ", re.sub(".\b", "", r.stdout))
    assert "check_policy_service server | { server, option = value ... }" in text
    assert "reject_rbl_client zone[=filter]" in text
    assert "check_ccert_access type:name | { type:name, { search_order = key ... }}" in text
