#include <string.h>

#include "mail/mime_param.h"
#include "mail/rfc2047_decode.h"

/* More pieces than a name can sensibly have. */
#define PIECES_MAX 64

struct piece {
	unsigned number;
	int encoded; /* %HH */
	struct span value;
	int quoted;
};

struct pieces {
	struct piece plain, star; /* name=, name*= */
	struct piece last_plain, last_star;
	int has_plain, has_star;    /* how many */
	struct piece v[PIECES_MAX]; /* name*N=, name*N*= */
	size_t n;
};

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
split(struct span group, struct span *name, struct piece *p)
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
put_piece(struct pieces *all, struct span tail, struct piece p)
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
	if (all->n < PIECES_MAX)
		all->v[all->n++] = p;
}

/* By number; of two with the same the first stays. */
static void
sort(struct pieces *all)
{
	size_t n = 0;

	for (size_t i = 0; i < all->n; i++) {
		struct piece p = all->v[i];
		size_t at = n;

		while (at > 0 && all->v[at - 1].number > p.number)
			at--;
		if (at > 0 && all->v[at - 1].number == p.number)
			continue;
		memmove(&all->v[at + 1], &all->v[at], (n - at) * sizeof(p));
		all->v[at] = p;
		n++;
	}
	all->n = n;
}

/* Without its quotes, backslashes and line ends. */
static void
unquote(const struct piece *p, struct buf *out)
{
	struct span s = p->value;

	for (size_t i = (size_t)p->quoted; i < s.len; i++) {
		if (p->quoted && s.p[i] == '"')
			break;
		if (p->quoted && s.p[i] == '\\' && i + 1 < s.len)
			i++;
		if (s.p[i] != '\r' && s.p[i] != '\n')
			buf_addc(out, (char)s.p[i]);
	}
}

static void
percent(struct span s, struct buf *out)
{
	for (size_t i = 0; i < s.len; i++) {
		int octet = s.p[i] == '%' ? span_hex_octet(s, i + 1) : -1;

		if (octet != -1) {
			buf_addc(out, (char)octet);
			i += 2;
		} else {
			buf_addc(out, (char)s.p[i]);
		}
	}
}

/* charset'language'text: the charset and the text; without two quotes all is text. */
static struct span
cut_charset(struct span s, struct span *charset)
{
	struct span rest, language, text;

	if (!span_cut(s, '\'', charset, &rest) || !span_cut(rest, '\'', &language, &text)) {
		*charset = span_make(NULL, 0);
		return s;
	}
	return text;
}

static void
add_converted(struct span s, struct span charset, struct buf *out)
{
	if (!span_case_eq_str(charset, "iso-8859-1")) {
		buf_add_span(out, s);
		return;
	}
	for (size_t i = 0; i < s.len; i++) {
		if (s.p[i] >= 0x80)
			buf_addc(out, (char)(0xc0 | s.p[i] >> 6));
		buf_addc(out, (char)(s.p[i] >= 0x80 ? 0x80 | (s.p[i] & 0x3f) : s.p[i]));
	}
}

/* The charset stands in front of the first piece and is that of all. */
static void
join(const struct piece *v, size_t n, struct buf *out)
{
	struct buf text = { 0 }, octets = { 0 }, first = { 0 };
	struct span charset = { 0 };

	for (size_t i = 0; i < n; i++) {
		struct span s;

		buf_reset(&text);
		unquote(&v[i], &text);
		s = buf_span(&text);
		if (i == 0 && v[0].encoded) {
			buf_add_span(&first, s);
			s = cut_charset(buf_span(&first), &charset);
		}
		if (v[i].encoded)
			percent(s, &octets);
		else
			buf_add_span(&octets, s);
	}
	if (n > 0 && v[0].encoded)
		add_converted(buf_span(&octets), charset, out);
	else
		rfc2047_decode(buf_span(&octets), out);
	buf_fini(&text);
	buf_fini(&octets);
	buf_fini(&first);
}

static void
read_pieces(struct span value, const char *wanted, struct pieces *all)
{
	size_t len = strlen(wanted);
	int quotes = 1;

	*all = (struct pieces){ .n = 0 };
	while (value.len > 0) {
		struct span group = next_group(&value, &quotes), name;
		struct piece p = { .number = 0 };

		if (!split(group, &name, &p) || !span_case_starts(name, wanted))
			continue;
		put_piece(all, span_make(name.p + len, name.len - len), p);
	}
	sort(all);
}

int
mime_param(struct span value, const char *wanted, struct buf *out)
{
	struct pieces all;

	read_pieces(value, wanted, &all);
	if (all.has_star)
		join(&all.star, 1, out);
	else if (all.n > 0)
		join(all.v, all.n, out);
	else if (all.has_plain)
		join(&all.plain, 1, out);
	return all.has_star || all.n > 0 || all.has_plain;
}

/* --- every reading --- */

struct readings {
	struct buf out;
	mime_param_fn *fn;
	void *arg;
};

static void
tell(struct readings *r, const struct piece *v, size_t n)
{
	buf_reset(&r->out);
	join(v, n, &r->out);
	r->fn(r->arg, buf_span(&r->out));
}

static void
tell_plain(struct readings *r, const struct piece *p)
{
	struct piece word = *p;

	tell(r, p, 1);
	if (p->quoted)
		return;
	for (word.value.len = 0; word.value.len < p->value.len; word.value.len++)
		if (p->value.p[word.value.len] == ' ' || p->value.p[word.value.len] == '\t')
			break;
	if (word.value.len < p->value.len)
		tell(r, &word, 1);
}

void
mime_param_readings(struct span value, const char *wanted, mime_param_fn *fn, void *arg)
{
	struct readings r = { .fn = fn, .arg = arg };
	struct pieces all;

	read_pieces(value, wanted, &all);
	if (all.has_star)
		tell(&r, &all.star, 1);
	if (all.n > 0)
		tell(&r, all.v, all.n);
	if (all.has_plain)
		tell_plain(&r, &all.plain);
	if (all.has_star > 1)
		tell(&r, &all.last_star, 1);
	if (all.has_plain > 1)
		tell_plain(&r, &all.last_plain);
	buf_fini(&r.out);
}
