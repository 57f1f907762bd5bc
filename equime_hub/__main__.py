"""`python -m equime_hub` is `equime`."""

from equime_hub.cli import main

if __name__ == "__main__":
    main(prog_name="equime")
