#include "rules/match_list.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/text.h"
#include "rules/load.h"
#include "rules/map_list.h"
#include "rules/match_impl.h"
#include "table/table.h"

/* As tables are asked: a regexp table may mind the case. */
static const char *
folded(const struct map_ask *ask, const char *s)
{
	for (const char *p = s; *p != '\0'; p++)
		if (*p >= 'A' && *p <= 'Z')
			return text_lower(arena_strdup(ask->arena, s));
	return s;
}

/* Parents of the domain as keys of a table: the loop ends at the first that is there. */
static int
table_has_domain(const struct match_list *l, const struct map_ask *ask, int number,
    const char *domain, struct err *err)
{
	const struct table *t = table_set_get(ask->set, number);
	const char *key = folded(ask, domain);
	struct table_hit hit;

	while (key[0] != '\0') {
		const char *dot;
		int rc = map_ask_table(ask, number, span_str(key), &hit, err);

		if (rc != 0)
			return rc;
		if (l->kind == MATCH_STRING || table_is_pattern(t))
			return 0;
		dot = strchr(key + 1, '.');
		if (dot == NULL)
			return 0;
		key = l->parents ? dot + 1 : dot;
	}
	return 0;
}

/* Does the name end in the pattern, which begins with a dot or follows one? */
static int
is_below(const struct match_list *l, const char *name, const char *pattern)
{
	size_t n = strlen(name), p = strlen(pattern);

	if (p == 0 || n <= p || strcasecmp(name + n - p, pattern) != 0)
		return 0;
	return l->parents ? name[n - p - 1] == '.' : pattern[0] == '.';
}

static int
item_has_name(const struct match_list *l, const struct map_ask *ask, const struct match_item *it,
    const char *name, struct err *err)
{
	switch (it->type) {
	case ITEM_TABLE:
		return table_has_domain(l, ask, it->table, name, err);
	case ITEM_BROKEN:
		err_set(err, ERR_RETRY, "%s", it->text);
		return -1;
	case ITEM_TEXT:
	case ITEM_NET:
	case ITEM_BAD_NET:
		break;
	}
	if (strcasecmp(name, it->text) == 0)
		return 1;
	return l->kind != MATCH_STRING && is_below(l, name, it->text);
}

static int
in_net(const struct match_item *it, int family, const uint8_t *addr)
{
	unsigned whole = it->bits / 8, rest = it->bits % 8;

	if (family != it->family || memcmp(addr, it->addr, whole) != 0)
		return 0;
	return rest == 0 || ((addr[whole] ^ it->addr[whole]) & (0xff00 >> rest) & 0xff) == 0;
}

struct parsed_addr { /* what of the address is the same for each item */
	int family;  /* AF_UNSPEC: it is none */
	uint8_t octets[16];
};

static int
item_has_addr(const struct map_ask *ask, const struct match_item *it, const char *addr,
    const struct parsed_addr *parsed, struct err *err)
{
	struct table_hit hit;

	switch (it->type) {
	case ITEM_TABLE:
		return map_ask_table(ask, it->table, span_str(folded(ask, addr)), &hit, err);
	case ITEM_BROKEN:
		err_set(err, ERR_RETRY, "%s", it->text);
		return -1;
	case ITEM_TEXT:
		return strcasecmp(addr, it->text) == 0;
	case ITEM_NET:
		return in_net(it, parsed->family, parsed->octets);
	case ITEM_BAD_NET:
		/* Postfix reads a network when an address of its family gets that far. */
		if ((strchr(addr, ':') != NULL) != (it->family == AF_INET6))
			return 0;
		err_set(err, ERR_RETRY, "%s", it->why);
		return -1;
	}
	return 0;
}

/* What the item answers.  A list never needs more than "try again": Postfix has no other error. */
static int
decide(const struct match_item *it, int rc, struct err *err)
{
	if (rc == -1) {
		if (err != NULL)
			err->class = ERR_RETRY;
		return -1;
	}
	return !it->negated;
}

int
match_list_domain(
    const struct match_list *l, const struct map_ask *ask, const char *domain, struct err *err)
{
	for (size_t i = 0; i < l->n; i++) {
		int rc = item_has_name(l, ask, &l->items[i], domain, err);

		if (rc != 0)
			return decide(&l->items[i], rc, err);
	}
	return 0;
}

int
match_list_host(const struct match_list *l, const struct map_ask *ask, const char *name,
    const char *addr, struct err *err)
{
	struct parsed_addr parsed = { .family = strchr(addr, ':') == NULL ? AF_INET : AF_INET6 };

	if (inet_pton(parsed.family, addr, parsed.octets) != 1)
		parsed.family = AF_UNSPEC;
	for (size_t i = 0; i < l->n; i++) {
		const struct match_item *it = &l->items[i];
		int rc = name == NULL ? 0 : item_has_name(l, ask, it, name, err);

		if (rc == 0)
			rc = item_has_addr(ask, it, addr, &parsed, err);
		if (rc != 0)
			return decide(it, rc, err);
	}
	return 0;
}

int
match_list_empty(const struct match_list *l)
{
	return l->n == 0;
}
