/* What an evaluation tells its trace, and how it looks on behind a decision. */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "rules/rules_private.h"

void
rule_trace_result(struct rule_run *run, enum trace_kind kind, enum rule_result r)
{
	const char *text = "dunno";

	if (run->trace == NULL)
		return;
	if (r == RULE_OK)
		text = "ok";
	else if (r == RULE_REFUSED)
		text = arena_printf(
		    run->arena, "%d %s %s", run->v->code, run->v->enhanced, run->v->text);
	trace_add(run->trace, &(struct trace_event){ .kind = kind, .answer = text });
}

void
rule_trace_text(struct rule_run *run, enum trace_kind kind, const char *name, const char *answer)
{
	struct origin o = rule_origin(run);

	if (run->trace == NULL)
		return;
	if (kind != TRACE_EFFECT && kind != TRACE_SETTLED)
		o.file = NULL;
	trace_add(run->trace, &(struct trace_event){ .kind = kind,
				  .name = name,
				  .answer = answer,
				  .file = o.file,
				  .line = o.file == NULL ? 0 : o.line });
}

void
rule_trace_stage(struct rule_run *run)
{
	const struct rule_ask *ask = run->ask;

	if (run->trace == NULL)
		return;
	trace_add(run->trace,
	    &(struct trace_event){ .kind = TRACE_STAGE,
		.name = rules_stage_name(ask->stage),
		.key = run->rcpt == NULL ? span_make(NULL, 0) : span_str(run->rcpt->octets) });
}

void
rule_trace_verdict(struct rule_run *run)
{
	const struct verdict *v = run->v;
	const struct origin *o = &v->origin;

	if (run->trace == NULL)
		return;
	if (v->outcome == OUTCOME_DUNNO || v->outcome == OUTCOME_OK) {
		trace_add(run->trace, &(struct trace_event){ .kind = TRACE_VERDICT,
					  .answer = v->outcome == OUTCOME_OK ? "ok" : "dunno" });
		return;
	}
	trace_add(run->trace,
	    &(struct trace_event){ .kind = TRACE_VERDICT,
		.name = o->list,
		.file = o->file,
		.line = o->file == NULL ? 0 : o->line,
		.answer = arena_printf(run->arena, "%d %s %s", v->code, v->enhanced, v->text) });
}

/* --- DNS --- */

/* So much of the answer is shown. */
#define SHOWN_RECORDS ((size_t)8)
#define SHOWN_STRING  ((size_t)100)

static void
show_record(enum dns_type type, const struct dns_rr *rr, char *out, size_t size)
{
	char address[INET6_ADDRSTRLEN];
	struct span first = rr->nstrings == 0 ? rr->data : rr->strings[0];

	switch (type) {
	case DNS_A:
	case DNS_AAAA:
		snprintf(out, size, "%s",
		    inet_ntop(
			type == DNS_A ? AF_INET : AF_INET6, rr->data.p, address, sizeof(address)));
		return;
	case DNS_MX:
		snprintf(out, size, "%u %s", rr->preference, rr->name);
		return;
	case DNS_TXT:
		if (first.len > SHOWN_STRING)
			first.len = SHOWN_STRING;
		snprintf(out, size, "\"%.*s\"", (int)first.len, (const char *)first.p);
		return;
	case DNS_SOA:
	case DNS_NS:
	case DNS_CNAME:
	case DNS_PTR:
		snprintf(out, size, "%s", rr->name);
		return;
	}
}

static const char *
show_records(enum dns_type type, const struct dns_result *r, char *out, size_t size)
{
	size_t at = 0;

	out[0] = '\0';
	for (size_t i = 0; i < r->n && i <= SHOWN_RECORDS && at + 8 < size; i++) {
		if (i > 0)
			at += (size_t)snprintf(out + at, size - at, ", ");
		if (i < SHOWN_RECORDS)
			show_record(type, &r->rr[i], out + at, size - at);
		else
			snprintf(out + at, size - at, "...");
		at += strlen(out + at);
	}
	return out;
}

void
rule_trace_dns(
    struct rule_run *run, const struct kept_dns *k, const struct dns_result *r, int64_t us)
{
	char records[TRACE_TEXT + 1];

	if (run->trace == NULL)
		return;
	trace_add(run->trace, &(struct trace_event){ .kind = TRACE_DNS,
				  .name = dns_type_text(k->type),
				  .key = span_str(k->name),
				  .answer = r->outcome == DNS_FOUND
						? show_records(k->type, r, records, sizeof(records))
						: dns_outcome_text(r->outcome),
				  .failed = dns_outcome_answer(r->outcome) == -1,
				  .us = us });
}

/* --- what would have decided next --- */

int
rule_look_wanted(const struct rule_run *run)
{
	return run->trace != NULL && run->trace->go_on && !run->looking && !run->found;
}

void
rule_look_begin(struct rule_run *run, struct rule_look *l)
{
	l->run = *run;
	l->client = run->kept->client;
	l->helo = run->kept->helo;
	l->sender = run->kept->sender;
	l->sender_listed = run->kept->sender_listed;
	l->recipient_listed = run->kept->recipient_listed;
	verdict_init(&l->v, run->arena);
	verdict_init(&l->effects, run->arena);
	run->v = &l->v;
	run->effects = &l->effects;
	run->warn_depth = 0;
	run->looking = 1;
	trace_add(run->trace, &(struct trace_event){ .kind = TRACE_NEXT });
}

void
rule_look_end(struct rule_run *run, struct rule_look *l, int found)
{
	trace_add(run->trace,
	    &(struct trace_event){ .kind = TRACE_NEXT_END, .answer = found ? NULL : "" });
	*run = l->run;
	run->kept->client = l->client;
	run->kept->helo = l->helo;
	run->kept->sender = l->sender;
	run->kept->sender_listed = l->sender_listed;
	run->kept->recipient_listed = l->recipient_listed;
	run->found = found;
}

int
rule_look_only(struct rule_run *run, const char *what)
{
	if (!run->looking)
		return 0;
	rule_trace_text(run, TRACE_NOTE, NULL, what);
	return 1;
}
