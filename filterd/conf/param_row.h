/*
 * param_row - params.def and roles.def as tables
 */
#ifndef CONF_PARAM_ROW_H
#define CONF_PARAM_ROW_H

#include <stddef.h>

#include "conf/conf.h"
#include "conf/params.h"

enum param_kind {
	PARAM_STR,
	PARAM_RAW,
	PARAM_LIST,
	PARAM_BOOL,
	PARAM_INT,
	PARAM_TIME,
	PARAM_SIZE,
	PARAM_ENUM,
};

struct param_row {
	const char *name;
	enum param_kind kind;
	const char *def;  /* of role after_queue */
	const char *min;  /* or NULL; ENUM: the words */
	const char *max;  /* or NULL */
	unsigned flags;   /* PF_... */
	const char *text; /* for the manual */
	size_t offset;    /* of its field in struct params */
};

size_t param_row_count(void);
const struct param_row *param_row_at(size_t i);
/* NULL: params.def has no such name. */
const struct param_row *param_row_find(const char *name);
/* The default in a role. */
const char *param_row_default(const struct param_row *, enum role);
/* May a listener set it? */
int param_row_in_listener(const struct param_row *);

const char *role_name(enum role);
/* -1: no such role. */
int role_parse(const char *text, enum role *);

#endif
