/* struct filterd_host: scans, each asked once a transaction however many restrictions want it. */
#include <string.h>

#include "base/counters.h"
#include "base/err.h"
#include "base/log.h"
#include "rules/plugin_impl.h"

static struct kept_scan *
find(const struct rule_run *run, const struct filterd_plugin *plugin, const char *scan)
{
	for (struct kept_scan *k = run->kept->scans; k != NULL; k = k->next)
		if (k->plugin == plugin && strcmp(k->scan, scan) == 0)
			return k;
	return NULL;
}

/* One session for all scans of the message, so that it is handed over once. */
static struct scan_session *
session(struct rule_run *run, const struct scan_ops *ops, struct span message)
{
	struct rule_txn *t = run->kept;

	if (t->session == NULL) {
		t->session = ops->begin(ops->arg, plugin_received_line(run), message);
		t->session_ops = ops;
	}
	return t->session;
}

static int
ask(struct rule_run *run, struct kept_scan *k, struct err *err)
{
	const struct rule_services *services = run->ask->services;
	struct scan_session *s;
	struct span message;
	int rc;

	if (!content_message(run, &message)) {
		err_set(err, ERR_CONFIG, "there is no message yet");
		return -1;
	}
	if (services == NULL || services->scan == NULL) {
		err_set(err, ERR_RETRY, "no scanner process here");
		return -1;
	}
	s = session(run, services->scan, message);
	if (s == NULL) {
		err_set(err, ERR_RETRY, "no scanner could be asked");
		rc = -1;
	} else {
		rc = services->scan->ask(
		    s, k->plugin->name, k->scan, run->ask->deadline, run->arena, &k->found, err);
	}
	return rc;
}

static const char *
answer_text(struct rule_run *run, const struct kept_scan *k)
{
	const struct filterd_scan_answer *a = &k->found.answer;
	const char *text = "";

	if (k->trouble != NULL)
		return k->trouble;
	for (size_t i = 0; i < a->nkeys && i < 20; i++)
		text = arena_printf(run->arena, "%s%s%s", text, i == 0 ? "" : " ", a->keys[i]);
	if (a->failed == NULL)
		return text[0] == '\0' ? "nothing" : text;
	return arena_printf(
	    run->arena, "%s%sfailed: %s", text, text[0] == '\0' ? "" : "; ", a->failed);
}

static void
trace_scan(struct rule_run *run, const struct kept_scan *k, int64_t us)
{
	if (run->trace == NULL)
		return;
	trace_add(
	    run->trace, &(struct trace_event){ .kind = TRACE_SCAN,
			    .name = arena_printf(run->arena, "%s/%s", k->plugin->name, k->scan),
			    .answer = answer_text(run, k),
			    .failed = k->trouble != NULL || k->found.answer.failed != NULL,
			    .us = us });
}

static int
has_counter(const struct filterd_plugin *p, const char *name)
{
	for (const struct filterd_counter *c = p->counters; c != NULL && c->name != NULL; c++)
		if (strcmp(c->name, name) == 0)
			return 1;
	return 0;
}

/* The name comes from a process that hostile mail may have taken over. */
static void
count(const struct rule_run *run, const char *name, uint64_t n)
{
	const struct plugin_instance *p = plugin_of(run);

	if (has_counter(p->def, name))
		p->host->count(p->host, name, n);
	else
		log_warn(run->txn->service, run->txn->id,
		    "%s: %s is none of the plugin's counters and is not counted", p->def->name,
		    name);
}

/* What the scanner told is set and counted once, however many ask. */
static void
take(struct rule_run *run, struct kept_scan *k)
{
	int before = run->told_failure;

	run->told_failure = 0;
	for (size_t i = 0; i < k->found.nfacts; i++)
		plugin_fact(run, k->found.facts[i].subject, k->found.facts[i].value,
		    k->found.facts[i].detail);
	k->told_failure = run->told_failure && k->found.answer.failed != NULL;
	run->told_failure = before;
	for (size_t i = 0; i < k->found.ncounts; i++)
		count(run, k->found.counts[i].counter, k->found.counts[i].n);
}

static struct kept_scan *
ask_once(struct rule_run *run, const struct plugin_instance *p, const char *scan)
{
	struct kept_scan *k = arena_calloc(run->arena, sizeof(*k));
	int64_t began = clock_us();
	struct err err;

	k->plugin = p->def;
	k->scan = scan;
	err_clear(&err);
	if (ask(run, k, &err) == -1)
		k->trouble = arena_strdup(run->arena, err.text);
	trace_scan(run, k, clock_us() - began);
	if (k->trouble == NULL)
		take(run, k);
	k->next = run->kept->scans;
	run->kept->scans = k;
	return k;
}

static const struct filterd_scan_answer *
host_scan(struct rule_run *run, const struct rule_op *op, enum rule_result *answer)
{
	const struct plugin_instance *p = plugin_of(run);
	struct kept_scan *k;

	*answer = RULE_DUNNO;
	if (op->def->scan == NULL) {
		*answer = rule_failed(run, "%s names no scan", op->def->name);
		return NULL;
	}
	k = find(run, p->def, op->def->scan);
	if (k == NULL) {
		if (rule_look_only(run, "the scan has not been made, and is not made for this"))
			return NULL;
		k = ask_once(run, p, op->def->scan);
	} else {
		trace_scan(run, k, 0);
	}
	if (k->trouble != NULL) {
		*answer = rule_failed(run, "%s", k->trouble);
		return NULL;
	}
	run->told_failure |= k->told_failure;
	return &k->found.answer;
}

void
plugin_host_fill_scan(struct filterd_host *h)
{
	h->scan = host_scan;
}

void
rules_scan_end(struct transaction *t)
{
	struct rule_txn *kept = t->rules;

	if (kept == NULL)
		return;
	plugin_parts_end(kept);
	if (kept->session == NULL)
		return;
	kept->session_ops->end(kept->session);
	kept->session = NULL;
}
