/* Text as it is written: white space, references, what is not seen. */
#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "mail/html_render.h"
#include "mail/text_seen.h"
#include "mail/text_turn.h"
#include "mail/utf8.h"

#define U_LRO "\xe2\x80\xad"
#define U_RLO "\xe2\x80\xae"
#define U_PDF "\xe2\x80\xac"

void
html_turn(struct html_render *r, const struct html_level *l, int start)
{
	if (l->look.gone)
		return;
	if (l->own.turned == 1)
		r->seen |= HTML_SEEN_TURNED;
	if (r->options.turned) {
		memcpy(r->p + r->len, !start ? U_PDF : l->own.turned == 1 ? U_RLO : U_LRO, 3);
		r->len += 3;
	}
}

/* A blank at the end of a line is none. */
void
html_newline(struct html_render *r)
{
	r->split_to = SIZE_MAX;
	if (r->len > 0 && r->p[r->len - 1] == ' ')
		r->len--;
	if (r->len > 0 && r->p[r->len - 1] != '\n')
		r->p[r->len++] = '\n';
}

static void
put(struct html_render *r, const void *octets, size_t n)
{
	memcpy(r->p + r->len, octets, n);
	r->len += n;
}

/* Would a blank be seen here? */
static int
takes_space(const struct html_render *r)
{
	return r->len > 0 && r->p[r->len - 1] != ' ' && r->p[r->len - 1] != '\n';
}

void
html_put_space(struct html_render *r)
{
	if (takes_space(r))
		r->p[r->len++] = ' ';
}

void
html_put_blanks(struct html_render *r)
{
	r->split_to = SIZE_MAX;
	html_put_space(r);
}

static void
put_blank(struct html_render *r, int pre, uint8_t c)
{
	if (pre && (c == '\n' || c == '\r'))
		html_newline(r);
	else if (pre)
		r->p[r->len++] = ' ';
	else
		html_put_space(r);
}

/* Marks of direction stay while they are needed. */
static size_t
seen_as(struct html_render *r, struct span s, int *as)
{
	size_t used = text_seen(s, as);

	if (*as == 0 && r->options.turned)
		*as = text_turn_mark(s) != TURN_NONE;
	else if (*as == 0 && text_turn_mark(s) == TURN_RIGHT)
		r->seen |= HTML_SEEN_TURNED;
	return used;
}

static void
put_char(struct html_render *r, int pre, uint32_t c)
{
	char octets[4];
	size_t n = utf8_put(c, octets);
	int as = 1;

	if (text_octets[(uint8_t)octets[0]] == TEXT_UNSEEN)
		as = 0;
	else if (text_octets[(uint8_t)octets[0]] == TEXT_SPACE)
		as = ' ';
	else if (text_octets[(uint8_t)octets[0]] == TEXT_LEAD)
		seen_as(r, span_make(octets, n), &as);
	if (as == ' ')
		put_blank(r, pre, (uint8_t)octets[0]);
	else if (as == 1)
		put(r, octets, n);
}

/* What is neither plain nor a blank: how many octets. */
static size_t
put_special(struct html_render *r, int pre, struct span s, int references)
{
	size_t used;
	uint32_t c[2];
	int as;

	if (*s.p == '&' && references && (used = html_reference(s, HTML_IN_TEXT, c)) > 0) {
		put_char(r, pre, c[0]);
		if (c[1] != 0)
			put_char(r, pre, c[1]);
		return used;
	}
	if (text_octets[*s.p] != TEXT_LEAD) {
		if (text_octets[*s.p] != TEXT_UNSEEN)
			put(r, s.p, 1);
		return 1;
	}
	used = seen_as(r, s, &as);
	if (as == ' ')
		put_blank(r, pre, ' ');
	else if (as == 1)
		put(r, s.p, used);
	return used;
}

static size_t
put_octet(struct html_render *r, int pre, struct span s, int references)
{
	uint8_t kind = text_octets[*s.p];

	if (kind == TEXT_PLAIN)
		r->p[r->len++] = (char)*s.p;
	else if (kind == TEXT_SPACE)
		put_blank(r, pre, *s.p);
	else
		return put_special(r, pre, s, references);
	return 1;
}

#ifdef __SSE2__
enum { STEP = 16 };

static __m128i
all(uint8_t c)
{
	return _mm_set1_epi8((char)c);
}

static __m128i
is_between(__m128i v, uint8_t first, uint8_t last)
{
	return _mm_cmpeq_epi8(_mm_min_epu8(_mm_max_epu8(v, all(first)), all(last)), v);
}

/* TEXT_LEAD */
static __m128i
is_lead(__m128i v)
{
	__m128i few = _mm_or_si128(_mm_cmpeq_epi8(v, all(0xc2)), _mm_cmpeq_epi8(v, all(0xd8)));
	__m128i ranges = _mm_or_si128(is_between(v, 0xcc, 0xcd), is_between(v, 0xe1, 0xe3));

	return _mm_or_si128(_mm_or_si128(few, ranges), is_between(v, 0xef, 0xf4));
}

static unsigned
bits(__m128i v)
{
	return (unsigned)_mm_movemask_epi8(v);
}

/* With a blank for each octet of white space. */
static __m128i
blanked(__m128i v)
{
	__m128i ends = _mm_andnot_si128(_mm_cmpeq_epi8(v, all('\v')), is_between(v, '\t', '\r'));

	return _mm_or_si128(_mm_andnot_si128(ends, v), _mm_and_si128(ends, all(' ')));
}

/* A bit for each octet that put_special() must look at. */
static unsigned
specials(__m128i v)
{
	__m128i found = _mm_or_si128(_mm_cmpeq_epi8(v, all('&')), _mm_cmpeq_epi8(v, all(0x7f)));

	found = _mm_or_si128(found, _mm_cmpeq_epi8(_mm_min_epu8(v, all(0x1f)), v));
	if (bits(v) != 0)
		found = _mm_or_si128(found, is_lead(v));
	return bits(found);
}

struct eyeful {          /* of octets */
	__m128i v;       /* as they are to be written */
	unsigned blanks; /* which of them are blanks, */
	unsigned found;  /* and which need to be looked at */
};

static void
look_at(struct eyeful *e, const uint8_t *p)
{
	e->v = blanked(_mm_loadu_si128((const __m128i *)(const void *)p));
	e->found = specials(e->v);
	e->blanks = bits(_mm_cmpeq_epi8(e->v, all(' ')));
}

/* Sixteen octets at a time, as long as nothing needs to be looked at. */
static size_t
put_even(char **to, struct span s, size_t at, unsigned *space)
{
	char *p = *to;
	unsigned before = *space;

	for (; s.len - at >= STEP; at += STEP, p += STEP) {
		__m128i v = _mm_loadu_si128((const __m128i *)(const void *)(s.p + at)), odd;
		unsigned blanks;

		/* The ends of lines within a text: '\n' is 22 below ' '. */
		odd = _mm_cmpeq_epi8(v, all('\n'));
		v = _mm_add_epi8(v, _mm_and_si128(odd, all(' ' - '\n')));
		blanks = bits(_mm_cmpeq_epi8(v, all(' ')));

		/* Below ' ' are also those above 0x7f. */
		odd = _mm_or_si128(_mm_cmplt_epi8(v, all(' ')), _mm_cmpeq_epi8(v, all('&')));
		odd = _mm_or_si128(odd, _mm_cmpeq_epi8(v, all(0x7f)));
		if ((bits(odd) | (blanks & (blanks << 1 | before))) != 0)
			break;
		_mm_storeu_si128((__m128i *)(void *)p, v);
		before = blanks >> (STEP - 1);
	}
	*to = p;
	*space = before;
	return at;
}

/* The text up to where something needs to be looked at, or to its end.  readable: octets that are
 * there, be they of the text or not. */
static size_t
put_plain(struct html_render *r, struct span s, size_t at, size_t readable)
{
	unsigned space = !takes_space(r);
	char *to = r->p + r->len;

	while ((at = put_even(&to, s, at, &space)) < s.len && readable - at >= STEP) {
		size_t n = s.len - at < STEP ? s.len - at : STEP;
		struct eyeful e;

		look_at(&e, s.p + at);
		/* The second of two blanks, too. */
		e.found |= e.blanks & (e.blanks << 1 | space);
		_mm_storeu_si128((__m128i *)(void *)to, e.v);
		if (e.found != 0 && (size_t)__builtin_ctz(e.found) < n)
			n = (size_t)__builtin_ctz(e.found);
		else
			e.found = 0;
		to += n;
		at += n;
		space = (e.blanks << 1 | space) >> n & 1;
		if (e.found == 0)
			continue;
		if ((e.blanks >> n & 1) == 0)
			break;
		do
			at++;
		while (at < s.len && text_octets[s.p[at]] == TEXT_SPACE);
	}
	r->len = (size_t)(to - r->p);
	return at;
}
#endif

void
html_put(struct html_render *r, int pre, struct span s, int references, size_t readable)
{
	size_t at = 0;

	if (s.len > 0 && text_octets[*s.p] == TEXT_SPACE)
		r->split_to = SIZE_MAX;
	while (at < s.len) {
#ifdef __SSE2__
		if (!pre && readable - at >= STEP) {
			at = put_plain(r, s, at, readable);
			if (at == s.len)
				break;
		}
#endif
		at += put_octet(r, pre, span_make(s.p + at, s.len - at), references);
	}
	if (r->len > r->split_to)
		html_split_met(r);
}
