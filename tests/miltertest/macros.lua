-- Macros decide: those of a stage hold until they are told anew.
dofile(HERE .. "/common.lua")

function recipient(c, answer, what)
	sent(c, mt.rcptto(c, "<b@example.test>"), answer, what)
end

conn = open()
mt.macro(conn, SMFIC_CONNECT, "j", "mx.example.test", "{client_name}", "macro.example", "{client_addr}", "192.0.2.9",
	"{client_ptr}", "macro.example", "{client_resolve}", "OK")
sent(conn, mt.conninfo(conn, "macro.example", "192.0.2.9"), SMFIR_CONTINUE, "conninfo")
mt.macro(conn, SMFIC_HELO, "{tls_version}", "TLSv1.3", "{cipher}", "TLS_AES_256_GCM_SHA384", "{cipher_bits}", "256")
sent(conn, mt.helo(conn, "client.example"), SMFIR_CONTINUE, "helo")
sent(conn, mt.mailfrom(conn, "<stranger@example.test>"), SMFIR_CONTINUE, "mailfrom")
recipient(conn, SMFIR_REPLYCODE, "nobody has logged in")
mt.abort(conn)
mt.macro(conn, SMFIC_MAIL, "i", "4bCdEf", "{auth_type}", "PLAIN", "{auth_authen}", "ann", "{mail_addr}", "a@example.test")
sent(conn, mt.mailfrom(conn, "<a@example.test>"), SMFIR_CONTINUE, "mailfrom")
mt.macro(conn, SMFIC_RCPT, "i", "4bCdEf", "{rcpt_addr}", "b@example.test", "{rcpt_mailer}", "smtp", "{rcpt_host}", "example.test")
recipient(conn, SMFIR_CONTINUE, "ann has logged in")
content(conn, plain, "body\r\n")
-- Nothing is known of this one.
mt.macro(conn, SMFIC_MAIL, "i", "4bCdEg")
sent(conn, mt.mailfrom(conn, "<a@example.test>"), SMFIR_CONTINUE, "mailfrom")
recipient(conn, SMFIR_REPLYCODE, "the macros of the message before are gone")
mt.disconnect(conn)

-- An empty name is nobody's.
conn = open()
sent(conn, mt.conninfo(conn, "client.example", "192.0.2.1"), SMFIR_CONTINUE, "conninfo")
sent(conn, mt.helo(conn, "client.example"), SMFIR_CONTINUE, "helo")
mt.macro(conn, SMFIC_MAIL, "{auth_type}", "", "{auth_authen}", "")
sent(conn, mt.mailfrom(conn, "<a@example.test>"), SMFIR_CONTINUE, "mailfrom")
recipient(conn, SMFIR_REPLYCODE, "an empty login")
mt.disconnect(conn)
