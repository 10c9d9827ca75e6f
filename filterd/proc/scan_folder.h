/*
 * scan_folder - folders for temporary files, one a scanner
 *
 * The keeper makes one in `scanner_directory`, named filterd.XXXXXX, and holds a lock on it: one
 * that nobody holds was left behind by a keeper that was killed, and the next keeper removes it.
 * All others are made inside.  What stands in them may be a stranger's: names are never followed
 * through links, and may lie in each other as deep as they like.
 *
 * Results: -1 with err.
 * Threads: any.
 */
#ifndef PROC_SCAN_FOLDER_H
#define PROC_SCAN_FOLDER_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

struct err;

/* Where folders are made if the parameter names none: /dev/shm if that is in memory and can be
 * written, else fallback. */
const char *scan_folder_directory(const char *wanted, const char *fallback);
/* Make and lock the keeper's, after removing what others left.  *path is the caller's; the
 * descriptor holds the lock. */
int scan_folder_open(const char *directory, char **path, struct err *) ATTR_MUST_USE;
/* Is it still there, and ours? */
int scan_folder_check(int fd, const char *path, struct err *) ATTR_MUST_USE;
/* One more inside; it must not be there. */
int scan_folder_make(const char *path, struct err *) ATTR_MUST_USE;
/* 0: it has no room left for temporary files. */
int scan_folder_has_room(int fd);
/* Remove what is in it.  -1: something is left. */
int scan_folder_empty(int fd) ATTR_MUST_USE;
/* Remove it with all in it, as far as that can be done. */
void scan_folder_remove(const char *path);
/* Octets that what is in it takes; INT64_MAX: too much to be counted. */
int64_t scan_folder_size(const char *path);

#endif
