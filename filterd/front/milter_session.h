/*
 * milter_session - what an MTA tells a mail filter, and what the filter says to it, apart from any
 * wire (private to front/)
 *
 * Events in, answers and changes out.  The milter door (front/milter_door.h) makes the events from
 * packets; front/libmilter_door.c from libmilter's callbacks.  Here are the stages, the client, the
 * transaction and the message; there is nothing of packets, and nothing of policy either, which is
 * behind engine_ask().
 *
 * One session is one SMTP session of the MTA; QUIT_NC ends it and a new one follows on the same
 * connection.  Macros are told before the event they come with.
 *
 * What cannot be answered where it arises, for no reply was negotiated there (a reload may have
 * brought a list since), is kept and answered at the next event that can; at the latest at the end
 * of the message.  ACCEPT is never said: what comes later must still be seen (PITFALLS H6).
 *
 * Ownership: texts given with an event are copied.  An answer is good until the next event.
 * Threads: one at a time; an event may wait (DNS, tables, checks), in a fiber as a fiber.
 */
#ifndef FRONT_MILTER_SESSION_H
#define FRONT_MILTER_SESSION_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "action/handback.h"
#include "base/span.h"
#include "mail/milter_syntax.h"

struct counters;
struct hold_store;
struct message;
struct milter_session;
struct params;
struct rule_services;
struct snapshot;

/* What the process gives; all sessions share it. */
struct milter_world {
	/* The present configuration, counted. */
	struct snapshot *(*snapshot)(void *arg);
	/* A message for a transaction, and back. */
	struct message *(*message_get)(void *arg, const struct params *);
	void (*message_put)(void *arg, struct message *);
	void *arg;
	struct counters *counters;
	struct hold_store *hold;              /* NULL: no store */
	const struct rule_services *services; /* NULL: the DNS and the like cannot be asked */
};

enum milter_do {
	MILTER_GO_ON, /* CONTINUE; at the end of the message with the changes */
	MILTER_REPLY, /* code, enhanced, text */
	MILTER_DISCARD,
	MILTER_ENOUGH, /* SKIP: of the body no more need be sent.  Only where SKIP was granted */
};

struct milter_answer {
	enum milter_do what;
	int code; /* 4xx or 5xx; 421 closes the SMTP session */
	const char *enhanced, *text;
	const struct change *changes;
	size_t nchanges;
};

/* peer: who is connected to us; the SMTP client is told by events.  The world must live longer. */
struct milter_session *milter_session_new(
    const struct milter_world *, size_t listener_index, const struct sockaddr_storage *peer);
void milter_session_free(struct milter_session *); /* NULL is fine */

/* What we wish to negotiate of what the MTA offers: a version both know, actions and steps masked
 * to what both know, no reply wherever no list could want one, and the macros that are of use; [i]
 * NULL where SETSYMLIST was not offered. */
struct milter_wishes {
	struct milter_options options;
	const char *macros[MILTER_ATS];
};
/* 0, or -1: no version in common (err, ERR_PEER).  The wishes hold for the session from now on. */
int milter_session_negotiate(struct milter_session *, const struct milter_options *offer,
    struct milter_wishes *, struct err *) ATTR_MUST_USE;
/* Which events are answered on the wire, as negotiated. */
int milter_session_is_answered(const struct milter_session *, enum milter_command);

/* One macro, its name without braces.  Those of a stage hold until its macros are told anew. */
void milter_session_macros_begin(struct milter_session *, enum milter_macros_at);
void milter_session_macro(
    struct milter_session *, enum milter_macros_at, const char *name, const char *value);

/* All macros that can be of use, whether asked for or not; NULL behind the last one. */
const char *milter_session_macro_name(size_t i);

/* --- events --- */
void milter_connect(
    struct milter_session *, const struct milter_connection *, struct milter_answer *);
void milter_helo(struct milter_session *, const char *name, struct milter_answer *);
/* args: the path, then its ESMTP parameters, as the MTA passes them on. */
void milter_mail(
    struct milter_session *, const char *const *args, size_t n, struct milter_answer *);
void milter_rcpt(
    struct milter_session *, const char *const *args, size_t n, struct milter_answer *);
void milter_data(struct milter_session *, struct milter_answer *);
void milter_unknown(struct milter_session *, const char *command, struct milter_answer *);
void milter_header(
    struct milter_session *, struct span name, struct span value, struct milter_answer *);
void milter_end_of_headers(struct milter_session *, struct milter_answer *);
void milter_body(struct milter_session *, struct span chunk, struct milter_answer *);
/* Checks, plan, hold copies, line in the log: the message is over with it. */
void milter_end_of_message(struct milter_session *, struct milter_answer *);
/* The message, if there is one, is over; the SMTP session goes on. */
void milter_abort(struct milter_session *);
/* QUIT_NC: the SMTP session is over, and another one may follow; what was negotiated stays. */
void milter_session_again(struct milter_session *);
/* The last answer is on its way, and it may be long until the next event: give back what it pointed
 * to. */
void milter_session_idle(struct milter_session *);
/* Not inside a message: a good time for a listener that stops to close. */
int milter_session_between(const struct milter_session *);
/* For log lines: the decision id of the message, or of the connection. */
const char *milter_session_id(const struct milter_session *);

#endif
