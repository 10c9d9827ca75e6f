#include <string.h>

#include "base/attr.h"
#include "mail/html_style.h"

static struct span
behind(struct span s, size_t n)
{
	return span_make(s.p + n, s.len - n);
}

enum { NAME_SIZE = 28, VALUE_SIZE = 160 };

/* --- values --- */

/* The next word of a value. */
static int
word(struct span *value, struct span *w)
{
	*value = span_trim(*value);
	if (value->len == 0)
		return 0;
	*w = span_make(value->p, span_find(*value, ' '));
	*value = behind(*value, w->len);
	return 1;
}

struct length {
	int value; /* hundredths of a pixel, or of a percent */
	int relative;
};

/* -1: it is no length. */
static int
length(struct span w, struct length *l)
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
	for (size_t i = 0; i < nitems(units); i++) {
		if (!span_eq_str(w, units[i].name))
			continue;
		l->value = (int)((minus ? -value : value) * units[i].factor / scale);
		l->relative = units[i].relative;
		return 0;
	}
	return -1;
}

/* Each answers whether CSS has such a value: a declaration with another is as if it were not there,
 * and one before it holds. */

static int
set_display(struct html_style *st, struct span v)
{
	static const char *const blocks[] = { "block", "flex", "grid", "table", "list-item",
		"flow-root", "-webkit-box", "-webkit-flex", "-moz-box", "-ms-flexbox", "run-in" };

	if (span_eq_str(v, "none")) {
		st->display = DISPLAY_NONE;
		return 1;
	}
	for (size_t i = 0; i < nitems(blocks); i++) {
		if (span_eq_str(v, blocks[i])) {
			st->display = DISPLAY_BLOCK;
			return 1;
		}
	}
	if (span_case_starts(v, "table-") && !span_eq_str(v, "table-cell")) {
		st->display = DISPLAY_BLOCK;
		return 1;
	}
	st->display = DISPLAY_INLINE;
	return span_case_starts(v, "inline") || span_eq_str(v, "contents") ||
	       span_eq_str(v, "table-cell") || span_case_starts(v, "ruby") ||
	       span_eq_str(v, "inherit") || span_eq_str(v, "initial") || span_eq_str(v, "unset") ||
	       span_eq_str(v, "revert") || span_case_starts(v, "-webkit-inline");
}

static int
set_visible(struct html_style *st, struct span v)
{
	st->visible = !span_eq_str(v, "hidden") && !span_eq_str(v, "collapse");
	return !st->visible || span_eq_str(v, "visible") || span_eq_str(v, "initial") ||
	       span_eq_str(v, "inherit") || span_eq_str(v, "unset");
}

/* Hundredths: less than five of them cannot be seen. */
static int
set_opacity(struct html_style *st, struct span v)
{
	struct length l = { 0 };

	if (length(v, &l) == -1)
		return 0;
	st->clear = l.relative ? l.value < 500 : l.value < 5;
	return 1;
}

static int
is_size_word(struct span v)
{
	static const char *const words[] = { "xx-small", "x-small", "small", "medium", "large",
		"x-large", "xx-large", "xxx-large", "initial" };

	for (size_t i = 0; i < nitems(words); i++)
		if (span_eq_str(v, words[i]))
			return 1;
	return span_case_starts(v, "calc(") || span_case_starts(v, "clamp(") ||
	       span_case_starts(v, "min(") || span_case_starts(v, "max(");
}

static int
set_font_size(struct html_style *st, struct span v)
{
	struct length l = { 0 };

	if (length(v, &l) == 0) {
		st->font = l.value;
		st->font_relative = l.relative;
	} else if (span_eq_str(v, "inherit") || span_eq_str(v, "smaller") ||
		   span_eq_str(v, "larger") || span_eq_str(v, "unset")) {
		st->font = 10000;
		st->font_relative = 1;
	} else {
		st->font = 1600;
		st->font_relative = 0;
		return is_size_word(v);
	}
	return l.value >= 0;
}

/* "italic 700 0/0 serif" */
static int
set_font(struct html_style *st, struct span v)
{
	struct span w;

	while (word(&v, &w)) {
		struct length l;
		struct span size = span_make(w.p, span_find(w, '/'));
		int bare =
		    size.len > 0 && size.p[size.len - 1] >= '0' && size.p[size.len - 1] <= '9';

		/* A number alone is a weight. */
		if (is_size_word(size)) {
			l = (struct length){ .value = 1600 };
		} else if (length(size, &l) == -1 || (bare && l.value != 0)) {
			continue;
		}
		st->font = l.value;
		st->font_relative = l.relative;
		return v.len > 0; /* there must be a family */
	}
	return 0;
}

static int
set_color(struct html_style *st, struct span v)
{
	st->color = html_color_css(v);
	return st->color != COLOR_UNKNOWN || span_find(v, '(') < v.len;
}

static int
set_image(struct html_style *st, struct span v)
{
	st->image = !span_eq_str(v, "none");
	return 1;
}

/* Any mixture; without a colour it is transparent. */
static int
set_back(struct html_style *st, struct span v)
{
	struct span w;

	st->back = COLOR_CLEAR;
	st->image = 0;
	while (word(&v, &w)) {
		uint32_t color = html_color_css(w);
		int call = span_find(w, '(') < w.len;

		if (color != COLOR_UNKNOWN || span_case_starts(w, "hsl"))
			st->back = color;
		else
			st->image |= call;
	}
	return 1;
}

static int
set_back_color(struct html_style *st, struct span v)
{
	st->back = html_color_css(v);
	return st->back != COLOR_UNKNOWN || span_find(v, '(') < v.len;
}

static int
set_pre(struct html_style *st, struct span v)
{
	st->pre = span_case_starts(v, "pre") || span_eq_str(v, "break-spaces");
	return st->pre || span_eq_str(v, "normal") || span_eq_str(v, "nowrap");
}

static int
set_overflow(struct html_style *st, struct span v)
{
	st->overflow = span_case_starts(v, "hidden") || span_eq_str(v, "clip");
	return 1;
}

static int
set_away(struct html_style *st, struct span v)
{
	struct length l;

	/* Once it is away, another of these properties does not bring it back. */
	st->away |= length(v, &l) == 0 && l.value <= -30000;
	return 1;
}

static void
set_size(struct html_style *st, unsigned bit, struct span v)
{
	struct length l;

	if (length(v, &l) == 0 && l.value < 200)
		st->empty |= (int)bit;
	else
		st->empty &= ~(int)bit;
}

static const struct property {
	const char *name;
	unsigned says;
	int (*set)(struct html_style *, struct span value); /* NULL: set_size() */
} properties[] = {
	{ "-webkit-text-fill-color", SAYS_COLOR, set_color },
	{ "background", SAYS_BACK | SAYS_IMAGE, set_back },
	{ "background-color", SAYS_BACK, set_back_color },
	{ "background-image", SAYS_IMAGE, set_image },
	{ "color", SAYS_COLOR, set_color },
	{ "display", SAYS_DISPLAY, set_display },
	{ "font", SAYS_FONT, set_font },
	{ "font-size", SAYS_FONT, set_font_size },
	{ "height", SAYS_HEIGHT, NULL },
	{ "left", SAYS_AWAY, set_away },
	{ "margin-left", SAYS_AWAY, set_away },
	{ "max-height", SAYS_MAX_HEIGHT, NULL },
	{ "max-width", SAYS_MAX_WIDTH, NULL },
	{ "opacity", SAYS_OPACITY, set_opacity },
	{ "overflow", SAYS_OVERFLOW, set_overflow },
	{ "text-indent", SAYS_AWAY, set_away },
	{ "top", SAYS_AWAY, set_away },
	{ "visibility", SAYS_VISIBLE, set_visible },
	{ "white-space", SAYS_PRE, set_pre },
	{ "width", SAYS_WIDTH, NULL },
};

/* Of those names, of comments and of escapes. */
static const char first_letters[] = "-bcdfhlmotvw/|\\";

static const struct property *
property_find(const char *name)
{
	for (size_t i = 0; i < nitems(properties); i++) {
		if (name[0] == properties[i].name[0] && strcmp(name, properties[i].name) == 0)
			return &properties[i];
	}
	return NULL;
}

/* Cut "!important" off the end of a value. */
static int
cut_important(struct span *v)
{
	size_t at = span_find(*v, '!');

	if (at == v->len)
		return 0;
	if (!span_eq_str(span_trim(behind(*v, at + 1)), "important"))
		return 0;
	*v = span_trim(span_make(v->p, at));
	return 1;
}

static void
declare(struct html_style *st, const struct property *prop, struct span value)
{
	struct html_style with = *st;
	int important = cut_important(&value);

	if (value.len == 0 || (!important && (st->important & prop->says) == prop->says))
		return;
	if (prop->set == NULL)
		set_size(&with, prop->says, value);
	else if (!prop->set(&with, value))
		return;
	with.says |= prop->says;
	if (important)
		with.important |= prop->says;
	*st = with;
}

void
html_style_read(struct span css, struct html_style *st)
{
	while (css.len > 0) {
		struct span name = css_until(&css, ":;"), value;
		char word_name[NAME_SIZE], text[VALUE_SIZE];
		const struct property *prop;

		if (css.len == 0)
			return;
		if (css.p[0] == ';') {
			css = behind(css, 1);
			continue;
		}
		css = behind(css, 1);
		value = css_until(&css, ";");
		name = span_trim(name);
		/* Most are about fonts, margins and borders. */
		if (name.len == 0 || strchr(first_letters, *name.p | 0x20) == NULL)
			continue;
		if (css_plain(name, word_name, sizeof(word_name)) == 0)
			continue;
		prop = property_find(word_name);
		if (prop != NULL)
			declare(st, prop, span_make(text, css_plain(value, text, sizeof(text))));
	}
}

void
html_style_add(struct html_style *st, const struct html_style *o)
{
	unsigned take = o->says & (o->important | ~st->important);

	if (take == 0)
		return;
	if (st->says == 0) {
		*st = *o;
		return;
	}
	if ((take & SAYS_DISPLAY) != 0)
		st->display = o->display;
	if ((take & SAYS_VISIBLE) != 0)
		st->visible = o->visible;
	if ((take & SAYS_OPACITY) != 0)
		st->clear = o->clear;
	if ((take & SAYS_FONT) != 0) {
		st->font = o->font;
		st->font_relative = o->font_relative;
	}
	if ((take & SAYS_COLOR) != 0)
		st->color = o->color;
	if ((take & SAYS_BACK) != 0)
		st->back = o->back;
	if ((take & SAYS_IMAGE) != 0)
		st->image = o->image;
	if ((take & SAYS_PRE) != 0)
		st->pre = o->pre;
	if ((take & SAYS_OVERFLOW) != 0)
		st->overflow = o->overflow;
	if ((take & SAYS_AWAY) != 0)
		st->away = o->away;
	st->empty = (st->empty & ~(int)take) | (o->empty & (int)take);
	st->says |= take;
	st->important |= take & o->important;
}
