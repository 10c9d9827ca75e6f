/* What stands behind a scheme, or is a host without one: read, and into the set. */
#include <string.h>

#include "base/text.h"
#include "mail/public_suffix.h"
#include "mail/url_private.h"

#define SCHEME_DEFAULT "http" /* what readers put before a host that has none */

/* What is being read. */
struct take {
	struct urls *u;
	struct span s;
	enum url_from from;
	int depth;
	struct url_target t;
};

static int
is_web(const struct take *k)
{
	return k->t.scheme->syntax == URL_WEB;
}

static int
begins_rest(const struct take *k, size_t i)
{
	uint8_t c = i < k->s.len ? k->s.p[i] : 0;

	return c == '/' || c == '?' || c == '#' || (c == '\\' && is_web(k));
}

/* --- where the host is --- */

/* Where the authority that begins at i ends; backslash: it ends it as well. */
static size_t
authority_end(const struct take *k, size_t i, int backslash)
{
	size_t n;
	int dot;

	for (; i < k->s.len; i += n) {
		uint8_t c = k->s.p[i];

		if (c == '/' || c == '?' || c == '#' || (c == '\\' && backslash))
			break;
		if (url_ends_at(k->s, i, &n, &dot) && k->from == URL_FROM_TEXT)
			break;
	}
	return i;
}

/* The same without backslash, for many beginnings in one authority: it is walked through once. */
static size_t
open_authority_end(struct take *k, size_t i)
{
	struct span *open = &k->u->open;
	uintptr_t at = (uintptr_t)(k->s.p + i), from = (uintptr_t)open->p;

	if (k->from != URL_FROM_TEXT)
		return authority_end(k, i, 0);
	if (at < from || at >= from + open->len)
		*open = span_make(k->s.p + i, 0);
	i = (size_t)(open->p + open->len - k->s.p);
	if (i >= k->s.len)
		return k->s.len;
	i = authority_end(k, i, 0);
	open->len = (size_t)(k->s.p + i - open->p);
	return i;
}

static size_t
behind_last_at(struct span s, size_t i, size_t end)
{
	const uint8_t *at = memrchr(s.p + i, '@', end - i);

	return at == NULL ? i : (size_t)(at - s.p) + 1;
}

static int
is_name_octet(uint8_t c)
{
	return c >= 0x80 || c == '-' || c == '.' || c == '_' || c == '%' ||
	       (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

/* "http://a.examplehttp://b.example": where the next URL begins at the end of a host; n: nowhere.
 */
static size_t
before_next(const struct take *k, size_t i, size_t n)
{
	static const char *const names[] = { "https", "http", NULL };

	if (k->s.len - n < 2 || k->s.p[n] != ':' || (k->s.p[n + 1] != '/' && k->s.p[n + 1] != '\\'))
		return n;
	for (size_t j = 0; names[j] != NULL; j++) {
		size_t len = strlen(names[j]);

		if (n - i >= len && span_case_eq_str(span_make(k->s.p + n - len, len), names[j]))
			return n - len;
	}
	return n;
}

/* Of the octets between i and end: those that are the host.  In a text a host ends at what no host
 * has, and before the hyphens and underlines of the sentence. */
static size_t
host_length(const struct take *k, size_t i, size_t end)
{
	size_t n = i;

	if (i < end && k->s.p[i] == '[') {
		n = i + span_find(span_make(k->s.p + i, end - i), ']');
		return n == end ? 0 : n + 1 - i;
	}
	if (k->from == URL_FROM_REFERENCE)
		return span_find(span_make(k->s.p + i, end - i), ':');
	while (n < end && is_name_octet(k->s.p[n]))
		n++;
	n = before_next(k, i, n);
	if (n == end && !begins_rest(k, n))
		while (n > i && (k->s.p[n - 1] == '-' || k->s.p[n - 1] == '_'))
			n--;
	return n - i;
}

/* --- from the end of the host on --- */

/* The port at i, where there is none 0; *i is behind it. */
static unsigned
port_at(struct span s, size_t *i)
{
	size_t k = *i;
	unsigned port = 0;

	if (k == s.len || s.p[k] != ':')
		return 0;
	for (k++; k < s.len && s.p[k] >= '0' && s.p[k] <= '9'; k++)
		port = port > 65535 ? port : port * 10 + (s.p[k] - '0');
	if (k == *i + 1 && k < s.len && s.p[k] != '/' && s.p[k] != '?' && s.p[k] != '#')
		return 0; /* ": " */
	*i = k;
	return port > 65535 ? 0 : port;
}

/* The host is read and ends at i; the authority ends at end, or i.  How far it goes. */
static size_t
take_from(struct take *k, size_t i, size_t end)
{
	size_t n = 0;

	k->t.port = port_at(k->s, &i);
	if (k->from == URL_FROM_REFERENCE && i < end)
		i = end;
	if (begins_rest(k, i)) {
		n = k->s.len - i;
		if (k->from == URL_FROM_TEXT)
			n = url_rest_length(k->s, i);
		else if (n > URL_REST_MAX)
			n = URL_REST_MAX;
	}
	k->t.rest = span_make(k->s.p + i, n);
	url_form_make(&k->u->form, &k->t);
	url_emit(k->u, k->t.rest, k->depth);
	return i + n;
}

/* An authority between i and end.  Behind what has been read; end if it has no host, but for
 * "http://http://a.example". */
static size_t
take_authority(struct take *k, size_t i, size_t end)
{
	size_t host = behind_last_at(k->s, i, end), len = host_length(k, host, end), n;
	struct span written = span_make(k->s.p + host, len);

	if (k->from == URL_FROM_TEXT)
		n = url_name_read(k->u, written, &k->t.host);
	else
		n = url_host_read(written, &k->t.host) ? len : 0;
	if (n == 0)
		return len == 0 && host < end && is_name_octet(k->s.p[host]) ? host : end;
	return take_from(k, host + n, end);
}

/* --- behind a scheme --- */

static size_t
take_opaque(struct take *k)
{
	static const char *const parts_of_mail[] = { "cid", "mid", "about", NULL };
	size_t n = k->s.len < URL_REST_MAX ? k->s.len : URL_REST_MAX;

	if (k->from == URL_FROM_TEXT)
		return 0;
	for (size_t i = 0; parts_of_mail[i] != NULL; i++)
		if (strcmp(k->t.scheme->name, parts_of_mail[i]) == 0)
			return k->s.len;
	url_form_opaque(&k->u->form, k->t.scheme, span_make(k->s.p, n));
	url_emit(k->u, span_make(k->s.p, n), k->depth);
	return n;
}

/* What kind it is, and if that is a document, what is in it. */
static size_t
take_data(struct take *k)
{
	size_t n = 0, all = k->s.len;

	if (k->from == URL_FROM_TEXT)
		all = url_data_length(k->s);
	if (all == 0)
		return 0;
	while (n < all && n < 128 && k->s.p[n] != ',' && k->s.p[n] != ';')
		n++;
	url_form_opaque(&k->u->form, k->t.scheme, span_make(k->s.p, n));
	url_emit(k->u, span_make(NULL, 0), k->depth);
	url_data(k->u, span_make(k->s.p, all));
	return all;
}

/* Where the authority begins; s.len + 1: there is none. */
static size_t
authority_at(const struct take *k)
{
	size_t i = 0;

	while (i < k->s.len && (k->s.p[i] == '/' || (k->s.p[i] == '\\' && is_web(k))))
		i++;
	if (!is_web(k))
		return i >= 2 ? 2 : k->s.len + 1;
	if (k->from == URL_FROM_TEXT && (i == 0 || (i < 2 && !k->t.scheme->one_slash)))
		return k->s.len + 1;
	return i;
}

size_t
url_take(struct urls *u, const struct url_scheme *scheme, struct span behind, enum url_from from,
    int depth)
{
	struct take k = { .u = u, .s = behind, .from = from, .depth = depth };
	size_t begin, end, far, other, farther;

	k.t.scheme = scheme;
	if (scheme->syntax == URL_MAIL)
		return url_take_mail(u, behind, from, depth);
	if (scheme->syntax == URL_DATA)
		return take_data(&k);
	begin = authority_at(&k);
	if (begin > behind.len)
		return take_opaque(&k);
	end = authority_end(&k, begin, is_web(&k));
	if (end == begin && !is_web(&k))
		return from == URL_FROM_TEXT ? end : take_opaque(&k);
	far = take_authority(&k, begin, end);
	/* http://good.example\@host: to some \ begins the path, to others @ ends the user. */
	if (end < behind.len && behind.p[end] == '\\' && is_web(&k)) {
		k.s.len = behind.len - end < URL_REST_MAX ? behind.len : end + URL_REST_MAX;
		other = open_authority_end(&k, begin);
		if (behind_last_at(k.s, end, other) > end) {
			farther = take_authority(&k, begin, other);
			far = farther > far ? farther : far;
		}
	}
	return far;
}

/* --- without a scheme --- */

/* www.x.y, whatever y is. */
static int
is_www(const char *name)
{
	return strncmp(name, "www.", 4) == 0 && strchr(name + 4, '.') != NULL;
}

/* 192.0.2.1/path, and not 192.0.2.0/24 or a version number. */
static int
is_v4_path(struct span s, size_t host_len)
{
	int dots = 0;

	for (size_t i = 0; i < host_len; i++) {
		if (s.p[i] == '.')
			dots++;
		else if (s.p[i] < '0' || s.p[i] > '9')
			return 0;
	}
	return dots == 3 && s.len > host_len + 1 && s.p[host_len] == '/' &&
	       (s.p[host_len + 1] | 0x20) >= 'a' && (s.p[host_len + 1] | 0x20) <= 'z';
}

/* Words of a script that needs no blanks before the first label: where it may begin instead; 0:
 * there are none. */
static size_t
behind_other_script(struct span written)
{
	size_t begin = 0, n;
	int dot;

	for (size_t i = 0; i < written.len && written.p[i] != '.'; i += n) {
		(void)url_ends_at(written, i, &n, &dot);
		if (dot)
			break;
		if (n >= 3)
			begin = i + n;
	}
	return begin < written.len && written.p[begin] != '.' ? begin : 0;
}

/* Is it out of the question, before it is read?  Most are the ends of sentences. */
static int
is_no_host(const struct urls *u, struct span written)
{
	char label[HOSTNAME_LABEL_MAX + 1];
	size_t len = written.len, i;

	while (len > 0 && written.p[len - 1] == '.')
		len--;
	for (i = len; i > 0 && written.p[i - 1] != '.'; i--)
		if (written.p[i - 1] >= 0x80 || written.p[i - 1] == '%')
			return 0;
	if (i == 0 || len - i >= sizeof(label))
		return 1;
	if ((written.p[i] >= '0' && written.p[i] <= '9') || span_case_starts(written, "www."))
		return 0;
	span_copy(span_make(written.p + i, len - i), label, sizeof(label));
	return !public_suffix_is_top(u->suffixes, text_lower(label));
}

static int
is_plausible(const struct take *k, size_t n)
{
	switch (k->t.host.kind) {
	case URL_NAME:
		return url_name_is_top(k->u, k->t.host.name) || is_www(k->t.host.name);
	case URL_V4:
		return is_v4_path(k->s, n);
	case URL_V6:
	case URL_NO_HOST:
		break;
	}
	return 0;
}

size_t
url_take_bare(struct urls *u, struct span s, size_t host_len, enum url_from from, int depth)
{
	static const struct url_scheme http = {
		.name = SCHEME_DEFAULT, .syntax = URL_WEB, .port = 80
	};
	struct take k = { .u = u, .s = s, .from = from, .depth = depth };
	struct span written = span_make(s.p, host_len);
	size_t n, begin;

	k.t.scheme = &http;
	if (is_no_host(u, written))
		return host_len;
	begin = behind_other_script(written);
	if (begin > 0)
		url_take_bare(
		    u, span_make(s.p + begin, s.len - begin), host_len - begin, from, depth);
	n = url_name_read(u, written, &k.t.host);
	if (n == 0 || !is_plausible(&k, n))
		return host_len;
	return take_from(&k, n, n);
}
