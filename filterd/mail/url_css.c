/* The URLs of CSS: url(...), @import "..." and image-set("..."). */
#include <string.h>

#include "mail/url_private.h"
#include "mail/utf8.h"

static int
is_blank(struct span s, size_t i)
{
	return i < s.len && (s.p[i] == ' ' || (s.p[i] >= '\t' && s.p[i] <= '\r'));
}

/* How many hexadecimal digits stand here, at most six. */
static size_t
digits_at(struct span s, size_t i)
{
	size_t n = 0;

	while (n < 6 && i + n < s.len &&
	       ((s.p[i + n] >= '0' && s.p[i + n] <= '9') ||
		   ((s.p[i + n] | 0x20) >= 'a' && (s.p[i + n] | 0x20) <= 'f')))
		n++;
	return n;
}

/* The escape at i, behind its backslash: what it stands for to out.  *len gets how long it is. */
static size_t
escape(struct span s, size_t i, size_t *len, uint8_t *out)
{
	size_t n = digits_at(s, i);
	uint32_t c = 0;

	*len = n;
	if (n > 0) {
		char octets[4];
		size_t octets_len;

		for (size_t k = 0; k < n; k++) {
			uint8_t d = s.p[i + k] | 0x20u;

			c = c * 16 + (uint32_t)(d <= '9' ? d - '0' : d - 'a' + 10);
		}
		*len += (size_t)is_blank(s, i + n);
		/* "\0" is shorter than what CSS has for it, and as little use in a URL. */
		octets_len = c == 0 ? 0 : utf8_put(c, octets);
		memcpy(out, octets, octets_len);
		return octets_len;
	}
	*len = i < s.len ? 1 : 0;
	if (*len == 0 || s.p[i] == '\n')
		return 0; /* a line that goes on */
	out[0] = s.p[i];
	return 1;
}

/* What stands in quotes, or up to the bracket.  *end: behind it. */
static struct span
string_at(struct urls *u, struct span s, size_t i, size_t *end)
{
	uint8_t *out, quote = 0;
	size_t n = 0, from, len;

	while (is_blank(s, i))
		i++;
	if (i < s.len && (s.p[i] == '"' || s.p[i] == '\''))
		quote = s.p[i++];
	for (from = i; i < s.len && s.p[i] != (quote == 0 ? ')' : quote); i++)
		if (s.p[i] == '\\')
			i++;
	*end = i < s.len ? i : s.len;
	/* No escape is shorter than what it stands for: "\1f600" against four octets. */
	out = arena_alloc(u->arena, *end - from + 1);
	for (i = from; i < *end;) {
		if (s.p[i++] != '\\') {
			out[n++] = s.p[i - 1];
			continue;
		}
		n += escape(span_make(s.p, *end), i, &len, out + n);
		i += len;
	}
	return span_make(out, n);
}

void
url_css(struct urls *u, struct span s, const struct url_base *base)
{
	static const char import[] = "@import", set[] = "image-set(";
	size_t i = 0;
	int in_set = 0; /* up to the end of the declaration strings are references */

	while (i < s.len && !urls_full(u)) {
		struct span rest = span_make(s.p + i, s.len - i);

		if (span_case_starts(rest, "url(")) {
			url_reference(u, string_at(u, s, i + 4, &i), base);
			i += i < s.len; /* over the quote, which begins nothing */
		} else if (span_case_starts(rest, import)) {
			i += sizeof(import) - 1;
			while (is_blank(s, i))
				i++;
			if (i < s.len && (s.p[i] == '"' || s.p[i] == '\''))
				url_reference(u, string_at(u, s, i, &i), base);
		} else if (span_case_starts(rest, set)) {
			in_set = 1;
			i += sizeof(set) - 1;
		} else if (in_set && (s.p[i] == '"' || s.p[i] == '\'')) {
			url_reference(u, string_at(u, s, i, &i), base);
			i++;
		} else {
			in_set &= s.p[i] != ';' && s.p[i] != '}';
			i++;
		}
	}
}
