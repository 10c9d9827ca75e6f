/*
 * edit - wishes to change the message, collected and applied all or none
 *
 * An edit replaces `del` octets at offset `at` of the message as it arrived (CRLF lines, message.h)
 * by `ins`.  Edits are kept in order of offset; of two that overlap the first stays, whatever asked
 * for them.  Several inserts at one offset keep the order they came in, in front of what is taken
 * away there.  Nothing here splices bytes into a stream: emitters walk message and list together
 * (PITFALLS A4).
 *
 * A list may have its edits in common with others: who adds to it gets a copy of his own first, so
 * a thousand recipients who want the same cost no more than one.
 *
 * Ownership: list and inserted octets live in the transaction's arena.
 */
#ifndef CORE_EDIT_H
#define CORE_EDIT_H

#include <stddef.h>

#include "base/span.h"

struct arena;

struct edit {
	size_t at, del;
	struct span ins; /* whole CRLF lines, or part of a line */
	int yields;      /* nobody's rule: it makes way for another edit of the same octets */
};

struct edit_list {
	struct arena *arena;
	struct edit *v;
	size_t n, cap;
	/* Those of edit_add_later(), in order, until edit_settle(). */
	struct edit *late;
	size_t nlate, late_cap;
};

void edit_list_init(struct edit_list *, struct arena *);
/* Octets of ins are copied.  What was added, until the next one is; NULL: nothing, since an earlier
 * edit takes away some of these octets, or puts something between them. */
struct edit *edit_add(struct edit_list *, size_t at, size_t del, struct span ins);
/* The same of octets that live as long as the list: they are not copied. */
struct edit *edit_add_kept(struct edit_list *, size_t at, size_t del, struct span ins);
/* Room for so many. */
void edit_list_reserve(struct edit_list *, size_t n);
/* The same for who goes through the message from top to bottom after others have done so: in v once
 * edit_settle() was called, so that many passes over many lines do not move all that is there for
 * each.  A caller calls it at the end of its pass. */
struct edit *edit_add_later(struct edit_list *, size_t at, size_t del, struct span ins);
void edit_settle(struct edit_list *);
/* From now on `to` has the edits of `from`, in the same memory until one of them gets more. */
void edit_list_share(struct edit_list *to, struct edit_list *from);
/* Have they the same memory, or nothing at all?  Both are settled. */
int edit_list_shared(const struct edit_list *, const struct edit_list *);
/* Could it be added: does it take away nothing that another edit does, and is no edit inside what
 * it takes away? */
int edit_is_free(const struct edit_list *, size_t at, size_t del);
/* Do both make the same of a message?  NULL: no edits. */
int edit_list_same(const struct edit_list *, const struct edit_list *);
/* Message length once the edits are applied. */
size_t edit_result_len(const struct edit_list *, size_t len);

/* Walk the message with the edits applied: f gets piece after piece; it returns 0, or -1 to stop.
 * edits NULL: none. */
int edit_walk(struct span message, const struct edit_list *edits,
    int (*f)(void *arg, struct span piece), void *arg);

#endif
