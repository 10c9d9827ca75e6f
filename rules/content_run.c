#include <string.h>
#include <strings.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "core/message.h"
#include "core/transaction.h"
#include "rules/content_impl.h"
#include "rules/trace.h"
#include "table/table.h"

/* The clock is looked at once in so many look-ups; a single one has limits of its own. */
#define ASK_CLOCK 64
/* Of the Message-ID and Subject that logs and the hold store show: more serves nobody, and a log
 * line for each of many recipients would make much of little. */
#define NOTED_MAX 998

struct subject { /* what is looked at: a header field, or a piece of a body line */
	struct span text;
	const char *what; /* "header", "body" */
	int is_header;
};

/* --- the actions --- */

static void
switch_off(struct content_run *r)
{
	r->off = 1;
	r->events.line = NULL;
}

static void
refuse(
    struct content_run *r, int code, const char *enhanced, const char *text, struct origin origin)
{
	int soft = r->cc->soft_bounce && code >= 500;

	verdict_refuse(&r->txn->verdict, soft ? code - 100 : code, enhanced, text, origin);
	switch_off(r);
}

/* A folded field that a pattern caught makes no second line of the reply, nor a code of its own. */
static char *
reply_text(struct arena *arena, const char *text)
{
	char *one_line = arena_strdup(arena, text);

	for (char *p = one_line; *p != '\0'; p++) {
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = ' ';
	}
	return one_line;
}

static void
reject(struct content_run *r, const struct subject *s, const char *arg, const struct origin *origin)
{
	struct check_reject reply = check_reject_parse(arg);
	const char *text = reply_text(r->txn->arena, reply.text);

	if (reply.bad_class)
		log_warn(r->txn->service, r->txn->id,
		    "%s: \"%s\": an enhanced code must be 4.x.x or 5.x.x", origin->list, arg);
	content_log(r->txn, "reject", s->what, s->text, origin,
	    arena_printf(r->txn->arena, "%s %s", reply.enhanced, text));
	refuse(r, reply.code, reply.enhanced, text, *origin);
}

static void
add_bcc(struct content_run *r, const char *addr, const struct origin *origin)
{
	struct effect_texts *bcc = &r->txn->verdict.bcc;

	for (size_t i = 0; i < bcc->n; i++) {
		if (strcasecmp(bcc->v[i].arg, addr) == 0)
			return;
	}
	effect_add(bcc, r->txn->arena, addr, *origin);
}

/* Effects on the whole message.  arg is arena memory. */
static void
effect(struct content_run *r, enum check_verb verb, const char *arg, const struct origin *origin)
{
	struct verdict *v = &r->txn->verdict;

	switch (verb) {
	case CHECK_BCC:
		add_bcc(r, arg, origin);
		break;
	case CHECK_DISCARD:
		v->discard = 1;
		v->discard_reason = arg;
		v->discard_origin = *origin;
		switch_off(r);
		break;
	case CHECK_FILTER:
		v->filter = (struct effect_text){ .arg = arg, .origin = *origin };
		break;
	case CHECK_HOLD:
		v->hold = 1;
		v->hold_reason = arg;
		v->hold_origin = *origin;
		break;
	case CHECK_PASS:
		switch_off(r);
		break;
	case CHECK_REDIRECT:
		v->redirect = (struct effect_text){ .arg = arg, .origin = *origin };
		switch_off(r);
		break;
	case CHECK_TAG:
		effect_add(&v->tags, r->txn->arena, arg, *origin);
		break;
	case CHECK_UNKNOWN:
	case CHECK_DUNNO:
	case CHECK_IGNORE:
	case CHECK_INFO:
	case CHECK_PREPEND:
	case CHECK_REJECT:
	case CHECK_REPLACE:
	case CHECK_STRIP:
	case CHECK_WARN:
		break;
	}
}

/* Postfix's cleanup stops there and then, and this is what it answers. */
static void
failed(struct content_run *r, const char *list, const char *why)
{
	struct origin origin = { .list = list };

	log_warn(r->txn->service, r->txn->id, "%s: %s: message not accepted, try again later", list,
	    why);
	fact_set_detail(&r->txn->facts, FACT_CHECK_FAILED, list);
	trace_add(r->txn->trace, &(struct trace_event){ .kind = TRACE_NOTE, .answer = why });
	refuse(r, 451, "4.3.0", "Error: queue file write error", origin);
}

/* A rule that can do nothing.  Where it is a pattern's substitution that made it so the sender may
 * have had a hand in it, and mail must not get past a REDIRECT that way. */
static void
faulty(struct content_run *r, const struct check_action *a, const char *value, const char *fault,
    const struct origin *origin)
{
	char rule[512];

	origin_format(origin, rule, sizeof(rule));
	log_warn(
	    r->txn->service, r->txn->id, "%s: %s: \"%s\": %s", origin->list, rule, value, fault);
	if ((a->verb == CHECK_BCC || a->verb == CHECK_REDIRECT) && strchr(a->arg, '@') != NULL)
		failed(r, origin->list, "no address to send to");
}

static void
act(struct content_run *r, const struct subject *s, const char *value, const struct origin *origin,
    struct check_result *res)
{
	struct check_action a = check_action_parse(value);
	const char *fault = check_action_fault(&a, s->is_header), *arg;

	if (a.verb == CHECK_TAG && r->cc->postfix_strict)
		fault = "is no action";
	if (fault != NULL) {
		faulty(r, &a, value, fault, origin);
		return;
	}
	if (a.verb == CHECK_DUNNO || (a.verb == CHECK_HOLD && r->txn->verdict.hold))
		return;
	if (a.verb == CHECK_REJECT) {
		reject(r, s, a.arg, origin);
		return;
	}
	arg = arena_strdup(r->txn->arena, a.arg);
	res->drop = a.verb == CHECK_IGNORE || a.verb == CHECK_STRIP;
	res->prepend = a.verb == CHECK_PREPEND ? arg : NULL;
	res->replace = a.verb == CHECK_REPLACE ? arg : NULL;
	content_trace_effect(r->txn, check_verb_name(a.verb), arg, origin);
	if (a.verb != CHECK_IGNORE)
		content_log(r->txn, check_verb_name(a.verb), s->what, s->text, origin, arg);
	effect(r, a.verb, arg, origin);
}

/* --- looking up --- */

/* The first table that knows the key decides. */
static void
check(struct content_run *r, const struct check_list *l, const struct subject *s,
    struct check_result *res)
{
	struct err err;
	struct table_hit hit;

	if (r->off || s->text.len == 0)
		return;
	if (++r->asked % ASK_CLOCK == 0 && deadline_passed(r->deadline)) {
		failed(r, l->parameter, "message_time_limit has passed");
		return;
	}
	for (size_t i = 0; i < l->ntables; i++) {
		const struct table *t = table_set_get(r->txn->tables, l->tables[i]);
		int rc = table_get(t, s->text, r->txn->arena, &hit, &err);

		if (rc == -1) {
			failed(r, l->parameter, err.text);
			return;
		}
		/* No answer that a rule could mean, and to Postfix none at all. */
		if (rc == 1 && hit.value[0] == '\0') {
			failed(r, l->parameter, "an empty result");
			return;
		}
		if (rc == 1) {
			struct origin origin = {
				.list = l->parameter, .file = hit.file, .line = hit.line
			};

			content_trace_hit(r->txn, l->parameter, t, s->text, &hit);
			act(r, s, hit.value, &origin, res);
			content_trace_result(r->txn, &origin);
			return;
		}
	}
}

/* --- header fields --- */

/* The value without its folding; "" when that is all there is. */
static const char *
value_of(struct content_run *r, const struct mime_header *h)
{
	struct span s = mime_header_text(h), line;
	size_t n = 0;
	char *out;

	s.p += h->name.len + 1;
	s.len -= h->name.len + 1;
	s = span_trim(s);
	if (s.len > NOTED_MAX)
		s.len = NOTED_MAX;
	out = arena_alloc(r->txn->arena, s.len + 1);
	while (s.len > 0) {
		span_cut(s, '\n', &line, &s);
		memcpy(out + n, line.p, line.len);
		n += line.len;
	}
	out[n] = '\0';
	return out;
}

static void
note_field(struct content_run *r, const struct mime_header *h)
{
	struct transaction *t = r->txn;

	if (h->class != MIME_HDR_PRIMARY)
		return;
	if (t->message_id[0] == '\0' && span_case_eq_str(h->name, "message-id"))
		t->message_id = value_of(r, h);
	else if (t->subject[0] == '\0' && span_case_eq_str(h->name, "subject"))
		t->subject = value_of(r, h);
}

static int
on_header(void *arg, const struct mime_header *h)
{
	static const enum check_list_kind lists[] = {
		[MIME_HDR_PRIMARY] = LIST_HEADER,
		[MIME_HDR_MULTIPART] = LIST_MIME,
		[MIME_HDR_NESTED] = LIST_NESTED,
	};
	struct content_run *r = arg;
	const struct check_list *l = &r->cc->lists[lists[h->class]];
	struct subject s = { .what = "header", .is_header = 1, .text = h->text };
	struct check_result res = { 0 };

	note_field(r, h);
	if (l->ntables > 0 && !r->off) {
		s.text = mime_header_text(h);
		check(r, l, &s, &res);
	}
	content_edit_field(r, h, s.text, &res);
	return 0;
}

static int
on_end_of_header(void *arg, size_t at, int insert_blank)
{
	struct content_run *r = arg;

	if (insert_blank)
		edit_add(&r->txn->verdict.edits, at, 0, span_str("\r\n"));
	return 0;
}

/* --- body lines --- */

/* So much of a message tables are asked about at once, before they are asked line by line: of more,
 * fewer have nothing that a table knows. */
#define AROUND   4096
#define VAIN_MAX 2

static void
look_around(struct content_run *r, size_t at)
{
	const struct check_list *l = &r->cc->lists[LIST_BODY];
	size_t most = r->len - at < AROUND ? r->len - at : AROUND;
	const uint8_t *end = memrchr(r->base + at, '\n', most);
	struct span text;

	r->around = at + most;
	r->asked |= ASK_CLOCK - 1; /* the next look-up looks at the clock */
	if (end == NULL || deadline_passed(r->deadline))
		return;
	text = span_make(r->base + at, (size_t)(end - (r->base + at)));
	for (size_t i = 0; i < l->ntables; i++)
		if (!table_rules_out(table_set_get(r->txn->tables, l->tables[i]), text)) {
			if (++r->vain > VAIN_MAX)
				r->around = SIZE_MAX;
			return;
		}
	r->vain -= r->vain > 0;
	r->clean = r->around = at + text.len + 1;
}

/* Is it certain that no table knows the line?  Of a piece of one, or one with a NUL, it is not: it
 * may end inside a word. */
static int
is_clean(struct content_run *r, const struct mime_line *l, size_t len)
{
	if (r->off || !l->first || !l->last || len < l->text.len)
		return 0;
	if (l->at >= r->around)
		look_around(r, l->at);
	return l->at + len < r->clean;
}

static int
on_line(void *arg, const struct mime_line *l)
{
	struct content_run *r = arg;
	/* Postfix asks with a C string. */
	struct subject s = { .what = "body",
		.text = span_make(l->text.p, strnlen((const char *)l->text.p, l->text.len)) };
	struct check_result res = { 0 };

	if (is_clean(r, l, s.text.len))
		return 0;
	check(r, &r->cc->lists[LIST_BODY], &s, &res);
	content_edit_line(r, l, &res);
	return 0;
}

/* --- what the walk saw --- */

static const struct {
	enum mime_seen bit;
	enum fact fact;
} seen_facts[] = {
	{ MIME_SEEN_DEPTH, FACT_MIME_LIMIT_DEPTH },
	{ MIME_SEEN_PARTS, FACT_MIME_LIMIT_PARTS },
	{ MIME_SEEN_BOUNDARY_CUT, FACT_MIME_LIMIT_BOUNDARY },
	{ MIME_SEEN_HEADER_CUT, FACT_HEADER_OVER_LIMIT },
	{ MIME_SEEN_HEADER_NUL, FACT_HEADER_NUL },
	{ MIME_SEEN_NON_HEADER, FACT_HEADER_NON_HEADER },
	{ MIME_SEEN_HEADER_COUNT, FACT_HEADER_COUNT },
	{ MIME_SEEN_NO_HEADER, FACT_HEADER_NONE },
};

/* nul_in_header and its siblings. */
static void
odd_header(struct content_run *r, enum mime_seen bit, int outcome, const char *parameter,
    const char *enhanced, const char *text)
{
	struct origin origin = { .list = parameter };
	struct verdict *v = &r->txn->verdict;

	if ((r->index->seen & bit) == 0 || outcome == 0)
		return;
	if (outcome == 1) {
		content_log(r->txn, "reject", "header", span_str(text), &origin, NULL);
		refuse(r, 550, enhanced, text, origin);
	} else if (!v->hold) {
		content_log(r->txn, "hold", "header", span_str(text), &origin, NULL);
		v->hold = 1;
		v->hold_reason = text;
		v->hold_origin = origin;
	}
}

static void
conclude(struct content_run *r)
{
	const struct content_checks *cc = r->cc;
	struct verdict *v = &r->txn->verdict;

	for (size_t i = 0; i < sizeof(seen_facts) / sizeof(seen_facts[0]); i++) {
		if (r->index->seen & seen_facts[i].bit)
			fact_set(&r->txn->facts, seen_facts[i].fact);
	}
	if ((r->index->seen & MIME_SEEN_DEPTH) != 0 && !v->discard) {
		struct origin origin = { .list = "mime_nesting_limit" };

		if (v->outcome == OUTCOME_DUNNO)
			content_log(r->txn, "reject", "mime-error",
			    span_str("MIME nesting exceeds safety limit"), &origin, NULL);
		refuse(r, 550, "5.6.0", "MIME nesting exceeds safety limit", origin);
	}
	odd_header(r, MIME_SEEN_HEADER_NUL, cc->header_nul, "nul_in_header", "5.6.0",
	    "NUL octet in the message header");
	odd_header(r, MIME_SEEN_HEADER_CUT, cc->header_over, "header_over_limit", "5.3.4",
	    "message header field too long");
	odd_header(r, MIME_SEEN_NON_HEADER, cc->non_header_line, "non_header_line", "5.6.0",
	    "message header ends at a line that is no header field");
}

void
content_checks_run(const struct content_checks *cc, struct transaction *txn, struct deadline d,
    struct mime_index *index)
{
	struct span message = message_view(txn->message);
	struct content_run r = { .cc = cc,
		.txn = txn,
		.index = index,
		.base = message.p,
		.len = message.len,
		.deadline = d };
	struct mime_options opt = cc->mime;
	int traced;

	opt.lead = txn->lead;
	r.events = (struct mime_events){ .header = on_header,
		.end_of_header = on_end_of_header,
		.line = cc->lists[LIST_BODY].ntables > 0 ? on_line : NULL,
		.line_limit = cc->body_checks_size_limit,
		.lazy_text = 1,
		.arg = &r };
	traced = content_trace_begin(cc, txn);
	(void)mime_walk(message, &opt, &r.events, txn->arena, index);
	conclude(&r);
	content_trace_end(cc, txn, traced);
	buf_fini(&r.out);
}
