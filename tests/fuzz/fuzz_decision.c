/* Decision files, as anything on the disk may be: a block, or (first octet even) a record by
 * itself; what is one is shown as JSON and as text. */
#include <stdint.h>
#include <stdlib.h>

#include "base/err.h"
#include "ctl/explain.h"
#include "engine/decision.h"
#include "engine/decision_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
check(int ok)
{
	if (!ok)
		abort();
}

static void
show(void *arg, struct span record)
{
	struct buf text = { 0 };
	struct err err;
	json_t *o = explain_json(record, &err);
	int status;

	(void)arg;
	if (o == NULL)
		return;
	check(json_is_array(json_object_get(o, "stages")));
	status = explain_status(o);
	check(status == 0 || status == 1 || status == 75);
	explain_text(o, &text);
	check(text.len > 0);
	buf_fini(&text);
	json_decref(o);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span rest;

	if (size == 0)
		return 0;
	rest = span_make(data + 1, size - 1);
	if (data[0] % 2 == 0)
		show(NULL, rest);
	else
		check(decision_block_read(rest, show, NULL) <= rest.len);
	return 0;
}
