#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "conf/conf.h"
#include "engine/rule_params.h"
#include "rules/rules.h"
#include "tests/lib/rule_setup.h"

static void
found(void *arg, const struct conf_finding *f)
{
	(void)arg;
	if (f->severity == CONF_ERROR)
		fprintf(stderr, "rule_setup: line %d: %s\n", f->line, f->text);
}

struct conf *
rule_setup(const char *text, struct rule_options *o)
{
	struct buf b = { 0 };
	struct conf *conf;

	buf_printf(&b, "listeners = { smtp:127.0.0.1:10025, role = mta }\n%s", text);
	conf = conf_load_text(span_str(buf_cstr(&b)), "setup", found, NULL);
	buf_fini(&b);
	if (conf == NULL)
		return NULL;
	*o = (struct rule_options){ .is_mta = 1 };
	rule_params_fill(conf_listener(conf, 0)->params, o);
	return conf;
}
