/* The words of CSS. */
#include <string.h>

#include "mail/html_style.h"
#include "mail/utf8.h"

static int
is_space(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

static struct span
behind(struct span s, size_t n)
{
	return span_make(s.p + n, s.len - n);
}

/* How many octets a comment at the front takes; 0: there is none. */
static size_t
comment_len(struct span s)
{
	size_t at = 2;

	if (s.len < 2 || s.p[0] != '/' || s.p[1] != '*')
		return 0;
	while ((at += span_find(behind(s, at), '*')) < s.len) {
		at++;
		if (at < s.len && s.p[at] == '/')
			return at + 1;
	}
	return s.len;
}

/* A string, which a line end breaks off; or an escape: how many octets. */
static size_t
quoted_len(struct span s)
{
	size_t at = 1;

	if (s.p[0] == '\\')
		return s.len < 2 ? 1 : 2;
	for (; at < s.len && s.p[at] != s.p[0] && s.p[at] != '\n'; at++)
		if (s.p[at] == '\\' && at + 1 < s.len)
			at++;
	return at < s.len ? at + 1 : s.len;
}

size_t
css_skip(struct span s)
{
	size_t n = comment_len(s);

	if (n == 0 && s.len > 1 && s.p[0] == '\\')
		return 2;
	return n == 0 ? 1 : n;
}

/* What may be more than part of a word. */
static const uint8_t special[256] = {
	['/'] = 1,
	['"'] = 1,
	['\''] = 1,
	['\\'] = 1,
	['('] = 1,
	[')'] = 1,
	[':'] = 1,
	[';'] = 1,
	['{'] = 1,
	['}'] = 1,
	[','] = 1,
};

struct span
css_until(struct span *css, const char *ends)
{
	struct span s = *css;
	int depth = 0;
	size_t at = 0;

	while (at < s.len) {
		uint8_t c = s.p[at];

		if (!special[c]) {
			at++;
		} else if (c == '/' && at + 1 < s.len && s.p[at + 1] == '*') {
			at += comment_len(behind(s, at));
		} else if (c == '"' || c == '\'' || c == '\\') {
			at += quoted_len(behind(s, at));
		} else if (depth == 0 && strchr(ends, c) != NULL) {
			break;
		} else {
			depth += c == '(';
			depth -= c == ')' && depth > 0;
			at++;
		}
	}
	*css = behind(s, at);
	return span_make(s.p, at);
}

size_t
css_escape(struct span s, uint32_t *c)
{
	size_t at = 1;

	*c = 0;
	for (; at < s.len && at <= 6; at++) {
		uint8_t d = s.p[at] | 0x20;

		if (d >= '0' && d <= '9' && s.p[at] <= '9')
			*c = *c << 4 | (uint32_t)(d - '0');
		else if (d >= 'a' && d <= 'f')
			*c = *c << 4 | (uint32_t)(d - 'a' + 10);
		else
			break;
	}
	if (at > 1)
		return at < s.len && is_space(s.p[at]) ? at + 1 : at;
	if (s.len < 2)
		return 1;
	*c = s.p[1];
	return 2;
}

/* What stands at the front, as css_plain() has it; how many octets it takes. */
static size_t
plain_char(struct span s, uint32_t *c)
{
	size_t used;

	*c = *s.p;
	if (*c == '"' || *c == '\'') {
		*c = '"';
		return quoted_len(s);
	}
	if (*c == '\\')
		return css_escape(s, c);
	if (*c == '/' && (used = comment_len(s)) > 0) {
		*c = ' ';
		return used;
	}
	if (is_space((uint8_t)*c))
		*c = ' ';
	return 1;
}

size_t
css_plain(struct span s, char *out, size_t size)
{
	size_t n = 0;
	int depth = 0;

	while (s.len > 0 && n + 5 < size) {
		uint32_t c = *s.p;
		size_t used = 1;

		if (c <= ' ' || special[c]) {
			int raw = c == '(' || c == ')';

			used = plain_char(s, &c);
			depth += raw && c == '(';
			depth -= raw && c == ')' && depth > 0;
		}
		if (depth > 0 && (c == ' ' || c == '/'))
			c = ',';
		if ((c == ' ' || c == ',') &&
		    (n == 0 || out[n - 1] == (char)c || out[n - 1] == '('))
			;
		else if (c >= 0x80)
			n += utf8_put(c, out + n);
		else
			out[n++] = (char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
		s = behind(s, used);
	}
	if (n > 0 && out[n - 1] == ' ')
		n--;
	out[n] = '\0';
	return n;
}
