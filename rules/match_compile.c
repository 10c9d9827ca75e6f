/* Lists of domains, hosts and networks: from text to items. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "rules/load.h"
#include "base/span.h"
#include "rules/map_list.h"
#include "rules/match_impl.h"
#include "rules/rules_private.h"
#include "table/table.h"

#define FILE_DEPTH 10 /* a file that includes itself */

struct reading { /* where the items come from at the moment */
	struct rule_load *load;
	struct match_list *list;
	const char *parameter, *file;
	int line, depth;
};

static void read_items(struct reading *, struct span text, int negated);

static struct match_item *
add(struct reading *r, enum match_item_type type, int negated, const char *text)
{
	struct match_list *l = r->list;
	struct match_item *it;

	if (l->n == l->cap) {
		struct match_item *more;

		l->cap = l->cap == 0 ? 8 : l->cap * 2;
		more = arena_calloc(r->load->mem, l->cap * sizeof(*more));
		if (l->n > 0)
			memcpy(more, l->items, l->n * sizeof(*more));
		l->items = more;
	}
	it = &l->items[l->n++];
	*it = (struct match_item){ .type = type, .negated = negated, .text = text };
	return it;
}

/* --- networks --- */

static int
only(const char *text, const char *chars)
{
	return text[strspn(text, chars)] == '\0';
}

/* Is it meant to be a network?  A bare IPv4 address is compared as text, unless it stands in [],
 * and what has other characters is a name. */
static int
looks_like_net(const char *text)
{
	int bracketed = text[0] == '[' && text[strlen(text) - 1] == ']';

	return strpbrk(text, bracketed ? ":/." : ":/") != NULL && !only(text, "0123456789.") &&
	       only(text, "0123456789abcdefABCDEF.:[]/");
}

/* The octets behind the prefix are cleared in *masked. */
static int
host_bits(const struct match_item *it, unsigned max, uint8_t *masked)
{
	int set = 0;

	memcpy(masked, it->addr, sizeof(it->addr));
	for (unsigned i = it->bits; i < max; i++) {
		uint8_t bit = (uint8_t)(0x80 >> i % 8);

		set |= masked[i / 8] & bit;
		masked[i / 8] &= (uint8_t)~bit;
	}
	return set != 0;
}

/* NULL, or what is wrong. */
static const char *
parse_net(struct arena *mem, struct match_item *it)
{
	char *copy = arena_strdup(mem, it->text), *slash, *end, *search = copy;
	unsigned max;
	uint64_t bits;

	if (copy[0] == '[' && copy[strlen(copy) - 1] == ']') { /* with its length inside */
		copy[strlen(copy) - 1] = '\0';
		search = ++copy;
	} else if (copy[0] == '[') {
		copy++;
		end = strchr(copy, ']');
		if (end == NULL)
			return arena_printf(mem, "%s: a ] is missing", it->text);
		*end = '\0';
		search = end + 1;
		if (search[0] != '\0' && search[0] != '/')
			return arena_printf(mem, "%s: garbage behind the ]", it->text);
	}
	slash = strchr(search, '/');
	if (slash != NULL)
		*slash++ = '\0';
	it->family = strchr(copy, ':') == NULL ? AF_INET : AF_INET6;
	max = it->bits = it->family == AF_INET ? 32 : 128;
	if (inet_pton(it->family, copy, it->addr) != 1)
		return arena_printf(mem, "%s: must be an address or NET/BITS", it->text);
	if (slash != NULL) {
		uint8_t masked[16];
		char net[INET6_ADDRSTRLEN];

		if (span_u64(span_str(slash), max, &bits) == -1)
			return arena_printf(mem, "%s: the length must be 0 to %u", it->text, max);
		it->bits = (unsigned)bits;
		if (host_bits(it, max, masked))
			return arena_printf(mem,
			    "%s: non-null host address bits, must be %s%s%s/%u", it->text,
			    it->family == AF_INET6 ? "[" : "",
			    inet_ntop(it->family, masked, net, sizeof(net)),
			    it->family == AF_INET6 ? "]" : "", it->bits);
	}
	return NULL;
}

static void
add_net(struct reading *r, int negated, const char *text)
{
	struct match_item *it = add(r, ITEM_NET, negated, text);

	it->why = parse_net(r->load->mem, it);
	if (it->why == NULL)
		return;
	it->type = ITEM_BAD_NET;
	/* Which addresses it is tried for depends on the text alone. */
	it->family = strchr(text, ':') == NULL ? AF_INET : AF_INET6;
	rule_load_wrong(r->load, r->parameter, r->file, r->line, "%s", it->why);
}

/* --- items --- */

static void
read_file(struct reading *r, const char *path, int negated)
{
	struct reading inside = { .load = r->load,
		.list = r->list,
		.parameter = r->parameter,
		.file = path,
		.depth = r->depth + 1 };
	const char *why = NULL;
	size_t cap = 0;
	ssize_t n;
	char *line = NULL;
	FILE *f;

	if (r->depth >= FILE_DEPTH) {
		why = "files within files are too deep";
	} else if ((f = fopen(path, "re")) == NULL) {
		why = strerror(errno);
	} else {
		while ((n = getline(&line, &cap, f)) != -1) {
			inside.line++;
			if (line[0] != '#')
				read_items(&inside,
				    arena_span(r->load->mem, span_make(line, (size_t)n)), negated);
		}
		free(line);
		if (ferror(f))
			why = strerror(errno);
		fclose(f);
	}
	if (why == NULL)
		return;
	rule_load_wrong(r->load, r->parameter, r->file, r->line, "%s: %s", path, why);
	add(r, ITEM_BROKEN, negated, arena_printf(r->load->mem, "%s: %s", path, why));
}

static void
add_table(struct reading *r, int negated, const char *text)
{
	int number = rule_load_table(r->load, r->parameter, text);

	if (number == -1)
		add(r, ITEM_BROKEN, negated, text);
	else
		add(r, ITEM_TABLE, negated, text)->table = number;
}

static void
read_item(struct reading *r, const char *text, int negated)
{
	for (; text[0] == '!'; text++)
		negated = !negated;
	if (text[0] == '\0')
		rule_load_wrong(
		    r->load, r->parameter, r->file, r->line, "a pattern must follow the \"!\"");
	else if (text[0] == '/')
		read_file(r, text, negated);
	else if (text[0] != '[' && strchr(text, ':') != NULL)
		add_table(r, negated, text);
	else if (r->list->kind == MATCH_HOST && looks_like_net(text))
		add_net(r, negated, text);
	else {
		if (r->list->kind == MATCH_HOST && text[0] == '[')
			rule_load_warn(r->load, r->parameter, r->file, r->line,
			    "%s: never matches; [] must have an address in it", text);
		add(r, ITEM_TEXT, negated, text);
	}
}

static void
read_items(struct reading *r, struct span text, int negated)
{
	struct span word;

	while (rule_word(&text, &word)) {
		const char *item = arena_str(r->load->mem, word);

		if (item == NULL || item[0] == '#') {
			rule_load_warn(r->load, r->parameter, r->file, r->line,
			    item == NULL ? "a NUL byte: the rest of the line is left out"
					 : "a comment must have a line of its own: the rest of the "
					   "line is left out");
			return;
		}
		read_item(r, item, negated);
	}
}

struct match_list *
match_list_compile(struct rule_load *load, const char *parameter, const char *text,
    enum match_kind kind, int parents)
{
	struct match_list *l = arena_calloc(load->mem, sizeof(*l));
	struct reading r = { .load = load, .list = l, .parameter = parameter };

	l->kind = kind;
	l->parents = parents;
	if (text != NULL)
		read_items(&r, span_str(text), 0);
	return l;
}

int
match_list_parents(
    struct rule_load *load, const char *parent_domain_matches_subdomains, const char *parameter)
{
	struct match_list *l = match_list_compile(load, "parent_domain_matches_subdomains",
	    parent_domain_matches_subdomains, MATCH_STRING, 0);
	struct table_set *set = table_set_take(load->tables);
	struct map_ask ask = { .set = set, .arena = load->mem };
	struct err err = { .class = ERR_NONE };
	int rc = match_list_domain(l, &ask, parameter, &err);

	table_set_release(set);
	if (rc == -1)
		rule_load_wrong(load, "parent_domain_matches_subdomains", NULL, 0, "%s", err.text);
	return rc == 1;
}
