#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

#include "action/delivered.h"
#include "action/hold.h"
#include "base/counters.h"
#include "base/err.h"
#include "base/log.h"
#include "base/xmem.h"
#include "client/policy_pool.h"
#include "client/pool.h"
#include "ctl/ctl.h"
#include "ctl/services.h"
#include "ctl/settings.h"
#include "engine/decision_log.h"
#include "engine/reentry.h"
#include "engine/scanner_engines.h"
#include "engine/snapshot.h"
#include "front/door.h"
#include "proc/privs.h"
#include "proc/proc.h"
#include "program.h"
#include "scan_glue.h"
#include "table/table.h"
#include "worker.h"
#include "worker_base.h"

#define TICK_MS   1000
#define EXPIRE_MS 60000
/* At the start a next hop is given so long to say what it can do; later sessions ask themselves. */
#define LEARN_MS 1000

/* --- the configuration --- */

static void
report_nothing(void *arg, const struct conf_finding *f)
{
	(void)arg;
	(void)f;
}

static void
hop_options(const struct params *p, struct hop_options *o)
{
	*o = (struct hop_options){ .helo_name = p->service_name,
		.connect_timeout_ms = (int)p->smtp_connect_timeout,
		.helo_timeout_ms = (int)p->smtp_helo_timeout,
		.idle_limit_ms = (int)p->smtp_connection_cache_time_limit,
		.max_idle = (int)p->next_hop_connection_limit,
		.max_reuse = (int)p->smtp_connection_reuse_count_limit };
}

static void
tell_stop_limit(struct worker *w, const struct params *p)
{
	w->stop_time_limit_ms = (int)p->stop_time_limit;
	proc_worker_stop_limit(w->proc, w->stop_time_limit_ms);
}

/* --- reload --- */

static void
restart_needed(void *arg, const char *where, const char *name)
{
	struct worker *w = arg;

	atomic_fetch_add(&w->restart_needed, 1);
	log_warn(NULL, NULL, "%s%s%s has changed and is taken over by a restart only",
	    where == NULL ? "" : where, where == NULL ? "" : ": ", name);
}

/* The supervisor has no role for scanner processes unless it began with one. */
static void
scanners_needed(struct worker *w, const struct conf *now)
{
	if (scanner_engines_wanted(w->first) || !scanner_engines_wanted(now))
		return;
	atomic_fetch_add(&w->restart_needed, 1);
	log_warn(NULL, NULL,
	    "plugins: scanner processes are started by a restart only, and until then no scan can "
	    "be made");
}

/* The new configuration is in use: take over what is not the doors'. */
static void
apply(struct worker *w, const struct snapshot *s)
{
	struct hop_options hop;
	struct hold_options hold;
	struct decision_limits decisions;

	atomic_store(&w->restart_needed, 0);
	settings_restart_each(w->first, snapshot_conf(s), restart_needed, w);
	scanners_needed(w, snapshot_conf(s));
	worker_change_log(worker_params(s));
	hop_options(worker_params(s), &hop);
	pool_set_options(w->pool, &hop);
	worker_hold_options(worker_params(s), &hold);
	hold_set_options(w->hold, &hold);
	services_apply(
	    &w->services, worker_params(s), w->counters, worker_params(s)->state_directory);
	scan_glue_apply(w->scanners, worker_params(s));
	tell_stop_limit(w, worker_params(s));
	worker_decision_limits(worker_params(s), &decisions);
	decision_log_set(w->services.decisions, &decisions);
	atomic_store(&w->loaded_us, clock_wall_us());
}

static void
reload(struct worker *w)
{
	struct snapshot *s = worker_load(w->prog, w->counters, WORKER_TELLS_LOG);
	struct err err = { 0 };

	if (s != NULL && doors_reload(w->doors, s, &err) == 0) {
		apply(w, s);
		counter_inc(w->counters, reloads);
		log_info(NULL, NULL, "%s is in use", w->prog->config_path);
	} else {
		counter_inc(w->counters, reloads_failed);
		log_error(NULL, NULL, "%s is not used, the old configuration stays%s%s",
		    w->prog->config_path, s == NULL ? "" : ": ", err.text);
	}
	snapshot_unref(s);
}

/* --- the loop --- */

static void
tick(struct worker *w)
{
	struct snapshot *s = doors_snapshot(w->doors);

	table_registry_refresh(snapshot_tables(s));
	snapshot_unref(s);
	pool_tidy(w->pool);
	policy_pool_tidy(w->services.policy);
	if (deadline_passed(w->expire_at)) {
		hold_expire(w->hold);
		w->expire_at = deadline_in_ms(EXPIRE_MS);
	}
}

/* Until the supervisor says so, or is no more. */
static void
serve(struct worker *w)
{
	struct deadline next = deadline_in_ms(TICK_MS);

	for (;;) {
		struct pollfd p = { .fd = w->proc->orders, .events = POLLIN };

		if (poll(&p, 1, deadline_poll_ms(next)) > 0) {
			struct worker_orders o = worker_read_orders(w->proc);

			if (o.stop)
				return;
			if (o.reopen)
				log_reopen();
			if (o.reload)
				reload(w);
		}
		if (deadline_passed(next)) {
			tick(w);
			next = deadline_in_ms(TICK_MS);
		}
	}
}

/* --- birth and death --- */

/* Does an earlier listener have this next hop too? */
static int
seen_before(const struct snapshot *s, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (strcmp(snapshot_listener(s, k)->next_hop.text,
			snapshot_listener(s, i)->next_hop.text) == 0)
			return 1;
	return 0;
}

/* A next hop that is down does not keep us from starting: it may be back before the first mail. */
static void
learn_next_hops(struct worker *w, struct snapshot *s)
{
	struct deadline until = deadline_in_ms(LEARN_MS);
	struct hop_caps caps;
	struct err err;

	for (size_t i = 0; i < snapshot_listener_count(s); i++) {
		const struct next_hop *hop = &snapshot_listener(s, i)->next_hop;

		if (hop->text[0] == '\0') /* who relays nothing may have none */
			continue;
		if (!seen_before(s, i) && pool_learn(w->pool, hop, &caps, until, &err) == -1)
			log_warn(NULL, NULL, "next hop %s: %s", hop->text, err.text);
	}
}

static int
open_stores(struct worker *w, const struct params *p, struct err *err)
{
	char *path = xasprintf("%s/delivered", p->state_directory);
	struct hold_options hold;
	struct decision_limits decisions;

	worker_hold_options(p, &hold);
	worker_decision_limits(p, &decisions);
	w->reentry = reentry_new(w->counters);
	w->hold = hold_open(&hold, err);
	if (w->hold != NULL)
		w->delivered = delivered_open(path, p->delivered_memory_time, err);
	free(path);
	path = xasprintf("%s/decisions", p->state_directory);
	w->services.decisions = decision_log_new(path, &decisions, w->counters);
	free(path);
	return w->delivered == NULL ? -1 : 0;
}

static int
open_doors(struct worker *w, struct snapshot *s, struct err *err)
{
	const struct params *p = worker_params(s);
	struct door_options o = { .listen_fds = w->proc->fds,
		.nlisten = w->proc->nfds,
		.threads = (int)p->worker_threads,
		.counters = w->counters,
		.hold = w->hold,
		.delivered = w->delivered,
		.reentry = w->reentry,
		.dns = w->services.dns,
		.services = &w->services };
	struct hop_options hop;

	hop_options(p, &hop);
	w->scanners = scan_glue_new(w->prog, p, &w->services);
	w->pool = pool_new(&hop, w->counters);
	o.pool = w->pool;
	learn_next_hops(w, s);
	w->doors = doors_start(s, &o, err);
	return w->doors == NULL ? -1 : 0;
}

/* Mail is more important than filterctl, but at the first start somebody is there to mend it. */
static int
open_control(struct worker *w, const struct params *p, struct err *err)
{
	w->ctl = ctl_start(p->control_socket, worker_answer, w, err);
	if (w->ctl != NULL)
		return 0;
	if (w->proc->first)
		return -1;
	log_error(NULL, NULL, "%s: filterctl cannot ask this worker", err->text);
	return 0;
}

static void
worker_fini(struct worker *w)
{
	ctl_stop(w->ctl);
	/* Sessions that did not end are at work with what would be freed here. */
	if (w->doors != NULL && doors_stop(w->doors, w->stop_time_limit_ms) == -1)
		_exit(0);
	decision_log_free(w->services.decisions);
	services_close(&w->services);
	scan_glue_free(w->scanners);
	pool_free(w->pool);
	delivered_close(w->delivered);
	reentry_free(w->reentry);
	hold_close(w->hold);
	conf_free(w->first);
}

int
program_worker(void *arg, const struct proc_worker *proc)
{
	struct worker w = { .prog = arg,
		.proc = proc,
		.counters = worker_counters(arg, proc),
		.born_us = clock_wall_us(),
		.expire_at = deadline_in_ms(0) };
	struct snapshot *s;
	struct err err = { 0 };
	int status = EX_CONFIG;

	if (w.prog->scanner_role != 0)
		privs_hide();
	s = worker_load(w.prog, w.counters, proc->first ? WORKER_TELLS_ALL : WORKER_TELLS_LOG);
	/* A second reading instead of a hold on the snapshot, whose tables may be big. */
	if (s == NULL || (w.first = conf_load(w.prog->config_path, report_nothing, NULL)) == NULL)
		goto out;
	atomic_init(&w.loaded_us, w.born_us);
	if (!proc->first)
		worker_change_log(worker_params(s));
	if (open_stores(&w, worker_params(s), &err) == -1 ||
	    services_open(&w.services, worker_params(s), w.counters,
		worker_params(s)->state_directory, &err) == -1 ||
	    open_doors(&w, s, &err) == -1 || open_control(&w, worker_params(s), &err) == -1) {
		log_error(NULL, NULL, "%s", err.text);
		if (proc->first && !w.prog->log_stderr)
			fprintf(stderr, "filterd: error: %s\n", err.text);
		status = err.class == ERR_CONFIG ? EX_CONFIG : EX_CANTCREAT;
		goto out;
	}
	tell_stop_limit(&w, worker_params(s));
	snapshot_unref(s);
	s = NULL;
	log_info(NULL, NULL, "serving");
	proc_worker_ready(proc);
	serve(&w);
	status = 0;
out:
	snapshot_unref(s);
	worker_fini(&w);
	return status;
}
