/*
 * probe_words - the words of probe_plugin.c, which includes this
 */
#ifndef TESTS_LIB_PROBE_WORDS_H
#define TESTS_LIB_PROBE_WORDS_H

#include "plugins/filterd_plugin.h"

extern const struct filterd_host *probe_host;
enum rule_result probe_word(struct rule_run *, const struct rule_op *);

#endif
