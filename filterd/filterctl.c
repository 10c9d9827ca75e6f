/*
 * filterctl - look into the configuration, the tables, the hold store and the running filterd
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/log.h"
#include "base/text.h"
#include "config.h"
#include "ctl/ctl_cmd.h"

static const struct {
	const char *name;
	int (*run)(const struct ctl_env *, int argc, char **argv);
	const char *arguments;
} commands[] = {
	{ "check", ctl_check, "" },
	{ "config", ctl_config, "[-d | -n] [-x] [-l LISTENER] [NAME ...]" },
	{ "dns", ctl_dns, "[-r SERVER ...] TYPE NAME ..." },
	{ "explain", ctl_explain,
	    "ID [--json] | --client-address A [--client-name N] [--reverse-name R] ..." },
	{ "hold", ctl_hold, "list | show | release | requeue | delete | reindex" },
	{ "postmap", ctl_postmap, "TYPE:FILE ..." },
	{ "query", ctl_query, "TYPE:NAME KEY" },
	{ "status", ctl_status, "[--json]" },
	{ "types", ctl_types, "" },
};

static int
usage(void)
{
	fprintf(stderr, "usage: filterctl [-V] [-c FILE] COMMAND [ARGUMENT ...]\n");
	for (size_t i = 0; i < nitems(commands); i++)
		fprintf(
		    stderr, "       filterctl %s %s\n", commands[i].name, commands[i].arguments);
	return EX_USAGE;
}

static int
unknown(const char *name)
{
	const char *names[nitems(commands)], *near;

	for (size_t i = 0; i < nitems(commands); i++)
		names[i] = commands[i].name;
	near = text_nearest(name, names, nitems(names));
	if (near != NULL)
		ctl_fail(EX_USAGE, "%s: no such command; did you mean %s?", name, near);
	else
		ctl_fail(EX_USAGE, "%s: no such command", name);
	return usage();
}

int
main(int argc, char **argv)
{
	struct ctl_env env = { .config_path = CTL_DEFAULT_CONFIG };
	int c;

	log_set_program("filterctl");
	/* The plus: options behind the command are the command's. */
	while ((c = getopt(argc, argv, "+c:V")) != -1) {
		switch (c) {
		case 'c':
			env.config_path = optarg;
			break;
		case 'V':
			printf("filterctl %s\n", PACKAGE_VERSION);
			return 0;
		default:
			return usage();
		}
	}
	if (optind == argc)
		return usage();
	argc -= optind;
	argv += optind;
	optind = 0; /* glibc: start anew, with the GNU extensions */
	for (size_t i = 0; i < nitems(commands); i++)
		if (strcmp(commands[i].name, argv[0]) == 0)
			return commands[i].run(&env, argc, argv);
	return unknown(argv[0]);
}
