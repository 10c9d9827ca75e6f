#include <assert.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/xmem.h"
#include "conf/reporter.h"
#include "engine/rule_params.h"
#include "engine/snapshot.h"
#include "engine/snapshot_plugins.h"
#include "mail/header.h"
#include "net/dial.h"
#include "rules/content_checks.h"
#include "rules/rules.h"
#include "table/table.h"

struct snapshot {
	_Atomic int refs;
	struct conf *conf;
	struct arena *mem; /* texts that the rules were told */
	struct table_registry *tables;
	struct snapshot_plugins plugins;
	struct snap_listener *listeners;
	size_t nlisteners;
};

/* What the steps of a build share. */
struct build {
	struct snapshot *snap;
	struct reporter reporter;             /* tells once what is found for each listener */
	const struct conf_listener *listener; /* being built */
};

static void tell(struct build *, enum conf_severity, const char *parameter, const char *fmt, ...)
    ATTR_PRINTF(4, 5);

/* A finding about a parameter's value: told with the line that set it. */
static void
tell(struct build *b, enum conf_severity severity, const char *parameter, const char *fmt, ...)
{
	char text[700];
	const char *file;
	va_list ap;
	int line;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	line = conf_where_in(b->snap->conf, b->listener, parameter, &file);
	if (file == NULL)
		file = conf_path(b->snap->conf);
	reporter_tell(&b->reporter, severity, file, line, "%s", text);
}

static struct net_list *
nets(struct build *b, const char *parameter, const char *text)
{
	struct err err;
	struct net_list *l = net_list_parse(text, &err);

	if (l == NULL)
		tell(b, CONF_ERROR, parameter, "%s: %s", parameter, err.text);
	return l;
}

static void
rule_finding(void *arg, const struct rule_finding *f)
{
	struct build *b = arg;
	enum conf_severity severity = f->is_error ? CONF_ERROR : CONF_WARNING;

	if (f->file == NULL)
		tell(b, severity, f->parameter, "%s: %s", f->parameter, f->text);
	else
		reporter_tell(&b->reporter, severity, f->file, f->line, "%s", f->text);
}

/* A FILTER that will defer mail.  With filter_next_hop_maps, or a destination that a pattern fills
 * in, that is known only when mail comes. */
static void
filter_seen(void *arg, const char *destination, const char *file, int line)
{
	struct build *b = arg;
	struct next_hop hop;
	struct err err;

	if (b->listener->params->filter_next_hop_maps[0] != '\0' ||
	    strchr(destination, '$') != NULL || next_hop_parse(destination, &hop, &err) == 0)
		return;
	reporter_tell(&b->reporter, CONF_WARNING, file, line,
	    "FILTER %s will be answered with 451 4.3.5: %s", destination, err.text);
}

static void
plugin_finding(void *arg, const struct conf_plugin *p, const char *text)
{
	struct build *b = arg;

	reporter_tell(&b->reporter, CONF_ERROR, p->file, p->line, "%s", text);
}

void
snapshot_mime_options(const struct params *p, struct mime_options *m)
{
	*m = (struct mime_options){ .line_length_limit = (size_t)p->line_length_limit,
		.header_size_limit = (size_t)p->header_size_limit,
		.header_count_limit = (size_t)p->header_count_limit,
		.nesting_limit = (int)p->mime_nesting_limit,
		.parts_limit = (size_t)p->mime_parts_limit,
		.boundary_length_limit = (size_t)p->mime_boundary_length_limit,
		.disable_mime = p->disable_mime_input_processing };
}

static void
compile_checks(struct build *b, struct snap_listener *l)
{
	const struct params *p = l->params;
	struct content_check_options o = { .header_checks = p->header_checks,
		.mime_header_checks = p->mime_header_checks,
		.nested_header_checks = p->nested_header_checks,
		.body_checks = p->body_checks,
		.body_checks_size_limit = (size_t)p->body_checks_size_limit,
		.message_drop_headers = p->message_drop_headers,
		.soft_bounce = p->soft_bounce,
		.postfix_strict = p->config_errors == 1,
		.header_nul = p->nul_in_header,
		.header_over = p->header_over_limit,
		.non_header_line = p->non_header_line,
		.filter_seen = filter_seen,
		.filter_arg = b };

	snapshot_mime_options(p, &o.mime);
	l->checks = content_checks_compile(&o, b->snap->tables, rule_finding, b);
	if (l->checks == NULL && b->reporter.errors == 0)
		tell(b, CONF_ERROR, "header_checks", "header and body checks cannot be compiled");
}

static void
table_warning(void *arg, const struct table_finding *f)
{
	struct build *b = arg;

	reporter_tell(&b->reporter, CONF_WARNING, f->file, f->line, "%s", f->text);
}

static void
compile_rules(struct build *b, struct snap_listener *l)
{
	struct rule_source source = {
		.conf = b->snap->conf, .listener = b->listener, .arena = b->snap->mem
	};
	struct rule_options o = { 0 };
	int before = b->reporter.errors;

	rule_params_listener(&source, &o);
	o.plugins = b->snap->plugins.v;
	o.nplugins = b->snap->plugins.n;
	l->rules = rules_compile(&o, b->snap->tables, rule_finding, b);
	if (l->rules == NULL && b->reporter.errors == before && before == 0)
		tell(b, CONF_ERROR, "smtpd_recipient_restrictions",
		    "the restriction lists cannot be compiled");
}

/* What goes into a header and is no field would end that header. */
static void
field(struct build *b, const char *parameter, const char *text, const char *such)
{
	if (text[0] != '\0' && mime_field_name(span_str(text)) == 0)
		tell(b, CONF_ERROR, parameter, "%s: must be a header field, \"%s\"", parameter,
		    such);
}

static void
field_name(struct build *b, const char *parameter, const char *name)
{
	if (name[0] != '\0' && !header_name_valid(span_str(name)))
		tell(b, CONF_ERROR, parameter, "%s: must be the name of a header field", parameter);
}

/* Where the MTA goes on with the mail itself only held copies are sent on by us, and the default
 * would be a guess. */
static int
has_next_hop(const struct build *b, const struct conf_listener *c)
{
	const char *file;

	return listener_kind_relays(c->kind) ||
	       (c->kind == LISTENER_MILTER &&
		   conf_where_in(b->snap->conf, c, "next_hop", &file) != 0);
}

/* What it can do with a message; before an MTA, where that grants everything (handback_door()). */
static unsigned
door_of(const struct conf_listener *c)
{
	unsigned door = DOOR_EDIT | DOOR_HOLD | DOOR_RCPTS;

	if (listener_kind_relays(c->kind))
		door |= DOOR_EDIT_SOME | DOOR_FILTER;
	if (c->kind == LISTENER_LMTP)
		door |= DOOR_REPLY_EACH;
	if (c->role == ROLE_AFTER_QUEUE)
		door |= DOOR_AFTER_QUEUE;
	return door;
}

static enum on_mixed
mixed_of(const struct params *p)
{
	if (p->on_mixed == MIXED_SPLIT && p->on_mixed_refused == 1)
		return MIXED_SPLIT_DISCARD;
	return (enum on_mixed)p->on_mixed;
}

static void
build_listener(struct build *b, struct snap_listener *l, const struct conf_listener *c)
{
	const struct params *p = c->params;
	struct err err;

	if (p == NULL) /* told already; the others are looked at all the same */
		return;
	b->listener = c;
	l->conf = c;
	l->params = p;
	l->filter_map = -1;
	if (has_next_hop(b, c) && next_hop_parse(p->next_hop, &l->next_hop, &err) == -1)
		tell(b, CONF_ERROR, "next_hop", "next_hop: \"%s\": %s", p->next_hop, err.text);
	l->allowed = nets(b, "allowed_clients", p->allowed_clients);
	l->xforward =
	    nets(b, "smtpd_authorized_xforward_hosts", p->smtpd_authorized_xforward_hosts);
	l->xclient = nets(b, "smtpd_authorized_xclient_hosts", p->smtpd_authorized_xclient_hosts);
	compile_checks(b, l);
	compile_rules(b, l);
	if (l->checks != NULL && l->rules != NULL)
		l->asks = content_checks_any(l->checks) || !rules_idle(l->rules);
	field(b, "received_header", p->received_header, "Received: ...");
	field(b, "tag_header", p->tag_header, "X-Spam-Flag: YES");
	field_name(b, "score_header", p->score_header);
	if (p->filter_next_hop_maps[0] != '\0') {
		l->filter_map = table_registry_add(b->snap->tables, p->filter_next_hop_maps,
		    p->config_errors == 1, table_warning, b, &err);
		if (l->filter_map == -1)
			tell(b, CONF_ERROR, "filter_next_hop_maps", "filter_next_hop_maps: %s",
			    err.text);
	}
	l->plan = (struct plan_options){
		.door = door_of(c),
		.after_queue_reject = (enum reject_as)p->after_queue_reject,
		.on_mixed = mixed_of(p),
		.on_mixed_edits = (enum on_mixed_edits)p->on_mixed_edits,
		.next_hop = &l->next_hop,
		.tag_header = p->tag_header,
		.tag_subject_prefix = p->tag_subject_prefix,
		.score_header = p->score_header,
	};
}

static void
snapshot_free(struct snapshot *s)
{
	for (size_t i = 0; i < s->nlisteners; i++) {
		content_checks_free(s->listeners[i].checks);
		rules_free(s->listeners[i].rules);
		net_list_free(s->listeners[i].allowed);
		net_list_free(s->listeners[i].xforward);
		net_list_free(s->listeners[i].xclient);
	}
	free(s->listeners);
	if (s->tables != NULL)
		table_registry_free(s->tables);
	snapshot_plugins_close(&s->plugins);
	conf_free(s->conf);
	arena_free(s->mem);
	free(s);
}

static void
limit_patterns(struct snapshot *s)
{
	const struct params *p = conf_params(s->conf);
	const struct table_limits limits = { .match = (uint32_t)p->pattern_match_limit,
		.depth = (uint32_t)p->pattern_depth_limit,
		.heap_kb = (uint32_t)(p->pattern_heap_limit / 1024) };

	table_registry_limits(s->tables, &limits);
}

struct snapshot *
snapshot_build(struct conf *conf, struct counters *counters, conf_report_fn *report, void *arg)
{
	struct snapshot *s = xcalloc(1, sizeof(*s));
	struct build b = { .snap = s };

	reporter_init(&b.reporter, report, arg);
	atomic_init(&s->refs, 1);
	s->conf = conf;
	s->mem = arena_new();
	s->tables = table_registry_new(counters);
	snapshot_plugins_open(&s->plugins, conf, counters, s->mem, plugin_finding, &b);
	table_registry_plugins(s->tables, &s->plugins.tables);
	limit_patterns(s);
	s->nlisteners = conf_listener_count(conf);
	s->listeners = xcalloc(s->nlisteners, sizeof(*s->listeners));
	for (size_t i = 0; i < s->nlisteners; i++)
		build_listener(&b, &s->listeners[i], conf_listener(conf, i));
	reporter_fini(&b.reporter);
	if (b.reporter.errors > 0) {
		snapshot_free(s);
		return NULL;
	}
	return s;
}

struct snapshot *
snapshot_ref(struct snapshot *s)
{
	int was = atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);

	assert(was > 0);
	return s;
}

void
snapshot_unref(struct snapshot *s)
{
	if (s != NULL && atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) == 1)
		snapshot_free(s);
}

const struct conf *
snapshot_conf(const struct snapshot *s)
{
	return s->conf;
}

struct table_registry *
snapshot_tables(const struct snapshot *s)
{
	return s->tables;
}

size_t
snapshot_listener_count(const struct snapshot *s)
{
	return s->nlisteners;
}

const struct snap_listener *
snapshot_listener(const struct snapshot *s, size_t i)
{
	return &s->listeners[i];
}

const struct snap_listener *
snapshot_listener_by_name(const struct snapshot *s, const char *name)
{
	for (size_t i = 0; i < s->nlisteners; i++)
		if (strcmp(s->listeners[i].conf->name, name) == 0)
			return &s->listeners[i];
	return NULL;
}
