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

/* How much of base stands before what is relative to it. */
static size_t
base_length(struct span base, size_t scheme_len, struct span s)
{
	size_t i = scheme_len, last;

	while (is_slash(base, i))
		i++;
	while (i < base.len && !is_slash(base, i) && base.p[i] != '?' && base.p[i] != '#')
		i++;
	if (is_slash(s, 0))
		return i;
	for (last = i; i < base.len && base.p[i] != '?' && base.p[i] != '#'; i++)
		if (is_slash(base, i))
			last = i + 1;
	return s.p[0] == '?' ? i : last;
}

static struct span
joined(struct urls *u, struct span a, int slash, struct span b)
{
	uint8_t *out = arena_alloc(u->arena, a.len + 1 + b.len);
	size_t n = a.len;

	memcpy(out, a.p, a.len);
	if (slash)
		out[n++] = '/';
	memcpy(out + n, b.p, b.len);
	return span_make(out, n + b.len);
}

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

static void
take_relative(struct urls *u, struct span s, struct span base)
{
	struct url_scheme_name own;
	size_t len = 0, n;
	const struct url_scheme *scheme = scheme_of(base, &own, &len);

	if (is_slash(s, 0) && is_slash(s, 1)) {
		if (scheme == NULL || scheme->syntax != URL_WEB)
			scheme = url_scheme_read(span_str("http"), &own);
		take_absolute(u, scheme, s);
		return;
	}
	if (s.p[0] == '#')
		return;
	if (scheme != NULL) {
		n = base_length(base, len, s);
		if (s.len > URL_REST_MAX)
			take_tail(u, s, URL_REST_MAX);
		s.len = s.len < URL_REST_MAX ? s.len : URL_REST_MAX;
		n = n < URL_REST_MAX ? n : URL_REST_MAX;
		s = joined(u, span_make(base.p, n),
		    !is_slash(s, 0) && s.p[0] != '?' && !is_slash(base, n - 1), s);
		take_absolute(u, scheme, span_make(s.p + len, s.len - len));
		return;
	}
	n = name_length(s);
	take_tail(u, s, url_take_bare(u, s, n, URL_FROM_REFERENCE, 0));
}

void
urls_reference(struct urls *u, struct span value, struct span base)
{
	struct span s = cleaned(u, value);
	struct url_scheme_name own;
	const struct url_scheme *scheme;
	size_t len = 0;

	if (s.len == 0 || urls_full(u))
		return;
	base = cleaned(u, base);
	scheme = scheme_of(s, &own, &len);
	if (scheme != NULL)
		take_absolute(u, scheme, span_make(s.p + len, s.len - len));
	else
		take_relative(u, s, base);
}
