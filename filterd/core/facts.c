#include "core/facts.h"

static const char *const fact_text[] = {
#define FACT(id, subject, value, stage, text) subject "=" value,
#include "core/facts.def"
#undef FACT
};

_Static_assert(FACT_COUNT <= 64, "facts no longer fit the set");

void
fact_set(struct facts *f, enum fact id)
{
	f->set |= (uint64_t)1 << id;
}

void
fact_set_detail(struct facts *f, enum fact id, const char *detail)
{
	fact_set(f, id);
	f->detail[id] = detail;
}

int
fact_has(const struct facts *f, enum fact id)
{
	return (f->set >> id & 1) != 0;
}

void
facts_format(const struct facts *f, struct buf *out)
{
	const char *sep = "";

	for (int i = 0; i < FACT_COUNT; i++) {
		if (!fact_has(f, (enum fact)i))
			continue;
		buf_printf(out, "%s%s", sep, fact_text[i]);
		if (f->detail[i] != NULL)
			buf_printf(out, ":%s", f->detail[i]);
		sep = " ";
	}
}
