/* A decision for people, out of its JSON. */
#include <string.h>

#include "base/log.h"
#include "ctl/explain.h"

#define SHOWN ((size_t)300)

static const char *
text_of(const json_t *o, const char *name)
{
	return json_string_value(json_object_get(o, name));
}

/* Bytes from outside get no chance to do something to a terminal. */
static void
put(struct buf *out, const char *s)
{
	log_quote(out, span_str(s == NULL ? "" : s), SHOWN);
}

/* before TEXT after, or nothing where there is no such member. */
static void
put_some(struct buf *out, const char *before, const json_t *o, const char *name, const char *after)
{
	const char *s = text_of(o, name);

	if (s == NULL || s[0] == '\0')
		return;
	buf_adds(out, before);
	put(out, s);
	buf_adds(out, after);
}

static void
indent(struct buf *out, int depth)
{
	for (int i = 0; i < depth; i++)
		buf_adds(out, "  ");
}

/* --- steps --- */

static void
put_time(struct buf *out, const json_t *o)
{
	buf_printf(out, " (%.3f ms)", json_real_value(json_object_get(o, "ms")));
}

static void
put_answer(struct buf *out, const json_t *o)
{
	const char *answer = text_of(o, "answer");

	buf_adds(out, json_object_get(o, "failed") != NULL ? " failed: " : " -> ");
	if (answer == NULL)
		buf_adds(out, "not there");
	else
		put(out, answer);
	put_some(out, "  [", o, "rule", "]");
	put_time(out, o);
}

static void
put_lookup(struct buf *out, const json_t *o)
{
	put(out, text_of(o, "table"));
	put_some(out, " \"", o, "key", "");
	buf_adds(out, text_of(o, "key") == NULL || text_of(o, "key")[0] == '\0' ? " \"\"" : "\"");
	put_answer(out, o);
}

static void
put_dns(struct buf *out, const json_t *o)
{
	put_some(out, "DNS ", o, "query", " ");
	put(out, text_of(o, "name"));
	put_answer(out, o);
}

static void
put_policy(struct buf *out, const json_t *o)
{
	put_some(out, "policy server ", o, "server", "");
	put_answer(out, o);
}

static void
put_scan(struct buf *out, const json_t *o)
{
	put_some(out, "scan ", o, "scan", "");
	put_answer(out, o);
}

static void
put_verify(struct buf *out, const json_t *o)
{
	put_some(out, "verify <", o, "address", ">");
	put_some(out, " at ", o, "server", "");
	put_answer(out, o);
}

static void
put_effect(struct buf *out, const json_t *o)
{
	put_some(out, "effect ", o, "effect", "");
	put_some(out, " ", o, "argument", "");
	put_some(out, "  [", o, "rule", "]");
}

static void
put_deferral(struct buf *out, const json_t *o)
{
	put_some(out, "remembered, ", o, "deferral", ": ");
	put(out, text_of(o, "reply"));
}

static void
put_settled(struct buf *out, const json_t *o)
{
	put_some(out, "what ", o, "deferral", " remembered becomes the reply");
	put_some(out, "  [", o, "rule", "]");
}

static void
put_warning(struct buf *out, const json_t *o)
{
	put_some(out, "logged only: ", o, "reply", "");
}

static void
put_note(struct buf *out, const json_t *o)
{
	put_some(out, "note: ", o, "note", "");
}

static const struct {
	const char *type;
	void (*put)(struct buf *, const json_t *);
} kinds[] = {
	{ "lookup", put_lookup },
	{ "dns", put_dns },
	{ "policy", put_policy },
	{ "scan", put_scan },
	{ "verify", put_verify },
	{ "effect", put_effect },
	{ "deferral", put_deferral },
	{ "settled", put_settled },
	{ "warning", put_warning },
	{ "note", put_note },
};

static void put_steps(struct buf *, const json_t *o, int depth);

static void
put_row(struct buf *out, const json_t *o, int depth)
{
	indent(out, depth);
	if (json_object_get(o, "warn_if_reject") != NULL)
		buf_adds(out, "warn_if_reject ");
	put(out, text_of(o, "restriction"));
	put_some(out, "  [", o, "rule", "]");
	put_some(out, ": ", o, "result", "");
	buf_addc(out, '\n');
	put_steps(out, o, depth + 1);
}

static void
put_list(struct buf *out, const json_t *o, int depth)
{
	indent(out, depth);
	put(out, text_of(o, "list"));
	put_some(out, ": ", o, "result", "");
	buf_addc(out, '\n');
	put_steps(out, o, depth + 1);
}

static void
put_next(struct buf *out, const json_t *o, int depth)
{
	if (json_array_size(json_object_get(o, "steps")) == 0)
		return;
	indent(out, depth);
	buf_adds(
	    out, json_is_true(json_object_get(o, "found"))
		     ? "had that not decided, it would go on:\n"
		     : "had that not decided, it would go on, and none of these would decide:\n");
	put_steps(out, o, depth + 1);
}

static void
put_step(struct buf *out, const json_t *o, int depth)
{
	const char *type = text_of(o, "type");

	if (strcmp(type, "restriction") == 0) {
		put_row(out, o, depth);
	} else if (strcmp(type, "list") == 0) {
		put_list(out, o, depth);
	} else if (strcmp(type, "next") == 0) {
		put_next(out, o, depth);
	} else {
		indent(out, depth);
		for (size_t i = 0; i < nitems(kinds); i++)
			if (strcmp(type, kinds[i].type) == 0)
				kinds[i].put(out, o);
		buf_addc(out, '\n');
	}
}

static void
put_steps(struct buf *out, const json_t *o, int depth)
{
	const json_t *s;
	size_t i;

	json_array_foreach(json_object_get(o, "steps"), i, s) put_step(out, s, depth);
}

/* --- the whole --- */

static void
put_head(struct buf *out, const json_t *o)
{
	const json_t *c = json_object_get(o, "client");

	put_some(out, "decision ", o, "id", "");
	put_some(out, "  ", o, "time", "");
	put_some(out, "  listener ", o, "listener", "");
	put_some(out, " (", o, "service", ")");
	put_some(out, "\nclient ", c, "name", "");
	put_some(out, "[", c, "address", "]");
	put_some(out, "  reverse name ", c, "reverse_name", "");
	put_some(out, "  helo=<", c, "helo", ">");
	put_some(out, "  proto=", c, "protocol", "");
	put_some(out, "  login=", c, "login", "");
	put_some(out, "  told by ", c, "told_by", "");
	put_some(out, "  queue id ", c, "queue_id", "");
	buf_addc(out, '\n');
	if (text_of(o, "sender") != NULL) {
		buf_adds(out, "from <");
		put(out, text_of(o, "sender"));
		buf_addc(out, '>');
		put_some(out, "  message-id=", o, "message_id", "");
		if (json_object_get(o, "size") != NULL)
			buf_printf(out, "  size=%lld",
			    (long long)json_integer_value(json_object_get(o, "size")));
		buf_addc(out, '\n');
	}
}

static void
put_stage(struct buf *out, const json_t *s)
{
	const json_t *n;
	size_t i;

	buf_addc(out, '\n');
	put(out, text_of(s, "stage"));
	put_some(out, " <", s, "recipient", ">");
	put_some(out, ": ", s, "verdict", "");
	buf_addc(out, '\n');
	put_some(out, "  decided by ", s, "list", "");
	if (text_of(s, "list") != NULL)
		put_some(out, "  rule=", s, "rule", "\n");
	put_some(out, "  reply: ", s, "reply", "\n");
	json_array_foreach(json_object_get(s, "next"), i, n)
	{
		put_some(out, "  next would be: ", n, "restriction", "");
		put_some(out, "  [", n, "rule", "]");
		put_some(out, ": ", n, "result", "\n");
	}
	put_steps(out, s, 1);
}

static void
put_rcpt(struct buf *out, const json_t *r)
{
	long long code = (long long)json_integer_value(json_object_get(r, "code"));

	buf_adds(out, "  <");
	put(out, text_of(r, "recipient"));
	buf_adds(out, ">:");
	put_some(out, " ", r, "fate", "");
	if (text_of(r, "fate") == NULL)
		buf_adds(out, " accepted");
	put_some(out, ", decided: ", r, "decided", "");
	if (code != 0)
		buf_printf(out, ", %lld", code);
	put_some(out, " ", r, "reply", "");
	put_some(out, "  by ", r, "list", "");
	put_some(out, "  rule=", r, "rule", "");
	put_some(out, "  score=<", r, "score", ">");
	buf_addc(out, '\n');
}

void
explain_text(const json_t *o, struct buf *out)
{
	long long accepted =
	    (long long)json_integer_value(json_object_get(o, "recipients_accepted"));
	const json_t *x;
	size_t i;

	put_head(out, o);
	json_array_foreach(json_object_get(o, "stages"), i, x) put_stage(out, x);
	if (json_object_get(o, "steps_cut") != NULL)
		buf_printf(out, "\n%lld more steps were not kept: there were too many\n",
		    (long long)json_integer_value(json_object_get(o, "steps_cut")));
	if (accepted == 0)
		return;
	buf_printf(out, "\nrecipients accepted: %lld\n", accepted);
	json_array_foreach(json_object_get(o, "recipients"), i, x) put_rcpt(out, x);
}
