"""Templates: SQL that is split at markers and bound to values."""

from __future__ import annotations

from sqlglot import exp

from local_warehouse.sql.template import Marker, Markers, Template, engine_name


def test_sql_is_split_at_its_markers() -> None:
    markers = Markers()
    tree = exp.select(markers.value("named", "a"), "'x'").from_(
        exp.Table(this=markers.identifier("system", "k"), db=exp.to_identifier("parquet"))
    )
    assert markers.template(tree).pieces == (
        "SELECT ",
        Marker("named", "a"),
        ", 'x' FROM parquet.",
        Marker("system", "k"),
    )


def test_more_than_ten_markers_keep_their_values() -> None:
    markers = Markers()
    template = markers.template(exp.select(*(markers.value("positional", n) for n in range(12))))
    assert template.bind(lambda marker: str(marker.key)) == (
        "SELECT 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11"
    )
    assert [marker.key for marker in template.markers] == list(range(12))


def test_a_value_is_not_split_again() -> None:
    markers = Markers()
    template = markers.template(
        exp.select(markers.value("named", "a"), markers.value("named", "b"))
    )
    name = markers.identifier("named", "c").name
    assert template.bind(lambda _: name) == f"SELECT {name}, {name}"


def test_text_of_one_statement_is_no_marker_of_another() -> None:
    text = Markers().identifier("named", "a").name
    assert Markers().split(f"SELECT '{text}'").pieces == (f"SELECT '{text}'",)


def test_a_single_marker() -> None:
    markers = Markers()
    assert markers.template(markers.value("named", "a")).is_single_marker
    assert not markers.template(exp.select(markers.value("named", "a"))).is_single_marker
    assert not Template(("x",)).is_single_marker


def test_every_table_lives_in_the_engines_one_database() -> None:
    assert engine_name("t_1") == "warehouse.t_1"
