#include <string.h>

#include "mail/mime_param_private.h"

/* The text up to the next ';' outside quotes, cut off *rest.  A quote that is not closed hides
 * nothing: from there on quotes do not count (*quotes becomes 0; so no text is looked through twice
 * often). */
static struct span
next_group(struct span *rest, int *quotes)
{
	struct span group = span_make(rest->p, 0);
	int quoted = 0;

	for (; group.len < rest->len; group.len++) {
		uint8_t c = rest->p[group.len];

		if (c == '"' && *quotes)
			quoted = !quoted;
		else if (c == '\\' && quoted && group.len + 1 < rest->len)
			group.len++;
		else if (c == ';' && !quoted)
			break;
	}
	if (quoted) {
		group.len = span_find(*rest, ';');
		*quotes = 0;
	}
	rest->p += group.len;
	rest->len -= group.len;
	if (rest->len > 0) {
		rest->p++;
		rest->len--;
	}
	return group;
}

/* The name in front of the first '=': its last word, should a ';' be missing. */
static int
split(struct span group, struct span *name, struct mime_piece *p)
{
	size_t at;

	if (!span_cut(group, '=', name, &p->value))
		return 0;
	*name = span_trim(*name);
	for (at = name->len; at > 0; at--) {
		uint8_t c = name->p[at - 1];

		if (c == ' ' || c == '\t' || c == '\r' || c == '\n')
			break;
	}
	*name = span_make(name->p + at, name->len - at);
	p->value = span_trim(p->value);
	p->quoted = p->value.len > 0 && p->value.p[0] == '"';
	return 1;
}

/* What follows the name: "", "*", "*N" or "*N*"; with anything else it is another parameter. */
static void
put_piece(struct mime_pieces *all, struct span tail, struct mime_piece p)
{
	uint64_t number;

	if (tail.len == 0) {
		if (!all->has_plain)
			all->plain = p;
		all->last_plain = p;
		all->has_plain += all->has_plain < 2;
		return;
	}
	if (tail.p[0] != '*')
		return;
	if (tail.len == 1) {
		p.encoded = 1;
		if (!all->has_star)
			all->star = p;
		all->last_star = p;
		all->has_star += all->has_star < 2;
		return;
	}
	p.encoded = tail.p[tail.len - 1] == '*';
	tail = span_make(tail.p + 1, tail.len - 1 - (size_t)p.encoded);
	if (span_u64(tail, 9999, &number) == -1)
		return;
	p.number = (unsigned)number;
	p.odd = tail.len > 1 && tail.p[0] == '0';
	if (all->n < MIME_PIECES_MAX)
		all->v[all->n++] = p;
	else
		all->more = 1;
}

void
mime_pieces_read(struct span value, const char *wanted, struct mime_pieces *all)
{
	size_t len = strlen(wanted);
	int quotes = 1;

	*all = (struct mime_pieces){ .n = 0 };
	while (value.len > 0) {
		struct span group = next_group(&value, &quotes), name;
		struct mime_piece p = { .number = 0 };

		if (!split(group, &name, &p) || !span_case_starts(name, wanted))
			continue;
		put_piece(all, span_make(name.p + len, name.len - len), p);
	}
}

size_t
mime_pieces_join(const struct mime_pieces *all, enum mime_pieces_way way, struct mime_piece *out)
{
	size_t n = 0;

	for (size_t i = 0; i < all->n; i++) {
		struct mime_piece p = all->v[i];
		size_t at = n;

		while (at > 0 && out[at - 1].number > p.number)
			at--;
		if (way == MIME_PIECES_STRICT && p.odd)
			continue;
		if (at > 0 && out[at - 1].number == p.number && way != MIME_PIECES_ALL) {
			if (way == MIME_PIECES_LAST)
				out[at - 1] = p;
			continue;
		}
		memmove(&out[at + 1], &out[at], (n - at) * sizeof(p));
		out[at] = p;
		n++;
	}
	if (way == MIME_PIECES_STRICT)
		for (size_t i = 0; i < n; i++)
			if (out[i].number != i)
				n = i;
	return n;
}

/* Behind the comment that begins here. */
static size_t
comment_end(struct span s, size_t at)
{
	int depth = 0;

	for (; at < s.len; at++) {
		if (s.p[at] == '\\')
			at++;
		else if (s.p[at] == '(')
			depth++;
		else if (s.p[at] == ')' && --depth == 0)
			return at + 1;
	}
	return s.len;
}

int
mime_param_without_comments(struct span s, struct buf *out)
{
	size_t opened = 0, had = 0; /* the last quote, and what there was in front of it */
	int quoted = 0, quotes = 1, found = 0;

	for (size_t i = 0; i < s.len || quoted; i++) {
		if (i >= s.len) { /* one that is not closed is none */
			quoted = quotes = 0;
			i = opened;
			out->len = had;
		}
		if (s.p[i] == '(' && !quoted) {
			i = comment_end(s, i) - 1;
			found = 1;
			continue;
		}
		if (s.p[i] == '"' && quotes) {
			quoted = !quoted;
			opened = i;
			had = out->len;
		}
		buf_addc(out, (char)s.p[i]);
		if (s.p[i] == '\\' && quoted && i + 1 < s.len)
			buf_addc(out, (char)s.p[++i]);
	}
	return found;
}
