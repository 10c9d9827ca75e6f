/* Character references of HTML. */
#include <string.h>

#include "base/attr.h"
#include "mail/charset.h"
#include "mail/html_token.h"
#include "mail/utf8.h"

struct entity {
	const char *name;
	uint8_t len;
	uint8_t bare; /* known without a semicolon */
	uint32_t first, second;
};

static const struct entity entities[] = {
#define E(name, first, second) { name, sizeof(name) - 1, 0, first, second },
#define L(name, first)         { name, sizeof(name) - 1, 1, first, 0 },
#include "mail/html_entities.def"
#undef E
#undef L
};

enum { NAME_MAX_LEN = 31, BARE_MIN_LEN = 2, BARE_MAX_LEN = 6 };

static int
is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

static int
is_alnum(uint8_t c)
{
	return is_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

static const struct entity *
find(struct span name)
{
	size_t low = 0, high = nitems(entities);

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		const struct entity *e = &entities[mid];
		int order = memcmp(name.p, e->name, name.len < e->len ? name.len : e->len);

		if (order == 0 && name.len == e->len)
			return e;
		if (order < 0 || (order == 0 && name.len < e->len))
			high = mid;
		else
			low = mid + 1;
	}
	return NULL;
}

static int
digit_value(uint8_t c, unsigned base)
{
	if (is_digit(c))
		return c - '0';
	c |= 0x20;
	return base == 16 && c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static size_t
numeric(struct span text, uint32_t *c)
{
	size_t at = 2;
	unsigned base = 10;
	uint32_t value = 0;

	if (text.len > at && (text.p[at] | 0x20) == 'x') {
		base = 16;
		at++;
	}
	if (at >= text.len || digit_value(text.p[at], base) < 0)
		return 0;
	for (; at < text.len && digit_value(text.p[at], base) >= 0; at++) {
		value = value * base + (uint32_t)digit_value(text.p[at], base);
		if (value > 0x10ffff)
			value = 0x110000; /* there may be any number of digits */
	}
	if (at < text.len && text.p[at] == ';')
		at++;
	if (value >= 0x80 && value < 0xa0)
		value = charset_cp1252((uint8_t)value);
	if (value == 0 || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff))
		value = UTF8_REPLACEMENT;
	*c = value;
	return at;
}

static size_t
named(struct span text, enum html_place place, uint32_t c[2])
{
	struct span name = span_make(text.p + 1, 0);
	const struct entity *e = NULL;

	while (name.len <= NAME_MAX_LEN && name.len + 1 < text.len && is_alnum(name.p[name.len]))
		name.len++;
	if (name.len < BARE_MIN_LEN)
		return 0;
	if (name.len + 1 < text.len && name.p[name.len] == ';') {
		if (name.len == 4 && memcmp(name.p, "nbsp", 4) == 0) {
			c[0] = 0xa0; /* every second reference is this one */
			return 6;
		}
		e = find(name);
	}
	if (e != NULL) {
		c[0] = e->first;
		c[1] = e->second;
		return name.len + 2;
	}
	for (size_t n = name.len < BARE_MAX_LEN ? name.len : BARE_MAX_LEN; n >= BARE_MIN_LEN; n--) {
		e = find(span_make(name.p, n));
		if (e == NULL || !e->bare)
			continue;
		if (place == HTML_IN_ATTR && n + 1 < text.len &&
		    (name.p[n] == '=' || is_alnum(name.p[n])))
			return 0;
		c[0] = e->first;
		return n + 1;
	}
	return 0;
}

size_t
html_reference(struct span text, enum html_place place, uint32_t c[2])
{
	c[1] = 0;
	if (text.len < 3)
		return 0;
	return text.p[1] == '#' ? numeric(text, &c[0]) : named(text, place, c);
}

void
html_unescape(struct span text, enum html_place place, struct buf *out)
{
	while (text.len > 0) {
		size_t plain = 0, used;
		uint32_t c[2];

		while (plain < text.len && text.p[plain] != '&' && text.p[plain] != '\0')
			plain++;
		buf_add(out, text.p, plain);
		text = span_make(text.p + plain, text.len - plain);
		if (text.len == 0)
			break;
		used = 1;
		if (*text.p == '&' && (used = html_reference(text, place, c)) > 0) {
			char octets[4];

			buf_add(out, octets, utf8_put(c[0], octets));
			if (c[1] != 0)
				buf_add(out, octets, utf8_put(c[1], octets));
		} else if (*text.p == '&') {
			buf_addc(out, '&');
			used = 1;
		}
		text = span_make(text.p + used, text.len - used);
	}
}
