/* struct filterd_host: facts, refusals, effects, failure. */
#include <stdarg.h>
#include <string.h>

#include "base/log.h"
#include "base/span.h"
#include "mail/reply.h"
#include "rules/plugin_impl.h"

void
plugin_fact(struct rule_run *run, const char *subject, const char *value, const char *detail)
{
	const struct filterd_plugin *p = plugin_of(run)->def;
	const char *shown;

	if (!plugin_has_fact(p, subject, value)) {
		log_warn(run->txn->service, run->txn->id,
		    "%s: %s=%s is none of the plugin's facts and is not taken", p->name, subject,
		    value);
		return;
	}
	/* Better than that it failed. */
	run->told_failure |= strcmp(subject, p->name) == 0;
	if (run->looking)
		return;
	shown = facts_tell(&run->txn->facts, run->arena, p->name, subject, value, detail);
	if (shown != NULL)
		rule_trace_text(run, TRACE_NOTE, NULL, arena_printf(run->arena, "fact %s", shown));
}

static void
host_fact(struct rule_run *run, const char *subject, const char *value, const char *detail)
{
	plugin_fact(run, subject, value, detail);
}

static enum rule_result
host_refuse(struct rule_run *run, int code, const char *enhanced, const char *fmt, ...)
{
	const char *e = enhanced, *text;
	va_list ap;

	va_start(ap, fmt);
	text = arena_vprintf(run->arena, fmt, ap);
	va_end(ap);
	if (e == NULL || enhanced_len(span_str(e)) != strlen(e))
		e = code < 500 ? "4.7.1" : "5.7.1";
	return rule_refuse(run, code, e, "%s", text);
}

static void
host_hold(struct rule_run *run, const char *reason)
{
	rule_effect_hold(run, reason == NULL ? "" : reason);
}

static void
host_tag(struct rule_run *run, const char *text)
{
	rule_effect_tag(run, text == NULL ? "" : text);
}

static void
host_prepend(struct rule_run *run, const char *field)
{
	rule_effect_prepend(run, field);
}

static enum rule_result
host_failed(struct rule_run *run, const char *fmt, ...)
{
	const char *why;
	va_list ap;

	va_start(ap, fmt);
	why = arena_vprintf(run->arena, fmt, ap);
	va_end(ap);
	return rule_failed(run, "%s", why);
}

void
plugin_host_fill_verdict(struct filterd_host *h)
{
	h->fact = host_fact;
	h->refuse = host_refuse;
	h->hold = host_hold;
	h->tag = host_tag;
	h->prepend = host_prepend;
	h->failed = host_failed;
}
