/*
 * attachment_kind - which archive do these octets begin?
 */
#ifndef PLUGINS_ATTACHMENT_KIND_H
#define PLUGINS_ATTACHMENT_KIND_H

#include "plugins/attachment_name.h"

enum att_kind {
	ATT_KIND_NONE,
	ATT_KIND_ZIP,
	ATT_KIND_7Z,
	ATT_KIND_RAR,
	ATT_KIND_CAB,
	ATT_KIND_ISO,
	ATT_KIND_LHA,
	ATT_KIND_TAR,
	ATT_KIND_CPIO,
	ATT_KIND_AR,
	ATT_KIND_PACKED,      /* one file compressed, or a tar: gzip, bzip2, xz, ... */
	ATT_KIND_PACKED_FILE, /* one that is to be taken for no tar */
	ATT_KIND_CLOSED,      /* known, and not to be opened here */
};

/* As many octets as are asked for, or all. */
#define ATT_KIND_OCTETS 36864

/* name: how facts call it. */
enum att_kind att_kind(struct filterd_octets, const char **name);
/* Behind a program or a picture: the next RAR or 7z that seems to begin, from *at on, where *at
 * then is. */
enum att_kind att_kind_behind(struct filterd_octets whole, size_t *at);
/* What an image says by its last octets; NULL: nothing. */
const char *att_kind_tail(struct filterd_octets whole);
/* Is there a file in BinHex 4.0, whatever stands in front?  Nothing opens it here. */
int att_has_binhex(struct filterd_octets whole);
/* The trees of a disc beside that of ISO 9660; bits. */
enum att_iso { ATT_ISO_JOLIET = 1 << 0, ATT_ISO_UDF = 1 << 1 };
unsigned att_iso_sides(struct filterd_octets whole);
/* Nothing but what texts consist of: no control but line ends, tabs, form feeds and the escapes of
 * ISO 2022. */
int att_is_text(struct filterd_octets);
/* Does one of these names end as an archive's or message's does, or a program's, behind which there
 * may be one? */
int att_kind_named(const struct att_readings *);
int att_named_message(const struct att_readings *);

#endif
