/*
 * parts_private - what the files of parts share; nobody else includes it
 */
#ifndef MAIL_PARTS_PRIVATE_H
#define MAIL_PARTS_PRIVATE_H

#include "mail/codec.h"
#include "mail/mime.h"

struct arena;

/* What the header fields of a part say beyond the index. */
/* Names and types of a part that are kept. */
#define PARTS_NAMES_MAX 16
#define PARTS_TYPES_MAX 4

struct parts_label {
	struct span names[PARTS_NAMES_MAX];
	const char *types[PARTS_TYPES_MAX];
	size_t nnames, ntypes;
	int more;
};

struct parts_head {
	unsigned codecs; /* 1 << enum codec, of all its Content-Transfer-Encoding fields */
	const char *name;
	int rank;         /* where the name comes from: a smaller one is better, 0 none yet */
	struct span type; /* its last Content-Type field */
	struct parts_label *label; /* NULL: neither names nor types */
	int children;
};

/* Walk the message; *heads is as long as the index.  Both are the arena's. */
void parts_walk(struct span message, const struct mime_options *, struct arena *,
    struct mime_index *, struct parts_head **heads);
/* Another name that it may have; *label is made if need be. */
void parts_label_name(struct arena *, struct parts_label **label, struct span);
/* The octets as a file's name. */
const char *parts_name(struct arena *, struct span);

#endif
