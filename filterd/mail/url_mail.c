/* mailto: */
#include <string.h>

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

static void
take_address(struct urls *u, struct span s, struct span rest, int depth)
{
	size_t at_len, at = last_at(s, &at_len), n = 0;
	struct url_host host;
	struct span name;

	if (at == 0 || at == s.len)
		return;
	name = span_make(s.p + at + at_len, s.len - at - at_len);
	if (name.len > 0 && name.p[0] == '[')
		n = name.len;
	while (n < name.len && is_name_octet(name.p[n]))
		n++;
	while (n > 0 && name.p[0] != '[' && (name.p[n - 1] == '-' || name.p[n - 1] == '_'))
		n--;
	if (url_name_read(u, span_make(name.p, n), &host) == 0)
		return;
	url_form_mail(&u->form, span_make(s.p, at), &host);
	url_emit(u, rest, depth);
}

size_t
url_take_mail(struct urls *u, struct span behind, enum url_from from, int depth)
{
	size_t n = addresses_length(behind, from), rest_len = 0;
	struct span all = span_make(behind.p, n), one, rest = { 0 };
	int more = 1;

	if (n < behind.len && behind.p[n] == '?')
		rest_len = from == URL_FROM_TEXT ? url_rest_length(behind, n) : behind.len - n;
	if (rest_len > URL_REST_MAX)
		rest_len = URL_REST_MAX;
	rest = span_make(behind.p + n, rest_len);
	while (more && !urls_full(u)) {
		more = span_cut(all, ',', &one, &all);
		take_address(u, span_trim(one), rest, depth);
		rest.len = 0; /* once is enough */
	}
	return n + rest_len;
}
