/*
 * milter_script - what an MTA says to a milter session, as text, and what it is answered
 *
 * One event a line; `~` in a value is a line end (LF in a field, CRLF in the body):
 *	N VERSION ACTIONS STEPS		negotiate (the latter two in hex)
 *	m STAGE NAME=VALUE		a macro, of the event C, H, M, R, T or E that comes next
 *	C NAME FAMILY ADDR PORT		H NAME		M PATH [PARAM...]	R PATH [PARAM...]
 *	T (DATA)	U COMMAND	L NAME:VALUE	O (end of headers)	B OCTETS
 *	E (end of message)	A (abort)	K (QUIT_NC)	I (the session is idle)
 *	* (the second configuration from now on)
 */
#ifndef TESTS_LIB_MILTER_SCRIPT_H
#define TESTS_LIB_MILTER_SCRIPT_H

#include "base/buf.h"
#include "base/counters.h"
#include "engine/snapshot.h"
#include "front/milter_session.h"

struct milter_script {
	struct milter_session *session;
	struct milter_world world;
	struct counters counters;
	struct snapshot *now, *next;
	char macros_of; /* the event that macros were told for last */
	/* "E 550 5.7.1 text\n" for each answer that is not to go on, and that the MTA would be
	 * told; line ends in it are "|", the decision id is ID. */
	struct buf told;
	struct buf message; /* the last one that was put back */
	int messages;       /* out at present */
	char spool[64];     /* spool_directory of messages, that of the configuration if "" */
};

/* second: NULL none. */
struct milter_script *milter_script_new(const char *conf, const char *second);
void milter_script_free(struct milter_script *);
void milter_script_play(struct milter_script *, const char *script);

#endif
