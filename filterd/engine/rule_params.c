#include <string.h>

#include "conf/conf.h"
#include "engine/rule_params.h"
#include "engine/snapshot.h"
#include "rules/rules.h"

/* --- ENUM parameters that rules have as words --- */

static const char *
tempfail_action(int value)
{
	static const char *const words[] = { "defer", "defer_if_permit" };

	return words[value != 0];
}

static const char *
style(int value)
{
	static const char *const words[] = { "host", "subnet", "class" };

	return words[value];
}

/* --- by subject, in the order of struct rule_options --- */

#define TAKE(name) o->name = p->name

static void
lists(const struct params *p, struct rule_options *o)
{
	o->lists[LIST_CLIENT] = p->smtpd_client_restrictions;
	o->lists[LIST_HELO] = p->smtpd_helo_restrictions;
	o->lists[LIST_SENDER] = p->smtpd_sender_restrictions;
	o->lists[LIST_RELAY] = p->smtpd_relay_restrictions;
	o->lists[LIST_RECIPIENT] = p->smtpd_recipient_restrictions;
	o->lists[LIST_DATA] = p->smtpd_data_restrictions;
	o->lists[LIST_END_OF_DATA] = p->smtpd_end_of_data_restrictions;
	o->lists[LIST_CONTENT] = p->content_restrictions;
	TAKE(smtpd_restriction_classes);
}

static void
switches(const struct params *p, struct rule_options *o)
{
	o->tolerant = p->config_errors == 1;
	TAKE(dnsbl_strict_postfix);
	TAKE(smtpd_delay_reject);
	TAKE(smtpd_relay_before_recipient_restrictions);
	TAKE(smtpd_reject_unlisted_recipient);
	TAKE(smtpd_reject_unlisted_sender);
	TAKE(soft_bounce);
	TAKE(show_user_unknown_table_name);
	TAKE(allow_untrusted_routing);
	TAKE(smtpd_sasl_auth_enable);
	TAKE(smtpd_null_access_lookup_key);
	TAKE(parent_domain_matches_subdomains);
	TAKE(recipient_delimiter);
	TAKE(smtpd_log_access_permit_actions);
	TAKE(message_drop_headers);
	TAKE(rule_depth_limit);
	TAKE(rule_step_limit);
}

static void
site(const struct params *p, struct rule_options *o)
{
	TAKE(myhostname);
	TAKE(mydomain);
	TAKE(myorigin);
	TAKE(mynetworks);
	o->mynetworks_style = style(p->mynetworks_style);
	TAKE(inet_interfaces);
	TAKE(proxy_interfaces);
	TAKE(inet_protocols);
	TAKE(mydestination);
	TAKE(relay_domains);
	TAKE(permit_mx_backup_networks);
	TAKE(relay_clientcerts);
	TAKE(virtual_alias_domains);
	TAKE(virtual_alias_maps);
	TAKE(virtual_mailbox_domains);
	TAKE(virtual_mailbox_maps);
	TAKE(local_recipient_maps);
	TAKE(relay_recipient_maps);
	TAKE(transport_maps);
	TAKE(canonical_maps);
	TAKE(recipient_canonical_maps);
	TAKE(sender_canonical_maps);
	TAKE(smtpd_sender_login_maps);
	TAKE(double_bounce_sender);
}

static void
addresses(const struct params *p, struct rule_options *o)
{
	TAKE(allow_percent_hack);
	TAKE(swap_bangpath);
	TAKE(resolve_numeric_domain);
	TAKE(resolve_dequoted_address);
	TAKE(resolve_null_domain);
	TAKE(append_dot_mydomain);
	TAKE(allow_min_user);
}

static void
codes(const struct params *p, struct rule_options *o)
{
	TAKE(access_map_reject_code);
	TAKE(access_map_defer_code);
	TAKE(reject_code);
	TAKE(defer_code);
	TAKE(invalid_hostname_reject_code);
	TAKE(maps_rbl_reject_code);
	TAKE(non_fqdn_reject_code);
	TAKE(multi_recipient_bounce_reject_code);
	TAKE(plaintext_reject_code);
	TAKE(relay_domains_reject_code);
	TAKE(unknown_address_reject_code);
	TAKE(unknown_client_reject_code);
	TAKE(unknown_hostname_reject_code);
	TAKE(unknown_local_recipient_reject_code);
	TAKE(unknown_relay_recipient_reject_code);
	TAKE(unknown_virtual_alias_reject_code);
	TAKE(unknown_virtual_mailbox_reject_code);
	TAKE(unverified_sender_reject_code);
	TAKE(unverified_sender_defer_code);
	TAKE(unverified_recipient_reject_code);
	TAKE(unverified_recipient_defer_code);
}

static const char *
on_failure(int value)
{
	static const char *const words[] = { "defer", "hold", "tag", "accept" };

	return words[value];
}

static void
failures(const struct params *p, struct rule_options *o)
{
	TAKE(unverified_sender_reject_reason);
	TAKE(unverified_recipient_reject_reason);
	o->unknown_address_tempfail_action = tempfail_action(p->unknown_address_tempfail_action);
	o->unknown_helo_hostname_tempfail_action =
	    tempfail_action(p->unknown_helo_hostname_tempfail_action);
	o->unverified_sender_tempfail_action =
	    tempfail_action(p->unverified_sender_tempfail_action);
	o->unverified_recipient_tempfail_action =
	    tempfail_action(p->unverified_recipient_tempfail_action);
	o->patterns_on_failure = on_failure(p->patterns_on_failure);
	o->urls_on_failure = on_failure(p->urls_on_failure);
	TAKE(text_check_size_limit);
	TAKE(text_fold_homoglyphs);
	TAKE(address_verify_sender);
	TAKE(address_verify_poll_count);
	TAKE(address_verify_poll_delay);
	o->next_hop = p->next_hop[0] == '\0' ? NULL : p->next_hop;
}

static void
services(const struct params *p, struct rule_options *o)
{
	TAKE(rbl_reply_maps);
	TAKE(default_rbl_reply);
	TAKE(maps_rbl_domains);
	TAKE(smtpd_expansion_filter);
	TAKE(dnsbl_refused_limit);
	TAKE(dnsbl_probe_interval);
	TAKE(smtpd_policy_service_default_action);
	TAKE(smtpd_policy_service_policy_context);
	TAKE(smtpd_policy_service_max_idle);
	TAKE(smtpd_policy_service_max_ttl);
	TAKE(smtpd_policy_service_timeout);
	TAKE(smtpd_policy_service_retry_delay);
	TAKE(smtpd_policy_service_request_limit);
	TAKE(smtpd_policy_service_try_limit);
	TAKE(queue_directory);
	TAKE(body_checks_size_limit);
	TAKE(url_check_count_limit);
	TAKE(url_check_size_limit);
	TAKE(url_dns_count_limit);
}

void
rule_params_fill(const struct params *p, struct rule_options *o)
{
	lists(p, o);
	switches(p, o);
	site(p, o);
	addresses(p, o);
	codes(p, o);
	failures(p, o);
	services(p, o);
	snapshot_mime_options(p, &o->mime);
}

/* --- what is asked while rules are compiled --- */

static const char *
site_value(void *arg, const char *name, struct rule_where *where)
{
	const struct rule_source *s = arg;

	return conf_site_value(s->conf, s->listener, name, s->arena, &where->file, &where->line);
}

static struct rule_where
line_of(void *arg, const char *name, const char *value, const char *at)
{
	const struct rule_source *s = arg;
	struct rule_where where;

	where.line =
	    conf_item_line(s->conf, s->listener, name, value, (size_t)(at - value), &where.file);
	return where;
}

void
rule_params_listener(struct rule_source *s, struct rule_options *o)
{
	const char *file;

	rule_params_fill(s->listener->params, o);
	if (conf_where_in(s->conf, s->listener, "mynetworks", &file) == 0)
		o->mynetworks = NULL; /* empty would be nobody */
	/* Who sends mail there knows that it is right. */
	if (!listener_kind_relays(s->listener->kind) &&
	    conf_where_in(s->conf, s->listener, "next_hop", &file) == 0)
		o->next_hop = NULL;
	o->is_mta = s->listener->role == ROLE_MTA;
	o->no_message = s->listener->kind == LISTENER_POLICY;
	o->site = site_value;
	o->line_of = line_of;
	o->arg = s;
}
