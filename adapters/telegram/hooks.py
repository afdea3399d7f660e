"""The hooks of the wall in a `telegram.ext.Application` of python-telegram-bot.

From Python 3.13 on, the library's objects take no attributes of their own. So each hooked object is made an
instance of a class derived from its own, without slots, and becomes what it was when the class is put back.
"""

import asyncio
import contextvars
import inspect
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from typing import Any, TypeAlias, cast

from adapters.doors import Door, Row
from adapters.telegram.acts import Call
from adapters.telegram.deliveries import Deliveries, Payload
from adapters.telegram.library import Application, BaseRequest, Fetched, Forbidden, RequestData
from adapters.telegram.outgoing import Answer, Outgoing, Proof, is_file
from adapters.telegram.places import Places
from adapters.telegram.swap import Swap
from firewall.core.errors import PartywallError, UnsupportedApp
from firewall.core.identity import Conversation

AnyApplication: TypeAlias = Application[Any, Any, Any, Any, Any, Any]


def counts(started: Coroutine[Any, Any, object]) -> bool:
    """Say whether a turn lasts as long as what was started in it: not for jobs, which are nobody's answer."""
    return not getattr(started, "__qualname__", "").startswith(("run_coroutine_job", "Job."))


def install(app: object, door: Door) -> "TelegramHooks":
    """Put the wall's hooks into an application that is not started yet.

    Raises:
        UnsupportedApp: A choke point is gone, or something stands before it.
    """
    if not isinstance(app, Application):
        raise UnsupportedApp("guard takes a telegram.ext.Application, as its builder gives it")
    # The library's class has six parameters that are told nowhere here.
    known: AnyApplication = app  # pyright: ignore[reportUnknownVariableType]
    hooks = TelegramHooks(known, door)
    hooks.install()
    return hooks


class TelegramHooks:
    """The hooks in one application."""

    def __init__(self, app: AnyApplication, door: Door) -> None:
        self._app = app
        number = str(getattr(app.bot, "token", "")).partition(":")[0]
        if not number.isdigit():
            raise UnsupportedApp("the bot's token does not begin with its id, so nobody knows whose it is")
        proof = self._proof = Proof()
        places = Places(number)
        self._outgoing = Outgoing(number, door, places, proof)
        self._deliveries = Deliveries(number, door, places, proof, self._show)
        self.swaps = self._swaps()

    def _swaps(self) -> list[Swap]:
        app = self._app
        found = [
            Swap(
                point="Application.update_processor.do_process_update",
                find=lambda: getattr(app, "_update_processor", None),
                methods=self._processor,
            ),
            Swap(point="Application.process_update", find=lambda: app, methods=self._application),
            Swap(
                point="Application.bot.request.do_request",
                find=lambda: app.bot.request,
                methods=self._request,
            ),
        ]
        if app.updater is not None:
            polling = Swap(
                point="Application.updater.start_polling",
                find=lambda: app.updater,
                methods=self._updater,
            )
            found.insert(0, polling)
        if _queue(app) is not None:
            jobs = Swap(point="Application.job_queue.job_callback", find=lambda: _queue(app), methods=_clean)
            found.insert(-1, jobs)
        if _polls(app) is not app.bot.request:
            # Whatever has this connection can send by it too.
            polled = Swap(
                point="Application.bot.get_updates_request.do_request",
                find=lambda: _polls(app),
                methods=self._request,
            )
            found.insert(-1, polled)
        return found

    def install(self) -> None:
        """Put every hook in, or none."""
        self._check()
        try:
            for swap in self.swaps:
                swap.install()
        except UnsupportedApp:
            self.uninstall()
            raise

    def _check(self) -> None:
        app = self._app
        if app.running or (app.updater is not None and app.updater.running):
            raise UnsupportedApp(
                "guard the application before it is started; it may have heard people already"
            )
        queue = _queue(app)
        if queue is not None and queue.jobs():
            raise UnsupportedApp(
                "guard the application before jobs are added to it: those would run unguarded"
            )
        for request in (app.bot.request, _polls(app)):
            _only_does(request)

    def report(self) -> Sequence[Row]:
        """Look at every choke point again."""
        return [swap.row() for swap in self.swaps]

    def uninstall(self) -> None:
        """Give every object its own class back.

        Raises:
            MisuseError: Somebody hooked one of them after the wall.
        """
        for swap in reversed(self.swaps):
            swap.uninstall()

    def _application(self, kind: type[Any]) -> Mapping[str, Any]:
        async def process_update(app: Any, update: object) -> None:  # noqa: ANN401  the library's
            await self._deliveries.take(
                update, lambda: _payload(update), lambda: kind.process_update(app, update)
            )

        async def start(app: Any) -> None:  # noqa: ANN401  the library's
            self._proof.started = True
            await kind.start(app)

        return {"process_update": process_update, "start": start}

    def _processor(self, kind: type[Any]) -> Mapping[str, Any]:
        async def do_process_update(processor: Any, update: object, coroutine: Any) -> None:  # noqa: ANN401  its
            await self._deliveries.take(
                update,
                lambda: _payload(update),
                lambda: kind.do_process_update(processor, update, coroutine),
                lambda: _left(coroutine),
            )

        return {"do_process_update": do_process_update}

    def _updater(self, kind: type[Any]) -> Mapping[str, Any]:
        async def start_polling(updater: Any, *args: Any, **kwargs: Any) -> object:  # noqa: ANN401  the library's
            # What this process asks Telegram for comes from Telegram.
            self._proof.given = True
            return await kind.start_polling(updater, *args, **kwargs)

        return {"start_polling": start_polling}

    def _request(self, kind: type[Any]) -> Mapping[str, Any]:
        async def do_request(
            request: Any,  # noqa: ANN401  the library's
            url: str,
            method: str,
            request_data: RequestData | None = None,
            *args: Any,
            **kwargs: Any,
        ) -> Answer:
            async def send(data: RequestData | None) -> Answer:
                answer: Answer = await kind.do_request(request, url, method, data, *args, **kwargs)
                return answer

            return await self._requested(url, method, request_data, send)

        return {"do_request": do_request}

    async def _requested(
        self,
        url: str,
        method: str,
        data: RequestData | None,
        send: Callable[[RequestData | None], Awaitable[Answer]],
    ) -> Answer:
        bot = self._app.bot
        if method == "GET" and data is None and is_file(url, bot.base_file_url):
            return await send(None)
        call = Call(parameters=data.parameters if data else {}, parts=data.multipart_data if data else {})

        async def passed(judged: Call) -> Answer:
            return await send(data if judged is call else _data(judged))

        base = f"{bot.base_url}/"
        named = url.removeprefix(base) if method == "POST" and url.startswith(base) else None
        try:
            return await self._outgoing.called(named, call, passed)
        except PartywallError as error:
            # The library calls any other error a broken connection, and bots try that again for ever.
            raise _twin(error) from error

    async def _show(self, place: Conversation, text: str) -> None:
        """Show a constant text by the library's own, unhooked request."""
        told = {"chat_id": place.id, "message_thread_id": place.thread, "text": text}
        bot = self._app.bot
        await self._plain(f"{bot.base_url}/sendMessage", _data(Call(parameters=told, parts={})))

    async def _plain(self, url: str, data: RequestData) -> None:
        request = self._app.bot.request
        kinds: Sequence[Any] = type(request).__mro__
        kind: Any = next(each for each in kinds if each is not self.swaps[-1].after)
        await kind.do_request(request, url, "POST", data)


def _only_does(request: object) -> None:
    kind = type(request)
    for name in ("post", "retrieve", "_request_wrapper"):
        if request is not None and getattr(kind, name, None) is not getattr(BaseRequest, name, kind):
            raise UnsupportedApp(
                f"{kind.__name__}.{name} answers before do_request; override do_request only"
            )


def _polls(app: AnyApplication) -> Any:  # noqa: ANN401  the library's request object, or None
    # No public property gives the connection that updates are asked for with.
    return next(iter(getattr(app.bot, "_request", ())), None)


def _queue(app: AnyApplication) -> Any:  # noqa: ANN401  the library's, or None
    # The public property warns where there is no queue.
    return getattr(app, "_job_queue", None)


async def job_callback(queue: Any, job: Any) -> None:  # noqa: ANN401  the library's
    """Run a job in nobody's turn: its timer carries the context of whoever added a job last."""
    kinds: Sequence[Any] = type(queue).__mro__
    kind: Any = next(each for each in kinds if vars(each).get("job_callback") is not _CLEAN)
    run = kind.job_callback(queue, job)
    await asyncio.get_running_loop().create_task(run, context=contextvars.Context())


# A function of a module and not of a class made at run time: stores of jobs keep it by its name.
_CLEAN = staticmethod(job_callback)


def _clean(_: type[Any]) -> Mapping[str, Any]:
    return {"job_callback": _CLEAN}


def _twin(error: PartywallError) -> Exception:
    """Give the same error as one of Telegram's too, so that whatever handles those handles it."""
    kind = type(type(error).__name__, (type(error), Forbidden), {})
    twin: Any = kind.__new__(kind, *error.args)
    twin.__dict__.update(vars(error))
    twin.message = str(error)
    made: Exception = twin
    return made


def _payload(update: object) -> Payload | None:
    if not isinstance(update, Fetched):
        return None
    told = update.to_dict()
    press: dict[str, object] = told.get("callback_query") or {}
    if not isinstance(press.get("data"), str):
        # With `arbitrary_callback_data` a button holds an object of the bot's own, which is no text.
        press.pop("data", None)
    return told


def _data(call: Call) -> RequestData:
    return RequestData(cast("list[Any]", call.fields()))


def _left(coroutine: object) -> None:
    """Close what was made to be awaited and will not be."""
    if inspect.iscoroutine(coroutine) and inspect.getcoroutinestate(coroutine) == inspect.CORO_CREATED:
        coroutine.close()
