/* How many addresses a From field shows, and how its names look. */
#include <stdlib.h>

#include "mail/mailboxes.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
must(int what)
{
	if (!what)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf shown = { 0 };
	size_t n = mailboxes_count(span_make(data, size)), ats = 0;

	for (size_t i = 0; i < size; i++)
		ats += data[i] == '@';
	must(n <= ats);
	must(mailboxes_shown(span_make(data, size), &shown) == (shown.len < size));
	must(shown.len <= size);
	buf_fini(&shown);
	return 0;
}
