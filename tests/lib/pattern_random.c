#include "tests/lib/pattern_random.h"

#include "base/attr.h"
#include "base/buf.h"

#define DEPTH_MAX 4

unsigned
pattern_random_below(struct pattern_random *r, unsigned n)
{
	r->state += 0x9e3779b97f4a7c15u;
	uint64_t z = r->state;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return (unsigned)((z ^ z >> 31) % n);
}

static int
chance(struct pattern_random *r, unsigned percent)
{
	return pattern_random_below(r, 100) < percent;
}

#define PICK(r, list) list[pattern_random_below(r, nitems(list))]

/* Few letters, so that patterns match; the others are what they treat differently. */
static const char letters[] = "aaabbcABxyz019 -_.";

static char
letter(struct pattern_random *r)
{
	return letters[pattern_random_below(r, sizeof(letters) - 1)];
}

static void
add_literal(struct pattern_random *r, struct buf *out)
{
	char c = letter(r);

	if (c == '.' || c == '-')
		buf_addc(out, '\\');
	buf_addc(out, c);
}

static void
add_bracket(struct pattern_random *r, struct buf *out)
{
	static const char *const both[] = { "a-c", "A-B", "0-9", "x", "y", "b", " ", "_",
		"[:alpha:]", "[:digit:]", "[:space:]", "[:upper:]", "[:punct:]", "[:xdigit:]" };
	static const char *const pcre[] = { "\\d", "\\w", "\\S", "\\x41", "\\n", "[:^alpha:]",
		"\\-", "\\W", "\\101" };

	buf_addc(out, '[');
	if (chance(r, 30))
		buf_addc(out, '^');
	if (chance(r, 5))
		buf_addc(out, ']');
	for (unsigned n = 1 + pattern_random_below(r, 3); n > 0; n--)
		buf_adds(out, !r->posix && chance(r, 30) ? PICK(r, pcre) : PICK(r, both));
	if (chance(r, 10))
		buf_addc(out, '-');
	buf_addc(out, ']');
}

static void
add_escape(struct pattern_random *r, struct buf *out)
{
	static const char *const pcre[] = { "\\d", "\\D", "\\w", "\\W", "\\s", "\\S", "\\h", "\\v",
		"\\N", "\\R", "\\x61", "\\x{62}", "\\n", "\\t", "\\060", "\\b", "\\B", "\\A", "\\z",
		"\\Z", "\\K", "\\G", "\\1", "\\Qa.\\E", "\\X" };
	static const char *const posix[] = { "\\w", "\\W", "\\s", "\\S", "\\b", "\\B", "\\<", "\\>",
		"\\`", "\\'", "\\1", "\\." };

	buf_adds(out, r->posix ? PICK(r, posix) : PICK(r, pcre));
}

static void add_alternatives(struct pattern_random *, int depth, struct buf *);

static void
add_group(struct pattern_random *r, int depth, struct buf *out)
{
	static const char *const opens[] = { "(", "(", "(",
		"(?:", "(?:", "(?i:", "(?-i:", "(?s-m:", "(?m:", "(?>", "(?=", "(?!",
		"(?<=", "(?<!", "(?<name>", "(?|", "(?x: " };

	buf_adds(out, r->posix ? "(" : PICK(r, opens));
	add_alternatives(r, depth + 1, out);
	buf_addc(out, ')');
}

static void
add_atom(struct pattern_random *r, int depth, struct buf *out)
{
	static const char *const inlined[] = { "(?i)", "(?-i)", "(?s)", "(?-s)", "(?m)", "(?#note)",
		"(?x)", "(?1)", "(?(1)a|b)" };
	unsigned what = pattern_random_below(r, 100);

	if (what < 52)
		add_literal(r, out);
	else if (what < 62)
		add_bracket(r, out);
	else if (what < 72)
		buf_addc(out, '.');
	else if (what < 80)
		add_escape(r, out);
	else if (what < 84)
		buf_addc(out, chance(r, 50) ? '^' : '$');
	else if (what < 86 && !r->posix)
		buf_adds(out, PICK(r, inlined));
	else if (depth < DEPTH_MAX)
		add_group(r, depth, out);
	else
		add_literal(r, out);
}

static void
add_times(struct pattern_random *r, struct buf *out)
{
	static const char *const times[] = { "*", "+", "?", "{2}", "{1,3}", "{2,}", "{0,40}", "{0}",
		"{,2}", "{x" };
	static const char *const how[] = { "?", "+", " +", " ?" };

	if (!chance(r, 25))
		return;
	buf_adds(out, PICK(r, times));
	if (!r->posix && chance(r, 25))
		buf_adds(out, PICK(r, how));
}

static void
add_alternatives(struct pattern_random *r, int depth, struct buf *out)
{
	do {
		for (unsigned n = 1 + pattern_random_below(r, 4); n > 0; n--) {
			add_atom(r, depth, out);
			add_times(r, out);
		}
	} while (chance(r, 15) && (buf_addc(out, '|'), 1));
}

static void
add_pattern(struct pattern_random *r, struct buf *out)
{
	static const char *const pcre[] = { "i", "m", "s", "x", "A", "E", "U", "im", "ix", "sm" };
	static const char *const posix[] = { "i", "m", "im", "x" };

	if (chance(r, 15))
		buf_addc(out, '!');
	buf_addc(out, '/');
	add_alternatives(r, 0, out);
	buf_addc(out, '/');
	if (chance(r, 35))
		buf_adds(out, r->posix ? PICK(r, posix) : PICK(r, pcre));
}

static void
add_rule(struct pattern_random *r, unsigned number, struct buf *out)
{
	add_pattern(r, out);
	if (r->posix && chance(r, 15))
		add_pattern(r, out);
	buf_printf(out, " rule %u", number);
	if (chance(r, 30))
		buf_adds(out, chance(r, 80) ? " <$1>" : " <${2}>");
	buf_addc(out, '\n');
}

void
pattern_random_table(struct pattern_random *r, unsigned rules, struct buf *out)
{
	unsigned open = 0;

	for (unsigned i = 0; i < rules; i++) {
		if (chance(r, 12)) {
			buf_adds(out, "if ");
			add_pattern(r, out);
			buf_addc(out, '\n');
			open++;
		}
		add_rule(r, i, out);
		if (open > 0 && chance(r, 25)) {
			buf_adds(out, "endif\n");
			open--;
		}
	}
	/* One that is never closed is a warning and holds to the end. */
	for (; open > (unsigned)chance(r, 10); open--)
		buf_adds(out, "endif\n");
}

void
pattern_random_text(struct pattern_random *r, struct buf *out)
{
	unsigned len = pattern_random_below(r, chance(r, 10) ? 200 : 24);

	for (unsigned i = 0; i < len; i++) {
		if (chance(r, 6))
			buf_addc(out, (char)(1 + pattern_random_below(r, 255)));
		else
			buf_addc(out, chance(r, 4) ? '\n' : letter(r));
	}
}
