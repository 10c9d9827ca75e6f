#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "conf/cf_compare.h"
#include "conf/cf_expand.h"

#define WORK_MAX 20000 /* references followed: $b$b, b = $c$c, ... doubles with each line */

/* A value that is being expanded, and the one that refers to it. */
struct frame {
	const char *name; /* NULL: the text has none */
	const struct frame *up;
};

struct expansion {
	const struct cf_macros *macros;
	struct arena *arena;
	struct err *err;
	int depth; /* of values and of { } in them */
	int work;
	const char *in; /* the value at fault */
};

static int expand_text(struct expansion *, const struct frame *, struct span, struct buf *);

static int
is_name(int c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_';
}

static int
is_blank(int c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static struct span
skip(struct span s, size_t n)
{
	return span_make(s.p + n, s.len - n);
}

static struct span
skip_blank(struct span s)
{
	while (s.len > 0 && is_blank(s.p[0]))
		s = skip(s, 1);
	return s;
}

static struct span
trim(struct span s)
{
	s = skip_blank(s);
	while (s.len > 0 && is_blank(s.p[s.len - 1]))
		s.len--;
	return s;
}

/* s begins with an opening bracket: what stands up to the closing one, and what follows it. */
static int
bracketed(struct span s, struct span *inside, struct span *rest)
{
	uint8_t open = s.p[0], close = open == '{' ? '}' : ')';
	int level = 0;

	for (size_t i = 0; i < s.len; i++) {
		level += (s.p[i] == open) - (s.p[i] == close);
		if (level == 0) {
			*inside = span_make(s.p + 1, i - 1);
			*rest = skip(s, i + 1);
			return 0;
		}
	}
	return -1;
}

#define SHOW(s) (int)((s).len > 40 ? 40 : (s).len), (const char *)(s).p

static int
bad(struct expansion *x, const struct frame *f, struct span at, const char *wish)
{
	err_set(x->err, ERR_CONFIG, "found \"%.*s\", expected %s", SHOW(at), wish);
	x->in = f->name;
	return -1;
}

/* name is being expanded already: tell the way round. */
static int
loop(struct expansion *x, const struct frame *f, const char *name)
{
	struct buf b = { 0 };

	buf_printf(&b, "$%s", name);
	for (;; f = f->up) {
		struct buf c = { 0 };

		buf_printf(&c, "$%s -> ", f->name);
		buf_add_span(&c, buf_span(&b));
		buf_fini(&b);
		b = c;
		if (strcmp(f->name, name) == 0)
			break;
	}
	err_set(x->err, ERR_CONFIG, "refers to itself: %.400s", buf_cstr(&b));
	buf_fini(&b);
	x->in = f->name;
	return -1;
}

/* A limit is hit: told of the text that was asked for, whoever has the last drop. */
static int
too_much(struct expansion *x, const struct frame *f, const char *what)
{
	while (f->up != NULL)
		f = f->up;
	x->in = f->name;
	err_set(x->err, ERR_CONFIG, "%s", what);
	return -1;
}

static const struct frame *
find_frame(const struct frame *f, const char *name)
{
	for (; f != NULL; f = f->up)
		if (f->name != NULL && strcmp(f->name, name) == 0)
			return f;
	return NULL;
}

/* $name, plain. */
static int
expand_name(struct expansion *x, const struct frame *f, struct span name_span, struct buf *out)
{
	const char *name = arena_str(x->arena, name_span), *value;
	struct frame inner = { .name = name, .up = f };

	if (find_frame(f, name) != NULL)
		return loop(x, f, name);
	value = x->macros->lookup(x->macros->arg, name);
	if (value == NULL) {
		if (x->macros->undefined != NULL)
			x->macros->undefined(x->macros->arg, name, f->name);
		return 0;
	}
	if (++x->work > WORK_MAX)
		return too_much(x, f, "refers to more than 20000 values in all");
	return expand_text(x, &inner, span_str(value), out);
}

/* What follows ? or :, in braces or up to the end.  *rest is what follows the braces. */
static int
payload(
    struct expansion *x, const struct frame *f, struct span s, struct span *text, struct span *rest)
{
	s = skip_blank(s);
	if (s.len == 0 || s.p[0] != '{') {
		*text = trim(s);
		*rest = span_make(s.p + s.len, 0);
		return 0;
	}
	if (bracketed(s, text, rest) == -1)
		return bad(x, f, s, "a closing }");
	*rest = trim(*rest);
	return 0;
}

/* s begins with ? or : and decides with `yes` what is expanded. */
static int
choose(struct expansion *x, const struct frame *f, int yes, struct span s, struct buf *out)
{
	struct span text, rest, other = { 0 };
	int rc;
	int want = s.p[0] == '?';

	rc = payload(x, f, skip(s, 1), &text, &rest);
	if (rc == -1)
		return rc;
	if (want && rest.len > 0 && rest.p[0] == ':') {
		rc = payload(x, f, skip(rest, 1), &other, &rest);
		if (rc == -1)
			return rc;
	} else if (want && rest.len > 0) {
		return bad(x, f, rest, "\":\" or }");
	}
	if (rest.len > 0)
		return bad(x, f, rest, "}");
	if (!yes == !want)
		return expand_text(x, f, text, out);
	return expand_text(x, f, other, out);
}

/* {text}, expanded: one side of a comparison. */
static int
operand(struct expansion *x, const struct frame *f, struct span *s, struct buf *out)
{
	struct span inside;

	*s = skip_blank(*s);
	if (s->len == 0 || s->p[0] != '{')
		return bad(x, f, *s, "{ and what is to be compared");
	if (bracketed(*s, &inside, s) == -1)
		return bad(x, f, *s, "a closing }");
	return expand_text(x, f, inside, out);
}

/* {a} OP {b} [? ... : ...] */
static int
comparison(struct expansion *x, const struct frame *f, struct span s, struct buf *out)
{
	struct buf a = { 0 }, b = { 0 };
	int rc;
	struct cf_operator op;
	int yes = 0;

	rc = operand(x, f, &s, &a);
	if (rc == -1)
		goto out;
	s = skip_blank(s);
	if (cf_operator_parse(&s, &op) == -1) {
		rc = bad(x, f, s, "== != < <= > or >=");
		goto out;
	}
	rc = operand(x, f, &s, &b);
	if (rc == -1)
		goto out;
	if (cf_compare(&op, buf_cstr(&a), buf_cstr(&b), &yes, x->err) == -1) {
		x->in = f->name;
		rc = -1;
		goto out;
	}
	s = trim(s);
	if (s.len == 0)
		buf_adds(out, yes ? "true" : "");
	else if (s.p[0] == '?' || s.p[0] == ':')
		rc = choose(x, f, yes, s, out);
	else
		rc = bad(x, f, s, "\"?\", \":\" or }");
out:
	buf_fini(&a);
	buf_fini(&b);
	return rc;
}

/* The inside of ${ } or $( ). */
static int
expand_inside(struct expansion *x, const struct frame *f, struct span s, struct buf *out)
{
	struct span name;
	const char *value;

	s = trim(s);
	if (s.len > 0 && s.p[0] == '{')
		return comparison(x, f, s, out);
	for (name = span_make(s.p, 0); name.len < s.len && is_name(s.p[name.len]);)
		name.len++;
	if (name.len == 0)
		return bad(x, f, s, "a name behind ${");
	s = skip_blank(skip(s, name.len));
	if (s.len == 0)
		return expand_name(x, f, name, out);
	if (s.p[0] != '?' && s.p[0] != ':')
		return bad(x, f, s, "\"?\", \":\" or } behind the name");
	value = x->macros->lookup(x->macros->arg, arena_str(x->arena, name));
	return choose(x, f, value != NULL && value[0] != '\0', s, out);
}

/* s begins with $; *s is what follows the reference. */
static int
expand_dollar(struct expansion *x, const struct frame *f, struct span *s, struct buf *out)
{
	struct span at = *s, name = { .p = s->p + 1 }, inside;

	*s = skip(*s, 1);
	if (s->len > 0 && s->p[0] == '$') {
		buf_addc(out, '$');
		*s = skip(*s, 1);
		return 0;
	}
	if (s->len > 0 && (s->p[0] == '{' || s->p[0] == '(')) {
		if (bracketed(*s, &inside, s) == -1)
			return bad(x, f, at, "a closing bracket");
		return expand_inside(x, f, inside, out);
	}
	while (name.len < s->len && is_name(name.p[name.len]))
		name.len++;
	if (name.len == 0)
		return bad(x, f, at, "$name, ${...} or $$");
	*s = skip(*s, name.len);
	return expand_name(x, f, name, out);
}

static int
expand_text(struct expansion *x, const struct frame *f, struct span s, struct buf *out)
{
	int rc = 0;

	if (++x->depth > CF_EXPAND_DEPTH)
		rc = too_much(x, f, "values must not be nested deeper than 100");
	while (rc == 0 && s.len > 0) {
		size_t n = span_find(s, '$');

		buf_add(out, s.p, n);
		s = skip(s, n);
		if (s.len > 0)
			rc = expand_dollar(x, f, &s, out);
		if (rc == 0 && out->len > CF_EXPAND_MAX)
			rc = too_much(x, f, "the value must have at most 1048576 octets");
	}
	x->depth--;
	return rc;
}

int
cf_expand(const char *text, const char *self, const struct cf_macros *macros, struct arena *arena,
    const char **out, const char **in, struct err *err)
{
	struct expansion x = { .macros = macros, .arena = arena, .err = err };
	struct frame top = { .name = self };
	struct buf b = { 0 };
	int rc;

	if (strchr(text, '$') == NULL) {
		*out = text;
		return 0;
	}
	rc = expand_text(&x, &top, span_str(text), &b);
	if (rc == 0)
		*out = arena_strdup(arena, buf_cstr(&b));
	else
		*in = x.in;
	buf_fini(&b);
	return rc;
}

void
cf_references(const char *text, void (*f)(void *arg, struct span name), void *arg)
{
	struct span s = span_str(text), name;

	while ((s = skip(s, span_find(s, '$'))).len > 1) {
		s = skip(s, 1);
		if (s.p[0] == '$') {
			s = skip(s, 1);
			continue;
		}
		if (s.p[0] == '{' || s.p[0] == '(')
			s = skip_blank(skip(s, 1));
		for (name = span_make(s.p, 0); name.len < s.len && is_name(s.p[name.len]);)
			name.len++;
		if (name.len > 0)
			f(arg, name);
		s = skip(s, name.len);
	}
}
