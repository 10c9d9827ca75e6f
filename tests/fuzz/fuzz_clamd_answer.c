/* What clamd answers, and the keys of a name that it tells. */
#include <assert.h>
#include <ctype.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "plugins/clamav_clamd.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void
check_keys(const char *name)
{
	char key[CLAM_NAME_MAX + 1];
	size_t step, before = SIZE_MAX;

	for (step = 0; clam_name_key(name, step, key); step++) {
		assert(strlen(key) <= strlen(name) || strcmp(key, "*") == 0);
		assert(strlen(key) < before || strcmp(key, "*") == 0);
		before = strlen(key);
	}
	assert(step > 0 && strcmp(key, "*") == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	char detail[CLAM_NAME_MAX + 1];
	enum clamd_word word = clamd_answer_parse((const char *)p, n, detail);

	assert(strlen(detail) <= CLAM_NAME_MAX);
	for (const char *s = detail; *s != '\0'; s++)
		assert(isprint((unsigned char)*s));
	if (word == CLAMD_CLEAN)
		assert(n >= 5 && memcmp(p + n - 4, ": OK", 4) == 0);
	if (word == CLAMD_FOUND) {
		assert(detail[0] != '\0' && strchr(detail, ' ') == NULL);
		check_keys(detail);
		(void)clam_name_kind(detail);
		(void)clam_name_detail(detail);
	}
	return 0;
}
