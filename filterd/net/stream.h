/*
 * stream - a connected socket with an input buffer, an output queue and deadlines
 *
 * The only place, with net/dial, where a session waits: in net_wait() (net/fiber.h), which lets the
 * thread go on.  Waiting calls take a deadline; it does not restart with each byte.  A worker's
 * deadlines are kept to about a second.
 *
 * Ownership: stream_new() takes the descriptor; stream_free() closes it.
 * Results: 1 done, 0 orderly end of file, -1 failure or deadline (err: ERR_PEER reset, ERR_RETRY
 * deadline). Threads: one at a time.
 */
#ifndef NET_STREAM_H
#define NET_STREAM_H

#include <sys/types.h>
#include <sys/uio.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/span.h"

struct buf;
struct err;
struct net_watch;
struct stream;

struct stream *stream_new(int fd);
void stream_free(struct stream *); /* NULL is fine */
int stream_fd(const struct stream *);
/* For who waits outside net_wait(); good as long as the stream. */
struct net_watch *stream_watch(struct stream *);

/* --- input --- */

/* What has been received and not consumed. */
struct span stream_peek(const struct stream *);
void stream_consume(struct stream *, size_t n);
/* Wait for more bytes behind what is buffered; at most 64 KB are ever buffered. */
int stream_fill(struct stream *, struct deadline, struct err *) ATTR_MUST_USE;
/* As stream_fill, without waiting: 1 got some, 0 end of file, -1 failure, -2 nothing there now. */
int stream_try_fill(struct stream *);
/* As stream_try_fill, with room for `want` octets in one piece, be it more than 64 KB; the caller
 * bounds it.  Lets others go first now and then. */
int stream_try_fill_to(struct stream *, size_t want);
/* May there be something that no event will tell of (net/fiber.h)?  Then stream_try_fill() comes
 * before the next wait. */
int stream_undrained(const struct stream *);
/* 0: nothing has come since the last wait, as far as events tell. */
int stream_stirred(const struct stream *);
/* The next line without its end; LF and CRLF both end a line, the span is good until the next call.
 * A line longer than max is an error of class ERR_PEER. */
int stream_line(
    struct stream *, size_t max, struct deadline, struct span *, struct err *) ATTR_MUST_USE;
/* Bytes straight into the caller's buffer: first what is buffered, else one recv(2).  >0 count, 0
 * end, -1. */
ssize_t stream_recv(
    struct stream *, void *to, size_t size, struct deadline, struct err *) ATTR_MUST_USE;
/* Put bytes that were received too many back in front. */
void stream_unread(struct stream *, const void *p, size_t n);
/* Has the peer gone (closed both ways or reset)?  Asked without waiting; buffered input means no.
 */
int stream_peer_gone(struct stream *);

/* --- output --- */

/* Queue bytes; they leave with the next flush, so a group of replies is one write. */
void stream_queue(struct stream *, const void *p, size_t n);
/* What is queued: who adds to it queues, without a copy. */
struct buf *stream_out(struct stream *);
size_t stream_queued(const struct stream *);
int stream_flush(struct stream *, struct deadline, struct err *) ATTR_MUST_USE;
/* What is queued and then these pieces, all of it, before the deadline. */
int stream_writev(
    struct stream *, struct iovec *, size_t n, struct deadline, struct err *) ATTR_MUST_USE;

/* --- parking --- */

/* Give the buffers back while a session waits between commands; only with both empty. */
void stream_park(struct stream *);

#endif
