/*
 * libmilter_conn - the connections of the libmilter door, and who is at work in them (private to
 * front/)
 *
 * Threads: the library runs each connection on one thread at a time.
 */
#ifndef FRONT_LIBMILTER_CONN_H
#define FRONT_LIBMILTER_CONN_H

#include <stdint.h>

#include <libmilter/mfapi.h>

#include "front/milter_session.h"

/* One SMTP session; what the library keeps for us with its own. */
struct conn {
	struct milter_session *session;
	struct milter_wishes wishes;
	int in_message;
	int unwanted; /* it has begun a message since we stop */
	int counted;  /* as inside a message; the door's */
};

/* NULL: not welcome (logged). */
struct conn *conn_open(const SMFICTX *, const struct milter_options *offer);
/* Behind QUIT_NC, with the offer of before. */
struct conn *conn_open_again(const SMFICTX *);
void conn_close(struct conn *);
/* Around all that a callback does with a session.  0: it may not any more. */
int conn_enter(int *stopping);
void conn_leave(struct conn *); /* NULL: there is none, or none any more */
struct counters *conn_counters(void);

/* libmilter_say.c: what a callback returns; steps: as granted. */
sfsistat libmilter_say(SMFICTX *, uint32_t steps, const struct milter_answer *);
/* libmilter_calls.c */
void libmilter_callbacks(struct smfiDesc *);

#endif
