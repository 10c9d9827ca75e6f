#include <stdarg.h>
#include <stdio.h>
#include <sysexits.h>

#include "ctl/ctl_cmd.h"
#include "ctl/settings.h"
#include "table/table.h"

void
ctl_report_error(void *arg, const struct conf_finding *f)
{
	char line[700];

	(void)arg;
	if (f->severity != CONF_ERROR)
		return;
	settings_format_finding(f, line, sizeof(line));
	fprintf(stderr, "filterctl: %s\n", line);
}

void
ctl_table_warning(void *arg, const struct table_finding *f)
{
	(void)arg;
	if (f->line > 0)
		fprintf(stderr, "filterctl: warning: %s, line %d: %s\n", f->file, f->line, f->text);
	else
		fprintf(stderr, "filterctl: warning: %s: %s\n", f->file, f->text);
}

struct conf *
ctl_load_conf(const struct ctl_env *env)
{
	return conf_load(env->config_path, ctl_report_error, NULL);
}

int
ctl_fail(int status, const char *fmt, ...)
{
	va_list ap;

	fputs("filterctl: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	return status;
}

int
ctl_usage(const char *text)
{
	fprintf(stderr, "usage: filterctl %s\n", text);
	return EX_USAGE;
}
