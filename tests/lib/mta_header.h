/*
 * mta_header - the header as an MTA keeps it while a filter changes it, for tests
 *
 * A model of three: Postfix before 3.9, Postfix from 3.9 on, Sendmail.  What each does when it is
 * told to insert, add, change or delete is what its own sources do (action/handback.h has it in
 * short), its private entries included: one Received: of Postfix, the H lines of a sendmail.cf.
 *
 * Ownership: the arena's; texts point into the message and the changes.
 */
#ifndef TESTS_LIB_MTA_HEADER_H
#define TESTS_LIB_MTA_HEADER_H

#include "action/handback.h"

enum mta_kind { MTA_POSTFIX_37, MTA_POSTFIX_39, MTA_SENDMAIL, MTA_KINDS };

struct mta_field {
	struct span name, value; /* value.p NULL: deleted, or not to be written (Sendmail) */
	int own;                 /* the MTA's own: not shown */
	int trace;               /* own, and may stand beside one of a filter (Sendmail) */
	int own_place;           /* it took that of one which the MTA would have made (Sendmail) */
};

struct mta_header {
	enum mta_kind kind;
	struct mta_field *v;
	size_t n, cap;
	struct span body;
};

/* The message as it arrived, behind what the MTA has put in front. */
void mta_header_init(struct mta_header *, enum mta_kind, struct span message, struct arena *);
/* Fields alone. */
void mta_header_split(struct mta_header *, struct span message, struct arena *);
/* 0, or -1: no such change can be made. */
int mta_header_apply(struct mta_header *, const struct change *, struct arena *);
/* What is written, less its own. */
void mta_header_shown(struct mta_header *);

#endif
