/*
 * access_lookup - one check_*_access at work: keys asked in order until a row answers
 */
#ifndef RULES_ACCESS_LOOKUP_H
#define RULES_ACCESS_LOOKUP_H

#include "base/span.h"
#include "rules/mail_keys.h"
#include "rules/rule_run.h"

struct access_lookup {
	struct rule_run *run;
	const struct rule_op *op;
	struct rule_subject subject;
	int found;
	enum rule_result result; /* RULE_DUNNO until a row answers */
};

/* Ask one key, or each of a name, an address, a set of keys: 1 a row answered, which ends the
 * search, whatever its result; 0 none did. */
int access_lookup(struct access_lookup *, struct span key, int partial);
int access_lookup_keys(struct access_lookup *, struct mail_keys *);
int access_lookup_name(struct access_lookup *, const char *name);
int access_lookup_addr(struct access_lookup *, const char *addr);

/* The compile function of such restrictions: a row that says nothing, or a list that could only be
 * answered with 451 4.3.5, is told while the configuration is loaded. */
int access_compile(struct rule_compile *, struct rule_op *);

/* Is it a table that is asked for the recipient?  In content_restrictions a bare one is, too. */
int access_asks_recipient(const struct rule_op *);
/* Its row, without doing anything about it: 1, 0, or -1: it could not be asked. */
int access_find_recipient(
    struct rule_run *, const struct rule_op *, struct table_hit *, struct err *) ATTR_MUST_USE;

/* Restrictions whose names others choose: OK becomes 451 4.3.5. */
enum rule_result access_no_ok(struct rule_run *, const struct rule_op *, enum rule_result);

#endif
