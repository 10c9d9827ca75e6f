#include "rules/text_kind.h"

#include <string.h>

#include "base/attr.h"
#include "mail/parts.h"

static int
ends_with(const char *name, const char *end)
{
	size_t n = strlen(name), m = strlen(end);

	return n > m && span_case_eq(span_str(name + n - m), span_str(end));
}

static unsigned
kind_by_name(const char *name)
{
	static const struct {
		const char *end;
		unsigned kind;
	} ends[] = {
		{ ".htm", TEXT_IS_HTML },
		{ ".html", TEXT_IS_HTML },
		{ ".xhtml", TEXT_IS_HTML },
		{ ".shtml", TEXT_IS_HTML },
		{ ".txt", TEXT_IS_PLAIN },
	};

	for (size_t i = 0; i < nitems(ends); i++)
		if (ends_with(name, ends[i].end))
			return ends[i].kind;
	return 0;
}

/* A word of no type that there is, or a multipart that is none: what readers make of it they find
 * out for themselves. */
static int
is_no_type(const char *type)
{
	static const char *const known[] = { "application/", "audio/", "chemical/", "font/",
		"image/", "message/", "model/", "video/", "x-" };
	const char *slash = strchr(type, '/');

	if (slash == NULL || slash == type || slash[1] == '\0')
		return 1;
	for (size_t i = 0; i < nitems(known); i++)
		if (span_case_starts(span_str(type), known[i]))
			return 0;
	return 1;
}

static unsigned
kind_by_type(const char *type)
{
	if (strcmp(type, "text/html") == 0 || strcmp(type, "application/xhtml+xml") == 0)
		return TEXT_IS_HTML;
	/* Tags that are not HTML's go the same way. */
	if (strcmp(type, "text/enriched") == 0 || strcmp(type, "text/richtext") == 0)
		return TEXT_IS_PLAIN | TEXT_IS_HTML;
	if (strncmp(type, "text/", 5) == 0)
		return TEXT_IS_PLAIN;
	/* What is left of message/ are reports and the like. */
	return is_no_type(type) || strncmp(type, "message/", 8) == 0
		   ? TEXT_IS_PLAIN | TEXT_IS_DOUBTFUL
		   : 0;
}

/* Few control characters, unless a mark says that it is UTF-16. */
int
text_looks_like(struct span s)
{
	size_t odd = 0, n = s.len < 4096 ? s.len : 4096;

	if (n >= 2 && (memcmp(s.p, "\xff\xfe", 2) == 0 || memcmp(s.p, "\xfe\xff", 2) == 0))
		return 1;
	for (size_t i = 0; i < n; i++)
		odd += s.p[i] < ' ' && s.p[i] != '\t' && s.p[i] != '\n' && s.p[i] != '\r' &&
		       s.p[i] != '\f' && s.p[i] != 0x1b;
	return odd <= n / 32;
}

unsigned
text_kind(const struct parts_part *part)
{
	unsigned kind = kind_by_type(part->type);

	for (size_t i = 0; i < part->ntypes; i++)
		kind |= kind_by_type(part->types[i]);
	if ((kind & (TEXT_IS_PLAIN | TEXT_IS_HTML)) == 0)
		kind =
		    kind_by_name(part->name) != 0 ? kind_by_name(part->name) | TEXT_IS_DOUBTFUL : 0;
	/* One of several types is enough. */
	if (strncmp(part->type, "text/", 5) == 0)
		kind &= ~(unsigned)TEXT_IS_DOUBTFUL;
	return kind;
}
