/*
 * parts_private - what the files of parts share; nobody else includes it
 */
#ifndef MAIL_PARTS_PRIVATE_H
#define MAIL_PARTS_PRIVATE_H

#include "base/buf.h"
#include "base/keyhash.h"
#include "mail/codec.h"
#include "mail/mime.h"

struct arena;

#define PARTS_ENCODED (1u << CODEC_BASE64 | 1u << CODEC_QP | 1u << CODEC_UU | 1u << CODEC_YENC)

/* Names, types and charsets of a part that are kept. */
#define PARTS_NAMES_MAX    16
#define PARTS_TYPES_MAX    4
#define PARTS_CHARSETS_MAX 4

struct parts_label {
	struct span names[PARTS_NAMES_MAX];
	const char *types[PARTS_TYPES_MAX];
	const char *charsets[PARTS_CHARSETS_MAX];
	size_t nnames, ntypes, ncharsets;
	size_t values; /* names that differ in more than how they are decoded */
	int more;
	int delsp;
	int first; /* of the pieces of a message */
};

/* What the header fields of a part say beyond the index. */
struct parts_head {
	unsigned codecs; /* 1 << enum codec, of all its Content-Transfer-Encoding fields */
	const char *name;
	int rank;         /* where the name comes from: a smaller one is better, 0 none yet */
	struct span type; /* its last Content-Type field */
	struct parts_label *label;       /* NULL: it says nothing of what is there */
	struct parts_informal *informal; /* names for want of others, the last one first */
	int attached;                    /* its Content-Disposition says so */
	int children;
	int opens; /* an encoded container (parts_ways_next() fills these) */
	int leaf;  /* no container, or one that may be none */
	int apart; /* a container that is a file besides, or of another type */
	int other; /* there is a type that is none of a container */
};

/* --- parts_head.c --- */

/* Walk the message; *heads is as long as the index.  Both are the arena's. */
void parts_walk(struct span message, const struct mime_options *, struct arena *,
    struct mime_index *, struct parts_head **heads);
/* Another name that it may have; *label is made if need be.  0: it has it, or there is no room. */
int parts_label_name(struct arena *, struct parts_label **label, struct span);
/* Do readers open a file of these names and types as a message?  NULL: no. */
int parts_is_message(const struct parts_label *);
int parts_has_type(const struct parts_label *, const char *type);
/* Is it a piece of a message? */
int parts_is_piece(const struct parts_label *);
/* The octets as a file's name. */
const char *parts_name(struct arena *, struct span);
/* May a part of this type and head be shown as a text? */
int parts_is_shown(const char *type, const struct parts_head *);
int parts_is_multipart(const char *type);
int parts_is_container(const char *type);

/* --- parts_label.c --- */

/* A copy with all that it points to; NULL of NULL. */
const struct parts_label *parts_label_keep(struct arena *, const struct parts_label *);
/* All of it in octets: equal labels, and no others, have equal ones. */
void parts_label_write(const struct parts_label *, struct buf *); /* NULL is fine */

/* --- parts_informal.c: names that some readers give a file for want of one in Content-Type and
 *	Content-Disposition --- */

/* A header field, if it is one of these; its value's text. */
void parts_informal_field(struct arena *, struct parts_head *, struct span name, struct span value);
/* All fields of a part of this type are there. */
void parts_informal_take(struct arena *, struct parts_head *, const char *type);

/* --- parts_signed.c: files that hold another one, signed --- */

/* Does a part with these names and types hold S/MIME's data?  NULL: no. */
int parts_is_signed(const struct parts_label *);
/* What is signed is a file by itself, and no message: its label, else NULL. */
struct parts_label *parts_signed_file(
    struct arena *, const struct parts_label *, struct span content);

/* --- parts_ways.c --- */

struct parts_reading { /* one walk; valid until the next one */
	struct mime_index index;
	struct parts_head *heads;
	int again; /* not the first walk */
};

struct parts_ways { /* opt is given, all else 0 */
	struct mime_options opt;
	unsigned ways, boundaries;              /* as in struct mime_index, of all walks */
	unsigned done[MIME_BOUNDARIES_MAX + 1]; /* 1 << way */
	size_t walks;
	/* private */
	struct parts_reading newest;
	struct arena *arena;     /* of the newest */
	struct parts_seen *seen; /* of those before it: a hash for each part */
	struct keyhash key;
	struct buf octets;
};

/* The next walk, first the one that is Postfix's; NULL: no reader would see anything else. */
struct parts_reading *parts_ways_next(struct parts_ways *, struct span message);
int parts_ways_more(const struct parts_ways *);
/* Did a walk before the newest one have part i of it, with all that is said of it?  To be asked
 * with rising i. */
int parts_ways_known(struct parts_ways *, size_t i);
void parts_ways_fini(struct parts_ways *);

#endif
