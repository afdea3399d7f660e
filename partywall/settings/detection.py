"""What is looked for, and by which rules."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from firewall.core.budget import Allowance
from firewall.detect.links.hosts import listable
from partywall.settings.section import Section

# Whether a provider sees the sender's own values or placeholders for them.
Own = Literal["keep", "substitute"]


class Enhancer(Section):
    """How context words count: the settings of Presidio's `LemmaContextAwareEnhancer`, by its own names."""

    context_similarity_factor: float = Field(default=0.35, ge=0, le=1)
    min_score_with_context_similarity: float = Field(default=0.4, ge=0, le=1)
    context_prefix_count: int = Field(default=5, ge=0, le=100)
    context_suffix_count: int = Field(default=0, ge=0, le=100)
    context_matching_mode: Literal["substring", "whole_word"] = "substring"


class Pii(Section):
    """Personal data: by which rules, which entities, how sure, in which languages, with what else."""

    rules: Literal["standard", "presidio"] = "standard"
    entities: tuple[str, ...] | None = None
    threshold: float = Field(default=0.35, ge=0, le=1)
    languages: tuple[str, ...] = ("en",)
    nlp: Mapping[str, Any] | None = None
    allow: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()
    recognizers: str | None = None
    context: Mapping[str, tuple[str, ...]] = {}
    enhancer: Enhancer = Enhancer()
    own: Own = "keep"


class TenantPii(Section):
    """What one tenant wants otherwise for its senders' own data, and the people it names."""

    own: Own | None = None
    names: tuple[str, ...] = ()
    names_file: str | None = None


class Oracle(Section):
    """How often the excerpt index may show a principal that it knew a text, before they are held."""

    findings: int = Field(default=10, ge=1, le=1_000)
    window_s: float = Field(default=86_400.0, gt=0, le=2_592_000)
    hold_s: float = Field(default=86_400.0, gt=0, le=2_592_000)

    @property
    def allowance(self) -> Allowance:
        """The same for a layer; nothing is counted in less than a millisecond."""
        window_ms, hold_ms = (max(1, round(each * 1000)) for each in (self.window_s, self.hold_s))
        return Allowance(findings=self.findings, window_ms=window_ms, hold_ms=hold_ms)


class Secrets(Section):
    """Secrets: files of rules beside the shipped ones."""

    rules: tuple[str, ...] = ()


class LinkHosts(Section):
    """Hosts that links may lead to: a name, `.name` for what is below it, or `*` for all."""

    hosts: tuple[str, ...] = ()

    @field_validator("hosts")
    @classmethod
    def _hosts(cls, hosts: tuple[str, ...]) -> tuple[str, ...]:
        if not all(map(listable, hosts)):
            raise ValueError("a host is a name in small ASCII letters, `.name` for all below it, or `*`")
        return hosts


class Links(LinkHosts):
    """Where links may lead in everybody's turns, and whether what tools gave may be repeated."""

    given_by_tools: bool = True


class Injections(Section):
    """Text that wants to command the assistant: whether that is recorded or refused, and who looks for it."""

    mode: Literal["off", "shadow", "enforce"] = "shadow"
    threshold: float = Field(default=0.5, gt=0, le=1)
    classifier: str | None = None
    model: str | None = None
    model_kind: Literal["prompt_guard", "llama_guard"] = "prompt_guard"
    runtime: Literal["onnx", "transformers"] = "onnx"

    @model_validator(mode="after")
    def _of_a_model(self) -> "Injections":
        if self.model is None and self.model_fields_set & {"model_kind", "runtime"}:
            raise ValueError(
                "model_kind and runtime do nothing without model; name its folder, or remove them"
            )
        return self


class PublicText(Section):
    """Excerpts of other people's texts: files of text that is nobody's."""

    public: tuple[str, ...] = ()
