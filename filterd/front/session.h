/*
 * session - one SMTP or LMTP connection, as the front room sees it (private to front/)
 *
 * How it runs and waits is front_session's; inside a command it may wait, and between commands
 * nothing is kept but what is here.
 */
#ifndef FRONT_SESSION_H
#define FRONT_SESSION_H

#include <stdint.h>

#include "action/passage.h"
#include "action/relay.h"
#include "base/span.h"
#include "core/client.h"
#include "core/transaction.h"
#include "engine/pipeline.h"
#include "front/front_session.h"
#include "mail/content.h"
#include "mail/syntax.h"

struct message;

enum phase {                 /* bits: a command's row lists the phases it is allowed in */
	PH_NEW = 1 << 0,     /* connected, not greeted */
	PH_GREETED = 1 << 1, /* no HELO yet */
	PH_HELO = 1 << 2,    /* between transactions */
	PH_MAIL = 1 << 3,    /* MAIL given, no recipient accepted */
	PH_RCPT = 1 << 4,
	PH_BDAT = 1 << 5, /* inside a chunked message */
	PH_CLOSE = 1 << 6,
	PH_DENIED = 1 << 7, /* refused at the greeting: only QUIT is left (RFC 5321 3.1) */
	PH_ANY = PH_GREETED | PH_HELO | PH_MAIL | PH_RCPT | PH_BDAT,
};

/* Beside those of enum hop_cap: it is ours alone, no next hop is asked for it. */
#define CAP_PRDR (1u << 16)

struct smtp_session {
	struct front_session f;
	int lmtp;

	enum phase phase;
	int esmtp;     /* EHLO or LHLO, not HELO */
	int skipping;  /* inside a command line that was too long */
	int pipelined; /* a command came before it might: stays so */
	int untold;    /* it has been logged that XFORWARD is missing */
	int errors;    /* smtpd_hard_error_limit */
	int junk;      /* smtpd_junk_command_limit */
	struct mail_path
	    path; /* what the check of MAIL or RCPT understood, for the two steps after it */
	struct mail_params params;
	unsigned caps; /* of enum hop_cap, and CAP_PRDR: what EHLO announced */
	long long size_announced;

	struct client peer;
	struct client *xforward; /* NULL: none given since the last message */
	struct client *xclient;  /* NULL: none */
	int may_xforward, may_xclient;
	int judged;                 /* the lists of the greeting were asked about this client */
	int looked_up;              /* the names of the peer's address */
	struct rule_memory *memory; /* what CONNECT and HELO left for RCPT; NULL: nothing */

	/* The transaction. */
	struct arena *arena;
	struct transaction txn;
	int prdr;                    /* MAIL asked for a reply a recipient */
	struct recipient *candidate; /* whom RCPT is about */
	struct client unknown;       /* the client of a trusted peer that sent no XFORWARD */
	struct message *message;
	struct content content;
	int over_size; /* message_size_limit was passed */
	int no_space;  /* the spool could not take more */
	int log_first; /* a queued reply ends a message: its line in the log goes before it */

	struct passage passage; /* verify_recipients_at_next_hop: what is open there */
};

/* --- session.c --- */
struct smtp_session *session_new(
    struct doors *, int fd, size_t listener_index, const struct sockaddr_storage *peer);
/* The parameters of the session's snapshot and listener. */
const struct params *session_params(const struct smtp_session *);
/* End the transaction, whatever its state: back to PH_HELO (or PH_GREETED). */
void session_end_transaction(struct smtp_session *);
/* The same, but what XFORWARD said stays: MAIL was refused. */
void session_drop_transaction(struct smtp_session *);
/* May this client use XFORWARD and XCLIENT? */
void session_authorise(struct smtp_session *);
/* Take the present configuration for a new transaction. */
void session_take_snapshot(struct smtp_session *);
/* smtpd_timeout from now. */
struct deadline session_io_deadline(const struct smtp_session *);
/* Send what is queued; -1: the client is lost, and the phase PH_CLOSE. */
int session_flush(struct smtp_session *) ATTR_MUST_USE;

/* --- smtp_reply.c --- */
/* Queue a reply; 4xx and 5xx get soft_bounce and smtpd_reject_footer, and count as errors. */
void session_reply(struct smtp_session *, int code, const char *enhanced, const char *text);
/* The same about a recipient, whom the footer may name; NULL: none. */
void session_reply_about(struct smtp_session *, const struct recipient *, int code,
    const char *enhanced, const char *text);
void session_replyf(struct smtp_session *, int code, const char *enhanced, const char *fmt, ...)
    ATTR_PRINTF(4, 5);
/* A reply that came from a next hop or the plan: text begins with its own enhanced code, if any. */
void session_reply_final(
    struct smtp_session *, const struct recipient *, int code, const char *text);
const char *session_service(const struct smtp_session *);
/* The client a log line speaks of: the transaction's, or who is connected. */
const struct client *session_client(const struct smtp_session *);
/* 421 and the end. */
void session_close(struct smtp_session *, const char *enhanced, const char *text);

/* --- commands.c --- */
void session_command(struct smtp_session *, struct span line);

/* --- ask.c --- */
/* Ask the stage's lists; at MAIL a transaction begins.  -1: refused; it has been replied and
 * logged.  verb is the stage's name in the log; helo is the name that HELO brings, or NULL. */
int session_ask(struct smtp_session *, const char *verb, enum stage, struct span helo);
/* The same for who replies later. */
int session_ask_data(struct smtp_session *, struct verdict *);
/* Who and what this is, for a transaction. */
void session_describe(struct smtp_session *, struct transaction *);
/* Reply and line in the log. */
void session_refuse(struct smtp_session *, const char *verb, const struct verdict *);

/* --- the commands, by group; arg is what follows the verb, trimmed --- */
typedef int command_check_fn(struct smtp_session *, struct span arg);
typedef void command_proceed_fn(struct smtp_session *, struct span arg);

/* cmd_hello.c */
void session_greet(struct smtp_session *);
command_check_fn check_helo, check_ehlo, check_lhlo;
command_proceed_fn do_helo, do_ehlo, do_lhlo, do_noop, do_quit, do_rset, do_vrfy, do_help;
command_proceed_fn do_unimplemented, do_auth;
/* cmd_mail.c */
/* Of what check_mail() and check_rcpt() understood. */
void session_begin_transaction(struct smtp_session *);
void session_begin_recipient(struct smtp_session *);
command_check_fn check_mail, check_rcpt;
command_proceed_fn do_mail, do_rcpt;
/* cmd_data.c, cmd_bdat.c */
command_check_fn check_data;
command_proceed_fn do_data, do_bdat;
/* cmd_xforward.c */
command_check_fn check_xforward, check_xclient;
command_proceed_fn do_xforward, do_xclient;

/* receive.c: message octets up to CRLF.CRLF, or `chunk` octets; 0, or -1 when the client is lost.
 * What cannot be kept is swallowed, over_size or no_space say so. */
void receive_begin(struct smtp_session *);
/* trace.c: received_header into the message, which is still empty. */
void receive_trace(struct smtp_session *);
int receive_data(struct smtp_session *) ATTR_MUST_USE;
int receive_chunk(struct smtp_session *, uint64_t chunk, int last, int keep) ATTR_MUST_USE;

/* finish.c: a complete message: checks, plan, relay, replies, log, end of the transaction. */
void session_finish(struct smtp_session *);

#endif
