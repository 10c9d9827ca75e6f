/*
 * rule_run - one evaluation, as check functions see it
 *
 * A run is made for each rules_ask().  What was worked out for the transaction (addresses,
 * look-ups) is kept in its arena, so that the next recipient does not pay again; the run itself is
 * gone with the answer.  Nothing here is shared between threads.
 */
#ifndef RULES_RULE_RUN_H
#define RULES_RULE_RUN_H

#include "base/arena.h"
#include "base/attr.h"
#include "core/client.h"
#include "core/transaction.h"
#include "core/verdict.h"
#include "net/dns.h"
#include "rules/restriction.h"
#include "rules/trace.h"

struct address;
struct map_ask;
struct table;
struct table_hit;

/* What is being judged: a refusal begins "<name>: class rejected: ", and x.1.y enhanced codes are
 * turned into those that fit it. */
enum subject_kind {
	SUBJECT_CLIENT,         /* "Client host"; name[addr] */
	SUBJECT_REVERSE_CLIENT, /* "Unverified Client host" */
	SUBJECT_CCERT,          /* "Client certificate" */
	SUBJECT_SASL,           /* "SASL login name" */
	SUBJECT_HELO,           /* "Helo command" */
	SUBJECT_SENDER,         /* "Sender address" */
	SUBJECT_RECIPIENT,      /* "Recipient address" */
	SUBJECT_DATA,           /* "Data command" */
	SUBJECT_END_OF_DATA,    /* "End-of-data" */
	SUBJECT_CONTENT,        /* of a table row about the content: refusals have no prefix */
};
struct rule_subject {
	enum subject_kind kind;
	const char *name; /* as the reply has it, without <> */
};
const char *subject_class(enum subject_kind);
/* The subject of this kind in this run: the client's label, the address as sent, ... */
struct rule_subject rule_subject(struct rule_run *, enum subject_kind);

/* A refusal that waits: defer_if_permit and defer_if_reject.  The first of each kind stays. */
struct deferral {
	int active;
	int code;
	char enhanced[12];
	const char *text; /* arena */
	struct origin origin;
};

struct rule_txn; /* rule_run.c: what is kept with the transaction */

struct rule_run {
	const struct rules *rules;
	const struct rule_options *o;
	const struct rule_ask *ask;
	struct transaction *txn;
	const struct client *client;
	const struct path *rcpt; /* NULL: none, or several at DATA and later */
	struct arena *arena;
	struct rule_txn *kept;
	struct rule_trace *trace;

	enum rule_list_id list;
	const struct rule_op *op;    /* at work */
	struct rule_subject subject; /* of `reject` and the like: the list's, or the table's whose
					row led here */
	struct origin hit; /* the table row that led here; file NULL: none, the op is the rule */
	int depth;         /* classes and table rows within one another */
	int warn_depth;    /* warn_if_reject holds from this depth on; 0: it does not */
	const struct rule_op *score; /* score_if_reject that the item at work stands behind, or that
					a class around it does; NULL: none */
	const char *scored; /* the refusal that became points: the item has ended; NULL: none */
	int trouble;        /* what is refused now is for want of an answer: that gives no points */
	int64_t steps;
	int looking; /* trace->go_on: the decision has been made, this is what would have come next;
			nothing is logged, no effect lasts, nobody is asked who would remember */
	int found;   /* that was found */
	int policy_failed; /* default actions of check_policy_service within one another */
	int told_failure;  /* the check at work has set a fact that says more than NAME=failed, */
	const char *failed_why; /* which is set when it has answered; NULL: it is not to be set */
	const char *table_trouble; /* of a plugin's last look-up that failed */
	struct deferral if_permit, if_reject;

	struct verdict *v;       /* the outcome */
	struct verdict *effects; /* the transaction's, or at CONTENT the recipient's */
};

/* --- what a check may do --- */

/* Postfix's reply: "CODE ENHANCED <name>: class rejected: TEXT" is built by the caller's format, or
 * by rule_reject() from the run's subject.  Under warn_if_reject it is logged and RULE_DUNNO is
 * the result; a defer_if_reject turns a 5xx into what it remembers; soft_bounce, wrong codes and
 * control characters are dealt with here.  rule= is run->hit, or the op. */
enum rule_result rule_refuse(
    struct rule_run *, int64_t code, const char *enhanced, const char *fmt, ...) ATTR_PRINTF(4, 5);
/* The same with "<name>: class rejected: " in front. */
enum rule_result rule_reject(struct rule_run *, struct rule_subject, int64_t code,
    const char *enhanced, const char *fmt, ...) ATTR_PRINTF(5, 6);
/* Remembered; logged and forgotten under warn_if_reject. */
enum rule_result rule_defer_if_permit(
    struct rule_run *, int64_t code, const char *enhanced, const char *fmt, ...) ATTR_PRINTF(4, 5);
enum rule_result rule_defer_if_reject(
    struct rule_run *, int64_t code, const char *enhanced, const char *fmt, ...) ATTR_PRINTF(4, 5);
/* 451 4.3.5 Server configuration error: no warn_if_reject turns it.  why goes to the log. */
enum rule_result rule_broken(struct rule_run *, const char *fmt, ...) ATTR_PRINTF(2, 3);
/* A table could not be asked, other than by an access restriction: 451 4.3.0 <name>: Temporary
 * lookup failure.  No warn_if_reject turns it. */
enum rule_result rule_table_failed(struct rule_run *, struct rule_subject, const struct err *);

/* Would a refusal be points, for which nobody reads its text? */
int rule_gives_points(const struct rule_run *);
/* A refusal or deferral between these is Postfix's way to say that an answer could not be had. */
void rule_trouble_begin(struct rule_run *);
enum rule_result rule_trouble_end(struct rule_run *, enum rule_result);

/* The check could not be made: told to log and trace, with a fact, and what comes of it is what the
 * op's on_failure says: 451 4.7.1 without the reason, which is nobody else's business (under
 * score_if_reject only if the item itself says so, not its family), or HOLD, TAG or nothing.  Its
 * answer is the check's. */
enum rule_result rule_failed(struct rule_run *, const char *fmt, ...) ATTR_PRINTF(2, 3);

/* Points for the message, or at CONTENT for the recipient.  In lists that are asked again for each
 * recipient, those before DATA, a rule gives them once a message. */
void rule_effect_score(struct rule_run *, const char *name, int64_t points);

/* HOLD, TAG and PREPEND for who is no table row. */
void rule_effect_hold(struct rule_run *, const char *reason);
void rule_effect_tag(struct rule_run *, const char *text);
void rule_effect_prepend(struct rule_run *, const char *field);

/* The op's table, as this transaction has it. */
const struct table *rule_table(struct rule_run *, int number);
/* Ask it: 1, 0, -1; told to the trace. */
int rule_lookup(struct rule_run *, const struct table *, struct span key, struct table_hit *,
    struct err *) ATTR_MUST_USE;

/* The value of an access(5) row: what check_*_access and check_policy_service do with it.  origin
 * is the row's; table is its name for the log ("check_policy_service" has none: NULL). */
enum rule_result access_result(struct rule_run *, const char *table, const char *value,
    const struct origin *, struct rule_subject);

/* To ask lists of tables (rules/map_list.h) in this run. */
struct map_ask rule_map_ask(struct rule_run *);

/* Addresses, understood once a transaction; rule_recipient() only with run->rcpt. */
const struct address *rule_sender(struct rule_run *);
const struct address *rule_recipient(struct rule_run *);

/* The name as the DNS is asked for it: the same, or what IDNA makes of one that is not ASCII. NULL:
 * nobody is asked for what can be no host. */
const char *rule_dns_name(struct rule_run *, const char *name);
/* DNS: the same look-up is asked once a transaction.  start begins, rule_dns() waits, until the
 * run's deadline: the outcome is then a time-out. */
void rule_dns_start(struct rule_run *, const char *name, enum dns_type);
const struct dns_result *rule_dns(struct rule_run *, const char *name, enum dns_type);
/* The types that hold addresses, of the families in inet_protocols, and how many they are; begin
 * the look-ups of all of them. */
size_t rule_addr_types(const struct rule_run *, enum dns_type types[2]);
void rule_addrs_start(struct rule_run *, const char *host);

/* For a check that would do more than look: 1 while the evaluation only looks what would have come
 * next (trace->go_on), and `what` is noted in the trace; the check then answers RULE_DUNNO. */
int rule_look_only(struct rule_run *, const char *what);

/* "warning: ..." in the log, with the transaction's id. */
void rule_warn(struct rule_run *, const char *fmt, ...) ATTR_PRINTF(2, 3);
/* Postfix's line "reject_warning: RCPT from ...: TEXT; from=<> to=<> proto= helo=<>" and its kin;
 * what: "reject_warning", "hold", "filter", "info", ...; arg: what stands behind the action, or
 * NULL. */
void rule_log(struct rule_run *, const char *what, const char *text, const char *arg);

/* Run a list as part of this evaluation (classes, lists from table rows). */
enum rule_result rule_call(struct rule_run *, const struct rule_list *, struct rule_subject);

#endif
