/*
 * notify - tell the service manager how we are (sd_notify(3)'s protocol, by hand)
 *
 * A datagram of NAME=VALUE lines to the socket that NOTIFY_SOCKET names; an @ in front means the
 * abstract name space.  Without the variable nothing happens.
 */
#ifndef PROC_NOTIFY_H
#define PROC_NOTIFY_H

#include "base/attr.h"

/* 1 sent, 0 nobody asked for it, -1 it could not be sent (errno). */
int notify_send(const char *fmt, ...) ATTR_PRINTF(1, 2);

#endif
