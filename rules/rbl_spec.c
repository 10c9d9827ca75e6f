#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "net/dns.h"
#include "rules/rbl_spec.h"

/* --- the filter --- */

static void
set(uint64_t bits[4], unsigned from, unsigned to)
{
	for (unsigned v = from; v <= to; v++)
		bits[v / 64] |= UINT64_C(1) << (v % 64);
}

static int
has(const struct rbl_filter *f, const uint8_t a[4])
{
	for (unsigned i = 0; i < 4; i++)
		if ((f->octet[i][a[i] / 64] >> (a[i] % 64) & 1) == 0)
			return 0;
	return 1;
}

/* 0 to 255: 0 and *p behind it, or -1. */
static int
number(const char **p, unsigned *out)
{
	unsigned v = 0;

	if (!isdigit((unsigned char)**p))
		return -1;
	for (; isdigit((unsigned char)**p); (*p)++) {
		v = v * 10 + (unsigned)(**p - '0');
		if (v > 255)
			return -1;
	}
	*out = v;
	return 0;
}

/* "N" or, inside [], "N..M". */
static int
range(const char **p, int ranges, uint64_t bits[4])
{
	unsigned from, to;

	if (number(p, &from) == -1)
		return -1;
	to = from;
	if (ranges && (*p)[0] == '.' && (*p)[1] == '.') {
		*p += 2;
		if (number(p, &to) == -1 || to < from)
			return -1;
	}
	set(bits, from, to);
	return 0;
}

static int
octet(const char **p, uint64_t bits[4])
{
	if (**p != '[')
		return range(p, 0, bits);
	do {
		(*p)++;
		if (range(p, 1, bits) == -1)
			return -1;
	} while (**p == ';');
	if (**p != ']')
		return -1;
	(*p)++;
	return 0;
}

static int
octets(const char *p, const char *end, struct rbl_filter *f)
{
	memset(f, 0, sizeof(*f));
	for (int i = 0; i < 4; i++) {
		if (i > 0 && *p++ != '.')
			return -1;
		if (octet(&p, f->octet[i]) == -1)
			return -1;
	}
	return strcmp(p, end) == 0 ? 0 : -1;
}

/* The whole may stand in one more pair of brackets, as in Postfix. */
static int
filter_parse(const char *text, struct rbl_filter *f)
{
	if (octets(text, "", f) == 0)
		return 0;
	return text[0] == '[' ? octets(text + 1, "]", f) : -1;
}

int
rbl_zone_valid(struct span zone)
{
	struct dns_name name;

	/* The root is a name, but nobody's list. */
	return zone.len <= DNS_NAME_MAX && !span_eq_str(zone, ".") &&
	       dns_name_parse(zone, &name) == 0;
}

int
rbl_spec_parse(const char *text, struct rbl_spec *s, struct err *err)
{
	size_t zlen = strcspn(text, "=");

	memset(s, 0, sizeof(*s));
	s->text = text;
	if (!rbl_zone_valid(span_make(text, zlen))) {
		err_set(err, ERR_CONFIG, "%s: must begin with the domain name of a DNS list", text);
		return -1;
	}
	/* Behind a dot at the end nothing can be added. */
	if (text[zlen - 1] == '.')
		zlen--;
	memcpy(s->zone, text, zlen);
	if (text[strcspn(text, "=")] == '\0')
		return 0;
	s->has_filter = 1;
	if (filter_parse(strchr(text, '=') + 1, &s->filter) == -1) {
		err_set(err, ERR_CONFIG,
		    "%s: the filter must be d.d.d.d, each d a number up to 255 or [numbers and "
		    "N..M with ; between]",
		    text);
		return -1;
	}
	return 0;
}

/* --- answers --- */

static enum rbl_reading
read_one(const struct rbl_spec *s, enum rbl_kind kind, int strict, const uint8_t a[4])
{
	if (strict)
		return !s->has_filter || has(&s->filter, a) ? RBL_LISTED : RBL_NOT_LISTED;
	if (a[0] != 127 || (a[1] == 255 && a[2] == 255))
		return RBL_REFUSED;
	if (s->has_filter)
		return has(&s->filter, a) ? RBL_LISTED : RBL_NOT_LISTED;
	if (a[1] != 0 || a[2] > (kind == RBL_NAMES ? 2 : 0) || a[3] < 2 || a[3] > 254)
		return RBL_REFUSED;
	return RBL_LISTED;
}

enum rbl_reading
rbl_spec_read(const struct rbl_spec *s, enum rbl_kind kind, int strict, const struct dns_result *r,
    char odd[16])
{
	enum rbl_reading all = RBL_NOT_LISTED;

	odd[0] = '\0';
	switch (dns_outcome_answer(r->outcome)) {
	case -1:
		return RBL_TROUBLE;
	case 0:
		return RBL_NOT_LISTED;
	}
	for (size_t i = 0; i < r->n; i++) {
		const uint8_t *a = r->rr[i].data.p;

		if (r->rr[i].data.len != 4)
			continue;
		switch (read_one(s, kind, strict, a)) {
		case RBL_LISTED:
			odd[0] = '\0';
			return RBL_LISTED;
		case RBL_REFUSED:
			all = RBL_REFUSED;
			snprintf(odd, 16, "%u.%u.%u.%u", a[0], a[1], a[2], a[3]);
			break;
		case RBL_NOT_LISTED:
		case RBL_TROUBLE:
			break;
		}
	}
	return all;
}
