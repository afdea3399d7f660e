"""Policies: the files of rules, for everybody, for a conversation and for a job."""

from typing import Self

from pydantic import Field, model_validator

from partywall.settings.section import Section


class PolicyFiles(Section):
    """Files of Cedar policies that make one scope together."""

    files: tuple[str, ...] = ()


class PlacePolicy(PolicyFiles):
    """Policies for what is answered in one conversation, its threads included."""

    channel: str = Field(min_length=1)
    realm: str = Field(min_length=1)
    id: str = Field(min_length=1)

    @property
    def place(self) -> tuple[str, str, str]:
        """What names the conversation."""
        return (self.channel, self.realm, self.id)


class TaskPolicy(PolicyFiles):
    """Policies for the runs of one job."""

    job: str = Field(min_length=1)


class Ruled(PolicyFiles):
    """Policies for every turn, and for the turns of single conversations and jobs."""

    conversations: tuple[PlacePolicy, ...] = Field(default=(), alias="conversation")
    tasks: tuple[TaskPolicy, ...] = Field(default=(), alias="task")

    @model_validator(mode="after")
    def _once(self) -> Self:
        places, jobs = [each.place for each in self.conversations], [each.job for each in self.tasks]
        if len({*places}) < len(places) or len({*jobs}) < len(jobs):
            raise ValueError("a conversation or a job stands twice; name all its files in one place")
        return self
