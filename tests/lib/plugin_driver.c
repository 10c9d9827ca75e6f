/* The loading and scanning half of plugin_driver. */
#include <dlfcn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/err.h"
#include "base/xmem.h"
#include "conf/cf_value.h"
#include "conf/plugin_file.h"
#include "conf/plugin_rows.h"
#include "tests/lib/plugin_driver_int.h"
#include "tests/lib/tmpdir.h"

/* The message and what it is about, and the end of the test. */
static void
over(const char *what, const char *which)
{
	fprintf(stderr, "plugin_driver: %s: %s\n", what, which);
	abort();
}

void
driver_add_text(char **list, size_t *n, char *text)
{
	if (*n == DRIVER_SAID_MAX)
		over("too much is said", text);
	list[(*n)++] = text;
}

static void
clear_list(char **list, size_t *n)
{
	while (*n > 0)
		free(list[--*n]);
}

void
driver_said_clear(struct driver_said *s)
{
	clear_list(s->facts, &s->nfacts);
	clear_list(s->keys, &s->nkeys);
	clear_list(s->counts, &s->ncounts);
	free(s->failed);
	free(s->refused);
	free(s->held);
	memset(s, 0, sizeof(*s));
}

/* --- what a scan is given --- */

static void
host_log(const struct filterd_host *h, enum filterd_level level, const char *fmt, ...)
{
	va_list ap;

	(void)h;
	fprintf(stderr, "plugin says (%d): ", (int)level);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

/* A work is the driver, and a say what is said. */
static int
host_part(struct filterd_work *w, size_t i, struct filterd_part *part)
{
	struct driver *d = (struct driver *)w;

	if (i >= d->nparts)
		return d->more_parts ? -1 : 0;
	*part = d->part[i];
	return 1;
}

static void
say_fact(struct filterd_say *say, const char *subject, const char *value, const char *detail)
{
	struct driver_said *s = (struct driver_said *)say;

	driver_add_text(s->facts, &s->nfacts,
	    xasprintf("%s=%s%s%s", subject, value, detail == NULL ? "" : ":",
		detail == NULL ? "" : detail));
}

static void
say_key(struct filterd_say *say, const char *key)
{
	struct driver_said *s = (struct driver_said *)say;

	driver_add_text(s->keys, &s->nkeys, xstrdup(key));
}

static void
say_count(struct filterd_say *say, const char *counter, uint64_t n)
{
	struct driver_said *s = (struct driver_said *)say;

	driver_add_text(
	    s->counts, &s->ncounts, xasprintf("%s=%llu", counter, (unsigned long long)n));
}

static void
say_failed(struct filterd_say *say, const char *fmt, ...)
{
	struct driver_said *s = (struct driver_said *)say;
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	free(s->failed);
	s->failed = xstrdup(text);
}

const struct filterd_host *
driver_host_of_all(void)
{
	static struct filterd_host host;

	if (host.abi == FILTERD_PLUGIN_ABI)
		return &host;
	host = (struct filterd_host){ .abi = FILTERD_PLUGIN_ABI,
		.size = sizeof(host),
		.log = host_log,
		.part = host_part,
		.say_fact = say_fact,
		.say_key = say_key,
		.say_count = say_count,
		.say_failed = say_failed };
	driver_fill_checks(&host);
	return &host;
}

/* --- the plugin --- */

static void
set_value(struct driver *d, size_t i, const char *text)
{
	const struct filterd_param *p = &d->plugin->params[i];
	struct param_row row = plugin_param_row(p);
	struct filterd_value *v = &d->values[i];
	union {
		const char *text;
		int number;
		int64_t big;
	} u = { .big = 0 };
	struct err err;

	free((char *)(uintptr_t)v->text);
	v->text = xstrdup(text);
	v->number = 0;
	if (cf_value_set(&row, v->text, &u, &err) == -1)
		over(p->name, err.text);
	if (p->type == FILTERD_BOOL || p->type == FILTERD_ENUM)
		v->number = u.number;
	else if (p->type != FILTERD_TEXT)
		v->number = u.big;
}

static size_t
count_params(const struct filterd_plugin *p)
{
	size_t n = 0;

	while (p->params != NULL && p->params[n].name != NULL)
		n++;
	return n;
}

static char *copies;

static void
remove_copies(void)
{
	tmpdir_remove(copies);
}

/* The folders above that of the build may be anybody's.  Copied once: a copy is another plugin. */
static const char *
built_plugins(void)
{
	const char *build = getenv("FILTERD_BUILD_DIR");
	char *path = xasprintf("%s/plugins", build == NULL ? "." : build);

	if (copies == NULL) {
		copies = tmpdir_of_copies(path, ".so");
		atexit(remove_copies);
	}
	free(path);
	return copies;
}

struct driver *
driver_new(const char *name)
{
	struct driver *d = xcalloc(1, sizeof(*d));
	struct err err;

	d->plugin = plugin_file_open(built_plugins(), name, &err);
	if (d->plugin == NULL)
		over(name, err.text);
	d->values = xcalloc(count_params(d->plugin) + 1, sizeof(*d->values));
	for (size_t i = 0; i < count_params(d->plugin); i++)
		set_value(d, i, d->plugin->params[i].def);
	d->time_left_ms = 60000;
	return d;
}

static void
drop_message(struct driver *d)
{
	driver_forget(d);
	driver_said_clear(&d->said);
	while (d->nparts > 0)
		free((void *)(uintptr_t)d->part[--d->nparts].decoded.p);
	d->more_parts = 0;
	free(d->octets);
	d->octets = NULL;
	d->len = 0;
}

void
driver_free(struct driver *d)
{
	driver_scan_close(d);
	if (d->state != NULL)
		d->plugin->close(d->state);
	drop_message(d);
	driver_table_clear(d);
	while (d->nnames > 0) {
		free(d->name[--d->nnames].key);
		free(d->name[d->nnames].value);
	}
	for (size_t i = 0; i < count_params(d->plugin); i++)
		free((char *)(uintptr_t)d->values[i].text);
	free(d->values);
	free(d->folder);
	free(d);
}

const struct filterd_plugin *
driver_plugin(const struct driver *d)
{
	return d->plugin;
}

void
driver_set(struct driver *d, const char *name, const char *value)
{
	for (size_t i = 0; i < count_params(d->plugin); i++)
		if (strcmp(d->plugin->params[i].name, name) == 0) {
			set_value(d, i, value);
			return;
		}
	over("no such parameter", name);
}

const char *
driver_why(const struct driver *d)
{
	return d->why;
}

int
driver_open(struct driver *d)
{
	d->why[0] = '\0';
	if (d->state != NULL)
		d->plugin->close(d->state);
	d->state = NULL;
	return d->plugin->open(driver_host_of_all(), d->values, &d->state, d->why, sizeof(d->why));
}

/* --- scans --- */

int
driver_scan_open(struct driver *d)
{
	d->why[0] = '\0';
	driver_scan_close(d);
	return d->plugin->scan_open(
	    driver_host_of_all(), d->values, &d->engine, d->why, sizeof(d->why));
}

int
driver_scan_changed(struct driver *d)
{
	return d->plugin->scan_changed(d->engine, d->values);
}

int
driver_scan_begin(struct driver *d, const char *folder)
{
	free(d->folder);
	d->folder = xstrdup(folder);
	d->why[0] = '\0';
	return d->plugin->scan_begin(d->engine, folder, d->why, sizeof(d->why));
}

void
driver_scan_close(struct driver *d)
{
	if (d->engine != NULL)
		d->plugin->scan_close(d->engine);
	d->engine = NULL;
}

void *
driver_engine(const struct driver *d)
{
	return d->engine;
}

void
driver_message(struct driver *d, const void *octets, size_t n)
{
	const size_t lead = sizeof(LEAD) - 1;

	drop_message(d);
	d->len = lead + n;
	d->octets = xmalloc(d->len + 1);
	memcpy(d->octets, LEAD, lead);
	memcpy(d->octets + lead, octets, n);
}

void
driver_part(struct driver *d, const char *type, const void *decoded, size_t n)
{
	uint8_t *copy = xmalloc(n + 1);

	if (d->nparts == DRIVER_PARTS_MAX)
		over("too many parts", type);
	memcpy(copy, decoded, n);
	d->part[d->nparts++] = (struct filterd_part){
		.type = type, .name = "", .raw = { copy, n }, .decoded = { copy, n }, .whole = 1
	};
}

void
driver_cut_part(struct driver *d)
{
	d->part[d->nparts - 1].whole = 0;
}

void
driver_odd_part(struct driver *d)
{
	d->part[d->nparts - 1].odd = 1;
}

void
driver_more_parts(struct driver *d)
{
	d->more_parts = 1;
}

void
driver_time_left(struct driver *d, int64_t ms)
{
	d->time_left_ms = ms;
}

static int
message_file(const struct driver *d)
{
	int fd = memfd_create("message", MFD_CLOEXEC);

	if (fd == -1 || write(fd, d->octets, d->len) != (ssize_t)d->len)
		over("memfd_create", "failed");
	return fd;
}

const struct driver_said *
driver_scan(struct driver *d, const char *name)
{
	const struct filterd_scan *s = d->plugin->scans;
	struct filterd_message m = { .octets = { (uint8_t *)d->octets, d->len },
		.lead = sizeof(LEAD) - 1,
		.fd = message_file(d),
		.folder = d->folder,
		.time_left_ms = d->time_left_ms };
	int rc;

	while (s->name != NULL && strcmp(s->name, name) != 0)
		s++;
	if (s->name == NULL)
		over("no such scan", name);
	driver_said_clear(&d->said);
	rc = s->run(d->engine, &m, (struct filterd_work *)d, (struct filterd_say *)&d->said);
	close(m.fd);
	if ((rc == -1) != (d->said.failed != NULL))
		over("the result is not what was said", name);
	return &d->said;
}

void
driver_say_key(struct driver *d, const char *key)
{
	say_key((struct filterd_say *)&d->said, key);
}

void
driver_say_failed(struct driver *d, const char *why)
{
	say_failed((struct filterd_say *)&d->said, "%s", why);
}

static int
is_said(char *const *list, size_t n, const char *text)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(list[i], text) == 0)
			return 1;
	return 0;
}

int
driver_said_fact(const struct driver_said *s, const char *text)
{
	return is_said(s->facts, s->nfacts, text);
}

int
driver_said_key(const struct driver_said *s, const char *text)
{
	return is_said(s->keys, s->nkeys, text);
}

int
driver_said_count(const struct driver_said *s, const char *text)
{
	return is_said(s->counts, s->ncounts, text);
}
