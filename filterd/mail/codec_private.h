/*
 * codec_private - what the files of the decoders share; nobody else includes it
 */
#ifndef MAIL_CODEC_PRIVATE_H
#define MAIL_CODEC_PRIVATE_H

#include "mail/codec.h"

struct codec_out {
	uint8_t *p; /* NULL: they are only counted */
	size_t size, len;
	unsigned odd;
};

/* One octet more, if there is room. */
void codec_put(struct codec_out *, uint8_t);
/* Was there no room for something?  Then nothing more is looked at. */
static inline int
codec_full(const struct codec_out *o)
{
	return (o->odd & CODEC_ODD_CUT) != 0;
}
/* The first line of *rest, which is not empty, and its line end: CRLF, LF or nothing. */
void codec_line(struct span *rest, struct span *line, struct span *end);

/* codec_block.c: does a line end a block? */
int codec_block_ends(enum codec, struct span line);

/* codec_yenc.c */
void codec_yenc_decode(struct span in, struct codec_out *);

/* codec_uu.c */
size_t codec_uu_room(struct span in);
void codec_uu_decode(struct span in, struct codec_out *);

#endif
