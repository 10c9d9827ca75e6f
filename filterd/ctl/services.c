#include "client/policy_pool.h"
#include "conf/params.h"
#include "ctl/services.h"
#include "net/dns.h"
#include "rules/dnsbl.h"
#include "rules/verify.h"

/* Probes of address verification say the name that Postfix's would. */
static void
verify_options(const struct params *p, const struct rule_services *s, struct counters *counters,
    const char *directory, struct verify_options *o)
{
	*o = (struct verify_options){ .directory = directory,
		.dns = s->dns,
		.counters = counters,
		.helo_name = p->myhostname,
		.connect_ms = (int)p->smtp_connect_timeout,
		.helo_ms = (int)p->smtp_helo_timeout,
		.probe_ms = (int)p->address_verify_time_limit,
		.max_entries = (size_t)p->address_verify_cache_size,
		.positive_expire_ms = p->address_verify_positive_expire_time,
		.positive_refresh_ms = p->address_verify_positive_refresh_time,
		.negative_expire_ms = p->address_verify_negative_expire_time,
		.negative_refresh_ms = p->address_verify_negative_refresh_time,
		.negative_cache = p->address_verify_negative_cache };
}

int
services_open(struct rule_services *s, const struct params *p, struct counters *counters,
    const char *verify_directory, struct err *err)
{
	struct dns_options o = { .servers = p->resolver,
		.timeout_ms = (unsigned)p->resolver_timeout,
		.tries = (unsigned)p->resolver_tries };
	struct verify_options verify;

	s->counters = counters;
	s->zones = dnsbl_zones_new();
	s->policy = policy_pool_new();
	s->dns = dns_new(&o, err);
	if (s->dns == NULL)
		return -1;
	verify_options(p, s, counters, verify_directory, &verify);
	s->verify = verify_cache_new(&verify, err);
	return s->verify == NULL ? -1 : 0;
}

void
services_apply(struct rule_services *s, const struct params *p, struct counters *counters,
    const char *verify_directory)
{
	struct verify_options verify;

	verify_options(p, s, counters, verify_directory, &verify);
	verify_cache_set_options(s->verify, &verify);
}

void
services_close(struct rule_services *s)
{
	verify_cache_free(s->verify);
	policy_pool_free(s->policy);
	dnsbl_zones_free(s->zones);
	dns_free(s->dns);
	*s = (struct rule_services){ 0 };
}
