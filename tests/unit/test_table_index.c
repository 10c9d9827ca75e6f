/* Index tables, of each kind: rows, and the options they are written with. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/span.h"
#include "tests/lib/index_world.h"

/* --- rows --- */

static const char rows_text[] = "# comment\n"
				"plain value of words  \n"
				"UPPER@Example.COM Kept As It Is\n"
				"folded one\n"
				"   # inside\n"
				"\ttwo\n"
				"\"a b\"@example.com quoted\n"
				"back\\ slash escaped\n"
				"plain again\n"
				"  \n"
				"novalue\n"
				"un\"balanced value\n"
				"alias: looks like one\n"
				"m\xc3\xbcller\xff eight\xff bits\n"
				"last x";

static const struct {
	const char *key, *value;
} rows_answers[] = {
	{ "plain", "value of words" },
	{ "PLAIN", "value of words" },
	{ "upper@example.com", "Kept As It Is" },
	{ "Upper@eXample.com", "Kept As It Is" },
	{ "folded", "one\ttwo" },
	{ "\"a b\"@example.com", "quoted" },
	{ "back\\ slash", "escaped" },
	{ "novalue", "-" },
	{ "un\"balanced", "-" },
	{ "alias:", "looks like one" },
	{ "m\xc3\xbcller\xff", "eight\xff bits" },
	{ "last", "x" },
	{ "las", "-" }, /* no prefixes */
	{ "last2", "-" },
	{ "", "-" },
};

static void
test_rows(void **state)
{
	EACH_KIND(k)
	{
		struct index_world w;
		struct table *t;

		index_world_open(&w, k);
		index_world_make(&w, rows_text);
		assert_string_equal(buf_cstr(&w.warned),
		    "9 duplicate key \"plain\": the row before it stays\n"
		    "11 expected \"key white-space value\", found \"novalue\": ignoring this line\n"
		    "12 unbalanced '\"' in \"un\"balanced value\": ignoring this line\n"
		    "13 the key \"alias:\" ends in ':'; is this an alias file?\n");
		t = index_world_table(&w);
		for (size_t i = 0; i < nitems(rows_answers); i++)
			assert_string_equal(
			    index_world_ask(t, rows_answers[i].key, w.a), rows_answers[i].value);
		assert_false(table_is_pattern(t));
		table_close(t);
		index_world_close(&w);
	}
}

static void
test_hit(void **state)
{
	EACH_KIND(k)
	{
		struct table_hit hit = { .line = 7 };
		struct index_world w;
		struct table *t;

		index_world_open(&w, k);
		index_world_make(&w, "a 1\n");
		t = index_world_table(&w);
		assert_int_equal(table_get(t, span_str("a"), w.a, &hit, NULL), 1);
		assert_string_equal(hit.file, w.index);
		assert_int_equal(hit.line, 0);
		table_close(t);
		index_world_close(&w);
	}
}

static void
test_no_rows(void **state)
{
	EACH_KIND(k)
	{
		struct index_world w;
		struct table *t;

		index_world_open(&w, k);
		index_world_make(&w, "# nothing\n");
		t = index_world_table(&w);
		assert_string_equal(index_world_ask(t, "a", w.a), "-");
		table_close(t);
		index_world_close(&w);
	}
}

struct sum {
	size_t rows, octets;
};

static void
add_value(void *arg, const char *value, const char *file, int line)
{
	struct sum *s = arg;

	assert_non_null(file);
	assert_int_equal(line, 0);
	s->rows++;
	s->octets += strlen(value);
}

/* Many pages, several levels, values that need pages of their own: every row is found. */
static void
many_rows(struct index_world *w, size_t n)
{
	struct buf text = { 0 };
	struct sum want = { 0 }, got = { 0 };
	struct table *t;
	char key[60];

	for (size_t i = 0; i < n; i++) {
		size_t len = i % 1000 == 7 ? 30000 : i % 50 == 3 ? 2100 : i % 83;

		buf_printf(&text, "Key%zu@%zu.example.com v%zu-", i * 7919 % n, i % 13, i);
		want.octets += len + (size_t)snprintf(NULL, 0, "v%zu-", i);
		for (; len > 0; len--)
			buf_addc(&text, (char)('a' + len % 26));
		buf_addc(&text, '\n');
		want.rows++;
	}
	index_world_make(w, buf_cstr(&text));
	buf_fini(&text);
	assert_int_equal(w->warned.len, 0);
	t = index_world_table(w);
	for (size_t i = 0; i < n; i++) {
		char begin[30];

		arena_reset(w->a);
		snprintf(key, sizeof(key), "key%zu@%zu.example.com", i * 7919 % n, i % 13);
		snprintf(begin, sizeof(begin), "v%zu-", i);
		if (strncmp(index_world_ask(t, key, w->a), begin, strlen(begin)) != 0)
			fail_msg("%s: %s: %.40s", w->spec, key, index_world_ask(t, key, w->a));
		snprintf(key, sizeof(key), "key%zu@none.example.com", i);
		assert_string_equal(index_world_ask(t, key, w->a), "-");
	}
	table_each(t, add_value, &got);
	assert_int_equal(got.rows, want.rows);
	assert_int_equal(got.octets, want.octets);
	table_close(t);
}

static void
test_many_rows(void **state)
{
	EACH_KIND(k)
	{
		struct index_world w;

		index_world_open(&w, k);
		many_rows(&w, 6007);
		index_world_close(&w);
	}
}

/* A key that does not fit into a page; lmdb has none. */
static void
test_long_keys(void **state)
{
	char text[12100], key[6001];

	memset(key, 'k', 6000);
	key[6000] = '\0';
	EACH_KIND(k)
	{
		struct index_world w;
		struct table *t;
		struct err err = { 0 };

		index_world_open(&w, k);
		index_world_make(&w, "a old\n");
		snprintf(text, sizeof(text), "a new\n%s value\nb 2\n%.5999sx value2\n", key, key);
		index_world_write(w.source, text, strlen(text));
		if (strcmp(k->type, "lmdb") == 0) {
			assert_int_equal(
			    index_write(w.spec, &index_world_usual, index_world_note, &w, &err),
			    -1);
			assert_non_null(strstr(err.text, "/map, line 2: "));
			assert_non_null(strstr(err.text, "511"));
		} else {
			assert_int_equal(
			    index_write(w.spec, &index_world_usual, index_world_note, &w, &err), 0);
		}
		t = index_world_table(&w);
		if (err.class != ERR_NONE) {
			assert_string_equal(
			    index_world_ask(t, "a", w.a), "old"); /* nothing was replaced */
			assert_string_equal(index_world_ask(t, key, w.a), "-");
		} else {
			assert_string_equal(index_world_ask(t, "a", w.a), "new");
			assert_string_equal(index_world_ask(t, key, w.a), "value");
			key[5999] = 'x';
			assert_string_equal(index_world_ask(t, key, w.a), "value2");
			key[5999] = 'y';
			assert_string_equal(index_world_ask(t, key, w.a), "-");
			key[5999] = 'k';
		}
		table_close(t);
		assert_int_equal(unlink(w.source) | unlink(w.index) | rmdir(w.dir), 0);
		index_world_close(&w);
	}
}

/* --- options --- */

#define OCTETS(s)                                                                                  \
	{                                                                                          \
		s, sizeof(s) - 1                                                                   \
	}
/* How a file shows what stands in it. */
static const struct {
	const char *type;
	struct {
		const char *p;
		size_t n;
	} with, without;
} marks[] = {
	{ "hash", OCTETS("\001value\0\001key\0"), OCTETS("\001other\001key") },
	{ "btree", OCTETS("\004\0\001key\0"), OCTETS("\003\0\001key") },
	{ "lmdb", OCTETS("\006\0\0\0\0\0\004\0key\0value\0"),
	    OCTETS("\005\0\0\0\0\0\003\0keyother") },
	{ "cdb", OCTETS("\004\0\0\0\006\0\0\0key\0value\0"),
	    OCTETS("\003\0\0\0\005\0\0\0keyother") },
};

static int
has_mark(const struct index_world *w, const char *type, int with)
{
	struct buf b = { 0 };
	int found = 0;

	index_world_read(w->index, &b);
	for (size_t i = 0; i < nitems(marks); i++)
		if (strcmp(marks[i].type, type) == 0)
			found = memmem(b.p, b.len, with ? marks[i].with.p : marks[i].without.p,
				    with ? marks[i].with.n : marks[i].without.n) != NULL;
	buf_fini(&b);
	return found;
}

static void
test_options(void **state)
{
	EACH_KIND(k)
	{
		struct index_write_options o = index_world_usual;
		struct index_world w;
		struct table *t;

		index_world_open(&w, k);
		o.nul = INDEX_NUL_YES;
		index_world_make_opt(&w, "Key value\nkey other\n", &o);
		assert_true(has_mark(&w, k->type, 1));
		assert_string_equal(
		    index_world_ask(t = index_world_table(&w), "kEY", w.a), "value");
		table_close(t);
		o.nul = INDEX_NUL_NO;
		o.replace = 1;
		index_world_make_opt(&w, "Key value\nkey other\n", &o);
		assert_true(has_mark(&w, k->type, 0));
		assert_string_equal(
		    index_world_ask(t = index_world_table(&w), "kEY", w.a), "other");
		table_close(t);
		o = index_world_usual;
		o.no_warning = 1;
		o.keep_case = 1;
		buf_reset(&w.warned);
		index_world_make_opt(&w, "Key value\nkey other\nkey third\n", &o);
		assert_int_equal(w.warned.len, 0);
		assert_string_equal(
		    index_world_ask(t = index_world_table(&w), "Key", w.a), "other");
		table_close(t);
		index_world_close(&w);
	}
}

static const struct {
	mode_t source, index;
	int plain;
} modes[] = {
	{ 0644, 0644, 0 },
	{ 0640, 0640, 0 },
	{ 0600, 0600, 0 },
	{ 0777, 0644, 0 },
	{ 0400, 0600, 0 },
	{ 0600, 0644, 1 },
};

static void
test_modes(void **state)
{
	EACH_KIND(k)
	{
		struct index_world w;
		struct err err = { 0 };
		struct stat st;

		index_world_open(&w, k);
		index_world_write(w.source, "a 1\n", 4);
		for (size_t i = 0; i < nitems(modes); i++) {
			const struct index_write_options o = { .plain_mode = modes[i].plain };

			assert_int_equal(chmod(w.source, modes[i].source), 0);
			assert_int_equal(index_write(w.spec, &o, index_world_note, &w, &err), 0);
			assert_int_equal(stat(w.index, &st), 0);
			assert_int_equal(st.st_mode & 07777, modes[i].index);
		}
		index_world_close(&w);
	}
}

/* root becomes the source's owner, and root again. */
static void
test_owner(void **state)
{
	if (geteuid() != 0)
		skip();
	EACH_KIND(k)
	{
		const struct index_write_options as_root = { .keep_root = 1 };
		struct index_world w;
		struct err err = { 0 };
		struct stat st;

		index_world_open(&w, k);
		index_world_write(w.source, "a 1\n", 4);
		assert_int_equal(chown(w.source, 65534, 65534), 0);
		assert_int_equal(
		    index_write(w.spec, &index_world_usual, index_world_note, &w, &err), -1);
		assert_non_null(strstr(err.text, "-o: as root"));
		assert_int_equal(geteuid(), 0);
		assert_int_equal(index_write(w.spec, &as_root, index_world_note, &w, &err), 0);
		assert_int_equal(stat(w.index, &st), 0);
		assert_int_equal(st.st_uid, 0);
		assert_int_equal(chown(w.dir, 65534, 65534), 0);
		assert_int_equal(
		    index_write(w.spec, &index_world_usual, index_world_note, &w, &err), 0);
		assert_int_equal(stat(w.index, &st), 0);
		assert_int_equal(st.st_uid, 65534);
		assert_int_equal(geteuid(), 0);
		index_world_close(&w);
	}
}

static void
test_not_writable(void **state)
{
	static const char *const specs[] = { "texthash:/x", "proxy:hash:/x", "hash:", "hash", "" };
	struct err err;

	for (size_t i = 0; i < nitems(specs); i++) {
		err_clear(&err);
		assert_int_equal(index_write(specs[i], &index_world_usual, NULL, NULL, &err), -1);
		assert_int_equal(err.class, ERR_CONFIG);
	}
	EACH_KIND(k)
	{
		struct index_world w;

		index_world_open(&w, k);
		err_clear(&err);
		assert_int_equal(index_write(w.spec, &index_world_usual, NULL, NULL, &err), -1);
		assert_non_null(strstr(err.text, w.source));
		assert_int_equal(access(w.index, F_OK), -1);
		index_world_close(&w);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_hit),
		cmocka_unit_test(test_no_rows),
		cmocka_unit_test(test_many_rows),
		cmocka_unit_test(test_long_keys),
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_modes),
		cmocka_unit_test(test_owner),
		cmocka_unit_test(test_not_writable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
