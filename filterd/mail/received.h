/*
 * received - what trace fields say (RFC 5321 4.4)
 */
#ifndef MAIL_RECEIVED_H
#define MAIL_RECEIVED_H

#include <stddef.h>

#include "base/span.h"

/*
 * The queue ids that the first Received: fields of a message name, the newest first: the word
 * behind "id", comments left out.  At most max; how many there are.  Looks at the first 32 KB of
 * the header only.  The spans point into the message.
 */
size_t received_ids(struct span message, struct span *ids, size_t max);

#endif
