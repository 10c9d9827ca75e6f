#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/xmem.h"
#include "base/text.h"
#include "mail/public_suffix.h"
#include "rules/address.h"
#include "rules/listed.h"
#include "rules/login_maps.h"
#include "rules/match_list.h"
#include "rules/own_networks.h"
#include "rules/rules_private.h"

const char *const rule_list_names[RULE_LISTS] = {
	[LIST_CLIENT] = "smtpd_client_restrictions",
	[LIST_HELO] = "smtpd_helo_restrictions",
	[LIST_SENDER] = "smtpd_sender_restrictions",
	[LIST_RELAY] = "smtpd_relay_restrictions",
	[LIST_RECIPIENT] = "smtpd_recipient_restrictions",
	[LIST_DATA] = "smtpd_data_restrictions",
	[LIST_END_OF_DATA] = "smtpd_end_of_data_restrictions",
	[LIST_CONTENT] = "content_restrictions",
};

const char *
rules_stage_name(enum rule_stage s)
{
	switch (s) {
	case RULE_CONNECT:
		return "CONNECT";
	case RULE_HELO:
		return "HELO";
	case RULE_MAIL:
		return "MAIL";
	case RULE_RCPT:
		return "RCPT";
	case RULE_DATA:
		return "DATA";
	case RULE_END_OF_DATA:
	case RULE_CONTENT:
		return "END-OF-MESSAGE";
	}
	return "";
}

static const char *
class_value(struct rule_compile *c, const char *name)
{
	const struct rule_options *o = &c->rules->o;
	const char *value = NULL;

	c->where = (struct rule_where){ 0 };
	if (o->site != NULL)
		value = o->site(o->arg, name, &c->where);
	c->parameter = name;
	return value;
}

/* Names first, so that classes may name one another in any order. */
static void
compile_classes(struct rule_compile *c)
{
	struct rules *r = c->rules;
	struct span rest = span_str(r->o.smtpd_restriction_classes), word;
	const char *value;

	while (rule_word(&rest, &word))
		r->nclasses++;
	r->classes = arena_calloc(c->load.mem, (r->nclasses + 1) * sizeof(*r->classes));
	rest = span_str(r->o.smtpd_restriction_classes);
	for (size_t i = 0; rule_word(&rest, &word); i++) {
		char *name = arena_str(c->load.mem, word);

		r->classes[i].name = name == NULL ? "" : name;
	}
	for (size_t i = 0; i < r->nclasses; i++) {
		value = class_value(c, r->classes[i].name);
		if (value != NULL) {
			rule_compile_list(c, r->classes[i].name, value, &r->classes[i]);
			continue;
		}
		c->parameter = "smtpd_restriction_classes";
		rule_compile_error(c, "class %s is not defined: %s = ... is missing",
		    r->classes[i].name, r->classes[i].name);
	}
}

static void
compile_lists(struct rule_compile *c)
{
	for (size_t i = 0; i < RULE_LISTS; i++) {
		const char *value = c->rules->o.lists[i];

		c->parameter = rule_list_names[i];
		c->where = (struct rule_where){ 0 };
		rule_compile_list(
		    c, rule_list_names[i], value == NULL ? "" : value, &c->rules->lists[i]);
	}
}

static const char *
verify_sender(struct rule_compile *c, const struct rule_options *o)
{
	const char *s = o->address_verify_sender, *origin = o->myorigin;

	if (s == NULL || s[0] == '\0' || strcmp(s, "<>") == 0)
		return NULL;
	return strchr(s, '@') != NULL
		   ? s
		   : arena_printf(c->load.mem, "%s@%s", s, origin == NULL ? "" : origin);
}

/* An option that must be copied nowhere: engine's texts live as long as the rules. */
static void
compile_own(struct rule_compile *c)
{
	struct rules *r = c->rules;
	const struct rule_options *o = &r->o;
	const char *parents = o->parent_domain_matches_subdomains;
	const char *nets = o->mynetworks;
	struct rule_load *l = &c->load;

	r->own = own_networks_compile(l, o);
	if (nets == NULL) /* empty is what somebody wrote: nobody */
		nets = own_networks_default(r->own);
	r->mynetworks = match_list_compile(
	    l, "mynetworks", nets, MATCH_HOST, match_list_parents(l, parents, "mynetworks"));
	r->mx_backup_networks =
	    match_list_compile(l, "permit_mx_backup_networks", o->permit_mx_backup_networks,
		MATCH_HOST, match_list_parents(l, parents, "permit_mx_backup_networks"));
	r->access_parents = match_list_parents(l, parents, "smtpd_access_maps");
	r->addresses = address_rules_compile(l, o, r->own);
	r->relay_domains = address_relay_domains(r->addresses);
	r->listed = listed_rules_compile(l, o);
	r->logins = login_maps_compile(l, o->smtpd_sender_login_maps);
	r->verify_sender = verify_sender(c, o);
	map_list_compile(&r->relay_clientcerts, l, "relay_clientcerts", o->relay_clientcerts);
	map_list_compile(&r->rbl_reply_maps, l, "rbl_reply_maps", o->rbl_reply_maps);
}

/* NULL: there is none. */
static char *
first_line(struct arena *mem, const char *path)
{
	FILE *f = fopen(path, "re");
	char *line = NULL, *copy = NULL;
	size_t cap = 0;
	ssize_t n = f == NULL ? -1 : getline(&line, &cap, f);

	if (n > 0)
		copy = arena_str(mem, span_trim(span_make(line, (size_t)n)));
	free(line);
	if (f != NULL)
		fclose(f);
	return copy == NULL || copy[0] == '\0' ? NULL : copy;
}

/* A file's first line instead, as with Debian's /etc/mailname. */
static void
read_myorigin(struct rule_compile *c)
{
	const char *path = c->rules->o.myorigin, *line;

	if (path == NULL || path[0] != '/')
		return;
	line = first_line(c->load.mem, path);
	if (line == NULL)
		rule_load_wrong(
		    &c->load, "myorigin", NULL, 0, "%s: cannot be read, or is empty", path);
	c->rules->o.myorigin = line == NULL ? c->rules->o.myhostname : line;
}

static int
is_idle(const struct rules *r)
{
	const struct rule_options *o = &r->o;

	for (size_t i = 0; i < RULE_LISTS; i++)
		if (rules_any(r, (enum rule_list_id)i))
			return 0;
	/* What an MTA refuses needs no list: addresses that are none. */
	return !o->is_mta && !o->smtpd_reject_unlisted_sender &&
	       !o->smtpd_reject_unlisted_recipient;
}

struct rules *
rules_compile(
    const struct rule_options *o, struct table_registry *tables, rule_finding_fn *report, void *arg)
{
	struct rules *r = xcalloc(1, sizeof(*r));
	struct rule_compile c = { .rules = r };

	r->o = *o;
	r->mem = arena_new();
	r->row_mem = arena_new();
	r->tables = tables;
	pthread_mutex_init(&r->row_lock, NULL);
	keyhash_init(&r->row_hash);
	r->suffixes = public_suffix_new();
	c.load = (struct rule_load){ .mem = r->mem,
		.tables = tables,
		.tolerant = o->tolerant,
		.report = report,
		.arg = arg };
	read_myorigin(&c);
	compile_own(&c);
	compile_classes(&c);
	compile_lists(&c);
	r->unlisted_sender = (struct rule_op){ .def = restriction_find("reject_unlisted_sender"),
		.word = "smtpd_reject_unlisted_sender",
		.table = -1 };
	r->unlisted_recipient =
	    (struct rule_op){ .def = restriction_find("reject_unlisted_recipient"),
		    .word = "smtpd_reject_unlisted_recipient",
		    .table = -1 };
	r->idle = is_idle(r);
	rules_check(&c);
	if (c.load.errors == 0)
		return r;
	rules_free(r);
	return NULL;
}

void
rules_free(struct rules *r)
{
	if (r == NULL)
		return;
	pthread_mutex_destroy(&r->row_lock);
	public_suffix_free(r->suffixes);
	arena_free(r->row_mem);
	arena_free(r->mem);
	free(r);
}
