#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/span.h"
#include "base/text.h"
#include "base/xmem.h"
#include "conf/cf_expand.h"
#include "conf/names.h"
#include "conf/param_row.h"

static const struct postfix_name {
	const char *name, *def;
} postfix_names[] = {
#define N(name, def) { #name, def },
#include "conf/postfix_names.def"
#undef N
};

/* What the queue manager reads as TRANSPORT_..., and spawn and the policy client as SERVICE_... */
static const char *const suffixes[] = {
	"_delivery_slot_cost",
	"_delivery_slot_discount",
	"_delivery_slot_loan",
	"_destination_concurrency_failed_cohort_limit",
	"_destination_concurrency_limit",
	"_destination_concurrency_negative_feedback",
	"_destination_concurrency_positive_feedback",
	"_destination_rate_delay",
	"_destination_recipient_limit",
	"_extra_recipient_limit",
	"_initial_destination_concurrency",
	"_minimum_delivery_slots",
	"_recipient_limit",
	"_recipient_refill_delay",
	"_recipient_refill_limit",
	"_time_limit",
	"_transport_rate_delay",
};

/* Table types whose TYPE:PREFIX without a slash reads parameters PREFIX_NAME. */
static const char *const prefix_types[] = { "ldap", "memcache", "mysql", "pgsql", "redis",
	"sqlite" };

struct names {
	struct arena *arena;
	void *site;        /* tsearch(3) tree of names */
	const char **list; /* for the nearest one: used, Postfix's, and what the file sets */
	size_t n, cap;
	const char **prefixes;
	size_t nprefixes;
	const struct param_row **rows; /* plugins' */
	size_t nrows;
};

static int
compare(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void
list_add(struct names *n, const char *name)
{
	if (n->n == n->cap) {
		n->cap = n->cap == 0 ? 2048 : n->cap * 2;
		n->list = xreallocarray(n->list, n->cap, sizeof(n->list[0]));
	}
	n->list[n->n++] = name;
}

struct names *
names_new(struct arena *arena)
{
	struct names *n = xcalloc(1, sizeof(*n));

	n->arena = arena;
	for (size_t i = 0; i < param_row_count(); i++)
		list_add(n, param_row_at(i)->name);
	for (size_t i = 0; i < nitems(postfix_names); i++)
		list_add(n, postfix_names[i].name);
	return n;
}

static void
keep(void *name)
{
	(void)name; /* it lives in the arena */
}

void
names_free(struct names *n)
{
	if (n == NULL)
		return;
	tdestroy(n->site, keep);
	free(n->list);
	free(n->prefixes);
	free(n->rows);
	free(n);
}

static void
add_site(void *arg, struct span name)
{
	struct names *n = arg;
	char *s = arena_str(n->arena, name);

	tsearch(s, &n->site, compare);
}

static int
is_separator(int c)
{
	return c == ',' || c == '{' || c == '}' || c == '(' || c == ')' || c <= ' ';
}

void
names_add_prefix(struct names *n, const char *prefix)
{
	n->prefixes = xreallocarray(n->prefixes, n->nprefixes + 1, sizeof(n->prefixes[0]));
	n->prefixes[n->nprefixes++] = prefix;
}

/* Does a word read "TYPE:PREFIX", perhaps behind proxy:?  Then PREFIX is learnt. */
static void
learn_table(struct names *n, struct span word)
{
	struct span type, prefix;

	if (!span_cut(word, ':', &type, &prefix))
		return;
	if (span_eq_str(type, "proxy")) {
		learn_table(n, prefix);
		return;
	}
	for (size_t i = 0; i < nitems(prefix_types); i++) {
		if (!span_eq_str(type, prefix_types[i]) || prefix.len == 0 ||
		    span_find(prefix, '/') < prefix.len)
			continue;
		names_add_prefix(n, arena_str(n->arena, prefix));
	}
}

static void
each_word(struct names *n, const char *value, void (*f)(struct names *, struct span))
{
	for (const char *p = value; *p != '\0';) {
		size_t len = 0;

		while (p[len] != '\0' && !is_separator((unsigned char)p[len]))
			len++;
		if (len > 0)
			f(n, span_make(p, len));
		p += len + (p[len] != '\0');
	}
}

static void
learn_class(struct names *n, struct span word)
{
	add_site(n, word);
}

void
names_learn(struct names *n, const char *name, const char *value)
{
	cf_references(value, add_site, n);
	each_word(n, value, learn_table);
	if (strcmp(name, "smtpd_restriction_classes") == 0)
		each_word(n, value, learn_class);
}

void
names_add_row(struct names *n, const struct param_row *row)
{
	n->rows = xreallocarray(n->rows, n->nrows + 1, sizeof(n->rows[0]));
	n->rows[n->nrows++] = row;
	list_add(n, row->name);
}

const struct param_row *
names_row(const struct names *n, const char *name)
{
	for (size_t i = 0; i < n->nrows; i++)
		if (strcmp(n->rows[i]->name, name) == 0)
			return n->rows[i];
	return param_row_find(name);
}

void
names_add_defined(struct names *n, const char *name)
{
	if (names_classify(n, name) == NAME_SITE)
		list_add(n, name);
}

static int
has_prefix(const struct names *n, const char *name)
{
	for (size_t i = 0; i < n->nprefixes; i++) {
		size_t len = strlen(n->prefixes[i]);

		if (strncmp(name, n->prefixes[i], len) == 0 && name[len] == '_' &&
		    name[len + 1] != '\0')
			return 1;
	}
	return 0;
}

enum name_kind
names_classify(const struct names *n, const char *name)
{
	const char *def;

	if (names_row(n, name) != NULL)
		return NAME_USED;
	if (postfix_name_find(name, &def) || postfix_name_pattern(name))
		return NAME_POSTFIX;
	if (tfind(name, &n->site, compare) != NULL || has_prefix(n, name))
		return NAME_SITE;
	return NAME_UNKNOWN;
}

const char *
names_nearest(const struct names *n, const char *name)
{
	return text_nearest(name, n->list, n->n);
}

static int
compare_row(const void *name, const void *row)
{
	return strcmp(name, ((const struct postfix_name *)row)->name);
}

int
postfix_name_find(const char *name, const char **def)
{
	const struct postfix_name *row = bsearch(
	    name, postfix_names, nitems(postfix_names), sizeof(postfix_names[0]), compare_row);

	if (row == NULL)
		return 0;
	*def = row->def;
	return 1;
}

int
postfix_name_pattern(const char *name)
{
	size_t len = strlen(name);

	for (size_t i = 0; i < nitems(suffixes); i++) {
		size_t s = strlen(suffixes[i]);

		if (len > s && strcmp(name + len - s, suffixes[i]) == 0)
			return 1;
	}
	return 0;
}
