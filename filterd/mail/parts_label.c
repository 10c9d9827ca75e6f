/* The names, types and charsets of a part: kept, and compared. */
#include <string.h>

#include "base/arena.h"
#include "mail/parts_private.h"

const struct parts_label *
parts_label_keep(struct arena *arena, const struct parts_label *label)
{
	struct parts_label *l;

	if (label == NULL)
		return NULL;
	l = arena_alloc(arena, sizeof(*l));
	*l = *label;
	for (size_t i = 0; i < l->nnames; i++)
		l->names[i] = arena_span(arena, l->names[i]);
	for (size_t i = 0; i < l->ntypes; i++)
		l->types[i] = arena_strdup(arena, l->types[i]);
	for (size_t i = 0; i < l->ncharsets; i++)
		l->charsets[i] = arena_strdup(arena, l->charsets[i]);
	return l;
}

static void
write_words(const char *const *words, size_t n, struct buf *out)
{
	buf_add(out, &n, sizeof(n));
	for (size_t i = 0; i < n; i++)
		buf_add(out, words[i], strlen(words[i]) + 1);
}

void
parts_label_write(const struct parts_label *l, struct buf *out)
{
	static const struct parts_label none;

	buf_addc(out, l == NULL ? 'n' : 'l');
	if (l == NULL)
		l = &none;
	buf_add(out, &l->nnames, sizeof(l->nnames));
	for (size_t i = 0; i < l->nnames; i++) {
		buf_add(out, &l->names[i].len, sizeof(l->names[i].len));
		buf_add_span(out, l->names[i]);
	}
	write_words(l->types, l->ntypes, out);
	write_words(l->charsets, l->ncharsets, out);
	buf_add(out, &l->delsp, sizeof(l->delsp));
	buf_add(out, &l->first, sizeof(l->first));
}
