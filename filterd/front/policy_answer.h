/*
 * policy_answer - a verdict as one action of a policy reply, and its line in the log (private to
 * front/)
 *
 * The protocol has room for one action.  A refusal is "CODE ENH TEXT"; a deferral that depends on
 * what else is decided goes by its name; else the strongest effect, in the order DISCARD, HOLD,
 * FILTER, REDIRECT, BCC, PREPEND; else DUNNO.  A permit is policy_permit_action, for a list of ours
 * knows nothing of the MTA's relay control (PITFALLS B3).
 *
 * Postfix puts "<NAME>: CLASS rejected: " in front of the text it gets.  Where ours begins with the
 * same words they are left out, so that they are said once, unless policy_refusal_text = whole.
 */
#ifndef FRONT_POLICY_ANSWER_H
#define FRONT_POLICY_ANSWER_H

struct origin;
struct transaction;
struct verdict;

struct policy_question {
	const struct transaction *txn; /* its verdict has the effects */
	const char *stage;             /* protocol_state */
	const char *recipient;
	const char *subject, *rejects; /* "<SUBJECT>: REJECTS rejected: " is Postfix's own */
	int whole_text;                /* policy_refusal_text: say it all the same */
	const char *permit_action;     /* policy_permit_action */
};

struct policy_answer {
	const char *action;   /* what follows "action=" */
	const char *verb;     /* for the log: "reject", "hold", "dunno" */
	const char *left_out; /* effects that had no room; NULL: none */
	const struct origin *origin;
	int is_dunno;
};

/* Texts live in the transaction's arena. */
void policy_answer_make(
    const struct policy_question *, const struct verdict *, struct policy_answer *);
void policy_answer_log(const struct policy_question *, const struct policy_answer *);

#endif
