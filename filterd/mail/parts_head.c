#include <string.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/buf.h"
#include "base/text.h"
#include "mail/charset.h"
#include "mail/mime_param.h"
#include "mail/parts_private.h"
#include "mail/text_seen.h"

#define NAME_MAX_OCTETS 1000

#define TYPE_MAX_OCTETS 100

struct collect {
	struct arena *arena;
	const struct mime_index *index;
	struct parts_head *v;
	size_t n, cap;
};

int
parts_is_multipart(const char *type)
{
	return strncmp(type, "multipart/", 10) == 0;
}

int
parts_is_container(const char *type)
{
	return parts_is_multipart(type) || strcmp(type, "message/rfc822") == 0 ||
	       strcmp(type, "message/global") == 0;
}

const char *
parts_name(struct arena *arena, struct span s)
{
	size_t n = s.len < NAME_MAX_OCTETS ? s.len : NAME_MAX_OCTETS;
	char *name = arena_alloc(arena, n + 1);

	for (size_t i = 0; i < n; i++)
		name[i] = s.p[i] < ' ' || s.p[i] == 0x7f ? '_' : (char)s.p[i];
	name[n] = '\0';
	return name;
}

/* The heads of all parts that there are by now. */
static void
fill(struct collect *c)
{
	if (c->index->nparts > c->cap) {
		size_t cap = c->index->nparts * 2;
		struct parts_head *v = arena_calloc(c->arena, cap * sizeof(*v));

		if (c->n > 0)
			memcpy(v, c->v, c->n * sizeof(*v));
		c->v = v;
		c->cap = cap;
	}
	for (; c->n < c->index->nparts; c->n++)
		c->v[c->n] = (struct parts_head){ .name = "" };
}

/* --- every name and type --- */

static struct parts_label *
make_label(struct arena *arena, struct parts_label **label)
{
	if (*label == NULL)
		*label = arena_calloc(arena, sizeof(**label));
	return *label;
}

int
parts_label_name(struct arena *arena, struct parts_label **label, struct span name)
{
	struct parts_label *l;
	uint8_t *copy;

	if (name.len == 0)
		return 0;
	l = make_label(arena, label);
	for (size_t i = 0; i < l->nnames; i++)
		if (span_eq(l->names[i], name))
			return 0;
	if (l->nnames == PARTS_NAMES_MAX) {
		l->more = 1;
		return 0;
	}
	copy = arena_alloc(arena, name.len);
	memcpy(copy, name.p, name.len);
	l->names[l->nnames++] = span_make(copy, name.len);
	return 1;
}

int
parts_is_shown(const char *type, const struct parts_head *h)
{
	static const char *const files[] = { "application/", "image/", "audio/", "video/", "font/",
		"model/" };

	for (size_t i = 0; h->label != NULL && i < h->label->ntypes; i++)
		if (strncmp(h->label->types[i], "text/", 5) == 0)
			return 1;
	for (size_t i = 0; i < nitems(files); i++)
		if (strncmp(type, files[i], strlen(files[i])) == 0)
			return i == 0 && h->name[0] == '\0';
	return 1;
}

/* Anywhere, for what stands behind it some systems leave out. */
static int
has_ending(struct span name)
{
	static const char *const endings[] = { ".eml", ".mht", ".nws" };
	struct buf seen = { 0 };
	int found = 0;

	text_clean(name, &seen);
	for (size_t at = 0; at < seen.len && !found; at++)
		for (size_t i = 0; i < nitems(endings) && seen.p[at] == '.'; i++)
			found |=
			    span_case_starts(span_make(seen.p + at, seen.len - at), endings[i]);
	buf_fini(&seen);
	return found;
}

int
parts_has_type(const struct parts_label *l, const char *type)
{
	for (size_t i = 0; l != NULL && i < l->ntypes; i++)
		if (strcmp(l->types[i], type) == 0)
			return 1;
	return 0;
}

int
parts_is_piece(const struct parts_label *l)
{
	return parts_has_type(l, "message/partial");
}

int
parts_is_message(const struct parts_label *l)
{
	if (l == NULL)
		return 0;
	if (parts_has_type(l, "message/news") || (l->first && parts_is_piece(l)))
		return 1;
	for (size_t i = 0; i < l->nnames; i++)
		if (has_ending(l->names[i]))
			return 1;
	return 0;
}

struct naming {
	struct collect *c;
	struct parts_head *h;
};

static void
add_name(void *arg, struct span name)
{
	struct naming *n = arg;

	if (parts_label_name(n->c->arena, &n->h->label, name))
		n->h->label->values++;
}

static void
add_decoding(void *arg, struct span name)
{
	struct naming *n = arg;

	(void)parts_label_name(n->c->arena, &n->h->label, name);
}

/* The text in front of the first ';', with '_' for what no type has. */
static void
add_type(struct collect *c, struct parts_head *h, struct span value)
{
	struct parts_label *l;
	char type[TYPE_MAX_OCTETS + 1];
	size_t n;

	value.len = span_find(value, ';');
	value = span_trim(value);
	if (value.len == 0)
		return;
	for (n = 0; n < value.len && n < TYPE_MAX_OCTETS; n++) {
		uint8_t o = value.p[n];

		type[n] = o <= ' ' || o >= 0x7f ? '_' : (char)(o >= 'A' && o <= 'Z' ? o | 0x20 : o);
	}
	type[n] = '\0';
	l = make_label(c->arena, &h->label);
	for (size_t i = 0; i < l->ntypes; i++)
		if (strcmp(l->types[i], type) == 0)
			return;
	if (l->ntypes == PARTS_TYPES_MAX)
		l->more = 1;
	else
		l->types[l->ntypes++] = arena_strdup(c->arena, type);
}

static void
add_charset(void *arg, struct span charset)
{
	struct naming *n = arg;
	struct parts_label *l;
	char *word;

	charset = span_trim(charset);
	if (!charset_known(charset))
		return;
	l = make_label(n->c->arena, &n->h->label);
	for (size_t i = 0; i < l->ncharsets; i++)
		if (span_case_eq_str(charset, l->charsets[i]))
			return;
	if (l->ncharsets == PARTS_CHARSETS_MAX) {
		l->more = 1;
		return;
	}
	word = arena_printf(n->c->arena, "%.*s", (int)charset.len, (const char *)charset.p);
	text_lower(word);
	l->charsets[l->ncharsets++] = word;
}

static void
add_delsp(void *arg, struct span value)
{
	struct naming *n = arg;

	if (span_case_eq_str(span_trim(value), "yes"))
		make_label(n->c->arena, &n->h->label)->delsp = 1;
}

/* Up to where it is no number any more, as readers take it. */
static void
add_number(void *arg, struct span value)
{
	struct naming *n = arg;
	size_t i = 0;

	value = span_trim(value);
	while (i < value.len && value.p[i] == '0')
		i++;
	if (i < value.len && value.p[i] == '1' &&
	    (i + 1 == value.len || value.p[i + 1] < '0' || value.p[i + 1] > '9'))
		make_label(n->c->arena, &n->h->label)->first = 1;
}

static void
take_name(struct collect *c, struct parts_head *h, struct span value, const char *param, int rank)
{
	struct naming naming = { c, h };
	struct buf name = { 0 };

	if (mime_param_readings(value, param, add_name, &naming))
		make_label(c->arena, &h->label)->more = 1;
	mime_param_decodings(value, param, add_decoding, &naming);
	if ((h->rank == 0 || rank < h->rank) && mime_param(value, param, &name)) {
		h->name = parts_name(c->arena, buf_span(&name));
		h->rank = rank;
	}
	buf_fini(&name);
}

/* A header field belongs to the part that was opened last. */
static int
on_header(void *arg, const struct mime_header *field)
{
	struct collect *c = arg;
	struct naming naming = { .c = c };
	struct parts_head *h;
	struct span value;

	if (c->index->seen & MIME_SEEN_PARTS || !(span_case_starts(field->name, "content-") ||
						    span_case_starts(field->name, "x-sun-data-")))
		return 0;
	fill(c);
	h = naming.h = &c->v[c->n - 1];
	value = mime_header_text(field);
	value = span_make(value.p + field->name.len + 1, value.len - field->name.len - 1);
	if (span_case_eq_str(field->name, "content-transfer-encoding")) {
		h->codecs |= codec_named(value);
	} else if (span_case_eq_str(field->name, "content-disposition")) {
		take_name(c, h, value, "filename", 1);
		take_name(c, h, value, "name", 3);
		h->attached |= span_case_starts(span_trim(value), "attachment");
	} else if (span_case_eq_str(field->name, "content-type")) {
		take_name(c, h, value, "name", 2);
		take_name(c, h, value, "filename", 4);
		add_type(c, h, value);
		mime_param_readings(value, "charset", add_charset, &naming);
		mime_param_readings(value, "delsp", add_delsp, &naming);
		if (parts_is_piece(h->label))
			mime_param_readings(value, "number", add_number, &naming);
		h->type = field->raw;
	} else {
		parts_informal_field(c->arena, h, field->name, value);
	}
	return 0;
}

void
parts_walk(struct span message, const struct mime_options *opt, struct arena *arena,
    struct mime_index *index, struct parts_head **heads)
{
	struct collect c = { .arena = arena, .index = index };
	struct mime_events events = { .header = on_header, .lazy_text = 1, .arg = &c };

	/* No event ends it. */
	(void)mime_walk(message, opt, &events, arena, index);
	fill(&c);
	for (size_t i = 0; i < c.n; i++)
		parts_informal_take(arena, &c.v[i], index->parts[i].type);
	for (size_t i = 1; i < c.n; i++)
		c.v[index->parts[i].parent].children++;
	*heads = c.v;
}
