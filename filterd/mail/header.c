#include "mail/header.h"

static int
is_blank(uint8_t c)
{
	return c == ' ' || c == '\t';
}

static size_t
name_octets(struct span s)
{
	size_t n = 0;

	while (n < s.len && s.p[n] > ' ' && s.p[n] < 0x7f && s.p[n] != ':')
		n++;
	return n;
}

int
header_name_valid(struct span name)
{
	return name.len > 0 && name_octets(name) == name.len;
}

size_t
header_name_len(struct span field)
{
	size_t n = name_octets(field), at = n;

	while (at < field.len && is_blank(field.p[at]))
		at++;
	return at < field.len && field.p[at] == ':' ? n : 0;
}

int
header_field_valid(struct span field)
{
	if (header_name_len(field) == 0)
		return 0;
	for (size_t i = 0; i < field.len; i++) {
		if (field.p[i] == '\0')
			return 0;
		if (field.p[i] == '\r' && (i + 1 == field.len || field.p[i + 1] != '\n'))
			return 0;
		if (field.p[i] == '\n' && (i + 1 == field.len || !is_blank(field.p[i + 1])))
			return 0;
	}
	return 1;
}

/* Where to break a line that is too long: before its last blank within HEADER_FOLD, or else the
 * first one behind; 0 for nowhere.  What stands before and behind must not be all blank, or the
 * line would be lost on the way (RFC 5322 4.2). */
static size_t
break_at(struct span line, size_t from)
{
	size_t at = 0, end = line.len;

	while (end > 0 && is_blank(line.p[end - 1]))
		end--;
	while (from < end && is_blank(line.p[from]))
		from++;
	for (size_t i = from; i < end; i++) {
		if (!is_blank(line.p[i]) || i == from)
			continue;
		if (i > HEADER_FOLD && at != 0)
			break;
		at = i;
		if (i > HEADER_FOLD)
			break;
	}
	return at;
}

static void
fold_line(struct span line, size_t from, struct buf *out)
{
	while (line.len > HEADER_FOLD) {
		size_t at = break_at(line, from);

		if (at == 0)
			break;
		buf_add(out, line.p, at);
		buf_adds(out, "\r\n");
		line = span_make(line.p + at, line.len - at);
		from = 0;
	}
	buf_add_span(out, line);
	buf_adds(out, "\r\n");
}

void
header_fold(struct span field, struct buf *out)
{
	size_t from = header_name_len(field) + 1; /* not between name and value */
	struct span line;
	int more;

	do {
		more = span_cut(field, '\n', &line, &field);
		if (line.len > 0 && line.p[line.len - 1] == '\r')
			line.len--;
		fold_line(line, from, out);
		from = 0;
	} while (more);
}
