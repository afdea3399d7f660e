"""The address of a PostgreSQL database, and what may be shown of it."""

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from firewall.core.errors import ConfigError, IntegrityError

SCHEMA = "partywall"
_SCHEMES = ("postgresql://", "postgres://")
# It becomes an identifier in statements, so it is checked like any input.
_SCHEMA = re.compile(r"[a-z_][a-z0-9_]{0,62}")
_HOLDER = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where the tables stand.

    Attributes:
        dsn: All of it, as the driver takes it; it may hold a password.
        hosts: The same for each host by itself, in their order; at least one.
        schema: The schema in that database which is the wall's alone.
        shown: Host, port, database and schema: what operators and logs may see.
    """

    dsn: str
    hosts: tuple[str, ...]
    schema: str
    shown: str

    def __repr__(self) -> str:
        return f"Address({self.shown!r})"

    @property
    def writing(self) -> str:
        """The statement that waits for the one lock under which this schema is written."""
        return f"SELECT pg_advisory_xact_lock({self.lock_of('')})"

    def lock_of(self, holder: str) -> str:
        """Give the expression for the number of a lock: of a holder's mark, or of writing if it is empty.

        Raises:
            IntegrityError: The holder is none of ours.
        """
        if holder and not _HOLDER.fullmatch(holder):
            raise IntegrityError("this is no name of a process")
        return f"hashtextextended('partywall/{self.schema}/{holder}', 0)"

    @classmethod
    def of(cls, url: str) -> "Address":
        """Read a URL; `?schema=` names another schema than `partywall`.

        Raises:
            ConfigError: It has no form of a URL, or the schema's name is none.
        """
        try:
            parts = urlsplit(url)
            query = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
        except ValueError:
            parts, query = None, []
        if parts is None or not is_server(url):
            raise ConfigError(
                "store.path is no URL of a database; write postgresql://user@host:5432/database"
            )
        schema = dict(query).get("schema", SCHEMA)
        if not _SCHEMA.fullmatch(schema):
            raise ConfigError("the schema in store.path is named by a-z, 0-9 and _, at most 63 of them")
        rest = urlencode([(name, value) for name, value in query if name != "schema"])
        parts = parts._replace(query=rest)
        user, at, hosts = parts.netloc.rpartition("@")
        return cls(
            dsn=urlunsplit(parts),
            hosts=tuple(urlunsplit(parts._replace(netloc=f"{user}{at}{host}")) for host in hosts.split(",")),
            schema=schema,
            shown=f"{hosts or 'the local server'}{parts.path}, schema {schema}",
        )


def is_server(where: str) -> bool:
    """True if this names a database server and no file."""
    return where.startswith(_SCHEMES)


def has_password(url: str) -> bool:
    """True if a password stands in the URL, where everybody who reads the file sees it."""
    if not is_server(url):
        return False
    user = url.partition("://")[2].partition("/")[0].rpartition("@")[0]
    return ":" in user or re.search(r"[?&]password=", url) is not None
