/*
 * Any octets with any label: the result is UTF-8 and at most three times as long, what was UTF-8
 * stays as it is unless escapes say that it is Japanese, and a guess never gives up.  The label is
 * what stands before the first line end.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "mail/charset.h"
#include "mail/rfc2047_decode.h"
#include "mail/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(int true)
{
	if (!true)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span label, text;
	struct buf out = { 0 };
	unsigned seen;

	span_cut(span_make(data, size), '\n', &label, &text);
	seen = charset_decode(text, label, &out);
	must(utf8_good(buf_span(&out)) == out.len && out.len <= 3 * text.len);
	must((seen & CHARSET_UNKNOWN) != 0 || label.len == 0 || charset_known(label));
	buf_reset(&out);

	charset_guess(text, &out);
	must(utf8_good(buf_span(&out)) == out.len && out.len <= 3 * text.len);
	if (utf8_good(text) == text.len && span_find(text, 0x1b) == text.len &&
	    (text.len < 3 || memcmp(text.p, "\xef\xbb\xbf", 3) != 0))
		must(span_eq(buf_span(&out), text));
	buf_reset(&out);

	rfc2047_decode(text, &out);
	buf_fini(&out);
	return 0;
}
