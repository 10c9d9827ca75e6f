/* The finder: from one colon or dot that may be one of a URL to the next. */
#include <string.h>

#include "mail/url_private.h"

enum trigger { COLON, DOT, DOT_IDEOGRAPHIC, DOT_FULLWIDTH, DOT_HALFWIDTH, TRIGGERS };

struct scan {
	struct urls *u;
	struct span s;
	int depth;
	int ascii;
	size_t next[TRIGGERS]; /* where each is next; it may be behind us */
};

static int
is_ascii(struct span s)
{
	uint64_t word, all = 0;
	size_t i = 0;

	for (; s.len - i >= sizeof(word); i += sizeof(word)) {
		memcpy(&word, s.p + i, sizeof(word));
		all |= word;
	}
	for (; i < s.len; i++)
		all |= s.p[i];
	return (all & UINT64_C(0x8080808080808080)) == 0;
}

static size_t
find(const struct scan *c, enum trigger t, size_t from)
{
	static const char *const dots[] = { [DOT_IDEOGRAPHIC] = "\xe3\x80\x82",
		[DOT_FULLWIDTH] = "\xef\xbc\x8e",
		[DOT_HALFWIDTH] = "\xef\xbd\xa1" };
	const uint8_t *at = NULL;

	if (from < c->s.len && t <= DOT)
		at = memchr(c->s.p + from, t == COLON ? ':' : '.', c->s.len - from);
	else if (from < c->s.len && !c->ascii)
		at = memmem(c->s.p + from, c->s.len - from, dots[t], 3);
	return at == NULL ? c->s.len : (size_t)(at - c->s.p);
}

static size_t
next_trigger(struct scan *c, size_t from)
{
	size_t first = c->s.len;

	for (int t = 0; t < TRIGGERS; t++) {
		if (c->next[t] < from)
			c->next[t] = find(c, (enum trigger)t, from);
		if (c->next[t] < first)
			first = c->next[t];
	}
	return first;
}

static uint8_t
octet_at(struct span s, size_t i)
{
	return i < s.len ? s.p[i] : 0;
}

/* --- schemes --- */

#define JOINED_MAX 2048 /* octets that are looked at for the end of <URL> over several lines */

/* Does a '<' stand before the scheme, with or without "URL:"?  Nothing else says that the lines
 * that follow belong to it (RFC 3986, appendix C). */
static int
is_bracketed(struct span s, size_t colon)
{
	for (size_t i = colon; i > 0 && colon - i < 12; i--) {
		uint8_t c = s.p[i - 1];

		if (c == '<')
			return 1;
		if (c != ':' && ((c | 0x20) < 'a' || (c | 0x20) > 'z'))
			return 0;
	}
	return 0;
}

/* Over the blanks and quote marks at the beginning of a line. */
static size_t
line_begin(struct span s, size_t i)
{
	while (i < s.len && (s.p[i] == ' ' || s.p[i] == '\t'))
		i++;
	/* "> " before more of the URL; a lone '>' is its end. */
	while (i + 1 < s.len && s.p[i] == '>' && (s.p[i + 1] == ' ' || s.p[i + 1] == '>'))
		i += s.p[i + 1] == ' ' ? 2 : 1;
	return i;
}

/* A text of its own. */
static void
take_apart_text(struct scan *c, const struct url_scheme *scheme, struct span text)
{
	struct span open = c->u->open;

	c->u->open = span_make(NULL, 0);
	(void)url_take(c->u, scheme, text, URL_FROM_TEXT, c->depth);
	c->u->open = open;
}

static void
take_joined(struct scan *c, const struct url_scheme *scheme, size_t behind)
{
	uint8_t joined[JOINED_MAX];
	size_t n = 0, i = behind;
	int lines = 0;

	while (i < c->s.len && i - behind < JOINED_MAX && c->s.p[i] != '>') {
		uint8_t o = c->s.p[i];

		if (o == '<' || o == '"')
			return;
		if (o > ' ') {
			joined[n++] = o;
			i++;
			continue;
		}
		while (i < c->s.len && (c->s.p[i] == ' ' || c->s.p[i] == '\r'))
			i++;
		if (octet_at(c->s, i) != '\n')
			return; /* words behind one another */
		i = line_begin(c->s, i + 1);
		if (octet_at(c->s, i) == '\r' || octet_at(c->s, i) == '\n')
			return; /* an empty line */
		lines++;
	}
	if (lines > 0 && octet_at(c->s, i) == '>')
		take_apart_text(c, scheme, span_make(joined, n));
}

static int
is_mailto(struct span s, size_t colon)
{
	return colon >= 6 && span_case_eq_str(span_make(s.p + colon - 6, 6), "mailto");
}

/* Of scripts; within a URL it would be looked at as often as that. */
static int
is_data(const struct scan *c, size_t colon)
{
	return c->depth == 0 && colon >= 4 &&
	       span_case_eq_str(span_make(c->s.p + colon - 4, 4), "data");
}

/* Behind what is done with. */
static size_t
try_scheme(struct scan *c, size_t colon)
{
	uint8_t o = octet_at(c->s, colon + 1);
	struct span behind = span_make(c->s.p + colon + 1, c->s.len - colon - 1);
	const struct url_scheme *scheme;
	struct url_scheme_name own;

	if (o != '/' && o != '\\' && !is_mailto(c->s, colon) && !is_data(c, colon))
		return colon + 1;
	scheme = url_scheme_before(c->s, colon, &own);
	if (scheme == NULL)
		return colon + 1;
	if (c->depth == 0 && is_bracketed(c->s, colon))
		take_joined(c, scheme, colon + 1);
	return colon + 1 + url_take(c->u, scheme, behind, URL_FROM_TEXT, c->depth);
}

/* --- hosts without a scheme --- */

static int
is_name_octet(uint8_t c)
{
	return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '-' ||
	       c == '_' || c == '%' || c >= 0x80;
}

/* Where the name around the dot begins; blanks and marks of other scripts are before it. */
static size_t
name_begin(struct span s, size_t from, size_t dot)
{
	size_t i = dot, k, n;
	int other_dot;

	while (i > from && (is_name_octet(s.p[i - 1]) || s.p[i - 1] == '.'))
		i--;
	for (k = i; k < dot; k += n)
		if (url_ends_at(s, k, &n, &other_dot))
			i = k + n;
	while (i < dot && (s.p[i] == '.' || s.p[i] == '-' || s.p[i] == '_' || s.p[i] == '%'))
		i++;
	return i;
}

static size_t
name_end(struct span s, size_t dot)
{
	size_t i, n;
	int other_dot;

	for (i = dot; i < s.len; i += n)
		if (url_ends_at(s, i, &n, &other_dot) ||
		    (n == 1 && !is_name_octet(s.p[i]) && s.p[i] != '.'))
			break;
	while (s.p[i - 1] == '-' || s.p[i - 1] == '_' || s.p[i - 1] == '%')
		i--; /* not beyond the dot */
	return i;
}

/* Among other things, is that something that a reader shows as a link?  Within a URL it must be all
 * of a parameter, or of a segment with more behind it: most dots there are those of file names. */
static int
is_placed(const struct scan *c, size_t begin, size_t end)
{
	uint8_t before = begin == 0 ? 0 : c->s.p[begin - 1], behind = octet_at(c->s, end);

	if (behind == '@' || (before == '@' && behind != '/'))
		return 0; /* an address */
	if (c->depth == 0)
		return before != '/' && before != '\\';
	if (before == '/')
		return behind == '/' ||
		       span_case_starts(span_make(c->s.p + begin, end - begin), "www.");
	return before == '=' || before == 0;
}

static size_t
try_bare(struct scan *c, size_t from, size_t dot)
{
	size_t begin, end, dot_len = c->s.p[dot] == '.' ? 1 : 3;
	uint8_t o = octet_at(c->s, dot + dot_len);

	if (dot == from || !is_name_octet(o) || !is_name_octet(c->s.p[dot - 1]))
		return dot + dot_len;
	begin = name_begin(c->s, from, dot);
	end = name_end(c->s, dot);
	if (begin >= dot || !is_placed(c, begin, end))
		return end;
	return begin + url_take_bare(c->u, span_make(c->s.p + begin, c->s.len - begin), end - begin,
			   URL_FROM_TEXT, c->depth);
}

void
url_scan(struct urls *u, struct span text, int depth)
{
	struct scan c = { .u = u, .s = text, .depth = depth, .ascii = is_ascii(text) };
	struct span open = u->open; /* of the text that this one stands in */
	size_t from = 0, at;

	u->open = span_make(NULL, 0);
	for (int t = 0; t < TRIGGERS; t++)
		c.next[t] = find(&c, (enum trigger)t, 0);
	while (!urls_full(u) && (at = next_trigger(&c, from)) < text.len)
		from = text.p[at] == ':' ? try_scheme(&c, at) : try_bare(&c, from, at);
	u->open = open;
}
