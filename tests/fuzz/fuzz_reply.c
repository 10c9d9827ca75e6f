/* Replies read from a peer, and text of any kind written into one; header text too. */
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "mail/header.h"
#include "mail/reply.h"
#include "mail/rfc2047.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
must(int what)
{
	if (!what)
		abort();
}

/* Lines of one code, printable, at most 512 octets; all but the last say that more follows. */
static void
check_wire(struct span wire, int code)
{
	struct span line, text;
	int got, more = 1;

	while (wire.len > 0) {
		must(more);
		must(span_cut(wire, '\n', &line, &wire));
		must(line.len >= 4 && line.len <= 511 && line.p[line.len - 1] == '\r');
		line.len--;
		must(reply_parse_line(line, &got, &more, &text) == 0 && got == code);
		for (size_t i = 0; i < line.len; i++)
			must(line.p[i] >= ' ' && line.p[i] <= '~');
	}
	must(!more);
}

static void
check_header(struct span field)
{
	struct buf folded = { 0 }, out = { 0 };
	size_t n = 0;

	if (header_field_valid(field)) {
		header_fold(field, &folded);
		must(folded.len >= 2 && memcmp(folded.p + folded.len - 2, "\r\n", 2) == 0);
		must(header_field_valid(span_make(folded.p, folded.len - 2)));
		/* nothing but line ends came or went */
		for (size_t i = 0; i < folded.len; i++) {
			if (folded.p[i] == '\r' || folded.p[i] == '\n')
				continue;
			while (n < field.len && (field.p[n] == '\r' || field.p[n] == '\n'))
				n++;
			must(n < field.len && (uint8_t)folded.p[i] == field.p[n++]);
		}
	}
	rfc2047_encode(field, &out);
	for (size_t i = 0; i < out.len; i++)
		must(out.p[i] >= ' ' && out.p[i] <= '~');
	buf_fini(&folded);
	buf_fini(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct arena *a;
	struct buf wire = { 0 };
	struct span all, footer, text, rest;
	const char *t, *f;
	int code = 450, more;

	if (n < 2)
		return 0;
	a = arena_new();
	all = arena_span(a, span_make(p, n));
	if (reply_parse_line(all, &code, &more, &text) == 0)
		enhanced_len(text);
	enhanced_len(all);
	check_header(all);
	/* "footer NUL text", up to the next NUL */
	span_cut(all, '\0', &footer, &rest);
	span_cut(rest, '\0', &text, &rest);
	f = arena_str(a, footer);
	t = arena_str(a, text);
	reply_format_footer(&wire, code, p[1] & 1 ? "5.7.1" : NULL, t, f);
	check_wire(buf_span(&wire), code);
	buf_fini(&wire);
	arena_free(a);
	return 0;
}
