/*
 * example - a plugin to begin with: what its files share
 */
#ifndef EXAMPLE_H
#define EXAMPLE_H

#include <filterd_plugin.h>

/* The parameters, in the order of their rows: values come in the same order. */
enum { P_LINE, P_IGNORE_CASE, P_LINES_MAX, P_SIZE_LIMIT, P_TIME_RESERVE, P_ACTION, P_REPLY };

/* check.c: what runs in the doors' threads. */
extern const struct restriction_def example_restrictions[];
int example_open(const struct filterd_host *, const struct filterd_value *, void **state, char *why,
    size_t size);
void example_close(void *state);

/* glob.c: the table type glob. */
extern const struct filterd_table_type example_tables[];

/* scan.c: what runs in scanner processes. */
extern const struct filterd_scan example_scans[];
int example_scan_open(const struct filterd_host *, const struct filterd_value *, void **engine,
    char *why, size_t size);
void example_scan_close(void *engine);
void example_scan_describe(void *engine, char *out, size_t size);

#endif
