#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/err.h"
#include "conf/plugin_rows.h"

static enum rule_result
check(struct rule_run *run, const struct rule_op *op)
{
	return run == NULL && op == NULL ? RULE_OK : RULE_DUNNO;
}

static void
prepare(struct rule_run *run, const struct rule_op *op)
{
	(void)run;
	(void)op;
}

static int
run(void *engine, const struct filterd_message *m, struct filterd_work *w, struct filterd_say *s)
{
	return engine == NULL && m == NULL && w == NULL && s == NULL ? -1 : 0;
}

static int
scan_open(const struct filterd_host *host, const struct filterd_value *values, void **engine,
    char *why, size_t size)
{
	(void)host;
	(void)values;
	(void)why;
	*engine = NULL;
	return size == 0 ? -1 : 0;
}

static int
table_open(const struct filterd_host *host, const char *name, void **table, char *why, size_t size)
{
	return scan_open(host, NULL, table, why, size + strlen(name));
}

static int
table_get(
    void *table, struct filterd_octets key, struct filterd_table_answer *a, char *why, size_t size)
{
	(void)a;
	(void)why;
	return table == NULL && key.len == size;
}

static void
table_close(void *table)
{
	(void)table;
}

#define TOLD(plugin, want)                                                                         \
	do {                                                                                       \
		struct err err_;                                                                   \
		int rc_;                                                                           \
		err_clear(&err_);                                                                  \
		rc_ = plugin_rows_check(plugin, &err_);                                            \
		assert_string_equal(err_.text, want);                                              \
		assert_int_equal(rc_, (want)[0] == '\0' ? 0 : -1);                                 \
	} while (0)

#define PLUGIN .name = "p", .version = "1", .text = "x"

static const struct {
	struct filterd_param row;
	const char *told;
} param_cases[] = {
	{ { "p_a", FILTERD_TEXT, "", NULL, NULL, "t" }, "" },
	{ { "p_a", FILTERD_TEXT, "x", "1", NULL, "t" }, "" },
	{ { "p_a", FILTERD_BOOL, "No", NULL, NULL, "t" }, "" },
	{ { "p_a", FILTERD_INT, "-5", "-5", "5", "t" }, "" },
	{ { "p_a", FILTERD_TIME, "10", "1s", "1h", "t" }, "" }, /* seconds */
	{ { "p_a", FILTERD_TIME, "1m", "60s", "60", "t" },      /* a number is of its unit: 60m */
	    "" },
	{ { "p_a", FILTERD_SIZE, "1m", "0", "1g", "t" }, "" },
	{ { "p_a", FILTERD_ENUM, "b", "a b", NULL, "t" }, "" },
	{ { "p_a", FILTERD_SIZE, "$message_size_limit", NULL, NULL, "t" }, "" }, /* known later */
	{ { "p_time_limit", FILTERD_TIME, "1s", NULL, NULL, "t" }, "" }, /* fits one of Postfix's */
	{ { "q_a", FILTERD_TEXT, "", NULL, NULL, "t" }, "" }, /* of the program that p talks to */
	{ { "pa", FILTERD_TEXT, "", NULL, NULL, "t" }, "" },
	{ { "p_", FILTERD_TEXT, "", NULL, NULL, "t" }, "" },
	{ { "p_A", FILTERD_TEXT, "", NULL, NULL, "t" },
	    "parameter p_A: must be small letters, digits and _" },
	{ { "p_on_failure", FILTERD_TEXT, "", NULL, NULL, "t" },
	    "parameter p_on_failure: is made by filterd and must be left out" },
	{ { "p_a", (enum filterd_param_type)6, "", NULL, NULL, "t" },
	    "parameter p_a: has the unknown type 6" },
	{ { "p_a", (enum filterd_param_type) - 1, "", NULL, NULL, "t" },
	    "parameter p_a: has the unknown type -1" },
	{ { "p_a", FILTERD_TEXT, NULL, NULL, NULL, "t" },
	    "parameter p_a: must have a default and a text" },
	{ { "p_a", FILTERD_TEXT, "", NULL, NULL, "" },
	    "parameter p_a: must have a default and a text" },
	{ { "p_a", FILTERD_TEXT, "", "x", NULL, "t" },
	    "parameter p_a: range: found \"x\", expected a whole number" },
	{ { "p_a", FILTERD_TEXT, "", "1", NULL, "t" },
	    "parameter p_a: its default: found \"\", expected a value that is not empty" },
	{ { "p_a", FILTERD_TEXT, "", NULL, "1", "t" }, "parameter p_a: must have no range" },
	{ { "p_a", FILTERD_BOOL, "yes", "no", NULL, "t" }, "parameter p_a: must have no range" },
	{ { "p_a", FILTERD_BOOL, "1", NULL, NULL, "t" },
	    "parameter p_a: its default: found \"1\", expected yes or no" },
	{ { "p_a", FILTERD_INT, "6", "1", "5", "t" },
	    "parameter p_a: its default: found \"6\", expected at most 5" },
	{ { "p_a", FILTERD_INT, "1", "2", NULL, "t" },
	    "parameter p_a: its default: found \"1\", expected at least 2" },
	{ { "p_a", FILTERD_INT, "1", "2", "1", "t" }, "parameter p_a: its range 2 to 1 is empty" },
	{ { "p_a", FILTERD_TIME, "1q", NULL, NULL, "t" },
	    "parameter p_a: its default: found \"1q\", expected a time: a number and one of s m h "
	    "d w" },
	{ { "p_a", FILTERD_SIZE, "1", NULL, "1x", "t" },
	    "parameter p_a: range: found \"1x\", expected a size: a number, or a number and one "
	    "of k m g" },
	{ { "p_a", FILTERD_ENUM, "a", NULL, NULL, "t" },
	    "parameter p_a: its words must be in `min`, and at most 255 octets" },
	{ { "p_a", FILTERD_ENUM, "q", "a b c d e f g h i j k l m n o p q", NULL, "t" },
	    "parameter p_a: must have at most 16 words" },
	{ { "p_a", FILTERD_ENUM, "a", "a", "a", "t" },
	    "parameter p_a: of words must have no `max`" },
	{ { "p_a", FILTERD_ENUM, "c", "a b", NULL, "t" },
	    "parameter p_a: its default: found \"c\", expected one of: a b; nearest: a" },
};

static void
test_params(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(param_cases); i++) {
		struct filterd_param rows[2] = { param_cases[i].row, { .name = NULL } };
		struct filterd_plugin p = { PLUGIN, .params = rows };

		TOLD(&p, param_cases[i].told);
	}
}

/* Names that are taken by filterd, by Postfix, or by the row before. */
static void
test_param_names(void **state)
{
	struct filterd_param ours[] = { { "smtpd_timeout", FILTERD_TIME, "1s", NULL, NULL, "t" },
		{ .name = NULL } };
	struct filterd_param postfix[] = {
		{ "virtual_mailbox_base", FILTERD_TEXT, "", NULL, NULL, "t" }, { .name = NULL }
	};
	struct filterd_param twice[] = { { "p_a", FILTERD_TEXT, "", NULL, NULL, "t" },
		{ "p_b", FILTERD_TEXT, "", NULL, NULL, "t" },
		{ "p_a", FILTERD_BOOL, "no", NULL, NULL, "t" }, { .name = NULL } };

	(void)state;
	TOLD((&(struct filterd_plugin){
		 .name = "smtpd", .version = "1", .text = "x", .params = ours }),
	    "parameter smtpd_timeout: is a parameter of filterd or Postfix");
	TOLD((&(struct filterd_plugin){
		 .name = "virtual", .version = "1", .text = "x", .params = postfix }),
	    "parameter virtual_mailbox_base: is a parameter of filterd or Postfix");
	TOLD((&(struct filterd_plugin){ PLUGIN, .params = twice }),
	    "parameter p_a: must be there only once");
}

static const char *const older_good[] = { "reject_old", NULL };
static const char *const older_bad[] = { "reject_old", "reject old", NULL };

#define ROW .check = check, .text = "t"

static const struct {
	struct restriction_def row;
	const char *told;
} restriction_cases[] = {
	{ { .name = "r", .stages = AT_ANY, ROW }, "" },
	{ { .name = "r", .stages = AT_END, .args = ARG_SECONDS, .older = older_good, ROW }, "" },
	/* It asks DNS in the door while the scan is done elsewhere. */
	{ { .name = "r",
	      .stages = AT_END,
	      .needs = NEED_CONTENT | NEED_DNS | NEED_TABLES,
	      .prepare = prepare,
	      .scan = "s",
	      ROW },
	    "" },
	{ { .name = "R", .stages = AT_ANY, ROW },
	    "restriction R: must be small letters, digits and _" },
	{ { .name = "", .stages = AT_ANY, ROW },
	    "restriction : must be small letters, digits and _" },
	{ { .name = "r", .stages = AT_ANY, .text = "t" },
	    "restriction r: must have a check and a text" },
	{ { .name = "r", .stages = AT_ANY, .check = check },
	    "restriction r: must have a check and a text" },
	{ { .name = "r", .stages = AT_ANY, .args = ARG_NEXT, ROW },
	    "restriction r: has arguments that a plugin cannot have" },
	{ { .name = "r", .stages = AT_ANY, .args = (enum restriction_arg)99, ROW },
	    "restriction r: has arguments that a plugin cannot have" },
	{ { .name = "r", ROW }, "restriction r: must say in which lists it may stand" },
	{ { .name = "r", .stages = AT_ANY + 1, ROW },
	    "restriction r: must say in which lists it may stand" },
	{ { .name = "r", .stages = AT_ANY, .needs = 1u << 30, ROW },
	    "restriction r: has needs that are not known" },
	{ { .name = "r", .stages = AT_ANY, .on_failure = "p_on_failure", ROW },
	    "restriction r: must leave on_failure out: it is p_on_failure" },
	{ { .name = "r", .stages = AT_END, .needs = NEED_CONTENT, .scan = "t", ROW },
	    "restriction r: asks the scan \"t\", which is missing" },
	{ { .name = "r", .stages = AT_END, .scan = "s", ROW },
	    "restriction r: asks a scan, and must say NEED_CONTENT" },
	{ { .name = "r", .stages = AT_END, .older = older_bad, ROW },
	    "restriction r: an older name must be small letters, digits and _" },
};

static const struct filterd_scan one_scan[] = {
	{ .name = "s", .run = run, .text = "t" },
	{ .name = NULL },
};

static void
test_restrictions(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(restriction_cases); i++) {
		struct restriction_def rows[2] = { restriction_cases[i].row, { .name = NULL } };
		struct filterd_plugin p = { PLUGIN, .restrictions = rows, .scans = one_scan,
			.scan_open = scan_open };

		TOLD(&p, restriction_cases[i].told);
	}
}

static const struct {
	struct filterd_scan row;
	const char *told;
} scan_cases[] = {
	{ { .name = "s", .run = run, .text = "t" }, "" },
	{ { .name = "s", .needs = NEED_CONTENT, .run = run, .text = "t" }, "" },
	{ { .name = "s", .needs = NEED_DNS, .run = run, .text = "t" },
	    "scan s: needs DNS, and a scanner process has none: its restriction must ask" },
	{ { .name = "s", .needs = NEED_CONTENT | NEED_TABLES, .run = run, .text = "t" },
	    "scan s: needs tables, and a scanner process has none: its restriction must look up "
	    "the keys that it says" },
	{ { .name = "s", .needs = 1u << 30, .run = run, .text = "t" },
	    "scan s: has needs that are not known" },
	{ { .name = "s", .text = "t" }, "scan s: must have a function and a text" },
	{ { .name = "s", .run = run }, "scan s: must have a function and a text" },
	{ { .name = "s 1", .run = run, .text = "t" },
	    "scan s 1: must be small letters, digits and _" },
};

static void
test_scans(void **state)
{
	struct filterd_scan two[3] = { one_scan[0], one_scan[0], { .name = NULL } };

	(void)state;
	for (size_t i = 0; i < nitems(scan_cases); i++) {
		struct filterd_scan rows[2] = { scan_cases[i].row, { .name = NULL } };

		TOLD((&(struct filterd_plugin){ PLUGIN, .scans = rows, .scan_open = scan_open }),
		    scan_cases[i].told);
	}
	TOLD((&(struct filterd_plugin){ PLUGIN, .scans = two, .scan_open = scan_open }),
	    "scan s: must be there only once");
	TOLD((&(struct filterd_plugin){ PLUGIN, .scans = one_scan }),
	    "scan s: the plugin must have scan_open()");
}

#define TABLE .open = table_open, .get = table_get, .close = table_close

static const struct {
	struct filterd_table_type row;
	const char *told;
} table_cases[] = {
	{ { .type = "t", .text = "x", TABLE }, "" },
	{ { .type = "T", .text = "x", TABLE },
	    "table type T: must be small letters, digits and _" },
	{ { .type = "t", TABLE }, "table type t: must have open, get, close and a text" },
	{ { .type = "t", .text = "x", .open = table_open, .get = table_get },
	    "table type t: must have open, get, close and a text" },
	{ { .type = "t", .text = "x", .open = table_open, .close = table_close },
	    "table type t: must have open, get, close and a text" },
	{ { .type = "t", .text = "x", .get = table_get, .close = table_close },
	    "table type t: must have open, get, close and a text" },
};

static const struct {
	struct filterd_fact row;
	const char *told;
} fact_cases[] = {
	{ { "virus", NULL, "t" }, "" },
	{ { "p", "over_limit", "t" }, "" },
	{ { "p:x", NULL, "t" }, "fact p:x: must be small letters, digits and _" },
	{ { "p", "a=b", "t" }, "fact p: its value must be small letters, digits and _" },
	{ { "p", "", "t" }, "fact p: its value must be small letters, digits and _" },
	{ { "p", "a", NULL }, "fact p: must have a text" },
};

static const struct {
	struct filterd_counter row;
	const char *told;
} counter_cases[] = {
	{ { "p_scans", "t" }, "" },
	{ { "scans", "t" }, "counter scans: must begin with p_" },
	{ { "p_", "t" }, "counter p_: must begin with p_" },
	{ { "p_scans", "" }, "counter p_scans: must have a text" },
};

static void
test_others(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(table_cases); i++) {
		struct filterd_table_type rows[2] = { table_cases[i].row, { .type = NULL } };

		TOLD((&(struct filterd_plugin){ PLUGIN, .tables = rows }), table_cases[i].told);
	}
	for (size_t i = 0; i < nitems(fact_cases); i++) {
		struct filterd_fact rows[2] = { fact_cases[i].row, { .subject = NULL } };

		TOLD((&(struct filterd_plugin){ PLUGIN, .facts = rows }), fact_cases[i].told);
	}
	for (size_t i = 0; i < nitems(counter_cases); i++) {
		struct filterd_counter rows[2] = { counter_cases[i].row, { .name = NULL } };

		TOLD((&(struct filterd_plugin){ PLUGIN, .counters = rows }), counter_cases[i].told);
	}
	TOLD((&(struct filterd_plugin){ .name = "p", .text = "x" }),
	    "must have a version and a text");
	TOLD((&(struct filterd_plugin){ .name = "p", .version = "1" }),
	    "must have a version and a text");
}

/* Every kind of row: the same name twice. */
static void
test_twice(void **state)
{
	struct restriction_def r = { .name = "r", .stages = AT_ANY, ROW };
	struct restriction_def rs[3] = { r, r, { .name = NULL } };
	struct filterd_table_type t = { .type = "t", .text = "x", TABLE };
	struct filterd_table_type ts[3] = { t, t, { .type = NULL } };
	struct filterd_counter c = { "p_c", "t" };
	struct filterd_counter cs[3] = { c, c, { .name = NULL } };

	(void)state;
	TOLD((&(struct filterd_plugin){ PLUGIN, .restrictions = rs }),
	    "restriction r: must be there only once");
	TOLD((&(struct filterd_plugin){ PLUGIN, .tables = ts }),
	    "table type t: must be there only once");
	TOLD((&(struct filterd_plugin){ PLUGIN, .counters = cs }),
	    "counter p_c: must be there only once");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_params),
		cmocka_unit_test(test_param_names),
		cmocka_unit_test(test_restrictions),
		cmocka_unit_test(test_scans),
		cmocka_unit_test(test_others),
		cmocka_unit_test(test_twice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
