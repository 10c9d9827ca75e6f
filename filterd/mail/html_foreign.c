/* Which elements stand where: in svg and math, and in what not all readers know. */
#include "base/attr.h"
#include "mail/html_token.h"

/* Of HTML's elements that svg and math have too, or that may stand in both. */
static int
stays_foreign(enum html_tag tag)
{
	return tag == HTML_OTHER || tag == HTML_a || tag == HTML_font || tag == HTML_style ||
	       tag == HTML_script || tag == HTML_title || tag == HTML_video || tag == HTML_audio ||
	       tag == HTML_canvas || tag == HTML_iframe;
}

int
html_leaves_foreign(const struct html_token *t)
{
	struct html_attr a;

	if (t->kind == HTML_END)
		return t->tag == HTML_p || t->tag == HTML_br;
	if (t->tag == HTML_font)
		return html_attr_find(t->attrs, "color", &a) ||
		       html_attr_find(t->attrs, "face", &a) || html_attr_find(t->attrs, "size", &a);
	return (html_tag_flags(t->tag) & HTML_T_FOREIGN) == 0 && !stays_foreign(t->tag);
}

int
html_is_fallback(enum html_tag tag)
{
	return tag == HTML_iframe || tag == HTML_noembed || tag == HTML_noframes ||
	       tag == HTML_template;
}
