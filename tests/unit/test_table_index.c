/* hash, btree, lmdb, cdb: written by index_write, read by the table types; damaged files; locks;
 * threads.  Beside Postfix's postmap: tests/daemon/test_index_parity.py. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/counters.h"
#include "base/err.h"
#include "base/log.h"
#include "base/span.h"
#include "config.h"
#include "table/index_write.h"
#include "table/table.h"
#include "tests/lib/tmpdir.h"

static const struct kind {
	const char *type, *suffix;
} kinds[] = {
#ifdef HAVE_DB
	{ "hash", ".db" }, { "btree", ".db" },
#endif
#ifdef HAVE_LMDB
	{ "lmdb", ".lmdb" },
#endif
#ifdef HAVE_CDB
	{ "cdb", ".cdb" },
#endif
	{ NULL, NULL }, /* a build may have none */
};
#define EACH_KIND(k) for (const struct kind *k = kinds; k->type != NULL; k++)

static const struct index_write_options usual;

/* One test's folder, and what was warned of. */
struct world {
	char *dir;
	char source[200], index[220], spec[230];
	struct arena *a;
	struct buf warned;
};

static void
note(void *arg, const struct table_finding *f)
{
	struct world *w = arg;

	buf_printf(&w->warned, "%d %s\n", f->line, f->text);
}

static void
world_open(struct world *w, const struct kind *k)
{
	memset(w, 0, sizeof(*w));
	w->dir = tmpdir_make();
	w->a = arena_new();
	snprintf(w->source, sizeof(w->source), "%s/map", w->dir);
	snprintf(w->index, sizeof(w->index), "%s%s", w->source, k->suffix);
	snprintf(w->spec, sizeof(w->spec), "%s:%s", k->type, w->source);
}

static void
world_close(struct world *w)
{
	arena_free(w->a);
	buf_fini(&w->warned);
	tmpdir_remove(w->dir);
}

static void
write_file(const char *path, const void *p, size_t n)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(p, 1, n, f), n);
	assert_int_equal(fclose(f), 0);
}

static void
read_file(const char *path, struct buf *b)
{
	FILE *f = fopen(path, "r");
	size_t n;

	assert_non_null(f);
	buf_reset(b);
	while ((n = fread(buf_reserve(b, 65536), 1, 65536, f)) > 0)
		b->len += n;
	fclose(f);
}

/* Write source and index. */
static void
make_opt(struct world *w, const char *text, const struct index_write_options *opt)
{
	struct err err = { 0 };

	write_file(w->source, text, strlen(text));
	if (index_write(w->spec, opt, note, w, &err) == -1)
		fail_msg("%s: %s", w->spec, err.text);
}

static void
make(struct world *w, const char *text)
{
	make_opt(w, text, &usual);
}

static struct table *
open_table(struct world *w)
{
	struct err err = { 0 };
	struct table *t = table_open(w->spec, note, w, &err);

	if (t == NULL)
		fail_msg("%s: %s", w->spec, err.text);
	return t;
}

/* The value, "-" absent, "!" could not find out. */
static const char *
ask(const struct table *t, const char *key, struct arena *a)
{
	struct table_hit hit = { 0 };
	int rc = table_get(t, span_str(key), a, &hit, NULL);

	return rc == -1 ? "!" : rc == 0 ? "-" : hit.value;
}

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
		struct world w;
		struct table *t;

		world_open(&w, k);
		make(&w, rows_text);
		assert_string_equal(buf_cstr(&w.warned),
		    "9 duplicate key \"plain\": the row before it stays\n"
		    "11 expected \"key white-space value\", found \"novalue\": ignoring this line\n"
		    "12 unbalanced '\"' in \"un\"balanced value\": ignoring this line\n"
		    "13 the key \"alias:\" ends in ':'; is this an alias file?\n");
		t = open_table(&w);
		for (size_t i = 0; i < nitems(rows_answers); i++)
			assert_string_equal(
			    ask(t, rows_answers[i].key, w.a), rows_answers[i].value);
		assert_false(table_is_pattern(t));
		table_close(t);
		world_close(&w);
	}
}

static void
test_hit(void **state)
{
	EACH_KIND(k)
	{
		struct table_hit hit = { .line = 7 };
		struct world w;
		struct table *t;

		world_open(&w, k);
		make(&w, "a 1\n");
		t = open_table(&w);
		assert_int_equal(table_get(t, span_str("a"), w.a, &hit, NULL), 1);
		assert_string_equal(hit.file, w.index);
		assert_int_equal(hit.line, 0);
		table_close(t);
		world_close(&w);
	}
}

static void
test_no_rows(void **state)
{
	EACH_KIND(k)
	{
		struct world w;
		struct table *t;

		world_open(&w, k);
		make(&w, "# nothing\n");
		t = open_table(&w);
		assert_string_equal(ask(t, "a", w.a), "-");
		table_close(t);
		world_close(&w);
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
many_rows(struct world *w, size_t n)
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
	make(w, buf_cstr(&text));
	buf_fini(&text);
	assert_int_equal(w->warned.len, 0);
	t = open_table(w);
	for (size_t i = 0; i < n; i++) {
		char begin[30];

		arena_reset(w->a);
		snprintf(key, sizeof(key), "key%zu@%zu.example.com", i * 7919 % n, i % 13);
		snprintf(begin, sizeof(begin), "v%zu-", i);
		if (strncmp(ask(t, key, w->a), begin, strlen(begin)) != 0)
			fail_msg("%s: %s: %.40s", w->spec, key, ask(t, key, w->a));
		snprintf(key, sizeof(key), "key%zu@none.example.com", i);
		assert_string_equal(ask(t, key, w->a), "-");
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
		struct world w;

		world_open(&w, k);
		many_rows(&w, 6007);
		world_close(&w);
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
		struct world w;
		struct table *t;
		struct err err = { 0 };

		world_open(&w, k);
		make(&w, "a old\n");
		snprintf(text, sizeof(text), "a new\n%s value\nb 2\n%.5999sx value2\n", key, key);
		write_file(w.source, text, strlen(text));
		if (strcmp(k->type, "lmdb") == 0) {
			assert_int_equal(index_write(w.spec, &usual, note, &w, &err), -1);
			assert_non_null(strstr(err.text, "/map, line 2: "));
			assert_non_null(strstr(err.text, "511"));
		} else {
			assert_int_equal(index_write(w.spec, &usual, note, &w, &err), 0);
		}
		t = open_table(&w);
		if (err.class != ERR_NONE) {
			assert_string_equal(ask(t, "a", w.a), "old"); /* nothing was replaced */
			assert_string_equal(ask(t, key, w.a), "-");
		} else {
			assert_string_equal(ask(t, "a", w.a), "new");
			assert_string_equal(ask(t, key, w.a), "value");
			key[5999] = 'x';
			assert_string_equal(ask(t, key, w.a), "value2");
			key[5999] = 'y';
			assert_string_equal(ask(t, key, w.a), "-");
			key[5999] = 'k';
		}
		table_close(t);
		assert_int_equal(unlink(w.source) | unlink(w.index) | rmdir(w.dir), 0);
		world_close(&w);
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
has_mark(const struct world *w, const char *type, int with)
{
	struct buf b = { 0 };
	int found = 0;

	read_file(w->index, &b);
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
		struct index_write_options o = usual;
		struct world w;
		struct table *t;

		world_open(&w, k);
		o.nul = INDEX_NUL_YES;
		make_opt(&w, "Key value\nkey other\n", &o);
		assert_true(has_mark(&w, k->type, 1));
		assert_string_equal(ask(t = open_table(&w), "kEY", w.a), "value");
		table_close(t);
		o.nul = INDEX_NUL_NO;
		o.replace = 1;
		make_opt(&w, "Key value\nkey other\n", &o);
		assert_true(has_mark(&w, k->type, 0));
		assert_string_equal(ask(t = open_table(&w), "kEY", w.a), "other");
		table_close(t);
		o = usual;
		o.no_warning = 1;
		o.keep_case = 1;
		buf_reset(&w.warned);
		make_opt(&w, "Key value\nkey other\nkey third\n", &o);
		assert_int_equal(w.warned.len, 0);
		assert_string_equal(ask(t = open_table(&w), "Key", w.a), "other");
		table_close(t);
		world_close(&w);
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
		struct world w;
		struct err err = { 0 };
		struct stat st;

		world_open(&w, k);
		write_file(w.source, "a 1\n", 4);
		for (size_t i = 0; i < nitems(modes); i++) {
			const struct index_write_options o = { .plain_mode = modes[i].plain };

			assert_int_equal(chmod(w.source, modes[i].source), 0);
			assert_int_equal(index_write(w.spec, &o, note, &w, &err), 0);
			assert_int_equal(stat(w.index, &st), 0);
			assert_int_equal(st.st_mode & 07777, modes[i].index);
		}
		world_close(&w);
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
		struct world w;
		struct err err = { 0 };
		struct stat st;

		world_open(&w, k);
		write_file(w.source, "a 1\n", 4);
		assert_int_equal(chown(w.source, 65534, 65534), 0);
		assert_int_equal(index_write(w.spec, &usual, note, &w, &err), -1);
		assert_non_null(strstr(err.text, "-o: as root"));
		assert_int_equal(geteuid(), 0);
		assert_int_equal(index_write(w.spec, &as_root, note, &w, &err), 0);
		assert_int_equal(stat(w.index, &st), 0);
		assert_int_equal(st.st_uid, 0);
		assert_int_equal(chown(w.dir, 65534, 65534), 0);
		assert_int_equal(index_write(w.spec, &usual, note, &w, &err), 0);
		assert_int_equal(stat(w.index, &st), 0);
		assert_int_equal(st.st_uid, 65534);
		assert_int_equal(geteuid(), 0);
		world_close(&w);
	}
}

static void
test_not_writable(void **state)
{
	static const char *const specs[] = { "texthash:/x", "proxy:hash:/x", "hash:", "hash", "" };
	struct err err;

	for (size_t i = 0; i < nitems(specs); i++) {
		err_clear(&err);
		assert_int_equal(index_write(specs[i], &usual, NULL, NULL, &err), -1);
		assert_int_equal(err.class, ERR_CONFIG);
	}
	EACH_KIND(k)
	{
		struct world w;

		world_open(&w, k);
		err_clear(&err);
		assert_int_equal(index_write(w.spec, &usual, NULL, NULL, &err), -1);
		assert_non_null(strstr(err.text, w.source));
		assert_int_equal(access(w.index, F_OK), -1);
		world_close(&w);
	}
}

/* --- opening --- */

static void
test_missing(void **state)
{
	EACH_KIND(k)
	{
		char want[700];
		struct world w;
		struct err err = { 0 };

		world_open(&w, k);
		write_file(w.source, "a 1\n", 4);
		assert_null(table_open(w.spec, note, &w, &err));
		snprintf(want, sizeof(want),
		    "open %s: No such file or directory; it is made by `filterctl postmap %s`, or "
		    "postmap",
		    w.index, w.spec);
		assert_string_equal(err.text, want);
		assert_int_equal(mkdir(w.index, 0755), 0);
		assert_null(table_open(w.spec, note, &w, &err));
		assert_non_null(strstr(err.text, "regular file"));
		assert_int_equal(rmdir(w.index), 0);
		world_close(&w);
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
		struct world w;

		world_open(&w, k);
		make(&w, "a 1\n");
		snprintf(want, sizeof(want), "0 database %s is older than source file %s\n",
		    w.index, w.source);
		for (size_t i = 0; i < nitems(cases); i++) {
			buf_reset(&w.warned);
			set_time(w.source, cases[i].source);
			set_time(w.index, cases[i].index);
			table_close(open_table(&w));
			assert_string_equal(buf_cstr(&w.warned), cases[i].warned ? want : "");
		}
		world_close(&w);
	}
}

static void
test_replaced_under_table(void **state)
{
	EACH_KIND(k)
	{
		struct world w;
		struct table *old, *new;

		world_open(&w, k);
		make(&w, "a old\n");
		old = open_table(&w);
		make(&w, "a new\nb 2\n");
		new = open_table(&w);
		assert_string_equal(ask(old, "a", w.a), "old");
		assert_string_equal(ask(old, "b", w.a), "-");
		assert_string_equal(ask(new, "a", w.a), "new");
		assert_string_equal(ask(new, "b", w.a), "2");
		table_close(old);
		table_close(new);
		world_close(&w);
	}
}

#ifdef HAVE_DB
/* hash and btree have the same suffix. */
static void
test_other_type(void **state)
{
	struct world w;
	struct err err = { 0 };

	world_open(&w, &kinds[0]);
	make(&w, "a 1\n");
	snprintf(w.spec, sizeof(w.spec), "btree:%s", w.source);
	assert_null(table_open(w.spec, note, &w, &err));
	assert_non_null(strstr(err.text, "it is a hash"));
	make(&w, "a 1\n");
	snprintf(w.spec, sizeof(w.spec), "hash:%s", w.source);
	assert_null(table_open(w.spec, note, &w, &err));
	assert_non_null(strstr(err.text, "it is a btree"));
	world_close(&w);
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
try_damaged(struct world *w, const struct buf *good, const struct buf *bad)
{
	struct table *t;
	int saw = 0, fd;

	write_file(w->index, good->p, good->len);
	t = open_table(w);
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
damage_kind(const struct kind *k)
{
	struct world w;
	struct buf text = { 0 }, good = { 0 }, bad = { 0 };
	uint32_t seed = 20260;
	int saw = 0, status;
	pid_t child;

	world_open(&w, k);
	for (int i = 0; i < DAMAGE_ROWS; i++)
		buf_printf(&text, "key%d@example.com %d %.*s\n", i, i, i % 60,
		    "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijkl");
	buf_printf(&text, "key399@example.org %09000d\n", 1);
	make(&w, buf_cstr(&text));
	read_file(w.index, &good);
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
	world_close(&w);
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
		struct world w;
		struct err err = { 0 };

		world_open(&w, k);
		write_file(w.index, "", 0);
		assert_null(table_open(w.spec, note, &w, &err));
		assert_int_equal(err.class, ERR_CONFIG);
		assert_non_null(strstr(err.text, w.index));
		world_close(&w);
	}
}

/* --- locks and threads --- */

/* As postmap does it: the lock, the same inode, new octets, the lock's end. */
static void
rewrite_in_place(const char *path, const struct buf *octets, int64_t pause_ns)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	assert_true(fd != -1);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	assert_int_equal(fcntl(fd, F_OFD_SETLKW, &whole), 0);
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(pwrite(fd, octets->p, octets->len / 2, 0), octets->len / 2);
	nanosleep(&(struct timespec){ .tv_nsec = pause_ns }, NULL);
	assert_int_equal(pwrite(fd, octets->p, octets->len, 0), octets->len);
	close(fd);
}

struct askers {
	const struct table *table; /* or the registry's */
	struct table_registry *registry;
	int number;
	atomic_int stop, wrong, asked;
};

static void *
asker(void *arg)
{
	struct askers *q = arg;
	struct arena *a = arena_new();

	while (!atomic_load(&q->stop)) {
		struct table_set *s = q->registry == NULL ? NULL : table_set_take(q->registry);
		const struct table *t = s == NULL ? q->table : table_set_get(s, q->number);
		const char *first = ask(t, "Same", a), *second = ask(t, "row399", a);

		if ((strcmp(first, "aaa") != 0 && strcmp(first, "bbb") != 0) ||
		    strcmp(second, "x") != 0)
			atomic_fetch_add(&q->wrong, 1);
		/* Replaced by rename: one set has one version. */
		if (s != NULL && strcmp(first, ask(t, "same", a)) != 0)
			atomic_fetch_add(&q->wrong, 1);
		table_set_release(s);
		atomic_fetch_add(&q->asked, 1);
		arena_reset(a);
		/* Shared locks without a gap would keep the writer waiting. */
		nanosleep(&(struct timespec){ .tv_nsec = 100000 }, NULL);
	}
	arena_free(a);
	return NULL;
}

static void
two_versions(struct world *w, struct buf version[2])
{
	struct buf text = { 0 };

	for (int i = 0; i < 2; i++) {
		buf_reset(&text);
		buf_printf(&text, "same %s\n", i == 0 ? "aaa" : "bbb");
		for (int n = 0; n < 400; n++)
			buf_printf(&text, "row%d %s\n", n, n == 399 ? "x" : "filler");
		make(w, buf_cstr(&text));
		read_file(w->index, &version[i]);
	}
	buf_fini(&text);
}

/* While the index is written over in place, under the lock. */
static void
test_in_place(void **state)
{
	EACH_KIND(k)
	{
		struct askers q = { 0 };
		struct buf version[2] = { { 0 }, { 0 } };
		struct world w;
		struct table *t;
		pthread_t id[3];

		if (strcmp(k->type, "cdb") == 0)
			continue; /* never written in place, and so never locked */
		world_open(&w, k);
		two_versions(&w, version);
		q.table = t = open_table(&w);
		for (size_t i = 0; i < nitems(id); i++)
			assert_int_equal(pthread_create(&id[i], NULL, asker, &q), 0);
		for (int i = 0; i < 60; i++) {
			rewrite_in_place(w.index, &version[i % 2], 300000);
			nanosleep(&(struct timespec){ .tv_nsec = 2000000 }, NULL);
		}
		atomic_store(&q.stop, 1);
		for (size_t i = 0; i < nitems(id); i++)
			pthread_join(id[i], NULL);
		assert_int_equal(atomic_load(&q.wrong), 0);
		assert_true(atomic_load(&q.asked) > 0);
		table_close(t);
		buf_fini(&version[0]);
		buf_fini(&version[1]);
		world_close(&w);
	}
}

static void
quiet(enum log_level level, const char *line)
{
	(void)line;
	assert_true(level != LOG_LEVEL_ERROR);
}

/* While it is replaced and the registry reads it again. */
static void
test_refresh(void **state)
{
	EACH_KIND(k)
	{
		static struct counters counters;
		struct askers q = { .registry = table_registry_new(&counters) };
		struct buf version[2] = { { 0 }, { 0 } };
		struct world w;
		pthread_t id[3];
		char draft[260];

		log_set_hook(quiet);
		world_open(&w, k);
		two_versions(&w, version);
		q.number = table_registry_add(q.registry, w.spec, 0, note, &w, NULL);
		assert_true(q.number != -1);
		for (size_t i = 0; i < nitems(id); i++)
			assert_int_equal(pthread_create(&id[i], NULL, asker, &q), 0);
		for (int i = 0; i < 8; i++) {
			struct table_set *s;

			snprintf(draft, sizeof(draft), "%s.new", w.index);
			write_file(draft, version[i % 2].p, version[i % 2].len);
			assert_int_equal(rename(draft, w.index), 0);
			table_registry_refresh(q.registry);
			s = table_set_take(q.registry);
			assert_string_equal(ask(table_set_get(s, q.number), "same", w.a),
			    i % 2 == 0 ? "aaa" : "bbb");
			table_set_release(s);
		}
		atomic_store(&q.stop, 1);
		for (size_t i = 0; i < nitems(id); i++)
			pthread_join(id[i], NULL);
		assert_int_equal(atomic_load(&q.wrong), 0);
		table_registry_free(q.registry);
		buf_fini(&version[0]);
		buf_fini(&version[1]);
		world_close(&w);
		log_set_hook(NULL);
	}
}

/* A lock that stays: could not find out, and may later. */
static void
test_stays_locked(void **state)
{
	if (kinds[0].type == NULL || strcmp(kinds[0].type, "hash") != 0)
		skip();
	struct table_hit hit;
	struct err err = { 0 };
	struct world w;
	struct table *t;
	int fd;

	world_open(&w, &kinds[0]);
	make(&w, "a 1\n");
	t = open_table(&w);
	assert_true((fd = open(w.index, O_RDONLY | O_CLOEXEC)) != -1);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	assert_int_equal(table_get(t, span_str("a"), w.a, &hit, &err), -1);
	assert_int_equal(err.class, ERR_RETRY);
	assert_non_null(strstr(err.text, w.index));
	close(fd);
	assert_string_equal(ask(t, "a", w.a), "1");
	table_close(t);
	world_close(&w);
}

/* --- proxy, unix --- */

static void
test_proxy(void **state)
{
	struct arena *a = arena_new();
	struct err err = { 0 };
	struct table *t = table_open("proxy:inline:{ a=1, b=2 }", NULL, NULL, &err);

	assert_non_null(t);
	assert_string_equal(table_name(t), "proxy:inline:{ a=1, b=2 }");
	assert_string_equal(ask(t, "A", a), "1");
	assert_string_equal(ask(t, "c", a), "-");
	assert_false(table_is_pattern(t));
	table_close(t);
	t = table_open("proxy:static:x", NULL, NULL, &err);
	assert_true(table_is_pattern(t));
	table_close(t);
	assert_null(table_open("proxy:nosuch:x", NULL, NULL, &err));
	assert_non_null(strstr(err.text, "nosuch"));
	assert_null(table_open("proxy:x", NULL, NULL, &err));
	assert_null(
	    table_open("proxy:proxy:proxy:proxy:proxy:proxy:proxy:proxy:proxy:proxy:static:x", NULL,
		NULL, &err));
	arena_free(a);
}

static void
test_proxy_refresh(void **state)
{
	EACH_KIND(k)
	{
		static struct counters counters;
		struct table_registry *r = table_registry_new(&counters);
		struct world w;
		struct table_set *s;
		char spec[300];
		int number;

		log_set_hook(quiet);
		world_open(&w, k);
		make(&w, "a 1\n");
		snprintf(spec, sizeof(spec), "proxy:%s", w.spec);
		number = table_registry_add(r, spec, 0, NULL, NULL, NULL);
		assert_true(number != -1);
		make(&w, "a 2\n");
		table_registry_refresh(r);
		s = table_set_take(r);
		assert_string_equal(ask(table_set_get(s, number), "a", w.a), "2");
		table_set_release(s);
		table_registry_free(r);
		world_close(&w);
		log_set_hook(NULL);
	}
}

static void
test_unix(void **state)
{
	struct arena *a = arena_new();
	struct err err = { 0 };
	struct table *t = table_open("unix:passwd.byname", NULL, NULL, &err);

	assert_non_null(t);
	assert_int_equal(strncmp(ask(t, "root", a), "root:x:0:0:", 11), 0);
	assert_int_equal(strncmp(ask(t, "ROOT", a), "root:x:0:0:", 11), 0);
	assert_string_equal(ask(t, "no-such-user", a), "-");
	assert_string_equal(ask(t, "", a), "-");
	table_close(t);
	t = table_open("unix:group.byname", NULL, NULL, &err);
	assert_non_null(t);
	assert_int_equal(strncmp(ask(t, "root", a), "root:x:0:", 9), 0);
	assert_string_equal(ask(t, "no-such-group", a), "-");
	table_close(t);
	assert_null(table_open("unix:hosts.byname", NULL, NULL, &err));
	assert_int_equal(err.class, ERR_CONFIG);
	arena_free(a);
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
		cmocka_unit_test(test_missing),
		cmocka_unit_test(test_older_than_source),
		cmocka_unit_test(test_replaced_under_table),
#ifdef HAVE_DB
		cmocka_unit_test(test_other_type),
#endif
		cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_empty_file),
		cmocka_unit_test(test_in_place),
		cmocka_unit_test(test_refresh),
		cmocka_unit_test(test_stays_locked),
		cmocka_unit_test(test_proxy),
		cmocka_unit_test(test_proxy_refresh),
		cmocka_unit_test(test_unix),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
