#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "action/hold.h"
#include "base/counters.h"
#include "base/err.h"
#include "base/log.h"
#include "base/xmem.h"
#include "ctl/settings.h"
#include "engine/decision_log.h"
#include "engine/snapshot.h"
#include "proc/proc.h"
#include "program.h"
#include "table/table.h"
#include "worker_base.h"

/* --- the configuration --- */

struct listening {
	int to_stderr; /* the terminal is there: the first start */
	int to_log;
};

static void
report(void *arg, const struct conf_finding *f)
{
	const struct listening *l = arg;
	char line[700], *text;

	if (f->severity == CONF_NOTE || (!l->to_stderr && !l->to_log))
		return;
	settings_format_finding(f, line, sizeof(line));
	if (l->to_stderr)
		fprintf(stderr, "filterd: %s\n", line);
	if (!l->to_log)
		return;
	text = strchr(line, ' ') + 1; /* the log has its own word for the severity */
	if (f->severity == CONF_ERROR)
		log_error(NULL, NULL, "%s", text);
	else
		log_warn(NULL, NULL, "%s", text);
}

int
program_sockets_fit(const struct program *prog, const struct conf *conf)
{
	char text[400];

	if (conf_listener_count(conf) != prog->nsockets)
		return 0;
	for (size_t i = 0; i < prog->nsockets; i++) {
		program_socket_text(conf_listener(conf, i), text, sizeof(text));
		if (strcmp(text, prog->sockets[i]) != 0)
			return 0;
	}
	return 1;
}

/* Begin to compile what tables of many patterns are looked through with. */
static void
prefilter(struct snapshot *s)
{
	char *folder = xasprintf("%s/patterns", worker_params(s)->state_directory);

	table_registry_prefilter(snapshot_tables(s), folder);
	free(folder);
}

struct snapshot *
worker_load(const struct program *prog, struct counters *counters, enum worker_tells tells)
{
	struct listening l = {
		.to_stderr = tells == WORKER_TELLS_ALL,
		.to_log =
		    tells == WORKER_TELLS_LOG || (tells == WORKER_TELLS_ALL && !prog->log_stderr),
	};
	struct snapshot *s = settings_load(prog->config_path, counters, report, &l);

	if (s != NULL && !program_sockets_fit(prog, snapshot_conf(s))) {
		log_error(NULL, NULL,
		    "%s: other listeners than the ones that are open: restart "
		    "filterd",
		    prog->config_path);
		snapshot_unref(s);
		return NULL;
	}
	if (s != NULL)
		prefilter(s);
	return s;
}

struct counters *
worker_counters(const struct program *prog, const struct proc_worker *proc)
{
	struct counters *c = &prog->counters[proc->role];

	counters_reset(c);
	return c;
}

const struct params *
worker_params(const struct snapshot *s)
{
	return conf_params(snapshot_conf(s));
}

/* --- what parameters mean --- */

void
worker_decision_limits(const struct params *p, struct decision_limits *l)
{
	*l = (struct decision_limits){ .days = p->decision_log_days,
		.max_size = p->decision_log_max_size };
}

void
worker_hold_options(const struct params *p, struct hold_options *o)
{
	*o = (struct hold_options){ .directory = p->hold_directory,
		.max_age_s = p->hold_max_age / 1000,
		.max_size = p->hold_max_size,
		.min_free = p->hold_min_free };
}

void
worker_change_log(const struct params *p)
{
	struct log_options o;
	struct err err;

	if (settings_log(p, &o, &err) == -1 || log_open(&o, &err) == -1)
		log_error(NULL, NULL, "%s: the log stays where it was", err.text);
}

/* --- the supervisor's orders --- */

/* All that wait: after a burst of reloads one is enough, and a stop waits for none. */
struct worker_orders
worker_read_orders(const struct proc_worker *proc)
{
	struct worker_orders o = { 0 };
	char c;
	ssize_t n;

	while ((n = recv(proc->orders, &c, 1, MSG_DONTWAIT)) == 1) {
		o.reload |= c == PROC_RELOAD;
		o.reopen |= c == PROC_REOPEN;
		o.stop |= c == PROC_TERMINATE;
	}
	if (!o.stop && (n == 0 || (errno != EINTR && errno != EAGAIN))) {
		log_warn(NULL, NULL, "the supervisor has gone: stopping");
		o.stop = 1;
	}
	return o;
}
