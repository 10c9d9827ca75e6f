/*
 * accept - new connections (private to front/)
 */
#ifndef FRONT_ACCEPT_H
#define FRONT_ACCEPT_H

#include <stddef.h>

struct doors;

/* Take all connections that wait at listener i, greet them or refuse them. */
void accept_all(struct doors *, size_t i);

#endif
