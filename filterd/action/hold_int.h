/*
 * hold_int - what the files of the hold store share
 *
 * Locks: `lock` guards options, index and the sum of what is being written; it is held across
 * SQLite calls and small file operations, never across the writing of a message.
 */
#ifndef ACTION_HOLD_INT_H
#define ACTION_HOLD_INT_H

#include <pthread.h>
#include <sys/stat.h>

#include "action/hold.h"
#include "action/hold_file.h"
#include "action/hold_index.h"

/* A file of a writer that died; a living one is never so slow between two writes. */
#define HOLD_TMP_AGE_S 600

struct hold_store {
	char *directory;
	int dirfd;
	int64_t (*now_us)(void); /* clock_wall_us; tests have their own */
	pthread_mutex_t lock;
	int64_t max_age_s, max_size, min_free;
	int64_t writing;          /* octets of files that are being written */
	struct hold_index *index; /* NULL: could not be opened */
};

int64_t hold_now_s(const struct hold_store *);
/* fsync a folder of the store, or the store's own (NULL). */
int hold_sync_folder(struct hold_store *, const char *folder, struct err *) ATTR_MUST_USE;
/* Unlink and forget; the caller has the message's lock.  1, 0 absent, -1. */
int hold_drop(struct hold_store *, const char *id, struct err *) ATTR_MUST_USE;
/* Open with the message's lock taken, without waiting: 1, 0 no such message, -1. */
int hold_open_locked(struct hold_store *, const char *id, int *fd, struct err *) ATTR_MUST_USE;

/* Make room for a file of so many octets, or say why there is none.  0: it counts as being written
 * until hold_room_done(). */
int hold_room(struct hold_store *, int64_t size, struct err *) ATTR_MUST_USE;
void hold_room_done(struct hold_store *, int64_t size);

/* Read one file into entry and row; 1, 0 gone, -1 no held message (err). */
int hold_load(struct hold_store *, const char *id, struct hold_message *, struct stat *,
    struct err *) ATTR_MUST_USE;
void hold_row_fill(struct hold_row *, const struct hold_entry *, const struct stat *);

/* Bring the index in line with the files; removes left-over temporary files.  files: how many
 * messages there are. */
int hold_repair(struct hold_store *, size_t *files, struct err *) ATTR_MUST_USE;

#endif
