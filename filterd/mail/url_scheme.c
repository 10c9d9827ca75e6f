/* Schemes: which there are, and where one stands in a text. */
#include <string.h>

#include "base/attr.h"
#include "mail/url_private.h"

/* Longer ones before those they end with. */
static const struct url_scheme schemes[] = {
	{ .name = "https", .syntax = URL_WEB, .port = 443, .glued = 1, .one_slash = 1 },
	{ .name = "http", .syntax = URL_WEB, .port = 80, .glued = 1, .one_slash = 1 },
	{ .name = "ftp", .syntax = URL_WEB, .port = 21, .one_slash = 1 },
	{ .name = "wss", .syntax = URL_WEB, .port = 443 },
	{ .name = "ws", .syntax = URL_WEB, .port = 80 },
	{ .name = "location", .syntax = URL_WEB }, /* of a share, in search-ms: */
	{ .name = "mailto", .syntax = URL_MAIL },
	{ .name = "data", .syntax = URL_DATA },
};

static int
is_letter(uint8_t c)
{
	return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
}

/* A dot may be one as well, but what has one is the name of a host in front of a port. */
static int
is_scheme_octet(uint8_t c)
{
	return is_letter(c) || (c >= '0' && c <= '9') || c == '+' || c == '-';
}

const struct url_scheme *
url_scheme_read(struct span name, struct url_scheme_name *own)
{
	if (name.len == 0 || name.len >= sizeof(own->text) || !is_letter(name.p[0]))
		return NULL;
	for (size_t i = 0; i < nitems(schemes); i++)
		if (span_case_eq_str(name, schemes[i].name))
			return &schemes[i];
	for (size_t i = 0; i < name.len; i++) {
		uint8_t c = name.p[i];

		if (!is_scheme_octet(c))
			return NULL;
		own->text[i] = (char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
	}
	own->text[name.len] = '\0';
	own->scheme = (struct url_scheme){ .name = own->text, .syntax = URL_GENERIC };
	return &own->scheme;
}

/* Of a word that was glued to what stands before it: "seehttp://". */
static const struct url_scheme *
glued_one(struct span word)
{
	for (size_t i = 0; i < nitems(schemes); i++) {
		size_t len = strlen(schemes[i].name);

		if (schemes[i].glued && word.len >= len &&
		    span_case_eq_str(span_make(word.p + word.len - len, len), schemes[i].name))
			return &schemes[i];
	}
	return NULL;
}

const struct url_scheme *
url_scheme_before(struct span text, size_t colon, struct url_scheme_name *own)
{
	size_t start = colon;
	const struct url_scheme *s;
	struct span word;

	while (start > 0 && colon - start < sizeof(own->text) - 1 &&
	       is_scheme_octet(text.p[start - 1]))
		start--;
	word = span_make(text.p + start, colon - start);
	s = glued_one(word);
	if (s != NULL)
		return s;
	/* "1.http" or "-http" is a scheme behind something else. */
	while (word.len > 0 && !is_letter(word.p[0]))
		word = span_make(word.p + 1, word.len - 1);
	return url_scheme_read(word, own);
}
