/* The URLs of HTML: those of attributes, and those of the text that the tags leave. */
#include <string.h>

#include "base/attr.h"
#include "mail/html_text.h"
#include "mail/html_token.h"
#include "mail/url_private.h"

#define PAGES_MAX 4 /* documents in one another */
#define WORD_MAX  256

struct page {
	struct urls *u;
	struct url_base base;
	struct buf text;  /* of all tags, without them */
	struct buf value; /* of an attribute, its references undone */
	int cut;          /* a tag that may hide something stands in what may be a URL */
};

/* --- attributes that are more than a reference --- */

static int
is_blank(uint8_t c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static struct span
skip(struct span s, size_t n)
{
	return span_make(s.p + n, s.len - n);
}

static void
take_reference(struct page *p, struct span s)
{
	url_reference(p->u, s, &p->base);
}

/* "a.png 2x, b.png 3x", and the list of ping, which has no commas. */
static void
take_srcset(struct page *p, struct span s)
{
	while (s.len > 0) {
		struct span one;
		size_t n = 0;

		while (s.len > 0 && (is_blank(s.p[0]) || s.p[0] == ','))
			s = skip(s, 1);
		while (n < s.len && !is_blank(s.p[n]))
			n++;
		one = span_make(s.p, n);
		s = skip(s, n);
		while (one.len > 0 && one.p[one.len - 1] == ',')
			one.len--;
		take_reference(p, one);
		if (n > one.len)
			continue; /* the comma was there already */
		for (n = 0; n < s.len && s.p[n] != ','; n++)
			;
		s = skip(s, n);
	}
}

static void
take_list(struct page *p, struct span s)
{
	while (s.len > 0) {
		size_t n = 0;

		while (n < s.len && !is_blank(s.p[n]))
			n++;
		take_reference(p, span_make(s.p, n));
		s = skip(s, n < s.len ? n + 1 : n);
	}
}

/* meta's content: "0; url='http://...'", the word and the quotes as one likes. */
static void
take_refresh(struct page *p, struct span s)
{
	size_t n = 0;

	while (n < s.len && (is_blank(s.p[n]) || (s.p[n] >= '0' && s.p[n] <= '9') || s.p[n] == '.'))
		n++;
	while (n < s.len && (is_blank(s.p[n]) || s.p[n] == ';' || s.p[n] == ','))
		n++;
	s = skip(s, n);
	if (span_case_starts(s, "url")) {
		for (n = 3; n < s.len && is_blank(s.p[n]); n++)
			;
		if (n < s.len && s.p[n] == '=')
			s = span_trim(skip(s, n + 1));
	}
	if (s.len > 0 && (s.p[0] == '"' || s.p[0] == '\'')) {
		uint8_t quote = s.p[0];

		s = skip(s, 1);
		s.len = span_find(s, quote);
	}
	take_reference(p, s);
}

static void
take_srcdoc(struct page *p, struct span s)
{
	url_page(p->u, s);
}

static void
take_css(struct page *p, struct span s)
{
	url_css(p->u, s, &p->base);
}

static void
take_script(struct page *p, struct span s)
{
	url_script(p->u, s);
}

/* What an animation of SVG sets, a link's reference among other things. */
static void
take_animation(struct page *p, struct span s)
{
	struct span one;
	int more = 1;

	while (more) {
		more = span_cut(s, ';', &one, &s);
		take_reference(p, one);
	}
}

static int
is_animation(const struct html_token *t, struct span name)
{
	static const char *const names[] = { "to", "from", "by", "values" };

	if (!span_case_eq_str(t->name, "set") && !span_case_eq_str(t->name, "animate"))
		return 0;
	for (size_t i = 0; i < nitems(names); i++)
		if (span_case_eq_str(name, names[i]))
			return 1;
	return 0;
}

/* --- tags --- */

static const struct {
	const char *name;
	void (*take)(struct page *, struct span);
} attributes[] = {
	{ "action", take_reference },
	{ "archive", take_list },
	{ "background", take_reference },
	{ "cite", take_reference },
	{ "classid", take_reference },
	{ "codebase", take_reference },
	{ "data", take_reference },
	{ "dynsrc", take_reference },
	{ "formaction", take_reference },
	{ "href", take_reference },
	{ "icon", take_reference },
	{ "imagesrcset", take_srcset },
	{ "longdesc", take_reference },
	{ "lowsrc", take_reference },
	{ "manifest", take_reference },
	{ "ping", take_list },
	{ "poster", take_reference },
	{ "profile", take_list },
	{ "src", take_reference },
	{ "srcdoc", take_srcdoc },
	{ "srcset", take_srcset },
	{ "style", take_css },
	{ "usemap", take_reference },
	{ "xlink:href", take_reference },
};

static struct span
undone(struct page *p, struct span value)
{
	buf_reset(&p->value);
	html_unescape(value, HTML_IN_ATTR, &p->value);
	return buf_span(&p->value);
}

static void
take_attribute(struct page *p, const struct html_token *t, const struct html_attr *a)
{
	if (a->value.len == 0)
		return;
	for (size_t i = 0; i < nitems(attributes); i++) {
		if (!span_case_eq_str(a->name, attributes[i].name))
			continue;
		attributes[i].take(p, undone(p, a->value));
		return;
	}
	if (t->tag == HTML_param && span_case_eq_str(a->name, "value"))
		take_reference(p, undone(p, a->value));
	else if (is_animation(t, a->name))
		take_animation(p, undone(p, a->value));
	else if (span_case_starts(a->name, "on"))
		take_script(p, undone(p, a->value));
	else if (t->tag == HTML_meta && span_case_eq_str(a->name, "content"))
		take_refresh(p, undone(p, a->value));
}

static int
is_refresh(struct page *p, const struct html_token *t)
{
	struct html_attr a;

	return html_attr_find(t->attrs, "http-equiv", &a) &&
	       span_case_eq_str(span_trim(undone(p, a.value)), "refresh");
}

/* All of a name, though browsers take the first: who knows who else reads. */
static void
take_tag(struct page *p, const struct html_token *t)
{
	struct span attrs = t->attrs;
	struct html_attr a;

	if (t->tag == HTML_meta && !is_refresh(p, t))
		return;
	while (!urls_full(p->u) && html_attr_next(&attrs, &a))
		take_attribute(p, t, &a);
}

/* --- text --- */

static void
take_text(struct page *p, const struct html_token *t)
{
	if (!t->verbatim)
		html_unescape(t->text, HTML_IN_TEXT, &p->text);
	else if (t->tag == HTML_style)
		take_css(p, t->text);
	else if (t->tag == HTML_script)
		take_script(p, t->text);
	else if (html_tag_flags(t->tag) & HTML_T_RAW)
		take_srcdoc(p, t->text); /* iframe, noscript: tags to those who do not know them */
	else
		buf_add_span(&p->text, t->text);
}

/* Tags within a word are no end of it, but what stands on another line, or is another link, is. */
static int
is_break(const struct html_token *t)
{
	return (html_tag_flags(t->tag) & HTML_T_BLOCK) != 0 || t->tag == HTML_a;
}

/* Does the text up to here end in the middle of a URL? */
static int
is_inside(struct span text)
{
	size_t n = 0;
	int dot = 0;

	while (n < text.len && n < WORD_MAX && !is_blank(text.p[text.len - 1 - n])) {
		dot |= n > 0 && text.p[text.len - 1 - n] == '.';
		n++;
	}
	text = skip(text, text.len - n);
	return dot || span_case_starts(text, "http:") || span_case_starts(text, "https:") ||
	       span_case_starts(text, "www.");
}

static int
may_hide(const struct html_token *t)
{
	struct html_attr a;

	return html_attr_find(t->attrs, "style", &a) || html_attr_find(t->attrs, "class", &a) ||
	       html_attr_find(t->attrs, "hidden", &a);
}

static void
take(struct page *p, const struct html_token *t)
{
	switch (t->kind) {
	case HTML_TEXT:
	case HTML_CDATA:
		take_text(p, t);
		break;
	case HTML_START:
		take_tag(p, t);
		if (is_break(t))
			buf_addc(&p->text, '\n');
		else if (!p->cut && t->attrs.len > 0 && is_inside(buf_span(&p->text)))
			p->cut = may_hide(t);
		break;
	case HTML_END:
		if (is_break(t))
			buf_addc(&p->text, '\n');
		break;
	case HTML_COMMENT:
	case HTML_DOCTYPE:
		break;
	}
}

/* --- a document --- */

/* The first <base> with a reference holds for all of the document.  In the arena; p NULL: none. */
static struct span
base_of(struct urls *u, struct span html, enum html_conditions conditions)
{
	struct span found = { 0 };
	struct buf value = { 0 };
	struct html_reader r;
	struct html_token t;
	struct html_attr a;

	html_start(&r, html, conditions);
	while (found.p == NULL && html_next(&r, &t))
		if (t.kind == HTML_START && t.tag == HTML_base &&
		    html_attr_find(t.attrs, "href", &a)) {
			html_unescape(a.value, HTML_IN_ATTR, &value);
			found = arena_span(u->arena, buf_span(&value));
		}
	buf_fini(&value);
	return found;
}

/* Is there "<base" at all?  Mostly there is not. */
static int
has_base(struct span s)
{
	const uint8_t *end = s.p + s.len, *at = s.p;

	while (at < end && (at = memchr(at, '<', (size_t)(end - at))) != NULL) {
		at++;
		if (span_case_starts(span_make(at, (size_t)(end - at)), "base"))
			return 1;
	}
	return 0;
}

/* The text without what is hidden in it. */
static void
take_shown(struct urls *u, struct span html)
{
	struct html_options o = { .hide = HIDE_LIKELY };
	struct buf text = { 0 };

	html_text(html, &o, &text);
	url_scan(u, buf_span(&text), 0);
	buf_fini(&text);
}

/* 1: other readers do not see it as these do. */
static int
page_as(struct urls *u, struct span html, enum html_conditions conditions)
{
	struct page p = { .u = u };
	struct span base = { 0 };
	struct html_reader r;
	struct html_token t;
	int differs = 0;

	if (has_base(html)) {
		base = base_of(u, html, conditions);
		differs = !span_eq(base, base_of(u, html, HTML_COMMENTS));
	}
	url_base_make(u, base, &p.base);
	html_start(&r, html, conditions);
	while (!urls_full(u) && html_next(&r, &t))
		take(&p, &t);
	url_scan(u, buf_span(&p.text), 0);
	if (p.cut)
		take_shown(u, html);
	buf_fini(&p.text);
	buf_fini(&p.value);
	return differs || r.split;
}

/* With the comments that Outlook reads, and without them where that makes other tags of it. */
void
url_page(struct urls *u, struct span html)
{
	if (u->pages == PAGES_MAX) {
		u->limits |= URLS_LIMIT_DEPTH;
		return;
	}
	u->pages++;
	if (page_as(u, html, HTML_CONDITIONS))
		page_as(u, html, HTML_COMMENTS);
	u->pages--;
}

void
urls_html(struct urls *u, struct span html)
{
	url_page(u, html);
}
