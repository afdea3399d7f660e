"""The names that each tenant has listed, ready to be looked for."""

from collections.abc import Mapping
from pathlib import Path

from firewall.core.errors import ConfigError
from firewall.core.ids import TenantId
from firewall.core.ports import Detector
from firewall.detect.names import Listing, distinct
from partywall.config import Config
from partywall.settings.detection import TenantPii


def naming(config: Config) -> Mapping[TenantId, Detector]:
    """Give what finds each tenant's names; a tenant that lists none is absent.

    Raises:
        ConfigError: A file of names cannot be read, or a name could be an ordinary word; none is quoted.
    """
    listed = {TenantId(each.id): _names(each.id, each.pii) for each in config.tenants}
    return {tenant: Listing(names) for tenant, names in listed.items() if names}


def _names(tenant: str, pii: TenantPii) -> list[str]:
    names = [*pii.names, *_lines(tenant, pii.names_file)]
    for number, name in enumerate(names, start=1):
        if not distinct(name):
            raise ConfigError(
                f"name {number} of tenant {tenant!r} is one short word, which would be cut out of ordinary "
                "sentences; write it with a second word"
            )
    return names


def _lines(tenant: str, file: str | None) -> list[str]:
    if file is None:
        return []
    try:
        text = Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"pii.names_file {file} of tenant {tenant!r} cannot be read") from error
    return [line.strip() for line in text.splitlines() if line.strip()]
