"""Run one command of the CRM as a job on Databricks, which can pass only parameters.

Parameters: the folder with the code, then settings as NAME=value (one parameter may have several,
separated by spaces), then the command with its options. See resources/jobs.yml.
"""

import os
import re
import secrets
import sys

SETTINGS = re.compile(r"\s*[A-Z][A-Z0-9_]*=")


def main() -> None:
    folder, *rest = sys.argv[1:]
    while rest and SETTINGS.match(rest[0]):
        for setting in rest.pop(0).split():
            name, _, value = setting.partition("=")
            os.environ[name] = value
    # Commands sign nothing, so each run may use a new key.
    os.environ.setdefault("DJANGO_SECRET_KEY", secrets.token_urlsafe(48))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "edip.settings")
    os.chdir(folder)
    sys.path.insert(0, folder)
    from manage import main as run_command

    sys.argv[:] = ["manage.py", *rest]
    try:
        run_command()
    except SystemExit as ended:
        # Databricks does not document the meaning of exit codes; an exception certainly fails the
        # run.
        if ended.code:
            raise RuntimeError(f"{rest[0]} ended with {ended.code}: see above") from None


if __name__ == "__main__":
    main()
