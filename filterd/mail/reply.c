#include <string.h>

#include "mail/reply.h"

#define REPLY_TEXT_MAX 510 /* RFC 5321 4.5.3.1.5: 512 octets with CRLF */

static int
is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

int
reply_parse_line(struct span line, int *code, int *more, struct span *text)
{
	int n;

	if (line.len < 3 || !is_digit(line.p[0]) || !is_digit(line.p[1]) || !is_digit(line.p[2]))
		return -1;
	n = (line.p[0] - '0') * 100 + (line.p[1] - '0') * 10 + (line.p[2] - '0');
	if (n < 200 || n > 599)
		return -1;
	if (line.len > 3 && line.p[3] != ' ' && line.p[3] != '-')
		return -1;
	*code = n;
	*more = line.len > 3 && line.p[3] == '-';
	*text = line.len > 4 ? span_make(line.p + 4, line.len - 4) : span_make(line.p + 3, 0);
	return 0;
}

/* One to three digits at t[at]: how many, else 0. */
static size_t
digits(struct span t, size_t at)
{
	size_t n = 0;

	while (at + n < t.len && n < 4 && is_digit(t.p[at + n]))
		n++;
	return n <= 3 ? n : 0;
}

size_t
enhanced_len(struct span text)
{
	size_t at = 1, n;

	if (text.len < 5 || (text.p[0] != '2' && text.p[0] != '4' && text.p[0] != '5'))
		return 0;
	for (int part = 0; part < 2; part++) {
		if (at >= text.len || text.p[at] != '.')
			return 0;
		n = digits(text, at + 1);
		if (n == 0)
			return 0;
		at += 1 + n;
	}
	if (at < text.len && text.p[at] != ' ' && text.p[at] != '\t' && text.p[at] != '\n')
		return 0;
	return at;
}

void
enhanced_fit(char *enhanced, int code)
{
	char class = (char)('0' + code / 100);

	if (enhanced[0] != class && enhanced_len(span_str(enhanced)) > 0)
		enhanced[0] = class;
}

static void
add_printable(struct span text, struct buf *out)
{
	size_t plain = span_printable(text);
	char *to = buf_reserve(out, text.len);

	if (plain > 0)
		memcpy(to, text.p, plain);
	to += plain;
	for (size_t i = plain; i < text.len; i++) {
		uint8_t c = text.p[i];

		*to++ = c < ' ' || c == 0x7f ? ' ' : c > 126 ? '?' : (char)c;
	}
	*to = '\0';
	out->len += text.len;
}

void
reply_clean(struct span text, struct buf *out)
{
	size_t keep = out->len;

	add_printable(text, out);
	while (out->len > keep && out->p[out->len - 1] == ' ')
		out->p[--out->len] = '\0';
}

/* blank: one behind the enhanced code even if there is no text */
static void
add_line(struct buf *out, int code, char sep, const char *enhanced, int blank, struct span text)
{
	size_t start = out->len;

	const char number[] = { (char)('0' + code / 100 % 10), (char)('0' + code / 10 % 10),
		(char)('0' + code % 10), sep };

	buf_add(out, number, sizeof(number));
	if (enhanced != NULL && enhanced[0] != '\0') {
		size_t at = out->len;

		buf_adds(out, enhanced);
		enhanced_fit(out->p + at, code);
		if (blank || text.len > 0)
			buf_addc(out, ' ');
	}
	add_printable(text, out);
	if (out->len - start > REPLY_TEXT_MAX)
		out->len = start + REPLY_TEXT_MAX;
	buf_adds(out, "\r\n");
}

static void
add_lines(struct buf *out, int code, const char *enhanced, int blank, struct span text)
{
	struct span line;
	int more;

	do {
		more = span_cut(text, '\n', &line, &text);
		if (line.len > 0 && line.p[line.len - 1] == '\r')
			line.len--;
		add_line(out, code, more ? '-' : ' ', enhanced, blank, line);
	} while (more);
}

void
reply_format(struct buf *out, int code, const char *enhanced, const char *string)
{
	struct span text = span_str(string);

	if (text.len > 0 && text.p[text.len - 1] == '\n')
		text.len--;
	add_lines(out, code, enhanced, 0, text);
}

void
reply_join_footer(struct buf *out, const char *text, const char *footer)
{
	struct span head = span_str(text);

	if (footer == NULL || footer[0] == '\0') {
		buf_add_span(out, head);
	} else if (strncmp(footer, "\\c", 2) == 0) {
		buf_add_span(out, head);
		buf_adds(out, footer + 2);
	} else {
		if (head.len > 0 && head.p[head.len - 1] == '\n')
			head.len--;
		buf_add_span(out, head);
		buf_addc(out, '\n');
		buf_adds(out, footer);
	}
}

void
reply_format_footer(
    struct buf *out, int code, const char *enhanced, const char *text, const char *footer)
{
	struct buf whole = { 0 };

	if (footer == NULL || footer[0] == '\0') {
		reply_format(out, code, enhanced, text);
		return;
	}
	/* A footer's empty lines are lines, as Postfix writes them. */
	reply_join_footer(&whole, text, footer);
	add_lines(out, code, enhanced, 1, buf_span(&whole));
	buf_fini(&whole);
}
