/* pcre - Perl-compatible patterns, by PCRE2 with its compiler to machine code */
#include "base/attr.h"
#include "base/err.h"
#include "table/pattern.h"
#include "table/pattern_tree.h"
#include "table/pcre_code.h"
#include "table/table_type.h"

static int
pcre_flag(char c, unsigned *flags)
{
	static const struct {
		char c;
		unsigned flag;
	} known[] = {
		{ 'i', PCRE2_CASELESS },
		{ 'm', PCRE2_MULTILINE },
		{ 's', PCRE2_DOTALL },
		{ 'x', PCRE2_EXTENDED },
		{ 'A', PCRE2_ANCHORED },
		{ 'E', PCRE2_DOLLAR_ENDONLY },
		{ 'U', PCRE2_UNGREEDY },
	};

	for (size_t i = 0; i < nitems(known); i++)
		if (c == known[i].c) {
			*flags ^= known[i].flag;
			return 1;
		}
	return c == 'X' ? -1 : 0;
}

static void *
pcre_compile(const struct table *t, const char *text, unsigned flags, unsigned groups,
    unsigned *has, char *why, size_t whysize)
{
	const struct pattern_table *p = t->data;

	return pcre_code_new(text, flags, NULL, p->shared, has, why, whysize);
}

static void
pcre_free(void *code)
{
	pcre_code_free(code);
}

/* The match data of a look-up lie in its stack frame: a look-up without result, which is what most
 * are, never calls malloc. */
static void *
bump_alloc(size_t size, void *data)
{
	struct span *left = data;
	const uint8_t *p = left->p;

	size = (size + 15) & ~(size_t)15;
	if (size > left->len)
		return NULL;
	left->p += size;
	left->len -= size;
	return (void *)p;
}

static void
bump_free(void *p, void *data)
{
	/* It goes with the stack frame. */
}

static void
pcre_begin(const struct table *t, struct pattern_call *c)
{
	const struct pattern_table *p = t->data;
	struct span left = span_make(c->stack, sizeof(c->stack));
	pcre2_general_context *memory;

	memory = pcre2_general_context_create(bump_alloc, bump_free, &left);
	c->scratch = memory == NULL ? NULL : pcre2_match_data_create(p->max_group + 1, memory);
}

static int
pcre_exec(const void *code, struct pattern_call *c, struct err *err)
{
	return pcre_code_exec(code, c, c->scratch, err);
}

/* What a tree means by a newline is what PCRE2 means unless it was built otherwise. */
static int
newline_is_lf(void)
{
	uint32_t newline;

	return pcre2_config(PCRE2_CONFIG_NEWLINE, &newline) >= 0 && newline == PCRE2_NEWLINE_LF;
}

static int
pcre_tree(const char *text, unsigned flags, struct arena *mem, struct tree_pattern *out)
{
	const struct tree_flags f = {
		.caseless = (flags & PCRE2_CASELESS) != 0,
		.multiline = (flags & PCRE2_MULTILINE) != 0,
		.dotall = (flags & PCRE2_DOTALL) != 0,
		.extended = (flags & PCRE2_EXTENDED) != 0,
		.anchored = (flags & PCRE2_ANCHORED) != 0,
	};

	return newline_is_lf() ? tree_parse(text, TREE_PCRE, &f, mem, out) : -1;
}

static const struct pattern_engine pcre_engine = {
	.word = "pcre",
	.flags = PCRE2_CASELESS | PCRE2_DOTALL,
	.backtracks = 1,
	.flag = pcre_flag,
	.compile = pcre_compile,
	.free = pcre_free,
	.tree = pcre_tree,
	.begin = pcre_begin,
	.exec = pcre_exec,
};

static int
pcre_open(struct table *t, struct err *err)
{
	struct pcre_limits *limits = pcre_limits_new(t->options->limits);

	if (limits == NULL) {
		err_set(err, ERR_SYSTEM, "%.200s: out of memory", t->full);
		return -1;
	}
	return pattern_open(t, &pcre_engine, limits, err);
}

static void
pcre_close(struct table *t)
{
	const struct pattern_table *p = t->data;
	struct pcre_limits *limits = p == NULL ? NULL : p->shared;

	pattern_close(t);
	pcre_limits_free(limits);
}

const struct table_type table_type_pcre = {
	.type = "pcre",
	.text = "Perl-compatible patterns: a file, or pcre:{ { rule }, { rule } }",
	.name = TABLE_NAME_RULES,
	.open = pcre_open,
	.get = pattern_get,
	.each = pattern_each,
	.close = pcre_close,
};
