#include "base/attr.h"
#include "base/counters.h"
#include "core/message.h"
#include "core/transaction.h"
#include "front/tally.h"

void
tally(struct counters *c, const struct transaction *t)
{
	counter_inc(c, transactions);
	counter_add(c, recipients, (int64_t)t->nrcpts);
	counter_add(c, bytes, (int64_t)message_len(t->message));
	for (size_t i = 0; i < t->nrcpts; i++) {
		switch (t->rcpts[i]->fate) {
		case FATE_NONE:
			break;
		case FATE_DELIVERED:
			counter_inc(c, delivered);
			break;
		case FATE_HELD:
			counter_inc(c, held);
			break;
		case FATE_DISCARDED:
			counter_inc(c, discarded);
			break;
		case FATE_REJECTED:
			counter_inc(c, rejected);
			break;
		case FATE_DEFERRED:
			counter_inc(c, deferred);
			break;
		}
	}
}

void
tally_lines(const struct content *content, struct facts *f)
{
	static const struct {
		unsigned seen;
		enum fact fact;
	} facts[] = {
		{ SEEN_BARE_LF, FACT_LINE_BARE_LF },
		{ SEEN_BARE_CR, FACT_LINE_BARE_CR },
		{ SEEN_SMUGGLING, FACT_LINE_SMUGGLING },
		{ SEEN_LONG_LINE, FACT_LINE_LONG },
	};

	for (size_t i = 0; i < nitems(facts); i++)
		if (content->seen & facts[i].seen)
			fact_set(f, facts[i].fact);
}
