"""``python -m hashlens``: the same as the command ``hashlens``."""

from hashlens.cli import main

if __name__ == "__main__":
    main()
