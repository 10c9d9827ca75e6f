/*
 * ctl - the control socket: filterctl asks the running worker
 *
 * A request is one line of JSON, an answer one JSON object; unix socket, mode 0660, peer must be
 * root or the worker's user or in the socket's group.  Requests: {"do":"status"}, {"do":"ping"},
 * {"do":"requeue","id":"..."}.
 */
#ifndef CTL_CTL_H
#define CTL_CTL_H

#include "base/attr.h"

struct err;
struct ctl_server;

/* Text of the answer, malloc'd JSON, for a request; supplied by the program. */
typedef char *ctl_answer_fn(void *arg, const char *request);

/* A thread of its own answers; stop joins it. */
struct ctl_server *ctl_start(
    const char *path, ctl_answer_fn *, void *arg, struct err *) ATTR_MUST_USE;
void ctl_stop(struct ctl_server *); /* NULL is fine */
/* filterctl's side: the answer, malloc'd, or NULL. */
char *ctl_ask(const char *path, const char *request, int timeout_ms, struct err *) ATTR_MUST_USE;

#endif
