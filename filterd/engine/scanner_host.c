/* struct filterd_host of the processes where scans run. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/xmem.h"
#include "engine/scanner_impl.h"

#define TEXT 1000

/* --- any time --- */

static const struct scanner_host *
of(const struct filterd_host *h)
{
	return (const struct scanner_host *)h;
}

static enum log_level
level_of(enum filterd_level level)
{
	switch (level) {
	case FILTERD_ERROR:
		return LOG_LEVEL_ERROR;
	case FILTERD_WARN:
		return LOG_LEVEL_WARN;
	case FILTERD_INFO:
		return LOG_LEVEL_INFO;
	case FILTERD_DEBUG:
		return LOG_LEVEL_DEBUG;
	}
	return LOG_LEVEL_ERROR;
}

static void
write_log(enum log_level level, const char *plugin, const char *text)
{
	switch (level) {
	case LOG_LEVEL_ERROR:
		log_error(NULL, NULL, "%s: %s", plugin, text);
		break;
	case LOG_LEVEL_WARN:
		log_warn(NULL, NULL, "%s: %s", plugin, text);
		break;
	case LOG_LEVEL_INFO:
		log_info(NULL, NULL, "%s: %s", plugin, text);
		break;
	case LOG_LEVEL_DEBUG:
		log_debug(NULL, NULL, "%s: %s", plugin, text);
		break;
	}
}

static void
host_log(const struct filterd_host *h, enum filterd_level level, const char *fmt, ...)
{
	const struct scanner_host *s = of(h);
	char text[TEXT], line[TEXT + 50];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (s->log == NULL) {
		write_log(level_of(level), s->plugin, text);
		return;
	}
	snprintf(line, sizeof(line), "%s: %s", s->plugin, text);
	s->log(s->log_arg, level_of(level), line);
}

/* It goes with the answer; where nothing is answered nobody keeps counts. */
static void
host_count(const struct filterd_host *h, const char *name, uint64_t n)
{
	const struct scanner_sink *sink = of(h)->sink;

	if (sink != NULL)
		sink->count(sink->arg, name, n);
}

static void
host_wait(void)
{
}

/* --- a scan --- */

static struct filterd_octets
octets(struct span s)
{
	return (struct filterd_octets){ .p = s.p, .len = s.len };
}

static int
get_part(struct filterd_work *w, size_t i, struct parts_part *part)
{
	if (w->parts == NULL)
		w->parts = parts_new(w->message, w->options);
	return parts_get(w->parts, i, part);
}

static int
host_part(struct filterd_work *w, size_t i, struct filterd_part *out)
{
	struct parts_part part;
	int rc = get_part(w, i, &part);

	if (rc == 1)
		*out = (struct filterd_part){ .type = part.type,
			.name = part.name,
			.raw = octets(part.raw),
			.decoded = octets(part.decoded),
			.whole = part.whole,
			.odd = part.odd };
	return rc;
}

static int
host_part_name(struct filterd_work *w, size_t i, size_t n, struct filterd_octets *name)
{
	struct parts_part part;

	if (get_part(w, i, &part) != 1)
		return 0;
	if (n >= part.nnames)
		return part.more ? -1 : 0;
	*name = octets(part.names[n]);
	return 1;
}

static int
host_part_type(struct filterd_work *w, size_t i, size_t n, const char **type)
{
	struct parts_part part;

	if (get_part(w, i, &part) != 1)
		return 0;
	if (n >= part.ntypes)
		return part.more ? -1 : 0;
	*type = part.types[n];
	return 1;
}

/* Of the memory for decoded parts each has a fourth of what the one around it has, so that all of
 * them together stay within bounds. */
static struct filterd_work *
host_work_open(struct filterd_work *outer, struct filterd_octets message)
{
	struct filterd_work *w = xcalloc(1, sizeof(*w));

	w->message = span_make(message.p, message.len);
	w->own = *outer->options;
	w->own.memory_limit /= 4;
	w->own.mime.lead = 0;
	w->options = &w->own;
	return w;
}

static void
host_work_close(struct filterd_work *w)
{
	if (w == NULL)
		return;
	parts_free(w->parts);
	free(w);
}

static void
host_say_fact(struct filterd_say *s, const char *subject, const char *value, const char *detail)
{
	s->sink->fact(s->sink->arg, subject, value, detail);
}

static void
host_say_key(struct filterd_say *s, const char *key)
{
	s->sink->key(s->sink->arg, key);
}

static void
host_say_count(struct filterd_say *s, const char *counter, uint64_t n)
{
	s->sink->count(s->sink->arg, counter, n);
}

static void
host_say_failed(struct filterd_say *s, const char *fmt, ...)
{
	char text[TEXT];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	s->failed = 1;
	s->sink->failed(s->sink->arg, text);
}

void
scanner_host_init(struct scanner_host *s, const char *plugin)
{
	*s = (struct scanner_host){ .plugin = plugin,
		.host = { .abi = FILTERD_PLUGIN_ABI,
		    .size = sizeof(struct filterd_host),
		    .log = host_log,
		    .count = host_count,
		    .wait_begin = host_wait,
		    .wait_end = host_wait,
		    .part = host_part,
		    .part_name = host_part_name,
		    .part_type = host_part_type,
		    .work_open = host_work_open,
		    .work_close = host_work_close,
		    .say_fact = host_say_fact,
		    .say_key = host_say_key,
		    .say_count = host_say_count,
		    .say_failed = host_say_failed } };
}
