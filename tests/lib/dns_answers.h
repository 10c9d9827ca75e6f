/*
 * dns_answers - a DNS server in a thread, on a port of 127.0.0.1, that does what names tell it
 *
 * The first label that is no number, up to a digit or hyphen, says what: `a` an address, `zero` one
 * with TTL 0, `slow` one after 20 ms, `late` one after 400 ms, `nx` NXDOMAIN, `slownx` the same
 * after 20 ms, `servfail`, `refused`, and `silent` nothing.  UDP only.
 */
#ifndef TESTS_LIB_DNS_ANSWERS_H
#define TESTS_LIB_DNS_ANSWERS_H

struct dns_answers;

struct dns_answers *dns_answers_start(void);
void dns_answers_stop(struct dns_answers *);
/* "127.0.0.1:PORT" */
const char *dns_answers_at(const struct dns_answers *);
/* Questions so far. */
int dns_answers_asked(struct dns_answers *);

#endif
