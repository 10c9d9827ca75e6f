/*
 * attachment_zip_int - what the files of the zip reader share; nobody else includes it
 *
 * attachment_zip_read.c believes the directory, attachment_zip_search.c looks for what that does
 * not tell of.
 */
#ifndef PLUGINS_ATTACHMENT_ZIP_INT_H
#define PLUGINS_ATTACHMENT_ZIP_INT_H

#include "plugins/attachment_zip.h"

#define ATT_ZIP_END_SIZE 22
#define ATT_ZIP_NONE     SIZE_MAX

/* Programs differ on it; the first reason stays. */
void att_zip_differ(struct att_zip *, const char *how);
/* Another member; NULL: there are too many. */
struct att_zip_member *att_zip_add(struct att_zip *);
/* The octets that the local header at `at` and its names take; 0: there is none. */
size_t att_zip_local(struct filterd_octets, uint64_t at, struct att_zip_side *);

/* Whatever is in no member's data; sorts the members by place. */
void att_zip_search(struct att_zip *);
/* Without a directory there are local headers alone. */
void att_zip_stream(struct att_zip *);

#endif
