/*
 * rules - the restriction lists of one listener: compiled once, asked at each stage
 *
 * Postfix's restriction language (access(5), postconf(5) smtpd_*_restrictions,
 *RESTRICTION_CLASS_README) as the real one behaves (POSTFIX.md).  rules_compile() turns the
 *parameters of a listener into lists of rows (rules/restriction.h) with tables resolved, and tells
 *what would only be found out when mail comes.  rules_ask() evaluates the lists of a stage for one
 *transaction; which lists those are (smtpd_delay_reject, smtpd_relay_before_recipient_restrictions)
 *it decides itself.
 *
 * Ownership: the compiled rules belong to the configuration snapshot and are read-only but for a
 *	cache of lists that came out of table rows, which has its lock inside.
 * Threads: rules_ask() any.
 * Cost: nothing is taken from the heap but for a list from a table row that is seen for the first
 *	time.
 */
#ifndef RULES_RULES_H
#define RULES_RULES_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/clock.h"
#include "mail/mime.h"
#include "plugins/filterd_plugin.h"
#include "rules/finding.h"

struct address_rules;
struct arena;
struct buf;
struct client;
struct counters;
struct decision_log;
struct dns;
struct dnsbl_zones;
struct path;
struct plugin_instance;
struct policy_pool;
struct recipient;
struct rule_memory;
struct rule_trace;
struct rules;
struct scan_ops;
struct table_registry;
struct transaction;
struct verdict;
struct verify_cache;

/* Where a value was written, for findings and `rule=FILE:LINE`. */
struct rule_where {
	const char *file; /* NULL: a default */
	int line;
};

/* A parameter that the site made up itself, expanded; NULL: nobody defines it. */
typedef const char *rule_site_fn(void *arg, const char *name, struct rule_where *);
/* Where the octet at `at`, which points into the value of the named parameter, stands. */
typedef struct rule_where rule_line_fn(
    void *arg, const char *name, const char *value, const char *at);

/* Filled by engine from the parameters of a listener; a field that is not told of here has the name
 * and meaning of the parameter.  Texts live as long as the rules. */
struct rule_options {
	const char *lists[RULE_LISTS];
	const char *smtpd_restriction_classes;
	rule_site_fn *site; /* values of classes */
	rule_line_fn *line_of;
	void *arg; /* of these two */

	/* The plugins of the configuration, opened, whose rows there are besides the built-in ones.
	 */
	const struct plugin_instance *plugins;
	size_t nplugins;

	int is_mta;     /* role mta: Postfix's start-up check for relaying holds */
	int no_message; /* a door that is never given the message: policy */
	int tolerant;   /* config_errors = postfix */
	int dnsbl_strict_postfix;
	int smtpd_delay_reject, smtpd_relay_before_recipient_restrictions;
	int smtpd_reject_unlisted_recipient, smtpd_reject_unlisted_sender;
	int soft_bounce;
	int show_user_unknown_table_name;
	int allow_untrusted_routing;
	int smtpd_sasl_auth_enable;
	const char *smtpd_null_access_lookup_key;
	const char *parent_domain_matches_subdomains;
	const char *recipient_delimiter;

	/* Who and what is ours.  mynetworks NULL: not set; empty: nobody. */
	const char *myhostname, *mydomain, *myorigin, *mynetworks, *mynetworks_style;
	const char *inet_interfaces, *proxy_interfaces, *inet_protocols;
	const char *mydestination, *relay_domains, *permit_mx_backup_networks;
	const char *virtual_alias_domains, *virtual_alias_maps;
	const char *virtual_mailbox_domains, *virtual_mailbox_maps;
	const char *local_recipient_maps, *relay_recipient_maps, *transport_maps;
	const char *canonical_maps, *recipient_canonical_maps, *sender_canonical_maps;
	const char *smtpd_sender_login_maps, *relay_clientcerts;
	const char *double_bounce_sender;
	int allow_percent_hack, swap_bangpath, resolve_numeric_domain, resolve_dequoted_address;
	int resolve_null_domain, append_dot_mydomain, allow_min_user;

	/* What refusals look like. */
	int64_t access_map_reject_code, access_map_defer_code, reject_code, defer_code;
	int64_t invalid_hostname_reject_code, maps_rbl_reject_code, non_fqdn_reject_code;
	int64_t multi_recipient_bounce_reject_code, plaintext_reject_code;
	int64_t relay_domains_reject_code, unknown_address_reject_code, unknown_client_reject_code;
	int64_t unknown_hostname_reject_code, unknown_local_recipient_reject_code;
	int64_t unknown_relay_recipient_reject_code, unknown_virtual_alias_reject_code;
	int64_t unknown_virtual_mailbox_reject_code;
	int64_t unverified_sender_reject_code, unverified_sender_defer_code;
	int64_t unverified_recipient_reject_code, unverified_recipient_defer_code;
	const char *unverified_sender_reject_reason, *unverified_recipient_reject_reason;
	const char *unknown_address_tempfail_action, *unknown_helo_hostname_tempfail_action;
	const char *unverified_sender_tempfail_action, *unverified_recipient_tempfail_action;
	const char *address_verify_sender;
	int64_t address_verify_poll_count, address_verify_poll_delay; /* ms */
	const char *next_hop; /* where reject_unverified_* asks about our own addresses; NULL: at
				 the domain's MX hosts */

	const char *rbl_reply_maps, *default_rbl_reply, *maps_rbl_domains, *smtpd_expansion_filter;
	int64_t dnsbl_refused_limit, dnsbl_probe_interval;
	const char *smtpd_log_access_permit_actions;
	const char *message_drop_headers; /* fields that PREPEND does not bring */

	/* NAME_on_failure, for families of built-in restrictions: RULE_FAILURE_WORDS. */
	const char *patterns_on_failure, *urls_on_failure;

	int64_t body_checks_size_limit, text_check_size_limit;
	int64_t url_check_count_limit, url_check_size_limit, url_dns_count_limit;
	int text_fold_homoglyphs;
	struct mime_options mime; /* how a message is read; without `lead` */

	int64_t rule_depth_limit,
	    rule_step_limit; /* classes within classes; rows tried in a stage */

	const char *smtpd_policy_service_default_action, *smtpd_policy_service_policy_context;
	int64_t smtpd_policy_service_max_idle, smtpd_policy_service_max_ttl; /* ms */
	int64_t smtpd_policy_service_timeout, smtpd_policy_service_retry_delay;
	int64_t smtpd_policy_service_request_limit, smtpd_policy_service_try_limit;
	const char *queue_directory; /* where a relative unix: path begins */
};

/* NULL: an error was told.  Tables are opened in the registry. */
struct rules *rules_compile(const struct rule_options *, struct table_registry *, rule_finding_fn *,
    void *arg) ATTR_MUST_USE;
void rules_free(struct rules *); /* NULL is fine */
/* Is there anything to evaluate in this list? */
int rules_any(const struct rules *, enum rule_list_id);
/* Is there nothing at all to evaluate, at any stage? */
int rules_idle(const struct rules *);
/* smtpd_delay_reject, for who asks at CONNECT and HELO. */
int rules_delay(const struct rules *);

/* What rules need of the process; all may be shared by all threads. */
struct rule_services {
	struct dns *dns;
	struct dnsbl_zones *zones; /* rules/dnsbl.h: which lists are switched off */
	struct verify_cache
	    *verify;                /* rules/verify.h: reject_unverified_*; NULL: cannot be asked */
	struct policy_pool *policy; /* check_policy_service; NULL: cannot be asked */
	struct counters *counters;  /* NULL: nothing is counted */
	const struct scan_ops *scan;    /* rules/scan.h; NULL: there are no scanners */
	struct decision_log *decisions; /* engine/decision_log.h: where traces go, when a
					   transaction ends; NULL: nowhere */
};

enum rule_stage {
	RULE_CONNECT, /* the client list, unless smtpd_delay_reject */
	RULE_HELO,
	RULE_MAIL,
	RULE_RCPT,
	RULE_DATA,
	RULE_END_OF_DATA, /* smtpd_end_of_data_restrictions */
	RULE_CONTENT,     /* content_restrictions, for one recipient */
};

/* What lasts longer than a transaction, kept by whoever keeps the session: a deferral that the
 * client or HELO list left for RCPT.  One of these follows one client; zeroed it is empty. */
struct rule_deferral {
	int active;
	int code;
	char enhanced[12];
	char text[500];
	struct {
		const char *list;
		char file[200];
		int line;
	} origin;
};
struct rule_memory {
	struct rule_deferral client, helo; /* defer_if_permit so far, after these lists */
};

struct rule_ask {
	struct transaction
	    *txn; /* at CONNECT and HELO one that only has arena, client and tables */
	enum rule_stage stage;
	const struct path *rcpt;     /* RCPT: the one being asked about; CONTENT: NULL, see below */
	struct recipient *recipient; /* CONTENT: whose verdict gets the effects */
	int late_client; /* CONNECT and HELO came before the client was known (XFORWARD): their
			    lists wait for RCPT whatever smtpd_delay_reject says */
	struct rule_memory *memory; /* NULL: nothing lasts */
	const struct rule_services *services;
	struct deadline deadline;
	struct rule_trace *trace; /* NULL: none is kept */
};

/* Evaluate the lists of the stage.  v gets the outcome: OK or DUNNO to go on, DEFER or REJECT with
 * code, enhanced code, text and origin.  Effects go into txn->verdict (CONTENT:
 * recipient->verdict); DISCARD there ends all lists of the transaction.  Log lines that Postfix
 * writes for what does not become a reply (reject_warning, warnings) are written here. */
void rules_ask(const struct rules *, const struct rule_ask *, struct verdict *v);
/* No question will come that needs the message: scanners are told.  Once more is fine. */
void rules_scan_end(struct transaction *);
/* The name the log has for the stage at which this was asked: "RCPT", "END-OF-MESSAGE". */
const char *rules_stage_name(enum rule_stage);

/* Every restriction there is, for `filterctl types` and error messages. */
void restrictions_each(void (*f)(void *arg, const char *name, const char *text), void *arg);

#endif
