#include <assert.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/xmem.h"
#include "tests/lib/tmpdir.h"

char *
tmpdir_make(void)
{
	const char *base = getenv("TMPDIR");
	char *path = xasprintf("%s/filterd-test-XXXXXX", base == NULL ? "/tmp" : base);
	char *made = mkdtemp(path);

	assert(made != NULL);
	return made;
}

static int
remove_one(const char *path, const struct stat *sb, int type, struct FTW *ftw)
{
	(void)sb;
	(void)type;
	(void)ftw;
	return remove(path);
}

void
tmpdir_remove(char *path)
{
	nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	free(path);
}
