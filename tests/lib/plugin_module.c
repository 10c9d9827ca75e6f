/*
 * plugin_module - the plugins that the tests open, most of them wrong in one way
 *
 * tests/modules/NAME.so is this file compiled with -DPLUGIN_NAME, by the rule in
 * filterd/conf/room.am.
 */
#include <stdint.h>

#include "plugins/filterd_plugin.h"

#if defined(PLUGIN_no_symbol)
int another_symbol = 1;
#elif defined(PLUGIN_small_symbol)
/* Clang's address sanitizer makes what it watches larger, to the eyes of the linker as well. */
#ifdef __clang__
__attribute__((no_sanitize("address")))
#endif
const uint16_t odd_plugin __asm__("filterd_plugin") = FILTERD_PLUGIN_ABI;
#elif defined(PLUGIN_short_symbol)
/* It says what it should be, and is not. */
#ifdef __clang__
__attribute__((no_sanitize("address")))
#endif
const uint32_t odd_plugin[4] __asm__(
    "filterd_plugin") = { FILTERD_PLUGIN_ABI, sizeof(struct filterd_plugin) };
#else

#if defined(PLUGIN_good)
#define NAME "good"
#elif defined(PLUGIN_plain_more)
#define NAME "plain_more"
#elif defined(PLUGIN_plain)
#define NAME "plain"
#elif defined(PLUGIN_same_restriction)
#define NAME "same_restriction"
#elif defined(PLUGIN_same_table)
#define NAME "same_table"
#elif defined(PLUGIN_other_abi)
#define NAME "other_abi"
#elif defined(PLUGIN_other_size)
#define NAME "other_size"
#elif defined(PLUGIN_bad_row)
#define NAME "bad_row"
#elif defined(PLUGIN_no_function)
#define NAME "no_function"
#elif defined(PLUGIN_no_library)
#define NAME "no_library"
#else /* other_name; and gone, a library that is not there when it is needed */
#define NAME "somebody"
#endif

#if defined(PLUGIN_other_abi)
#define ABI (FILTERD_PLUGIN_ABI + 1)
#else
#define ABI FILTERD_PLUGIN_ABI
#endif
#if defined(PLUGIN_other_size)
#define SIZE (sizeof(struct filterd_plugin) - 8)
#else
#define SIZE sizeof(struct filterd_plugin)
#endif

#if defined(PLUGIN_no_function)
enum rule_result nobody_has_this(struct rule_run *, const struct rule_op *);
#define CHECK nobody_has_this
#elif !defined(PLUGIN_plain) && !defined(PLUGIN_same_table)
static enum rule_result
check(struct rule_run *run, const struct rule_op *op)
{
	(void)run;
	(void)op;
	return RULE_DUNNO;
}
#define CHECK check
#endif

#if defined(PLUGIN_good)
static const struct filterd_param params[] = {
	{ .name = "good_text",
	    .type = FILTERD_TEXT,
	    .def = "from $myhostname",
	    .min = "1",
	    .text = "A text." },
	{ .name = "good_bool", .type = FILTERD_BOOL, .def = "yes", .text = "Yes or no." },
	{ .name = "good_int",
	    .type = FILTERD_INT,
	    .def = "-3",
	    .min = "-10",
	    .max = "10",
	    .text = "A number." },
	{ .name = "good_time", .type = FILTERD_TIME, .def = "5m", .min = "1s", .text = "A time." },
	{ .name = "good_size", .type = FILTERD_SIZE, .def = "64k", .max = "1g", .text = "A size." },
	{ .name = "good_word",
	    .type = FILTERD_ENUM,
	    .def = "two",
	    .min = "one two three",
	    .text = "A word." },
	{ .name = NULL },
};
#elif defined(PLUGIN_plain) || defined(PLUGIN_plain_more)
/* The same, and either may have it. */
static const struct filterd_param params[] = {
	{ .name = "plain_more_x", .type = FILTERD_TEXT, .def = "", .text = "A text." },
	{ .name = NULL },
};
#elif defined(PLUGIN_bad_row)
static const struct filterd_param params[] = {
	{ .name = "bad_row_X", .type = FILTERD_TEXT, .def = "", .text = "No such name." },
	{ .name = NULL },
};
#else
#define NO_PARAMS
#endif

#if defined(PLUGIN_plain) || defined(PLUGIN_same_table)
static int
table_open(const struct filterd_host *host, const char *name, void **table, char *why, size_t size)
{
	(void)host;
	(void)name;
	(void)why;
	(void)size;
	*table = NULL;
	return 0;
}

static int
table_get(void *table, struct filterd_octets key, struct filterd_table_answer *answer, char *why,
    size_t size)
{
	(void)table;
	(void)key;
	(void)answer;
	(void)why;
	(void)size;
	return 0;
}

static void
table_close(void *table)
{
	(void)table;
}

static const struct filterd_table_type tables[] = {
	{ .type = "plaintype",
	    .text = "nothing",
	    .open = table_open,
	    .get = table_get,
	    .close = table_close },
	{ .type = NULL },
};
#else
static const struct restriction_def restrictions[] = {
#if defined(PLUGIN_good) || defined(PLUGIN_same_restriction)
	{ .name = "reject_good", .stages = AT_ANY, .check = CHECK, .text = "Nothing." },
#else
	{ .name = "reject_" NAME, .stages = AT_ANY, .check = CHECK, .text = "Nothing." },
#endif
	{ .name = NULL },
};
#endif

const struct filterd_plugin filterd_plugin = {
	.abi = ABI,
	.size = SIZE,
	.name = NAME,
	.version = "1.0",
	.text = "a plugin of the tests",
#if !defined(NO_PARAMS)
	.params = params,
#endif
#if defined(PLUGIN_plain) || defined(PLUGIN_same_table)
	.tables = tables,
#else
	.restrictions = restrictions,
#endif
};
#endif
