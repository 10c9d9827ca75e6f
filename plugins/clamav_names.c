/* SPDX-License-Identifier: GPL-2.0-only */
#include <string.h>

#include "plugins/clamav_names.h"

#define LIMITS     "Heuristics.Limits.Exceeded"
#define TIME       LIMITS ".MaxScanTime"
#define ENCRYPTED  "Heuristics.Encrypted"
#define UNOFFICIAL ".UNOFFICIAL"

/* The name is this family, or below it. */
static int
is_below(const char *name, const char *family)
{
	size_t n = strlen(family);

	return strncmp(name, family, n) == 0 && (name[n] == '.' || name[n] == '\0');
}

static size_t
tail(const char *name)
{
	size_t n = strlen(name), u = sizeof(UNOFFICIAL) - 1;

	return n > u && strcmp(name + n - u, UNOFFICIAL) == 0 ? u : 0;
}

enum clam_kind
clam_name_kind(const char *name)
{
	/* A signature of the site's may bear any name. */
	if (tail(name) > 0)
		return CLAM_VIRUS;
	if (is_below(name, TIME))
		return CLAM_TIME;
	if (is_below(name, LIMITS))
		return CLAM_LIMIT;
	return is_below(name, ENCRYPTED) ? CLAM_ENCRYPTED : CLAM_VIRUS;
}

const char *
clam_name_detail(const char *name)
{
	const char *rest = NULL;

	if (is_below(name, LIMITS))
		rest = name + sizeof(LIMITS) - 1;
	else if (is_below(name, ENCRYPTED))
		rest = name + sizeof(ENCRYPTED) - 1;
	return rest == NULL || rest[0] == '\0' || rest[1] == '\0' ? NULL : rest + 1;
}

int
clam_name_key(const char *name, size_t step, char *key)
{
	size_t n = strlen(name), u = tail(name), words = n - u;

	if (n > CLAM_NAME_MAX)
		return 0;
	for (; step > 0 && words > 0; step--)
		while (words > 0 && name[--words] != '.')
			;
	if (words > 0) {
		memcpy(key, name, words);
		memcpy(key + words, name + n - u, u + 1);
		return 1;
	}
	if (u > 0 && step-- == 0) {
		strcpy(key, &UNOFFICIAL[1]);
		return 1;
	}
	if (step > 0)
		return 0;
	strcpy(key, "*");
	return 1;
}
