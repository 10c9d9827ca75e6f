/*
 * policy_digest - what content_restrictions are for a recipient, known before there is a message
 *
 * For on_mixed = split: recipients with one digest are judged alike, whatever the message is, so
 * one reply serves them all.  It takes in, in order, the row that check_recipient_access finds for
 * the recipient (a class, a list, an action), what the class or list asks of the recipient in turn,
 * and the address itself where an item looks at it in a way that cannot be told beforehand
 * (check_policy_service, reject_unlisted_recipient, a plugin's row with NEED_RCPT, a table that
 * could not be asked).  What cannot be reached any more behind `permit`, OK or a refusal does not
 * count.  Different digests may be alike all the same; equal ones are not, but for:
 *
 * Which recipients have come together does not count: check_recipient_count has one answer for all
 * of a transaction, of those who are left in it.
 *
 * Weak spot: a list (not a class) in a row of a table about something else, with an item that looks
 * at the recipient.  Those recipients are parted at the end, as on_mixed_refused says.
 *
 * Cost: a look-up a recipient for each check_recipient_access; no DNS, no server is asked.
 */
#ifndef RULES_POLICY_DIGEST_H
#define RULES_POLICY_DIGEST_H

#include <stdint.h>

#include "rules/rules.h"

/* ask as for RULE_CONTENT, with the recipient; nothing of it is changed and nothing is logged but
 * trouble with a table.  Digests of one transaction can be compared. */
uint64_t rules_policy_digest(const struct rules *, const struct rule_ask *);

#endif
