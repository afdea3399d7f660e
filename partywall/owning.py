"""Whose own values a provider sees, and whose are replaced by placeholders."""

from collections.abc import Callable

from firewall.core.errors import ConfigError
from firewall.core.ids import TenantId
from firewall.core.ports import Detector
from firewall.detect.own import OwnValues
from partywall.config import Config, Profile

SUBSTITUTE = "substitute"


def owning(config: Config, detector: Detector) -> Callable[[TenantId], OwnValues | None]:
    """Give what finds a tenant's senders' own values, or None where they are kept.

    Raises:
        ConfigError: They are to be replaced in a profile that looks for none or changes nothing.
    """
    wanted = {TenantId(each.id): each.pii.own or config.pii.own for each in config.tenants}
    if SUBSTITUTE in (config.pii.own, *wanted.values()) and config.profile in (
        Profile.LIGHT,
        Profile.OBSERVE,
    ):
        raise ConfigError(
            f'pii.own = "{SUBSTITUTE}" does nothing in the profile {config.profile.value!r}: '
            'name the profile "standard" or "strict", or keep the values'
        )
    values = OwnValues(detector)

    def own(tenant: TenantId) -> OwnValues | None:
        return values if wanted.get(tenant, config.pii.own) == SUBSTITUTE else None

    return own
