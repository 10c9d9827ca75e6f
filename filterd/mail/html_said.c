/* Texts that stand in style sheets: ".x:before{content:'Hello'}". */
#include "base/attr.h"
#include "mail/html_render.h"
#include "mail/html_scan.h"
#include "mail/utf8.h"

enum { NAME_SIZE = 28 };

static struct span
behind(struct span s, size_t n)
{
	return span_make(s.p + n, s.len - n);
}

static int
puts_text(struct span name)
{
	static const char *const names[] = { "content", "list-style", "list-style-type" };
	char text[NAME_SIZE];
	struct span s = span_make(text, css_plain(span_trim(name), text, sizeof(text)));

	for (size_t i = 0; i < nitems(names); i++)
		if (span_eq_str(s, names[i]))
			return 1;
	return 0;
}

/* The string at the front, without its quotes and escapes; how many octets it takes. */
static size_t
put_string(struct span s, struct buf *notes)
{
	size_t at = 1;

	while (at < s.len && s.p[at] != s.p[0] && s.p[at] != '\n') {
		uint32_t c;
		char octets[4];

		if (s.p[at] != '\\') {
			buf_addc(notes, (char)s.p[at++]);
			continue;
		}
		if (at + 1 == s.len || s.p[at + 1] >= 0x80) {
			at++;
			continue;
		}
		if (s.p[at + 1] == '\n') {
			at += 2;
			continue;
		}
		at += css_escape(behind(s, at), &c);
		buf_add(notes, octets, utf8_put(c, octets));
	}
	return at < s.len ? at + 1 : at;
}

/* Those of one value are one text. */
static void
put_strings(struct span value, struct buf *notes)
{
	size_t n;

	buf_addc(notes, HTML_NOTE_END);
	for (; value.len > 0; value = behind(value, n)) {
		n = 1;
		if (*value.p == '"' || *value.p == '\'')
			n = put_string(value, notes);
		else if (*value.p == '/' || *value.p == '\\')
			n = css_skip(value);
	}
}

void
html_said(struct span css, struct buf *notes)
{
	if (html_scan(css, 0, '"') == css.len && html_scan(css, 0, '\'') == css.len)
		return;
	while (css.len > 0) {
		struct span name = css_until(&css, ":;{}");

		if (css.len == 0)
			return;
		if (*css.p != ':' || !puts_text(name)) {
			css = behind(css, 1);
			continue;
		}
		css = behind(css, 1);
		put_strings(css_until(&css, ";}"), notes);
	}
}
