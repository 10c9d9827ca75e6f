#include <string.h>

#include "base/attr.h"
#include "mail/html_reader.h"
#include "mail/html_scan.h"
#include "mail/html_token.h"

#define LITTLE_ENDIAN_HOST (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__)

enum { KEY = 8, NAME_SIZE = 15, NEAR = 16 };

static const struct {
	char name[NAME_SIZE]; /* with NULs behind it */
	uint8_t len;
} tags[HTML_NTAGS] = {
	[HTML_OTHER] = { "", 0 },
#define T(name, flags) [HTML_##name] = { #name, sizeof(#name) - 1 },
#include "mail/html_tags.def"
#undef T
};

const uint8_t html_tag_bits[HTML_NTAGS] = {
#define T(name, flags) [HTML_##name] = (flags),
#include "mail/html_tags.def"
#undef T
};

_Static_assert(HTML_NTAGS < 200, "they must have room in an octet");

/* What an octet is in a tag. */
enum {
	C_SPACE = 1 << 0,
	C_SLASH = 1 << 1,
	C_END = 1 << 2,
	C_EQUAL = 1 << 3,
	C_QUOTE = 1 << 4,
	C_LETTER = 1 << 5,
	C_MARKUP = 1 << 6, /* '!', '?' */
	C_NAME_END = C_SPACE | C_SLASH | C_END,
};

#define L1(c)      [c] = C_LETTER,
#define L5(c)      L1(c) L1(c + 1) L1(c + 2) L1(c + 3) L1(c + 4)
#define LETTERS(c) L5(c) L5(c + 5) L5(c + 10) L5(c + 15) L5(c + 20) L1(c + 25)
static const uint8_t classes[256] = { ['\t'] = C_SPACE,
	['\n'] = C_SPACE,
	['\f'] = C_SPACE,
	['\r'] = C_SPACE,
	[' '] = C_SPACE,
	['/'] = C_SLASH,
	['>'] = C_END,
	['='] = C_EQUAL,
	['"'] = C_QUOTE,
	['\''] = C_QUOTE,
	['!'] = C_MARKUP,
	['?'] = C_MARKUP,
	LETTERS('a') LETTERS('A') };
#undef LETTERS
#undef L5
#undef L1

static inline int
is_letter(uint8_t c)
{
	return (classes[c] & C_LETTER) != 0;
}

/* --- names of elements --- */

/* The first eight octets, in lower case. */
static uint64_t
name_key(const uint8_t *name, size_t len, size_t readable)
{
	const uint64_t each = UINT64_C(0x0101010101010101);
	uint64_t v = 0, low, upper;

	if (readable >= KEY)
		memcpy(&v, name, KEY);
	else
		memcpy(&v, name, len);
	if (len < KEY && readable >= KEY)
		v = LITTLE_ENDIAN_HOST ? v & ((UINT64_C(1) << len * 8) - 1)
				       : v & ~(~UINT64_C(0) >> len * 8);
	low = v & each * 0x7f;
	upper = ((low + each * (0x80 - 'A')) ^ (low + each * (0x7f - 'Z'))) & ~v & each * 0x80;
	return v | upper >> 2;
}

static uint64_t
tag_key(unsigned tag)
{
	uint64_t v;

	memcpy(&v, tags[tag].name, KEY);
	return v;
}

static unsigned
key_hash(uint64_t key)
{
	return (unsigned)(key * UINT64_C(0x9e3779b97f4a7c15) >> (64 - HTML_HASH_BITS));
}

/* Made anew for each reader: some hundred steps, beside thousands of octets. */
static void
hash_fill(uint8_t *hash)
{
	memset(hash, HTML_OTHER, HTML_HASH);
	for (unsigned i = HTML_OTHER + 1; i < HTML_NTAGS; i++) {
		unsigned h = key_hash(tag_key(i));

		while (hash[h] != HTML_OTHER)
			h = (h + 1) % HTML_HASH;
		hash[h] = (uint8_t)i;
	}
}

static enum html_tag
tag_named(const struct html_reader *r, struct span name)
{
	uint64_t key = name_key(name.p, name.len, (size_t)(r->in.p + r->in.len - name.p));
	unsigned h = key_hash(key);

	for (; r->hash[h] != HTML_OTHER; h = (h + 1) % HTML_HASH) {
		unsigned i = r->hash[h];

		if (tag_key(i) == key && name.len == tags[i].len &&
		    (name.len <= KEY || span_case_same(name.p + KEY,
					    (const uint8_t *)tags[i].name + KEY, name.len - KEY)))
			return (enum html_tag)i;
	}
	return HTML_OTHER;
}

/* --- attributes --- */

/* Octet by octet: a long name, or one at the end of the input. */
static size_t
name_end_far(struct span in, size_t at, unsigned ends)
{
	while (at < in.len && (classes[in.p[at]] & ends) == 0)
		at++;
	return at;
}

/* ends: C_NAME_END, and perhaps C_EQUAL */
static inline size_t
name_end(struct span in, size_t at, unsigned ends)
{
	unsigned n;

	if (in.len - at < NEAR)
		return name_end_far(in, at, ends);
	n = html_scan_name(in, at, (ends & C_EQUAL) != 0);
	if (n < NEAR && (classes[in.p[at + n]] & ends) != 0)
		return at + n;
	return name_end_far(in, at, ends);
}

static inline size_t
skip_space(struct span in, size_t at)
{
	while (at < in.len && (classes[in.p[at]] & C_SPACE) != 0)
		at++;
	return at;
}

/* The value, at what follows a '='; where it ends. */
static size_t
value_at(struct span in, size_t at, struct span *value)
{
	size_t start = at = skip_space(in, at);

	if (at < in.len && (classes[in.p[at]] & C_QUOTE) != 0) {
		start++;
		at = html_scan(in, start, in.p[at]);
		*value = span_make(in.p + start, at - start);
		return at < in.len ? at + 1 : at;
	}
	while (at < in.len && (classes[in.p[at]] & (C_SPACE | C_END)) == 0)
		at++;
	*value = span_make(in.p + start, at - start);
	return at;
}

/* The attribute at *at, which moves behind it: 1; 0: at '>' or the end.  *slash: the last thing
 * before that was a '/' between attributes. */
static int
attr_at(struct span in, size_t *at, struct html_attr *a, int *slash)
{
	size_t i = *at, start;
	uint8_t last = 0;

	while (i < in.len && (classes[in.p[i]] & (C_SPACE | C_SLASH)) != 0)
		last = in.p[i++];
	*slash = last == '/';
	*at = start = i;
	if (i == in.len || in.p[i] == '>')
		return 0;
	i = name_end(in, i + 1, C_NAME_END | C_EQUAL); /* a '=' at the front belongs to the name */
	a->name = span_make(in.p + start, i - start);
	a->value = span_make(NULL, 0);
	*at = i;
	i = skip_space(in, i);
	if (i < in.len && in.p[i] == '=')
		*at = value_at(in, i + 1, &a->value);
	return 1;
}

int
html_attr_next(struct span *attrs, struct html_attr *a)
{
	size_t at = 0;
	int slash, got = attr_at(*attrs, &at, a, &slash);

	*attrs = html_span(*attrs, at, attrs->len);
	return got;
}

int
html_attr_find(struct span attrs, const char *name, struct html_attr *a)
{
	while (html_attr_next(&attrs, a)) {
		if (span_case_eq_str(a->name, name))
			return 1;
	}
	return 0;
}

/* --- tags --- */

/* svg and math have rules of their own up to their end, or the first element of HTML proper. */
static void
foreign_tag(struct html_reader *r, const struct html_token *t)
{
	if ((html_tag_flags(t->tag) & HTML_T_FOREIGN) != 0) {
		if (t->kind == HTML_START && !t->closed)
			r->foreign++;
		else if (t->kind == HTML_END && r->foreign > 0)
			r->foreign--;
	} else if (r->foreign > 0 && html_leaves_foreign(t)) {
		r->foreign = 0;
	}
}

/* All of a tag's; where they end. */
static size_t
read_attrs(struct html_reader *r, struct html_token *t, size_t at)
{
	struct span in = r->in;
	struct html_attr a;

	t->first = r->list;
	while (t->nfirst < HTML_ATTRS) {
		if (!attr_at(in, &at, &r->list[t->nfirst], &t->closed))
			return at;
		t->nfirst++;
	}
	t->others.p = in.p + at;
	while (attr_at(in, &at, &a, &t->closed))
		;
	t->others.len = (size_t)(in.p + at - t->others.p);
	return at;
}

/* At "<x" or "</x". */
static void
read_tag(struct html_reader *r, struct html_token *t)
{
	struct span in = r->in;
	size_t start = r->at + 1, at;
	unsigned flags;

	t->kind = in.p[start] == '/' ? HTML_END : HTML_START;
	start += t->kind == HTML_END;
	at = name_end(in, start, C_NAME_END);
	t->name = span_make(in.p + start, at - start);
	t->tag = tag_named(r, t->name);
	start = at;
	if (at < in.len && in.p[at] != '>')
		at = read_attrs(r, t, at);
	t->attrs = span_make(in.p + start, at - start);
	t->broken = at == in.len;
	r->at = t->broken ? at : at + 1;
	flags = html_tag_flags(t->tag);
	if (r->foreign > 0 || (flags & HTML_T_FOREIGN) != 0)
		foreign_tag(r, t);
	if ((flags & (HTML_T_RAW | HTML_T_TEXT)) != 0 && t->kind == HTML_START && r->foreign == 0 &&
	    !(r->fallbacks && html_is_fallback(t->tag)))
		r->raw = t->tag;
}

/* --- text --- */

/* Is what stands at this '<' more than text? */
static inline int
is_markup(struct span in, size_t at)
{
	unsigned class;

	if (at + 1 >= in.len)
		return 0;
	class = classes[in.p[at + 1]];
	return (class & (C_LETTER | C_MARKUP)) != 0 || ((class & C_SLASH) != 0 && at + 2 < in.len);
}

static size_t
text_end(struct span in, size_t at)
{
	while ((at = html_scan(in, at, '<')) < in.len && !is_markup(in, at))
		at++;
	return at;
}

/* Does `mark`, as "</style", stand here, with what ends a name behind it? */
static int
names_tag(struct span in, size_t at, const char *mark, const char *name)
{
	size_t behind = at + strlen(mark) + strlen(name);

	return html_starts(in, at, mark) && html_starts(in, at + strlen(mark), name) &&
	       behind < in.len && (classes[in.p[behind]] & C_NAME_END) != 0;
}

/* A script that is in a comment for browsers without scripts may hold another with its end. */
static size_t
script_end(struct span in, size_t at)
{
	int comment = 0, inner = 0;

	for (; at < in.len; at++) {
		if (in.p[at] == '-' && comment && html_starts(in, at, "-->")) {
			comment = inner = 0;
		} else if (in.p[at] != '<') {
			continue;
		} else if (!comment && html_starts(in, at, "<!--")) {
			comment = 1;
			at++; /* "<!-->" is a whole one */
		} else if (names_tag(in, at, "</", "script")) {
			if (!inner)
				break;
			inner = 0;
		} else if (comment && names_tag(in, at, "<", "script")) {
			inner = 1;
		}
	}
	return at;
}

static size_t
raw_end(struct span in, size_t at, enum html_tag tag)
{
	if (tag == HTML_plaintext)
		return in.len;
	if (tag == HTML_script)
		return script_end(in, at);
	while ((at = html_scan(in, at, '<')) < in.len && !names_tag(in, at, "</", tags[tag].name))
		at++;
	return at;
}

static void
read_text(struct html_reader *r, struct html_token *t)
{
	size_t start = r->at;

	t->kind = HTML_TEXT;
	t->tag = r->raw;
	t->verbatim = (html_tag_flags(r->raw) & HTML_T_RAW) != 0;
	r->at = r->raw == HTML_OTHER ? text_end(r->in, start) : raw_end(r->in, start, r->raw);
	r->raw = HTML_OTHER;
	t->text = span_make(r->in.p + start, r->at - start);
}

void
html_start(struct html_reader *r, struct span html, enum html_conditions conditions)
{
	r->in = html;
	r->at = r->until = 0;
	r->raw = HTML_OTHER;
	r->foreign = r->was_foreign = r->split = r->fallbacks = 0;
	r->conditions = conditions;
	hash_fill(r->hash);
}

/* At the end of a token that began in what is a comment to others. */
static void
note_split(struct html_reader *r)
{
	if (r->at > r->until || (r->at == r->until && r->foreign != r->was_foreign))
		r->split = 1;
}

/* In two pieces, for which no function is called. */
static inline void
clear(struct html_token *t)
{
	enum { HALF = offsetof(struct html_token, first) };

	memset(t, 0, HALF);
	memset((char *)t + HALF, 0, sizeof(*t) - HALF);
}

/* At what is_markup(). */
static void
markup(struct html_reader *r, struct html_token *t)
{
	uint8_t c = r->in.p[r->at + 1];

	if (is_letter(c) || (c == '/' && is_letter(r->in.p[r->at + 2])))
		read_tag(r, t);
	else
		html_read_markup(r, t);
}

int
html_next(struct html_reader *r, struct html_token *t)
{
	size_t start = r->at, len = r->in.len;

	clear(t);
	if (start == len)
		return 0;
	if (r->raw == HTML_OTHER && r->in.p[start] == '<' && is_markup(r->in, start)) {
		markup(r, t);
	} else {
		read_text(r, t);
		if (r->at == start && start < len) { /* an element for text, and there is none */
			markup(r, t);
		}
	}
	t->raw = span_make(r->in.p + start, r->at - start);
	if (start < r->until)
		note_split(r);
	return r->at > start;
}
