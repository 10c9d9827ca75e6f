-- ABORT at each point, two in a row, before anything; the end of a connection at each point.
dofile(HERE .. "/common.lua")

steps = {
	function(c) return mt.conninfo(c, "client.example", "192.0.2.1") end,
	function(c) return mt.helo(c, "client.example") end,
	function(c) return mt.mailfrom(c, "<a@example.test>") end,
	function(c) return mt.rcptto(c, "<b@example.test>") end,
	function(c) return mt.data(c) end,
	function(c) return mt.header(c, "From", "a@example.test") end,
	function(c) return mt.eoh(c) end,
	function(c) return mt.bodystring(c, "body\r\n") end,
}
for n = 0, #steps do
	-- The session goes on, with the next message.
	conn = open()
	for i = 1, n do
		sent(conn, steps[i](conn), SMFIR_CONTINUE, "step " .. i)
	end
	if n >= 2 then
		sent(conn, mt.abort(conn), nil, "abort")
		sent(conn, mt.abort(conn), nil, "abort again")
		message(conn)
		content(conn, plain, "body\r\n")
	end
	mt.disconnect(conn)
	-- It ends politely, and not.
	for _, polite in ipairs({ true, false }) do
		conn = open()
		for i = 1, n do
			sent(conn, steps[i](conn), SMFIR_CONTINUE, "step " .. i)
		end
		mt.disconnect(conn, polite)
	end
end
