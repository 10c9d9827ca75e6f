/* CSS: lengths, and what takes a text out of sight by its place. */
#include "base/attr.h"
#include "mail/html_style.h"

#define FAR 30000 /* hundredths of a pixel */

static struct span
behind(struct span s, size_t n)
{
	return span_make(s.p + n, s.len - n);
}

int
css_word(struct span *value, struct span *w)
{
	*value = span_trim(*value);
	if (value->len == 0)
		return 0;
	*w = span_make(value->p, span_find(*value, ' '));
	*value = behind(*value, w->len);
	return 1;
}

/* "e-3" behind a number: how many octets. */
static size_t
exponent(struct span w, int64_t *value, int64_t *scale)
{
	size_t at = 1, n = 0, digits;

	if (w.len < 2 || (*w.p | 0x20) != 'e')
		return 0;
	at += w.p[1] == '-' || w.p[1] == '+';
	digits = at;
	for (; at < w.len && w.p[at] >= '0' && w.p[at] <= '9'; at++)
		n = n < 20 ? n * 10 + (size_t)(w.p[at] - '0') : n;
	if (at == digits)
		return 0;
	for (; n > 0; n--) {
		if (w.p[1] == '-')
			*value /= 10;
		else if (*value < 1000000000)
			*value *= 10;
	}
	*value = *value > 100000 * *scale ? 100000 * *scale : *value;
	return at;
}

int
css_length(struct span w, struct css_length *l)
{
	static const struct {
		const char *name;
		int factor, relative; /* hundredths of one */
	} units[] = {
		{ "", 100, 0 },
		{ "px", 100, 0 },
		{ "pt", 133, 0 },
		{ "pc", 1600, 0 },
		{ "in", 9600, 0 },
		{ "cm", 3780, 0 },
		{ "mm", 378, 0 },
		{ "rem", 1600, 0 },
		{ "vw", 800, 0 },
		{ "vh", 800, 0 },
		{ "em", 10000, 1 },
		{ "ex", 5000, 1 },
		{ "ch", 5000, 1 },
		{ "%", 100, 1 },
	};
	int64_t value = 0, scale = 1;
	size_t at = 0, digits = 0;
	int minus = 0, fraction = 0;

	if (w.len > 0 && (w.p[0] == '-' || w.p[0] == '+'))
		minus = w.p[at++] == '-';
	for (; at < w.len; at++) {
		if (w.p[at] == '.' && !fraction) {
			fraction = 1;
			continue;
		}
		if (w.p[at] < '0' || w.p[at] > '9')
			break;
		digits++;
		if (value < 100000 && (!fraction || scale < 10000)) {
			value = value * 10 + (w.p[at] - '0');
			scale *= fraction ? 10 : 1;
		}
	}
	if (digits == 0)
		return -1;
	w = behind(w, at);
	w = behind(w, exponent(w, &value, &scale));
	for (size_t i = 0; i < nitems(units); i++) {
		if (!span_eq_str(w, units[i].name))
			continue;
		l->value = (int)((minus ? -value : value) * units[i].factor / scale);
		l->relative = units[i].relative;
		return 0;
	}
	return -1;
}

/* --- away --- */

/* "calc(-9999px)" is not worked out further. */
static struct span
in_calc(struct span v)
{
	if (!span_case_starts(v, "calc("))
		return v;
	v = behind(v, 5);
	v.len = span_find(v, ')');
	return span_trim(v);
}

int
css_set_away(struct html_style *st, struct span v)
{
	struct css_length l;

	if (css_length(in_calc(v), &l) == -1)
		return 1;
	/* Once it is away, another of these properties does not bring it back. */
	st->away |= l.value <= -FAR;
	if (l.value < 0)
		st->doubt |= SAYS_PAINT; /* perhaps it is over something else */
	return 1;
}

/* All words of the value, and either way: the second of "margin" is as good as its fourth. */
int
css_set_far(struct html_style *st, struct span v)
{
	struct css_length l;
	struct span w;

	if (span_case_starts(v, "calc("))
		return css_set_away(st, v);
	while (css_word(&v, &w)) {
		if (css_length(w, &l) == -1)
			continue;
		st->away |= l.value <= -FAR || l.value >= FAR;
		if (l.value < 0)
			st->doubt |= SAYS_PAINT;
	}
	return st->away ? 1 : -1;
}

static int
has(struct span v, const char *word)
{
	for (; v.len > 0; v = behind(v, 1))
		if (span_case_starts(v, word))
			return 1;
	return 0;
}

/* What is behind the first '(' of that call; len 0: it is not there. */
static struct span
argument(struct span v, const char *call)
{
	for (; v.len > 0; v = behind(v, 1)) {
		if (span_case_starts(v, call)) {
			v = behind(v, span_find(v, '('));
			return v.len > 0 ? behind(v, 1) : v;
		}
	}
	return v;
}

static int
is_nothing(struct span v, int least)
{
	struct css_length l;
	size_t n = 0;

	while (n < v.len && v.p[n] != ',' && v.p[n] != ')' && v.p[n] != ' ')
		n++;
	return n > 0 && css_length(span_make(v.p, n), &l) == 0 && l.value >= 0 && l.value < least;
}

int
css_set_clip(struct html_style *st, struct span v)
{
	static const char *const calls[] = { "rect(", "circle(", "ellipse(", "polygon(" };
	struct span moved = argument(v, "translate");
	struct css_length l;

	for (size_t i = 0; i < nitems(calls); i++)
		st->away |= is_nothing(argument(v, calls[i]), 200);
	st->away |= is_nothing(argument(v, "scale"), 5);
	st->away |= has(v, "inset(") && (has(v, "50%") || has(v, "100%"));
	moved.len = moved.len == 0 ? 0 : span_find(moved, ')');
	for (size_t n; moved.len > 0; moved = behind(moved, n)) {
		n = span_find(moved, ',');
		if (css_length(span_trim(span_make(moved.p, n)), &l) == 0)
			st->away |= l.value <= -FAR || l.value >= FAR;
		n += n < moved.len;
	}
	return st->away ? 1 : -1;
}

int
css_set_zoom(struct html_style *st, struct span v)
{
	struct css_length l;

	st->away |= css_length(v, &l) == 0 && l.value < 5;
	return st->away ? 1 : -1;
}

int
css_set_skip(struct html_style *st, struct span v)
{
	st->away |= span_eq_str(v, "hidden");
	return st->away ? 1 : -1;
}

int
css_set_filter(struct html_style *st, struct span v)
{
	st->away |= is_nothing(argument(v, "opacity"), 5);
	if (!span_eq_str(v, "none"))
		st->doubt |= SAYS_COLOR | SAYS_PAINT;
	return st->away ? 1 : -1;
}
