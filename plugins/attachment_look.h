/*
 * attachment_look - what is attached, and what is in that
 *
 * A walk goes through the attachments of a message, and through what is in those that are archives
 * or messages, and says a key for each: "name; declared type; detected type; size; path", whose
 * fields attachment_name.h makes.  What cannot be seen, and what programs may see differently, it
 * says as facts; each once.
 *
 * Limits: attachments and members, octets unpacked, octets held, how much more comes out of an
 *	archive than it has, archives within each other, time, and keys, of which an answer holds so
 *	many.  What is beyond one is told (archive=limit:WHICH), and the walk goes on with what it
 *	may still do: names of attachments, if not of what is in them.
 * Ownership: the caller's; octets and names of an item stay while it is looked at.
 * Threads: a walk has one.
 */
#ifndef PLUGINS_ATTACHMENT_LOOK_H
#define PLUGINS_ATTACHMENT_LOOK_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "plugins/filterd_plugin.h"

struct att_limits {
	size_t depth, members;
	uint64_t size, memory, ratio;
	int64_t time_ms;
};

struct att_walk;

struct att_item {
	struct att_item *outer;             /* what it is in; NULL: the message */
	const struct filterd_octets *names; /* every one that it may have, as they are */
	size_t nnames;
	const char *const *types; /* that it is declared to have */
	size_t ntypes;
	struct filterd_octets octets; /* its beginning, or all */
	int whole;
	int locked;  /* encrypted: there are no octets */
	int is_body; /* a part that is a text to be read rather than an attachment, if it is text */
	int64_t size; /* -1: not known */
	/* private: */
	char *path;
	size_t said; /* keys */
	size_t depth;
	int unread;   /* there may be octets, but none were read */
	uint64_t out; /* what came out of it */
	int over;     /* and that was too much */
};

struct att_ops {
	/* What libmagic takes it for; NULL: it could not be found out. */
	const char *(*type)(void *arg, struct filterd_octets);
	void (*key)(void *arg, const char *key, int more); /* more: of the one before */
	void (*fact)(void *arg, const char *subject, const char *value, const char *detail);
	/* The item is a message: att_look() at each of its parts, with it as their `outer`. */
	void (*message)(void *arg, struct att_walk *, struct att_item *);
	void *arg;
};

enum att_fact {
	ATT_LIMIT_DEPTH,
	ATT_LIMIT_MEMBERS,
	ATT_LIMIT_SIZE,
	ATT_LIMIT_MEMORY,
	ATT_LIMIT_RATIO,
	ATT_LIMIT_TIME,
	ATT_LIMIT_KEYS,
	ATT_LIMIT_NAMES, /* more names of one attachment than are kept */
	ATT_LIMIT_PARTS, /* told by who reads the message */
	ATT_ENCRYPTED,
	ATT_BROKEN,
	ATT_AMBIGUOUS,
	ATT_MISMATCH,
	ATT_FACTS
};

/* Keys that have been said; of more than these the rest is said again. */
#define ATT_KNOWN_MAX 1024
struct att_known {
	uint64_t hash[ATT_KNOWN_MAX];
	size_t n;
};

struct att_walk {
	struct att_limits limits;
	struct att_ops ops;
	struct att_known *known; /* say each key once, as long as this is set */
	/* private: */
	unsigned told; /* 1 << enum att_fact */
	int stop;      /* nothing more is unpacked */
	int is_full;   /* nothing more is told */
	int failed;    /* a type could not be found out */
	size_t members, keys, key_octets;
	uint64_t size, memory;
	int64_t until_ms;
};

/* time_left_ms: beside the limit. */
void att_walk_init(
    struct att_walk *, const struct att_limits *, const struct att_ops *, int64_t time_left_ms);
void att_look(struct att_walk *, struct att_item *);
/* detail NULL: none; of limits it is given already. */
void att_tell(struct att_walk *, enum att_fact, const char *detail);

/* --- for who reads archives --- */

/* 0: stop; something has been told. */
int att_may_go_on(struct att_walk *, const struct att_item *archive);
/* One more member, a folder perhaps.  0: there are too many. */
int att_count(struct att_walk *);
/* So many octets came out of the archive.  0: that was too much. */
int att_unpacked(struct att_walk *, struct att_item *archive, uint64_t n);

struct att_source {
	/* n octets at most; 0: the end; -1: they cannot be read. */
	ssize_t (*read)(void *arg, void *room, size_t n);
	void *arg;
};
/* Read as much of a member as is needed, and look at it; source NULL: it is locked, or there is
 * none.  The member's names, size and `locked` are set. */
void att_member(struct att_walk *, struct att_item *archive, struct att_item *member,
    const struct att_source *);

#endif
