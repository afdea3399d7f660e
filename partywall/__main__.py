"""`python -m partywall`: the same commands as `partywall`."""

from partywall.cli.app import main

if __name__ == "__main__":
    main()
