#include <string.h>

#include "mail/codec.h"
#include "mail/codec_private.h"

enum { SHIFT = 42, ESCAPED = 64 };

static void
decode_line(struct span line, struct codec_out *o)
{
	uint8_t more = 0;

	for (size_t i = 0; i < line.len && !codec_full(o); i++) {
		if (line.p[i] == '\r') { /* is always escaped */
			o->odd |= CODEC_ODD_JUNK;
		} else if (line.p[i] == '=' && more == 0) {
			more = ESCAPED;
		} else {
			codec_put(o, (uint8_t)(line.p[i] - SHIFT - more));
			more = 0;
		}
	}
	if (more != 0)
		o->odd |= CODEC_ODD_JUNK;
}

static void
decode_block(struct span block, struct codec_out *o)
{
	struct span line, end;

	while (block.len > 0 && !codec_full(o)) {
		codec_line(&block, &line, &end);
		if (codec_block_ends(CODEC_YENC, line))
			return;
		if (line.len < 2 || memcmp(line.p, "=y", 2) != 0)
			decode_line(line, o);
	}
	o->odd |= CODEC_ODD_END;
}

void
codec_yenc_decode(struct span in, struct codec_out *o)
{
	struct span rest = in, name, block;
	int blocks = 0;

	for (; !codec_full(o) && codec_block_next(CODEC_YENC, &rest, &name, &block); blocks++)
		decode_block(block, o);
	if (blocks == 0)
		decode_block(in, o);
}
