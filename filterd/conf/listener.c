#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/text.h"
#include "base/xmem.h"
#include "conf/cf_file.h"
#include "conf/conf_priv.h"
#include "conf/listener_text.h"
#include "conf/names.h"
#include "conf/param_row.h"
#include "conf/reporter.h"

static const char *const kinds[] = {
	[LISTENER_SMTP] = "smtp",
	[LISTENER_LMTP] = "lmtp",
	[LISTENER_POLICY] = "policy",
	[LISTENER_MILTER] = "milter",
};

const char *
listener_kind_name(enum listener_kind kind)
{
	return kinds[kind];
}

int
listener_kind_relays(enum listener_kind kind)
{
	return kind == LISTENER_SMTP || kind == LISTENER_LMTP;
}

int
conf_listener_is_libmilter(const struct conf_listener *l)
{
	enum { NATIVE, LIBMILTER }; /* milter_engine */

	return l->kind == LISTENER_MILTER && l->params != NULL &&
	       l->params->milter_engine == LIBMILTER;
}

/* What the steps of one listener share. */
struct parse {
	struct conf *conf;
	struct reporter *rep;
	const struct cf_entry *entry; /* `listeners` */
	struct env env;
	struct conf_listener *l;
	struct own_settings *own;
	struct cf_entry kind, name, role; /* value NULL: not given */
};

static struct cf_entry
item_entry(const struct parse *p, const struct listener_item *it)
{
	const char *raw = p->entry->raw, *value_at = it->value_at == NULL ? it->at : it->value_at;

	return (struct cf_entry){ .name = it->name,
		.value = it->value == NULL ? NULL : cf_join(p->conf->arena, span_str(it->value)),
		.raw = it->value,
		.file = p->entry->file,
		.line = cf_entry_line(p->entry, (size_t)(it->at - raw)),
		.value_line = cf_entry_line(p->entry, (size_t)(value_at - raw)) };
}

#define TELL(p, severity, line, ...)                                                               \
	reporter_tell((p)->rep, severity, (p)->entry->file, line, "listeners: " __VA_ARGS__)

static void
tell_unknown(struct parse *p, const struct cf_entry *e)
{
	static const char *const own[] = { "name", "role" };
	const char *near = text_nearest(e->name, own, nitems(own));

	if (near == NULL)
		near = env_nearest(&p->env, e->name);
	TELL(p, reporter_tolerable(p->rep), e->line,
	    "found \"%.60s\", expected name, role or the name of a parameter%s%s", e->name,
	    near == NULL ? "" : "; nearest: ", near == NULL ? "" : near);
}

/* May a listener set this? */
static int
settable(struct parse *p, const struct cf_entry *e)
{
	const struct param_row *row = names_row(p->conf->names, e->name);

	if (row == NULL) {
		if (names_classify(p->conf->names, e->name) == NAME_UNKNOWN)
			tell_unknown(p, e);
		return 1;
	}
	if (param_row_in_listener(row))
		return 1;
	TELL(p, CONF_ERROR, e->line,
	    "%s: has one value for all of filterd and must be set outside the listeners", e->name);
	return 0;
}

/* Keep an item where it belongs. */
static void
keep(struct parse *p, const struct listener_item *it)
{
	struct cf_entry e = item_entry(p, it), *to = NULL;

	if (it->name == NULL)
		to = &p->kind;
	else if (strcmp(it->name, "name") == 0)
		to = &p->name;
	else if (strcmp(it->name, "role") == 0)
		to = &p->role;
	for (size_t i = 0; to == NULL && i < p->own->n; i++)
		if (strcmp(p->own->own[i].name, it->name) == 0)
			to = &p->own->own[i];
	if (to != NULL && to->value != NULL) {
		TELL(p, CONF_ERROR, e.line, "%s: must be set only once in a listener", it->name);
		return;
	}
	if (to == NULL && !settable(p, &e))
		return;
	if (to == NULL && p->own->n >= LISTENER_ITEMS_MAX) {
		TELL(p, CONF_ERROR, e.line, "a listener must have at most %d settings",
		    LISTENER_ITEMS_MAX);
		return;
	}
	if (to == NULL) {
		p->own->own = xreallocarray(p->own->own, p->own->n + 1, sizeof(p->own->own[0]));
		to = &p->own->own[p->own->n++];
	}
	*to = e;
}

static int
take_items(struct parse *p, struct span inside)
{
	struct listener_item it;
	struct err err;
	int first = 1, rc;

	while ((rc = listener_item(&inside, first, p->conf->arena, &it, &err)) == 1) {
		keep(p, &it);
		first = 0;
	}
	if (rc == -1)
		TELL(p, CONF_ERROR, item_entry(p, &it).line, "%s", err.text);
	return rc;
}

/* KIND: the door.  *endpoint is what follows. */
static int
take_kind(struct parse *p, const char *text, const char **endpoint)
{
	const char *colon = strchr(text, ':'), *near;
	char kind[16];

	snprintf(kind, sizeof(kind), "%.*s", colon == NULL ? 15 : (int)(colon - text), text);
	if (colon == NULL) {
		TELL(p, CONF_ERROR, p->kind.line,
		    "found \"%.60s\", expected KIND:ENDPOINT as in "
		    "lmtp:127.0.0.1:10025",
		    text);
		return -1;
	}
	*endpoint = colon + 1;
	for (size_t i = 0; i < nitems(kinds); i++)
		if (strcmp(kind, kinds[i]) == 0) {
			p->l->kind = (enum listener_kind)i;
			return 0;
		}
	near = text_nearest(kind, kinds, nitems(kinds));
	TELL(p, CONF_ERROR, p->kind.line,
	    "found kind \"%s\", expected smtp, lmtp, policy or milter%s%s", kind,
	    near == NULL ? "" : "; nearest: ", near == NULL ? "" : near);
	return -1;
}

static void
take_role(struct parse *p)
{
	static const char *const roles[] = { "after_queue", "before_queue", "mta" };
	const char *text, *near;

	/* Who asks about mail has not queued it yet. */
	p->l->role = listener_kind_relays(p->l->kind) ? ROLE_AFTER_QUEUE : ROLE_BEFORE_QUEUE;
	if (p->role.value == NULL)
		return;
	text = env_expand(&p->env, NULL, p->role.value, &p->role);
	if (text == NULL || role_parse(text, &p->l->role) == 0)
		return;
	near = text_nearest(text, roles, nitems(roles));
	TELL(p, CONF_ERROR, p->role.line,
	    "role: found \"%.60s\", expected after_queue, before_queue or mta%s%s", text,
	    near == NULL ? "" : "; nearest: ", near == NULL ? "" : near);
}

static int
take_endpoint(struct parse *p)
{
	const char *text, *endpoint;
	struct err err;

	p->kind.name = "listeners";
	text = env_expand(&p->env, NULL, p->kind.value, &p->kind);
	if (text == NULL || take_kind(p, text, &endpoint) == -1)
		return -1;
	if (endpoint_parse(endpoint, NULL, &p->l->endpoint, &err) == -1) {
		TELL(p, CONF_ERROR, p->kind.line, "\"%.60s\": %s", text, err.text);
		return -1;
	}
	return 0;
}

static void
take_name(struct parse *p)
{
	char text[300];
	const char *name = NULL;

	endpoint_format(&p->l->endpoint, text, sizeof(text));
	if (p->name.value != NULL)
		name = env_expand(&p->env, NULL, p->name.value, &p->name);
	if (name != NULL && name[0] == '\0')
		TELL(p, CONF_ERROR, p->name.line, "name: must not be empty");
	p->l->name = arena_strdup(p->conf->arena, name == NULL ? text : name);
}

/* Two listeners cannot share an endpoint, and a name is how one is meant. */
static void
check_unique(struct parse *p)
{
	char mine[300], other[300];

	endpoint_format(&p->l->endpoint, mine, sizeof(mine));
	for (const struct conf_listener *o = p->conf->listeners; o < p->l; o++) {
		if (o->name == NULL)
			continue;
		endpoint_format(&o->endpoint, other, sizeof(other));
		if (strcmp(mine, other) == 0)
			TELL(p, CONF_ERROR, p->l->line,
			    "%s: is the endpoint of the listener at line %d already", mine,
			    o->line);
		else if (strcmp(p->l->name, o->name) == 0)
			TELL(p, CONF_ERROR, p->l->line,
			    "name \"%.60s\": is the name of the listener at line %d already",
			    o->name, o->line);
	}
}

/* The site's own names among a listener's settings: their text is checked even if nothing asks for
 * it today. */
static void
check_site(struct parse *p)
{
	for (size_t i = 0; i < p->own->n; i++) {
		const struct cf_entry *e = &p->own->own[i];

		if (names_classify(p->conf->names, e->name) == NAME_SITE)
			(void)!env_expand(&p->env, e->name, e->value, e);
	}
}

static void
parse_one(struct parse *p, struct span inside)
{
	struct conf *c = p->conf;
	int rc, endpoint_rc;

	p->env = (struct env){ .arena = c->arena,
		.rep = p->rep,
		.names = c->names,
		.file = c->file,
		.host = &c->host,
		.in_listener = 1,
		.role = ROLE_AFTER_QUEUE };
	rc = take_items(p, inside);
	p->env.own = p->own->own;
	p->env.nown = p->own->n;
	p->l->file = p->entry->file;
	p->l->line = p->kind.line;
	endpoint_rc = rc == -1 ? -1 : take_endpoint(p); /* the kind is a reason for the role */
	take_role(p);
	p->env.role = p->l->role;
	if (endpoint_rc == -1)
		return;
	take_name(p);
	check_unique(p);
	check_site(p);
	p->l->params = arena_alloc(c->arena, sizeof(struct params));
	env_fill(&p->env, p->l->params);
	listener_check(p->l, p->rep);
}

void
listeners_learn(struct conf *c)
{
	const struct cf_entry *entry = cf_file_get(c->file, "listeners");
	struct listener_item it;
	struct span text, inside;
	struct err err;

	if (entry == NULL)
		return;
	text = span_str(entry->raw);
	while (listener_next(&text, &inside, &err) == 1)
		for (int first = 1; listener_item(&inside, first, c->arena, &it, &err) == 1;
		     first = 0)
			if (it.name != NULL)
				conf_learn(c, it.name, it.value);
}

void
listeners_parse(struct conf *c, struct reporter *rep)
{
	const struct cf_entry *entry = cf_file_get(c->file, "listeners");
	struct span text, inside;
	struct err err;
	int rc;

	if (entry == NULL)
		return;
	text = span_str(entry->raw);
	c->listeners = xcalloc(LISTENERS_MAX, sizeof(c->listeners[0]));
	c->own = xcalloc(LISTENERS_MAX, sizeof(c->own[0]));
	while ((rc = listener_next(&text, &inside, &err)) == 1) {
		struct parse p = { .conf = c, .rep = rep, .entry = entry };

		if (c->nlisteners == LISTENERS_MAX) {
			TELL(&p, CONF_ERROR, entry->line, "there must be at most %d listeners",
			    LISTENERS_MAX);
			return;
		}
		p.l = &c->listeners[c->nlisteners];
		p.own = &c->own[c->nlisteners++];
		parse_one(&p, inside);
	}
	if (rc == -1)
		reporter_tell(rep, CONF_ERROR, entry->file,
		    cf_entry_line(entry, (size_t)((const char *)text.p - entry->raw)),
		    "listeners: %s", err.text);
}
