/* The arguments of XFORWARD and XCLIENT. */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "mail/syntax.h"
#include "mail/xattr.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
must(int what)
{
	if (!what)
		abort();
}

/* What was understood fits a log line and a command, and means the same when it is said again. */
static void
check(enum xattr_command command, const struct xattr *a)
{
	struct buf wire = { 0 };
	struct span rest, word;
	struct xattr again;
	size_t n = strlen(a->text);

	must(n <= XATTR_VALUE_MAX && (n > 0) == (a->state == XATTR_GIVEN));
	for (size_t i = 0; i < n; i++)
		must(a->text[i] >= 0x20 && a->text[i] <= 0x7e);
	buf_printf(&wire, "%s=", xattr_text(a->name));
	if (a->state == XATTR_GIVEN)
		xtext_encode(span_str(a->text), &wire);
	else
		buf_adds(&wire, a->state == XATTR_UNAVAILABLE ? "[UNAVAILABLE]" : "[TEMPUNAVAIL]");
	rest = buf_span(&wire);
	must(xattr_next(command, &rest, &again, &word) == XATTR_OK);
	/* A value that reads like one of the two words in brackets was said in another way. */
	must(again.name == a->name && strcmp(again.text, a->text) == 0);
	buf_fini(&wire);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	enum xattr_command command;
	struct span rest, word;
	struct xattr a;

	if (n < 1)
		return 0;
	command = p[0] & 1 ? XATTR_XFORWARD : XATTR_XCLIENT;
	rest = span_trim(span_make(p + 1, n - 1));
	while (rest.len > 0) {
		size_t before = rest.len;

		if (xattr_next(command, &rest, &a, &word) == XATTR_OK)
			check(command, &a);
		must(rest.len < before);
		must(word.len == 0 || (word.p >= p && word.p + word.len <= p + n));
	}
	return 0;
}
