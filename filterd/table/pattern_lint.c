#include "table/pattern_lint.h"

#include <stdint.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "table/pattern.h"
#include "table/pattern_tree.h"
#include "table/prefilter.h"
#include "table/table_type.h"

/* Doubled so often an attempt takes for ever; cubed it is still below the limit. */
#define TIMES 40

/* An ordinary letter, and what it may take: with 512 KB the time would be 26 times as long where it
 * grows with the square, so that it is the second that a look-up has. */
#define LETTER    (130 << 10)
#define LETTER_US (PATTERN_LONG_US / 26)

#define SETS_MAX   16
#define LIKED_MAX  8
#define BRANCHES   3
#define TEXTS_MAX  1000
#define REPEAT_MAX 40

/* How a sample is made where there is a choice. */
struct choice {
	unsigned octet;  /* where a set has it */
	unsigned branch; /* of alternatives */
	int sparse;      /* what may be left out is */
};

/* From the root down to a repetition. */
struct path {
	const struct path *up;
	const struct tree *node, *child;
};

struct lint {
	int (*f)(void *arg, const struct buf *text);
	void *arg;
	unsigned texts;
	struct buf text, before, after;
};

/* --- samples --- */

static unsigned
pick(const struct pattern_set *s, unsigned liked)
{
	static const char readable[] =
	    "abcdefghijklmnopqrstuvwxyz0123456789 ABCDEFGHIJKLMNOPQRSTUVWXYZ";

	if (set_has(s, liked))
		return liked;
	for (const char *p = readable; *p != '\0'; p++)
		if (set_has(s, (unsigned char)*p))
			return (unsigned char)*p;
	for (unsigned c = '!'; c < '!' + 255; c++)
		if ((c & 255) != 0 && set_has(s, c & 255))
			return c & 255;
	return 1;
}

static const struct tree *
branch(const struct tree *alt, unsigned number)
{
	const struct tree *c = alt->child;
	unsigned n = 0;

	for (; c != NULL; c = c->next)
		n++;
	for (c = alt->child, number %= n; number > 0; number--)
		c = c->next;
	return c;
}

static void
sample(const struct tree *t, const struct choice *how, struct buf *out)
{
	unsigned times;

	switch (t->kind) {
	case TREE_SET:
		buf_addc(out, (char)pick(&t->set, how->octet));
		return;
	case TREE_CAT:
		for (const struct tree *c = t->child; c != NULL; c = c->next)
			sample(c, how, out);
		return;
	case TREE_ALT:
		sample(branch(t, how->branch), how, out);
		return;
	case TREE_REPEAT:
		times = t->min > 0 || t->max == 0 || how->sparse ? t->min : 1;
		for (; times > 0 && out->len < REPEAT_MAX * REPEAT_MAX; times--)
			sample(t->child, how, out);
		return;
	case TREE_EDGE:
		return;
	}
}

/* What comes before and behind the end of the path. */
static void
surround(const struct path *p, const struct choice *how, struct buf *before, struct buf *after)
{
	if (p == NULL)
		return;
	surround(p->up, how, before, NULL);
	if (p->node->kind == TREE_CAT) {
		const struct tree *c = p->node->child;

		for (; before != NULL && c != p->child; c = c->next)
			sample(c, how, before);
		for (c = p->child->next; after != NULL && c != NULL; c = c->next)
			sample(c, how, after);
	}
	surround(p->up, how, NULL, after);
}

/* --- texts --- */

static void
reverse(struct buf *b, size_t from)
{
	for (size_t i = from, k = b->len; i + 1 < k; i++) {
		char c = b->p[i];

		b->p[i] = b->p[--k];
		b->p[k] = c;
	}
}

/* The repetition's body many times, and an end.  What the rest of the pattern wants is there, for
 * an engine looks for that first, but where it does not help. */
static int
try_text(struct lint *l, const struct tree *loop, char end, int reversed, const struct choice *how)
{
	size_t tail;

	buf_reset(&l->text);
	buf_add_span(&l->text, buf_span(&l->before));
	for (int i = 0; i < TIMES; i++)
		sample(loop->child, how, &l->text);
	buf_addc(&l->text, end);
	tail = l->text.len;
	buf_add_span(&l->text, buf_span(&l->after));
	if (reversed)
		reverse(&l->text, tail);
	return l->texts++ < TEXTS_MAX ? l->f(l->arg, &l->text) : 0;
}

static int
try_choice(
    struct lint *l, const struct tree *loop, const struct path *path, const struct choice *how)
{
	static const char ends[] = { '\x01', '!', '\n' };
	int rc = 0;

	buf_reset(&l->before);
	buf_reset(&l->after);
	surround(path, how, &l->before, &l->after);
	for (size_t i = 0; rc == 0 && i < sizeof(ends); i++) {
		rc = try_text(l, loop, ends[i], 0, how);
		if (rc == 0 && l->after.len > 0)
			rc = try_text(l, loop, ends[i], 1, how);
	}
	return rc;
}

/* The sets in a tree, at most SETS_MAX. */
static size_t
sets_of(const struct tree *t, const struct pattern_set **sets, size_t n)
{
	if (t->kind == TREE_SET && n < SETS_MAX)
		sets[n++] = &t->set;
	for (const struct tree *c = t->child; c != NULL; c = c->next)
		n = sets_of(c, sets, n);
	return n;
}

static size_t
like(unsigned *liked, size_t n, unsigned octet)
{
	for (size_t i = 0; i < n; i++)
		if (liked[i] == octet)
			return n;
	if (n < LIKED_MAX)
		liked[n++] = octet;
	return n;
}

/* Octets that several of the body's sets have are those it can match in several ways. */
static size_t
liked_of(const struct tree *body, unsigned *liked)
{
	const struct pattern_set *sets[SETS_MAX];
	size_t n = sets_of(body, sets, 0), found = 0;

	for (size_t i = 0; i < n; i++)
		for (size_t k = i; k < n; k++) {
			struct pattern_set both = *sets[i];

			for (int word = 0; word < 4; word++)
				both.bits[word] &= sets[k]->bits[word];
			if (set_count(&both) > 0)
				found = like(liked, found, pick(&both, 'a'));
		}
	return found;
}

static int
try_loop(struct lint *l, const struct tree *loop, const struct path *path)
{
	unsigned liked[LIKED_MAX];
	size_t n = liked_of(loop->child, liked);
	int rc = 0;

	for (unsigned b = 0; rc == 0 && b < BRANCHES * 2; b++)
		for (size_t i = 0; rc == 0 && i < n; i++)
			rc = try_choice(
			    l, loop, path, &(struct choice){ liked[i], b / 2, (int)(b & 1) });
	return rc;
}

/* Is there something in it that can match in more than one way? */
static int
may_vary(const struct tree *t)
{
	if (t->kind == TREE_ALT || (t->kind == TREE_REPEAT && t->min != t->max))
		return 1;
	for (const struct tree *c = t->child; c != NULL; c = c->next)
		if (may_vary(c))
			return 1;
	return 0;
}

static int
visit(struct lint *l, const struct tree *t, const struct path *up)
{
	int rc = 0;

	if (t->kind == TREE_REPEAT && t->max == TREE_ENDLESS && may_vary(t->child))
		rc = try_loop(l, t, up);
	for (const struct tree *c = t->child; rc == 0 && c != NULL; c = c->next)
		rc = visit(l, c, &(struct path){ up, t, c });
	return rc;
}

int
pattern_lint_texts(const struct tree *t, int (*f)(void *arg, const struct buf *text), void *arg)
{
	struct lint l = { .f = f, .arg = arg };
	int rc = visit(&l, t, NULL);

	buf_fini(&l.text);
	buf_fini(&l.before);
	buf_fini(&l.after);
	return rc;
}

/* --- tables --- */

struct trying { /* a pattern */
	const struct table *table;
	const struct pattern_rule *rule;
	const struct pattern_source *source;
	const void *code;
	struct arena *mem;
	const struct tree *tree; /* NULL: not understood */
	char *text;              /* the one that explodes */
	table_warn_fn *warn;
	void *arg;
};

static int
explodes(void *arg, const struct buf *text)
{
	struct trying *t = arg;
	const struct pattern_table *p = t->table->data;
	struct pattern_call call;
	struct err err = { 0 };

	call.key = buf_span(text);
	call.arena = t->mem;
	call.groups = 0;
	p->engine->begin(t->table, &call);
	if (p->engine->exec(t->code, &call, &err) != -1)
		return 0;
	t->text = arena_str(t->mem, span_make(text->p, text->len < 40 ? text->len : 40));
	return 1;
}

static void
tell(const struct trying *t, const char *text)
{
	const char *file = t->table->file != NULL ? t->table->file : t->table->full;

	t->warn(
	    t->arg, &(struct table_finding){ .file = file, .line = t->rule->line, .text = text });
}

static int
lint_lines(struct trying *t)
{
	const struct pattern_table *p = t->table->data;
	char text[300];

	if (!p->engine->backtracks || t->tree == NULL ||
	    pattern_lint_texts(t->tree, explodes, t) == 0)
		return 0;
	for (char *c = t->text; *c != '\0'; c++)
		*c = *c > ' ' && *c < 127 ? *c : '?';
	snprintf(text, sizeof(text),
	    "the pattern backtracks explosively: a text like \"%s...\" takes more than "
	    "pattern_match_limit, and mail with it cannot be checked; a repetition within a "
	    "repetition should leave only one way to match",
	    t->text);
	tell(t, text);
	return 1;
}

/* A letter with nothing in it, behind what the pattern begins with. */
static void
make_letter(const struct tree *tree, struct buf *out)
{
	static const char prose[] =
	    "Dear friend, thank you for the letter of last week, which we have read with joy.\r\n"
	    "On Monday 12 the dog ran to town, and 3 of us had to look for it; see you soon!\r\n";

	buf_reset(out);
	if (tree != NULL) {
		sample(tree, &(struct choice){ .octet = 'a' }, out);
		out->len -= out->len / 3;
	}
	while (out->len < LETTER)
		buf_add(out, prose, sizeof(prose) - 1);
}

/* Neither by the engine nor by what is asked before it. */
static int
is_undecided(const struct trying *t, struct span letter, struct err *err)
{
	const struct pattern_table *p = t->table->data;
	struct pattern_call call;

	call.key = letter;
	call.arena = t->mem;
	call.groups = 0;
	call.until_us = clock_thread_us() + LETTER_US;
	p->engine->begin(t->table, &call);
	return p->engine->exec(t->code, &call, err) == -1 &&
	       !prefilter_rules_out(p, t->source, letter);
}

static void
lint_letters(const struct trying *t)
{
	struct buf letter = { 0 };
	struct err err = { 0 };
	char text[300];
	int bad;

	make_letter(NULL, &letter);
	bad = is_undecided(t, buf_span(&letter), &err);
	if (!bad && t->tree != NULL) {
		make_letter(t->tree, &letter);
		bad = is_undecided(t, buf_span(&letter), &err);
	}
	buf_fini(&letter);
	if (!bad)
		return;
	snprintf(text, sizeof(text),
	    "the pattern cannot be decided for long texts, as check_text asks about, and already "
	    "for an ordinary letter of %d KB: %.140s",
	    LETTER >> 10, err.text);
	tell(t, text);
}

static void
lint_one(struct trying *t, int second)
{
	const struct pattern_table *p = t->table->data;
	struct tree_pattern tree;

	t->source = second ? &t->rule->source2 : &t->rule->source;
	t->code = second ? t->rule->code2 : t->rule->code;
	if (t->source->text == NULL)
		return;
	t->mem = arena_new();
	t->tree = NULL;
	if (p->engine->tree(t->source->text, t->source->flags, t->mem, &tree) == 0)
		t->tree = tree.root;
	if (!lint_lines(t))
		lint_letters(t);
	arena_free(t->mem);
}

struct linting {
	table_warn_fn *warn;
	void *arg;
};

static void
lint(struct table *t, void *arg)
{
	const struct linting *l = arg;
	const struct pattern_table *p = t->data;

	if (t->type->members != NULL)
		t->type->members(t, lint, arg);
	else if (t->type->get == pattern_get)
		for (size_t i = 0; i < p->nrules; i++)
			for (int second = 0; second < 2; second++)
				lint_one(&(struct trying){ .table = t,
					     .rule = &p->rules[i],
					     .warn = l->warn,
					     .arg = l->arg },
				    second);
}

void
table_lint(const struct table *t, table_warn_fn *warn, void *arg)
{
	struct linting l = { warn, arg };

	lint((struct table *)(uintptr_t)t, &l);
}
