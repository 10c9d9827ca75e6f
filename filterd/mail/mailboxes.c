#include "mail/mailboxes.h"

/* What stands between two commas, colons or semicolons: "name <address>" or "address". */
struct item {
	struct span text;   /* outside of < >, from its first octet that is not white space */
	int at;             /* an '@' in it */
	struct span inside; /* of < >, the last one that has an '@' */
	size_t addresses;   /* in < > */
};

static struct span
rest(struct span s, size_t n)
{
	return span_make(s.p + n, s.len - n);
}

/* s begins with '(': how many octets the comment has, to the end if it is never closed. */
static size_t
comment_len(struct span s)
{
	size_t i = 0;

	for (int depth = 0; i < s.len; i++) {
		if (s.p[i] == '\\')
			i++;
		else if (s.p[i] == '(')
			depth++;
		else if (s.p[i] == ')' && --depth == 0)
			return i + 1;
	}
	return s.len;
}

struct open { /* quotes and brackets that are never closed: nor are those behind them */
	int quote, bracket;
};

/* s begins with a quote or '['.  One that is never closed is no quote but an octet like others, or
 * it would hide an address. */
static size_t
quoted_len(struct span s, uint8_t end, int *open)
{
	for (size_t i = 1; i < s.len && !*open; i++) {
		if (s.p[i] == '\\')
			i++;
		else if (s.p[i] == end)
			return i + 1;
	}
	*open = 1;
	return 1;
}

static size_t
angle_len(struct span s, int *open)
{
	size_t i = 1;

	while (i < s.len && s.p[i] != '>')
		i += s.p[i] == '"' ? quoted_len(rest(s, i), '"', open) : 1;
	return i < s.len ? i + 1 : s.len;
}

static int
has_at(struct span s)
{
	int open = 0;

	for (size_t i = 0; i < s.len; i += s.p[i] == '"' ? quoted_len(rest(s, i), '"', &open) : 1)
		if (s.p[i] == '@')
			return 1;
	return 0;
}

/* s begins with '<'. */
static size_t
take_angle(struct item *it, struct span s, struct open *open)
{
	size_t n = angle_len(s, &open->quote);
	struct span inside = span_trim(span_make(s.p + 1, n - 1 - (s.p[n - 1] == '>' && n > 1)));

	if (has_at(inside)) {
		it->addresses++;
		it->inside = inside;
	}
	return n;
}

/* How many octets were taken for text, which may begin with a quote. */
static size_t
take_text(struct item *it, struct span s, struct open *open)
{
	size_t n = s.p[0] == '"'   ? quoted_len(s, '"', &open->quote)
		   : s.p[0] == '[' ? quoted_len(s, ']', &open->bracket)
				   : 1;

	if (it->text.p == NULL)
		it->text.p = s.p;
	if (it->addresses == 0)
		it->text.len = (size_t)(s.p + n - it->text.p);
	it->at |= n == 1 && s.p[0] == '@';
	return n;
}

static size_t
item_addresses(const struct item *it)
{
	int same = it->addresses > 0 && span_case_eq(it->text, it->inside);

	return it->addresses + (it->at && !same);
}

static int
is_white(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

size_t
mailboxes_count(struct span s)
{
	struct item it = { .addresses = 0 };
	struct open open = { 0, 0 };
	size_t n = 0, len;

	for (; s.len > 0; s = rest(s, len)) {
		uint8_t c = s.p[0];

		len = 1;
		if (is_white(c)) {
			continue;
		} else if (c == '(') {
			len = comment_len(s);
		} else if (c == '<') {
			len = take_angle(&it, s, &open);
		} else if (c == ',' || c == ';' || c == ':') {
			n += item_addresses(&it);
			it = (struct item){ .addresses = 0 };
		} else {
			len = take_text(&it, s, &open);
		}
	}
	return n + item_addresses(&it);
}

/* What stands behind a comment that begins at i; i: it is never closed. */
static size_t
behind_comment(struct span s, size_t i)
{
	size_t at = i;

	for (int depth = 0; at < s.len; at++) {
		if (s.p[at] == '\\')
			at++;
		else if (s.p[at] == '(')
			depth++;
		else if (s.p[at] == ')' && --depth == 0)
			return at + 1;
	}
	return i;
}

int
mailboxes_shown(struct span s, struct buf *out)
{
	size_t before = out->len, i = 0;
	int quoted = 0, open = 0;

	while (i < s.len) {
		size_t behind = s.p[i] == '(' && !quoted && !open ? behind_comment(s, i) : 0;

		open |= s.p[i] == '(' && !quoted && behind <= i;
		if (behind > i) {
			i = behind;
			if (i < s.len && is_white(s.p[i]) &&
			    (out->len == before || is_white((uint8_t)out->p[out->len - 1])))
				i++;
			continue;
		}
		if (s.p[i] == '"') {
			quoted = !quoted;
			i++;
			continue;
		}
		if (s.p[i] == '\\' && i + 1 < s.len)
			i++;
		buf_addc(out, (char)s.p[i++]);
	}
	return out->len - before < s.len;
}
