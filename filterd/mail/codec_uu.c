#include "mail/codec.h"
#include "mail/codec_private.h"

/* How many octets a line gives; 0 also for what is no line of a block. */
static size_t
line_octets(struct span line)
{
	return line.len == 0 || line.p[0] < ' ' || line.p[0] > '`' ? 0
								   : (size_t)(line.p[0] - ' ') & 63;
}

static uint32_t
digit(struct span line, size_t i, unsigned *odd)
{
	if (i >= line.len)
		return 0;
	if (line.p[i] < ' ' || line.p[i] > '`')
		*odd |= CODEC_ODD_JUNK;
	return ((uint32_t)line.p[i] - ' ') & 63;
}

static void
decode_line(struct span line, struct codec_out *o)
{
	size_t n = line_octets(line);

	if (n == 0 && line.len > 0 && line.p[0] != '`' && line.p[0] != ' ')
		o->odd |= CODEC_ODD_JUNK;
	for (size_t i = 1; n > 0; i += 4) {
		uint32_t bits = 0;

		for (size_t k = 0; k < 4; k++)
			bits = bits << 6 | digit(line, i + k, &o->odd);
		for (int shift = 16; shift >= 0 && n > 0; shift -= 8, n--)
			codec_put(o, (uint8_t)(bits >> shift));
	}
}

static void
decode_block(struct span block, struct codec_out *o)
{
	struct span line, end;

	while (block.len > 0 && !codec_full(o)) {
		codec_line(&block, &line, &end);
		if (codec_block_ends(CODEC_UU, line))
			return;
		decode_line(line, o);
	}
	o->odd |= CODEC_ODD_END;
}

size_t
codec_uu_room(struct span in)
{
	struct span line, end;
	size_t n = 0;

	while (in.len > 0) {
		codec_line(&in, &line, &end);
		n += line_octets(line);
	}
	return n;
}

void
codec_uu_decode(struct span in, struct codec_out *o)
{
	struct span rest = in, name, block;
	int blocks = 0;

	for (; !codec_full(o) && codec_block_next(CODEC_UU, &rest, &name, &block); blocks++) {
		struct span line, end;

		codec_line(&block, &line, &end);
		decode_block(block, o);
	}
	if (blocks == 0)
		decode_block(in, o);
}
