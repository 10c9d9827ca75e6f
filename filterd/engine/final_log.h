/*
 * final_log - the one line a recipient that ends a transaction in the log (DESIGN.md, decision 16)
 *
 * Event "message".  Text form, in Postfix's shape:
 *	reject: END-OF-MESSAGE from NAME[ADDR]: 550 5.7.1 text; from=<> to=<> proto= helo=<>
 *rule=FILE:LINE ... its first word being the fate: deliver, hold, discard, reject, defer. JSON
 *fields: queue_id message_id sender recipient client helo proto listener verdict fate rule effects
 *filter redirect bcc code reply hop bytes facts receive_ms check_ms total_ms, and reason for hold
 *and discard.
 */
#ifndef ENGINE_FINAL_LOG_H
#define ENGINE_FINAL_LOG_H

struct transaction;

void final_log(const struct transaction *);

#endif
