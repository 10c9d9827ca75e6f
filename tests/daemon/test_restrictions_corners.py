"""Hand-made corners of the restriction language beside the real Postfix.

As tests/daemon/test_restrictions_random.py compares configurations made at random, so this compares
a table of odd ones: values of access tables, lists, parameters.  All ask one Postfix.  What is known
to differ (DIFFERENCES FROM POSTFIX in filterd_restrictions(5)) is not here.
"""
import filterd_proc
import postfix as postfix_lib
import restriction_cases
import restriction_world
import test_restrictions_random as beside
from conftest import cannot

DNS = dict(restriction_world.dns_data(), **{
    "5.113.0.203.multi.test": {"A": ["127.0.0.2", "127.0.1.7"], "TXT": ["first", "second"]},
    "spam.bad.example.dbl.test": {"A": ["127.0.1.2"], "TXT": ["name"]}})
LOCAL, RELAY, OUT = "bob@local.example", "x@relay.example", "x@ok.example"

# What stands on the right side of an access table.
VALUES = """
OK, reject|OK text|dunno,|permit, reject|REJECT,|REJECT, go|reject, permit|REJECT 5.7.1 x|REJECT 2.7.1 x|REJECT 5.1234.1 x
REJECT 5.1.0 a|REJECT 5.1.1 a|REJECT 5.1.6 a|REJECT 5.1.8 a|REJECT 5.1.9 a|REJECT 5.1.10 a|REJECT 5.1.01 a|REJECT 5.10.1 a
DEFER 5.7.1 x|DEFER_IF_PERMIT 5.1.9 x|DEFER_IF_PERMIT,x|DEFER_IF_PERMIT 450 x|defer_if_reject, reject|DEFER_IF_REJECT 5.1.2 x
0|00|299|450|4xx|45x|450  text|450, text|550 5.7.1 t|550 4.7.1 t|550 2.0.0 t|5505 x|0550 x|421 x|250 x|650 x|5.7.1 text|550-x y
hold, reject|discard,reject|FILTER x|FILTER :|FILTER a b:c|filter, smtp:x|redirect, a@b.example|REDIRECT x|BCC x
PREPEND x|PREPEND X:|PREPEND X y: z|PREPEND X : z|PREPEND X\t: z|PREPEND Bcc: a@b.example|PREPEND Content-Length: 5|PREPEND X-y: bcc:
PREPEND Content-Type: text/x|warn_if_reject|warn_if_reject reject|warn_if_reject, reject|warn_if_reject bogus|cls|CLS|cls text
commas, reject|reject_rbl_client|reject_rbl_client multi.test|reject_rbl_client {multi.test}|permit_dnswl_client multi.test
static:OK|check_client_access static:OK|sleep|sleep x|sleep, 0|{reject}|{|,|,reject|reject,,|"reject"|reject#|# reject|reject;
$mynetworks|reject_plaintext_session|RELAY|IGNORE|STRIP|x:y|permit:
""".strip().replace("\n", "|").replace("\\t", "\t").split("|")

LISTS = """
,reject,|{reject}|{ reject }|check_helo_access|check_helo_access ,reject|check_helo_access static:{REJECT a b}|sleep|sleep 0x
check_helo_access inline:{ {helo.ok.example = REJECT a, b} }|check_helo_access inline:{}|check_helo_access foo:bar|warn_if_reject
warn_if_reject warn_if_reject reject|warn_if_reject bogus, permit|warn_if_reject defer_if_permit|defer_if_reject, bogus
defer_if_reject, warn_if_reject reject, reject|defer_if_permit, defer_if_reject, permit|reject_rbl_client|reject_rhsbl_client
permit_dnswl_client|permit_rhswl_client, reject|reject_rbl_client =127.0.0.2|reject_rbl_client .multi.test|reject_rbl_client a..b
reject_rbl_client multi.test.|permit_dnswl_client multi.test., reject|reject_rhsbl_client dbl.test=127.0.1.[1..3]
reject_rhsbl_client dbl.test.|reject_rbl_client multi.test=[127.0.1.7]|reject_rbl_client multi.test=[127.0.0.[2;3]]
reject_rbl_client multi.test=[[127].0.0.2]|reject_rbl_client multi.test=127.0.[0;1].[3..7]|check_policy_service inet:x
warn_if_reject check_policy_service inet:1|${undefinedx?permit}{reject}|${{a} == {b} ? {permit} : {reject}}|$cls|cls cls|CLS
"reject"|reject # permit|550 text|REJECT text|static:{REJECT own}|foo:bar|reject_foo
""".strip().replace("\n", "|").split("|")

PARAMETERS = [
    ("mynetworks", v) for v in ("[203.0.113.5]", "[203.0.113.0/24]", "[203.0.113.5]/32", "![203.0.113.5] 203.0.113.0/24", "203.0.113",
                                "203.0.113.5/33", ",", "!203.0.113.5, 0.0.0.0/0", "static:all", "[203.0.113.5")] + [
    (maps, ",") for maps in ("local_recipient_maps", "relay_recipient_maps", "virtual_mailbox_maps", "virtual_alias_maps")] + [
    ("smtpd_null_access_lookup_key", v) for v in ("", "NULL", "<>")] + [
    ("smtpd_reject_footer", v) for v in ("a\\n\\nb", "a\\n", "\\na", "\\n", "\\c", "\\c\\nb", "$client_address $client_name $client $reverse_client_name $helo_name", "<$sender> $sender_name|$sender_domain", "${sender?y}",
                                      "${sender:none} x", "${sender_domain?{at $sender_domain}:{nowhere}}", "$(server_name) ${client_name}x", "  lead")] + [
    ("recipient_delimiter", v) for v in ("", "-+", "ab", "@")] + [
    ("access_map_reject_code", v) for v in ("+550", "299", "600")] + [("myorigin", "/tables/origin")]


def case(group, number, **over):
    return dict({"id": f"{group['group']}.{number}", "kind": "restrictions", "client": {
        "addr": "203.0.113.5", "name": "spam.bad.example", "reverse_name": "spam.bad.example", "helo": "helo.ok.example",
        "proto": "ESMTP", "login": None}, "sender": "user@ok.example", "recipients": [LOCAL], "dns": DNS}, **group, **over)


def group(name, parameters, tables):
    draw = restriction_cases.Draw(1)
    draw.theme = ""
    draw.base()
    main = {
        "myhostname": "mx.filterd.test", "mydomain": "filterd.test", "myorigin": "local.example",
        "mydestination": "local.example, $myhostname, localhost", "inet_interfaces": "127.0.0.1, [::1]", "inet_protocols": "all",
        "mynetworks": "10.0.0.0/8 127.0.0.0/8", "relay_domains": "relay.example", "virtual_alias_domains": "valias.example",
        "virtual_alias_maps": "texthash:/tables/valias", "virtual_mailbox_domains": "vmbox.example",
        "virtual_mailbox_maps": "texthash:/tables/vmbox", "local_recipient_maps": "texthash:/tables/users",
        "transport_maps": "", "smtpd_delay_reject": "yes", "recipient_delimiter": "+",
        "smtpd_relay_restrictions": "permit_mynetworks, reject_unauth_destination",
        "smtpd_restriction_classes": "cls, commas", "cls": "reject", "commas": ","}
    return {"group": name, "tags": [name], "main_cf": dict(main, **parameters), "tables": dict(draw.tables, **tables)}


def value_cases():
    """Each value for a client's name, a HELO name, a sender and a recipient."""
    keys = [f"k{i}.example" for i in range(len(VALUES))]
    table = {"values": {"type": "texthash", "text": "".join(f"{k} {v}\n" for k, v in zip(keys, VALUES))}}
    for about in ("client", "helo", "sender", "recipient"):
        g = group(f"value-{about}", {f"smtpd_{about}_restrictions": f"check_{about}_access texthash:/tables/values, reject_unlisted_sender"}, table)
        for i, key in enumerate(keys):
            c = case(g, i)
            if about in ("client", "helo"):
                c["client"].update({"helo": key} if about == "helo" else {"name": key, "reverse_name": key})
            elif about == "sender":
                c["sender"] = "u@" + key
            else:
                c["recipients"] = ["u@" + key, LOCAL]
                c["client"]["addr"] = "10.1.2.3"
            yield c


def list_cases():
    for n, text in enumerate(LISTS):
        g = group(f"list-{n}", {"smtpd_recipient_restrictions": text}, {})
        yield case(g, 0)
        yield case(g, 1, sender="", recipients=[LOCAL, "nobody@local.example"])


def parameter_cases():
    tables = {"t": {"type": "texthash", "text": "<> REJECT angle\nNULL REJECT null\nann@ REJECT ann\nrejected.example REJECT\n"},
              "origin": {"type": "texthash", "text": "relay.example\n"}}
    for n, (name, value) in enumerate(PARAMETERS):
        g = group(f"parameter-{n}", {"smtpd_recipient_restrictions": "check_sender_access texthash:/tables/t, "
                                     "check_recipient_access texthash:/tables/t, permit_mynetworks, reject_unlisted_sender", name: value}, tables)
        if name == "myorigin":
            g["main_cf"]["local_recipient_maps"] = ""
        people = [LOCAL, "ann+x@local.example", "ann-x@local.example", "nobody@local.example", "nojoe@vmbox.example", RELAY, OUT]
        for i, sender in enumerate(["user@ok.example", "", '""', "x@rejected.example", "nobody@local.example", "bob"]):
            yield case(g, i, sender=sender, recipients=people)


def test_corners():
    for missing in (postfix_lib.missing(), filterd_proc.missing()):
        if missing:
            cannot(missing)
    made = [*value_cases(), *list_cases(), *parameter_cases()]
    theirs, said = beside.ask(beside.POSTFIX, made)
    missing = [f"{c['id']}: {c['main_cf']}" for c in made if c["id"] not in theirs]
    assert not missing, "\n".join([*missing[:5], said[-3000:]])
    ours, said = beside.ask(beside.CANDIDATE, made)
    wrong = [beside.told(c, theirs[c["id"]], ours.get(c["id"])) for c in made if c["id"] not in ours
             or beside.replies(theirs[c["id"]]) != beside.replies(ours[c["id"]]) or beside.fate(theirs[c["id"]]) != beside.fate(ours[c["id"]])]
    assert not wrong, "%d of %d differ:\n%s\n%s" % (len(wrong), len(made), "\n".join(wrong[:20]), said[-2000:])
    fates = [a["queue"] and a["queue"]["where"] for a in theirs.values()]
    assert fates.count(None) > len(fates) / 5 < fates.count("queued")
