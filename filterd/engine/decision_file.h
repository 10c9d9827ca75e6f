/*
 * decision_file - records of decisions on disk, one file a day
 *
 * DIRECTORY/YYYYMMDD (of UTC) holds blocks, each a number of records (engine/decision.h) deflated
 * together; DIRECTORY/YYYYMMDD.index says in which block an id is.  A decision id tells its time,
 * so an id's file is known.  Both are only appended to.
 *
 * What a crash or a full disk leaves behind is a block, or a piece of the index, that is not whole:
 * it is skipped.  Blocks that did not get into the index are found all the same, and put into it by
 * the next writer.
 *
 * Threads: any number may read; who writes has a struct decision_writer of its own.
 */
#ifndef ENGINE_DECISION_FILE_H
#define ENGINE_DECISION_FILE_H

#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/span.h"

struct err;

struct decision_writer {
	const char *directory; /* made when it is not there */
	int64_t day;           /* of the open files, since 1970 */
	int fd, index;         /* -1: none open */
	struct buf raw, ids, packed;
};

void decision_writer_init(struct decision_writer *, const char *directory);
void decision_writer_fini(struct decision_writer *);
/* Gather a record for the next write.  Records of one write are of one day. */
void decision_writer_add(struct decision_writer *, struct span record);
/* Write what was gathered into the file of the day; 0, or -1: it is lost. */
int decision_writer_flush(struct decision_writer *, int64_t day, struct err *) ATTR_MUST_USE;

/* Days since 1970 of a decision id, or -1: it is none. */
int64_t decision_day(struct span id);

/* f for each record with the id, in the order of writing; record is valid during the call.  1 some,
 * 0 none, -1 the files could not be read. */
int decision_find(const char *directory, const char *id, void (*f)(void *arg, struct span record),
    void *arg, struct err *) ATTR_MUST_USE;
/* Remove the files of days before `day`, and, while there are more than max_size octets (0: no
 * limit), those of the oldest day but today's.  Octets that are left. */
int64_t decision_expire(const char *directory, int64_t day, int64_t today, int64_t max_size);

/* One block, the header included, as the file has it from here on: its records to f.  Octets it
 * takes; 0: this is no block. */
size_t decision_block_read(struct span octets, void (*f)(void *arg, struct span record), void *arg);

#endif
