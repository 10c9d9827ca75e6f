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

/* Each answers whether CSS has such a value: a declaration with another is as if it were not there,
 * and one before it holds; -1: it says nothing that matters. */

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
	struct css_length l = { 0 };

	if (css_length(v, &l) == -1)
		return 0;
	st->clear = l.relative ? l.value < 500 : l.value < 5;
	return 1;
}

static int
is_size_word(struct span v)
{
	static const char *const words[] = { "xx-small", "x-small", "small", "medium", "large",
		"x-large", "xx-large", "xxx-large", "initial" };

	if (v.len == 0 || *v.p < 'a')
		return 0; /* it is a number, most likely */
	for (size_t i = 0; i < nitems(words); i++)
		if (span_eq_str(v, words[i]))
			return 1;
	return span_case_starts(v, "calc(") || span_case_starts(v, "clamp(") ||
	       span_case_starts(v, "min(") || span_case_starts(v, "max(");
}

static int
set_font_size(struct html_style *st, struct span v)
{
	struct css_length l = { 0 };

	if (css_length(v, &l) == 0) {
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

	while (css_word(&v, &w)) {
		struct css_length l;
		struct span size = span_make(w.p, span_find(w, '/'));
		int bare =
		    size.len > 0 && size.p[size.len - 1] >= '0' && size.p[size.len - 1] <= '9';

		/* A number alone is a weight. */
		if (is_size_word(size)) {
			l = (struct css_length){ .value = 1600 };
		} else if (css_length(size, &l) == -1 || (bare && l.value != 0)) {
			continue;
		}
		st->font = l.value;
		st->font_relative = l.relative;
		return v.len > 0; /* there must be a family */
	}
	return 0;
}

/* Whatever it is, it can be seen. */
static int
is_system_color(struct span v)
{
	static const char *const words[] = { "initial", "windowtext", "canvastext", "buttontext",
		"fieldtext", "infotext", "menutext", "captiontext", "linktext", "visitedtext",
		"activetext", "graytext", "-webkit-link", "-webkit-text" };

	for (size_t i = 0; i < nitems(words); i++)
		if (span_eq_str(v, words[i]))
			return 1;
	return span_find(v, '(') < v.len;
}

static int
set_color(struct html_style *st, struct span v)
{
	st->color = html_color_css(v);
	st->modern = st->color == COLOR_CLEAR || span_case_starts(v, "rgba") ||
		     span_case_starts(v, "hsl") || (v.p[0] == '#' && (v.len == 5 || v.len == 9));
	return st->color != COLOR_UNKNOWN || is_system_color(v);
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
	while (css_word(&v, &w)) {
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
	st->overflow = span_case_starts(v, "hidden") || span_case_starts(v, "clip") ||
		       span_case_starts(v, "auto") || span_case_starts(v, "scroll");
	return 1;
}

static int
set_mso_hide(struct html_style *st, struct span v)
{
	st->mso_hide = span_eq_str(v, "all");
	return 1;
}

/* Which way, "direction" says, here or outside of it. */
static int
set_turn(struct html_style *st, struct span v)
{
	st->turn = span_eq_str(v, "bidi-override") || span_eq_str(v, "isolate-override");
	return 1;
}

static void
set_size(struct html_style *st, unsigned bit, struct span v)
{
	struct css_length l;

	if (css_length(v, &l) == 0 && l.value < 200)
		st->empty |= (int)bit;
	else
		st->empty &= ~(int)bit;
}

static const struct property {
	const char *name;
	unsigned says;
	int (*set)(struct html_style *, struct span value); /* NULL: set_size() */
	unsigned doubt;                                     /* says 0: what else is unknown then */
} properties[] = {
	{ "-webkit-animation", 0, NULL, SAYS_ALL },
	{ "-webkit-animation-name", 0, NULL, SAYS_ALL },
	{ "-webkit-text-fill-color", SAYS_COLOR, set_color, 0 },
	{ "-webkit-text-stroke", 0, NULL, SAYS_COLOR | SAYS_PAINT },
	{ "-webkit-text-stroke-color", 0, NULL, SAYS_COLOR | SAYS_PAINT },
	{ "all", 0, NULL, SAYS_ALL },
	{ "animation", 0, NULL, SAYS_ALL },
	{ "animation-name", 0, NULL, SAYS_ALL },
	{ "background", SAYS_BACK | SAYS_IMAGE, set_back, 0 },
	{ "background-color", SAYS_BACK, set_back_color, 0 },
	{ "background-image", SAYS_IMAGE, set_image, 0 },
	{ "bottom", SAYS_AWAY, css_set_far, 0 },
	{ "box-shadow", 0, NULL, SAYS_PAINT },
	{ "clip", SAYS_AWAY, css_set_clip, 0 },
	{ "clip-path", SAYS_AWAY, css_set_clip, 0 },
	{ "color", SAYS_COLOR, set_color, 0 },
	{ "content-visibility", SAYS_AWAY, css_set_skip, 0 },
	{ "display", SAYS_DISPLAY, set_display, 0 },
	{ "filter", SAYS_AWAY, css_set_filter, 0 },
	{ "font", SAYS_FONT, set_font, 0 },
	{ "font-size", SAYS_FONT, set_font_size, 0 },
	{ "height", SAYS_HEIGHT, NULL, 0 },
	{ "inset", SAYS_AWAY, css_set_far, 0 },
	{ "left", SAYS_AWAY, css_set_away, 0 },
	{ "list-style", 0, NULL, SAYS_TEXT },
	{ "list-style-type", 0, NULL, SAYS_TEXT },
	{ "margin", SAYS_AWAY, css_set_far, 0 },
	{ "margin-left", SAYS_AWAY, css_set_away, 0 },
	{ "margin-top", SAYS_AWAY, css_set_away, 0 },
	{ "max-height", SAYS_MAX_HEIGHT, NULL, 0 },
	{ "max-width", SAYS_MAX_WIDTH, NULL, 0 },
	{ "mso-color-alt", 0, NULL, SAYS_COLOR | SAYS_PAINT },
	{ "mso-hide", SAYS_MSO, set_mso_hide, 0 },
	{ "opacity", SAYS_OPACITY, set_opacity, 0 },
	{ "overflow", SAYS_OVERFLOW, set_overflow, 0 },
	{ "overflow-x", SAYS_OVERFLOW, set_overflow, 0 },
	{ "overflow-y", SAYS_OVERFLOW, set_overflow, 0 },
	{ "right", SAYS_AWAY, css_set_far, 0 },
	{ "text-indent", SAYS_AWAY, css_set_away, 0 },
	{ "text-shadow", 0, NULL, SAYS_COLOR | SAYS_PAINT },
	{ "top", SAYS_AWAY, css_set_away, 0 },
	{ "transform", SAYS_AWAY, css_set_clip, 0 },
	{ "unicode-bidi", SAYS_TURN, set_turn, 0 },
	{ "visibility", SAYS_VISIBLE, set_visible, 0 },
	{ "white-space", SAYS_PRE, set_pre, 0 },
	{ "width", SAYS_WIDTH, NULL, 0 },
	{ "zoom", SAYS_AWAY, css_set_zoom, 0 },
};

/* Of those names, of comments and of escapes. */
static const char first_letters[] = "-abcdfhilmortuvwz/|\\";

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
	int important = cut_important(&value), known = 1;

	if (prop->says == 0) {
		if (value.len > 0 && !span_eq_str(value, "none"))
			st->doubt |= prop->doubt;
		return;
	}
	if (value.len == 0 || (!important && (st->important & prop->says) == prop->says))
		return;
	if (prop->set == NULL)
		set_size(&with, prop->says, value);
	else
		known = prop->set(&with, value);
	if (known != 1) {
		st->doubt = with.doubt | (known == 0 ? prop->says : 0);
		return;
	}
	with.doubt &= ~prop->says;
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
	if ((take & SAYS_COLOR) != 0) {
		st->color = o->color;
		st->modern = o->modern;
	}
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
	if ((take & SAYS_TURN) != 0)
		st->turn = o->turn;
	if ((take & SAYS_MSO) != 0)
		st->mso_hide = o->mso_hide;
	st->empty = (st->empty & ~(int)take) | (o->empty & (int)take);
	st->says |= take;
	st->important |= take & o->important;
}
