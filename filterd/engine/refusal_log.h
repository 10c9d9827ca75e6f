/*
 * refusal_log - the line of a command that was refused
 *
 * "reject: RCPT from name[addr]: 554 5.7.1 ...; from=<> to=<> proto= helo=<> rule=FILE:LINE", with
 * "defer" for 4xx.  What is refused after the data stands in the final line instead
 * (engine/final_log.h).
 */
#ifndef ENGINE_REFUSAL_LOG_H
#define ENGINE_REFUSAL_LOG_H

struct origin;
struct transaction;

struct refusal {
	const char *stage;     /* "CONNECT", "EHLO", "MAIL", "RCPT", "DATA" */
	const char *recipient; /* as sent; NULL: none */
	int code;
	const char *enhanced, *text;
	const struct origin *origin; /* the rule; NULL: none */
	const char *hop;             /* the next hop whose words these are; NULL: ours */
};

void refusal_log(const struct transaction *, const struct refusal *);

#endif
