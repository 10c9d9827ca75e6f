/*
 * mx_backup - permit_mx_backup: is this machine a mail exchanger of the recipient's domain, and not
 * the best?
 *
 * What cannot be looked up makes a later refusal of this stage a deferral.
 */
#ifndef RULES_MX_BACKUP_H
#define RULES_MX_BACKUP_H

#include "rules/rule_run.h"

struct address;

enum rule_result check_mx_backup(struct rule_run *, const struct rule_op *);
void prepare_mx_backup(struct rule_run *, const struct rule_op *);

/* check_relay.c: is mail for it ours to take, whoever sends it? */
int relay_authorised(struct rule_run *, const struct address *);

#endif
