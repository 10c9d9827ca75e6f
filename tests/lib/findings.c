#include "base/attr.h"
#include "tests/lib/findings.h"

void
findings_add(void *arg, const struct conf_finding *f)
{
	static const char *const words[] = {
		[CONF_ERROR] = "error", [CONF_WARNING] = "warning", [CONF_NOTE] = "note"
	};

	buf_printf(arg, "%s %s:%d: %s\n", words[f->severity], f->file == NULL ? "-" : f->file,
	    f->line, f->text);
}

struct conf *
findings_load(const char *text, struct buf *told)
{
	return conf_load_text(span_str(text), "t", findings_add, told);
}
