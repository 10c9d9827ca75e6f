/*
 * mailboxes - how many addresses a From field shows, and how its names look
 *
 * RFC 5322 3.4 as loosely as mail is written: comments, quoted strings, groups and routes are
 * understood, a missing comma or quote harms nothing.  An address is what has an '@' outside of
 * quotes and comments, in < > or alone; in front of < > it counts as one more, since readers show
 * it, unless it is the same (ASCII case apart).
 *
 * Pure; no limits but the field's length, which is passed over once.
 */
#ifndef MAIL_MAILBOXES_H
#define MAIL_MAILBOXES_H

#include <stddef.h>

#include "base/buf.h"
#include "base/span.h"

/* value: all behind the colon; folds are white space. */
size_t mailboxes_count(struct span value);

/* Append the value as readers show the names in it: without the quotes of strings and the
 * backslashes in front of octets, and without comments.  1: there were some. */
int mailboxes_shown(struct span value, struct buf *out);

#endif
