/* The charset that a document names. */
#include <string.h>

#include "mail/html_text.h"
#include "mail/html_token.h"

enum { META_WITHIN = 4096 }; /* browsers look at 1,024 octets, mail readers at more */

/* "text/html; charset=utf-8" */
static struct span
charset_in(struct span content)
{
	static const char word[] = "charset";
	struct span s = content;

	for (; s.len >= sizeof(word); s = span_make(s.p + 1, s.len - 1)) {
		struct span value;

		if (!span_case_starts(s, word))
			continue;
		value = span_trim(span_make(s.p + sizeof(word) - 1, s.len - sizeof(word) + 1));
		if (value.len == 0 || *value.p != '=')
			continue;
		value = span_trim(span_make(value.p + 1, value.len - 1));
		if (value.len > 0 && (*value.p == '"' || *value.p == '\''))
			value = span_make(value.p + 1, value.len - 1);
		value.len = span_find(value, ';');
		return value;
	}
	return span_make(NULL, 0);
}

struct span
html_charset(struct span html)
{
	struct html_reader r;
	struct html_token t;
	struct html_attr a;

	if (html.len > META_WITHIN)
		html.len = META_WITHIN;
	html_start(&r, html, HTML_COMMENTS);
	while (html_next(&r, &t)) {
		struct span found = { NULL, 0 };

		if (t.kind != HTML_START || t.tag != HTML_meta || t.broken)
			continue;
		if (html_attr_find(t.attrs, "charset", &a))
			found = a.value;
		else if (html_attr_find(t.attrs, "content", &a))
			found = charset_in(a.value);
		if (found.len > 0)
			return found;
	}
	return span_make(NULL, 0);
}
