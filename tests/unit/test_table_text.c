/* Tables of patterns that are asked with whole texts: what is innocent is decided, and what is made
 * to take for ever ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/span.h"
#include "table/table.h"

#define TEXT ((size_t)512 * 1024)

static const struct {
	const char *type, *rules;
	const char *begin, *fill, *end; /* the key: fill is repeated */
	int rc;
	const char *value; /* of a hit, or of what is behind one that could not be decided */
	const char *error; /* in it */
} texts[] = {
	/* innocent: an attempt for each octet is no trick */
	{ "pcre", "/click here.*to unsubscribe/ x\n", "click here", " some words of prose\n", "", 0,
	    NULL, "" },
	{ "pcre", "/click here.*to unsubscribe/ x\n", "click here", " some words of prose\n",
	    "to unsubscribe", 1, "x", "" },
	{ "pcre", "/dear (\\w+).*click here.*to unsubscribe/ $1\n", "dear you", " some words\n",
	    "click here to unsubscribe", 1, "you", "" },
	{ "regexp", "/click here.*to unsubscribe/ x\n", "click here", " some words of prose\n", "",
	    0, NULL, "" },
	/* as a short key is looked for */
	{ "regexp", "/ (a+)(b)$/ $2$1\n", "", "a b\n", " aaab", 1, "baaa", "" },
	{ "regexp", "/^(a+).*c/ $1\n", "aa", " b", "c", 1, "aa", "" },
	{ "regexp", "/^c/ x\n", "aa", " b\n", "c", 0, NULL, "" },
	{ "regexp", "/^(c)/m <$1>\n", "aa", " b\n", "c", 1, "<c>", "" },
	{ "regexp", "/[^a]/!/c/ x\n", "aa", "a", "c", 0, NULL, "" },
	{ "regexp", "!/c/ x\n", "aa", "a", "a", 1, "x", "" },
	{ "pcre", "/ (a+)(b)$/ $2$1\n", "", "a b\n", " aaab", 1, "baaa", "" },
	{ "pcre", "/^(a+).*c/ $1\n", "aa", " b", "c", 1, "aa", "" },
	{ "pcre", "/^c|^b/ x\n", "aa", " b\n", "c", 0, NULL, "" },
	{ "pcre", "/^(c)/m <$1>\n", "aa", " b\n", "c", 1, "<c>", "" },
	{ "pcre", "/c/A x\n", "aa", " b\n", "c", 0, NULL, "" },
	{ "pcre", "/\\Gc|d/ x\n", "aa", "b\n", "c", 0, NULL, "" },
	{ "pcre", "/a(*COMMIT)b|c/ x\n", "aa", "b\n", "c", 0, NULL, "" },
	{ "pcre", "/(?<=b)c/ x\n", "aa", "b", "c", 1, "x", "" },
	/* made to take for ever */
	{ "pcre", "/buy (.).*nowx/ x\n/^b/ y\n", "", "buy n x ", "", -1, "y",
	    "line 1: the key takes too long" },
	{ "pcre", "/(*NO_JIT)(a+)+b/ x\n/^a/ y\n", "", "a", "cb", -1, "y",
	    "the key takes too long" },
	{ "pcre", "/(a+)+b/ x\n/^a/ y\n", "b", "a", "", -1, NULL, "the key takes too long" },
	{ "regexp", "/buy .*nowx/ x\n", "", "buy x ", "", -1, NULL,
	    "line 1: the key takes too long" },
	{ "regexp", "/z/ z\n/buy .*nowx/ x\n/^b/ y\n", "", "buy x ", "", -1, "y",
	    "line 2: the key takes too long" },
};

static struct table *
open_with(const char *path, size_t i, struct err *err)
{
	char full[100];
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_true(fputs(texts[i].rules, f) >= 0);
	assert_int_equal(fclose(f), 0);
	snprintf(full, sizeof(full), "%s:%s", texts[i].type, path);
	return table_open(full, NULL, NULL, err);
}

static struct span
text_of(size_t i, struct arena *a)
{
	size_t begin = strlen(texts[i].begin), fill = strlen(texts[i].fill);
	char *p = arena_alloc(a, TEXT + 100);
	size_t n = begin;

	memcpy(p, texts[i].begin, begin);
	for (; n < TEXT; n += fill)
		memcpy(p + n, texts[i].fill, fill);
	memcpy(p + n, texts[i].end, strlen(texts[i].end));
	return span_make(p, n + strlen(texts[i].end));
}

static void
test_texts(void **state)
{
	for (size_t i = 0; i < nitems(texts); i++) {
		struct arena *a = arena_new();
		struct err err = { 0 };
		struct table_hit hit = { 0 };
		struct table *t = open_with(*state, i, &err);
		int64_t took, began = clock_thread_us();

		assert_non_null(t);
		if (table_get(t, text_of(i, a), a, &hit, &err) != texts[i].rc ||
		    strstr(err.text, texts[i].error) == NULL ||
		    (hit.value == NULL) != (texts[i].value == NULL) ||
		    (hit.value != NULL && strcmp(hit.value, texts[i].value) != 0))
			fail_msg("row %zu: %s, \"%s\"", i,
			    hit.value == NULL ? "nothing" : hit.value, err.text);
		/* One second of a look-up's, and what a sanitizer makes of the last step. */
		took = clock_thread_us() - began;
		assert_in_range(took, 0, 3000000);
		table_close(t);
		arena_free(a);
	}
}

int
main(void)
{
	char path[] = "/tmp/test_table_text.XXXXXX";
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_prestate(test_texts, path),
	};
	int fd = mkstemp(path), rc;

	if (fd == -1)
		return 1;
	close(fd);
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(path);
	return rc;
}
