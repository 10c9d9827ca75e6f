/* What a scanner may say, and what it hears: whatever is understood is understood the same when it
 * is said again. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "proc/scan_wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
check(int ok)
{
	if (!ok)
		abort();
}

static void
same_text(const char *a, const char *b)
{
	check((a == NULL) == (b == NULL) && (a == NULL || strcmp(a, b) == 0));
}

static void
say_again(const struct scan_saying *s, struct arena *arena)
{
	struct scan_answer a;
	struct scan_saying again;

	scan_answer_init(&a);
	for (size_t i = 0; i < s->n; i++)
		scan_answer_add(&a, &s->records[i]);
	check(scan_saying_parse(scan_answer_end(&a), arena, &again) == 0);
	check(again.what == SCAN_SAID_ANSWER && again.n <= SCAN_RECORDS_MAX);
	check(a.too_much ? again.records[again.n - 1].kind == SCAN_FAILED : again.n == s->n);
	for (size_t i = 0; i < again.n && !a.too_much; i++) {
		check(again.records[i].kind == s->records[i].kind);
		check(again.records[i].n == s->records[i].n);
		same_text(again.records[i].a, s->records[i].a);
		same_text(again.records[i].b, s->records[i].b);
		same_text(again.records[i].c, s->records[i].c);
	}
	scan_answer_fini(&a);
}

static void
ask_again(const struct scan_question *q)
{
	struct scan_question set, again;
	struct buf b = { 0 };

	check(scan_question_set(&set, q->plugin, q->scan) == 0);
	scan_question_format(q, &b);
	check(scan_question_parse(buf_span(&b), &again) == 0);
	same_text(again.plugin, set.plugin);
	same_text(again.scan, set.scan);
	check(again.time_ms == q->time_ms && q->time_ms >= 0);
	buf_fini(&b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new();
	struct span s = span_make(data, size);
	struct scan_saying said;
	struct scan_question q;
	struct scan_job job;

	if (scan_saying_parse(s, arena, &said) == 0 && said.what == SCAN_SAID_ANSWER)
		say_again(&said, arena);
	if (scan_question_parse(s, &q) == 0)
		ask_again(&q);
	if (scan_job_parse(s, &job) == 0) {
		check(job.lead <= job.size);
		ask_again(&job.question);
	}
	arena_free(arena);
	return 0;
}
