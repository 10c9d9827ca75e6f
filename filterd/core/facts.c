#include <string.h>

#include "base/arena.h"
#include "base/log.h"
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

const char *
fact_name(enum fact id)
{
	return fact_text[id];
}

/* So many octets of each text; the names of signatures are shorter. */
#define TOLD_OCTETS 200

static const char *
shown(struct arena *a, const char *text)
{
	struct buf b = { 0 };
	char *s;

	log_quote(&b, span_str(text), TOLD_OCTETS);
	s = arena_strdup(a, buf_cstr(&b));
	buf_fini(&b);
	for (char *p = s; *p != '\0'; p++)
		if (*p == ' ')
			*p = '_';
	return s;
}

static int
same(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static int
is_told(const struct facts *f, const struct fact_told *t)
{
	for (const struct fact_told *o = f->told; o != NULL; o = o->next)
		if (same(o->subject, t->subject) && same(o->value, t->value) &&
		    same(o->detail, t->detail))
			return 1;
	return 0;
}

static int
is_failed(const struct fact_told *t)
{
	return strcmp(t->value, "failed") == 0;
}

static int
is_full(const struct facts *f, const struct fact_told *t)
{
	size_t n = 0;

	for (const struct fact_told *o = f->told; o != NULL; o = o->next)
		n += is_failed(o) == is_failed(t) && strcmp(o->teller, t->teller) == 0;
	return n >= (is_failed(t) ? FACTS_FAILED_MAX : FACTS_TOLD_MAX);
}

const char *
facts_tell(struct facts *f, struct arena *a, const char *teller, const char *subject,
    const char *value, const char *detail)
{
	struct fact_told *t = arena_calloc(a, sizeof(*t));

	t->teller = teller;
	t->subject = shown(a, subject);
	t->value = shown(a, value);
	t->detail = detail == NULL ? NULL : shown(a, detail);
	if (is_told(f, t))
		return NULL;
	if (is_full(f, t)) {
		f->told_more = 1;
		return NULL;
	}
	if (f->told_last == NULL)
		f->told = t;
	else
		f->told_last->next = t;
	f->told_last = t;
	return arena_printf(a, "%s=%s%s%s", t->subject, t->value, t->detail == NULL ? "" : ":",
	    t->detail == NULL ? "" : t->detail);
}

void
facts_format(const struct facts *f, struct buf *out)
{
	const char *sep = "";

	if (f->set == 0 && f->told == NULL) /* most mail */
		return;
	for (int i = 0; i < FACT_COUNT; i++) {
		if (!fact_has(f, (enum fact)i))
			continue;
		buf_adds(out, sep);
		buf_adds(out, fact_text[i]);
		if (f->detail[i] != NULL) {
			buf_addc(out, ':');
			buf_adds(out, f->detail[i]);
		}
		sep = " ";
	}
	for (const struct fact_told *t = f->told; t != NULL; t = t->next) {
		buf_printf(out, "%s%s=%s", sep, t->subject, t->value);
		if (t->detail != NULL)
			buf_printf(out, ":%s", t->detail);
		sep = " ";
	}
	if (f->told_more)
		buf_printf(out, "%sfacts=limit", sep);
}
