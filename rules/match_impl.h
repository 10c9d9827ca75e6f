/*
 * match_impl - what the two files of match_list share; nobody else includes it
 */
#ifndef RULES_MATCH_IMPL_H
#define RULES_MATCH_IMPL_H

#include <stddef.h>
#include <stdint.h>

#include "rules/match_list.h"

enum match_item_type {
	ITEM_TEXT, /* a name, an address as text */
	ITEM_TABLE,
	ITEM_NET,     /* compared as text with names, too: Postfix does not know yet what it is */
	ITEM_BAD_NET, /* why: what is wrong with it */
	ITEM_BROKEN,  /* nothing can be known; text is the error */
};

struct match_item {
	enum match_item_type type;
	int negated;
	const char *text;
	int table;
	const char *why;
	int family;
	uint8_t addr[16];
	unsigned bits;
};

struct match_list {
	enum match_kind kind;
	int parents;
	struct match_item *items;
	size_t n, cap;
};

#endif
