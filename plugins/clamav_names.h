/*
 * clamav_names - what the name of a signature says
 *
 * Names are dotted words, as in Win.Test.EICAR_HDB-1.  What does not come from ClamAV's makers ends
 * in .UNOFFICIAL; what no signature found begins with Heuristics.; and two families of these are
 * not about a virus but about how much could be seen.
 *
 * Threads: any.
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */
#ifndef PLUGINS_CLAMAV_NAMES_H
#define PLUGINS_CLAMAV_NAMES_H

#include <stddef.h>

#define CLAM_NAME_MAX 255

enum clam_kind {
	CLAM_VIRUS,
	CLAM_LIMIT,     /* Heuristics.Limits.Exceeded.*: not all of it was seen */
	CLAM_TIME,      /* Heuristics.Limits.Exceeded.MaxScanTime */
	CLAM_ENCRYPTED, /* Heuristics.Encrypted.* */
};

enum clam_kind clam_name_kind(const char *name);
/* What stands behind the family: "MaxFiles", "Zip"; NULL: nothing. */
const char *clam_name_detail(const char *name);

/* Keys under which a table may have a name, from the whole name to "*": the last word is dropped
 * again and again, and a tail .UNOFFICIAL stays:
 *	A.B.C			A.B.C, A.B, A, *
 *	A.B.C.UNOFFICIAL	A.B.C.UNOFFICIAL, A.B.UNOFFICIAL, A.UNOFFICIAL, UNOFFICIAL, *
 * step counts from 0; 0: there is no such key.  key has room for CLAM_NAME_MAX + 1 octets. */
int clam_name_key(const char *name, size_t step, char *key);

#endif
