"""`python -m infra` is `hypermatch`, for processes that start others of the same environment."""

from infra.cli import main

if __name__ == "__main__":
    main()
