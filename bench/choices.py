"""Measure the benefit of each design choice that can be switched off, by switching it off.

python -m bench.choices [--accounts N] [--rounds N]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

from . import _data
from ._report import Table, show
from ._setup import Control, in_own_process
from .pages import Cost, measure

PATH = "/accounts/"
COMPRESSION = "crm.middleware.compression.CompressionMiddleware"
HEAD = ["choice", "measured", "with it", "without it"]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--accounts", type=int, default=1000)
    options.add_argument("--rounds", type=int, default=20)
    given = options.parse_args()
    show(tables(given.accounts, given.rounds))


def tables(accounts: int, rounds: int) -> list[Table]:
    table = Table(
        "choices",
        f"The list of {accounts:,} accounts, with each choice and without it. CPU is of the "
        "warehouse and of the app together, unless it says otherwise.",
        HEAD,
    )
    table.rows += in_own_process(measure_all, accounts, rounds)
    first = [in_own_process(first_page, accounts, is_warm) for is_warm in (True, False)]
    table.rows.append(["warm-up of a process", "app CPU of its first page, ms", *first])
    return [table]


def measure_all(accounts: int, rounds: int) -> list[list[object]]:
    with _data.data_set(accounts) as (control, _):
        usual = measure(control, PATH, rounds, 60)
        control.set_result_cache(True)
        cached = measure(control, PATH, rounds, 60)
        control.set_result_cache(False)
        plain = _without_compression(control, rounds)
        alone = _without_pool(control, rounds)
    return [
        ["result cache of the warehouse", "engine CPU, ms", cached.engine, usual.engine],
        ["compression", "kB on the wire", usual.wire, plain.wire],
        ["compression", "app CPU, ms", usual.app, plain.app],
        ["sessions kept in a pool", "CPU, ms", usual.engine + usual.app, alone],
    ]


def _without_compression(control: Control, rounds: int) -> Cost:
    from django.conf import settings
    from django.test import override_settings

    others = [name for name in settings.MIDDLEWARE if name != COMPRESSION]
    with override_settings(MIDDLEWARE=others):
        return measure(control, PATH, rounds, 60)


def _without_pool(control: Control, rounds: int) -> float:
    """Return the CPU of a page that opens a session and closes it."""
    from crm.warehouse import dispose_all

    return _cpu(control, rounds, dispose_all)


def _cpu(control: Control, rounds: int, before_each: Callable[[], None]) -> float:
    from django.test import Client

    client = Client()
    engine, app = control.cpu(), time.process_time()
    for _ in range(rounds):
        before_each()
        assert client.get(PATH).status_code == 200
    return (control.cpu() - engine + time.process_time() - app) * 1000 / rounds


def first_page(accounts: int, is_warm: bool) -> float:
    """Return the CPU of the first page of this process in milliseconds, without the engine's."""
    with _data.data_set(accounts):
        from django.test import Client

        from edip.warm_up import warm_up

        if is_warm:
            warm_up()
        started = time.process_time()
        assert Client().get(PATH).status_code == 200
        return (time.process_time() - started) * 1000


if __name__ == "__main__":
    main()
