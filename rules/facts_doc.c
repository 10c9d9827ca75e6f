/*
 * facts_doc - the list of facts in filterd_content(5), in mdoc(7), from core/facts.def
 *
 * Writes to standard output; the build puts it between filterd_content.5.head and .tail.
 */
#include <stdio.h>

#include "base/attr.h"

static const struct {
	const char *subject, *value, *text;
} facts[] = {
#define FACT(id, subject, value, stage, text) { subject, value, text },
#include "core/facts.def"
#undef FACT
};

/* Names of parameters as mdoc has them in other pages would need marks in facts.def: plain text. */
static void
prose(const char *s)
{
	for (; *s != '\0'; s++) {
		if (*s == '\\')
			fputs("\\e", stdout);
		else
			putchar(*s);
	}
	puts(".");
}

int
main(void)
{
	puts(".Bl -tag -width Ds -compact");
	for (size_t i = 0; i < nitems(facts); i++) {
		printf(".It Li %s=%s\n", facts[i].subject, facts[i].value);
		prose(facts[i].text);
	}
	puts(".El");
	return ferror(stdout) || fflush(stdout) == EOF;
}
