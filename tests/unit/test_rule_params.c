#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/attr.h"
#include "conf/conf.h"
#include "engine/rule_params.h"
#include "rules/rules.h"
#include "tests/lib/findings.h"

/* Each option has the value of the parameter with its name: a text, a number, a switch. */
static const struct {
	const char *name, *value;
	size_t offset;
	char kind; /* t, n, s */
} option_cases[] = {
#define T(name, value) #name, value, offsetof(struct rule_options, name), 't'
#define L(id, name)    #name, #name, offsetof(struct rule_options, lists[id]), 't'
#define N(name, value) #name, #value, offsetof(struct rule_options, name), 'n'
#define S(name, value) #name, value, offsetof(struct rule_options, name), 's'
	{ L(LIST_CLIENT, smtpd_client_restrictions) },
	{ L(LIST_HELO, smtpd_helo_restrictions) },
	{ L(LIST_SENDER, smtpd_sender_restrictions) },
	{ L(LIST_RELAY, smtpd_relay_restrictions) },
	{ L(LIST_RECIPIENT, smtpd_recipient_restrictions) },
	{ L(LIST_DATA, smtpd_data_restrictions) },
	{ L(LIST_END_OF_DATA, smtpd_end_of_data_restrictions) },
	{ L(LIST_CONTENT, content_restrictions) },
	{ T(smtpd_restriction_classes, "a1") },
	{ S(dnsbl_strict_postfix, "yes") },
	{ S(smtpd_delay_reject, "no") },
	{ S(smtpd_relay_before_recipient_restrictions, "no") },
	{ S(smtpd_reject_unlisted_recipient, "no") },
	{ S(smtpd_reject_unlisted_sender, "yes") },
	{ S(soft_bounce, "yes") },
	{ S(show_user_unknown_table_name, "no") },
	{ S(allow_untrusted_routing, "yes") },
	{ S(smtpd_sasl_auth_enable, "yes") },
	{ T(smtpd_null_access_lookup_key, "a2") },
	{ T(parent_domain_matches_subdomains, "a3") },
	{ T(recipient_delimiter, "a4") },
	{ T(myhostname, "a5.b.example") },
	{ T(mydomain, "a6") },
	{ T(myorigin, "a7") },
	{ T(mynetworks, "a8") },
	{ T(mynetworks_style, "class") },
	{ T(inet_interfaces, "a9") },
	{ T(proxy_interfaces, "b1") },
	{ T(inet_protocols, "ipv6") },
	{ T(mydestination, "b2") },
	{ T(relay_domains, "b3") },
	{ T(permit_mx_backup_networks, "b4") },
	{ T(virtual_alias_domains, "b5") },
	{ T(virtual_alias_maps, "b6") },
	{ T(virtual_mailbox_domains, "b7") },
	{ T(virtual_mailbox_maps, "b8") },
	{ T(local_recipient_maps, "b9") },
	{ T(relay_recipient_maps, "c1") },
	{ T(transport_maps, "c2") },
	{ T(canonical_maps, "c3") },
	{ T(recipient_canonical_maps, "c4") },
	{ T(sender_canonical_maps, "c5") },
	{ T(smtpd_sender_login_maps, "c6") },
	{ T(relay_clientcerts, "e1") },
	{ T(double_bounce_sender, "c7") },
	{ S(allow_percent_hack, "no") },
	{ S(swap_bangpath, "no") },
	{ S(resolve_numeric_domain, "yes") },
	{ S(resolve_dequoted_address, "no") },
	{ S(resolve_null_domain, "yes") },
	{ S(append_dot_mydomain, "yes") },
	{ S(allow_min_user, "yes") },
	{ N(access_map_reject_code, 501) },
	{ N(access_map_defer_code, 502) },
	{ N(reject_code, 503) },
	{ N(defer_code, 504) },
	{ N(invalid_hostname_reject_code, 505) },
	{ N(maps_rbl_reject_code, 506) },
	{ N(non_fqdn_reject_code, 507) },
	{ N(multi_recipient_bounce_reject_code, 508) },
	{ N(plaintext_reject_code, 509) },
	{ N(relay_domains_reject_code, 510) },
	{ N(unknown_address_reject_code, 511) },
	{ N(unknown_client_reject_code, 512) },
	{ N(unknown_hostname_reject_code, 513) },
	{ N(unknown_local_recipient_reject_code, 514) },
	{ N(unknown_relay_recipient_reject_code, 515) },
	{ N(unknown_virtual_alias_reject_code, 516) },
	{ N(unknown_virtual_mailbox_reject_code, 517) },
	{ N(unverified_sender_reject_code, 518) },
	{ N(unverified_sender_defer_code, 519) },
	{ N(unverified_recipient_reject_code, 520) },
	{ N(unverified_recipient_defer_code, 521) },
	{ T(unverified_sender_reject_reason, "c8") },
	{ T(unverified_recipient_reject_reason, "c9") },
	{ T(unknown_address_tempfail_action, "defer") },
	{ T(unknown_helo_hostname_tempfail_action, "defer") },
	{ T(unverified_sender_tempfail_action, "defer") },
	{ T(unverified_recipient_tempfail_action, "defer") },
	{ T(rbl_reply_maps, "d1") },
	{ T(default_rbl_reply, "$rbl_code d2") },
	{ T(maps_rbl_domains, "d3") },
	{ T(smtpd_expansion_filter, "d4") },
	{ N(dnsbl_refused_limit, 77) },
	{ N(dnsbl_probe_interval, 78) },
	{ T(smtpd_log_access_permit_actions, "d5") },
	{ T(message_drop_headers, "x-d5") },
	{ N(rule_depth_limit, 79) },
	{ N(rule_step_limit, 1080) },
	{ T(smtpd_policy_service_default_action, "d6") },
	{ T(smtpd_policy_service_policy_context, "d7") },
	{ N(smtpd_policy_service_max_idle, 81) },
	{ N(smtpd_policy_service_max_ttl, 82) },
	{ N(smtpd_policy_service_timeout, 83) },
	{ N(smtpd_policy_service_retry_delay, 84) },
	{ N(smtpd_policy_service_request_limit, 85) },
	{ N(smtpd_policy_service_try_limit, 86) },
	{ T(queue_directory, "d8") },
	{ T(patterns_on_failure, "hold") },
	{ T(urls_on_failure, "tag") },
	{ N(url_check_count_limit, 301) },
	{ N(url_check_size_limit, 30001) },
	{ N(url_dns_count_limit, 31) },
	{ N(body_checks_size_limit, 8080) },
	{ N(text_check_size_limit, 9090) },
	{ S(text_fold_homoglyphs, "yes") },
#undef T
#undef L
#undef N
#undef S
};

static int
is_time(const char *name)
{
	return strstr(name, "_interval") != NULL || strstr(name, "_max_") != NULL ||
	       strstr(name, "_timeout") != NULL || strstr(name, "_delay") != NULL;
}

static void
check_option(const struct rule_options *o, size_t i)
{
	const char *at = (const char *)o + option_cases[i].offset, *text;
	int64_t number;
	int sw;

	switch (option_cases[i].kind) {
	case 't':
		memcpy(&text, at, sizeof(text));
		assert_string_equal(text, option_cases[i].value);
		break;
	case 'n':
		memcpy(&number, at, sizeof(number));
		assert_int_equal(number, strtol(option_cases[i].value, NULL, 10) *
					     (is_time(option_cases[i].name) ? 1000 : 1));
		break;
	default:
		memcpy(&sw, at, sizeof(sw));
		assert_int_equal(sw, strcmp(option_cases[i].value, "yes") == 0);
	}
}

static void
test_fill(void **state)
{
	struct buf text = { 0 }, told = { 0 };
	struct rule_options o;
	struct conf *c;

	(void)state;
	for (size_t i = 0; i < nitems(option_cases); i++)
		buf_printf(&text, "%s = %s\n", option_cases[i].name, option_cases[i].value);
	buf_adds(&text, "header_size_limit = 9999\n");
	c = findings_load(buf_cstr(&text), &told);
	assert_string_equal(buf_cstr(&told), "");
	memset(&o, 0xaa, sizeof(o));
	rule_params_fill(conf_params(c), &o);
	for (size_t i = 0; i < nitems(option_cases); i++)
		check_option(&o, i);
	assert_int_equal(o.tolerant, 0);
	assert_int_equal(o.mime.header_size_limit, 9999);
	conf_free(c);
	buf_fini(&text);
	buf_fini(&told);
}

static void
test_listener(void **state)
{
	struct buf told = { 0 };
	struct conf *c = findings_load(
	    "config_errors = postfix\nsmtpd_restriction_classes = k\n"
	    "k = permit,\n  $a\na = reject\n"
	    "listeners = { smtp:127.0.0.1:1, role = mta\n { k = reject } { mynetworks = }\n"
	    " { smtpd_helo_restrictions =\n one,\n two } }\n { lmtp:127.0.0.1:2 }\n",
	    &told);
	struct arena *arena = arena_new();
	struct rule_source s = { c, conf_listener(c, 0), arena };
	struct rule_options o;
	struct rule_where w;
	const char *list;

	(void)state;
	rule_params_listener(&s, &o);
	assert_int_equal(o.is_mta, 1);
	assert_string_equal(o.mynetworks, ""); /* nobody, as it says */
	assert_int_equal(o.tolerant, 1);
	assert_string_equal(o.unknown_address_tempfail_action, "defer_if_permit");
	assert_string_equal(o.site(o.arg, "k", &w), "reject");
	assert_int_equal(w.line, 7);
	list = o.lists[LIST_HELO];
	w = o.line_of(o.arg, "smtpd_helo_restrictions", list, strstr(list, "two"));
	assert_int_equal(w.line, 10);
	assert_string_equal(w.file, "t");
	s.listener = conf_listener(c, 1);
	rule_params_listener(&s, &o);
	assert_int_equal(o.is_mta, 0);
	assert_null(o.mynetworks);
	assert_string_equal(o.lists[LIST_HELO], "");
	list = o.site(o.arg, "k", &w);
	assert_string_equal(list, "permit, reject");
	assert_int_equal(w.line, 3);
	assert_int_equal(o.line_of(o.arg, "k", list, strstr(list, "reject")).line, 4);
	assert_null(o.site(o.arg, "nobody", &w));
	assert_null(w.file);
	arena_free(arena);
	conf_free(c);
	buf_fini(&told);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fill),
		cmocka_unit_test(test_listener),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
