/*
 * reentry - does a message come through the same listener again? (PITFALLS B13)
 *
 * The ordinary mistake behind the queue: the smtpd that takes mail back from filterd has a
 * content_filter too, so all mail goes round until hopcount_limit.  What a listener has passed on
 * is remembered by the client's queue id (XFORWARD IDENT) for an hour; a message whose Received:
 * fields name such an id has been here.  It may also be one that a distant host has sent back, so
 * it is told and counted, fact `loop=reentry:ID`, and not refused.
 *
 * The memory is a table of fixed size in which a newer id may take an older one's place.
 * Threads: any.
 */
#ifndef ENGINE_REENTRY_H
#define ENGINE_REENTRY_H

#include <stdint.h>

struct counters;
struct reentry;
struct transaction;

struct reentry *reentry_new(struct counters *);
void reentry_free(struct reentry *); /* NULL is fine */
/* A complete message, before it is checked: look, and set the fact. */
void reentry_look(struct reentry *, struct transaction *);
/* What became of it is known: remember it if somebody got it. */
void reentry_note(struct reentry *, const struct transaction *);

#endif
