/* SPDX-License-Identifier: GPL-2.0-only */
#include <stdlib.h>
#include <string.h>

#include "plugins/clamav_parts.h"

/* libclamav takes what is shorter for clean unseen. */
#define SHORTEST 6

static struct filterd_octets
trim(const uint8_t *p, size_t n)
{
	while (n > 0 && (p[0] == '\r' || p[0] == '\n')) {
		p++;
		n--;
	}
	while (n > 0 && (p[n - 1] == '\r' || p[n - 1] == '\n'))
		n--;
	return (struct filterd_octets){ .p = p, .len = n };
}

static size_t
count_returns(struct filterd_octets o)
{
	const uint8_t *end = o.p + o.len;
	size_t n = 0;

	for (const uint8_t *p = o.p; p < end && (p = memchr(p, '\r', (size_t)(end - p))) != NULL;
	     p++)
		n++;
	return n;
}

static size_t
text_len(const uint8_t *p, size_t n)
{
	struct filterd_octets o = trim(p, n);

	return o.len - count_returns(o);
}

static int
same_text(struct filterd_octets a, struct filterd_octets b)
{
	size_t i = 0, j = 0;

	a = trim(a.p, a.len);
	b = trim(b.p, b.len);
	for (;;) {
		while (i < a.len && a.p[i] == '\r')
			i++;
		while (j < b.len && b.p[j] == '\r')
			j++;
		if (i == a.len || j == b.len)
			return i == a.len && j == b.len;
		if (a.p[i++] != b.p[j++])
			return 0;
	}
}

static int
is_text(const char *type)
{
	return strncmp(type, "text/", 5) == 0;
}

/* What holds other parts is seen when these are.  One that could not be taken apart as it is
 * encoded is odd. */
static int
is_container(const char *type)
{
	return strncmp(type, "multipart/", 10) == 0 || strcmp(type, "message/rfc822") == 0 ||
	       strcmp(type, "message/global") == 0;
}

static int
add(struct clam_parts *ps, const struct filterd_part *part)
{
	size_t text = is_text(part->type) ? text_len(part->decoded.p, part->decoded.len) : 0;
	struct clam_part *more;

	if (part->decoded.len < SHORTEST || (is_text(part->type) && text < SHORTEST))
		return 0;
	if (ps->n == ps->size) {
		ps->size = ps->size == 0 ? 16 : 2 * ps->size;
		more = realloc(ps->part, ps->size * sizeof(*more));
		if (more == NULL)
			return -1;
		ps->part = more;
	}
	ps->part[ps->n++] =
	    (struct clam_part){ .octets = part->decoded, .text_len = text, .is_cut = !part->whole };
	ps->unseen++;
	return 0;
}

int
clam_parts_read(struct clam_parts *ps, const struct filterd_host *host, struct filterd_work *work)
{
	struct filterd_part part;
	int rc;

	for (size_t i = 0; (rc = host->part(work, i, &part)) == 1; i++)
		if ((part.odd || !is_container(part.type)) && add(ps, &part) == -1)
			return -1;
	ps->is_cut = rc == -1;
	return 0;
}

/* text is the object's text_len(), once somebody wanted it. */
static int
is_part(const struct clam_part *part, struct filterd_octets object, size_t *text)
{
	const struct filterd_octets o = part->octets;

	if (o.len == object.len || (part->is_cut && o.len < object.len))
		if (memcmp(o.p, object.p, o.len) == 0)
			return 1;
	if (part->text_len == 0)
		return 0;
	if (*text == 0)
		*text = text_len(object.p, object.len);
	return part->text_len == *text && same_text(o, object);
}

void
clam_parts_saw(struct clam_parts *ps, const uint8_t *p, size_t n)
{
	const struct filterd_octets object = { .p = p, .len = n };
	size_t text = 0;

	for (size_t i = 0; ps->unseen > 0 && i < ps->n; i++)
		if (!ps->part[i].seen && is_part(&ps->part[i], object, &text)) {
			ps->part[i].seen = 1;
			ps->unseen--;
		}
}

void
clam_parts_fini(struct clam_parts *ps)
{
	free(ps->part);
	*ps = (struct clam_parts){ 0 };
}
