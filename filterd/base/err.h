/*
 * err - why something outside failed
 *
 * A function that can fail for outside reasons returns -1 and fills a struct err, always its last
 * parameter.  NULL is allowed where the caller does not care.  The text names the thing (file,
 * table, host) and the wish ("must be").
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include "base/attr.h"

enum err_class {
	ERR_NONE,
	ERR_LIMIT,  /* what was asked takes more than is allowed; another question may do */
	ERR_RETRY,  /* may work later: DNS, a server that is down, a table that could not be read */
	ERR_CONFIG, /* someone must change the configuration */
	ERR_PEER,   /* the other side broke its protocol or refused */
	ERR_SYSTEM, /* errno: disk, descriptors, permissions */
};

struct err {
	enum err_class class;
	char text[512];
};

/* Set class and text; text that does not fit is cut. */
void err_set(struct err *, enum err_class, const char *fmt, ...) ATTR_PRINTF(3, 4);
/* Put "prefix: " before the text that is there. */
void err_prefix(struct err *, const char *fmt, ...) ATTR_PRINTF(2, 3);
void err_clear(struct err *);
const char *err_class_name(enum err_class);

#endif
