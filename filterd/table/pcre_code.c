#include "table/pcre_code.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/xmem.h"
#include "table/pattern.h"
#include "table/table.h"

/* Of a text as many places to begin are tried as read so many octets, if each reads to the end;
 * then the clock is looked at. */
#define WORK ((size_t)16 << 20)
/* An attempt may read to the end of the text as well, so a piece begins with as few of them as read
 * so many octets, some 0.1 s, ... */
#define ATTEMPTS_WORK ((size_t)256 << 20)
/* ... and has so many times more when they were too few. */
#define MORE 4

#define JIT_STACK ((size_t)64 << 10)

struct pcre_limits {
	pcre2_match_context *context;
	size_t heap;
};

struct pcre_code {
	pcre2_code *code;
	const struct pcre_limits *limits;
	int jit;
	int whole; /* it cannot be tried piece by piece */
};

/* --- limits --- */

static uint32_t
or_default(uint32_t value, uint32_t otherwise)
{
	return value == 0 ? otherwise : value;
}

struct pcre_limits *
pcre_limits_new(const struct table_limits *l)
{
	const struct table_limits none = { 0, 0, 0 };
	pcre2_match_context *context = pcre2_match_context_create(NULL);
	struct pcre_limits *of;
	uint32_t heap_kb;

	if (context == NULL)
		return NULL;
	if (l == NULL)
		l = &none;
	heap_kb = or_default(l->heap_kb, TABLE_PATTERN_HEAP_KB);
	pcre2_set_match_limit(context, or_default(l->match, TABLE_PATTERN_MATCH_LIMIT));
	pcre2_set_depth_limit(context, or_default(l->depth, TABLE_PATTERN_DEPTH_LIMIT));
	pcre2_set_heap_limit(context, heap_kb);
	of = xmalloc(sizeof(*of));
	of->context = context;
	of->heap = (size_t)heap_kb << 10;
	return of;
}

void
pcre_limits_free(struct pcre_limits *l)
{
	if (l == NULL)
		return;
	pcre2_match_context_free(l->context);
	free(l);
}

/* --- compiling --- */

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

struct pcre_code *
pcre_code_new(const char *text, uint32_t options, pcre2_compile_context *context,
    const struct pcre_limits *limits, unsigned *has, char *why, size_t whysize)
{
	struct pcre_code *c;
	pcre2_code *code;
	PCRE2_SIZE at;
	uint32_t captures;
	size_t machine_code;
	int error;

	code = pcre2_compile((PCRE2_SPTR)text, PCRE2_ZERO_TERMINATED,
	    options | PCRE2_USE_OFFSET_LIMIT, &error, &at, context);
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
	c->limits = limits;
	c->whole = is_whole(code, text);
	/* Fails where memory cannot be made executable, and for the rare pattern JIT cannot do;
	 * with
	 * (*NO_JIT) it succeeds and does nothing. */
	c->jit = pcre2_jit_compile(code, PCRE2_JIT_COMPLETE) == 0 &&
		 pcre2_pattern_info(code, PCRE2_INFO_JITSIZE, &machine_code) == 0 &&
		 machine_code > 0;
	return c;
}

void
pcre_code_free(struct pcre_code *c)
{
	if (c == NULL)
		return;
	pcre2_code_free(c->code);
	free(c);
}

/* --- one attempt --- */

struct attempt {
	const struct pcre_code *code;
	struct pattern_call *call;
	pcre2_match_data *md;
	pcre2_match_context *limits;
	pcre2_jit_stack *stack; /* NULL: the machine's */
	size_t from;            /* where the match may begin first */
};

static void
take_groups(pcre2_match_data *md, struct pattern_call *c)
{
	const PCRE2_SIZE *at = pcre2_get_ovector_pointer(md);

	for (unsigned i = 1; i <= c->groups; i++) {
		PCRE2_SIZE from = at[2 * i], to = at[2 * i + 1];

		c->group[i] =
		    from == PCRE2_UNSET ? span_make("", 0) : span_make(c->key.p + from, to - from);
	}
}

/* By the interpreter: it takes its memory from the heap as deep as the limits allow, so it goes on
 * where the machine code ran out of stack.  As pcre2_match(). */
static int
attempt_slowly(const struct attempt *a)
{
	const struct pattern_call *c = a->call;
	pcre2_match_data *md;
	int rc;

	if ((md = pcre2_match_data_create(c->groups + 1, NULL)) == NULL)
		return PCRE2_ERROR_NOMEMORY;
	rc = pcre2_match(a->code->code, c->key.p, c->key.len, a->from, PCRE2_NO_JIT, md, a->limits);
	if (rc >= 0) {
		take_groups(md, a->call);
		if (a->md != NULL)
			memcpy(pcre2_get_ovector_pointer(a->md), pcre2_get_ovector_pointer(md),
			    2 * sizeof(PCRE2_SIZE));
	}
	pcre2_match_data_free(md);
	return rc;
}

/* As pcre2_match(). */
static int
attempt(const struct attempt *a)
{
	const struct pattern_call *c = a->call;
	int rc;

	if (!a->code->jit || a->md == NULL)
		return attempt_slowly(a);
	rc = pcre2_jit_match(a->code->code, c->key.p, c->key.len, a->from, 0, a->md, a->limits);
	if (rc == PCRE2_ERROR_JIT_STACKLIMIT && (a->stack != NULL || c->key.len <= PATTERN_LONG))
		return attempt_slowly(a);
	if (rc >= 0)
		take_groups(a->md, a->call);
	return rc;
}

static int
result(int rc, struct err *err)
{
	PCRE2_UCHAR reason[160];

	if (rc >= 0)
		return 1;
	if (rc == PCRE2_ERROR_NOMATCH)
		return 0;
	pcre2_get_error_message(rc, reason, sizeof(reason));
	err_set(err, ERR_RETRY, "%s", reason);
	return -1;
}

/* --- texts --- */

static int
too_long(struct err *err)
{
	err_set(err, ERR_RETRY, "the key takes too long");
	return -1;
}

/* The machine's stack was too small for the text: take one as large as the heap may be. */
static int
take_stack(struct attempt *a)
{
	size_t max = a->code->limits->heap < JIT_STACK ? JIT_STACK : a->code->limits->heap;

	if ((a->stack = pcre2_jit_stack_create(JIT_STACK, max, NULL)) == NULL)
		return -1;
	pcre2_jit_stack_assign(a->limits, NULL, a->stack);
	return 0;
}

/* -1, 0, 1, as all below. */
static int
try_piece(struct attempt *a, struct err *err)
{
	uint64_t limit = ATTEMPTS_WORK / a->call->key.len + 1;
	int64_t began = clock_thread_us(), now;
	int rc;

	for (;;) {
		pcre2_set_match_limit(a->limits, (uint32_t)limit);
		rc = attempt(a);
		if (rc == PCRE2_ERROR_JIT_STACKLIMIT && a->stack == NULL && take_stack(a) == 0)
			continue;
		if (rc != PCRE2_ERROR_MATCHLIMIT)
			return result(rc, err);
		now = clock_thread_us();
		limit *= MORE;
		if (now + (now - began) * MORE > a->call->until_us || limit > UINT32_MAX)
			return too_long(err);
		began = now;
	}
}

static int
try_pieces(struct attempt *a, struct err *err)
{
	const struct pcre_code *p = a->code;
	size_t len = a->call->key.len, n;
	int rc = 0;

	for (; a->from <= len && rc == 0; a->from += n) {
		if (pattern_is_late(a->call))
			return too_long(err);
		n = p->whole ? len + 1 : WORK / (p->jit ? 1 : 8) / len + 1;
		pcre2_set_offset_limit(
		    a->limits, n > len - a->from ? PCRE2_UNSET : a->from + n - 1);
		rc = try_piece(a, err);
	}
	return rc;
}

static int
exec_text(struct attempt *a, struct err *err)
{
	int rc;

	if ((a->limits = pcre2_match_context_copy(a->code->limits->context)) == NULL) {
		err_set(err, ERR_RETRY, "out of memory");
		return -1;
	}
	/* The heap is the limit of the depth. */
	pcre2_set_depth_limit(a->limits, UINT32_MAX);
	rc = try_pieces(a, err);
	pcre2_jit_stack_free(a->stack);
	pcre2_match_context_free(a->limits);
	return rc;
}

int
pcre_code_exec(
    const struct pcre_code *p, struct pattern_call *c, pcre2_match_data *md, struct err *err)
{
	struct attempt a = {
		.code = p,
		.call = c,
		.md = md,
		.limits = p->limits->context,
	};

	return c->key.len > PATTERN_LONG ? exec_text(&a, err) : result(attempt(&a), err);
}
