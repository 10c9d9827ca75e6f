/* The hold store's files: what is put is read, marked, removed, limited; nothing leads out of the
 * folder. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "action/hold.h"
#include "action/hold_file.h"
#include "action/hold_int.h"
#include "action/plan.h"
#include "base/arena.h"
#include "base/attr.h"
#include "base/blocking.h"
#include "base/err.h"
#include "base/log.h"
#include "base/xmem.h"
#include "tests/lib/tmpdir.h"
#include "tests/lib/txn_make.h"

#define TEXT "Subject: hello\r\n\r\nbody\r\n.\r\n"

static int64_t fake_now_us = 1800000000LL * 1000000;
static int warnings; /* log lines above info */

static int64_t
fake_now(void)
{
	return fake_now_us;
}

static void
count_log(enum log_level level, const char *line)
{
	(void)line;
	if (level <= LOG_LEVEL_WARN)
		warnings++;
}

struct box {
	char *dir;
	struct hold_store *s;
	struct hold_options o;
};

static int
setup(void **state)
{
	struct box *b = xcalloc(1, sizeof(*b));
	struct err err;

	b->dir = tmpdir_make();
	b->o.directory = xasprintf("%s/hold", b->dir);
	b->s = hold_open(&b->o, &err);
	assert_non_null(b->s);
	b->s->now_us = fake_now;
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
	free((char *)(uintptr_t)b->o.directory);
	tmpdir_remove(b->dir);
	free(b);
	log_set_hook(NULL);
	assert_int_equal(warnings, 0); /* those that a test expects it takes off */
	return 0;
}

static void
reopen(struct box *b)
{
	struct err err;

	hold_close(b->s);
	b->s = hold_open(&b->o, &err);
	assert_non_null(b->s);
	b->s->now_us = fake_now;
}

static const size_t first_two[] = { 0, 1 };

static int
put(struct box *b, struct txn_made *m, enum hold_class class, char id[HOLD_ID_MAX], struct err *err)
{
	const struct hold_why why = { .class = class,
		.reason = "hold: odd",
		.rule = "/etc/filterd/header:7",
		.next_hop = "smtp:[127.0.0.1]:10026" };

	return hold_put(b->s, &m->txn, first_two, 2, NULL, &why, id, HOLD_ID_MAX, err);
}

static int
put_new(struct box *b, enum hold_class class, const char *text, char id[HOLD_ID_MAX])
{
	struct txn_made m;
	struct err err;
	int rc;

	txn_make(&m, 2, text);
	rc = put(b, &m, class, id, &err);
	txn_unmake(&m);
	return rc;
}

static void
count_up(void *arg)
{
	(*(int *)arg)++;
}

static void
count_down(void *arg)
{
	(*(int *)arg) += 100;
}

/* Another thread does this one's work while the disk is waited for. */
static void
test_blocking(void **state)
{
	struct box *b = *state;
	int n = 0;
	const struct blocking_hook hook = { count_up, count_down, &n };
	char id[HOLD_ID_MAX];

	blocking_set(&hook);
	assert_int_equal(put_new(b, HOLD_SPAM, "X: y\r\n\r\n", id), 0);
	assert_int_equal(n, 101);
	hold_undo(b->s, id);
	assert_int_equal(n, 202);
	blocking_set(NULL);
}

static int
count_one(void *arg, const struct hold_entry *e)
{
	(void)e;
	(*(int *)arg)++;
	return 0;
}

static int
count(struct box *b, const struct hold_filter *f)
{
	struct err err;
	int n = 0;

	assert_int_equal(hold_list(b->s, f, count_one, &n, &err), 0);
	return n;
}

static void
file_path(struct box *b, const char *id, char *out, size_t size)
{
	char path[HOLD_PATH_MAX];

	hold_path(id, HOLD_FILE_ENDS, path);
	snprintf(out, size, "%s/%s", b->o.directory, path);
}

static void
test_hold_round(void **state)
{
	static const char *const bcc[] = { "copy@example.net" };
	static const size_t all[] = { 2, 0 };
	struct box *b = *state;
	struct txn_made m;
	struct hold_message got;
	struct edit_list edits;
	struct err err;
	char id[HOLD_ID_MAX];
	struct origin by = { .list = "header_checks" };
	struct hold_why why = { .class = HOLD_FAILURE,
		.reason = "defer: 451 4.3.0 \"x\"\n",
		.rule = "r:1",
		.next_hop = "lmtp:unix:/x",
		.filter = "scan:dest",
		.redirect = "else@example.net",
		.bcc = bcc,
		.nbcc = 1 };

	txn_make(&m, 3, TEXT);
	m.txn.rcpts[0]->path.octets = "caf\xe9@example.org"; /* no UTF-8 */
	m.txn.rcpts[2]->path.params = "NOTIFY=NEVER ORCPT=rfc822;x+20y";
	m.txn.sender.octets = ""; /* null path */
	m.txn.sender.params = "SIZE=10 BODY=8BITMIME";
	m.txn.body_8bit = 1;
	m.txn.subject = "hello";
	snprintf(m.client.ident, sizeof(m.client.ident), "4QUEUE");
	m.client.source = SOURCE_XFORWARD_REMOTE;
	effect_add(&m.txn.verdict.prepends, m.arena, "X-One: 1", by);
	edit_list_init(&edits, m.arena);
	edit_add(&edits, 0, 0, span_str("X-One: 1\r\n"));
	edit_add(&edits, 9, 5, span_str("HELLO"));
	assert_int_equal(hold_put(b->s, &m.txn, all, 2, &edits, &why, id, sizeof(id), &err), 0);
	assert_string_equal(id, m.txn.id);

	assert_int_equal(hold_read(b->s, id, &got, &err), 1);
	assert_true(span_eq_str(got.octets, "X-One: 1\r\nSubject: HELLO\r\n\r\nbody\r\n.\r\n"));
	assert_int_equal(got.entry.size, (int64_t)got.octets.len);
	assert_int_equal(got.entry.nrcpts, 2);
	assert_string_equal(got.entry.rcpts[0].path, "r2@example.org");
	assert_string_equal(got.entry.rcpts[0].params, "NOTIFY=NEVER ORCPT=rfc822;x+20y");
	assert_string_equal(got.entry.rcpts[1].path, "caf\xe9@example.org");
	assert_string_equal(got.entry.sender, "");
	assert_string_equal(got.entry.sender_params, "SIZE=10 BODY=8BITMIME");
	assert_string_equal(got.entry.reason, "defer: 451 4.3.0 \"x\"\n");
	assert_string_equal(got.entry.filter, "scan:dest");
	assert_string_equal(got.entry.redirect, "else@example.net");
	assert_int_equal(got.entry.nbcc, 1);
	assert_string_equal(got.entry.bcc[0], "copy@example.net");
	assert_int_equal(got.entry.nprepended, 1);
	assert_string_equal(got.entry.prepended[0], "X-One: 1");
	assert_string_equal(got.entry.queue_id, "4QUEUE");
	assert_int_equal(got.entry.client_source, SOURCE_XFORWARD_REMOTE);
	assert_string_equal(got.entry.subject, "hello");
	assert_int_equal(got.entry.class, HOLD_FAILURE);
	assert_int_equal(got.entry.time, fake_now_us / 1000000);
	assert_true(got.entry.body_8bit && !got.entry.smtputf8);
	hold_message_fini(&got);
	txn_unmake(&m);
}

/* Copies of one transaction have names of their own. */
static void
test_hold_copies(void **state)
{
	struct box *b = *state;
	struct txn_made m;
	struct err err;
	char a[HOLD_ID_MAX], c[HOLD_ID_MAX];

	txn_make(&m, 2, TEXT);
	assert_int_equal(put(b, &m, HOLD_SPAM, a, &err), 0);
	assert_int_equal(put(b, &m, HOLD_SPAM, c, &err), 0);
	assert_string_not_equal(a, c);
	assert_int_equal(count(b, NULL), 2);
	hold_undo(b->s, a);
	assert_int_equal(count(b, NULL), 1);
	txn_unmake(&m);
}

static void
test_hold_step(void **state)
{
	struct box *b = *state;
	size_t who[] = { 1 };
	struct plan_step step = { .kind = STEP_HOLD,
		.rcpts = who,
		.nrcpts = 1,
		.class = HOLD_VIRUS,
		.reason = "reject: 550 5.7.1 no",
		.origin = { .file = "/etc/h", .line = 3 } };
	struct hold_message got;
	struct txn_made m;
	struct err err;
	char id[HOLD_ID_MAX];

	snprintf(step.hop.text, sizeof(step.hop.text), "smtp:[127.0.0.1]:10026");
	txn_make(&m, 2, TEXT);
	assert_int_equal(hold_put_step(b->s, &m.txn, &step, id, sizeof(id), &err), 0);
	assert_int_equal(hold_read(b->s, id, &got, &err), 1);
	assert_string_equal(got.entry.rule, "/etc/h:3");
	assert_string_equal(got.entry.next_hop, "smtp:[127.0.0.1]:10026");
	assert_string_equal(got.entry.rcpts[0].path, "r1@example.org");
	hold_message_fini(&got);
	txn_unmake(&m);
}

static const char *const bad_ids[] = { "", "-x", "..", "a/b", "../etc/passwd", "a.msg", "a b",
	"\xc3\xa9", "0123456789012345678901234567890123456789" };

static void
test_hold_ids(void **state)
{
	struct box *b = *state;
	struct hold_message m;
	size_t none[] = { 0 };
	struct err err;
	int lock;

	for (size_t i = 0; i < nitems(bad_ids); i++) {
		assert_int_equal(hold_id_ok(bad_ids[i]), 0);
		assert_int_equal(hold_read(b->s, bad_ids[i], &m, &err), 0);
		assert_int_equal(hold_delete(b->s, bad_ids[i], &err), 0);
		assert_int_equal(hold_remove(b->s, bad_ids[i], &err), 0);
		assert_int_equal(hold_lock(b->s, bad_ids[i], &lock, &err), 0);
		assert_int_equal(hold_mark_released(b->s, bad_ids[i], none, 1, &err), -1);
		hold_undo(b->s, bad_ids[i]);
	}
	assert_int_equal(hold_id_ok("0123456789BCDFGHJ-2"), 1);
}

static void
test_hold_release(void **state)
{
	struct box *b = *state;
	size_t second[] = { 1 }, first[] = { 0 }, none[] = { 9 };
	char id[HOLD_ID_MAX];
	struct hold_message m;
	struct err err;
	int lock, other;

	assert_int_equal(put_new(b, HOLD_POLICY, TEXT, id), 0);
	assert_int_equal(hold_lock(b->s, id, &lock, &err), 1);
	/* not twice at a time, and nobody deletes it meanwhile */
	assert_int_equal(hold_lock(b->s, id, &other, &err), -1);
	assert_int_equal(err.class, ERR_RETRY);
	assert_int_equal(hold_delete(b->s, id, &err), -1);

	assert_int_equal(hold_mark_released(b->s, id, second, 1, &err), 0);
	assert_int_equal(hold_mark_released(b->s, id, none, 1, &err), -1);
	assert_int_equal(hold_read(b->s, id, &m, &err), 1);
	assert_int_equal(m.entry.rcpts[0].released, 0);
	assert_int_equal(m.entry.rcpts[1].released, 1);
	assert_true(span_eq_str(m.octets, TEXT));
	hold_message_fini(&m);

	assert_int_equal(hold_mark_released(b->s, id, first, 1, &err), 0);
	hold_unlock(lock);
	assert_int_equal(hold_read(b->s, id, &m, &err), 0);
	assert_int_equal(hold_lock(b->s, id, &lock, &err), 0);
	assert_int_equal(hold_delete(b->s, id, &err), 0);
	assert_int_equal(count(b, NULL), 0);
}

static const struct {
	struct hold_filter f;
	int n;
} filters[] = {
	{ { .sender = "SENDER@" }, 3 },
	{ { .sender = "nobody" }, 0 },
	{ { .recipient = "r1@EXAMPLE" }, 3 },
	{ { .recipient = "r2@" }, 0 },
	{ { .rule = "header:7" }, 3 },
	{ { .rule = "%" }, 0 }, /* no wildcard */
	{ { .sender = "' OR 1=1 --" }, 0 },
	{ { .older_than_s = 50 }, 2 },
	{ { .older_than_s = 150 }, 1 },
	{ { .older_than_s = 1000 }, 0 },
	{ { .older_than_s = 50, .sender = "sender", .recipient = "r0", .rule = "header" }, 2 },
};

static void
test_hold_list(void **state)
{
	struct box *b = *state;
	char id[HOLD_ID_MAX];

	for (int i = 0; i < 3; i++) {
		assert_int_equal(put_new(b, HOLD_POLICY, TEXT, id), 0);
		fake_now_us += 100 * 1000000LL;
	}
	fake_now_us -= 100 * 1000000LL;
	for (size_t i = 0; i < nitems(filters); i++)
		assert_int_equal(count(b, &filters[i].f), filters[i].n);
}

/* More than a page, oldest first, and the reader may stop. */
static int
check_order(void *arg, const struct hold_entry *e)
{
	int64_t *last = arg;

	assert_true(e->time >= last[0]);
	last[0] = e->time;
	return ++last[1] == 150;
}

static void
test_hold_pages(void **state)
{
	struct box *b = *state;
	int64_t seen[2] = { 0, 0 };
	char id[HOLD_ID_MAX];
	struct err err;

	for (int i = 0; i < 200; i++) {
		fake_now_us += i % 3 * 1000000;
		assert_int_equal(put_new(b, HOLD_POLICY, TEXT, id), 0);
	}
	assert_int_equal(count(b, NULL), 200);
	assert_int_equal(hold_list(b->s, NULL, check_order, seen, &err), 0);
	assert_int_equal(seen[1], 150);
}

static void
test_hold_age(void **state)
{
	struct box *b = *state;
	char id[HOLD_ID_MAX];
	struct err err;
	int lock;

	assert_int_equal(put_new(b, HOLD_FAILURE, TEXT, id), 0);
	assert_int_equal(put_new(b, HOLD_SPAM, TEXT, id), 0);
	assert_int_equal(hold_lock(b->s, id, &lock, &err), 1); /* being released */
	fake_now_us += 1000 * 1000000LL;
	assert_int_equal(put_new(b, HOLD_SPAM, TEXT, id), 0);
	hold_expire(b->s); /* hold_max_age = 0: for ever */
	assert_int_equal(count(b, NULL), 3);
	b->o.max_age_s = 500;
	hold_set_options(b->s, &b->o);
	hold_expire(b->s);
	assert_int_equal(count(b, NULL), 2);
	hold_unlock(lock);
	hold_expire(b->s);
	assert_int_equal(count(b, NULL), 1);
}

static int
class_of(struct box *b, const char *id)
{
	struct hold_message m;
	struct err err;
	int class = -1;

	if (hold_read(b->s, id, &m, &err) == 1)
		class = m.entry.class;
	hold_message_fini(&m);
	return class;
}

static void
test_hold_size(void **state)
{
	struct box *b = *state;
	char text[3000], failure[HOLD_ID_MAX], virus[HOLD_ID_MAX], spam[HOLD_ID_MAX],
	    id[HOLD_ID_MAX];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	assert_int_equal(put_new(b, HOLD_FAILURE, text, failure), 0);
	fake_now_us += 1000000;
	assert_int_equal(put_new(b, HOLD_VIRUS, text, virus), 0);
	fake_now_us += 1000000;
	assert_int_equal(put_new(b, HOLD_SPAM, text, spam), 0);
	b->o.max_size = 4 * 3000 + 4 * 1000; /* three, and not a fourth with its guessed head */
	hold_set_options(b->s, &b->o);

	assert_int_equal(put_new(b, HOLD_POLICY, text, id), 0);
	assert_int_equal(class_of(b, failure), HOLD_FAILURE); /* the oldest, but never it */
	assert_int_equal(class_of(b, virus), -1);
	assert_int_equal(class_of(b, spam), HOLD_SPAM);
	assert_int_equal(put_new(b, HOLD_FAILURE, text, id), 0);
	assert_int_equal(class_of(b, spam), -1);
	/* only failures and policy are left: what should be held is not taken */
	assert_int_equal(put_new(b, HOLD_SPAM, text, id), -1);
	assert_int_equal(count(b, NULL), 3);

	/* what cannot fit takes nothing away */
	b->o.max_size = 0;
	hold_set_options(b->s, &b->o);
	assert_int_equal(put_new(b, HOLD_SPAM, text, spam), 0);
	b->o.max_size = 9000;
	hold_set_options(b->s, &b->o);
	assert_int_equal(put_new(b, HOLD_SPAM, text, id), -1);
	assert_int_equal(class_of(b, spam), HOLD_SPAM);

	b->o.max_size = 0;
	b->o.min_free = INT64_MAX / 2;
	hold_set_options(b->s, &b->o);
	assert_int_equal(put_new(b, HOLD_SPAM, text, id), -1);
}

/* --- what is in the folder and was not put there by hold_put() --- */

static void
write_file(const char *path, const void *p, size_t n)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_int_not_equal(fd, -1);
	assert_int_equal(write(fd, p, n), (ssize_t)n);
	close(fd);
}

static void
test_hold_truncated(void **state)
{
	struct box *b = *state;
	char id[HOLD_ID_MAX], path[512];
	struct hold_message m;
	struct stat sb;
	struct err err;

	assert_int_equal(put_new(b, HOLD_POLICY, TEXT, id), 0);
	file_path(b, id, path, sizeof(path));
	assert_int_equal(stat(path, &sb), 0);
	for (off_t len = sb.st_size - 1; len >= 0; len--) {
		assert_int_equal(truncate(path, len), 0);
		assert_int_equal(hold_read(b->s, id, &m, &err), -1);
	}
	reopen(b);
	/* it is told of, and left for a human */
	assert_int_equal(warnings, 1);
	warnings = 0;
	assert_int_equal(stat(path, &sb), 0);
}

static void
test_hold_leftovers(void **state)
{
	struct box *b = *state;
	char path[512], id[HOLD_ID_MAX];
	struct stat sb;

	assert_int_equal(put_new(b, HOLD_POLICY, TEXT, id), 0);
	snprintf(path, sizeof(path), "%s/00/B0B0.tmp", b->o.directory);
	write_file(path, "x", 1);
	reopen(b); /* hold_open() has the real clock: the file is young */
	assert_int_equal(stat(path, &sb), 0);
	assert_int_equal(utimensat(AT_FDCWD, path,
			     (struct timespec[2]){ { .tv_sec = 1000 }, { .tv_sec = 1000 } }, 0),
	    0);
	reopen(b);
	assert_int_equal(stat(path, &sb), -1);
	assert_int_equal(count(b, NULL), 1);
}

static void
test_hold_renamed(void **state)
{
	struct box *b = *state;
	char id[HOLD_ID_MAX], from[512], to[512];
	struct hold_message m;
	struct err err;

	assert_int_equal(put_new(b, HOLD_POLICY, TEXT, id), 0);
	file_path(b, id, from, sizeof(from));
	file_path(b, "B0B0", to, sizeof(to));
	assert_int_equal(rename(from, to), 0);
	assert_int_equal(hold_read(b->s, "B0B0", &m, &err), -1);
	assert_int_equal(hold_read(b->s, id, &m, &err), 0);
}

#define LINE_END_JSON                                                                              \
	"{\"id\":\"B\",\"decision_id\":\"\",\"sender\":\"a\\nb\",\"sender_params\":\"\","          \
	"\"reason\":\"\","                                                                         \
	"\"rule\":\"\",\"listener\":\"\",\"next_hop\":\"\",\"client_addr\":\"\",\"client_name\":"  \
	"\"\","                                                                                    \
	"\"client_reverse\":\"\",\"client_helo\":\"\",\"client_proto\":\"\",\"client_port\":\"\"," \
	"\"client_login\":\"\",\"queue_id\":\"\",\"message_id\":\"\",\"subject\":\"\",\"class\":"  \
	"\"spam\","                                                                                \
	"\"time\":1,\"size\":0,\"client_source\":0,\"bcc\":[],\"prepended\":[],"                   \
	"\"recipients\":[{\"path\":\"x\"}]}"

static const struct {
	const char *what, *text;
} bad_files[] = {
	{ "empty", "" },
	{ "no magic", "hello" },
	{ "other version", "filterd-hold 2 0000000002 0000000001 0000000000000000000\nH\n{}\n" },
	{ "no members", "filterd-hold 1 0000000002 0000000001 0000000000000000000\nH\n{}\n" },
	{ "no JSON", "filterd-hold 1 0000000002 0000000001 0000000000000000000\nH\n{[\n" },
	{ "huge JSON", "filterd-hold 1 9999999999 0000000001 0000000000000000000\nH\n{}\n" },
	{ "line end in a path",
	    "filterd-hold 1 0000000382 0000000001 0000000000000000000\nH\n" LINE_END_JSON "\n" },
	{ "sign", "filterd-hold 1 -000000002 0000000001 0000000000000000000\nH\n{}\n" },
};

static void
test_hold_bad_files(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(bad_files); i++) {
		struct hold_entry e;
		struct span octets;
		struct err err;

		assert_int_equal(
		    hold_file_parse(span_str(bad_files[i].text), &e, &octets, &err), -1);
		hold_entry_fini(&e);
	}
}

/* The row with the line end is refused for that alone. */
static void
test_hold_good_file(void **state)
{
	struct hold_entry e;
	struct span octets;
	struct err err;
	char *text = NULL;

	(void)state;
	for (size_t i = 0; i < nitems(bad_files); i++)
		if (strcmp(bad_files[i].what, "line end in a path") == 0)
			text = xstrdup(bad_files[i].text);
	assert_non_null(text);
	*strchr(text, '\\') = 'X';
	assert_int_equal(hold_file_parse(span_str(text), &e, &octets, &err), 0);
	assert_string_equal(e.sender, "aXnb");
	hold_entry_fini(&e);
	free(text);
}

/* A line end in an address would be a command of its own at the next hop. */
static void
test_hold_line_ends(void **state)
{
	struct box *b = *state;
	struct txn_made m;
	struct hold_message got;
	struct err err;
	char id[HOLD_ID_MAX];

	txn_make(&m, 2, TEXT);
	m.txn.rcpts[1]->path.octets = "x>\r\nRCPT TO:<y@example.org";
	assert_int_equal(put(b, &m, HOLD_POLICY, id, &err), -1);
	assert_int_equal(hold_read(b->s, m.txn.id, &got, &err), 0);
	txn_unmake(&m);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_hold_round),
		T(test_blocking),
		T(test_hold_copies),
		T(test_hold_step),
		T(test_hold_ids),
		T(test_hold_release),
		T(test_hold_list),
		T(test_hold_pages),
		T(test_hold_age),
		T(test_hold_size),
		T(test_hold_truncated),
		T(test_hold_leftovers),
		T(test_hold_renamed),
		T(test_hold_bad_files),
		T(test_hold_good_file),
		T(test_hold_line_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
