"""The restriction language beside the real Postfix: configurations and sessions made at random.

Both get the same parameters, tables, DNS, clients and sessions; code, enhanced code and text of
every refusal and what became of the message must be alike.  tests/lib/restriction_cases.py makes
the cases, tests/lib/postfix_restrictions.py and tests/parity/candidate answer them.

Fresh sessions each time; FILTERD_SEED chooses, FILTERD_SESSIONS says how many.
"""
import json
import os
import random
import re
import subprocess
import sys

import pytest

import filterd_proc
import postfix as postfix_lib
import restriction_cases
import restriction_world
from conftest import cannot

HERE = os.path.dirname(os.path.abspath(__file__))
CANDIDATE = os.path.join(HERE, "..", "parity", "candidate")
POSTFIX = os.path.join(HERE, "..", "lib", "postfix_restrictions.py")
SESSIONS = int(os.environ.get("FILTERD_SESSIONS", "500"))
IN_A_GROUP = 9
AT_ONCE = 60            # groups that one Postfix has

# Every restriction and action of postconf(5) and access(5), 3.7, but what restriction_cases.py leaves out.
WORDS = """
check_ccert_access check_client_a_access check_client_access check_client_mx_access check_client_ns_access
check_helo_a_access check_helo_access check_helo_mx_access check_helo_ns_access check_policy_service
check_recipient_a_access check_recipient_access check_recipient_mx_access check_recipient_ns_access
check_reverse_client_hostname_a_access check_reverse_client_hostname_access check_reverse_client_hostname_mx_access
check_reverse_client_hostname_ns_access check_sasl_access check_sender_a_access check_sender_access
check_sender_mx_access check_sender_ns_access defer defer_if_permit defer_if_reject defer_unauth_destination permit
permit_auth_destination permit_dnswl_client permit_inet_interfaces permit_mx_backup permit_mynetworks
permit_rhswl_client permit_sasl_authenticated permit_tls_all_clientcerts permit_tls_clientcerts reject
reject_authenticated_sender_login_mismatch reject_invalid_helo_hostname reject_known_sender_login_mismatch
reject_multi_recipient_bounce reject_non_fqdn_helo_hostname reject_non_fqdn_recipient reject_non_fqdn_sender
reject_plaintext_session reject_rbl_client reject_rhsbl_client reject_rhsbl_helo reject_rhsbl_recipient
reject_rhsbl_reverse_client reject_rhsbl_sender reject_sender_login_mismatch reject_unauth_destination
reject_unauth_pipelining reject_unauthenticated_sender_login_mismatch reject_unknown_client_hostname
reject_unknown_helo_hostname reject_unknown_recipient_domain reject_unknown_reverse_client_hostname
reject_unknown_sender_domain reject_unlisted_recipient reject_unlisted_sender sleep warn_if_reject
reject_unknown_client reject_invalid_hostname reject_non_fqdn_hostname reject_unknown_hostname
permit_naked_ip_address reject_maps_rbl check_relay_domains
OK REJECT DEFER DEFER_IF_REJECT DEFER_IF_PERMIT DISCARD DUNNO FILTER HOLD PREPEND REDIRECT BCC INFO WARN 450 550
""".split()


def test_generator_knows_every_word():
    text = "".join(json.dumps([g[0]["main_cf"], [t["text"] for t in g[0]["tables"].values()]])
                   for g in restriction_cases.groups(1, 300, 1))
    missing = [w for w in WORDS if not re.search(rf"(?<![\w]){w}(?!\w)", text)]
    assert not missing


def replies(answer):
    """The text of a success is each one's own."""
    return [(r["stage"], r["code"], r.get("enhanced", ""), r["text"]) if r["code"] >= 400 else (r["stage"], r["code"])
            for r in answer["replies"]]


def fate(answer):
    queue = answer["queue"]
    if queue is None or queue["where"] == "discarded":
        return queue and {"where": "discarded"}
    return {"where": queue["where"], "filter": queue["filter"], "redirect": queue["redirect"],
            "recipients": sorted(set(queue["recipients"])), "prepended": queue["prepended"]}


def ask(program, cases, *arguments, **env):
    r = subprocess.run([sys.executable, program, *arguments], input="".join(json.dumps(c) + "\n" for c in cases), text=True,
                       capture_output=True, timeout=1800, env=dict(os.environ, FILTERD_BUILD_DIR=filterd_proc.build_dir(), **env))
    return {a["id"]: a for a in map(json.loads, r.stdout.splitlines())}, r.stderr


def told(case, a, b):
    """A difference, for who must find out why."""
    lines = [f"{case['id']} {case['tags'][0]}: {json.dumps(case['client'])}, from <{case['sender']}> to {case['recipients']}"]
    lines += [f"    {k} = {v}" for k, v in case["main_cf"].items() if re.search("restrictions|_code|_maps|reject|subdomains|classes|action", k)
              or k in case["main_cf"].get("smtpd_restriction_classes", "")]
    lines += [f"    {name}: {t['text']!r:.600}" for name, t in case["tables"].items() if re.fullmatch(r"t\d+", name)]
    if b is None:
        return "\n".join(lines + ["  filterd does not answer"])
    x, y = replies(a), replies(b)
    at = next((i for i in range(max(len(x), len(y))) if x[i:i + 1] != y[i:i + 1]), None)
    if at is not None:
        lines += [f"  Postfix: {x[at:at + 1]}", f"  filterd: {y[at:at + 1]}"]
    if fate(a) != fate(b):
        lines += [f"  Postfix: {fate(a)}", f"  filterd: {fate(b)}"]
    return "\n".join(lines)


def plain(refused):
    """A refusal without what Postfix itself puts in front of a policy server's words."""
    return re.sub(r"^(\d+ \S+ )(?:<.*?>: )?(?:[A-Z][A-Za-z ]+ rejected: )?", r"\1", refused)


def door_differs(case, theirs, ours):
    """Does filterd's policy door refuse the first recipient otherwise than Postfix?"""
    first = [r for r in theirs["replies"] if r["stage"] == "rcpt"][:1]
    paths = case["sender"] + case["recipients"][0]
    if not first or case["main_cf"].get("smtpd_delay_reject") == "no" or "smtpd_reject_footer" in case["main_cf"] or \
            "[TEMPUNAVAIL]" in case["client"].values() or set('"%!') & set(paths) or case["recipients"][0].count("@") > 1 or \
            first[0]["text"].endswith(("address syntax", "too many recipients")) or case.get("policy"):
        return False            # what a policy request cannot tell, or is not made for
    action = ours["policy"] or ""
    # By name, the code is that of the Postfix that asks.
    by_name = re.fullmatch(r"DEFER_IF_PERMIT \d(\.\S+ .*)", action)
    got = "%d %c%s" % (first[0]["code"], first[0].get("enhanced", "4")[0], by_name[1]) if by_name else \
        action if re.match(r"[45]\d\d ", action) else None
    if first[0]["code"] < 400 or got is None:
        return (first[0]["code"] < 400) != (got is None)
    # A deferral is handed on by name, and what refuses later anyway goes before it.  Its code may be any.
    codes = [int(case["main_cf"].get(p, 450)) for p in ("defer_code", "access_map_defer_code")]
    later = (first[0]["code"] < 500 or first[0]["code"] in codes) and re.search("(?i)defer_if_|reject_unknown", json.dumps([case["main_cf"], case["tables"]]))
    return not later and plain(got) != plain("%(code)d %(enhanced)s %(text)s" % first[0])


def compare(seed, groups):
    for missing in (postfix_lib.missing(), filterd_proc.missing()):
        if missing:
            cannot(missing)
    made = [c for g in restriction_cases.groups(seed, groups, IN_A_GROUP) for c in g]
    theirs, said = ask(POSTFIX, made)
    ours, said_too = ask(CANDIDATE, [c for c in made if c["id"] in theirs], FILTERD_PARITY_POLICY="yes")
    # What is fatal for Postfix is no case; the draw must not lose much to that.
    assert len(theirs) > .9 * len(made), said[-3000:]
    wrong = [told(c, theirs[c["id"]], ours.get(c["id"])) for c in made if c["id"] in theirs and (
        c["id"] not in ours or replies(theirs[c["id"]]) != replies(ours[c["id"]]) or fate(theirs[c["id"]]) != fate(ours[c["id"]]))]
    assert not wrong, "FILTERD_SEED=%d: %d of %d differ:\n%s\n%s" % (
        seed, len(wrong), len(theirs), "\n".join(wrong[:5]), said_too[-2000:])
    wrong = [f"{told(c, theirs[c['id']], ours[c['id']])}\n  {theirs[c['id']]['replies'][-1]}\n  policy door: {ours[c['id']]['policy']}"
             for c in made if c["id"] in theirs and door_differs(c, theirs[c["id"]], ours[c["id"]])]
    assert not wrong, "FILTERD_SEED=%d: the policy door differs in %d of %d:\n%s" % (seed, len(wrong), len(theirs), "\n".join(wrong[:5]))
    assert ": filterd: " not in said_too, said_too[-3000:]
    # The draw must reach what it is for.
    fates = [a["queue"] and a["queue"]["where"] for a in theirs.values()]
    assert fates.count(None) > len(fates) / 5 < fates.count("queued")
    assert len({c["tags"][0] for c in made}) == min(groups, len(restriction_world.THEMES))


def test_random_sessions():
    seed = int(os.environ.get("FILTERD_SEED", random.SystemRandom().randrange(10 ** 6)))
    print(f"FILTERD_SEED={seed}")
    left = -(-SESSIONS // IN_A_GROUP)
    while left > 0:
        compare(seed, min(left, AT_ONCE))
        left -= AT_ONCE
        seed += 1


@pytest.mark.long
def test_random_sessions_long():
    first = random.SystemRandom().randrange(10 ** 6)
    for seed in range(first, first + max(1, int(10 * float(os.environ.get("FILTERD_SOAK", "1"))))):
        compare(seed, AT_ONCE)
