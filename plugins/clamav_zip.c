/* SPDX-License-Identifier: GPL-2.0-only */
#include <string.h>

#include "plugins/clamav_zip.h"

/* Of a member's header, of its entry in the directory, of the end of that; APPNOTE.TXT 4.3. */
#define HEADER_SIZE 30
#define ENTRY_SIZE  46
#define END_SIZE    22
#define ENCRYPTED   1

struct look {
	const uint8_t *p;
	size_t n;
	/* Of members that have a header, and of those that a directory lists: are they the same?
	 * Sums of a number for each place. */
	uint64_t found, listed;
	size_t entries; /* that may still be looked at: ends of one directory may be many */
};

static unsigned
u16(const uint8_t *p)
{
	return (unsigned)p[0] | (unsigned)p[1] << 8;
}

static uint32_t
u32(const uint8_t *p)
{
	return u16(p) | (uint32_t)u16(p + 2) << 16;
}

/* Other places must not add up to the same by chance. */
static uint64_t
number_of(uint64_t place)
{
	place = (place + 1) * UINT64_C(0x9e3779b97f4a7c15);
	place = (place ^ place >> 32) * UINT64_C(0xd6e8feb86659fd93);
	return place ^ place >> 32;
}

enum method { UNKNOWN, UNPACKED, BEYOND };

/* Numbers that are none are of octets that only look like a header: nobody unpacks these.  That a
 * member is encrypted libclamav says itself.  Flags and method lie side by side. */
static enum method
method_of(const uint8_t *flags)
{
	switch (u16(flags + 2)) {
	case 0:  /* stored */
	case 6:  /* implode */
	case 8:  /* deflate */
	case 9:  /* deflate64 */
	case 12: /* bzip2 */
		return UNPACKED;
	}
	if (u16(flags + 2) > 20 && (u16(flags + 2) < 93 || u16(flags + 2) > 99))
		return UNKNOWN;
	return u16(flags) & ENCRYPTED ? UNPACKED : BEYOND;
}

static int
begins(const struct look *l, uint64_t place, const char mark[4], size_t size)
{
	return place <= l->n && l->n - place >= size && memcmp(l->p + place, mark, 4) == 0;
}

static enum method
header_at(const struct look *l, uint64_t place)
{
	if (!begins(l, place, "PK\3\4", HEADER_SIZE))
		return UNKNOWN;
	return method_of(l->p + place + 6);
}

/* The entries of the directory that ends here; -1: they are not what the end says, or no headers
 * are where they say. */
static int
list(struct look *l, size_t end)
{
	const uint8_t *e = l->p + end;
	size_t count = u16(e + 10), size = u32(e + 12), place;
	uint64_t first;

	if (size > end || u32(e + 16) > end - size)
		return -1;
	place = end - size;
	first = place - u32(e + 16); /* where the archive begins */
	for (; count > 0; count--) {
		if (l->entries-- == 0 || !begins(l, place, "PK\1\2", ENTRY_SIZE))
			return -1;
		e = l->p + place;
		if (header_at(l, first + u32(e + 42)) == UNKNOWN)
			return -1;
		l->listed += number_of(first + u32(e + 42));
		place += (size_t)ENTRY_SIZE + u16(e + 28) + u16(e + 30) + u16(e + 32);
	}
	return 0;
}

int
clam_zip_is_beyond(const uint8_t *p, size_t n)
{
	struct look l = { .p = p, .n = n, .entries = n / ENTRY_SIZE + 1 };
	const uint8_t *at = p;

	/* Without the last octet of a header's mark there are no members: no text has it. */
	if (n == 0 || memchr(p, 4, n) == NULL)
		return 0;
	/* memmem(3) of two letters takes twenty times as long. */
	for (; (at = memchr(at, 'P', n - (size_t)(at - p))) != NULL; at++) {
		size_t place = (size_t)(at - p);
		enum method m = header_at(&l, place);

		if (m == UNPACKED)
			l.found += number_of(place);
		else if (m == UNKNOWN && begins(&l, place, "PK\1\2", ENTRY_SIZE))
			m = method_of(at + 8);
		if (m == BEYOND || (begins(&l, place, "PK\5\6", END_SIZE) && list(&l, place) == -1))
			return 1;
	}
	return l.found != l.listed;
}
