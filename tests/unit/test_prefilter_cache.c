/* Compiled databases on disk: what is read back, and what is not trusted. */
#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/arena.h"
#include "base/attr.h"
#include "base/buf.h"
#include "base/counters.h"
#include "base/err.h"
#include "base/log.h"
#include "base/span.h"
#include "base/xmem.h"
#include "table/prefilter_cache.h"
#include "table/scan_db.h"
#include "table/table.h"
#include "tests/lib/tmpdir.h"

static char *top;
static char folder[200], file[520];
static struct prefilter_key key;

static const char content[] = "what a database looks like";

static void
write_content(const char *text)
{
	struct buf b = { 0 };
	struct err err = { 0 };

	buf_adds(&b, text);
	if (prefilter_cache_write(folder, &key, &b, &err) == -1)
		fail_msg("%s", err.text);
	buf_fini(&b);
}

static int
read_content(struct err *err)
{
	struct buf b = { 0 };
	int rc = prefilter_cache_read(folder, &key, &b, err);

	if (rc == 1)
		assert_string_equal(buf_cstr(&b), content);
	else
		assert_int_equal(b.len, 0);
	buf_fini(&b);
	return rc;
}

static void
test_key(void **state)
{
	struct scan_expr v[] = { { 0, 0, 0, 0, "a" }, { 2, 1, 0, 0, "b" } };
	struct prefilter_key first, other;
	size_t n = 2;

	(void)state;
	prefilter_cache_key(v, 2, &first);
	prefilter_cache_key(v, 2, &other);
	assert_memory_equal(&first, &other, sizeof(first));
#define DIFFERS(change, back)                                                                      \
	change;                                                                                    \
	prefilter_cache_key(v, n, &other);                                                         \
	assert_string_not_equal(first.name, other.name);                                           \
	back
	DIFFERS(v[1].id = 4, v[1].id = 2);
	DIFFERS(v[1].caseless = 0, v[1].caseless = 1);
	DIFFERS(v[1].multiline = 1, v[1].multiline = 0);
	DIFFERS(v[1].text = "c", v[1].text = "b");
	DIFFERS(n = 1, n = 2);
	prefilter_cache_key(v, 2, &other);
	assert_string_equal(first.name, other.name);
}

/* --- what is not trusted --- */

static void
put(off_t at, const char *octets)
{
	int fd = open(file, O_WRONLY);

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, octets, strlen(octets), at), strlen(octets));
	close(fd);
}

static void
damage_none(void)
{
}

static void
damage_format(void)
{
	put(3, "X");
}

/* Behind the word is room. */
static void
damage_room(void)
{
	put(20, "X");
}

static void
damage_key(void)
{
	put(30, "XXXX");
}

static void
damage_content(void)
{
	struct stat st;

	assert_int_equal(stat(file, &st), 0);
	put(st.st_size - 3, "X");
}

static void
damage_length(void)
{
	struct stat st;

	assert_int_equal(stat(file, &st), 0);
	put(st.st_size, "more");
}

static void
damage_cut(void)
{
	struct stat st;

	assert_int_equal(stat(file, &st), 0);
	assert_int_equal(truncate(file, st.st_size - 1), 0);
}

static void
damage_head(void)
{
	assert_int_equal(truncate(file, 10), 0);
}

static void
damage_empty(void)
{
	assert_int_equal(truncate(file, 0), 0);
}

static void
damage_mode(void)
{
	assert_int_equal(chmod(file, 0620), 0);
}

static void
damage_folder_mode(void)
{
	assert_int_equal(chmod(folder, 0777), 0);
}

static void
damage_link(void)
{
	char aside[540];

	snprintf(aside, sizeof(aside), "%s/aside", top);
	assert_int_equal(rename(file, aside), 0);
	assert_int_equal(symlink(aside, file), 0);
}

static void
damage_fifo(void)
{
	assert_int_equal(unlink(file), 0);
	assert_int_equal(mkfifo(file, 0600), 0);
}

/* Needs root, as does the next. */
static void
damage_owner(void)
{
	assert_int_equal(chown(file, 65534, 65534), 0);
}

static void
damage_folder_owner(void)
{
	assert_int_equal(chown(folder, 65534, 65534), 0);
}

static void
damage_gone(void)
{
	assert_int_equal(unlink(file), 0);
}

static const struct {
	void (*damage)(void);
	int rc, root;
	const char *says;
} damages[] = {
	{ damage_none, 1, 0, "" },
	{ damage_gone, 0, 0, "" },
	{ damage_format, -1, 0, "is of other patterns" },
	{ damage_room, -1, 0, "is of other patterns" },
	{ damage_key, -1, 0, "is of other patterns" },
	{ damage_content, -1, 0, "was damaged" },
	{ damage_length, -1, 0, "is not as long as it says" },
	{ damage_cut, -1, 0, "is not as long as it says" },
	{ damage_head, -1, 0, "is too short" },
	{ damage_empty, -1, 0, "is too short" },
	{ damage_mode, -1, 0, "must be a file of the user" },
	{ damage_folder_mode, -1, 0, "must belong to the user" },
	{ damage_link, -1, 0, "symbolic links" },
	{ damage_fifo, -1, 0, "must be a file of the user" },
	{ damage_owner, -1, 1, "must be a file of the user" },
	{ damage_folder_owner, -1, 1, "must belong to the user" },
};

static void
test_trust(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(damages); i++) {
		struct err err = { 0 };

		if (damages[i].root && geteuid() != 0)
			continue;
		write_content(content);
		assert_int_equal(read_content(&err), 1);
		damages[i].damage();
		if (read_content(&err) != damages[i].rc ||
		    strstr(err.text, damages[i].says) == NULL)
			fail_msg("row %zu: %s", i, err.text);
		assert_int_equal(chown(folder, geteuid(), getegid()), 0);
		assert_int_equal(chmod(folder, 0700), 0);
		/* A new one takes its place, whatever is there. */
		write_content(content);
		assert_int_equal(read_content(&err), 1);
	}
}

static void
test_no_folder(void **state)
{
	struct buf b = { 0 }, out = { 0 };
	struct err err = { 0 };

	(void)state;
	assert_int_equal(prefilter_cache_read("/nonexistent/x", &key, &out, &err), 0);
	assert_int_equal(prefilter_cache_write("/nonexistent/x", &key, &b, &err), -1);
	assert_non_null(strstr(err.text, "/nonexistent/x"));
}

/* --- removing --- */

static size_t
count(const char *has)
{
	DIR *d = opendir(folder);
	const struct dirent *e;
	size_t n = 0;

	assert_non_null(d);
	while ((e = readdir(d)) != NULL)
		n += strstr(e->d_name, has) != NULL;
	closedir(d);
	return n;
}

static void
make_file(const char *name, time_t age)
{
	char path[400];
	struct timespec times[2] = { { .tv_sec = time(NULL) - age },
		{ .tv_sec = time(NULL) - age } };
	int fd;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	fd = open(path, O_WRONLY | O_CREAT, 0600);
	assert_true(fd >= 0);
	assert_int_equal(futimens(fd, times), 0);
	close(fd);
}

static void
test_old_ones(void **state)
{
	char name[60];

	(void)state;
	for (unsigned i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "%032x.patterns", i);
		make_file(name, 1000 + i);
	}
	make_file("ffffffffffffffffffffffffffffffff.patterns", (PREFILTER_CACHE_DAYS + 1) * 86400);
	make_file("new.left.by.a.killed.one", 7200);
	make_file("new.being.written", 60);
	make_file("not ours", 99 * 86400);
	write_content(content);
	assert_int_equal(count(".patterns"), PREFILTER_CACHE_FILES);
	assert_int_equal(count("ffffffffffffffffffffffffffffffff"), 0);
	/* The one just written and the newest of the others. */
	assert_int_equal(access(file, F_OK), 0);
	assert_int_equal(count("00000000000000000000000000000000.patterns"), 1);
	assert_int_equal(count("00000000000000000000000000000063.patterns"), 0);
	assert_int_equal(count("new.left"), 0);
	assert_int_equal(count("new.being"), 1);
	assert_int_equal(count("not ours"), 1);
}

/* --- by a registry, in the background --- */

static int warnings;
static char log_last[600];

static void
log_note(enum log_level level, const char *line)
{
	if (level == LOG_LEVEL_WARN) {
		warnings++;
		snprintf(log_last, sizeof(log_last), "%s", line);
	}
}

static void
note_patterns(void *arg, const struct table_status *s)
{
	snprintf(arg, 200, "%s", s->patterns);
}

/* Until the table has its prefilter, or will not get one; out has room for 200. */
static void
wait_for(struct table_registry *r, char *out)
{
	do {
		usleep(1000);
		table_registry_each(r, note_patterns, out);
	} while (strstr(out, "being compiled") != NULL);
}

#define RULES                                                                                      \
	"pcre:{ {/a1/ 1}, {/a2/ 2}, {/a3/ 3}, {/a4/ 4}, {/a5/ 5}, {/a6/ 6}, {/a7/ 7}, {/a8/ 8} }"

static void
look_up(struct table_registry *r)
{
	struct table_set *set = table_set_take(r);
	struct arena *a = arena_new();
	struct table_hit hit;
	struct err err = { 0 };

	assert_int_equal(table_get(table_set_get(set, 0), span_str("x a8 a5"), a, &hit, &err), 1);
	assert_string_equal(hit.value, "5");
	arena_free(a);
	table_set_release(set);
}

static void
test_background(void **state)
{
	static const char *const damaged[] = { "no", "yes, in the middle", "no" };
	static struct counters counters;
	char status[200];
	size_t files = count(".patterns");
	struct err err = { 0 };

	(void)state;
	warnings = 0;
	for (size_t i = 0; i < nitems(damaged); i++) {
		struct table_registry *r = table_registry_new(&counters);

		assert_int_equal(table_registry_add(r, RULES, 0, NULL, NULL, &err), 0);
		look_up(r);
		table_registry_prefilter(r, folder);
		look_up(r); /* ready or not */
		wait_for(r, status);
		look_up(r);
		table_registry_free(r);
		if (scan_db_missing() != NULL) {
			assert_non_null(strstr(status, scan_db_missing()));
			continue;
		}
		assert_non_null(strstr(status, "8 of 8 patterns looked for in one pass"));
		assert_int_equal(count(".patterns"), files + 1);
	}
	assert_int_equal(warnings, 0);
}

/* It is told and made again. */
static void
test_damaged(void **state)
{
	static struct counters counters;
	char status[200], path[500];
	struct err err = { 0 };
	DIR *d;
	const struct dirent *e;

	(void)state;
	if (scan_db_missing() != NULL) {
		print_message("not tested: %s\n", scan_db_missing());
		skip();
	}
	for (int round = 0; round < 2; round++) {
		struct table_registry *r = table_registry_new(&counters);

		warnings = 0;
		assert_int_equal(table_registry_add(r, RULES, 0, NULL, NULL, &err), 0);
		table_registry_prefilter(r, folder);
		wait_for(r, status);
		assert_non_null(strstr(status, "8 of 8 patterns looked for in one pass"));
		look_up(r);
		table_registry_free(r);
		assert_int_equal(warnings, round);
		if (round == 1)
			assert_non_null(strstr(log_last, "was damaged; it is compiled again"));
		d = opendir(folder);
		while ((e = readdir(d)) != NULL) {
			struct stat st;

			snprintf(path, sizeof(path), "%s/%s", folder, e->d_name);
			if (stat(path, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 300) {
				snprintf(file, sizeof(file), "%s", path);
				put(st.st_size / 2, "damaged");
			}
		}
		closedir(d);
	}
}

static int
make_folder(void **state)
{
	const struct scan_expr one = { 0, 0, 0, 0, "a" };

	(void)state;
	top = tmpdir_make();
	snprintf(folder, sizeof(folder), "%s/patterns", top);
	prefilter_cache_key(&one, 1, &key);
	snprintf(file, sizeof(file), "%s/%s.patterns", folder, key.name);
	log_set_hook(log_note);
	return 0;
}

static int
remove_folder(void **state)
{
	(void)state;
	tmpdir_remove(top);
	return 0;
}

/* What the library is good for is tried once a process. */
static void
test_identity_once(void **state)
{
	char first[200], other[200];
	int64_t began;

	(void)state;
	scan_db_identity(first, sizeof(first));
	began = clock_thread_us();
	for (int i = 0; i < 100; i++)
		scan_db_identity(other, sizeof(other));
	assert_in_range(clock_thread_us() - began, 0, 20000);
	assert_string_equal(first, other);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_key),
		cmocka_unit_test(test_trust),
		cmocka_unit_test(test_no_folder),
		cmocka_unit_test(test_background),
		cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_old_ones),
		cmocka_unit_test(test_identity_once),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
