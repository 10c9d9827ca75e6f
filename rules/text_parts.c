#include "rules/text_parts.h"

#include <string.h>

#include "base/attr.h"
#include "base/blocking.h"
#include "core/facts.h"
#include "mail/html_text.h"
#include "mail/parts.h"
#include "mail/text_fold.h"
#include "mail/text_seen.h"
#include "mail/text_turn.h"
#include "rules/content_source.h"
#include "rules/rules_private.h"
#include "rules/text_kind.h"
#include "rules/text_readings.h"

#define LONG ((size_t)64 * 1024) /* octets of a part for which another thread takes over */

struct texts { /* kept with the transaction */
	struct text_part *v;
	size_t n, cap;
	size_t part;  /* the next to be looked at */
	size_t first; /* text of it */
	size_t used;  /* octets of decoded parts */
	int done;
};

/* --- one text --- */

static void
add(struct rule_run *run, struct texts *t, struct span text)
{
	for (size_t i = t->first; i < t->n; i++)
		if (span_eq(t->v[i].text, text))
			return;
	if (text.len == 0)
		return;
	if (t->n - t->first == TEXT_READINGS) {
		fact_set_detail(&run->txn->facts, FACT_TEXT_LIMIT, "readings");
		return;
	}
	if (t->n == t->cap) {
		size_t cap = t->cap == 0 ? 4 : t->cap * 2;
		struct text_part *v = arena_alloc(run->arena, cap * sizeof(*v));

		if (t->n > 0)
			memcpy(v, t->v, t->n * sizeof(*v));
		t->v = v;
		t->cap = cap;
	}
	t->v[t->n] = (struct text_part){ .text = arena_span(run->arena, text),
		.part = t->part,
		.reading = (int)(t->n - t->first) };
	t->n++;
}

/* Add it, and as it looks if letters that look alike are one. */
static void
add_folded(struct rule_run *run, struct texts *t, const struct buf *text)
{
	struct buf folded = { 0 };

	add(run, t, buf_span(text));
	if (!run->o->text_fold_homoglyphs)
		return;
	text_fold(buf_span(text), &folded);
	add(run, t, buf_span(&folded));
	buf_fini(&folded);
}

/* A rendering of HTML.  plain: only if there is any HTML in it. */
static unsigned
add_rendered(
    struct rule_run *run, struct texts *t, struct span html, struct html_options o, int plain)
{
	struct buf text = { 0 };
	unsigned seen = html_text(html, &o, &text);

	if (!plain || (seen & HTML_SEEN_TAGS) != 0)
		add_folded(run, t, &text);
	buf_fini(&text);
	return seen;
}

/* What is hidden from most, but not from all. */
static void
add_others(struct rule_run *run, struct texts *t, struct span html, unsigned seen, int plain)
{
	struct html_options o = { .hide = HIDE_NOTHING };
	unsigned inside = 0;

	if (seen & HTML_SEEN_HIDDEN)
		add_rendered(run, t, html, o, plain);
	o = (struct html_options){ .hide = HIDE_LIKELY, .conditional = HTML_OUTLOOK };
	if (seen & HTML_SEEN_CONDITIONAL)
		inside = add_rendered(run, t, html, o, plain);
	if ((inside & HTML_SEEN_HIDDEN) != 0 && (seen & HTML_SEEN_HIDDEN) == 0) {
		o.hide = HIDE_NOTHING;
		add_rendered(run, t, html, o, plain);
	}
	o = (struct html_options){ .hide = HIDE_LIKELY, .conditional = HTML_CONDITIONS };
	if (seen & HTML_SEEN_OTHERS)
		add_rendered(run, t, html, o, plain);
	o = (struct html_options){ .hide = HIDE_LIKELY, .turned = 1 };
	if (seen & HTML_SEEN_TURNED)
		add_rendered(run, t, html, o, plain);
	o = (struct html_options){ .hide = HIDE_LIKELY, .split = 1 };
	if (seen & HTML_SEEN_SPLIT)
		add_rendered(run, t, html, o, plain);
}

static void
add_html(struct rule_run *run, struct texts *t, struct span html, int plain)
{
	struct html_options o = { .hide = HIDE_LIKELY };
	unsigned seen = add_rendered(run, t, html, o, plain);

	if (plain && (seen & HTML_SEEN_TAGS) == 0)
		return;
	if (seen & HTML_SEEN_HIDDEN)
		fact_set(&run->txn->facts, FACT_TEXT_HIDDEN);
	if (seen & HTML_SEEN_LIMIT)
		fact_set_detail(&run->txn->facts, FACT_TEXT_LIMIT, "html");
	if (seen & HTML_SEEN_MAYBE)
		add_rendered(run, t, html, (struct html_options){ .hide = HIDE_MAYBE }, plain);
	if (seen & HTML_SEEN_LIKELY)
		add_rendered(run, t, html, (struct html_options){ .hide = HIDE_CERTAIN }, plain);
	add_others(run, t, html, seen, plain);
}

/* As it is read where it runs from right to left. */
static void
add_turned(struct rule_run *run, struct texts *t, struct span text)
{
	struct buf turned = { 0 }, clean = { 0 };

	buf_add_span(&turned, text);
	turned.len = text_turn(turned.p, turned.len, 0);
	text_clean(buf_span(&turned), &clean);
	add_folded(run, t, &clean);
	buf_fini(&turned);
	buf_fini(&clean);
}

static void
add_text(struct rule_run *run, struct texts *t, struct span text, unsigned kind)
{
	struct buf clean = { 0 };

	if (kind & TEXT_IS_PLAIN) {
		text_clean(text, &clean);
		add_folded(run, t, &clean);
		if (text_is_turned(text))
			add_turned(run, t, text);
		buf_fini(&clean);
	}
	if (kind & TEXT_IS_HTML)
		add_html(run, t, text, 0);
	else if (span_find(text, '<') < text.len)
		add_html(run, t, text, 1);
}

/* --- one part --- */

struct taking {
	struct rule_run *run;
	struct texts *texts;
};

static void
take_text(void *arg, struct span text, unsigned kind)
{
	struct taking *k = arg;

	add_text(k->run, k->texts, text, kind);
}

static void
unknown_charset(void *arg, struct span label)
{
	struct taking *k = arg;

	fact_set_detail(&k->run->txn->facts, FACT_TEXT_CHARSET,
	    arena_str(k->run->arena, span_make(label.p, label.len < 40 ? label.len : 40)));
}

static void
add_octets(struct rule_run *run, struct texts *t, const struct parts_part *part, struct span octets,
    unsigned kind)
{
	struct taking k = { run, t };
	struct text_readings o = { .part = part,
		.kind = kind,
		.text = take_text,
		.unknown_charset = unknown_charset,
		.arg = &k };

	if (octets.len > LONG)
		blocking_begin(); /* it computes for long */
	text_readings(&o, octets);
	if (octets.len > LONG)
		blocking_end();
}

/* As much as text_check_size_limit leaves. */
static struct span
within_limit(struct rule_run *run, struct texts *t, struct span octets)
{
	size_t limit = (size_t)run->o->text_check_size_limit;

	if (limit > 0 && octets.len > limit - t->used) {
		octets.len = limit - t->used;
		fact_set_detail(&run->txn->facts, FACT_TEXT_LIMIT, "size");
	}
	t->used += octets.len;
	return octets;
}

static void
add_part(struct rule_run *run, struct texts *t, struct parts *parts)
{
	struct parts_part part;
	unsigned kind;
	int rc = parts_look(parts, t->part, &part);

	if (rc != 1) {
		t->done = 1;
		if (rc == -1)
			fact_set_detail(&run->txn->facts, FACT_TEXT_LIMIT, "parts");
		return;
	}
	t->first = t->n;
	kind = text_kind(&part);
	if (part.more)
		fact_set_detail(&run->txn->facts, FACT_TEXT_LIMIT, "names");
	if (kind != 0) {
		parts_get(parts, t->part, &part);
		if (!part.whole)
			fact_set_detail(&run->txn->facts, FACT_TEXT_LIMIT, "parts");
		if ((kind & TEXT_IS_DOUBTFUL) == 0 || text_looks_like(part.decoded))
			add_octets(run, t, &part, within_limit(run, t, part.decoded), kind);
	}
	t->part++;
}

int
text_part_get(struct rule_run *run, size_t i, struct text_part *out)
{
	struct texts *t = content_keep(run, "texts", sizeof(*t));
	struct parts *parts = rule_parts(run);

	if (parts == NULL)
		return 0;
	while (i >= t->n && !t->done)
		add_part(run, t, parts);
	if (i >= t->n)
		return 0;
	*out = t->v[i];
	return 1;
}
