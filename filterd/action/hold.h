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
struct plan_step;
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
	const char *reason;            /* "hold: text", "reject: 550 5.7.1 text" */
	const char *rule;              /* FILE:LINE */
	const char *next_hop;          /* text: where it would have gone without `filter` */
	const char *filter, *redirect; /* effects that release carries out; NULL: none */
	const char *const *bcc;        /* recipients that release adds */
	size_t nbcc;
};

/* Opens or makes the directory (0700), removes what unfinished writers left, repairs the index. */
struct hold_store *hold_open(const struct hold_options *, struct err *) ATTR_MUST_USE;
void hold_close(struct hold_store *); /* NULL is fine */
void hold_set_options(struct hold_store *, const struct hold_options *);

/* Keep a copy for these recipients of the transaction.  id (size at least 40) gets the hold id.  0:
 * on disk; -1: nothing kept (ERR_SYSTEM disk full or limits; the caller answers 4xx). */
int hold_put(struct hold_store *, const struct transaction *, const size_t *rcpts, size_t nrcpts,
    const struct edit_list *, const struct hold_why *, char *id, size_t id_size,
    struct err *) ATTR_MUST_USE;

/* The same for a STEP_HOLD of a plan. */
int hold_put_step(struct hold_store *, const struct transaction *, const struct plan_step *,
    char *id, size_t id_size, struct err *) ATTR_MUST_USE;

/* Take back a copy that hold_put() made, when the transaction is aborted after all. */
void hold_undo(struct hold_store *, const char *id);

/* --- what filterctl asks --- */

struct hold_rcpt {
	char *path, *params;
	int released; /* handed on already */
};

/* Texts are never NULL but filter and redirect.  The client's are "unknown" or "" as in struct
 * client. */
struct hold_entry {
	char *id, *decision_id, *sender, *sender_params, *reason, *rule, *listener, *next_hop;
	char *client_addr, *client_name, *client_reverse, *client_helo, *client_proto, *client_port,
	    *client_login, *queue_id, *message_id, *subject;
	char *filter, *redirect; /* effects that were raised and not carried out */
	char **bcc, **prepended; /* BCC recipients; header lines put in front by PREPEND */
	size_t nbcc, nprepended;
	enum hold_class class;
	int body_8bit, smtputf8;
	int client_source; /* enum client_source */
	int64_t time;      /* seconds since the epoch */
	int64_t size;      /* octets of the message */
	struct hold_rcpt *rcpts;
	size_t nrcpts;
};

const char *hold_class_name(enum hold_class);

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

/* Only one of all threads and processes works on a message: *lock is for hold_unlock().  1, 0 no
 * such id, -1 (ERR_RETRY: someone else has it). */
int hold_lock(struct hold_store *, const char *id, int *lock, struct err *) ATTR_MUST_USE;
void hold_unlock(int lock); /* -1 is fine */

/* The next two are for who has the lock.  Mark recipients released (by index), on disk when it
 * returns 0, and remove the file when all are. */
int hold_mark_released(
    struct hold_store *, const char *id, const size_t *rcpts, size_t n, struct err *) ATTR_MUST_USE;
int hold_remove(struct hold_store *, const char *id, struct err *) ATTR_MUST_USE;
/* Locks and removes: 1, 0 absent, -1. */
int hold_delete(struct hold_store *, const char *id, struct err *) ATTR_MUST_USE;

/* Make the index anew from the files; how many there are. */
int hold_reindex(struct hold_store *, size_t *files, struct err *) ATTR_MUST_USE;
/* Age limit; called about once a minute. */
void hold_expire(struct hold_store *);

#endif
