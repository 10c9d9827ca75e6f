/* References: what stands in href, src and the like. */
#include <string.h>

#include "mail/url_private.h"

/* As browsers do: blanks and controls at both ends, and line ends and tabs anywhere, are nothing.
 */
static struct span
cleaned(struct urls *u, struct span s)
{
	size_t n = 0;
	uint8_t *out;

	while (s.len > 0 && s.p[0] <= ' ')
		s = span_make(s.p + 1, s.len - 1);
	while (s.len > 0 && s.p[s.len - 1] <= ' ')
		s.len--;
	if (span_find(s, '\n') == s.len && span_find(s, '\t') == s.len &&
	    span_find(s, '\r') == s.len)
		return s;
	out = arena_alloc(u->arena, s.len);
	for (size_t i = 0; i < s.len; i++)
		if (s.p[i] != '\n' && s.p[i] != '\t' && s.p[i] != '\r')
			out[n++] = s.p[i];
	return span_make(out, n);
}

/* The scheme that it begins with, and how long it is with its colon. */
static const struct url_scheme *
scheme_of(struct span s, struct url_scheme_name *own, size_t *len)
{
	size_t colon =
	    span_find(span_make(s.p, s.len < sizeof(own->text) ? s.len : sizeof(own->text)), ':');

	if (colon == s.len || colon == sizeof(own->text))
		return NULL;
	*len = colon + 1;
	return url_scheme_read(span_make(s.p, colon), own);
}

static int
is_slash(struct span s, size_t i)
{
	return i < s.len && (s.p[i] == '/' || s.p[i] == '\\');
}

static size_t
name_length(struct span s)
{
	size_t n = 0;

	while (n < s.len && memchr("/\\?#:@ ", s.p[n], 7) == NULL)
		n++;
	return n;
}

/* --- the base --- */

static size_t
at_most(size_t n, size_t most)
{
	return n < most ? n : most;
}

void
url_base_make(struct urls *u, struct span written, struct url_base *base)
{
	struct span s = cleaned(u, written);
	size_t i;

	*base = (struct url_base){ .text = s };
	base->scheme = scheme_of(s, &base->own, &base->scheme_len);
	for (i = base->scheme_len; is_slash(s, i); i++)
		;
	while (i < s.len && !is_slash(s, i) && s.p[i] != '?' && s.p[i] != '#')
		i++;
	base->host = base->folder = i;
	for (; i < s.len && s.p[i] != '?' && s.p[i] != '#'; i++)
		if (is_slash(s, i))
			base->folder = i + 1;
	base->path = at_most(i, URL_REST_MAX);
	base->folder = at_most(base->folder, URL_REST_MAX);
	base->host = at_most(base->host, URL_REST_MAX);
}

/* How much of base stands before what is relative to it. */
static size_t
base_length(const struct url_base *base, struct span s)
{
	return is_slash(s, 0) ? base->host : s.p[0] == '?' ? base->path : base->folder;
}

/* Both are at most URL_REST_MAX octets. */
static struct span
joined(struct urls *u, struct span a, int slash, struct span b)
{
	size_t n = a.len;

	if (u->joined == NULL)
		u->joined = arena_alloc(u->arena, 2 * URL_REST_MAX + 1);
	memcpy(u->joined, a.p, a.len);
	if (slash)
		u->joined[n++] = '/';
	memcpy(u->joined + n, b.p, b.len);
	return span_make(u->joined, n + b.len);
}

/* --- references --- */

/* What is left of a reference that was too long. */
static void
take_tail(struct urls *u, struct span s, size_t done)
{
	if (done < s.len)
		url_scan(u, span_make(s.p + done, s.len - done), 1);
}

static void
take_absolute(struct urls *u, const struct url_scheme *scheme, struct span behind)
{
	take_tail(u, behind, url_take(u, scheme, behind, URL_FROM_REFERENCE, 0));
}

/* A long base before many short references would be far more than the message. */
static int
may_join(struct urls *u, size_t base_len)
{
	if (base_len > u->join_left) {
		u->limits |= URLS_LIMIT_LENGTH;
		return 0;
	}
	u->join_left -= base_len;
	return 1;
}

static void
take_joined(struct urls *u, struct span s, const struct url_base *base)
{
	size_t n = base_length(base, s);
	int slash = !is_slash(s, 0) && s.p[0] != '?' && !is_slash(base->text, n - 1);

	if (!may_join(u, n)) {
		take_tail(u, s, 0);
		return;
	}
	if (s.len > URL_REST_MAX)
		take_tail(u, s, URL_REST_MAX);
	s.len = at_most(s.len, URL_REST_MAX);
	s = joined(u, span_make(base->text.p, n), slash, s);
	take_absolute(u, base->scheme, span_make(s.p + base->scheme_len, s.len - base->scheme_len));
}

static void
take_relative(struct urls *u, struct span s, const struct url_base *base)
{
	const struct url_scheme *scheme = base->scheme;
	struct url_scheme_name own;
	size_t n;

	if (is_slash(s, 0) && is_slash(s, 1)) {
		if (scheme == NULL || scheme->syntax != URL_WEB)
			scheme = url_scheme_read(span_str("http"), &own);
		take_absolute(u, scheme, s);
		return;
	}
	if (s.p[0] == '#' || (scheme != NULL && scheme->syntax == URL_DATA))
		return;
	if (scheme != NULL) {
		take_joined(u, s, base);
		return;
	}
	n = name_length(s);
	take_tail(u, s, url_take_bare(u, s, n, URL_FROM_REFERENCE, 0));
}

void
url_reference(struct urls *u, struct span value, const struct url_base *base)
{
	struct span s = cleaned(u, value);
	struct url_scheme_name own;
	const struct url_scheme *scheme;
	size_t len = 0;

	if (s.len == 0 || urls_full(u))
		return;
	scheme = scheme_of(s, &own, &len);
	if (scheme != NULL)
		take_absolute(u, scheme, span_make(s.p + len, s.len - len));
	else
		take_relative(u, s, base);
}

void
urls_reference(struct urls *u, struct span value, struct span base)
{
	struct url_base b;

	url_base_make(u, base, &b);
	url_reference(u, value, &b);
}
