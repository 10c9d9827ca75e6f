#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "rules/rules.h"
#include "tests/lib/rule_option_list.h"

#define ROW(name, field, kind)                                                                     \
	{                                                                                          \
		name, offsetof(struct rule_options, field),                                        \
		    sizeof(((struct rule_options *)NULL)->field), kind                             \
	}
#define T(field) ROW(#field, field, OPTION_TEXT)
#define S(field) ROW(#field, field, OPTION_SWITCH)
#define N(field) ROW(#field, field, OPTION_NUMBER)

const struct rule_option rule_option_list[] = {
	ROW("smtpd_client_restrictions", lists[LIST_CLIENT], OPTION_TEXT),
	ROW("smtpd_helo_restrictions", lists[LIST_HELO], OPTION_TEXT),
	ROW("smtpd_sender_restrictions", lists[LIST_SENDER], OPTION_TEXT),
	ROW("smtpd_relay_restrictions", lists[LIST_RELAY], OPTION_TEXT),
	ROW("smtpd_recipient_restrictions", lists[LIST_RECIPIENT], OPTION_TEXT),
	ROW("smtpd_data_restrictions", lists[LIST_DATA], OPTION_TEXT),
	ROW("smtpd_end_of_data_restrictions", lists[LIST_END_OF_DATA], OPTION_TEXT),
	ROW("content_restrictions", lists[LIST_CONTENT], OPTION_TEXT),
	T(smtpd_restriction_classes),
	ROW("config_errors", tolerant, OPTION_SWITCH), /* postfix: yes */
	S(dnsbl_strict_postfix),
	S(smtpd_delay_reject),
	S(smtpd_relay_before_recipient_restrictions),
	S(smtpd_reject_unlisted_recipient),
	S(smtpd_reject_unlisted_sender),
	S(soft_bounce),
	S(show_user_unknown_table_name),
	S(allow_untrusted_routing),
	S(smtpd_sasl_auth_enable),
	T(smtpd_null_access_lookup_key),
	T(parent_domain_matches_subdomains),
	T(recipient_delimiter),
	T(myhostname),
	T(mydomain),
	T(myorigin),
	T(mynetworks),
	T(mynetworks_style),
	T(inet_interfaces),
	T(proxy_interfaces),
	T(inet_protocols),
	T(mydestination),
	T(relay_domains),
	T(permit_mx_backup_networks),
	T(virtual_alias_domains),
	T(virtual_alias_maps),
	T(virtual_mailbox_domains),
	T(virtual_mailbox_maps),
	T(local_recipient_maps),
	T(relay_recipient_maps),
	T(transport_maps),
	T(canonical_maps),
	T(recipient_canonical_maps),
	T(sender_canonical_maps),
	T(smtpd_sender_login_maps),
	T(relay_clientcerts),
	T(double_bounce_sender),
	S(allow_percent_hack),
	S(swap_bangpath),
	S(resolve_numeric_domain),
	S(resolve_dequoted_address),
	S(resolve_null_domain),
	S(append_dot_mydomain),
	S(allow_min_user),
	N(access_map_reject_code),
	N(access_map_defer_code),
	N(reject_code),
	N(defer_code),
	N(invalid_hostname_reject_code),
	N(maps_rbl_reject_code),
	N(non_fqdn_reject_code),
	N(multi_recipient_bounce_reject_code),
	N(plaintext_reject_code),
	N(relay_domains_reject_code),
	N(unknown_address_reject_code),
	N(unknown_client_reject_code),
	N(unknown_hostname_reject_code),
	N(unknown_local_recipient_reject_code),
	N(unknown_relay_recipient_reject_code),
	N(unknown_virtual_alias_reject_code),
	N(unknown_virtual_mailbox_reject_code),
	N(unverified_sender_reject_code),
	N(unverified_sender_defer_code),
	N(unverified_recipient_reject_code),
	N(unverified_recipient_defer_code),
	T(unverified_sender_reject_reason),
	T(unverified_recipient_reject_reason),
	T(unknown_address_tempfail_action),
	T(unknown_helo_hostname_tempfail_action),
	T(unverified_sender_tempfail_action),
	T(unverified_recipient_tempfail_action),
	T(rbl_reply_maps),
	T(default_rbl_reply),
	T(maps_rbl_domains),
	T(smtpd_expansion_filter),
	N(dnsbl_refused_limit),
	N(dnsbl_probe_interval),
	T(smtpd_log_access_permit_actions),
	T(message_drop_headers),
	N(rule_depth_limit),
	N(rule_step_limit),
	T(smtpd_policy_service_default_action),
	T(smtpd_policy_service_policy_context),
	N(smtpd_policy_service_max_idle),
	N(smtpd_policy_service_max_ttl),
	N(smtpd_policy_service_timeout),
	N(smtpd_policy_service_retry_delay),
	N(smtpd_policy_service_request_limit),
	N(smtpd_policy_service_try_limit),
	T(queue_directory),
	T(patterns_on_failure),
	T(urls_on_failure),
	N(url_check_count_limit),
	N(url_check_size_limit),
	N(url_dns_count_limit),
	N(body_checks_size_limit),
	N(text_check_size_limit),
	S(text_fold_homoglyphs),
	T(address_verify_sender),
	N(address_verify_poll_count),
	N(address_verify_poll_delay),
	T(next_hop),
};
const size_t rule_option_count = nitems(rule_option_list);

const struct rule_option *
rule_option_find(const char *name)
{
	for (size_t i = 0; i < rule_option_count; i++)
		if (strcmp(rule_option_list[i].name, name) == 0)
			return &rule_option_list[i];
	return NULL;
}

void
rule_option_set(struct rule_options *o, const struct rule_option *option, const char *value)
{
	char *at = (char *)o + option->offset;

	switch (option->kind) {
	case OPTION_TEXT:
		memcpy(at, &value, sizeof(value));
		break;
	case OPTION_SWITCH: {
		int on = strcmp(value, "yes") == 0;

		memcpy(at, &on, sizeof(on));
		break;
	}
	case OPTION_NUMBER: {
		int64_t number = strtoll(value, NULL, 10);

		memcpy(at, &number, sizeof(number));
		break;
	}
	}
}

int
rule_option_same(
    const struct rule_options *a, const struct rule_options *b, const struct rule_option *option)
{
	const char *at_a = (const char *)a + option->offset,
		   *at_b = (const char *)b + option->offset;
	const char *text_a, *text_b;

	if (option->kind != OPTION_TEXT)
		return memcmp(at_a, at_b, option->size) == 0;
	memcpy(&text_a, at_a, sizeof(text_a));
	memcpy(&text_b, at_b, sizeof(text_b));
	if (text_a == NULL || text_b == NULL)
		return text_a == text_b;
	return strcmp(text_a, text_b) == 0;
}
