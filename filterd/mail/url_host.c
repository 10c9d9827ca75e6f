#include "mail/url_host.h"

#include <arpa/inet.h>
#include <idn2.h>
#include <string.h>

#include "base/attr.h"
#include "base/text.h"

#define WRITTEN_MAX 1024 /* a name of 253 octets, percent-encoded, and something to drop */

/* --- octets --- */

/* 0: too long, or an octet that no host has. */
static int
percent_undone(struct span written, char *out)
{
	size_t n = 0;
	int c;

	if (written.len > WRITTEN_MAX)
		return 0;
	for (size_t i = 0; i < written.len; i++) {
		c = written.p[i];
		if (c == '%') {
			c = span_hex_octet(written, i + 1);
			i += 2;
		}
		if (c <= 0)
			return 0;
		out[n++] = (char)c;
	}
	out[n] = '\0';
	return 1;
}

/* What no name may have.  That is more than the standard forbids: quotes and the like are no use in
 * a name, and end it in a text. */
static int
is_forbidden(unsigned char c)
{
	return c <= ' ' || c >= 0x7f || strchr("\"#%/:<>?@[\\]^`{|}", c) != NULL;
}

/* --- names --- */

/* Browsers take more than the strict reading does: emoji, and joiners anywhere. */
static int
to_ascii(const char *in, char **out)
{
	return idn2_to_ascii_8z(in, out, IDN2_NONTRANSITIONAL | IDN2_NFC_INPUT) == IDN2_OK ||
	       idn2_to_ascii_8z(in, out, IDN2_TRANSITIONAL | IDN2_NFC_INPUT) == IDN2_OK;
}

static int
is_ascii(const char *s)
{
	while (*s != '\0' && !(*s & 0x80))
		s++;
	return *s == '\0';
}

/* Of those that UTS 46 maps to a dot, the ones that a host may be written with. */
static void
dots_made(char *s)
{
	static const char *const dots[] = { "\xe2\x80\xa4", "\xe3\x80\x82", "\xef\xb9\x92",
		"\xef\xbc\x8e", "\xef\xbd\xa1" };
	char *to = s;

	while (*s != '\0') {
		size_t n = 0;

		for (size_t i = 0; n == 0 && i < nitems(dots); i++)
			n = strncmp(s, dots[i], 3) == 0 ? 3 : 0;
		*to++ = n > 0 ? '.' : *s;
		s += n > 0 ? n : 1;
	}
	*to = '\0';
}

/* Into out, which has room for HOSTNAME_MAX octets; dots at the end are dropped. */
static int
name_made(const char *in, char *out)
{
	char *made = NULL;
	const char *s = in;
	size_t len;
	int ok;

	if (!is_ascii(in)) {
		if (!to_ascii(in, &made))
			return 0;
		s = made;
	}
	len = strlen(s);
	while (len > 0 && s[len - 1] == '.')
		len--;
	ok = len > 0 && len <= HOSTNAME_MAX && s[0] != '.';
	for (size_t i = 0; ok && i < len; i++)
		ok = !is_forbidden((unsigned char)s[i]);
	if (ok) {
		memcpy(out, s, len);
		out[len] = '\0';
		text_lower(out);
	}
	idn2_free(made);
	return ok;
}

/* --- addresses --- */

/* One number of an IPv4 address: 1, or 0: it is none. */
static int
number_read(struct span s, uint64_t *out)
{
	uint64_t n = 0;
	unsigned base = 10, d;

	if (s.len >= 2 && s.p[0] == '0' && (s.p[1] | 0x20) == 'x') {
		s = span_make(s.p + 2, s.len - 2);
		base = 16;
	} else if (s.len >= 2 && s.p[0] == '0') {
		base = 8;
	} else if (s.len == 0) {
		return 0;
	}
	for (size_t i = 0; i < s.len; i++) {
		uint8_t c = s.p[i];

		if (c >= '0' && c <= '9')
			d = c - '0';
		else if (c >= 'a' && c <= 'f')
			d = c - 'a' + 10u;
		else
			return 0;
		if (d >= base)
			return 0;
		/* No matter how much too big. */
		n = n > UINT32_MAX ? n : n * base + d;
	}
	*out = n;
	return 1;
}

/* Does the name end in a number?  Then it is an address or nothing. */
static int
ends_in_number(const char *name)
{
	const char *dot = strrchr(name, '.'), *last = dot == NULL ? name : dot + 1;
	uint64_t n;

	return last[strspn(last, "0123456789")] == '\0' || number_read(span_str(last), &n);
}

static int
v4_read(const char *name, struct in_addr *out)
{
	struct span rest = span_str(name), part;
	uint64_t n, sum = 0;

	for (int i = 0; i < 4; i++) {
		int more = span_cut(rest, '.', &part, &rest);

		if (!number_read(part, &n))
			return 0;
		if (!more) {
			if (n >= (uint64_t)1 << (8 * (4 - i)))
				return 0;
			out->s_addr = htonl((uint32_t)(sum + n));
			return 1;
		}
		if (n > 255)
			return 0;
		sum |= n << (8 * (3 - i));
	}
	return 0;
}

static int
v6_made(struct span inside, struct url_host *out)
{
	char text[INET6_ADDRSTRLEN];
	struct in6_addr a;
	struct span zone;

	span_cut(inside, '%', &inside, &zone); /* a zone is nobody's but the reader's */
	if (inside.len >= sizeof(text))
		return 0;
	span_copy(inside, text, sizeof(text));
	if (inet_pton(AF_INET6, text, &a) != 1)
		return 0;
	out->kind = IN6_IS_ADDR_V4MAPPED(&a) ? URL_V4 : URL_V6;
	if (out->kind == URL_V4)
		inet_ntop(AF_INET, &a.s6_addr[12], out->name, sizeof(out->name));
	else
		inet_ntop(AF_INET6, &a, out->name, sizeof(out->name));
	return 1;
}

/* --- all together --- */

int
url_host_read(struct span written, struct url_host *out)
{
	char plain[WRITTEN_MAX + 1];
	struct in_addr a;

	out->kind = URL_NO_HOST;
	out->name[0] = '\0';
	if (written.len > 2 && written.p[0] == '[' && written.p[written.len - 1] == ']')
		return v6_made(span_make(written.p + 1, written.len - 2), out);
	if (!percent_undone(written, plain))
		return 0;
	dots_made(plain);
	if (!name_made(plain, out->name))
		return 0;
	out->kind = URL_NAME;
	if (!ends_in_number(out->name))
		return 1;
	out->kind = URL_V4;
	return v4_read(out->name, &a) &&
	       inet_ntop(AF_INET, &a, out->name, sizeof(out->name)) != NULL;
}
