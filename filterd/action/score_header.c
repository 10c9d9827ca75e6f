#include "action/score_header.h"
#include "action/tag.h"
#include "base/buf.h"
#include "mail/header.h"

void
score_header_add(struct edit_list *out, const char *name, struct span text)
{
	struct buf field = { 0 }, folded = { 0 };

	buf_printf(&field, "%s: ", name);
	buf_add_span(&field, text);
	header_fold(buf_span(&field), &folded);
	edit_add(out, 0, 0, buf_span(&folded));
	buf_fini(&field);
	buf_fini(&folded);
}

void
score_header_drop(struct edit_list *out, struct span m, const char *name)
{
	struct tag_field f = { .end = 0 };

	while (tag_next_field(m, &f))
		if (span_case_eq_str(f.name, name))
			edit_add(out, f.at, f.end - f.at, span_make(NULL, 0));
}
