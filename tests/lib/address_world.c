#include "tests/lib/address_world.h"

#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "table/table.h"

static void
told(void *arg, const struct rule_finding *f)
{
	struct address_world *w = arg;

	buf_printf(&w->told, "%s %s %s:%d: %s\n", f->is_error ? "error" : "warning", f->parameter,
	    f->file == NULL ? "-" : f->file, f->line, f->text);
}

void
address_world_open(struct address_world *w)
{
	*w = (struct address_world){ .o = {
					 .myhostname = "mx.example.test",
					 .mydomain = "filterd.test",
					 .myorigin = "local.example",
					 .mydestination =
					     "local.example, mx.example.test, localhost",
					 .inet_interfaces = "127.0.0.1",
					 .inet_protocols = "ipv4",
					 .relay_domains = "relay.example",
					 .virtual_alias_domains = "valias.example",
					 .virtual_mailbox_domains = "vmbox.example",
					 .parent_domain_matches_subdomains =
					     "mynetworks, relay_domains, smtpd_access_maps",
					 .recipient_delimiter = "+",
					 .allow_percent_hack = 1,
					 .swap_bangpath = 1,
					 .resolve_dequoted_address = 1,
					 .show_user_unknown_table_name = 1,
					 .unknown_local_recipient_reject_code = 550,
					 .unknown_relay_recipient_reject_code = 550,
					 .unknown_virtual_alias_reject_code = 550,
					 .unknown_virtual_mailbox_reject_code = 550,
				     } };
	w->tables = table_registry_new(NULL);
	w->mem = arena_new();
	w->arena = arena_new();
	w->load =
	    (struct rule_load){ .mem = w->mem, .tables = w->tables, .report = told, .arg = w };
}

void
address_world_compile(struct address_world *w)
{
	w->own = own_networks_compile(&w->load, &w->o);
	w->rules = address_rules_compile(&w->load, &w->o, w->own);
}

void
address_world_ready(struct address_world *w)
{
	table_set_release(w->set);
	w->set = table_set_take(w->tables);
	w->ask = (struct map_ask){ .set = w->set, .arena = w->arena };
}

void
address_world_close(struct address_world *w)
{
	table_set_release(w->set);
	table_registry_free(w->tables);
	arena_free(w->mem);
	arena_free(w->arena);
	buf_fini(&w->told);
}

const struct address *
address_world_resolve(struct address_world *w, const char *text)
{
	struct address *a = arena_calloc(w->arena, sizeof(*a));
	struct err err;

	if (w->rules == NULL)
		address_world_compile(w);
	if (w->set == NULL)
		address_world_ready(w);
	(void)address_resolve(w->rules, &w->ask, text, a, &err);
	return a;
}
