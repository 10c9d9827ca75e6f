#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <syslog.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "proc/sandbox.h"
#include "proc/scan_folder.h"
#include "proc/scan_wire.h"
#include "proc/scanner.h"

/* For a further question about the same message: a worker that has one has it at once. */
#define LINGER_MS 200
/* Between the time limit and being killed: a scan that keeps to its time can still say so. */
#define GRACE_MS 500
#define EMPTY_MS 5000
#define FILES    256
#define KEEP     (2 << 20)

struct scanner {
	struct scanner_options o;
	int folder;
	sigset_t mask; /* without SIGTERM */
};

struct session {
	struct scanner *s;
	struct scan_job job;
	int fd, message;
	struct span octets;
};

static void
say(void *arg, enum log_level level, const char *text)
{
	struct scanner *s = arg;
	char room[SCANNER_TALK_MAX];
	int n = snprintf(room, sizeof(room), "%c%s", '0' + (int)level, text);

	if (n >= (int)sizeof(room))
		n = sizeof(room) - 1;
	/* A parent that does not listen loses it. */
	(void)send(s->o.talk, room, (size_t)n, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static ATTR_NORETURN void
give_up(struct scanner *s, const char *why)
{
	say(s, LOG_LEVEL_ERROR, why);
	_exit(EX_OSERR);
}

static void
hurry(struct scanner *s, int64_t ms)
{
	atomic_store(&s->o.page->over_at, clock_ms() + ms);
}

/* --- a question --- */

static void
failed(struct scan_answer *a, const char *why)
{
	scan_answer_add(a, &(struct scan_record){ .kind = SCAN_FAILED, .a = why });
}

/* The kernel may have been told to let little through (net.core.wmem_default). */
static void
send_answer(struct session *e, struct scan_answer *a)
{
	if (scan_send(e->fd, scan_answer_end(a), NULL, 0) == -EMSGSIZE) {
		scan_answer_fini(a);
		scan_answer_init(a);
		failed(a, "the answer is too big for the sockets of this system");
		(void)scan_send(e->fd, scan_answer_end(a), NULL, 0);
	}
	scan_answer_fini(a);
}

/* 0: the folder is no longer what it must be. */
static int
answer(struct session *e, const struct scan_question *q)
{
	struct scanner *s = e->s;
	struct scan_task t = { .octets = e->octets,
		.lead = e->job.lead,
		.fd = e->message,
		.folder = s->o.folder,
		.plugin = q->plugin,
		.scan = q->scan,
		.until = deadline_in_ms(q->time_ms) };
	struct scan_answer a;
	struct err err = { 0 };
	int good;

	hurry(s, q->time_ms + GRACE_MS);
	sandbox_cpu(q->time_ms / 1000 + 1);
	scan_answer_init(&a);
	good = scan_folder_check(s->folder, s->o.folder, &err) == 0;
	/* Libraries take a file that they could not write for one with nothing in it. */
	if (good && !scan_folder_has_room(s->folder))
		failed(&a, "no room for temporary files");
	else if (good)
		s->o.program->scan(s->o.program->arg, &t, &a);
	if (good && (good = scan_folder_check(s->folder, s->o.folder, &err) == 0) &&
	    !scan_folder_has_room(s->folder))
		failed(&a, "no room was left for temporary files");
	if (!good) {
		failed(&a, err.text);
		say(s, LOG_LEVEL_ERROR, err.text);
	}
	send_answer(e, &a);
	return good;
}

/* 1: there is one; 0: the session is over. */
static int
next_question(struct session *e, struct scan_question *q)
{
	struct pollfd p = { .fd = e->fd, .events = POLLIN };
	uint8_t room[1024];
	ssize_t n;

	hurry(e->s, LINGER_MS + GRACE_MS);
	if (poll(&p, 1, LINGER_MS) != 1)
		return 0;
	n = scan_receive(e->fd, room, sizeof(room), NULL, 0, 0);
	return n > 0 && scan_question_parse(span_make(room, (size_t)n), q) == 0;
}

/* --- a job --- */

/* Has the worker gone already? */
static int
is_stale(const struct session *e)
{
	struct pollfd p = { .fd = e->fd, .events = 0 };

	return poll(&p, 1, 0) == 1 && (p.revents & (POLLHUP | POLLERR)) != 0;
}

static int
take(struct session *e)
{
	struct buf text = { 0 };
	int rc;

	scan_taken_format((int)getpid(), &text);
	rc = scan_send(e->fd, buf_span(&text), NULL, 0);
	buf_fini(&text);
	return rc;
}

/* A message that has no room in the scanner's memory has none in any other's. */
static int
refuse(struct session *e)
{
	struct scan_answer a;

	scan_answer_init(&a);
	failed(&a, "the message is too big for scanner_memory_limit");
	send_answer(e, &a);
	return 1;
}

/* 0: this scanner cannot go on. */
static int
serve(struct session *e)
{
	struct scan_question q = e->job.question;
	int good = 1;

	hurry(e->s, GRACE_MS);
	if (is_stale(e) || scan_memfd_check(e->message, e->job.size) == -1)
		return 1;
	void *p = mmap(NULL, e->job.size, PROT_READ, MAP_PRIVATE, e->message, 0);
	if (p == MAP_FAILED)
		return refuse(e);
	e->octets = span_make(p, e->job.size);
	if (take(e) == 0)
		do
			good = answer(e, &q);
		while (good && next_question(e, &q));
	munmap(p, e->job.size);
	hurry(e->s, EMPTY_MS);
	if (good && scan_folder_empty(e->s->folder) == -1) {
		say(e->s, LOG_LEVEL_ERROR, "its folder cannot be emptied");
		good = 0;
	}
	atomic_fetch_add(&e->s->o.page->messages, 1);
	return good;
}

/* The next job, or 0: none, look whether it is time to go. */
static int
next_job(struct scanner *s, struct session *e)
{
	uint8_t room[1024];
	int fds[2];
	sigset_t before;
	ssize_t n = -EINTR;

	*e = (struct session){ .s = s };
	atomic_store(&s->o.page->over_at, 0);
	/* Only here does SIGTERM come through, never into a scan.  One that comes before the wait
	 * is lost, and said again. */
	sigprocmask(SIG_SETMASK, &s->mask, &before);
	if (!atomic_load(&s->o.page->retire))
		n = scan_receive(s->o.jobs, room, sizeof(room), fds, nitems(fds), 1);
	sigprocmask(SIG_SETMASK, &before, NULL);
	if (n == 0)
		_exit(0); /* all who could ask are gone */
	if (n < 0)
		return 0;
	e->fd = fds[0];
	e->message = fds[1];
	if (scan_job_parse(span_make(room, (size_t)n), &e->job) == 0)
		return 1;
	close(e->fd);
	close(e->message);
	return 0;
}

/* --- birth --- */

static void
awake(int signo)
{
	(void)signo;
}

static void
set_signals(struct scanner *s)
{
	struct sigaction sa = { .sa_handler = awake }; /* no SA_RESTART: that is the point */
	sigset_t set;

	sigaction(SIGTERM, &sa, NULL);
	signal(SIGCHLD, SIG_DFL);
	sigemptyset(&s->mask);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_SETMASK, &set, NULL);
}

/* The log is the generation's, and so is the terminal. */
static void
let_go(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	struct err err;

	if (null == -1) /* in a chroot */
		null = memfd_create("null", MFD_CLOEXEC);
	(void)!log_open(&(struct log_options){ .target = LOG_TO_STDERR }, &err);
	closelog();
	for (int fd = 0; null != -1 && fd <= STDERR_FILENO; fd++)
		/* There a sanitizer says what it has found. */
		if (fd != STDERR_FILENO || !SANDBOX_SANITIZED)
			dup2(null, fd);
	if (null > STDERR_FILENO)
		close(null);
}

/* libclamav takes some 750 KB for each object that it looks into and gives them back: taken from
 * the kernel anew each time they are zeroed page by page, which is a third of what a small message
 * costs.  A scanner keeps up to KEEP of free memory instead; a block of half of that or more goes
 * back at once. */
static void
keep_memory(void)
{
	mallopt(M_TRIM_THRESHOLD, KEEP);
	mallopt(M_MMAP_THRESHOLD, KEEP / 2);
}

static void
confine(struct scanner *s)
{
	struct sandbox_options o = { .folder = s->o.folder,
		.memory = s->o.limits->memory,
		.file_size = s->o.limits->file_size,
		.files = FILES };
	struct err err = { 0 };
	int landlock;

	if (sandbox_enter(&o, &landlock, &err) == -1)
		give_up(s, err.text);
	atomic_store(
	    &s->o.page->ready, landlock ? SCAN_CONFINED_WHOLLY : SCAN_CONFINED_NO_LANDLOCK);
}

void
scanner_live(const struct scanner_options *o)
{
	struct scanner s = { .o = *o };
	struct session e;

	prctl(PR_SET_NAME, "filterd-scanner");
	set_signals(&s);
	let_go();
	keep_memory();
	s.folder = open(o->folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (s.folder == -1)
		give_up(&s, "cannot open its folder");
	o->program->begin(o->program->arg, o->folder, say, &s);
	confine(&s);
	while (!atomic_load(&o->page->retire)) {
		int good;

		if (!next_job(&s, &e))
			continue;
		good = serve(&e);
		close(e.fd);
		close(e.message);
		if (!good)
			_exit(EX_IOERR);
	}
	_exit(0);
}
