/* What parameters change that say who and what is ours, and how addresses are read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "tests/lib/option_pair.h"

#define AUTH        "permit_auth_destination, defer"
#define NOT_OURS(a) "450 4.3.2 <" a ">: Recipient address rejected: Try again later"
#define UNLISTED    "reject_unlisted_recipient"
/* Whom the address is of, after it has been read. */
#define REWRITTEN "check_recipient_access inline:{far.example=REJECT,local.example=DEFER}"

static void
logged_in(struct rule_world *w)
{
	snprintf(w->client.login, sizeof(w->client.login), "ann");
	snprintf(w->client.login_method, sizeof(w->client.login_method), "plain");
}

static void
with_cert(struct rule_world *w)
{
	w->client.tls = &w->tls;
	w->tls.protocol = "TLSv1.3";
	w->tls.ccert_fingerprint = "AA:BB";
}

static void
neighbour(struct rule_world *w)
{
	rule_world_client(w, "a.test", "127.0.0.2");
	w->peer = w->client;
}

static const char *
first_prepended(struct rule_world *w)
{
	(void)rule_world_ask(w, RULE_RCPT);
	return w->txn.verdict.prepends.n == 0 ? "none" : w->txn.verdict.prepends.v[0].arg;
}

static const struct option_case cases[] = {
	/* who and what is ours */
	{ .option = { "mydomain", "example", "test" },
	    .list = AUTH,
	    .want = { "ok", NOT_OURS("u@local") },
	    .rcpt = "u@local",
	    .more = { { "append_dot_mydomain", "yes" } } },
	{ .option = { "append_dot_mydomain", "yes", "no" },
	    .list = AUTH,
	    .want = { "ok", NOT_OURS("u@local") },
	    .rcpt = "u@local",
	    .more = { { "mydomain", "example" } } },
	{ .option = { "myorigin", "local.example", "elsewhere.example" },
	    .list = AUTH,
	    .want = { "ok", NOT_OURS("u") },
	    .rcpt = "u" },
	{ .option = { "mynetworks", "192.0.2.0/24", "" },
	    .list = "permit_mynetworks, reject",
	    .want = { "ok", PAIR_DENIED } },
	{ .option = { "mynetworks_style", "class", "host" },
	    .list = "permit_mynetworks, reject",
	    .want = { "ok", PAIR_DENIED },
	    .more = { { "mynetworks", NULL } },
	    .prepare = neighbour },
	{ .option = { "inet_interfaces", "127.0.0.1, 127.0.0.2", "127.0.0.1" },
	    .list = "permit_inet_interfaces, reject",
	    .want = { "ok", PAIR_DENIED },
	    .prepare = neighbour },
	{ .option = { "proxy_interfaces", "192.0.2.99", "" },
	    .list = AUTH,
	    .want = { "ok", NOT_OURS("u@[192.0.2.99]") },
	    .rcpt = "u@[192.0.2.99]" },
	{ .option = { "inet_protocols", "all", "ipv4" },
	    .list = "check_sender_a_access inline:{2001:db8::1=REJECT}",
	    .want = { "554 5.7.1 <s@six.test>: Sender address rejected: Access denied", "dunno" },
	    .sender = "s@six.test",
	    .zone = "six.test AAAA 2001:db8::1\n" },
	{ .option = { "mydestination", "here.example", "" },
	    .list = AUTH,
	    .want = { "ok", NOT_OURS("u@here.example") },
	    .rcpt = "u@here.example" },
	{ .option = { "relay_domains", "here.example", "" },
	    .list = AUTH,
	    .want = { "ok", NOT_OURS("u@here.example") },
	    .rcpt = "u@here.example" },
	{ .option = { "virtual_alias_domains", "here.example", "" },
	    .list = AUTH,
	    .want = { "ok", NOT_OURS("u@here.example") },
	    .rcpt = "u@here.example" },
	{ .option = { "virtual_mailbox_domains", "here.example", "" },
	    .list = AUTH,
	    .want = { "ok", NOT_OURS("u@here.example") },
	    .rcpt = "u@here.example" },
	{ .option = { "permit_mx_backup_networks", "192.0.2.0/24", "198.51.100.0/24" },
	    .list = "permit_mx_backup, reject_unauth_destination",
	    .want = { "ok", "554 5.7.1 <u@backup.test>: Relay access denied" },
	    .rcpt = "u@backup.test",
	    .zone = "backup.test MX 10 best.test\nbackup.test MX 20 mx.test\n"
		    "best.test A 192.0.2.9\nmx.test A 127.0.0.1\n" },
	{ .option = { "virtual_alias_maps", "inline:{u@valias.example=x@y.test}", "" },
	    .list = UNLISTED,
	    .want = { "dunno",
		"550 5.1.1 <u@valias.example>: Recipient address rejected: User unknown in virtual "
		"alias table" },
	    .rcpt = "u@valias.example" },
	{ .option = { "virtual_mailbox_maps", "inline:{x@vmbox.example=x}", "" },
	    .list = UNLISTED,
	    .want = { "550 5.1.1 <u@vmbox.example>: Recipient address rejected: User unknown in "
		      "virtual "
		      "mailbox table",
		"dunno" },
	    .rcpt = "u@vmbox.example" },
	{ .option = { "local_recipient_maps", "inline:{x=x}", "" },
	    .list = UNLISTED,
	    .want = { "550 5.1.1 " PAIR_RCPT("User unknown in local recipient table"), "dunno" } },
	{ .option = { "relay_recipient_maps", "inline:{x@relay.example=x}", "" },
	    .list = UNLISTED,
	    .want = { "550 5.1.1 <u@relay.example>: Recipient address rejected: User unknown in "
		      "relay "
		      "recipient table",
		"dunno" },
	    .rcpt = "u@relay.example" },
	{ .option = { "transport_maps", "inline:{{local.example=error:5.1.2 gone}}", "" },
	    .list = UNLISTED,
	    .want = { "550 5.1.2 " PAIR_RCPT("gone"), "dunno" } },

	/* whom a table rewrites is not unknown */
	{ .option = { "canonical_maps", "inline:{r@local.example=a@b.test}", "" },
	    .list = UNLISTED,
	    .want = { "dunno", "550 5.1.1 " PAIR_RCPT("User unknown in local recipient table") },
	    .more = { { "local_recipient_maps", "inline:{x=x}" } } },
	{ .option = { "recipient_canonical_maps", "inline:{r@local.example=a@b.test}", "" },
	    .list = UNLISTED,
	    .want = { "dunno", "550 5.1.1 " PAIR_RCPT("User unknown in local recipient table") },
	    .more = { { "local_recipient_maps", "inline:{x=x}" } } },
	{ .option = { "sender_canonical_maps", "inline:{s@local.example=a@b.test}", "" },
	    .list = "reject_unlisted_sender",
	    .want = { "dunno",
		"550 5.1.0 <s@local.example>: Sender address rejected: User unknown in local "
		"recipient table" },
	    .sender = "s@local.example",
	    .more = { { "local_recipient_maps", "inline:{x=x}" } } },

	/* our own bounces' sender is always known */
	{ .option = { "double_bounce_sender", "r", "double-bounce" },
	    .list = UNLISTED,
	    .want = { "dunno", "550 5.1.1 " PAIR_RCPT("User unknown in local recipient table") },
	    .more = { { "local_recipient_maps", "inline:{x=x}" } } },
	{ .option = { "smtpd_sender_login_maps", "inline:{s@from.example=joe}",
	      "inline:{s@from.example=ann}" },
	    .list = "reject_authenticated_sender_login_mismatch",
	    .want = { "553 5.7.1 <s@from.example>: Sender address rejected: not owned by user ann",
		"dunno" },
	    .prepare = logged_in },
	{ .option = { "relay_clientcerts", "inline:{AA:BB=x}", "" },
	    .list = "permit_tls_clientcerts, reject",
	    .want = { "ok", PAIR_DENIED },
	    .prepare = with_cert },

	/* addresses */
	{ .option = { "allow_percent_hack", "yes", "no" },
	    .list = REWRITTEN,
	    .want = { "554 5.7.1 <"
		      "u%far.example@local.example"
		      ">: Recipient address rejected: Access denied",
		"450 4.7.1 <"
		"u%far.example@local.example"
		">: Recipient address rejected: Access denied" },
	    .rcpt = "u%far.example@local.example" },
	{ .option = { "swap_bangpath", "yes", "no" },
	    .list = REWRITTEN,
	    .want = { "554 5.7.1 <"
		      "far.example!u@local.example"
		      ">: Recipient address rejected: Access denied",
		"450 4.7.1 <"
		"far.example!u@local.example"
		">: Recipient address rejected: Access denied" },
	    .rcpt = "far.example!u@local.example" },
	{ .option = { "resolve_dequoted_address", "yes", "no" },
	    .list = REWRITTEN,
	    .want = { "554 5.7.1 <"
		      "u@far.example@local.example"
		      ">: Recipient address rejected: Access denied",
		"450 4.7.1 <"
		"u@far.example@local.example"
		">: Recipient address rejected: Access denied" },
	    .rcpt = "\"u@far.example\"@local.example" },
	{ .option = { "resolve_numeric_domain", "yes", "no" },
	    .list = AUTH,
	    .want = { "ok", NOT_OURS("u%127.0.0.1@local.example") },
	    .rcpt = "u%127.0.0.1@local.example" },
	{ .option = { "resolve_null_domain", "yes", "no" },
	    .list = AUTH,
	    .want = { "ok", NOT_OURS("u%@local.example") },
	    .rcpt = "u%@local.example" },
	{ .option = { "allow_min_user", "yes", "no" },
	    .list = AUTH,
	    .want = { "ok", NOT_OURS("-u@local.example") },
	    .rcpt = "-u@local.example" },
	/* what a rule may put in front of a message */
	{ .option = { "message_drop_headers", "", "bcc, x-a" },
	    .list = "check_recipient_access inline:{{r@local.example = PREPEND X-A: 1}}, permit",
	    .want = { "X-A: 1", "none" },
	    .ask = first_prepended },
};

static void
test_ours(void **state)
{
	(void)state;
	option_pairs(cases, nitems(cases));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ours),
	};

	return cmocka_run_group_tests(tests, rule_world_listen, rule_world_unlisten);
}
