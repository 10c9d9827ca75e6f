/* release and requeue: what the doors do with a message that has arrived, begun at the plan or at
 * the checks. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "action/plan.h"
#include "action/relay.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "base/text.h"
#include "base/xmem.h"
#include "ctl/hold_cmd.h"
#include "engine/final_log.h"
#include "engine/next_hop_map.h"
#include "engine/pipeline.h"
#include "engine/snapshot.h"
#include "table/table.h"

/* One message at work. */
struct sending {
	struct hold_cmd *cmd;
	const char *id;
	struct hold_message held;
	size_t *rcpts; /* of the entry: those that are to be served */
	size_t nrcpts;
	struct hold_txn t;
	const struct snap_listener *listener; /* its own, or the first one when that is no more */
	int listener_gone;
};

/* --- which recipients --- */

static void
choose_all(struct sending *s)
{
	for (size_t i = 0; i < s->held.entry.nrcpts; i++)
		if (!s->held.entry.rcpts[i].released)
			s->rcpts[s->nrcpts++] = i;
}

/* The recipients named that are still held; -1: one is not. */
static int
choose_named(struct sending *s, int argc, char **argv)
{
	const struct hold_entry *e = &s->held.entry;

	for (int k = 0; k < argc; k++) {
		size_t before = s->nrcpts;

		for (size_t i = 0; i < e->nrcpts; i++) {
			size_t seen = 0;

			if (e->rcpts[i].released || !text_case_eq(e->rcpts[i].path, argv[k]))
				continue;
			while (seen < s->nrcpts && s->rcpts[seen] != i)
				seen++;
			if (seen == s->nrcpts)
				s->rcpts[s->nrcpts++] = i;
			else
				before = s->nrcpts + 1; /* named twice */
		}
		if (s->nrcpts == before)
			return ctl_fail(
			    -1, "%s: <%s> is none of its held recipients", s->id, argv[k]);
	}
	return 0;
}

/* --- carrying out --- */

static void
run(struct sending *s, const struct plan *plan)
{
	const struct params *p = s->listener->params;
	const struct relay_options o = { .pool = s->cmd->pool,
		.hold = s->cmd->store,
		.counters = s->cmd->counters,
		.until = deadline_never(), /* an administrator can wait */
		.mail_timeout_ms = (int)p->smtp_mail_timeout,
		.xfer_timeout_ms = (int)p->smtp_data_xfer_timeout,
		.done_timeout_ms = (int)p->smtp_data_done_timeout,
		.soft_bounce = p->soft_bounce,
		.reply_each = 1, /* each recipient has a state of its own here */
		.pass_xforward = 1 };
	struct relay_door door = { 0 };

	relay_run(&s->t.txn, plan, &o, &door);
}

static const char *
fate_word(enum rcpt_fate fate)
{
	switch (fate) {
	case FATE_NONE:
		break;
	case FATE_DELIVERED:
		return "delivered";
	case FATE_HELD:
		return "held again";
	case FATE_DISCARDED:
		return "discarded";
	case FATE_REJECTED:
		return "refused, stays held";
	case FATE_DEFERRED:
		return "deferred, stays held";
	}
	return "stays held";
}

static void
print_result(const struct sending *s, const struct recipient *r)
{
	struct buf b = { 0 };

	buf_printf(&b, "%s: <", s->id);
	log_quote(&b, span_str(r->path.octets), 320);
	buf_printf(&b, ">: %s: %d ", fate_word(r->fate), r->code);
	log_quote(&b, span_str(r->reply == NULL ? "" : r->reply), 510);
	if (r->fate == FATE_HELD)
		buf_printf(&b, " (%s)", s->t.txn.id);
	puts(buf_cstr(&b));
	buf_fini(&b);
}

/* What has been served is taken off; the exit status. */
static int
settle(struct sending *s)
{
	size_t *done = xcalloc(s->nrcpts, sizeof(*done)), n = 0;
	struct err err;
	int status = 0;

	for (size_t i = 0; i < s->nrcpts; i++) {
		const struct recipient *r = s->t.txn.rcpts[i];

		print_result(s, r);
		if (r->fate == FATE_DELIVERED || r->fate == FATE_HELD || r->fate == FATE_DISCARDED)
			done[n++] = s->rcpts[i];
		else
			status = EX_TEMPFAIL;
	}
	if (n > 0 && hold_mark_released(s->cmd->store, s->id, done, n, &err) == -1)
		status = ctl_fail(EX_IOERR,
		    "%s: these recipients are served, but it cannot be written down, do not "
		    "release it again: %s",
		    s->id, err.text);
	free(done);
	return status;
}

/* --- release --- */

static void
log_release(const struct sending *s, const struct plan_step *step)
{
	const struct transaction *t = &s->t.txn;

	for (size_t i = 0; i < t->nrcpts; i++) {
		const struct recipient *r = t->rcpts[i];
		const struct log_field fields[] = {
			LOG_STR("hold_id", s->id),
			LOG_STR("sender", t->sender.octets),
			LOG_STR("recipient", r->path.octets),
			LOG_STR("fate", fate_word(r->fate)),
			LOG_STR("redirect", step->redirect),
			LOG_STR("hop", step->hop.text),
			LOG_NUM("code", r->code),
			LOG_STR("reply", r->reply),
		};

		log_event(LOG_LEVEL_INFO, "hold", s->held.entry.decision_id, "release", fields,
		    nitems(fields), "release: %s: from=<%s> to=<%s> hop=%s: %d %s", s->id,
		    t->sender.octets, r->path.octets, step->hop.text, r->code,
		    r->reply == NULL ? "" : r->reply);
	}
}

static int
listener_hop(const struct sending *s, struct next_hop *hop)
{
	const struct snap_listener *l = s->listener;

	*hop = l->next_hop;
	if (hop->text[0] != '\0')
		return 0;
	return ctl_fail(-1,
	    "%s: listener %s has no next_hop: set it to where released mail is to go", s->id,
	    l->conf->name);
}

/* Where it would have gone: FILTER's destination; the listener's next hop as it is now; when there
 * is no such listener any more, the one of then. */
static int
choose_hop(struct sending *s, struct next_hop *hop)
{
	const struct hold_entry *e = &s->held.entry;
	struct next_hop_map map = { .txn = &s->t.txn, .listener = s->listener };
	struct err err;

	if (e->filter != NULL) {
		if (next_hop_map_find(&map, e->filter, hop) == 0)
			return 0;
		return ctl_fail(-1, "%s: FILTER %s: no next hop of that name", s->id, e->filter);
	}
	if (!s->listener_gone || e->next_hop[0] == '\0')
		return listener_hop(s, hop);
	if (next_hop_parse(e->next_hop, hop, &err) == -1)
		return ctl_fail(-1, "%s: next hop \"%s\": %s", s->id, e->next_hop, err.text);
	return 0;
}

static int
some_released(const struct hold_entry *e)
{
	for (size_t i = 0; i < e->nrcpts; i++)
		if (e->rcpts[i].released)
			return 1;
	return 0;
}

static int
release(struct sending *s)
{
	const struct hold_entry *e = &s->held.entry;
	struct arena *a = s->t.arena;
	struct plan_step step = { .kind = STEP_DELIVER,
		.nrcpts = s->nrcpts,
		.filter = e->filter,
		.redirect = e->redirect };
	const struct plan plan = { .steps = &step, .nsteps = 1 };
	const char *to = e->redirect;

	if (choose_hop(s, &step.hop) == -1)
		return EX_CONFIG;
	step.rcpts = arena_alloc(a, s->nrcpts * sizeof(*step.rcpts));
	for (size_t i = 0; i < s->nrcpts; i++)
		step.rcpts[i] = i;
	if (e->redirect != NULL) { /* it stands for BCC recipients too */
		step.to = &to;
		step.nto = 1;
	} else if (!some_released(e)) { /* once is enough */
		step.extra = (const char **)e->bcc;
		step.nextra = e->nbcc;
	}
	run(s, &plan);
	log_release(s, &step);
	return settle(s);
}

/* --- requeue --- */

static int
requeue(struct sending *s)
{
	struct plan_options o = s->listener->plan;
	struct next_hop_map map = { .txn = &s->t.txn, .listener = s->listener };
	struct transaction *t = &s->t.txn;
	struct verdict unused;
	struct next_hop hop;
	struct plan plan;

	if (listener_hop(s, &hop) == -1)
		return EX_CONFIG;
	verdict_init(&unused, t->arena);
	engine_ask(t, s->listener, STAGE_END, NULL,
	    deadline_in_ms(s->listener->params->message_time_limit), &unused);
	t->checked_us = clock_us();
	o.door |=
	    DOOR_REPLY_EACH | DOOR_EDIT | DOOR_EDIT_SOME | DOOR_HOLD | DOOR_FILTER | DOOR_RCPTS;
	plan_make(t, &o, next_hop_map_find, &map, &plan);
	run(s, &plan);
	final_log(t);
	return settle(s);
}

/* --- both --- */

static void
find_listener(struct sending *s)
{
	struct snapshot *snap = s->cmd->snapshot;

	s->listener = snapshot_listener_by_name(snap, s->held.entry.listener);
	s->listener_gone = s->listener == NULL;
	if (s->listener_gone)
		s->listener = snapshot_listener(snap, 0);
}

static int
with_message(struct sending *s, int (*what)(struct sending *), int argc, char **argv)
{
	struct err err;
	int status = 0;

	if (argc > 0 && s->held.entry.redirect != NULL)
		return ctl_fail(EX_USAGE,
		    "%s: it is redirected to <%s>, which stands for all its recipients: name none",
		    s->id, s->held.entry.redirect);
	s->rcpts = xcalloc(s->held.entry.nrcpts, sizeof(*s->rcpts));
	if (argc == 0)
		choose_all(s);
	else if (choose_named(s, argc, argv) == -1)
		status = 1;
	if (status == 0 && s->nrcpts > 0) {
		find_listener(s);
		if (hold_txn_make(&s->t, &s->held, s->rcpts, s->nrcpts, s->cmd->params, &err) ==
		    -1) {
			status = ctl_fail(EX_TEMPFAIL, "%s: %s", s->id, err.text);
		} else {
			s->t.txn.snapshot = s->cmd->snapshot;
			s->t.txn.tables = table_set_take(snapshot_tables(s->cmd->snapshot));
			status = what(s);
			table_set_release(s->t.txn.tables);
		}
		hold_txn_fini(&s->t);
	}
	free(s->rcpts);
	return status;
}

/* Locked from before it is read until it is settled: nobody else sends it meanwhile. */
static int
with_lock(struct hold_cmd *h, const char *id, int (*what)(struct sending *), int argc, char **argv)
{
	struct sending s = { .cmd = h, .id = id };
	struct err err;
	int lock, status, rc = hold_lock(h->store, id, &lock, &err);

	if (rc == 1)
		rc = hold_read(h->store, id, &s.held, &err);
	if (rc == 0)
		status = ctl_fail(1, "%s: no such held message", id);
	else if (rc == -1)
		status = ctl_fail(EX_TEMPFAIL, "%s", err.text);
	else
		status = with_message(&s, what, argc, argv);
	hold_message_fini(&s.held);
	hold_unlock(lock);
	return status;
}

int
hold_cmd_release(struct hold_cmd *h, int argc, char **argv)
{
	if (argc < 2)
		return ctl_usage("hold release ID [RECIPIENT ...]");
	return with_lock(h, argv[1], release, argc - 2, argv + 2);
}

int
hold_cmd_requeue(struct hold_cmd *h, int argc, char **argv)
{
	int status = 0;

	if (argc < 2)
		return ctl_usage("hold requeue ID ...");
	for (int i = 1; i < argc; i++) {
		int rc = with_lock(h, argv[i], requeue, 0, NULL);

		if (rc != 0)
			status = rc;
	}
	return status;
}
