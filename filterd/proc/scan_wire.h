/*
 * scan_wire - what a worker and a scanner say to each other
 *
 * Datagrams of SOCK_SEQPACKET sockets.  A worker puts a job, with the first question, into the
 * queue that all scanners read; with it go two descriptors: the scanner's end of a session, and the
 * message, a sealed memfd.  On the session the scanner says that it has taken the job, and answers;
 * further questions come there.
 *
 * A scanner may be in a stranger's hands: what it says is bounded, and checked octet by octet.
 * Texts hold neither NUL nor control characters; what says them puts `?` in their place.
 *
 * Results: parsers 0, or -1: it is none; what they filled in is not to be used.
 * Threads: any.
 */
#ifndef PROC_SCAN_WIRE_H
#define PROC_SCAN_WIRE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/span.h"

struct arena;
struct err;

#define SCAN_NAME_MAX     64           /* of a plugin, of a scan */
#define SCAN_TEXT_MAX     1000         /* each text of an answer */
#define SCAN_RECORDS_MAX  2048         /* of an answer */
#define SCAN_DATAGRAM_MAX (192 * 1024) /* of any kind */
#define SCAN_TIME_MAX_MS  3600000

/* --- worker to scanner --- */

struct scan_question {
	char plugin[SCAN_NAME_MAX + 1], scan[SCAN_NAME_MAX + 1];
	int32_t time_ms; /* an answer is wanted within */
};
struct scan_job {
	uint32_t lead; /* octets of the line in front */
	uint64_t size; /* of the memfd */
	struct scan_question question;
};

/* -1: a name is too long. */
int scan_question_set(struct scan_question *, const char *plugin, const char *scan) ATTR_MUST_USE;
void scan_job_format(const struct scan_job *, struct buf *);
int scan_job_parse(struct span, struct scan_job *) ATTR_MUST_USE;
void scan_question_format(const struct scan_question *, struct buf *);
int scan_question_parse(struct span, struct scan_question *) ATTR_MUST_USE;

/* --- scanner to worker --- */

enum scan_record_kind {
	SCAN_FACT,   /* a=subject, b=value, c=detail or NULL */
	SCAN_KEY,    /* a */
	SCAN_COUNT,  /* a=counter, n */
	SCAN_FAILED, /* a=why */
};
struct scan_record {
	enum scan_record_kind kind;
	const char *a, *b, *c;
	uint64_t n;
};

void scan_taken_format(int pid, struct buf *);
/* An answer that grows; what is too much turns it into one that has failed. */
struct scan_answer {
	struct buf text;
	size_t records;
	int too_much;
};
void scan_answer_init(struct scan_answer *);
void scan_answer_add(struct scan_answer *, const struct scan_record *);
/* What is to be sent; valid until the answer is changed. */
struct span scan_answer_end(struct scan_answer *);
void scan_answer_fini(struct scan_answer *);

enum scan_said { SCAN_SAID_TAKEN, SCAN_SAID_ANSWER };
struct scan_saying {
	enum scan_said what;
	int pid;                     /* SCAN_SAID_TAKEN */
	struct scan_record *records; /* SCAN_SAID_ANSWER, in the arena */
	size_t n;
};
int scan_saying_parse(struct span, struct arena *, struct scan_saying *) ATTR_MUST_USE;

/* --- descriptors --- */

/* Send one datagram, without waiting.  0, or -errno. */
int scan_send(int fd, struct span, const int *fds, size_t nfds);
/* Receive one: its length, 0 at the end of file, or -errno; -EMSGSIZE: it is bigger than the room.
 * fds gets the descriptors that came, close-on-exec; all want of them, or none is kept and it is
 * -EBADMSG.  wait: until one comes. */
ssize_t scan_receive(int fd, void *room, size_t size, int *fds, size_t want, int wait);
/* The message behind its line, sealed; -1 with err. */
int scan_memfd(struct span lead, struct span message, struct err *);
/* Is it of this size, and can nobody change it?  0, -1. */
int scan_memfd_check(int fd, uint64_t size);

#endif
