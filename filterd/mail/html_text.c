#include "mail/html_text.h"

#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/xmem.h"
#include "mail/html_render.h"
#include "mail/text_seen.h"
#include "mail/text_turn.h"

/* --- tokens --- */

/* Of the document. */
static void
put(struct html_render *r, const struct html_look *look, struct span s, int references)
{
	html_put(r, look->pre, s, references, (size_t)(r->end - s.p));
}

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
	int soft, hidden;

	if (look->shown)
		return 0;
	hidden = html_look_hides(r, look, &soft);
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

	if (t->tag != HTML_OTHER && (html_tag_flags(t->tag) & HTML_T_UNSEEN) != 0) {
		if (html_is_fallback(t->tag) && !is_blank(t->text))
			r->seen |= HTML_SEEN_HIDDEN;
		return;
	}
	if (is_blank(t->text)) {
		if (!look->shown && html_look_hides(r, look, &soft))
			return;
		if (look->pre)
			put(r, look, t->text, 0);
		else if (t->text.len > 0)
			html_put_blanks(r);
	} else if (!hides(r, look)) {
		put(r, look, t->text, !t->verbatim);
		r->written = 1;
	}
}

/* A text that stands in an attribute, for the end. */
static void
note(struct html_render *r, struct span value, int picture)
{
	if (!picture || r->note_at != r->len + 1)
		buf_addc(&r->notes, HTML_NOTE_END);
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

	if (own->alt.len == 0 && own->title.len == 0 && own->label.len == 0 && !value)
		return;
	if ((is_blank(own->alt) && is_blank(own->title) && is_blank(own->label) && !value) ||
	    hides(r, look))
		return;
	if (value)
		put(r, look, own->value, 1);
	if (!is_blank(own->alt))
		note(r, own->alt, 1);
	if (!is_blank(own->title))
		note(r, own->title, 0);
	if (!is_blank(own->label))
		note(r, own->label, 0);
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
	struct html_look before = l->look;
	struct html_own own;

	html_own_read(r, t, &own);
	html_look_of(r, &before, t->tag, &own, &l->look);
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

/* What the element says, and how it looks. */
static void
element(struct html_render *r, const struct html_token *t, struct html_level *l)
{
	const struct html_look *parent = html_parent(r, t->tag);

	if (html_own_none(r, t)) {
		l->own.style.says = 0;
		l->own.soft = l->own.doubt = l->own.left = 0;
		l->own.turned = 0;
		l->look = *parent;
		l->look.block = (html_tag_flags(t->tag) & HTML_T_BLOCK) != 0 && t->tag != HTML_td &&
				t->tag != HTML_th;
	} else {
		html_own_read(r, t, &l->own);
		html_look_of(r, parent, t->tag, &l->own, &l->look);
	}
}

static void
start(struct html_render *r, const struct html_token *t)
{
	unsigned flags = html_tag_flags(t->tag);
	struct html_level *l;
	int foreign;

	if (t->tag == HTML_html || t->tag == HTML_body) {
		if (r->n == 1)
			root(r, t);
		return;
	}
	if (t->tag == HTML_head || t->tag == HTML_frameset)
		return;
	html_stack_leave(r, t);
	if (!html_stack_before(r, t->tag)) {
		html_put_space(r);
		return;
	}
	l = &r->levels[r->n];
	element(r, t, l);
	left_out(r, &l->look, l->own.left);
	foreign = l->look.foreign;
	if (foreign || t->tag == HTML_svg) {
		l->look.foreign = (uint8_t)in_foreign(t);
		l->look.shown = 0;
	}
	html_split_start(r, t);
	if (!l->look.gone && l->look.block)
		html_newline(r);
	else if (!l->look.gone && (t->tag == HTML_td || t->tag == HTML_th))
		html_put_space(r);
	if (t->attrs.len > 0)
		attributes(r, t, &l->own, &l->look);
	if ((flags & HTML_T_VOID) == 0 &&
	    !(t->closed && ((flags & HTML_T_FOREIGN) != 0 || foreign)))
		html_stack_push(r, t);
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

static void
begin(struct html_render *r)
{
	r->n = 1;
	r->work = r->deeper = r->len = r->note_at = 0;
	r->written = 0;
	r->split_to = SIZE_MAX;
	r->quirks = 1;
	r->seen = 0;
	memset(r->open, 0, sizeof(r->open));
	memset(&r->levels[0], 0, sizeof(r->levels[0]));
	html_look_root(&r->levels[0].look);
	buf_reset(&r->notes);
}

/* 1: the sheet is new, and comes after a text that it may be about. */
static int
learn(struct html_render *r, const struct html_token *style, struct span css)
{
	size_t had = r->sheet.n;
	int painted = r->sheet.paints, later = r->learned > 0 || r->written;

	r->styled = 1;
	html_said(css, &r->said);
	sheet(r, style, css);
	return later && (r->sheet.n > had || (r->learned > 0 && r->sheet.paints != painted));
}

/* In svg a sheet is an element like others. */
static int
is_sheet(const struct html_render *r, const struct html_token *t)
{
	if (t->kind != HTML_TEXT && t->kind != HTML_CDATA)
		return 0;
	return t->tag == HTML_style ||
	       (t->tag == HTML_OTHER && r->levels[r->n - 1].tag == HTML_style);
}

/* All tokens.  1: it has to be done once more, for what was learned on the way. */
static int
walk(struct html_render *r, struct span html)
{
	struct html_reader reader;
	struct html_token t, style = { .tag = HTML_OTHER };
	int painted = r->painted;
	size_t late = 0;

	begin(r);
	html_start(&reader, html, r->options.conditional);
	reader.fallbacks = r->options.hide == HIDE_NOTHING;
	while (html_next(&reader, &t)) {
		if (t.kind == HTML_START && t.tag == HTML_style)
			style = t;
		if (is_sheet(r, &t) && reader.at > r->learned && learn(r, &style, t.text)) {
			late = html.len;
			/* Near the beginning, as behind a <title>, it is done at once. */
			if (r->walked + reader.at <= html.len / 4) {
				late = reader.at;
				break;
			}
		}
		token(r, &t);
	}
	r->walked += reader.at;
	if (late > 0)
		r->learned = late;
	return late > 0 || (r->learned > 0 && r->painted != painted);
}

static void
put_notes(struct html_render *r)
{
	struct span notes, one;

	html_newline(r);
	buf_add_span(&r->notes, buf_span(&r->said));
	memset(buf_reserve(&r->notes, 16), 0, 16);
	notes = buf_span(&r->notes);
	while (notes.len > 0) {
		span_cut(notes, HTML_NOTE_END, &one, &notes);
		html_put(r, 0, one, 1, one.len + notes.len + 16);
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
	r->notes = r->scratch = r->said = (struct buf){ .p = NULL };
	r->painted = r->styled = 0;
	for (size_t i = 0; i < HTML_KNOWN; i++)
		r->known[i].css = span_make(NULL, 0);
	html_sheet_init(&r->sheet);
	/* Only the references of some pairs of characters are shorter than these, by a fifth; and
	 * html_put() writes 16 octets at a time. */
	r->p = buf_reserve(out, html.len + html.len / 4 + 32);
	r->end = html.p == NULL ? NULL : html.p + html.len;
	r->learned = r->walked = 0;
	while (walk(r, html))
		;
	put_notes(r);
	if (r->options.turned)
		r->len = text_turn(r->p, r->len, 1);
	had = r->seen | (r->sheet.full ? HTML_SEEN_LIMIT : 0);
	out->len += r->len;
	out->p[out->len] = '\0';
	buf_fini(&r->notes);
	buf_fini(&r->scratch);
	buf_fini(&r->said);
	free(r);
	return had;
}
