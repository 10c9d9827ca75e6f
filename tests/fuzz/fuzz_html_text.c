/*
 * Any octets as HTML: the tokens are the whole input, the text is UTF-8 if the input was, not much
 * longer, without what is not seen, without empty lines; and what is plain text comes out as it is.
 * The first octet says how it is rendered.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "mail/charset.h"
#include "mail/html_text.h"
#include "mail/html_token.h"
#include "mail/text_fold.h"
#include "mail/text_seen.h"
#include "mail/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(int true)
{
	if (!true)
		abort();
}

static int
is_inside(struct span s, struct span all)
{
	return s.p == NULL || (s.p >= all.p && s.p + s.len <= all.p + all.len);
}

static void
tokens(struct span html, enum html_conditions conditional)
{
	struct html_reader r;
	struct html_token t;
	size_t at = 0;

	html_start(&r, html, conditional);
	while (html_next(&r, &t)) {
		struct span attrs = t.attrs;
		struct html_attr a;

		must(t.raw.p == html.p + at && t.raw.len > 0);
		must(is_inside(t.text, t.raw) && is_inside(t.name, t.raw));
		at += t.raw.len;
		while (html_attr_next(&attrs, &a))
			must(a.name.len > 0 && is_inside(a.name, t.raw) &&
			     is_inside(a.value, t.raw));
	}
	must(at == html.len);
}

static void
is_clean(struct span text)
{
	for (size_t i = 0; i < text.len; i++) {
		int as = 1;

		if (text_octets[text.p[i]] == TEXT_LEAD)
			text_seen(span_make(text.p + i, text.len - i), &as);
		must(as == 1 && text_octets[text.p[i]] != TEXT_UNSEEN);
	}
}

static void
rendered(struct span html, const struct html_options *o)
{
	struct buf text = { 0 }, again = { 0 }, folded = { 0 };

	html_text(html, o, &text);
	must(text.len <= html.len + html.len / 4 + 1);
	must(utf8_good(buf_span(&text)) == text.len);
	is_clean(buf_span(&text));
	for (size_t i = 1; i < text.len; i++)
		must(text.p[i] != '\n' || text.p[i - 1] != '\n');
	text_clean(buf_span(&text), &again);
	must(span_eq(buf_span(&again), buf_span(&text)));
	text_fold(buf_span(&text), &folded);
	must(utf8_good(buf_span(&folded)) == folded.len);
	buf_fini(&text);
	buf_fini(&again);
	buf_fini(&folded);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf html = { 0 };
	struct html_options o;
	struct span raw;

	if (size == 0)
		return 0;
	raw = span_make(data + 1, size - 1);
	o = (struct html_options){ .hide = (enum html_hide)(data[0] & 3),
		.conditional = (enum html_conditions)((data[0] >> 6) % 3),
		.turned = data[0] >> 5 & 1,
		.split = data[0] >> 4 & 1 };
	tokens(raw, o.conditional);
	(void)html_charset(raw);
	charset_guess(raw, &html);
	rendered(buf_span(&html), &o);
	buf_fini(&html);
	return 0;
}
