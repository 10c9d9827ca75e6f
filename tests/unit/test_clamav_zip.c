/* clamav_zip: archives with members that libclamav passes over, and those without. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/buf.h"
#include "plugins/clamav_zip.h"

#define MEMBERS_MAX 8
#define HEADER_SIZE 31 /* with a name of one letter */

/*
 * Archives are written in letters:
 *	s d 6 9 b	a member: stored, deflate, implode, deflate64, bzip2
 *	l p z a		LZMA, PPMd, zstd, AES
 *	L		LZMA, encrypted
 *	?		of a method that is none
 *	o		other octets
 *	D		the directory of all members so far, and its end
 *	1		one of the first member alone
 *	w		one that has all of them two octets off
 *	W		one that says to begin elsewhere
 *	N		one with more entries than there are
 *	[ ]		what is between is the content of a stored member
 */
static const struct {
	const char *written;
	int is_beyond;
} cases[] = {
	{ "", 0 },
	{ "o", 0 },
	{ "dD", 0 },
	{ "sd69bD", 0 },
	{ "D", 0 },   /* empty */
	{ "odD", 0 }, /* behind a program that unpacks it */
	{ "dDo", 0 },
	{ "dDdD", 1 }, /* the second directory lists again what the first has */
	{ "lD", 1 },
	{ "dlD", 1 },
	{ "pD", 1 },
	{ "dzD", 1 },
	{ "olD", 1 },
	{ "LD", 0 }, /* that it is encrypted libclamav says */
	{ "aD", 1 }, /* without the flag it does not */
	{ "l", 1 },
	{ "d", 1 },
	{ "dd", 1 },
	{ "do", 1 },
	{ "od", 1 },
	{ "dd1", 1 },
	{ "d1", 0 },
	{ "ddw", 1 },
	{ "ddW", 1 },
	{ "ddN", 1 },
	{ "d?D", 1 }, /* listed, and no header that we know */
	{ "?", 0 },   /* octets that look like one */
	{ "[dD]D", 0 },
	{ "[d]D", 1 },
	{ "[dlD]D", 1 },
	{ "[[dD]dD]dD", 0 },
	{ "[[lD]dD]dD", 1 },
};

struct archive {
	struct buf b;
	size_t begin; /* of this one, within another */
	size_t member[MEMBERS_MAX], n;
};

static void
number(struct buf *b, size_t n, int octets)
{
	for (; octets > 0; octets--, n >>= 8)
		buf_addc(b, (char)n);
}

static void
header(struct archive *a, unsigned method, unsigned flags)
{
	a->member[a->n++] = a->b.len - a->begin;
	buf_add(&a->b, "PK\3\4", 4);
	number(&a->b, 20, 2);
	number(&a->b, flags, 2);
	number(&a->b, method, 2);
	number(&a->b, 0, 16);
	number(&a->b, 1, 2);
	number(&a->b, 0, 2);
	buf_add(&a->b, "x", 1);
}

static void
directory(struct archive *a, size_t n, size_t more, size_t off, size_t elsewhere)
{
	size_t begin = a->b.len;

	for (size_t i = 0; i < n; i++) {
		buf_add(&a->b, "PK\1\2", 4);
		number(&a->b, 20, 4);
		number(&a->b, 0, 2);
		number(&a->b, 8, 2);
		number(&a->b, 0, 16);
		number(&a->b, 1, 2);
		number(&a->b, 0, 12);
		number(&a->b, a->member[i] + off, 4);
		buf_add(&a->b, "x", 1);
	}
	number(&a->b, 0x06054b50, 4);
	number(&a->b, 0, 4);
	number(&a->b, n + more, 2);
	number(&a->b, n + more, 2);
	number(&a->b, a->b.len - 12 - begin, 4);
	number(&a->b, begin - a->begin + elsewhere, 4);
	number(&a->b, 0, 2);
}

/* Up to the bracket that closes it. */
static const char *
write_archive(struct archive *a, const char *p)
{
	static const struct {
		char letter;
		unsigned method, flags;
	} members[] = { { 's', 0, 0 }, { 'd', 8, 0 }, { '6', 6, 0 }, { '9', 9, 0 }, { 'b', 12, 0 },
		{ 'l', 14, 0 }, { 'p', 98, 0 }, { 'z', 93, 0 }, { 'a', 99, 0 }, { 'L', 14, 1 },
		{ '?', 4711, 0 } };
	struct archive inner;

	for (; *p != '\0' && *p != ']'; p++) {
		for (size_t i = 0; i < nitems(members); i++)
			if (members[i].letter == *p)
				header(a, members[i].method, members[i].flags);
		switch (*p) {
		case 'o':
			if (a->b.len == a->begin) /* what is in front does not count */
				a->begin += 16;
			buf_add(&a->b, "other PK\7 octets", 16);
			break;
		case 'D':
			directory(a, a->n, 0, 0, 0);
			break;
		case '1':
			directory(a, 1, 0, 0, 0);
			break;
		case 'w':
			directory(a, a->n, 0, 2, 0);
			break;
		case 'W':
			directory(a, a->n, 0, 0, 2);
			break;
		case 'N':
			directory(a, a->n, 1, 0, 0);
			break;
		case '[':
			header(a, 0, 0);
			inner = (struct archive){ .b = a->b, .begin = a->b.len };
			p = write_archive(&inner, p + 1);
			a->b = inner.b;
			break;
		}
	}
	return p;
}

static int
is_beyond(const struct buf *b)
{
	return clam_zip_is_beyond((const uint8_t *)b->p, b->len);
}

static void
test_archives(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(cases); i++) {
		struct archive a = { 0 };

		write_archive(&a, cases[i].written);
		if (is_beyond(&a.b) != cases[i].is_beyond)
			fail_msg("%s", cases[i].written);
		buf_fini(&a.b);
	}
}

/* Cut anywhere it is never taken for whole, unless nothing of a member is left. */
static void
test_cut(void **state)
{
	struct archive a = { 0 };

	(void)state;
	write_archive(&a, "dbsD");
	for (size_t n = 0; n < a.b.len; n++) {
		uint8_t *cut = test_malloc(n + 1);

		memcpy(cut, a.b.p, n);
		assert_int_equal(clam_zip_is_beyond(cut, n), n >= 30);
		test_free(cut);
	}
	buf_fini(&a.b);
}

/* Ends without number that all mean the same directory are not all read: that would take an hour.
 */
static void
test_many_ends(void **state)
{
	struct archive a = { 0 };

	(void)state;
	header(&a, 0, 0);
	for (int i = 0; i < 60000; i++) {
		number(&a.b, 0x02014b50, 4);
		number(&a.b, 0, 42);
	}
	for (int i = 0; i < 60000; i++) {
		size_t begin = a.member[0] + HEADER_SIZE, size = a.b.len - begin;

		number(&a.b, 0x06054b50, 4);
		number(&a.b, 0, 4);
		number(&a.b, 60000, 2);
		number(&a.b, 60000, 2);
		number(&a.b, size, 4);
		number(&a.b, begin, 4);
		number(&a.b, 0, 2);
	}
	assert_int_equal(is_beyond(&a.b), 1);
	buf_fini(&a.b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_archives),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_many_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
