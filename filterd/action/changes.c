/* Edits as the changes of fields that an MTA is told; the facts behind the order are in handback.h.
 *
 * The header is edited as one text and then compared with what it was, field by field: where the
 * rules' edits begin and end (in a field, between two, over several) does not matter then. */
#include <string.h>

#include "action/handback.h"
#include "action/header_fields.h"
#include "base/arena.h"
#include "base/attr.h"
#include "core/edit.h"

#define LOOK 32       /* fields that are looked ahead in both headers at once */
#define FAR  10000000 /* comparisons of fields that are farther apart, in one message */

static int
same_field(const struct field *a, const struct field *b)
{
	return a->hash == b->hash && span_eq(a->text, b->text);
}

/* --- what became of which field --- */

static void
pair(struct header *was, size_t i, struct header *is, size_t k)
{
	was->v[i].other = k;
	is->v[k].other = i;
}

/* A field whose value becomes white space is deleted and put there again: an empty value would be
 * taken for a deletion.  So is one whose name is spelled otherwise, for Sendmail leaves that. */
static int
may_change(const struct field *from, const struct field *to)
{
	return from->name.len > 0 && span_eq(from->name, to->name) && field_can_be_told(to) &&
	       span_trim(field_value(to)).len > 0;
}

static int
may_be(const struct field *from, const struct field *to)
{
	return same_field(from, to) || may_change(from, to);
}

struct comparison {
	struct header old, new; /* less what is at the end of both */
	size_t i, k;            /* so many fields of each are done; */
	size_t a, b;            /* so many more stand in front of two that are alike */
	size_t far;             /* how often it may still be looked farther than LOOK */
};

typedef int alike_fn(const struct field *, const struct field *);

static int
is_alike(struct comparison *c, size_t a, size_t b, alike_fn *alike)
{
	c->a = a;
	c->b = b;
	if (c->i + a >= c->old.n || c->k + b >= c->new.n)
		return 0;
	return alike(&c->old.v[c->i + a], &c->new.v[c->k + b]);
}

/* What is not found because it is too far away is deleted and put there again. */
static int
find_far(struct comparison *c, alike_fn *alike)
{
	size_t a = c->old.n - c->i, b = c->new.n - c->k;

	for (size_t n = LOOK; n < a && c->far > 0; n++, c->far--)
		if (is_alike(c, n, 0, alike))
			return 1;
	for (size_t n = LOOK; n < b && c->far > 0; n++, c->far--)
		if (is_alike(c, 0, n, alike))
			return 1;
	return 0;
}

/* The nearest fields from here on that are alike. */
static int
find_alike(struct comparison *c, alike_fn *alike)
{
	for (size_t far = 0; far <= LOOK; far++)
		for (size_t a = 0; a <= far; a++)
			if (is_alike(c, a, far - a, alike))
				return 1;
	return find_far(c, alike);
}

/* These have nothing in common: what has the same name, in this order, is changed. */
static void
pair_names(struct comparison *c)
{
	size_t i = c->i, i_end = c->i + c->a, k_end = c->k + c->b;

	for (size_t k = c->k; k < k_end; k++) {
		size_t at = i;

		while (at < i_end && !may_change(&c->old.v[at], &c->new.v[k]))
			at++;
		if (at == i_end)
			continue;
		pair(&c->old, at, &c->new, k);
		i = at + 1;
	}
	c->i = i_end;
	c->k = k_end;
}

static void
compare(struct header *was, struct header *is)
{
	struct comparison c = { .old = *was, .new = *is, .far = FAR };
	struct header *old = &c.old, *new = &c.new;

	while (old->n > 0 && new->n > 0 && same_field(&old->v[old->n - 1], &new->v[new->n - 1]))
		pair(old, --old->n, new, --new->n);
	while (c.i < old->n && c.k < new->n) {
		if (!find_alike(&c, same_field) && !find_alike(&c, may_change))
			c.a = c.b = 1;
		pair_names(&c);
		if (c.i == old->n || c.k == new->n)
			break;
		if (may_be(&old->v[c.i], &new->v[c.k]))
			pair(old, c.i++, new, c.k++);
	}
}

/* --- changes --- */

struct change *
change_list_add(struct change_list *l, enum change_kind kind)
{
	if (l->n == l->cap) {
		size_t cap = l->cap == 0 ? 16 : l->cap * 2;
		struct change *v = arena_alloc(l->arena, cap * sizeof(*v));

		if (l->n > 0)
			memcpy(v, l->v, l->n * sizeof(*v));
		l->v = v;
		l->cap = cap;
	}
	l->v[l->n] = (struct change){ .kind = kind };
	return &l->v[l->n++];
}

static void
change_field(struct change_list *l, enum change_kind kind, uint32_t index, const struct field *f)
{
	struct change *c = change_list_add(l, kind);

	c->index = index;
	c->name = arena_str(l->arena, f->name);
	c->value = field_value(f);
}

/* From the bottom to the top, so the ordinals of those above stay what they were. */
static int
tell_changed(const struct header *was, const struct header *is, struct change_list *l)
{
	for (size_t i = was->n; i-- > 0;) {
		const struct field *f = &was->v[i];
		struct change *c;

		if (f->other != FIELD_NONE && same_field(f, &is->v[f->other]))
			continue;
		if (f->name.len == 0)
			return -1;
		if (f->other != FIELD_NONE) {
			change_field(l, CHANGE_HEADER, f->nth, &is->v[f->other]);
			continue;
		}
		c = change_list_add(l, CHANGE_HEADER);
		c->index = f->nth;
		c->name = arena_str(l->arena, f->name);
	}
	return 0;
}

/* No field of its name is in the MTA's list, its own Received: included. */
static int
is_only_one(const struct field *f)
{
	return f->like == 1 && !span_case_eq_str(f->name, "Received");
}

/* Below all that stay; from the top to the bottom. */
static void
tell_last(const struct header *is, size_t from, struct change_list *l)
{
	for (size_t k = from; k < is->n; k++) {
		if (is_only_one(&is->v[k]))
			change_field(l, CHANGE_ADD_HEADER, 0, &is->v[k]);
		else
			change_field(l, CHANGE_INSERT_HEADER, CHANGE_INDEX_END, &is->v[k]);
	}
}

/* Sendmail would make one if the message had none. */
static int
sendmail_makes(const struct field *f)
{
	static const char *const names[] = { "Date", "From", "Message-Id", "Full-Name",
		"Return-Path", "Resent-Date", "Resent-From", "Resent-Message-Id" };

	for (size_t i = 0; i < nitems(names); i++)
		if (span_case_eq_str(f->name, names[i]))
			return 1;
	return 0;
}

/* Its index between others, counted as the MTA counts.  (Sendmail takes it for that of the field
 * in front; so its H lines but one, as its own sendmail.cf has them.)  */
#define SENDMAIL_FIELDS 8
#define POSTFIX_FIELDS  1 /* its own Received: */

static uint32_t
index_between(const struct header *is, size_t k, size_t above, const struct change_list *l)
{
	if (!l->sendmail)
		return (uint32_t)above + POSTFIX_FIELDS;
	while (is->v[k].other == FIELD_NONE) /* one above stays */
		k--;
	return (uint32_t)is->v[k].other + 1 + SENDMAIL_FIELDS;
}

static int
tell_new(const struct header *is, struct change_list *l)
{
	size_t above = 0, end = is->n;

	for (size_t k = 0; k < is->n; k++) {
		if (is->v[k].other != FIELD_NONE)
			above++;
		else if (!field_can_be_told(&is->v[k]))
			return -1;
	}
	while (above > 0 && is->v[end - 1].other == FIELD_NONE)
		end--;
	tell_last(is, end, l);
	for (size_t k = end; k-- > 0;) {
		if (is->v[k].other != FIELD_NONE)
			above--;
		else if (l->sendmail && sendmail_makes(&is->v[k]) && is_only_one(&is->v[k]))
			change_field(l, CHANGE_ADD_HEADER, 0, &is->v[k]);
		else /* the MTA's own Received: stands above all but what goes to the top */
			change_field(l, CHANGE_INSERT_HEADER,
			    above == 0 ? 0 : index_between(is, k, above, l), &is->v[k]);
	}
	return 0;
}

/* --- edits --- */

static int
add_piece(void *arg, struct span piece)
{
	uint8_t **to = arg;

	memcpy(*to, piece.p, piece.len);
	*to += piece.len;
	return 0;
}

/* Part of the message with those of its edits that are there. */
static struct span
edited(
    struct span message, size_t from, size_t len, const struct edit *v, size_t n, struct arena *a)
{
	struct edit_list part = { .arena = a, .n = n };
	uint8_t *text, *end;

	part.v = arena_alloc(a, (n + 1) * sizeof(*part.v));
	for (size_t i = 0; i < n; i++) {
		part.v[i] = v[i];
		part.v[i].at -= from;
	}
	text = end = arena_alloc(a, edit_result_len(&part, len) + 1);
	edit_walk(span_make(message.p + from, len), &part, add_piece, &end);
	return span_make(text, (size_t)(end - text));
}

static int
header_changes(struct header *was, struct span message, const struct edit_list *e, size_t n,
    struct change_list *l)
{
	struct span text = edited(message, 0, was->len, e->v, n, l->arena);
	struct header is;

	header_fields_split(&is, text, l->arena);
	if (is.len != text.len) /* part of it would become body */
		return -1;
	header_fields_number(was, &is, l->arena);
	compare(was, &is);
	if (tell_changed(was, &is, l) == -1)
		return -1;
	return tell_new(&is, l);
}

int
changes_of_edits(struct span message, const struct edit_list *edits, struct change_list *l)
{
	size_t n = 0, body, total = edits == NULL ? 0 : edits->n, before = l->n;
	struct header was;
	struct span text;

	if (total == 0)
		return 0;
	if (message.p == NULL)
		message = span_str("");
	header_fields_split(&was, message, l->arena);
	body = was.len < message.len ? was.len + header_line_len(message, was.len) : was.len;
	while (
	    n < total && edits->v[n].at <= was.len && edits->v[n].at + edits->v[n].del <= was.len)
		n++;
	if (n < total && edits->v[n].at < body) /* at the line between header and body */
		return -1;
	if (n > 0 && header_changes(&was, message, edits, n, l) == -1) {
		l->n = before;
		return -1;
	}
	if (n == total)
		return 0;
	text = edited(message, body, message.len - body, edits->v + n, total - n, l->arena);
	if (!span_eq(text, span_make(message.p + body, message.len - body)))
		change_list_add(l, CHANGE_BODY)->value = text;
	return 0;
}
