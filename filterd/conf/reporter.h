/*
 * reporter - findings on their way to the conf_report_fn
 *
 * Counts errors, drops what was told already (a value is looked at once for the file and once more
 * for each listener), and makes outside text printable.
 *
 * Ownership: embedded in its owner; reporter_fini().
 * Threads: one at a time.
 */
#ifndef CONF_REPORTER_H
#define CONF_REPORTER_H

#include "base/attr.h"
#include "conf/conf.h"

struct reporter {
	conf_report_fn *report; /* NULL: only count */
	void *arg;
	int errors;
	int tolerant; /* config_errors = postfix */
	size_t hints; /* nearest names given so far: each costs a walk over all names */
	void *told;   /* tsearch(3) tree of what was told */
};

void reporter_init(struct reporter *, conf_report_fn *, void *arg);
void reporter_fini(struct reporter *);
void reporter_tell(struct reporter *, enum conf_severity, const char *file, int line,
    const char *fmt, ...) ATTR_PRINTF(5, 6);
/* What to call something that Postfix would let pass. */
enum conf_severity reporter_tolerable(const struct reporter *);

#endif
