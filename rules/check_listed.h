/*
 * check_listed - the refusal of reject_unlisted_sender and reject_unlisted_recipient
 */
#ifndef RULES_CHECK_LISTED_H
#define RULES_CHECK_LISTED_H

#include "rules/rule_run.h"

enum rule_result check_listed(struct rule_run *, const struct address *, struct rule_subject);

#endif
