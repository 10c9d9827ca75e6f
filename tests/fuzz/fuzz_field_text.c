/*
 * Any value of a header field in each reading: the result is one line of UTF-8 without controls,
 * and what is plain is itself.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/buf.h"
#include "mail/field_text.h"
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
	struct span value = span_make(data, size);
	struct buf out = { 0 };

	for (int r = 0; r < FIELD_READINGS; r++) {
		buf_reset(&out);
		buf_adds(&out, "x");
		(void)field_text(value, (enum field_reading)r, &out);
		must(utf8_good(buf_span(&out)) == out.len);
		must(out.len <= 1 + 3 * size);
		for (size_t i = 0; i < out.len; i++)
			must((unsigned char)out.p[i] >= ' ' && out.p[i] != 0x7f);
		if (field_text_is_plain(value))
			must(span_eq(span_make(out.p + 1, out.len - 1), value));
	}
	buf_fini(&out);
	return 0;
}
