"""What the Postfix behind filterd makes of a recipient: its address rewriting and virtual_alias_maps.

    rewrite = Rewriter(main_cf, tables)         # of a case, see tests/parity/candidate
    rewrite('"a b"@ok.example')                 # ["a b@ok.example"]

An address comes and goes as SMTP and the queue file write it; tables of text only.
"""
import re

LEVELS = 100


def unquoted(address):
    local, at, domain = address.rpartition("@")
    if not at:
        local, domain = domain, ""
    if re.fullmatch(r'"(?:[^"\\]|\\.)*"', local, re.S):
        local = re.sub(r"\\(.)", r"\1", local[1:-1], flags=re.S)
    return local + at + domain


def rows(text):
    """A text table: {key: value}; the first row of a key counts."""
    found = {}
    for line in re.sub(r"\n[ \t]+", " ", text).split("\n"):
        key, _, value = line.strip().partition(" ")
        if key and not key.startswith("#"):
            found.setdefault(key.lower(), value.strip())
    return found


class Rewriter:
    def __init__(self, main_cf, tables):
        self.main_cf, self.tables = main_cf, tables
        self.origin = self.expand("$myorigin")
        self.local = {d.lower() for d in re.split(r"[,\s]+", self.expand("$mydestination"))} | {self.origin.lower()}
        self.delimiters = main_cf.get("recipient_delimiter", "")
        self.aliases = []
        for kind, name in re.findall(r"(\w+):/tables/(\S+?)(?:[,\s]|$)", main_cf.get("virtual_alias_maps", "")):
            if kind in ("texthash", "hash"):
                self.aliases.append(rows(tables[name]["text"]))

    def expand(self, text):
        """Parameters of main.cf in it."""
        while True:
            new = re.sub(r"\$(\w+)|\$[{(](\w+)[)}]", lambda m: self.main_cf.get(m[1] or m[2], ""), text)
            if new == text:
                return text
            text = new

    def canonical(self, address):
        """As the queue file has it."""
        if address.startswith("@") and ":" in address:          # a source route
            address = address.split(":", 1)[1]
        address = unquoted(address)
        if "@" not in address:
            site, bang, user = address.partition("!")
            if bang and self.main_cf.get("swap_bangpath") != "no":
                return f"{user}@{site}"
            user, percent, site = address.rpartition("%")
            if percent and self.main_cf.get("allow_percent_hack") != "no":
                return f"{user}@{site}"
            return f"{address}@{self.origin}"
        return address.rstrip(".") if not address.endswith("..") else address

    def find(self, address):
        local, _, domain = address.rpartition("@")
        cut = next((i for i, c in enumerate(local) if i > 0 and c in self.delimiters), None)
        keys = [(address, "")]
        if cut is not None:
            keys.append((f"{local[:cut]}@{domain}", local[cut:]))
        if domain.lower() in self.local:
            keys.append((local, ""))
            if cut is not None:
                keys.append((local[:cut], local[cut:]))
        keys.append(("@" + domain, ""))
        for key, extension in keys:
            for table in self.aliases:
                if key.lower() in table:
                    return [self.extended(a.strip(), extension) for a in table[key.lower()].split(",")]
        return None

    def extended(self, address, extension):
        """propagate_unmatched_extensions."""
        local, at, domain = address.rpartition("@")
        return f"{local}{extension}@{domain}" if at else address + extension

    def __call__(self, address, level=0, above=()):
        address = self.canonical(address)
        found = self.find(address) if level < LEVELS and address.lower() not in above else None
        if found is None:
            return [address]
        return [a for x in found for a in self(x, level + 1, (*above, address.lower()))]
