/* mail/content.h against the line-by-line reference, in pieces that the first octets choose. */
#include <stdlib.h>

#include "tests/lib/content_ref.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	size_t cuts[3];

	if (n < 4)
		return 0;
	for (size_t i = 0; i < 3; i++)
		cuts[i] = (size_t)p[i] + 1;
	if (content_ref_compare(p[3] & 1 ? CONTENT_BDAT : CONTENT_DATA, p + 4, n - 4, cuts, 3) ==
	    -1)
		abort();
	return 0;
}
