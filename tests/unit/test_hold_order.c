/* Each file system call of hold_put() fails, or is the last one the process makes: what is answered
 * with 250 is whole and on disk, and nothing else is ever taken for a held message. */
#include <dirent.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "action/hold.h"
#include "action/hold_file.h"
#include "action/hold_int.h"
#include "base/arena.h"
#include "base/attr.h"
#include "base/err.h"
#include "base/log.h"
#include "base/xmem.h"
#include "tests/lib/child.h"
#include "tests/lib/failfs.h"
#include "tests/lib/tmpdir.h"
#include "tests/lib/txn_make.h"

#define BODY_LINES 4000 /* more than one write */

static int64_t
far_future(void)
{
	return clock_wall_us() + 3600LL * 1000000;
}

static void
no_log(enum log_level level, const char *line)
{
	(void)level;
	(void)line;
}

static char *
make_text(void)
{
	struct buf b = { 0 };

	buf_adds(&b, "Subject: order\r\n\r\n");
	for (int i = 0; i < BODY_LINES; i++)
		buf_printf(&b, "line %d of the body, long enough to need several writes\r\n", i);
	return buf_take(&b);
}

static int
put(struct hold_store *s, struct txn_made *m, char id[HOLD_ID_MAX])
{
	static const size_t rcpts[] = { 0, 1 };
	const struct hold_why why = { .class = HOLD_FAILURE, .reason = "hold", .rule = "t:1" };
	struct edit_list edits;
	struct err err;

	edit_list_init(&edits, m->arena);
	edit_add(&edits, 0, 0, span_str("X-First: 1\r\n"));
	return hold_put(s, &m->txn, rcpts, 2, &edits, &why, id, HOLD_ID_MAX, &err);
}

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

/* What a child did: it ends with 0 when it could say 250, 1 when hold_put() failed, FAILFS_EXIT
 * when it was stopped. */
static int
child(const char *dir, const char *text, enum failfs_do what, size_t n)
{
	struct hold_store *s;
	struct txn_made m;
	char id[HOLD_ID_MAX];
	int status, rc;
	pid_t pid = child_fork();

	assert_int_not_equal(pid, -1);
	if (pid == 0) {
		s = open_store(dir);
		txn_make(&m, 2, text);
		failfs_arm(what, n);
		rc = put(s, &m, id);
		failfs_disarm();
		_exit(rc == 0 ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

struct found {
	struct hold_store *s;
	const char *text;
	int n;
};

static int
check_one(void *arg, const struct hold_entry *e)
{
	struct found *f = arg;
	struct hold_message m;
	struct err err;
	size_t len = strlen(f->text);

	assert_int_equal(hold_read(f->s, e->id, &m, &err), 1);
	assert_int_equal(m.octets.len, len + strlen("X-First: 1\r\n"));
	assert_memory_equal(m.octets.p + strlen("X-First: 1\r\n"), f->text, len);
	assert_int_equal(m.entry.nrcpts, 2);
	hold_message_fini(&m);
	f->n++;
	return 0;
}

static int
count_names(const char *dir, const char *ends)
{
	char path[600];
	int n = 0;

	for (unsigned i = 0; i < HOLD_FOLDERS; i++) {
		struct dirent *d;
		char folder[3];
		DIR *f;

		hold_folder_name(i, folder);
		snprintf(path, sizeof(path), "%s/%s", dir, folder);
		f = opendir(path);
		assert_non_null(f);
		while ((d = readdir(f)) != NULL)
			n += strlen(d->d_name) > 4 &&
			     strcmp(d->d_name + strlen(d->d_name) - 4, ends) == 0;
		closedir(f);
	}
	return n;
}

/* Start again as after a crash, when temporary files have grown old; all that is listed is whole.
 */
static int
restart(const char *dir, const char *text)
{
	struct found f = { .text = text };
	struct err err;
	size_t files;

	f.s = open_store(dir);
	f.s->now_us = far_future;
	assert_int_equal(hold_repair(f.s, &files, &err), 0);
	assert_int_equal(hold_list(f.s, NULL, check_one, &f, &err), 0);
	assert_int_equal(files, f.n);
	assert_int_equal(count_names(dir, HOLD_FILE_ENDS), f.n);
	assert_int_equal(count_names(dir, HOLD_TMP_ENDS), 0);
	hold_close(f.s);
	return f.n;
}

static void
forget(const char *dir)
{
	struct hold_store *s = open_store(dir);
	struct err err;
	char path[600];
	size_t files;

	for (unsigned i = 0; i < HOLD_FOLDERS; i++) {
		struct dirent *d;
		char folder[3], *name;
		DIR *f;

		hold_folder_name(i, folder);
		snprintf(path, sizeof(path), "%s/%s", dir, folder);
		f = opendir(path);
		while ((d = readdir(f)) != NULL) {
			if (d->d_name[0] == '.')
				continue;
			name = xasprintf("%s/%s", path, d->d_name);
			assert_int_equal(unlink(name), 0);
			free(name);
		}
		closedir(f);
	}
	assert_int_equal(hold_repair(s, &files, &err), 0);
	hold_close(s);
}

static size_t
count_calls(const char *dir, const char *text)
{
	struct hold_store *s = open_store(dir);
	struct txn_made m;
	char id[HOLD_ID_MAX];
	size_t n;

	txn_make(&m, 2, text);
	failfs_arm(FAILFS_WATCH, 0);
	assert_int_equal(put(s, &m, id), 0);
	n = failfs_disarm();
	txn_unmake(&m);
	hold_close(s);
	return n;
}

/* The file's own calls, in order: write..., fsync of it, rename, fsync of its folder, and nothing
 * of the index before that. */
static void
test_order_trace(void **state)
{
	char *base = tmpdir_make(), *dir = xasprintf("%s/hold", base), *text = make_text();
	const struct failfs_call *c = failfs_trace();
	size_t n, at = 0, writes = 0;

	(void)state;
	n = count_calls(dir, text);
	while (at < n && (c[at].op != OP_OPEN || strstr(c[at].name, ".tmp") == NULL))
		assert_int_not_equal(c[at++].op, OP_WRITE);
	assert_true(at < n);
	for (at++; at < n && c[at].op == OP_WRITE; at++, writes++)
		assert_non_null(strstr(c[at].name, ".tmp"));
	assert_true(writes >= 2);
	assert_int_equal(c[at].op, OP_FSYNC);
	assert_non_null(strstr(c[at].name, ".tmp"));
	assert_int_equal(c[++at].op, OP_RENAME);
	assert_non_null(strstr(c[at].name, ".msg"));
	assert_int_equal(c[++at].op, OP_OPEN); /* the folder, by name */
	assert_int_equal(strlen(c[at].name), 2);
	assert_int_equal(c[++at].op, OP_FSYNC);
	assert_memory_equal(c[at].name, dir, strlen(dir));
	assert_int_equal(strlen(c[at].name), strlen(dir) + 3);
	assert_true(at < n);
	/* whatever comes then is the index */
	for (at++; at < n; at++)
		assert_non_null(strstr(c[at].name, "index.sqlite"));
	free(dir);
	free(text);
	tmpdir_remove(base);
}

static void
every_call(enum failfs_do what)
{
	char *base = tmpdir_make(), *dir = xasprintf("%s/hold", base), *text = make_text();
	size_t n = count_calls(dir, text);
	int took = 0, not = 0;

	forget(dir);
	for (size_t i = 1; i <= n; i++) {
		int how = child(dir, text, what, i), there = restart(dir, text);

		if (how == 0) {
			assert_int_equal(there, 1); /* 250 was said */
			took++;
		} else if (how == 1) {
			assert_int_equal(there, 0); /* 4xx: the client has it still */
			not ++;
		} else {
			assert_int_equal(how, FAILFS_EXIT);
			assert_in_range(there, 0, 1);
			not ++;
		}
		forget(dir);
	}
	assert_true(not > 5);
	if (what == FAILFS_FAIL)
		assert_true(took > 0); /* the index may fail */
	free(dir);
	free(text);
	tmpdir_remove(base);
}

static void
test_order_fail(void **state)
{
	(void)state;
	every_call(FAILFS_FAIL);
}

static void
test_order_short(void **state)
{
	char *base = tmpdir_make(), *dir = xasprintf("%s/hold", base), *text = make_text();

	(void)state;
	count_calls(dir, text);
	forget(dir);
	/* the third call is the second write: half of it, then the disk is full */
	assert_int_equal(child(dir, text, FAILFS_SHORT, 3), 1);
	assert_int_equal(restart(dir, text), 0);
	free(dir);
	free(text);
	tmpdir_remove(base);
}

static void
test_order_stop_before(void **state)
{
	(void)state;
	every_call(FAILFS_BEFORE);
}

static void
test_order_stop_after(void **state)
{
	(void)state;
	every_call(FAILFS_AFTER);
}

/* A store that is opened for the first time: folder and its parent are synced before any message.
 */
static void
test_order_open(void **state)
{
	char *base = tmpdir_make(), *dir = xasprintf("%s/hold", base);
	const struct failfs_call *c = failfs_trace();
	size_t n, mkdirs = 0, parent = 0, own = 0;

	(void)state;
	failfs_arm(FAILFS_WATCH, 0);
	hold_close(open_store(dir));
	n = failfs_disarm();
	for (size_t i = 0; i < n; i++) {
		if (c[i].op == OP_MKDIR)
			mkdirs++;
		if (c[i].op == OP_FSYNC && strcmp(c[i].name, base) == 0)
			parent = i + 1;
		if (c[i].op == OP_FSYNC && strcmp(c[i].name, dir) == 0 && mkdirs == HOLD_FOLDERS)
			own = i + 1;
	}
	assert_int_equal(mkdirs, HOLD_FOLDERS);
	assert_true(parent > 0 && own > parent);
	free(dir);
	tmpdir_remove(base);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order_trace),
		cmocka_unit_test(test_order_open),
		cmocka_unit_test(test_order_fail),
		cmocka_unit_test(test_order_short),
		cmocka_unit_test(test_order_stop_before),
		cmocka_unit_test(test_order_stop_after),
	};

	log_set_hook(no_log);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
