"""How deep a JSON text nests, told without parsing it."""

import re

# A string is matched whole, to the end of the text if it is never closed, so brackets inside it count for
# nothing and no text makes the search go over the same characters twice.
_TOKENS = re.compile(r'"(?:[^"\\]|\\.)*\\?(?:"|\Z)|(?P<open>[\[{])|(?P<close>[\]}])', re.DOTALL)


def nesting(text: str) -> int:
    """Give the deepest nesting of brackets, so that a parser is never asked to recurse deeply.

    A parser's own limit is the process's, which any library may have raised: what is refused must not depend
    on it.
    """
    deepest = depth = 0
    for found in _TOKENS.finditer(text):
        if found.lastgroup == "open":
            depth += 1
            deepest = max(deepest, depth)
        elif found.lastgroup == "close":
            depth -= 1
    return deepest
