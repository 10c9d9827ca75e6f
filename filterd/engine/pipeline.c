#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/blocking.h"
#include "base/xmem.h"
#include "core/message.h"
#include "engine/decision_log.h"
#include "engine/pipeline.h"
#include "engine/snapshot.h"
#include "mail/mime.h"
#include "rules/content_checks.h"
#include "rules/policy_digest.h"
#include "rules/rules.h"
#include "rules/trace.h"
#include "table/table.h"

#define LARGE ((size_t)4 * 1024 * 1024)

void
engine_begin(struct transaction *t, struct snapshot *s, const struct snap_listener *l)
{
	t->snapshot = s;
	t->tables = table_set_take(snapshot_tables(s));
	/* Where nobody is asked there is nothing to keep. */
	if (l->asks && t->services != NULL && t->services->decisions != NULL)
		t->trace = decision_log_trace(t->services->decisions, t->arena);
}

void
engine_replied(struct transaction *t, struct span wire)
{
	char *text, *to;

	if (t->trace == NULL)
		return;
	text = to = arena_alloc(t->arena, wire.len + 1);
	for (size_t i = 0; i < wire.len; i++)
		if (wire.p[i] != '\r')
			*to++ = (char)wire.p[i];
	*to = '\0';
	while (to > text && to[-1] == '\n')
		*--to = '\0';
	trace_add(t->trace, &(struct trace_event){ .kind = TRACE_REPLY, .answer = text });
}

void
engine_record(struct transaction *t)
{
	if (t->trace == NULL || t->services == NULL || t->services->decisions == NULL)
		return;
	if (t->trace->rows > 0)
		decision_log_put(t->services->decisions, t);
	trace_clear(t->trace);
}

void
engine_end(struct transaction *t)
{
	engine_record(t);
	rules_scan_end(t);
	/* One that was set by somebody else is his. */
	if (t->services != NULL && t->services->decisions != NULL)
		decision_log_trace_end(t->services->decisions, t->trace);
	table_set_release(t->tables);
	memset(t, 0, sizeof(*t));
}

struct rule_memory *
engine_memory_new(void)
{
	return xcalloc(1, sizeof(struct rule_memory));
}

void
engine_memory_free(struct rule_memory *m)
{
	free(m);
}

/* RFC 5321 6.3; Postfix hopcount_limit.  5.4.6 is RFC 3463's "routing loop detected". */
static void
check_hops(struct transaction *t, const struct snap_listener *l, const struct mime_index *ix)
{
	if ((int64_t)ix->received < l->params->hopcount_limit)
		return;
	fact_set(&t->facts, FACT_LOOP_HOPS);
	verdict_refuse(&t->verdict, 554, "5.4.6", "Error: too many hops",
	    (struct origin){ .list = "hopcount_limit" });
}

static void
ask_end(struct transaction *t, const struct snap_listener *l, struct deadline deadline)
{
	struct mime_index ix;
	/* Checks may take long where there are any; a large message always takes a while. */
	int heavy = content_checks_any(l->checks) || message_len(t->message) > LARGE;

	if (heavy)
		blocking_begin();
	content_checks_run(l->checks, t, deadline, &ix);
	if (heavy)
		blocking_end();
	check_hops(t, l, &ix);
}

/* The one recipient that lists after RCPT may speak of (POSTFIX.md: "only if exactly one recipient
 * was accepted").  Nobody accepts <>: that one was not told of. */
static const struct path *
the_recipient(const struct transaction *t)
{
	const struct path *p = t->nrcpts == 1 ? &t->rcpts[0]->path : NULL;

	return p != NULL && p->octets[0] != '\0' ? p : NULL;
}

static int
refused(const struct verdict *v)
{
	return v->outcome == OUTCOME_DEFER || v->outcome == OUTCOME_REJECT;
}

static void
ask_lists(struct transaction *t, const struct snap_listener *l, enum rule_stage stage,
    struct recipient *rcpt, struct deadline deadline, struct verdict *v)
{
	struct rule_ask ask = { .txn = t,
		.stage = stage,
		.rcpt = rcpt != NULL ? &rcpt->path : the_recipient(t),
		.recipient = rcpt,
		.late_client = t->client_late,
		.memory = t->memory,
		.services = t->services,
		.deadline = deadline,
		.trace = t->trace };

	rules_ask(l->rules, &ask, v);
}

/* --- on_mixed = split --- */

static int
splits(const struct snap_listener *l)
{
	enum on_mixed mode = l->plan.on_mixed;

	return (mode == MIXED_SPLIT || mode == MIXED_SPLIT_DISCARD) &&
	       rules_any(l->rules, LIST_CONTENT);
}

/* Whose content_restrictions are not those of the first one accepted shall come in a transaction of
 * his own, for there is one reply for all. */
static void
ask_split(struct transaction *t, const struct snap_listener *l, struct recipient *r,
    struct deadline deadline, struct verdict *v)
{
	struct rule_ask ask = { .txn = t,
		.stage = RULE_CONTENT,
		.rcpt = &r->path,
		.recipient = r,
		.services = t->services,
		.deadline = deadline };

	if (!t->may_split || !splits(l) || refused(v) || t->verdict.discard)
		return;
	r->policy = rules_policy_digest(l->rules, &ask);
	if (t->nrcpts == 0 || t->rcpts[0]->policy == r->policy)
		return;
	r->put_off = 1;
	verdict_refuse(v, 452, "4.5.3", "Other rules than for the first recipient, send it apart",
	    (struct origin){ .list = "on_mixed" });
	trace_add(t->trace, &(struct trace_event){ .kind = TRACE_NOTE,
				.answer = "content_restrictions are others for this recipient than "
					  "for the first one (on_mixed = split)" });
}

/* The lists of MAIL, and what is looked at without a list. */
static int
sender_answers(const struct snap_listener *l)
{
	const struct params *p = l->params;

	return rules_any(l->rules, LIST_SENDER) || p->smtpd_reject_unlisted_sender;
}

/* An address that is none is refused at once in role mta, whatever the lists are. */
static int
answers_at_once(const struct snap_listener *l)
{
	return l->conf->role == ROLE_MTA;
}

static int
rcpt_answers(const struct snap_listener *l)
{
	const struct params *p = l->params;

	return answers_at_once(l) || splits(l) || rules_any(l->rules, LIST_RELAY) ||
	       rules_any(l->rules, LIST_RECIPIENT) || p->smtpd_reject_unlisted_recipient ||
	       (p->smtpd_delay_reject && (rules_any(l->rules, LIST_CLIENT) ||
					     rules_any(l->rules, LIST_HELO) || sender_answers(l)));
}

int
engine_answers(const struct snap_listener *l, enum stage stage)
{
	int at_once = !l->params->smtpd_delay_reject;

	switch (stage) {
	case STAGE_NONE:
		return 0;
	case STAGE_CONNECT:
		return at_once && rules_any(l->rules, LIST_CLIENT);
	case STAGE_HELO:
		return at_once && rules_any(l->rules, LIST_HELO);
	case STAGE_MAIL:
		return (at_once && sender_answers(l)) || answers_at_once(l) ||
		       l->params->smtpd_helo_required;
	case STAGE_RCPT:
		return rcpt_answers(l);
	case STAGE_DATA:
		return rules_any(l->rules, LIST_DATA);
	case STAGE_END:
		return 1;
	}
	return 1;
}

/* The end of the message: smtpd_end_of_data_restrictions first; header and body checks all the same
 * (DESIGN.md, "Verdicts"); then content_restrictions, for each recipient by itself. */
static void
ask_message(struct transaction *t, const struct snap_listener *l, struct deadline deadline)
{
	t->verdict.stage = "END-OF-MESSAGE";
	ask_lists(t, l, RULE_END_OF_DATA, NULL, deadline, &t->verdict);
	ask_end(t, l, deadline);
	if (!rules_any(l->rules, LIST_CONTENT) || refused(&t->verdict) || t->verdict.discard)
		return;
	for (size_t i = 0; i < t->nrcpts; i++) {
		struct recipient *r = t->rcpts[i];

		/* A door that could not answer RCPT has kept its refusal. */
		if (!refused(&r->verdict))
			ask_lists(t, l, RULE_CONTENT, r, deadline, &r->verdict);
	}
}

void
engine_ask(struct transaction *t, const struct snap_listener *l, enum stage stage,
    struct recipient *rcpt, struct deadline deadline, struct verdict *v)
{
	switch (stage) {
	case STAGE_NONE:
		return;
	case STAGE_CONNECT:
		ask_lists(t, l, RULE_CONNECT, NULL, deadline, v);
		return;
	case STAGE_HELO:
		ask_lists(t, l, RULE_HELO, NULL, deadline, v);
		return;
	case STAGE_MAIL:
		ask_lists(t, l, RULE_MAIL, NULL, deadline, v);
		return;
	case STAGE_RCPT:
		ask_lists(t, l, RULE_RCPT, rcpt, deadline, v);
		ask_split(t, l, rcpt, deadline, v);
		return;
	case STAGE_DATA:
		ask_lists(t, l, RULE_DATA, NULL, deadline, v);
		return;
	case STAGE_END:
		if (t->message != NULL) {
			ask_message(t, l, deadline);
			rules_scan_end(t);
		} else
			ask_lists(t, l, RULE_END_OF_DATA, NULL, deadline, v);
		return;
	}
}
