#include <string.h>

#include "base/err.h"
#include "tests/lib/probe_scanner.h"

static struct scan_session *
begin(void *arg, struct span lead, struct span message)
{
	struct probe_scanner *s = arg;

	if (s->none)
		return NULL;
	s->begun++;
	s->message_len = message.len;
	span_copy(lead, s->lead, sizeof(s->lead));
	return arg;
}

static int
ask(struct scan_session *session, const char *plugin, const char *scan, struct deadline deadline,
    struct arena *arena, struct scan_found *found, struct err *err)
{
	struct probe_scanner *s = (struct probe_scanner *)session;

	(void)arena;
	s->asked++;
	if (deadline_passed(deadline) || strcmp(plugin, "probe") != 0 || strcmp(scan, "look") != 0)
		err_set(err, ERR_PEER, "not asked as it should be");
	else if (s->trouble != NULL)
		err_set(err, ERR_RETRY, "%s", s->trouble);
	else {
		*found = s->found;
		return 0;
	}
	return -1;
}

static void
end(struct scan_session *session)
{
	if (session != NULL)
		((struct probe_scanner *)session)->ended++;
}

void
probe_scanner_ops(struct probe_scanner *s, struct scan_ops *ops)
{
	*ops = (struct scan_ops){ .begin = begin, .ask = ask, .end = end, .arg = s };
}
