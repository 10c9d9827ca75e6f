#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/process_id.h"
#include "base/xmem.h"

#define FIELD_MAX 4096

static struct {
	pthread_rwlock_t lock; /* readers write lines; the writer changes the target */
	struct log_options opt;
	char *path;
	int fd;
	_Atomic int level; /* opt.level, for log_enabled() without the lock */
	char program[32];
	pthread_mutex_t tag_lock;
	char tag[64]; /* syslog(3) keeps a pointer to it */
	void (*hook)(enum log_level, const char *);
	pthread_mutex_t gather_lock;
	struct buf gathered; /* lines that are not written yet */
	_Atomic int pending; /* there are some, or they are just being written */
} lg = {
	.lock = PTHREAD_RWLOCK_INITIALIZER,
	.opt = { .target = LOG_TO_STDERR, .level = LOG_LEVEL_INFO },
	.fd = STDERR_FILENO,
	.level = LOG_LEVEL_INFO,
	.program = "filterd",
	.tag_lock = PTHREAD_MUTEX_INITIALIZER,
	.gather_lock = PTHREAD_MUTEX_INITIALIZER,
};

#define BATCH_MAX ((size_t)32 * 1024)

/* In a thread that gathers lines: the memory for a line's text. */
static _Thread_local struct buf *scratch;

static const char *const level_names[] = { "error", "warning", "info", "debug" };
static const int level_syslog[] = { LOG_ERR, LOG_WARNING, LOG_INFO, LOG_DEBUG };

static int
open_file(const char *path, struct err *err)
{
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);

	if (fd == -1)
		err_set(err, ERR_SYSTEM, "log file %s: %s", path, strerror(errno));
	return fd;
}

static void
set_fd(int fd)
{
	if (lg.fd > STDERR_FILENO)
		close(lg.fd);
	lg.fd = fd;
}

int
log_open(const struct log_options *o, struct err *err)
{
	int fd = STDERR_FILENO;

	if (o->target == LOG_TO_FILE && (fd = open_file(o->path, err)) == -1)
		return -1;
	pthread_rwlock_wrlock(&lg.lock);
	set_fd(fd);
	lg.opt = *o;
	atomic_store(&lg.level, (int)o->level);
	free(lg.path);
	lg.path = o->path == NULL ? NULL : xstrdup(o->path);
	pthread_rwlock_unlock(&lg.lock);
	return 0;
}

void
log_reopen(void)
{
	struct err err;
	int fd;

	pthread_rwlock_wrlock(&lg.lock);
	if (lg.opt.target == LOG_TO_FILE) {
		fd = open_file(lg.path, &err);
		if (fd == -1)
			dprintf(lg.fd, "filterd[%d]: error: %s\n", process_id(), err.text);
		else
			set_fd(fd);
	}
	pthread_rwlock_unlock(&lg.lock);
}

void
log_set_program(const char *name)
{
	pthread_rwlock_wrlock(&lg.lock);
	snprintf(lg.program, sizeof(lg.program), "%s", name);
	pthread_rwlock_unlock(&lg.lock);
}

int
log_enabled(enum log_level level)
{
	return (int)level <= atomic_load_explicit(&lg.level, memory_order_relaxed);
}

void
log_set_hook(void (*hook)(enum log_level, const char *))
{
	pthread_rwlock_wrlock(&lg.lock);
	lg.hook = hook;
	pthread_rwlock_unlock(&lg.lock);
}

/* Length of the well-formed UTF-8 sequence at p, 0 if there is none (RFC 3629: no surrogates, no
 * long forms). */
static size_t
utf8_len(const uint8_t *p, size_t left)
{
	size_t n = p[0] < 0x80                   ? 1
		   : p[0] >= 0xc2 && p[0] < 0xe0 ? 2
		   : (p[0] & 0xf0) == 0xe0       ? 3
		   : p[0] >= 0xf0 && p[0] < 0xf5 ? 4
						 : 0;

	if (n == 0 || n > left)
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
	    (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
		return 0;
	/* U+0080 to U+009F are control characters, some terminals act on them. */
	if (p[0] == 0xc2 && p[1] < 0xa0)
		return 0;
	return n;
}

void
log_quote(struct buf *b, struct span s, size_t max)
{
	size_t i = 0, n = s.len > max ? max : s.len;

	while (i < n) {
		size_t len = span_printable(span_make(s.p + i, n - i));

		buf_add(b, s.p + i, len);
		i += len;
		if (i == n)
			break;
		len = s.p[i] >= 0x80 ? utf8_len(s.p + i, n - i) : 0;
		if (len > 0) {
			buf_add(b, s.p + i, len);
			i += len;
		} else {
			buf_printf(b, "\\x%02x", s.p[i++]);
		}
	}
	if (n < s.len)
		buf_adds(b, "...");
}

static void
json_string(struct buf *b, const char *s, size_t len)
{
	struct buf quoted = { 0 };

	log_quote(&quoted, span_make(s, len), FIELD_MAX);
	buf_addc(b, '"');
	for (size_t i = 0; i < quoted.len; i++) {
		if (quoted.p[i] == '"' || quoted.p[i] == '\\')
			buf_addc(b, '\\');
		buf_addc(b, quoted.p[i]);
	}
	buf_addc(b, '"');
	buf_fini(&quoted);
}

static void
json_member(struct buf *b, const char *key, const char *s)
{
	buf_printf(b, ",\"%s\":", key);
	json_string(b, s, strlen(s));
}

struct event {
	enum log_level level;
	const char *service, *id, *name;
	const struct log_field *fields;
	size_t nfields;
	const char *text;
	int last;
};

static void
format_json(struct buf *b, const struct event *e)
{
	char when[48];

	clock_format_rfc3339(clock_wall_us(), when, sizeof(when));
	buf_printf(b, "{\"time\":\"%s\",\"level\":\"%s\",\"program\":\"%s%s%s\",\"pid\":%d", when,
	    level_names[e->level], lg.program, e->service == NULL ? "" : "/",
	    e->service == NULL ? "" : e->service, process_id());
	if (e->id != NULL)
		json_member(b, "id", e->id);
	if (e->name != NULL)
		json_member(b, "event", e->name);
	json_member(b, "text", e->text);
	for (size_t i = 0; i < e->nfields; i++) {
		if (e->fields[i].str != NULL)
			json_member(b, e->fields[i].key, e->fields[i].str);
		else
			buf_printf(
			    b, ",\"%s\":%lld", e->fields[i].key, (long long)e->fields[i].num);
	}
	buf_adds(b, "}\n");
}

static void
add2(struct buf *b, const char *one, const char *two)
{
	buf_adds(b, one);
	buf_adds(b, two);
}

static void
format_text(struct buf *b, const struct event *e)
{
	char when[48];

	if (lg.opt.target == LOG_TO_FILE) {
		clock_format_rfc3339(clock_wall_us(), when, sizeof(when));
		add2(b, when, " ");
	}
	/* syslog(3) puts time, name and number in front itself. */
	if (lg.opt.target != LOG_TO_SYSLOG) {
		buf_adds(b, lg.program);
		if (e->service != NULL)
			add2(b, "/", e->service);
		buf_addc(b, '[');
		buf_add_num(b, process_id());
		buf_adds(b, "]: ");
	}
	if (e->id != NULL)
		add2(b, e->id, ": ");
	if (e->level == LOG_LEVEL_ERROR || e->level == LOG_LEVEL_WARN)
		buf_printf(b, "%s: ", level_names[e->level]);
	log_quote(b, span_str(e->text), 2 * FIELD_MAX);
	buf_addc(b, '\n');
}

/* With both locks held: who comes to write the same lines waits until they are written. */
static void
write_gathered(void)
{
	struct buf *b = &lg.gathered;

	if (b->len > 0 && write(lg.fd, b->p, b->len) == -1 && lg.fd != STDERR_FILENO)
		(void)!write(STDERR_FILENO, b->p, b->len); /* a full disk: the last resort */
	buf_reset(b);
	atomic_store(&lg.pending, 0);
}

/* With the lock held: e's line at the end of b. */
static void
format_line(struct buf *b, const struct event *e)
{
	size_t at = b->len;

	if (lg.opt.json)
		format_json(b, e);
	else
		format_text(b, e);
	if (lg.hook != NULL)
		lg.hook(e->level, b->p + at);
}

/* With the lock held.  Readers of logs look for Postfix's PROGRAM/SERVICE[pid] in the place of the
 * name, and that is set for the whole process. */
static void
to_syslog(const struct event *e, const struct buf *line)
{
	pthread_mutex_lock(&lg.tag_lock);
	snprintf(lg.tag, sizeof(lg.tag), "%s%s%s", lg.program, e->service == NULL ? "" : "/",
	    e->service == NULL ? "" : e->service);
	openlog(lg.tag, LOG_NDELAY | LOG_PID, lg.opt.facility);
	syslog(level_syslog[e->level], "%.*s", (int)line->len - 1, line->p);
	pthread_mutex_unlock(&lg.tag_lock);
}

static void
emit(const struct event *e)
{
	struct buf own = { 0 };
	int keep = scratch != NULL && e->last && e->level >= LOG_LEVEL_INFO;

	pthread_rwlock_rdlock(&lg.lock);
	if (e->level <= lg.opt.level && lg.opt.target == LOG_TO_SYSLOG) {
		format_line(&own, e);
		to_syslog(e, &own);
	} else if (e->level <= lg.opt.level) {
		pthread_mutex_lock(&lg.gather_lock);
		format_line(&lg.gathered, e);
		atomic_store(&lg.pending, 1);
		if (!keep || lg.gathered.len >= BATCH_MAX)
			write_gathered();
		pthread_mutex_unlock(&lg.gather_lock);
	}
	pthread_rwlock_unlock(&lg.lock);
	buf_fini(&own);
}

void
log_batch_start(void)
{
	scratch = xcalloc(1, sizeof(*scratch));
}

int
log_batch_pending(void)
{
	return atomic_load(&lg.pending);
}

void
log_batch_flush(void)
{
	if (!log_batch_pending())
		return;
	pthread_rwlock_rdlock(&lg.lock);
	pthread_mutex_lock(&lg.gather_lock);
	write_gathered();
	pthread_mutex_unlock(&lg.gather_lock);
	pthread_rwlock_unlock(&lg.lock);
}

void
log_batch_end(void)
{
	if (scratch == NULL)
		return;
	log_batch_flush();
	buf_fini(scratch);
	free(scratch);
	scratch = NULL;
}

ATTR_PRINTF(2, 0) static void vemit(struct event *e, const char *fmt, va_list ap)
{
	struct buf own = { 0 }, *text = scratch != NULL ? scratch : &own;

	if (!log_enabled(e->level))
		return;
	buf_reset(text);
	buf_vprintf(text, fmt, ap);
	e->text = buf_cstr(text);
	emit(e);
	buf_fini(&own);
}

#define LOG_FUNCTION(name, lvl)                                                                    \
	void name(const char *service, const char *id, const char *fmt, ...)                       \
	{                                                                                          \
		struct event e = { .level = (lvl), .service = service, .id = id };                 \
		va_list ap;                                                                        \
		va_start(ap, fmt);                                                                 \
		vemit(&e, fmt, ap);                                                                \
		va_end(ap);                                                                        \
	}

LOG_FUNCTION(log_error, LOG_LEVEL_ERROR)
LOG_FUNCTION(log_warn, LOG_LEVEL_WARN)
LOG_FUNCTION(log_info, LOG_LEVEL_INFO)
LOG_FUNCTION(log_debug, LOG_LEVEL_DEBUG)

void
log_event(enum log_level level, const char *service, const char *id, const char *event,
    const struct log_field *fields, size_t nfields, const char *fmt, ...)
{
	struct event e = { .level = level,
		.service = service,
		.id = id,
		.name = event,
		.fields = fields,
		.nfields = nfields };
	va_list ap;

	va_start(ap, fmt);
	vemit(&e, fmt, ap);
	va_end(ap);
}

void
log_event_last(enum log_level level, const char *service, const char *id, const char *event,
    const struct log_field *fields, size_t nfields, const char *text)
{
	struct event e = { .level = level,
		.service = service,
		.id = id,
		.name = event,
		.fields = fields,
		.nfields = nfields,
		.text = text,
		.last = 1 };

	if (log_enabled(level))
		emit(&e);
}

void
log_fatal(int status, const char *fmt, ...)
{
	struct event e = { .level = LOG_LEVEL_ERROR };
	struct buf text = { 0 };
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(&text, fmt, ap);
	va_end(ap);
	e.text = buf_cstr(&text);
	if (lg.opt.target != LOG_TO_STDERR)
		dprintf(STDERR_FILENO, "%s: fatal: %s\n", lg.program, e.text);
	emit(&e);
	exit(status);
}
