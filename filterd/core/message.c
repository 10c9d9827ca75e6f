#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/err.h"
#include "base/xmem.h"
#include "core/message.h"

#define FIRST_SIZE ((size_t)256 * 1024) /* of address space; memory is what gets written */
/* A file grows in steps of this; the part being written is mapped through a window. */
#define FILE_STEP ((size_t)1024 * 1024)
/* What of it stays mapped in our memory, at most, while it grows. */
#define KEEP_STEP ((size_t)256 * 1024)

struct message {
	size_t memory_limit;
	char *spool_directory;
	struct message_budget *budget;
	uint8_t *mem; /* in memory: the octets */
	size_t mem_size;
	size_t touched; /* octets of mem that were ever written */
	size_t len;
	int fd; /* spool file, -1 while in memory */
	int dotless;
	uint8_t *map; /* whole file, read and write while it grows */
	size_t map_size;
};

struct message *
message_new(const struct message_options *o)
{
	struct message *m = xcalloc(1, sizeof(*m));

	m->memory_limit = o->memory_limit;
	m->spool_directory = xstrdup(o->spool_directory);
	m->budget = o->budget;
	m->fd = -1;
	return m;
}

void
message_set_options(struct message *m, const struct message_options *o)
{
	m->memory_limit = o->memory_limit;
	if (strcmp(m->spool_directory, o->spool_directory) == 0)
		return;
	free(m->spool_directory);
	m->spool_directory = xstrdup(o->spool_directory);
}

static void
drop_file(struct message *m)
{
	if (m->map != NULL)
		munmap(m->map, m->map_size);
	if (m->fd != -1)
		close(m->fd);
	m->map = NULL;
	m->map_size = 0;
	m->fd = -1;
}

/* So many octets of memory were written. */
static void
set_touched(struct message *m, size_t n)
{
	if (m->budget != NULL && n > m->touched)
		atomic_fetch_add(&m->budget->used, n - m->touched);
	else if (m->budget != NULL)
		atomic_fetch_sub(&m->budget->used, m->touched - n);
	m->touched = n;
}

/* Would one more piece be more than all messages together may take? */
static int
over_budget(const struct message *m, size_t want)
{
	return m->budget != NULL && m->len + want > MESSAGE_SMALL && m->len + want > m->touched &&
	       atomic_load(&m->budget->used) >= atomic_load(&m->budget->limit);
}

/* Mapped, not from malloc: large buffers that grow leave holes in a heap. */
static void
drop_memory(struct message *m)
{
	if (m->mem != NULL)
		munmap(m->mem, m->mem_size);
	m->mem = NULL;
	m->mem_size = 0;
	set_touched(m, 0);
}

static int
memory_grow(struct message *m, size_t size, struct err *err)
{
	void *p = m->mem == NULL ? mmap(NULL, size, PROT_READ | PROT_WRITE,
				       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
				 : mremap(m->mem, m->mem_size, size, MREMAP_MAYMOVE);

	if (p == MAP_FAILED) {
		err_set(err, ERR_SYSTEM, "no memory for a message: %s", strerror(errno));
		return -1;
	}
	m->mem = p;
	m->mem_size = size;
	return 0;
}

size_t
message_kept(const struct message *m)
{
	return m->touched;
}

void
message_reset(struct message *m)
{
	drop_file(m);
	m->len = 0;
	m->dotless = 0;
}

void
message_free(struct message *m)
{
	if (m == NULL)
		return;
	drop_file(m);
	drop_memory(m);
	free(m->spool_directory);
	free(m);
}

static int
file_failed(const struct message *m, struct err *err)
{
	err_set(err, ERR_SYSTEM, "spool_directory %s: %s", m->spool_directory, strerror(errno));
	return -1;
}

/* posix_fallocate, so that a full disk is an error here and not a SIGBUS when a mapped page is
 * written. */
static int
file_grow(struct message *m, size_t size, struct err *err)
{
	void *map;
	int rc = posix_fallocate(m->fd, 0, (off_t)size);

	if (rc != 0) {
		errno = rc;
		return file_failed(m, err);
	}
	if (m->map == NULL)
		map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, m->fd, 0);
	else
		map = mremap(m->map, m->map_size, size, MREMAP_MAYMOVE);
	if (map == MAP_FAILED)
		return file_failed(m, err);
	m->map = map;
	m->map_size = size;
	return 0;
}

static int
file_start(struct message *m, size_t want, struct err *err)
{
	m->fd = open(m->spool_directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (m->fd == -1 && (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL)) {
		char *name = xasprintf("%s/XXXXXX", m->spool_directory);

		m->fd = mkostemp(name, O_CLOEXEC);
		if (m->fd != -1)
			unlink(name);
		free(name);
	}
	if (m->fd == -1)
		return file_failed(m, err);
	if (file_grow(m, m->len + want + FILE_STEP, err) == -1)
		return -1;
	if (m->len > 0)
		memcpy(m->map, m->mem, m->len);
	drop_memory(m);
	return 0;
}

uint8_t *
message_reserve(struct message *m, size_t want, struct err *err)
{
	if (m->fd == -1 && (m->len + want > m->memory_limit || over_budget(m, want))) {
		if (file_start(m, want, err) == -1) {
			drop_file(m);
			return NULL;
		}
	}
	if (m->fd != -1) {
		if (m->map_size - m->len < want &&
		    file_grow(m, m->len + want + 4 * FILE_STEP, err) == -1)
			return NULL;
		return m->map + m->len;
	}
	if (m->mem_size - m->len < want) {
		size_t size = m->mem_size == 0 ? FIRST_SIZE : m->mem_size * 2;

		while (size < m->len + want)
			size *= 2;
		if (memory_grow(m, size, err) == -1)
			return NULL;
	}
	return m->mem + m->len;
}

void
message_commit(struct message *m, size_t n)
{
	assert(n <= (m->fd == -1 ? m->mem_size : m->map_size) - m->len);
	m->len += n;
	if (m->fd == -1 && m->len > m->touched)
		set_touched(m, m->len);
	/* What has been written to a file is not looked at until the end: let the kernel have it.
	 */
	if (m->fd != -1 && m->len / KEEP_STEP != (m->len - n) / KEEP_STEP)
		message_forget(m, m->len);
}

void
message_set_dotless(struct message *m)
{
	m->dotless = 1;
}

int
message_is_dotless(const struct message *m)
{
	return m->dotless;
}

size_t
message_len(const struct message *m)
{
	return m->len;
}

struct span
message_view(struct message *m)
{
	return span_make(m->fd == -1 ? m->mem : m->map, m->len);
}

void
message_forget(struct message *m, size_t offset)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	if (m->fd == -1)
		return;
	/* A shared file mapping: pages come back from the page cache when they are read again. */
	offset &= ~(page - 1);
	if (offset > 0)
		madvise(m->map, offset, MADV_DONTNEED);
}
