/*
 * log - one line an event, in Postfix's shape or as JSON
 *
 * Text form: `PROGRAM[pid]: ID: TEXT`, PROGRAM being "filterd/SERVICE".  JSON form: one object a
 * line with time, level, program, pid, id, event, text and the event's own fields.  Bytes from
 * outside are escaped by the log itself, always, in both forms: a line never holds a control
 * character or half a UTF-8 sequence (PITFALLS I7).
 *
 * State: the log is one of the two places that may keep file-level state (DESIGN.md, decision 1).
 * Threads: any, after log_open().  A line is one write(2), except what a thread gathers.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/span.h"

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };
enum log_target { LOG_TO_STDERR, LOG_TO_SYSLOG, LOG_TO_FILE };

struct log_options {
	enum log_target target;
	const char *path;     /* LOG_TO_FILE: appended to, created 0640 */
	int facility;         /* LOG_TO_SYSLOG: LOG_MAIL and so on, from syslog(3) */
	int json;             /* log_format = json */
	enum log_level level; /* nothing above this is written */
};

struct err;

/* One member of the event's own data.  str NULL: num is the value; else str is, at most 4096 bytes
 * of it. */
struct log_field {
	const char *key;
	const char *str;
	int64_t num;
};
#define LOG_STR(k, s) ((struct log_field){ .key = (k), .str = (s) == NULL ? "" : (s) })
#define LOG_NUM(k, n) ((struct log_field){ .key = (k), .num = (n) })

/* Start or change the log.  Before the first call lines go to stderr as text.  -1: the file could
 * not be opened; what was there before stays. */
int log_open(const struct log_options *, struct err *) ATTR_MUST_USE;
/* Open the file again, after logrotate(8) moved it; errors go to the old one. */
void log_reopen(void);
/* What is written when the event has no service of its own: "filterd" or "filterctl". */
void log_set_program(const char *);
int log_enabled(enum log_level);

/* A thread that writes many lines gathers those of log_event_last(), of level info and debug, with
 * those of other such threads; log_batch_flush() of whichever thread writes them all, any other
 * line does, and many do.  It flushes before it waits for anything, so what a crash can lose is
 * what happened since.  When log_batch_flush() returns, every line from before it is written: a
 * session may have changed threads since its own. */
void log_batch_start(void);
void log_batch_flush(void);
int log_batch_pending(void); /* are there lines that are not written? */
void log_batch_end(void);

/* service: "lmtp", "smtp", ... or NULL; id: decision id or NULL. */
void log_error(const char *service, const char *id, const char *fmt, ...) ATTR_PRINTF(3, 4);
void log_warn(const char *service, const char *id, const char *fmt, ...) ATTR_PRINTF(3, 4);
void log_info(const char *service, const char *id, const char *fmt, ...) ATTR_PRINTF(3, 4);
void log_debug(const char *service, const char *id, const char *fmt, ...) ATTR_PRINTF(3, 4);

/* An event with a name and fields; the text form prints fmt alone, so fmt says what the fields say.
 */
void log_event(enum log_level, const char *service, const char *id, const char *event,
    const struct log_field *fields, size_t nfields, const char *fmt, ...) ATTR_PRINTF(7, 8);

/* The same for the last line about its id, text being ready made: only such a line may be gathered.
 * The others are written at once, so that the log of a crash tells how far things had come. */
void log_event_last(enum log_level, const char *service, const char *id, const char *event,
    const struct log_field *fields, size_t nfields, const char *text);

/* Append outside text to a buffer as the log writes it: control bytes and broken UTF-8 as \xHH, at
 * most max input bytes, then "...". */
void log_quote(struct buf *, struct span, size_t max);

/* One line to stderr and to the log, then exit(status): for start-up only. */
void log_fatal(int status, const char *fmt, ...) ATTR_PRINTF(2, 3) ATTR_NORETURN;

/* Tests: lines also go to this function (NULL: none), before the target. */
void log_set_hook(void (*hook)(enum log_level, const char *line));

#endif
