/*
 * plan_edit - everything that changes the message for a group of recipients, as one edit list
 *
 * Prepends, TAG and the edits of the rules, the message's own before a recipient's.
 *
 * Ownership: results live in the transaction's arena.
 */
#ifndef ACTION_PLAN_EDIT_H
#define ACTION_PLAN_EDIT_H

#include "action/plan.h"

/* own: the verdict whose changes are made beside the message's.  NULL: nothing is changed. */
const struct edit_list *plan_edits(
    struct transaction *, const struct verdict *own, const struct plan_options *);
/* Would both verdicts, beside that of the message, make the same list? */
int plan_edits_same(const struct transaction *, const struct plan_options *, const struct verdict *,
    const struct verdict *);
/* Does it change anything? */
int plan_edits_any(const struct verdict *);
/* A rule of this verdict that does, as far as is known, and what stands beside it; NULL: it changes
 * nothing. */
const struct origin *plan_edits_by(
    const struct verdict *, const struct verdict *beside, const struct plan_options *);
/* Add what `more` changes to what `to` does; a change that both want is made once, and where they
 * are at odds `to` wins. */
void plan_edits_join(struct verdict *to, const struct verdict *more, struct arena *);

#endif
