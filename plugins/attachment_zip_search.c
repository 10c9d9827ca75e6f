/* Members of a zip that its directory does not tell of. */
#include <stdlib.h>
#include <string.h>

#include "plugins/attachment_zip_int.h"

/* The next of them in [at, end); ATT_ZIP_NONE. */
static size_t
find(struct filterd_octets o, size_t at, size_t end, const char *kind)
{
	const char magic[4] = { 'P', 'K', kind[0], kind[1] };
	const uint8_t *p;

	if (at >= end)
		return ATT_ZIP_NONE;
	p = memmem(o.p + at, end - at, magic, sizeof(magic));
	return p == NULL ? ATT_ZIP_NONE : (size_t)(p - o.p);
}

static int
by_place(const void *a, const void *b)
{
	const struct att_zip_member *x = a, *y = b;

	return x->at < y->at ? -1 : x->at > y->at;
}

/* Members that the directory does not have, between here and there. */
static void
search(struct att_zip *z, size_t at, size_t end)
{
	struct att_zip_member *m;
	struct att_zip_side side;

	while ((at = find(z->octets, at, end, "\3\4")) != ATT_ZIP_NONE) {
		size_t len = att_zip_local(z->octets, at, &side);

		if (len == 0) {
			at += 4;
			continue;
		}
		if ((m = att_zip_add(z)) == NULL)
			return;
		att_zip_differ(z, "hidden");
		m->local = side;
		m->at = at;
		m->data = at + len;
		m->end = m->data;
		/* A length that comes later is found by the next header. */
		if (side.packed <= z->octets.len - m->data)
			m->end += (size_t)side.packed;
		at = m->end > m->data ? m->end : m->data;
	}
}

/* A second end of a directory, where no member's data is. */
static void
search_ends(struct att_zip *z, size_t at, size_t end)
{
	for (; (at = find(z->octets, at, end, "\5\6")) != ATT_ZIP_NONE; at += 4)
		if (at != z->ends_at)
			att_zip_differ(z, "ends");
}

static void
search_gap(struct att_zip *z, size_t at, size_t end)
{
	if (at >= end)
		return;
	search(z, at, end);
	search_ends(z, at, end);
}

void
att_zip_search(struct att_zip *z)
{
	size_t known = z->n, at = 0, first = ATT_ZIP_NONE;

	if (z->n > 1)
		qsort(z->member, z->n, sizeof(*z->member), by_place);
	for (size_t i = 0; i < known && z->member[i].at != ATT_ZIP_NONE; i++) {
		const struct att_zip_member m = z->member[i];

		if (m.at < at)
			att_zip_differ(z, "overlap");
		else
			search_gap(z, at, m.at);
		if (first == ATT_ZIP_NONE)
			first = m.at;
		if (m.end > at)
			at = m.end;
	}
	/* "PK00" and "PK\7\10" in front are marks of archives that could have had volumes. */
	if (first != ATT_ZIP_NONE && first > 0 &&
	    !(first == 4 &&
		(memcmp(z->octets.p, "PK00", 4) == 0 || memcmp(z->octets.p, "PK\7\10", 4) == 0)))
		att_zip_differ(z, "prepended");
	if (at < z->dir_at)
		search_gap(z, at, z->dir_at);
	else if (at > z->dir_at)
		att_zip_differ(z, "overlap");
	/* The comment, and whatever is behind it. */
	search_gap(z, z->ends_at + ATT_ZIP_END_SIZE, z->octets.len);
}

void
att_zip_stream(struct att_zip *z)
{
	size_t before = z->n;

	search(z, 0, z->octets.len);
	z->ambiguous = NULL;
	z->broken = 1;
	if (z->n > before && z->member[before].at > 0)
		att_zip_differ(z, "prepended");
}
