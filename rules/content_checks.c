#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/xmem.h"
#include "rules/content_impl.h"
#include "table/table.h"

static const char *const parameters[LIST_COUNT] = {
	"header_checks",
	"mime_header_checks",
	"nested_header_checks",
	"body_checks",
};

struct compile { /* what the steps of a compilation share */
	struct content_checks *checks;
	const struct content_check_options *opt;
	struct table_registry *tables;
	rule_finding_fn *tell;
	void *arg;
	enum check_list_kind kind; /* of the list at hand */
	int errors;
};

static void
tell(struct compile *c, int is_error, const char *file, int line, const char *text)
{
	struct rule_finding f = { .is_error = is_error,
		.parameter = parameters[c->kind],
		.file = file,
		.line = line,
		.text = text };

	c->errors += is_error;
	if (c->tell != NULL)
		c->tell(c->arg, &f);
}

static void
table_warning(void *arg, const struct table_finding *f)
{
	tell(arg, 0, f->file, f->line, f->text);
}

/* Postfix finds these out when a message comes; in its own mode we go on as it does. */
static void
look_at_rule(void *arg, const char *value, const char *file, int line)
{
	struct compile *c = arg;
	struct check_action a = check_action_parse(value);
	const char *fault = check_action_fault(&a, c->kind != LIST_BODY);
	struct buf text = { 0 };
	size_t word = strcspn(value, " \t");

	if (a.verb == CHECK_TAG && c->opt->postfix_strict)
		fault = "is no action";
	/* What a substitution will bring is not known yet. */
	if (fault != NULL &&
	    memchr(value, '$', a.verb == CHECK_UNKNOWN ? word : strlen(value)) != NULL)
		fault = NULL;
	if (fault != NULL) {
		buf_printf(&text, "\"%s\": %.*s %s", value, (int)word, value, fault);
		tell(c, !c->opt->postfix_strict, file, line, buf_cstr(&text));
	} else if (a.verb == CHECK_REJECT && check_reject_parse(a.arg).bad_class) {
		buf_printf(&text, "\"%s\": an enhanced code must be 4.x.x or 5.x.x here", value);
		tell(c, 0, file, line, buf_cstr(&text));
	} else if (a.verb == CHECK_FILTER && c->opt->filter_seen != NULL) {
		c->opt->filter_seen(c->opt->filter_arg, a.arg, file, line);
	}
	buf_fini(&text);
}

static void
look_at_table(struct compile *c, int number)
{
	struct table_set *set = table_set_take(c->tables);

	table_each(table_set_get(set, number), look_at_rule, c);
	table_set_release(set);
}

static void
add_table(struct compile *c, struct check_list *l, const char *name)
{
	struct err err;
	int number =
	    table_registry_add(c->tables, name, c->opt->postfix_strict, table_warning, c, &err);

	if (number == -1) {
		tell(c, 1, NULL, 0, err.text);
		return;
	}
	l->tables = xreallocarray(l->tables, l->ntables + 1, sizeof(*l->tables));
	l->tables[l->ntables++] = number;
	c->checks->any = 1;
	look_at_table(c, number);
}

/* The same tables as header_checks, which is the default: all was said of them already. */
static void
copy_header_list(struct content_checks *cc, struct check_list *l)
{
	const struct check_list *h = &cc->lists[LIST_HEADER];

	l->ntables = h->ntables;
	if (h->ntables > 0) {
		l->tables = xreallocarray(NULL, h->ntables, sizeof(*l->tables));
		memcpy(l->tables, h->tables, h->ntables * sizeof(*l->tables));
	}
}

/* The next word of a list separated by commas and white space; what stands in braces is one word.
 */
static struct span
next_word(const char **s)
{
	const char *p = *s + strspn(*s, ", \t\r\n");
	size_t n;
	int depth = 0;

	for (n = 0; p[n] != '\0' && (depth > 0 || strchr(", \t\r\n", p[n]) == NULL); n++)
		depth += p[n] == '{' ? 1 : p[n] == '}' ? -1 : 0;
	*s = p + n;
	return span_make(p, n);
}

static void
compile_list(struct compile *c, enum check_list_kind kind, const char *value)
{
	struct check_list *l = &c->checks->lists[kind];

	l->parameter = parameters[kind];
	c->kind = kind;
	if ((kind == LIST_MIME || kind == LIST_NESTED) && value != NULL &&
	    c->opt->header_checks != NULL && strcmp(value, c->opt->header_checks) == 0) {
		copy_header_list(c->checks, l);
		return;
	}
	for (const char *p = value == NULL ? "" : value;;) {
		struct span word = next_word(&p);
		char *name;

		if (word.len == 0)
			return;
		name = xstrndup((const char *)word.p, word.len);
		add_table(c, l, name);
		free(name);
	}
}

static void
compile_drop(struct content_checks *cc, const char *value)
{
	for (const char *p = value == NULL ? "" : value;;) {
		struct span word = next_word(&p);

		if (word.len == 0)
			return;
		cc->drop = xreallocarray(cc->drop, cc->ndrop + 1, sizeof(*cc->drop));
		cc->drop[cc->ndrop++] = xstrndup((const char *)word.p, word.len);
	}
}

struct content_checks *
content_checks_compile(const struct content_check_options *opt, struct table_registry *tables,
    rule_finding_fn *f, void *arg)
{
	struct content_checks *cc = xcalloc(1, sizeof(*cc));
	struct compile c = { .checks = cc, .opt = opt, .tables = tables, .tell = f, .arg = arg };

	cc->body_checks_size_limit = opt->body_checks_size_limit;
	cc->soft_bounce = opt->soft_bounce;
	cc->postfix_strict = opt->postfix_strict;
	cc->header_nul = opt->header_nul;
	cc->header_over = opt->header_over;
	cc->non_header_line = opt->non_header_line;
	cc->mime = opt->mime;
	compile_drop(cc, opt->message_drop_headers);
	compile_list(&c, LIST_HEADER, opt->header_checks);
	compile_list(&c, LIST_MIME, opt->mime_header_checks);
	compile_list(&c, LIST_NESTED, opt->nested_header_checks);
	compile_list(&c, LIST_BODY, opt->body_checks);
	if (c.errors == 0)
		return cc;
	content_checks_free(cc);
	return NULL;
}

void
content_checks_free(struct content_checks *cc)
{
	if (cc == NULL)
		return;
	for (size_t i = 0; i < LIST_COUNT; i++)
		free(cc->lists[i].tables);
	for (size_t i = 0; i < cc->ndrop; i++)
		free(cc->drop[i]);
	free(cc->drop);
	free(cc);
}

int
content_checks_any(const struct content_checks *cc)
{
	return cc->any;
}
