-- What the scripts share.  SOCKET and HERE come from tests/daemon/test_milter_lua.py.

names = {}
for _, n in ipairs({ "CONTINUE", "ACCEPT", "REJECT", "TEMPFAIL", "DISCARD", "REPLYCODE", "SKIP" }) do
	names[_G["SMFIR_" .. n]] = n
end

function fail(what)
	error(what, 3)
end

-- A connection on which everything is answered: no SMFIP_ is offered but those named.
function open(version, actions, steps)
	local conn = mt.connect(SOCKET)
	if conn == nil then
		fail("cannot connect to " .. SOCKET)
	end
	-- Its manual has these two the other way round.
	local wrong = mt.negotiate(conn, version or 6, steps or 0, actions or 511)
	if wrong ~= nil then
		fail("negotiate: " .. wrong)
	end
	return conn
end

-- A command was sent without trouble and answered so.
function sent(conn, wrong, answer, what)
	if wrong ~= nil then
		fail(what .. ": " .. wrong)
	end
	local got = mt.getreply(conn)
	if answer ~= nil and got ~= answer then
		fail(what .. ": " .. (names[got] or tostring(got)) .. ", not " .. names[answer])
	end
end

function is(true_or_not, what)
	if not true_or_not then
		fail(what)
	end
end

-- From the beginning of the session to the recipient.
function envelope(conn, sender, recipients)
	sent(conn, mt.conninfo(conn, "client.example", "192.0.2.1"), SMFIR_CONTINUE, "conninfo")
	sent(conn, mt.helo(conn, "client.example"), SMFIR_CONTINUE, "helo")
	message(conn, sender, recipients)
end

function message(conn, sender, recipients)
	sent(conn, mt.mailfrom(conn, sender or "<a@example.test>"), SMFIR_CONTINUE, "mailfrom")
	for _, r in ipairs(recipients or { "<b@example.test>" }) do
		sent(conn, mt.rcptto(conn, r), SMFIR_CONTINUE, "rcptto")
	end
end

-- Header, body and end; the answer to the end.
function content(conn, fields, body, answer)
	sent(conn, mt.data(conn), SMFIR_CONTINUE, "data")
	for _, f in ipairs(fields) do
		sent(conn, mt.header(conn, f[1], f[2]), SMFIR_CONTINUE, "header " .. f[1])
	end
	sent(conn, mt.eoh(conn), SMFIR_CONTINUE, "eoh")
	sent(conn, mt.bodystring(conn, body), nil, "body")
	sent(conn, mt.eom(conn), answer or SMFIR_CONTINUE, "eom")
end

plain = { { "From", "a@example.test" }, { "Subject", "hello" } }
