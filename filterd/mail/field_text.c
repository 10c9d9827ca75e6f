#include "mail/field_text.h"

#include <string.h>

#include "mail/charset.h"
#include "mail/rfc2047_decode.h"

#define CHARSET_MAX ((size_t)64) /* octets of a name; the longest that are used have some 20 */
#define WORD_MAX    ((size_t)75) /* RFC 2047 2 */

struct decode {
	enum field_reading reading;
	struct span s;  /* without line ends */
	size_t no_word; /* from here on no encoded word can end */
	struct buf *out;
	unsigned seen;
	/* What is not yet characters: text as it stands, or the octets of neighbouring words. */
	struct buf octets;
	int of_words;
	struct span charset;
	struct rfc2047_bits bits;
};

static int
is_blank(uint8_t c)
{
	return c == ' ' || c == '\t';
}

/* --- what is gathered becomes characters --- */

static void
flush(struct decode *d)
{
	struct span s = buf_span(&d->octets);
	unsigned seen;

	if (!d->of_words || d->reading == FIELD_GUESS) {
		charset_guess(s, d->out);
	} else {
		seen = charset_decode(s, d->charset, d->out);
		if (seen & CHARSET_DOUBT)
			d->seen |= FIELD_DOUBTS;
	}
	buf_reset(&d->octets);
	d->bits.n = 0;
}

static void
add_text(struct decode *d, struct span s)
{
	if (s.len == 0)
		return;
	if (d->of_words)
		flush(d);
	d->of_words = 0;
	buf_add_span(&d->octets, s);
}

static void
add_word(struct decode *d, const struct rfc2047_word *w)
{
	if (!d->of_words || d->reading == FIELD_STRICT || !span_case_eq(d->charset, w->charset))
		flush(d);
	d->of_words = 1;
	d->charset = w->charset;
	/* Some begin anew in each word. */
	if (d->bits.n > 0) {
		d->seen |= FIELD_DOUBTS;
		if (d->reading == FIELD_GUESS)
			d->bits.n = 0;
	}
	d->bits.groups = d->reading == FIELD_GUESS;
	rfc2047_octets(w, &d->bits, &d->octets);
	if (d->bits.went_on)
		d->seen |= FIELD_DOUBTS;
	d->seen |= FIELD_WORDS;
}

/* --- lenient --- */

/* Something like an encoded word at this place: how long it is, 0: there is none. */
static size_t
word_at(struct decode *d, size_t at, struct rfc2047_word *w)
{
	struct span rest = span_make(d->s.p + at, d->s.len - at), lang;
	const uint8_t *end;

	if (at >= d->no_word || rest.len < 8 || rest.p[0] != '=' || rest.p[1] != '?')
		return 0;
	rest = span_make(rest.p + 2, rest.len - 2);
	if (span_find(span_make(rest.p, rest.len < CHARSET_MAX ? rest.len : CHARSET_MAX), '?') >=
	    CHARSET_MAX)
		return 0;
	if (!span_cut(rest, '?', &w->charset, &rest) || rest.len < 2 || rest.p[1] != '?')
		return 0;
	w->encoding = rest.p[0] | 0x20;
	if (w->encoding != 'b' && w->encoding != 'q')
		return 0;
	rest = span_make(rest.p + 2, rest.len - 2);
	end = memmem(rest.p, rest.len, "?=", 2);
	if (end == NULL) {
		d->no_word = at;
		return 0;
	}
	span_cut(w->charset, '*', &w->charset, &lang); /* RFC 2231 5: the language */
	w->text = span_make(rest.p, (size_t)(end - rest.p));
	return (size_t)(end + 2 - (d->s.p + at));
}

/* Where the next word may begin. */
static size_t
find_word(const struct decode *d, size_t at)
{
	const uint8_t *p = memmem(d->s.p + at, d->s.len - at, "=?", 2);

	return p == NULL ? d->s.len : (size_t)(p - d->s.p);
}

static int
all_blank(struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		if (!is_blank(s.p[i]))
			return 0;
	return 1;
}

static void
read_lenient(struct decode *d)
{
	size_t text = 0; /* where what is not decoded begins */

	for (size_t at = find_word(d, 0); at < d->s.len;) {
		struct rfc2047_word w;
		size_t n = word_at(d, at, &w);
		struct span between = span_make(d->s.p + text, at - text);

		if (n == 0) {
			d->seen |= FIELD_WORDS;
			at = find_word(d, at + 2);
			continue;
		}
		if (!(d->of_words && all_blank(between)))
			add_text(d, between);
		add_word(d, &w);
		text = at + n;
		at = find_word(d, text);
	}
	add_text(d, span_make(d->s.p + text, d->s.len - text));
}

/* --- strict --- */

static int
is_strict(struct span token, struct rfc2047_word *w)
{
	return token.len <= WORD_MAX && rfc2047_word(token, w) && charset_known(w->charset) &&
	       rfc2047_is_sound(w);
}

/* Without the parentheses of a comment that may stand right beside it. */
static struct span
inner(struct span token)
{
	while (token.len > 0 && token.p[0] == '(')
		token = span_make(token.p + 1, token.len - 1);
	while (token.len > 0 && token.p[token.len - 1] == ')')
		token.len--;
	return token;
}

static void
read_strict(struct decode *d)
{
	size_t at = 0, text = 0;

	while (at < d->s.len) {
		size_t end = at;
		struct span token, between;
		struct rfc2047_word w;

		while (end < d->s.len && !is_blank(d->s.p[end]))
			end++;
		token = inner(span_make(d->s.p + at, end - at));
		if (is_strict(token, &w)) {
			between = span_make(d->s.p + text, (size_t)(token.p - d->s.p) - text);
			if (!(d->of_words && all_blank(between)))
				add_text(d, between);
			add_word(d, &w);
			text = (size_t)(token.p + token.len - d->s.p);
		}
		for (at = end; at < d->s.len && is_blank(d->s.p[at]); at++)
			continue;
	}
	add_text(d, span_make(d->s.p + text, d->s.len - text));
}

/* --- */

static void
unfold(struct span s, struct buf *out)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.p[i] != '\r' && s.p[i] != '\n')
			buf_addc(out, (char)s.p[i]);
}

/* What was encoded may be anything: one line is shown, and no control. */
static void
clean(struct buf *out, size_t from)
{
	size_t to = from;

	for (size_t i = from; i < out->len; i++) {
		uint8_t c = (uint8_t)out->p[i];

		if (c == '\t' || c == '\r' || c == '\n')
			out->p[to++] = ' ';
		else if (c >= 0x20 && c != 0x7f)
			out->p[to++] = out->p[i];
	}
	out->len = to;
}

unsigned
field_text_octets(struct span value, enum field_reading reading, struct buf *out)
{
	struct buf line = { 0 };
	struct decode d = { .reading = reading, .no_word = SIZE_MAX, .out = out };

	unfold(value, &line);
	d.s = buf_span(&line);
	if (d.s.len > 0 && reading == FIELD_STRICT)
		read_strict(&d);
	else if (d.s.len > 0)
		read_lenient(&d);
	flush(&d);
	buf_fini(&line);
	buf_fini(&d.octets);
	return d.seen;
}

unsigned
field_text(struct span value, enum field_reading reading, struct buf *out)
{
	size_t from = out->len;
	unsigned seen = field_text_octets(value, reading, out);

	clean(out, from);
	return seen;
}

int
field_text_is_plain(struct span value)
{
	if (value.len == 0)
		return 1;
	return span_printable(value) == value.len && memmem(value.p, value.len, "=?", 2) == NULL;
}
