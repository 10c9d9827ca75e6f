/*
 * tally - what a message that is over was, in numbers (private to front/)
 */
#ifndef FRONT_TALLY_H
#define FRONT_TALLY_H

#include "mail/content.h"

struct counters;
struct facts;
struct transaction;

/* Count the transaction, its recipients' fates and its octets. */
void tally(struct counters *, const struct transaction *);
/* What was seen of line ends and lengths while the message came, as facts. */
void tally_lines(const struct content *, struct facts *);

#endif
