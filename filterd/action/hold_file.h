/*
 * hold_file - the format of a held message's file
 *
 *	filterd-hold 1 JSONLEN RCPTS OCTETS\n	fixed width, decimal
 *	HHRH...\n				a letter a recipient: H held, R released
 *	{ ... }\n				JSONLEN octets of JSON, see hold_file.c
 *	the message, CRLF lines			OCTETS octets, to the end of the file
 *
 * A release is one octet written in place, so it needs no second copy of the message.  A file whose
 * length is not what its first line says is not complete and is refused.  Text that is no UTF-8
 * (addresses, subjects) is {"hex": "..."} in the JSON.
 *
 * File names are "xx/ID.msg", xx a hash of the id; ids are letters, digits and "-" (PITFALLS I6).
 */
#ifndef ACTION_HOLD_FILE_H
#define ACTION_HOLD_FILE_H

#include "action/hold.h"
#include "base/buf.h"
#include "base/span.h"

#define HOLD_ID_MAX    40 /* with NUL */
#define HOLD_PATH_MAX  64
#define HOLD_FOLDERS   256
#define HOLD_STATE_AT  57 /* offset of the first recipient's letter */
#define HOLD_HELD      'H'
#define HOLD_RELEASED  'R'
#define HOLD_TMP_ENDS  ".tmp"
#define HOLD_FILE_ENDS ".msg"

int hold_id_ok(const char *id);
void hold_folder_name(unsigned folder, char out[3]);
/* "xx/ID.msg"; ends is HOLD_FILE_ENDS or HOLD_TMP_ENDS.  The id must be ok. */
void hold_path(const char *id, const char *ends, char out[HOLD_PATH_MAX]);

/* May it be written?  What is read is always ok. */
int hold_entry_ok(const struct hold_entry *);
/* All before the octets. */
void hold_head_format(const struct hold_entry *, struct buf *out);
/* A whole file.  The entry is the caller's to hold_entry_fini(), also after -1. */
int hold_file_parse(
    struct span file, struct hold_entry *, struct span *octets, struct err *) ATTR_MUST_USE;
/* As much of it as the index keeps: JSON and letters. */
char *hold_head_json(const struct hold_entry *);
void hold_head_states(const struct hold_entry *, struct buf *out);
int hold_head_parse(
    struct span json, struct span states, struct hold_entry *, struct err *) ATTR_MUST_USE;
void hold_entry_fini(struct hold_entry *);

#endif
