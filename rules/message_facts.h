/*
 * message_facts - what is odd about the message, as facts: what core/facts.def has behind
 * "once somebody asks"
 *
 * Found out once a transaction, of the walk that restrictions share (rules/content_walk.h) and of
 * the parts, whose encodings are looked through without being undone.
 */
#ifndef RULES_MESSAGE_FACTS_H
#define RULES_MESSAGE_FACTS_H

struct rule_run;

/* Set them in the transaction's facts, if the message is there and it has not been done. */
void message_facts(struct rule_run *);
/* Those of texts and URLs, which cost more: all of them are decoded.  0: the message is not there.
 */
int message_facts_decoded(struct rule_run *);

#endif
