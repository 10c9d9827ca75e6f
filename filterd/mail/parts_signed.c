#include <string.h>

#include "base/arena.h"
#include "mail/mime.h"
#include "mail/parts_private.h"

#define ENDING ".p7m"

/* Where it stands in the name, the last time; its length if it does not. */
static size_t
ending_at(struct span name)
{
	for (size_t i = name.len; i-- > 0;)
		if (span_case_starts(span_make(name.p + i, name.len - i), ENDING))
			return i;
	return name.len;
}

int
parts_is_signed(const struct parts_label *l)
{
	if (l == NULL)
		return 0;
	if (parts_has_type(l, "application/pkcs7-mime") ||
	    parts_has_type(l, "application/x-pkcs7-mime"))
		return 1;
	for (size_t i = 0; i < l->nnames; i++)
		if (ending_at(l->names[i]) < l->names[i].len)
			return 1;
	return 0;
}

/* XML has colons near its front, too. */
static int
is_name_octet(uint8_t c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	       c == '-' || c == '_';
}

/* Is there a header field at its front, or none at all? */
static int
begins_message(struct span s)
{
	size_t n = 0;

	if (s.len == 0 || s.p[0] == '\r' || s.p[0] == '\n')
		return 1;
	while (n < s.len && is_name_octet(s.p[n]))
		n++;
	return n > 0 && n < s.len && s.p[n] == ':';
}

struct parts_label *
parts_signed_file(struct arena *arena, const struct parts_label *l, struct span content)
{
	struct parts_label *file = NULL;

	if (begins_message(content))
		return NULL;
	for (size_t i = 0; l != NULL && i < l->nnames; i++) {
		struct span name = span_make(l->names[i].p, ending_at(l->names[i]));

		/* "smime.p7m" says nothing of what is in it. */
		if (name.len < l->names[i].len && span_find(name, '.') < name.len)
			(void)parts_label_name(arena, &file, name);
	}
	return file;
}
