/* filterctl postmap [-fNnoprw] TYPE:FILE ... - make indexes of text files, as postmap(1) does */
#include <stdio.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/err.h"
#include "ctl/ctl_cmd.h"
#include "table/index_write.h"

#define USAGE "postmap [-f] [-N | -n] [-o] [-p] [-r | -w] TYPE:FILE ..."

static int
set_option(struct index_write_options *opt, int c)
{
	switch (c) {
	case 'f':
		opt->keep_case = 1;
		return 0;
	case 'N':
		opt->nul = INDEX_NUL_YES;
		return 0;
	case 'n':
		opt->nul = INDEX_NUL_NO;
		return 0;
	case 'o':
		opt->keep_root = 1;
		return 0;
	case 'p':
		opt->plain_mode = 1;
		return 0;
	case 'r':
		opt->replace = 1;
		return 0;
	case 'w':
		opt->no_warning = 1;
		return 0;
	default:
		return -1;
	}
}

int
ctl_postmap(const struct ctl_env *env, int argc, char **argv)
{
	struct index_write_options opt = { 0 };
	struct err err;
	int c, status = 0;

	(void)env;
	while ((c = getopt(argc, argv, "fNnoprw")) != -1)
		if (set_option(&opt, c) == -1)
			return ctl_usage(USAGE);
	if (optind == argc)
		return ctl_usage(USAGE);
	for (int i = optind; i < argc; i++) {
		err_clear(&err);
		if (index_write(argv[i], &opt, ctl_table_warning, NULL, &err) == -1)
			status = ctl_fail(
			    err.class == ERR_CONFIG ? EX_DATAERR : EX_CANTCREAT, "%s", err.text);
	}
	return status;
}
