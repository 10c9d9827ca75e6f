#include "table/scan_variant.h"

#include <pthread.h>
#include <string.h>

#include "base/attr.h"

/* Exported by builds for many processors, but declared by none of its headers.  Weak: other builds,
 * and those for other processors, have the plain name alone. */
#define VARIANT(prefix)                                                                            \
	hs_error_t HS_CDECL prefix##_hs_scan(const hs_database_t *, const char *, unsigned,        \
	    unsigned, hs_scratch_t *, match_event_handler, void *) __attribute__((weak));          \
	hs_error_t HS_CDECL prefix##_hs_deserialize_database(                                      \
	    const char *, size_t, hs_database_t **) __attribute__((weak))

VARIANT(avx2);
VARIANT(corei7);

/* --- trying --- */

/* `.` is what the text is made of.  Each makes another of the library's engines do the work. */
static const struct trial {
	const char *patterns[3]; /* the first is there, the others are not */
	const char *lead, *found;
} trials[] = {
	{ { "9" }, "", "9" },
	{ { "9", "qrst", "uvwxyz" }, "", "9" },
	{ { "9a" }, "", "9a" },
	{ { "9a", "q[1-3]{2}Z", "w+v" }, "", "9a" },
	{ { "9ab", "q1xZ" }, "", "9ab" },
	{ { "[0-9]" }, "", "7" },
	{ { "[aeqx][02468]" }, "", "e4" },
	{ { "[^.]x" }, "", "yx" },
	{ { "k.*z", "k.*[qw]" }, "k", "z" },
	{ { "k.*\\|\\s*py", "q" }, "k", "|py" },
	{ { "\\bab\\b", "q1xZ" }, "", "ab" },
};
#define TEXT_MAX  200
#define ALIGN_MAX 64

static int
on_match(unsigned id, unsigned long long from, unsigned long long to, unsigned flags, void *found)
{
	if (id == 0)
		*(int *)found = 1;
	return 0;
}

static int
finds_at(const struct scan_variant *v, const hs_database_t *db, hs_scratch_t *scratch,
    const struct trial *t, char *text, size_t len)
{
	size_t lead = strlen(t->lead), n = strlen(t->found);
	int found = 1;

	memset(text, '.', len);
	memcpy(text, t->lead, lead);
	for (size_t at = lead; found && at + n <= len; at++) {
		found = 0;
		memcpy(text + at, t->found, n);
		if (v->scan(db, text, (unsigned)len, 0, scratch, on_match, &found) != HS_SUCCESS)
			return 0;
		memset(text + at, '.', n);
	}
	return found;
}

static int
passes(const struct scan_variant *v, const struct trial *t)
{
	static const size_t lengths[] = { 40, 65, 100, 131, TEXT_MAX };
	const unsigned how = HS_FLAG_PREFILTER | HS_FLAG_SINGLEMATCH | HS_FLAG_DOTALL;
	const unsigned flags[] = { how, how, how }, ids[] = { 0, 1, 2 };
	_Alignas(ALIGN_MAX) char text[TEXT_MAX + ALIGN_MAX];
	hs_database_t *db = NULL;
	hs_compile_error_t *error = NULL;
	hs_scratch_t *scratch = NULL;
	unsigned n = 0;
	int ok = 0;

	while (n < nitems(t->patterns) && t->patterns[n] != NULL)
		n++;
	if (hs_compile_multi((const char *const *)t->patterns, flags, ids, n, HS_MODE_BLOCK,
		&v->platform, &db, &error) != HS_SUCCESS)
		hs_free_compile_error(error);
	else if (hs_alloc_scratch(db, &scratch) == HS_SUCCESS)
		ok = 1;
	for (size_t align = 0; align < ALIGN_MAX; align += 21)
		for (size_t i = 0; ok && i < nitems(lengths); i++)
			ok = finds_at(v, db, scratch, t, text + align, lengths[i]);
	hs_free_scratch(scratch);
	hs_free_database(db);
	return ok;
}

/* --- choosing --- */

static int
try_all(struct scan_variant *out)
{
	struct scan_variant variants[] = {
		{ .name = "avx2",
		    .scan = avx2_hs_scan,
		    .deserialize = avx2_hs_deserialize_database },
		{ .name = "corei7",
		    .scan = corei7_hs_scan,
		    .deserialize = corei7_hs_deserialize_database },
		{ .name = "native", .scan = hs_scan, .deserialize = hs_deserialize_database },
	};
	hs_platform_info_t here;

	memset(&here, 0, sizeof(here));
	if (hs_valid_platform() != HS_SUCCESS || hs_populate_platform(&here) != HS_SUCCESS)
		return -1;
	variants[0].platform.cpu_features = HS_CPU_FEATURES_AVX2;
	variants[2].platform = here;
	for (size_t i = 0; i < nitems(variants); i++) {
		struct scan_variant *v = &variants[i];
		size_t passed = 0;

		if (v->scan == NULL || v->deserialize == NULL ||
		    (v->platform.cpu_features & ~here.cpu_features) != 0)
			continue;
		while (passed < nitems(trials) && passes(v, &trials[passed]))
			passed++;
		if (passed == nitems(trials)) {
			*out = *v;
			return 0;
		}
	}
	return -1;
}

/* The processor stays the same, so it is done once a process. */
static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct scan_variant chosen; /* name NULL: none */

static void
choose(void)
{
	if (try_all(&chosen) == -1)
		chosen.name = NULL;
}

int
scan_variant_choose(struct scan_variant *out)
{
	if (pthread_once(&once, choose) != 0 || chosen.name == NULL)
		return -1;
	*out = chosen;
	return 0;
}
