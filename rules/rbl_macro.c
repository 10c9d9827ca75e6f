#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "rules/rbl_macro.h"
#include "rules/rbl_reply.h"

/* The result so far, in the arena: a refusal takes nothing from the heap. */
struct growing {
	char *p;
	size_t len, cap;
};

struct expansion {
	struct arena *arena;
	rbl_macro_fn *value;
	void *arg;
	int depth;
	const char *why; /* the first fault; NULL: none */
};

static void expand(struct expansion *, struct span template, struct growing *out);

static void
add(struct expansion *e, struct growing *g, const void *p, size_t n)
{
	if (g->len + n + 1 > g->cap) {
		size_t cap = 2 * (g->len + n) + 256;
		char *bigger = arena_alloc(e->arena, cap);

		if (g->len > 0)
			memcpy(bigger, g->p, g->len);
		g->p = bigger;
		g->cap = cap;
	}
	if (n > 0)
		memcpy(g->p + g->len, p, n);
	g->len += n;
	g->p[g->len] = '\0';
}

static void
fault(struct expansion *e, const char *what, struct span where)
{
	if (e->why == NULL)
		e->why =
		    arena_printf(e->arena, "%s: %.*s", what, (int)where.len, (const char *)where.p);
}

static struct span
behind(struct span s, size_t n)
{
	return span_make(s.p + n, s.len - n);
}

static struct span
skip_blanks(struct span s)
{
	while (s.len > 0 && isspace(s.p[0]))
		s = behind(s, 1);
	return s;
}

static size_t
name_len(struct span s)
{
	size_t n = 0;

	while (n < s.len && (isalnum(s.p[n]) || s.p[n] == '_'))
		n++;
	return n;
}

/* s begins with an opening bracket: how many octets up to the closing one, both counted; 0: there
 * is none. */
static size_t
bracketed(struct span s)
{
	uint8_t open = s.p[0], close = open == '{' ? '}' : ')';
	int depth = 0;

	for (size_t i = 0; i < s.len; i++) {
		if (s.p[i] == open)
			depth++;
		else if (s.p[i] == close && --depth == 0)
			return i + 1;
	}
	return 0;
}

/* "{text}" at the front of *s: 1 and the text, *s behind it; or 0. */
static int
take_braced(struct span *s, struct span *text)
{
	size_t n;

	*s = skip_blanks(*s);
	if (s->len == 0 || s->p[0] != '{' || (n = bracketed(*s)) == 0)
		return 0;
	*text = span_make(s->p + 1, n - 2);
	*s = skip_blanks(behind(*s, n));
	return 1;
}

/* Behind `?`: "{yes}", "{yes}:{no}", or all of it; behind `:` only the no. */
static void
choose(struct expansion *e, struct span whole, struct span rest, int yes, struct growing *out)
{
	int negative = rest.p[0] == ':';
	struct span texts[2] = { { 0 }, { 0 } };
	struct span s = behind(rest, 1);

	if (take_braced(&s, &texts[0])) {
		if (!negative && s.len > 0 && s.p[0] == ':') {
			s = behind(s, 1);
			if (!take_braced(&s, &texts[1])) {
				fault(e, "{text} is missing behind the colon", whole);
				return;
			}
		}
		if (s.len > 0) {
			fault(e, "something stands behind the closing brace", whole);
			return;
		}
	} else {
		texts[0] = behind(rest, 1);
	}
	if (negative)
		yes = !yes;
	expand(e, texts[yes ? 0 : 1], out);
}

/* --- ${{a} == {b}?...} --- */

static int
is_number(const char *s)
{
	return s[0] != '\0' && s[strspn(s, "0123456789")] == '\0' && strlen(s) < 19;
}

static int
compare(const char *a, const char *b)
{
	if (is_number(a) && is_number(b)) {
		long long x = strtoll(a, NULL, 10), y = strtoll(b, NULL, 10);

		return x < y ? -1 : x > y;
	}
	return strcmp(a, b);
}

static const struct {
	const char *text;
	int less, equal, more; /* is it true then? */
} operators[] = {
	{ "==", 0, 1, 0 },
	{ "!=", 1, 0, 1 },
	{ "<=", 1, 1, 0 },
	{ ">=", 0, 1, 1 },
	{ "<", 1, 0, 0 },
	{ ">", 0, 0, 1 },
};

static int
operator_at(struct span s)
{
	for (size_t i = 0; i < sizeof(operators) / sizeof(operators[0]); i++)
		if (span_case_starts(s, operators[i].text))
			return (int)i;
	return -1;
}

static void
expand_comparison(struct expansion *e, struct span inside, struct growing *out)
{
	struct span left, right, s = inside;
	struct growing a = { 0 }, b = { 0 };
	int op, order;

	if (!take_braced(&s, &left) || (op = operator_at(s)) == -1) {
		fault(e, "must be {a} == {b}", inside);
		return;
	}
	s = behind(s, strlen(operators[op].text));
	if (!take_braced(&s, &right) || s.len == 0 || (s.p[0] != '?' && s.p[0] != ':')) {
		fault(e, "must be {a} == {b}?{text}", inside);
		return;
	}
	expand(e, left, &a);
	expand(e, right, &b);
	order = compare(a.p, b.p);
	choose(e, inside, s,
	    order < 0   ? operators[op].less
	    : order > 0 ? operators[op].more
			: operators[op].equal,
	    out);
}

/* --- macros --- */

/* What stands between the brackets, or a bare name. */
static void
expand_macro(struct expansion *e, struct span inside, struct growing *out)
{
	struct span name = skip_blanks(inside), rest;
	const char *value;

	if (name.len > 0 && name.p[0] == '{') {
		expand_comparison(e, name, out);
		return;
	}
	rest = skip_blanks(behind(name, name_len(name)));
	name.len = name_len(name);
	if (name.len == 0) {
		fault(e, "a name is missing behind $", inside);
		return;
	}
	value = e->value(e->arg, name);
	if (rest.len == 0) {
		if (value == NULL)
			fault(e, "no such macro", inside);
		else
			add(e, out, value, strlen(value));
	} else if (rest.p[0] == '?' || rest.p[0] == ':') {
		choose(e, inside, rest, value != NULL && value[0] != '\0', out);
	} else {
		fault(e, "must be name, name?text or name:text", inside);
	}
}

/* s begins behind a dollar sign; how much of it was used. */
static size_t
expand_dollar(struct expansion *e, struct span s, struct growing *out)
{
	size_t n;

	if (s.len > 0 && s.p[0] == '$') {
		add(e, out, "$", 1);
		return 1;
	}
	if (s.len == 0 || (s.p[0] != '{' && s.p[0] != '(')) {
		n = name_len(s);
		expand_macro(e, span_make(s.p, n), out);
		return n;
	}
	n = bracketed(s);
	if (n == 0) {
		fault(e, "the closing bracket is missing", s);
		return s.len;
	}
	expand_macro(e, span_make(s.p + 1, n - 2), out);
	return n;
}

static void
expand(struct expansion *e, struct span s, struct growing *out)
{
	add(e, out, NULL, 0);
	if (++e->depth > RBL_REPLY_DEPTH)
		fault(e, "too many texts within one another", s);
	while (s.len > 0 && e->why == NULL) {
		size_t n = span_find(s, '$');

		add(e, out, s.p, n);
		s = behind(s, n);
		if (s.len > 0) {
			s = behind(s, 1);
			s = behind(s, expand_dollar(e, s, out));
		}
	}
	e->depth--;
}

const char *
rbl_macro_expand(
    struct arena *a, const char *template, rbl_macro_fn *value, void *arg, const char **why)
{
	struct expansion e = { .arena = a, .value = value, .arg = arg };
	struct growing out = { 0 };

	expand(&e, span_str(template), &out);
	if (e.why == NULL)
		return out.p;
	*why = e.why;
	return NULL;
}
