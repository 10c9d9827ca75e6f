#include "mail/hostname.h"

static struct span
from(struct span s, size_t n)
{
	return span_make(s.p + n, s.len - n);
}

static int
is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

static int
is_letter(uint8_t c, int utf8)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (utf8 && c > 127);
}

static int
label_valid(struct span s, int utf8, int *numeric)
{
	if (s.len == 0 || s.len > HOSTNAME_LABEL_MAX || s.p[0] == '-' || s.p[s.len - 1] == '-')
		return 0;
	for (size_t i = 0; i < s.len; i++) {
		if (is_digit(s.p[i]))
			continue;
		if (s.p[i] != '-' && !is_letter(s.p[i], utf8))
			return 0;
		*numeric = 0;
	}
	return 1;
}

int
hostname_valid(struct span s, int utf8)
{
	struct span label;
	int more = 1, numeric = 1;

	if (s.len > HOSTNAME_MAX)
		return 0;
	while (more) {
		more = span_cut(s, '.', &label, &s);
		if (!label_valid(label, utf8, &numeric))
			return 0;
	}
	return !numeric;
}

struct span
hostname_undotted(struct span s)
{
	if (s.len >= 2 && s.p[s.len - 1] == '.' && s.p[s.len - 2] != '.')
		s.len--;
	return s;
}

int
hostname_qualified(struct span s, int utf8)
{
	s = hostname_undotted(s);
	return hostname_valid(s, utf8) && span_find(s, '.') < s.len;
}

int
hostaddr_v4_valid(struct span s)
{
	struct span part;
	uint64_t v, first = 1, all = 0;
	int n = 0, more = 1;

	while (more) {
		more = span_cut(s, '.', &part, &s);
		if (++n > 4 || part.len == 0 || span_u64(part, 255, &v) == -1)
			return 0;
		if (n == 1)
			first = v;
		all |= v;
	}
	/* What begins with 0 is "this network", no host; all zeros is "any". */
	return n == 4 && (first != 0 || all == 0);
}

static size_t
hex_digits(struct span s)
{
	size_t n = 0;

	while (n < s.len && (is_digit(s.p[n]) || (s.p[n] >= 'a' && s.p[n] <= 'f') ||
				(s.p[n] >= 'A' && s.p[n] <= 'F')))
		n++;
	return n;
}

/* Hexadecimal fields between colons, one of which may be empty ("::"); the last may be an IPv4
 * address.  As in Postfix there need not be eight of them: two colons will do, and seven are the
 * most. */
int
hostaddr_v6_valid(struct span s)
{
	size_t i = 0, n;
	int colons = 0, gaps = 0;

	if (s.len == 0 || (s.p[0] == ':' && (s.len == 1 || s.p[1] != ':')))
		return 0;
	while (i < s.len) {
		if (s.p[i] == ':') {
			int second = i > 0 && s.p[i - 1] == ':';

			if (++colons > 7 || (second && gaps++ > 0) || (++i == s.len && !second))
				return 0;
			continue;
		}
		n = hex_digits(from(s, i));
		if (i + n < s.len && s.p[i + n] == '.')
			return colons >= 2 && colons <= 6 && hostaddr_v4_valid(from(s, i));
		if (n == 0 || n > 4)
			return 0;
		i += n;
	}
	return colons >= 2;
}

int
hostaddr_valid(struct span s)
{
	return span_find(s, ':') < s.len ? hostaddr_v6_valid(s) : hostaddr_v4_valid(s);
}

int
host_is_literal(struct span s)
{
	return s.len >= 2 && s.p[0] == '[' && s.p[s.len - 1] == ']';
}

struct span
host_literal_addr(struct span s)
{
	static const char tag[] = "IPv6:";

	if (span_case_starts(s, tag)) {
		s = from(s, sizeof(tag) - 1);
		return hostaddr_v6_valid(s) ? s : span_make(s.p, 0);
	}
	return hostaddr_v4_valid(s) ? s : span_make(s.p, 0);
}
