/*
 * thread_seen - which unit tests start threads
 *
 * Linked into every unit test, with --wrap=pthread_create: the first thread that one starts leaves
 * NAME.threads in the folder FILTERD_COVERAGE_DIR, for tests/check_threads.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

int __real_pthread_create(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
int __wrap_pthread_create(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);

/* One record is enough; the flag lives as long as the program. */
static atomic_flag seen = ATOMIC_FLAG_INIT;

static void
record(void)
{
	const char *dir = getenv("FILTERD_COVERAGE_DIR");
	char path[4096];
	int fd;

	if (dir == NULL || dir[0] == '\0' || atomic_flag_test_and_set(&seen))
		return;
	(void)mkdir(dir, 0777);
	snprintf(path, sizeof(path), "%s/%s.threads", dir, program_invocation_short_name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (fd == -1 || write(fd, "1\n", 2) != 2) {
		perror(path);
		abort();
	}
	close(fd);
}

int
__wrap_pthread_create(pthread_t *t, const pthread_attr_t *a, void *(*f)(void *), void *arg)
{
	int rc = __real_pthread_create(t, a, f, arg);

	if (rc == 0)
		record();
	return rc;
}
