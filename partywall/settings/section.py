"""What every section of a configuration is: closed to unknown keys, and never changed once read."""

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A section of a configuration."""

    model_config = ConfigDict(extra="forbid", frozen=True)
