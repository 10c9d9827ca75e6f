/* What the plugin is: its rows, and the one symbol that filterd looks for. */
#include "example.h"

static const struct filterd_param params[] = {
	[P_LINE] = { "example_line", FILTERD_TEXT, "", NULL, NULL,
	    "The line that reject_marked_line looks for. Empty: nothing is looked for." },
	[P_IGNORE_CASE] = { "example_ignore_case", FILTERD_BOOL, "no", NULL, NULL,
	    "Do capital and small letters count as the same in it?" },
	[P_LINES_MAX] = { "example_lines_max", FILTERD_INT, "10", "1", "1000",
	    "How many such lines of a message are told of." },
	[P_SIZE_LIMIT] = { "example_size_limit", FILTERD_SIZE, "50m", "1", NULL,
	    "A larger message is not looked at, and the check has failed." },
	[P_TIME_RESERVE] = { "example_time_reserve", FILTERD_TIME, "1s", "0s", "1m",
	    "With less time left the check is not begun, and has failed." },
	[P_ACTION] = { "example_action", FILTERD_ENUM, "refuse", "refuse hold tag", NULL,
	    "What becomes of a message with such a line." },
	[P_REPLY] = { "example_reply", FILTERD_TEXT, "Not wanted at $myhostname", "1", NULL,
	    "What the sender is told when a message is refused." },
	{ .name = NULL },
};

static const struct filterd_fact facts[] = {
	{ "example", "line", "the line of example_line; its number is the detail" },
	{ "example", "size", "the message is larger than example_size_limit" },
	{ .subject = NULL },
};

static const struct filterd_counter counters[] = {
	{ "example_lines", "lines found" },
	{ "example_refused", "messages refused for their sender" },
	{ .name = NULL },
};

const struct filterd_plugin filterd_plugin = {
	.abi = FILTERD_PLUGIN_ABI,
	.size = sizeof(struct filterd_plugin),
	.name = "example",
	.version = "1.0",
	.text = "a plugin to begin with",
	.params = params,
	.restrictions = example_restrictions,
	.scans = example_scans,
	.tables = example_tables,
	.facts = facts,
	.counters = counters,
	.open = example_open,
	.close = example_close,
	.scan_open = example_scan_open,
	.scan_close = example_scan_close,
	.scan_describe = example_scan_describe,
};
