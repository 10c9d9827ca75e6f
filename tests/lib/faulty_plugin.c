/*
 * faulty_plugin - a plugin for tests whose scan does what the message says
 *
 *	reject_faulty	refuses with what the scan found
 *
 * Each line "Scan: WORD" of the message is done, see words[].  "Engine" is the text of the file
 * faulty_engine: it is looked at for changes, each told once, and "bad ..." cannot be loaded,
 * "slow ..." takes three seconds for it, "crash" kills who loads it, "none" wants no scanner,
 * "begin ..." cannot begin in a scanner, "hang ..." never comes back from open() in the process
 *that looks at a configuration for the scanners' keeper.  What tests/modules/faulty.so is made of.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <dirent.h>
#include <time.h>
#include <unistd.h>

#include "plugins/filterd_plugin.h"

/* The first: it outlives every configuration, and threads read this while another is opened. */
static const struct filterd_host *host;

struct engine {
	char text[100];
	char told[100]; /* what it was when a change was told last */
};

struct scan {
	const struct filterd_message *m;
	struct filterd_work *work;
	struct filterd_say *say;
	struct engine *engine;
};

static void
say(struct scan *s, const char *what, int error)
{
	char text[200];

	snprintf(text, sizeof(text), "%s %s", what, error == 0 ? "done" : strerror(error));
	host->say_key(s->say, text);
}

/* --- what is found --- */

static void
do_engine(struct scan *s)
{
	host->say_key(s->say, s->engine->text);
}

static void
do_parts(struct scan *s)
{
	struct filterd_part part;
	char text[200];

	for (size_t i = 0; host->part(s->work, i, &part) == 1; i++) {
		snprintf(text, sizeof(text), "%s %.*s", part.type, (int)part.decoded.len,
		    (const char *)part.decoded.p);
		host->say_key(s->say, text);
	}
}

static void
do_lead(struct scan *s)
{
	char text[100];

	snprintf(text, sizeof(text), "%.9s", (const char *)s->m->octets.p);
	host->say_key(s->say, text);
}

static void
do_fact(struct scan *s)
{
	host->say_fact(s->say, "faulty", "odd", "detail");
	host->say_count(s->say, "faulty_said", 3);
	host->count(host, "faulty_said", 4);
}

static void
do_log(struct scan *s)
{
	(void)s;
	host->log(host, FILTERD_WARN, "said in a scanner\n%d", 42);
}

static void
do_log_much(struct scan *s)
{
	(void)s;
	for (int i = 0; i < 300; i++) {
		host->log(host, FILTERD_WARN, "line %d", i);
		/* Its parent is to have the time to read all. */
		nanosleep(&(struct timespec){ .tv_nsec = 2000000 }, NULL);
	}
}

static void
do_failed(struct scan *s)
{
	host->say_failed(s->say, "half of it");
}

/* --- faults --- */

static void
do_crash(struct scan *s)
{
	(void)s;
	abort();
}

static void
do_hang(struct scan *s)
{
	(void)s;
	for (;;)
		nanosleep(&(struct timespec){ .tv_sec = 1000 }, NULL);
}

static void
do_burn(struct scan *s)
{
	(void)s;
	for (volatile int n = 0;; n = 0)
		n++;
}

static void
do_stop(struct scan *s)
{
	(void)s;
	raise(SIGSTOP);
	/* Whoever lets it go on: it does not. */
	do_hang(s);
}

/* Until there is no more; a plugin that does not look at NULL. */
static void
do_memory(struct scan *s)
{
	size_t size = (size_t)8 << 20;

	(void)s;
	for (;;) {
		char *p = malloc(size);

		if (p == NULL)
			abort();
		memset(p, 1, size);
	}
}

/* A plugin that does look. */
static void
do_memory_told(struct scan *s)
{
	size_t size = (size_t)8 << 20, n = 0;
	char *kept[4096];

	while (n < 4096 && (kept[n] = malloc(size)) != NULL)
		n++;
	if (n < 4096)
		host->say_failed(s->say, "out of memory");
	else
		host->say_key(s->say, "all the memory there is");
	while (n > 0)
		free(kept[--n]);
}

static int
write_file(struct scan *s, const char *name, size_t size)
{
	char path[500], block[65536] = "";
	int fd, rc = 0;

	snprintf(path, sizeof(path), "%s/%s", s->m->folder, name);
	if ((fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600)) == -1)
		return errno;
	for (size_t n = 0; n < size && rc == 0; n += sizeof(block))
		rc = write(fd, block, sizeof(block)) == (ssize_t)sizeof(block) ? 0 : errno;
	close(fd);
	return rc;
}

static void
do_big_file(struct scan *s)
{
	say(s, "file", write_file(s, "big", (size_t)1 << 30));
}

/* One file after the other, each small enough. */
static void
do_fill(struct scan *s)
{
	char name[32];

	for (int i = 0;; i++) {
		snprintf(name, sizeof(name), "f%d", i);
		if (write_file(s, name, 65536) != 0)
			do_hang(s);
		nanosleep(&(struct timespec){ .tv_nsec = 10000000 }, NULL);
	}
}

/* Something that stays. */
static void
do_leave(struct scan *s)
{
	char path[500];

	snprintf(path, sizeof(path), "%s/sub", s->m->folder);
	mkdir(path, 0700);
	say(s, "left", write_file(s, "sub/file", 1));
	say(s, "chmod", chmod("/tmp", 0) == -1 ? errno : 0);
	snprintf(path, sizeof(path), "%s/closed", s->m->folder);
	mkdir(path, 0);
}

static void
do_look(struct scan *s)
{
	DIR *d = opendir(s->m->folder);
	int n = 0;

	while (d != NULL && readdir(d) != NULL)
		n++;
	if (d != NULL)
		closedir(d);
	host->say_key(s->say, n == 2 ? "empty" : "not empty");
}

static void
do_much(struct scan *s)
{
	char text[300];

	memset(text, 'k', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	for (int i = 0; i < 1000; i++)
		host->say_key(s->say, text);
}

/* As somebody who has taken over the process would: on every socket there is. */
static void
do_garbage(struct scan *s)
{
	static const char text[] = "FSA1\1no answer";

	for (int fd = 3; fd < 64; fd++)
		(void)!send(fd, text, sizeof(text) - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
	do_hang(s);
}

/* --- as somebody who has taken over the scanner, and stays: SIGTERM is told to do it --- */

enum seized { SEIZED_SLEEPS, SEIZED_BURNS, SEIZED_FILE };

static volatile sig_atomic_t seized_does;
static char seized_file[500];

static void
seized(int signo)
{
	(void)signo;
	if (seized_does == SEIZED_BURNS)
		do_burn(NULL);
	if (seized_does == SEIZED_FILE)
		(void)!open(seized_file, O_WRONLY | O_CREAT, 0600);
	do_hang(NULL);
}

static void
seize(struct scan *s, enum seized does)
{
	struct sigaction sa = { .sa_handler = seized };

	seized_does = (sig_atomic_t)does;
	snprintf(seized_file, sizeof(seized_file), "%s/kept", s->m->folder);
	say(s, "seize", sigaction(SIGTERM, &sa, NULL) == -1 ? errno : 0);
}

static void
do_seize_burn(struct scan *s)
{
	seize(s, SEIZED_BURNS);
}

static void
do_seize_file(struct scan *s)
{
	seize(s, SEIZED_FILE);
}

static void
do_seize_sleep(struct scan *s)
{
	seize(s, SEIZED_SLEEPS);
}

/* --- what is forbidden --- */

static void
do_outside(struct scan *s)
{
	int fd = open("/etc/passwd", O_RDONLY);

	say(s, "read", fd == -1 ? errno : 0);
	fd = open("/tmp/filterd-scan-outside", O_WRONLY | O_CREAT, 0600);
	say(s, "write", fd == -1 ? errno : 0);
}

static void
do_message(struct scan *s)
{
	char c = 'x';

	say(s, "change", pwrite(s->m->fd, &c, 1, 0) == 1 ? 0 : errno);
}

/* Nobody would read it there.  What cannot be read disturbs no other socket; not through the
 * library, for sanitizers look at it. */
static void
do_queue(struct scan *s)
{
	int n = 0;

	for (int fd = 3; fd < 64; fd++)
		n += syscall(SYS_sendto, fd, (void *)1, 1, MSG_DONTWAIT | MSG_NOSIGNAL, NULL, 0) ==
			 -1 &&
		     errno == EPIPE;
	host->say_key(s->say, n == 1 ? "one way" : "both ways");
}

static void
do_socket(struct scan *s)
{
	say(s, "socket", socket(AF_INET, SOCK_STREAM, 0) == -1 ? errno : 0);
}

static void
do_fork(struct scan *s)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	say(s, "fork", pid == -1 ? errno : 0);
}

static void
do_exec(struct scan *s)
{
	execl("/bin/true", "true", (char *)NULL);
	say(s, "exec", errno);
}

static void
do_trace(struct scan *s)
{
	say(s, "trace", ptrace(PTRACE_ATTACH, getppid(), NULL, NULL) == -1 ? errno : 0);
}

static void
do_kill(struct scan *s)
{
	say(s, "kill", kill(getppid(), SIGKILL) == -1 ? errno : 0);
}

static const struct {
	const char *name;
	void (*run)(struct scan *);
} words[] = {
	{ "engine", do_engine },
	{ "parts", do_parts },
	{ "lead", do_lead },
	{ "fact", do_fact },
	{ "log", do_log },
	{ "log_much", do_log_much },
	{ "failed", do_failed },
	{ "crash", do_crash },
	{ "hang", do_hang },
	{ "burn", do_burn },
	{ "stop", do_stop },
	{ "memory", do_memory },
	{ "memory_told", do_memory_told },
	{ "big_file", do_big_file },
	{ "fill", do_fill },
	{ "leave", do_leave },
	{ "look", do_look },
	{ "much", do_much },
	{ "garbage", do_garbage },
	{ "seize_burn", do_seize_burn },
	{ "seize_file", do_seize_file },
	{ "seize_sleep", do_seize_sleep },
	{ "outside", do_outside },
	{ "message", do_message },
	{ "queue", do_queue },
	{ "socket", do_socket },
	{ "fork", do_fork },
	{ "exec", do_exec },
	{ "trace", do_trace },
	{ "kill", do_kill },
};

static void
do_word(struct scan *s, const char *word, size_t len)
{
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strlen(words[i].name) == len && memcmp(words[i].name, word, len) == 0)
			words[i].run(s);
}

static int
scan_run(void *engine, const struct filterd_message *m, struct filterd_work *work,
    struct filterd_say *say_to)
{
	static const char field[] = "\nScan: ";
	struct scan s = { .m = m, .work = work, .say = say_to, .engine = engine };
	const char *p = (const char *)m->octets.p, *end = p + m->octets.len;

	while ((p = memmem(p, (size_t)(end - p), field, sizeof(field) - 1)) != NULL) {
		const char *eol;

		p += sizeof(field) - 1;
		eol = memchr(p, '\r', (size_t)(end - p));
		if (eol == NULL)
			eol = end;
		do_word(&s, p, (size_t)(eol - p));
	}
	return 0;
}

/* --- the engine --- */

static void
read_engine(const char *path, char *out, size_t size)
{
	FILE *f = fopen(path, "r");

	if (f == NULL || fgets(out, (int)size, f) == NULL)
		snprintf(out, size, "bad %s", strerror(errno));
	out[strcspn(out, "\n")] = '\0';
	if (f != NULL)
		fclose(f);
}

static int
scan_open(const struct filterd_host *h, const struct filterd_value *v, void **engine, char *why,
    size_t size)
{
	struct engine *e = calloc(1, sizeof(*e));

	if (host == NULL)
		host = h;
	read_engine(v[0].text, e->text, sizeof(e->text));
	if (strcmp(e->text, "crash") == 0) {
		char path[500];

		snprintf(path, sizeof(path), "%s/filterd-test.XXXXXX", getenv("TMPDIR"));
		if (mkdtemp(path) != NULL)
			host->log(host, FILTERD_INFO, "made %s", path);
		abort();
	}
	if (strncmp(e->text, "slow", 4) == 0)
		nanosleep(&(struct timespec){ .tv_sec = 3 }, NULL);
	memcpy(e->told, e->text, sizeof(e->told));
	if (strncmp(e->text, "bad", 3) == 0) {
		snprintf(why, size, "%s: cannot be loaded: %s", v[0].text, e->text);
		free(e);
		return -1;
	}
	if (strcmp(e->text, "none") == 0) {
		free(e);
		e = NULL;
	}
	*engine = e;
	return 0;
}

static int
scan_changed(void *engine, const struct filterd_value *v)
{
	struct engine *e = engine;
	char now[sizeof(e->text)];

	read_engine(v[0].text, now, sizeof(now));
	if (e == NULL)
		return strncmp(now, "bad", 3) != 0 && strcmp(now, "none") != 0;
	if (strcmp(now, e->told) == 0)
		return 0;
	memcpy(e->told, now, sizeof(now));
	return 1;
}

static int
scan_begin(void *engine, const char *folder, char *why, size_t size)
{
	struct engine *e = engine;

	if (e == NULL || strncmp(e->text, "begin", 5) != 0)
		return 0;
	snprintf(why, size, "%s is no folder for %s", strrchr(folder, '/') + 1, e->text);
	return -1;
}

static void
scan_describe(void *engine, char *out, size_t size)
{
	snprintf(out, size, "text=%s", ((struct engine *)engine)->text);
}

static void
scan_close(void *engine)
{
	free(engine);
}

/* --- the restriction --- */

static int
open_state(const struct filterd_host *h, const struct filterd_value *v, void **state, char *why,
    size_t size)
{
	char text[100], name[17] = "";

	(void)why;
	(void)size;
	if (host == NULL)
		host = h;
	*state = NULL;
	read_engine(v[0].text, text, sizeof(text));
	prctl(PR_GET_NAME, name);
	if (strncmp(text, "hang", 4) == 0 && strcmp(name, "filterd-check") == 0)
		do_hang(NULL);
	return 0;
}

static enum rule_result
reject_faulty(struct rule_run *run, const struct rule_op *op)
{
	enum rule_result answer;
	const struct filterd_scan_answer *a = host->scan(run, op, &answer);
	char text[300] = "";

	if (a == NULL)
		return answer;
	if (a->failed != NULL)
		return host->failed(run, "%s", a->failed);
	for (size_t i = 0; i < a->nkeys; i++) {
		size_t n = strlen(text);

		snprintf(text + n, sizeof(text) - n, "%s%s", i == 0 ? "" : ", ", a->keys[i]);
	}
	return a->nkeys == 0 ? RULE_DUNNO : host->refuse(run, 554, "5.7.1", "%s", text);
}

static const struct filterd_param params[] = {
	{ .name = "faulty_engine",
	    .type = FILTERD_TEXT,
	    .def = "/nonexistent",
	    .text = "Path of the file with the engine." },
	{ .name = NULL },
};
static const struct restriction_def restrictions[] = {
	{ .name = "reject_faulty",
	    .args = ARG_NONE,
	    .stages = AT_END,
	    .needs = NEED_CONTENT,
	    .check = reject_faulty,
	    .scan = "words",
	    .text = "Refuse what the scan finds." },
	{ .name = NULL },
};
static const struct filterd_scan scans[] = {
	{ .name = "words", .needs = NEED_CONTENT, .run = scan_run, .text = "Does what it reads." },
	{ .name = NULL },
};
static const struct filterd_fact facts[] = {
	{ .subject = "faulty", .value = "odd", .text = "It was told so." },
	{ .subject = NULL },
};
static const struct filterd_counter counters[] = {
	{ .name = "faulty_said", .text = "how often something was said" },
	{ .name = NULL },
};

extern const struct filterd_plugin filterd_plugin;
const struct filterd_plugin filterd_plugin = {
	.abi = FILTERD_PLUGIN_ABI,
	.size = sizeof(struct filterd_plugin),
	.name = "faulty",
	.version = "1",
	.text = "Scans that go wrong.",
	.params = params,
	.restrictions = restrictions,
	.scans = scans,
	.facts = facts,
	.counters = counters,
	.open = open_state,
	.scan_open = scan_open,
	.scan_close = scan_close,
	.scan_changed = scan_changed,
	.scan_begin = scan_begin,
	.scan_describe = scan_describe,
};
