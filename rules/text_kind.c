#include "rules/text_kind.h"

#include <string.h>

#include "base/attr.h"
#include "mail/parts.h"

/* What stands behind the name and does not count when a file is saved: dots, blanks, quotes,
 * control characters, no-break spaces. */
static struct span
trimmed(struct span s)
{
	while (s.len > 0) {
		uint8_t c = s.p[s.len - 1];

		if (s.len > 1 && c == 0xa0 && s.p[s.len - 2] == 0xc2)
			s.len--;
		else if (c > ' ' && c != 0x7f && c != '.' && c != '"' && c != '\'')
			break;
		s.len--;
	}
	return s;
}

static unsigned
kind_by_end(struct span name)
{
	static const struct {
		const char *end;
		unsigned kind;
	} ends[] = {
		{ ".htm", TEXT_IS_HTML },
		{ ".html", TEXT_IS_HTML },
		{ ".xht", TEXT_IS_HTML },
		{ ".xhtml", TEXT_IS_HTML },
		{ ".shtm", TEXT_IS_HTML },
		{ ".shtml", TEXT_IS_HTML },
		{ ".hta", TEXT_IS_HTML },
		{ ".svg", TEXT_IS_HTML },
		/* A message, whose page may be in base64; most often it is quoted-printable. */
		{ ".mht", TEXT_IS_HTML },
		{ ".mhtml", TEXT_IS_HTML },
		{ ".txt", TEXT_IS_PLAIN },
		{ ".csv", TEXT_IS_PLAIN },
		{ ".log", TEXT_IS_PLAIN },
		{ ".xml", TEXT_IS_PLAIN },
		{ ".url", TEXT_IS_PLAIN },
		{ ".webloc", TEXT_IS_PLAIN },
		{ ".ics", TEXT_IS_PLAIN | TEXT_IS_FOLDED },
		{ ".ical", TEXT_IS_PLAIN | TEXT_IS_FOLDED },
		{ ".vcs", TEXT_IS_PLAIN | TEXT_IS_FOLDED },
		{ ".vcf", TEXT_IS_PLAIN | TEXT_IS_FOLDED },
		{ ".vcard", TEXT_IS_PLAIN | TEXT_IS_FOLDED },
	};

	name = trimmed(name);
	for (size_t i = 0; i < nitems(ends); i++) {
		struct span end = span_str(ends[i].end);

		if (name.len > end.len &&
		    span_case_eq(span_make(name.p + name.len - end.len, end.len), end))
			return ends[i].kind;
	}
	return 0;
}

/* Some readers end a name at a NUL, Windows ends it at the colon of a stream. */
static unsigned
kind_by_name(struct span name)
{
	struct span to_nul = span_make(name.p, span_find(name, '\0'));
	struct span to_colon = span_make(name.p, span_find(name, ':'));

	return kind_by_end(name) | kind_by_end(to_nul) | kind_by_end(to_colon);
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
	static const char *const html[] = { "text/html", "text/xhtml", "application/xhtml+xml",
		"application/xhtml", "application/html", "application/x-html", "application/hta",
		"image/svg+xml", "image/svg" };
	static const char *const folded[] = { "text/calendar", "text/x-vcalendar", "text/vcard",
		"text/x-vcard", "text/directory", "application/ics", "application/vcard",
		"application/calendar" };

	for (size_t i = 0; i < nitems(html); i++)
		if (strcmp(type, html[i]) == 0)
			return TEXT_IS_HTML;
	/* Tags that are not HTML's go the same way. */
	if (strcmp(type, "text/enriched") == 0 || strcmp(type, "text/richtext") == 0)
		return TEXT_IS_PLAIN | TEXT_IS_HTML;
	for (size_t i = 0; i < nitems(folded); i++)
		if (strcmp(type, folded[i]) == 0)
			return TEXT_IS_PLAIN | TEXT_IS_FOLDED;
	if (strncmp(type, "text/", 5) == 0 || strcmp(type, "application/xml") == 0)
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

static int
is_container(const char *type)
{
	return strncmp(type, "multipart/", 10) == 0 || strncmp(type, "message/", 8) == 0;
}

unsigned
text_kind(const struct parts_part *part)
{
	unsigned kind = part->apart ? 0 : kind_by_type(part->type);
	unsigned named = kind_by_name(span_str(part->name));

	for (size_t i = 0; i < part->ntypes; i++)
		if (!part->apart || !is_container(part->types[i]))
			kind |= kind_by_type(part->types[i]);
	for (size_t i = 0; i < part->nnames; i++)
		named |= kind_by_name(part->names[i]);
	if (named != 0 && (kind & (TEXT_IS_PLAIN | TEXT_IS_HTML)) == 0)
		kind = named | TEXT_IS_DOUBTFUL;
	kind |= named & (TEXT_IS_HTML | TEXT_IS_FOLDED);
	/* One of several types is enough; and what is said to be HTML a browser takes for HTML,
	 * whatever octets stand in front. */
	if (strncmp(part->type, "text/", 5) == 0 || (kind & TEXT_IS_HTML) != 0)
		kind &= ~(unsigned)TEXT_IS_DOUBTFUL;
	return kind;
}
