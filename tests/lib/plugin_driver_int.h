/* What the two halves of plugin_driver share. */
#ifndef TESTS_LIB_PLUGIN_DRIVER_INT_H
#define TESTS_LIB_PLUGIN_DRIVER_INT_H

#include "tests/lib/plugin_driver.h"

#define DRIVER_PARTS_MAX 64
#define DRIVER_ROWS_MAX  32
#define DRIVER_KEPT_MAX  8
#define LEAD             "Received: from test by driver\r\n"

struct driver_pair {
	char *key, *value;
};

struct driver {
	void *so;
	const struct filterd_plugin *plugin;
	struct filterd_value *values;
	void *engine, *state;
	char *folder, why[512];
	/* the message */
	char *octets; /* LEAD in front */
	size_t len;
	struct filterd_part part[DRIVER_PARTS_MAX];
	size_t nparts;
	int more_parts;
	int64_t time_left_ms;
	struct driver_said said, checked;
	struct driver_pair row[DRIVER_ROWS_MAX], name[DRIVER_ROWS_MAX], kept[DRIVER_KEPT_MAX];
	size_t nrows, nnames, nkept;
	int look_only, no_scanner;
	struct filterd_scan_answer answer;
	void *alloc[DRIVER_SAID_MAX];
	size_t nalloc;
	const char *dns_text;
};

void driver_said_clear(struct driver_said *);
void driver_forget(struct driver *); /* what is kept for a message */
/* One for all drivers, for plugins keep it. */
const struct filterd_host *driver_host_of_all(void);
/* The functions for checks. */
void driver_fill_checks(struct filterd_host *);
void driver_add_text(char **list, size_t *n, char *text);

#endif
