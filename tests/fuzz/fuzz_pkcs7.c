/* Any octets as a file of S/MIME: the pieces are within it, in order, and do not overlap. */
#include <stdint.h>
#include <stdlib.h>

#include "mail/pkcs7.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pkcs7_pieces pieces;
	struct span piece;
	const uint8_t *at = data;
	enum pkcs7_kind kind = pkcs7_look(span_make(data, size), &pieces);

	while (pkcs7_next(&pieces, &piece)) {
		if (kind != PKCS7_SIGNED || piece.p < at || piece.p + piece.len > data + size)
			abort();
		at = piece.p + piece.len;
	}
	if (pkcs7_next(&pieces, &piece))
		abort();
	return 0;
}
