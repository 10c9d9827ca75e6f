#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/xmem.h"
#include "conf/conf.h"
#include "conf/names.h"
#include "conf/param_row.h"
#include "tests/lib/findings.h"

#define L1 "listeners = { lmtp:127.0.0.1:10025"

static const struct {
	const char *text, *told; /* an error among them: nothing is loaded */
} finding_cases[] = {
	{ "", "" },
	{ "smtpd_timeout = 5m\n", "" },
	/* --- the four kinds of names --- */
	{ "smtpd_recipient_restrictions = permit\n", "" }, /* Postfix's */
	{ "smtpd_hide_client_session = yes\n", "" },       /* 3.10 */
	{ "cleanup_replace_stray_cr_lf = yes\n", "" },     /* 3.9 */
	{ "slow_destination_rate_delay = 1s\n", "" },
	{ "policy_time_limit = 3600\n", "" },
	{ "smtpd_restriction_classes = k1, k2\nk1 = permit\nk2 = reject\n", "" },
	{ "smtpd_restriction_classes = k1 ${more?{$more}}\nmore = k2, $k3s\nk3s = k3\n"
	  "k1 = permit\nk2 = reject\nk3 = k1\n",
	    "" }, /* named by names */
	{ "smtpd_restriction_classes = k1 ${more?{$more}}\nk1 = permit\nk2 = reject\n",
	    "error t:3: k2: is no parameter of filterd or Postfix, and nothing refers to it; "
	    "nearest: k1\n" },
	{ "a = 5m\nsmtpd_timeout = $a\n", "" },
	{ "a = 5m\nsmtpd_timeout = ${b?{$b}:{$a}}\n", "" },
	{ "virtual_alias_maps = ldap:virt\nvirt_server_host = h\n", "" },
	{ "virtual_alias_maps = { proxy:mysql:virtq }\nvirtq_frobnicated = h\n", "" },
	{ "virtual_alias_maps = ldap:/etc/x\n/etc/x_a = h\n",
	    "error t:2: found the name \"/etc/x_a\", expected letters, digits and _\n" },
	{ "virtual_alias_maps = hash:virtq\nvirtq_frobnicated = h\n", /* no such habit there */
	    "error t:2: virtq_frobnicated: is no parameter of filterd or Postfix, and nothing "
	    "refers to "
	    "it\n" },
	{ "smtpd_timout = 5m\n",
	    "error t:1: smtpd_timout: is no parameter of filterd or Postfix, and nothing refers to "
	    "it; nearest: smtpd_timeout\n" },
	{ "xyzzy_plugh_frobnitz = 1\n",
	    "error t:1: xyzzy_plugh_frobnitz: is no parameter of filterd or Postfix, and nothing "
	    "refers to it\n" },
	{ "slow_destination_rate_dely = 1s\n",
	    "error t:1: slow_destination_rate_dely: is no parameter of filterd or Postfix, and "
	    "nothing refers to it; nearest: default_destination_rate_delay\n" },
	{ "mesage_time_limit = 5s\n",
	    "warning t:1: mesage_time_limit: is taken for Postfix's SERVICE_time_limit and is not "
	    "used; nearest: message_time_limit\n" },
	/* --- references --- */
	{ "smtpd_timeout = $smtp_timeout\n",
	    "error t:1: smtpd_timeout: refers to $smtp_timeout, which nobody defines; nearest: "
	    "smtpd_timeout\n"
	    "error t:1: smtpd_timeout: found \"\", expected a time: a number and one of s m h d "
	    "w\n" },
	{ "allowed_clients = $mynetworks\n",
	    "error t:1: allowed_clients: refers to $mynetworks, whose default depends on the "
	    "machine: it must be set here\n" },
	{ "smtpd_banner = x $mail_version\n",
	    "error t:1: smtpd_banner: refers to $mail_version, whose default depends on the "
	    "machine: it must be set here\n" },
	{ "mynetworks = 127.0.0.0/8\nallowed_clients = $mynetworks\n", "" },
	{ "smtpd_banner = $mail_name $mydomain $mydestination\n", "" }, /* Postfix's defaults */
	{ "a = $b\nb = $a\n", "error t:1: a: refers to itself: $a -> $b -> $a\n"
			      "error t:2: b: refers to itself: $b -> $a -> $b\n" },
	{ "a = ${b\nsmtpd_banner = $a\n",
	    "error t:1: a: found \"${b\", expected a closing bracket\n" },
	{ "smtpd_banner = $a\nmail_name = $nobdy\na = $mail_name\n",
	    "error t:2: mail_name: refers to $nobdy, which nobody defines\n"
	    "error t:1: smtpd_banner: found \"\", expected a value that is not empty\n" },
	{ "smtpd_reject_footer = \\c $decision_id $anything ${x\n", "" }, /* expanded by its user */
	/* Postfix's own are not ours to expand: they have run-time names of their own. */
	{ "forward_path = $home/.forward${recipient_delimiter}${extension}\n", "" },
	/* --- values --- */
	{ "smtpd_timeout = 5q\n",
	    "error t:1: smtpd_timeout: found \"5q\", expected a time: a number and one of s m h d "
	    "w\n" },
	{ "soft_bounce = maybe\nworker_threads = 1\non_mixed = hodl\n", /* in the manual's order */
	    "error t:2: worker_threads: found \"1\", expected at least 2\n"
	    "error t:1: soft_bounce: found \"maybe\", expected yes or no\n"
	    "error t:3: on_mixed: found \"hodl\", expected one of: split strictest lenient hold "
	    "defer; nearest: hold\n" },
	{ "soft_bounce = yes\nsoft_bounce = no\n",
	    "warning t:2: soft_bounce: is set again and this value holds; the earlier one is at "
	    "t:1\n" },
	{ "next_hop =\n", "error t:1: next_hop: found \"\", expected a value that is not empty\n" },
	{ "smtpd_banner = a\x01"
	  "b $nobdy\x02\n",
	    "error t:1: smtpd_banner: refers to $nobdy, which nobody defines\n" },
	{ "smtpd_timeout = a\x01"
	  "b\n",
	    "error t:1: smtpd_timeout: found \"a?b\", expected a time: a number and one of s m h d "
	    "w\n" },
	{ "smtpd_forbid_bare_newline = yes\n",
	    "note t:1: smtpd_forbid_bare_newline: yes means normalize\n" },
	{ "smtpd_forbid_bare_newline = no\n" L1 " }\n",
	    "warning t:1: smtpd_forbid_bare_newline: no is taken for normalize: a line that ends "
	    "in LF "
	    "alone must not reach the next hop as it is\n" },
	{ "  a = b\n", "error t:1: found \"a = b\" behind white space, expected a line to go on "
		       "with: there is "
		       "none before it\n" },
	/* --- config_errors = postfix --- */
	{ "config_errors = postfix\nfoo = $bar\n",
	    "warning t:2: foo: is no parameter of filterd or Postfix, and nothing refers to it\n" },
	{ "config_errors = postfix\nsmtpd_banner = x $bar\n",
	    "warning t:2: smtpd_banner: refers to $bar, which nobody defines\n" },
	{ "  a\nconfig_errors = postfix\n",
	    "warning t:1: found \"a\" behind white space, expected a line to go on with: there is "
	    "none before it\n" },
	{ "config_errors = postfix\nsmtpd_timeout = x\n",
	    "error t:2: smtpd_timeout: found \"x\", expected a time: a number and one of s m h d "
	    "w\n" },
	{ "config_errors = postfix\n" L1 ", foo = 1 }\n",
	    "warning t:2: listeners: found \"foo\", expected name, role or the name of a "
	    "parameter\n" },
	{ "config_errors = lax\n",
	    "error t:1: config_errors: found \"lax\", expected one of: refuse postfix\n" },
	/* --- listeners --- */
	{ L1 " }\n", "" },
	{ L1 ", role = mta, name = x, next_hop = lmtp:unix:/x }\n", "" },
	{ L1 " smtpd_recipient_restrictions={permit_mynetworks, reject} }\n", "" },
	{ "listeners =\n  { smtp:127.0.0.1:1 }\n  # c\n  { smtp:127.0.0.1:2 }, x { "
	  "lmtp:127.0.0.1:3 }\n",
	    "error t:4: listeners: found \"x { lmtp:127.0.0.1:3 }\", expected { KIND:ENDPOINT, "
	    "NAME "
	    "= VALUE ... }\n" },
	{ "listeners = lmtp:127.0.0.1:10025\n",
	    "error t:1: listeners: found \"lmtp:127.0.0.1:10025\", expected { KIND:ENDPOINT, NAME "
	    "= "
	    "VALUE ... }\n" },
	{ L1 "\n",
	    "error t:1: listeners: found \"{ lmtp:127.0.0.1:10025\", expected a closing }\n" },
	{ "listeners = { }\n", "error t:1: listeners: found \"\", expected KIND:ENDPOINT as in "
			       "lmtp:127.0.0.1:10025\n" },
	{ "listeners = { lmtp }\n",
	    "error t:1: listeners: found \"lmtp\", expected KIND:ENDPOINT as in "
	    "lmtp:127.0.0.1:10025\n" },
	{ "listeners = { lmpt:127.0.0.1:1 }\n",
	    "error t:1: listeners: found kind \"lmpt\", expected smtp, lmtp, policy or milter; "
	    "nearest: lmtp\n" },
	{ "listeners = { averyveryverylongkind:127.0.0.1:1 }\n",
	    "error t:1: listeners: found kind \"averyveryverylo\", expected smtp, lmtp, policy "
	    "or milter\n" },
	{ "listeners = { lmtp:127.0.0.1 }\n",
	    "error t:1: listeners: \"lmtp:127.0.0.1\": must end in :PORT\n" },
	{ "listeners = { lmtp:::1:25 }\n",
	    "error t:1: listeners: \"lmtp:::1:25\": an IPv6 address must stand in [ ]\n" },
	{ "listeners = { lmtp:unix:x }\n",
	    "error t:1: listeners: \"lmtp:unix:x\": must be unix:/PATH, an absolute path\n" },
	{ L1 ", role = before }\n",
	    "error t:1: listeners: role: found \"before\", expected after_queue, before_queue or "
	    "mta\n" },
	{ L1 ", role = after_queu }\n", "error t:1: listeners: role: found \"after_queu\", "
					"expected after_queue, before_queue or "
					"mta; nearest: after_queue\n" },
	{ L1 ",\n   nxt_hop = smtp:x }\n", "error t:2: listeners: found \"nxt_hop\", expected "
					   "name, role or the name of a parameter; "
					   "nearest: next_hop\n" },
	{ L1 ", rol = mta }\n",
	    "error t:1: listeners: found \"rol\", expected name, role or the name of a parameter; "
	    "nearest: role\n" },
	{ L1 ", log_to = stderr, worker_threads = 4 }\n",
	    "error t:1: listeners: log_to: has one value for all of filterd and must be set "
	    "outside "
	    "the listeners\n"
	    "error t:1: listeners: worker_threads: has one value for all of filterd and must be "
	    "set "
	    "outside the listeners\n" },
	{ L1 ", name = a, name = b, smtpd_timeout = 1s smtpd_timeout = 2s }\n",
	    "error t:1: listeners: name: must be set only once in a listener\n"
	    "error t:1: listeners: smtpd_timeout: must be set only once in a listener\n" },
	{ L1 ", name = {} }\n", "error t:1: listeners: name: must not be empty\n" },
	{ L1 " smtpd_timeout }\n",
	    "error t:1: listeners: found \"smtpd_timeout \", expected NAME = VALUE\n" },
	{ L1 " { smtpd_timeout } }\n",
	    "error t:1: listeners: found \"smtpd_timeout \", expected NAME = VALUE\n" },
	{ L1 ", smtpd_timeout = }\n", "error t:1: smtpd_timeout: found \"\", expected a time: a "
				      "number and one of s m h d w\n" },
	{ L1 ", smtpd_timeout = 2h }\n",
	    "error t:1: smtpd_timeout: found \"2h\", expected at most 1h\n" },
	{ L1 " } { smtp:127.0.0.1:10025 }\n",
	    "error t:1: listeners: 127.0.0.1:10025: is the endpoint of the listener at line 1 "
	    "already\n" },
	{ L1 ", name = a }\n\t{ smtp:127.0.0.1:2, name = a }\n",
	    "error t:2: listeners: name \"a\": is the name of the listener at line 1 already\n" },
	{ "x = 127.0.0.1\nlisteners = { lmtp:$x:1, name = n$y }\ny = 2\n", "" },
	{ "listeners = { lmtp:$x:1 }\n",
	    "error t:1: listeners: refers to $x, which nobody defines\n"
	    "error t:1: listeners: \"lmtp::1\": a host must have 1 to 255 characters\n" },
	/* a value of the file that is bad only with a listener's own setting is told where it
	   stands */
	{ "x = 5\nsmtpd_timeout = ${x}s\n" L1 ", x = y }\n",
	    "error t:2: smtpd_timeout: found \"ys\", expected a time: a number and one of s m h d "
	    "w\n" },
	/* --- an open relay by way of the next hop (PITFALLS B3) --- */
	{ "allowed_clients = 0.0.0.0/0\nlisteners = { smtp:0.0.0.0:25 }\n",
	    "error t:2: listener 0.0.0.0:25: listens on all addresses and allowed_clients names "
	    "everybody, so all the Internet can relay through the next hop; name the clients, or "
	    "set "
	    "allow_open_reinjection = yes\n" },
	{ "listeners = { smtp:[::]:25, { allowed_clients = !10.0.0.0/8, [::]/0 } }\n",
	    "error t:1: listener [::]:25: listens on all addresses and allowed_clients names "
	    "everybody, so all the Internet can relay through the next hop; name the clients, or "
	    "set "
	    "allow_open_reinjection = yes\n" },
	{ "listeners = { smtp:*:25, { allowed_clients = 0.0.0.0/1 128.0.0.0/1 }, name = n }\n",
	    "error t:1: listener n: listens on all addresses and allowed_clients names "
	    "everybody, so all the Internet can relay through the next hop; name the clients, or "
	    "set "
	    "allow_open_reinjection = yes\n" },
	{ "allowed_clients = 0.0.0.0/0\nallow_open_reinjection = yes\nlisteners = { "
	  "smtp:0.0.0.0:25 }\n",
	    "" },
	{ "allowed_clients = 0.0.0.0/0\nlisteners = { smtp:0.0.0.0:25 allow_open_reinjection=yes "
	  "}\n",
	    "" },
	{ "allowed_clients = 0.0.0.0/0\nlisteners = { smtp:192.0.2.1:25 }\n",
	    "warning t:2: listener 192.0.2.1:25: allowed_clients names everybody, so whoever "
	    "reaches "
	    "this address can relay through the next hop\n" },
	{ "allowed_clients = ::ffff:0.0.0.0/96\nlisteners = { smtp:192.0.2.1:25 }\n",
	    "warning t:2: listener 192.0.2.1:25: allowed_clients names everybody, so whoever "
	    "reaches "
	    "this address can relay through the next hop\n" },
	{ "allowed_clients = 0.0.0.0/0\nlisteners = { smtp:127.0.0.1:25 } { lmtp:[::1]:26 } { "
	  "lmtp:unix:/x } { smtp:localhost:27 }\n",
	    "" },
	{ "allowed_clients = 10.0.0.0/8\nlisteners = { smtp:0.0.0.0:25 }\n", "" },
	/* An MTA is believed what it says (PITFALLS B5); who asks for a policy gets but an answer.
	 */
	{ "allowed_clients = 0.0.0.0/0\nlisteners = { milter:0.0.0.0:25 } { policy:0.0.0.0:26 } { "
	  "milter:unix:/x }\n",
	    "warning t:2: listener 0.0.0.0:25: allowed_clients names everybody, so whoever reaches "
	    "this "
	    "address is believed what it says of clients and logins, and can fill the hold "
	    "store\n" },
};

static void
test_findings(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(finding_cases); i++) {
		struct buf told = { 0 };
		struct conf *c = findings_load(finding_cases[i].text, &told);

		assert_string_equal(buf_cstr(&told), finding_cases[i].told);
		assert_int_equal(c == NULL, strstr(finding_cases[i].told, "error t:") != NULL);
		conf_free(c);
		buf_fini(&told);
	}
}

/* Load what must be fine. */
static struct conf *
load(const char *text)
{
	struct buf told = { 0 };
	struct conf *c = findings_load(text, &told);

	assert_string_equal(buf_cstr(&told), "");
	assert_non_null(c);
	buf_fini(&told);
	return c;
}

static void
test_listeners(void **state)
{
	struct conf *c = load("allowed_clients = 10.0.0.0/8\n"
			      "smtpd_timeout = 2m\n"
			      "listeners =\n"
			      "  { lmtp:127.0.0.1:10025 }\n"
			      "# between\n"
			      "  { smtp:[::1]:10025, role = mta\n"
			      "    name=six smtpd_timeout=90s,\n"
			      "    { allowed_clients = [::1], unix } },\n"
			      "  {lmtp:inet:localhost:24,role=before_queue,message_size_limit=5m}\n"
			      "  { lmtp:unix:/run/x socket_mode = 0600 smtpd_banner = { a b } }\n"
			      "  { smtp:127.0.0.1:26 role=mta myhostname=mx.example.org }\n");
	const struct conf_listener *l;

	(void)state;
	assert_int_equal(conf_listener_count(c), 5);
	l = conf_listener(c, 0);
	assert_int_equal(l->kind, LISTENER_LMTP);
	assert_int_equal(l->role, ROLE_AFTER_QUEUE);
	assert_string_equal(l->name, "127.0.0.1:10025");
	assert_string_equal(l->file, "t");
	assert_int_equal(l->line, 4);
	assert_int_equal(l->params->smtpd_timeout, 120000);
	assert_int_equal(l->params->message_size_limit, 0);
	assert_int_equal(l->params->smtpd_hard_error_limit, 0);
	/* a default that refers to another parameter follows it */
	assert_string_equal(l->params->smtpd_authorized_xforward_hosts, "10.0.0.0/8");
	l = conf_listener(c, 1);
	assert_int_equal(l->kind, LISTENER_SMTP);
	assert_int_equal(l->role, ROLE_MTA);
	assert_string_equal(l->name, "six");
	assert_int_equal(l->line, 6);
	assert_string_equal(l->endpoint.host, "::1");
	assert_int_equal(l->params->smtpd_timeout, 90000);
	assert_string_equal(l->params->allowed_clients, "[::1], unix");
	assert_string_equal(l->params->smtpd_authorized_xforward_hosts, "");
	assert_int_equal(l->params->message_size_limit, 10240000);
	assert_int_equal(l->params->smtpd_hard_error_limit, 20);
	assert_int_equal(l->params->smtpd_junk_command_limit, 100);
	assert_int_equal(l->params->smtpd_client_connection_count_limit, 50);
	assert_string_equal(
	    l->params->message_drop_headers, "bcc, content-length, resent-bcc, return-path");
	l = conf_listener(c, 2);
	assert_int_equal(l->role, ROLE_BEFORE_QUEUE);
	assert_string_equal(l->endpoint.host, "localhost");
	assert_string_equal(l->endpoint.port, "24");
	assert_int_equal(l->params->message_size_limit, 5242880);
	assert_string_equal(l->params->message_drop_headers, "");
	l = conf_listener(c, 3);
	assert_string_equal(l->name, "unix:/run/x");
	assert_string_equal(l->endpoint.path, "/run/x");
	assert_string_equal(l->params->socket_mode, "0600");
	assert_string_equal(l->params->smtpd_banner, "a b");
	l = conf_listener(c, 4);
	assert_string_equal(l->params->service_name, "filterd.mx.example.org");
	assert_string_equal(l->params->smtpd_banner, "filterd.mx.example.org ESMTP");
	/* the file's own values are untouched */
	assert_int_equal(conf_params(c)->smtpd_timeout, 120000);
	conf_free(c);
}

/* In a role whose own default differs, the file's value still wins. */
static void
test_role_and_file(void **state)
{
	struct conf *c = load(
	    "message_size_limit = 1k\nsmtpd_forbid_bare_newline = reject\n" L1 ", role = mta }\n");

	(void)state;
	assert_int_equal(conf_listener(c, 0)->params->message_size_limit, 1024);
	assert_int_equal(conf_listener(c, 0)->params->smtpd_forbid_bare_newline, 1);
	conf_free(c);
}

static void
test_host(void **state)
{
	char name[256] = "";
	const char *dot;
	struct conf *c = load("");
	const struct params *p = conf_params(c);

	(void)state;
	assert_int_equal(gethostname(name, sizeof(name) - 1), 0);
	assert_int_equal(strncmp(p->myhostname, name, strlen(name)), 0);
	assert_non_null(dot = strchr(p->myhostname, '.'));
	assert_true(dot[1] != '\0');
	conf_free(c);
	c = load("myhostname = a.example.net\nsmtpd_banner = $mydomain\n");
	assert_string_equal(conf_params(c)->smtpd_banner, "example.net");
	assert_string_equal(conf_params(c)->service_name, "filterd.a.example.net");
	conf_free(c);
	c = load("mydomain = d.example\nsmtpd_banner = $mydomain\n");
	assert_string_equal(conf_params(c)->smtpd_banner, "d.example");
	conf_free(c);
}

static void
test_bare_newline_words(void **state)
{
	static const char *const texts[] = { "smtpd_forbid_bare_newline = yes\n",
		"smtpd_forbid_bare_newline = no\n" };

	(void)state;
	for (size_t i = 0; i < nitems(texts); i++) {
		struct buf told = { 0 };
		struct conf *c = findings_load(texts[i], &told);

		assert_non_null(c);
		assert_int_equal(conf_params(c)->smtpd_forbid_bare_newline, 0);
		conf_free(c);
		buf_fini(&told);
	}
}

static void
test_where(void **state)
{
	struct buf told = { 0 };
	struct conf *c = findings_load("a = 1\n\nsmtpd_timeout = ${a}m\nsmtpd_timeout=2m\n", &told);
	const char *file = "x";

	(void)state;
	assert_non_null(c);
	assert_string_equal(conf_path(c), "t");
	assert_int_equal(conf_where(c, "smtpd_timeout", &file), 4);
	assert_string_equal(file, "t");
	assert_int_equal(conf_where(c, "hopcount_limit", &file), 0);
	assert_null(file);
	conf_free(c);
	buf_fini(&told);
}

static void
test_where_in(void **state)
{
	struct buf told = { 0 };
	struct conf *c = findings_load("smtpd_timeout = 1m\nlisteners = { smtp:127.0.0.1:1 }\n"
				       " { smtp:127.0.0.1:2,\n   smtpd_timeout = 2m }\n",
	    &told);
	const char *file = "x";

	(void)state;
	assert_non_null(c);
	assert_int_equal(conf_where_in(c, conf_listener(c, 0), "smtpd_timeout", &file), 1);
	assert_string_equal(file, "t");
	assert_int_equal(conf_where_in(c, conf_listener(c, 1), "smtpd_timeout", &file), 4);
	assert_string_equal(file, "t");
	assert_int_equal(conf_where_in(c, conf_listener(c, 1), "hopcount_limit", &file), 0);
	assert_null(file);
	conf_free(c);
	buf_fini(&told);
}

static void
add_unused(void *arg, const char *name, const char *file, int line)
{
	buf_printf(arg, "%s %s:%d;", name, file, line);
}

static void
test_unused(void **state)
{
	struct buf b = { 0 };
	struct conf *c =
	    load("smtpd_timeout = 1m\nalias_database = hash:/x\nfoo_time_limit = 5\n"
		 "a = 1\nmail_name = $a\n" L1 ",\n  smtpd_etrn_restrictions = permit }\n");

	(void)state;
	conf_unused_each(c, add_unused, &b);
	assert_string_equal(buf_cstr(&b),
	    "alias_database t:2;foo_time_limit t:3;mail_name t:5;smtpd_etrn_restrictions t:7;");
	conf_free(c);
	buf_fini(&b);
}

static char *
printed(const struct conf *c, enum conf_show show, const char *names, int want_rc)
{
	char *out = NULL, *err = NULL, *copy = xstrdup(names), *save = NULL;
	char *name[8];
	size_t out_len, err_len, n = 0;
	FILE *o = open_memstream(&out, &out_len), *e = open_memstream(&err, &err_len);
	char *both;

	for (char *w = strtok_r(copy, " ", &save); w != NULL && n < nitems(name);
	     w = strtok_r(NULL, " ", &save))
		name[n++] = w;
	assert_int_equal(
	    conf_print(c, &(struct conf_view){ .show = show }, name, n, o, e), want_rc);
	fclose(o);
	fclose(e);
	both = xasprintf("%s%s", out, err);
	free(out);
	free(err);
	free(copy);
	return both;
}

static const struct {
	enum conf_show show;
	const char *names;
	int rc;
	const char *want;
} print_cases[] = {
	{ CONF_SHOW_SET, "", 0,
	    "alias_database = hash:/x\nb = 1\nheader_checks =\nlisteners = { lmtp:127.0.0.1:10025 "
	    "name "
	    "= x "
	    "}\nsmtpd_timeout = ${b}m\n" },
	{ CONF_SHOW_ALL, "smtpd_timeout hopcount_limit body_checks b", 0,
	    "smtpd_timeout = ${b}m\nhopcount_limit = 50\nbody_checks =\nb = 1\n" },
	{ CONF_SHOW_DEFAULTS, "smtpd_timeout service_name", 0,
	    "smtpd_timeout = 300s\nservice_name = filterd.$myhostname\n" },
	{ CONF_SHOW_SET, "smtpd_timeout hopcount_limit", 0, "smtpd_timeout = ${b}m\n" },
	/* Postfix's: what the file says, or Postfix's default */
	{ CONF_SHOW_ALL, "alias_database sendmail_path", 0,
	    "alias_database = hash:/x\nsendmail_path = /usr/sbin/sendmail\n" },
	{ CONF_SHOW_ALL, "smtpd_timout hopcount_limit", -1,
	    "hopcount_limit = 50\nsmtpd_timout: unknown parameter; nearest: smtpd_timeout\n" },
	{ CONF_SHOW_DEFAULTS, "b", -1, "b: unknown parameter; nearest: b\n" },
	{ CONF_SHOW_SET, "xyzzy_plugh_frobnitz", -1, "xyzzy_plugh_frobnitz: unknown parameter\n" },
};

static void
test_print(void **state)
{
	struct conf *c =
	    load("smtpd_timeout = ${b}m\nb = 1\nalias_database = hash:/x\nheader_checks =\n"
		 "listeners =\n  { lmtp:127.0.0.1:10025\n name = x }\n");
	char *got;

	(void)state;
	for (size_t i = 0; i < nitems(print_cases); i++) {
		got = printed(c, print_cases[i].show, print_cases[i].names, print_cases[i].rc);
		assert_string_equal(got, print_cases[i].want);
		free(got);
	}
	/* All: every parameter of ours once and in order, and what the file sets. */
	got = printed(c, CONF_SHOW_ALL, "", 0);
	for (size_t i = 0; i < param_row_count(); i++) {
		char *line = xasprintf("\n%s =", param_row_at(i)->name);

		assert_true(
		    strstr(got, line) != NULL || strncmp(got, line + 1, strlen(line) - 1) == 0);
		free(line);
	}
	assert_non_null(strstr(got, "\nalias_database = hash:/x\n"));
	free(got);
	got = printed(c, CONF_SHOW_DEFAULTS, "", 0);
	assert_null(strstr(got, "alias_database"));
	free(got);
	conf_free(c);
}

static void
test_load_file(void **state)
{
	char path[] = "/tmp/test_conf.XXXXXX";
	int fd = mkstemp(path);
	struct buf told = { 0 }, want = { 0 };
	struct conf *c;

	(void)state;
	assert_int_equal(write(fd, "soft_bounce = yes\nfoo = 1\n", 26), 26);
	close(fd);
	c = conf_load(path, findings_add, &told);
	assert_null(c);
	buf_printf(&want,
	    "error %s:2: foo: is no parameter of filterd or Postfix, and nothing refers to it\n",
	    path);
	assert_string_equal(buf_cstr(&told), buf_cstr(&want));
	assert_int_equal(truncate(path, 18), 0);
	c = conf_load(path, findings_add, &told);
	assert_non_null(c);
	assert_string_equal(conf_path(c), path);
	assert_int_equal(conf_params(c)->soft_bounce, 1);
	conf_free(c);
	unlink(path);
	assert_null(conf_load(path, NULL, NULL));
	buf_fini(&told);
	buf_fini(&want);
}

/* bsearch(3) needs the order, and what is used must not be in two minds. */
static void
test_postfix_names(void **state)
{
	static const char *const known[] = { "2bounce_notice_recipient", "alias_maps", "mynetworks",
		"virtual_uid_maps", "xx", "smtp_tlsrpt_enable", "tls_required_enable",
		"force_mime_input_conversion", "smtpd_client_ipv6_prefix_length" };
	const char *last = "", *def;
	size_t n = 0;

	(void)state;
#define N(name, def)                                                                               \
	assert_true(strcmp(last, #name) < 0);                                                      \
	last = #name;                                                                              \
	n++;
#include "conf/postfix_names.def"
#undef N
	assert_true(n > 800);
	for (size_t i = 0; i < nitems(known); i++)
		assert_int_equal(postfix_name_find(known[i], &def), strcmp(known[i], "xx") != 0);
	/* All that is not marked as ours is Postfix's. */
	for (size_t i = 0; i < param_row_count(); i++) {
		const struct param_row *row = param_row_at(i);

		/* A name that Postfix has for reading only: nobody sets it there. */
		if (strcmp(row->name, "service_name") == 0)
			continue;
		if (postfix_name_find(row->name, &def) != !(row->flags & PF_OURS))
			fail_msg("%s: PF_OURS and postfix_names.def disagree", row->name);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_findings),
		cmocka_unit_test(test_listeners),
		cmocka_unit_test(test_role_and_file),
		cmocka_unit_test(test_host),
		cmocka_unit_test(test_bare_newline_words),
		cmocka_unit_test(test_where),
		cmocka_unit_test(test_where_in),
		cmocka_unit_test(test_unused),
		cmocka_unit_test(test_print),
		cmocka_unit_test(test_load_file),
		cmocka_unit_test(test_postfix_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
