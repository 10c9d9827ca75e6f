/* A held message's file, as anything on the disk may be: parsed, and what parsed is written and
 * parsed again to the same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "action/hold_file.h"
#include "base/err.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
check(int ok)
{
	if (!ok)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hold_entry e, again;
	struct span octets, octets_again;
	struct buf file = { 0 };
	struct err err;

	if (hold_file_parse(span_make(data, size), &e, &octets, &err) == 0) {
		check(hold_id_ok(e.id) && e.nrcpts > 0 && (size_t)e.size == octets.len);
		hold_head_format(&e, &file);
		buf_add_span(&file, octets);
		check(hold_file_parse(buf_span(&file), &again, &octets_again, &err) == 0);
		check(again.nrcpts == e.nrcpts && again.class == e.class);
		check(strcmp(again.sender, e.sender) == 0 && strcmp(again.id, e.id) == 0);
		check(strcmp(again.rcpts[0].path, e.rcpts[0].path) == 0);
		check(span_eq(octets, octets_again));
		hold_entry_fini(&again);
		buf_fini(&file);
	}
	hold_entry_fini(&e);
	return 0;
}
