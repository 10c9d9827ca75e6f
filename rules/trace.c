/*
 * An event is: kind, flags, then what the flags say there is: name, file, line, key, answer, us.
 * Numbers are in groups of seven bits, the low ones first.  A text that is copied is its length and
 * its octets; a name is twice its length and its octets, or, once it was written, twice the place
 * where it stands plus one.
 */
#include <string.h>

#include "base/arena.h"
#include "rules/trace.h"

#define FIRST_BLOCK ((size_t)2048)
#define NUMBER_MAX  10 /* octets of the longest number */

enum has {
	HAS_NAME = 1 << 0,
	HAS_FILE = 1 << 1,
	HAS_LINE = 1 << 2,
	HAS_KEY = 1 << 3,
	HAS_ANSWER = 1 << 4,
	HAS_US = 1 << 5,
	HAS_WARNED = 1 << 6,
	HAS_FAILED = 1 << 7,
};

void
trace_init(struct rule_trace *t, struct arena *arena)
{
	memset(t, 0, sizeof(*t));
	t->arena = arena;
}

void
trace_init_room(struct rule_trace *t, struct arena *arena, void *room, size_t size)
{
	trace_init(t, arena);
	t->p = room;
	t->cap = size;
}

void
trace_clear(struct rule_trace *t)
{
	memset(t->names, 0, sizeof(t->names));
	t->len = t->lost = t->rows = 0;
}

/* --- writing --- */

static int
reserve(struct rule_trace *t, size_t n)
{
	size_t cap = t->cap == 0 ? FIRST_BLOCK : t->cap;
	uint8_t *p;

	if (n > TRACE_MAX - t->len)
		return -1;
	if (n <= t->cap - t->len)
		return 0;
	while (cap - t->len < n)
		cap *= 2;
	p = arena_alloc(t->arena, cap);
	if (t->len > 0)
		memcpy(p, t->p, t->len);
	t->p = p;
	t->cap = cap;
	return 0;
}

static void
put_number(struct rule_trace *t, uint64_t v)
{
	for (; v >= 0x80; v >>= 7)
		t->p[t->len++] = (uint8_t)(v | 0x80);
	t->p[t->len++] = (uint8_t)v;
}

static void
put_octets(struct rule_trace *t, const void *p, size_t n)
{
	if (n > 0)
		memcpy(t->p + t->len, p, n);
	t->len += n;
}

static size_t
slot_of(const char *name)
{
	return ((uintptr_t)name * 0x9e3779b97f4a7c15u) >> 58 & (TRACE_NAMES - 1);
}

struct text {
	const void *p;
	size_t len;
};

static struct text
measure(const char *s)
{
	return (struct text){ s, s == NULL ? 0 : strnlen(s, TRACE_TEXT) };
}

/* A name that is known already costs nothing but its place. */
static struct text
measure_name(const struct rule_trace *t, const char *s)
{
	if (s == NULL || t->names[slot_of(s)].name == s)
		return (struct text){ s, 0 };
	return measure(s);
}

static void
put_name(struct rule_trace *t, const char *name, struct text text)
{
	size_t slot = slot_of(name);

	if (t->names[slot].name == name) {
		put_number(t, (uint64_t)t->names[slot].at << 1 | 1);
		return;
	}
	t->names[slot].name = name;
	t->names[slot].at = (uint32_t)t->len;
	put_number(t, (uint64_t)text.len << 1);
	put_octets(t, text.p, text.len);
}

static void
put_text(struct rule_trace *t, struct text text)
{
	put_number(t, text.len);
	put_octets(t, text.p, text.len);
}

static int
flags_of(const struct trace_event *e)
{
	return (e->name != NULL ? HAS_NAME : 0) | (e->file != NULL ? HAS_FILE : 0) |
	       (e->line > 0 ? HAS_LINE : 0) | (e->key.p != NULL ? HAS_KEY : 0) |
	       (e->answer != NULL ? HAS_ANSWER : 0) | (e->us > 0 ? HAS_US : 0) |
	       (e->warned ? HAS_WARNED : 0) | (e->failed ? HAS_FAILED : 0);
}

static int
begin(struct rule_trace *t, const struct trace_event *e, int has, size_t octets)
{
	if (t->lost > 0 || reserve(t, 2 + octets) == -1) {
		t->lost++;
		return -1;
	}
	t->p[t->len++] = (uint8_t)e->kind;
	t->p[t->len++] = (uint8_t)has;
	return 0;
}

void
trace_add(struct rule_trace *t, const struct trace_event *e)
{
	struct text name, file, key, answer;
	int has;

	if (t == NULL)
		return;
	t->rows += e->kind == TRACE_ROW;
	has = flags_of(e);
	if (has == 0) { /* the most of them */
		(void)begin(t, e, 0, 0);
		return;
	}
	name = measure_name(t, e->name);
	file = measure_name(t, e->file);
	/* What the name drives out of its slot is written after all. */
	if (e->file != NULL && e->name != NULL && slot_of(e->file) == slot_of(e->name))
		file = measure(e->file);
	answer = measure(e->answer);
	key = (struct text){ e->key.p, e->key.len < TRACE_TEXT ? e->key.len : TRACE_TEXT };
	if (begin(t, e, has, 6 * NUMBER_MAX + name.len + file.len + key.len + answer.len) == -1)
		return;
	if (has & HAS_NAME)
		put_name(t, e->name, name);
	if (has & HAS_FILE)
		put_name(t, e->file, file);
	if (has & HAS_LINE)
		put_number(t, (uint64_t)e->line);
	if (has & HAS_KEY)
		put_text(t, key);
	if (has & HAS_ANSWER)
		put_text(t, answer);
	if (has & HAS_US)
		put_number(t, (uint64_t)e->us);
}

/* --- reading --- */

static int
get_number(struct trace_reader *r, uint64_t max, uint64_t *out)
{
	uint64_t v = 0;

	for (int i = 0; i < NUMBER_MAX - 1; i++) {
		uint8_t c;

		if (r->at >= r->all.len)
			return -1;
		c = r->all.p[r->at++];
		v |= (uint64_t)(c & 0x7f) << (7 * i);
		if (c < 0x80) {
			*out = v;
			return v <= max ? 0 : -1;
		}
	}
	return -1;
}

static int
get_octets(struct trace_reader *r, uint64_t n, struct span *out)
{
	if (n > r->all.len - r->at)
		return -1;
	*out = span_make(r->all.p + r->at, (size_t)n);
	r->at += (size_t)n;
	return 0;
}

static int
get_text(struct trace_reader *r, struct span *out)
{
	uint64_t n;

	return get_number(r, TRACE_TEXT, &n) == -1 ? -1 : get_octets(r, n, out);
}

static int
get_name(struct trace_reader *r, struct span *out)
{
	struct trace_reader there = { .all = r->all };
	size_t here = r->at;
	uint64_t v;

	if (get_number(r, 2 * TRACE_MAX, &v) == -1)
		return -1;
	if ((v & 1) == 0)
		return v >> 1 > TRACE_TEXT ? -1 : get_octets(r, v >> 1, out);
	/* Only backward, and never to another reference. */
	there.at = (size_t)(v >> 1);
	if (there.at >= here || get_number(&there, 2 * TRACE_TEXT, &v) == -1 || (v & 1) != 0)
		return -1;
	return get_octets(&there, v >> 1, out);
}

static int
get_us(struct trace_reader *r, int64_t *out)
{
	uint64_t v;

	if (get_number(r, INT64_MAX, &v) == -1)
		return -1;
	*out = (int64_t)v;
	return 0;
}

static int
get_line(struct trace_reader *r, int *out)
{
	uint64_t v;

	if (get_number(r, INT32_MAX, &v) == -1)
		return -1;
	*out = (int)v;
	return 0;
}

int
trace_next(struct trace_reader *r, struct trace_read *e)
{
	int has;

	memset(e, 0, sizeof(*e));
	if (r->at == r->all.len)
		return 0;
	if (r->all.len - r->at < 2 || r->all.p[r->at] >= TRACE_KINDS)
		return -1;
	e->kind = (enum trace_kind)r->all.p[r->at];
	has = r->all.p[r->at + 1];
	r->at += 2;
	e->warned = (has & HAS_WARNED) != 0;
	e->failed = (has & HAS_FAILED) != 0;
	if ((has & HAS_NAME && get_name(r, &e->name) == -1) ||
	    (has & HAS_FILE && get_name(r, &e->file) == -1) ||
	    (has & HAS_LINE && get_line(r, &e->line) == -1) ||
	    (has & HAS_KEY && get_text(r, &e->key) == -1) ||
	    (has & HAS_ANSWER && get_text(r, &e->answer) == -1) ||
	    (has & HAS_US && get_us(r, &e->us) == -1))
		return -1;
	return 1;
}
