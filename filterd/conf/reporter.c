#include <search.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/xmem.h"
#include "conf/reporter.h"

static int
compare(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* 1: this very line was told before. */
static int
told(struct reporter *r, enum conf_severity severity, const char *file, int line, const char *text)
{
	char *key = xasprintf("%d %s:%d %s", (int)severity, file == NULL ? "" : file, line, text);
	char **at = tsearch(key, &r->told, compare);

	if (at != NULL && *at == key)
		return 0;
	free(key);
	return 1;
}

static void
make_printable(char *s)
{
	for (; *s != '\0'; s++)
		if ((unsigned char)*s < ' ' || *s == 0x7f)
			*s = '?';
}

void
reporter_init(struct reporter *r, conf_report_fn *report, void *arg)
{
	*r = (struct reporter){ .report = report, .arg = arg };
}

void
reporter_fini(struct reporter *r)
{
	tdestroy(r->told, free);
	r->told = NULL;
}

void
reporter_tell(struct reporter *r, enum conf_severity severity, const char *file, int line,
    const char *fmt, ...)
{
	struct conf_finding f = { .severity = severity, .file = file, .line = line };
	struct buf b = { 0 };
	va_list ap;
	char *text;

	va_start(ap, fmt);
	buf_vprintf(&b, fmt, ap);
	va_end(ap);
	text = buf_take(&b);
	make_printable(text);
	f.text = text;
	if (!told(r, severity, file, line, text)) {
		r->errors += severity == CONF_ERROR;
		if (r->report != NULL)
			r->report(r->arg, &f);
	}
	free(text);
}

enum conf_severity
reporter_tolerable(const struct reporter *r)
{
	return r->tolerant ? CONF_WARNING : CONF_ERROR;
}
