/*
 * ctl - the control socket: filterctl asks the running worker
 *
 * A connection carries one request, one line of JSON, and its answer, one JSON object on one line;
 * unix socket, mode 0660, peer must be root or the worker's user or in the socket's group.
 * Requests: {"do":"status"}, {"do":"ping"}.  What cannot be understood or done is answered
 * {"error":"TEXT"}.
 *
 * Limits: CTL_REQUEST_MAX octets a request, CTL_PEERS_MAX requests at one time (more are told to
 *	come back), 5 seconds for a request to arrive and for each pause in taking the answer.
 */
#ifndef CTL_CTL_H
#define CTL_CTL_H

#include "base/attr.h"

#define CTL_REQUEST_MAX 65536
#define CTL_PEERS_MAX   16

struct err;
struct ctl_server;

/* Text of the answer, malloc'd JSON, for a request, which is a JSON object with a string "do";
 * supplied by the program.  NULL: no such request.  Called by several threads at once. */
typedef char *ctl_answer_fn(void *arg, const char *request);

/* A thread of its own listens, one a request answers; stop joins them.  A socket left behind by a
 * dead process is replaced; one that answers is an error. */
struct ctl_server *ctl_start(
    const char *path, ctl_answer_fn *, void *arg, struct err *) ATTR_MUST_USE;
void ctl_stop(struct ctl_server *); /* NULL is fine */

/* filterctl's side: the answer, malloc'd, or NULL: ERR_RETRY nobody answers there or not in time,
 * ERR_SYSTEM the socket may not be used, ERR_PEER the answer is {"error":...} or no JSON object. */
char *ctl_ask(const char *path, const char *request, int timeout_ms, struct err *) ATTR_MUST_USE;

#endif
