#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/xmem.h"
#include "conf/conf.h"
#include "engine/scanner_impl.h"
#include "engine/snapshot.h"
#include "mail/charset.h"

#define WHY 256
/* Attached messages that are encoded, within each other: twice is already a disguise. */
#define INNER_LIMIT 4

struct engine {
	const struct conf_plugin *plugin;
	struct scanner_host *host; /* never freed: the plugin keeps it */
	void *engine;
	int ok, begun;
	char why[WHY];
};

struct scanner_engines {
	struct parts_options parts;
	size_t n;
	struct engine v[];
};

static int
has_scans(const struct filterd_plugin *p)
{
	return p->scans != NULL && p->scans[0].name != NULL;
}

static size_t
count_wanted(const struct conf *conf)
{
	size_t n = 0;

	for (size_t i = 0; i < conf_plugin_count(conf); i++)
		n += has_scans(conf_plugin(conf, i)->def) != 0;
	return n;
}

int
scanner_engines_wanted(const struct conf *conf)
{
	return count_wanted(conf) > 0;
}

/* --- loading --- */

static void
open_engine(struct engine *e, const struct conf_plugin *p)
{
	e->plugin = p;
	e->host = xcalloc(1, sizeof(*e->host));
	scanner_host_init(e->host, p->def->name);
	e->ok = p->def->scan_open == NULL || p->def->scan_open(&e->host->host, p->values,
						 &e->engine, e->why, sizeof(e->why)) == 0;
	e->why[WHY - 1] = '\0';
	if (!e->ok) {
		e->engine = NULL;
		if (e->why[0] == '\0')
			snprintf(e->why, sizeof(e->why), "it could not be loaded");
	}
}

struct scanner_engines *
scanner_engines_open(const struct conf *conf)
{
	struct scanner_engines *s = xcalloc(1, sizeof(*s) + count_wanted(conf) * sizeof(s->v[0]));

	s->parts = (struct parts_options){ .memory_limit =
					       (size_t)conf_params(conf)->scanner_memory_limit / 4,
		.inner_limit = INNER_LIMIT };
	snapshot_mime_options(conf_params(conf), &s->parts.mime);
	charset_load(); /* those of file names: the sandbox lets no file be opened */
	s->parts.mime.disable_mime = 0; /* that is about header and body checks */
	for (size_t i = 0; i < conf_plugin_count(conf); i++)
		if (has_scans(conf_plugin(conf, i)->def))
			open_engine(&s->v[s->n++], conf_plugin(conf, i));
	return s;
}

void
scanner_engines_close(struct scanner_engines *s)
{
	if (s == NULL)
		return;
	for (size_t i = 0; i < s->n; i++)
		if (s->v[i].engine != NULL && s->v[i].plugin->def->scan_close != NULL)
			s->v[i].plugin->def->scan_close(s->v[i].engine);
	free(s);
}

size_t
scanner_engines_count(const struct scanner_engines *s)
{
	return s->n;
}

void
scanner_engines_get(const struct scanner_engines *s, size_t i, struct scanner_engine *out)
{
	const struct engine *e = &s->v[i];
	const struct filterd_plugin *def = e->plugin->def;

	*out = (struct scanner_engine){ .plugin = def->name, .ok = e->ok };
	/* Without scan_open() there is nothing to be loaded, and scans all the same. */
	out->idle = e->ok && e->engine == NULL && def->scan_open != NULL;
	if (!e->ok)
		snprintf(out->text, sizeof(out->text), "%s", e->why);
	else if (out->idle)
		snprintf(out->text, sizeof(out->text), "no scanner is needed");
	else if (def->scan_describe != NULL)
		def->scan_describe(e->engine, out->text, sizeof(out->text));
	if (out->text[0] == '\0')
		snprintf(out->text, sizeof(out->text), "loaded");
	out->text[sizeof(out->text) - 1] = '\0';
}

int
scanner_engines_changed(struct scanner_engines *s)
{
	int found = 0;

	for (size_t i = 0; i < s->n; i++) {
		const struct engine *e = &s->v[i];
		const struct filterd_plugin *def = e->plugin->def;
		int what = e->ok ? 2 : 1;

		if (def->scan_changed != NULL && found < what &&
		    def->scan_changed(e->engine, e->plugin->values))
			found = what;
	}
	return found;
}

/* --- in a scanner --- */

void
scanner_engines_begin(struct scanner_engines *s, const char *folder, scanner_log_fn *log, void *arg)
{
	for (size_t i = 0; i < s->n; i++) {
		struct engine *e = &s->v[i];
		const struct filterd_plugin *def = e->plugin->def;

		e->host->log = log;
		e->host->log_arg = arg;
		if (!e->ok || def->scan_begin == NULL ||
		    def->scan_begin(e->engine, folder, e->why, sizeof(e->why)) == 0)
			continue;
		e->why[WHY - 1] = '\0';
		e->ok = 0;
		e->host->host.log(&e->host->host, FILTERD_ERROR, "%s", e->why);
	}
}

static struct engine *
find(struct scanner_engines *s, const char *plugin)
{
	for (size_t i = 0; i < s->n; i++)
		if (strcmp(s->v[i].plugin->def->name, plugin) == 0)
			return &s->v[i];
	return NULL;
}

static const struct filterd_scan *
find_scan(const struct engine *e, const char *name)
{
	for (const struct filterd_scan *scan = e->plugin->def->scans; scan->name != NULL; scan++)
		if (strcmp(scan->name, name) == 0)
			return scan;
	return NULL;
}

static void
run(struct scanner_engines *s, struct engine *e, const struct filterd_scan *scan,
    const struct scanner_message *m, const struct scanner_sink *sink)
{
	int64_t left = deadline_poll_ms(m->until);
	struct filterd_message message = { .octets = { .p = m->octets.p, .len = m->octets.len },
		.lead = m->lead,
		.fd = m->fd,
		.folder = m->folder,
		.time_left_ms = left };
	struct filterd_work work = { .message =
					 span_make(m->octets.p + m->lead, m->octets.len - m->lead),
		.options = &s->parts };
	struct filterd_say say = { .sink = sink };

	e->host->sink = sink;
	/* -1 without a word is a failure as well; and a word is one whatever is returned. */
	if (scan->run(e->engine, &message, &work, &say) != 0 && !say.failed)
		sink->failed(sink->arg, "the scan did not say why");
	e->host->sink = NULL;
	parts_free(work.parts);
}

void
scanner_engines_scan(struct scanner_engines *s, const char *plugin, const char *scan,
    const struct scanner_message *m, const struct scanner_sink *sink)
{
	struct engine *e = find(s, plugin);
	const struct filterd_scan *f = e == NULL ? NULL : find_scan(e, scan);

	if (e != NULL && !e->ok)
		sink->failed(sink->arg, e->why);
	else if (f == NULL)
		sink->failed(sink->arg, "scanners do not have this scan: filterd must be reloaded");
	else
		run(s, e, f, m, sink);
}
