/*
 * rule_params - what restrictions are told of the configuration
 *
 * rules/ knows no parameters: its options are filled here from a listener's.
 *
 * Ownership: texts belong to the configuration and to the source's arena, which must both live as
 *	long as the rules that are compiled with the options.
 * Threads: one at a time.
 */
#ifndef ENGINE_RULE_PARAMS_H
#define ENGINE_RULE_PARAMS_H

struct arena;
struct conf;
struct conf_listener;
struct params;
struct rule_options;

/* Where classes are looked up, and the lines of what stands in a list. */
struct rule_source {
	const struct conf *conf;
	const struct conf_listener *listener;
	struct arena *arena;
};

/* Every option that is a parameter.  mynetworks is empty also where it is not set. */
void rule_params_fill(const struct params *, struct rule_options *);
/* The parameters of the source's listener (mynetworks NULL: not set), its role, and the functions
 * that ask the source, which must stay where it is until the rules are compiled. */
void rule_params_listener(struct rule_source *, struct rule_options *);

#endif
