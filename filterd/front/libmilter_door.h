/*
 * libmilter_door - the milter door on Sendmail's library, one listener a process
 *
 * For those who want the reference implementation of the protocol.  The library's callbacks become
 * the events of front/milter_session.h, and the packets that front/milter_packets.h makes of an
 * answer become the library's calls; so what is said and changed is what the native door says.
 *
 * What the library does otherwise, and nothing here can mend:
 *
 * - It has one socket a process, and keeps everything in variables of its own.
 * - It does not tell who is connected, so its listeners are unix sockets and loopback addresses.
 * - Its pool gives a burst of sessions to two threads: twenty ends of message that take 2 s each
 *   take up to 20 s.  It polls all idle connections anew for each packet, and says nothing while a
 *   callback takes long (no PROGRESS of ours: its own is written without a lock).
 * - A packet of more than 65535 octets, so a header field of that size, ends the connection.
 * - It has a table of states that all connections share.  A command that does not fit is passed
 *   over in silence, and the MTA waits: RCPT or DATA again behind a DATA that was refused, an
 *   unknown command before the first header field when DATA is not sent.  So DATA and the end of
 *   the header are always asked for here; no answer is given where none is wanted.
 * - A piece of the body in the packet that ends the message (no MTA in use does that) is not
 *   followed by the end when body pieces are not answered.
 * - It does not tell the MTA's version, and takes an offer of no actions or no steps for what
 *   version 1 had.
 * - A reply has 32 lines at most.  Its own complaints go to syslog(3), facility mail.
 * - It cannot drain: once it is told to stop it serves no further packet.  So it is told last.
 *
 * Threads: one caller; the process has one such door in its life.
 */
#ifndef FRONT_LIBMILTER_DOOR_H
#define FRONT_LIBMILTER_DOOR_H

#include <stddef.h>

#include "base/attr.h"

struct err;
struct milter_world;

struct libmilter_options {
	const struct milter_world *world; /* must live on */
	size_t listener_index;
	int fd;        /* that listens; the library closes it */
	int timeout_s; /* milter_timeout */
};

/* Serve, on threads of the library.  Should it end by itself, so does the process. */
int libmilter_door_start(const struct libmilter_options *, struct err *) ATTR_MUST_USE;
/* No more messages are begun; those under way have so much time.  0, and then the world is in use
 * no more, though idle connections do not give back their share of its configuration; -1: some
 * messages are not over, and at work with it.  The library's threads go on until _exit(2). */
int libmilter_door_stop(int time_limit_ms);

#endif
