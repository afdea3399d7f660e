"""The command line: every command by its name, and every error as one line with its remedy."""

import sys
from collections.abc import Sequence
from typing import NoReturn

import typer

from firewall.core.errors import PartywallError
from partywall import origin
from partywall.cli import (
    alerts,
    backup,
    classifier,
    doctor,
    erase,
    holds,
    inbox,
    init,
    installations,
    policy,
    pruning,
    receipts,
    records,
    replay,
    rules,
    scan,
    serve,
    summaries,
    vault,
)
from partywall.cli.desk import Exit, code_of, plain

app = typer.Typer(
    name="partywall",
    no_args_is_help=True,
    add_completion=False,
    # A traceback with local variables would print what the wall exists to keep.
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Partywall: the wall between the tenants of one bot.",
)
app.command("init")(init.init)
app.command("doctor")(doctor.examine)
app.command("serve")(serve.serve)
app.add_typer(vault.app, name="vault")
records.app.command("summary")(summaries.summary)
records.app.command("prune")(pruning.prune)
app.add_typer(records.app, name="violations")
app.add_typer(alerts.app, name="alerts")
app.add_typer(receipts.app, name="receipts")
app.add_typer(holds.app, name="holds")
app.add_typer(inbox.app, name="inbox")
app.add_typer(installations.app, name="installations")
app.add_typer(rules.app, name="rules")
app.add_typer(policy.app, name="policy")
app.add_typer(classifier.app, name="classifier")
app.command("tenants")(records.tenants)
app.command("why")(records.why)
app.command("erase")(erase.erase)
app.command("backup")(backup.backup)
app.command("restore")(backup.restored)
app.command("replay")(replay.replay)
app.command("scan")(scan.scan)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run one command and end the process with its exit code, as `docs/cli.md` lists them."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        # The doctor says what is wrong with the installation; every other command needs a sound one.
        if words[:1] != ["doctor"]:
            origin.verify()
        app(args=words)
    except PartywallError as error:
        _end(str(error), code_of(error))
    except origin.Shadowed as error:
        _end(str(error), Exit.INTEGRITY)
    sys.exit(Exit.DONE)


def _end(text: str, code: Exit) -> NoReturn:
    sys.stderr.write(f"error: {plain(text)}\n")
    sys.exit(code)
