/*
 * mail_find - look an address up in a list of tables, the way virtual(5) and its like describe
 *
 * Each key of mail_keys.h in turn, and for each key every table of the list.
 */
#ifndef RULES_MAIL_FIND_H
#define RULES_MAIL_FIND_H

#include "base/attr.h"
#include "rules/mail_keys.h"

struct err;
struct map_ask;
struct map_list;
struct table_hit;

/* 1, 0, -1 as map_list_find(). */
int mail_find(const struct map_list *, const struct map_ask *, const struct address *,
    enum mail_keys_kind, int parents, struct table_hit *, struct err *) ATTR_MUST_USE;

#endif
