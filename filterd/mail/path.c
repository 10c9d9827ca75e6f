#include <arpa/inet.h>
#include <string.h>

#include "base/arena.h"
#include "mail/syntax_private.h"

#define LABEL_MAX 63
#define HOST_MAX  255

int
utf8_valid(struct span s)
{
	for (size_t i = 0; i < s.len;) {
		uint8_t c = s.p[i];
		size_t more = c < 0x80 ? 0 : c < 0xc2 ? 9 : c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;
		uint32_t value;

		if (c > 0xf4 || more > 3 || s.len - i <= more)
			return 0;
		value = more == 0 ? c : c & (0x3fu >> more);
		for (size_t k = 1; k <= more; k++) {
			if ((s.p[i + k] & 0xc0) != 0x80)
				return 0;
			value = value << 6 | (s.p[i + k] & 0x3f);
		}
		if ((more == 2 && value < 0x800) || (more == 3 && value < 0x10000) ||
		    value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff))
			return 0;
		i += more + 1;
	}
	return 1;
}

static int
is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

static int
is_host_char(uint8_t c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
	       c == '-' || c >= 0x80;
}

static int
label_valid(struct span label, int *numeric)
{
	if (label.len == 0 || label.len > LABEL_MAX)
		return 0;
	if (label.p[0] == '-' || label.p[label.len - 1] == '-')
		return 0;
	for (size_t i = 0; i < label.len; i++) {
		if (!is_host_char(label.p[i]))
			return 0;
		if (!is_digit(label.p[i]))
			*numeric = 0;
	}
	return 1;
}

/* A host name as Postfix takes it: with underscores and a final dot, but not numbers alone, which
 * would be an address in the wrong clothes. */
static int
host_valid(struct span host)
{
	struct span label, rest = host;
	int numeric = 1, more;

	if (host.len > HOST_MAX)
		return 0;
	if (rest.len > 1 && rest.p[rest.len - 1] == '.')
		rest.len--;
	do {
		more = span_cut(rest, '.', &label, &rest);
		if (!label_valid(label, &numeric))
			return 0;
	} while (more);
	return !numeric;
}

/* "[192.0.2.1]" or "[IPv6:2001:db8::1]" */
static int
literal_valid(struct span s)
{
	static const char v6[] = "IPv6:";
	char text[INET6_ADDRSTRLEN];
	struct in6_addr addr;
	int family = AF_INET;

	if (s.len < 2 || s.p[s.len - 1] != ']')
		return 0;
	s = span_make(s.p + 1, s.len - 2);
	if (span_case_starts(s, v6)) {
		family = AF_INET6;
		s = span_make(s.p + sizeof(v6) - 1, s.len - (sizeof(v6) - 1));
	}
	if (s.len >= sizeof(text) || memchr(s.p, '\0', s.len) != NULL)
		return 0;
	memcpy(text, s.p, s.len);
	text[s.len] = '\0';
	return inet_pton(family, text, &addr) == 1;
}

static int
domain_valid(struct span d)
{
	if (d.len > 0 && d.p[0] == '[')
		return literal_valid(d);
	return host_valid(d);
}

/* "@one,@two:" at the start: its length with the colon, 0 when there is none, -1 when it is wrong.
 */
static long
route_len(struct span s)
{
	size_t at = 0;

	if (s.len == 0 || s.p[0] != '@')
		return 0;
	for (;;) {
		size_t start = ++at; /* behind @ */
		int literal = at < s.len && s.p[at] == '[';

		while (at < s.len && (literal || (s.p[at] != ',' && s.p[at] != ':'))) {
			if (s.p[at] == ']')
				literal = 0;
			at++;
		}
		if (at == s.len)
			return start == 1 ? 0 : -1; /* "@domain": an empty local part */
		if (!domain_valid(span_make(s.p + start, at - start)))
			return -1;
		if (s.p[at] == ':')
			return (long)at + 1;
		if (++at == s.len || s.p[at] != '@')
			return -1;
	}
}

/* An octet that may stand in a local part without quotes. */
static int
is_atom_char(uint8_t c)
{
	switch (c) {
	case '(':
	case ')':
	case '<':
	case '>':
	case ',':
	case ';':
	case ':':
	case '"':
	case '[':
	case ']':
	case '\\':
	case 0x7f:
		return 0;
	}
	return c > ' ';
}

/* Where the octets from `at` on end that stand for themselves and begin no word. */
static size_t
plain_end(struct span s, size_t at)
{
	while (at < s.len && is_atom_char(s.p[at]) && s.p[at] != '.' && s.p[at] != '@')
		at++;
	return at;
}

static int
is_quoted_char(uint8_t c)
{
	return (c >= ' ' && c != 0x7f) || c == '\t';
}

/* The quoted string at s.p[at], a '"': its octets to out; returns where it ends, 0 when it does
 * not. */
static size_t
quoted_string(struct span s, size_t at, char *out, size_t *len)
{
	for (at++; at < s.len && s.p[at] != '"'; at++) {
		if (s.p[at] == '\\' && ++at == s.len)
			return 0;
		if (!is_quoted_char(s.p[at]))
			return 0;
		out[(*len)++] = (char)s.p[at];
	}
	if (at == s.len)
		return 0;
	at++;
	/* It is a word of its own: "a"b is not read by everybody alike. */
	return at == s.len || s.p[at] == '.' || s.p[at] == '@' ? at : 0;
}

/* The octets of s with quotes undone to out, which has room for s.len + 1.  *at_raw, *at_out: where
 * the last @ outside quotes stands, s.len and the length of out when there is none. */
static int
unquote(struct span s, char *out, size_t *at_raw, size_t *at_out)
{
	size_t len = 0;
	int found = 0, word_start = 1;

	for (size_t i = 0; i < s.len;) {
		size_t end = plain_end(s, i);
		uint8_t c;

		if (end > i) {
			memcpy(out + len, s.p + i, end - i);
			len += end - i;
			i = end;
			word_start = 0;
			continue;
		}
		c = s.p[i];
		if (c == '"' && word_start) {
			i = quoted_string(s, i, out, &len);
			if (i == 0)
				return -1;
			word_start = 0;
			continue;
		}
		if (c == '@') {
			found = 1;
			*at_raw = i;
			*at_out = len;
			if (i + 1 < s.len && s.p[i + 1] == '[')
				break; /* a literal has its own grammar */
		}
		if (c == '\\') {
			if (++i == s.len || !is_quoted_char(s.p[i]))
				return -1;
			c = s.p[i];
			word_start = 0;
		} else if (c == '.' || c == '@') {
			word_start = 1;
		} else {
			return -1;
		}
		out[len++] = (char)c;
		i++;
	}
	out[len] = '\0';
	if (!found) {
		*at_raw = s.len;
		*at_out = len;
	}
	return 0;
}

static int
has_high(struct span s)
{
	for (size_t i = span_printable(s); i < s.len; i++)
		if (s.p[i] & 0x80)
			return 1;
	return 0;
}

/* LOCAL@DOMAIN */
static const char *
joined(struct arena *a, struct span local, struct span domain)
{
	char *s = arena_alloc(a, local.len + domain.len + 2);

	memcpy(s, local.p, local.len);
	s[local.len] = '@';
	memcpy(s + local.len + 1, domain.p, domain.len);
	s[local.len + 1 + domain.len] = '\0';
	return s;
}

int
path_parse(struct arena *a, struct span text, int utf8, int empty, struct mail_path *path)
{
	struct span s, domain;
	size_t at_raw, at_out;
	long route;
	char *local;

	while (text.len > 0 && is_blank(text.p[0]))
		text = span_make(text.p + 1, text.len - 1);
	while (text.len > 0 && is_blank(text.p[text.len - 1]))
		text.len--;
	*path = (struct mail_path){ .octets = "", .local = "", .domain = "", .addr = "" };
	if (text.len == 0)
		return empty ? 0 : -1;
	if (has_high(text) && (!utf8 || !utf8_valid(text)))
		return -1;
	route = route_len(text);
	if (route == -1)
		return -1;
	s = span_make(text.p + route, text.len - (size_t)route);
	local = arena_alloc(a, s.len + 1);
	if (unquote(s, local, &at_raw, &at_out) == -1)
		return -1;
	domain = span_make(s.p + at_raw, s.len - at_raw);
	if (domain.len > 0) {
		domain = span_make(domain.p + 1, domain.len - 1);
		if (!domain_valid(domain))
			return -1;
	} else if (at_out == 0 && (route > 0 || !empty)) {
		return -1; /* "@route:" or "" in quotes, which is null */
	}
	local[at_out] = '\0';
	path->octets = arena_str(a, text);
	path->domain = arena_str(a, domain);
	if (path->octets == NULL || path->domain == NULL)
		return -1; /* a NUL; none gets past the checks above */
	path->local = local;
	path->addr = domain.len == 0 ? local : joined(a, span_make(local, at_out), domain);
	return 0;
}
