#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "core/score.h"

#define UNIT   1000 /* thousandths */
#define PLACES 3

/* --- numbers --- */

static int
is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

int
score_parse(struct span s, int64_t *points)
{
	int negative = s.len > 0 && s.p[0] == '-';
	size_t i = s.len > 0 && (s.p[0] == '-' || s.p[0] == '+'), digits = 0;
	int64_t v = 0;

	for (; i < s.len && is_digit(s.p[i]) && v <= SCORE_LIMIT; i++, digits++)
		v = v * 10 + (s.p[i] - '0');
	if (digits == 0 || v > SCORE_LIMIT / UNIT)
		return -1;
	v *= UNIT;
	if (i < s.len && s.p[i] == '.') {
		int unit = UNIT / 10;

		if (++i == s.len)
			return -1;
		for (; i < s.len && is_digit(s.p[i]) && unit > 0; i++, unit /= 10)
			v += unit * (s.p[i] - '0');
	}
	if (i < s.len || v > SCORE_LIMIT)
		return -1;
	*points = negative ? -v : v;
	return 0;
}

void
score_points(int64_t points, char out[SCORE_TEXT])
{
	int64_t v = points < 0 ? -points : points, whole = v / UNIT;
	char digits[SCORE_TEXT], *p = digits + sizeof(digits);

	/* By hand: a recipient with many parts has them written again and again. */
	*--p = '\0';
	for (int left = (int)(v % UNIT), place = 0; place < PLACES; left /= 10, place++)
		if (left % 10 != 0 || p[0] != '\0')
			*--p = (char)('0' + left % 10);
	if (p[0] != '\0')
		*--p = '.';
	do {
		*--p = (char)('0' + whole % 10);
		whole /= 10;
	} while (whole > 0);
	if (points < 0)
		*--p = '-';
	memcpy(out, p, (size_t)(digits + sizeof(digits) - p));
}

static int64_t
sum(int64_t a, int64_t b)
{
	int64_t v = a + b; /* both are within the limit */

	return v > SCORE_LIMIT ? SCORE_LIMIT : v < -SCORE_LIMIT ? -SCORE_LIMIT : v;
}

/* --- parts --- */

static void
clean_name(const char *name, char out[SCORE_NAME + 1])
{
	size_t n = strnlen(name, SCORE_NAME);

	for (size_t i = 0; i < n; i++)
		out[i] = name[i] > ' ' && name[i] < 0x7f && name[i] != '=' ? name[i] : '_';
	out[n] = '\0';
	if (n == 0)
		memcpy(out, "_", 2);
}

/* The name is a clean one. */
static struct score_part *
find(const struct score *s, const char *name, const struct origin *origin)
{
	for (size_t i = 0; i < s->n; i++)
		if (strcmp(s->v[i].name, name) == 0 && origin_same(&s->v[i].origin, origin))
			return &s->v[i];
	return NULL;
}

static struct score_part *
append(struct score *s, struct arena *a, const char *name, struct origin origin)
{
	if (s->n == s->cap) {
		size_t cap = s->cap == 0 ? 8 : s->cap * 2;
		struct score_part *v = arena_alloc(a, cap * sizeof(*v));

		if (s->n > 0)
			memcpy(v, s->v, s->n * sizeof(*v));
		s->v = v;
		s->cap = cap;
	}
	s->v[s->n] = (struct score_part){ .name = arena_strdup(a, name), .origin = origin };
	return &s->v[s->n++];
}

void
score_add(struct score *s, struct arena *a, const char *name, int64_t points, struct origin origin)
{
	static const struct origin nobody;
	char clean[SCORE_NAME + 1];
	struct score_part *p;

	clean_name(name, clean);
	p = find(s, clean, &origin);
	if (p == NULL && s->n >= SCORE_PARTS) {
		memcpy(clean, "others", sizeof("others"));
		origin = nobody;
		p = find(s, clean, &origin);
	}
	if (p == NULL)
		p = append(s, a, clean, origin);
	p->points = sum(p->points, points);
	s->total = sum(s->total, points);
}

int
score_has(const struct score *s, const char *name, const struct origin *origin)
{
	char clean[SCORE_NAME + 1];

	clean_name(name, clean);
	return find(s, clean, origin) != NULL;
}

void
score_copy(struct score *to, const struct score *from, struct arena *a)
{
	*to = (struct score){ .total = from->total, .n = from->n, .cap = from->n };
	if (from->n == 0)
		return;
	to->v = arena_alloc(a, from->n * sizeof(*to->v));
	memcpy(to->v, from->v, from->n * sizeof(*to->v));
}

/* --- both together --- */

static const struct score nothing;

int64_t
score_total(const struct score *all, const struct score *own)
{
	return sum(all->total, own == NULL ? 0 : own->total);
}

static int
by_weight(const void *va, const void *vb)
{
	const struct score_part *a = *(const struct score_part *const *)va;
	const struct score_part *b = *(const struct score_part *const *)vb;

	if (a->points != b->points)
		return a->points < b->points ? 1 : -1;
	return strcmp(a->name, b->name);
}

/* The parts in the order in which they are shown; there is room for all. */
static size_t
sorted(const struct score *all, const struct score *own, const struct score_part **v)
{
	size_t n = 0;

	for (size_t i = 0; i < all->n; i++)
		v[n++] = &all->v[i];
	for (size_t i = 0; i < own->n; i++)
		v[n++] = &own->v[i];
	qsort(v, n, sizeof(v[0]), by_weight);
	return n;
}

void
score_format(const struct score *all, const struct score *own, struct buf *out)
{
	const struct score_part *v[2 * (SCORE_PARTS + 1)];
	char points[SCORE_TEXT];
	size_t n;

	if (own == NULL)
		own = &nothing;
	if (all->n + own->n == 0)
		return;
	n = sorted(all, own, v);
	score_points(score_total(all, own), points);
	buf_adds(out, points);
	for (size_t i = 0; i < n; i++) {
		score_points(v[i]->points, points);
		buf_addc(out, ' ');
		buf_adds(out, v[i]->name);
		buf_addc(out, '=');
		buf_adds(out, points);
	}
}

int
score_same(const struct score *a, const struct score *b)
{
	const struct score_part *va[SCORE_PARTS + 1], *vb[SCORE_PARTS + 1];

	if (a->total != b->total || a->n != b->n)
		return 0;
	sorted(a, &nothing, va);
	sorted(b, &nothing, vb);
	for (size_t i = 0; i < a->n; i++)
		if (va[i]->points != vb[i]->points || strcmp(va[i]->name, vb[i]->name) != 0)
			return 0;
	return 1;
}
