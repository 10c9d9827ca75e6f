/* The deciding half of plugin_driver: a run is the driver, and an item the row of its restriction.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/xmem.h"
#include "tests/lib/plugin_driver_int.h"

/* A count comes without a run. */
static struct driver *checking;

static struct driver *
driver_of(const struct rule_run *run)
{
	return (struct driver *)(uintptr_t)run;
}

static void
host_count(const struct filterd_host *h, const char *name, uint64_t n)
{
	struct driver *d = checking;

	(void)h;
	driver_add_text(d->checked.counts, &d->checked.ncounts,
	    xasprintf("%s=%llu", name, (unsigned long long)n));
}

static void *
host_state(const struct rule_run *run)
{
	return driver_of(run)->state;
}

static int64_t
host_time_left_ms(const struct rule_run *run)
{
	return driver_of(run)->time_left_ms;
}

static void *
host_alloc(struct rule_run *run, size_t n)
{
	struct driver *d = driver_of(run);

	if (d->nalloc == DRIVER_SAID_MAX)
		abort();
	return d->alloc[d->nalloc++] = xcalloc(1, n);
}

static void *
host_keep(struct rule_run *run, const char *name, size_t size)
{
	struct driver *d = driver_of(run);

	for (size_t i = 0; i < d->nkept; i++)
		if (strcmp(d->kept[i].key, name) == 0)
			return d->kept[i].value;
	if (d->nkept == DRIVER_KEPT_MAX)
		abort();
	d->kept[d->nkept] = (struct driver_pair){ xstrdup(name), xcalloc(1, size) };
	return d->kept[d->nkept++].value;
}

static void
host_wait(void)
{
}

static int
host_look_only(struct rule_run *run, const char *what)
{
	(void)what;
	return driver_of(run)->look_only;
}

static struct filterd_octets
host_message(struct rule_run *run)
{
	struct driver *d = driver_of(run);

	return (struct filterd_octets){ (uint8_t *)d->octets + sizeof(LEAD) - 1,
		d->len - (sizeof(LEAD) - 1) };
}

static struct filterd_octets
host_received_line(struct rule_run *run)
{
	return (struct filterd_octets){ (uint8_t *)driver_of(run)->octets, sizeof(LEAD) - 1 };
}

static int
host_odd_part(struct rule_run *run, size_t n, struct filterd_part *part)
{
	struct driver *d = driver_of(run);

	for (size_t i = 0; i < d->nparts; i++)
		if (d->part[i].odd && n-- == 0) {
			*part = d->part[i];
			return 1;
		}
	return 0;
}

static enum filterd_dns_outcome
host_dns(
    struct rule_run *run, const char *name, enum filterd_dns_type type, struct filterd_dns *out)
{
	struct driver *d = driver_of(run);

	for (size_t i = 0; type == FILTERD_A && i < d->nnames; i++)
		if (strcmp(d->name[i].key, name) == 0) {
			d->dns_text = d->name[i].value;
			*out = (struct filterd_dns){ .n = 1, .text = &d->dns_text };
			return FILTERD_DNS_FOUND;
		}
	return FILTERD_DNS_NONE;
}

static int
host_lookup(
    struct rule_run *run, const struct rule_op *op, const char *key, struct filterd_hit *hit)
{
	struct driver *d = driver_of(run);

	(void)op;
	d->checked.looked_up++;
	for (size_t i = 0; i < d->nrows; i++)
		if (strcmp(d->row[i].key, key) == 0) {
			*hit = (struct filterd_hit){ .value = d->row[i].value };
			return d->row[i].value == NULL ? -1 : 1;
		}
	return 0;
}

static enum rule_result
host_table_failed(struct rule_run *run)
{
	struct driver *d = driver_of(run);

	d->checked.refused = xstrdup("table failed");
	return RULE_REFUSED;
}

static enum rule_result
host_apply(struct rule_run *run, const struct filterd_hit *hit)
{
	struct driver *d = driver_of(run);

	if (strcmp(hit->value, "DUNNO") == 0)
		return RULE_DUNNO;
	if (strcmp(hit->value, "OK") == 0)
		return RULE_OK;
	if (strncmp(hit->value, "HOLD", 4) == 0) {
		free(d->checked.held);
		d->checked.held = xstrdup(hit->value);
		return RULE_DUNNO;
	}
	d->checked.refused = xstrdup(hit->value);
	return RULE_REFUSED;
}

static void
host_fact(struct rule_run *run, const char *subject, const char *value, const char *detail)
{
	struct driver *d = driver_of(run);

	driver_add_text(d->checked.facts, &d->checked.nfacts,
	    xasprintf("%s=%s%s%s", subject, value, detail == NULL ? "" : ":",
		detail == NULL ? "" : detail));
}

static enum rule_result
host_refuse(struct rule_run *run, int code, const char *enhanced, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	driver_of(run)->checked.refused = xasprintf("%d %s %s", code, enhanced, text);
	return RULE_REFUSED;
}

static void
host_hold(struct rule_run *run, const char *reason)
{
	driver_of(run)->checked.held = xstrdup(reason);
}

static enum rule_result
host_failed(struct rule_run *run, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	driver_of(run)->checked.failed = xstrdup(text);
	return RULE_REFUSED;
}

static const struct filterd_scan_answer *
host_scan(struct rule_run *run, const struct rule_op *op, enum rule_result *answer)
{
	struct driver *d = driver_of(run);

	(void)op;
	if (d->no_scanner) {
		*answer = host_failed(run, "no scanner");
		return NULL;
	}
	d->answer = (struct filterd_scan_answer){ .keys = (const char *const *)d->said.keys,
		.nkeys = d->said.nkeys,
		.failed = d->said.failed };
	return &d->answer;
}

void
driver_fill_checks(struct filterd_host *h)
{
	h->count = host_count;
	h->state = host_state;
	h->time_left_ms = host_time_left_ms;
	h->alloc = host_alloc;
	h->keep = host_keep;
	h->wait_begin = h->wait_end = host_wait;
	h->look_only = host_look_only;
	h->message = host_message;
	h->received_line = host_received_line;
	h->odd_part = host_odd_part;
	h->dns = host_dns;
	h->lookup = host_lookup;
	h->table_failed = host_table_failed;
	h->apply = host_apply;
	h->fact = host_fact;
	h->refuse = host_refuse;
	h->hold = host_hold;
	h->failed = host_failed;
	h->scan = host_scan;
}

void
driver_forget(struct driver *d)
{
	driver_said_clear(&d->checked);
	while (d->nalloc > 0)
		free(d->alloc[--d->nalloc]);
	while (d->nkept > 0) {
		free(d->kept[--d->nkept].key);
		free(d->kept[d->nkept].value);
	}
}

static void
add_pair(struct driver_pair *list, size_t *n, const char *key, const char *value)
{
	if (*n == DRIVER_ROWS_MAX)
		abort();
	list[(*n)++] = (struct driver_pair){ xstrdup(key), value == NULL ? NULL : xstrdup(value) };
}

void
driver_table_row(struct driver *d, const char *key, const char *value)
{
	add_pair(d->row, &d->nrows, key, value);
}

void
driver_table_clear(struct driver *d)
{
	while (d->nrows > 0) {
		free(d->row[--d->nrows].key);
		free(d->row[d->nrows].value);
	}
}

void
driver_host(struct driver *d, const char *name, const char *address)
{
	add_pair(d->name, &d->nnames, name, address);
}

void
driver_look_only(struct driver *d, int yes)
{
	d->look_only = yes;
}

void
driver_no_scanner(struct driver *d, int yes)
{
	d->no_scanner = yes;
}

const struct driver_said *
driver_check(struct driver *d, const char *restriction)
{
	const struct restriction_def *r = d->plugin->restrictions;

	while (r->name != NULL && strcmp(r->name, restriction) != 0)
		r++;
	if (r->name == NULL) {
		fprintf(stderr, "plugin_driver: no restriction %s\n", restriction);
		abort();
	}
	driver_said_clear(&d->checked);
	checking = d;
	d->checked.result = r->check((struct rule_run *)d, (const struct rule_op *)(const void *)r);
	return &d->checked;
}
