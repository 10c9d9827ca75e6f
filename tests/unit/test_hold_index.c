/* The index is mended from the files, whatever became of it, and several processes share it. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <pthread.h>
#include <sqlite3.h>

#include "action/hold.h"
#include "action/hold_file.h"
#include "action/hold_int.h"
#include "base/arena.h"
#include "base/attr.h"
#include "base/err.h"
#include "base/log.h"
#include "base/xmem.h"
#include "tests/lib/child.h"
#include "tests/lib/tmpdir.h"
#include "tests/lib/txn_make.h"

#define TEXT "Subject: hello\r\n\r\nbody\r\n"

static int warnings;

static void
count_log(enum log_level level, const char *line)
{
	(void)line;
	if (level <= LOG_LEVEL_WARN)
		warnings++;
}

struct box {
	char *base, *dir, *db;
	struct hold_store *s;
};

static struct hold_store *
open_store(const char *dir)
{
	const struct hold_options o = { .directory = dir };
	struct hold_store *s;
	struct err err;

	s = hold_open(&o, &err);
	assert_non_null(s);
	return s;
}

static int
setup(void **state)
{
	struct box *b = xcalloc(1, sizeof(*b));

	b->base = tmpdir_make();
	b->dir = xasprintf("%s/hold", b->base);
	b->db = xasprintf("%s/index.sqlite", b->dir);
	b->s = open_store(b->dir);
	warnings = 0;
	log_set_hook(count_log);
	*state = b;
	return 0;
}

static int
teardown(void **state)
{
	struct box *b = *state;

	hold_close(b->s);
	tmpdir_remove(b->base);
	free(b->dir);
	free(b->db);
	free(b);
	log_set_hook(NULL);
	assert_int_equal(warnings, 0);
	return 0;
}

static void
put(struct hold_store *s, char id[HOLD_ID_MAX])
{
	static const size_t rcpts[] = { 0, 1 };
	const struct hold_why why = { .class = HOLD_SPAM, .reason = "hold", .rule = "t:1" };
	struct txn_made m;
	struct err err;

	txn_make(&m, 2, TEXT);
	assert_int_equal(hold_put(s, &m.txn, rcpts, 2, NULL, &why, id, HOLD_ID_MAX, &err), 0);
	txn_unmake(&m);
}

static int
count_one(void *arg, const struct hold_entry *e)
{
	(void)e;
	(*(int *)arg)++;
	return 0;
}

static int
count(struct hold_store *s)
{
	struct err err;
	int n = 0;

	assert_int_equal(hold_list(s, NULL, count_one, &n, &err), 0);
	return n;
}

static int64_t
sum(struct hold_store *s)
{
	struct hold_sums sums;
	struct err err;

	assert_int_equal(hold_index_sums(s->index, &sums, &err), 0);
	assert_int_equal(sums.all, sums.evictable);
	return sums.all;
}

static int64_t
size_of(struct box *b, const char *id)
{
	char path[HOLD_PATH_MAX];
	struct stat sb;

	hold_path(id, HOLD_FILE_ENDS, path);
	assert_int_equal(fstatat(b->s->dirfd, path, &sb, 0), 0);
	return sb.st_size;
}

static void
reopen(struct box *b)
{
	hold_close(b->s);
	b->s = open_store(b->dir);
}

/* --- what the index may lose --- */

static void
do_sql(struct box *b, const char *sql)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(b->db, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

static void
overwrite(struct box *b, off_t at, size_t n)
{
	char *junk = xmalloc(n);
	int fd = open(b->db, O_WRONLY);

	memset(junk, 0x5a, n);
	assert_int_equal(pwrite(fd, junk, n, at), (ssize_t)n);
	close(fd);
	free(junk);
}

static const struct {
	const char *what, *sql; /* one of these: sql, or junk over the file */
	off_t at;
	size_t n;
	int warns;
} hurts[] = {
	{ "rows gone", "DELETE FROM held", 0, 0, 0 },
	{ "a row too many", "INSERT INTO held VALUES('B0B0', 1, 1, 1, 1, '', '', '', 'H', '{}')", 0,
	    0, 0 },
	{ "tables gone", "DROP TABLE held; DROP TABLE sums", 0, 0, 0 },
	{ "another's tables", "DROP TABLE held; CREATE TABLE held(x)", 0, 0, 0 },
	{ "no database", NULL, 0, 4096, 1 },
	{ "pages destroyed", NULL, 4096, 8192, 1 },
	{ "sums wrong", "UPDATE sums SET octets = 99", 0, 0, 0 },
};

static void
test_index_mended(void **state)
{
	struct box *b = *state;
	char id[HOLD_ID_MAX];
	int64_t size;

	put(b->s, id);
	size = size_of(b, id);
	put(b->s, id);
	size += size_of(b, id);
	for (size_t i = 0; i < nitems(hurts); i++) {
		hold_close(b->s);
		if (hurts[i].sql != NULL)
			do_sql(b, hurts[i].sql);
		else
			overwrite(b, hurts[i].at, hurts[i].n);
		b->s = open_store(b->dir);
		assert_int_equal(warnings, hurts[i].warns);
		warnings = 0;
		assert_int_equal(count(b->s), 2);
		assert_int_equal(sum(b->s), size);
	}
}

/* Marked in the file, and the process died before the index knew. */
static void
test_index_stale_state(void **state)
{
	struct box *b = *state;
	char id[HOLD_ID_MAX], path[HOLD_PATH_MAX];
	struct hold_row row;
	struct hold_after after = { 0 };
	struct err err;
	int fd;

	put(b->s, id);
	hold_path(id, HOLD_FILE_ENDS, path);
	fd = openat(b->s->dirfd, path, O_RDWR);
	assert_int_equal(pwrite(fd, "R", 1, HOLD_STATE_AT + 1), 1);
	assert_int_equal(futimens(fd, (struct timespec[2]){ { .tv_sec = 1 }, { .tv_sec = 1 } }), 0);
	close(fd);
	reopen(b);
	assert_int_equal(
	    hold_index_page(b->s->index, HOLD_ORDER_ALL, NULL, 0, &after, 1, &row, 1, &err), 1);
	assert_string_equal(row.states, "HR");
	hold_row_fini(&row);
}

static void
test_index_reindex(void **state)
{
	struct box *b = *state;
	struct hold_store *other = open_store(b->dir);
	char id[HOLD_ID_MAX];
	struct err err;
	size_t files;

	put(b->s, id);
	assert_int_equal(hold_reindex(b->s, &files, &err), 0);
	assert_int_equal(files, 1);
	/* a process that has the removed database open goes over to the new one */
	put(other, id);
	assert_int_equal(count(b->s), 2);
	assert_int_equal(count(other), 2);
	hold_close(other);
}

/* Where there can be no file of it, one in memory does: mail is held and listed all the same. */
static void
test_index_in_memory(void **state)
{
	struct box *b = *state;
	char id[HOLD_ID_MAX];
	struct hold_message m;
	struct err err;
	size_t files;

	put(b->s, id);
	hold_close(b->s);
	unlink(b->db);
	assert_int_equal(mkdir(b->db, 0700), 0);
	b->s = open_store(b->dir);
	assert_true(warnings > 0);
	warnings = 0;
	assert_int_equal(count(b->s), 1);
	put(b->s, id);
	assert_int_equal(count(b->s), 2);
	assert_int_equal(hold_read(b->s, id, &m, &err), 1);
	hold_message_fini(&m);
	assert_int_equal(hold_delete(b->s, id, &err), 1);
	assert_int_equal(count(b->s), 1);
	assert_int_equal(hold_reindex(b->s, &files, &err), -1);
	assert_int_equal(rmdir(b->db), 0);
	assert_int_equal(hold_reindex(b->s, &files, &err), 0);
	assert_int_equal(files, 1);
	assert_int_equal(access(b->db, F_OK), 0);
	reopen(b);
	assert_int_equal(count(b->s), 1);
}

/* --- many at once --- */

#define EACH 40

static void *
put_many(void *arg)
{
	char id[HOLD_ID_MAX];
	struct err err;

	for (int i = 0; i < EACH; i++) {
		put(arg, id);
		if (i % 4 == 0)
			assert_int_equal(hold_delete(arg, id, &err), 1);
	}
	return NULL;
}

static void
test_index_threads_and_processes(void **state)
{
	struct box *b = *state;
	pthread_t t[3];
	pid_t pids[2];
	int status;

	for (size_t i = 0; i < nitems(pids); i++) {
		pids[i] = child_fork();
		if (pids[i] == 0) {
			struct hold_store *s = open_store(b->dir);

			put_many(s);
			hold_close(s);
			_exit(warnings);
		}
	}
	for (size_t i = 0; i < nitems(t); i++)
		assert_int_equal(pthread_create(&t[i], NULL, put_many, b->s), 0);
	for (size_t i = 0; i < nitems(t); i++)
		pthread_join(t[i], NULL);
	for (size_t i = 0; i < nitems(pids); i++) {
		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_int_equal(status, 0);
	}
	assert_int_equal(count(b->s), 5 * EACH * 3 / 4);
}

/* Of several who want the same message released one gets it. */
static void
test_index_one_lock(void **state)
{
	struct box *b = *state;
	char id[HOLD_ID_MAX];
	int won = 0, status;
	/* The winner keeps the lock until all have tried. */
	_Atomic int *tried =
	    mmap(NULL, sizeof(*tried), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	assert_ptr_not_equal(tried, MAP_FAILED);
	put(b->s, id);
	for (int i = 0; i < 4; i++) {
		if (child_fork() == 0) {
			struct hold_store *s = open_store(b->dir);
			struct err err;
			int lock, got = hold_lock(s, id, &lock, &err) == 1;

			atomic_fetch_add(tried, 1);
			for (int n = 0; got && atomic_load(tried) < 4 && n < 20000; n++)
				usleep(1000);
			_exit(got);
		}
	}
	for (int i = 0; i < 4; i++) {
		wait(&status);
		assert_true(WIFEXITED(status));
		won += WEXITSTATUS(status);
	}
	assert_int_equal(won, 1);
	munmap(tried, sizeof(*tried));
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_index_mended),
		T(test_index_stale_state),
		T(test_index_reindex),
		T(test_index_in_memory),
		T(test_index_threads_and_processes),
		T(test_index_one_lock),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
