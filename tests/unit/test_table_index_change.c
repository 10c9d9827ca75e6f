/* Index tables that change under those who ask; proxy: and unix:. */
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

#include "base/attr.h"
#include "base/counters.h"
#include "base/err.h"
#include "base/log.h"
#include "base/span.h"
#include "tests/lib/index_world.h"

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
		const char *first = index_world_ask(t, "Same", a),
			   *second = index_world_ask(t, "row399", a);

		if ((strcmp(first, "aaa") != 0 && strcmp(first, "bbb") != 0) ||
		    strcmp(second, "x") != 0)
			atomic_fetch_add(&q->wrong, 1);
		/* Replaced by rename: one set has one version. */
		if (s != NULL && strcmp(first, index_world_ask(t, "same", a)) != 0)
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
two_versions(struct index_world *w, struct buf version[2])
{
	struct buf text = { 0 };

	for (int i = 0; i < 2; i++) {
		buf_reset(&text);
		buf_printf(&text, "same %s\n", i == 0 ? "aaa" : "bbb");
		for (int n = 0; n < 400; n++)
			buf_printf(&text, "row%d %s\n", n, n == 399 ? "x" : "filler");
		index_world_make(w, buf_cstr(&text));
		index_world_read(w->index, &version[i]);
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
		struct index_world w;
		struct table *t;
		pthread_t id[3];

		if (strcmp(k->type, "cdb") == 0)
			continue; /* never written in place, and so never locked */
		index_world_open(&w, k);
		two_versions(&w, version);
		q.table = t = index_world_table(&w);
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
		index_world_close(&w);
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
		struct index_world w;
		pthread_t id[3];
		char draft[260];

		log_set_hook(quiet);
		index_world_open(&w, k);
		two_versions(&w, version);
		q.number = table_registry_add(q.registry, w.spec, 0, index_world_note, &w, NULL);
		assert_true(q.number != -1);
		for (size_t i = 0; i < nitems(id); i++)
			assert_int_equal(pthread_create(&id[i], NULL, asker, &q), 0);
		for (int i = 0; i < 8; i++) {
			struct table_set *s;

			snprintf(draft, sizeof(draft), "%s.new", w.index);
			index_world_write(draft, version[i % 2].p, version[i % 2].len);
			assert_int_equal(rename(draft, w.index), 0);
			table_registry_refresh(q.registry);
			s = table_set_take(q.registry);
			assert_string_equal(
			    index_world_ask(table_set_get(s, q.number), "same", w.a),
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
		index_world_close(&w);
		log_set_hook(NULL);
	}
}

/* A lock that stays: could not find out, and may later. */
static void
test_stays_locked(void **state)
{
	if (index_kinds[0].type == NULL || strcmp(index_kinds[0].type, "hash") != 0)
		skip();
	struct table_hit hit;
	struct err err = { 0 };
	struct index_world w;
	struct table *t;
	int fd;

	index_world_open(&w, &index_kinds[0]);
	index_world_make(&w, "a 1\n");
	t = index_world_table(&w);
	assert_true((fd = open(w.index, O_RDONLY | O_CLOEXEC)) != -1);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	assert_int_equal(table_get(t, span_str("a"), w.a, &hit, &err), -1);
	assert_int_equal(err.class, ERR_RETRY);
	assert_non_null(strstr(err.text, w.index));
	close(fd);
	assert_string_equal(index_world_ask(t, "a", w.a), "1");
	table_close(t);
	index_world_close(&w);
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
	assert_string_equal(index_world_ask(t, "A", a), "1");
	assert_string_equal(index_world_ask(t, "c", a), "-");
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
		struct index_world w;
		struct table_set *s;
		char spec[300];
		int number;

		log_set_hook(quiet);
		index_world_open(&w, k);
		index_world_make(&w, "a 1\n");
		snprintf(spec, sizeof(spec), "proxy:%s", w.spec);
		number = table_registry_add(r, spec, 0, NULL, NULL, NULL);
		assert_true(number != -1);
		index_world_make(&w, "a 2\n");
		table_registry_refresh(r);
		s = table_set_take(r);
		assert_string_equal(index_world_ask(table_set_get(s, number), "a", w.a), "2");
		table_set_release(s);
		table_registry_free(r);
		index_world_close(&w);
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
	assert_int_equal(strncmp(index_world_ask(t, "root", a), "root:x:0:0:", 11), 0);
	assert_int_equal(strncmp(index_world_ask(t, "ROOT", a), "root:x:0:0:", 11), 0);
	assert_string_equal(index_world_ask(t, "no-such-user", a), "-");
	assert_string_equal(index_world_ask(t, "", a), "-");
	table_close(t);
	t = table_open("unix:group.byname", NULL, NULL, &err);
	assert_non_null(t);
	assert_int_equal(strncmp(index_world_ask(t, "root", a), "root:x:0:", 9), 0);
	assert_string_equal(index_world_ask(t, "no-such-group", a), "-");
	table_close(t);
	assert_null(table_open("unix:hosts.byname", NULL, NULL, &err));
	assert_int_equal(err.class, ERR_CONFIG);
	arena_free(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_in_place),
		cmocka_unit_test(test_refresh),
		cmocka_unit_test(test_stays_locked),
		cmocka_unit_test(test_proxy),
		cmocka_unit_test(test_proxy_refresh),
		cmocka_unit_test(test_unix),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
