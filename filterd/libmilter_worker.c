/*
 * libmilter_worker - the worker of a listener with milter_engine = libmilter
 *
 * A process beside the worker, for the library has one socket a process.  It has all of its own:
 * configuration, resolver, what restrictions ask, verified addresses, a handle of the hold store,
 * which like the decision log is made for several writers.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "action/hold.h"
#include "base/clock.h"
#include "base/counters.h"
#include "base/err.h"
#include "base/log.h"
#include "base/xmem.h"
#include "client/policy_pool.h"
#include "core/message.h"
#include "ctl/services.h"
#include "engine/decision_log.h"
#include "engine/snapshot.h"
#include "front/libmilter_door.h"
#include "front/milter_session.h"
#include "proc/privs.h"
#include "proc/proc.h"
#include "program.h"
#include "scan_glue.h"
#include "table/table.h"
#include "worker_base.h"

#define TICK_MS 1000

struct engine {
	const struct program *prog;
	const struct proc_worker *proc;
	const char *name; /* of the role */
	char *directory;  /* for what one process alone may write */
	struct counters *counters;
	struct hold_store *hold;
	struct rule_services services;
	struct scan_glue *scanners;
	struct message_budget budget;
	struct milter_world world;
	int stop_time_limit_ms;

	pthread_mutex_t lock;
	struct snapshot *snapshot;
};

/* --- what sessions ask for; any thread --- */

static struct snapshot *
present(void *arg)
{
	struct engine *e = arg;
	struct snapshot *s;

	pthread_mutex_lock(&e->lock);
	s = snapshot_ref(e->snapshot);
	pthread_mutex_unlock(&e->lock);
	return s;
}

static struct message *
message_get(void *arg, const struct params *p)
{
	struct engine *e = arg;
	struct message_options o = { .memory_limit = (size_t)p->message_memory_limit,
		.spool_directory = p->spool_directory,
		.budget = &e->budget };

	atomic_store(&e->budget.limit, (size_t)p->message_memory_total_limit);
	return message_new(&o);
}

static void
message_put(void *arg, struct message *m)
{
	(void)arg;
	message_free(m);
}

/* --- orders --- */

static void
tell_stop_limit(struct engine *e, const struct params *p)
{
	e->stop_time_limit_ms = (int)p->stop_time_limit;
	proc_worker_stop_limit(e->proc, e->stop_time_limit_ms);
}

static void
take_over(struct engine *e, struct snapshot *s)
{
	const struct params *p = worker_params(s);
	struct hold_options hold;
	struct decision_limits decisions;
	struct snapshot *old;

	worker_change_log(p);
	worker_hold_options(p, &hold);
	hold_set_options(e->hold, &hold);
	services_apply(&e->services, p, e->counters, e->directory);
	scan_glue_apply(e->scanners, p);
	worker_decision_limits(p, &decisions);
	decision_log_set(e->services.decisions, &decisions);
	tell_stop_limit(e, p);
	pthread_mutex_lock(&e->lock);
	old = e->snapshot;
	e->snapshot = s;
	pthread_mutex_unlock(&e->lock);
	snapshot_unref(old);
}

static void
reload(struct engine *e)
{
	struct snapshot *s = worker_load(e->prog, e->counters, WORKER_TELLS_NOTHING);

	if (s == NULL) {
		log_error(NULL, NULL, "%s: %s is not used, the old configuration stays", e->name,
		    e->prog->config_path);
		return;
	}
	take_over(e, s);
	log_info(NULL, NULL, "%s: %s is in use", e->name, e->prog->config_path);
}

static void
tick(struct engine *e)
{
	struct snapshot *s = present(e);

	table_registry_refresh(snapshot_tables(s));
	snapshot_unref(s);
	policy_pool_tidy(e->services.policy);
}

static void
serve(struct engine *e)
{
	struct deadline next = deadline_in_ms(TICK_MS);

	for (;;) {
		struct pollfd p = { .fd = e->proc->orders, .events = POLLIN };

		if (poll(&p, 1, deadline_poll_ms(next)) > 0) {
			struct worker_orders o = worker_read_orders(e->proc);

			if (o.stop)
				return;
			if (o.reopen)
				log_reopen();
			if (o.reload)
				reload(e);
		}
		if (deadline_passed(next)) {
			tick(e);
			next = deadline_in_ms(TICK_MS);
		}
	}
}

/* --- birth and death --- */

static size_t
listener_of(const struct engine *e)
{
	size_t i = 0;

	while (e->prog->listener_role[i] != e->proc->role)
		i++;
	return i;
}

static int
open_stores(struct engine *e, const struct params *p, struct err *err)
{
	char *path = xasprintf("%s/decisions", p->state_directory);
	struct hold_options hold;
	struct decision_limits decisions;

	worker_hold_options(p, &hold);
	worker_decision_limits(p, &decisions);
	e->services.decisions = decision_log_new(path, &decisions, e->counters);
	free(path);
	e->directory = xasprintf("%s/libmilter.%zu", p->state_directory, listener_of(e));
	if (mkdir(e->directory, 0700) == -1 && errno != EEXIST) {
		err_set(err, ERR_SYSTEM, "%s: %s", e->directory, strerror(errno));
		return -1;
	}
	e->hold = hold_open(&hold, err);
	return e->hold == NULL ? -1 : 0;
}

static int
open_door(struct engine *e, struct err *err)
{
	size_t i = listener_of(e);
	struct libmilter_options o = { .world = &e->world,
		.listener_index = i,
		.fd = e->proc->fds[i],
		.timeout_s =
		    (int)(snapshot_listener(e->snapshot, i)->params->milter_timeout / 1000) };

	e->scanners = scan_glue_new(e->prog, worker_params(e->snapshot), &e->services);
	e->world = (struct milter_world){ .snapshot = present,
		.message_get = message_get,
		.message_put = message_put,
		.arg = e,
		.counters = e->counters,
		.hold = e->hold,
		.services = &e->services };
	return libmilter_door_start(&o, err);
}

static void
engine_fini(struct engine *e)
{
	decision_log_free(e->services.decisions);
	services_close(&e->services);
	scan_glue_free(e->scanners);
	hold_close(e->hold);
	snapshot_unref(e->snapshot);
	free(e->directory);
}

int
program_libmilter_worker(void *arg, const struct proc_worker *proc)
{
	const struct program *prog = arg;
	struct engine e = { .prog = prog,
		.proc = proc,
		.name = prog->roles[proc->role].name,
		.counters = worker_counters(prog, proc),
		.lock = PTHREAD_MUTEX_INITIALIZER };
	const struct params *p;
	struct err err = { 0 };
	int status = EX_CONFIG;

	if (prog->scanner_role != 0)
		privs_hide();
	e.snapshot = worker_load(prog, e.counters, WORKER_TELLS_NOTHING);
	if (e.snapshot == NULL) /* the worker says why */
		goto out;
	p = worker_params(e.snapshot);
	if (!proc->first)
		worker_change_log(p);
	if (open_stores(&e, p, &err) == -1 ||
	    services_open(&e.services, p, e.counters, e.directory, &err) == -1 ||
	    open_door(&e, &err) == -1) {
		log_error(NULL, NULL, "%s: %s", e.name, err.text);
		status = err.class == ERR_CONFIG ? EX_CONFIG : EX_CANTCREAT;
		goto out;
	}
	tell_stop_limit(&e, p);
	log_info(NULL, NULL, "%s: serving", e.name);
	proc_worker_ready(proc);
	serve(&e);
	/* Callbacks that did not end are at work with what would be freed. */
	if (libmilter_door_stop(e.stop_time_limit_ms) == 0)
		engine_fini(&e);
	/* Not exit(3), where the library destroys what its threads use. */
	fflush(NULL);
	_exit(0);
out:
	engine_fini(&e);
	return status;
}
