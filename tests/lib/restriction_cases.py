"""Random cases for the restriction language, as tests/parity/candidate reads them.

    for group in restriction_cases.groups(seed=1, groups=24, cases=9): ...

A group is a list of cases with one configuration, made for a theme; the themes take turns.  All
groups of a seed share their DNS data.  Keys, addresses and names come from one small world, so
that tables match often.  Left out: what a dialogue without TLS, AUTH and pipelining cannot reach,
reject_unverified_* (they send mail), and what is known to differ from Postfix, which
filterd_restrictions(5) lists.
"""
import random

import restriction_world as world


class Draw(random.Random):
    def maybe(self, p):
        return self.random() < p

    def some(self, items, most):
        return [self.choice(items) for _ in range(self.randint(1, most))]

    # --- tables ---

    def value(self, depth=0):
        """What stands on the right side of an access table."""
        x = self.random()
        if x < .5:
            word = self.choices([a for a, _ in world.ACTIONS], [w for _, w in world.ACTIONS])[0]
            return (word + " " + self.choice(world.TEXTS)).strip()
        if x < .85 or depth:
            return self.choice(world.PLAIN)
        if x < .92 and self.classes:
            return self.choice(["%s", "%s", "warn_if_reject %s", "%s, reject", "permit_mynetworks, %s"]) % self.choice(self.classes + ["CLS_A"])
        return ", ".join(self.restriction("any", tables=False) for _ in range(self.randint(1, 3)))

    def spelled(self, key):
        return self.choice([key, key, key, key.upper(), key.title()])

    def parents(self, name):
        labels = name.split(".")
        cut = ".".join(labels[self.randint(0, len(labels) - 1):])
        return self.choice([cut, cut, "." + cut])

    def address_key(self, address):
        if self.maybe(.4):
            return address
        cut = self.choice([c for c in range(len(address)) if address[c] in ".:"] or [len(address)])
        return address[:cut] + self.choice(["", "", "", "."])

    def key(self, kind):
        if kind == "client":
            client = self.choice(world.CLIENTS)
            if self.maybe(.5):
                return self.address_key(client[0])
            return self.choice(["unknown", self.parents(client[-1])]) if client[-1] in (world.GONE, world.LATER) else self.parents(client[-1])
        if kind == "helo":
            helo = self.choice(world.HELOS)
            return helo if self.maybe(.5) else self.parents(helo)
        if kind in ("sender", "recipient"):
            a = self.choice(world.SENDERS[1:] + ["user@" + d for d in world.SENDER_DOMAINS[:20]] if kind == "sender" else world.RECIPIENTS * 3 + world.ODD_RECIPIENTS)
            local, at, domain = a.replace('"', "").replace(" ", "").rpartition("@")
            plain = local.split("+")[0].split("-")[0]
            return self.choice([a.replace(" ", ""), f"{local}@{domain}", f"{plain}@{domain}", domain or "x", self.parents(domain or "x"), (plain or "u") + "@",
                                "@" + domain, local or "x", "<>"])
        if kind == "sasl":
            return self.choice(["joe", "JOE", "bob", "ann@local.example", "local.example"])
        if kind == "ccert":
            return "AA:BB"
        server = self.choice(["mx1.ok.example", "mx2.ok.example", "mx.a.example", "mx.evil.example", "ns.evil.example", "ns1.dns.example", "localhost",
                              "nohost.example", "mail.good.example", "ok.example", "192.0.2.81", "10.66.6.1", "203.0.113.53", "2001:db8:0:81::1",
                              "127.0.0.1", "192.0.2.82", "192.0.2.10", "10.66.6.6", "198.51.100.53"])
        return self.address_key(server) if server[-1].isdigit() else self.parents(server)

    def table(self, kind, values=None):
        """A table for keys of a kind: what names it."""
        value = values or self.value
        pattern = "mail" if kind in ("sender", "recipient") else kind if kind in world.PATTERNS else "mail"
        form = self.choices(["texthash", "hash", "pcre", "regexp", "cidr", "static", "inline", "missing"],
                            [5, 2, 2, 1.2, 1.2 if kind in ("client", "server") else .1, 2, 1, .06])[0]
        if form == "missing":
            return "texthash:/tables/none"
        if form == "static":
            word = value()
            return "static:{%s}" % word if word.count("{") == word.count("}") and word else "static:OK"
        if form == "inline":
            rows = {self.spelled(self.key(kind)).replace("=", ""): value() for _ in range(self.randint(1, 4))}
            rows = {k: v for k, v in rows.items() if k and not set(v) & set("{}$") and v}
            return "inline:{%s}" % ", ".join("{ %s = %s }" % x for x in rows.items()) if rows else "static:DUNNO"
        name = "t%d" % len(self.tables)
        lines = []
        if form in ("texthash", "hash"):
            seen = set()
            for _ in range(self.randint(1, 12)):
                key = self.spelled(self.key(kind))
                # Of the same key twice texthash makes an error, which one in a hundred tables may be.
                if key.startswith("#") or (key.lower() in seen and not self.maybe(.02)):
                    continue
                seen.add(key.lower())
                lines.append(key + " " + value())
            lines = [line for line in lines if line.partition(" ")[2]]
        elif form == "cidr":
            lines = [self.choice(world.CIDR) + " " + (value() or "OK") for _ in range(self.randint(1, 6))]
            if self.maybe(.15):
                lines = ["if " + self.choice(world.CIDR), *lines, "endif"]
        else:
            for _ in range(self.randint(1, 6)):
                text = value().replace("$", "$$") or "OK"
                if self.maybe(.15) and pattern != "helo":
                    text = self.choice(["REJECT $1 x", "554 5.7.1 blocked ${1}x", "DEFER $(1) later", "PREPEND X-M: $1", "REJECT $$1"])
                p = self.choice(world.PATTERNS[pattern])
                if "(" not in p:
                    text = text.replace("$1", "x").replace("${1}", "y").replace("$(1)", "z")
                negated = "!" if "$1" not in text and "{1}" not in text and "(1)" not in text and self.maybe(.12) else ""
                lines.append(negated + p + self.choice(["", "", "", "i", "ii", "m", "x"]) + " " + text)
            if self.maybe(.15):
                lines = ["if " + self.choice(world.PATTERNS[pattern]), *lines, "endif"]
        if not lines:
            return "static:DUNNO"
        self.tables[name] = {"type": form, "text": "\n".join(lines) + "\n"}
        return f"{form}:/tables/{name}"

    # --- restrictions ---

    def restriction(self, about, tables=True):
        """One, mostly about the client, helo, sender, recipient or any of them."""
        if about == "any" or self.maybe(.12):
            about = self.choice(world.LISTS)
        x = self.random()
        if x < .38 and tables:
            return self.access(about)
        if x < .72:
            return self.choice(world.SIMPLE[about])
        if x < .80:
            return self.rbl()
        if x < .88 and tables:
            return self.server()
        if x < .92 and self.classes:
            return self.choice(self.classes)
        if x < .94 and tables:
            return self.choice(["check_ccert_access ", "check_sasl_access "]) + self.table(self.choice(["sasl", "ccert"]))
        return self.choice(world.SIMPLE["any"])

    def access(self, about):
        return self.choice(world.ACCESS[about]) + " " + self.table(about)

    def server(self, about=None):
        names = [n for n in world.SERVER_ACCESS if about is None or about in n]
        return self.choice(names) + " " + self.table("server")

    def rbl(self):
        return self.choice(world.RBL) + self.choice(world.FILTERS)

    def list(self, about, most=3, warn=.08):
        out = []
        for _ in range(self.randint(1, most)):
            word = self.restriction(about)
            if self.maybe(.04):
                word = self.choice(["reject_foo", "REJECT", "5.7.1", "warn_if_reject warn_if_reject reject", "check_helo_access static:{}"])
            elif self.maybe(.04) and about in world.ACCESS:
                word = self.table(about)                    # of the list's own kind
            elif self.maybe(.04) and word not in self.classes:
                name, blank, rest = word.partition(" ")
                word = self.choice([name.upper(), name.title()]) + blank + rest
            out.append(("warn_if_reject " if self.maybe(warn) else "") + word)
        return self.choice([", ", ", ", " ", ","]).join(out) + (" warn_if_reject" if self.maybe(.02) else "")

    # --- a configuration ---

    def base(self):
        self.tables = {
            "valias": {"type": "texthash", "text": "sales@valias.example ann@local.example\nalias@local.example bob@local.example\n"},
            "vmbox": {"type": "texthash", "text": "joe@vmbox.example joe/\n"},
            "users": {"type": "texthash", "text": "bob x\nann x\nuser x\nalias x\nother@ok.example x\nbcc x\n"},
            "transport": {"type": "texthash", "text": "errt.example error:5.1.2 no such place\nretryt.example retry:4.4.1 later please\n"},
            "known": {"type": "texthash", "text": "known@relay.example x\n@sub.relay.example x\n"}}
        main = {
            "myhostname": "mx.filterd.test", "mydomain": "filterd.test", "myorigin": self.choice(["local.example", "$myhostname"]),
            "mydestination": "local.example, $myhostname, localhost", "inet_interfaces": "127.0.0.1, [::1]", "inet_protocols": "all",
            "mynetworks": self.choice(["10.0.0.0/8 127.0.0.0/8", "10.1.0.0/16", "!10.1.2.4 10.1.0.0/16", "127.0.0.0/8 [2001:db8:1::]/48",
                                       "cidr:/tables/nets"]),
            "relay_domains": self.choice(["relay.example", "relay.example", "relay.example, .sub.relay.example", "texthash:/tables/rdoms"]),
            "virtual_alias_domains": self.choice(["valias.example", "valias.example", "$virtual_alias_maps"]),
            "virtual_alias_maps": "texthash:/tables/valias", "virtual_mailbox_domains": "vmbox.example",
            "virtual_mailbox_maps": "texthash:/tables/vmbox", "local_recipient_maps": self.choice(["texthash:/tables/users"] * 2 + [""]),
            "transport_maps": "texthash:/tables/transport", "smtpd_delay_reject": "yes", "smtpd_sasl_auth_enable": "yes"}
        if "nets" in main["mynetworks"]:
            self.tables["nets"] = {"type": "cidr", "text": "10.1.2.0/24 x\n127.0.0.0/8 x\n2001:db8:1::/48 x\n"}
        if "rdoms" in main["relay_domains"]:
            self.tables["rdoms"] = {"type": "texthash", "text": "relay.example x\nsub.relay.example x\n"}
        if main["virtual_alias_domains"][0] == "$":
            self.tables["valias"]["text"] += "valias.example x\n"
        for name, (p, values) in world.OTHERS.items():
            if self.maybe(p):
                main[name] = self.choice(values)
        for name, values in world.CODES.items():
            if self.maybe(.6 if self.theme == "codes" else .03):
                main[name] = str(self.choice(values))
        return main

    def make_classes(self, main):
        """Restriction classes; a later one may call an earlier one."""
        self.classes = []
        if not self.maybe(1 if self.theme in ("classes", "strict", "policy") else .3):
            return
        for name in world.CLASSES[:self.randint(1, len(world.CLASSES))]:
            main[name] = self.list("any", 3)
            self.classes.append(name)
        main["smtpd_restriction_classes"] = ", ".join(self.classes)

    def configuration(self, theme):
        self.theme, self.classes, self.tables = theme, [], {}
        main = self.base()
        self.make_classes(main)
        if "reject_maps_rbl" in str(main) or self.maybe(.1):
            main["maps_rbl_domains"] = "rbl.test"
        getattr(self, "theme_" + theme)(main)
        # Written in an earlier list, it decides by what the session before has left in that smtpd.
        if self.maybe(.12):
            listed = main.get("smtpd_sender_restrictions")
            main["smtpd_sender_restrictions"] = self.choice(["", "", "warn_if_reject "]) + "reject_unlisted_sender" + (", " + listed if listed else "")
        if "smtpd_relay_restrictions" not in main and self.maybe(.7):
            main["smtpd_relay_restrictions"] = self.choice(world.RELAY)
        if self.maybe(.03):
            main["smtpd_relay_restrictions"] = ""
            main["smtpd_recipient_restrictions"] = main.get("smtpd_recipient_restrictions", self.list("recipient")) + ", " + self.choice(world.RELAY)
        return {k: v for k, v in main.items() if v is not None}, self.tables

    def one_list(self, main, about, most=3):
        main[f"smtpd_{about}_restrictions"] = self.list(about, most)

    def theme_client(self, main):
        main["smtpd_client_restrictions"] = ", ".join(self.access("client") if self.maybe(.7) else self.restriction("client") for _ in range(self.randint(1, 3)))

    def theme_helo(self, main):
        main["smtpd_helo_restrictions"] = ", ".join(self.access("helo") if self.maybe(.4) else self.restriction("helo") for _ in range(self.randint(1, 3)))

    def theme_sender(self, main):
        main["smtpd_sender_restrictions"] = ", ".join(self.access("sender") if self.maybe(.7) else self.restriction("sender") for _ in range(self.randint(1, 3)))

    def theme_recipient(self, main):
        main["smtpd_recipient_restrictions"] = ", ".join(
            self.access("recipient") if self.maybe(.7) else self.restriction("recipient") for _ in range(self.randint(1, 3)))

    def theme_patterns(self, main):
        def value():
            mark = "p%d" % self.randint(10, 99)
            return self.choice(["REJECT " + mark, "450 4.7.1 " + mark, "DUNNO", "OK", "WARN " + mark, "PREPEND X-P: " + mark])
        about = self.choice(world.LISTS)
        main[f"smtpd_{about}_restrictions"] = ", ".join(
            self.choice(world.ACCESS[about]) + " " + self.table(about, value) for _ in range(self.randint(1, 3)))

    def theme_server(self, main):
        for about in self.sample(world.LISTS, self.randint(1, 3)):
            main[f"smtpd_{about}_restrictions"] = ", ".join(self.server(about) for _ in range(self.randint(1, 2)))

    def theme_rbl(self, main):
        for about in self.sample(world.LISTS, self.randint(1, 3)):
            main[f"smtpd_{about}_restrictions"] = ", ".join(("warn_if_reject " if self.maybe(.1) else "") + self.rbl() for _ in range(self.randint(1, 3)))

    def theme_rblreply(self, main):
        self.theme_rbl(main)
        texts = ["$rbl_code 4.7.1 ${rbl_class}", "$rbl_code $rbl_domain says ${rbl_reason?$rbl_reason}", "554 $rbl_txt", "bad $rbl_domain",
                 "$rbl_code 5.7.8 $rbl_what ($client_name/$client_address) $helo_name $sender $recipient", "$client $client_name $reverse_client_name",
                 "450 ${rbl_reason:none} $recipient_name@$recipient_domain $sender_name@$sender_domain"]
        if self.maybe(.6):
            main["default_rbl_reply"] = self.choice(texts)
        if self.maybe(.7):
            rows = self.sample(["rbl.test", "rhs.test", ".test", "test", "rbl.test=127.0.0.2", "wl.test", "RBL.test=127.0.0.[1..9]"], 3)
            self.tables["replies"] = {"type": "texthash", "text": "".join(
                f"{r} {self.choice(texts + ['$rbl_code $nosuch x'])}\n" for r in rows)}
            main["rbl_reply_maps"] = "texthash:/tables/replies"

    def theme_unknown(self, main):
        for about in self.sample(world.LISTS, self.randint(1, 4)):
            main[f"smtpd_{about}_restrictions"] = ", ".join(
                ("warn_if_reject " if self.maybe(.15) else "") + r for r in self.some([x for x in world.SIMPLE[about] if "unknown" in x or "non_fqdn" in x], 2))

    def theme_relay(self, main):
        main["smtpd_relay_restrictions"] = self.choice(world.RELAY)
        main["smtpd_recipient_restrictions"] = ", ".join(
            self.choice(world.SIMPLE["recipient"]) if self.maybe(.5) else self.access("recipient") for _ in range(self.randint(1, 3)))

    def theme_login(self, main):
        self.tables["logins"] = {"type": "texthash", "text": "user@ok.example joe\nbob@local.example joe, ann@local.example\nbob Bob\n@local.example ann\n"}
        self.tables["loginp"] = {"type": "pcre", "text": "/^(.*)@local\\.example$/ $1\n/ok/ JOE\n"}
        if self.maybe(.9):
            main["smtpd_sender_login_maps"] = self.choice(["texthash:/tables/logins", "pcre:/tables/loginp", "inline:{user@ok.example=joe}, pcre:/tables/loginp"])
        if self.maybe(.08):
            main["smtpd_sasl_auth_enable"] = "no"
        main["smtpd_sender_restrictions"] = ", ".join(self.some([x for x in world.SIMPLE["sender"] if "login" in x], 2))
        if self.maybe(.5):
            main["smtpd_client_restrictions"] = self.choice(["permit_sasl_authenticated", "check_sasl_access " + self.table("sasl")])

    def theme_deferif(self, main):
        pieces = ["defer_if_permit", "defer_if_reject", "check_client_access static:{DEFER_IF_PERMIT c}", "check_recipient_access static:{DEFER_IF_PERMIT 5.5.5 r}",
                  "check_sender_access static:{DEFER_IF_REJECT 4.5.6 s}", "reject_unknown_helo_hostname", "reject_unknown_sender_domain", "defer", "reject",
                  "permit", "reject_unauth_destination", "warn_if_reject defer_if_permit", "check_helo_access static:{DEFER_IF_REJECT}", "permit_dnswl_client wl.test",
                  "reject_unlisted_recipient", "permit_rhswl_client rwl.test", "reject_rbl_client rbl.test"]
        for about in self.sample([*world.LISTS, "relay"], self.randint(2, 5)):
            main[f"smtpd_{about}_restrictions"] = ", ".join(self.some(pieces, 3))
        if "smtpd_relay_restrictions" in main:
            main["smtpd_relay_restrictions"] += ", reject_unauth_destination"

    def theme_classes(self, main):
        for about in self.sample(world.LISTS, self.randint(1, 3)):
            main[f"smtpd_{about}_restrictions"] = ", ".join(
                self.choice(self.classes) if self.maybe(.4) else self.access(about) for _ in range(self.randint(1, 3)))
        if self.maybe(.1):
            main[self.classes[0]] = self.classes[-1]        # in a circle

    def theme_nodelay(self, main):
        main["smtpd_delay_reject"] = "no"
        for about in self.sample(world.LISTS, self.randint(1, 4)):
            self.one_list(main, about)

    def theme_actions(self, main):
        effects = [p for p in world.PLAIN if p.split(" ")[0] in ("HOLD", "DISCARD", "FILTER", "REDIRECT", "BCC", "PREPEND", "INFO", "WARN")]
        for about in self.sample([*world.LISTS, "data", "end_of_data"], self.randint(1, 4)):
            restrictions = []
            for _ in range(self.randint(1, 4)):
                who = self.choice(["client", "sender", "recipient"] if about in ("data", "end_of_data") else world.LISTS)
                restrictions.append(self.choice(world.ACCESS[who]) + " " + ("static:{%s}" % self.choice(effects) if self.maybe(.7) else
                                                                      self.table(who, lambda: self.choice(effects))))
            main[f"smtpd_{about}_restrictions"] = ", ".join(restrictions)

    def theme_codes(self, main):
        for about in self.sample(world.LISTS, self.randint(1, 3)):
            self.one_list(main, about)

    def theme_datastage(self, main):
        for about in self.sample(["data", "end_of_data", "data", "sender"], 2):
            main[f"smtpd_{about}_restrictions"] = self.list("any", 3)
        if self.maybe(.4):
            main["smtpd_data_restrictions"] = "reject_multi_recipient_bounce, " + self.list("any", 1)

    def theme_warn(self, main):
        for about in self.sample([*world.LISTS, "data"], self.randint(1, 4)):
            main[f"smtpd_{about}_restrictions"] = self.list(about if about != "data" else "any", 3, warn=.6)

    def theme_mix(self, main):
        for about in self.sample([*world.LISTS, "data", "end_of_data"], self.randint(1, 5)):
            main[f"smtpd_{about}_restrictions"] = self.list(about if about in world.LISTS else "any", 4)

    def theme_mxbackup(self, main):
        main["smtpd_relay_restrictions"] = self.choice(["permit_mx_backup, reject_unauth_destination", "permit_mynetworks, permit_mx_backup, reject"])
        if self.maybe(.5):
            main["smtpd_recipient_restrictions"] = self.list("recipient", 2)

    def theme_strict(self, main):
        main["strict_rfc821_envelopes"] = self.choice(["yes", "yes", "no"])
        for about in self.sample(world.LISTS, self.randint(1, 2)):
            self.one_list(main, about)

    def theme_policy(self, main):
        for about in self.sample([*world.LISTS, "data", "end_of_data"], self.randint(1, 2)):
            main[f"smtpd_{about}_restrictions"] = ", ".join(filter(None, [
                self.choice(["", self.restriction("any")]), self.choice(["", "", "warn_if_reject "]) + "check_policy_service " + self.choice(
                    ["@POLICY@", "@POLICY@", "{ @POLICY@, timeout=5s, default_action=DUNNO }", "{ inet:127.0.0.1:1, try_limit=1, default_action={WARN x} }"]),
                self.choice(["", self.restriction("any")])]))

    # --- sessions ---

    def policy(self):
        conditions = [{}, {}, {"protocol_state": "RCPT"}, {"recipient": "ann@local.example"}, {"sender": "user@ok.example"}, {"client_name": "unknown"},
                      {"protocol_state": "DATA"}, {"recipient_count": "1"}, {"sasl_username": "joe"}, {"helo_name": "ok.example"},
                      {"reverse_client_name": "dyn8.isp.example"}, {"protocol_name": "SMTP"}, {"size": "0"}, {"protocol_state": "END-OF-MESSAGE"},
                      {"server_address": "::1"}, {"policy_context": ""}, {"recipient": "bob"}]
        return [{"if": self.choice(conditions), "action": self.choice(world.POLICY_ACTIONS)} for _ in range(self.randint(1, 3))]

    def client(self, direct):
        address, name, reverse = (*self.choice(world.CLIENTS), None)[:3]
        reverse = reverse or name
        if self.theme == "unknown" and not direct and self.maybe(.4):
            name = self.choice([world.GONE, world.LATER])
        helo = self.choice(world.HELOS) if self.maybe(.6 if self.theme in ("helo", "unknown") else .25) else self.choice(world.HELOS[:3])
        if direct and helo == "localhost":
            # Clients that are called so are in this group's DNS, and filterd remembers.
            helo = "foo"
        login = self.choice(["joe", "JOE", "bob", "ann@local.example"]) if self.maybe(.7 if self.theme == "login" else .04) and not direct else None
        return {"addr": address, "name": name, "reverse_name": reverse, "helo": None if self.maybe(.04) else helo,
                "proto": "ESMTP" if self.maybe(.8) else "SMTP", "login": login}

    def session(self):
        direct = self.theme == "nodelay"
        sender = self.choice(world.SENDERS) if self.maybe(.6) else self.choice(["user", "u", "x"]) + "@" + self.choice(world.SENDER_DOMAINS)
        if self.maybe(.3):
            sender = "user@ok.example"
        odd = .6 if self.theme in ("recipient", "relay", "mxbackup", "unknown") else .25
        case = {"client": self.client(direct), "sender": sender,
                "recipients": [self.choice(world.ODD_RECIPIENTS if self.maybe(odd) else world.RECIPIENTS) for _ in range(self.choice([1, 1, 2, 2, 3, 4]))]}
        if direct:
            case["connect_mode"] = "direct"
        if self.theme == "strict" and self.maybe(.5):
            case["envelope_style"] = self.choice(["bare", "comment", "space"])
        if self.theme == "policy":
            case["policy"] = self.policy()
        return case


def groups(seed, groups, cases):
    dns = world.dns_data()
    draw = Draw(seed)
    first = draw.randrange(len(world.THEMES))
    for g in range(groups):
        theme = world.THEMES[(first + g) % len(world.THEMES)]
        main, tables = draw.configuration(theme)
        yield [dict(draw.session(), id=f"{seed}-{g}-{n}", group=f"{seed}-{g}", kind="restrictions", tags=[theme], main_cf=main, tables=tables, dns=dns)
               for n in range(cases)]
