/* Table type glob: shell patterns with results, glob:PATTERN=RESULT;PATTERN=RESULT */
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "example.h"

#define KEY_MAX 1000

struct table {
	const struct filterd_host *host;
	char *text; /* pattern NUL result NUL ... NUL */
};

static int
glob_open(const struct filterd_host *host, const char *name, void **out, char *why, size_t size)
{
	struct table *t = calloc(1, sizeof(*t));
	char *text = calloc(1, strlen(name) + 2), *to = text, *save = NULL;

	if (t == NULL || text == NULL || (t->text = strdup(name)) == NULL)
		abort();
	t->host = host;
	for (char *row = strtok_r(t->text, ";", &save); row != NULL;
	     row = strtok_r(NULL, ";", &save)) {
		char *equal = strchr(row, '=');

		if (equal == NULL || equal == row) {
			snprintf(why, size, "found \"%.60s\", expected PATTERN=RESULT", row);
			free(text);
			free(t->text);
			free(t);
			return -1;
		}
		*equal = '\0';
		to = stpcpy(to, row) + 1;
		to = stpcpy(to, equal + 1) + 1;
	}
	free(t->text);
	t->text = text;
	*out = t;
	return 0;
}

/* Keys are octets, and what is no text is no key here. */
static int
glob_get(void *table, struct filterd_octets key, struct filterd_table_answer *answer, char *why,
    size_t size)
{
	const struct table *t = table;
	char text[KEY_MAX + 1];

	(void)why;
	(void)size;
	if (key.len > KEY_MAX || memchr(key.p, '\0', key.len) != NULL)
		return 0;
	memcpy(text, key.p, key.len);
	text[key.len] = '\0';
	for (const char *p = t->text; *p != '\0';) {
		const char *result = p + strlen(p) + 1;

		if (fnmatch(p, text, 0) == 0) {
			t->host->table_answer(answer,
			    (struct filterd_octets){ (const uint8_t *)result, strlen(result) });
			return 1;
		}
		p = result + strlen(result) + 1;
	}
	return 0;
}

static void
glob_close(void *table)
{
	struct table *t = table;

	free(t->text);
	free(t);
}

const struct filterd_table_type example_tables[] = {
	{ .type = "glob",
	    .text = "shell patterns, the first that fits: glob:PATTERN=RESULT;PATTERN=RESULT",
	    .open = glob_open,
	    .get = glob_get,
	    .close = glob_close },
	{ .type = NULL },
};
