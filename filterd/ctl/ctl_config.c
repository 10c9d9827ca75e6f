#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "ctl/ctl_cmd.h"

static const struct conf_listener *
find(const struct conf *conf, const char *name)
{
	for (size_t i = 0; i < conf_listener_count(conf); i++)
		if (strcmp(conf_listener(conf, i)->name, name) == 0)
			return conf_listener(conf, i);
	return NULL;
}

int
ctl_config(const struct ctl_env *env, int argc, char **argv)
{
	struct conf_view view = { .show = CONF_SHOW_ALL };
	const char *listener = NULL;
	struct conf *conf;
	int c, rc;

	while ((c = getopt(argc, argv, "+dl:nx")) != -1) {
		if (c == 'l')
			listener = optarg;
		else if (c == 'x')
			view.expanded = 1;
		else if (c == '?' || view.show != CONF_SHOW_ALL)
			return ctl_usage("config [-d | -n] [-x] [-l LISTENER] [NAME ...]");
		else
			view.show = c == 'd' ? CONF_SHOW_DEFAULTS : CONF_SHOW_SET;
	}
	if ((conf = ctl_load_conf(env)) == NULL)
		return EX_CONFIG;
	if (listener != NULL && (view.listener = find(conf, listener)) == NULL) {
		fprintf(stderr, "filterctl: there is no listener %s\n", listener);
		rc = -1;
	} else {
		rc =
		    conf_print(conf, &view, argv + optind, (size_t)(argc - optind), stdout, stderr);
	}
	conf_free(conf);
	return rc == -1 ? 1 : 0;
}
