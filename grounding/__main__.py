"""`grounding` and `python -m grounding`: the doors as subcommands, and `run` for the whole chain.

grounding run --config 4
"""

from grounding.cli.commands import door

if __name__ == "__main__":
    door()
