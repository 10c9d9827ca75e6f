/*
 * What looks at the message's octets: in a scanner process, without network, files and DNS.
 *
 * A stranger wrote what is read here.  If this code can be made to crash or to run for ever, a
 * scanner dies of it, and the check has failed for this one message.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "example.h"

/* Made once; the scanners are forked afterwards and share its memory. */
struct engine {
	const struct filterd_host *host;
	char *line;
	size_t len;
	int ignore_case;
	int64_t lines_max;
};

int
example_scan_open(const struct filterd_host *host, const struct filterd_value *v, void **out,
    char *why, size_t size)
{
	struct engine *e;

	*out = NULL; /* no scanner is needed */
	if (v[P_LINE].text[0] == '\0')
		return 0;
	if (strpbrk(v[P_LINE].text, "\r\n") != NULL) {
		snprintf(why, size, "example_line must be one line");
		return -1;
	}
	e = calloc(1, sizeof(*e));
	if (e == NULL || (e->line = strdup(v[P_LINE].text)) == NULL)
		abort();
	e->host = host;
	e->len = strlen(e->line);
	e->ignore_case = v[P_IGNORE_CASE].number != 0;
	e->lines_max = v[P_LINES_MAX].number;
	*out = e;
	return 0;
}

void
example_scan_close(void *engine)
{
	struct engine *e = engine;

	free(e->line);
	free(e);
}

void
example_scan_describe(void *engine, char *out, size_t size)
{
	const struct engine *e = engine;

	snprintf(out, size, "octets=%zu", e->len);
}

static int
is_it(const struct engine *e, const uint8_t *p, size_t len)
{
	if (len > 0 && p[len - 1] == '\r')
		len--;
	if (len != e->len)
		return 0;
	if (e->ignore_case)
		return strncasecmp((const char *)p, e->line, len) == 0;
	return memcmp(p, e->line, len) == 0;
}

/* Keys are the numbers of lines, counted from the message's first: the line Received: that is put
 * in front is none of it. */
static int
scan_lines(void *engine, const struct filterd_message *m, struct filterd_work *work,
    struct filterd_say *say)
{
	const struct engine *e = engine;
	const uint8_t *p = m->octets.p + m->lead, *end = m->octets.p + m->octets.len;
	int64_t number = 0, found = 0;
	char text[24];

	(void)work; /* the parts, decoded, could be had of it: host->part() */
	while (p < end && found < e->lines_max) {
		const uint8_t *lf = memchr(p, '\n', (size_t)(end - p));
		size_t len = (size_t)((lf == NULL ? end : lf) - p);

		number++;
		if (is_it(e, p, len)) {
			snprintf(text, sizeof(text), "%lld", (long long)number);
			e->host->say_fact(say, "example", "line", text);
			e->host->say_key(say, text);
			found++;
		}
		p = lf == NULL ? end : lf + 1;
	}
	e->host->say_count(say, "example_lines", (uint64_t)found);
	return 0;
}

const struct filterd_scan example_scans[] = {
	{ .name = "lines",
	    .needs = NEED_CONTENT,
	    .run = scan_lines,
	    .text = "lines that are the one of example_line" },
	{ .name = NULL },
};
