/* regexp - POSIX patterns, by regcomp(3) in the C locale, as Postfix uses it */
#include <pthread.h>
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
#include "table/pcre_code.h"
#include "table/regexp_code.h"
#include "table/regexp_cost.h"
#include "table/regexp_pcre.h"
#include "table/table_type.h"

/* A header field is not longer, where header_size_limit is not. */
#define FIELD_OCTETS ((size_t)128 * 1024)

/* A pattern.  regexec(3) cannot be told to stop, and a text may keep it busy for minutes; so texts,
 * and lines where it was slow, are PCRE2's. */
struct regexp_rule {
	struct regexp_code *code;
	const char *text;
	unsigned flags;
	const struct pcre_limits *limits;
	pthread_mutex_t lock;
	int tried;              /* the next was looked for */
	struct pcre_code *pcre; /* NULL: there is none */
};

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
	const struct pattern_table *p = t->data;
	struct regexp_code *code;
	struct regexp_rule *r;

	if (regexp_cost_check(text, (flags & REG_EXTENDED) != 0, why, whysize) == -1)
		return NULL;
	code = regexp_code_new(text, flags | (groups == 0 ? REG_NOSUB : 0), has, why, whysize);
	if (code == NULL)
		return NULL;
	r = xcalloc(1, sizeof(*r));
	r->code = code;
	r->text = arena_strdup(t->mem, text);
	r->flags = flags;
	r->limits = p->shared;
	pthread_mutex_init(&r->lock, NULL);
	return r;
}

static void
regexp_free(void *code)
{
	struct regexp_rule *r = code;

	regexp_code_free(r->code);
	pcre_code_free(r->pcre);
	pthread_mutex_destroy(&r->lock);
	free(r);
}

/* Made when it is asked for: few tables are asked with texts. */
static const struct pcre_code *
pcre_of(struct regexp_rule *r)
{
	const struct pcre_code *pcre;

	pthread_mutex_lock(&r->lock);
	if (!r->tried)
		r->pcre = regexp_pcre_new(r->text, r->flags, r->limits);
	r->tried = 1;
	pcre = r->pcre;
	pthread_mutex_unlock(&r->lock);
	return pcre;
}

/* regexec(3) wants a C string, and the key is part of a message.  (REG_STARTEND would do without
 * the copy, but the address sanitizer's regexec looks for the NUL all the same.)  A text it is not
 * given, but header fields may be long, and PCRE2 cannot stand in for every pattern. */
static void
copy_key(struct pattern_call *c)
{
	char *text =
	    c->key.len < sizeof(c->stack) ? c->stack : arena_alloc(c->arena, c->key.len + 1);
	memcpy(text, c->key.p, c->key.len);
	text[c->key.len] = '\0';
	c->scratch = text;
}

static void
regexp_begin(const struct table *t, struct pattern_call *c)
{
	c->scratch = NULL;
	if (c->key.len <= PATTERN_LONG)
		copy_key(c);
}

static void
take_groups(struct pattern_call *c, const uint8_t *base, const regmatch_t *at)
{
	for (unsigned i = 1; i <= c->groups; i++)
		c->group[i] = at[i].rm_so < 0 ? span_make("", 0)
					      : span_make(base + at[i].rm_so,
						    (size_t)(at[i].rm_eo - at[i].rm_so));
}

/* --- by PCRE2 --- */

/* What the parentheses matched is the longest, so regexec(3) is asked about the place: with one
 * octet before it, for what looks back, and no more than there is room for.  Where the longest may
 * reach beyond that it stays as it is. */
static void
settle(struct regexp_rule *r, struct pattern_call *c, size_t from)
{
	size_t before = from > 0, left = c->key.len - from;
	size_t len = left < sizeof(c->stack) - 2 ? left : sizeof(c->stack) - 2;
	const uint8_t *base = c->key.p + from - before;
	regmatch_t at[TEMPLATE_GROUPS];

	memcpy(c->stack, base, before + len);
	c->stack[before + len] = '\0';
	at[0] = (regmatch_t){ .rm_so = (regoff_t)before, .rm_eo = (regoff_t)(before + len) };
	if (regexp_code_exec(r->code, c->stack, len, c->groups + 1, at,
		REG_STARTEND | (len < left ? REG_NOTEOL : 0)) == 0 &&
	    (size_t)at[0].rm_so == before && (len == left || (size_t)at[0].rm_eo < before + len))
		take_groups(c, base, at);
}

static int
exec_pcre(
    struct regexp_rule *r, const struct pcre_code *pcre, struct pattern_call *c, struct err *err)
{
	pcre2_match_data *md = pcre2_match_data_create(c->groups + 1, NULL);
	int rc = pcre_code_exec(pcre, c, md, err);

	/* \K is none of POSIX's, so the match begins where it was looked for. */
	if (rc == 1 && c->groups > 0 && md != NULL && c->key.len > PATTERN_LONG)
		settle(r, c, pcre2_get_ovector_pointer(md)[0]);
	pcre2_match_data_free(md);
	return rc;
}

static int
exec_regexec(struct regexp_rule *r, struct pattern_call *c, struct err *err)
{
	regmatch_t at[TEMPLATE_GROUPS];
	char why[160];
	int rc = regexp_code_exec(
	    r->code, c->scratch, c->key.len, c->groups == 0 ? 0 : c->groups + 1, at, 0);

	if (rc == REG_NOMATCH)
		return 0;
	if (rc != 0) {
		regerror(rc, NULL, why, sizeof(why));
		err_set(err, ERR_RETRY, "%s", why);
		return -1;
	}
	take_groups(c, c->key.p, at);
	return 1;
}

static int
exec_text(struct regexp_rule *r, struct pattern_call *c, struct err *err)
{
	const struct pcre_code *pcre = pcre_of(r);

	if (pcre != NULL)
		return exec_pcre(r, pcre, c, err);
	if (c->key.len <= FIELD_OCTETS && !regexp_code_is_slow(r->code)) {
		if (c->scratch == NULL)
			copy_key(c);
		return exec_regexec(r, c, err);
	}
	err_set(err, ERR_RETRY,
	    "of this syntax the pattern cannot be tried with a text of more than %zu octets; write "
	    "it for a pcre table",
	    c->key.len <= FIELD_OCTETS ? PATTERN_LONG : FIELD_OCTETS);
	return -1;
}

/* Is it certain that the line does not match? */
static int
is_ruled_out(struct regexp_rule *r, struct pattern_call *c)
{
	const struct pcre_code *pcre = regexp_code_is_slow(r->code) ? pcre_of(r) : NULL;
	unsigned groups = c->groups;
	struct err ignored = { 0 };
	int rc;

	if (pcre == NULL)
		return 0;
	c->groups = 0;
	rc = exec_pcre(r, pcre, c, &ignored);
	c->groups = groups;
	return rc == 0;
}

static int
regexp_exec(const void *code, struct pattern_call *c, struct err *err)
{
	struct regexp_rule *r = (struct regexp_rule *)(uintptr_t)code;

	if (c->key.len > PATTERN_LONG)
		return exec_text(r, c, err);
	if (is_ruled_out(r, c))
		return 0;
	return exec_regexec(r, c, err);
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
	struct pcre_limits *limits = pcre_limits_new(t->options->limits);

	if (limits == NULL) {
		err_set(err, ERR_SYSTEM, "%.200s: out of memory", t->full);
		return -1;
	}
	return pattern_open(t, &regexp_engine, limits, err);
}

static void
regexp_close(struct table *t)
{
	const struct pattern_table *p = t->data;
	struct pcre_limits *limits = p == NULL ? NULL : p->shared;

	pattern_close(t);
	pcre_limits_free(limits);
}

const struct table_type table_type_regexp = {
	.type = "regexp",
	.text = "POSIX patterns: a file, or regexp:{ { rule }, { rule } }",
	.name = TABLE_NAME_RULES,
	.open = regexp_open,
	.get = pattern_get,
	.each = pattern_each,
	.close = regexp_close,
};
