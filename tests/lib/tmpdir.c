#include <assert.h>
#include <dirent.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

static void
copy(const char *from, const char *to)
{
	FILE *in = fopen(from, "r"), *out = fopen(to, "w");
	char block[65536];
	size_t n;

	assert(in != NULL && out != NULL);
	while ((n = fread(block, 1, sizeof(block), in)) > 0)
		assert(fwrite(block, 1, n, out) == n);
	fclose(in);
	assert(fclose(out) == 0);
}

char *
tmpdir_of_copies(const char *folder, const char *end)
{
	char *made = tmpdir_make();
	DIR *d = opendir(folder);
	struct dirent *e;

	while (d != NULL && (e = readdir(d)) != NULL) {
		size_t n = strlen(e->d_name);
		char *from, *to;

		if (n <= strlen(end) || strcmp(e->d_name + n - strlen(end), end) != 0)
			continue;
		from = xasprintf("%s/%s", folder, e->d_name);
		to = xasprintf("%s/%s", made, e->d_name);
		copy(from, to);
		free(from);
		free(to);
	}
	if (d != NULL)
		closedir(d);
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
