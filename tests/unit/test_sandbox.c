/* From inside: what is forbidden fails or ends the process, what a library needs works. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "proc/sandbox.h"
#include "proc/scan_wire.h"
#include "tests/lib/child.h"
#include "tests/lib/tmpdir.h"

#define MB       ((int64_t)1 << 20)
#define NO_ENTRY 200 /* exit status: it could not be entered */
#define SURVIVED 201 /* the call has done what it should not */

struct act {
	const char *name;
	int (*run)(const char *folder); /* exit status; 0: as it should be */
	int signo;                      /* which is to end it; 0: none */
	int needs_landlock, not_sanitized;
};

/* Failed with this error? */
static int
failed_with(long rc, int error)
{
	return rc == -1 && errno == error ? 0 : SURVIVED;
}

/* --- what works --- */

static int
files(const char *folder)
{
	char path[200], text[8];
	DIR *d;
	int fd;

	snprintf(path, sizeof(path), "%s/sub", folder);
	if (mkdir(path, 0700) == -1)
		return 1;
	snprintf(path, sizeof(path), "%s/sub/file", folder);
	fd = open(path, O_RDWR | O_CREAT | O_EXCL, 0600);
	if (fd == -1 || write(fd, "text", 4) != 4 || lseek(fd, 0, SEEK_SET) != 0 ||
	    read(fd, text, sizeof(text)) != 4 || ftruncate(fd, 0) == -1 || close(fd) == -1)
		return 2;
	if ((d = opendir(folder)) == NULL || readdir(d) == NULL || closedir(d) == -1)
		return 3;
	if (unlink(path) == -1)
		return 4;
	snprintf(path, sizeof(path), "%s/sub", folder);
	return rmdir(path) == -1 ? 5 : 0;
}

static int
memory(const char *folder)
{
	size_t size = 8 * MB;
	char *p = malloc(size);

	(void)folder;
	if (p == NULL)
		return 1;
	memset(p, 'x', size);
	p = realloc(p, 2 * size);
	if (p == NULL)
		return 2;
	free(p);
	return 0;
}

static int
talk(const char *folder)
{
	/* Made before it is entered, as those of a scanner are. */
	struct pollfd p = { .fd = 100, .events = POLLIN };
	char c = 'x';

	(void)folder;
	return send(101, &c, 1, MSG_NOSIGNAL) == 1 && poll(&p, 1, 1000) == 1 &&
		       scan_receive(100, &c, 1, NULL, 0, 0) == 1
		   ? 0
		   : 1;
}

static int
processor(const char *folder)
{
	volatile unsigned long n = 0;

	(void)folder;
	sandbox_cpu(0);
	while (n < (unsigned long)-1)
		n++;
	return SURVIVED;
}

static int
more_processor(const char *folder)
{
	struct rlimit rl;

	(void)folder;
	sandbox_cpu(1000);
	return getrlimit(RLIMIT_CPU, &rl) == 0 && rl.rlim_cur >= 1000 ? 0 : 1;
}

static int
breaks(const char *folder)
{
	if (folder != NULL)
		abort();
	return SURVIVED;
}

/* --- files elsewhere --- */

static int
reads_passwd(const char *folder)
{
	(void)folder;
	return failed_with(open("/etc/passwd", O_RDONLY), EACCES);
}

static int
reads_above(const char *folder)
{
	char path[200];

	snprintf(path, sizeof(path), "%s/../outside", folder);
	return failed_with(open(path, O_RDONLY), EACCES);
}

static int
writes_above(const char *folder)
{
	char path[200];

	snprintf(path, sizeof(path), "%s/../new", folder);
	return failed_with(open(path, O_WRONLY | O_CREAT, 0600), EACCES);
}

static int
lists_root(const char *folder)
{
	(void)folder;
	return failed_with(open("/", O_RDONLY | O_DIRECTORY), EACCES);
}

static int
reads_proc(const char *folder)
{
	(void)folder;
	return failed_with(
	    open("/proc/self/mem", O_RDWR), access("/proc/self/mem", F_OK) == 0 ? EACCES : ENOENT);
}

/* Through a link in its own folder. */
static int
follows_link(const char *folder)
{
	char path[200];

	snprintf(path, sizeof(path), "%s/link", folder);
	return failed_with(open(path, O_RDONLY), EACCES);
}

/* Landlock knows nothing of modes. */
static int
changes_mode(const char *folder)
{
	char path[200];

	snprintf(path, sizeof(path), "%s/../outside", folder);
	return failed_with(chmod(path, 0), EPERM);
}

static int
makes_link(const char *folder)
{
	char path[200];

	snprintf(path, sizeof(path), "%s/own", folder);
	return failed_with(symlink("/etc/passwd", path), EPERM);
}

/* --- others --- */

static int
opens_socket(const char *folder)
{
	(void)folder;
	socket(AF_INET, SOCK_STREAM, 0);
	return SURVIVED;
}

static int
opens_unix(const char *folder)
{
	(void)folder;
	socket(AF_UNIX, SOCK_STREAM, 0);
	return SURVIVED;
}

static int
forks(const char *folder)
{
	(void)folder;
	if (fork() == 0)
		_exit(0);
	return SURVIVED;
}

static int
forks_old(const char *folder)
{
	(void)folder;
	if (syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0) == 0)
		_exit(0);
	return SURVIVED;
}

static int
runs_program(const char *folder)
{
	(void)folder;
	execl("/bin/true", "true", (char *)NULL);
	return SURVIVED;
}

static int
traces_parent(const char *folder)
{
	(void)folder;
	ptrace(PTRACE_ATTACH, getppid(), NULL, NULL);
	return SURVIVED;
}

static int
reads_parent(const char *folder)
{
	char c;
	struct iovec here = { &c, 1 }, there = { (void *)folder, 1 };

	process_vm_readv(getppid(), &here, 1, &there, 1, 0);
	return SURVIVED;
}

static int
signals_parent(const char *folder)
{
	(void)folder;
	kill(getppid(), 0);
	return SURVIVED;
}

static int
signals_parents_thread(const char *folder)
{
	(void)folder;
	syscall(SYS_tgkill, getppid(), getppid(), 0);
	return SURVIVED;
}

static int
other_name_space(const char *folder)
{
	(void)folder;
	unshare(CLONE_NEWUSER);
	return SURVIVED;
}

static void *
idle(void *arg)
{
	return arg;
}

static int
thread(const char *folder)
{
	pthread_t t;

	(void)folder;
	return pthread_create(&t, NULL, idle, NULL) == EAGAIN ? 0 : SURVIVED;
}

static int
unlisted(const char *folder)
{
	(void)folder;
	return failed_with(syscall(SYS_sethostname, "x", 1), EPERM);
}

static int
code(const char *folder)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)folder;
	if (p == MAP_FAILED || mprotect(p, 4096, PROT_READ | PROT_EXEC) == 0)
		return SURVIVED;
	return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
			   MAP_FAILED &&
		       errno == EPERM
		   ? 0
		   : SURVIVED;
}

/* --- limits --- */

static int
too_much_memory(const char *folder)
{
	(void)folder;
	return malloc(100 * MB) == NULL && malloc(40 * MB) != NULL ? 0 : SURVIVED;
}

static int
file_too_big(const char *folder)
{
	char path[200], block[4096] = "";
	int fd;

	snprintf(path, sizeof(path), "%s/big", folder);
	if ((fd = open(path, O_WRONLY | O_CREAT, 0600)) == -1)
		return 1;
	for (int i = 0; i < 256; i++)
		if (write(fd, block, sizeof(block)) != sizeof(block))
			return 2;
	return failed_with(write(fd, block, 1), EFBIG);
}

static int
too_many_files(const char *folder)
{
	int fd = 0;

	while (fd >= 0 && fd < 1000)
		fd = open(folder, O_RDONLY | O_DIRECTORY);
	return failed_with(fd, EMFILE);
}

static int
raises_limit(const char *folder)
{
	struct rlimit rl = { .rlim_cur = 1000, .rlim_max = 1000 };

	(void)folder;
	return failed_with(setrlimit(RLIMIT_NOFILE, &rl), EPERM);
}

static int
limits_parent(const char *folder)
{
	struct rlimit rl = { 0, 0 };

	(void)folder;
	return failed_with(prlimit(getppid(), RLIMIT_CORE, &rl, NULL), EPERM);
}

static int
core(const char *folder)
{
	struct rlimit rl;

	(void)folder;
	return getrlimit(RLIMIT_CORE, &rl) == 0 && rl.rlim_max == 0 ? 0 : 1;
}

static int
message_changed(const char *folder)
{
	char c = 'x';

	(void)folder;
	return failed_with(pwrite(102, &c, 1, 0), EPERM);
}

static const struct act acts[] = {
	{ "files", files, 0, 0, 0 },
	{ "memory", memory, 0, 0, 0 },
	{ "talk", talk, 0, 0, 0 },
	{ "processor", processor, SIGXCPU, 0, 0 },
	{ "more processor", more_processor, 0, 0, 0 },
	{ "breaks", breaks, SIGABRT, 0, 0 },
	{ "reads passwd", reads_passwd, 0, 1, 0 },
	{ "reads above", reads_above, 0, 1, 0 },
	{ "writes above", writes_above, 0, 1, 0 },
	{ "lists root", lists_root, 0, 1, 0 },
	{ "reads proc", reads_proc, 0, 1, 0 },
	{ "follows link", follows_link, 0, 1, 0 },
	{ "changes mode", changes_mode, 0, 0, 0 },
	{ "makes link", makes_link, 0, 0, 0 },
	{ "opens socket", opens_socket, SIGSYS, 0, 0 },
	{ "opens unix socket", opens_unix, SIGSYS, 0, 0 },
	{ "forks", forks, SIGSYS, 0, 0 },
	{ "forks, clone by hand", forks_old, SIGSYS, 0, 0 },
	{ "runs program", runs_program, SIGSYS, 0, 0 },
	{ "traces parent", traces_parent, SIGSYS, 0, 0 },
	{ "reads parent", reads_parent, SIGSYS, 0, 0 },
	{ "signals parent", signals_parent, SIGSYS, 0, 0 },
	{ "signals parent's thread", signals_parents_thread, SIGSYS, 0, 0 },
	{ "other name space", other_name_space, SIGSYS, 0, 0 },
	{ "thread", thread, 0, 0, 1 },
	{ "unlisted", unlisted, 0, 0, 0 },
	{ "code", code, 0, 0, 1 },
	{ "too much memory", too_much_memory, 0, 0, 1 },
	{ "file too big", file_too_big, 0, 0, 0 },
	{ "too many files", too_many_files, 0, 0, 0 },
	{ "raises limit", raises_limit, 0, 0, 0 },
	{ "limits parent", limits_parent, 0, 0, 0 },
	{ "core", core, 0, 0, 0 },
	{ "message changed", message_changed, 0, 0, 0 },
};

/* Root may raise limits, which is tested as nobody. */
static void
enter(const char *folder)
{
	struct sandbox_options o = {
		.folder = folder, .memory = 64 * MB, .file_size = MB, .files = 128
	};
	struct err err = { 0 };
	int has = sandbox_has_landlock(), landlock, pair[2];

	signal(SIGABRT, SIG_DFL);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) == -1 || dup2(pair[0], 100) == -1 ||
	    dup2(pair[1], 101) == -1 ||
	    dup2(scan_memfd(span_str("lead"), span_str("text"), &err), 102) == -1)
		_exit(NO_ENTRY);
	if (getuid() == 0 && (setgid(65534) == -1 || setuid(65534) == -1))
		_exit(NO_ENTRY);
	if (sandbox_enter(&o, &landlock, &err) == -1) {
		fprintf(stderr, "%s\n", err.text);
		_exit(NO_ENTRY);
	}
	if (landlock != has)
		_exit(NO_ENTRY);
}

static void
one(const struct act *a, const char *folder)
{
	int status;
	pid_t pid = child_fork();

	if (pid == 0) {
		enter(folder);
		_exit(a->run(folder));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (a->signo != 0 ? !WIFSIGNALED(status) || WTERMSIG(status) != a->signo
			  : !WIFEXITED(status) || WEXITSTATUS(status) != 0)
		fail_msg("%s: wait status %x", a->name, (unsigned)status);
}

static void
test_acts(void **state)
{
	char *above = tmpdir_make(), folder[100], path[200];
	int landlock = sandbox_has_landlock();

	(void)state;
	assert_int_equal(chmod(above, 0777), 0);
	snprintf(folder, sizeof(folder), "%s/own", above);
	snprintf(path, sizeof(path), "%s/outside", above);
	close(open(path, O_WRONLY | O_CREAT, 0644));
	for (size_t i = 0; i < nitems(acts); i++) {
		char clean[300];

		if ((acts[i].needs_landlock && !landlock) ||
		    (acts[i].not_sanitized && SANDBOX_SANITIZED))
			continue;
		assert_int_equal(mkdir(folder, 0777), 0);
		assert_int_equal(chmod(folder, 0777), 0);
		snprintf(path, sizeof(path), "%s/link", folder);
		assert_int_equal(symlink("/etc/passwd", path), 0);
		one(&acts[i], folder);
		snprintf(clean, sizeof(clean), "rm -rf %s", folder);
		assert_int_equal(system(clean), 0);
	}
	tmpdir_remove(above);
	if (!landlock)
		print_message("no Landlock in this kernel: files elsewhere are not tested\n");
}

/* By hand, for the library remembers what it found out about this process. */
static int
forbid_seccomp(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_seccomp, 1, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_landlock_create_ruleset, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { .len = nitems(code), .filter = code };

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1 ||
		       prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == -1
		   ? -1
		   : 0;
}

/* As in a service whose list of system calls has no seccomp(2), nor Landlock's. */
static void
test_seccomp_forbidden(void **state)
{
	int status;
	pid_t pid = child_fork();

	if (pid == 0) {
		if (forbid_seccomp() == -1)
			_exit(NO_ENTRY);
		test_acts(state);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void
test_folder_missing(void **state)
{
	struct sandbox_options o = { .folder = "/nonexistent/folder" };
	struct err err = { 0 };
	int landlock, status;
	pid_t pid = child_fork();

	(void)state;
	if (pid == 0)
		_exit(sandbox_enter(&o, &landlock, &err) == -1 && strstr(err.text, o.folder) != NULL
			  ? 0
			  : 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, sandbox_has_landlock() ? 0 : 1 << 8);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_acts, children_end),
		cmocka_unit_test_teardown(test_seccomp_forbidden, children_end),
		cmocka_unit_test_teardown(test_folder_missing, children_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
