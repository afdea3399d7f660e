"""Workspaces install the bot by themselves, with a browser, while it runs; each is served by its own token.

The libraries are unmodified and talk to a Slack of ours over sockets. Ada of ACME and Ada of GLOBEX have one
id, and so have their direct messages with the bot: only the workspace tells them apart.
"""

import asyncio
import json
import logging
import re
import sqlite3
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest
from yarl import URL

from adapters.slack.channel import SlackChannel
from adapters.slack.installing import COOKIE, Kept
from adapters.slack.library import BoltError, Given
from firewall.core.errors import ConfigError, MisuseError, StoreUnavailable
from firewall.core.installation import Installation, InstallationKey
from partywall.bot import AgentFunction, Bot
from partywall.config import load
from partywall.handle import TurnHandle
from partywall.installed import Installed
from partywall.serving import bot_of
from partywall.wall import Wall
from tests.fakes.commands import ran
from tests.fakes.services import ROOT
from tests.fakes.slack.delivery import SECRET as SIGNING_SECRET
from tests.fakes.slack.delivery import SignedHttp
from tests.fakes.slack.oauth import CLIENT_ID, CLIENT_SECRET, LASTS_S
from tests.fakes.slack.records import Delivery, Fault
from tests.fakes.slack.server import APP_TOKEN, FakeSlack
from tests.fakes.slack.town import settle
from tests.fakes.slack.workspace import Workspace
from tests.fakes.vaults import SteppedClock
from vault.states import LASTS_S as STATE_LASTS_S

Way = Literal["socket", "http"]
both_ways = pytest.mark.parametrize("way", ["socket", "http"])
SCOPES = ("chat:write", "im:history")
# slack_sdk makes its header by a class that the newest aiohttp will drop in its next major version.
pytestmark = pytest.mark.filterwarnings("ignore:BasicAuth is deprecated:DeprecationWarning")


class Stage:
    """A Slack with two workspaces that have installed nothing, and a browser for each visit."""

    def __init__(self, slack: FakeSlack) -> None:
        self.slack = slack
        town = settle(slack.acme, slack.globex)
        self.acme, self.globex = slack.acme, slack.globex
        self.ada, self.other = town.ada, slack.globex.people["U0ADA0001"]
        self.url = ""

    def serve(self, channel: SlackChannel, way: Way) -> None:
        self.url = f"http://127.0.0.1:{channel.port}"
        self.slack.oauth.redirect_url = f"{self.url}/slack/oauth_redirect"
        signed = SignedHttp(url=f"{self.url}/slack/events")
        self.slack.transport = signed if way == "http" else self.slack.sockets

    def browser(self) -> aiohttp.ClientSession:
        # A browser sends what is marked as secure by HTTPS only, which stands before the bot.
        jar = aiohttp.CookieJar(unsafe=True, treat_as_secure_origin=URL(self.url))
        return aiohttp.ClientSession(cookie_jar=jar)

    async def installs(self, at: Workspace, **more: str) -> tuple[int, str]:
        """Let somebody of a workspace go through all pages, and give the last one."""
        self.slack.oauth.signed_in = at
        async with self.browser() as browser, browser.get(f"{self.url}/slack/install", params=more) as page:
            return page.status, await page.text()

    async def says(self, at: Workspace, text: str) -> Delivery:
        who = self.ada if at is self.acme else self.other
        said = await at.says(who, at.dm(who), text)
        await self.taken(said)
        return said

    async def taken(self, said: Delivery) -> None:
        assert (await self.slack.records.ack(said)).status == 200

    def answers(self) -> list[tuple[str, str]]:
        return [(one.team, one.text) for one in self.slack.records.sent if one.method == "chat.postMessage"]


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with FakeSlack() as slack:
        for at in (slack.acme, slack.globex):
            slack.forgets(at)
        yield Stage(slack)


@pytest.fixture(autouse=True)
def _nothing_is_taken_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The library would take all of these where it is told nothing.
    for name in ("CLIENT_ID", "CLIENT_SECRET", "SCOPES", "USER_SCOPES", "REDIRECT_URI", "INSTALL_PATH"):
        monkeypatch.setenv(f"SLACK_{name}", f"of-the-environment-{name.lower()}")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


def settings(path: Path, **more: object) -> dict[str, object]:
    return {
        "profile": "light",
        "model": "echo/bot",
        "store": {"path": str(path / "state" / "wall.db"), "synchronous": "NORMAL"},
        "files": {"path": str(path / "files")},
        **more,
    }


async def repeats(turn: TurnHandle) -> str | None:
    return f"You said: {turn.text}"


@asynccontextmanager
async def serving(
    stage: Stage,
    path: Path,
    agent: AgentFunction = repeats,
    *,
    way: Way = "http",
    clock: SteppedClock | None = None,
    kind: type[Installed] = Installed,
    **more: Any,
) -> AsyncGenerator[Wall]:
    by: dict[str, Any] = {"signing_secret": SIGNING_SECRET} if way == "http" else {"app_token": APP_TOKEN}
    by |= {"redirect_uri": more.pop("redirect_uri", "")}
    async with Wall(load(settings(path, **more)), clock=clock) as wall:
        channel = SlackChannel(
            installations=kind(wall),
            client_id=CLIENT_ID,
            client_secret=CLIENT_SECRET,
            scopes=SCOPES,
            port=0,
            base_url=stage.slack.api,
            authorize_url=f"{stage.slack.url}/oauth/v2/authorize",
            **by,
        )
        async with Bot(wall, agent, [channel]).serving():
            stage.serve(channel, way)
            yield wall


def kept(path: Path) -> list[tuple[str, str]]:
    connection = sqlite3.connect(path / "state" / "wall.db")
    rows = connection.execute("SELECT team, tenant FROM installations ORDER BY team").fetchall()
    connection.close()
    return rows


def holds(path: Path, *secrets: str) -> bool:
    """Say whether any file of a bot holds one of these."""
    files = [one for one in path.rglob("*") if one.is_file()]
    assert len(files) > 2
    return any(secret.encode() in one.read_bytes() for one in files for secret in secrets)


# Installing


@both_ways
async def test_a_workspace_that_installs_while_the_bot_runs_is_served_at_once_by_its_own_token(
    tmp_path: Path, stage: Stage, way: Way, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "partywall")
    async with serving(stage, tmp_path, way=way):
        await stage.says(stage.acme, "Too early.")
        status, page = await stage.installs(stage.acme)
        assert (status, "Thank you!" in page) == (200, True)
        await stage.says(stage.acme, "Hello!")
        await stage.says(stage.globex, "Not yet here.")
        assert (await stage.installs(stage.globex))[0] == 200
        await stage.says(stage.globex, "Hello, too!")
    assert sorted(stage.answers()) == [
        ("T0ACME001", "You said: Hello!"),
        ("T0GLOBEX1", "You said: Hello, too!"),
    ]
    assert stage.acme.token != stage.globex.token
    assert caplog.text.count("there is no token for its workspace") == 2
    for secret in (stage.acme.token, stage.globex.token, CLIENT_SECRET, "code-of-", "Hello", "Too early"):
        assert secret not in caplog.text
        assert secret not in page
    assert not holds(tmp_path, stage.acme.token, stage.globex.token)
    assert not (tmp_path / "home").exists(), "the library kept nothing in files of its own"


async def test_slack_is_asked_for_the_configured_scopes_and_for_nothing_a_link_adds(
    tmp_path: Path, stage: Stage
) -> None:
    async with serving(stage, tmp_path):
        for at in (stage.acme, stage.globex):
            await stage.installs(at, team="T1&user_scope=admin&redirect_uri=https://evil.test", scope="admin")
    assert len(stage.slack.oauth.asked) == 2
    for asked in stage.slack.oauth.asked:
        assert {name: asked[name] for name in asked if name != "state"} == {
            "client_id": CLIENT_ID,
            "scope": "chat:write,im:history",
            "user_scope": "",
        }


async def test_the_address_to_come_back_to_may_be_named(tmp_path: Path, stage: Stage) -> None:
    # The port is not known before: a proxy's address stands in its place, and the browser is sent on by hand.
    async with serving(stage, tmp_path, redirect_uri="https://bot.test/slack/oauth_redirect?x=1"):
        for at in (stage.acme, stage.globex):
            stage.slack.oauth.signed_in = at
            async with stage.browser() as browser:
                first = await browser.get(f"{stage.url}/slack/install", allow_redirects=False)
                second = await browser.get(first.headers["Location"], allow_redirects=False)
                sent = URL(second.headers["Location"])
                assert (sent.host, sent.path) == ("bot.test", "/slack/oauth_redirect")
    assert {asked["redirect_uri"] for asked in stage.slack.oauth.asked} == {
        "https://bot.test/slack/oauth_redirect?x=1"
    }


async def test_the_cookie_is_this_hosts_own_and_no_page_is_kept(tmp_path: Path, stage: Stage) -> None:
    async with serving(stage, tmp_path), stage.browser() as browser:
        first = await browser.get(f"{stage.url}/slack/install", allow_redirects=False)
        cookie = first.headers["Set-Cookie"]
        assert first.status == 302
        assert cookie.startswith(f"{COOKIE}=")
        assert COOKIE.startswith("__Host-")
        assert {"Secure", "HttpOnly", "Path=/"} <= set(cookie.split("; "))
        assert "Domain" not in cookie
        last = await browser.get(f"{stage.url}/slack/oauth_redirect?error=access_denied")
        for page in (first, last):
            assert page.headers["Cache-Control"] == "no-store"
            assert page.headers["Referrer-Policy"] == "no-referrer"


# What is refused


async def visits(stage: Stage, browser: aiohttp.ClientSession, at: Workspace) -> str:
    """Let a browser ask for an installation and a person agree; give where it is sent then."""
    stage.slack.oauth.signed_in = at
    first = await browser.get(f"{stage.url}/slack/install", allow_redirects=False)
    second = await browser.get(first.headers["Location"], allow_redirects=False)
    return second.headers["Location"]


async def test_a_state_is_good_once(tmp_path: Path, stage: Stage) -> None:
    async with serving(stage, tmp_path), stage.browser() as browser:
        back = await visits(stage, browser, stage.acme)
        cookie = {"Cookie": f"{COOKIE}={parse_qs(urlsplit(back).query)['state'][0]}"}
        assert (await browser.get(back)).status == 200
        again = back.replace(parse_qs(urlsplit(back).query)["code"][0], "another-code")
        async with stage.browser() as same:
            replayed = await same.get(again, headers=cookie)
            assert (replayed.status, "invalid_state" in await replayed.text()) == (401, True)
        assert (await stage.installs(stage.globex))[0] == 200
    assert kept(tmp_path) == [("T0ACME001", '["slack","T0ACME001"]'), ("T0GLOBEX1", '["slack","T0GLOBEX1"]')]


async def test_a_state_is_good_for_its_own_browser_only(tmp_path: Path, stage: Stage) -> None:
    async with serving(stage, tmp_path):
        async with stage.browser() as mallory:
            # Mallory's own installation, sent to somebody as a link.
            back = await visits(stage, mallory, stage.globex)
        async with stage.browser() as nobody:
            without = await nobody.get(back)
            assert (without.status, "invalid_browser" in await without.text()) == (400, True)
        async with stage.browser() as somebody:
            await visits(stage, somebody, stage.acme)  # has a cookie, of another state
            assert (await somebody.get(back)).status == 400
    assert kept(tmp_path) == []


@pytest.mark.parametrize("state", ["x", "0" * 64, "a.1.b"])
async def test_a_state_that_the_bot_did_not_give_is_refused(tmp_path: Path, stage: Stage, state: str) -> None:
    async with serving(stage, tmp_path), stage.browser() as browser:
        back = URL(await visits(stage, browser, stage.acme)).update_query(state=state)
        async with stage.browser() as other:
            planted = await other.get(back, headers={"Cookie": f"{COOKIE}={state}"})
            assert planted.status == 401
        assert (await stage.installs(stage.globex))[0] == 200
    assert [team for team, _ in kept(tmp_path)] == ["T0GLOBEX1"]


async def test_a_state_is_over_after_ten_minutes(tmp_path: Path, stage: Stage) -> None:
    clock = SteppedClock()
    async with serving(stage, tmp_path, clock=clock), stage.browser() as browser:
        back = await visits(stage, browser, stage.acme)
        clock.at_ms += STATE_LASTS_S * 1000
        late = await browser.get(back)
        assert (late.status, "invalid_state" in await late.text()) == (401, True)
        assert (await stage.installs(stage.globex))[0] == 200
    assert [team for team, _ in kept(tmp_path)] == ["T0GLOBEX1"]


async def test_a_whole_organisation_is_refused_in_words(
    tmp_path: Path, stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(stage, tmp_path):
        stage.slack.oauth.organisation, stage.slack.oauth.enterprise = True, "E0BOTH001"
        status, page = await stage.installs(stage.acme)
        stage.slack.oauth.organisation = False
        assert (await stage.installs(stage.globex))[0] == 200
    assert (status, "install it in each workspace by itself" in page) == (403, True)
    assert stage.acme.token not in page + caplog.text
    assert [team for team, _ in kept(tmp_path)] == ["T0GLOBEX1"]


async def test_a_workspace_of_no_configured_tenant_is_refused_in_words(tmp_path: Path, stage: Stage) -> None:
    tenants = [{"id": "acme", "realms": [{"channel": "slack", "realm": "T0ACME001"}]}]
    async with serving(stage, tmp_path, tenant=tenants):
        assert (await stage.installs(stage.acme))[0] == 200
        status, page = await stage.installs(stage.globex)
    assert (status, "not one that the operator serves" in page) == (403, True)
    assert kept(tmp_path) == [("T0ACME001", "acme")]


async def test_who_declines_or_has_no_good_code_installs_nothing_and_reads_nothing_of_a_strangers(
    tmp_path: Path, stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(stage, tmp_path):
        stage.slack.oauth.signed_in = None
        async with stage.browser() as browser, browser.get(f"{stage.url}/slack/install") as page:
            assert "access_denied" in await page.text()
        for at, instead in ((stage.acme, {"code": "guessed-code"}), (stage.globex, {"code": ""})):
            async with stage.browser() as browser:
                page = await browser.get(URL(await visits(stage, browser, at)).update_query(instead))
                assert page.status == 401
                assert "guessed-code" not in await page.text()
        stage.slack.records.fail("oauth.v2.access", Fault(failure="dropped_after"))
        assert (await stage.installs(stage.acme))[0] == 401
        async with stage.browser() as browser:
            page = await browser.get(f"{stage.url}/slack/oauth_redirect", params={"error": "Call 555-0100!"})
            assert "555" not in await page.text()
    assert "an installation was not finished: ServerDisconnectedError" in caplog.text
    assert "code" not in caplog.text.replace("invalid_code", "").replace("missing_code", "")
    assert "555" not in caplog.text
    assert kept(tmp_path) == []


async def test_a_token_of_another_workspace_than_it_is_kept_for_is_never_used(
    tmp_path: Path, stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(stage, tmp_path):
        await stage.installs(stage.acme)
        stage.slack.oauth.token_of = stage.acme
        await stage.installs(stage.globex)
        await stage.says(stage.globex, "Whose answer is it?")
        await stage.says(stage.acme, "Hello!")
    assert stage.answers() == [("T0ACME001", "You said: Hello!")]
    assert "the token that is kept for T0GLOBEX1 is one of another workspace" in caplog.text
    assert stage.acme.token not in caplog.text


class Broken(Installed):
    """A store whose database fails with words that nobody may read, until it is mended."""

    mended = False

    async def save(self, installation: Installation) -> bool:
        if not self.mended:
            raise StoreUnavailable(f"not {installation.token}")
        return await super().save(installation)

    async def delete(self, key: InstallationKey, *, until_ms: int | None = None) -> bool:
        if not self.mended:
            raise StoreUnavailable(f"not {key}")
        return await super().delete(key, until_ms=until_ms)


async def test_a_database_that_fails_loses_no_removal_and_shows_nothing(
    tmp_path: Path, stage: Stage, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(stage, tmp_path, kind=Broken):
        status, page = await stage.installs(stage.acme)
        assert (status, "Try again later" in page) == (503, True)
        monkeypatch.setattr(Broken, "mended", True)
        for at in (stage.acme, stage.globex):
            assert (await stage.installs(at))[0] == 200
        monkeypatch.setattr(Broken, "mended", False)
        removed = await stage.slack.uninstalls(stage.acme)
        assert (await stage.slack.records.ack(removed)).status == 500
        monkeypatch.setattr(Broken, "mended", True)
        await stage.slack.redelivers(removed)
        await stage.taken(removed)
    assert [team for team, _ in kept(tmp_path)] == ["T0GLOBEX1"]
    assert "StoreUnavailable" in caplog.text
    assert "xoxb-" not in caplog.text + page


# How it goes on, and ends


@both_ways
async def test_a_workspace_that_removes_the_app_is_served_no_more(
    tmp_path: Path, stage: Stage, way: Way
) -> None:
    async with serving(stage, tmp_path, way=way):
        for at in (stage.acme, stage.globex):
            await stage.installs(at)
            await stage.says(at, "One.")
        await stage.slack.records.until(lambda: len(stage.answers()) == 2)
        await stage.taken(await stage.slack.uninstalls(stage.acme))
        assert [team for team, _ in kept(tmp_path)] == ["T0GLOBEX1"]
        for at in (stage.acme, stage.globex):
            await stage.says(at, "Two.")
        await stage.installs(stage.acme)
        await stage.says(stage.acme, "Three.")
    assert sorted(stage.answers()) == [
        ("T0ACME001", "You said: One."),
        ("T0ACME001", "You said: Three."),
        ("T0GLOBEX1", "You said: One."),
        ("T0GLOBEX1", "You said: Two."),
    ]


async def test_what_slack_tells_late_does_not_remove_what_was_installed_since(
    tmp_path: Path, stage: Stage
) -> None:
    async with serving(stage, tmp_path):
        for at in (stage.acme, stage.globex):
            await stage.installs(at)
        late = await stage.slack.uninstalls(stage.acme, at_s=1_760_000_000)
        await stage.taken(late)
        await stage.taken(await stage.slack.revokes(stage.globex, "U0ADA0001"))
    assert [team for team, _ in kept(tmp_path)] == ["T0ACME001", "T0GLOBEX1"]


async def test_nobody_but_slack_removes_an_installation(tmp_path: Path, stage: Stage) -> None:
    async with serving(stage, tmp_path):
        for at in (stage.acme, stage.globex):
            await stage.installs(at)
        signed = stage.slack.transport
        assert isinstance(signed, SignedHttp)
        stage.slack.transport = replace(signed, secret="guessed")
        assert (await stage.slack.records.ack(await stage.slack.uninstalls(stage.acme))).status == 401
        forged = {"type": "event_callback", "event": {"type": "app_uninstalled"}, "team_id": "T0GLOBEX1"}
        async with aiohttp.ClientSession() as session:
            for body in (forged, {**forged, "ssl_check": "1"}):
                await session.post(signed.url, data=json.dumps(body))
    assert [team for team, _ in kept(tmp_path)] == ["T0ACME001", "T0GLOBEX1"]


async def test_installations_outlive_a_restart_and_what_was_left_is_answered(
    tmp_path: Path, stage: Stage
) -> None:
    async def hangs(turn: TurnHandle) -> str | None:
        await asyncio.Event().wait()
        return turn.text

    async with serving(stage, tmp_path, hangs, limits={"drain_s": 0.001}):
        for at in (stage.acme, stage.globex):
            await stage.installs(at)
        await stage.says(stage.acme, "Left.")
    assert stage.answers() == []
    async with serving(stage, tmp_path, way="socket"):
        await stage.slack.records.said("Left.", method="chat.postMessage")
        for at in (stage.acme, stage.globex):
            await stage.says(at, "Still there?")
    assert sorted(stage.answers()) == [
        ("T0ACME001", "You said: Left."),
        ("T0ACME001", "You said: Still there?"),
        ("T0GLOBEX1", "You said: Still there?"),
    ]


async def test_a_workspace_of_an_organisation_is_found_by_both_ids(tmp_path: Path, stage: Stage) -> None:
    stage.slack.oauth.enterprise = "E0BOTH001"
    async with serving(stage, tmp_path):
        for at in (stage.acme, stage.globex):
            await stage.installs(at)
        for enterprise in ("E0BOTH001", "E0OTHER01"):
            mine = stage.acme.dm(stage.ada)
            event = {"type": "message", "user": "U0ADA0001", "text": enterprise, "ts": stage.acme.ts()}
            event |= {"channel": mine.id, "channel_type": "im", "event_ts": event["ts"], "team": "T0ACME001"}
            payload: dict[str, Any] = {"type": "event_callback", "event": event, "team_id": "T0ACME001"}
            payload |= {"is_ext_shared_channel": False, "api_app_id": "A0WALL001", "event_id": enterprise}
            named = {"enterprise_id": enterprise, "team_id": "T0ACME001", "user_id": "U0BOT0001"}
            payload["authorizations"] = [{**named, "is_bot": True, "is_enterprise_install": False}]
            await stage.taken(await stage.slack.deliver("events_api", "T0ACME001", payload))
    assert stage.answers() == [("T0ACME001", "You said: E0BOTH001")]


async def test_a_token_that_ends_is_renewed_once_and_kept(tmp_path: Path, stage: Stage) -> None:
    stage.slack.oauth.rotates = True
    async with serving(stage, tmp_path) as wall:
        for at in (stage.acme, stage.globex):
            await stage.installs(at)
        first = stage.acme.token
        store = Installed(wall)
        key = InstallationKey(app=CLIENT_ID, enterprise=None, team="T0ACME001")
        before = await store.find(key)
        assert before is not None
        assert before.end_ms is not None
        assert before.refresh is not None
        await stage.says(stage.acme, "Fresh.")
        assert stage.acme.token == first
        await store.save(replace(before, end_ms=before.end_ms - LASTS_S * 1000))
        await stage.says(stage.acme, "Renewed.")
        await stage.says(stage.globex, "Untouched.")
        after = await store.find(key)
    assert after is not None
    assert (after.token, after.at_ms) == (stage.acme.token, before.at_ms)
    assert after.token != first
    assert after.refresh not in (None, before.refresh)
    assert sorted(text for _, text in stage.answers()) == [
        "You said: Fresh.",
        "You said: Renewed.",
        "You said: Untouched.",
    ]


async def test_a_token_that_slack_does_not_renew_yet_is_used_while_it_is_good(
    tmp_path: Path, stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    stage.slack.oauth.rotates = True
    async with serving(stage, tmp_path) as wall:
        store = Installed(wall)
        for at in (stage.acme, stage.globex):
            await stage.installs(at)
            found = await store.find(InstallationKey(app=CLIENT_ID, enterprise=None, team=at.id))
            assert found is not None
            assert found.end_ms is not None
            await store.save(replace(found, refresh="xoxe-used", end_ms=found.end_ms - LASTS_S * 1000))
            await stage.says(at, "Hello!")
    assert {team for team, _ in stage.answers()} == {"T0ACME001", "T0GLOBEX1"}
    assert "Slack did not renew a token: SlackTokenRotationError" in caplog.text
    assert "xox" not in caplog.text


async def test_the_library_finds_and_deletes_a_bot_in_our_store(tmp_path: Path, stage: Stage) -> None:
    async with serving(stage, tmp_path) as wall:
        for at in (stage.acme, stage.globex):
            await stage.installs(at)
        store = Kept(Installed(wall), CLIENT_ID)
        found = await store.async_find_bot(enterprise_id=None, team_id="T0ACME001")
        assert found is not None
        assert (found.bot_token, found.bot_user_id) == (stage.acme.token, "U0BOT0001")
        assert await store.async_find_bot(enterprise_id="E1", team_id="T0ACME001") is None
        assert (
            await store.async_find_bot(enterprise_id=None, team_id="T0ACME001", is_enterprise_install=True)
            is None
        )
        await store.async_delete_all(enterprise_id=None, team_id="T0ACME001")
        with pytest.raises(BoltError, match="no bot token"):
            await store.async_save(Given(team_id="T0ACME001", user_id="U0ADA0001", user_token="xoxp-1"))
    assert [team for team, _ in kept(tmp_path)] == ["T0GLOBEX1"]


# What the operator sees


async def installed(path: Path) -> None:
    async with FakeSlack() as slack:
        stage = Stage(slack)
        async with serving(stage, path):
            for at in (stage.acme, stage.globex):
                assert (await stage.installs(at))[0] == 200


def test_an_operator_lists_and_removes_installations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("partywall.toml").write_text('[store]\npath = "state/wall.db"\n')
    asyncio.run(installed(tmp_path))
    rows = json.loads(ran("installations", "list", "--json").out)
    assert [(row["team"], row["scopes"]) for row in rows] == [
        ("T0ACME001", ["chat:write"]),
        ("T0GLOBEX1", ["chat:write"]),
    ]
    shown = ran("installations", "list", "--tenant", rows[0]["tenant"]).out
    assert "T0ACME001" in shown
    assert "T0GLOBEX1" not in shown
    assert "xoxb-" not in shown + str(rows)
    assert "1 installations removed" in ran("installations", "remove", "T0ACME001").out
    again = ran("installations", "remove", "T0ACME001")
    assert (again.code, "partywall installations list" in again.err) == (1, True)
    assert [team for team, _ in kept(tmp_path)] == ["T0GLOBEX1"]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        pytest.param({"tokens": "xoxb-1"}, "not both", id="both"),
        pytest.param({"client_secret": ""}, "needs client_id=, client_secret= and scopes=", id="no-secret"),
        pytest.param({"scopes": ()}, "needs client_id=, client_secret= and scopes=", id="no-scopes"),
        pytest.param({"installations": None}, "needs a bot token", id="neither"),
    ],
)
def test_what_cannot_serve_is_refused_at_the_start(given: dict[str, Any], words: str, tmp_path: Path) -> None:
    whole: dict[str, Any] = {
        "installations": Installed(Wall(load(settings(tmp_path)))),
        "app_token": APP_TOKEN,
    }
    whole |= {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "scopes": SCOPES}
    with pytest.raises(MisuseError, match=words) as caught:
        SlackChannel(**{**whole, **given})
    assert CLIENT_SECRET not in str(caught.value)


SECRETS = {"SLACK_CLIENT_SECRET": CLIENT_SECRET, "SLACK_SIGNING_SECRET": SIGNING_SECRET, "S1": "xoxb-1"}
SLACK: dict[str, object] = {
    "signing_secret_env": "SLACK_SIGNING_SECRET",
    "client_id": CLIENT_ID,
    "client_secret_env": "SLACK_CLIENT_SECRET",
    "scopes": list(SCOPES),
}
PAGE = (ROOT / "docs" / "channels" / "slack-install.md").read_text(encoding="utf-8")


def made(path: Path, **more: object) -> SlackChannel:
    given = {name: value for name, value in {**SLACK, **more}.items() if value is not None}
    wall = Wall(load(settings(path, bot={"slack": given})))
    channel: SlackChannel = vars(bot_of(wall, SECRETS))["_channels"]["slack"]
    return channel


def test_a_configuration_makes_a_bot_that_workspaces_install(tmp_path: Path) -> None:
    offers = [vars(made(tmp_path, client_id=one))["_offer"] for one in (CLIENT_ID, "333.444")]
    assert [offer.client_id for offer in offers] == [CLIENT_ID, "333.444"]
    assert all((offer.client_secret, offer.scopes) == (CLIENT_SECRET, SCOPES) for offer in offers)
    assert CLIENT_SECRET not in repr(offers)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        pytest.param({"client_secret_env": None}, "client_id needs client_secret_env", id="no-secret"),
        pytest.param({"client_secret_env": "NOWHERE"}, "NOWHERE is not set", id="unset"),
        pytest.param({"scopes": None}, "client_id needs scopes", id="no-scopes"),
        pytest.param({"teams": {"T1": "S1", "T2": "S1"}}, "remove teams", id="tokens-and-installations"),
        pytest.param({"client_id": None}, "add client_id", id="scopes-alone"),
        pytest.param({"scopes": ["chat:write&x=1"]}, "bot.slack.scopes", id="no-scope"),
        pytest.param({"redirect_uri": "http://bot.test"}, "bot.slack.redirect_uri", id="not-by-https"),
    ],
)
def test_a_configuration_that_cannot_serve_names_the_remedy(
    tmp_path: Path, more: dict[str, object], words: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        made(tmp_path, **more)
    assert words in str(caught.value)
    assert not any(secret in str(caught.value) for secret in SECRETS.values())


@pytest.mark.parametrize("block", re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL))
def test_the_pages_configuration_makes_a_bot(block: str, tmp_path: Path) -> None:
    (tmp_path / "partywall.toml").write_text(block)
    assert list(vars(bot_of(Wall(load(tmp_path / "partywall.toml")), SECRETS))["_channels"]) == ["slack"]


@pytest.mark.parametrize("block", re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL))
def test_the_pages_python_runs(block: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    Path("partywall.toml").write_text('profile = "light"\n')
    found: dict[str, Any] = {}
    exec(compile(block, "docs/channels/slack-install.md", "exec"), found)  # noqa: S102  our own documentation
    assert isinstance(found["bot"], Bot)
