#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/xmem.h"
#include "conf/plugin_file.h"
#include "conf/plugin_rows.h"

#define SYMBOL "filterd_plugin"

/* The code becomes root's and filterd's own: it may come from them alone.  writers: bits of mode
 * that say who must not write. */
static int
check_owner(const struct stat *st, mode_t writers, struct err *err)
{
	if (st->st_uid != 0 && st->st_uid != geteuid())
		err_set(err, ERR_CONFIG,
		    "belongs to uid %u, and must belong to root or to who filterd runs as",
		    (unsigned)st->st_uid);
	else if (st->st_mode & writers)
		err_set(err, ERR_CONFIG, "must not be writable by others than its owner");
	else
		return 0;
	return -1;
}

/* Who may write the folder can put another file there after it was looked at. */
static int
look_at_folder(const char *path, struct err *err)
{
	struct stat st;

	if (stat(path, &st) == -1)
		return 0; /* then there is no file either, and that is told */
	if (check_owner(&st, S_IWGRP | S_IWOTH, err) == 0)
		return 0;
	err_prefix(err, "its folder");
	return -1;
}

/* Who may write one of those above can put another folder there.  In one like /tmp (sticky) only
 * what belongs to him. */
static int
look_above(const char *path, struct err *err)
{
	char *above = xstrdup(path), *slash;
	int rc = 0;

	while (rc == 0 && (slash = strrchr(above, '/')) != NULL && above[1] != '\0') {
		struct stat st;

		slash[slash == above] = '\0';
		if (stat(above, &st) == -1)
			continue;
		rc = check_owner(&st, st.st_mode & S_ISVTX ? 0 : S_IWGRP | S_IWOTH, err);
		if (rc == -1)
			err_prefix(err, "folder %s", above);
	}
	free(above);
	return rc;
}

/* The way that is written and, where it goes through links, the one that they lead. */
static int
look_at_way(const char *directory, struct err *err)
{
	char *real = realpath(directory, NULL);
	int rc = look_at_folder(directory, err);

	if (rc == 0)
		rc = look_above(directory, err);
	if (rc == 0 && real != NULL)
		rc = look_above(real, err);
	free(real);
	return rc;
}

/* dlopen(3) says "cannot open" of everything. */
static int
look_at_file(const char *path, struct err *err)
{
	struct stat st;

	if (stat(path, &st) == -1) {
		err_set(err, ERR_CONFIG, "%s", strerror(errno));
		return -1;
	}
	if (!S_ISREG(st.st_mode)) {
		err_set(err, ERR_CONFIG, "must be a file");
		return -1;
	}
	return check_owner(&st, S_IWGRP | S_IWOTH, err);
}

static void *
load(const char *path, struct err *err)
{
	void *so = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	const char *why;
	size_t n = strlen(path);

	if (so != NULL)
		return so;
	why = dlerror();
	if (why == NULL)
		why = "cannot be loaded";
	if (strncmp(why, path, n) == 0 && strncmp(why + n, ": ", 2) == 0)
		why += n + 2;
	err_set(err, ERR_CONFIG, "%s", why);
	return NULL;
}

/* Octets that the object says to have behind the symbol; they may be fewer than the struct's. */
static size_t
symbol_size(const void *symbol)
{
	Dl_info info;
	ElfW(Sym) *entry = NULL;
	void *extra = NULL;

	if (dladdr1(symbol, &info, &extra, RTLD_DL_SYMENT) == 0)
		return 0;
	entry = extra;
	return entry == NULL || info.dli_saddr != symbol ? 0 : entry->st_size;
}

static const struct filterd_plugin *
find_symbol(void *so, struct err *err)
{
	const struct filterd_plugin *def = dlsym(so, SYMBOL);
	size_t size;

	if (def == NULL) {
		err_set(err, ERR_CONFIG, "has no symbol " SYMBOL ": it is no plugin of filterd");
		return NULL;
	}
	size = symbol_size(def);
	if (size < offsetof(struct filterd_plugin, name)) {
		err_set(err, ERR_CONFIG, "symbol " SYMBOL " is no struct filterd_plugin");
		return NULL;
	}
	if (def->abi != FILTERD_PLUGIN_ABI) {
		err_set(err, ERR_CONFIG,
		    "has ABI %u, and this filterd has ABI %u: it must be compiled again with this "
		    "filterd's filterd_plugin.h",
		    (unsigned)def->abi, (unsigned)FILTERD_PLUGIN_ABI);
		return NULL;
	}
	if (def->size != sizeof(*def) || size < sizeof(*def)) {
		err_set(err, ERR_CONFIG,
		    "its struct filterd_plugin has %u octets, expected %zu: it must be compiled "
		    "again with this filterd's filterd_plugin.h",
		    (unsigned)(size < def->size ? size : def->size), sizeof(*def));
		return NULL;
	}
	return def;
}

static int
check_name(const struct filterd_plugin *def, const char *name, struct err *err)
{
	if (def->name != NULL && strcmp(def->name, name) == 0)
		return 0;
	err_set(err, ERR_CONFIG, "is plugin \"%.60s\", and its file must be named so",
	    def->name == NULL ? "" : def->name);
	return -1;
}

static int
check_plugin_name(const char *name, struct err *err)
{
	if (plugin_is_word(name, PLUGIN_NAME_MAX))
		return 0;
	err_set(err, ERR_CONFIG,
	    "plugin \"%.60s\": a name must be at most %d small letters, digits and _, a letter "
	    "first",
	    name, PLUGIN_NAME_MAX);
	return -1;
}

const struct filterd_plugin *
plugin_file_open(const char *directory, const char *name, struct err *err)
{
	const struct filterd_plugin *def = NULL;
	char *path;
	void *so;

	if (check_plugin_name(name, err) == -1)
		return NULL;
	path = xasprintf("%s/%s.so", directory, name);
	if (look_at_way(directory, err) == 0 && look_at_file(path, err) == 0 &&
	    (so = load(path, err)) != NULL)
		def = find_symbol(so, err);
	if (def != NULL && (check_name(def, name, err) == -1 || plugin_rows_check(def, err) == -1))
		def = NULL;
	if (def == NULL)
		err_prefix(err, "plugin %s: %s", name, path);
	free(path);
	return def;
}
