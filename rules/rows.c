/* Lists that come out of table rows: compiled when first seen, kept by their text (DESIGN.md,
 * decision 9). */
#include <string.h>

#include "base/keyhash.h"
#include "base/log.h"
#include "rules/rules_private.h"

/* So many are kept; rows that a pattern fills in ($1) may have any number of texts. */
#define ROWS_MAX        ((size_t)10000)
#define ROWS_OCTETS_MAX ((size_t)16 * 1024 * 1024)

static void
report(void *arg, const struct rule_finding *f)
{
	struct rule_run *run = arg;

	rule_warn(run, "%s", f->text);
}

static struct row_list *
find(const struct rules *r, const char *text, size_t slot)
{
	for (struct row_list *l = r->rows[slot]; l != NULL; l = l->next)
		if (strcmp(l->text, text) == 0)
			return l;
	return NULL;
}

static struct row_list *
compile(struct rule_run *run, struct rules *r, const char *text, struct arena *mem)
{
	struct row_list *l = arena_calloc(mem, sizeof(*l));
	struct rule_compile c = { .load = { .mem = mem,
				      .tables = r->tables,
				      .tolerant = 1,
				      .report = report,
				      .arg = run },
		.rules = r,
		.parameter = "table row",
		.from_row = 1 };

	l->text = arena_strdup(mem, text);
	rule_compile_list(&c, l->text, l->text, &l->list);
	return l;
}

const struct rule_list *
rule_row_list(struct rule_run *run, const char *text)
{
	/* The cache is the one thing of the rules that changes; its lock is in them. */
	struct rules *r = (struct rules *)(uintptr_t)run->rules;
	size_t slot = keyhash(&r->row_hash, text, strlen(text)) % ROW_LISTS;
	struct row_list *l;

	pthread_mutex_lock(&r->row_lock);
	l = find(r, text, slot);
	if (l == NULL && r->nrows < ROWS_MAX && arena_used(r->row_mem) < ROWS_OCTETS_MAX) {
		l = compile(run, r, text, r->row_mem);
		l->next = r->rows[slot];
		r->rows[slot] = l;
		r->nrows++;
	}
	pthread_mutex_unlock(&r->row_lock);
	if (l == NULL)
		l = compile(run, r, text, run->arena);
	return &l->list;
}
