#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "base/buf.h"
#include "rules/rules.h"
#include "tests/lib/rule_coverage.h"
#include "tests/lib/rule_option_list.h"

/* Every line that was written; it lives as long as the program. */
static struct buf written;

static FILE *
cov_open(const char *mode)
{
	const char *dir = getenv("FILTERD_COVERAGE_DIR");
	char path[4096];
	FILE *f;

	if (dir == NULL || dir[0] == '\0')
		return NULL;
	(void)mkdir(dir, 0777);
	snprintf(path, sizeof(path), "%s/%s.cov", dir, program_invocation_short_name);
	f = fopen(path, mode);
	if (f == NULL)
		fail_msg("%s: %s", path, strerror(errno));
	return f;
}

void
rule_coverage_line(const char *fmt, ...)
{
	int first = written.len == 0;
	char line[1000], key[1010];
	va_list ap;
	FILE *f;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	for (char *p = line; *p != '\0'; p++)
		if (*p == '\n')
			*p = ' ';
	snprintf(key, sizeof(key), "\n%s\n", line);
	if (!first && strstr(buf_cstr(&written), key) != NULL)
		return;
	/* A line's end is the next one's begin. */
	buf_adds(&written, first ? key : key + 1);
	f = cov_open(first ? "w" : "a");
	if (f == NULL)
		return;
	fprintf(f, "%s\n", line);
	fclose(f);
}

/* As a field of a line. */
static const char *
shown(const struct rule_options *o, const struct rule_option *option, char *out, size_t size)
{
	const char *at = (const char *)o + option->offset, *text;
	int64_t number;
	int on;

	switch (option->kind) {
	case OPTION_TEXT:
		memcpy(&text, at, sizeof(text));
		snprintf(out, size, "%.60s", text == NULL ? "(not set)" : text);
		break;
	case OPTION_SWITCH:
		memcpy(&on, at, sizeof(on));
		snprintf(out, size, "%s", on ? "yes" : "no");
		break;
	case OPTION_NUMBER:
		memcpy(&number, at, sizeof(number));
		snprintf(out, size, "%lld", (long long)number);
		break;
	}
	for (char *p = out; *p != '\0'; p++)
		if (*p == '\t')
			*p = ' ';
	return out;
}

void
rule_coverage_option(const struct rule_options *a, const struct rule_options *b,
    const char *answer_a, const char *answer_b)
{
	const struct rule_option *differs = NULL;
	char text_a[100], text_b[100];

	for (size_t i = 0; i < rule_option_count; i++) {
		if (rule_option_same(a, b, &rule_option_list[i]))
			continue;
		if (differs != NULL)
			fail_msg("%s and %s both differ", differs->name, rule_option_list[i].name);
		differs = &rule_option_list[i];
	}
	assert_non_null(differs);
	if (strcmp(answer_a, answer_b) == 0)
		return;
	rule_coverage_line("option\t%s\t%s\t%s", differs->name,
	    shown(a, differs, text_a, sizeof(text_a)), shown(b, differs, text_b, sizeof(text_b)));
}
