"""Runs one command of the CRM as a job on Databricks, where nothing but parameters can be given.

Parameters: the folder with the code, then settings as NAME=value, then the command with its
options. See databricks.yml.
"""

import os
import secrets
import sys


def main() -> None:
    folder, *rest = sys.argv[1:]
    while rest and "=" in rest[0].split(" ")[0] and not rest[0].startswith("-"):
        name, _, value = rest.pop(0).partition("=")
        os.environ[name] = value
    # Commands sign nothing, so each run may have a key of its own.
    os.environ.setdefault("DJANGO_SECRET_KEY", secrets.token_urlsafe(48))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "edip.settings")
    os.chdir(folder)
    sys.path.insert(0, folder)
    from manage import main as run_command

    sys.argv[:] = ["manage.py", *rest]
    run_command()


if __name__ == "__main__":
    main()
