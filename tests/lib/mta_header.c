#include "tests/lib/mta_header.h"

#include <string.h>

#include "base/arena.h"
#include "base/attr.h"

static void
put(struct mta_header *h, size_t at, struct mta_field f, struct arena *a)
{
	if (h->n == h->cap) {
		struct mta_field *v = arena_alloc(a, (h->cap * 2 + 16) * sizeof(*v));

		if (h->n > 0)
			memcpy(v, h->v, h->n * sizeof(*v));
		h->v = v;
		h->cap = h->cap * 2 + 16;
	}
	memmove(h->v + at + 1, h->v + at, (h->n - at) * sizeof(*h->v));
	h->v[at] = f;
	h->n++;
}

static size_t
line_len(struct span s, size_t at)
{
	size_t n = span_find(span_make(s.p + at, s.len - at), '\n');

	return at + n == s.len ? n : n + 1;
}

void
mta_header_split(struct mta_header *h, struct span m, struct arena *a)
{
	size_t at = 0;

	while (at < m.len && m.p[at] != '\r') {
		struct mta_field f = { 0 };
		size_t end = at + line_len(m, at), line = end, colon;

		while (end < m.len && (m.p[end] == ' ' || m.p[end] == '\t'))
			end += line_len(m, end);
		colon = span_find(span_make(m.p + at, line - at), ':');
		f.name = span_trim(span_make(m.p + at, colon));
		if (colon < line - at && at + colon + 3 <= end)
			f.value = span_make(m.p + at + colon + 1, end - at - colon - 3);
		put(h, h->n, f, a);
		at = end;
	}
	h->body = at + 2 <= m.len ? span_make(m.p + at + 2, m.len - at - 2) : span_make("", 0);
}

/* Sendmail's H lines: of those whose field the message has, only the name stays. */
static void
put_defaults(struct mta_header *h, struct arena *a)
{
	static const struct {
		const char *name;
		int trace;
	} lines[] = { { "Return-Path", 0 }, { "Received", 1 }, { "Resent-Date", 0 }, { "Date", 0 },
		{ "Resent-From", 0 }, { "From", 0 }, { "Full-Name", 0 }, { "Resent-Message-Id", 0 },
		{ "Message-Id", 0 } };

	for (size_t i = 0; i < nitems(lines); i++)
		put(h, h->n,
		    (struct mta_field){
			.name = span_str(lines[i].name), .own = 1, .trace = lines[i].trace },
		    a);
}

void
mta_header_init(struct mta_header *h, enum mta_kind kind, struct span message, struct arena *a)
{
	*h = (struct mta_header){ .kind = kind };
	if (kind == MTA_SENDMAIL)
		put_defaults(h, a);
	else
		put(h, 0,
		    (struct mta_field){ .name = span_str("Received"),
			.value = span_str(" by mx.example.com"),
			.own = 1 },
		    a);
	mta_header_split(h, message, a);
}

static void
append(struct mta_header *h, struct mta_field f, struct arena *a)
{
	put(h, h->n, f, a);
}

/* Before 3.9 the first field of all is passed over, whichever it is by now. */
static struct mta_field *
postfix_find(struct mta_header *h, const struct change *c)
{
	uint32_t nth = 0;

	for (size_t i = 0; i < h->n; i++) {
		if (h->kind == MTA_POSTFIX_37 ? i == 0 : h->v[i].own)
			continue;
		if (span_case_eq_str(h->v[i].name, c->name) && ++nth == c->index)
			return &h->v[i];
	}
	return NULL;
}

static void
postfix_header(struct mta_header *h, const struct change *c, struct mta_field f, struct arena *a)
{
	struct mta_field *old = postfix_find(h, c);

	if (old == NULL && f.value.p != NULL)
		append(h, f, a);
	else if (old != NULL && f.value.p != NULL)
		*old = (struct mta_field){ .name = f.name, .value = f.value };
	else if (old != NULL) {
		memmove(old, old + 1, (size_t)(h->v + h->n - old - 1) * sizeof(*old));
		h->n--;
	}
}

static void
postfix_insert(struct mta_header *h, const struct change *c, struct mta_field f, struct arena *a)
{
	put(h, c->index < h->n ? c->index : h->n, f, a);
}

static void
sendmail_header(struct mta_header *h, const struct change *c, struct mta_field f, struct arena *a)
{
	struct mta_field *found = NULL, *def = NULL;
	uint32_t left = c->index;

	for (size_t i = 0; i < h->n && found == NULL; i++) {
		if (!span_case_eq_str(h->v[i].name, c->name))
			continue;
		if (!h->v[i].own && (left == 0 || --left == 0))
			found = &h->v[i];
		else if (h->v[i].own && !h->v[i].trace)
			def = &h->v[i];
	}
	if (found == NULL)
		found = def;
	if (found == NULL && f.value.p != NULL)
		append(h, f, a);
	if (found == NULL)
		return;
	found->value = f.value;
	if (f.value.p != NULL)
		found->own = 0;
}

/* Above the first of its name, be it a deleted one; a default that nobody needed becomes it. */
static void
sendmail_add(struct mta_header *h, const struct change *c, struct mta_field f, struct arena *a)
{
	size_t at = 0;

	for (size_t i = 0; i < h->n; i++) {
		if (span_case_eq_str(h->v[i].name, c->name) && h->v[i].own && !h->v[i].trace) {
			h->v[i].value = f.value;
			h->v[i].own = 0;
			h->v[i].own_place = 1;
			return;
		}
	}
	while (at < h->n && !span_case_eq_str(h->v[at].name, c->name))
		at++;
	put(h, at, f, a);
}

/* Behind the entry of that number. */
static void
sendmail_insert(struct mta_header *h, const struct change *c, struct mta_field f, struct arena *a)
{
	put(h, c->index < h->n ? c->index + 1 : h->n, f, a);
}

int
mta_header_apply(struct mta_header *h, const struct change *c, struct arena *a)
{
	int sendmail = h->kind == MTA_SENDMAIL;
	struct mta_field f = { .name = span_str(c->name), .value = c->value };

	switch (c->kind) {
	case CHANGE_INSERT_HEADER:
		(sendmail ? sendmail_insert : postfix_insert)(h, c, f, a);
		return 0;
	case CHANGE_ADD_HEADER:
		if (sendmail)
			sendmail_add(h, c, f, a);
		else
			append(h, f, a);
		return 0;
	case CHANGE_HEADER:
		/* On the wire an empty value deletes; one blank in front may be taken away. */
		if (f.value.p != NULL && span_trim(f.value).len == 0)
			return -1;
		(sendmail ? sendmail_header : postfix_header)(h, c, f, a);
		return 0;
	case CHANGE_BODY:
		h->body = c->value;
		return 0;
	case CHANGE_FROM:
	case CHANGE_ADD_RCPT:
	case CHANGE_DELETE_RCPT:
	case CHANGE_QUARANTINE:
		return -1;
	}
	return -1;
}

void
mta_header_shown(struct mta_header *h)
{
	size_t n = 0;

	for (size_t i = 0; i < h->n; i++)
		if (!h->v[i].own && h->v[i].value.p != NULL)
			h->v[n++] = h->v[i];
	h->n = n;
}
