/*
 * findings - what a configuration was told, as text
 *
 * "error FILE:LINE: TEXT\n" for each finding, in order.
 */
#ifndef TESTS_FINDINGS_H
#define TESTS_FINDINGS_H

#include "base/buf.h"
#include "conf/conf.h"

/* A conf_report_fn; arg is a struct buf. */
void findings_add(void *arg, const struct conf_finding *);
/* Load from memory as file "t"; *told gets the findings (buf_fini). */
struct conf *findings_load(const char *text, struct buf *told);

#endif
