"""What several stories need: a model that says what a test has it say."""

from collections.abc import Iterator

import pytest

from adapters import litellm_model
from tests.fakes.models import Script, Scripted, Step


@pytest.fixture
def script() -> Iterator[Script]:
    """Give what makes `scripted/bot` play its steps, and the model that plays them."""

    def registered(*steps: Step) -> Scripted:
        scripted = Scripted(steps)
        litellm_model.register("scripted", scripted)
        return scripted

    yield registered
    litellm_model.unregister("scripted")
