#!/usr/bin/env python
"""Django's command line for EDIP CRM."""

import gc
import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "edip.settings")
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line

    from crm.middleware.stack import with_room
    from crm.warehouse import usage
    from edip.closed_pipes import outlast_readers

    outlast_readers()
    # The query tag of the command's statements; requests have their own.
    usage.default_page = "".join(sys.argv[1:2])
    try:
        with_room(execute_from_command_line, sys.argv)
    except ImproperlyConfigured as error:
        # Its text says what to do; a traceback through settings would bury it.
        from crm.connection_check.report import misconfigured

        write = sys.stdout.write if "--json" in sys.argv else sys.stderr.write
        write(misconfigured(error, sys.argv) + "\n")
        sys.exit(1)
    finally:
        # Nothing needs to be collected now; looking for it takes longer than many a command.
        gc.freeze()


if __name__ == "__main__":
    main()
