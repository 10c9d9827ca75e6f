#include <string.h>

#include "base/arena.h"
#include "mail/mime_impl.h"
#include "mail/mime_param.h"

/*
 * RFC 2045's grammar as loosely as Postfix reads it: white space and comments anywhere between
 * tokens, a parameter counts by its first three tokens, whatever follows them up to the ';'.
 */

enum { TOKEN_WORD = 256, TOKEN_QUOTED, TOKEN_END }; /* else the octet of a special or control */

struct token {
	int kind;
	struct span text;
};

static int
is_space(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static int
is_word(uint8_t c)
{
	return c > 0x20 && c != 0x7f && strchr("()<>@,;:\\\"/[]?=", c) == NULL;
}

static void
skip(struct span *s, size_t n)
{
	s->p += n;
	s->len -= n;
}

/* s stands behind the '('; afterwards behind its ')'. */
static void
skip_comment(struct span *s)
{
	for (int depth = 1; s->len > 0 && depth > 0; skip(s, 1)) {
		if (*s->p == '\\' && s->len > 1)
			skip(s, 1);
		else if (*s->p == '(')
			depth++;
		else if (*s->p == ')')
			depth--;
	}
}

/* s stands behind the opening quote, afterwards behind the closing one; what is between, undecoded.
 */
static struct span
skip_quoted(struct span *s)
{
	size_t n = 0;
	struct span inside;

	while (n < s->len && s->p[n] != '"')
		n += s->p[n] == '\\' && n + 1 < s->len ? 2 : 1;
	inside = span_make(s->p, n);
	skip(s, n < s->len ? n + 1 : n);
	return inside;
}

/* White space in front of a folded line's end goes with it. */
static struct span
unquote(const struct token *t, struct arena *arena)
{
	struct span s = t->text;
	uint8_t *out;
	size_t n = 0;

	if (t->kind != TOKEN_QUOTED)
		return s;
	out = arena_alloc(arena, s.len + 1);
	for (size_t i = 0; i < s.len; i++) {
		if (s.p[i] == '\n') {
			while (n > 0 && is_space(out[n - 1]))
				n--;
			continue;
		}
		if (s.p[i] == '\\' && ++i == s.len)
			break;
		out[n++] = s.p[i];
	}
	return span_make(out, n);
}

static struct token
next_token(struct span *s)
{
	struct token t = { .kind = TOKEN_END };
	size_t n = 0;

	while (s->len > 0 && (is_space(*s->p) || *s->p == '(')) {
		int comment = *s->p == '(';

		skip(s, 1);
		if (comment)
			skip_comment(s);
	}
	if (s->len == 0)
		return t;
	if (*s->p == '"') {
		skip(s, 1);
		t.kind = TOKEN_QUOTED;
		t.text = skip_quoted(s);
		return t;
	}
	while (n < s->len && is_word(s->p[n]))
		n++;
	t.kind = n > 0 ? TOKEN_WORD : *s->p;
	t.text = span_make(s->p, n > 0 ? n : 1);
	skip(s, t.text.len);
	return t;
}

/* The first three tokens up to a ';', which is passed; how many there were, -1 at the end. */
static int
read_group(struct span *s, struct token t[3])
{
	int n = 0;
	struct token tok = next_token(s);

	if (tok.kind == TOKEN_END)
		return -1;
	for (; tok.kind != TOKEN_END && tok.kind != ';'; tok = next_token(s)) {
		if (n < 3)
			t[n++] = tok;
	}
	return n;
}

static int
word_is(const struct token *t, const char *word)
{
	return t->kind == TOKEN_WORD && span_case_eq_str(t->text, word);
}

static struct span
find_charset(struct span params, struct arena *arena)
{
	struct token t[3];
	int n;

	while ((n = read_group(&params, t)) >= 0) {
		if (n >= 3 && word_is(&t[0], "charset") && t[1].kind == '=')
			return unquote(&t[2], arena);
	}
	return span_make(NULL, 0);
}

/* As RFC 2231 writes it: charset*=..., charset*0=... */
static struct span
find_encoded_charset(struct span value, struct arena *arena)
{
	struct buf b = { 0 };
	struct span found = { 0 };

	if (span_find(value, '*') < value.len && mime_param(value, "charset", &b) == 1)
		found = arena_span(arena, buf_span(&b));
	buf_fini(&b);
	return found;
}

int
mime_type_parse(struct span value, struct arena *arena, struct mime_type *m, struct span *params)
{
	const struct span whole = value;
	struct token t[3];
	int n = read_group(&value, t), sub;

	*params = value;
	if (n <= 0) {
		*m = (struct mime_type){ .kind = MIME_KIND_OTHER,
			.type = span_str("text"),
			.subtype = span_str("plain") };
		return 0;
	}
	sub = n >= 3 && t[1].kind == '/';
	m->type = t[0].text;
	m->subtype = sub ? t[2].text : span_make(NULL, 0);
	m->charset = span_make(NULL, 0);
	if (word_is(&t[0], "text")) {
		m->kind = MIME_KIND_OTHER;
		m->charset = find_charset(value, arena);
		if (m->charset.p == NULL)
			m->charset = find_encoded_charset(whole, arena);
	} else if (word_is(&t[0], "message")) {
		m->kind = sub && (word_is(&t[2], "rfc822") || word_is(&t[2], "global"))
			      ? MIME_KIND_MESSAGE
			      : MIME_KIND_OTHER;
	} else if (word_is(&t[0], "multipart")) {
		m->kind = MIME_KIND_MULTIPART;
		m->digest = sub && word_is(&t[2], "digest");
		return 1;
	}
	return 0;
}

int
mime_type_boundary(struct span *params, struct arena *arena, struct span *boundary)
{
	struct token t[3];
	int n;

	while ((n = read_group(params, t)) >= 0) {
		if (n >= 3 && word_is(&t[0], "boundary") && t[1].kind == '=') {
			*boundary = unquote(&t[2], arena);
			return 1;
		}
	}
	return 0;
}

struct span
mime_encoding_parse(struct span value)
{
	struct token t = next_token(&value);

	return t.kind == TOKEN_WORD ? t.text : span_make(NULL, 0);
}
