/* pcre - Perl-compatible patterns, by PCRE2 with its compiler to machine code */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/err.h"
#include "base/xmem.h"
#include "table/pattern.h"
#include "table/pattern_tree.h"
#include "table/table_type.h"

/* A pattern such as "click here.*unsubscribe" makes an attempt for each octet behind its first
 * words, and there are a few of these in a text that is innocent: what is plenty for a line is not
 * for a text.  So many attempts for each octet; 4 million for 512 KB take 12 ms. */
#define ATTEMPTS_AN_OCTET 8
/* That is for each octet where a match may begin, so a text may still take minutes.  Of a text as
 * many of these are tried as read so many octets, if each reads to the end; then the clock is
 * looked at. */
#define WORK ((size_t)16 << 20)

struct pcre_limits { /* of a table */
	pcre2_match_context *context;
	uint32_t match;
};

struct pcre_code {
	pcre2_code *code;
	const struct pcre_limits *limits; /* the table's */
	int jit;
	int whole; /* it cannot be tried piece by piece */
};

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

/* Does it matter where the first attempt is made?  So it does to \G, to verbs such as (*COMMIT),
 * and to what is anchored. */
static int
is_whole(const pcre2_code *code, const char *text)
{
	uint32_t options;

	pcre2_pattern_info(code, PCRE2_INFO_ALLOPTIONS, &options);
	return (options & PCRE2_ANCHORED) != 0 || strstr(text, "\\G") != NULL ||
	       strstr(text, "(*") != NULL;
}

static void *
pcre_compile(const struct table *t, const char *text, unsigned flags, unsigned groups,
    unsigned *has, char *why, size_t whysize)
{
	const struct pattern_table *p = t->data;
	struct pcre_code *c;
	pcre2_code *code;
	PCRE2_SIZE at;
	uint32_t captures;
	size_t machine_code;
	int error;

	code = pcre2_compile((PCRE2_SPTR)text, PCRE2_ZERO_TERMINATED,
	    flags | PCRE2_USE_OFFSET_LIMIT, &error, &at, NULL);
	if (code == NULL) {
		PCRE2_UCHAR reason[160];

		pcre2_get_error_message(error, reason, sizeof(reason));
		snprintf(why, whysize, "error in the pattern at offset %zu: %s", at, reason);
		return NULL;
	}
	pcre2_pattern_info(code, PCRE2_INFO_CAPTURECOUNT, &captures);
	*has = captures;
	c = xmalloc(sizeof(*c));
	c->code = code;
	c->limits = p->shared;
	c->whole = is_whole(code, text);
	/* Fails where memory cannot be made executable, and for the rare pattern JIT cannot do;
	 * with
	 * (*NO_JIT) it succeeds and does nothing. */
	c->jit = pcre2_jit_compile(code, PCRE2_JIT_COMPLETE) == 0 &&
		 pcre2_pattern_info(code, PCRE2_INFO_JITSIZE, &machine_code) == 0 &&
		 machine_code > 0;
	return c;
}

static void
pcre_free(void *code)
{
	struct pcre_code *c = code;

	pcre2_code_free(c->code);
	free(c);
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
pcre_result(int rc, pcre2_match_data *md, struct pattern_call *c, struct err *err)
{
	const PCRE2_SIZE *at;
	PCRE2_UCHAR reason[160];

	if (rc == PCRE2_ERROR_NOMATCH)
		return 0;
	if (rc < 0) {
		pcre2_get_error_message(rc, reason, sizeof(reason));
		err_set(err, ERR_RETRY, "%s", reason);
		return -1;
	}
	at = pcre2_get_ovector_pointer(md);
	for (unsigned i = 1; i <= c->groups; i++) {
		PCRE2_SIZE from = at[2 * i], to = at[2 * i + 1];

		c->group[i] =
		    from == PCRE2_UNSET ? span_make("", 0) : span_make(c->key.p + from, to - from);
	}
	return 1;
}

struct attempt {
	pcre2_match_context *limits;
	size_t from; /* where the match may begin first */
};

/* By the interpreter: it takes its memory from the heap as deep as the limits allow, so it goes on
 * where the machine code ran out of stack. */
static int
pcre_exec_slowly(
    const struct pcre_code *p, const struct attempt *a, struct pattern_call *c, struct err *err)
{
	pcre2_match_data *md;
	int rc;

	if ((md = pcre2_match_data_create(c->groups + 1, NULL)) == NULL) {
		err_set(err, ERR_RETRY, "out of memory");
		return -1;
	}
	rc = pcre2_match(p->code, c->key.p, c->key.len, a->from, PCRE2_NO_JIT, md, a->limits);
	rc = pcre_result(rc, md, c, err);
	pcre2_match_data_free(md);
	return rc;
}

static int
pcre_attempt(
    const struct pcre_code *p, const struct attempt *a, struct pattern_call *c, struct err *err)
{
	int rc;

	if (!p->jit || c->scratch == NULL)
		return pcre_exec_slowly(p, a, c, err);
	rc = pcre2_jit_match(p->code, c->key.p, c->key.len, a->from, 0, c->scratch, a->limits);
	if (rc == PCRE2_ERROR_JIT_STACKLIMIT)
		return pcre_exec_slowly(p, a, c, err);
	return pcre_result(rc, c->scratch, c, err);
}

static uint32_t
text_limit(const struct pcre_limits *l, size_t len)
{
	if (len <= l->match / ATTEMPTS_AN_OCTET)
		return l->match;
	return len > UINT32_MAX / ATTEMPTS_AN_OCTET ? UINT32_MAX
						    : (uint32_t)len * ATTEMPTS_AN_OCTET;
}

static int
try_pieces(const struct pcre_code *p, struct attempt *a, struct pattern_call *c, struct err *err)
{
	size_t len = c->key.len, n;
	int rc = 0;

	for (; a->from <= len && rc == 0; a->from += n) {
		if (pattern_is_late(c)) {
			err_set(err, ERR_RETRY, "the key takes too long");
			return -1;
		}
		n = p->whole ? len + 1 : WORK / (p->jit ? 1 : 8) / len + 1;
		pcre2_set_offset_limit(
		    a->limits, n > len - a->from ? PCRE2_UNSET : a->from + n - 1);
		rc = pcre_attempt(p, a, c, err);
	}
	return rc;
}

static int
pcre_exec(const void *code, struct pattern_call *c, struct err *err)
{
	const struct pcre_code *p = code;
	struct attempt a = { .limits = p->limits->context };
	int rc;

	if (c->key.len <= PATTERN_LONG)
		return pcre_attempt(p, &a, c, err);
	if ((a.limits = pcre2_match_context_copy(p->limits->context)) == NULL) {
		err_set(err, ERR_RETRY, "out of memory");
		return -1;
	}
	pcre2_set_match_limit(a.limits, text_limit(p->limits, c->key.len));
	rc = try_pieces(p, &a, c, err);
	pcre2_match_context_free(a.limits);
	return rc;
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

static uint32_t
or_default(uint32_t value, uint32_t otherwise)
{
	return value == 0 ? otherwise : value;
}

static void
set_limits(struct pcre_limits *of, const struct table_limits *l)
{
	const struct table_limits none = { 0, 0, 0 };

	if (l == NULL)
		l = &none;
	of->match = or_default(l->match, TABLE_PATTERN_MATCH_LIMIT);
	pcre2_set_match_limit(of->context, of->match);
	pcre2_set_depth_limit(of->context, or_default(l->depth, TABLE_PATTERN_DEPTH_LIMIT));
	pcre2_set_heap_limit(of->context, or_default(l->heap_kb, TABLE_PATTERN_HEAP_KB));
}

static int
pcre_open(struct table *t, struct err *err)
{
	struct pcre_limits *limits = arena_calloc(t->mem, sizeof(*limits));

	if ((limits->context = pcre2_match_context_create(NULL)) == NULL) {
		err_set(err, ERR_SYSTEM, "%.200s: out of memory", t->full);
		return -1;
	}
	set_limits(limits, t->options->limits);
	return pattern_open(t, &pcre_engine, limits, err);
}

static void
pcre_close(struct table *t)
{
	const struct pattern_table *p = t->data;
	const struct pcre_limits *limits = p == NULL ? NULL : p->shared;

	pattern_close(t);
	if (limits != NULL)
		pcre2_match_context_free(limits->context);
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
