#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>

#include <jansson.h>

#include "base/err.h"
#include "base/xmem.h"
#include "ctl/ctl.h"
#include "ctl/ctl_cmd.h"

#define TIMEOUT_MS 10000

static const char *
text_of(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s == NULL ? "?" : s;
}

static int64_t
number_of(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

/* "3d 4h", "4h 5m", "5m 6s": two units are enough to judge by. */
static void
print_span(int64_t seconds)
{
	static const struct {
		int64_t length;
		char unit;
	} units[] = { { 86400, 'd' }, { 3600, 'h' }, { 60, 'm' }, { 1, 's' } };
	size_t i = 0;

	while (i < nitems(units) - 2 && seconds < units[i].length)
		i++;
	printf("%" PRId64 "%c %" PRId64 "%c", seconds / units[i].length, units[i].unit,
	    seconds % units[i].length / units[i + 1].length, units[i + 1].unit);
}

static void
print_head(const json_t *o)
{
	int64_t now = (int64_t)time(NULL);

	printf("filterd %s: worker %" PRId64 ", supervisor %" PRId64 ", up ", text_of(o, "version"),
	    number_of(o, "pid"), number_of(o, "supervisor_pid"));
	print_span(now - number_of(o, "started"));
	printf("\nconfiguration %s, in use for ", text_of(o, "config"));
	print_span(now - number_of(o, "loaded"));
	putchar('\n');
	if (number_of(o, "restart_needed") > 0)
		printf("%" PRId64 " changed parameters wait for a restart (the log names them)\n",
		    number_of(o, "restart_needed"));
}

/* A listener that another process serves. */
static void
print_engine(const json_t *l)
{
	if (json_object_get(l, "engine") == NULL)
		return;
	if (number_of(l, "engine_pid") == 0)
		printf(
		    "    %s: no process, the next one is about to start\n", text_of(l, "engine"));
	else
		printf("    %s: process %" PRId64 ", %s\n", text_of(l, "engine"),
		    number_of(l, "engine_pid"),
		    json_is_true(json_object_get(l, "engine_serving")) ? "serving" : "starting");
}

static void
print_listeners(const json_t *listeners)
{
	size_t i;
	const json_t *l;

	puts("\nlisteners");
	json_array_foreach(listeners, i, l)
	{
		const char *name = text_of(l, "name"), *at = text_of(l, "endpoint");
		const char *hop = text_of(l, "next_hop");

		printf("  %s:%s%s%s  %s%s%s\n", text_of(l, "kind"), at,
		    strcmp(name, at) == 0 ? "" : "  ", strcmp(name, at) == 0 ? "" : name,
		    text_of(l, "role"), hop[0] == '\0' ? "" : " -> ", hop);
		print_engine(l);
	}
}

static void
print_next_hops(json_t *hops)
{
	const char *name;
	json_t *hop;

	puts("\nnext hops");
	json_object_foreach(hops, name, hop)
	{
		const json_t *cap;
		size_t i;

		printf("  %s ", name);
		if (!json_is_true(json_object_get(hop, "learnt")))
			printf(" not learnt: it has not answered yet, mail is deferred");
		json_array_foreach(json_object_get(hop, "capabilities"), i, cap)
		{
			printf(" %s", json_string_value(cap));
			if (strcmp(json_string_value(cap), "SIZE") == 0 &&
			    number_of(hop, "size") > 0)
				printf("=%" PRId64, number_of(hop, "size"));
		}
		putchar('\n');
	}
}

static void
print_tables(const json_t *tables)
{
	size_t i;
	const json_t *t;

	if (json_array_size(tables) == 0)
		return;
	puts("\ntables");
	json_array_foreach(tables, i, t)
	{
		printf("  %s  rows: %" PRId64 "\n", text_of(t, "name"), number_of(t, "rows"));
		if (json_object_get(t, "patterns") != NULL)
			printf("    %s\n", text_of(t, "patterns"));
		if (json_object_get(t, "error") != NULL)
			printf("    its new version is not used: %s\n", text_of(t, "error"));
	}
}

static void
print_dns(const json_t *dns)
{
	const char *outcome;
	const json_t *n;

	printf("\nDNS  look-ups: %" PRId64 ", from the cache: %" PRId64 ", sent: %" PRId64
	       "; kept: %" PRId64 " answers, %" PRId64 " octets\n",
	    number_of(dns, "started"), number_of(dns, "cached"), number_of(dns, "sent"),
	    number_of(dns, "entries"), number_of(dns, "bytes"));
	json_object_foreach((json_t *)(uintptr_t)json_object_get(dns, "failed"), outcome, n)
	    printf("  %s: %" JSON_INTEGER_FORMAT "\n", outcome, json_integer_value(n));
}

static void
print_dns_lists(const json_t *lists)
{
	size_t i;
	const json_t *z;

	if (json_array_size(lists) == 0)
		return;
	puts("\nDNS lists");
	json_array_foreach(lists, i, z)
	{
		int off = json_is_true(json_object_get(z, "off"));

		printf("  %s (%s)  listed: %" PRId64 ", not listed: %" PRId64 ", refused: %" PRId64
		       ", failed: %" PRId64 "\n",
		    text_of(z, "zone"), text_of(z, "asked_with"), number_of(z, "listed"),
		    number_of(z, "not_listed"), number_of(z, "refused"), number_of(z, "failed"));
		if (off)
			printf("    switched off: %s\n", text_of(z, "why"));
	}
}

static void
print_verify(const json_t *v)
{
	if (number_of(v, "entries") == 0 && number_of(v, "probes") == 0)
		return;
	printf("\naddress verification  known: %" PRId64 "; probes: %" PRId64 ", good: %" PRId64
	       ", bad: %" PRId64 ", deferred: %" PRId64 ", under way: %" PRId64 "\n",
	    number_of(v, "entries"), number_of(v, "probes"), number_of(v, "good"),
	    number_of(v, "bad"), number_of(v, "deferred"), number_of(v, "under_way"));
}

/* A line for each process: who is killed again and again is seen by its number. */
static void
print_scanners(const json_t *s)
{
	const char *down = text_of(s, "down");
	size_t i;
	const json_t *o;

	if (s == NULL)
		return;
	printf("\nscanners  messages: %" PRId64 "; started: %" PRId64 ", died: %" PRId64
	       ", killed: %" PRId64 "; engines used: %" PRId64 ", refused: %" PRId64 "\n",
	    number_of(s, "messages"), number_of(s, "started"), number_of(s, "died"),
	    number_of(s, "killed"), number_of(s, "engines"), number_of(s, "refused"));
	if (down[0] != '\0')
		printf("  none at work: %s\n", down);
	if (number_of(s, "generation") > 0) {
		printf("  engines number %" PRId64 ", loaded ", number_of(s, "generation"));
		print_span((int64_t)time(NULL) - number_of(s, "loaded"));
		puts(" ago");
	}
	json_array_foreach(json_object_get(s, "plugins"), i, o) printf("    %s: %s%s\n",
	    text_of(o, "name"),
	    json_is_true(json_object_get(o, "loaded")) ? "" : "not loaded: ", text_of(o, "text"));
	json_array_foreach(json_object_get(s, "processes"), i, o)
	    printf("  process %" PRId64 "  messages: %" PRId64 "\n", number_of(o, "pid"),
		number_of(o, "messages"));
	if (strcmp(text_of(s, "landlock"), "no") == 0)
		puts("  this kernel has no Landlock: scanners can read what their user can read");
}

static void
print_counters(const json_t *counters, const json_t *of_plugins)
{
	const char *name;
	const json_t *text;

	puts("\ncounters since the worker started");
#define COUNTER(name, text)                                                                        \
	printf("  %-18s %12" PRId64 "  %s\n", #name, number_of(counters, #name), text);
#include "base/counters.def"
#undef COUNTER
	json_object_foreach((json_t *)(uintptr_t)of_plugins, name, text)
	    printf("  %-18s %12" PRId64 "  %s\n", name, number_of(counters, name),
		json_string_value(text));
}

static int
print_status(const char *answer)
{
	json_t *o = json_loads(answer, 0, NULL);

	print_head(o);
	print_listeners(json_object_get(o, "listeners"));
	print_next_hops(json_object_get(o, "next_hops"));
	print_tables(json_object_get(o, "tables"));
	print_dns(json_object_get(o, "dns"));
	print_dns_lists(json_object_get(o, "dns_lists"));
	print_verify(json_object_get(o, "verify"));
	print_scanners(json_object_get(o, "scanners"));
	print_counters(json_object_get(o, "counters"), json_object_get(o, "plugin_counters"));
	json_decref(o);
	return 0;
}

int
ctl_status(const struct ctl_env *env, int argc, char **argv)
{
	static const struct option longs[] = { { "json", no_argument, NULL, 'j' },
		{ NULL, 0, NULL, 0 } };
	struct conf *conf;
	struct err err;
	char *answer;
	int c, json = 0, status = 0;

	while ((c = getopt_long(argc, argv, "+", longs, NULL)) != -1) {
		if (c != 'j')
			return ctl_usage("status [--json]");
		json = 1;
	}
	if (optind < argc)
		return ctl_usage("status [--json]");
	if ((conf = ctl_load_conf(env)) == NULL)
		return EX_CONFIG;
	answer =
	    ctl_ask(conf_params(conf)->control_socket, "{\"do\":\"status\"}", TIMEOUT_MS, &err);
	conf_free(conf);
	if (answer == NULL)
		return ctl_fail(
		    err.class == ERR_SYSTEM ? EX_NOPERM : EX_UNAVAILABLE, "%s", err.text);
	if (json)
		fputs(answer, stdout);
	else
		status = print_status(answer);
	free(answer);
	return status;
}
