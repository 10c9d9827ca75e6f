/*
 * scanner_status - what `filterctl status` hears of the scanners
 */
#include <stdlib.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/xmem.h"
#include "proc/proc.h"
#include "proc/scan_state.h"
#include "program.h"
#include "worker.h"

/* A plugin's own words may hold any octets, JSON only UTF-8. */
static json_t *
text_json(const char *s)
{
	struct buf b = { 0 };
	json_t *j;

	log_quote(&b, span_str(s), SIZE_MAX);
	j = json_string(buf_cstr(&b));
	buf_fini(&b);
	return j;
}

static json_t *
plugins_json(const struct scan_report *r)
{
	json_t *a = json_array();

	for (size_t i = 0; i < r->nplugins; i++)
		json_array_append_new(
		    a, json_pack("{s:o, s:b, s:o}", "name", text_json(r->plugins[i].name), "loaded",
			   r->plugins[i].ok, "text", text_json(r->plugins[i].text)));
	return a;
}

static json_t *
processes_json(const struct scan_status *st)
{
	json_t *a = json_array();

	for (size_t i = 0; i < st->nscanners; i++)
		json_array_append_new(a, json_pack("{s:i, s:I}", "pid", st->scanners[i].pid,
					     "messages", (json_int_t)st->scanners[i].messages));
	return a;
}

static const char *
landlock_word(enum scan_confined how)
{
	switch (how) {
	case SCAN_CONFINED_WHOLLY:
		return "yes";
	case SCAN_CONFINED_NO_LANDLOCK:
		return "no";
	case SCAN_CONFINED_UNKNOWN:
		break;
	}
	return "unknown";
}

json_t *
worker_scanners(const struct worker *w)
{
	const struct program *prog = w->prog;
	struct scan_status *st;
	json_t *o;

	if (prog->scanner_role == 0)
		return NULL;
	st = xcalloc(1, sizeof(*st));
	scan_state_read(prog->scan_state, st);
	o = json_pack("{s:i, s:I, s:I, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:o, s:o}",
	    "keeper_pid", (int)atomic_load(&w->proc->states[prog->scanner_role].pid), "generation",
	    (json_int_t)st->report.number, "loaded", (json_int_t)(st->report.since_us / 1000000),
	    "landlock", landlock_word(st->confined), "messages", (json_int_t)st->messages,
	    "started", (json_int_t)st->started, "died", (json_int_t)st->died, "killed",
	    (json_int_t)st->killed, "engines", (json_int_t)st->engines, "refused",
	    (json_int_t)st->refused, "down", text_json(st->down), "plugins",
	    plugins_json(&st->report), "processes", processes_json(st));
	free(st);
	return o;
}
