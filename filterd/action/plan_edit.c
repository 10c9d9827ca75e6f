#include <stdlib.h>
#include <string.h>

#include "action/plan_edit.h"
#include "action/score_header.h"
#include "action/tag.h"
#include "base/arena.h"
#include "base/xmem.h"
#include "core/message.h"
#include "core/score.h"

/* At one offset, what is put there comes before what is taken away. */
static int
comes_first(const struct edit *a, const struct edit *b)
{
	if (a->at != b->at)
		return a->at < b->at;
	return a->del == 0 || b->del > 0;
}

/* What is made of a field that nobody has a rule for, a recipient's rule may make something else
 * of. */
static int
makes_way(const struct edit *e, const struct edit *own)
{
	return e->yields && own->at == e->at && own->del == e->del;
}

/* The message's edits, and those of the recipient that leave what these change alone: the message's
 * rules came first. */
static void
add_rules(struct edit_list *out, const struct edit_list *all, const struct edit_list *own)
{
	size_t i = 0, k = 0;
	const struct edit *e;

	edit_list_reserve(out, out->n + all->n + own->n);
	while (i < all->n || k < own->n) {
		if (i < all->n && k < own->n && makes_way(&all->v[i], &own->v[k]))
			i++;
		if (k == own->n || (i < all->n && comes_first(&all->v[i], &own->v[k]))) {
			e = &all->v[i++];
		} else {
			e = &own->v[k++];
			if (i < all->n && e->at + e->del > all->v[i].at)
				continue;
		}
		edit_add_kept(out, e->at, e->del, e->ins);
	}
}

#define FIELD_MAX ((size_t)100 * 1024) /* octets of a field that is put in front */

/* A field a text, and never more: whoever made it, a line end in it would end the header where the
 * sender of the message likes. */
static void
add_prepends(struct edit_list *out, const struct effect_texts *prepends)
{
	struct buf line = { 0 };

	for (size_t i = 0; i < prepends->n; i++) {
		const char *text = prepends->v[i].arg;

		buf_reset(&line);
		for (size_t k = 0; text[k] != '\0' && k < FIELD_MAX; k++)
			buf_addc(&line, text[k] == '\r' || text[k] == '\n' ? ' ' : text[k]);
		buf_adds(&line, "\r\n");
		edit_add(out, 0, 0, buf_span(&line));
	}
	buf_fini(&line);
}

/* Only who is tagged is told of the points. */
static int
shows_score(const struct verdict *all, const struct verdict *own, const struct plan_options *o)
{
	return o->score_header != NULL && o->score_header[0] != '\0' &&
	       all->tags.n + own->tags.n > 0 && all->score.n + own->score.n > 0;
}

static void
add_score(struct edit_list *out, const struct verdict *all, const struct verdict *own,
    const struct plan_options *o)
{
	struct buf text = { 0 };

	score_format(&all->score, &own->score, &text);
	score_header_add(out, o->score_header, buf_span(&text));
	buf_fini(&text);
}

/* The rules' edits, and none of the message's own fields that look like ours. */
static void
add_changes(struct edit_list *out, struct span message, const struct verdict *all,
    const struct verdict *own, const struct plan_options *o)
{
	struct edit_list drops, rules;

	if (!shows_score(all, own, o)) {
		add_rules(out, &all->edits, &own->edits);
		return;
	}
	edit_list_init(&drops, out->arena);
	edit_list_init(&rules, out->arena);
	score_header_drop(&drops, message, o->score_header);
	add_rules(&rules, &all->edits, &own->edits);
	add_rules(out, &rules, &drops);
}

const struct edit_list *
plan_edits(struct transaction *txn, const struct verdict *own, const struct plan_options *o)
{
	const struct verdict *all = &txn->verdict;
	struct edit_list *out, rules;
	struct tag_options tag = {
		.header = o->tag_header,
		.subject_prefix = o->tag_subject_prefix,
		.smtputf8 = txn->smtputf8,
	};
	int tagged = all->tags.n + own->tags.n > 0;

	if (!tagged && all->prepends.n + own->prepends.n + own->edits.n == 0)
		return all->edits.n == 0 ? NULL : &all->edits;
	if (!tagged && all->prepends.n + own->prepends.n + all->edits.n == 0)
		return &own->edits;
	out = arena_calloc(txn->arena, sizeof(*out));
	edit_list_init(out, txn->arena);
	add_prepends(out, &all->prepends);
	add_prepends(out, &own->prepends);
	if (shows_score(all, own, o))
		add_score(out, all, own, o);
	if (!tagged) {
		add_rules(out, &all->edits, &own->edits);
	} else {
		edit_list_init(&rules, txn->arena);
		add_changes(&rules, message_view(txn->message), all, own, o);
		tag_apply(out, message_view(txn->message), &rules, &tag);
	}
	return out->n == 0 ? NULL : out;
}

int
plan_edits_same(const struct transaction *txn, const struct plan_options *o,
    const struct verdict *a, const struct verdict *b)
{
	if (a == b)
		return 1;
	if (shows_score(&txn->verdict, a, o) != shows_score(&txn->verdict, b, o) ||
	    (shows_score(&txn->verdict, a, o) && !score_same(&a->score, &b->score)))
		return 0;
	if ((a->tags.n > 0) != (b->tags.n > 0) || a->prepends.n != b->prepends.n)
		return 0;
	for (size_t i = 0; i < a->prepends.n; i++)
		if (strcmp(a->prepends.v[i].arg, b->prepends.v[i].arg) != 0)
			return 0;
	return edit_list_same(&a->edits, &b->edits);
}

int
plan_edits_any(const struct verdict *v)
{
	return v->tags.n + v->prepends.n + v->edits.n > 0;
}

const struct origin *
plan_edits_by(const struct verdict *v, const struct verdict *beside, const struct plan_options *o)
{
	/* TAG may be there for the log alone. */
	if (v->tags.n > 0 && (o->tag_header[0] != '\0' || o->tag_subject_prefix[0] != '\0' ||
				 shows_score(v, beside, o)))
		return &v->tags.v[0].origin;
	if (v->prepends.n > 0)
		return &v->prepends.v[0].origin;
	return v->edits.n > 0 ? &v->origin : NULL;
}

static int
has_effect(const struct effect_texts *t, const char *arg)
{
	for (size_t i = 0; i < t->n; i++)
		if (strcmp(t->v[i].arg, arg) == 0)
			return 1;
	return 0;
}

static void
join_effects(struct effect_texts *to, const struct effect_texts *more, struct arena *a)
{
	for (size_t i = 0; i < more->n; i++)
		if (!has_effect(to, more->v[i].arg))
			effect_add(to, a, more->v[i].arg, more->v[i].origin);
}

/* from: where the edits of this offset begin, for what is asked in order of offset. */
static int
has_edit(const struct edit_list *l, const struct edit *e, size_t *from)
{
	while (*from < l->n && l->v[*from].at < e->at)
		(*from)++;
	for (size_t i = *from; i < l->n && l->v[i].at == e->at; i++)
		if (l->v[i].del == e->del && span_eq(l->v[i].ins, e->ins))
			return 1;
	return 0;
}

static void
join_edits(struct edit_list *to, const struct edit_list *more, struct arena *a)
{
	struct edit_list fresh = { .arena = a }, joined;
	size_t from = 0;

	if (edit_list_shared(to, more))
		return;
	fresh.v = xcalloc(more->n + 1, sizeof(*fresh.v));
	for (size_t i = 0; i < more->n; i++)
		if (!has_edit(to, &more->v[i], &from))
			fresh.v[fresh.n++] = more->v[i];
	if (fresh.n > 0) {
		edit_list_init(&joined, a);
		add_rules(&joined, to, &fresh);
		*to = joined;
	}
	free(fresh.v);
}

void
plan_edits_join(struct verdict *to, const struct verdict *more, struct arena *a)
{
	/* Of several lists of points the highest one is told. */
	if (more->tags.n > 0 && more->score.n > 0 &&
	    (to->score.n == 0 || more->score.total > to->score.total))
		score_copy(&to->score, &more->score, a);
	join_effects(&to->tags, &more->tags, a);
	join_effects(&to->prepends, &more->prepends, a);
	join_edits(&to->edits, &more->edits, a);
}
