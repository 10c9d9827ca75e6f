/*
 * option_pair - what an option changes: two worlds that differ in it alone, asked the same question
 *
 * The answers must be those of the row.  Rows whose answers differ are told to rule_coverage.h.
 */
#ifndef TESTS_LIB_OPTION_PAIR_H
#define TESTS_LIB_OPTION_PAIR_H

#include <stddef.h>

#include "tests/lib/rule_world.h"

#define PAIR_LIST       "smtpd_recipient_restrictions"
#define PAIR_RCPT(text) "<r@local.example>: Recipient address rejected: " text
#define PAIR_DENIED     "554 5.7.1 " PAIR_RCPT("Access denied")
#define PAIR_BROKEN     "451 4.3.5 Server configuration error"
#define PAIR_NO_LOAD    "not loaded" /* the answer of rules that cannot be compiled */

struct option_case {
	struct { /* rule_option_list.h; NULL: not set */
		const char *name, *a, *b;
	} option;
	const char *list; /* smtpd_recipient_restrictions; NULL: none */
	struct {
		const char *a, *b;
	} want;
	const char *sender, *rcpt, *helo; /* NULL: the world's own */
	struct {
		const char *name, *value;
	} more[4];                               /* other options */
	void (*prepare)(struct rule_world *);    /* before it is compiled */
	enum rule_stage stage;                   /* 0: RULE_RCPT */
	const char *log_b;                       /* b's log has it, and a's has not */
	int accepted;                            /* recipients that came before */
	const char *zone;                        /* rule_world_zone() */
	const char *(*ask)(struct rule_world *); /* in place of the one question */
	void (*end)(struct rule_world *);        /* of what prepare made */
};

void option_pairs(const struct option_case *, size_t n);

#endif
