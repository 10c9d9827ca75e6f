#include "table/pattern_set.h"

#include <string.h>

#include "base/attr.h"
#include "table/lines.h"

void
set_add_range(struct pattern_set *s, unsigned from, unsigned to)
{
	for (unsigned c = from; c <= to; c++)
		set_add(s, c);
}

void
set_join(struct pattern_set *s, const struct pattern_set *with)
{
	for (int i = 0; i < 4; i++)
		s->bits[i] |= with->bits[i];
}

void
set_invert(struct pattern_set *s)
{
	for (int i = 0; i < 4; i++)
		s->bits[i] = ~s->bits[i];
}

void
set_fold(struct pattern_set *s)
{
	for (unsigned c = 'a'; c <= 'z'; c++)
		if (set_has(s, c) || set_has(s, c - 'a' + 'A')) {
			set_add(s, c);
			set_add(s, c - 'a' + 'A');
		}
}

unsigned
set_count(const struct pattern_set *s)
{
	unsigned n = 0;

	for (int i = 0; i < 4; i++)
		n += (unsigned)__builtin_popcountll(s->bits[i]);
	return n;
}

/* --- named sets --- */

struct named {
	const char *name;
	const char *ranges; /* pairs of first and last */
};

/* By the names between [: and :]. */
static const struct named classes[] = {
	{ "alnum", "09AZaz" },
	{ "alpha", "AZaz" },
	{ "ascii", "\x01\x7f" }, /* and 0, which the text cannot hold */
	{ "blank", "  \t\t" },
	{ "cntrl", "\x01\x1f\x7f\x7f" }, /* and 0 */
	{ "digit", "09" },
	{ "graph", "!~" },
	{ "lower", "az" },
	{ "print", " ~" },
	{ "punct", "!/:@[`{~" },
	{ "space", "\t\r  " },
	{ "upper", "AZ" },
	{ "word", "09AZaz__" },
	{ "xdigit", "09AFaf" },
};

static void
add_ranges(struct pattern_set *s, const char *ranges)
{
	for (const char *r = ranges; *r != '\0'; r += 2) {
		set_add_range(s, (unsigned char)r[0], (unsigned char)r[1]);
		if (r[0] == '\x01')
			set_add(s, 0);
	}
}

static int
class_add(struct pattern_set *s, const char *name, size_t len, int posix)
{
	struct pattern_set one = { 0 };
	int inverted = !posix && len > 0 && name[0] == '^';

	name += inverted;
	len -= (size_t)inverted;
	for (size_t i = 0; i < nitems(classes); i++)
		if (strlen(classes[i].name) == len && memcmp(classes[i].name, name, len) == 0) {
			if (posix && (strcmp(classes[i].name, "ascii") == 0 ||
					 strcmp(classes[i].name, "word") == 0))
				return -1;
			add_ranges(&one, classes[i].ranges);
			if (inverted)
				set_invert(&one);
			set_join(s, &one);
			return 0;
		}
	return -1;
}

int
set_escape(char c, struct pattern_set *s)
{
	static const struct {
		char c;
		const char *ranges;
	} known[] = {
		{ 'd', "09" },
		{ 'w', "09AZaz__" },
		{ 's', "\t\r  " },
		{ 'h', "\t\t  \xa0\xa0" },
		{ 'v', "\n\r\x85\x85" },
	};

	for (size_t i = 0; i < nitems(known); i++)
		if (c == known[i].c || c == known[i].c - 'a' + 'A') {
			memset(s, 0, sizeof(*s));
			add_ranges(s, known[i].ranges);
			if (c != known[i].c)
				set_invert(s);
			return 1;
		}
	return 0;
}

/* --- octets --- */

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Behind `\x`. */
static int
hex_octet(const char **at)
{
	const char *p = *at;
	int braces = *p == '{', n = 0, digits = 0;

	for (p += braces; hex_digit(*p) != -1 && digits < 2; p++, digits++)
		n = n * 16 + hex_digit(*p);
	if (braces && (digits == 0 || *p++ != '}'))
		return -1;
	*at = p;
	return n;
}

/* What starts with `\0`, or in a bracket with any octal digit. */
static int
octal_octet(const char **at)
{
	const char *p = *at;
	int n = 0, digits = 0;

	for (; *p >= '0' && *p <= '7' && digits < 3; p++, digits++)
		n = n * 8 + (*p - '0');
	if (n > 255)
		return -1;
	*at = p;
	return n;
}

int
set_escaped_octet(const char **p, int in_bracket)
{
	static const char letters[] = "nrtfea", octets[] = "\n\r\t\f\x1b\a";
	char c = *(*p)++;
	const char *letter;

	if (c == '\0')
		return -1;
	if (!lines_alnum(c))
		return (unsigned char)c;
	if ((letter = strchr(letters, c)) != NULL)
		return octets[letter - letters];
	if (c == 'x')
		return hex_octet(p);
	if (c == '0' || (in_bracket && c > '0' && c <= '7')) {
		(*p)--;
		return octal_octet(p);
	}
	return in_bracket && c == 'b' ? '\b' : -1;
}

/* --- brackets --- */

struct bracket {
	const char *p;
	int posix;
	struct pattern_set *set;
};

/* One octet that may begin or end a range; -2: it was a set, which is added; -1: not understood. */
static int
bracket_item(struct bracket *b)
{
	struct pattern_set escaped;
	const char *end;
	char c = *b->p++;

	if (c == '\0')
		return -1;
	if (c == '[' && (*b->p == '.' || *b->p == '='))
		return -1;
	if (c == '[' && *b->p == ':') {
		if ((end = strstr(b->p + 1, ":]")) == NULL ||
		    class_add(b->set, b->p + 1, (size_t)(end - b->p - 1), b->posix) == -1)
			return -1;
		b->p = end + 2;
		return -2;
	}
	if (c != '\\' || b->posix)
		return (unsigned char)c;
	if (set_escape(*b->p, &escaped)) {
		set_join(b->set, &escaped);
		b->p++;
		return -2;
	}
	return set_escaped_octet(&b->p, 1);
}

static int
bracket_step(struct bracket *b)
{
	int from, to;

	if ((from = bracket_item(b)) == -1)
		return -1;
	if (from == -2)
		return 0;
	if (*b->p != '-' || b->p[1] == ']') {
		set_add(b->set, (unsigned)from);
		return 0;
	}
	b->p++;
	/* `a-\d`, which is read in more than one way. */
	if ((to = bracket_item(b)) < from)
		return -1;
	set_add_range(b->set, (unsigned)from, (unsigned)to);
	return 0;
}

int
set_bracket(const char **p, int posix, int caseless, struct pattern_set *set)
{
	struct bracket b = { *p, posix, set };
	int inverted;

	memset(set, 0, sizeof(*set));
	inverted = *b.p == '^';
	b.p += inverted;
	do {
		if (bracket_step(&b) == -1)
			return -1;
	} while (*b.p != ']');
	*p = b.p + 1;
	if (caseless)
		set_fold(set);
	if (inverted)
		set_invert(set);
	return 0;
}
