/* mailto: */
#include <string.h>

#include "base/attr.h"
#include "mail/url_private.h"

/* How many octets the addresses are. */
static size_t
addresses_length(struct span s, enum url_from from)
{
	size_t i, n;
	int dot;

	for (i = 0; i < s.len && s.p[i] != '?'; i += n)
		if (url_ends_at(s, i, &n, &dot) && from == URL_FROM_TEXT)
			break;
	return i;
}

static int
is_name_octet(uint8_t c)
{
	return c >= 0x80 || c == '-' || c == '.' || c == '_' || c == '%' ||
	       (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

/* %40 is a plausible '@'. */
static size_t
last_at(struct span s, size_t *len)
{
	for (size_t i = s.len; i-- > 0;) {
		*len = 1;
		if (s.p[i] == '@')
			return i;
		*len = 3;
		if (s.p[i] == '%' && span_hex_octet(s, i + 1) == '@')
			return i;
	}
	return s.len;
}

/* 0: it is none. */
static int
take_address(struct urls *u, struct span s, struct span rest, int depth)
{
	size_t at_len, at = last_at(s, &at_len), n = 0;
	struct url_host host;
	struct span name;

	if (at == 0 || at == s.len)
		return 0;
	name = span_make(s.p + at + at_len, s.len - at - at_len);
	if (name.len > 0 && name.p[0] == '[')
		n = name.len;
	while (n < name.len && is_name_octet(name.p[n]))
		n++;
	while (n > 0 && name.p[0] != '[' && (name.p[n - 1] == '-' || name.p[n - 1] == '_'))
		n--;
	if (url_name_read(u, span_make(name.p, n), &host) == 0)
		return 0;
	url_form_mail(&u->form, span_make(s.p, at), &host);
	url_emit(u, rest, depth);
	return 1;
}

/* Separated by commas, percent-encoded or not; *rest is what stands behind the first that is one.
 */
static void
take_addresses(struct urls *u, struct span all, struct span *rest, int depth)
{
	size_t from = 0;

	for (size_t i = 0; i <= all.len && !urls_full(u); i++) {
		size_t len = 1;

		if (i < all.len && all.p[i] == '%' && span_hex_octet(all, i + 1) == ',')
			len = 3;
		else if (i < all.len && all.p[i] != ',')
			continue;
		if (take_address(u, span_trim(span_make(all.p + from, i - from)), *rest, depth))
			rest->len = 0; /* once is enough */
		from = i + len;
		i = from - 1;
	}
}

/* "?to=...&cc=..." */
static void
take_fields(struct urls *u, struct span query, struct span *rest, int depth)
{
	static const char *const names[] = { "to", "cc", "bcc" };
	struct span field, name, value;
	int more = query.len > 0;

	query = more ? span_make(query.p + 1, query.len - 1) : query;
	while (more && !urls_full(u)) {
		more = span_cut(query, '&', &field, &query);
		span_cut(field, '=', &name, &value);
		for (size_t i = 0; i < nitems(names); i++)
			if (span_case_eq_str(name, names[i]))
				take_addresses(u, value, rest, depth);
	}
}

size_t
url_take_mail(struct urls *u, struct span behind, enum url_from from, int depth)
{
	size_t n = addresses_length(behind, from), rest_len = 0;
	struct span query, rest;

	if (n < behind.len && behind.p[n] == '?')
		rest_len = from == URL_FROM_TEXT ? url_rest_length(behind, n) : behind.len - n;
	if (rest_len > URL_REST_MAX)
		rest_len = URL_REST_MAX;
	query = rest = span_make(behind.p + n, rest_len);
	take_addresses(u, span_make(behind.p, n), &rest, depth);
	take_fields(u, query, &rest, depth);
	return n + rest_len;
}
