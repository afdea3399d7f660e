"""A wall's own installations: each kept under the tenant that owns the workspace.

They are asked for once the bot serves, so the wall is open by then.
"""

from firewall.core.ids import TenantId
from firewall.core.installation import Installation, InstallationKey
from partywall.runtime import Runtime
from partywall.wall import Wall

_CHANNEL = "slack"


class Installed:
    """The installations of one wall, as `SlackChannel` asks for them.

    Args:
        wall: Where they are kept; opened by the first question.
    """

    def __init__(self, wall: Wall) -> None:
        self._wall = wall

    async def save(self, installation: Installation) -> bool:
        """Keep an installation; False if tenants are configured and the workspace is none of theirs."""
        runtime = await self._wall.runtime()
        tenant = _owner(runtime, installation.key)
        if tenant is None:
            return False
        await runtime.vault.installations.save(tenant, installation)
        return True

    async def find(self, key: InstallationKey) -> Installation | None:
        """Give the installation of a workspace, unless the workspace has changed its tenant since."""
        runtime = await self._wall.runtime()
        tenant = _owner(runtime, key)
        return None if tenant is None else await runtime.vault.installations.find(tenant, key)

    async def delete(self, key: InstallationKey, *, until_ms: int | None = None) -> bool:
        """Delete an installation, if it was made no later than that; False if there is none."""
        return await (await self._wall.runtime()).vault.installations.delete(key, until_ms=until_ms)

    async def issue(self, app: str) -> str:
        """Give a new state."""
        return (await self._wall.runtime()).vault.states.issue(app)

    async def consume(self, app: str, state: str) -> bool:
        """Use a state up; False if it is none, or over, or used."""
        return await (await self._wall.runtime()).vault.states.consume(app, state)


def _owner(runtime: Runtime, key: InstallationKey) -> TenantId | None:
    return runtime.turns.directory.owner(_CHANNEL, key.team)
