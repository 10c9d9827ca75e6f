/* filterctl types - the table types there are */
#include <stdio.h>

#include "ctl/ctl_cmd.h"
#include "table/table.h"

static void
show(void *arg, const char *type, const char *text)
{
	(void)arg;
	printf("%-10s %s\n", type, text);
}

int
ctl_types(const struct ctl_env *env, int argc, char **argv)
{
	(void)env;
	if (argc != 1)
		return ctl_usage("types");
	table_types_each(show, NULL);
	return 0;
}
