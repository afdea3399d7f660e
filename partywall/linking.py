"""The layers that watch what leads outside: links in what is shown, and tools that reach there."""

from firewall.core.ids import TenantId
from firewall.core.ports import Detector
from firewall.detect.keys import Keys
from firewall.detect.links.given import Given
from firewall.detect.links.hosts import HostList
from firewall.layers.egress import Egress
from firewall.layers.links import Links
from firewall.layers.tool_denial import dangerous
from partywall.config import Config, Profile


def linking(config: Config, detector: Detector) -> tuple[Links, Egress]:
    """Make both, of one view of what turns were given."""
    shadow = config.profile is Profile.OBSERVE
    tools = config.profile is not Profile.STRICT and config.links.given_by_tools
    given = Given(tools=tools, phrases=config.prompts)
    links = Links(
        hosts=HostList(names=config.links.hosts),
        tenants={TenantId(each.id): HostList(names=each.links.hosts) for each in config.tenants},
        given=given,
        shadow=shadow,
    )
    egress = Egress(
        detector=detector,
        keys=Keys(detector),
        given=given,
        word=dangerous,
        carry={TenantId(each.id): each.tools.carry for each in config.tenants},
        phrases=config.prompts,
        shadow=shadow,
    )
    return links, egress
