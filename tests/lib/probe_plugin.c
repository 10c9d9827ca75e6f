/*
 * probe_plugin - a plugin for tests, whose restrictions do what their argument says
 *
 *	probe WORD	anywhere: see probe_words.c
 *	probe_ok WORD	the same, and its row announces that it may permit
 *	reject_probe, hold_probe, check_probe TABLE
 *			what the scan found: refused, held, looked up
 *
 * The scan finds KEY in each line "Probe: KEY", and fails with "Probe-Failed: WHY".
 *
 * Unit tests link this file; tests/modules/probe.so is made of it too, and with -DPROBE_CLASH
 * probeclash.so, which has names that are filterd's.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/lib/probe_words.h"

/* As plugins do: the host outlives every configuration. */
const struct filterd_host *probe_host;
#define host probe_host

/* It is always the same, and others read it meanwhile. */
static void
keep_host(const struct filterd_host *h)
{
	if (host == NULL)
		host = h;
}

static void
prepare_word(struct rule_run *run, const struct rule_op *op)
{
	const char *word = host->item_arg(op);

	if (host->state(run) != NULL && strncmp(word, "mx-", 3) == 0)
		host->dns_start(run, word + 3, FILTERD_MX);
}

static int
compile_word(struct rule_compile *c, struct rule_op *op)
{
	char *data;

	if (strcmp(host->item_arg(op), "wrong") == 0) {
		host->compile_error(c, "no probe is %s", host->item_arg(op));
		return -1;
	}
	if (strcmp(host->item_arg(op), "doubtful") == 0)
		host->compile_warning(c, "a probe that is %s", host->item_arg(op));
	data = host->compile_alloc(c, 40);
	snprintf(data, 40, "made of %s", host->item_arg(op));
	host->item_set_data(op, data);
	return 0;
}

/* --- what asks the scan --- */

static enum rule_result
reject(struct rule_run *run, const struct rule_op *op)
{
	enum rule_result r;
	const struct filterd_scan_answer *a = host->scan(run, op, &r);

	if (a == NULL)
		return r;
	if (a->failed != NULL)
		return host->failed(run, "%s", a->failed);
	return a->nkeys == 0 ? RULE_DUNNO : host->refuse(run, 554, "5.7.1", "%s", a->keys[0]);
}

static enum rule_result
hold(struct rule_run *run, const struct rule_op *op)
{
	enum rule_result r;
	const struct filterd_scan_answer *a = host->scan(run, op, &r);

	if (a == NULL)
		return r;
	if (a->nkeys > 0)
		host->hold(run, a->keys[0]);
	return RULE_DUNNO;
}

static enum rule_result
check(struct rule_run *run, const struct rule_op *op)
{
	enum rule_result r;
	const struct filterd_scan_answer *a = host->scan(run, op, &r);
	struct filterd_hit hit;

	for (size_t i = 0; a != NULL && i < a->nkeys; i++)
		switch (host->lookup(run, op, a->keys[i], &hit)) {
		case 0:
			break;
		case 1:
			r = host->apply(run, &hit);
			if (r != RULE_DUNNO)
				return r;
			break;
		default:
			return host->table_failed(run);
		}
	return r;
}

/* --- rows --- */

#ifdef PROBE_CLASH
#define PLUGIN_NAME "probeclash"
#define PROBE_ROW   "permit_mynetworks"
#define PROBE_TABLE "inline"
#else
#define PLUGIN_NAME "probe"
#define PROBE_ROW   "probe"
#define PROBE_TABLE "probe"
#endif

static const char *const older_names[] = { "old_probe", NULL };
static const struct restriction_def restrictions[] = {
	{ .name = PROBE_ROW,
	    .older = older_names,
	    .args = ARG_TEXT,
	    .stages = AT_ANY,
	    .needs = NEED_DNS,
	    .variant = 3,
	    .check = probe_word,
	    .prepare = prepare_word,
	    .compile = compile_word,
	    .text = "Does as it is told." },
	{ .name = "probe_ok",
	    .args = ARG_TEXT,
	    .stages = AT_ANY,
	    .needs = CAN_PERMIT,
	    .check = probe_word,
	    .text = "Does as it is told, and may permit." },
	{ .name = "reject_probe",
	    .stages = AT_END | AT_END_OF_DATA,
	    .needs = NEED_CONTENT,
	    .check = reject,
	    .scan = "look",
	    .text = "Refuses what the scan has found." },
	{ .name = "hold_probe",
	    .stages = AT_END | AT_END_OF_DATA,
	    .needs = NEED_CONTENT,
	    .check = hold,
	    .scan = "look",
	    .text = "Holds what the scan has found." },
	{ .name = "check_probe",
	    .args = ARG_TABLE,
	    .stages = AT_END | AT_END_OF_DATA,
	    .needs = NEED_CONTENT | CAN_PERMIT,
	    .check = check,
	    .scan = "look",
	    .text = "Looks up what the scan has found." },
	{ .name = NULL },
};

static const struct filterd_fact facts[] = {
	{ "seen", NULL, "anything" },
	{ "probe", "clean", "nothing was found" },
	{ "probe", "timeout", "it took too long" },
	{ NULL, NULL, NULL },
};

static const struct filterd_param params[] = {
	{ "probe_state", FILTERD_TEXT, "begun", NULL, NULL, "What open() keeps." },
	{ .name = NULL },
};

static const struct filterd_counter counters[] = {
	{ PLUGIN_NAME "_count", "what was counted" },
	{ PLUGIN_NAME "_scanned", "what scans counted" },
	{ NULL, NULL },
};

/* --- the scan --- */

static int
starts(const char *line, size_t len, const char *with)
{
	return len >= strlen(with) && memcmp(line, with, strlen(with)) == 0;
}

static int
look(void *engine, const struct filterd_message *m, struct filterd_work *work,
    struct filterd_say *say)
{
	const char *p = (const char *)m->octets.p, *end = p + m->octets.len, *eol;
	char text[100];

	(void)engine;
	(void)work;
	host->say_count(say, "probe_scanned", 1);
	for (; p < end; p = eol + 1) {
		eol = memchr(p, '\n', (size_t)(end - p));
		if (eol == NULL)
			break;
		snprintf(text, sizeof(text), "%.*s", (int)strcspn(p, "\r\n"), p);
		if (starts(p, (size_t)(eol - p), "Probe-Failed: ")) {
			host->say_failed(say, "%s", text + strlen("Probe-Failed: "));
			return -1;
		}
		if (starts(p, (size_t)(eol - p), "Probe: ")) {
			host->say_key(say, text + strlen("Probe: "));
			host->say_fact(say, "seen", text + strlen("Probe: "), NULL);
		}
	}
	host->say_fact(say, "probe", "clean", NULL);
	return 0;
}

static int
probe_scan_open(const struct filterd_host *h, const struct filterd_value *v, void **engine,
    char *why, size_t size)
{
	static int loaded;

	(void)v;
	(void)why;
	(void)size;
	host = h; /* another one: scans talk to it */
	*engine = &loaded;
	return 0;
}

static const struct filterd_scan scans[] = {
	{ .name = "look", .needs = NEED_CONTENT, .run = look, .text = "Looks." },
	{ .name = NULL },
};

/* --- tables: probe:WORD answers "WORD KEY", probe:none nothing, probe:trouble trouble; probe:/FILE
 * is there while the file is --- */

static int
words_open(const struct filterd_host *h, const char *name, void **table, char *why, size_t size)
{
	keep_host(h); /* filterctl query opens no more than this */
	if (strcmp(name, "wrong") == 0 || (name[0] == '/' && access(name, F_OK) == -1)) {
		snprintf(why, size, "no words at %s", name);
		return -1;
	}
	*table = strdup(name);
	return *table == NULL ? -1 : 0;
}

static int
words_get(void *table, struct filterd_octets key, struct filterd_table_answer *answer, char *why,
    size_t size)
{
	const char *name = table;
	char text[300];
	int n;

	if (strcmp(name, "none") == 0)
		return 0;
	if (strcmp(name, "mute") == 0)
		return 1;
	if (strcmp(name, "trouble") == 0) {
		snprintf(why, size, "trouble with %.*s", (int)key.len, (const char *)key.p);
		return -1;
	}
	n = snprintf(text, sizeof(text), "REJECT %s %.*s", name, (int)key.len, (const char *)key.p);
	host->table_answer(
	    answer, (struct filterd_octets){ .p = (const uint8_t *)text, .len = (size_t)n });
	return 1;
}

static void
words_close(void *table)
{
	free(table);
}

static const struct filterd_table_type tables[] = {
	{ .type = PROBE_TABLE,
	    .text = "words",
	    .open = words_open,
	    .get = words_get,
	    .close = words_close },
	{ .type = "proberemote",
	    .text = "words from afar",
	    .is_remote = 1,
	    .open = words_open,
	    .get = words_get,
	    .close = words_close },
	{ .type = NULL },
};

static int
probe_open(const struct filterd_host *h, const struct filterd_value *v, void **state, char *why,
    size_t size)
{
	keep_host(h);
	if (strcmp(v[0].text, "refuse") == 0) {
		snprintf(why, size, "probe_state must not be %s", v[0].text);
		return -1;
	}
	*state = strdup(v[0].text);
	return *state == NULL ? -1 : 0;
}

static void
probe_close(void *state)
{
	free(state);
}

const struct filterd_plugin filterd_plugin = {
	.abi = FILTERD_PLUGIN_ABI,
	.size = sizeof(struct filterd_plugin),
	.name = PLUGIN_NAME,
	.version = "1",
	.text = "For tests.",
	.params = params,
	.restrictions = restrictions,
	.scans = scans,
	.tables = tables,
	.facts = facts,
	.counters = counters,
	.open = probe_open,
	.close = probe_close,
	.scan_open = probe_scan_open,
};
