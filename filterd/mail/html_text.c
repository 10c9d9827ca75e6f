#include "mail/html_text.h"

#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/xmem.h"
#include "mail/html_render.h"
#include "mail/text_seen.h"
#include "mail/text_turn.h"
#include "mail/utf8.h"

#define U_LRO              "\xe2\x80\xad"
#define U_RLO              "\xe2\x80\xae"
#define U_PDF              "\xe2\x80\xac"
#define NOTE_END           '\x1f'
#define LITTLE_ENDIAN_HOST (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__)

/* --- the text --- */

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

static void
put_space(struct html_render *r, const struct html_look *look, uint8_t c)
{
	if (look->pre && (c == '\n' || c == '\r'))
		html_newline(r);
	else if (look->pre || takes_space(r))
		r->p[r->len++] = ' ';
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
put_char(struct html_render *r, const struct html_look *look, uint32_t c)
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
		put_space(r, look, (uint8_t)octets[0]);
	else if (as == 1)
		put(r, octets, n);
}

/* What is neither plain nor a blank: how many octets. */
static size_t
put_special(struct html_render *r, const struct html_look *look, struct span s, int references)
{
	size_t used;
	uint32_t c[2];
	int as;

	if (*s.p == '&' && references && (used = html_reference(s, HTML_IN_TEXT, c)) > 0) {
		put_char(r, look, c[0]);
		if (c[1] != 0)
			put_char(r, look, c[1]);
		return used;
	}
	if (text_octets[*s.p] != TEXT_LEAD) {
		if (text_octets[*s.p] != TEXT_UNSEEN)
			put(r, s.p, 1);
		return 1;
	}
	used = seen_as(r, s, &as);
	if (as == ' ')
		put_space(r, look, ' ');
	else if (as == 1)
		put(r, s.p, used);
	return used;
}

/* Which of eight octets are zero: 0x80 in each that is. */
static uint64_t
zeros(uint64_t v)
{
	const uint64_t low = UINT64_C(0x7f7f7f7f7f7f7f7f);

	return ~(((v & low) + low) | v | low);
}

#define EACH(c) (UINT64_C(0x0101010101010101) * (c))

/* Printable ASCII with single blanks or line ends, eight octets at a time: most of any text. */
static size_t
put_eights(struct html_render *r, struct span s, size_t at)
{
	int space = !takes_space(r);

	for (; s.len - at >= 8; at += 8) {
		uint64_t v, blank, end, control;

		memcpy(&v, s.p + at, 8);
		end = zeros(v ^ EACH('\n'));
		blank = zeros(v ^ EACH(' ')) | end;
		control = ~((v & EACH(0x7f)) + EACH(0x60)) & EACH(0x80) & ~end;
		if (((v & EACH(0x80)) | control | zeros(v ^ EACH('&')) | zeros(v ^ EACH(0x7f))) !=
		    0)
			break;
		if ((blank & blank << 8) != 0 || (space && (blank & 0x80) != 0))
			break;
		v ^= (end >> 7) * ('\n' ^ ' ');
		memcpy(r->p + r->len, &v, 8);
		r->len += 8;
		space = blank >> 63 != 0;
	}
	return at;
}

static void
put_text(struct html_render *r, const struct html_look *look, struct span s, int references)
{
	size_t at = 0;

	while (at < s.len) {
		size_t end = at + 8 < s.len ? at + 8 : s.len;

		if (LITTLE_ENDIAN_HOST && !look->pre) {
			at = put_eights(r, s, at);
			end = at + 8 < s.len ? at + 8 : s.len;
		}
		while (at < end) {
			uint8_t kind = text_octets[s.p[at]];

			if (kind == TEXT_PLAIN)
				r->p[r->len++] = (char)s.p[at++];
			else if (kind == TEXT_SPACE)
				put_space(r, look, s.p[at++]);
			else
				at += put_special(
				    r, look, span_make(s.p + at, s.len - at), references);
		}
	}
}

/* --- tokens --- */

static int
is_blank(struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		if (text_octets[s.p[i]] != TEXT_SPACE)
			return 0;
	return 1;
}

/* Is what looks so hidden?  If so it is noted. */
static int
hides(struct html_render *r, const struct html_look *look)
{
	int soft, hidden = html_look_hides(r, look, &soft);

	if (soft)
		r->seen |= HTML_SEEN_LIKELY;
	if (hidden)
		r->seen |= HTML_SEEN_HIDDEN;
	if (hidden && !r->options.conditional && (look->clear || look->invisible || look->modern))
		r->seen |= HTML_SEEN_CONDITIONAL;
	return hidden;
}

static void
text(struct html_render *r, const struct html_token *t)
{
	const struct html_look *look = html_parent(r, HTML_OTHER);
	int soft;

	if (t->tag == HTML_style || (html_tag_flags(t->tag) & HTML_T_UNSEEN) != 0)
		return;
	if (is_blank(t->text)) {
		if (!html_look_hides(r, look, &soft))
			put_text(r, look, t->text, 0);
	} else if (!hides(r, look)) {
		put_text(r, look, t->text, !t->verbatim);
		r->written = 1;
	}
}

/* A text that stands in an attribute, for the end. */
static void
note(struct html_render *r, struct span value, int picture)
{
	if (!picture || r->note_at != r->len + 1)
		buf_addc(&r->notes, NOTE_END);
	buf_add_span(&r->notes, value);
	r->note_at = picture ? r->len + 1 : 0;
}

/* "submit", "text" and the like show their value; hidden ones do not. */
static int
shows_value(struct span attrs)
{
	static const char *const types[] = { "submit", "button", "reset", "text" };
	struct html_attr a;

	if (!html_attr_find(attrs, "type", &a))
		return 1;
	for (size_t i = 0; i < nitems(types); i++)
		if (span_case_eq_str(a.value, types[i]))
			return 1;
	return 0;
}

/* Texts that stand in attributes. */
static void
attributes(struct html_render *r, const struct html_token *t, const struct html_own *own,
    const struct html_look *look)
{
	int value = t->tag == HTML_input && !is_blank(own->value) && shows_value(t->attrs);

	if ((is_blank(own->alt) && is_blank(own->title) && !value) || hides(r, look))
		return;
	if (value)
		put_text(r, look, own->value, 1);
	if (!is_blank(own->alt))
		note(r, own->alt, 1);
	if (!is_blank(own->title))
		note(r, own->title, 0);
}

/* What rules that were left out might do to an element counts only if they would change it. */
static void
left_out(struct html_render *r, const struct html_look *look, unsigned left)
{
	int soft;

	if ((left & LEFT_HIDES) != 0 ||
	    ((left & LEFT_SHOWS) != 0 && html_look_hides(r, look, &soft)))
		r->seen |= HTML_SEEN_MAYBE;
}

/* <html> and <body> are the document's own level. */
static void
root(struct html_render *r, const struct html_token *t)
{
	struct html_level *l = &r->levels[0];
	struct html_own own;

	html_own_read(r, t, &own);
	l->look = html_look_of(r, &l->look, t->tag, &own);
	left_out(r, &l->look, own.left);
}

/* Of what is in <svg> only its texts are shown; an element of HTML ends it. */
static int
in_foreign(const struct html_token *t)
{
	if (t->tag == HTML_svg)
		return 1;
	if (t->tag == HTML_a || t->tag == HTML_style || t->tag == HTML_title)
		return 1;
	return t->tag == HTML_OTHER && !span_case_eq_str(t->name, "text") &&
	       !span_case_eq_str(t->name, "foreignObject");
}

static void
start(struct html_render *r, const struct html_token *t)
{
	unsigned flags = html_tag_flags(t->tag);
	struct html_own own;
	struct html_look look;

	if (t->tag == HTML_html || t->tag == HTML_body) {
		if (r->n == 1)
			root(r, t);
		return;
	}
	if (t->tag == HTML_head || t->tag == HTML_frameset)
		return;
	if (!html_stack_before(r, t->tag)) {
		put_space(r, &(struct html_look){ .pre = 0 }, ' ');
		return;
	}
	if (html_own_none(r, t)) {
		memset(&own, 0, sizeof(own));
		look = *html_parent(r, t->tag);
		look.block = (flags & HTML_T_BLOCK) != 0 && t->tag != HTML_td && t->tag != HTML_th;
	} else {
		html_own_read(r, t, &own);
		look = html_look_of(r, html_parent(r, t->tag), t->tag, &own);
	}
	left_out(r, &look, own.left);
	if (look.foreign || t->tag == HTML_svg)
		look.foreign = in_foreign(t);
	if (!look.gone && look.block)
		html_newline(r);
	else if (!look.gone && (t->tag == HTML_td || t->tag == HTML_th))
		put_space(r, &(struct html_look){ .pre = 0 }, ' ');
	if (t->attrs.len > 0)
		attributes(r, t, &own, &look);
	if ((flags & HTML_T_VOID) == 0 && !((flags & HTML_T_FOREIGN) != 0 && t->closed))
		html_stack_push(r, t, &own, &look);
}

static void
sheet(struct html_render *r, const struct html_token *tag, struct span css)
{
	struct html_attr a;
	int media = html_attr_find(tag->attrs, "media", &a) && a.value.len > 0;

	if (media && span_case_eq_str(span_trim(a.value), "print"))
		return;
	html_sheet_read(&r->sheet, css, !media || span_case_eq_str(span_trim(a.value), "all"));
}

/* That something is for others than Outlook is said in most of what is for all. */
static void
condition(struct html_render *r, const struct html_token *t)
{
	struct span what = span_trim(span_make(t->text.p + 3, t->text.len - 3));

	r->seen |= HTML_SEEN_CONDITIONAL;
	if (span_case_starts(t->raw, "<!--") && !html_condition(t->text) &&
	    !span_case_starts(what, "!"))
		r->seen |= HTML_SEEN_OTHERS;
}

static void
token(struct html_render *r, const struct html_token *t)
{
	if (t->kind != HTML_TEXT)
		r->seen |= t->tag != HTML_OTHER || t->name.p == NULL ? HTML_SEEN_TAGS : 0;
	switch (t->kind) {
	case HTML_TEXT:
	case HTML_CDATA:
		text(r, t);
		break;
	case HTML_START:
		if (!t->broken)
			start(r, t);
		break;
	case HTML_END:
		if (!t->broken)
			html_stack_end(r, t);
		break;
	case HTML_COMMENT:
		if (span_case_starts(t->text, "[if"))
			condition(r, t);
		break;
	case HTML_DOCTYPE:
		r->quirks = 0;
		break;
	}
}

/* All tokens; learn: with the sheets.  1: a sheet came after a text that it may be about. */
static int
walk(struct html_render *r, struct span html, int learn)
{
	struct html_reader reader;
	struct html_token t, style = { .tag = HTML_OTHER };
	int late = 0;

	r->n = 1;
	r->work = r->deeper = r->len = r->note_at = 0;
	r->written = 0;
	r->quirks = 1;
	r->seen = 0;
	memset(r->open, 0, sizeof(r->open));
	memset(&r->levels[0], 0, sizeof(r->levels[0]));
	html_look_root(&r->levels[0].look);
	buf_reset(&r->notes);
	html_start(&reader, html, r->options.conditional);
	while (html_next(&reader, &t)) {
		if (t.kind == HTML_START && t.tag == HTML_style)
			style = t;
		if (learn && t.kind == HTML_TEXT && t.tag == HTML_style) {
			size_t had = r->sheet.n;

			sheet(r, &style, t.text);
			late |= r->sheet.n > had && r->written;
		}
		token(r, &t);
	}
	return late;
}

static void
put_notes(struct html_render *r)
{
	struct html_look seen = { .pre = 0 };
	struct span notes = buf_span(&r->notes), one;

	html_newline(r);
	while (notes.len > 0) {
		span_cut(notes, NOTE_END, &one, &notes);
		put_text(r, &seen, one, 1);
		html_newline(r);
	}
}

unsigned
html_text(struct span html, const struct html_options *options, struct buf *out)
{
	struct html_render *r = xmalloc(sizeof(*r));
	unsigned had;

	/* Neither the levels nor the rules: they are large, and mostly not needed. */
	r->options = *options;
	r->notes = r->scratch = (struct buf){ .p = NULL };
	r->painted = 0;
	memset(r->known, 0, sizeof(r->known));
	html_sheet_init(&r->sheet);
	/* Only the references of some pairs of characters are shorter than these, by a fifth. */
	r->cap = html.len + html.len / 4 + 16;
	r->p = buf_reserve(out, r->cap);
	if (walk(r, html, 1))
		walk(r, html, 0);
	put_notes(r);
	if (r->options.turned)
		r->len = text_turn(r->p, r->len, 1);
	had = r->seen | (r->sheet.full ? HTML_SEEN_LIMIT : 0);
	out->len += r->len;
	out->p[out->len] = '\0';
	buf_fini(&r->notes);
	buf_fini(&r->scratch);
	free(r);
	return had;
}
