/* A decision as JSON. */
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "ctl/explain.h"
#include "engine/decision.h"
#include "rules/trace.h"

/* More classes within one another no configuration has. */
#define DEPTH_MAX 100

/* What the mail brought may be any octets, JSON takes only UTF-8. */
static json_t *
text_json(struct span s)
{
	struct buf b = { 0 };
	json_t *j = s.p == NULL ? json_null() : json_stringn((const char *)s.p, s.len);

	if (j == NULL) {
		log_quote(&b, s, SIZE_MAX);
		j = json_string(buf_cstr(&b));
		buf_fini(&b);
	}
	return j;
}

static void
set(json_t *o, const char *name, struct span s)
{
	json_object_set_new(o, name, text_json(s));
}

static void
set_some(json_t *o, const char *name, struct span s)
{
	if (s.len > 0)
		set(o, name, s);
}

/* As the log has it: FILE:LINE, or the name of what is in no file. */
static void
set_rule(json_t *o, struct span file, int line, struct span otherwise)
{
	struct buf b = { 0 };

	if (file.len == 0) {
		set_some(o, "rule", otherwise);
		return;
	}
	buf_add_span(&b, file);
	if (line > 0)
		buf_printf(&b, ":%d", line);
	set(o, "rule", buf_span(&b));
	buf_fini(&b);
}

/* --- the trace --- */

struct builder {
	json_t *stages;
	json_t *open[DEPTH_MAX]; /* within one another; the first is the stage */
	size_t depth;
	size_t too_deep;
};

static json_t *
item(const char *type)
{
	return json_pack("{s:s}", "type", type);
}

static void
add(struct builder *b, json_t *o)
{
	/* Only of a record that is damaged. */
	if (b->depth == 0) {
		json_decref(o);
		return;
	}
	json_array_append_new(json_object_get(b->open[b->depth - 1], "steps"), o);
}

/* What follows is within it. */
static void
push(struct builder *b, json_t *o)
{
	json_object_set_new(o, "steps", json_array());
	if (b->depth == 0 || b->depth == DEPTH_MAX) {
		b->too_deep += b->depth > 0;
		json_decref(o);
		return;
	}
	add(b, o);
	b->open[b->depth++] = o;
}

/* The innermost one, or NULL; the stage stays. */
static json_t *
pop(struct builder *b)
{
	if (b->too_deep > 0) {
		b->too_deep--;
		return NULL;
	}
	return b->depth <= 1 ? NULL : b->open[--b->depth];
}

static void
begin_stage(struct builder *b, const struct trace_read *e)
{
	json_t *o = json_object();

	set(o, "stage", e->name);
	if (e->key.p != NULL)
		set(o, "recipient", e->key);
	json_object_set_new(o, "steps", json_array());
	json_array_append_new(b->stages, o);
	b->open[0] = o;
	b->depth = 1;
	b->too_deep = 0;
}

static json_t *
asked(const char *type, const struct trace_read *e, const char *whom, const char *what)
{
	json_t *o = item(type);

	set(o, whom, e->name);
	if (what != NULL)
		set(o, what, e->key);
	set(o, "answer", e->answer);
	if (e->failed)
		json_object_set_new(o, "failed", json_true());
	set_rule(o, e->file, e->line, span_make(NULL, 0));
	json_object_set_new(o, "ms", json_real((double)e->us / 1000));
	return o;
}

static json_t *
row(const struct trace_read *e)
{
	json_t *o = item("restriction");

	set(o, "restriction", e->name);
	set_rule(o, e->file, e->line, span_make(NULL, 0));
	if (e->warned)
		json_object_set_new(o, "warn_if_reject", json_true());
	return o;
}

static json_t *
named(const char *type, const struct trace_read *e, const char *name, const char *text)
{
	json_t *o = item(type);

	if (name != NULL)
		set(o, name, e->name);
	if (text != NULL)
		set(o, text, e->answer);
	set_rule(o, e->file, e->line, span_make(NULL, 0));
	return o;
}

static void
end(struct builder *b, const struct trace_read *e)
{
	json_t *o = pop(b);

	if (o != NULL)
		set(o, "result", e->answer.p == NULL ? span_str("dunno") : e->answer);
}

/* The innermost restriction that decided, of those behind a decision. */
static json_t *
decider(json_t *steps)
{
	for (size_t i = json_array_size(steps); i-- > 0;) {
		json_t *o = json_array_get(steps, i);
		const char *result = json_string_value(json_object_get(o, "result"));
		json_t *inner;

		if (result == NULL || strcmp(result, "dunno") == 0)
			continue;
		inner = decider(json_object_get(o, "steps"));
		if (inner != NULL)
			return inner;
		if (json_object_get(o, "restriction") != NULL)
			return o;
	}
	return NULL;
}

static void
end_next(struct builder *b, const struct trace_read *e)
{
	json_t *o = pop(b), *by, *next;

	if (o == NULL)
		return;
	json_object_set_new(o, "found", json_boolean(e->answer.p == NULL));
	by = e->answer.p == NULL ? decider(json_object_get(o, "steps")) : NULL;
	if (by == NULL)
		return;
	next = json_object_get(b->open[0], "next");
	if (next == NULL) {
		next = json_array();
		json_object_set_new(b->open[0], "next", next);
	}
	o = json_object();
	json_object_set(o, "restriction", json_object_get(by, "restriction"));
	if (json_object_get(by, "rule") != NULL)
		json_object_set(o, "rule", json_object_get(by, "rule"));
	json_object_set(o, "result", json_object_get(by, "result"));
	json_array_append_new(next, o);
}

static void
verdict(struct builder *b, const struct trace_read *e)
{
	if (b->depth == 0)
		return;
	set(b->open[0], "verdict", e->answer);
	set_some(b->open[0], "list", e->name);
	set_rule(b->open[0], e->file, e->line, e->name);
}

/* Doors say more than what lists decide: a reply is this stage's when it has its code, or is a
 * policy door's. */
static void
reply(struct builder *b, const struct trace_read *e)
{
	const char *v =
	    b->depth == 0 ? NULL : json_string_value(json_object_get(b->open[0], "verdict"));

	if (v == NULL || json_object_get(b->open[0], "reply") != NULL)
		return;
	if (span_case_starts(e->answer, "action=") ||
	    (strlen(v) >= 3 && e->answer.len >= 3 && memcmp(e->answer.p, v, 3) == 0))
		set(b->open[0], "reply", e->answer);
}

static void
event(struct builder *b, const struct trace_read *e)
{
	switch (e->kind) {
	case TRACE_STAGE:
		begin_stage(b, e);
		break;
	case TRACE_LIST:
		push(b, named("list", e, "list", NULL));
		break;
	case TRACE_ROW:
		push(b, row(e));
		break;
	case TRACE_LOOKUP:
		add(b, asked("lookup", e, "table", "key"));
		break;
	case TRACE_DNS:
		add(b, asked("dns", e, "query", "name"));
		break;
	case TRACE_POLICY:
		add(b, asked("policy", e, "server", NULL));
		break;
	case TRACE_VERIFY:
		add(b, asked("verify", e, "server", "address"));
		break;
	case TRACE_EFFECT:
		add(b, named("effect", e, "effect", "argument"));
		break;
	case TRACE_WAITS:
		add(b, named("deferral", e, "deferral", "reply"));
		break;
	case TRACE_SETTLED:
		add(b, named("settled", e, "deferral", NULL));
		break;
	case TRACE_WARNED:
		add(b, named("warning", e, NULL, "reply"));
		break;
	case TRACE_NOTE:
		add(b, named("note", e, NULL, "note"));
		break;
	case TRACE_RESULT:
	case TRACE_END:
		end(b, e);
		break;
	case TRACE_NEXT:
		push(b, item("next"));
		break;
	case TRACE_NEXT_END:
		end_next(b, e);
		break;
	case TRACE_VERDICT:
		verdict(b, e);
		break;
	case TRACE_REPLY:
		reply(b, e);
		break;
	case TRACE_SCAN:
		add(b, asked("scan", e, "scan", NULL));
		break;
	}
}

static json_t *
stages_json(struct span trace)
{
	struct builder b = { .stages = json_array() };
	struct trace_reader r = { .all = trace };
	struct trace_read e;

	while (trace_next(&r, &e) == 1)
		event(&b, &e);
	return b.stages;
}

/* --- the rest --- */

static json_t *
client_json(const struct decision *d)
{
	json_t *o = json_object();

	set(o, "address", d->client_address);
	set(o, "name", d->client_name);
	set(o, "reverse_name", d->client_reverse);
	set_some(o, "helo", d->helo);
	set_some(o, "protocol", d->protocol);
	set_some(o, "login", d->login);
	set_some(o, "told_by", d->source);
	set_some(o, "queue_id", d->queue_id);
	return o;
}

static json_t *
rcpts_json(const struct decision *d)
{
	json_t *a = json_array();

	for (size_t i = 0; i < d->nshown; i++) {
		const struct decision_rcpt *r = &d->rcpts[i];
		json_t *o = json_object();

		set(o, "recipient", r->path);
		set_some(o, "fate", r->fate);
		if (r->code != 0)
			json_object_set_new(o, "code", json_integer(r->code));
		set_some(o, "reply", r->reply);
		set_some(o, "list", r->list);
		set_rule(o, r->file, r->line, r->list);
		set_some(o, "decided", r->decided);
		set_some(o, "score", r->score);
		json_array_append_new(a, o);
	}
	return a;
}

json_t *
explain_json(struct span record, struct err *err)
{
	struct arena *a = arena_new();
	struct decision d;
	json_t *o = NULL;
	char when[40];

	if (decision_parse(record, a, &d, err) == 0) {
		clock_format_rfc3339(d.time_us, when, sizeof(when));
		o = json_object();
		set(o, "id", d.id);
		json_object_set_new(o, "time", json_string(when));
		set_some(o, "service", d.service);
		set_some(o, "listener", d.listener);
		json_object_set_new(o, "client", client_json(&d));
		if (d.has_sender)
			set(o, "sender", d.sender);
		set_some(o, "message_id", d.message_id);
		if (d.size > 0)
			json_object_set_new(o, "size", json_integer(d.size));
		json_object_set_new(o, "stages", stages_json(d.trace));
		json_object_set_new(o, "recipients", rcpts_json(&d));
		json_object_set_new(o, "recipients_accepted", json_integer((json_int_t)d.nrcpts));
		if (d.lost > 0)
			json_object_set_new(o, "steps_cut", json_integer((json_int_t)d.lost));
	}
	arena_free(a);
	return o;
}

/* --- how it ended --- */

static int
worse(int status, int code)
{
	if (code >= 500)
		return 1;
	return code >= 400 && status == 0 ? EX_TEMPFAIL : status;
}

int
explain_status(const json_t *o)
{
	const json_t *s;
	int status = 0;
	size_t i;

	json_array_foreach(json_object_get(o, "stages"), i, s)
	{
		const char *v = json_string_value(json_object_get(s, "verdict"));

		status = worse(status, v == NULL ? 0 : (int)strtol(v, NULL, 10));
	}
	json_array_foreach(json_object_get(o, "recipients"), i, s) status =
	    worse(status, (int)json_integer_value(json_object_get(s, "code")));
	return status;
}
