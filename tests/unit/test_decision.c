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

#include "base/arena.h"
#include "base/attr.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/counters.h"
#include "base/err.h"
#include "base/xmem.h"
#include "core/score.h"
#include "engine/decision.h"
#include "engine/decision_file.h"
#include "engine/decision_log.h"
#include "rules/trace.h"
#include "tests/lib/failfs.h"
#include "tests/lib/tmpdir.h"
#include "tests/lib/txn_make.h"

/* --- records --- */

static void
make(struct txn_made *m, struct rule_trace *t, const char *id)
{
	txn_make(m, 2, "Subject: x\r\n\r\nhi\r\n");
	snprintf(m->txn.id, sizeof(m->txn.id), "%s", id);
	trace_init(t, m->arena);
	trace_add(t, &(struct trace_event){ .kind = TRACE_STAGE, .name = "RCPT" });
	trace_add(t, &(struct trace_event){ .kind = TRACE_ROW, .name = "permit" });
	m->txn.trace = t;
}

static void
test_record(void **state)
{
	struct txn_made m;
	struct rule_trace t;
	struct decision d;
	struct buf b = { 0 };
	struct err err;
	struct origin by = { .list = "header_checks", .file = "/etc/x", .line = 7 };
	int64_t now = clock_wall_us();

	(void)state;
	make(&m, &t, "4jWzQN1Dp206QP000");
	m.txn.listener = "in";
	m.txn.size = 5000000000;
	m.txn.rcpts[1]->fate = FATE_REJECTED;
	m.txn.rcpts[1]->code = 550;
	m.txn.rcpts[1]->reply = "5.7.1 no";
	m.txn.rcpts[1]->by = &by;
	score_add(&m.txn.verdict.score, m.arena, "rbl", 2500, by);
	score_add(&m.txn.rcpts[1]->verdict.score, m.arena, "text", 5000, by);
	decision_format(&m.txn, &b);
	assert_int_equal(decision_parse(buf_span(&b), m.arena, &d, &err), 0);
	assert_true(span_eq_str(d.id, "4jWzQN1Dp206QP000"));
	assert_true(span_eq(decision_id(buf_span(&b)), d.id));
	assert_in_range(d.time_us, now, now + 10000000);
	assert_true(span_eq_str(d.listener, "in") && d.size == 5000000000);
	assert_true(d.has_sender && d.nrcpts == 2 && d.nshown == 2 && d.lost == 0);
	assert_true(span_eq_str(d.rcpts[0].path, "r0@example.org") && d.rcpts[0].fate.len == 0);
	assert_true(span_eq_str(d.rcpts[1].fate, "reject") && d.rcpts[1].code == 550);
	assert_true(span_eq_str(d.rcpts[1].reply, "5.7.1 no"));
	assert_true(span_eq_str(d.rcpts[1].list, "header_checks"));
	assert_true(span_eq_str(d.rcpts[1].file, "/etc/x") && d.rcpts[1].line == 7);
	assert_true(span_eq_str(d.rcpts[0].score, "2.5 rbl=2.5"));
	assert_true(span_eq_str(d.rcpts[1].score, "7.5 text=5 rbl=2.5"));
	assert_true(span_eq(d.trace, span_make(t.p, t.len)));
	/* Cut anywhere it is no record. */
	for (size_t n = 0; n < b.len; n++)
		assert_int_equal(decision_parse(span_make(b.p, n), m.arena, &d, &err), -1);
	buf_addc(&b, 0);
	assert_int_equal(decision_parse(buf_span(&b), m.arena, &d, &err), -1);
	buf_fini(&b);
	txn_unmake(&m);
}

/* What an older filterd has written, whose recipients had no score. */
static void
test_version_1(void **state)
{
	struct txn_made m;
	struct rule_trace t;
	struct decision d;
	struct buf b = { 0 };
	struct err err;

	(void)state;
	make(&m, &t, "4jWzQN1Dp206QP000");
	m.txn.nrcpts = 0;
	decision_format(&m.txn, &b);
	assert_int_equal(b.p[0], 2);
	b.p[0] = 1;
	assert_int_equal(decision_parse(buf_span(&b), m.arena, &d, &err), 0);
	assert_true(span_eq_str(decision_id(buf_span(&b)), "4jWzQN1Dp206QP000"));
	for (int version = 0; version < 256; version++) {
		b.p[0] = (char)version;
		assert_int_equal(decision_parse(buf_span(&b), m.arena, &d, &err),
		    version == 1 || version == 2 ? 0 : -1);
	}
	buf_fini(&b);
	txn_unmake(&m);
}

static void
test_many_recipients(void **state)
{
	struct txn_made m;
	struct rule_trace t;
	struct decision d;
	struct buf b = { 0 };
	struct err err;

	(void)state;
	make(&m, &t, "4jWzQN1Dp206QP000");
	for (size_t i = 0; i < DECISION_RCPTS; i++)
		transaction_add_rcpt(&m.txn)->path = m.txn.rcpts[0]->path;
	decision_format(&m.txn, &b);
	assert_int_equal(decision_parse(buf_span(&b), m.arena, &d, &err), 0);
	assert_int_equal(d.nrcpts, DECISION_RCPTS + 2);
	assert_int_equal(d.nshown, DECISION_RCPTS);
	buf_fini(&b);
	txn_unmake(&m);
}

static const struct {
	const char *id;
	int64_t day;
} day_cases[] = {
	{ "0000000000000000", 0 },
	{ "", -1 },
	{ "4jWzQN1Dp20", -1 },       /* too short */
	{ "4jWzQN1Dp206QP00A", -1 }, /* A is no digit */
	{ "../../etc/passwd", -1 },  /* no way to another file */
	{ "4jWzQN1Dp206QP0004jWzQN1Dp2", -1 },
};

static void
test_days(void **state)
{
	char id[24];

	(void)state;
	for (size_t i = 0; i < nitems(day_cases); i++)
		assert_int_equal(decision_day(span_str(day_cases[i].id)), day_cases[i].day);
	decision_id_make(id, sizeof(id));
	assert_in_range(clock_wall_us() / 86400000000 - decision_day(span_str(id)), 0, 1);
}

/* --- files --- */

struct world {
	char *dir, *decisions, *data, *index;
	struct decision_writer w;
	int64_t day;
};

static char id_of[4][24];

static void
world_init(struct world *w)
{
	time_t now = time(NULL);
	struct tm tm;
	char name[16];

	w->dir = tmpdir_make();
	w->decisions = xasprintf("%s/decisions", w->dir);
	for (size_t i = 0; i < nitems(id_of); i++)
		decision_id_make(id_of[i], sizeof(id_of[i]));
	w->day = decision_day(span_str(id_of[0]));
	now = (time_t)(w->day * 86400);
	gmtime_r(&now, &tm);
	strftime(name, sizeof(name), "%Y%m%d", &tm);
	w->data = xasprintf("%s/%s", w->decisions, name);
	w->index = xasprintf("%s.index", w->data);
	decision_writer_init(&w->w, w->decisions);
}

static void
world_fini(struct world *w)
{
	decision_writer_fini(&w->w);
	free(w->decisions);
	free(w->data);
	free(w->index);
	tmpdir_remove(w->dir);
}

static int
put(struct world *w, const char *id, int n)
{
	struct err err;

	for (int i = 0; i < n; i++) {
		struct txn_made m;
		struct rule_trace t;
		struct buf b = { 0 };

		make(&m, &t, id);
		decision_format(&m.txn, &b);
		decision_writer_add(&w->w, buf_span(&b));
		buf_fini(&b);
		txn_unmake(&m);
	}
	return decision_writer_flush(&w->w, w->day, &err);
}

static void
count(void *arg, struct span record)
{
	int *n = arg;

	assert_true(decision_id(record).len > 0);
	(*n)++;
}

static int
found(const struct world *w, const char *id)
{
	struct err err;
	int n = 0, rc = decision_find(w->decisions, id, count, &n, &err);

	assert_int_equal(rc, n > 0);
	return n;
}

static void
cut(const char *path, off_t by)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(truncate(path, st.st_size - by), 0);
}

static void
again(struct world *w)
{
	decision_writer_fini(&w->w);
	decision_writer_init(&w->w, w->decisions);
}

static void
test_find(void **state)
{
	struct world w;

	(void)state;
	world_init(&w);
	assert_int_equal(found(&w, id_of[0]), 0); /* no folder yet */
	assert_int_equal(put(&w, id_of[0], 1), 0);
	assert_int_equal(put(&w, id_of[1], 3), 0); /* several records of one id */
	assert_int_equal(put(&w, id_of[0], 1), 0);
	assert_int_equal(found(&w, id_of[0]), 2);
	assert_int_equal(found(&w, id_of[1]), 3);
	assert_int_equal(found(&w, id_of[2]), 0);
	assert_int_equal(found(&w, "nonsense"), 0);
	again(&w);
	assert_int_equal(put(&w, id_of[2], 1), 0);
	assert_int_equal(found(&w, id_of[2]), 1);
	assert_int_equal(found(&w, id_of[0]), 2);
	world_fini(&w);
}

/* What a crash leaves: the index short by some entries or half of one, a block that is not whole,
 * foreign octets. */
static void
test_torn(void **state)
{
	struct world w;
	FILE *f;

	(void)state;
	world_init(&w);
	assert_int_equal(put(&w, id_of[0], 1), 0);
	assert_int_equal(put(&w, id_of[1], 1), 0);
	cut(w.index, 5);
	assert_int_equal(found(&w, id_of[0]), 1);
	assert_int_equal(found(&w, id_of[1]), 1); /* not by the index */
	again(&w);
	assert_int_equal(put(&w, id_of[2], 1), 0); /* mends it */
	assert_int_equal(found(&w, id_of[1]), 1);
	assert_int_equal(found(&w, id_of[2]), 1);
	cut(w.data, 3); /* the third block has lost its end */
	cut(w.index, 16);
	again(&w);
	assert_int_equal(put(&w, id_of[3], 1), 0);
	assert_int_equal(found(&w, id_of[2]), 0);
	assert_int_equal(found(&w, id_of[3]), 1);
	assert_int_equal(found(&w, id_of[0]), 1);
	f = fopen(w.data, "ae");
	fputs("FDd1 and other octets that are no block", f);
	fclose(f);
	again(&w);
	assert_int_equal(put(&w, id_of[2], 1), 0);
	assert_int_equal(unlink(w.index), 0); /* all of it anew */
	for (int i = 0; i < 4; i++)
		assert_int_equal(found(&w, id_of[i]), 1);
	again(&w);
	assert_int_equal(put(&w, id_of[2], 1), 0);
	for (int i = 0; i < 4; i++)
		assert_int_equal(found(&w, id_of[i]), i == 2 ? 2 : 1);
	world_fini(&w);
}

/* Whatever call fails, what was written before is found, and so is what comes after. */
static void
test_failures(void **state)
{
	static const enum failfs_do how[] = { FAILFS_FAIL, FAILFS_SHORT };

	(void)state;
	for (size_t h = 0; h < nitems(how); h++) {
		size_t n = 1, calls;

		do {
			struct world w;
			int rc;

			world_init(&w);
			assert_int_equal(put(&w, id_of[0], 1), 0);
			again(&w);
			failfs_arm(how[h], n);
			rc = put(&w, id_of[1], 1);
			calls = failfs_disarm();
			assert_int_equal(found(&w, id_of[0]), 1);
			if (rc == 0)
				assert_int_equal(found(&w, id_of[1]), 1);
			assert_int_equal(put(&w, id_of[2], 1), 0);
			assert_int_equal(found(&w, id_of[2]), 1);
			world_fini(&w);
		} while (calls >= n++);
		assert_true(n > 5); /* two opens, two writes, and one more that did not fail */
	}
}

static int
exists(const char *dir, const char *name)
{
	char *path = xasprintf("%s/%s", dir, name);
	int rc = access(path, F_OK) == 0;

	free(path);
	return rc;
}

static void
test_expire(void **state)
{
	static const char *const names[] = { "20200101", "20200101.index", "20200102",
		"20200102.index", "20200103", "notes", "202001011", "20200101.old" };
	struct world w;

	(void)state;
	world_init(&w);
	assert_int_equal(put(&w, id_of[0], 1), 0);
	for (size_t i = 0; i < nitems(names); i++) {
		char *path = xasprintf("%s/%s", w.decisions, names[i]);

		fclose(fopen(path, "we"));
		free(path);
	}
	/* From 2020-01-02 on; what is of another kind is nobody's business. */
	decision_expire(w.decisions, 18263, 99999, 0);
	for (size_t i = 0; i < nitems(names); i++)
		assert_int_equal(exists(w.decisions, names[i]), i >= 2);
	assert_int_equal(found(&w, id_of[0]), 1);
	world_fini(&w);
}

/* 100 octets a day, and 1 of the index. */
static void
write_day(const struct world *w, const char *day)
{
	char *path = xasprintf("%s/%s", w->decisions, day), *index = xasprintf("%s.index", path);
	FILE *f = fopen(path, "we");

	fprintf(f, "%100s", "");
	fclose(f);
	f = fopen(index, "we");
	fputc('x', f);
	fclose(f);
	free(index);
	free(path);
}

static const struct {
	int64_t max_size, left;
	int exist[3]; /* 2020-01-02, 03, 04 */
} size_cases[] = {
	{ 0, 303, { 1, 1, 1 } },                              /* no limit */
	{ 303, 303, { 1, 1, 1 } }, { 302, 202, { 0, 1, 1 } }, /* the oldest goes whole */
	{ 150, 101, { 0, 0, 1 } },
	{ 1, 101, { 0, 0, 1 } }, /* today's stay: they are being written */
};

static void
test_expire_size(void **state)
{
	static const char *const days[3] = { "20200102", "20200103", "20200104" };

	(void)state;
	for (size_t i = 0; i < nitems(size_cases); i++) {
		struct world w;

		world_init(&w);
		mkdir(w.decisions, 0700);
		for (size_t k = 0; k < nitems(days); k++)
			write_day(&w, days[k]);
		assert_int_equal(decision_expire(w.decisions, 18000, 18265, size_cases[i].max_size),
		    size_cases[i].left);
		for (size_t k = 0; k < nitems(days); k++)
			assert_int_equal(exists(w.decisions, days[k]), size_cases[i].exist[k]);
		world_fini(&w);
	}
}

/* --- the log --- */

static void
test_log(void **state)
{
	struct world w;
	struct counters counters = { 0 };
	struct decision_log *l;
	struct rule_trace *trace;

	(void)state;
	world_init(&w);
	l = decision_log_new(w.decisions, &(struct decision_limits){ .days = 7 }, &counters);
	for (int i = 0; i < 200; i++) {
		struct txn_made m;
		struct rule_trace t;

		make(&m, &t, id_of[i % 4]);
		m.txn.trace = decision_log_trace(l, m.arena);
		assert_non_null(m.txn.trace);
		trace_add(m.txn.trace, &(struct trace_event){ .kind = TRACE_NEXT });
		decision_log_put(l, &m.txn);
		decision_log_trace_end(l, m.txn.trace);
		txn_unmake(&m);
	}
	decision_log_set(l, &(struct decision_limits){ .days = 0 });
	trace = decision_log_trace(l, NULL);
	assert_null(trace);
	decision_log_free(l); /* writes them */
	assert_int_equal(counter_get(&counters, decisions_kept), 200);
	assert_int_equal(counter_get(&counters, decisions_lost), 0);
	for (int i = 0; i < 4; i++)
		assert_int_equal(found(&w, id_of[i]), 50);
	world_fini(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_record),
		cmocka_unit_test(test_version_1),
		cmocka_unit_test(test_many_recipients),
		cmocka_unit_test(test_days),
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_torn),
		cmocka_unit_test(test_failures),
		cmocka_unit_test(test_expire),
		cmocka_unit_test(test_expire_size),
		cmocka_unit_test(test_log),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
