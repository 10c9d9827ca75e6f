/*
 * attachment_archive - what libarchive reads: tar, 7z, RAR, cab, ISO 9660, lha, cpio, ar, and
 * compressed files
 *
 * Formats and filters are enabled one by one, by the octets at the beginning: none of those that
 * would run a program.  A member that has to be unpacked to get to the next one is read to its end,
 * so that what comes out is counted.
 */
#ifndef PLUGINS_ATTACHMENT_ARCHIVE_H
#define PLUGINS_ATTACHMENT_ARCHIVE_H

#include "plugins/attachment_kind.h"
#include "plugins/attachment_look.h"

struct archive;

/* Does libarchive have what is needed?  0, or -1 and why. */
int att_archive_ready(char *why, size_t size);
/* kind_name: for facts. */
void att_archive_open(struct att_walk *, struct att_item *, enum att_kind, const char *kind_name);
/* One that begins at an offset.  0: it is none. */
int att_archive_open_at(struct att_walk *, struct att_item *, enum att_kind, size_t at);

/* A source that reads the data of libarchive's entry. */
struct att_entry {
	struct archive *archive;
	struct att_walk *walk;
	const char *kind_name;
};
ssize_t att_entry_read(void *entry, void *room, size_t n);
/* What libarchive could not do: that it is encrypted, or broken. */
void att_entry_failed(const struct att_entry *);

#endif
