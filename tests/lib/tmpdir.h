/*
 * tmpdir - a folder of a test's own
 */
#ifndef TESTS_LIB_TMPDIR_H
#define TESTS_LIB_TMPDIR_H

/* A new folder's path, malloc'd. */
char *tmpdir_make(void);
/* Remove it with all in it, and free the path. */
void tmpdir_remove(char *);

#endif
