/* tablequery TYPE:NAME < keys - `key<TAB>value` for each line that is found, as `postmap -q -`
 * prints it; warnings about the file go to stderr.  For tests/daemon/test_table_parity.py. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/span.h"
#include "table/table.h"

static void
warn(void *arg, const struct table_finding *f)
{
	(void)arg;
	fprintf(stderr, "%s, line %d: %s\n", f->file, f->line, f->text);
}

int
main(int argc, char **argv)
{
	struct err err = { 0 };
	struct table_hit hit;
	struct table *t;
	struct arena *a;
	char *line = NULL;
	size_t cap = 0;
	ssize_t n;
	int rc;

	if (argc != 2)
		return 2;
	if ((t = table_open(argv[1], warn, NULL, &err)) == NULL) {
		fprintf(stderr, "fatal: %s\n", err.text);
		return 1;
	}
	a = arena_new();
	while ((n = getline(&line, &cap, stdin)) > 0) {
		if (line[n - 1] == '\n')
			n--;
		rc = table_get(t, span_make(line, (size_t)n), a, &hit, &err);
		if (rc == -1) {
			fprintf(stderr, "fatal: %s\n", err.text);
			return 1;
		}
		if (rc == 1)
			printf("%.*s\t%s\n", (int)n, line, hit.value);
		arena_reset(a);
	}
	free(line);
	arena_free(a);
	table_close(t);
	return 0;
}
