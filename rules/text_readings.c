#include "rules/text_readings.h"

#include "mail/charset.h"
#include "mail/html_text.h"
#include "mail/parts.h"
#include "rules/text_kind.h"

/* --- lines that belong together --- */

/* How many '>' stand in front. */
static size_t
quotes(struct span s)
{
	size_t n = 0;

	while (n < s.len && s.p[n] == '>')
		n++;
	return n;
}

/* The line in front, cut off *rest with its end. */
static struct span
next_line(struct span *rest, struct span *end)
{
	struct span line = span_make(rest->p, span_find(*rest, '\n'));
	size_t whole = line.len < rest->len ? line.len + 1 : line.len;

	if (line.len > 0 && line.p[line.len - 1] == '\r')
		line.len--;
	*end = span_make(line.p + line.len, whole - line.len);
	*rest = span_make(rest->p + whole, rest->len - whole);
	return line;
}

/* "-- " is the line before a signature. */
static int
is_flowed(struct span line, size_t depth)
{
	struct span text = span_make(line.p + depth, line.len - depth);

	return text.len > 0 && text.p[text.len - 1] == ' ' && !span_eq_str(text, "-- ") &&
	       !span_eq_str(text, " -- ");
}

/* RFC 3676: the blank before the end goes, and on the next line what it was quoted and stuffed
 * with.  1: some were. */
static int
put_together(struct span text, struct buf *out)
{
	size_t depth = 0;
	int flowed = 0, any = 0;

	while (text.len > 0) {
		struct span end, line = next_line(&text, &end);
		size_t n = quotes(line), skip = 0;

		if (flowed && n == depth) {
			skip = n;
			if (skip < line.len && line.p[skip] == ' ')
				skip++;
		}
		depth = n;
		flowed = text.len > 0 && quotes(text) == n && is_flowed(line, n);
		any |= flowed;
		if (flowed && skip < line.len)
			buf_add(out, line.p + skip, line.len - skip - 1);
		else if (!flowed)
			buf_add(out, line.p + skip, line.len - skip);
		if (!flowed)
			buf_add_span(out, end);
	}
	return any;
}

/* RFC 5545: a line end with a blank behind it is nothing, between the octets of a character, too;
 * "\\n" is a line end, and another octet behind a backslash is itself.  1: there was something. */
static int
unfold(struct span s, struct buf *out)
{
	size_t i = 0;

	while (i < s.len) {
		size_t end = i + (s.p[i] == '\r' && i + 1 < s.len && s.p[i + 1] == '\n');
		uint8_t next = end + 1 < s.len ? s.p[end + 1] : 0;

		if (s.p[end] == '\n' && (next == ' ' || next == '\t')) {
			i = end + 2;
		} else if (s.p[i] == '\\' && next != 0) {
			buf_addc(out, next == 'n' || next == 'N' ? '\n' : (char)next);
			i += 2;
		} else {
			buf_addc(out, (char)s.p[i]);
			i++;
		}
	}
	return out->len < s.len;
}

/* --- every reading --- */

static void
tell(const struct text_readings *o, struct span text)
{
	struct buf joined = { 0 };

	o->text(o->arg, text, o->kind);
	if (o->part->delsp && put_together(text, &joined))
		o->text(o->arg, buf_span(&joined), o->kind);
	buf_fini(&joined);
}

static unsigned
decode(const struct text_readings *o, struct span octets, struct span label)
{
	struct buf text = { 0 };
	unsigned seen;

	/* Most are, and need not be copied. */
	if (charset_as_is(&octets, label)) {
		tell(o, octets);
		return 0;
	}
	seen = charset_decode(octets, label, &text);
	tell(o, buf_span(&text));
	buf_fini(&text);
	return seen;
}

static void
read_in_charsets(const struct text_readings *o, struct span octets)
{
	struct span label = span_str(o->part->charset);
	struct buf text = { 0 };
	unsigned seen;

	if (label.len == 0 && o->part->ncharsets > 0)
		label = span_str(o->part->charsets[0]);
	if (label.len == 0 && (o->kind & TEXT_IS_HTML) != 0)
		label = html_charset(octets);
	seen = decode(o, octets, label);
	if ((seen & CHARSET_UNKNOWN) != 0 && o->unknown_charset != NULL)
		o->unknown_charset(o->arg, label);
	for (size_t i = 0; i < o->part->ncharsets; i++)
		if (!span_case_eq_str(label, o->part->charsets[i]))
			seen |= decode(o, octets, span_str(o->part->charsets[i]));
	if ((seen & CHARSET_DOUBT) == 0)
		return;
	charset_guess(octets, &text);
	tell(o, buf_span(&text));
	buf_fini(&text);
}

void
text_readings(const struct text_readings *o, struct span octets)
{
	struct buf unfolded = { 0 };

	read_in_charsets(o, octets);
	if ((o->kind & TEXT_IS_FOLDED) != 0 && unfold(octets, &unfolded))
		read_in_charsets(o, buf_span(&unfolded));
	buf_fini(&unfolded);
}
