/* What the rows of tables say, looked at while a configuration is loaded: what would do nothing, or
 * could not be done, when mail comes. */
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "core/score.h"
#include "rules/access_impl.h"
#include "rules/access_lookup.h"
#include "rules/check_action.h"
#include "rules/content_source.h"
#include "rules/rules_private.h"
#include "table/table.h"

struct look_row {
	const char *value, *file; /* file: NULL none */
	int line;
};
struct look { /* at the rows of one table */
	struct rule_compile *c;
	struct rule_op *op;
	enum content_place_kind place;
	struct arena *scratch;
	const char *list_seen; /* the last list that was found to be good */
};

typedef void tell_fn(struct rule_compile *, const char *fmt, ...);

static void
tell_as(tell_fn *f, struct look *l, const struct look_row *r, const char *fault)
{
	struct rule_where before = l->c->where;

	if (r->file != NULL)
		l->c->where = (struct rule_where){ .file = r->file, .line = r->line };
	f(l->c, "%s: \"%s\" %s", l->op->word, r->value, fault);
	l->c->where = before;
}

static void
tell(struct look *l, const struct look_row *r, const char *fault)
{
	tell_as(rule_compile_error, l, r, fault);
}

/* --- lists --- */

static int
is_broken(const struct rule_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		if (list->ops[i].def == &restriction_broken)
			return 1;
	return 0;
}

static void
first_finding(void *arg, const struct rule_finding *f)
{
	struct buf *text = arg;

	if (text->len == 0)
		buf_adds(text, f->text);
}

/* Compiled as when mail comes, and forgotten. */
static void
look_at_list(struct look *l, const struct look_row *r)
{
	struct buf text = { 0 };
	struct rule_list list = { 0 };
	struct rule_compile c = { .load = { .mem = l->scratch,
				      .tables = l->c->load.tables,
				      .tolerant = 1,
				      .report = first_finding,
				      .arg = &text },
		.rules = l->c->rules,
		.parameter = "table row",
		.from_row = 1 };

	if (l->list_seen != NULL && strcmp(l->list_seen, r->value) == 0)
		return;
	arena_reset(l->scratch);
	rule_compile_list(&c, r->value, r->value, &list);
	l->list_seen = NULL;
	if (is_broken(&list))
		tell(l, r,
		    arena_printf(l->scratch, "is no action, and no list: %s", buf_cstr(&text)));
	else if (text.len > 0)
		tell_as(rule_compile_warning, l, r, buf_cstr(&text));
	else
		l->list_seen = arena_strdup(l->scratch, r->value);
	buf_fini(&text);
}

/* --- actions --- */

static const char *
action_fault(const struct look *l, const struct check_action *a)
{
	if (l->place == PLACE_NONE && (a->verb == CHECK_IGNORE || a->verb == CHECK_STRIP))
		return "has no line of the message here to take away";
	if (l->place == PLACE_NONE && a->verb == CHECK_REPLACE)
		return "has no line of the message here to replace";
	return check_action_fault(a, l->place != PLACE_LINE);
}

static int
is_score(const char *value)
{
	return strncasecmp(value, "SCORE", 5) == 0 &&
	       (value[5] == '\0' || value[5] == ' ' || value[5] == '\t');
}

static const char *
score_fault(const char *value)
{
	const char *text = value + 5 + strspn(value + 5, " \t");
	int64_t points;

	return score_parse(span_make(text, strcspn(text, " \t")), &points) == -1 &&
		       strchr(value, '$') == NULL
		   ? "needs a number of points, such as 2.5"
		   : NULL;
}

static void
look_at_row(void *arg, const char *value, const char *file, int line)
{
	struct look *l = arg;
	struct look_row r = { value, file, line };
	struct check_action a = check_action_parse(value);
	const char *fault = a.verb == CHECK_UNKNOWN ? NULL : action_fault(l, &a);

	if (value[0] == '\0') {
		tell(l, &r, "says nothing: an action must stand there");
	} else if (memchr(value, '$', strcspn(value, " \t")) != NULL) {
		return; /* what a substitution will bring is not known yet */
	} else if (is_score(value)) {
		if (score_fault(value) != NULL)
			tell(l, &r, score_fault(value));
	} else if (a.verb == CHECK_UNKNOWN) {
		if (access_kind(value) == ACCESS_LIST && strchr(value, '$') == NULL)
			look_at_list(l, &r);
	} else if (fault != NULL && (strchr(value, '$') == NULL || a.verb == CHECK_IGNORE ||
					a.verb == CHECK_STRIP || l->place == PLACE_NONE)) {
		tell(l, &r, fault);
	}
}

/* Of a table that is not about the content. */
static void
look_at_access_row(void *arg, const char *value, const char *file, int line)
{
	struct look *l = arg;
	struct look_row r = { value, file, line };
	int tolerant = l->c->rules->o.tolerant;

	if (value[0] == '\0')
		tell(l, &r, "says nothing: an action must stand there");
	else if (strchr(value, '$') != NULL)
		return; /* as above */
	else if (access_is_list(value, tolerant))
		look_at_list(l, &r);
	else if (!tolerant && is_score(value) && score_fault(value) != NULL)
		tell(l, &r, score_fault(value));
}

typedef void row_fn(void *arg, const char *value, const char *file, int line);

static int
look_at_table(struct rule_compile *c, struct rule_op *op, enum content_place_kind place, row_fn *f)
{
	struct look l = { .c = c, .op = op, .place = place };
	struct table_set *set;

	if (op->table == -1 || c->from_row)
		return 0;
	l.scratch = arena_new();
	set = table_set_take(rule_compile_tables(c));
	table_each(table_set_get(set, op->table), f, &l);
	table_set_release(set);
	arena_free(l.scratch);
	return 0;
}

int
access_compile(struct rule_compile *c, struct rule_op *op)
{
	return look_at_table(c, op, PLACE_NONE, look_at_access_row);
}

void
content_look_at_result(struct rule_compile *c, struct rule_op *op, const char *value)
{
	struct look l = { .c = c, .op = op, .place = PLACE_NONE };

	if (c->from_row)
		return;
	l.scratch = arena_new();
	look_at_row(&l, value, NULL, 0);
	arena_free(l.scratch);
}

int
content_compile(struct rule_compile *c, struct rule_op *op)
{
	return look_at_table(c, op, PLACE_NONE, look_at_row);
}

int
content_compile_fields(struct rule_compile *c, struct rule_op *op)
{
	return look_at_table(c, op, PLACE_FIELD, look_at_row);
}

int
content_compile_lines(struct rule_compile *c, struct rule_op *op)
{
	return look_at_table(c, op, PLACE_LINE, look_at_row);
}
