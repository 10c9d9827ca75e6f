/*
 * A file of a compiled database that somebody or something has changed: it is used only if it is
 * what was written, octet by octet.  Input: four octets for the content; then changes, of four
 * octets each: where (two), what is exclusive-ored with the octet there, and what is to be done.
 */
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"
#include "table/prefilter_cache.h"
#include "table/scan_db.h"

#define FILE_MAX 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(int true)
{
	if (!true)
		abort();
}

struct file {
	char path[120];
	uint8_t octets[FILE_MAX];
	size_t len;
};

static void
load(struct file *f)
{
	int fd = open(f->path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd == -1 ? -1 : read(fd, f->octets, sizeof(f->octets));

	must(n > 0 && (size_t)n < sizeof(f->octets));
	f->len = (size_t)n;
	close(fd);
}

static void
save(const struct file *f)
{
	int fd = open(f->path, O_WRONLY | O_TRUNC | O_CLOEXEC);

	must(fd != -1 && write(fd, f->octets, f->len) == (ssize_t)f->len);
	close(fd);
}

static void
change(struct file *f, const uint8_t *how)
{
	size_t at = (size_t)how[0] << 8 | how[1];

	if (how[3] == 1) {
		f->len = at < f->len ? at : f->len;
	} else if (how[3] == 2 && f->len < sizeof(f->octets)) {
		f->octets[f->len++] = how[2];
	} else if (how[3] == 3) { /* the end of it elsewhere */
		memmove(f->octets, f->octets + at % (f->len + 1), f->len - at % (f->len + 1));
	} else if (f->len > 0) {
		f->octets[at % f->len] ^= how[2];
	}
}

static void
run(const char *folder, struct span content, struct span changes)
{
	const struct scan_expr patterns[] = { { .id = 1, .text = "a" } };
	struct buf in = { 0 }, out = { 0 };
	struct prefilter_key key;
	struct file was, is;
	struct err err = { 0 };
	int rc;

	prefilter_cache_key(patterns, 1, &key);
	buf_add_span(&in, content);
	must(prefilter_cache_write(folder, &key, &in, &err) == 0);
	snprintf(was.path, sizeof(was.path), "%s/%s.patterns", folder, key.name);
	load(&was);
	is = was;
	for (size_t i = 0; i + 4 <= changes.len; i += 4)
		change(&is, changes.p + i);
	save(&is);
	rc = prefilter_cache_read(folder, &key, &out, &err);
	if (is.len == was.len && memcmp(is.octets, was.octets, is.len) == 0)
		must(rc == 1 && span_eq(buf_span(&out), content));
	else
		must(rc == -1 && out.len == 0 && err.class != ERR_NONE);
	unlink(is.path);
	buf_fini(&in);
	buf_fini(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char folder[] = "/tmp/fuzz_cache.XXXXXX";

	if (size < 4 || size > 2000)
		return 0;
	must(mkdtemp(folder) != NULL);
	run(folder, span_make(data, 4), span_make(data + 4, size - 4));
	must(rmdir(folder) == 0);
	return 0;
}
