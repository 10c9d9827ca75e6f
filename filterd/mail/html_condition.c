/* Conditions, "[if (gte mso 9)|(IE)]", as the Outlook of today evaluates them. */
#include "base/attr.h"
#include "mail/html_token.h"

#define VERSION 16
#define DEPTH   16 /* of brackets and negations */

struct condition {
	struct span s;
	int depth;
};

static int either(struct condition *);

static int
next(struct condition *c, uint8_t sign)
{
	while (c->s.len > 0 && (*c->s.p == ' ' || (*c->s.p >= '\t' && *c->s.p <= '\r')))
		c->s = span_make(c->s.p + 1, c->s.len - 1);
	if (c->s.len == 0 || *c->s.p != sign)
		return 0;
	c->s = span_make(c->s.p + 1, c->s.len - 1);
	return 1;
}

static struct span
word(struct condition *c)
{
	size_t n = 0;

	next(c, '\0'); /* blanks */
	while (n < c->s.len && ((c->s.p[n] | 0x20) >= 'a' && (c->s.p[n] | 0x20) <= 'z'))
		n++;
	c->s = span_make(c->s.p + n, c->s.len - n);
	return span_make(c->s.p - n, n);
}

/* "9", "12.0"; -1: none is given. */
static int
version(struct condition *c)
{
	int v = -1;
	size_t n = 0;

	next(c, '\0');
	for (; n < c->s.len && c->s.p[n] >= '0' && c->s.p[n] <= '9'; n++)
		v = v > 1000 ? v : (v < 0 ? 0 : v * 10) + (c->s.p[n] - '0');
	while (n < c->s.len && ((c->s.p[n] >= '0' && c->s.p[n] <= '9') || c->s.p[n] == '.'))
		n++;
	c->s = span_make(c->s.p + n, c->s.len - n);
	return v;
}

static int
holds(struct span name, struct span how, int than)
{
	if (span_case_eq_str(name, "false") || span_case_eq_str(name, "IE"))
		return 0;
	if (!span_case_eq_str(name, "mso") || than < 0)
		return 1;
	if (span_case_eq_str(how, "lt"))
		return VERSION < than;
	if (span_case_eq_str(how, "lte"))
		return VERSION <= than;
	if (span_case_eq_str(how, "gt"))
		return VERSION > than;
	if (span_case_eq_str(how, "gte"))
		return VERSION >= than;
	return VERSION == than;
}

static int
one(struct condition *c)
{
	struct span how = { NULL, 0 }, name;
	int result, negated = 0;

	while (next(c, '!'))
		negated = !negated;
	if (next(c, '(')) {
		if (++c->depth > DEPTH)
			return 1;
		result = either(c);
		next(c, ')');
		c->depth--;
		return result != negated;
	}
	name = word(c);
	if (span_case_eq_str(name, "lt") || span_case_eq_str(name, "lte") ||
	    span_case_eq_str(name, "gt") || span_case_eq_str(name, "gte")) {
		how = name;
		name = word(c);
	}
	result = holds(name, how, version(c));
	return result != negated;
}

static int
both(struct condition *c)
{
	int result = one(c);

	while (next(c, '&'))
		result &= one(c);
	return result;
}

static int
either(struct condition *c)
{
	int result = both(c);

	while (next(c, '|'))
		result |= both(c);
	return result;
}

int
html_condition(struct span s)
{
	struct condition c = { .depth = 0 };

	c.s = span_make(s.p, span_find(s, ']'));
	if (!span_case_starts(c.s, "[if"))
		return 1;
	c.s = span_make(c.s.p + 3, c.s.len - 3);
	return either(&c);
}
