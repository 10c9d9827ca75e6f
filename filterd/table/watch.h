/*
 * watch - the files behind a table: has one changed, is one being written?
 *
 * By stat(2) alone.  A file that was written less than a moment ago may be half written:
 * watch_let_rest() waits for it, a moment at a time and not for ever.
 *
 * Threads: one.  Ownership: all is in the arena `mem`.
 */
#ifndef TABLE_WATCH_H
#define TABLE_WATCH_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct arena;

struct version {   /* of a file: what stat(2) says */
	int error; /* errno, 0 */
	dev_t dev;
	ino_t ino;
	off_t size;
	int64_t mtime, ctime, newest; /* the later of the two */
	int hot; /* changed so lately that its time need not move when it changes again */
};

struct watch {
	const char *path;
	struct version seen;
};

struct watch_list {
	struct arena *mem;
	struct watch *v;
	size_t n;
};

/* A function for table_files_each(); arg: the list. */
void watch_add(void *arg, const char *path);
/* Look and remember what was seen.  Is any file another one than before, or was it hot then? */
int watch_changed(struct watch_list *);
/* Has any changed since it was looked at? */
int watch_moved(const struct watch_list *);
/* Look again, when nobody has written to them for a moment. */
void watch_let_rest(struct watch_list *);

#endif
