"""LiteLLM, called so that nothing of one session is kept for another.

The name is not `litellm`, because a folder `adapters` on a path must never shadow the package itself.
"""

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, Protocol, cast

from adapters.chat_shape import IDENTITY
from adapters.replies import CallIds, normalise_chunk, normalise_reply
from firewall.core.errors import ConfigError, MisuseError, PartywallError, ServiceUnavailable

# Read while LiteLLM is imported: without it the import fetches a price list from the network.
os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")

import litellm

# LiteLLM's own annotations are incomplete, and it loads most of its names on first use.
_lib: Any = litellm
_acompletion: Callable[..., Awaitable[object]] = _lib.acompletion
_supported: Callable[..., list[str] | None] = _lib.get_supported_openai_params

# One cache and one list of callbacks serve the whole process. The cache's key is the prompt: an answer made
# from one tenant's data comes back for another's equal question; a callback sees every tenant's text.
_CACHES = ("cache", "enable_caching_on_provider_specific_optional_params")
_CALLBACKS = (
    *("callbacks", "input_callback", "success_callback", "failure_callback", "service_callback"),
    *("_async_input_callback", "_async_success_callback", "_async_failure_callback"),
    *("pre_call_rules", "post_call_rules", "model_fallbacks"),
)
_TALKATIVE = ("set_verbose", "log_raw_request_response", "store_audit_logs")
_LOGGERS = ("LiteLLM", "LiteLLM Router", "LiteLLM Proxy")

# What a call may say besides the covered fields of a chat completion: who asks, by values the wall derived.
_REFUSED = frozenset(
    {
        *(
            "cache",
            "caching",
            "mock_response",
            "mock_tool_calls",
            "fallbacks",
            "context_window_fallback_dict",
        ),
        *("callbacks", "success_callback", "failure_callback", "logger_fn", "input_callback", "guardrails"),
        *(
            "extra_body",
            "extra_headers",
            "headers",
            "client",
            "model_list",
            "shared_session",
            "litellm_logging_obj",
        ),
    }
)


class Handler(Protocol):
    """A model of your own, in the form in which LiteLLM calls one (its `CustomLLM` has it too)."""

    async def acompletion(self, *args: Any, **kwargs: Any) -> object:
        """Give a `ModelResponse`; an empty one comes as `model_response`."""
        ...

    def astreaming(self, *args: Any, **kwargs: Any) -> AsyncIterator[object]:
        """Give LiteLLM's generic streaming chunks."""
        ...


class LiteLLMModel:
    """A model that LiteLLM reaches: a `Completion` without memory.

    Args:
        timeout_s: Longest wait for an answer, or for the next chunk of one.
    """

    def __init__(self, *, timeout_s: float = 120.0) -> None:
        self._timeout_s = timeout_s
        quieten()

    async def complete(self, request: Mapping[str, object]) -> Mapping[str, object]:
        """Give the whole answer in the shape of `replies.normalise_reply`.

        Args:
            request: A rebuilt chat request. `user`, `prompt_cache_key`, `safety_identifier` and `cache_salt`
                are the wall's own values for this session; the providers that know them get them.

        Raises:
            ServiceUnavailable: The model did not answer.
            ConfigError: A process-wide cache or a foreign callback is installed.
            Unreadable: The answer holds something that is not covered.
        """
        arguments = _arguments(request)
        answer = await _guarded(
            _acompletion(**arguments, stream=False, timeout=self._timeout_s), self._timeout_s
        )
        return normalise_reply(_dumped(answer), model=_model(request), ids=CallIds.of(request))

    async def stream(self, request: Mapping[str, object]) -> AsyncIterator[Mapping[str, object]]:
        """Give the answer in the shape of `replies.normalise_chunk`; raises what `complete` raises."""
        arguments = _arguments(request)
        ids = CallIds.of(request)
        answer = await _guarded(
            _acompletion(**arguments, stream=True, timeout=self._timeout_s), self._timeout_s
        )
        chunks = cast("AsyncIterator[object]", answer)
        try:
            while (chunk := await _guarded(anext(chunks, None), self._timeout_s)) is not None:
                yield normalise_chunk(_dumped(chunk), model=_model(request), ids=ids)
        finally:
            close = cast("Callable[[], Awaitable[None]] | None", getattr(answer, "aclose", None))
            if close is not None:
                await close()


def check_globals() -> None:
    """Refuse to call a model while LiteLLM keeps or passes on what it is told.

    Raises:
        ConfigError: A cache, a foreign callback, a rule, a fallback or verbose logging is installed.
    """
    for name in (*_CACHES, *_CALLBACKS, *_TALKATIVE):
        if getattr(litellm, name, None):
            raise ConfigError(
                f"litellm.{name} is set: it is shared by all tenants of this process. Unset it; "
                "partywall records and caches per session by itself"
            )


def quieten() -> None:
    """Keep what is said to a model out of LiteLLM's logs and terminal output; twice is as good as once."""
    litellm.suppress_debug_info = True
    litellm.turn_off_message_logging = True
    for name in _LOGGERS:
        logger = logging.getLogger(name)
        if _wordless not in logger.filters:
            logger.addFilter(_wordless)


def _wordless(record: logging.LogRecord) -> bool:
    """Let warnings pass as a place in LiteLLM's source: their texts and tracebacks quote prompts."""
    record.msg, record.args = "litellm warned at %s:%d", (record.filename, record.lineno)
    record.exc_info = record.exc_text = record.stack_info = None
    return record.levelno >= logging.WARNING


def register(name: str, handler: Handler) -> None:
    """Let LiteLLM answer `NAME/anything` by this handler; a handler of that name is replaced.

    Raises:
        MisuseError: LiteLLM itself knows a provider of that name.
    """
    ours = {item["provider"] for item in _lib.custom_provider_map}
    if name in {getattr(one, "value", one) for one in _lib.provider_list} - ours:
        raise MisuseError(f"litellm already has a provider named {name}; choose another name")
    unregister(name)
    _lib.custom_provider_map = [
        *litellm.custom_provider_map,
        {"provider": name, "custom_handler": handler},
    ]


def unregister(name: str) -> None:
    """Take a registered handler away; one that is not there is no error."""
    _lib.custom_provider_map = [one for one in _lib.custom_provider_map if one["provider"] != name]
    for names in (_lib.provider_list, _lib._custom_providers):
        if name in names:
            names.remove(name)


def _model(request: Mapping[str, object]) -> str:
    model = request.get("model")
    if not isinstance(model, str) or not model:
        raise MisuseError("the request names no model")
    return model


def _arguments(request: Mapping[str, object]) -> dict[str, object]:
    check_globals()
    refused = _REFUSED & request.keys()
    if refused:
        raise MisuseError(f"a guarded call does not take {', '.join(sorted(refused))}")
    model = _model(request)
    # A provider that does not know one of these would refuse the whole call.
    unknown = (IDENTITY | {"cache_salt"}) - set(_supported(model=model) or ())
    arguments = {key: value for key, value in request.items() if key not in unknown | {"stream", "timeout"}}
    if "cache_salt" in request and model.startswith(("hosted_vllm/", "vllm/")):
        arguments["extra_body"] = {"cache_salt": request["cache_salt"]}
    return arguments


def _dumped(answer: object) -> Mapping[str, object]:
    dump = cast("Callable[[], Mapping[str, object]] | None", getattr(answer, "model_dump", None))
    if dump is None:
        raise ServiceUnavailable("the model's client gave something that is no completion")
    return dump()


async def _guarded(answer: Awaitable[object], timeout_s: float) -> object:
    """Await the provider; its errors quote requests, so only their class is told, with no error chained."""
    failure = ""
    try:
        async with asyncio.timeout(timeout_s):
            return await answer
    except PartywallError:
        raise
    except Exception as error:  # noqa: BLE001 - every provider has errors of its own, and all mean the same here
        failure = type(error).__name__
    raise ServiceUnavailable(f"the model did not answer ({failure}); nothing was kept")
