/*
 * The members of any archive: what is said of them stays within the limits, keys have their five
 * fields and nothing that could not be shown, and all memory is given back.  The first octets
 * choose the limits and the name.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/attachment_look.h"
#include "plugins/attachment_name.h"

#define SIZE_LIMIT 1000000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
const char *__asan_default_options(void);

static void
must(int true)
{
	if (!true)
		abort();
}

struct heard {
	size_t keys, facts;
};

/* libmagic is not what is looked at here. */
static const char *
type(void *arg, struct filterd_octets o)
{
	(void)arg;
	return o.len > 4 && memcmp(o.p, "From", 4) == 0 ? "message/rfc822"
	       : o.len > 2 && memcmp(o.p, "MZ", 2) == 0 ? "application/x-dosexec"
							: "application/octet-stream";
}

static void
key(void *arg, const char *text, int more)
{
	struct heard *h = arg;
	size_t fields = 1;

	must(!more || h->keys > 0);
	h->keys++;
	must(strlen(text) < 1000);
	for (const char *s = text; *s != '\0'; s++) {
		must((unsigned char)*s >= ' ' && *s != 0x7f);
		if (*s == ';') {
			must(s[1] == ' ');
			fields++;
		}
	}
	must(fields == 5);
}

static void
fact(void *arg, const char *subject, const char *value, const char *detail)
{
	struct heard *h = arg;

	must(subject != NULL && value != NULL);
	must(detail == NULL || strlen(detail) < 20);
	must(++h->facts <= ATT_FACTS);
}

/* What a host would do with it: one part. */
static void
message(void *arg, struct att_walk *w, struct att_item *outer)
{
	struct att_item part = { .outer = outer,
		.octets = { outer->octets.p + 4, outer->octets.len - 4 },
		.whole = 1,
		.size = -1 };

	(void)arg;
	if (outer->octets.len > 4)
		att_look(w, &part);
}

/* libarchive asks for as much memory as a header says; what limits the memory of a scanner (there
 * setrlimit(2)) refuses it, and so it is here. */
const char *
__asan_default_options(void)
{
	return "max_allocation_size_mb=512:allocator_may_return_null=1";
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct heard heard = { 0 };
	const struct att_ops ops = { type, key, fact, message, &heard };
	struct att_limits limits = { .size = SIZE_LIMIT, .time_ms = 5000 };
	struct filterd_octets name;
	struct att_item item = { .names = &name, .nnames = 1, .whole = 1, .size = -1 };
	struct att_walk w;

	if (size < 20)
		return 0;
	limits.depth = 1 + (data[0] & 7);
	limits.members = 1 + (size_t)data[1] * 4;
	limits.memory = (uint64_t)(1 + data[2]) * 4096;
	limits.ratio = 2 + (uint64_t)data[3] * 8;
	name = (struct filterd_octets){ data + 4, 16 };
	/* A copy, so that what reads beyond its end is found. */
	item.octets.len = size - 20;
	item.octets.p = memcpy(malloc(size - 20 + 1), data + 20, size - 20);
	att_walk_init(&w, &limits, &ops, 5000);
	att_look(&w, &item);
	must(w.memory == 0);
	must(w.size <= SIZE_LIMIT + 16 * 1048576);
	free((void *)(uintptr_t)item.octets.p);
	return 0;
}
