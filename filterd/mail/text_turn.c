#include "mail/text_turn.h"

#include <string.h>

struct level {
	size_t start;
	int right;
};

struct turning {
	char *p;
	size_t len;
	size_t deeper; /* marks that have no level */
	size_t n;
	struct level levels[TURN_DEPTH];
};

enum turn_mark
text_turn_mark(struct span s)
{
	if (s.len < 3 || s.p[0] != 0xe2)
		return TURN_NONE;
	if (s.p[1] == 0x81)
		return s.p[2] == 0xa9                    ? TURN_END
		       : s.p[2] >= 0xa6 && s.p[2] < 0xa9 ? TURN_LEFT
							 : TURN_NONE;
	if (s.p[1] != 0x80 || s.p[2] < 0xaa || s.p[2] > 0xae)
		return TURN_NONE;
	return s.p[2] == 0xac ? TURN_END : s.p[2] == 0xae ? TURN_RIGHT : TURN_LEFT;
}

int
text_is_turned(struct span s)
{
	const uint8_t *end = s.p + s.len, *at = s.p;

	while (at < end && (at = memchr(at, 0xe2, (size_t)(end - at))) != NULL) {
		if (text_turn_mark(span_make(at, (size_t)(end - at))) == TURN_RIGHT)
			return 1;
		at++;
	}
	return 0;
}

static void
reverse_octets(char *p, size_t n)
{
	for (size_t i = 0; i < n / 2; i++) {
		char c = p[i];

		p[i] = p[n - 1 - i];
		p[n - 1 - i] = c;
	}
}

/* Character by character. */
static void
reverse(char *p, size_t n)
{
	size_t at = 0, tail;

	reverse_octets(p, n);
	for (; at < n; at += tail + 1) {
		for (tail = 0; at + tail + 1 < n && ((uint8_t)p[at + tail] & 0xc0) == 0x80;)
			tail++;
		reverse_octets(p + at, tail + 1);
	}
}

/* The text of the innermost level is complete. */
static void
settle(struct turning *t, size_t level)
{
	int around = level > 0 && t->levels[level - 1].right;

	if (t->levels[level].right != around)
		reverse(t->p + t->levels[level].start, t->len - t->levels[level].start);
}

static void
mark(struct turning *t, enum turn_mark m)
{
	if (m == TURN_END && t->deeper > 0)
		t->deeper--;
	else if (m == TURN_END && t->n > 0)
		settle(t, --t->n);
	else if (m != TURN_END && t->n == TURN_DEPTH)
		t->deeper++;
	else if (m != TURN_END)
		t->levels[t->n++] = (struct level){ .start = t->len, .right = m == TURN_RIGHT };
}

static void
line_end(struct turning *t, char c, int over_lines)
{
	for (size_t i = t->n; i-- > 0;)
		settle(t, i);
	if (!over_lines || t->len == 0 || t->p[t->len - 1] != '\n')
		t->p[t->len++] = c;
	if (!over_lines)
		t->n = t->deeper = 0;
	for (size_t i = 0; i < t->n; i++)
		t->levels[i].start = t->len;
}

size_t
text_turn(char *text, size_t len, int over_lines)
{
	struct turning t = { .p = text };
	size_t at = 0;

	while (at < len) {
		enum turn_mark m = text_turn_mark(span_make(text + at, len - at));

		if (m != TURN_NONE) {
			mark(&t, m);
			at += 3;
		} else if (text[at] == '\n' || text[at] == '\r') {
			line_end(&t, text[at++], over_lines);
		} else {
			t.p[t.len++] = text[at++];
		}
	}
	while (t.n > 0)
		settle(&t, --t.n);
	return t.len;
}
