/* What libclamav passes over in a ZIP archive: looked for in any octets. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/clamav_zip.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	int is_beyond = clam_zip_is_beyond(p, n);
	uint8_t *behind = malloc(n + 6);

	/* What is whole is so behind other octets as well. */
	assert(behind != NULL);
	memcpy(behind, "before", 6);
	if (n > 0)
		memcpy(behind + 6, p, n);
	assert(is_beyond || !clam_zip_is_beyond(behind, n + 6));
	free(behind);
	return 0;
}
