"""`grounding` and `python -m grounding`: all commands, and `run` for the whole chain.

grounding run --config 7
"""

from grounding.cli import entry

if __name__ == "__main__":
    entry()
