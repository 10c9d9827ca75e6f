"""The world of the random restriction cases: its DNS, clients, addresses, and the words that rules are made of."""
import ipaddress

NAMES = """
ok.example MX 10:mx1.ok.example,20:mx2.ok.example A 192.0.2.80 NS ns1.dns.example,ns2.dns.example
mx1.ok.example A 192.0.2.81 AAAA 2001:db8:0:81::1
mx2.ok.example A 192.0.2.83
helo.ok.example A 192.0.2.84
good.example MX 5:mail.good.example NS ns1.dns.example
mail.good.example A 192.0.2.10
mixed.case.good.example A 192.0.2.21
v6.good.example AAAA 2001:db8:1:2::5
onlya.example A 192.0.2.82 NS ns.evil.example
only6.example AAAA 2001:db8::aaaa
nullmx.example MX 0:. A 192.0.2.85
nullmx2.example MX 0:.,10:mx1.ok.example A 192.0.2.86
servfail.example * SERVFAIL
refused.example * REFUSED
timeout.example * TIMEOUT
mxfail.example MX SERVFAIL A 192.0.2.87 NS SERVFAIL
afail.example A SERVFAIL AAAA SERVFAIL
nsfail.example NS REFUSED A 192.0.2.87
mxgone.example MX 10:nohost.example NS ns1.dns.example
mxhalf.example MX 10:nohost.example,20:mx.a.example,30:servfail.example
mxaddr.example MX 10:192.0.2.99
mxhere.example MX 10:localhost
mxbad.example MX 10:mx.evil.example,20:mx1.ok.example NS ns.evil.example
mxmany.example MX 30:mx.c.example,10:mx.a.example,20:mx.b.example
mx.a.example A 10.66.6.1
mx.b.example A 10.66.6.2,10.66.7.2
mx.c.example A 10.66.6.3 AAAA 2001:db8:6::3
mx.evil.example A 203.0.113.66,203.0.113.67
evil.example NS ns.evil.example
spam.bad.example A 203.0.113.5
bad.example A 203.0.113.4 NS ns.evil.example
ns.evil.example A 203.0.113.53
ns1.dns.example A 198.51.100.53
ns2.dns.example A 198.51.100.54
txtonly.example TXT here
sub.dom.example A 192.0.2.88
dom.example MX 10:mx.a.example NS ns1.good.example,ns.evil.example
ns1.good.example A 192.0.2.53
a.b.sub.dom.example A 192.0.2.20
alias.example CNAME ok.example
alias2.example CNAME alias.example
dangling.example CNAME nohost.example
under_score.example A 192.0.2.90
host.lan.example A 10.1.2.3
far.lan.example A 10.200.0.1
lan.example NS ns1.dns.example
local.example A 192.0.2.1 MX 10:mx.filterd.test
mx.filterd.test A 127.0.0.1
relay.example A 192.0.2.91
backup.example MX 10:mx1.ok.example,20:mx.filterd.test
backup2.example MX 10:mx1.ok.example,20:mx9.example
mx9.example A 127.0.0.1
errt.example A 192.0.2.93
retryt.example A 192.0.2.94
10.2.0.192.rbl.test A 127.0.0.2 TXT Listed,see_http://rbl.test/q?192.0.2.10
20.2.0.192.rbl.test A 127.0.0.4,127.0.0.10
7.100.51.198.rbl.test A 127.0.0.10 TXT dynamic_range
8.100.51.198.rbl.test A 127.0.1.5 TXT $HOME_{x}_<b>
9.100.51.198.rbl.test * SERVFAIL
5.113.0.203.rbl.test A 127.0.0.2,127.0.0.9 TXT one,two
66.113.0.203.rbl.test A 127.0.0.6 TXT SERVFAIL
3.2.1.10.rbl.test A 127.255.255.254
4.2.1.10.rbl.test A 192.0.2.1
10.2.0.192.wl.test A 127.0.9.2
7.100.51.198.wl.test A 127.0.5.3
9.100.51.198.wl.test * SERVFAIL
21.2.0.192.wl.test A 127.0.5.1
ok.example.rhs.test A 127.0.0.2 TXT sender_domain
bad.example.rhs.test A 127.0.0.4
spam.bad.example.rhs.test A 127.0.0.2 TXT client_domain
mail.good.example.rhs.test A 127.0.0.7
helo.ok.example.rhs.test A 127.0.0.2
local.example.rhs.test A 127.0.0.2 TXT own_goal
relay.example.rhs.test * SERVFAIL
host.rhs.test A 127.0.0.9
mail.good.example.rwl.test A 127.0.5.1
host.lan.example.rwl.test A 127.0.5.9
spam.bad.example.rwl.test * SERVFAIL
"""
LISTED = {"2001:db8::bad": ("rbl.test", "127.0.0.3"), "2001:db8:1:2::5": ("wl.test", "127.0.5.2")}
GONE, LATER = "[UNAVAILABLE]", "[TEMPUNAVAIL]"
CLIENTS = [
    ("192.0.2.10", "mail.good.example"), ("192.0.2.20", "a.b.sub.dom.example"), ("192.0.2.21", "Mixed.Case.Good.Example"),
    ("203.0.113.5", "spam.bad.example"), ("203.0.113.66", "mx.evil.example"), ("10.1.2.3", "host.lan.example"), ("10.200.0.1", "far.lan.example"),
    ("2001:db8:1:2::5", "v6.good.example"), ("127.0.0.1", "localhost"), ("198.51.100.7", GONE), ("10.1.2.4", GONE), ("2001:db8::bad", GONE),
    ("198.51.100.8", GONE, "dyn8.isp.example"), ("198.51.100.9", LATER, "tmp9.isp.example"), ("198.51.100.10", LATER)]
HELOS = ["helo.ok.example", "ok.example", "mail.good.example", "Mail.GOOD.example", "localhost", "foo", "example", "nx.example", "a.b.sub.dom.example",
         "spam.bad.example", "servfail.example", "refused.example", "afail.example", "mxfail.example", "nullmx.example", "txtonly.example", "alias.example",
         "dangling.example", "only6.example", "good.example", "ok.example.", "dots.example..", "x..y.example", ".example", "-bad-.example", "bad-.example",
         "bad!host.example", "under_score.example", "192.0.2.10", "192.0.2", "1.2.3.4.5", "2001:db8::1", "[192.0.2.10]", "[300.1.1.1]", "[192.0.2.10",
         "[IPv6:2001:db8::1]", "[2001:db8::1]", "[]", "a" * 64 + ".example", "10.in-addr.arpa", "123", "host.123", "x_y", "ok.example.nx.example"]
SENDER_DOMAINS = ["ok.example", "bad.example", "nx.example", "onlya.example", "only6.example", "nullmx.example", "nullmx2.example", "servfail.example",
                  "refused.example", "mxfail.example", "afail.example", "nsfail.example", "mxgone.example", "mxhalf.example", "mxaddr.example",
                  "mxhere.example", "mxbad.example", "mxmany.example", "txtonly.example", "alias.example", "alias2.example", "dangling.example",
                  "sub.dom.example", "deep.a.b.sub.dom.example", "under_score.example", "-bad-.example", "1.2.3.4", "[192.0.2.1]", "[10.66.6.6]",
                  "[IPv6:2001:db8::7]", "host", "ok.example.", "OK.Example", "relay.example", "local.example", "vmbox.example", "valias.example"]
SENDERS = ["", "", "bob@local.example", "ann+list@local.example", "nobody@local.example", "joe@vmbox.example", "nojoe@vmbox.example",
           "sales@valias.example", "nope@valias.example", "known@relay.example", "local", "bob", "postmaster", "user+ext@ok.example", "USER@OK.Example",
           "bulk-foo@bad.example", '"quoted user"@ok.example', "postmaster@ok.example", "user@ok.example"]
RECIPIENTS = ["bob@local.example", "ann@local.example", "ann+list@local.example", "known@relay.example", "sales@valias.example", "joe@vmbox.example"]
ODD_RECIPIENTS = [
    "nobody@local.example", "bob-ext@local.example", "Bob@LOCAL.example", "bob@local.example.", "bob", "postmaster", "PostMaster",
    "postmaster@local.example", "abuse@local.example", "double-bounce@local.example", "mailer-daemon@local.example", "alias@local.example",
    "x@y@local.example", "x%ok.example@local.example", "a!b@local.example", "x%ok.example", "ok.example!x", '"a b"@local.example', "bob@sub.local.example",
    "known+tag@relay.example", "x@relay.example", "x@sub.relay.example", "x@.relay.example", "@relay.example:x@ok.example", "@ok.example:bob@local.example",
    "nope@valias.example", "sales+1@valias.example", "nojoe@vmbox.example", "joe+x@vmbox.example", "x@errt.example", "x@retryt.example",
    "x@backup.example", "x@backup2.example", "x@ok.example", "user@host", "x@nx.example", "x@servfail.example", "x@nullmx.example", "x@mxbad.example",
    "x@onlya.example", "x@alias.example", "x@[192.0.2.1]", "x@[127.0.0.1]", "x@127.0.0.1", "x@-bad-.example", "spam@bad.example", "x@mxhere.example"]
TEXTS = ["", "", "go away", "5.7.1 bare", "5.1.1 mailbox", "5.1.2 nohost", "5.1.8 sender", "4.2.1 soft", "2.0.0 odd", "5.9 none", "5.7.1234 long",
         "5.1.7x text", "5.0.0 null", "5.4.6 net", "a  b\tc", "100% of $x ${y}", "Try <later> \"please\"", "see http://x.example/?a=b", "x" * 60, "5.1.0  y",
         "4.1.8 q", "5.1.3 syntax", "5.1.6 moved", "#5.7.1 hash"]
ACTIONS = [
    ("REJECT", 8), ("reject", 2), ("DEFER", 3), ("DEFER_IF_REJECT", 4), ("DEFER_IF_PERMIT", 4), ("550", 2), ("450", 2), ("554", 1), ("421", .7),
    ("521", .7), ("499", .5), ("571", .5), ("5500", .4), ("600", .4), ("399", .3), ("4XX", .3), ("12", .4)]
PLAIN = [
    "OK", "OK", "OK", "ok", "OK text", "DUNNO", "DUNNO", "DUNNO x", "dunno", "RELAY", "0", "250", "554", "20261121", "HOLD", "HOLD wait", "DISCARD",
    "DISCARD quietly", "INFO", "INFO so", "WARN", "WARN mind", "FILTER smtp:[127.0.0.1]:10025", "FILTER f:2", "FILTER", "FILTER nocolon", "FILTER scan:",
    "REDIRECT other@ok.example", "REDIRECT bob@local.example", "REDIRECT", "REDIRECT noat", "BCC copy@ok.example", "BCC", "BCC noat", "PREPEND X-A: 1",
    "PREPEND X-B: two words", "PREPEND", "PREPEND X-Only:", "PREPEND X Bad: y", "PREPEND noheader", "prepend x-l:n", "reject_foo", "{ reject }",
    "hash:/nowhere", "check_client_access hash:/x", ",", "permit", "REJECTED", "PREPEND X-Long: " + "v" * 60]
POLICY_ACTIONS = ["reject", "dunno", "ok", "defer_if_permit later", "550 5.7.1 no", "450 4.7.1 wait", "hold", "discard", "filter f:2", "redirect o@ok.example",
                  "prepend X-Policy: 1", "bcc copy@ok.example", "info i", "warn w", "cls_a", "reject_unknown_sender_domain", "nonsense", "", "421 bye",
                  "warn_if_reject reject", "defer", "defer_if_reject x", "permit_mynetworks, reject"]
CODES = {
    "access_map_reject_code": [521, 550, 571, 450], "access_map_defer_code": [450, 451, 550], "defer_code": [451, 421, 450], "reject_code": [250, 450, 550],
    "maps_rbl_reject_code": [550, 450], "non_fqdn_reject_code": [450, 550], "plaintext_reject_code": [450, 550], "unknown_client_reject_code": [550, 554],
    "unknown_hostname_reject_code": [550, 554], "unknown_address_reject_code": [550, 554], "invalid_hostname_reject_code": [450, 550],
    "multi_recipient_bounce_reject_code": [450, 554], "relay_domains_reject_code": [450, 550], "unknown_local_recipient_reject_code": [450, 554],
    "unknown_relay_recipient_reject_code": [450, 554], "unknown_virtual_alias_reject_code": [450, 554],
    "unknown_virtual_mailbox_reject_code": [450, 554], "unverified_sender_reject_code": [550], "unverified_recipient_reject_code": [550]}
OTHERS = {      # probability, values
    "soft_bounce": (.1, ["yes"]), "recipient_delimiter": (.8, ["+", "+-", "-", ""]), "parent_domain_matches_subdomains": (
        .35, ["", "smtpd_access_maps, relay_domains", "smtpd_access_maps", "relay_domains, mynetworks, permit_mx_backup_networks"]),
    "smtpd_null_access_lookup_key": (.1, ["nullkey", "NullKey", "null@local.example", "null.example"]),
    "smtpd_reject_unlisted_recipient": (.08, ["no", "yes"]), "smtpd_reject_unlisted_sender": (.08, ["yes", "yes", "no"]),
    "smtpd_relay_before_recipient_restrictions": (.1, ["no"]), "smtpd_helo_required": (.1, ["yes"]), "strict_rfc821_envelopes": (.05, ["yes"]),
    "allow_percent_hack": (.06, ["no"]), "swap_bangpath": (.04, ["no"]), "allow_untrusted_routing": (.06, ["yes"]),
    "unknown_address_tempfail_action": (.12, ["defer", "defer_if_permit"]), "unknown_helo_hostname_tempfail_action": (.12, ["defer"]),
    "show_user_unknown_table_name": (.08, ["no"]), "smtpd_recipient_limit": (.04, ["2"]), "permit_mx_backup_networks": (
        .06, ["192.0.2.0/24 [2001:db8::]/32", "0.0.0.0/0", "!192.0.2.81 192.0.2.0/24"]), "proxy_interfaces": (.06, ["192.0.2.83", "192.0.2.1, 10.66.6.1"]),
    "smtpd_reject_footer": (.05, ["\\c. See http://x.example/?c=$client_address&h=$helo_name", "for $client_name [$client_address] $$",
                                  "$server_name ${helo_name?S}"]),
    "smtpd_log_access_permit_actions": (.05, ["static:all"]), "disable_vrfy_command": (.03, ["yes"]), "relay_recipient_maps": (.4, ["texthash:/tables/known"])}
CIDR = ["192.0.2.0/24", "192.0.2.10", "10.0.0.0/8", "10.1.0.0/16", "!10.1.0.0/16", "203.0.113.0/24", "198.51.100.0/29", "2001:db8::/32", "::/0", "0.0.0.0/0",
        "!192.0.2.80/28", "10.66.0.0/16", "127.0.0.0/8", "2001:db8:1:2::5", "!0.0.0.0/0"]
PATTERNS = {
    "client": [r"/^unknown$/", r"/good\.example$/", r"/^192\.0\.2\.(1|2)0$/", r"/^10\.1\./", r"/EXAMPLE$/", r"/^2001:/", r"/^([a-z]+)\.([a-z.]+)$/"],
    "helo": [r"/^[^.]*$/", r"/^\[/", r"/bad/", r"/^[0-9.]+$/", r"/_/", r"/^(.*)\.ok\.example$/", r"/\.$/"],
    "mail": [r"/@ok\.example$/", r"/^<>$/", r"/^user@/", r"/bad\./", r"/@\[/", r"/^([^@+]+)(\+[^@]*)?@(.*)$/", r"/^[^@]*$/", r"/%/", r"/@local\.example$/",
             r"/NOBODY/", r"/relay/", r'/"/'],
    "server": [r"/^mx/", r"/^ns/", r"/^10\.66/", r"/^(.*)\.example$/", r"/ok/", r"/localhost/"]}
FILTERS = ["", "", "=127.0.0.2", "=127.0.0.[1..9]", "=127.0.0.[2;4..6]", "=127.0.[0..255].[1..255]", "=127.[0..255].[0;1].5", "=192.0.2.1"]
SIMPLE = {
    "client": ["reject_unknown_client_hostname", "reject_unknown_reverse_client_hostname", "permit_mynetworks", "permit_inet_interfaces",
               "permit_sasl_authenticated", "reject_plaintext_session", "reject_unknown_client", "permit_tls_clientcerts", "permit_tls_all_clientcerts",
               "reject_maps_rbl"],
    "helo": ["reject_invalid_helo_hostname", "reject_non_fqdn_helo_hostname", "reject_unknown_helo_hostname", "reject_invalid_hostname",
             "reject_non_fqdn_hostname", "reject_unknown_hostname", "permit_naked_ip_address"],
    "sender": ["reject_unknown_sender_domain", "reject_non_fqdn_sender", "reject_sender_login_mismatch", "reject_unknown_address",
               "reject_authenticated_sender_login_mismatch", "reject_known_sender_login_mismatch", "reject_unauthenticated_sender_login_mismatch"],
    "recipient": ["reject_unknown_recipient_domain", "reject_non_fqdn_recipient", "reject_unlisted_recipient", "permit_mx_backup", "permit_auth_destination",
                  "reject_unauth_destination", "defer_unauth_destination", "check_relay_domains", "check_recipient_maps"],
    "any": ["permit", "reject", "defer", "defer_if_permit", "defer_if_reject", "sleep 0", "reject_multi_recipient_bounce", "reject_unauth_pipelining"]}
ACCESS = {
    "client": ["check_client_access", "check_reverse_client_hostname_access"], "helo": ["check_helo_access"], "sender": ["check_sender_access"],
    "recipient": ["check_recipient_access"], "sasl": ["check_sasl_access"], "ccert": ["check_ccert_access"]}
SERVER_ACCESS = [f"check_{who}_{what}_access" for who in ("client", "reverse_client_hostname", "helo", "sender", "recipient") for what in ("a", "mx", "ns")]
RBL = ["reject_rbl_client rbl.test", "permit_dnswl_client wl.test", "reject_rhsbl_client rhs.test", "reject_rhsbl_reverse_client rhs.test",
       "reject_rhsbl_helo rhs.test", "reject_rhsbl_sender rhs.test", "reject_rhsbl_recipient rhs.test", "permit_rhswl_client rwl.test"]
LISTS = ["client", "helo", "sender", "recipient"]
CLASSES = ["cls_a", "Cls_B", "strict", "cls-d"]
RELAY = ["permit_mynetworks, permit_sasl_authenticated, reject_unauth_destination", "permit_mynetworks, defer_unauth_destination",
         "check_client_access static:OK, reject_unauth_destination", "reject_unauth_destination", "permit_mx_backup, reject_unauth_destination",
         "permit_auth_destination, reject", "permit_sasl_authenticated, defer", "defer_if_permit, reject_unauth_destination", "check_relay_domains"]
THEMES = ["client", "helo", "sender", "recipient", "patterns", "server", "rbl", "rblreply", "unknown", "relay", "login", "deferif", "classes", "nodelay",
          "actions", "codes", "datastage", "warn", "mix", "mxbackup", "strict", "policy"]


def dns_data():
    dns = {}
    for line in NAMES.strip().split("\n"):
        name, *pairs = line.split()
        for kind, values in zip(pairs[::2], pairs[1::2]):
            if values.isupper() and values.isalpha():
                dns.setdefault(name, {})[kind] = values
                continue
            values = [v.replace("_", " ") if kind == "TXT" else v for v in values.split(",")]
            dns.setdefault(name, {})[kind] = [[int(v.split(":")[0]), v.split(":")[1]] for v in values] if kind == "MX" else values
    for address, (zone, value) in LISTED.items():
        name = ipaddress.ip_address(address).reverse_pointer.removesuffix(".ip6.arpa")
        dns[f"{name}.{zone}"] = {"A": [value]}
    return dns
