/*
 * attachment_name - the ways to read a name, and how a field of a key shows it
 *
 * A name is what stands behind the last '/' or '\'.  Its readings: as it is; up to the first NUL;
 * what systems make of it (without what cannot be seen and trailing dots and blanks, runs of blanks
 * as one, wide letters as ordinary ones); the same in front of a ':'; and as a right-to-left
 * override has it displayed.
 */
#ifndef PLUGINS_ATTACHMENT_NAME_H
#define PLUGINS_ATTACHMENT_NAME_H

#include <stddef.h>
#include <stdint.h>

#include "plugins/filterd_plugin.h"

#define ATT_READINGS_MAX 6
#define ATT_READING_MAX  1200 /* octets of one; of longer ones the middle is left out */
#define ATT_SHOWN_MAX    240  /* octets of a field */

struct att_readings {
	struct att_reading {
		uint8_t p[ATT_READING_MAX];
		size_t len;
	} v[ATT_READINGS_MAX];
	size_t n;
};

/* Each once; the first is the name as it is. */
void att_readings(struct filterd_octets name, struct att_readings *);

/* Write it as a field, with a NUL: octets that are no UTF-8, controls, ';' and '\' are \xHH.  Of
 * what would be longer than size - 1 the middle is "...". */
void att_show(struct filterd_octets, char *out, size_t size);

#endif
