/*
 * Any value of a Content-Type or Content-Disposition field: the preferred value is among the
 * readings, all are UTF-8 and not immensely longer than the field, and they are the same each time.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/attr.h"
#include "base/buf.h"
#include "mail/mime_param.h"
#include "mail/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(int true)
{
	if (!true)
		abort();
}

struct seen {
	size_t size;     /* of the field */
	struct buf *all; /* the readings, each behind its length */
	struct span wanted;
	int found;
};

static void
take(void *arg, struct span value)
{
	struct seen *s = arg;

	must(utf8_good(value) == value.len);
	must(value.len <= 3 * s->size);
	buf_add(s->all, &value.len, sizeof(value.len));
	buf_add_span(s->all, value);
	s->found |= span_eq(value, s->wanted);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = { "filename", "name" };
	struct span value = span_make(data, size);

	for (size_t i = 0; i < nitems(names); i++) {
		struct buf one = { 0 }, first = { 0 }, second = { 0 };
		int there = mime_param(value, names[i], &one);
		struct seen s = { size, &first, buf_span(&one), 0 };

		(void)mime_param_readings(value, names[i], take, &s);
		must(s.found || !there);
		mime_param_decodings(value, names[i], take, &s);
		s.all = &second;
		(void)mime_param_readings(value, names[i], take, &s);
		mime_param_decodings(value, names[i], take, &s);
		must(span_eq(buf_span(&first), buf_span(&second)));
		buf_fini(&one);
		buf_fini(&first);
		buf_fini(&second);
	}
	return 0;
}
