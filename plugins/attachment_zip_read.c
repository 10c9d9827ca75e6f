#include <stdlib.h>
#include <string.h>

#include "plugins/attachment_zip_int.h"

#define LOCAL_SIZE   30
#define CENTRAL_SIZE 46
#define END64_SIZE   56
#define LOCATOR_SIZE 20
#define COMMENT_MAX  65535

/* --- octets --- */

static uint64_t
number(const uint8_t *p, size_t octets)
{
	uint64_t n = 0;

	for (size_t i = octets; i > 0; i--)
		n = n << 8 | p[i - 1];
	return n;
}

static unsigned
u16(const uint8_t *p)
{
	return (unsigned)number(p, 2);
}

static uint64_t
u32(const uint8_t *p)
{
	return number(p, 4);
}

/* n octets at this offset, that begin with "PK" and these two. */
static const uint8_t *
record(struct filterd_octets o, uint64_t at, size_t n, const char *kind)
{
	const uint8_t *p;

	if (at > o.len || o.len - at < n)
		return NULL;
	p = o.p + at;
	return p[0] == 'P' && p[1] == 'K' && memcmp(p + 2, kind, 2) == 0 ? p : NULL;
}

void
att_zip_differ(struct att_zip *z, const char *how)
{
	if (z->ambiguous == NULL)
		z->ambiguous = how;
}

/* --- the end --- */

/* The last one whose comment fits; ATT_ZIP_NONE.  Of what follows it nothing is known. */
static size_t
find_end(struct filterd_octets o)
{
	size_t most = COMMENT_MAX + ATT_ZIP_END_SIZE + 4096, low = o.len > most ? o.len - most : 0;

	for (size_t at = o.len; at-- > low;)
		if (o.p[at] == 'P' && record(o, at, ATT_ZIP_END_SIZE, "\5\6") != NULL &&
		    o.len - at - ATT_ZIP_END_SIZE >= u16(o.p + at + 20))
			return at;
	return ATT_ZIP_NONE;
}

int
att_zip_has_end(struct filterd_octets o, int exact)
{
	size_t at = find_end(o);

	return at != ATT_ZIP_NONE &&
	       (!exact || o.len - at - ATT_ZIP_END_SIZE == u16(o.p + at + 20));
}

struct directory {
	uint64_t members, size, at;
};

/* A locator in front of the end leads to the record with 64 bits. */
static int
read_end64(struct att_zip *z, struct directory *d, size_t *records_at)
{
	const uint8_t *p;
	uint64_t at;

	if (z->ends_at < LOCATOR_SIZE)
		return 0;
	p = record(z->octets, z->ends_at - LOCATOR_SIZE, LOCATOR_SIZE, "\6\7");
	if (p == NULL)
		return 0;
	at = number(p + 8, 8);
	p = record(z->octets, at, END64_SIZE, "\6\6");
	if (p == NULL && z->ends_at >= LOCATOR_SIZE + END64_SIZE) {
		/* There are octets in front of the archive, or the locator lies. */
		at = z->ends_at - LOCATOR_SIZE - END64_SIZE;
		p = record(z->octets, at, END64_SIZE, "\6\6");
	}
	if (p == NULL)
		return -1;
	d->members = number(p + 32, 8);
	d->size = number(p + 40, 8);
	d->at = number(p + 48, 8);
	*records_at = (size_t)at;
	return 1;
}

/* Where the directory is: where the end says, or in front of it.  -1: nowhere. */
static int
find_directory(struct att_zip *z, struct directory *d)
{
	const uint8_t *p;
	size_t behind; /* the end records that follow it */

	z->ends_at = find_end(z->octets);
	if (z->ends_at == ATT_ZIP_NONE)
		return -1;
	p = z->octets.p + z->ends_at;
	behind = z->ends_at;
	*d = (struct directory){ u16(p + 10), u32(p + 12), u32(p + 16) };
	if (read_end64(z, d, &behind) == -1)
		return -1;
	if (u16(p + 4) != 0 || d->size > behind)
		return -1; /* one of several volumes, or nonsense */
	z->dir_end = behind;
	z->dir_at = behind - (size_t)d->size;
	if (d->at == z->dir_at)
		return 0;
	/* Some believe the offset, others the size. */
	if (d->at < z->dir_at && record(z->octets, z->dir_at, 4, "\1\2") != NULL)
		z->base = z->dir_at - (size_t)d->at;
	if (d->at < behind && record(z->octets, d->at, 4, "\1\2") != NULL) {
		att_zip_differ(z, "directory");
		if (z->base == 0)
			z->dir_at = (size_t)d->at;
	} else if (z->base > 0) {
		att_zip_differ(z, "prepended");
	} else if (d->members > 0 || d->size > 0) {
		return -1;
	}
	return 0;
}

/* --- members --- */

struct att_zip_member *
att_zip_add(struct att_zip *z)
{
	struct att_zip_member *more;

	if (z->n == z->max) {
		z->is_cut = 1;
		return NULL;
	}
	if (z->n == z->cap) {
		z->cap = z->cap == 0 ? 32 : 2 * z->cap;
		more = realloc(z->member, z->cap * sizeof(*more));
		if (more == NULL) {
			z->is_cut = 1;
			return NULL;
		}
		z->member = more;
	}
	z->member[z->n] = (struct att_zip_member){
		.at = ATT_ZIP_NONE, .data = ATT_ZIP_NONE, .end = ATT_ZIP_NONE
	};
	return &z->member[z->n++];
}

/* Sizes and offset that do not fit 32 bits, in this order. */
static void
read_wide(struct filterd_octets field, uint64_t *const wide[3])
{
	for (size_t i = 0; i < 3; i++) {
		if (wide[i] == NULL || *wide[i] != 0xffffffffu || field.len < 8)
			continue;
		*wide[i] = number(field.p, 8);
		field.p += 8;
		field.len -= 8;
	}
}

/* Fields behind the name.  Of several of a kind the first counts. */
static void
read_extra(const uint8_t *p, size_t n, struct att_zip_side *side, uint64_t *const wide[3])
{
	int is_wide = 0;

	while (n >= 4) {
		size_t len = u16(p + 2);
		struct filterd_octets field = { p + 4, len };

		if (len > n - 4)
			return;
		if (u16(p) == 1 && !is_wide) {
			read_wide(field, wide);
			is_wide = 1;
		}
		/* A version and the CRC of the name that it replaces, which not all look at. */
		if (u16(p) == 0x7075 && len > 5 && side->unicode.len == 0)
			side->unicode = (struct filterd_octets){ field.p + 5, len - 5 };
		p += 4 + len;
		n -= 4 + len;
	}
}

size_t
att_zip_local(struct filterd_octets o, uint64_t at, struct att_zip_side *side)
{
	const uint8_t *p = record(o, at, LOCAL_SIZE, "\3\4");
	size_t name, extra;

	*side = (struct att_zip_side){ 0 };
	if (p == NULL)
		return 0;
	name = u16(p + 26);
	extra = u16(p + 28);
	if (o.len - at - LOCAL_SIZE < name + extra)
		return 0;
	*side = (struct att_zip_side){ .is_there = 1,
		.name = { p + LOCAL_SIZE, name },
		.flags = u16(p + 6),
		.method = u16(p + 8),
		.packed = u32(p + 18),
		.size = u32(p + 22) };
	read_extra(p + LOCAL_SIZE + name, extra, side,
	    (uint64_t *const[3]){ &side->size, &side->packed, NULL });
	return LOCAL_SIZE + name + extra;
}

static size_t
read_central(struct filterd_octets o, size_t at, struct att_zip_side *side, uint64_t *local_at)
{
	const uint8_t *p = record(o, at, CENTRAL_SIZE, "\1\2");
	size_t name, extra, comment;

	*side = (struct att_zip_side){ 0 };
	if (p == NULL)
		return 0;
	name = u16(p + 28);
	extra = u16(p + 30);
	comment = u16(p + 32);
	if (o.len - at - CENTRAL_SIZE < name + extra + comment)
		return 0;
	*side = (struct att_zip_side){ .is_there = 1,
		.name = { p + CENTRAL_SIZE, name },
		.flags = u16(p + 8),
		.method = u16(p + 10),
		.packed = u32(p + 20),
		.size = u32(p + 24) };
	*local_at = u32(p + 42);
	read_extra(p + CENTRAL_SIZE + name, extra, side,
	    (uint64_t *const[3]){ &side->size, &side->packed, local_at });
	return CENTRAL_SIZE + name + extra + comment;
}

static int
same_name(struct filterd_octets a, struct filterd_octets b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.p, b.p, a.len) == 0);
}

/* The Unicode name may well be another in letters that the plain one cannot have; what the member
 * is must be the same. */
static struct filterd_octets
extension(struct filterd_octets name)
{
	for (size_t i = name.len; i > 0 && name.p[i - 1] != '/'; i--)
		if (name.p[i - 1] == '.')
			return (struct filterd_octets){ name.p + i, name.len - i };
	return (struct filterd_octets){ 0 };
}

static void
compare_unicode(struct att_zip *z, const struct att_zip_side *side)
{
	if (side->unicode.len > 0 && !same_name(extension(side->name), extension(side->unicode)))
		att_zip_differ(z, "name");
}

/* A size that comes behind the data is 0 in front of it. */
static int
same_size(const struct att_zip_side *local, uint64_t a, uint64_t b)
{
	return a == b || ((local->flags & ATT_ZIP_STREAMED) && a == 0);
}

static void
compare(struct att_zip *z, const struct att_zip_member *m)
{
	const struct att_zip_side *l = &m->local, *c = &m->central;

	if (((l->flags | c->flags) & ATT_ZIP_MASKED) != 0) {
		z->is_locked = 1; /* what the local header says is no more than a mask */
		return;
	}
	if (!same_name(l->name, c->name))
		att_zip_differ(z, "name");
	compare_unicode(z, l);
	if (l->method != c->method || ((l->flags ^ c->flags) & ATT_ZIP_ENCRYPTED) != 0)
		att_zip_differ(z, "method");
	if (!same_size(l, l->packed, c->packed) || !same_size(l, l->size, c->size))
		att_zip_differ(z, "size");
}

/* What is shorter of what the two say is certainly data; in what is left members may hide. */
static void
set_end(struct att_zip *z, struct att_zip_member *m, size_t header)
{
	const struct att_zip_side *l = &m->local;
	uint64_t n = m->central.packed;

	m->data = m->at + header;
	if (!same_size(l, l->packed, n) && l->packed < n)
		n = l->packed;
	if (n > z->octets.len - m->data) {
		z->broken = 1;
		n = z->octets.len - m->data;
	}
	m->end = m->data + (size_t)n;
}

/* What the directory says of one, held against the header that it leads to. */
static void
take(struct att_zip *z, struct att_zip_member *m, uint64_t local_at)
{
	size_t header = att_zip_local(z->octets, local_at, &m->local);

	if (header > 0 && local_at < z->dir_at) {
		m->at = (size_t)local_at;
		compare(z, m);
		set_end(z, m, header);
	} else {
		/* Nobody can unpack it by its header. */
		m->local = (struct att_zip_side){ 0 };
		att_zip_differ(z, "header");
	}
}

static void
read_directory(struct att_zip *z, const struct directory *d)
{
	struct att_zip_member *m;
	struct att_zip_side side;
	size_t at = z->dir_at, n = 0, len;
	uint64_t local_at = 0;

	while (at < z->dir_end && (len = read_central(z->octets, at, &side, &local_at)) > 0) {
		if ((m = att_zip_add(z)) == NULL)
			return;
		m->central = side;
		compare_unicode(z, &side);
		take(z, m, local_at + z->base);
		at += len;
		n++;
	}
	/* A digital signature is the one thing that may follow. */
	if (at < z->dir_end && record(z->octets, at, 6, "\5\5") == NULL)
		att_zip_differ(z, "directory");
	if (d->members != n && (d->members > 0xffff || d->members != (n & 0xffff)))
		att_zip_differ(z, "directory");
}

int
att_zip_read(struct att_zip *z, struct filterd_octets o, size_t max)
{
	struct directory d;

	*z = (struct att_zip){ .octets = o, .max = max, .ends_at = ATT_ZIP_NONE };
	if (find_directory(z, &d) == -1) {
		att_zip_stream(z);
	} else {
		read_directory(z, &d);
		att_zip_search(z);
	}
	return z->is_cut && z->n < z->max ? -1 : 0;
}

void
att_zip_fini(struct att_zip *z)
{
	free(z->member);
	*z = (struct att_zip){ 0 };
}
