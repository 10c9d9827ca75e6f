/*
 * rules_private - what the files of the restriction language share; nobody else includes it
 */
#ifndef RULES_RULES_PRIVATE_H
#define RULES_RULES_PRIVATE_H

#include <pthread.h>

#include "base/keyhash.h"
#include "base/span.h"
#include "rules/load.h"
#include "rules/map_list.h"
#include "rules/restriction.h"
#include "rules/rule_run.h"
#include "rules/rules.h"
#include "rules/scan.h"

struct address;
struct address_rules;
struct content_walk;
struct listed_rules;
struct login_maps;
struct match_list;
struct own_networks;
struct parts;
struct public_suffix;

/* A list out of a table row, compiled when it was first seen. */
struct row_list {
	struct row_list *next;
	const char *text;
	struct rule_list list;
};
#define ROW_LISTS 256 /* hash chains */

struct rules {
	struct rule_options o;
	struct arena *mem;
	struct table_registry *tables;
	struct rule_list lists[RULE_LISTS];
	/* What smtpd_reject_unlisted_sender and smtpd_reject_unlisted_recipient try. */
	struct rule_op unlisted_sender, unlisted_recipient;
	struct rule_list *classes; /* of smtpd_restriction_classes */
	size_t nclasses;

	struct address_rules *addresses;
	struct listed_rules *listed;
	struct login_maps *logins;
	struct match_list *mynetworks, *mx_backup_networks;
	const struct match_list *relay_domains; /* the addresses' */
	struct own_networks *own;
	struct public_suffix *suffixes;
	const char *verify_sender; /* whom probes of ours come from; NULL: the null sender */
	int access_parents;        /* parent_domain_matches_subdomains has smtpd_access_maps */
	struct map_list rbl_reply_maps, relay_clientcerts;

	pthread_mutex_t row_lock;
	struct keyhash row_hash;
	struct arena *row_mem;
	struct row_list *rows[ROW_LISTS];
	size_t nrows;

	int asks_lines; /* a list has check_body */
	int idle;       /* nothing is ever evaluated */
};

/* Kept with the transaction, in its arena. */
struct kept_dns {
	struct kept_dns *next;  /* in its chain */
	struct kept_dns *asked; /* the next of the present run's batch */
	const char *name;
	enum dns_type type;
	struct dns_query *query;         /* of the present run's batch, or NULL */
	const struct dns_result *result; /* NULL: not known yet */
};
struct kept_memory { /* what a plugin keeps for itself; plugin NULL: a check of ours */
	struct kept_memory *next;
	const struct filterd_plugin *plugin;
	const char *name;
	size_t size;
	void *p;
};
struct kept_scan { /* what a scanner has answered */
	struct kept_scan *next;
	const struct filterd_plugin *plugin;
	const char *scan;
	const char *trouble; /* why there is no answer; NULL: found has it */
	int told_failure;    /* by a fact that says more than NAME=failed */
	struct scan_found found;
};
struct kept_hits;     /* content_hits.c */
struct kept_failure { /* that was told of */
	struct kept_failure *next;
	const char *family, *outcome, *why;
};
struct kept_told;  /* content_told.c */
struct kept_edits; /* content_share.c */
struct rule_txn {
	const char *client_label; /* name[addr]; NULL: not asked for yet */
	/* Many recipients have many domains, so look-ups are in chains by their names. */
	struct kept_dns **dns, *asked;
	size_t dns_chains, ndns;
	/* The ones understood last; NULL: none. */
	const struct address *sender_address, *recipient_address;
	struct deferral sender; /* defer_if_permit so far, after the sender list */
	struct deferral client, helo;
	int sender_listed;       /* reject_unlisted_sender has had its turn at this stage, */
	int recipient_listed;    /* and the one for this recipient */
	struct dns_batch *batch; /* of the present run */
	/* Of plugins. */
	struct kept_memory *memory;
	struct kept_scan *scans;
	struct kept_failure *failures;
	struct kept_hits *hits;   /* of tables that were asked about the content */
	struct kept_edits *edits; /* made by them, for who else wants them */
	struct kept_told *told;   /* rows that the log has, and how many they are */
	size_t ntold;
	size_t hits_octets;           /* that what came of hits has taken */
	struct scan_session *session; /* NULL: none is open */
	const struct scan_ops *session_ops;
	const char *received;      /* the line; NULL: not made */
	struct parts *parts;       /* of the message; NULL: not asked for */
	struct content_walk *walk; /* the same */
};

/* --- restrictions.c --- */
extern const struct restriction_def restriction_broken, restriction_class, restriction_bare_table;
extern const struct restriction_def restrictions_generic[], restrictions_client[],
    restrictions_helo[], restrictions_sender[], restrictions_recipient[], restrictions_relay[],
    restrictions_auth[], restrictions_lines[], restrictions_access[], restrictions_access_dns[],
    restrictions_rbl[], restrictions_policy[], restrictions_verify[], restrictions_ccert[],
    restrictions_score[], restrictions_url[], restrictions_url_rbl[];
extern const struct restriction_def restrictions_decoded[];
extern const struct restriction_def restrictions_text[];
extern const struct restriction_def restrictions_fact[], restrictions_size[];

/* Is this one of the row's names? */
int restriction_is_named(const struct restriction_def *, const char *name);

/* --- words.c: a list cut into its words --- */
/* The next word of a restriction list: separated by commas and white space, with { } kept together.
 * 1, or 0 at the end. */
int rule_word(struct span *text, struct span *word);

/* --- compile.c --- */
struct rule_compile {
	struct rule_load load; /* mem: where what is made goes; errors are counted here */
	struct rules *rules;
	const char *parameter;   /* whose value is compiled */
	struct rule_where where; /* of the present item; file NULL: the parameter's */
	int from_row;            /* a table row: no tables, and nobody to tell but the log */
};
/* Compile the words of a value. */
void rule_compile_list(
    struct rule_compile *, const char *name, const char *value, struct rule_list *);

struct rule_item { /* the one being compiled, and where the next begins */
	struct span *rest;
	struct rule_op *op;
	int in_braces; /* { restriction, on_failure = ... } */
};
void rule_compile_item(struct rule_compile *, struct rule_item *, struct span word);
/* It can only be answered with 451 4.3.5; why is told. */
void rule_compile_broken(struct rule_compile *, struct rule_op *, const char *fmt, ...)
    ATTR_PRINTF(3, 4);
/* The word as a string; "" if it has a NUL. */
char *rule_compile_word(struct rule_compile *, struct span word);
/* Take `text = TEXT` as an item's; NULL, or what is wrong. */
const char *score_take_text(struct rule_compile *, struct rule_op *, const char *text);
/* compile_braces.c: the whole of { ... }. */
void rule_compile_braces(struct rule_compile *, struct rule_op *, struct span text);

extern const char *const rule_list_names[RULE_LISTS]; /* rules.c */

/* --- failure.c --- */
/* NAME=failed, if the check at work has failed and nothing better was told. */
void rule_failed_fact(struct rule_run *);

/* --- plugin_host_parts.c --- */
/* The message's parts, for plugins and our own restrictions; NULL: it has not come. */
struct parts *rule_parts(struct rule_run *);

/* --- check_size.c --- */
/* Of check_message_size and check_recipient_count what stands behind the comparison; NULL: it is
 * none of them. */
const char *rule_measure_result(const struct rule_op *);

/* --- plugin.c --- */
/* An item that is a plugin's row. */
enum rule_result rule_plugin_try(struct rule_run *, const struct rule_op *);
/* Is there what it needs of the message? */
int rule_plugin_ready(struct rule_run *, const struct rule_op *);

/* --- content_keep.c --- */
/* Memory by name; plugin NULL: filterd itself. */
void *rule_keep(struct rule_run *, const struct filterd_plugin *, const char *name, size_t size);

/* --- rows.c: lists out of table rows --- */
const struct rule_list *rule_row_list(struct rule_run *, const char *text);

/* --- check.c: what only a whole configuration shows --- */
void rules_check(struct rule_compile *);

/* --- stages.c --- */
/* What is kept with the transaction; made when it is asked for first. */
struct rule_txn *rule_kept(const struct rule_ask *);

/* --- run.c --- */
enum rule_result rule_list_run(struct rule_run *, const struct rule_list *);
/* One of ours that only content_restrictions may hold, met elsewhere, in a class or a table's row:
 * it never decides, for what it does to the message is one recipient's. */
int rule_is_elsewhere(const struct rule_run *, const struct rule_op *);
/* One item, told to the trace. */
enum rule_result rule_try(struct rule_run *, const struct rule_op *);

/* --- run_trace.c: each does nothing without a trace --- */
/* RESULT or END. */
void rule_trace_result(struct rule_run *, enum trace_kind, enum rule_result);
/* Other events that are texts; EFFECT and SETTLED with the rule at hand. */
void rule_trace_text(struct rule_run *, enum trace_kind, const char *name, const char *answer);
void rule_trace_stage(struct rule_run *);
void rule_trace_verdict(struct rule_run *);
/* Microseconds of some clock.  In live mail one that is read for next to nothing and goes on in
 * steps of milliseconds: what is slow shows all the same. */
int64_t rule_trace_clock(const struct rule_run *);
void rule_trace_dns(
    struct rule_run *, const struct kept_dns *, const struct dns_result *, int64_t us);

/* trace->go_on: between begin and end items may be tried whose decisions, effects and log lines are
 * only for the trace. */
struct rule_look {
	struct rule_run run; /* as it was */
	struct verdict v, effects;
	struct deferral client, helo, sender;
	int sender_listed, recipient_listed;
};
/* A decision was made: is what comes behind it to be looked at, and not known yet? */
int rule_look_wanted(const struct rule_run *);
void rule_look_begin(struct rule_run *, struct rule_look *);
void rule_look_end(struct rule_run *, struct rule_look *, int found);

/* --- run_dns.c --- */
void rule_dns_begin(struct rule_run *, const struct rule_list *, size_t i);
void rule_dns_end(struct rule_run *);
/* --- refuse.c --- */
/* The rule at work: the table row, or the item of the list. */
struct origin rule_origin(const struct rule_run *);
/* "5.1.8" becomes what fits the subject. */
void rule_enhanced_fit(char *enhanced, enum subject_kind);
void rule_deferral_set(
    struct rule_run *, struct deferral *, int64_t code, const char *enhanced, const char *text);
/* The deferral becomes the reply. */
enum rule_result rule_deferral_refuse(struct rule_run *, const struct deferral *);

#endif
