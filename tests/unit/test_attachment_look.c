/*
 * What a walk says of the samples of the fuzzer: whole, cut at each octet, and changed at each.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/xmem.h"
#include "plugins/attachment_archive.h"
#include "plugins/attachment_zip.h"

#define HEAD 20 /* what the fuzzer takes for itself */

static const struct att_limits generous = { .depth = 5,
	.members = 100,
	.size = 1 << 20,
	.memory = 1 << 20,
	.ratio = 100000,
	.time_ms = 600000 };

struct heard {
	struct buf names, facts;
	size_t keys;
	int no_type;
	int asked; /* for a type */
};

static const char *
type(void *arg, struct filterd_octets o)
{
	struct heard *h = arg;

	h->asked++;
	if (h->no_type)
		return NULL;
	return o.len > 4 && memcmp(o.p, "From", 4) == 0 ? "message/rfc822"
	       : o.len > 1 && memcmp(o.p, "MZ", 2) == 0 ? "application/x-dosexec"
							: "text/plain";
}

static void
key(void *arg, const char *text, int more)
{
	struct heard *h = arg;

	h->keys++;
	buf_printf(&h->names, "%s%.*s", more ? "=" : " ", (int)strcspn(text, ";"), text);
}

static void
fact(void *arg, const char *subject, const char *value, const char *detail)
{
	struct heard *h = arg;

	buf_printf(&h->facts, " %s=%s%s%s", subject, value, detail == NULL ? "" : ":",
	    detail == NULL ? "" : detail);
}

static void
message(void *arg, struct att_walk *w, struct att_item *outer)
{
	struct att_item part = { .outer = outer,
		.octets = { outer->octets.p + 4, outer->octets.len - 4 },
		.whole = 1,
		.size = -1 };

	(void)arg;
	att_look(w, &part);
}

/* In memory of just this size, so that a sanitizer finds what reads beyond. */
static void
look(const uint8_t *p, size_t n, const struct att_limits *limits, struct heard *h,
    struct att_walk *w)
{
	const struct att_ops ops = { type, key, fact, message, h };
	const struct filterd_octets name = { (const uint8_t *)"a", 1 };
	uint8_t *copy = xmalloc(n + 1);
	struct att_item item = {
		.names = &name, .nnames = 1, .octets = { copy, n }, .whole = 1, .size = -1
	};

	memcpy(copy, p, n);
	buf_reset(&h->names);
	buf_reset(&h->facts);
	h->keys = 0;
	att_walk_init(w, limits, &ops, limits->time_ms);
	att_look(w, &item);
	assert_int_equal(w->memory, 0);
	free(copy);
}

static void
fini(struct heard *h)
{
	buf_fini(&h->names);
	buf_fini(&h->facts);
}

static size_t
sample(const char *name, uint8_t *out, size_t size)
{
	const char *source = getenv("srcdir");
	char path[500];
	FILE *f;
	size_t n;

	snprintf(path, sizeof(path), "%s/tests/fuzz/corpus/archive_list/%s",
	    source == NULL ? "." : source, name);
	f = fopen(path, "rb");
	if (f == NULL)
		fail_msg("%s", path);
	n = fread(out, 1, size, f);
	fclose(f);
	assert_true(n > HEAD && n < size);
	memmove(out, out + HEAD, n - HEAD);
	return n - HEAD;
}

#define TWO " x.exe words.txt"

static const struct {
	const char *sample, *names, *facts;
} cases[] = {
	{ "zip", TWO, "" },
	{ "zip_streamed", TWO, "" },
	{ "zip_hidden", " words.txt x.exe", " archive=ambiguous:hidden" },
	{ "zip_locked", "", " archive=encrypted" },
	{ "zip_comment", "", " archive=ambiguous:" },
	{ "zip_escalating", " 0 1 2 3 4 5 6 7", " archive=ambiguous:overlap" },
	{ "zip_nested", " l2.zip l1.zip x.exe", "" },
	{ "tar_gz", TWO, "" },
	{ "tar_bz2", TWO, "" },
	{ "tar_xz", TWO, "" },
	{ "tar_zst", "", "" },
	{ "lz4", "", "" },
	{ "old_tar", TWO, "" },
	{ "seven_zip", "", "" },
	{ "seven_zip_headers", "", " archive=encrypted" },
	{ "rar", TWO, "" },
	{ "rar5", TWO, "" },
	{ "cab", TWO, "" },
	{ "lha", TWO, "" },
	{ "cpio", "", "" },
	{ "ar", TWO, "" },
	{ "iso_gz", "", "" },
	{ "sfx", TWO, " archive=ambiguous:prepended" },
	{ "message", " m.eml ", " archive=ambiguous:prepended" },
};

static void
test_samples(void **state)
{
	uint8_t octets[5000];
	struct heard h = { 0 };
	struct att_walk w;

	(void)state;
	for (size_t i = 0; i < nitems(cases); i++) {
		size_t n = sample(cases[i].sample, octets, sizeof(octets));

		look(octets, n, &generous, &h, &w);
		/* In which order a folder is packed is its program's choice. */
		if (strstr(buf_cstr(&h.names), cases[i].names) == NULL ||
		    strstr(buf_cstr(&h.facts), cases[i].facts) == NULL ||
		    (cases[i].facts[0] == '\0' && h.facts.len > 0))
			fail_msg(
			    "%s:%s;%s", cases[i].sample, buf_cstr(&h.names), buf_cstr(&h.facts));
		if (strstr(cases[i].sample, "headers") == NULL &&
		    strcmp(cases[i].sample, "zip_nested") != 0 &&
		    strcmp(cases[i].sample, "zip_escalating") != 0)
			assert_non_null(strstr(buf_cstr(&h.names), "words.txt"));
	}
	fini(&h);
}

/* Whatever is left of it: what was said of the whole, or something is wrong with it. */
static void
test_cut(void **state)
{
	uint8_t octets[5000];
	struct heard h = { 0 };
	struct att_walk w;

	(void)state;
	for (size_t i = 0; i < nitems(cases); i++) {
		size_t n = sample(cases[i].sample, octets, sizeof(octets)), keys;

		look(octets, n, &generous, &h, &w);
		keys = h.keys;
		for (size_t len = 0; len < n; len++) {
			look(octets, len, &generous, &h, &w);
			if (h.keys < keys && h.facts.len == 0 && len > 300)
				fail_msg(
				    "%s, %zu octets:%s", cases[i].sample, len, buf_cstr(&h.names));
		}
	}
	fini(&h);
}

static void
test_changed(void **state)
{
	static const uint8_t changes[] = { 0x00, 0xff, 0x01, 0x80 };
	uint8_t octets[5000];
	struct heard h = { 0 };
	struct att_walk w;

	(void)state;
	for (size_t i = 0; i < nitems(cases); i++) {
		size_t n = sample(cases[i].sample, octets, sizeof(octets));

		for (size_t at = 0; at < n; at++) {
			uint8_t before = octets[at];

			octets[at] = changes[at % nitems(changes)];
			look(octets, n, &generous, &h, &w);
			assert_true(h.keys <= generous.members * 4);
			octets[at] = before;
		}
	}
	fini(&h);
}

/* Each limit, just beyond. */
static const struct {
	const char *sample;
	struct att_limits limits;
	const char *fact;
} limit_cases[] = {
	{ "zip_nested", { 2, 100, 1 << 20, 1 << 20, 1000, 600000 }, " archive=limit:depth" },
	{ "zip_nested", { 3, 100, 1 << 20, 1 << 20, 1000, 600000 }, "" },
	{ "zip", { 5, 2, 1 << 20, 1 << 20, 1000, 600000 }, " archive=limit:members" },
	{ "zip", { 5, 3, 1 << 20, 1 << 20, 1000, 600000 }, "" },
	{ "zip", { 5, 100, 50, 1 << 20, 1000, 600000 }, " archive=limit:size" },
	{ "tar_gz", { 5, 100, 50, 1 << 20, 1000, 600000 }, " archive=limit:size" },
	{ "zip", { 5, 100, 1 << 20, 4000, 1000, 600000 }, " archive=limit:memory" },
	{ "zip", { 5, 100, 1 << 20, 1 << 20, 1000, 0 }, " archive=limit:time" },
	{ "seven_zip", { 5, 100, 1 << 20, 1 << 20, 1000, 0 }, " archive=limit:time" },
};

static void
test_limits(void **state)
{
	uint8_t octets[5000];
	struct heard h = { 0 };
	struct att_walk w;

	(void)state;
	for (size_t i = 0; i < nitems(limit_cases); i++) {
		size_t n = sample(limit_cases[i].sample, octets, sizeof(octets));

		look(octets, n, &limit_cases[i].limits, &h, &w);
		if (strcmp(buf_cstr(&h.facts), limit_cases[i].fact) != 0)
			fail_msg("row %zu:%s", i, buf_cstr(&h.facts));
	}
	fini(&h);
}

/* No keys are lost without a word when an answer would be too big. */
static void
test_many_keys(void **state)
{
	static uint8_t zip[400000];
	struct att_limits limits = generous;
	struct heard h = { 0 };
	struct att_walk w;
	size_t n = 0;

	(void)state;
	limits.members = 100000;
	for (int i = 0; i < 3000; i++) {
		memcpy(zip + n, "PK\3\4\24\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\4\0\0\0", 30);
		memcpy(zip + n + 30, "name", 4);
		n += 34;
	}
	look(zip, n, &limits, &h, &w);
	assert_in_range(h.keys, 1000, 2000);
	assert_non_null(strstr(buf_cstr(&h.facts), "archive=limit:keys"));
	fini(&h);
}

/* What libmagic cannot tell is no type. */
static void
test_no_type(void **state)
{
	struct heard h = { .no_type = 1 };
	struct att_walk w;

	(void)state;
	look((const uint8_t *)"words", 5, &generous, &h, &w);
	assert_int_equal(w.failed, 1);
	assert_int_equal(h.keys, 1);
	fini(&h);
}

/* A text that is shown as one is no attachment, and nobody is asked what it may be called. */
static void
test_bodies(void **state)
{
	static const struct {
		const char *octets;
		size_t len;
		const char *type, *name;
		int asked;
	} rows[] = {
		{ "hello\r\n", 7, "text/plain", "", 0 },
		{ "<b>\xe4\t\x1b(B</b>", 12, "text/html", "", 0 },
		{ "MZ", 2, "text/plain", "", 0 }, /* a word, for nobody runs it */
		{ "MZ\0\0", 4, "text/plain", "", 1 },
		{ "MZ\x01", 3, "text/plain", "", 1 },
		{ "", 0, "text/plain", "", 1 },
		{ "hello", 5, "text/plain", "a", 1 },
		{ "hello", 5, "text/x-script", "", 1 },
		{ "hello", 5, NULL, "", 1 },
	};
	struct heard h = { .keys = 0 };
	const struct att_ops ops = { type, key, fact, message, &h };

	(void)state;
	for (size_t i = 0; i < nitems(rows); i++) {
		const struct filterd_octets name = { (const uint8_t *)rows[i].name,
			strlen(rows[i].name) };
		struct att_item item = { .names = &name,
			.nnames = name.len > 0,
			.types = &rows[i].type,
			.ntypes = rows[i].type != NULL,
			.octets = { (const uint8_t *)rows[i].octets, rows[i].len },
			.whole = 1,
			.is_body = 1,
			.size = -1 };
		struct att_walk w;

		h.asked = 0;
		h.keys = 0;
		att_walk_init(&w, &generous, &ops, generous.time_ms);
		att_look(&w, &item);
		if (h.asked != rows[i].asked)
			fail_msg("row %zu: asked %d times", i, h.asked);
		if (!rows[i].asked && h.keys > 0)
			fail_msg("row %zu: a key", i);
	}
	fini(&h);
}

static void
test_ready(void **state)
{
	char why[100] = "";

	(void)state;
	assert_int_equal(att_archive_ready(why, sizeof(why)), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_samples),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_changed),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_many_keys),
		cmocka_unit_test(test_no_type),
		cmocka_unit_test(test_bodies),
		cmocka_unit_test(test_ready),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
