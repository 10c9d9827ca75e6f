/*
 * clamav_parts - did the scan of the message come to each of its parts?
 *
 * libclamav reads a message in its own way.  What filterd's reading has as a part and libclamav
 * never had in hand is to be scanned by itself.  A text counts as seen when it is the same but for
 * carriage returns and empty lines at its ends, which libclamav drops and adds.
 *
 * Ownership: nothing is copied; the parts' octets are the host's.
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */
#ifndef PLUGINS_CLAMAV_PARTS_H
#define PLUGINS_CLAMAV_PARTS_H

#include <stddef.h>
#include <stdint.h>

#include "plugins/filterd_plugin.h"

struct clam_part {
	struct filterd_octets octets;
	size_t text_len; /* of a text, without what does not count; 0: none */
	int is_cut;      /* only its beginning is there */
	int seen;
};

struct clam_parts {
	struct clam_part *part;
	size_t n, size, unseen;
	int is_cut; /* a limit was reached: there may be more */
};

/* -1: out of memory. */
int clam_parts_read(struct clam_parts *, const struct filterd_host *, struct filterd_work *);
/* libclamav has these octets in hand. */
void clam_parts_saw(struct clam_parts *, const uint8_t *, size_t);
void clam_parts_fini(struct clam_parts *);

#endif
