#include <string.h>

#include "mail/mime.h"
#include "mail/received.h"

#define LOOK_MAX ((size_t)32 * 1024)

/* The next field, its continuation lines included, off *rest; 0: the header is at its end. */
static int
next_field(struct span *rest, struct span *field)
{
	size_t n = 0;

	do {
		const uint8_t *nl = memchr(rest->p + n, '\n', rest->len - n);

		n = nl == NULL ? rest->len : (size_t)(nl - rest->p) + 1;
	} while (n < rest->len && (rest->p[n] == ' ' || rest->p[n] == '\t'));
	*field = span_make(rest->p, n);
	*rest = span_make(rest->p + n, rest->len - n);
	return mime_field_name(*field) > 0;
}

static int
is_space(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* The next word outside comments; empty: there is none.  A semicolon, which stands in front of the
 * date, ends a word and is none. */
static struct span
next_word(struct span *rest)
{
	const uint8_t *p = rest->p, *end = p + rest->len, *word;
	int depth = 0;

	for (; p < end; p++) {
		if (*p == '\\' && depth > 0 && p + 1 < end)
			p++;
		else if (*p == '(')
			depth++;
		else if (*p == ')' && depth > 0)
			depth--;
		else if (depth == 0 && !is_space(*p) && *p != ';')
			break;
	}
	for (word = p; p < end && !is_space(*p) && *p != '(' && *p != ';'; p++)
		;
	*rest = span_make(p, (size_t)(end - p));
	return span_make(word, (size_t)(p - word));
}

static struct span
id_of(struct span value)
{
	struct span word;

	while ((word = next_word(&value)).len > 0)
		if (span_case_eq_str(word, "id"))
			return next_word(&value);
	return word;
}

size_t
received_ids(struct span message, struct span *ids, size_t max)
{
	struct span rest = message, field;
	size_t n = 0;

	if (rest.len > LOOK_MAX)
		rest.len = LOOK_MAX;
	while (n < max && rest.len > 0 && next_field(&rest, &field)) {
		size_t name = mime_field_name(field);

		if (!span_case_eq_str(span_make(field.p, name), "received"))
			continue;
		/* White space may stand between the name and the colon. */
		while (field.p[name] != ':')
			name++;
		ids[n] = id_of(span_make(field.p + name + 1, field.len - name - 1));
		if (ids[n].len > 0)
			n++;
	}
	return n;
}
