#include <stdlib.h>
#include <string.h>

#include "base/text.h"

static int
fold(int c)
{
	return c >= 'A' && c <= 'Z' ? c + 32 : c;
}

int
text_case_eq(const char *a, const char *b)
{
	for (; *a != '\0' && fold((unsigned char)*a) == fold((unsigned char)*b); a++)
		b++;
	return fold((unsigned char)*a) == fold((unsigned char)*b);
}

char *
text_lower(char *s)
{
	for (char *p = s; *p != '\0'; p++)
		*p = (char)fold((unsigned char)*p);
	return s;
}

#define NAME_MAX_LEN 80

/* Levenshtein distance; names longer than any of ours are infinitely far, and so is what is not
 * nearer than `limit`: most names are, and that shows soon. */
static size_t
distance(const char *a, const char *b, size_t limit)
{
	size_t row[NAME_MAX_LEN + 1], la = strlen(a), lb = strlen(b);

	if (la > NAME_MAX_LEN || lb > NAME_MAX_LEN || (la > lb ? la - lb : lb - la) >= limit)
		return (size_t)-1;
	for (size_t j = 0; j <= lb; j++)
		row[j] = j;
	for (size_t i = 1; i <= la; i++) {
		size_t diag = row[0], least = i;

		row[0] = i;
		for (size_t j = 1; j <= lb; j++) {
			size_t up = row[j];
			size_t same =
			    fold((unsigned char)a[i - 1]) == fold((unsigned char)b[j - 1]);
			size_t best = diag + !same;

			if (up + 1 < best)
				best = up + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
			diag = up;
			if (best < least)
				least = best;
		}
		if (least >= limit)
			return (size_t)-1;
	}
	return row[lb];
}

const char *
text_nearest(const char *name, const char *const *names, size_t n)
{
	size_t limit = strlen(name) / 3 + 1, best = limit + 1;
	const char *found = NULL;

	for (size_t i = 0; i < n; i++) {
		size_t d = distance(name, names[i], best);

		if (d < best) {
			best = d;
			found = names[i];
		}
	}
	return found;
}
