/* Sets, and reading changed files again: files are real, refresh is called by hand. */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/clock.h"
#include "base/counters.h"
#include "base/err.h"
#include "base/log.h"
#include "base/span.h"
#include "table/table.h"

static char dir[] = "/tmp/test_table_registry.XXXXXX";
static struct counters counters;
static char name_a[120], name_b[120], path_a[100], path_b[100];

/* Lines of the log since the last log_forget(), by level. */
static int logged[4];
static char log_last[600];

static void
log_note(enum log_level level, const char *line)
{
	logged[level]++;
	snprintf(log_last, sizeof(log_last), "%s", line);
}

static void
log_forget(void)
{
	memset(logged, 0, sizeof(logged));
	log_last[0] = '\0';
}

static void
write_to(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, strlen(text), f), strlen(text));
	assert_int_equal(fclose(f), 0);
}

/* What the present set answers: the value, "-" absent, "!" could not find out. */
static const char *
ask(struct table_registry *r, int number, const char *key, struct arena *a)
{
	struct table_set *s = table_set_take(r);
	struct table_hit hit;
	struct err err = { 0 };
	const char *answer;
	int rc = table_get(table_set_get(s, number), span_str(key), a, &hit, &err);

	answer = rc == -1 ? "!" : rc == 0 ? "-" : arena_strdup(a, hit.value);
	table_set_release(s);
	return answer;
}

static int
setup(void **state)
{
	memset(&counters, 0, sizeof(counters));
	unlink(path_a);
	unlink(path_b);
	log_forget();
	*state = arena_new();
	return 0;
}

static int
teardown(void **state)
{
	arena_free(*state);
	return 0;
}

static void
test_numbers(void **state)
{
	struct table_registry *r = table_registry_new(&counters);
	struct err err = { 0 };

	assert_int_equal(table_registry_add(r, "static:a", 0, NULL, NULL, &err), 0);
	assert_int_equal(table_registry_add(r, "static:b", 0, NULL, NULL, &err), 1);
	assert_int_equal(table_registry_add(r, "static:a", 0, NULL, NULL, &err), 0);
	assert_int_equal(table_registry_add(r, name_a, 0, NULL, NULL, &err), -1);
	assert_int_equal(err.class, ERR_SYSTEM);
	assert_int_equal(table_registry_count(r), 2);
	assert_string_equal(ask(r, 1, "k", *state), "b");
	assert_int_equal(table_registry_add(r, "static:c", 0, NULL, NULL, &err), 2);
	assert_string_equal(ask(r, 2, "k", *state), "c");
	table_registry_free(r);
}

/* A transaction keeps the set it took; the set outlives the registry. */
static void
test_old_set(void **state)
{
	struct table_registry *r = table_registry_new(&counters);
	struct err err = { 0 };
	struct table_set *old;
	struct table_hit hit;

	write_to(path_a, "k one\n");
	assert_int_equal(table_registry_add(r, name_a, 0, NULL, NULL, &err), 0);
	old = table_set_take(r);
	write_to(path_a, "k two\n");
	table_registry_refresh(r);
	assert_string_equal(ask(r, 0, "k", *state), "two");
	assert_int_equal(table_get(table_set_get(old, 0), span_str("k"), *state, &hit, &err), 1);
	assert_string_equal(hit.value, "one");
	table_registry_free(r);
	assert_int_equal(table_get(table_set_get(old, 0), span_str("k"), *state, &hit, &err), 1);
	assert_string_equal(hit.value, "one");
	assert_string_equal(hit.file, path_a);
	table_set_release(old);
}

static void
test_reread(void **state)
{
	struct table_registry *r = table_registry_new(&counters);
	struct err err = { 0 };

	write_to(path_a, "k one\n");
	assert_int_equal(table_registry_add(r, name_a, 0, NULL, NULL, &err), 0);
	table_registry_refresh(r);
	table_registry_refresh(r);
	assert_int_equal(counter_get(&counters, tables_reloaded), 0);
	assert_int_equal(logged[LOG_LEVEL_INFO], 0);

	write_to(path_b, "k two\n"); /* of the same size, and put in its place */
	assert_int_equal(rename(path_b, path_a), 0);
	table_registry_refresh(r);
	assert_string_equal(ask(r, 0, "k", *state), "two");
	assert_int_equal(counter_get(&counters, tables_reloaded), 1);
	assert_int_equal(logged[LOG_LEVEL_INFO], 1);

	write_to(path_a, "k two\n"); /* written again as it was: nothing to tell */
	table_registry_refresh(r);
	assert_int_equal(counter_get(&counters, tables_reloaded), 1);
	assert_int_equal(logged[LOG_LEVEL_INFO], 1);
	table_registry_free(r);
}

/* Two writes so close that the file's time does not move: the second is seen all the same. */
static void
test_written_twice_at_once(void **state)
{
	struct table_registry *r = table_registry_new(&counters);
	struct err err = { 0 };
	struct timespec same[2];
	struct stat st;

	write_to(path_a, "k one\n");
	assert_int_equal(table_registry_add(r, name_a, 0, NULL, NULL, &err), 0);
	assert_int_equal(stat(path_a, &st), 0);
	same[0] = st.st_atim;
	same[1] = st.st_mtim;
	write_to(path_a, "k two\n");
	assert_int_equal(utimensat(AT_FDCWD, path_a, same, 0), 0);
	table_registry_refresh(r);
	assert_string_equal(ask(r, 0, "k", *state), "two");
	table_registry_free(r);
}

static const char *stale_text;

static void
note_stale(void *arg, const struct table_status *s)
{
	*(size_t *)arg = s->rows;
	stale_text = s->stale_error;
}

/* Each way in which a new version can be bad: the old one answers, one error line, one count. */
static void
test_bad_version(void **state)
{
	static const char *const how[] = { "missing", "duplicate", "directory" };

	for (size_t i = 0; i < nitems(how); i++) {
		struct table_registry *r = table_registry_new(&counters);
		struct err err = { 0 };
		size_t rows = 0;

		memset(&counters, 0, sizeof(counters));
		write_to(path_a, "k one\nl one\n");
		assert_int_equal(table_registry_add(r, name_a, 0, NULL, NULL, &err), 0);
		log_forget();
		assert_int_equal(unlink(path_a), 0);
		if (strcmp(how[i], "duplicate") == 0)
			write_to(path_a, "k two\nK three\n");
		else if (strcmp(how[i], "directory") == 0)
			assert_int_equal(mkdir(path_a, 0700), 0);
		for (int n = 0; n < 3; n++)
			table_registry_refresh(r);
		assert_string_equal(ask(r, 0, "k", *state), "one");
		assert_int_equal(counter_get(&counters, tables_stale), 1);
		assert_int_equal(logged[LOG_LEVEL_ERROR], 1);
		assert_non_null(strstr(log_last, "stays in use"));
		table_registry_each(r, note_stale, &rows);
		assert_int_equal(rows, 2);
		assert_non_null(stale_text);
		assert_non_null(strstr(stale_text, path_a));

		if (strcmp(how[i], "directory") == 0)
			rmdir(path_a);
		write_to(path_a, "k one\nl one\n"); /* as it was: good again is told all the same */
		table_registry_refresh(r);
		assert_string_equal(ask(r, 0, "k", *state), "one");
		assert_int_equal(counter_get(&counters, tables_reloaded), 1);
		assert_int_equal(logged[LOG_LEVEL_INFO], 1);
		table_registry_each(r, note_stale, &rows);
		assert_null(stale_text);
		table_registry_free(r);
	}
}

/* Bad rules of a new version are told once, and the good ones are used. */
static void
test_bad_rules(void **state)
{
	struct table_registry *r = table_registry_new(&counters);
	struct err err = { 0 };
	char name[130];

	snprintf(name, sizeof(name), "pcre:%s", path_a);
	write_to(path_a, "/k/ one\n");
	assert_int_equal(table_registry_add(r, name, 0, NULL, NULL, &err), 0);
	write_to(path_a, "/(/ x\n/k/ two\n");
	for (int n = 0; n < 3; n++)
		table_registry_refresh(r);
	assert_string_equal(ask(r, 0, "k", *state), "two");
	assert_int_equal(logged[LOG_LEVEL_WARN], 1);
	assert_int_equal(logged[LOG_LEVEL_INFO], 1);
	table_registry_free(r);
}

static void
test_broken(void **state)
{
	struct table_registry *r = table_registry_new(&counters);
	struct err err = { 0 };
	struct table_set *s;
	struct table_hit hit;

	assert_int_equal(table_registry_add(r, name_a, 1, NULL, NULL, &err), 0);
	assert_int_equal(table_registry_add(r, "nosuch:x", 1, NULL, NULL, &err), 1);
	s = table_set_take(r);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(
		    table_get(table_set_get(s, i), span_str("k"), *state, &hit, &err), -1);
		assert_int_equal(err.class, ERR_CONFIG);
	}
	assert_non_null(strstr(err.text, "unknown table type"));
	table_set_release(s);
	write_to(path_a, "k one\n");
	table_registry_refresh(r);
	assert_string_equal(ask(r, 0, "k", *state), "one");
	assert_string_equal(ask(r, 1, "k", *state), "!");
	table_registry_free(r);
}

/* A table of tables follows every file it is made of. */
static void
test_composite(void **state)
{
	struct table_registry *r = table_registry_new(&counters);
	struct err err = { 0 };
	char name[300];

	write_to(path_a, "k a\n");
	write_to(path_b, "k b\n");
	snprintf(name, sizeof(name), "unionmap:{%s, pipemap:{static:k,%s}}", name_a, name_b);
	assert_int_equal(table_registry_add(r, name, 0, NULL, NULL, &err), 0);
	assert_string_equal(ask(r, 0, "k", *state), "a,b");
	write_to(path_b, "k c\n");
	table_registry_refresh(r);
	assert_string_equal(ask(r, 0, "k", *state), "a,c");
	assert_int_equal(unlink(path_a), 0);
	table_registry_refresh(r);
	assert_string_equal(ask(r, 0, "k", *state), "a,c");
	assert_int_equal(counter_get(&counters, tables_stale), 1);
	table_registry_free(r);
}

/* --- look-ups while the file changes, for the thread sanitizer --- */

struct shared {
	struct table_registry *r;
	atomic_int stop;
	atomic_int lookups;
};

static void *
reader_main(void *arg)
{
	struct shared *s = arg;
	struct arena *a = arena_new();

	while (!atomic_load(&s->stop)) {
		struct table_set *set = table_set_take(s->r);
		struct table_hit hit;
		struct err err;
		char a_says[32];

		/* Never half read, never freed while it is used. */
		if (table_get(table_set_get(set, 0), span_str("k"), a, &hit, &err) != 1 ||
		    strncmp(hit.value, "version ", 8) != 0)
			abort();
		snprintf(a_says, sizeof(a_says), "%s", hit.value);
		if (table_get(table_set_get(set, 1), span_str("xky"), a, &hit, &err) != 1 ||
		    strcmp(hit.value, "got k") != 0)
			abort();
		if (table_get(table_set_get(set, 2), span_str("key"), a, &hit, &err) != 1)
			abort();
		table_set_release(set);
		arena_reset(a);
		atomic_fetch_add(&s->lookups, 1);
	}
	arena_free(a);
	return NULL;
}

static void
put_version(int n)
{
	char text[100];

	snprintf(text, sizeof(text), "k version %d\n%*s", n, n % 7, "");
	write_to(path_b, text);
	assert_int_equal(rename(path_b, path_a), 0);
}

static void
test_threads(void **state)
{
	struct shared s = { .r = table_registry_new(&counters) };
	pthread_t thread[3];
	struct err err = { 0 };

	put_version(0);
	assert_int_equal(table_registry_add(s.r, name_a, 0, NULL, NULL, &err), 0);
	assert_int_equal(
	    table_registry_add(s.r, "pcre:{{/x(.)y/ got $1}}", 0, NULL, NULL, &err), 1);
	assert_int_equal(
	    table_registry_add(s.r, "regexp:{{/k(.)y/ got $1}}", 0, NULL, NULL, &err), 2);
	for (size_t i = 0; i < nitems(thread); i++)
		assert_int_equal(pthread_create(&thread[i], NULL, reader_main, &s), 0);
	for (int n = 1; n <= 200; n++) {
		put_version(n);
		table_registry_refresh(s.r);
	}
	while (atomic_load(&s.lookups) < 200)
		sched_yield();
	atomic_store(&s.stop, 1);
	for (size_t i = 0; i < nitems(thread); i++)
		assert_int_equal(pthread_join(thread[i], NULL), 0);
	assert_string_equal(ask(s.r, 0, "k", *state), "version 200");
	assert_int_equal(counter_get(&counters, tables_reloaded), 200);
	table_registry_free(s.r);
}

/* --- a file that is written in place while it is read --- */

struct half {
	int fd;
	int64_t done_ms;
};

/* Five milliseconds later, or when the machine has time. */
static void *
second_half(void *arg)
{
	struct half *h = arg;

	usleep(5000);
	dprintf(h->fd, "last there\n");
	close(h->fd);
	h->done_ms = clock_ms();
	return NULL;
}

static void
test_half_written(void **state)
{
	struct table_registry *r = table_registry_new(&counters);
	struct err err = { 0 };
	int valid = 0;

	write_to(path_a, "last there\n");
	assert_int_equal(table_registry_add(r, name_a, 0, NULL, NULL, &err), 0);
	for (int i = 0; i < 200 && valid < 5; i++) {
		int64_t began = clock_ms();
		struct half h = { .fd = open(path_a, O_WRONLY | O_TRUNC, 0600) };
		pthread_t thread;
		int there;

		dprintf(h.fd, "filler%d x\n", i);
		assert_int_equal(pthread_create(&thread, NULL, second_half, &h), 0);
		table_registry_refresh(r);
		there = strcmp(ask(r, 0, "last", *state), "there") == 0;
		assert_int_equal(pthread_join(thread, NULL), 0);
		if (h.done_ms - began > 30)
			continue; /* a busy machine: nobody promised to wait so long */
		assert_true(there);
		valid++;
	}
	assert_int_equal(valid, 5);
	table_registry_free(r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_numbers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_old_set, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reread, setup, teardown),
		cmocka_unit_test_setup_teardown(test_written_twice_at_once, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bad_version, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bad_rules, setup, teardown),
		cmocka_unit_test_setup_teardown(test_broken, setup, teardown),
		cmocka_unit_test_setup_teardown(test_composite, setup, teardown),
		cmocka_unit_test_setup_teardown(test_threads, setup, teardown),
		cmocka_unit_test_setup_teardown(test_half_written, setup, teardown),
	};
	int rc;

	if (mkdtemp(dir) == NULL)
		return 1;
	snprintf(path_a, sizeof(path_a), "%s/a", dir);
	snprintf(path_b, sizeof(path_b), "%s/b", dir);
	snprintf(name_a, sizeof(name_a), "texthash:%s", path_a);
	snprintf(name_b, sizeof(name_b), "texthash:%s", path_b);
	if (log_open(
		&(struct log_options){
		    .target = LOG_TO_FILE, .path = "/dev/null", .level = LOG_LEVEL_DEBUG },
		NULL) == -1)
		return 1;
	log_set_hook(log_note);
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(path_a);
	unlink(path_b);
	rmdir(dir);
	return rc;
}
