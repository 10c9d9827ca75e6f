/*
 * The parts of any octets, decoded: they are there or a limit says so, within the memory allowed,
 * and the same when asked for again.  The first octets choose the limits.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "mail/parts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(int true)
{
	if (!true)
		abort();
}

static int
all(struct parts *parts, const struct parts_options *o, struct buf *log)
{
	struct parts_part p;
	size_t i = 0;
	int rc;

	for (; (rc = parts_get(parts, i, &p)) == 1; i++) {
		must(strlen(p.name) <= 1000 && strlen(p.type) < 200);
		for (const char *s = p.name; *s != '\0'; s++)
			must((unsigned char)*s >= ' ' && *s != 0x7f);
		must(p.decoded.p == p.raw.p || p.decoded.len <= o->memory_limit);
		must(p.whole || p.decoded.len <= o->memory_limit);
		if (i < 100) {
			buf_printf(log, "%s %s %d ", p.type, p.name, p.whole);
			buf_add_span(log, p.decoded);
		}
	}
	must(i <= o->mime.parts_limit || o->mime.parts_limit == 0);
	for (i = 0; i < 100 && parts_odd(parts, i, &p) == 1; i++)
		must(p.odd);
	/* What is odd may be read in several ways. */
	must(i == 0 || (parts_mistakes(parts) & PARTS_READINGS) != 0);
	must(parts_mistakes(parts) == parts_mistakes(parts));
	return rc;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct parts_options o = { 0 };
	struct buf first = { 0 }, again = { 0 };
	struct parts *parts;
	int rc;

	if (size < 4)
		return 0;
	o.mime.line_length_limit = 2048;
	o.mime.header_size_limit = 1 + (size_t)data[0] * 16;
	o.mime.nesting_limit = data[1] & 15;
	o.mime.parts_limit = data[1] >> 4;
	o.mime.boundary_length_limit = 70;
	o.memory_limit = (size_t)data[2] * 16;
	o.inner_limit = data[3] & 7;
	o.mime.lead = data[3] >> 5;
	parts = parts_new(span_make(data + 4, size - 4), &o);
	rc = all(parts, &o, &first);
	must(all(parts, &o, &again) == rc);
	must(
	    first.len == again.len && (first.len == 0 || memcmp(first.p, again.p, first.len) == 0));
	buf_fini(&first);
	buf_fini(&again);
	parts_free(parts);
	return 0;
}
