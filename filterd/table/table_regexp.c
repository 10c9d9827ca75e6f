/* regexp - POSIX patterns, by regcomp(3) in the C locale, as Postfix uses it */
#include <limits.h>
#include <regex.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/xmem.h"
#include "table/pattern.h"
#include "table/pattern_tree.h"
#include "table/regexp_cost.h"
#include "table/table_type.h"

/* Octets that are read without looking at the clock, some 10 ms. */
#define WORK (4 << 20)

static int
regexp_flag(char c, unsigned *flags)
{
	switch (c) {
	case 'i':
		*flags ^= REG_ICASE;
		return 1;
	case 'm':
		*flags ^= REG_NEWLINE;
		return 1;
	case 'x':
		*flags ^= REG_EXTENDED;
		return 1;
	default:
		return 0;
	}
}

static void *
regexp_compile(const struct table *t, const char *text, unsigned flags, unsigned groups,
    unsigned *has, char *why, size_t whysize)
{
	regex_t *re;
	int rc;

	if (regexp_cost_check(text, (flags & REG_EXTENDED) != 0, why, whysize) == -1)
		return NULL;
	re = xmalloc(sizeof(*re));
	if ((rc = regcomp(re, text, (int)flags | (groups == 0 ? REG_NOSUB : 0))) != 0) {
		regerror(rc, re, why, whysize);
		free(re);
		return NULL;
	}
	*has = (unsigned)re->re_nsub;
	return re;
}

static void
regexp_free(void *code)
{
	regfree(code);
	free(code);
}

/* regexec(3) wants a C string, and the key is part of a message.  (REG_STARTEND would do without
 * the copy, but the address sanitizer's regexec looks for the NUL all the same.) */
static void
regexp_begin(const struct table *t, struct pattern_call *c)
{
	char *text =
	    c->key.len < sizeof(c->stack) ? c->stack : arena_alloc(c->arena, c->key.len + 1);

	memcpy(text, c->key.p, c->key.len);
	text[c->key.len] = '\0';
	c->scratch = text;
}

/* Where regexec(3) would begin, for it tries one octet after another and each try may read to the
 * end of the key: that is minutes for a text made for it, and nothing stops it.  So the octets are
 * tried some at a time, and the clock is looked at.  REG_NOMATCH, REG_ESPACE, 0; *late: no time is
 * left.  (The pattern is not written to: regcomp() has made its fast map.) */
static int
find_begin(const regex_t *re, struct pattern_call *c, regmatch_t *begin, int *late)
{
	int len = (int)c->key.len, found = -1;

	for (int from = 0, n; from <= len && found == -1; from += n + 1) {
		if ((*late = pattern_is_late(c)) != 0)
			return REG_NOMATCH;
		n = WORK / (len - from + 1);
		if (n > len - from)
			n = len - from;
		found = re_search((regex_t *)(uintptr_t)re, c->scratch, len, from, n, NULL);
	}
	if (found < 0)
		return found == -1 ? REG_NOMATCH : REG_ESPACE;
	*begin = (regmatch_t){ .rm_so = found, .rm_eo = len };
	return 0;
}

/* As regexec(3). */
static int
exec_long(const regex_t *re, struct pattern_call *c, regmatch_t *at, int *late)
{
	int rc = find_begin(re, c, &at[0], late);

	return rc != 0 || c->groups == 0 ? rc
					 : regexec(re, c->scratch, c->groups + 1, at, REG_STARTEND);
}

static int
regexp_exec(const void *code, struct pattern_call *c, struct err *err)
{
	regmatch_t at[TEMPLATE_GROUPS];
	char why[160];
	int rc, late = 0;

	if (c->key.len >= INT_MAX) { /* offsets are int */
		err_set(err, ERR_RETRY, "the key is too long");
		return -1;
	}
	if (c->key.len > PATTERN_LONG)
		rc = exec_long(code, c, at, &late);
	else
		rc = regexec(code, c->scratch, c->groups == 0 ? 0 : c->groups + 1, at, 0);
	if (late) {
		err_set(err, ERR_RETRY, "the key takes too long");
		return -1;
	}
	if (rc == REG_NOMATCH)
		return 0;
	if (rc != 0) {
		regerror(rc, code, why, sizeof(why));
		err_set(err, ERR_RETRY, "%s", why);
		return -1;
	}
	for (unsigned i = 1; i <= c->groups; i++)
		c->group[i] = at[i].rm_so < 0 ? span_make("", 0)
					      : span_make(c->key.p + at[i].rm_so,
						    (size_t)(at[i].rm_eo - at[i].rm_so));
	return 1;
}

static int
regexp_tree(const char *text, unsigned flags, struct arena *mem, struct tree_pattern *out)
{
	const struct tree_flags f = {
		.caseless = (flags & REG_ICASE) != 0,
		.multiline = (flags & REG_NEWLINE) != 0,
		.dotall = (flags & REG_NEWLINE) == 0,
	};

	return (flags & REG_EXTENDED) == 0 ? -1 : tree_parse(text, TREE_ERE, &f, mem, out);
}

static const struct pattern_engine regexp_engine = {
	.word = "regexp",
	.flags = REG_EXTENDED | REG_ICASE,
	.pairs = 1,
	.flag = regexp_flag,
	.compile = regexp_compile,
	.free = regexp_free,
	.tree = regexp_tree,
	.begin = regexp_begin,
	.exec = regexp_exec,
};

static int
regexp_open(struct table *t, struct err *err)
{
	return pattern_open(t, &regexp_engine, NULL, err);
}

const struct table_type table_type_regexp = {
	.type = "regexp",
	.text = "POSIX patterns: a file, or regexp:{ { rule }, { rule } }",
	.name = TABLE_NAME_RULES,
	.open = regexp_open,
	.get = pattern_get,
	.each = pattern_each,
	.close = pattern_close,
};
