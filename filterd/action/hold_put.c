#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "action/hold_int.h"
#include "action/plan.h"
#include "base/attr.h"
#include "base/blocking.h"
#include "base/err.h"
#include "base/log.h"
#include "base/xmem.h"
#include "core/edit.h"
#include "core/message.h"
#include "core/transaction.h"

#define GATHER   ((size_t)64 * 1024)
#define COPY_MAX 99 /* held copies of one transaction */

/* --- what goes into the head --- */

static char *
copy(const char *s)
{
	return xstrdup(s == NULL ? "" : s);
}

static char **
copy_list(const char *const *v, size_t n)
{
	char **out = xcalloc(n + 1, sizeof(*out));

	for (size_t i = 0; i < n; i++)
		out[i] = copy(v[i]);
	return out;
}

static void
fill_client(struct hold_entry *e, const struct client *c)
{
	struct client none;

	if (c == NULL) {
		client_init(&none);
		c = &none;
	}
	e->client_addr = copy(c->addr);
	e->client_name = copy(c->name);
	e->client_reverse = copy(c->reverse_name);
	e->client_helo = copy(c->helo);
	e->client_proto = copy(c->proto);
	e->client_port = copy(c->port);
	e->client_login = copy(c->login);
	e->queue_id = copy(c->ident);
	e->client_source = (int)c->source;
}

/* The recipients of a held copy share their prepends, so the first one's are everybody's. */
static void
fill_prepended(struct hold_entry *e, const struct verdict *all, const struct verdict *own)
{
	size_t n = all->prepends.n + own->prepends.n;

	e->prepended = xcalloc(n + 1, sizeof(*e->prepended));
	for (size_t i = 0; i < all->prepends.n; i++)
		e->prepended[e->nprepended++] = copy(all->prepends.v[i].arg);
	for (size_t i = 0; i < own->prepends.n; i++)
		e->prepended[e->nprepended++] = copy(own->prepends.v[i].arg);
}

static void
fill(struct hold_entry *e, const struct transaction *t, const size_t *rcpts, size_t nrcpts,
    const struct hold_why *why)
{
	memset(e, 0, sizeof(*e));
	e->decision_id = copy(t->id);
	e->sender = copy(t->sender.octets);
	e->sender_params = copy(t->sender.params);
	e->reason = copy(why->reason);
	e->rule = copy(why->rule);
	e->listener = copy(t->listener);
	e->next_hop = copy(why->next_hop);
	e->message_id = copy(t->message_id);
	e->subject = copy(t->subject);
	e->filter = why->filter == NULL ? NULL : copy(why->filter);
	e->redirect = why->redirect == NULL ? NULL : copy(why->redirect);
	e->bcc = copy_list(why->bcc, why->nbcc);
	e->nbcc = why->nbcc;
	e->class = why->class;
	e->body_8bit = t->body_8bit;
	e->smtputf8 = t->smtputf8;
	fill_client(e, t->client);
	fill_prepended(e, &t->verdict, &t->rcpts[rcpts[0]]->verdict);
	e->rcpts = xcalloc(nrcpts, sizeof(*e->rcpts));
	for (e->nrcpts = 0; e->nrcpts < nrcpts; e->nrcpts++) {
		const struct path *p = &t->rcpts[rcpts[e->nrcpts]]->path;

		e->rcpts[e->nrcpts] = (struct hold_rcpt){ copy(p->octets), copy(p->params), 0 };
	}
}

/* --- writing --- */

struct writer {
	int fd;
	int64_t octets;  /* of the message, so far */
	struct buf some; /* small pieces, until there are enough of them */
};

static int
write_all(int fd, const void *from, size_t len)
{
	const char *p = from;

	while (len > 0) {
		ssize_t n = write(fd, p, len);

		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			return -1;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

static int
flush(struct writer *w)
{
	int rc = write_all(w->fd, w->some.p, w->some.len);

	buf_reset(&w->some);
	return rc;
}

static int
add_piece(void *arg, struct span piece)
{
	struct writer *w = arg;

	w->octets += (int64_t)piece.len;
	if (piece.len < GATHER) {
		buf_add_span(&w->some, piece);
		return w->some.len < GATHER ? 0 : flush(w);
	}
	return flush(w) == -1 ? -1 : write_all(w->fd, piece.p, piece.len);
}

static int
write_message(
    int fd, struct buf *head, struct span message, const struct edit_list *edits, int64_t *octets)
{
	struct writer w = { .fd = fd, .some = *head };
	int rc;

	rc = edit_walk(message, edits, add_piece, &w);
	if (rc == 0)
		rc = flush(&w);
	*octets = w.octets;
	*head = w.some;
	return rc;
}

/* An id that no file has: the decision's own, so that one word leads through log and store; other
 * copies of the same transaction get a number.  Only one thread works on a transaction, so nobody
 * takes the name meanwhile. */
static int
choose_id(struct hold_store *s, const char *base, char id[HOLD_ID_MAX], struct err *err)
{
	char path[HOLD_PATH_MAX];

	for (int i = 1; i <= COPY_MAX; i++) {
		if (i == 1)
			snprintf(id, HOLD_ID_MAX, "%s", base);
		else
			snprintf(id, HOLD_ID_MAX, "%.30s-%d", base, i);
		if (!hold_id_ok(id))
			break;
		hold_path(id, HOLD_FILE_ENDS, path);
		if (faccessat(s->dirfd, path, F_OK, 0) == -1 && errno == ENOENT)
			return 0;
	}
	err_set(err, ERR_SYSTEM, "hold_directory %s: no name for a held copy of %s", s->directory,
	    base);
	return -1;
}

/* O_EXCL: a temporary file of that name can only be left over from a process with our number. */
static int
create(struct hold_store *s, const char *tmp, const char *folder)
{
	const int flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW;
	int fd = openat(s->dirfd, tmp, flags, 0600);

	if (fd == -1 && errno == EEXIST && unlinkat(s->dirfd, tmp, 0) == 0)
		fd = openat(s->dirfd, tmp, flags, 0600);
	/* Someone has tidied up. */
	if (fd == -1 && errno == ENOENT && mkdirat(s->dirfd, folder, 0700) == 0) {
		if (hold_sync_folder(s, NULL, NULL) == -1)
			return -1;
		fd = openat(s->dirfd, tmp, flags, 0600);
	}
	return fd;
}

/* File, fsync(file), rename, fsync(folder): the name appears only with all of the file behind it,
 * and 0 is returned only when name and file survive a power cut. */
static int
put_file(struct hold_store *s, struct hold_entry *e, struct span message,
    const struct edit_list *edits, struct stat *sb, struct err *err)
{
	char tmp[HOLD_PATH_MAX], path[HOLD_PATH_MAX], folder[3];
	struct buf head = { 0 };
	int fd, named = 0, rc = -1;
	int64_t octets = 0;

	hold_path(e->id, HOLD_TMP_ENDS, tmp);
	hold_path(e->id, HOLD_FILE_ENDS, path);
	memcpy(folder, path, 2);
	folder[2] = '\0';
	hold_head_format(e, &head);
	fd = create(s, tmp, folder);
	if (fd == -1 || write_message(fd, &head, message, edits, &octets) == -1 ||
	    fsync(fd) == -1 || fstat(fd, sb) == -1)
		goto out;
	if (octets != e->size) { /* an edit that edit_result_len() counts in another way */
		errno = EINVAL;
		goto out;
	}
	if (close(fd) == -1) {
		fd = -1;
		goto out;
	}
	fd = -1;
	if (renameat(s->dirfd, tmp, s->dirfd, path) == -1)
		goto out;
	named = 1;
	rc = hold_sync_folder(s, folder, err);
out:
	if (rc == -1 && !named)
		err_set(err, ERR_SYSTEM, "hold_directory %s: %s: %s", s->directory, path,
		    strerror(errno));
	if (fd != -1)
		close(fd);
	if (rc == -1)
		unlinkat(s->dirfd, named ? path : tmp, 0);
	buf_fini(&head);
	return rc;
}

static void
put_index(struct hold_store *s, const struct hold_entry *e, const struct stat *sb)
{
	struct hold_row row;
	struct err err;

	hold_row_fill(&row, e, sb);
	pthread_mutex_lock(&s->lock);
	if (s->index != NULL && hold_index_put(s->index, &row, e, &err) == -1)
		log_warn(NULL, e->decision_id, "hold: index: %s", err.text);
	pthread_mutex_unlock(&s->lock);
	hold_row_fini(&row);
}

int
hold_put(struct hold_store *s, const struct transaction *t, const size_t *rcpts, size_t nrcpts,
    const struct edit_list *edits, const struct hold_why *why, char *id, size_t id_size,
    struct err *err)
{
	struct span message = message_view(t->message);
	struct hold_entry e;
	struct stat sb;
	char name[HOLD_ID_MAX];
	int64_t room;
	int rc;

	if (choose_id(s, t->id, name, err) == -1)
		return -1;
	fill(&e, t, rcpts, nrcpts, why);
	e.id = xstrdup(name);
	e.time = hold_now_s(s);
	e.size = (int64_t)edit_result_len(edits, message.len);
	room = e.size + 2048 + (int64_t)nrcpts * 256; /* the head, about */

	if (hold_entry_ok(&e)) {
		rc = hold_room(s, room, err);
	} else { /* what nobody could read again is not kept */
		err_set(err, ERR_SYSTEM, "a line end in the envelope of %s", name);
		rc = -1;
	}
	if (rc == 0) {
		blocking_begin(); /* the disk */
		rc = put_file(s, &e, message, edits, &sb, err);
		if (rc == 0)
			put_index(s, &e, &sb);
		blocking_end();
		hold_room_done(s, room);
	}
	if (rc == 0)
		snprintf(id, id_size, "%s", name);
	hold_entry_fini(&e);
	return rc;
}

int
hold_put_step(struct hold_store *s, const struct transaction *t, const struct plan_step *step,
    char *id, size_t id_size, struct err *err)
{
	char rule[1024];
	struct hold_why why = {
		.class = step->class,
		.reason = step->reason,
		.rule = rule,
		.next_hop = step->hop.text,
		.filter = step->filter,
		.redirect = step->redirect,
		.bcc = step->extra,
		.nbcc = step->nextra,
	};

	origin_format(&step->origin, rule, sizeof(rule));
	return hold_put(s, t, step->rcpts, step->nrcpts, step->edits, &why, id, id_size, err);
}
