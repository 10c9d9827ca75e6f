/* Index tables: opening them, and files that are damaged. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/span.h"
#include "config.h"
#include "tests/lib/index_world.h"

/* --- opening --- */

static void
test_missing(void **state)
{
	EACH_KIND(k)
	{
		char want[700];
		struct index_world w;
		struct err err = { 0 };

		index_world_open(&w, k);
		index_world_write(w.source, "a 1\n", 4);
		assert_null(table_open(w.spec, index_world_note, &w, &err));
		snprintf(want, sizeof(want),
		    "open %s: No such file or directory; it is made by `filterctl postmap %s`, or "
		    "postmap",
		    w.index, w.spec);
		assert_string_equal(err.text, want);
		assert_int_equal(mkdir(w.index, 0755), 0);
		assert_null(table_open(w.spec, index_world_note, &w, &err));
		assert_non_null(strstr(err.text, "regular file"));
		assert_int_equal(rmdir(w.index), 0);
		index_world_close(&w);
	}
}

static void
set_time(const char *path, time_t seconds)
{
	const struct timespec t[2] = { { .tv_sec = seconds }, { .tv_sec = seconds } };

	assert_int_equal(utimensat(AT_FDCWD, path, t, 0), 0);
}

static void
test_older_than_source(void **state)
{
	const time_t now = time(NULL);
	const struct {
		time_t source, index;
		int warned;
	} cases[] = {
		{ now - 1000, now - 2000, 1 }, { now - 2000, now - 1000, 0 },
		{ now - 1000, now - 1000, 0 },
		{ now - 10, now - 2000, 0 }, /* somebody is about to run postmap */
	};

	EACH_KIND(k)
	{
		char want[600];
		struct index_world w;

		index_world_open(&w, k);
		index_world_make(&w, "a 1\n");
		snprintf(want, sizeof(want), "0 database %s is older than source file %s\n",
		    w.index, w.source);
		for (size_t i = 0; i < nitems(cases); i++) {
			buf_reset(&w.warned);
			set_time(w.source, cases[i].source);
			set_time(w.index, cases[i].index);
			table_close(index_world_table(&w));
			assert_string_equal(buf_cstr(&w.warned), cases[i].warned ? want : "");
		}
		index_world_close(&w);
	}
}

static void
test_replaced_under_table(void **state)
{
	EACH_KIND(k)
	{
		struct index_world w;
		struct table *old, *new;

		index_world_open(&w, k);
		index_world_make(&w, "a old\n");
		old = index_world_table(&w);
		index_world_make(&w, "a new\nb 2\n");
		new = index_world_table(&w);
		assert_string_equal(index_world_ask(old, "a", w.a), "old");
		assert_string_equal(index_world_ask(old, "b", w.a), "-");
		assert_string_equal(index_world_ask(new, "a", w.a), "new");
		assert_string_equal(index_world_ask(new, "b", w.a), "2");
		table_close(old);
		table_close(new);
		index_world_close(&w);
	}
}

#ifdef HAVE_DB
/* hash and btree have the same suffix. */
static void
test_other_type(void **state)
{
	struct index_world w;
	struct err err = { 0 };

	index_world_open(&w, &index_kinds[0]);
	index_world_make(&w, "a 1\n");
	snprintf(w.spec, sizeof(w.spec), "btree:%s", w.source);
	assert_null(table_open(w.spec, index_world_note, &w, &err));
	assert_non_null(strstr(err.text, "it is a hash"));
	index_world_make(&w, "a 1\n");
	snprintf(w.spec, sizeof(w.spec), "hash:%s", w.source);
	assert_null(table_open(w.spec, index_world_note, &w, &err));
	assert_non_null(strstr(err.text, "it is a btree"));
	index_world_close(&w);
}
#endif

/* --- damaged files --- */

#define VARIANTS    200
#define DAMAGE_ROWS 400

enum { SAW_REFUSED = 1, SAW_FAILED = 2, SAW_VALUE = 4 };

static uint32_t
draw(uint32_t *seed, uint32_t below)
{
	*seed = *seed * 1103515245u + 12345u;
	return (*seed >> 8) % below;
}

static void
damage(struct buf *b, uint32_t *seed)
{
	uint32_t flips = 1u << draw(seed, 9);

	switch (draw(seed, 8)) {
	case 0:
		b->len = draw(seed, (uint32_t)b->len);
		return;
	case 1: /* a block of noise */
		for (uint32_t at = draw(seed, (uint32_t)b->len), n = 512; n > 0; n--)
			b->p[(at + n) % b->len] = (char)draw(seed, 256);
		return;
	case 2: /* headers, where most of what leads elsewhere stands */
		for (; flips > 0; flips--)
			b->p[(draw(seed, (uint32_t)b->len) / 4096 * 4096 + draw(seed, 200)) %
			     b->len] ^= (char)(1 << draw(seed, 8));
		return;
	default:
		for (; flips > 0; flips--)
			b->p[draw(seed, (uint32_t)b->len)] ^= (char)(1 << draw(seed, 8));
	}
}

/* Ask an open table for much; what it says. */
static int
ask_damaged(const struct table *t)
{
	struct arena *a = arena_new();
	struct table_hit hit;
	struct err err;
	int saw = 0;
	char key[60];

	for (int i = 0; i < DAMAGE_ROWS; i += 3) {
		arena_reset(a);
		err_clear(&err);
		snprintf(key, sizeof(key), "key%d@example.com", i);
		switch (table_get(t, span_str(key), a, &hit, &err)) {
		case 1:
			saw |= SAW_VALUE;
			break;
		case -1:
			assert_int_equal(err.class, ERR_CONFIG);
			saw |= SAW_FAILED;
			break;
		}
	}
	arena_free(a);
	return saw;
}

/* What happens with the damaged copy: found so at the load; or damaged later, in place. */
static int
try_damaged(struct index_world *w, const struct buf *good, const struct buf *bad)
{
	struct table *t;
	int saw = 0, fd;

	index_world_write(w->index, good->p, good->len);
	t = index_world_table(w);
	assert_true((fd = open(w->index, O_WRONLY | O_TRUNC)) != -1);
	assert_int_equal(write(fd, bad->p, bad->len), bad->len);
	close(fd);
	saw |= ask_damaged(t);
	table_close(t);
	if ((t = table_open(w->spec, NULL, NULL, NULL)) == NULL)
		return saw | SAW_REFUSED;
	saw |= ask_damaged(t);
	table_close(t);
	return saw;
}

static void
damage_kind(const struct index_kind *k)
{
	struct index_world w;
	struct buf text = { 0 }, good = { 0 }, bad = { 0 };
	uint32_t seed = 20260;
	int saw = 0, status;
	pid_t child;

	index_world_open(&w, k);
	for (int i = 0; i < DAMAGE_ROWS; i++)
		buf_printf(&text, "key%d@example.com %d %.*s\n", i, i, i % 60,
		    "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijkl");
	buf_printf(&text, "key399@example.org %09000d\n", 1);
	index_world_make(&w, buf_cstr(&text));
	index_world_read(w.index, &good);
	assert_true((child = fork()) != -1);
	if (child == 0) {
		alarm(300); /* a look-up without end is a fault too */
		for (int i = 0; i < VARIANTS; i++) {
			buf_reset(&bad);
			buf_add(&bad, good.p, good.len);
			damage(&bad, &seed);
			saw |= try_damaged(&w, &good, &bad);
		}
		_exit(saw);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	if (!WIFEXITED(status))
		fail_msg("%s: signal %d", k->type, WTERMSIG(status));
	assert_int_equal(WEXITSTATUS(status), SAW_REFUSED | SAW_FAILED | SAW_VALUE);
	buf_fini(&text);
	buf_fini(&good);
	buf_fini(&bad);
	index_world_close(&w);
}

static void
test_damaged(void **state)
{
	EACH_KIND(k)
	damage_kind(k);
}

static void
test_empty_file(void **state)
{
	EACH_KIND(k)
	{
		struct index_world w;
		struct err err = { 0 };

		index_world_open(&w, k);
		index_world_write(w.index, "", 0);
		assert_null(table_open(w.spec, index_world_note, &w, &err));
		assert_int_equal(err.class, ERR_CONFIG);
		assert_non_null(strstr(err.text, w.index));
		index_world_close(&w);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_missing),
		cmocka_unit_test(test_older_than_source),
		cmocka_unit_test(test_replaced_under_table),
#ifdef HAVE_DB
		cmocka_unit_test(test_other_type),
#endif
		cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_empty_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
