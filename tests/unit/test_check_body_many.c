/* check_body and body_checks with a table of many patterns, which look at many lines at once: they
 * must find what they find when each line is looked up by itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/xmem.h"
#include "table/scan_db.h"
#include "table/table.h"
#include "tests/lib/checks_world.h"
#include "tests/lib/content_world.h"
#include "tests/lib/pattern_random.h"

#define MESSAGES 60

/* Rare enough that there are stretches without. */
static const char *const tables[] = {
	/* May lie anywhere. */
	"/a1a/ INFO\n/\\bb2b\\b/ INFO\n/\\Bc3/ INFO\n/4\\s+4/ INFO\n/(abc|cab)1+2/ INFO\n"
	"/\\b1b1\\b/ INFO\n/c2c2c/ INFO\n/3333/ INFO\n/a4b4c/ INFO\n",
	/* One that may not. */
	"/a1a/ INFO\n/\\bb2b\\b/ INFO\n/^c3/ INFO\n/4\\s+4$/ INFO\n/(abc|cab)1+2/ INFO\n"
	"/\\b1b1\\b/ INFO\n/c2c2c/ INFO\n/3333/ INFO\n/a4b4c/ INFO\n",
	/* One that is always tried, and an if. */
	"/a1a/ INFO\nif /b/\n!/1/ INFO no 1\nendif\n/4\\s+4/ INFO\n/(abc|cab)1+2/ INFO\n"
	"/\\b1b1\\b/ INFO\n/c2c2c/ INFO\n/3333/ INFO\n/a4b4c/ INFO\n",
};

static void
note_patterns(void *arg, const struct table_status *s)
{
	snprintf(arg, 200, "%s", s->patterns);
}

static void
prefilter(struct table_registry *r)
{
	char status[200];

	table_registry_prefilter(r, NULL);
	do {
		usleep(1000);
		table_registry_each(r, note_patterns, status);
	} while (strstr(status, "being compiled") != NULL);
	if (scan_db_missing() == NULL && strstr(status, "looked for in one pass") == NULL)
		fail_msg("%s", status);
}

/* Lines of all lengths, some longer than a piece and some with a NUL. */
static void
make_message(struct pattern_random *r, struct buf *out)
{
	static const char letters[] = "abc1234  ";

	buf_adds(out, "Subject: s\r\n\r\n");
	for (unsigned lines = pattern_random_below(r, 300); lines > 0; lines--) {
		unsigned len =
		    pattern_random_below(r, pattern_random_below(r, 40) == 0 ? 5000 : 12);

		for (; len > 0; len--)
			buf_addc(out, pattern_random_below(r, 300) == 0
					  ? '\0'
					  : letters[pattern_random_below(r, sizeof(letters) - 1)]);
		buf_adds(out, "\r\n");
	}
}

static void
compare(const char *table)
{
	struct content_world c;
	char *said[MESSAGES];
	struct buf m = { 0 };
	struct pattern_random r = { .state = 1 };

	content_world_init(&c);
	content_world_table(&c, "t", table);
	c.w.o.lists[LIST_CONTENT] = content_world_text(&c, "check_body pcre:%s/t");
	assert_int_equal(content_world_begin(&c, "Subject: s\n\n"), 0);
	for (int pass = 0; pass < 2; pass++) {
		size_t hits = 0;

		r.state = 1;
		for (size_t i = 0; i < MESSAGES; i++) {
			const char *now;

			buf_reset(&m);
			make_message(&r, &m);
			content_world_again(&c, buf_span(&m));
			assert_string_equal(rule_world_ask(&c.w, RULE_CONTENT), "dunno");
			now = rule_world_said(&c.w);
			hits += now[0] != '\0';
			if (pass == 0)
				said[i] = xstrdup(now);
			else if (strcmp(said[i], now) != 0)
				fail_msg("message %zu\none by one:\n%s\nin one pass:\n%s", i,
				    said[i], now);
		}
		assert_true(hits > MESSAGES / 2);
		if (pass == 0)
			prefilter(c.w.tables);
	}
	for (size_t i = 0; i < MESSAGES; i++)
		free(said[i]);
	buf_fini(&m);
	content_world_fini(&c);
}

static void
test_messages(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(tables); i++)
		compare(tables[i]);
}

/* --- body_checks --- */

static void
compare_checks(const char *table)
{
	const char *const rules[4] = { NULL, NULL, NULL, table };
	struct world w;
	char *said[MESSAGES];
	struct buf m = { 0 };

	world_init(&w, rules);
	assert_int_equal(world_compile(&w), 0);
	for (int pass = 0; pass < 2; pass++) {
		struct pattern_random r = { .state = 7 };
		size_t hits = 0;

		for (size_t i = 0; i < MESSAGES; i++) {
			const char *now;

			buf_reset(&m);
			make_message(&r, &m);
			world_run(&w, buf_span(&m));
			now = world_said();
			hits += now[0] != '\0';
			if (pass == 0)
				said[i] = xstrdup(now);
			else if (strcmp(said[i], now) != 0)
				fail_msg("message %zu\none by one:\n%s\nin one pass:\n%s", i,
				    said[i], now);
			world_forget(&w);
		}
		assert_true(hits > MESSAGES / 2);
		if (pass == 0)
			prefilter(w.tables);
	}
	for (size_t i = 0; i < MESSAGES; i++)
		free(said[i]);
	buf_fini(&m);
	world_fini(&w);
}

static void
test_body_checks(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(tables); i++)
		compare_checks(tables[i]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_messages),
	};

	const struct CMUnitTest checks[] = {
		cmocka_unit_test(test_body_checks),
	};

	return cmocka_run_group_tests(tests, rule_world_listen, rule_world_unlisten) +
	       cmocka_run_group_tests(checks, world_listen, world_unlisten);
}
