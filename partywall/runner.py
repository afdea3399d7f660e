"""Running what a grant allows: the firewall's process port, carried out by the sandbox."""

import asyncio
from dataclasses import dataclass

from sandbox import process
from sandbox.compartment import Compartments
from sandbox.confinement import Limits


@dataclass(frozen=True, slots=True, kw_only=True)
class Confined:
    """Implements `ports.Runner`: bubblewrap, the owner's compartment, no network, no environment.

    Attributes:
        compartments: Where owners' files are.
        limits: Time, memory, output and processes of one command.
        reason: Why nothing can be run on this machine, or None; probed when the wall opens.
    """

    compartments: Compartments
    limits: Limits
    reason: str | None

    def unavailable(self) -> str | None:
        """Say why nothing can be run here, or None."""
        return self.reason

    async def run(self, owner: str, command: str) -> str:
        """Run a shell command in the owner's compartment and give what it printed, with how it ended."""
        compartment = await asyncio.to_thread(self.compartments.of, owner.encode())
        with compartment:
            done = await process.run(
                ("/bin/sh", "-c", command),
                directory_fd=compartment.own.fd,
                limits=self.limits,
                watch=compartment.own.writer.check_quota,
            )
        printed = (done.stdout + done.stderr).decode("utf-8", "replace")
        return f"{printed}\n[{done.ending.value}, exit code {done.exit_code}]"
