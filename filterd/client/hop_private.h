/*
 * hop_private - the inside of a connection, for hop_*.c and pool.c only
 */
#ifndef CLIENT_HOP_PRIVATE_H
#define CLIENT_HOP_PRIVATE_H

#include <stdint.h>

#include "client/hop.h"
#include "client/wire.h"

struct stream;

enum hop_phase {
	PHASE_IDLE, /* between transactions */
	PHASE_MAIL, /* MAIL was sent */
	PHASE_DATA, /* the data is open */
	PHASE_DOT,  /* the dot is sent, the reply not read */
};

struct hop {
	uint32_t magic;
#define HOP_MAGIC 0x40b40b51u
	struct stream *s;
	struct next_hop target;
	struct hop_caps caps;
	enum hop_phase phase;
	int broken;
	int answered;        /* a reply came since the transaction began */
	int flushed;         /* some content has left */
	int personal;        /* XCLIENT has made it one client's: never kept */
	char *helo_name;     /* ours */
	struct wire content; /* queued content */
	struct arena *arena; /* for replies nobody else keeps */
	struct hop_reply farewell;
	struct buf line; /* the reply that is being put together */
	/* the pool's */
	int uses; /* transactions it was lent for */
	int64_t idle_since_ms;
	struct hop *next;
};

/* hop_open.c */
struct hop *hop_open(const struct next_hop *, const char *helo_name, int connect_ms, int helo_ms,
    struct deadline, struct err *) ATTR_MUST_USE;
/* The same on a connected socket, which it takes over. */
struct hop *hop_greet(int fd, const struct next_hop *, const char *helo_name, struct deadline,
    struct err *) ATTR_MUST_USE;
void hop_quit(struct hop *); /* QUIT without waiting for its reply, then hop_close() */
void hop_close(struct hop *);
void hop_parse_caps(const char *ehlo_text, struct hop_caps *);

/* hop_reply.c: one reply, matched to the command that `to` names.  -1: the connection is broken. */
int hop_read_reply(struct hop *, const char *to, struct arena *, struct hop_reply *,
    struct deadline, struct err *) ATTR_MUST_USE;
/* As above for a reply whose code must be 2xx, 4xx or 5xx. */
int hop_read_result(struct hop *, const char *to, struct arena *, struct hop_reply *,
    struct deadline, struct err *) ATTR_MUST_USE;
/* How much of a reply's text fits an error text: one line of it, for printf's "%.*s". */
int hop_first_line(const char *text);
/* Mark it broken and say so: rc is what the stream call returned, err what it left. */
int hop_lost(struct hop *, int rc, const char *doing, struct err *);
int hop_flush_commands(struct hop *, const char *doing, struct deadline, struct err *);

/* hop_xforward.c: queue XFORWARD commands for this client; returns how many. */
size_t hop_queue_xforward(struct hop *, const struct hop_client *);
/* " NAME=value" in xtext; NULL, "" or what cannot be said in a command is `none`. */
void hop_format_attr(
    struct buf *, const char *attr, const char *prefix, const char *value, const char *none);

/* hop_xclient.c: be this client from now on, if the next hop takes that.  1 it is, 0 XCLIENT is not
 * for us or this client; or *refused is the next hop's refusal (code 0: none). */
int hop_become(struct hop *, const struct hop_client *, struct arena *, struct hop_reply *refused,
    struct deadline, struct err *);

/* hop_open.c: EHLO or LHLO, and what it can do; 1 agreed, 0 refused, -1. */
int hop_hello(struct hop *, const char *name, struct hop_reply *, struct deadline, struct err *);

#endif
