/* struct filterd_host: what a plugin may ask at any time, and while lists are compiled. */
#include <assert.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/blocking.h"
#include "base/counters.h"
#include "base/log.h"
#include "base/xmem.h"
#include "rules/plugin_impl.h"

struct plugin_host {
	struct filterd_host host; /* first: it is what plugins hold */
	char *name;
	struct counters *counters;
	struct plugin_host *next;
};

#define LOG_TEXT 1000 /* of a plugin's line */

/* --- any time --- */

static const struct plugin_host *
of(const struct filterd_host *h)
{
	return (const struct plugin_host *)h;
}

static void
host_log(const struct filterd_host *h, enum filterd_level level, const char *fmt, ...)
{
	const char *name = of(h)->name;
	char text[LOG_TEXT];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	switch (level) {
	case FILTERD_ERROR:
		log_error(NULL, NULL, "%s: %s", name, text);
		return;
	case FILTERD_WARN:
		log_warn(NULL, NULL, "%s: %s", name, text);
		return;
	case FILTERD_INFO:
		log_info(NULL, NULL, "%s: %s", name, text);
		return;
	case FILTERD_DEBUG:
		log_debug(NULL, NULL, "%s: %s", name, text);
		return;
	}
}

static void
host_count(const struct filterd_host *h, const char *name, uint64_t n)
{
	if (of(h)->counters != NULL)
		counters_named_add(of(h)->counters, name, (int64_t)n);
}

/* --- an item --- */

static const char *
host_item_arg(const struct rule_op *op)
{
	return op->arg;
}

static int64_t
host_item_number(const struct rule_op *op)
{
	return op->number;
}

static int
host_item_variant(const struct rule_op *op)
{
	return op->def->variant;
}

static void *
host_item_data(const struct rule_op *op)
{
	return op->data;
}

static void
host_item_set_data(struct rule_op *op, void *data)
{
	op->data = data;
}

static void *
host_compile_alloc(struct rule_compile *c, size_t size)
{
	return rule_compile_alloc(c, size);
}

static void
host_compile_error(struct rule_compile *c, const char *fmt, ...)
{
	char text[LOG_TEXT];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	rule_compile_error(c, "%s", text);
}

static void
host_compile_warning(struct rule_compile *c, const char *fmt, ...)
{
	char text[LOG_TEXT];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	rule_compile_warning(c, "%s", text);
}

/* --- a scan: another process has a host for these --- */

static int
no_part(struct filterd_work *w, size_t i, struct filterd_part *part)
{
	(void)w;
	(void)i;
	(void)part;
	assert(!"host->part() belongs to scans");
	return 0;
}

static void
no_say_fact(struct filterd_say *s, const char *subject, const char *value, const char *detail)
{
	(void)s;
	(void)subject;
	(void)value;
	(void)detail;
	assert(!"host->say_fact() belongs to scans");
}

static void
no_say_key(struct filterd_say *s, const char *key)
{
	(void)s;
	(void)key;
	assert(!"host->say_key() belongs to scans");
}

static void
no_say_count(struct filterd_say *s, const char *counter, uint64_t n)
{
	(void)s;
	(void)counter;
	(void)n;
	assert(!"host->say_count() belongs to scans");
}

static void
no_say_failed(struct filterd_say *s, const char *fmt, ...)
{
	(void)s;
	(void)fmt;
	assert(!"host->say_failed() belongs to scans");
}

/* --- the whole --- */

static void
fill(struct filterd_host *h)
{
	*h = (struct filterd_host){ .abi = FILTERD_PLUGIN_ABI,
		.size = sizeof(*h),
		.log = host_log,
		.count = host_count,
		.item_arg = host_item_arg,
		.item_number = host_item_number,
		.item_variant = host_item_variant,
		.item_data = host_item_data,
		.item_set_data = host_item_set_data,
		.compile_alloc = host_compile_alloc,
		.compile_error = host_compile_error,
		.compile_warning = host_compile_warning,
		.wait_begin = blocking_begin,
		.wait_end = blocking_end,
		.part = no_part,
		.say_fact = no_say_fact,
		.say_key = no_say_key,
		.say_count = no_say_count,
		.say_failed = no_say_failed };
	plugin_host_fill_run(h);
	plugin_host_fill_verdict(h);
	plugin_host_fill_scan(h);
	plugin_host_fill_parts(h);
	plugin_host_fill_keys(h);
}

static struct plugin_host *
host_new(const char *name, struct counters *counters)
{
	struct plugin_host *p = xcalloc(1, sizeof(*p));

	fill(&p->host);
	p->name = xstrdup(name);
	p->counters = counters;
	return p;
}

const struct filterd_host *
plugin_host(const char *name, struct counters *counters)
{
	/* The one thing of rules that has the life of the process: plugins hold it where no
	 * configuration's end can reach (rules/plugin.h). */
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	static struct plugin_host *hosts;
	struct plugin_host *p;

	pthread_mutex_lock(&lock);
	for (p = hosts; p != NULL; p = p->next)
		if (p->counters == counters && strcmp(p->name, name) == 0)
			break;
	if (p == NULL) {
		p = host_new(name, counters);
		p->next = hosts;
		hosts = p;
	}
	pthread_mutex_unlock(&lock);
	return &p->host;
}
