/*
 * rbl_run - asking a DNS list about this client, HELO, sender or recipient, and refusing the listed
 *
 * What check_rbl.c's rows have in common.  Threads: as rule_run.
 */
#ifndef RULES_RBL_RUN_H
#define RULES_RBL_RUN_H

#include <stddef.h>

#include "rules/rbl_reply.h"
#include "rules/rbl_spec.h"
#include "rules/rule_run.h"

/* A row's variant is the kind of its subject, with this: the client's name, not its address. */
#define RBL_BY_NAME 0x100

/* The data of an op. */
struct rbl_lists {
	struct rbl_safe safe;
	size_t n;
	struct rbl_spec specs[]; /* one, or all of maps_rbl_domains */
};

/* What a list is asked about. */
struct rbl_asked {
	struct rule_subject subject;
	enum rbl_kind kind;
	const char *what;                  /* $rbl_what; NULL: there is nothing to ask about */
	const struct sockaddr_storage *sa; /* RBL_ADDRESSES */
	const char *class;                 /* $rbl_class; NULL: the subject's */
};

/* The compile function of a row whose argument is one list. */
int rbl_compile(struct rule_compile *, struct rule_op *);

struct rbl_asked rbl_asked(struct rule_run *, const struct rule_op *);
/* Is it about a client of whom the peer has not told?  Then there is nothing to ask about. */
int rbl_untold(struct rule_run *, const struct rbl_asked *);
/* The name to ask for, in the arena; NULL: nothing is to be asked. */
const char *rbl_asked_name(
    struct rule_run *, const struct rbl_asked *, const struct rbl_spec *) ATTR_MUST_USE;
/* Begin the look-up, or that of a probe. */
void rbl_look_start(struct rule_run *, const struct rbl_asked *, const struct rbl_spec *);
/* Never RBL_LISTED for a list that is switched off, or that lists everything. */
enum rbl_reading rbl_look(struct rule_run *, const struct rbl_asked *, const struct rbl_spec *,
    const char *name) ATTR_MUST_USE;
/* The reply for who is listed, out of rbl_reply_maps and default_rbl_reply. */
enum rule_result rbl_refuse(struct rule_run *, const struct rbl_asked *, const struct rbl_lists *,
    const struct rbl_spec *, const char *name);

#endif
