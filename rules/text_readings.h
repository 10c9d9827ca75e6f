/*
 * text_readings - the octets of a part as text, in each way in which a mail reader may take them
 *
 * In the charset that it is given, and in each other that it is given besides; as the octets
 * suggest where the charset is doubtful; and, of a text with delsp=yes (RFC 3676), with its lines
 * put together, too.  Of a calendar or a visiting card also with its lines unfolded and its
 * backslashes undone (RFC 5545, RFC 6350).
 *
 * Pure.
 */
#ifndef RULES_TEXT_READINGS_H
#define RULES_TEXT_READINGS_H

#include "base/span.h"

struct parts_part;

struct text_readings {
	const struct parts_part *part;                            /* decoded */
	unsigned kind;                                            /* of enum text_kind_bit */
	void (*text)(void *arg, struct span text, unsigned kind); /* UTF-8; valid in the call */
	void (*unknown_charset)(void *arg, struct span label);    /* NULL: not wanted */
	void *arg;
};
void text_readings(const struct text_readings *, struct span octets);

#endif
