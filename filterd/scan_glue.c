#include <stdlib.h>

#include "base/arena.h"
#include "base/xmem.h"
#include "conf/params.h"
#include "proc/scan_client.h"
#include "program.h"
#include "rules/rules.h"
#include "rules/scan.h"
#include "scan_glue.h"

struct scan_glue {
	struct scan_client *client;
	struct scan_ops ops;
};

/* struct scan_session is struct scan_call under the name that rules have for it. */
static struct scan_session *
glue_begin(void *arg, struct span lead, struct span message)
{
	struct scan_glue *g = arg;

	return (struct scan_session *)scan_call_begin(g->client, lead, message);
}

static void
glue_end(struct scan_session *s)
{
	scan_call_end((struct scan_call *)s);
}

static void
sort(const struct scan_record *r, size_t n, struct arena *arena, struct scan_found *out)
{
	const char **keys = arena_calloc(arena, (n + 1) * sizeof(*keys));

	*out = (struct scan_found){ .facts = arena_calloc(arena, (n + 1) * sizeof(*out->facts)),
		.counts = arena_calloc(arena, (n + 1) * sizeof(*out->counts)) };
	out->answer.keys = keys;
	for (size_t i = 0; i < n; i++)
		switch (r[i].kind) {
		case SCAN_FACT:
			out->facts[out->nfacts++] = (struct scan_fact){
				.subject = r[i].a, .value = r[i].b, .detail = r[i].c
			};
			break;
		case SCAN_KEY:
			keys[out->answer.nkeys++] = r[i].a;
			break;
		case SCAN_COUNT:
			out->counts[out->ncounts++] =
			    (struct scan_count){ .counter = r[i].a, .n = r[i].n };
			break;
		case SCAN_FAILED: /* the first is the cause of the others */
			if (out->answer.failed == NULL)
				out->answer.failed = r[i].a;
			break;
		}
}

static int
glue_ask(struct scan_session *s, const char *plugin, const char *scan, struct deadline until,
    struct arena *arena, struct scan_found *found, struct err *err)
{
	struct scan_record *r;
	size_t n;

	if (scan_call_ask((struct scan_call *)s, plugin, scan, until, arena, &r, &n, err) == -1)
		return -1;
	sort(r, n, arena, found);
	return 0;
}

struct scan_glue *
scan_glue_new(const struct program *prog, const struct params *p, struct rule_services *services)
{
	struct scan_client_options o = { .jobs = prog->jobs[0],
		.time_limit_ms = p->scanner_time_limit,
		.state = prog->scan_state };
	struct scan_glue *g;

	if (prog->scanner_role == 0)
		return NULL;
	g = xcalloc(1, sizeof(*g));
	g->client = scan_client_new(&o);
	g->ops =
	    (struct scan_ops){ .begin = glue_begin, .ask = glue_ask, .end = glue_end, .arg = g };
	services->scan = &g->ops;
	return g;
}

void
scan_glue_apply(struct scan_glue *g, const struct params *p)
{
	if (g != NULL)
		scan_client_set_time_limit(g->client, p->scanner_time_limit);
}

void
scan_glue_free(struct scan_glue *g)
{
	if (g == NULL)
		return;
	scan_client_free(g->client);
	free(g);
}
