/*
 * milter_session_private - what the files of the milter session share; nobody else includes it
 */
#ifndef FRONT_MILTER_SESSION_PRIVATE_H
#define FRONT_MILTER_SESSION_PRIVATE_H

#include "base/buf.h"
#include "core/client.h"
#include "core/transaction.h"
#include "engine/pipeline.h"
#include "engine/snapshot.h"
#include "front/milter_session.h"
#include "mail/content.h"

struct milter_told; /* milter_macros.c */

/* A refusal that could not be told where it arose, and how long it is good for. */
enum milter_scope { KEPT_CLIENT, KEPT_HELO, KEPT_MESSAGE, KEPT_SCOPES };
struct milter_kept {
	int code; /* 0: nothing is kept */
	char enhanced[12];
	char *text, *rule; /* rule: as the log has it; the configuration may be gone */
};

/* The texts of a client_tls. */
struct milter_tls {
	struct client_tls view;
	char protocol[32], cipher[80], subject[256], issuer[256];
};

struct milter_session {
	const struct milter_world *world;
	size_t listener_index;
	char peer[64]; /* the MTA's address, for log lines */
	char id[24];   /* decision id of what is outside a message */
	struct snapshot *snapshot;
	const struct snap_listener *listener; /* of that snapshot */
	struct milter_options granted;
	struct milter_told *told; /* macros, */
	unsigned used;            /* and at which stages their event has come since: bits */

	/* The SMTP session. */
	struct client client;
	struct milter_tls *tls; /* NULL: none was ever told */
	int has_helo;
	int simulated; /* no SMTP client: the MTA makes the events up (milter_client.c) */
	int judged;    /* the client list was asked at CONNECT */
	struct rule_memory *memory;
	struct milter_kept kept[KEPT_SCOPES];

	/* The message. */
	int in_message; /* MAIL was accepted */
	int bad_sender; /* its path is nothing that we understand */
	int answered;   /* its end was, and the answer is still being read */
	struct arena *arena;
	struct transaction txn;
	size_t rcpts_asked; /* about, accepted or not */
	struct message *message;
	struct content content;
	int in_body;
	int over_size; /* message_size_limit was passed */
	int no_space;  /* the spool could not take more */

	/* What the answer points to. */
	struct buf text;
	char enhanced[12];
};

/* --- milter_session.c --- */
/* Every event begins so: what the last answer pointed to goes, and *out is GO_ON. */
void milter_event(struct milter_session *, struct milter_answer *out);
/* What is known of the client goes, but for macros. */
void milter_forget_client(struct milter_session *);
/* The present configuration. */
void milter_renew(struct milter_session *);
/* All of the message goes, but for the macros told for the next one. */
void milter_end_transaction(struct milter_session *);
/* Who and what this is. */
void milter_describe(struct milter_session *, struct transaction *);

/* --- milter_macros.c --- */
enum milter_macro {
	MACRO_I,
	MACRO_R,
	MACRO_V,
	MACRO_CLIENT_ADDR,
	MACRO_CLIENT_NAME,
	MACRO_CLIENT_PORT,
	MACRO_CLIENT_PTR,
	MACRO_CLIENT_RESOLVE,
	MACRO_DAEMON_ADDR,
	MACRO_DAEMON_PORT,
	MACRO_IF_ADDR,
	MACRO_TLS_VERSION,
	MACRO_CIPHER,
	MACRO_CIPHER_BITS,
	MACRO_CERT_SUBJECT,
	MACRO_CERT_ISSUER,
	MACRO_VERIFY,
	MACRO_AUTH_AUTHEN,
	MACRO_AUTH_TYPE,
	MACRO_AUTH_AUTHOR,
	MACRO_RCPT_MAILER,
	MACROS,
};
/* As it was told last, at whatever stage; NULL: it was not. */
const char *milter_macro_get(const struct milter_session *, enum milter_macro);
/* Of this stage alone. */
const char *milter_macro_at(
    const struct milter_session *, enum milter_macros_at, enum milter_macro);
/* The event they come with is here: those of an earlier one at this stage, and all of later stages,
 * are not about it. */
void milter_macros_use(struct milter_session *, enum milter_macros_at);
/* Forget those of this stage and of the later ones; but what was told for the stage's next event
 * already stays. */
void milter_macros_forget(struct milter_session *, enum milter_macros_at from);
void milter_macros_free(struct milter_session *);

/* --- milter_client.c: events and macros as struct client --- */
void milter_client_connected(struct milter_session *, const struct milter_connection *);
/* TLS, login and protocol, as the macros told so far have them. */
void milter_client_refresh(struct milter_session *, int esmtp);
/* The MTA's queue id, once there is one. */
void milter_client_ident(struct milter_session *);

/* Is Sendmail the MTA that asks? */
int milter_client_asks_sendmail(const struct milter_session *);

/* --- milter_refuse.c: what a refusal is --- */
/* Can this event be answered with one? */
int milter_can_refuse(const struct milter_session *, enum milter_command);
/* The answer, with soft_bounce and smtpd_reject_footer; r: whom it is about, or NULL. */
struct milter_words {
	int code;
	const char *enhanced, *text;
};
void milter_say(struct milter_session *, const struct milter_words *, const struct recipient *r,
    struct milter_answer *out);
/* A line in the log about a command. */
void milter_log_refusal(const struct transaction *, const char *verb, const struct recipient *r,
    const struct verdict *);
/* Log it, and say it or keep it.  1: it is said. */
struct milter_where {
	enum milter_command command;
	const char *verb; /* in the log */
	enum milter_scope scope;
};
int milter_refuse(struct milter_session *, struct transaction *, const struct milter_where *,
    const struct verdict *, struct milter_answer *out);
void milter_keep(struct milter_session *, enum milter_scope, const struct verdict *);
/* The first that is kept, or NULL. */
const struct milter_kept *milter_kept_first(const struct milter_session *);
/* Say what is kept, if there is anything and it can be said here: 1, or 0. */
int milter_say_kept(struct milter_session *, enum milter_command, struct milter_answer *out);
void milter_kept_drop(struct milter_session *, enum milter_scope);

/* --- milter_message.c --- */
/* All of it has come. */
void milter_message_close(struct milter_session *);

#endif
