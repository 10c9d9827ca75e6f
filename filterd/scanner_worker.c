/*
 * scanner_worker - the role of who has scanners: proc/scan_keeper.h with what filterd scans for
 *
 * Run as filter_user like the worker.  It reads the configuration by itself and does not tell what
 * is wrong with it, which the worker does.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/counters.h"
#include "base/log.h"
#include "base/xmem.h"
#include "conf/conf.h"
#include "engine/scanner_engines.h"
#include "proc/privs.h"
#include "proc/proc.h"
#include "proc/scan_folder.h"
#include "proc/scan_generation.h"
#include "proc/scan_keeper.h"
#include "proc/scan_program.h"
#include "program.h"
#include "worker_base.h"

struct scanning {
	const struct program *prog;
	struct conf *conf;
	int has_been_configured;
	struct scanner_engines *engines; /* in a generation */
	scan_log_fn *log;                /* in a scanner */
	void *log_arg;
};

static void
report_nothing(void *arg, const struct conf_finding *f)
{
	(void)arg;
	(void)f;
}

/* --- the keeper --- */

static void
set_limits(const struct params *p, struct scan_limits *l)
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN);

	if (processors < 1)
		processors = 1;
	*l = (struct scan_limits){ .processes = p->scanner_processes > 0 ? (int)p->scanner_processes
									 : (int)processors,
		.directory = scan_folder_directory(p->scanner_directory, p->spool_directory),
		.memory = p->scanner_memory_limit,
		.file_size = p->scanner_file_limit,
		.time_limit_ms = p->scanner_time_limit,
		.max_age_ms = p->scanner_max_age,
		.stop_time_limit_ms = p->stop_time_limit };
}

/* What the worker says of the file it says itself.  Plugins are opened for this, which are to be
 * opened afresh where engines are loaded. */
static int
check(void *arg)
{
	struct scanning *s = arg;

	return worker_load(s->prog, xcalloc(1, sizeof(struct counters)), WORKER_TELLS_NOTHING) ==
		       NULL
		   ? -1
		   : 0;
}

static void
refused(void *arg)
{
	struct scanning *s = arg;

	log_error(NULL, NULL, "%s is not used by scanners, the old configuration stays",
	    s->prog->config_path);
}

static int
configure(void *arg, struct scan_limits *limits)
{
	struct scanning *s = arg;
	struct conf *conf = conf_load(s->prog->config_path, report_nothing, NULL);

	if (conf == NULL) {
		refused(s);
		return -1;
	}
	conf_free(s->conf);
	s->conf = conf;
	set_limits(conf_params(conf), limits);
	/* The supervisor has opened the first one's log, with rights that we do not have. */
	if (s->has_been_configured)
		worker_change_log(conf_params(conf));
	s->has_been_configured = 1;
	return 0;
}

/* --- a generation --- */

static void
open_engines(void *arg, struct scan_report *report)
{
	struct scanning *s = arg;
	struct scanner_engine e;

	s->engines = scanner_engines_open(s->conf);
	for (size_t i = 0; i < scanner_engines_count(s->engines) && i < SCAN_PLUGINS_MAX; i++) {
		struct scan_plugin *p = &report->plugins[report->nplugins++];

		scanner_engines_get(s->engines, i, &e);
		snprintf(p->name, sizeof(p->name), "%s", e.plugin);
		snprintf(p->text, sizeof(p->text), "%s", e.text);
		p->ok = e.ok;
		p->idle = e.idle;
	}
}

static enum scan_change
changed(void *arg)
{
	struct scanning *s = arg;
	int what = scanner_engines_changed(s->engines);

	return what == 2 ? SCAN_CHANGED : what == 1 ? SCAN_RETRY : SCAN_SAME;
}

/* --- a scanner --- */

static void
to_parent(void *arg, enum log_level level, const char *text)
{
	struct scanning *s = arg;

	s->log(s->log_arg, level, text);
}

static void
begin(void *arg, const char *folder, scan_log_fn *log, void *log_arg)
{
	struct scanning *s = arg;

	/* Counters are no business of whoever may take it over. */
	munmap(s->prog->counters, s->prog->nroles * sizeof(*s->prog->counters));
	s->log = log;
	s->log_arg = log_arg;
	scanner_engines_begin(s->engines, folder, to_parent, s);
}

static void
say(void *arg, enum scan_record_kind kind, const char *a, const char *b, const char *c, uint64_t n)
{
	scan_answer_add(arg, &(struct scan_record){ .kind = kind, .a = a, .b = b, .c = c, .n = n });
}

static void
say_fact(void *arg, const char *subject, const char *value, const char *detail)
{
	say(arg, SCAN_FACT, subject, value, detail, 0);
}

static void
say_key(void *arg, const char *key)
{
	say(arg, SCAN_KEY, key, NULL, NULL, 0);
}

static void
say_count(void *arg, const char *counter, uint64_t n)
{
	say(arg, SCAN_COUNT, counter, NULL, NULL, n);
}

static void
say_failed(void *arg, const char *why)
{
	say(arg, SCAN_FAILED, why, NULL, NULL, 0);
}

static void
scan(void *arg, const struct scan_task *t, struct scan_answer *a)
{
	struct scanning *s = arg;
	struct scanner_message m = { .octets = t->octets,
		.lead = t->lead,
		.fd = t->fd,
		.folder = t->folder,
		.until = t->until };
	struct scanner_sink sink = {
		.fact = say_fact, .key = say_key, .count = say_count, .failed = say_failed, .arg = a
	};

	scanner_engines_scan(s->engines, t->plugin, t->scan, &m, &sink);
}

int
program_scanner_keeper(void *arg, const struct proc_worker *proc)
{
	const struct program *prog = arg;
	struct scanning s = { .prog = prog, .has_been_configured = !proc->first ? 1 : 0 };
	struct scan_program program = { .configure = configure,
		.check = check,
		.refused = refused,
		.open = open_engines,
		.changed = changed,
		.begin = begin,
		.scan = scan,
		.arg = &s };
	struct scan_keeper_options o = { .worker = proc,
		.nroles = prog->nroles,
		.program = &program,
		.state = prog->scan_state,
		.jobs = prog->jobs[1] };
	int status;

	privs_hide();
	worker_counters(prog, proc); /* all at 0 */
	/* Who can ask has the other end; that it has gone is seen when nobody has. */
	close(prog->jobs[0]);
	status = scan_keeper_run(&o);
	conf_free(s.conf);
	return status;
}
