/* What parameters change in replies: their codes and texts, and what becomes of trouble. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "tests/lib/option_pair.h"

#define UNLISTED "reject_unlisted_recipient"
#define BLOCKED  "Service unavailable; Client host [192.0.2.10] blocked using rbl.test; spam {here}"
#define RBL      "10.2.0.192.rbl.test A 127.0.0.2\n10.2.0.192.rbl.test TXT spam {here}\n"

static void
nameless(struct rule_world *w)
{
	rule_world_client(w, "unknown", "192.0.2.10");
}

static const struct option_case cases[] = {
	/* what replies look like */
	{ .option = { "soft_bounce", "no", "yes" },
	    .list = "reject",
	    .want = { PAIR_DENIED, "454 4.7.1 " PAIR_RCPT("Access denied") } },
	{ .option = { "show_user_unknown_table_name", "yes", "no" },
	    .list = "reject_unlisted_recipient",
	    .want = { "550 5.1.1 " PAIR_RCPT("User unknown in local recipient table"),
		"550 5.1.1 " PAIR_RCPT("User unknown") },
	    .more = { { "local_recipient_maps", "inline:{known=x}" } } },
	{ .option = { "smtpd_log_access_permit_actions", "", "ok" },
	    .list = "check_recipient_access inline:{r@local.example=OK}",
	    .want = { "ok", "ok" },
	    .log_b = "triggers OK" },

	/* codes */
	{ .option = { "access_map_reject_code", "554", "521" },
	    .list = "check_recipient_access inline:{r@local.example=REJECT}",
	    .want = { PAIR_DENIED, "521 5.7.1 " PAIR_RCPT("Access denied") } },
	{ .option = { "access_map_defer_code", "450", "421" },
	    .list = "check_recipient_access inline:{r@local.example=DEFER}",
	    .want = { "450 4.7.1 " PAIR_RCPT("Access denied"),
		"421 4.7.1 " PAIR_RCPT("Access denied") } },
	{ .option = { "access_map_defer_code", "450", "550" },
	    .list = "check_recipient_access inline:{r@local.example=DEFER_IF_PERMIT}, permit",
	    .want = { "450 4.7.1 " PAIR_RCPT("Service unavailable"),
		"550 5.7.1 " PAIR_RCPT("Service unavailable") } },
	{ .option = { "reject_code", "554", "550" },
	    .list = "reject",
	    .want = { PAIR_DENIED, "550 5.7.1 " PAIR_RCPT("Access denied") } },
	{ .option = { "defer_code", "450", "451" },
	    .list = "defer",
	    .want = { "450 4.3.2 " PAIR_RCPT("Try again later"),
		"451 4.3.2 " PAIR_RCPT("Try again later") } },
	{ .option = { "invalid_hostname_reject_code", "501", "550" },
	    .list = "reject_invalid_helo_hostname",
	    .want = { "501 5.5.2 <a..b>: Helo command rejected: Invalid name",
		"550 5.5.2 <a..b>: Helo command rejected: Invalid name" },
	    .helo = "a..b" },
	{ .option = { "non_fqdn_reject_code", "504", "450" },
	    .list = "reject_non_fqdn_helo_hostname",
	    .want = { "504 5.5.2 <a>: Helo command rejected: need fully-qualified hostname",
		"450 4.5.2 <a>: Helo command rejected: need fully-qualified hostname" },
	    .helo = "a" },
	{ .option = { "unknown_hostname_reject_code", "450", "550" },
	    .list = "reject_unknown_helo_hostname",
	    .want = { "450 4.7.1 <nx.test>: Helo command rejected: Host not found",
		"550 5.7.1 <nx.test>: Helo command rejected: Host not found" },
	    .helo = "nx.test",
	    .zone = "a.test A 192.0.2.1\n" },
	{ .option = { "maps_rbl_reject_code", "554", "450" },
	    .list = "reject_rbl_client rbl.test",
	    .want = { "554 5.7.1 " BLOCKED, "450 4.7.1 " BLOCKED },
	    .zone = RBL },
	{ .option = { "multi_recipient_bounce_reject_code", "550", "450" },
	    .list = "reject_multi_recipient_bounce",
	    .want = { "550 5.5.3 " PAIR_RCPT("Multi-recipient bounce"),
		"450 4.5.3 " PAIR_RCPT("Multi-recipient bounce") },
	    .sender = "",
	    .accepted = 1 },
	{ .option = { "plaintext_reject_code", "450", "550" },
	    .list = "reject_plaintext_session",
	    .want = { "450 4.7.1 Session encryption is required",
		"550 5.7.1 Session encryption is required" } },
	{ .option = { "relay_domains_reject_code", "554", "450" },
	    .list = "reject_unauth_destination",
	    .want = { "554 5.7.1 <u@far.example>: Relay access denied",
		"450 4.7.1 <u@far.example>: Relay access denied" },
	    .rcpt = "u@far.example" },
	{ .option = { "unknown_address_reject_code", "450", "550" },
	    .list = "reject_unknown_sender_domain",
	    .want = { "450 4.1.8 <s@nx.test>: Sender address rejected: Domain not found",
		"550 5.1.8 <s@nx.test>: Sender address rejected: Domain not found" },
	    .sender = "s@nx.test",
	    .zone = "a.test A 192.0.2.1\n" },
	{ .option = { "unknown_client_reject_code", "450", "550" },
	    .list = "reject_unknown_client_hostname",
	    .want = { "450 4.7.25 Client host rejected: cannot find your hostname, [192.0.2.10]",
		"550 5.7.25 Client host rejected: cannot find your hostname, [192.0.2.10]" },
	    .prepare = nameless },
	{ .option = { "unknown_local_recipient_reject_code", "550", "450" },
	    .list = UNLISTED,
	    .want = { "550 5.1.1 " PAIR_RCPT("User unknown in local recipient table"),
		"450 4.1.1 " PAIR_RCPT("User unknown in local recipient table") },
	    .more = { { "local_recipient_maps", "inline:{x=x}" } } },
	{ .option = { "unknown_relay_recipient_reject_code", "550", "450" },
	    .list = UNLISTED,
	    .want = { "550 5.1.1 <u@relay.example>: Recipient address rejected: User unknown in "
		      "relay "
		      "recipient table",
		"450 4.1.1 <u@relay.example>: Recipient address rejected: User unknown in relay "
		"recipient table" },
	    .rcpt = "u@relay.example",
	    .more = { { "relay_recipient_maps", "inline:{x@relay.example=x}" } } },
	{ .option = { "unknown_virtual_alias_reject_code", "550", "450" },
	    .list = UNLISTED,
	    .want = { "550 5.1.1 <u@valias.example>: Recipient address rejected: User unknown in "
		      "virtual "
		      "alias table",
		"450 4.1.1 <u@valias.example>: Recipient address rejected: User unknown in virtual "
		"alias table" },
	    .rcpt = "u@valias.example" },
	{ .option = { "unknown_virtual_mailbox_reject_code", "550", "450" },
	    .list = UNLISTED,
	    .want = { "550 5.1.1 <u@vmbox.example>: Recipient address rejected: User unknown in "
		      "virtual "
		      "mailbox table",
		"450 4.1.1 <u@vmbox.example>: Recipient address rejected: User unknown in virtual "
		"mailbox table" },
	    .rcpt = "u@vmbox.example",
	    .more = { { "virtual_mailbox_maps", "inline:{x@vmbox.example=x}" } } },

	/* what could not be found out: at once, or when nothing else refuses */
	{ .option = { "unknown_address_tempfail_action", "defer_if_permit", "defer" },
	    .list = "reject_unknown_sender_domain, reject",
	    .want = { PAIR_DENIED,
		"450 4.1.8 <s@trouble.test>: Sender address rejected: Domain not found" },
	    .sender = "s@trouble.test",
	    .zone = "trouble.test * SERVFAIL\n" },
	{ .option = { "unknown_helo_hostname_tempfail_action", "defer_if_permit", "defer" },
	    .list = "reject_unknown_helo_hostname, reject",
	    .want = { PAIR_DENIED,
		"450 4.7.1 <trouble.test>: Helo command rejected: Host not found" },
	    .helo = "trouble.test",
	    .zone = "trouble.test * SERVFAIL\n" },

	/* without anything that could ask, which is trouble too */
	{ .option = { "unverified_sender_tempfail_action", "defer_if_permit", "defer" },
	    .list = "reject_unverified_sender, reject",
	    .want = { PAIR_DENIED, "450 4.1.7 <s@from.example>: Sender address rejected: address "
				   "verification problem" } },
	{ .option = { "unverified_recipient_tempfail_action", "defer_if_permit", "defer" },
	    .list = "reject_unverified_recipient, reject",
	    .want = { PAIR_DENIED, "450 4.1.1 " PAIR_RCPT("address verification problem") } },

	/* DNS lists */
	{ .option = { "rbl_reply_maps", "",
	      "inline:{{rbl.test=521 4.7.9 $rbl_what $client is on $rbl_domain}}" },
	    .list = "reject_rbl_client rbl.test",
	    .want = { "554 5.7.1 " BLOCKED,
		"521 5.7.9 192.0.2.10 mail.good.example[192.0.2.10] is on rbl.test" },
	    .zone = RBL },
	{ .option = { "default_rbl_reply", "$rbl_code no $rbl_reason", "450 4.7.7 later" },
	    .list = "reject_rbl_client "
		    "rbl.test",
	    .want = { "554 5.7.1 no spam {here}", "450 4.7.7 later" },
	    .zone = RBL },
	{ .option = { "myhostname", "mx.test", "other.test" },
	    .list = "reject_rbl_client rbl.test",
	    .want = { "554 5.7.1 says mx.test", "554 5.7.1 says other.test" },
	    .more = { { "default_rbl_reply", "554 says $server_name" } },
	    .zone = RBL },
	{ .option = { "maps_rbl_domains", "", "rbl.test" },
	    .list = "reject_maps_rbl",
	    .want = { "dunno", "554 5.7.1 " BLOCKED },
	    .zone = RBL },
	{ .option = { "smtpd_expansion_filter", " abcdefghijklmnopqrstuvwxyz{}",
	      " abcdefghijklmnopqrstuvwxyz" },
	    .list = "reject_rbl_client rbl.test",
	    .want = { "554 5.7.1 spam {here}", "554 5.7.1 spam _here_" },
	    .more = { { "default_rbl_reply", "554 $rbl_reason" } },
	    .zone = RBL },

	/* A server that answers so refuses to answer. */
	{ .option = { "dnsbl_strict_postfix", "no", "yes" },
	    .list = "reject_rbl_client rbl.test",
	    .want = { "dunno",
		"554 5.7.1 Service unavailable; Client host [192.0.2.10] blocked using rbl.test" },
	    .zone = "10.2.0.192.rbl.test A 127.255.255.254\n" },
};

static void
test_codes(void **state)
{
	(void)state;
	option_pairs(cases, nitems(cases));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_codes),
	};

	return cmocka_run_group_tests(tests, rule_world_listen, rule_world_unlisten);
}
