#include "table/pattern_tree.h"

#include "base/arena.h"
#include "base/buf.h"
#include "table/lines.h"

/* A repetition is written out to so many times; beyond that it matches more than it should, but an
 * automaton of it stays small. */
#define REPEAT_MAX 32
/* Octets that an automaton has a state for. */
#define POSITIONS_MAX 2000

struct tree *
tree_new(struct arena *a, enum tree_kind kind)
{
	struct tree *t = arena_calloc(a, sizeof(*t));

	t->kind = kind;
	return t;
}

void
tree_add(struct tree *parent, struct tree *child)
{
	if (parent->last == NULL)
		parent->child = child;
	else
		parent->last->next = child;
	parent->last = child;
}

int
tree_matches_all(const struct tree *t)
{
	const struct tree *c;

	switch (t->kind) {
	case TREE_SET:
		return 0;
	case TREE_CAT:
		for (c = t->child; c != NULL && tree_matches_all(c); c = c->next)
			;
		return c == NULL;
	case TREE_ALT:
		for (c = t->child; c != NULL && !tree_matches_all(c); c = c->next)
			;
		return c != NULL;
	case TREE_REPEAT:
		return t->min == 0 || tree_matches_all(t->child);
	case TREE_EDGE:
		break;
	}
	return t->edge == 0;
}

int
tree_floats(const struct tree *t)
{
	/* Words end at both. */
	if (t->kind == TREE_EDGE && t->edge != 0 && t->edge != 'b' && t->edge != 'B')
		return 0;
	for (const struct tree *c = t->child; c != NULL; c = c->next)
		if (!tree_floats(c))
			return 0;
	return 1;
}

static unsigned
times_min(const struct tree *t)
{
	return t->min < REPEAT_MAX ? t->min : REPEAT_MAX;
}

static unsigned
times_max(const struct tree *t)
{
	return t->max <= REPEAT_MAX ? t->max : TREE_ENDLESS;
}

/* Grows without bound only as fast as the text did, thanks to times_*(). */
static double
positions(const struct tree *t)
{
	double n = 0, times;

	if (t->kind == TREE_SET)
		return 1;
	for (const struct tree *c = t->child; c != NULL; c = c->next)
		n += positions(c);
	if (t->kind != TREE_REPEAT)
		return n;
	times = times_max(t) == TREE_ENDLESS ? times_min(t) + 1 : times_max(t);
	return n * times;
}

/* --- writing --- */

static void
write_octet(unsigned c, struct buf *out)
{
	if (lines_alnum((char)c))
		buf_addc(out, (char)c);
	else
		buf_printf(out, "\\x%02x", c);
}

/* 1: the set is one octet, or one letter in both cases where the case does not matter. */
static int
write_single(const struct pattern_set *s, int caseless, struct buf *out)
{
	unsigned n = set_count(s), c = 0;

	if (n == 0 || n > 2)
		return 0;
	while (!set_has(s, c))
		c++;
	if (n == 2 && !(caseless && c >= 'A' && c <= 'Z' && set_has(s, c - 'A' + 'a')))
		return 0;
	write_octet(n == 2 ? c - 'A' + 'a' : c, out);
	return 1;
}

static void
write_set(const struct pattern_set *s, int caseless, struct buf *out)
{
	unsigned last;

	if (write_single(s, caseless, out))
		return;
	buf_addc(out, '[');
	for (unsigned c = 0; c < 256; c = last + 1) {
		last = c;
		if (!set_has(s, c))
			continue;
		while (last < 255 && set_has(s, last + 1))
			last++;
		write_octet(c, out);
		if (last > c) {
			buf_addc(out, '-');
			write_octet(last, out);
		}
	}
	buf_addc(out, ']');
}

static void
write_times(const struct tree *t, struct buf *out)
{
	unsigned min = times_min(t), max = times_max(t);

	if (max != TREE_ENDLESS)
		buf_printf(out, "{%u,%u}", min, max);
	else if (min <= 1)
		buf_addc(out, min == 0 ? '*' : '+');
	else
		buf_printf(out, "{%u,}", min);
}

static void
write_edge(char edge, struct buf *out)
{
	if (edge == 0)
		return;
	if (edge != '^' && edge != '$')
		buf_addc(out, '\\');
	buf_addc(out, edge);
}

static void
write_node(const struct tree *t, int caseless, struct buf *out)
{
	switch (t->kind) {
	case TREE_SET:
		write_set(&t->set, caseless, out);
		return;
	case TREE_CAT:
		for (const struct tree *c = t->child; c != NULL; c = c->next)
			write_node(c, caseless, out);
		return;
	case TREE_ALT:
		buf_adds(out, "(?:");
		for (const struct tree *c = t->child; c != NULL; c = c->next) {
			write_node(c, caseless, out);
			if (c->next != NULL)
				buf_addc(out, '|');
		}
		buf_addc(out, ')');
		return;
	case TREE_REPEAT:
		buf_adds(out, "(?:");
		write_node(t->child, caseless, out);
		buf_addc(out, ')');
		write_times(t, out);
		return;
	case TREE_EDGE:
		write_edge(t->edge, out);
		return;
	}
}

int
tree_write(const struct tree_pattern *p, struct buf *out)
{
	if (positions(p->root) > POSITIONS_MAX)
		return -1;
	write_node(p->root, p->caseless, out);
	return 0;
}
