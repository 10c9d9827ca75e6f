#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/counters.h"
#include "base/err.h"
#include "core/message.h"
#include "tests/lib/plugin_world.h"

/* One for all, for the plugin keeps its first host. */
static struct counters counters;

void
plugin_world_init(struct plugin_world *x)
{
	struct err err;

	memset(x, 0, sizeof(*x));
	counters_reset(&counters);
	rule_world_init(&x->w);
	x->values[0].text = "begun";
	x->plugin = (struct plugin_instance){ .def = &filterd_plugin,
		.values = x->values,
		.on_failure = FAILURE_DEFER,
		.counters = &counters };
	assert_int_equal(plugin_open(&x->plugin, &err), 0);
	x->w.o.plugins = &x->plugin;
	x->w.o.nplugins = 1;
	probe_scanner_ops(&x->scanner, &x->ops);
	x->w.services.scan = &x->ops;
}

void
plugin_world_fini(struct plugin_world *x)
{
	rules_scan_end(&x->w.txn);
	message_free(x->message);
	rule_world_fini(&x->w);
	plugin_close(&x->plugin);
}

void
plugin_world_message(struct plugin_world *x, const char *text)
{
	const struct message_options o = { .memory_limit = 100000, .spool_directory = "/tmp" };
	struct err err;
	uint8_t *p;

	message_free(x->message);
	x->message = message_new(&o);
	p = message_reserve(x->message, strlen(text), &err);
	assert_non_null(p);
	memcpy(p, text, strlen(text));
	message_commit(x->message, strlen(text));
	x->w.txn.message = x->message;
}

const char *
plugin_world_facts(struct plugin_world *x)
{
	static struct buf b;

	buf_reset(&b);
	facts_format(&x->w.txn.facts, &b);
	return buf_cstr(&b);
}

int64_t
plugin_world_counted(const char *name)
{
	for (size_t i = 0; i < COUNTERS_NAMED; i++)
		if (strcmp(counters.named[i].name, name) == 0)
			return counters.named[i].n;
	return -1;
}
