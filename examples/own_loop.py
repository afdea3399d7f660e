"""A loop of your own: `python examples/own_loop.py MODEL`, with the name of a model as LiteLLM knows it.

Ada and Ben talk to one assistant. The wall keeps a history for each of them and gives the model no other.
"""

import asyncio
import sys

import partywall as pw

SYSTEM = "You are a helpful assistant."


async def answer(wall: pw.Wall, *, model: str, who: str, text: str) -> str:
    """Answer one message from what its sender may read."""
    message = pw.message(text, channel="terminal", realm="home", sender=who, conversation=who)
    async with wall.turn(message) as turn:
        reply = await turn.complete(model=model, system=SYSTEM)
        return await turn.reply(reply["choices"][0]["message"]["content"])


async def main(model: str) -> list[str]:
    """Have a short chat with two people and give what they were told."""
    async with pw.open({"prompts": [SYSTEM]}) as wall:
        said = [("ada", "My locker code is kelp-47-lantern."), ("ben", "What is Ada's locker code?")]
        return [await answer(wall, model=model, who=who, text=text) for who, text in said]


if __name__ == "__main__":
    print("\n".join(asyncio.run(main(sys.argv[1]))))
