/*
 * pattern_tree - what a pattern may match, as a tree
 *
 * The tree of a pattern matches all texts that the pattern matches, and perhaps more: what looks
 * around or back matches anything here, what must not be given back may be.  So a text that the
 * tree does not match is one that the pattern does not match.  Constructs for which that could not
 * be said make no tree.
 *
 * Ownership: the caller's arena.  Limits: groups nested TREE_DEPTH_MAX deep.
 */
#ifndef TABLE_PATTERN_TREE_H
#define TABLE_PATTERN_TREE_H

#include <stddef.h>

#include "base/attr.h"
#include "table/pattern_set.h"

struct arena;
struct buf;

#define TREE_DEPTH_MAX 60
#define TREE_ENDLESS   100000u /* how often something without an upper bound is repeated */

struct tree {
	enum tree_kind {
		TREE_SET,
		TREE_CAT, /* of no children: the empty text */
		TREE_ALT,
		TREE_REPEAT, /* its child */
		TREE_EDGE,   /* ^ $ b B A z, and 0: something that holds or not, but matches nothing
			      */
	} kind;
	char edge;
	unsigned min, max; /* of TREE_REPEAT */
	struct pattern_set set;
	struct tree *child, *last, *next;
};

struct tree_pattern {
	struct tree *root;
	int caseless;  /* somewhere in it */
	int multiline; /* somewhere in it */
};

enum tree_dialect {
	TREE_PCRE,
	TREE_ERE, /* of regcomp(3), with GNU's extensions */
};

struct tree_flags {
	int caseless, multiline, dotall, extended, anchored;
};

/* -1: not understood. */
int tree_parse(const char *text, enum tree_dialect, const struct tree_flags *, struct arena *,
    struct tree_pattern *) ATTR_MUST_USE;

struct tree *tree_new(struct arena *, enum tree_kind);
void tree_add(struct tree *parent, struct tree *child);
/* Does it match every text? */
int tree_matches_all(const struct tree *);
/* Does what it matches in a text not depend on where that begins and ends? */
int tree_floats(const struct tree *);
/* The pattern in the syntax that is Vectorscan's; -1: too large. */
int tree_write(const struct tree_pattern *, struct buf *) ATTR_MUST_USE;

#endif
