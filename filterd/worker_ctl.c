/*
 * worker_ctl - what the worker answers on its control socket
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "base/buf.h"
#include "base/counters.h"
#include "base/log.h"
#include "client/pool.h"
#include "config.h"
#include "engine/snapshot.h"
#include "front/door.h"
#include "net/dns.h"
#include "proc/proc.h"
#include "program.h"
#include "rules/dnsbl.h"
#include "rules/verify.h"
#include "table/table.h"
#include "worker.h"

/* Paths and texts of the configuration may hold any octets, JSON only UTF-8. */
static json_t *
text_json(const char *s)
{
	struct buf b = { 0 };
	json_t *j = json_string(s);

	if (j == NULL) {
		log_quote(&b, span_str(s), SIZE_MAX);
		j = json_string(buf_cstr(&b));
		buf_fini(&b);
	}
	return j;
}

static void
add_counter(void *arg, const char *name, int64_t value, const char *text)
{
	(void)text;
	json_object_set_new(
	    arg, name, json_integer(json_integer_value(json_object_get(arg, name)) + value));
}

/* As the text cannot be known where it is printed, it goes along. */
static void
add_named(void *arg, const char *name, int64_t value, const char *text)
{
	json_t **objects = arg;

	add_counter(objects[0], name, value, NULL);
	json_object_set_new(objects[1], name, text_json(text));
}

static void
add_table(void *arg, const struct table_status *s)
{
	json_t *t = json_object();

	json_object_set_new(t, "name", text_json(s->name));
	json_object_set_new(t, "rows", json_integer((json_int_t)s->rows));
	if (s->stale_error != NULL)
		json_object_set_new(t, "error", text_json(s->stale_error));
	if (s->patterns[0] != '\0')
		json_object_set_new(t, "patterns", text_json(s->patterns));
	json_array_append_new(arg, t);
}

/* A process of its own that serves it. */
static void
add_engine(const struct worker *w, json_t *listener, size_t role)
{
	const struct proc_state *state = &w->proc->states[role];

	json_object_set_new(listener, "engine", json_string("libmilter"));
	json_object_set_new(listener, "engine_pid", json_integer(atomic_load(&state->pid)));
	json_object_set_new(
	    listener, "engine_serving", json_boolean(atomic_load(&state->serving) != 0));
}

static json_t *
listener_json(const struct worker *w, const struct snap_listener *l, size_t i)
{
	static const char *const roles[] = { "after_queue", "before_queue", "mta" };
	char at[400];
	json_t *o;

	endpoint_format(&l->conf->endpoint, at, sizeof(at));
	o = json_pack("{s:o, s:s, s:o, s:s, s:o}", "name", text_json(l->conf->name), "kind",
	    listener_kind_name(l->conf->kind), "endpoint", text_json(at), "role",
	    roles[l->conf->role], "next_hop", text_json(l->next_hop.text));
	if (w->prog->listener_role[i] != 0)
		add_engine(w, o, w->prog->listener_role[i]);
	return o;
}

static json_t *
caps_json(const struct hop_caps *caps)
{
	static const struct {
		unsigned bit;
		const char *name;
	} names[] = {
		{ CAP_PIPELINING, "PIPELINING" },
		{ CAP_SIZE, "SIZE" },
		{ CAP_8BITMIME, "8BITMIME" },
		{ CAP_SMTPUTF8, "SMTPUTF8" },
		{ CAP_DSN, "DSN" },
		{ CAP_ENHANCEDSTATUSCODES, "ENHANCEDSTATUSCODES" },
		{ CAP_CHUNKING, "CHUNKING" },
		{ CAP_XFORWARD, "XFORWARD" },
		{ CAP_XCLIENT, "XCLIENT" },
	};
	json_t *a = json_array();

	for (size_t i = 0; i < nitems(names); i++)
		if ((caps->bits & names[i].bit) != 0)
			json_array_append_new(a, json_string(names[i].name));
	return a;
}

/* Each next hop once, with what it said at EHLO. */
static json_t *
next_hops_json(struct hop_pool *pool, const struct snapshot *s)
{
	json_t *hops = json_object();

	for (size_t i = 0; i < snapshot_listener_count(s); i++) {
		const struct next_hop *hop = &snapshot_listener(s, i)->next_hop;
		struct hop_caps caps;
		json_t *h;

		if (hop->text[0] == '\0') /* who relays nothing may have none */
			continue;
		h = json_object();
		if (pool_caps(pool, hop, &caps)) {
			json_object_set_new(h, "learnt", json_true());
			json_object_set_new(h, "capabilities", caps_json(&caps));
			json_object_set_new(h, "size", json_integer(caps.size));
		} else {
			json_object_set_new(h, "learnt", json_false());
		}
		json_object_set_new(hops, hop->text, h);
	}
	return hops;
}

static json_t *
dns_json(struct dns *dns)
{
	struct dns_stats st;
	json_t *failed = json_object();

	dns_get_stats(dns, &st);
	for (int i = 0; i < DNS_OUTCOMES; i++)
		if (dns_outcome_answer((enum dns_outcome)i) == -1 && st.outcomes[i] > 0)
			json_object_set_new(failed, dns_outcome_text((enum dns_outcome)i),
			    json_integer((json_int_t)st.outcomes[i]));
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:o}", "started", (json_int_t)st.started,
	    "cached", (json_int_t)st.cached, "joined", (json_int_t)st.joined, "sent",
	    (json_int_t)st.sent, "entries", (json_int_t)st.entries, "bytes", (json_int_t)st.bytes,
	    "failed", failed);
}

static void
add_dns_list(void *arg, const struct dnsbl_status *z)
{
	json_t *o = json_pack("{s:o, s:s, s:b, s:o, s:I, s:I, s:I, s:I, s:I}", "zone",
	    text_json(z->zone), "asked_with", z->kind == RBL_ADDRESSES ? "addresses" : "names",
	    "off", z->off, "why", text_json(z->why), "listed", (json_int_t)z->listed, "not_listed",
	    (json_int_t)z->not_listed, "refused", (json_int_t)z->refused, "failed",
	    (json_int_t)z->trouble, "probes", (json_int_t)z->probes);

	json_array_append_new(arg, o);
}

static json_t *
dns_lists_json(struct dnsbl_zones *zones)
{
	json_t *a = json_array();

	dnsbl_zones_each(zones, add_dns_list, a);
	return a;
}

static json_t *
verify_json(struct verify_cache *cache)
{
	struct verify_stats st;

	verify_get_stats(cache, &st);
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I}", "entries", (json_int_t)st.entries,
	    "probes", (json_int_t)st.probes, "good", (json_int_t)st.good, "bad", (json_int_t)st.bad,
	    "deferred", (json_int_t)st.deferred, "under_way", (json_int_t)st.under_way);
}

static json_t *
answer_status(struct worker *w, const json_t *request)
{
	struct snapshot *s = doors_snapshot(w->doors);
	json_t *counters = json_object(), *tables = json_array(), *listeners = json_array();
	json_t *named[] = { counters, json_object() };

	(void)request;
	for (size_t i = 0; i < w->prog->nroles; i++)
		counters_each(&w->prog->counters[i], add_counter, counters);
	for (size_t i = 0; i < w->prog->nroles; i++)
		counters_named_each(&w->prog->counters[i], add_named, named);
	table_registry_each(snapshot_tables(s), add_table, tables);
	for (size_t i = 0; i < snapshot_listener_count(s); i++)
		json_array_append_new(listeners, listener_json(w, snapshot_listener(s, i), i));
	json_t *o =
	    json_pack("{s:s, s:i, s:i, s:o, s:I, s:I, s:i, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
		"version", PACKAGE_VERSION, "pid", (int)getpid(), "supervisor_pid", (int)getppid(),
		"config", text_json(w->prog->config_path), "started",
		(json_int_t)(w->born_us / 1000000), "loaded",
		(json_int_t)(atomic_load(&w->loaded_us) / 1000000), "restart_needed",
		atomic_load(&w->restart_needed), "counters", counters, "plugin_counters", named[1],
		"listeners", listeners, "next_hops", next_hops_json(w->pool, s), "tables", tables,
		"dns", dns_json(w->services.dns), "dns_lists", dns_lists_json(w->services.zones),
		"verify", verify_json(w->services.verify));
	snapshot_unref(s);
	if (w->prog->scanner_role != 0)
		json_object_set_new(o, "scanners", worker_scanners(w));
	return o;
}

static json_t *
answer_ping(struct worker *w, const json_t *request)
{
	(void)w;
	(void)request;
	return json_pack("{s:i}", "pid", (int)getpid());
}

static const struct {
	const char *name;
	json_t *(*answer)(struct worker *, const json_t *request);
} requests[] = {
	{ "ping", answer_ping },
	{ "status", answer_status },
};

char *
worker_answer(void *worker, const char *text)
{
	json_t *request = json_loads(text, 0, NULL), *answer = NULL;
	const char *what = json_string_value(json_object_get(request, "do"));
	char *out = NULL;

	for (size_t i = 0; what != NULL && i < nitems(requests); i++)
		if (strcmp(requests[i].name, what) == 0)
			answer = requests[i].answer(worker, request);
	if (answer != NULL)
		out = json_dumps(answer, JSON_COMPACT | JSON_ENSURE_ASCII);
	json_decref(answer);
	json_decref(request);
	return out;
}
