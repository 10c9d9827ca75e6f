#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "proc/scan_wire.h"

#define KIND_JOB      0x46534a31u /* "FSJ1" */
#define KIND_QUESTION 0x46535131u /* "FSQ1" */
#define KIND_TAKEN    0x46535431u /* "FST1" */
#define KIND_ANSWER   0x46534131u /* "FSA1" */

static void
add_u32(struct buf *b, uint32_t v)
{
	uint8_t o[4] = { (uint8_t)(v >> 24), (uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v };

	buf_add(b, o, sizeof(o));
}

static void
add_u64(struct buf *b, uint64_t v)
{
	add_u32(b, (uint32_t)(v >> 32));
	add_u32(b, (uint32_t)v);
}

static uint64_t
rd_u64(struct rd *r)
{
	uint64_t high = rd_u32(r);

	return high << 32 | rd_u32(r);
}

static void
add_cstr(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s) + 1);
}

/* --- questions --- */

int
scan_question_set(struct scan_question *q, const char *plugin, const char *scan)
{
	*q = (struct scan_question){ 0 };
	if (strlen(plugin) > SCAN_NAME_MAX || strlen(scan) > SCAN_NAME_MAX)
		return -1;
	strcpy(q->plugin, plugin);
	strcpy(q->scan, scan);
	return 0;
}

static void
add_question(struct buf *b, const struct scan_question *q)
{
	add_u32(b, (uint32_t)q->time_ms);
	add_cstr(b, q->plugin);
	add_cstr(b, q->scan);
}

static void
read_name(struct rd *r, char *out)
{
	struct span s = rd_cstr(r);

	if (s.len == 0 || s.len > SCAN_NAME_MAX)
		r->bad = 1;
	else
		span_copy(s, out, SCAN_NAME_MAX + 1);
}

static int
read_question(struct rd *r, struct scan_question *q)
{
	uint32_t ms = rd_u32(r);

	*q = (struct scan_question){ .time_ms = (int32_t)ms };
	read_name(r, q->plugin);
	read_name(r, q->scan);
	return r->bad || rd_left(r) != 0 || ms > SCAN_TIME_MAX_MS ? -1 : 0;
}

void
scan_question_format(const struct scan_question *q, struct buf *b)
{
	add_u32(b, KIND_QUESTION);
	add_question(b, q);
}

int
scan_question_parse(struct span s, struct scan_question *q)
{
	struct rd r;

	rd_init(&r, s);
	return rd_u32(&r) != KIND_QUESTION ? -1 : read_question(&r, q);
}

void
scan_job_format(const struct scan_job *j, struct buf *b)
{
	add_u32(b, KIND_JOB);
	add_u32(b, j->lead);
	add_u64(b, j->size);
	add_question(b, &j->question);
}

int
scan_job_parse(struct span s, struct scan_job *j)
{
	struct rd r;

	rd_init(&r, s);
	if (rd_u32(&r) != KIND_JOB)
		return -1;
	j->lead = rd_u32(&r);
	j->size = rd_u64(&r);
	if (j->lead > j->size || j->size == 0 || j->size > (uint64_t)1 << 40)
		return -1;
	return read_question(&r, &j->question);
}

/* --- answers --- */

void
scan_taken_format(int pid, struct buf *b)
{
	add_u32(b, KIND_TAKEN);
	add_u32(b, (uint32_t)pid);
}

void
scan_answer_init(struct scan_answer *a)
{
	*a = (struct scan_answer){ 0 };
	add_u32(&a->text, KIND_ANSWER);
}

/* A letter of its own for a text that is not there: a detail can be empty. */
static void
add_text(struct buf *b, const char *s)
{
	size_t len = s == NULL ? 0 : strnlen(s, SCAN_TEXT_MAX);

	buf_addc(b, s == NULL ? '-' : '+');
	for (size_t i = 0; i < len; i++)
		buf_addc(b, (uint8_t)s[i] < 0x20 || s[i] == 0x7f ? '?' : s[i]);
	buf_addc(b, '\0');
}

static void
add_record(struct buf *b, const struct scan_record *r)
{
	buf_addc(b, (char)r->kind);
	add_text(b, r->a);
	add_text(b, r->b);
	add_text(b, r->c);
	add_u64(b, r->n);
}

void
scan_answer_add(struct scan_answer *a, const struct scan_record *r)
{
	static const struct scan_record too_much = { .kind = SCAN_FAILED,
		.a = "more was found than an answer can hold" };
	size_t before = a->text.len;

	if (a->too_much)
		return;
	add_record(&a->text, r);
	/* Room is kept for the record that says that there was none. */
	if (++a->records < SCAN_RECORDS_MAX && a->text.len + SCAN_NAME_MAX < SCAN_DATAGRAM_MAX)
		return;
	a->too_much = 1;
	a->text.len = before;
	add_record(&a->text, &too_much);
}

struct span
scan_answer_end(struct scan_answer *a)
{
	return buf_span(&a->text);
}

void
scan_answer_fini(struct scan_answer *a)
{
	buf_fini(&a->text);
}

/* NULL with r->bad, or because there is none. */
static const char *
read_text(struct rd *r, struct arena *arena)
{
	uint8_t there = rd_u8(r);
	struct span s = rd_cstr(r);

	if ((there != '+' && (there != '-' || s.len > 0)) || s.len > SCAN_TEXT_MAX)
		r->bad = 1;
	for (size_t i = 0; i < s.len && !r->bad; i++)
		if (s.p[i] < 0x20 || s.p[i] == 0x7f)
			r->bad = 1;
	return r->bad || there == '-' ? NULL : arena_str(arena, s);
}

static int
is_whole(const struct scan_record *r)
{
	switch (r->kind) {
	case SCAN_FACT:
		return r->a != NULL && r->b != NULL && r->n == 0;
	case SCAN_COUNT:
		return r->a != NULL && r->b == NULL && r->c == NULL;
	case SCAN_KEY:
	case SCAN_FAILED:
		return r->a != NULL && r->b == NULL && r->c == NULL && r->n == 0;
	}
	return 0;
}

static void
read_record(struct rd *r, struct arena *arena, struct scan_record *out)
{
	uint8_t kind = rd_u8(r);

	*out = (struct scan_record){ .kind = SCAN_FAILED };
	if (kind > SCAN_FAILED) {
		r->bad = 1;
		return;
	}
	out->kind = (enum scan_record_kind)kind;
	out->a = read_text(r, arena);
	out->b = read_text(r, arena);
	out->c = read_text(r, arena);
	out->n = rd_u64(r);
	if (!is_whole(out))
		r->bad = 1;
}

/* Of the smallest: its kind, three texts that are not there, and a number. */
#define RECORD_SIZE 15

static int
read_answer(struct rd *r, struct arena *arena, struct scan_saying *out)
{
	size_t most = rd_left(r) / RECORD_SIZE + 1, n = 0;
	struct scan_record *records;

	if (most > SCAN_RECORDS_MAX)
		most = SCAN_RECORDS_MAX;
	records = arena_calloc(arena, most * sizeof(*records));
	while (!r->bad && rd_left(r) > 0 && n < most)
		read_record(r, arena, &records[n++]);
	*out = (struct scan_saying){ .what = SCAN_SAID_ANSWER, .records = records, .n = n };
	return r->bad || rd_left(r) > 0 ? -1 : 0;
}

int
scan_saying_parse(struct span s, struct arena *arena, struct scan_saying *out)
{
	struct rd r;
	uint32_t pid;

	*out = (struct scan_saying){ 0 };
	if (s.len > SCAN_DATAGRAM_MAX)
		return -1;
	rd_init(&r, s);
	switch (rd_u32(&r)) {
	case KIND_TAKEN:
		pid = rd_u32(&r);
		*out = (struct scan_saying){ .what = SCAN_SAID_TAKEN, .pid = (int)pid };
		return r.bad || rd_left(&r) > 0 || pid == 0 || pid > INT32_MAX ? -1 : 0;
	case KIND_ANSWER:
		return read_answer(&r, arena, out);
	}
	return -1;
}
