/*
 * scan_variant - which of Vectorscan's builds of itself to scan with
 *
 * The library holds its scanner several times, for the instructions of different processors, and
 * takes the newest that the processor has.  That one is not always right: the AVX-512 build of
 * 5.4.9, Debian 12's, does not see most occurrences of a single letter behind the 64th octet.  A
 * prefilter that misses something lets mail through, so each variant has to find what is there
 * before it is used, and AVX2, which finds all, comes before AVX-512: on lines it is as quick.
 *
 * Threads: any.
 */
#ifndef TABLE_SCAN_VARIANT_H
#define TABLE_SCAN_VARIANT_H

#include <hs.h>

struct scan_variant {
	const char *name;
	hs_platform_info_t platform; /* to compile for */
	hs_error_t(HS_CDECL *scan)(const hs_database_t *, const char *, unsigned, unsigned,
	    hs_scratch_t *, match_event_handler, void *);
	hs_error_t(HS_CDECL *deserialize)(const char *, size_t, hs_database_t **);
};

/* The first that finds everything it is tried with.  That takes some milliseconds, once a
 * process.  -1: none. */
int scan_variant_choose(struct scan_variant *);

#endif
