#include <string.h>

#include "mail/charset.h"
#include "mail/field_text.h"
#include "mail/mime_param.h"
#include "mail/mime_param_private.h"

/* No name is so long; of what is longer one reading must do. */
#define READINGS_OCTETS 16384

/* How the value of a piece is read. */
enum style {
	STYLE_WHOLE,  /* in quotes, or up to the ';' */
	STYLE_WORD,   /* without quotes up to the first blank */
	STYLE_TOKENS, /* quotes may begin and end anywhere, and be single ones around it */
	STYLES
};

/* --- the octets --- */

/* Without its quotes, backslashes and line ends. */
static void
unquote(const struct mime_piece *p, enum style style, struct buf *out)
{
	struct span s = p->value;
	int quoted = p->quoted;

	for (size_t i = (size_t)p->quoted; i < s.len; i++) {
		uint8_t c = s.p[i];

		if (c == '"' && style == STYLE_TOKENS) {
			quoted = !quoted;
			continue;
		}
		if (quoted && c == '"')
			break;
		if (!quoted && style == STYLE_WORD && (c == ' ' || c == '\t'))
			break;
		if (quoted && c == '\\' && i + 1 < s.len)
			c = s.p[++i];
		if (c != '\r' && c != '\n')
			buf_addc(out, (char)c);
	}
}

/* What stands in single quotes, if all does. */
static struct span
inner(struct span s)
{
	struct span text = span_trim(s);

	if (text.len > 2 && text.p[0] == '\'' && text.p[text.len - 1] == '\'')
		return span_make(text.p + 1, text.len - 2);
	return s;
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

struct joined {
	struct buf octets, charset;
	int encoded; /* by RFC 2231 */
};

/* The charset stands in front of the first piece and is that of all. */
static void
join(const struct mime_piece *v, size_t n, enum style style, struct joined *j)
{
	struct buf text = { 0 };

	buf_reset(&j->octets);
	buf_reset(&j->charset);
	j->encoded = n > 0 && v[0].encoded;
	for (size_t i = 0; i < n; i++) {
		struct span s, charset;

		buf_reset(&text);
		unquote(&v[i], style, &text);
		s = buf_span(&text);
		if (style == STYLE_TOKENS && n == 1)
			s = inner(s);
		if (i == 0 && j->encoded) {
			s = cut_charset(s, &charset);
			buf_add_span(&j->charset, charset);
		}
		if (v[i].encoded)
			percent(s, &j->octets);
		else
			buf_add_span(&j->octets, s);
	}
	buf_fini(&text);
}

static void
fini(struct joined *j)
{
	buf_fini(&j->octets);
	buf_fini(&j->charset);
}

/* --- the text --- */

/* Returns enum field_seen. */
static unsigned
decode(const struct joined *j, struct buf *out)
{
	unsigned seen;

	if (!j->encoded)
		return field_text_octets(buf_span(&j->octets), FIELD_LENIENT, out);
	seen = charset_decode(buf_span(&j->octets), buf_span(&j->charset), out);
	return seen & CHARSET_DOUBT ? FIELD_DOUBTS : 0;
}

int
mime_param(struct span value, const char *wanted, struct buf *out)
{
	struct mime_piece v[MIME_PIECES_MAX];
	struct joined j = { 0 };
	struct mime_pieces all;

	mime_pieces_read(value, wanted, &all);
	if (all.has_star)
		join(&all.star, 1, STYLE_WHOLE, &j);
	else if (all.n > 0)
		join(v, mime_pieces_join(&all, MIME_PIECES_FIRST, v), STYLE_WHOLE, &j);
	else if (all.has_plain)
		join(&all.plain, 1, STYLE_WHOLE, &j);
	(void)decode(&j, out);
	fini(&j);
	return all.has_star || all.n > 0 || all.has_plain;
}

/* --- every reading --- */

struct readings {
	struct joined j;
	struct buf first, out; /* the octets in the first style; a text */
	mime_param_fn *fn;
	void *arg;
	int others; /* those by who decodes otherwise */
	int is_long;
};

static void
tell_others(struct readings *r)
{
	struct span octets = buf_span(&r->j.octets);
	unsigned seen = decode(&r->j, &r->out);
	int is_word = r->j.encoded && memmem(octets.p, octets.len, "=?", 2) != NULL;

	/* In what RFC 2231 encodes an encoded word is text, and not to everybody. */
	for (int i = 0; i < FIELD_READINGS; i++) {
		enum field_reading reading = (enum field_reading)i;

		if ((reading == FIELD_LENIENT && !is_word) ||
		    (reading == FIELD_STRICT && !(seen & FIELD_WORDS)) ||
		    (reading == FIELD_GUESS && !(seen & FIELD_DOUBTS)))
			continue;
		buf_reset(&r->out);
		if (r->j.encoded && reading == FIELD_GUESS)
			charset_guess(octets, &r->out);
		else
			(void)field_text_octets(octets, reading, &r->out);
		r->fn(r->arg, buf_span(&r->out));
	}
}

static void
tell(struct readings *r, const struct mime_piece *v, size_t n)
{
	for (int i = STYLE_WHOLE; i < (r->is_long ? STYLE_WORD : STYLES); i++) {
		join(v, n, (enum style)i, &r->j);
		if (i == STYLE_WHOLE) {
			buf_reset(&r->first);
			buf_add_span(&r->first, buf_span(&r->j.octets));
		} else if (span_eq(buf_span(&r->first), buf_span(&r->j.octets))) {
			continue;
		}
		buf_reset(&r->out);
		if (r->others) {
			tell_others(r);
		} else {
			(void)decode(&r->j, &r->out);
			r->fn(r->arg, buf_span(&r->out));
		}
	}
}

/* Those that are numbered, in the other ways only if these find others. */
static void
tell_pieces(struct readings *r, const struct mime_pieces *all)
{
	struct mime_piece first[MIME_PIECES_MAX], other[MIME_PIECES_MAX];
	size_t n = mime_pieces_join(all, MIME_PIECES_FIRST, first), more;

	tell(r, first, n);
	if (n < all->n && !r->is_long) {
		tell(r, other, mime_pieces_join(all, MIME_PIECES_LAST, other));
		tell(r, other, mime_pieces_join(all, MIME_PIECES_ALL, other));
	}
	more = mime_pieces_join(all, MIME_PIECES_STRICT, other);
	if (more > 0 && more < n && !r->is_long)
		tell(r, other, more);
}

/* Returns whether there may be more. */
static int
tell_all(struct readings *r, struct span value, const char *wanted)
{
	struct mime_pieces all;

	mime_pieces_read(value, wanted, &all);
	if (all.has_star)
		tell(r, &all.star, 1);
	if (all.n > 0)
		tell_pieces(r, &all);
	if (all.has_plain)
		tell(r, &all.plain, 1);
	if (all.has_star > 1)
		tell(r, &all.last_star, 1);
	if (all.has_plain > 1)
		tell(r, &all.last_plain, 1);
	return all.more || (r->is_long && (all.n > 0 || all.has_star || all.has_plain));
}

static int
read_all(struct span value, const char *wanted, mime_param_fn *fn, void *arg, int others)
{
	struct readings r = { .fn = fn, .arg = arg, .others = others };
	struct buf bare = { 0 };
	int more;

	r.is_long = value.len > READINGS_OCTETS;
	more = tell_all(&r, value, wanted);
	if (!r.is_long && memchr(value.p == NULL ? "" : (const char *)value.p, '(', value.len) &&
	    mime_param_without_comments(value, &bare))
		more |= tell_all(&r, buf_span(&bare), wanted);
	fini(&r.j);
	buf_fini(&r.first);
	buf_fini(&r.out);
	buf_fini(&bare);
	return more;
}

int
mime_param_readings(struct span value, const char *wanted, mime_param_fn *fn, void *arg)
{
	return read_all(value, wanted, fn, arg, 0);
}

void
mime_param_decodings(struct span value, const char *wanted, mime_param_fn *fn, void *arg)
{
	(void)read_all(value, wanted, fn, arg, 1);
}
