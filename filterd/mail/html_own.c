/* What a tag says for itself: its attributes, and the sheet about them. */
#include <string.h>

#include "base/attr.h"
#include "mail/html_render.h"

enum { CONTROL_FONT = 1333 };

/* The value without references; valid until the next one is asked for. */
static struct span
resolved(struct html_render *r, struct span value)
{
	if (span_find(value, '&') == value.len && span_find(value, '\0') == value.len)
		return value;
	buf_reset(&r->scratch);
	html_unescape(value, HTML_IN_ATTR, &r->scratch);
	return buf_span(&r->scratch);
}

/* Of two attributes with one name the first counts. */
static void
hint_color(struct html_render *r, struct html_style *hint, struct span value)
{
	if ((hint->says & SAYS_COLOR) != 0)
		return;
	hint->says |= SAYS_COLOR;
	hint->color = html_color_attr(resolved(r, value));
}

static void
hint_back(struct html_render *r, struct html_style *hint, struct span value)
{
	if ((hint->says & SAYS_BACK) == 0)
		hint->back = html_color_attr(resolved(r, value));
	hint->says |= SAYS_BACK;
}

static void
hint_attr(
    enum html_tag tag, const struct html_attr *a, struct html_render *r, struct html_style *hint)
{
	if (tag == HTML_a && span_case_eq_str(a->name, "href")) {
		hint->says |= SAYS_COLOR;
		hint->color = 0x0000ee;
	} else if (span_case_eq_str(a->name, "hidden")) {
		hint->says |= SAYS_DISPLAY;
		hint->display = DISPLAY_NONE;
	} else if (span_case_eq_str(a->name, "bgcolor")) {
		hint_back(r, hint, a->value);
	} else if (span_case_eq_str(a->name, "background")) {
		hint->says |= SAYS_IMAGE;
		hint->image = 1;
	} else if (span_case_eq_str(a->name, "popover")) {
		hint->says |= SAYS_AWAY;
		hint->away = 1;
	} else if (tag == HTML_dialog && span_case_eq_str(a->name, "open")) {
		hint->away = 0;
	} else if (tag == HTML_font && span_case_eq_str(a->name, "color")) {
		hint_color(r, hint, a->value);
	} else if (tag == HTML_body && span_case_eq_str(a->name, "text")) {
		hint_color(r, hint, a->value);
	} else if (tag == HTML_font && span_case_eq_str(a->name, "size")) {
		hint->says |= SAYS_FONT;
		hint->font = HTML_FONT;
	}
}

/* What is inside is for browsers that do not know the element, or not for the page. */
static int
is_away(const struct html_render *r, enum html_tag tag)
{
	return tag == HTML_audio || tag == HTML_video || tag == HTML_canvas || tag == HTML_dialog ||
	       tag == HTML_progress || tag == HTML_meter || (tag == HTML_title && r->written);
}

/* What has a look of its own, whatever is around it. */
static int
is_control(enum html_tag tag)
{
	return tag == HTML_button || tag == HTML_input || tag == HTML_select ||
	       tag == HTML_textarea;
}

static void
hint_tag(const struct html_render *r, enum html_tag tag, struct html_style *hint)
{
	if (is_away(r, tag)) {
		hint->says |= SAYS_AWAY;
		hint->away = 1;
	} else if (is_control(tag)) {
		hint->says |= SAYS_COLOR | SAYS_BACK | SAYS_FONT;
		hint->color = 0x000000;
		hint->back = tag == HTML_button ? 0xefefef : 0xffffff;
		hint->font = CONTROL_FONT;
	}
	if (tag == HTML_mark) {
		hint->says |= SAYS_COLOR | SAYS_BACK;
		hint->color = 0x000000;
		hint->back = 0xffff00;
	} else if (tag == HTML_pre || tag == HTML_listing || tag == HTML_textarea ||
		   tag == HTML_xmp || tag == HTML_plaintext) {
		hint->says |= SAYS_PRE;
		hint->pre = 1;
	}
}

int
html_own_none(const struct html_render *r, const struct html_token *t)
{
	const struct html_sheet *sheet = &r->sheet;

	if (t->attrs.len > 0 || (html_tag_flags(t->tag) & HTML_T_UNSEEN) != 0)
		return 0;
	if (sheet->n > 0 && (sheet->any != 0 || sheet->tags[t->tag] != 0))
		return 0;
	switch ((int)t->tag) {
	case HTML_audio:
	case HTML_button:
	case HTML_canvas:
	case HTML_dialog:
	case HTML_meter:
	case HTML_progress:
	case HTML_select:
	case HTML_title:
	case HTML_video:
	case HTML_table: /* begins anew without a doctype */
	case HTML_mark:  /* and these have looks of their own: hint_tag() */
	case HTML_pre:
	case HTML_listing:
	case HTML_textarea:
	case HTML_xmp:
	case HTML_plaintext:
		return 0;
	}
	return 1;
}

static size_t
css_slot(struct span css)
{
	uint64_t h = css.len, word;
	size_t at = 0;

	for (; css.len - at >= sizeof(word); at += sizeof(word)) {
		memcpy(&word, css.p + at, sizeof(word));
		h = (h ^ word) * UINT64_C(0x9e3779b97f4a7c15);
	}
	/* What is left, with some of what was taken already. */
	word = 0;
	if (css.len >= sizeof(word))
		memcpy(&word, css.p + css.len - sizeof(word), sizeof(word));
	else
		memcpy(&word, css.p, css.len);
	h = (h ^ word) * UINT64_C(0x9e3779b97f4a7c15);
	return (size_t)(h >> 32) % HTML_KNOWN;
}

/* The same few styles stand all over a document. */
static const struct html_style *
style_of(struct html_render *r, struct span css)
{
	struct html_known *k = &r->known[css_slot(css)];

	if (k->css.len != css.len || memcmp(k->css.p, css.p, css.len) != 0) {
		k->style = (struct html_style){ .says = 0 };
		html_style_read(resolved(r, css), &k->style);
		k->css = css;
	}
	return &k->style;
}

/* The first letter of a name and its length: nearly all say what it is by these. */
#define WORD(first, len) ((unsigned)(first) << 8 | (len))

static unsigned
word_of(struct span name)
{
	return name.len > 0xff ? 0 : WORD(name.p[0] | 0x20, name.len);
}

static int
obeys_sheet(const struct html_render *r)
{
	return r->options.hide == HIDE_LIKELY || r->options.hide == HIDE_MAYBE;
}

/* Something behind texts that are not inside of it: "<col>", "<v:rect>". */
static int
paints(const struct html_token *t, const struct html_style *st)
{
	if (t->tag == HTML_OTHER)
		return span_case_starts(t->name, "v:");
	return (t->tag == HTML_col || t->tag == HTML_colgroup) &&
	       (st->says & (SAYS_BACK | SAYS_IMAGE)) != 0;
}

enum { TURN_MARKS = 6 }; /* octets */

/* 1: it is; 2: what is around may be, and this is not. */
static int
is_turned(const struct html_token *t, const struct html_style *st)
{
	struct html_attr a;

	if (t->raw.len <= TURN_MARKS)
		return 0;
	if ((st->says & SAYS_TURN) != 0)
		return st->turn;
	if (t->tag != HTML_bdo || !html_attr_find(t->attrs, "dir", &a))
		return 0;
	return span_case_eq_str(span_trim(a.value), "rtl") ? 1 : 2;
}

struct reading { /* of one tag */
	struct html_render *r;
	const struct html_token *t;
	struct html_own *own;
	const struct html_style *line; /* of style=; NULL: there is none */
	struct span classes, id;
};

static void
keep(struct span *first, const struct html_attr *a, const char *name)
{
	if (first->p == NULL && span_case_eq_str(a->name, name))
		*first = a->value;
}

static void
read_style(struct reading *k, const struct html_attr *a)
{
	static const struct html_style empty;

	if (k->line == NULL && span_case_eq_str(a->name, "style"))
		k->line = a->value.len == 0 ? &empty : style_of(k->r, a->value);
	else
		return;
	if ((k->line->doubt & SAYS_TEXT) != 0) {
		html_said(resolved(k->r, a->value), &k->r->notes);
		k->r->note_at = 0;
	}
}

static void
read_attr(struct reading *k, const struct html_attr *a)
{
	struct html_own *own = k->own;

	/* hidden, open, popover */
	if (a->value.p == NULL && a->name.len != 6 && a->name.len != 4 && a->name.len != 7)
		return;
	switch (word_of(a->name)) {
	case WORD('s', 5):
		read_style(k, a);
		return;
	case WORD('i', 2):
		keep(&k->id, a, "id");
		return;
	case WORD('a', 3):
		keep(&own->alt, a, "alt");
		return;
	case WORD('t', 5):
		keep(&own->title, a, "title");
		return;
	case WORD('v', 5):
		keep(&own->value, a, "value");
		return;
	case WORD('p', 11): /* placeholder */
		if (k->t->tag == HTML_input || k->t->tag == HTML_textarea)
			keep(&own->label, a, "placeholder");
		return;
	case WORD('l', 5):
		if (k->t->tag == HTML_option || k->t->tag == HTML_optgroup)
			keep(&own->label, a, "label");
		return;
	case WORD('c', 5): /* class, color */
		if ((a->name.p[1] | 0x20) == 'l') {
			keep(&k->classes, a, "class");
			return;
		}
		break;
	case WORD('b', 7):  /* bgcolor */
	case WORD('b', 10): /* background */
	case WORD('h', 4):  /* href */
	case WORD('h', 6):  /* hidden, height */
	case WORD('o', 4):  /* open */
	case WORD('p', 7):  /* popover */
	case WORD('s', 4):  /* size */
	case WORD('t', 4):  /* text */
		break;
	default:
		return;
	}
	hint_attr(k->t->tag, a, k->r, &own->style);
}

static void
read_attrs(struct reading *k)
{
	struct span others = k->t->others;
	struct html_attr a;

	for (size_t i = 0; i < k->t->nfirst; i++)
		read_attr(k, &k->t->first[i]);
	while (others.len > 0 && html_attr_next(&others, &a))
		read_attr(k, &a);
}

/* Both without references; they stand in one buffer. */
static struct span
names_of(struct reading *k, struct span *id)
{
	struct buf *b = &k->r->scratch;
	size_t n;

	*id = k->id;
	if (span_find(k->classes, '&') == k->classes.len && span_find(k->id, '&') == k->id.len)
		return k->classes;
	buf_reset(b);
	html_unescape(k->classes, HTML_IN_ATTR, b);
	n = b->len;
	html_unescape(k->id, HTML_IN_ATTR, b);
	*id = span_make(buf_span(b).p + n, b->len - n);
	return span_make(buf_span(b).p, n);
}

static void
read_sheet(struct reading *k)
{
	struct html_style sheet = { .says = 0 };
	struct html_own *own = k->own;
	struct span id, classes = names_of(k, &id);

	own->left = html_sheet_ask(
	    &k->r->sheet, k->t, classes, id, k->r->options.hide == HIDE_MAYBE, &sheet);
	html_style_add(&own->style, &sheet);
	own->soft = sheet.says;
	if (k->line != NULL)
		own->soft &= (sheet.important | ~k->line->says) & ~k->line->important;
}

/* In two pieces, for which no slow instruction is taken. */
static inline void
clear(struct html_own *own)
{
	enum { HALF = offsetof(struct html_own, soft) };

	memset(own, 0, HALF);
	memset((char *)own + HALF, 0, sizeof(*own) - HALF);
}

void
html_own_read(struct html_render *r, const struct html_token *t, struct html_own *own)
{
	struct reading k = { .r = r, .t = t, .own = own };

	clear(own);
	hint_tag(r, t->tag, &own->style);
	read_attrs(&k);
	if (obeys_sheet(r) && r->sheet.n > 0)
		read_sheet(&k);
	if (k.line != NULL) {
		if (k.line->says != 0)
			html_style_add(&own->style, k.line);
		own->doubt = k.line->doubt;
		own->soft |= own->doubt;
	}
	own->turned = is_turned(t, &own->style);
	if ((own->doubt & SAYS_PAINT) != 0 || paints(t, &own->style))
		r->painted = 1;
}
