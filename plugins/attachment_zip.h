/*
 * attachment_zip - the members of a zip archive, by every reading of it
 *
 * A zip says twice what is in it: in front of each member (what is read as it streams) and in the
 * directory at its end.  Programs believe one or the other, and who wants to hide a member from a
 * filter makes them differ.  Here both are read.  att_zip_read() finds the members of either, and
 * those of neither: what looks like a member between them.
 *
 * Ambiguous is: a member that only one of them has, or that they describe differently; members
 * within each other; a directory that is not where, or as long as, its end says; a second end of a
 * directory; octets in front of the archive; a name in the extra field for Unicode that does not
 * end as the plain one.
 *
 * Limits: members_max, then is_cut.  All offsets are checked.
 * Ownership: att_zip_fini() frees what att_zip_read() has made; names are the archive's octets.
 */
#ifndef PLUGINS_ATTACHMENT_ZIP_H
#define PLUGINS_ATTACHMENT_ZIP_H

#include "plugins/attachment_look.h"

struct att_zip_side { /* what one of the two says */
	int is_there;
	struct filterd_octets name;
	struct filterd_octets unicode; /* what some take for the name; len 0: there is none */
	unsigned flags, method;
	uint64_t packed, size;
};

struct att_zip_member {
	struct att_zip_side local, central;
	size_t at;        /* of the local header; SIZE_MAX: there is none */
	size_t data, end; /* its octets; end: behind them */
};

struct att_zip {
	struct att_zip_member *member;
	size_t n, cap;
	int is_cut;            /* there are more */
	const char *ambiguous; /* NULL: not at all */
	int broken;
	int is_locked; /* the directory is encrypted */
	/* private: */
	struct filterd_octets octets;
	size_t max;
	size_t base;            /* octets in front of it */
	size_t dir_at, dir_end; /* the directory */
	size_t ends_at;         /* its end record */
};

#define ATT_ZIP_ENCRYPTED 0x0001u
#define ATT_ZIP_STREAMED  0x0008u
#define ATT_ZIP_MASKED    0x2000u

/* Does an end of a directory stand where it may?  exact: and nothing behind it. */
int att_zip_has_end(struct filterd_octets, int exact);
/* 0; -1: out of memory. */
int att_zip_read(struct att_zip *, struct filterd_octets, size_t members_max);
void att_zip_fini(struct att_zip *);

/* Look at its members. */
void att_zip_open(struct att_walk *, struct att_item *);

#endif
