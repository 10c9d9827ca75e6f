/*
 * change_text - a change for the MTA as text, for tests
 *
 *	ins INDEX NAME:VALUE	INDEX may be "end"		+rcpt PATH
 *	add NAME:VALUE						-rcpt PATH
 *	hdr INDEX NAME:VALUE	or "NAME -": deleted		from PATH
 *	body:OCTETS						quar REASON
 *
 * Parted by "|".
 */
#ifndef TESTS_LIB_CHANGE_TEXT_H
#define TESTS_LIB_CHANGE_TEXT_H

#include "action/handback.h"
#include "base/buf.h"

void change_text(const struct change *, size_t n, struct buf *);

#endif
