/*
 * hold - messages set aside, one self-describing file each
 *
 * The file is the truth: envelope, state a recipient, reason, decision id, octets (with the edits
 * of the rules applied, as Postfix's hold queue has them).  SQLite is an index that can be rebuilt
 * from the files and is repaired at start (DESIGN.md, decision 13). Order: file written,
 * fsync(file), rename, fsync(folder), then the index; hold_put() returns 0 only then, so a 250
 * after it loses nothing.  File names are made by us, nothing of the mail is in them (PITFALLS I6).
 *
 * Threads: any.
 */
#ifndef ACTION_HOLD_H
#define ACTION_HOLD_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/span.h"

struct edit_list;
struct err;
struct hold_store;
struct transaction;

struct hold_options {
	const char *directory;
	int64_t max_age_s; /* hold_max_age; 0: for ever */
	int64_t max_size;  /* hold_max_size, octets; 0: no limit */
	int64_t min_free;  /* hold_min_free, octets that must stay free in the file system */
};

enum hold_class {
	HOLD_POLICY,
	HOLD_SPAM,
	HOLD_VIRUS,
	HOLD_FAILURE
}; /* at the size limit spam and virus go first, failure never */

struct hold_why {
	enum hold_class class;
	const char *reason; /* "hold: text", "reject: 550 5.7.1 text" */
	const char *rule;   /* FILE:LINE */
};

/* Opens or makes the directory (0700), repairs the index. */
struct hold_store *hold_open(const struct hold_options *, struct err *) ATTR_MUST_USE;
void hold_close(struct hold_store *); /* NULL is fine */
void hold_set_options(struct hold_store *, const struct hold_options *);

/* Keep a copy for these recipients of the transaction.  id (size at least 40) gets the hold id.  0:
 * on disk; -1: nothing kept (ERR_SYSTEM disk full or limits; the caller answers 4xx). */
int hold_put(struct hold_store *, const struct transaction *, const size_t *rcpts, size_t nrcpts,
    const struct edit_list *, const struct hold_why *, char *id, size_t id_size,
    struct err *) ATTR_MUST_USE;

/* Take back a copy that hold_put() made, when the transaction is aborted after all. */
void hold_undo(struct hold_store *, const char *id);

/* --- what filterctl asks --- */

struct hold_rcpt {
	char *path, *params;
	int released; /* handed on already */
};

struct hold_entry {
	char *id, *decision_id, *sender, *sender_params, *reason, *rule, *listener, *next_hop;
	char *client_addr, *client_name, *client_helo, *client_proto, *queue_id, *message_id,
	    *subject;
	char *filter, *redirect; /* effects that were raised and not carried out */
	enum hold_class class;
	int64_t time; /* seconds since the epoch */
	int64_t size; /* octets of the message */
	struct hold_rcpt *rcpts;
	size_t nrcpts;
};

struct hold_filter {
	int64_t older_than_s;                  /* --age; 0: any */
	const char *sender, *recipient, *rule; /* substrings, ASCII case folded; NULL: any */
};

/* f returns 0 to go on.  Newest last. */
int hold_list(struct hold_store *, const struct hold_filter *,
    int (*f)(void *arg, const struct hold_entry *), void *arg, struct err *) ATTR_MUST_USE;
/* One message: entry and mapped octets.  1, 0 no such id, -1. */
struct hold_message {
	struct hold_entry entry;
	struct span octets;
	void *map;
	size_t map_len;
};
int hold_read(
    struct hold_store *, const char *id, struct hold_message *, struct err *) ATTR_MUST_USE;
void hold_message_fini(struct hold_message *);
/* Mark recipients released (by index) and remove the file when all are: file first, fsynced.  */
int hold_mark_released(
    struct hold_store *, const char *id, const size_t *rcpts, size_t n, struct err *) ATTR_MUST_USE;
int hold_delete(
    struct hold_store *, const char *id, struct err *) ATTR_MUST_USE; /* 1, 0 absent, -1 */
int hold_reindex(struct hold_store *, size_t *files, struct err *) ATTR_MUST_USE;
/* Age limit; called about once a minute. */
void hold_expire(struct hold_store *);

#endif
