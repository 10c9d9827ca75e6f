/* What an evaluation tells its trace, and how it looks on behind a decision. */
#include <arpa/inet.h>
#include <string.h>

#include "base/clock.h"
#include "core/score.h"
#include "rules/rules_private.h"

void
rule_trace_result(struct rule_run *run, enum trace_kind kind, enum rule_result r)
{
	const char *text = NULL;

	if (run->trace == NULL)
		return;
	if (r == RULE_OK)
		text = "ok";
	else if (r == RULE_REFUSED && run->scored != NULL)
		text = run->scored;
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

int64_t
rule_trace_clock(const struct rule_run *run)
{
	if (run->trace == NULL)
		return 0;
	return run->trace->go_on ? clock_us() : clock_ms() * 1000;
}

/* --- DNS --- */

/* So much of the answer is shown. */
#define SHOWN_RECORDS ((size_t)8)
#define SHOWN_STRING  ((size_t)100)

/* Text at out, within what is left; how much. */
static size_t
append(char *out, size_t left, struct span s)
{
	if (s.len >= left)
		s.len = left - 1;
	memcpy(out, s.p, s.len);
	out[s.len] = '\0';
	return s.len;
}

static size_t
append_ip4(char *out, const uint8_t *p)
{
	char *to = out;

	for (int i = 0; i < 4; i++) {
		if (i > 0)
			*to++ = '.';
		if (p[i] >= 100)
			*to++ = (char)('0' + p[i] / 100);
		if (p[i] >= 10)
			*to++ = (char)('0' + p[i] / 10 % 10);
		*to++ = (char)('0' + p[i] % 10);
	}
	*to = '\0';
	return (size_t)(to - out);
}

/* One record; left is at least an address. */
static size_t
show_record(enum dns_type type, const struct dns_rr *rr, char *out, size_t left)
{
	struct span text = rr->nstrings == 0 ? rr->data : rr->strings[0];

	switch (type) {
	case DNS_A:
		return append_ip4(out, rr->data.p);
	case DNS_AAAA:
		(void)inet_ntop(AF_INET6, rr->data.p, out, (socklen_t)left);
		return strlen(out);
	case DNS_TXT:
		return append(out, left,
		    span_make(text.p, text.len < SHOWN_STRING ? text.len : SHOWN_STRING));
	case DNS_MX:
	case DNS_SOA:
	case DNS_NS:
	case DNS_CNAME:
	case DNS_PTR:
		return append(out, left, span_str(rr->name));
	}
	return 0;
}

static const char *
show_records(enum dns_type type, const struct dns_result *r, char *out, size_t size)
{
	size_t at = 0;

	out[0] = '\0';
	for (size_t i = 0; i < r->n && i <= SHOWN_RECORDS && at + INET6_ADDRSTRLEN + 2 < size;
	     i++) {
		if (i > 0)
			at += append(out + at, size - at, span_str(", "));
		at += i < SHOWN_RECORDS ? show_record(type, &r->rr[i], out + at, size - at)
					: append(out + at, size - at, span_str("..."));
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
	return run->trace != NULL && run->trace->go_on && !run->looking && !run->found &&
	       run->score == NULL;
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
	score_copy(&l->effects.score, &run->effects->score, run->arena);
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
