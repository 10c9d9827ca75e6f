/* Where a URL ends in a text: what readers take as belonging to it, and what not. */
#include <string.h>

#include "base/attr.h"
#include "mail/url_private.h"

/* --- one character --- */

/* Blanks, quotes, brackets and marks of other scripts. */
static int
is_mark(const uint8_t *p, size_t n)
{
	if (n == 2)
		return p[0] == 0xc2 &&
		       (p[1] == 0xa0 || p[1] == 0x85 || p[1] == 0xab || p[1] == 0xbb);
	if (n != 3)
		return 0;
	if (p[0] == 0xe2 && p[1] == 0x80) /* U+2000 and on */
		return p[2] <= 0x8a || (p[2] >= 0x98 && p[2] <= 0x9f) || p[2] == 0xa6 ||
		       p[2] == 0xa8 || p[2] == 0xa9 || p[2] == 0xaf;
	if (p[0] == 0xe2 && p[1] == 0x81)
		return p[2] == 0x9f;
	if (p[0] == 0xe3 && p[1] == 0x80) /* U+3000 and on */
		return p[2] <= 0x81 || (p[2] >= 0x88 && p[2] <= 0x91) ||
		       (p[2] >= 0x94 && p[2] <= 0x9f);
	if (p[0] == 0xef && p[1] == 0xbc) /* U+FF00 and on */
		return memchr("\x81\x88\x89\x8c\x9a\x9b\x9c\x9e\x9f", p[2], 9) != NULL;
	return 0;
}

static int
is_dot(const uint8_t *p, size_t n)
{
	return n == 3 && ((p[0] == 0xe2 && p[1] == 0x80 && p[2] == 0xa4) ||
			     (p[0] == 0xef && p[1] == 0xb9 && p[2] == 0x92) ||
			     (p[0] == 0xe3 && p[1] == 0x80 && p[2] == 0x82) ||
			     (p[0] == 0xef && p[1] == 0xbc && p[2] == 0x8e) ||
			     (p[0] == 0xef && p[1] == 0xbd && p[2] == 0xa1));
}

/* Of the UTF-8 character that begins here; an octet that begins none stands for itself. */
static size_t
character_length(struct span text, size_t i)
{
	uint8_t c = text.p[i];
	size_t n = c < 0xc2 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : c < 0xf5 ? 4 : 1;

	if (text.len - i < n)
		return 1;
	for (size_t k = 1; k < n; k++)
		if ((text.p[i + k] & 0xc0) != 0x80)
			return 1;
	return n;
}

int
url_ends_at(struct span text, size_t i, size_t *n, int *dot)
{
	uint8_t c = text.p[i];

	*dot = 0;
	if (c < 0x80) {
		*n = 1;
		return c <= ' ' || c == 0x7f || c == '<' || c == '>' || c == '"';
	}
	*n = character_length(text, i);
	*dot = is_dot(text.p + i, *n);
	return is_mark(text.p + i, *n);
}

/* --- path and query --- */

static const char brackets[] = "()[]{}";

/* Without the punctuation at its end, and without brackets there that were opened before it. */
static size_t
trimmed(struct span s)
{
	size_t count[sizeof(brackets)] = { 0 };
	const char *b;

	for (size_t i = 0; i < s.len; i++)
		if (s.p[i] < 0x80 && s.p[i] != '\0' && (b = strchr(brackets, s.p[i])) != NULL)
			count[b - brackets]++;
	while (s.len > 0) {
		uint8_t c = s.p[s.len - 1];

		b = c < 0x80 && c != '\0' ? strchr(brackets, c) : NULL;
		if (b != NULL && (b - brackets) % 2 == 1 &&
		    count[b - brackets] > count[b - brackets - 1])
			count[b - brackets]--;
		else if (memchr(".,;:!?'*`|", c, 10) == NULL)
			break;
		s.len--;
	}
	return s.len;
}

size_t
url_rest_length(struct span text, size_t i)
{
	size_t end = i, n;
	int dot;

	while (end < text.len && !url_ends_at(text, end, &n, &dot) && !dot) {
		if (end + n - i > URL_REST_MAX)
			return end - i;
		end += n;
	}
	return trimmed(span_make(text.p + i, end - i));
}
