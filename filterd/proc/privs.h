/*
 * privs - give up what the worker does not need
 *
 * Results: 0, or -1 with err (ERR_CONFIG no such user; ERR_SYSTEM).
 */
#ifndef PROC_PRIVS_H
#define PROC_PRIVS_H

#include "base/attr.h"

struct err;

/* Is there such a user, and is it fit: not root?  Asked before anything is opened. */
int privs_check_user(const char *user, struct err *) ATTR_MUST_USE;
/* Become this user for good, when root; always set no_new_privs.  On failure the process must end:
 * it may have lost half of its rights. */
int privs_drop(const char *user, struct err *) ATTR_MUST_USE;
/* No other process of this user may look into this one's memory or trace it, nor into those it
 * forks; there are no core files then.  For who shares a user with what strangers may take over. */
void privs_hide(void);
/* Root acts as this user for a moment: a name in a folder of the user's may be a link to anything.
 * Nothing happens when not root.  privs_return() is due only after 0. */
int privs_borrow(const char *user, struct err *) ATTR_MUST_USE;
void privs_return(void);
/* As many descriptors as the limits allow, and as root at least 65536: each session is one. */
void privs_raise_nofile(void);

#endif
