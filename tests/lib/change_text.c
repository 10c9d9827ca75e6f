#include "tests/lib/change_text.h"

static void
one(const struct change *c, struct buf *b)
{
	static const char *const kinds[] = {
		[CHANGE_INSERT_HEADER] = "ins",
		[CHANGE_ADD_HEADER] = "add",
		[CHANGE_HEADER] = "hdr",
		[CHANGE_BODY] = "body",
		[CHANGE_FROM] = "from",
		[CHANGE_ADD_RCPT] = "+rcpt",
		[CHANGE_DELETE_RCPT] = "-rcpt",
		[CHANGE_QUARANTINE] = "quar",
	};
	int field = c->kind == CHANGE_INSERT_HEADER || c->kind == CHANGE_ADD_HEADER ||
		    c->kind == CHANGE_HEADER;

	buf_adds(b, kinds[c->kind]);
	if (c->kind == CHANGE_INSERT_HEADER && c->index == CHANGE_INDEX_END)
		buf_adds(b, " end");
	else if (c->kind == CHANGE_INSERT_HEADER || c->kind == CHANGE_HEADER)
		buf_printf(b, " %u", (unsigned)c->index);
	if (c->name != NULL)
		buf_printf(b, " %s", c->name);
	if (field && c->value.p == NULL)
		buf_adds(b, " -");
	else if (field || c->kind == CHANGE_BODY)
		buf_addc(b, ':');
	buf_add_span(b, c->value);
}

void
change_text(const struct change *v, size_t n, struct buf *b)
{
	buf_reset(b);
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			buf_addc(b, '|');
		one(&v[i], b);
	}
}
