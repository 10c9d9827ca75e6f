#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "base/err.h"
#include "base/text.h"
#include "ctl/settings.h"
#include "engine/snapshot.h"
#include "net/dns.h"

#define BACKLOG 1024

/* --- the log --- */

static const struct {
	const char *name;
	int facility;
} facilities[] = {
	{ "auth", LOG_AUTH },
	{ "authpriv", LOG_AUTHPRIV },
	{ "cron", LOG_CRON },
	{ "daemon", LOG_DAEMON },
	{ "ftp", LOG_FTP },
	{ "kern", LOG_KERN },
	{ "local0", LOG_LOCAL0 },
	{ "local1", LOG_LOCAL1 },
	{ "local2", LOG_LOCAL2 },
	{ "local3", LOG_LOCAL3 },
	{ "local4", LOG_LOCAL4 },
	{ "local5", LOG_LOCAL5 },
	{ "local6", LOG_LOCAL6 },
	{ "local7", LOG_LOCAL7 },
	{ "lpr", LOG_LPR },
	{ "mail", LOG_MAIL },
	{ "news", LOG_NEWS },
	{ "syslog", LOG_SYSLOG },
	{ "user", LOG_USER },
	{ "uucp", LOG_UUCP },
};

static int
find_facility(const char *name, int *out, struct err *err)
{
	const char *names[nitems(facilities)], *near;

	for (size_t i = 0; i < nitems(facilities); i++) {
		if (text_case_eq(facilities[i].name, name)) {
			*out = facilities[i].facility;
			return 0;
		}
		names[i] = facilities[i].name;
	}
	near = text_nearest(name, names, nitems(names));
	err_set(err, ERR_CONFIG, "syslog_facility: \"%s\" is no facility of syslog(3)%s%s%s", name,
	    near == NULL ? "" : "; did you mean \"", near == NULL ? "" : near,
	    near == NULL ? "" : "\"?");
	return -1;
}

int
settings_log(const struct params *p, struct log_options *o, struct err *err)
{
	*o = (struct log_options){ .json = p->log_format == 1,
		.level = (enum log_level)p->log_level };
	if (find_facility(p->syslog_facility, &o->facility, err) == -1)
		return -1;
	if (strcmp(p->log_to, "syslog") == 0) {
		o->target = LOG_TO_SYSLOG;
	} else if (strcmp(p->log_to, "stderr") == 0) {
		o->target = LOG_TO_STDERR;
	} else if (p->log_to[0] == '/') {
		o->target = LOG_TO_FILE;
		o->path = p->log_to;
	} else {
		err_set(err, ERR_CONFIG,
		    "log_to: \"%s\" must be syslog, stderr or the absolute path of a file",
		    p->log_to);
		return -1;
	}
	return 0;
}

/* --- sockets --- */

int
settings_listen(const struct params *p, struct listen_options *o, struct err *err)
{
	char *end;
	unsigned long mode = strtoul(p->socket_mode, &end, 8);

	*o = (struct listen_options){ .backlog = BACKLOG, .mode = (unsigned)mode };
	if (p->socket_mode[0] < '0' || p->socket_mode[0] > '7' || *end != '\0' || mode > 0777) {
		err_set(err, ERR_CONFIG,
		    "socket_mode: \"%s\" must be permission bits in octal, such as 0660",
		    p->socket_mode);
		return -1;
	}
	if (p->socket_group[0] != '\0')
		o->group = p->socket_group;
	return 0;
}

/* --- what a reload leaves as it was --- */

static int
differs_text(const char *a, const char *b)
{
	return strcmp(a, b) != 0;
}

static int
differs_number(int64_t a, int64_t b)
{
	return a != b;
}

#define differs_STR  differs_text
#define differs_RAW  differs_text
#define differs_LIST differs_text
#define differs_BOOL differs_number
#define differs_INT  differs_number
#define differs_TIME differs_number
#define differs_SIZE differs_number
#define differs_ENUM differs_number

struct pair {
	const struct params *was, *is;
};

/* base: the file's own values, whose change has been told already; NULL: these are they. */
static void
restart_params(const struct pair *v, const struct pair *base, const char *where,
    void (*f)(void *arg, const char *where, const char *name), void *arg)
{
#define P(kind, name, def, min, max, flags, text)                                                  \
	if (((flags)&PF_RESTART) != 0 && strcmp(#name, "listeners") != 0 &&                        \
	    differs_##kind(v->was->name, v->is->name) &&                                           \
	    (base == NULL || !differs_##kind(base->was->name, base->is->name)))                    \
		f(arg, where, #name);
#include "conf/params.def"
#undef P
}

void
settings_restart_each(const struct conf *old, const struct conf *new_conf,
    void (*f)(void *arg, const char *where, const char *name), void *arg)
{
	struct pair base = { conf_params(old), conf_params(new_conf) };
	size_t n = conf_listener_count(new_conf);

	restart_params(&base, NULL, NULL, f, arg);
	for (size_t i = 0; i < n && i < conf_listener_count(old); i++) {
		struct pair own = { conf_listener(old, i)->params,
			conf_listener(new_conf, i)->params };
		restart_params(&own, &base, conf_listener(new_conf, i)->name, f, arg);
	}
}

/* --- findings --- */

struct check {
	const struct conf *conf;
	conf_report_fn *report;
	void *arg;
	int errors;
};

static void check_error(struct check *, const char *parameter, const char *fmt, ...)
    ATTR_PRINTF(3, 4);

static void
check_error(struct check *c, const char *parameter, const char *fmt, ...)
{
	char text[600];
	struct conf_finding f = { .severity = CONF_ERROR, .text = text };
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	f.line = conf_where(c->conf, parameter, &f.file);
	if (f.file == NULL)
		f.file = conf_path(c->conf);
	c->errors++;
	c->report(c->arg, &f);
}

static void
check_absolute(struct check *c, const char *parameter, const char *value, int may_be_empty)
{
	if (value[0] != '/' && (value[0] != '\0' || !may_be_empty))
		check_error(c, parameter, "%s: \"%s\" must be an absolute path", parameter, value);
}

int
settings_check(const struct conf *conf, conf_report_fn *report, void *arg)
{
	const struct params *p = conf_params(conf);
	struct check c = { .conf = conf, .report = report, .arg = arg };
	struct log_options log;
	struct listen_options listen;
	struct err err;

	if (settings_log(p, &log, &err) == -1)
		check_error(&c, strncmp(err.text, "log_to", 6) == 0 ? "log_to" : "syslog_facility",
		    "%s", err.text);
	if (dns_servers_check(p->resolver, &err) == -1)
		check_error(&c, "resolver", "resolver: %s", err.text);
	check_absolute(&c, "control_socket", p->control_socket, 0);
	check_absolute(&c, "state_directory", p->state_directory, 0);
	check_absolute(&c, "spool_directory", p->spool_directory, 0);
	check_absolute(&c, "hold_directory", p->hold_directory, 0);
	check_absolute(&c, "pid_file", p->pid_file, 1);
	for (size_t i = 0; i < conf_listener_count(conf); i++)
		if (conf_listener(conf, i)->params != NULL &&
		    settings_listen(conf_listener(conf, i)->params, &listen, &err) == -1)
			check_error(&c, "listeners", "listener %s: %s",
			    conf_listener(conf, i)->name, err.text);
	if (conf_listener_count(conf) == 0)
		check_error(&c, "listeners",
		    "listeners: at least one is needed, such as "
		    "{ lmtp:127.0.0.1:10025 }");
	return c.errors;
}

struct snapshot *
settings_load(const char *path, struct counters *counters, conf_report_fn *report, void *arg)
{
	struct snapshot *s;
	int errors;
	struct conf *conf = conf_read(path, report, arg, &errors);

	/* All that is wrong is told, but not that a listener is missing where one was not
	 * understood, or the file could not be read. */
	if (errors == 0 || conf_listener_count(conf) > 0)
		errors += settings_check(conf, report, arg);
	s = snapshot_build(conf, counters, report, arg);
	if (s == NULL || errors == 0)
		return s;
	snapshot_unref(s);
	return NULL;
}

void
settings_format_finding(const struct conf_finding *f, char *out, size_t size)
{
	static const char *const severities[] = { "error", "warning", "note" };

	if (f->file == NULL)
		snprintf(out, size, "%s: %s", severities[f->severity], f->text);
	else if (f->line <= 0)
		snprintf(out, size, "%s: %s: %s", severities[f->severity], f->file, f->text);
	else
		snprintf(
		    out, size, "%s: %s:%d: %s", severities[f->severity], f->file, f->line, f->text);
}
