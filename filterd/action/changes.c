/* Edits as the changes of fields that an MTA is told; the facts behind the order are in handback.h.
 *
 * The header is edited as one text and then compared with what it was, field by field: where the
 * rules' edits begin and end (in a field, between two, over several) does not matter then. */
#include <string.h>

#include "action/handback.h"
#include "base/arena.h"
#include "base/attr.h"
#include "core/edit.h"
#include "mail/header.h"

#define LOOK 32 /* fields that are looked ahead in both headers at once */
#define NONE SIZE_MAX

struct field {
	struct span text; /* with its last line end */
	struct span name; /* without the blanks that may stand in front of the colon; empty: it has
			     none */
	size_t value;     /* where it begins in the text */
	uint32_t hash;    /* of the text */
	size_t other;     /* the field of the other header that it is, or becomes; NONE */
};

struct header {
	struct field *v;
	size_t n;
	size_t len; /* octets; an empty line, or nothing, comes then */
};

/* --- fields --- */

static size_t
line_len(struct span s, size_t at)
{
	const uint8_t *lf = memchr(s.p + at, '\n', s.len - at);

	return lf == NULL ? s.len - at : (size_t)(lf - s.p) + 1 - at;
}

static int
is_empty_line(struct span s, size_t at)
{
	return s.p[at] == '\n' || (s.p[at] == '\r' && at + 1 < s.len && s.p[at + 1] == '\n');
}

static int
is_blank(uint8_t c)
{
	return c == ' ' || c == '\t';
}

static uint32_t
hash_of(struct span s)
{
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < s.len; i++)
		h = (h ^ s.p[i]) * 16777619u;
	return h;
}

static void
field_set(struct field *f, struct span text)
{
	size_t colon = span_find(text, ':'), n = colon;

	while (n > 0 && is_blank(text.p[n - 1]))
		n--;
	*f = (struct field){ .text = text, .hash = hash_of(text), .other = NONE };
	if (colon == text.len || !header_name_valid(span_make(text.p, n)))
		return;
	f->name = span_make(text.p, n);
	f->value = colon + 1;
}

/* The fields up to the first empty line. */
static void
header_split(struct header *h, struct span s, struct arena *a)
{
	size_t lines = 0, end;

	*h = (struct header){ 0 };
	for (size_t at = 0; at < s.len && !is_empty_line(s, at); at = h->len) {
		h->len = at + line_len(s, at);
		lines++;
	}
	h->v = arena_alloc(a, (lines + 1) * sizeof(*h->v));
	for (size_t at = 0; at < h->len; at = end) {
		end = at + line_len(s, at);
		while (end < h->len && is_blank(s.p[end]))
			end += line_len(s, end);
		field_set(&h->v[h->n++], span_make(s.p + at, end - at));
	}
}

/* Can it be told?  One line end at its end, and others only in front of a blank. */
static int
field_can_be_told(const struct field *f)
{
	struct span t = f->text;

	if (f->name.len == 0 || t.len < 2 || t.p[t.len - 1] != '\n' || t.p[t.len - 2] != '\r')
		return 0;
	for (size_t i = 0; i < t.len; i++) {
		if (t.p[i] == '\0' || (t.p[i] == '\r' && t.p[i + 1] != '\n') ||
		    (t.p[i] == '\n' && t.p[i - 1] != '\r'))
			return 0;
	}
	return 1;
}

static struct span
field_value(const struct field *f)
{
	return span_make(f->text.p + f->value, f->text.len - f->value - 2);
}

static int
same_field(const struct field *a, const struct field *b)
{
	return a->hash == b->hash && span_eq(a->text, b->text);
}

static int
same_name(const struct field *a, const struct field *b)
{
	return a->name.len > 0 && span_case_eq(a->name, b->name);
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

/* The nearest fields from here on that are alike: how many of each header stand in front. */
static int
find_alike(const struct header *was, size_t i, const struct header *is, size_t k,
    int (*alike)(const struct field *, const struct field *), size_t *a, size_t *b)
{
	for (size_t far = 0; far <= LOOK; far++) {
		for (*a = 0; *a <= far; (*a)++) {
			*b = far - *a;
			if (i + *a < was->n && k + *b < is->n &&
			    alike(&was->v[i + *a], &is->v[k + *b]))
				return 1;
		}
	}
	for (*b = 0, *a = LOOK; i + *a < was->n; (*a)++)
		if (alike(&was->v[i + *a], &is->v[k]))
			return 1;
	for (*a = 0, *b = LOOK; k + *b < is->n; (*b)++)
		if (alike(&was->v[i], &is->v[k + *b]))
			return 1;
	return 0;
}

/* These have nothing in common: what has the same name, in this order, is changed. */
static void
pair_names(struct header *was, size_t i, size_t i_end, struct header *is, size_t k, size_t k_end)
{
	for (; k < k_end; k++) {
		size_t at = i;

		while (at < i_end && !may_change(&was->v[at], &is->v[k]))
			at++;
		if (at == i_end)
			continue;
		pair(was, at, is, k);
		i = at + 1;
	}
}

static void
compare(struct header *was, struct header *is)
{
	struct header old = *was, new = *is; /* less what is at the end of both */
	size_t i = 0, k = 0, a, b;

	while (old.n > 0 && new.n > 0 && same_field(&old.v[old.n - 1], &new.v[new.n - 1]))
		pair(&old, --old.n, &new, --new.n);
	while (i < old.n && k < new.n) {
		if (!find_alike(&old, i, &new, k, same_field, &a, &b) &&
		    !find_alike(&old, i, &new, k, may_change, &a, &b))
			a = b = 1;
		pair_names(&old, i, i + a, &new, k, k + b);
		i += a;
		k += b;
		if (i < old.n && k < new.n &&may_be(&old.v[i], &new.v[k]))
			pair(&old, i++, &new, k++);
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

static uint32_t
ordinal(const struct header *h, size_t i)
{
	uint32_t nth = 1;

	for (size_t k = 0; k < i; k++)
		nth += (uint32_t)same_name(&h->v[k], &h->v[i]);
	return nth;
}

/* From the bottom to the top, so the ordinals of those above stay what they were. */
static int
tell_changed(const struct header *was, const struct header *is, struct change_list *l)
{
	for (size_t i = was->n; i-- > 0;) {
		const struct field *f = &was->v[i];
		struct change *c;

		if (f->other != NONE && same_field(f, &is->v[f->other]))
			continue;
		if (f->name.len == 0)
			return -1;
		if (f->other != NONE) {
			change_field(l, CHANGE_HEADER, ordinal(was, i), &is->v[f->other]);
			continue;
		}
		c = change_list_add(l, CHANGE_HEADER);
		c->index = ordinal(was, i);
		c->name = arena_str(l->arena, f->name);
	}
	return 0;
}

/* No field of its name is in the MTA's list, its own Received: included. */
static int
is_only_one(const struct header *was, const struct header *is, size_t k)
{
	size_t n = (size_t)span_case_eq_str(is->v[k].name, "Received");

	for (size_t i = 0; i < was->n; i++)
		n += (size_t)same_name(&was->v[i], &is->v[k]);
	for (size_t i = 0; i < is->n; i++)
		n += (size_t)same_name(&is->v[i], &is->v[k]);
	return n == 1;
}

/* Below all that stay; from the top to the bottom. */
static void
tell_last(const struct header *was, const struct header *is, size_t from, struct change_list *l)
{
	for (size_t k = from; k < is->n; k++) {
		if (is_only_one(was, is, k))
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
	while (is->v[k].other == NONE) /* one above stays */
		k--;
	return (uint32_t)is->v[k].other + 1 + SENDMAIL_FIELDS;
}

static int
tell_new(const struct header *was, const struct header *is, struct change_list *l)
{
	size_t above = 0, end = is->n;

	for (size_t k = 0; k < is->n; k++) {
		if (is->v[k].other != NONE)
			above++;
		else if (!field_can_be_told(&is->v[k]))
			return -1;
	}
	while (above > 0 && is->v[end - 1].other == NONE)
		end--;
	tell_last(was, is, end, l);
	for (size_t k = end; k-- > 0;) {
		if (is->v[k].other != NONE)
			above--;
		else if (l->sendmail && sendmail_makes(&is->v[k]) && is_only_one(was, is, k))
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

	header_split(&is, text, l->arena);
	if (is.len != text.len) /* part of it would become body */
		return -1;
	compare(was, &is);
	if (tell_changed(was, &is, l) == -1)
		return -1;
	return tell_new(was, &is, l);
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
	header_split(&was, message, l->arena);
	body = was.len < message.len ? was.len + line_len(message, was.len) : was.len;
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
