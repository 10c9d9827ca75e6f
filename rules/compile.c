/* A list's text to ops: names looked up, arguments made ready. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/text.h"
#include "rules/rules_private.h"
#include "table/table.h"

/* --- telling --- */

static void
tell(struct rule_compile *c, int is_error, const char *fmt, va_list ap)
{
	struct rule_finding f = { .is_error = is_error,
		.parameter = c->parameter,
		.file = c->where.file,
		.line = c->where.line };

	f.text = arena_vprintf(c->load.mem, fmt, ap);
	if (f.file != NULL) /* the line alone does not say which of its values is meant */
		f.text = arena_printf(c->load.mem, "%s: %s", c->parameter, f.text);
	c->load.report(c->load.arg, &f);
	c->load.errors += is_error;
}

void
rule_compile_fatal(struct rule_compile *c, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	tell(c, 1, fmt, ap);
	va_end(ap);
}

void
rule_compile_error(struct rule_compile *c, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	tell(c, !c->rules->o.tolerant && !c->from_row, fmt, ap);
	va_end(ap);
}

void
rule_compile_warning(struct rule_compile *c, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	tell(c, 0, fmt, ap);
	va_end(ap);
}

/* --- what compile functions of rows ask for --- */

const struct rule_options *
rule_compile_options(const struct rule_compile *c)
{
	return &c->rules->o;
}

struct table_registry *
rule_compile_tables(struct rule_compile *c)
{
	return c->rules->tables;
}

void *
rule_compile_alloc(struct rule_compile *c, size_t size)
{
	return arena_calloc(c->load.mem, size);
}

char *
rule_compile_strdup(struct rule_compile *c, const char *s)
{
	return arena_strdup(c->load.mem, s);
}

static void
table_warning(void *arg, const struct table_finding *found)
{
	struct rule_compile *c = arg;
	struct rule_finding f = { .parameter = c->parameter,
		.file = found->file,
		.line = found->line,
		.text = found->text };

	c->load.report(c->load.arg, &f);
}

int
rule_compile_table(struct rule_compile *c, const char *type_name)
{
	struct table_registry *r = c->rules->tables;
	struct err err;
	int number = table_registry_add(r, type_name, 0, table_warning, c, &err);

	if (number != -1)
		return number;
	rule_compile_error(c, "%s", err.text);
	if (!c->rules->o.tolerant)
		return -1;
	/* What there is of it now is told already; it answers with this error. */
	return table_registry_add(r, type_name, 1, NULL, NULL, &err);
}

/* --- items --- */

char *
rule_compile_word(struct rule_compile *c, struct span word)
{
	char *s = arena_str(c->load.mem, word);

	return s == NULL ? arena_strdup(c->load.mem, "") : s;
}

void
rule_compile_broken(struct rule_compile *c, struct rule_op *op, const char *fmt, ...)
{
	va_list ap;
	char *why;

	va_start(ap, fmt);
	why = arena_vprintf(c->load.mem, fmt, ap);
	va_end(ap);
	op->def = &restriction_broken;
	op->plugin = NULL;
	op->arg = why;
	op->scores = 0;
	rule_compile_error(c, "%s", why);
}

static void
table_item(struct rule_compile *c, struct rule_op *op, const char *type_name)
{
	op->arg = type_name;
	if (c->from_row) {
		rule_compile_broken(
		    c, op, "\"%s\": a list in a table cannot name tables", op->word);
		return;
	}
	op->table = rule_compile_table(c, type_name);
	if (op->table == -1) {
		op->def = &restriction_broken;
		op->plugin = NULL;
	}
}

/* The argument is the next word; 0, or -1: there is none that would do, and the item is broken. */
static int
next_word(struct rule_compile *c, struct rule_item *it, const char *such, char **out)
{
	struct span word, rest = *it->rest;

	if (!rule_word(&rest, &word)) {
		rule_compile_broken(c, it->op, "%s must be followed by %s", it->op->word, such);
		return -1;
	}
	*it->rest = rest;
	*out = rule_compile_word(c, word);
	it->op->word = arena_printf(c->load.mem, "%s %s", it->op->word, *out);
	return 0;
}

static int
is_number(const char *s)
{
	return s[0] != '\0' && strlen(s) < 10 && s[strspn(s, "0123456789")] == '\0';
}

static void
table_argument(struct rule_compile *c, struct rule_item *it)
{
	struct span word, rest = *it->rest;
	char *arg;

	/* As in Postfix a word without a colon is none of a table, but the next item. */
	if (!rule_word(&rest, &word) || span_find(word, ':') == word.len) {
		rule_compile_broken(
		    c, it->op, "%s must be followed by a table, type:name", it->op->word);
		return;
	}
	if (next_word(c, it, "a table", &arg) == 0)
		table_item(c, it->op, arg);
}

static int
is_of(const struct restriction_def *rows, const struct restriction_def *d)
{
	while (rows->name != NULL && rows != d)
		rows++;
	return rows->name != NULL;
}

/* What is missing where an ARG_TEXT is. */
static const char *
such_text(const struct restriction_def *d)
{
	return is_of(restrictions_score, d)  ? "a number of points"
	       : is_of(restrictions_size, d) ? "{ COMPARISON RESULT }"
					     : "a name";
}

static void
argument(struct rule_compile *c, struct rule_item *it)
{
	struct rule_op *op = it->op;
	struct span rest = *it->rest, word;
	char *arg;

	switch (op->def->args) {
	case ARG_NONE:
	case ARG_NEXT:
		return;
	case ARG_TABLE:
		table_argument(c, it);
		return;
	case ARG_TEXT: /* without one Postfix warns and goes on */
		if (c->rules->o.tolerant && op->plugin == NULL && !rule_word(&rest, &word))
			rule_compile_warning(
			    c, "%s must be followed by %s", op->word, such_text(op->def));
		else if (next_word(c, it, such_text(op->def), &arg) == 0)
			op->arg = arg;
		return;
	case ARG_SERVICE:
		if (next_word(c, it, "a server, inet:host:port or unix:path", &arg) == -1)
			return;
		op->arg = arg;
		if (c->from_row)
			rule_compile_broken(
			    c, op, "\"%s\": a list in a table cannot name servers", op->word);
		return;
	case ARG_SECONDS:
		if (next_word(c, it, "a number of seconds", &arg) == -1)
			return;
		op->arg = arg;
		if (is_number(arg))
			op->number = atol(arg);
		else
			rule_compile_broken(c, op, "%s: must be a number of seconds", op->word);
		return;
	}
}

static const struct rule_list *
find_class(const struct rules *r, const char *name)
{
	for (size_t i = 0; i < r->nclasses; i++)
		if (strcmp(r->classes[i].name, name) == 0)
			return &r->classes[i];
	return NULL;
}

struct nearest {
	const char *names[400];
	size_t n;
};

static void
add_name(void *arg, const char *name, const char *text)
{
	struct nearest *l = arg;

	(void)text;
	if (l->n < sizeof(l->names) / sizeof(l->names[0]))
		l->names[l->n++] = name;
}

static void
unknown(struct rule_compile *c, struct rule_op *op)
{
	struct nearest l = { .n = 0 };
	const char *near;

	for (size_t i = 0; i < c->rules->nclasses; i++)
		add_name(&l, c->rules->classes[i].name, NULL);
	for (size_t i = 0; i < c->rules->o.nplugins; i++)
		plugin_rows_each(c->rules->o.plugins[i].def, add_name, &l);
	restrictions_each(add_name, &l);
	near = text_nearest(op->word, l.names, l.n);
	rule_compile_broken(c, op,
	    "\"%s\" is no restriction and no class of smtpd_restriction_classes%s%s%s", op->word,
	    near == NULL ? "" : "; did you mean ", near == NULL ? "" : near,
	    near == NULL ? "" : "?");
}

static void
known(struct rule_compile *c, struct rule_item *it, const char *name)
{
	struct rule_op *op = it->op;

	if (strcasecmp(op->def->name, name) != 0 && !c->from_row)
		rule_compile_warning(c, "%s is an old name of %s", name, op->def->name);
	argument(c, it);
	if (op->def->compile != NULL && op->def->compile(c, op) == -1) {
		op->def = &restriction_broken;
		op->plugin = NULL;
	}
}

/* What NAME_on_failure says; rows without a family fail as in Postfix. */
static enum rule_failure
family_failure(const struct rule_options *o, const struct restriction_def *d)
{
	const struct {
		const char *family, *word;
	} families[] = {
		{ "patterns", o->patterns_on_failure },
		{ "urls", o->urls_on_failure },
	};

	for (size_t i = 0; d->on_failure != NULL && i < nitems(families); i++)
		if (strcmp(families[i].family, d->on_failure) == 0)
			return rule_failure_parse(families[i].word);
	return FAILURE_POSTFIX;
}

/* A row that is built in, or else one of a plugin. */
static int
find_row(struct rule_compile *c, struct rule_op *op, const char *name)
{
	const struct rule_options *o = &c->rules->o;

	op->def = restriction_find(name);
	if (op->def != NULL)
		op->on_failure = family_failure(o, op->def);
	for (size_t i = 0; op->def == NULL && i < o->nplugins; i++) {
		op->def = plugin_row_find(o->plugins[i].def, name);
		if (op->def != NULL) {
			op->plugin = &o->plugins[i];
			op->on_failure = op->plugin->on_failure;
		}
	}
	return op->def != NULL;
}

void
rule_compile_item(struct rule_compile *c, struct rule_item *it, struct span word)
{
	struct rule_op *op = it->op;
	char *name = rule_compile_word(c, word);

	op->word = name;
	op->table = -1;
	op->where = c->where;
	if (name[0] == '{' && !it->in_braces) {
		rule_compile_braces(c, op, word);
	} else if (strchr(name, ':') != NULL) {
		op->def = &restriction_bare_table;
		table_item(c, op, name);
		if (op->def->compile != NULL)
			op->def->compile(c, op);
	} else if (find_row(c, op, name)) {
		known(c, it, name);
	} else if ((op->call = find_class(c->rules, name)) != NULL) {
		op->def = &restriction_class;
	} else {
		unknown(c, op);
	}
}

/* The look-ups of how many ops from this one on may begin with it: up to the next that may permit
 * without them (DESIGN.md, decision 11). */
static void
mark_together(struct rule_list *l)
{
	size_t end = l->n;

	for (size_t i = l->n; i-- > 0;) {
		const struct restriction_def *d = l->ops[i].def;

		l->ops[i].together = end - i;
		if (l->ops[i].call != NULL || d->needs & (CAN_PERMIT | ENDS_LIST))
			end = d->needs & NEED_DNS ? i + 1 : i;
	}
}

static size_t
count_words(struct span text)
{
	struct span word;
	size_t n = 0;

	while (rule_word(&text, &word))
		n++;
	return n;
}

void
rule_compile_list(struct rule_compile *c, const char *name, const char *value, struct rule_list *l)
{
	const struct rule_options *o = &c->rules->o;
	struct span rest = span_str(value), word;
	struct rule_where before = c->where;

	l->name = name;
	l->ops = arena_calloc(c->load.mem, (count_words(rest) + 1) * sizeof(*l->ops));
	while (rule_word(&rest, &word)) {
		struct rule_item it = { .rest = &rest, .op = &l->ops[l->n++] };

		if (o->line_of != NULL && !c->from_row)
			c->where = o->line_of(o->arg, c->parameter, value, (const char *)word.p);
		rule_compile_item(c, &it, word);
		c->where = before;
	}
	if (l->n > 0 && l->ops[l->n - 1].scores)
		rule_compile_broken(c, &l->ops[l->n - 1], "%s must be followed by a restriction",
		    l->ops[l->n - 1].word);
	mark_together(l);
}
