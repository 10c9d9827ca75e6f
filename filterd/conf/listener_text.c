#include "base/arena.h"
#include "base/err.h"
#include "conf/listener_text.h"

static int
is_separator(int c)
{
	return c == ',' || c == ' ' || (c >= '\t' && c <= '\r');
}

static struct span
skip(struct span s, size_t n)
{
	return span_make(s.p + n, s.len - n);
}

static struct span
skip_separators(struct span s)
{
	while (s.len > 0 && is_separator(s.p[0]))
		s = skip(s, 1);
	return s;
}

#define SHOW(s) (int)((s).len > 40 ? 40 : (s).len), (const char *)(s).p

/* s begins with {: what stands inside, and *s is what follows }. */
static int
braces(struct span *s, struct span *inside, struct err *err)
{
	int level = 0;

	for (size_t i = 0; i < s->len; i++) {
		level += (s->p[i] == '{') - (s->p[i] == '}');
		if (level == 0) {
			*inside = span_make(s->p + 1, i - 1);
			*s = skip(*s, i + 1);
			return 0;
		}
	}
	err_set(err, ERR_CONFIG, "found \"%.*s\", expected a closing }", SHOW(*s));
	return -1;
}

/* Up to the next separator that is not inside ${ }. */
static struct span
word(struct span *s)
{
	struct span w = { .p = s->p };
	int level = 0;

	for (; w.len < s->len; w.len++) {
		uint8_t c = w.p[w.len];

		if (level == 0 && is_separator(c))
			break;
		level += (c == '{') - (c == '}' && level > 0);
	}
	*s = skip(*s, w.len);
	return w;
}

int
listener_next(struct span *text, struct span *inside, struct err *err)
{
	*text = skip_separators(*text);
	if (text->len == 0)
		return 0;
	if (text->p[0] != '{') {
		err_set(err, ERR_CONFIG,
		    "found \"%.*s\", expected { KIND:ENDPOINT, NAME = VALUE ... }", SHOW(*text));
		return -1;
	}
	return braces(text, inside, err) == -1 ? -1 : 1;
}

/* NAME = VALUE, value up to the end of s when `all`, else up to a separator. */
static int
assignment(struct span *s, int all, struct arena *arena, struct listener_item *it, struct err *err)
{
	struct span at = *s, name = { .p = s->p }, value = { 0 };

	while (name.len < s->len && !is_separator(name.p[name.len]) && name.p[name.len] != '=' &&
	       name.p[name.len] != '{' && name.p[name.len] != '}')
		name.len++;
	*s = skip(*s, name.len);
	while (s->len > 0 && is_separator(s->p[0]) && s->p[0] != ',')
		*s = skip(*s, 1);
	if (name.len == 0 || s->len == 0 || s->p[0] != '=') {
		err_set(err, ERR_CONFIG, "found \"%.*s\", expected NAME = VALUE", SHOW(at));
		return -1;
	}
	*s = skip(*s, 1);
	while (s->len > 0 && is_separator(s->p[0]) && s->p[0] != ',')
		*s = skip(*s, 1);
	if (all) {
		value = span_trim(*s);
		*s = skip(*s, s->len);
	} else if (s->len > 0 && s->p[0] == '{') {
		if (braces(s, &value, err) == -1)
			return -1;
		value = span_trim(value);
	} else {
		value = word(s);
	}
	it->name = arena_str(arena, name);
	it->value = arena_str(arena, value);
	it->value_at = (const char *)value.p;
	return 1;
}

int
listener_item(
    struct span *inside, int first, struct arena *arena, struct listener_item *it, struct err *err)
{
	struct span group;

	*inside = skip_separators(*inside);
	*it = (struct listener_item){ .at = (const char *)inside->p };
	if (first) {
		it->value_at = it->at;
		it->value = arena_str(arena, word(inside));
		return it->value != NULL;
	}
	if (inside->len == 0)
		return 0;
	if (inside->p[0] != '{')
		return assignment(inside, 0, arena, it, err);
	if (braces(inside, &group, err) == -1)
		return -1;
	group = skip_separators(group);
	return assignment(&group, 1, arena, it, err);
}
