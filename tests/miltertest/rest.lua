-- What is left: unknown commands, families of addresses, bodies of any kind, steps that are left out.
dofile(HERE .. "/common.lua")

conn = open()
sent(conn, mt.conninfo(conn, "unspec.example", "unspec"), SMFIR_CONTINUE, "unspec")
sent(conn, mt.helo(conn, "client.example"), SMFIR_CONTINUE, "helo")
sent(conn, mt.unknown(conn, "FOO bar"), SMFIR_CONTINUE, "unknown")
message(conn)
sent(conn, mt.unknown(conn, "NOOP?"), SMFIR_CONTINUE, "unknown")
sent(conn, mt.data(conn), SMFIR_CONTINUE, "data")
sent(conn, mt.header(conn, "From", "a@example.test"), SMFIR_CONTINUE, "header")
sent(conn, mt.header(conn, "X-Folded", "a\n\tb\n c"), SMFIR_CONTINUE, "folded header")
sent(conn, mt.header(conn, "X-Empty", ""), SMFIR_CONTINUE, "empty header")
sent(conn, mt.eoh(conn), SMFIR_CONTINUE, "eoh")
sent(conn, mt.bodyrandom(conn, 200000), SMFIR_CONTINUE, "random body")
sent(conn, mt.bodyfile(conn, HERE .. "/rest.lua"), SMFIR_CONTINUE, "a file as body")
sent(conn, mt.eom(conn), SMFIR_CONTINUE, "eom")
-- A message without header, and one without body; and a session of IPv6.
message(conn)
content(conn, {}, "body\r\n")
message(conn)
sent(conn, mt.data(conn), SMFIR_CONTINUE, "data")
sent(conn, mt.header(conn, "From", "a@example.test"), SMFIR_CONTINUE, "header")
sent(conn, mt.eoh(conn), SMFIR_CONTINUE, "eoh")
sent(conn, mt.eom(conn), SMFIR_CONTINUE, "eom without a body")
mt.disconnect(conn)

conn = open()
sent(conn, mt.conninfo(conn, "six.example", "2001:db8::1"), SMFIR_CONTINUE, "IPv6")
sent(conn, mt.helo(conn, "client.example"), SMFIR_CONTINUE, "helo")
message(conn, "<>")
content(conn, plain, "body\r\n")
mt.disconnect(conn)

-- miltertest makes up what is left out; here all but the end.
conn = mt.connect(SOCKET)
is(mt.eom(conn) == nil, "all is made up")
is(mt.getreply(conn) == SMFIR_CONTINUE, "and taken")
mt.disconnect(conn)

-- Nothing at all.
conn = mt.connect(SOCKET)
mt.disconnect(conn, false)
