#include <string.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/buf.h"
#include "mail/mime_param.h"
#include "mail/parts_private.h"

struct parts_informal {
	struct parts_informal *next;
	int always;        /* whatever the part is */
	struct span field; /* "x; name=..." */
};

static const struct {
	const char *name;
	int always;
} fields[] = {
	{ "content-name", 1 },
	{ "x-sun-data-name", 1 },
	{ "content-location", 0 },
	{ "content-description", 0 },
};

/* The last step of a URL's path; a host alone is none.  An encoded word is no URL. */
static struct span
last_step(struct span url)
{
	size_t begin = 0, end = 0;

	if (url.len > 1 && memcmp(url.p, "=?", 2) == 0)
		return url;
	for (size_t i = 0; i + 2 < url.len; i++)
		if (memcmp(url.p + i, "://", 3) == 0) {
			url = span_make(url.p + i + 3, url.len - i - 3);
			end = span_find(url, '/');
			url = span_make(url.p + end, url.len - end);
			break;
		}
	for (end = 0; end < url.len && url.p[end] != '?' && url.p[end] != '#'; end++)
		if (url.p[end] == '/')
			begin = end + 1;
	return span_make(url.p + begin, end - begin);
}

/* "a.b" may be one of a file, a sentence's end is none. */
static int
has_ending(struct span text)
{
	for (size_t i = 0; i + 1 < text.len; i++)
		if (text.p[i] == '.' && text.p[i + 1] > ' ')
			return 1;
	return 0;
}

void
parts_informal_field(struct arena *arena, struct parts_head *h, struct span name, struct span value)
{
	struct parts_informal *n;
	struct buf b = { 0 };
	size_t i = 0;
	int plain;

	while (i < nitems(fields) && !span_case_eq_str(name, fields[i].name))
		i++;
	value = span_trim(value);
	if (i < nitems(fields) && strcmp(fields[i].name, "content-location") == 0)
		value = last_step(value);
	if (i == nitems(fields) || value.len == 0)
		return;
	plain = span_find(value, '"') == value.len && span_find(value, '\\') == value.len;
	buf_adds(&b, plain ? "x; name=\"" : "x; name=");
	buf_add(&b, value.p, value.len);
	buf_adds(&b, plain ? "\"" : "");
	n = arena_alloc(arena, sizeof(*n));
	*n = (struct parts_informal){ h->informal, fields[i].always,
		arena_span(arena, buf_span(&b)) };
	h->informal = n;
	buf_fini(&b);
}

struct naming {
	struct arena *arena;
	struct parts_head *h;
};

static void
add_name(void *arg, struct span name)
{
	struct naming *n = arg;

	if (has_ending(name))
		(void)parts_label_name(n->arena, &n->h->label, name);
}

static void
add_any_name(void *arg, struct span name)
{
	struct naming *n = arg;

	(void)parts_label_name(n->arena, &n->h->label, name);
}

/* What is shown, and what is taken apart, gets a description or an address often and has no name
 * by it. */
static int
is_shown(const struct parts_head *h, const char *type)
{
	return !h->attached && (h->label == NULL || h->label->ntypes <= 1) &&
	       (strncmp(type, "text/", 5) == 0 || strncmp(type, "message/", 8) == 0 ||
		   parts_is_multipart(type));
}

void
parts_informal_take(struct arena *arena, struct parts_head *h, const char *type)
{
	struct naming naming = { arena, h };
	int shown = is_shown(h, type);

	if (h->label != NULL && h->label->nnames > 0)
		return;
	for (const struct parts_informal *n = h->informal; n != NULL; n = n->next) {
		mime_param_fn *add = n->always ? add_any_name : add_name;

		if (shown && !n->always)
			continue;
		mime_param_readings(n->field, "name", add, &naming);
		mime_param_decodings(n->field, "name", add, &naming);
		if (h->label != NULL && h->label->more)
			break;
	}
	if (h->label != NULL && h->label->nnames > 0)
		h->name = parts_name(arena, h->label->names[0]);
}
