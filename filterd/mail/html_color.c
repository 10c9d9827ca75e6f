/* Colours as CSS and HTML write them. */
#include <string.h>

#include "base/attr.h"
#include "mail/html_style.h"

static const struct {
	const char *name;
	uint32_t color;
} names[] = {
#define K(name, color) { name, color },
#include "mail/html_colors.def"
#undef K
};

static int
hex_digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static uint32_t
named(struct span s)
{
	char name[24];
	size_t low = 0, high = nitems(names);

	if (s.len >= sizeof(name))
		return COLOR_UNKNOWN;
	for (size_t i = 0; i < s.len; i++)
		name[i] = (char)(s.p[i] >= 'A' && s.p[i] <= 'Z' ? s.p[i] | 0x20 : s.p[i]);
	name[s.len] = '\0';
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int order = strcmp(name, names[mid].name);

		if (order == 0)
			return names[mid].color;
		if (order < 0)
			high = mid;
		else
			low = mid + 1;
	}
	return COLOR_UNKNOWN;
}

/* "#rgb", "#rrggbb", and both with an alpha. */
static uint32_t
hash_color(struct span s)
{
	uint32_t rgb = 0, alpha = 255;
	size_t each = s.len <= 5 ? 1 : 2, n = (s.len - 1) / each;

	if ((s.len - 1) % each != 0 || n < 3 || n > 4)
		return COLOR_UNKNOWN;
	for (size_t i = 0; i < n; i++) {
		int high = hex_digit(s.p[1 + i * each]), low = hex_digit(s.p[i * each + each]);

		if (high < 0 || low < 0)
			return COLOR_UNKNOWN;
		if (i < 3)
			rgb = rgb << 8 | (uint32_t)(high << 4 | low);
		else
			alpha = (uint32_t)(high << 4 | low);
	}
	return alpha < 8 ? COLOR_CLEAR : rgb;
}

/* A number with a fraction of at most one digit that counts, in tenths; its text is taken off. */
static int
tenths(struct span *s)
{
	int value = 0, places = -1;

	for (; s->len > 0; s->p++, s->len--) {
		uint8_t c = *s->p;

		if (c == '.' && places < 0) {
			places = 0;
		} else if (c < '0' || c > '9') {
			break;
		} else if (places <= 0) {
			value = value > 100000 ? value : value * 10 + (c - '0');
			places += places == 0;
		}
	}
	return places == 1 ? value : value * 10;
}

/* "rgb(255,0,0)", "rgba(100%,0%,0%,0.5)"; hsl() only where it is black, white or grey. */
static uint32_t
call_color(struct span s)
{
	int part[4] = { 0, 0, 0, 10 }, percent[4] = { 0 }, n = 0;
	int hsl = s.p[0] == 'h';
	uint32_t rgb = 0;

	s = span_make(s.p + span_find(s, '('), s.len - span_find(s, '('));
	while (n < 4 && s.len > 1 && *s.p != ')') {
		s = span_make(s.p + 1, s.len - 1);
		part[n] = tenths(&s);
		percent[n] = s.len > 0 && *s.p == '%';
		n++;
		while (s.len > 0 && *s.p != ',' && *s.p != ')')
			s = span_make(s.p + 1, s.len - 1);
	}
	if (n < 3)
		return COLOR_UNKNOWN;
	if (n == 4 && (percent[3] ? part[3] < 30 : part[3] == 0))
		return COLOR_CLEAR;
	if (hsl) {
		if (part[1] != 0 && part[2] != 0 && part[2] < 1000)
			return COLOR_UNKNOWN;
		part[0] = part[1] = part[2];
		percent[0] = percent[1] = percent[2] = 1;
	}
	for (int i = 0; i < 3; i++) {
		int v = percent[i] ? part[i] * 255 / 1000 : part[i] / 10;

		rgb = rgb << 8 | (uint32_t)(v > 255 ? 255 : v);
	}
	return rgb;
}

uint32_t
html_color_css(struct span s)
{
	if (s.len == 0)
		return COLOR_UNKNOWN;
	if (s.p[0] == '#')
		return hash_color(s);
	if (span_case_starts(s, "rgb") || span_case_starts(s, "hsl"))
		return call_color(s);
	if (span_case_eq_str(s, "transparent"))
		return COLOR_CLEAR;
	if (span_case_eq_str(s, "inherit") || span_case_eq_str(s, "currentcolor"))
		return COLOR_INHERIT;
	return named(s);
}

/* The HTML standard's rules for parsing a legacy colour value: nothing is wrong. */
uint32_t
html_color_attr(struct span s)
{
	uint32_t rgb = 0;
	size_t each, lead = 0, keep;

	s = span_trim(s);
	if (s.len == 0 || span_case_eq_str(s, "transparent"))
		return COLOR_UNKNOWN;
	if (named(s) != COLOR_UNKNOWN)
		return named(s);
	if (s.len == 4 && s.p[0] == '#' && hash_color(s) != COLOR_UNKNOWN)
		return hash_color(s);
	if (s.p[0] == '#')
		s = span_make(s.p + 1, s.len - 1);
	if (s.len > 128)
		s.len = 128;
	each = s.len <= 3 ? 1 : (s.len + 2) / 3;
	if (each > 8)
		lead = each - 8;
#define DIGIT(i) ((i) < s.len && hex_digit(s.p[i]) > 0 ? (uint32_t)hex_digit(s.p[i]) : 0)
	/* Zeros that all three have in front say nothing. */
	while (each - lead > 2 && DIGIT(lead) == 0 && DIGIT(each + lead) == 0 &&
	       DIGIT(2 * each + lead) == 0)
		lead++;
	keep = each - lead > 2 ? 2 : each - lead;
	for (size_t i = 0; i < 3; i++) {
		uint32_t v = DIGIT(i * each + lead);

		if (keep == 2)
			v = v << 4 | DIGIT(i * each + lead + 1);
		rgb = rgb << 8 | v;
	}
#undef DIGIT
	return rgb;
}
