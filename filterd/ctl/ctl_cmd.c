#include <stdarg.h>
#include <stdio.h>
#include <sysexits.h>

#include "ctl/ctl_cmd.h"

static void
report_error(void *arg, const struct conf_finding *f)
{
	(void)arg;
	if (f->severity != CONF_ERROR)
		return;
	if (f->file == NULL)
		fprintf(stderr, "filterctl: error: %s\n", f->text);
	else
		fprintf(stderr, "filterctl: error: %s:%d: %s\n", f->file, f->line, f->text);
}

struct conf *
ctl_load_conf(const struct ctl_env *env)
{
	return conf_load(env->config_path, report_error, NULL);
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
