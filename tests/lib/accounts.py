"""What an MTA of a test needs to know who logs in, and to speak TLS.

    with Accounts({"joe": "secret"}, directory) as a:
        Postfix(main=a.postfix, files=a.postfix_files)
        Sendmail(hop, more=a.sendmail, sasl=a.sasl)

A saslauthd of our own behind Cyrus SASL, and a certificate that nobody has signed but itself.
"""
import os
import socket
import struct
import subprocess
import threading


def missing():
    for name in ("libplain.so", "liblogin.so"):
        if not any(os.path.exists(f"/usr/lib/{arch}/sasl2/{name}")
                   for arch in os.listdir("/usr/lib")):
            return "libsasl2-modules is not installed"
    return None


def certificate(directory, name, subject):
    """A key and a certificate of its own making, in one file that only we may read; its path."""
    path = os.path.join(directory, name + ".pem")
    key = os.path.join(directory, name + ".key")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30", "-subj", subject,
                    "-keyout", key, "-out", path], check=True, capture_output=True)
    with open(key) as k, open(path, "a") as both:
        both.write(k.read())
    for file in (key, path):
        os.chmod(file, 0o600)
    return path


class Accounts:
    def __init__(self, passwords, directory):
        self.passwords, self.directory = dict(passwords), directory
        self.listener = None

    def __enter__(self):
        mux = os.path.join(self.directory, "mux")
        self.sasl = f"pwcheck_method: saslauthd\nsaslauthd_path: {mux}\nmech_list: PLAIN LOGIN\n"
        # Debian's Postfix looks below its configuration directory.
        self.postfix_files = {"sasl/smtpd.conf": self.sasl}
        self.cert = certificate(self.directory, "server", "/CN=mx.example.test/O=Server")
        self.client_cert = certificate(self.directory, "client", "/CN=client.example/O=Client")
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(mux)
        os.chmod(mux, 0o777)
        self.listener.listen(16)
        threading.Thread(target=self._serve, args=(self.listener,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def _serve(self, listener):
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            with sock:
                stream = sock.makefile("rb")
                user, password, _, _ = (stream.read(struct.unpack(">H", stream.read(2))[0])
                                        for _ in range(4))
                good = self.passwords.get(user.decode().split("@")[0]) == password.decode()
                answer = b"OK" if good else b"NO"
                sock.sendall(struct.pack(">H", len(answer)) + answer)

    @property
    def postfix(self):
        return {"smtpd_sasl_auth_enable": "yes", "smtpd_sasl_type": "cyrus", "smtpd_sasl_path": "smtpd",
                "smtpd_tls_security_level": "may",
                "smtpd_tls_cert_file": self.cert, "smtpd_tls_key_file": self.cert,
                "smtpd_tls_CAfile": self.directory + "/client.pem", "smtpd_tls_ask_ccert": "yes",
                "smtpd_tls_session_cache_database": "", "smtpd_sasl_security_options": "noanonymous"}

    @property
    def sendmail(self):
        """As Sendmail's `more` has it."""
        return (f"define(`confAUTH_MECHANISMS', `PLAIN LOGIN')dnl\n"
                f"TRUST_AUTH_MECH(`PLAIN LOGIN')dnl\n"
                f"define(`confSERVER_CERT', `{self.cert}')dnl\n"
                f"define(`confSERVER_KEY', `{self.cert}')dnl\n"
                f"define(`confCACERT', `{self.directory}/client.pem')dnl\n"
                f"define(`confCACERT_PATH', `{self.directory}')dnl\n")
