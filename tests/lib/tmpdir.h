/*
 * tmpdir - a folder of a test's own
 */
#ifndef TESTS_LIB_TMPDIR_H
#define TESTS_LIB_TMPDIR_H

/* A new folder's path, malloc'd. */
char *tmpdir_make(void);
/* One with copies of the files of folder whose names end so. */
char *tmpdir_of_copies(const char *folder, const char *end);
/* Remove it with all in it, and free the path. */
void tmpdir_remove(char *);

#endif
