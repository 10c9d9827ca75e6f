/*
 * virus_world - databases, messages and archives for tests of virus scanning
 *
 * The test string of EICAR is put together here, so that no file of ours holds it.
 */
#ifndef TESTS_LIB_VIRUS_WORLD_H
#define TESTS_LIB_VIRUS_WORLD_H

#include <limits.h>
#include <stddef.h>

#include "base/buf.h"
#include "tests/lib/plugin_driver.h"

#define EICAR_NAME "Test.Eicar.UNOFFICIAL"

struct virus_world {
	char folder[PATH_MAX]; /* with db/ and tmp/ in it */
	char db[PATH_MAX], tmp[PATH_MAX];
};

void world_make(struct virus_world *);
void world_remove(struct virus_world *);
/* A file in db/; NULL: removed. */
void world_database(const struct virus_world *, const char *name, const char *text);
/* The same with one signature "Test.Eicar". */
void world_eicar_database(const struct virus_world *);

/* 68 octets and a NUL. */
const char *eicar(void);

/* A zip file with one stored member. */
void zip_store(struct buf *, const char *name, const void *octets, size_t n, int is_encrypted);
/* With so many. */
void zip_many(struct buf *, size_t members);

/* One message with these attachments, base64, given to the driver with its parts. */
struct attachment {
	const char *name;
	const void *octets;
	size_t n;
};
void message_give(struct driver *, const struct attachment *, size_t);

#endif
