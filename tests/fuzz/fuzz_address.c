/* An address from outside: understood, and every key made of it. */
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "rules/address.h"
#include "rules/load.h"
#include "rules/mail_keys.h"
#include "rules/map_list.h"
#include "rules/own_networks.h"
#include "rules/rules.h"
#include "table/table.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

struct fuzz_site {
	struct rule_options o;
	struct table_registry *tables;
	struct arena *mem, *arena;
	struct address_rules *rules;
	struct map_ask ask;
};

/* Made once: it is read-only but for the arena, which is reset. */
static struct fuzz_site *
open_site(unsigned bits)
{
	static struct fuzz_site *sites[16];
	struct fuzz_site *s = sites[bits];
	struct rule_load load;

	if (s != NULL)
		return s;
	s = sites[bits] = calloc(1, sizeof(*s));
	if (s == NULL)
		abort();
	s->o = (struct rule_options){ .myhostname = "mx.example.test",
		.mydomain = "filterd.test",
		.myorigin = "local.example",
		.mydestination = "local.example, localhost",
		.relay_domains = "relay.example",
		.inet_interfaces = "127.0.0.1",
		.recipient_delimiter = "+-",
		.allow_percent_hack = !(bits & 1),
		.swap_bangpath = !(bits & 2),
		.resolve_dequoted_address = !(bits & 4),
		.resolve_null_domain = (bits & 8) != 0,
		.resolve_numeric_domain = (bits & 8) != 0,
		.append_dot_mydomain = (bits & 8) != 0 };
	s->tables = table_registry_new(NULL);
	s->mem = arena_new();
	s->arena = arena_new();
	load = (struct rule_load){ .mem = s->mem, .tables = s->tables };
	s->rules = address_rules_compile(&load, &s->o, own_networks_compile(&load, &s->o));
	s->ask = (struct map_ask){ .set = table_set_take(s->tables), .arena = s->arena };
	return s;
}

/* Each key may be read to its end, and there are no more than there are octets to cut at. */
static void
walk(struct mail_keys *k, size_t most)
{
	struct span key;
	size_t n = 0;
	volatile uint8_t last;

	while (mail_keys_next(k, &key)) {
		if (key.len == 0 || ++n > most)
			abort();
		last = key.p[key.len - 1];
		(void)last;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_site *s;
	struct address a;
	struct mail_keys k;
	struct err err;
	char *text;

	if (size < 1 || size > 2000 || memchr(data + 1, 0, size - 1) != NULL)
		return 0;
	s = open_site(data[0] & 15);
	text = arena_str(s->arena, span_make(data + 1, size - 1));
	if (address_resolve(s->rules, &s->ask, text, &a, &err) == -1)
		abort(); /* there is no table that could fail */
	if (a.malformed != (a.full[0] == '\0'))
		abort();
	for (int kind = KEYS_ACCESS; !a.malformed && kind <= KEYS_TRANSPORT; kind++) {
		mail_keys_address(&k, s->arena, &a, (enum mail_keys_kind)kind, size & 1);
		walk(&k, 20 + strlen(a.full));
	}
	mail_keys_name(&k, text, size & 1);
	walk(&k, 2 + size);
	mail_keys_network(&k, text);
	walk(&k, 2 + size);
	arena_reset(s->arena);
	return 0;
}
