#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "base/xmem.h"
#include "proc/scan_folder.h"
#include "proc/scan_nursery.h"

#define DELAY_MIN_MS 250
#define DELAY_MAX_MS 30000
#define SHORT_MS     1000 /* who dies younger without a job is not replaced at once */
#define LOOK_MS      1000
/* Between being ready to enter the sandbox and having done so. */
#define BIRTH_MS 30000
/* In each place a scanner may become a bit older than in the one before. */
#define APART_MS 2000
/* What a scanner may say into the log. */
#define LINES_MAX 100
#define LINES_MS  60000

/* --- birth --- */

static void
empty_place(struct scan_nursery *n, size_t i)
{
	struct scan_place *p = &n->places[i];

	if (p->talk != -1)
		close(p->talk);
	p->talk = -1;
	p->pid = 0;
	scan_folder_remove(p->folder);
	scan_state_scanner(n->o->state, n->o->board, i, 0, 0);
}

int
scan_nursery_init(
    struct scan_nursery *n, const struct scan_generation_options *o, size_t count, int sigfd)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	void *pages = NULL;

	*n = (struct scan_nursery){
		.o = o, .sigfd = sigfd, .page_size = page, .look_at = deadline_in_ms(LOOK_MS)
	};
	if (count > 0)
		pages = mmap(
		    NULL, count * page, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (pages == MAP_FAILED)
		return -1;
	n->pages = pages;
	n->n = count;
	n->places = xcalloc(count + 1, sizeof(*n->places));
	for (size_t i = 0; i < count; i++)
		n->places[i] = (struct scan_place){ .talk = -1,
			.page = (struct scanner_page *)((char *)pages + i * page),
			.folder = xasprintf("%s/%zu", o->folder, i),
			.delay_ms = DELAY_MIN_MS,
			.start_at = deadline_in_ms(0) };
	return 0;
}

/* In the child: keep nothing of the others', nor what a stranger should not write. */
static void
let_go(struct scan_nursery *n, size_t own)
{
	for (size_t i = 0; i < n->n; i++) {
		if (i == own)
			continue;
		if (n->places[i].talk != -1)
			close(n->places[i].talk);
		munmap(n->places[i].page, n->page_size);
	}
	close(n->sigfd);
	close(n->o->control);
	scan_state_unmap(n->o->state);
}

static ATTR_NORETURN void
live(struct scan_nursery *n, size_t i, int talk)
{
	struct scanner_options o = { .program = n->o->program,
		.limits = n->o->limits,
		.page = n->places[i].page,
		.folder = n->places[i].folder,
		.jobs = n->o->jobs,
		.talk = talk };

	let_go(n, i);
	scanner_live(&o);
}

static int
start(struct scan_nursery *n, size_t i, struct err *err)
{
	struct scan_place *p = &n->places[i];
	pid_t parent = getpid();
	int pair[2] = { -1, -1 };

	p->start_at = deadline_never();
	p->born_ms = clock_ms();
	p->killed = 0;
	p->counted = 0;
	p->watch = (struct scan_watch){ 0 };
	memset(p->page, 0, sizeof(*p->page));
	atomic_store(&p->page->over_at, clock_ms() + BIRTH_MS);
	if (scan_folder_make(p->folder, err) == -1)
		return -1;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == -1 ||
	    (fflush(NULL), p->pid = fork()) == -1) {
		err_set(err, ERR_SYSTEM, "no process for a scanner: %s", strerror(errno));
		p->pid = 0;
		if (pair[0] != -1)
			close(pair[0]);
		if (pair[1] != -1)
			close(pair[1]);
		scan_folder_remove(p->folder);
		return -1;
	}
	if (p->pid == 0) {
		scan_dies_with(parent);
		close(pair[0]);
		live(n, i, pair[1]);
	}
	close(pair[1]);
	p->talk = pair[0];
	scan_state_add(n->o->state, SCAN_STARTED, 1);
	scan_state_scanner(n->o->state, n->o->board, i, (int)p->pid, 0);
	return 0;
}

/* --- talk --- */

/* What it says is a stranger's word: quoted, and under its number. */
static int
hear_one(struct scan_nursery *n, struct scan_place *p)
{
	char text[SCANNER_TALK_MAX + 1];
	ssize_t len = recv(p->talk, text, SCANNER_TALK_MAX, MSG_DONTWAIT);

	if (len <= 0)
		return 0;
	text[len] = '\0';
	if (text[0] - '0' == LOG_LEVEL_ERROR)
		snprintf(n->why, sizeof(n->why), "%.*s", SCAN_WHY_MAX - 1, text + 1);
	if (++p->said > LINES_MAX)
		return 1;
	switch (text[0] - '0') {
	case LOG_LEVEL_ERROR:
		log_error(NULL, NULL, "scanner %d: %s", (int)p->pid, text + 1);
		break;
	case LOG_LEVEL_WARN:
		log_warn(NULL, NULL, "scanner %d: %s", (int)p->pid, text + 1);
		break;
	case LOG_LEVEL_INFO:
		log_info(NULL, NULL, "scanner %d: %s", (int)p->pid, text + 1);
		break;
	default:
		log_debug(NULL, NULL, "scanner %d: %s", (int)p->pid, text + 1);
	}
	return 1;
}

static void
tell_left_out(struct scan_place *p)
{
	if (p->said <= LINES_MAX)
		return;
	log_warn(
	    NULL, NULL, "scanner %d: %d more lines are left out", (int)p->pid, p->said - LINES_MAX);
	/* Whoever comes into its place this minute has no more of them. */
	p->said = LINES_MAX;
}

static void
begin_minute(struct scan_place *p)
{
	tell_left_out(p);
	p->said = 0;
	p->said_until = deadline_in_ms(LINES_MS);
}

/* Not for ever: others wait too. */
static void
hear(struct scan_nursery *n, struct scan_place *p)
{
	for (int i = 0; i < 100 && p->talk != -1; i++)
		if (!hear_one(n, p))
			return;
}

void
scan_nursery_poll(const struct scan_nursery *n, struct pollfd *p)
{
	for (size_t i = 0; i < n->n; i++)
		p[i] = (struct pollfd){ .fd = n->places[i].talk, .events = POLLIN };
}

void
scan_nursery_heard(struct scan_nursery *n, const struct pollfd *p)
{
	for (size_t i = 0; i < n->n; i++) {
		struct scan_place *place = &n->places[i];

		if (p[i].revents == 0 || place->talk != p[i].fd)
			continue;
		if ((p[i].revents & POLLIN) != 0) {
			hear(n, place);
		} else { /* it has closed its end: SIGCHLD tells the rest */
			close(place->talk);
			place->talk = -1;
		}
	}
}

/* --- death --- */

static void
count(struct scan_nursery *n, size_t i)
{
	struct scan_place *p = &n->places[i];
	int64_t now = atomic_load(&p->page->messages);

	/* It may say anything, but not that less has been done. */
	if (now <= p->counted)
		return;
	scan_state_add(n->o->state, SCAN_MESSAGES, now - p->counted);
	p->counted = now;
	if (p->pid != 0)
		scan_state_scanner(n->o->state, n->o->board, i, (int)p->pid, now);
}

static void
next_at(struct scan_nursery *n, struct scan_place *p)
{
	int ready = atomic_load(&p->page->ready) != 0;
	int had_work =
	    atomic_load(&p->page->messages) > 0 || atomic_load(&p->page->over_at) != 0 || p->killed;

	n->unready = ready ? 0 : n->unready + 1;
	if (ready && (had_work || clock_ms() - p->born_ms >= SHORT_MS)) {
		p->delay_ms = DELAY_MIN_MS;
		p->start_at = deadline_in_ms(0);
		return;
	}
	p->start_at = deadline_in_ms(p->delay_ms);
	p->delay_ms = p->delay_ms > DELAY_MAX_MS / 2 ? DELAY_MAX_MS : 2 * p->delay_ms;
}

static void
tell_death(struct scan_nursery *n, struct scan_place *p, int status)
{
	if (p->killed)
		return;
	scan_state_add(n->o->state, SCAN_DIED, 1);
	if (WIFSIGNALED(status))
		log_error(NULL, NULL, "scanner %d died of signal %d (%s)", (int)p->pid,
		    WTERMSIG(status), strsignal(WTERMSIG(status)));
	else
		log_error(NULL, NULL, "scanner %d ended with status %d", (int)p->pid,
		    WEXITSTATUS(status));
	if (WIFSIGNALED(status) && n->why[0] == '\0')
		snprintf(n->why, sizeof(n->why), "died of signal %d", WTERMSIG(status));
}

static void
died(struct scan_nursery *n, size_t i, int status)
{
	struct scan_place *p = &n->places[i];

	hear(n, p);
	tell_left_out(p);
	count(n, i);
	/* All who could ask are gone, or it was told to. */
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		tell_death(n, p, status);
	next_at(n, p);
	empty_place(n, i);
}

static void
kill_place(struct scan_nursery *n, struct scan_place *p, const char *why)
{
	if (p->killed)
		return;
	p->killed = 1;
	kill(p->pid, SIGKILL);
	scan_state_add(n->o->state, SCAN_KILLED, 1);
	log_error(NULL, NULL, "scanner %d %s: killed", (int)p->pid, why);
}

static void
bury(struct scan_nursery *n)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG | WUNTRACED)) > 0)
		for (size_t i = 0; i < n->n; i++) {
			if (n->places[i].pid != pid)
				continue;
			/* Whoever stopped it: nobody waits for it to go on. */
			if (WIFSTOPPED(status))
				kill_place(n, &n->places[i], "was stopped");
			else
				died(n, i, status);
		}
}

/* --- time --- */

static void
look_at_all(struct scan_nursery *n)
{
	if (!deadline_passed(n->look_at))
		return;
	n->look_at = deadline_in_ms(LOOK_MS);
	for (size_t i = 0; i < n->n; i++) {
		struct scan_place *p = &n->places[i];
		const char *why = p->pid == 0 ? NULL
					      : scan_watch_look(&p->watch, p->pid, p->page,
						    p->folder, n->o->limits->file_size);

		if (why != NULL)
			kill_place(n, p, why);
	}
}

/* Whoever has taken it over does not have it for ever.  By this clock, not by what its page says;
 * not all at the same moment. */
static int
is_old(const struct scan_nursery *n, size_t i)
{
	struct scan_place *p = &n->places[i];
	const struct scan_limits *l = n->o->limits;
	int64_t age = clock_ms() - p->born_ms - (int64_t)i * APART_MS;

	if (age < l->max_age_ms)
		return 0;
	atomic_store(&p->page->retire, 1);
	return age < 2 * (l->max_age_ms + l->time_limit_ms) ? 1 : 2;
}

static void
look_after(struct scan_nursery *n, size_t i)
{
	struct scan_place *p = &n->places[i];
	int64_t over_at = atomic_load(&p->page->over_at);
	int old;

	if (p->pid == 0)
		return;
	count(n, i);
	if (deadline_passed(p->said_until))
		begin_minute(p);
	if ((old = is_old(n, i)) == 2)
		kill_place(n, p, "does not end");
	else if (over_at != 0 && clock_ms() >= over_at)
		kill_place(n, p, "was over its time");
	/* A signal that came before it waited was lost. */
	else if ((n->retiring || old) && over_at == 0)
		kill(p->pid, SIGTERM);
}

int
scan_nursery_tick(struct scan_nursery *n, struct err *err)
{
	bury(n);
	for (size_t i = 0; i < n->n; i++) {
		look_after(n, i);
		if (n->places[i].pid == 0 && !n->retiring &&
		    deadline_passed(n->places[i].start_at) && start(n, i, err) == -1)
			return -1;
	}
	look_at_all(n);
	return 0;
}

size_t
scan_nursery_alive(const struct scan_nursery *n)
{
	size_t alive = 0;

	for (size_t i = 0; i < n->n; i++)
		alive += n->places[i].pid != 0;
	return alive;
}

size_t
scan_nursery_ready(const struct scan_nursery *n)
{
	size_t ready = 0;

	for (size_t i = 0; i < n->n; i++) {
		int how = n->places[i].pid == 0 ? 0 : atomic_load(&n->places[i].page->ready);

		if (how != SCAN_CONFINED_WHOLLY && how != SCAN_CONFINED_NO_LANDLOCK)
			continue;
		scan_state_confined(n->o->state, n->o->board, (enum scan_confined)how);
		ready++;
	}
	return ready;
}

void
scan_nursery_retire(struct scan_nursery *n)
{
	n->retiring = 1;
	for (size_t i = 0; i < n->n; i++) {
		if (n->places[i].pid == 0)
			continue;
		atomic_store(&n->places[i].page->retire, 1);
		kill(n->places[i].pid, SIGTERM);
	}
}

void
scan_nursery_fini(struct scan_nursery *n)
{
	for (size_t i = 0; i < n->n; i++)
		if (n->places[i].pid != 0) {
			kill(n->places[i].pid, SIGKILL);
			while (waitpid(n->places[i].pid, NULL, 0) == -1 && errno == EINTR)
				;
			empty_place(n, i);
		}
	for (size_t i = 0; i < n->n; i++)
		free(n->places[i].folder);
	free(n->places);
	if (n->pages != NULL)
		munmap(n->pages, n->n * n->page_size);
}
