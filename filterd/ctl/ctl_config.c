#include <stdio.h>
#include <sysexits.h>
#include <unistd.h>

#include "ctl/ctl_cmd.h"

int
ctl_config(const struct ctl_env *env, int argc, char **argv)
{
	enum conf_show show = CONF_SHOW_ALL;
	struct conf *conf;
	int c, rc;

	while ((c = getopt(argc, argv, "+dn")) != -1) {
		if (c == '?' || (show != CONF_SHOW_ALL))
			return ctl_usage("config [-d | -n] [NAME ...]");
		show = c == 'd' ? CONF_SHOW_DEFAULTS : CONF_SHOW_SET;
	}
	if ((conf = ctl_load_conf(env)) == NULL)
		return EX_CONFIG;
	rc = conf_print(conf, show, argv + optind, (size_t)(argc - optind), stdout, stderr);
	conf_free(conf);
	return rc == -1 ? 1 : 0;
}
