/* What we wish to negotiate. */
#include "base/attr.h"
#include "base/err.h"
#include "front/milter_session_private.h"

#define TLS_MACROS "{tls_version} {cipher} {cipher_bits} {cert_subject} {cert_issuer} {verify}"
/* The address and the port are in the event; v tells what other macros mean, i whether there is a
 * client at all. */
#define CONNECT_MACROS "{client_ptr} {client_resolve} {if_addr} {daemon_addr} {daemon_port} i v"
/* After STARTTLS a client need not say HELO again, so TLS is asked for here. */
#define MAIL_MACROS "{auth_authen} {auth_type} {auth_author} " TLS_MACROS " i"

/* Where the lists are asked. */
static const struct {
	enum stage stage;
	enum milter_step unanswered;
} stages[] = {
	{ STAGE_CONNECT, MILTER_NR_CONNECT },
	{ STAGE_HELO, MILTER_NR_HELO },
	{ STAGE_MAIL, MILTER_NR_MAIL },
	{ STAGE_RCPT, MILTER_NR_RCPT },
	{ STAGE_DATA, MILTER_NR_DATA },
};

/* Every event that a list might be asked about is wanted, also where none is now: a reload may
 * bring one.  RCPT_REJ is not wanted, for a recipient that was refused is none (PITFALLS B5); nor
 * are larger packets. */
static uint32_t
wanted_steps(const struct snap_listener *l, uint32_t offered)
{
	uint32_t steps = MILTER_NR_HEADER | MILTER_NR_BODY | MILTER_SKIP | MILTER_HDR_LEADSPC;

	for (size_t i = 0; i < nitems(stages); i++)
		if (!engine_answers(l, stages[i].stage))
			steps |= stages[i].unanswered;
	/* Of these we make nothing. */
	steps |= offered & MILTER_NO_UNKNOWN ? MILTER_NO_UNKNOWN : MILTER_NR_UNKNOWN;
	steps |= offered & MILTER_NO_EOH ? MILTER_NO_EOH : MILTER_NR_EOH;
	return steps & offered;
}

/* Each macro costs the MTA a look-up, and each event that has one a packet.  Postfix (3.7) takes an
 * empty list for none at all and sends what it is set up to send, so where nothing is wanted it is
 * asked for what no MTA has.  The queue id is asked for at DATA: Postfix would send that of the end
 * with each piece of the body too. */
#define NO_MACROS "{none}"

static void
want_macros(const struct snap_listener *l, const char *macros[MILTER_ATS])
{
	macros[MILTER_AT_CONNECT] = CONNECT_MACROS;
	macros[MILTER_AT_HELO] = engine_answers(l, STAGE_HELO) ? TLS_MACROS : NO_MACROS;
	macros[MILTER_AT_MAIL] = MAIL_MACROS;
	macros[MILTER_AT_RCPT] = NO_MACROS;
	macros[MILTER_AT_DATA] = "i";
	macros[MILTER_AT_END] = NO_MACROS;
	macros[MILTER_AT_EOH] = NO_MACROS;
}

int
milter_session_negotiate(struct milter_session *s, const struct milter_options *offer,
    struct milter_wishes *w, struct err *err)
{
	*w = (struct milter_wishes){ .options.version = offer->version };
	if (offer->version < MILTER_VERSION_MIN) {
		err_set(err, ERR_PEER, "version %u of the protocol is too old, must be %d or later",
		    (unsigned)offer->version, MILTER_VERSION_MIN);
		return -1;
	}
	if (offer->version > MILTER_VERSION)
		w->options.version = MILTER_VERSION;
	milter_renew(s);
	w->options.actions = offer->actions & MILTER_CAN_ALL;
	w->options.steps = wanted_steps(s->listener, offer->steps & MILTER_STEPS_ALL);
	if (w->options.actions & MILTER_CAN_SETSYMLIST)
		want_macros(s->listener, w->macros);
	s->granted = w->options;
	return 0;
}

int
milter_session_is_answered(const struct milter_session *s, enum milter_command c)
{
	uint32_t steps = s->granted.steps;

	switch (c) {
	case MILTER_CONNECT:
		return !(steps & MILTER_NR_CONNECT);
	case MILTER_HELO:
		return !(steps & MILTER_NR_HELO);
	case MILTER_MAIL:
		return !(steps & MILTER_NR_MAIL);
	case MILTER_RCPT:
		return !(steps & MILTER_NR_RCPT);
	case MILTER_DATA:
		return !(steps & MILTER_NR_DATA);
	case MILTER_UNKNOWN:
		return !(steps & MILTER_NR_UNKNOWN);
	case MILTER_HEADER:
		return !(steps & MILTER_NR_HEADER);
	case MILTER_EOH:
		return !(steps & MILTER_NR_EOH);
	case MILTER_BODY:
		return !(steps & MILTER_NR_BODY);
	case MILTER_END:
	case MILTER_OPTNEG:
		return 1;
	case MILTER_ABORT:
	case MILTER_MACRO:
	case MILTER_QUIT:
	case MILTER_QUIT_NC:
		break;
	}
	return 0;
}
