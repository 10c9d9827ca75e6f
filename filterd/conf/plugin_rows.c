#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "conf/cf_value.h"
#include "conf/names.h"
#include "conf/plugin_rows.h"

#define WORD_MAX 100

/* What the value of an ENUM can be parsed out of (conf/cf_value.c). */
#define ENUM_WORDS_MAX  16
#define ENUM_OCTETS_MAX 255

#define NEEDS_KNOWN                                                                                \
	(NEED_HELO | NEED_SENDER | NEED_RCPT | NEED_DATA | NEED_CONTENT | NEED_DNS | NEED_TABLES | \
	    CAN_PERMIT | STOPS_RELAY | ENDS_LIST | CASE_COUNTS)

static int bad(struct err *, const char *what, const char *name, const char *fmt, ...)
    ATTR_PRINTF(4, 5);

static int
bad(struct err *err, const char *what, const char *name, const char *fmt, ...)
{
	char text[300];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	err_set(err, ERR_CONFIG, "%s%s%.60s: %s", what, name == NULL ? "" : " ",
	    name == NULL ? "" : name, text);
	return -1;
}

int
plugin_is_word(const char *s, size_t max)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz";
	static const char more[] = "abcdefghijklmnopqrstuvwxyz0123456789_";
	size_t n = s == NULL ? 0 : strspn(s, more);

	return n > 0 && n <= max && s[n] == '\0' && strchr(letters, s[0]) != NULL;
}

static int
word(const char *s)
{
	return plugin_is_word(s, WORD_MAX);
}

static int
text(const char *s)
{
	return s != NULL && s[0] != '\0';
}

/* PLUGIN_something. */
static int
has_prefix(const struct filterd_plugin *p, const char *name)
{
	size_t n = strlen(p->name);

	return word(name) && strncmp(name, p->name, n) == 0 && name[n] == '_' &&
	       name[n + 1] != '\0';
}

/* Names of the rows before this one. */
#define SEEN_BEFORE(rows, i, member)                                                               \
	({                                                                                         \
		int seen_ = 0;                                                                     \
		for (size_t j_ = 0; j_ < (i); j_++)                                                \
			seen_ |= strcmp((rows)[j_].member, (rows)[i].member) == 0;                 \
		seen_;                                                                             \
	})

/* --- parameters --- */

struct param_row
plugin_param_row(const struct filterd_param *p)
{
	static const enum param_kind kinds[] = {
		[FILTERD_TEXT] = PARAM_STR,
		[FILTERD_BOOL] = PARAM_BOOL,
		[FILTERD_INT] = PARAM_INT,
		[FILTERD_TIME] = PARAM_TIME,
		[FILTERD_SIZE] = PARAM_SIZE,
		[FILTERD_ENUM] = PARAM_ENUM,
	};

	return (struct param_row){ .name = p->name,
		.kind = kinds[p->type],
		.def = p->def,
		.min = p->min,
		.max = p->max,
		.flags = PF_RELOAD | PF_GLOBAL | PF_OURS,
		.text = p->text,
		.offset = 0 };
}

static int
check_words(const struct filterd_param *p, struct err *err)
{
	size_t words = 0;

	if (!text(p->min) || strlen(p->min) > ENUM_OCTETS_MAX)
		return bad(err, "parameter", p->name,
		    "its words must be in `min`, and at most %d octets", ENUM_OCTETS_MAX);
	for (const char *s = p->min; *s != '\0'; s += strspn(s, " ")) {
		words++;
		s += strcspn(s, " ");
	}
	if (words > ENUM_WORDS_MAX)
		return bad(err, "parameter", p->name, "must have at most %d words", ENUM_WORDS_MAX);
	return p->max == NULL ? 0 : bad(err, "parameter", p->name, "of words must have no `max`");
}

/* A bound is read as a value is. */
static int
read_bound(const struct filterd_param *p, const char *s, int64_t *out, struct err *err)
{
	struct param_row row = plugin_param_row(p);
	struct err why;

	row.min = row.max = NULL;
	if (row.kind == PARAM_STR)
		row.kind = PARAM_INT;
	if (cf_value_set(&row, s, out, &why) == 0)
		return 0;
	return bad(err, "parameter", p->name, "range: %s", why.text);
}

static int
check_range(const struct filterd_param *p, struct err *err)
{
	int64_t min = INT64_MIN, max = INT64_MAX;

	if (p->type == FILTERD_ENUM)
		return check_words(p, err);
	if (p->type == FILTERD_BOOL || p->type == FILTERD_TEXT) {
		if (p->max != NULL || (p->type == FILTERD_BOOL && p->min != NULL))
			return bad(err, "parameter", p->name, "must have no range");
	}
	if ((p->min != NULL && read_bound(p, p->min, &min, err) == -1) ||
	    (p->max != NULL && read_bound(p, p->max, &max, err) == -1))
		return -1;
	if (min > max)
		return bad(
		    err, "parameter", p->name, "its range %s to %s is empty", p->min, p->max);
	return 0;
}

/* One that refers to other parameters is looked at with them. */
static int
check_default(const struct filterd_param *p, struct err *err)
{
	struct param_row row = plugin_param_row(p);
	union {
		const char *text;
		int number;
		int64_t big;
	} value;
	struct err why;

	if (strchr(p->def, '$') != NULL || cf_value_set(&row, p->def, &value, &why) == 0)
		return 0;
	return bad(err, "parameter", p->name, "its default: %s", why.text);
}

static int
check_param(const struct filterd_plugin *p, size_t i, struct err *err)
{
	const struct filterd_param *row = &p->params[i];
	const char *def;

	if (!word(row->name))
		return bad(err, "parameter", row->name, "must be small letters, digits and _");
	if (has_prefix(p, row->name) && strcmp(row->name + strlen(p->name), "_on_failure") == 0)
		return bad(err, "parameter", row->name, "is made by filterd and must be left out");
	if (param_row_find(row->name) != NULL || postfix_name_find(row->name, &def))
		return bad(err, "parameter", row->name, "is a parameter of filterd or Postfix");
	if (SEEN_BEFORE(p->params, i, name))
		return bad(err, "parameter", row->name, "must be there only once");
	if ((unsigned)row->type > FILTERD_ENUM)
		return bad(err, "parameter", row->name, "has the unknown type %d", (int)row->type);
	if (row->def == NULL || !text(row->text))
		return bad(err, "parameter", row->name, "must have a default and a text");
	if (check_range(row, err) == -1)
		return -1;
	return check_default(row, err);
}

/* --- restrictions and scans --- */

static const struct filterd_scan *
find_scan(const struct filterd_plugin *p, const char *name)
{
	for (const struct filterd_scan *s = p->scans; s != NULL && s->name != NULL; s++)
		if (strcmp(s->name, name) == 0)
			return s;
	return NULL;
}

static int
check_older(const struct restriction_def *r, struct err *err)
{
	for (size_t i = 0; r->older != NULL && r->older[i] != NULL; i++)
		if (!word(r->older[i]))
			return bad(err, "restriction", r->name,
			    "an older name must be small letters, digits and _");
	return 0;
}

static int
check_restriction(const struct filterd_plugin *p, size_t i, struct err *err)
{
	const struct restriction_def *r = &p->restrictions[i];

	if (!word(r->name))
		return bad(err, "restriction", r->name, "must be small letters, digits and _");
	if (SEEN_BEFORE(p->restrictions, i, name))
		return bad(err, "restriction", r->name, "must be there only once");
	if (r->check == NULL || !text(r->text))
		return bad(err, "restriction", r->name, "must have a check and a text");
	/* What an item makes of its neighbour is known to the compiler of lists alone. */
	if ((unsigned)r->args >= ARG_NEXT)
		return bad(err, "restriction", r->name, "has arguments that a plugin cannot have");
	if (r->stages == 0 || (r->stages & ~AT_ANY) != 0)
		return bad(err, "restriction", r->name, "must say in which lists it may stand");
	if ((r->needs & ~NEEDS_KNOWN) != 0)
		return bad(err, "restriction", r->name, "has needs that are not known");
	if (r->on_failure != NULL)
		return bad(err, "restriction", r->name,
		    "must leave on_failure out: it is %s_on_failure", p->name);
	if (r->scan != NULL && find_scan(p, r->scan) == NULL)
		return bad(err, "restriction", r->name, "asks the scan \"%.60s\", which is missing",
		    r->scan);
	if (r->scan != NULL && (r->needs & NEED_CONTENT) == 0)
		return bad(err, "restriction", r->name, "asks a scan, and must say NEED_CONTENT");
	return check_older(r, err);
}

static int
check_scan(const struct filterd_plugin *p, size_t i, struct err *err)
{
	const struct filterd_scan *s = &p->scans[i];

	if (!word(s->name))
		return bad(err, "scan", s->name, "must be small letters, digits and _");
	if (SEEN_BEFORE(p->scans, i, name))
		return bad(err, "scan", s->name, "must be there only once");
	if (s->needs & NEED_DNS)
		return bad(err, "scan", s->name,
		    "needs DNS, and a scanner process has none: its restriction must ask");
	if (s->needs & NEED_TABLES)
		return bad(err, "scan", s->name,
		    "needs tables, and a scanner process has none: its restriction must look up "
		    "the keys that it says");
	if ((s->needs & ~NEEDS_KNOWN) != 0)
		return bad(err, "scan", s->name, "has needs that are not known");
	if (s->run == NULL || !text(s->text))
		return bad(err, "scan", s->name, "must have a function and a text");
	if (p->scan_open == NULL)
		return bad(err, "scan", s->name, "the plugin must have scan_open()");
	return 0;
}

/* --- the others --- */

static int
check_table(const struct filterd_plugin *p, size_t i, struct err *err)
{
	const struct filterd_table_type *t = &p->tables[i];

	if (!word(t->type))
		return bad(err, "table type", t->type, "must be small letters, digits and _");
	if (SEEN_BEFORE(p->tables, i, type))
		return bad(err, "table type", t->type, "must be there only once");
	if (t->open == NULL || t->get == NULL || t->close == NULL || !text(t->text))
		return bad(err, "table type", t->type, "must have open, get, close and a text");
	return 0;
}

/* A fact is written subject=value:detail. */
static int
check_fact(const struct filterd_plugin *p, size_t i, struct err *err)
{
	const struct filterd_fact *f = &p->facts[i];

	if (!word(f->subject))
		return bad(err, "fact", f->subject, "must be small letters, digits and _");
	if (f->value != NULL && !word(f->value))
		return bad(
		    err, "fact", f->subject, "its value must be small letters, digits and _");
	return text(f->text) ? 0 : bad(err, "fact", f->subject, "must have a text");
}

static int
check_counter(const struct filterd_plugin *p, size_t i, struct err *err)
{
	const struct filterd_counter *c = &p->counters[i];

	if (!has_prefix(p, c->name))
		return bad(err, "counter", c->name, "must begin with %s_", p->name);
	if (SEEN_BEFORE(p->counters, i, name))
		return bad(err, "counter", c->name, "must be there only once");
	return text(c->text) ? 0 : bad(err, "counter", c->name, "must have a text");
}

#define CHECK_ROWS(p, rows, member, check, err)                                                    \
	for (size_t i = 0; (p)->rows != NULL && (p)->rows[i].member != NULL; i++)                  \
		if (check(p, i, err) == -1)                                                        \
			return -1;

int
plugin_rows_check(const struct filterd_plugin *p, struct err *err)
{
	if (!text(p->version) || !text(p->text)) {
		err_set(err, ERR_CONFIG, "must have a version and a text");
		return -1;
	}
	CHECK_ROWS(p, params, name, check_param, err)
	CHECK_ROWS(p, restrictions, name, check_restriction, err)
	CHECK_ROWS(p, scans, name, check_scan, err)
	CHECK_ROWS(p, tables, type, check_table, err)
	CHECK_ROWS(p, facts, subject, check_fact, err)
	CHECK_ROWS(p, counters, name, check_counter, err)
	return 0;
}
