#include "rules/load.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/err.h"
#include "table/table.h"

static void
tell(struct rule_load *l, int is_error, const char *parameter, const char *file, int line,
    const char *fmt, va_list ap)
{
	char text[600];

	l->errors += is_error;
	if (l->report == NULL)
		return;
	vsnprintf(text, sizeof(text), fmt, ap);
	l->report(l->arg, &(struct rule_finding){ .is_error = is_error,
			      .parameter = parameter,
			      .file = file,
			      .line = line,
			      .text = text });
}

void
rule_load_wrong(
    struct rule_load *l, const char *parameter, const char *file, int line, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	tell(l, !l->tolerant, parameter, file, line, fmt, ap);
	va_end(ap);
}

void
rule_load_warn(
    struct rule_load *l, const char *parameter, const char *file, int line, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	tell(l, 0, parameter, file, line, fmt, ap);
	va_end(ap);
}

struct in_file { /* whose table is being opened */
	struct rule_load *load;
	const char *parameter;
};

static void
table_told(void *arg, const struct table_finding *f)
{
	struct in_file *in = arg;

	rule_load_warn(in->load, in->parameter, f->file, f->line, "%s", f->text);
}

int
rule_load_table(struct rule_load *l, const char *parameter, const char *type_name)
{
	struct in_file in = { .load = l, .parameter = parameter };
	struct err err = { .class = ERR_NONE };
	int number;

	number = table_registry_add(l->tables, type_name, 0, table_told, &in, &err);
	if (number != -1)
		return number;
	rule_load_wrong(l, parameter, NULL, 0, "%s", err.text);
	if (!l->tolerant)
		return -1;
	/* Told already; what there is now answers with this error. */
	return table_registry_add(l->tables, type_name, 1, NULL, NULL, &err);
}
