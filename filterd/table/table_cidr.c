/* cidr - network addresses with their prefix length, tried in order */
#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/xmem.h"
#include "table/lines.h"
#include "table/table_type.h"

struct net {
	int family;
	unsigned bits; /* of the prefix */
	int negated;
	uint8_t bytes[16];
};

struct cidr_rule {
	enum { CIDR_RESULT, CIDR_IF, CIDR_ENDIF } kind;
	int line;
	struct net net;
	const char *value;
	size_t endif; /* of an if: SIZE_MAX when it has none */
};

struct cidr {
	size_t n, cap;
	struct cidr_rule *rules;
};

struct reader {
	struct table *t;
	struct cidr *c;
	int line;
	size_t *open;
	size_t nopen, cap;
};

static unsigned
family_bits(int family)
{
	return family == AF_INET6 ? 128 : 32;
}

/* Keep the first `bits` bits.  Returns whether others were set. */
static int
mask(uint8_t *bytes, unsigned bits, unsigned all)
{
	int lost = 0;

	for (unsigned i = 0; i < all / 8; i++) {
		unsigned keep = bits >= (i + 1) * 8 ? 8 : bits <= i * 8 ? 0 : bits - i * 8;
		uint8_t m = (uint8_t)(0xff00 >> keep);

		lost |= bytes[i] & ~m & 0xff;
		bytes[i] &= m;
	}
	return lost != 0;
}

/* Take [ ] away from `[addr]`, `[addr]/len` and `[addr/len]`, and cut the length off. */
static int
cut_prefix(char *text, char **addr, char **length, char *why, size_t whysize)
{
	char *from = text, *end;

	if (*text == '[') {
		from = ++text;
		if ((end = strchr(text, ']')) == NULL) {
			snprintf(why, whysize, "missing ']' after \"[%.60s\"", text);
			return -1;
		}
		*end++ = '\0';
		if (*end == '/')
			from = end;
		else if (*end != '\0') {
			snprintf(why, whysize, "text after \"[%.60s]\"", text);
			return -1;
		}
	}
	*addr = text;
	if ((*length = strchr(from, '/')) != NULL)
		*(*length)++ = '\0';
	return 0;
}

static int
parse_bits(const char *length, unsigned max, unsigned *bits)
{
	uint64_t n;

	/* Leading zeros are fine; span_u64() refuses what is no number or too large. */
	if (*length == '\0' || span_u64(span_str(length), max, &n) == -1)
		return -1;
	*bits = (unsigned)n;
	return 0;
}

static int
parse_net(char *text, struct net *net, char *why, size_t whysize)
{
	char *addr, *length, right[INET6_ADDRSTRLEN];

	memset(net, 0, sizeof(*net));
	for (; *text == '!' || lines_blank(*text); text++)
		net->negated ^= *text == '!';
	if (*text == '\0') {
		snprintf(why, whysize, "no address");
		return -1;
	}
	if (cut_prefix(text, &addr, &length, why, whysize) == -1)
		return -1;
	net->family = strchr(addr, ':') != NULL ? AF_INET6 : AF_INET;
	net->bits = family_bits(net->family);
	if (length != NULL && parse_bits(length, net->bits, &net->bits) == -1) {
		snprintf(why, whysize, "\"%.60s/%.60s\": expected a prefix length up to %u", addr,
		    length, family_bits(net->family));
		return -1;
	}
	if (inet_pton(net->family, addr, net->bytes) != 1) {
		snprintf(why, whysize, "\"%.60s\": expected a network address", addr);
		return -1;
	}
	if (mask(net->bytes, net->bits, family_bits(net->family))) {
		inet_ntop(net->family, net->bytes, right, sizeof(right));
		snprintf(why, whysize,
		    "\"%.60s/%.60s\" has bits set beyond the prefix, perhaps \"%s/%u\" is meant",
		    addr, length, right, net->bits);
		return -1;
	}
	return 0;
}

static struct cidr_rule *
add_rule(struct reader *r, int kind)
{
	struct cidr *c = r->c;
	struct cidr_rule *rule;

	if (c->n == c->cap) {
		c->cap = c->cap == 0 ? 16 : c->cap * 2;
		c->rules = xreallocarray(c->rules, c->cap, sizeof(*c->rules));
	}
	rule = &c->rules[c->n++];
	memset(rule, 0, sizeof(*rule));
	rule->kind = kind;
	rule->line = r->line;
	rule->endif = SIZE_MAX;
	return rule;
}

static void
read_if(struct reader *r, char *text)
{
	struct net net;
	char why[300];

	text = lines_trim(text);
	if (parse_net(text, &net, why, sizeof(why)) == -1) {
		table_warn(r->t, r->line, "%s: skipping this rule", why);
		return;
	}
	add_rule(r, CIDR_IF)->net = net;
	if (r->nopen == r->cap) {
		r->cap = r->cap == 0 ? 8 : r->cap * 2;
		r->open = xreallocarray(r->open, r->cap, sizeof(*r->open));
	}
	r->open[r->nopen++] = r->c->n - 1;
}

static void
read_endif(struct reader *r, char *text)
{
	if (*lines_skip_blank(text) != '\0') {
		table_warn(r->t, r->line, "text after ENDIF: skipping this rule");
		return;
	}
	if (r->nopen == 0) {
		table_warn(r->t, r->line, "ENDIF without IF: skipping this rule");
		return;
	}
	add_rule(r, CIDR_ENDIF);
	r->c->rules[r->open[--r->nopen]].endif = r->c->n - 1;
}

static void
read_result(struct reader *r, char *text)
{
	struct cidr_rule *rule;
	struct net net;
	char why[300], *p = text;

	while (*p == '!' || lines_blank(*p)) /* blanks may stand after a ! */
		p++;
	while (*p != '\0' && !lines_blank(*p))
		p++;
	if (*p != '\0')
		*p++ = '\0';
	p = lines_skip_blank(p);
	if (*p == '\0') {
		table_warn(r->t, r->line, "no result: skipping this rule");
		return;
	}
	if (parse_net(text, &net, why, sizeof(why)) == -1) {
		table_warn(r->t, r->line, "%s: skipping this rule", why);
		return;
	}
	rule = add_rule(r, CIDR_RESULT);
	rule->net = net;
	rule->value = arena_strdup(r->t->mem, p);
	r->t->rows++;
}

static int
cidr_open(struct table *t, struct err *err)
{
	struct reader r = { .t = t };
	struct lines l;
	char *line;

	t->data = r.c = arena_calloc(t->mem, sizeof(*r.c));
	t->is_pattern = 1;
	if (lines_open(&l, t, err) == -1)
		return -1;
	while ((line = lines_next(&l, &r.line)) != NULL) {
		if (strncasecmp(line, "if", 2) == 0 && !lines_alnum(line[2]))
			read_if(&r, line + 2);
		else if (strncasecmp(line, "endif", 5) == 0 && !lines_alnum(line[5]))
			read_endif(&r, line + 5);
		else
			read_result(&r, line);
	}
	while (r.nopen > 0)
		table_warn(t, r.c->rules[r.open[--r.nopen]].line, "IF without ENDIF");
	lines_close(&l);
	free(r.open);
	return 0;
}

/* A rule of the other family never holds, negated or not. */
static int
holds(const struct net *net, int family, const uint8_t *addr)
{
	unsigned whole = net->bits / 8, rest = net->bits % 8;
	int same;

	if (net->family != family)
		return 0;
	same = memcmp(net->bytes, addr, whole) == 0 &&
	       (rest == 0 || ((net->bytes[whole] ^ addr[whole]) & (0xff00 >> rest) & 0xff) == 0);
	return same != net->negated;
}

static int
cidr_get(
    const struct table *t, struct span key, struct arena *a, struct table_hit *hit, struct err *err)
{
	const struct cidr *c = t->data;
	char text[INET6_ADDRSTRLEN];
	uint8_t addr[16];
	int family;

	if (key.len == 0 || key.len >= sizeof(text))
		return 0;
	memcpy(text, key.p, key.len);
	text[key.len] = '\0';
	family = strchr(text, ':') != NULL ? AF_INET6 : AF_INET;
	if (inet_pton(family, text, addr) != 1)
		return 0;
	for (size_t i = 0; i < c->n; i++) {
		const struct cidr_rule *r = &c->rules[i];

		if (r->kind == CIDR_ENDIF)
			continue;
		if (!holds(&r->net, family, addr)) {
			if (r->kind == CIDR_RESULT)
				continue;
			if (r->endif == SIZE_MAX)
				return 0;
			i = r->endif;
		} else if (r->kind == CIDR_RESULT) {
			*hit = (struct table_hit){
				.value = r->value, .file = t->file, .line = r->line
			};
			return 1;
		}
	}
	return 0;
}

static void
cidr_each(const struct table *t,
    void (*f)(void *arg, const char *value, const char *file, int line), void *arg)
{
	const struct cidr *c = t->data;

	for (size_t i = 0; i < c->n; i++)
		if (c->rules[i].kind == CIDR_RESULT)
			f(arg, c->rules[i].value, t->file, c->rules[i].line);
}

static void
cidr_close(struct table *t)
{
	struct cidr *c = t->data;

	if (c != NULL)
		free(c->rules);
}

const struct table_type table_type_cidr = {
	.type = "cidr",
	.text = "network addresses: a file, or cidr:{ { rule }, { rule } }",
	.name = TABLE_NAME_RULES,
	.open = cidr_open,
	.get = cidr_get,
	.each = cidr_each,
	.close = cidr_close,
};
