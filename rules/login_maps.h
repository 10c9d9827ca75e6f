/*
 * login_maps - who may use a sender address: smtpd_sender_login_maps
 *
 * Keys: user+ext@dom, user@dom, user+ext and user if the domain is ours, @dom.  The answer is a
 * list of login names, separated by comma or white space.
 *
 * Ownership: in the load's arena.  Threads: any.
 */
#ifndef RULES_LOGIN_MAPS_H
#define RULES_LOGIN_MAPS_H

#include "base/attr.h"

struct address;
struct err;
struct login_maps;
struct map_ask;
struct rule_load;
struct table_hit;

/* Never NULL.  text NULL or "": nobody owns anything. */
struct login_maps *login_maps_compile(struct rule_load *, const char *text) ATTR_MUST_USE;
int login_maps_empty(const struct login_maps *);
/* The owners of the address, in hit->value.  1, 0: it has none, -1: err as map_list_find(). */
int login_maps_owners(const struct login_maps *, const struct map_ask *, const struct address *,
    struct table_hit *, struct err *) ATTR_MUST_USE;
/* Is the login one of them?  Case does not count. */
int login_maps_is_owner(const char *owners, const char *login);

#endif
