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
	size_t n = 0;

	fact_set(f, id);
	for (size_t i = 0; i < f->ndetails; i++) {
		if (f->details[i].id != id)
			continue;
		if (strcmp(f->details[i].text, detail) == 0)
			return;
		n++;
	}
	if (n == FACT_DETAILS_MAX || f->ndetails == FACT_ALL_DETAILS_MAX)
		f->told_more = 1;
	else
		f->details[f->ndetails++] = (struct fact_detail){ .id = id, .text = detail };
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

/* A blank would end the fact, and what stands behind it would look like another one. */
static void
put_shown(struct buf *out, const char *text)
{
	struct buf b = { 0 };

	log_quote(&b, span_str(text), TOLD_OCTETS);
	for (const char *p = buf_cstr(&b); *p != '\0'; p++)
		if (*p == '>') /* the end of facts=<...> in the log's line */
			buf_adds(out, "\\x3e");
		else
			buf_addc(out, *p == ' ' ? '_' : *p);
	buf_fini(&b);
}

static const char *
shown(struct arena *a, const char *text)
{
	struct buf b = { 0 };
	const char *s;

	put_shown(&b, text);
	s = arena_strdup(a, buf_cstr(&b));
	buf_fini(&b);
	return s;
}

const char *
fact_detail_shown(const struct fact_detail *d, struct arena *a)
{
	return arena_printf(a, "%s:%s", fact_text[d->id], shown(a, d->text));
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

/* With each of its details, or without. */
static void
format_own(const struct facts *f, enum fact id, const char **sep, struct buf *out)
{
	int any = 0;

	for (size_t i = 0; i < f->ndetails; i++) {
		if (f->details[i].id != id)
			continue;
		buf_printf(out, "%s%s:", *sep, fact_text[id]);
		put_shown(out, f->details[i].text);
		*sep = " ";
		any = 1;
	}
	if (!any)
		buf_printf(out, "%s%s", *sep, fact_text[id]);
	*sep = " ";
}

void
facts_format(const struct facts *f, struct buf *out)
{
	const char *sep = "";

	if (f->set == 0 && f->told == NULL) /* most mail */
		return;
	for (int i = 0; i < FACT_COUNT; i++)
		if (fact_has(f, (enum fact)i))
			format_own(f, (enum fact)i, &sep, out);
	for (const struct fact_told *t = f->told; t != NULL; t = t->next) {
		buf_printf(out, "%s%s=%s", sep, t->subject, t->value);
		if (t->detail != NULL)
			buf_printf(out, ":%s", t->detail);
		sep = " ";
	}
	if (f->told_more)
		buf_printf(out, "%sfacts=limit", sep);
}
