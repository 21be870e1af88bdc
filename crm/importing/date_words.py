"""The words of dates in the languages of Excel and of people: months, days, time zones; and where
they write the time."""

from __future__ import annotations

import re

MONTHS = {
    word: number
    for number, words in enumerate(
        (
            "jan january januar januari janvier janv enero ene gennaio gen janeiro stycznia sty",
            "feb february februar februari février févr fév febrero febbraio fevereiro fev lutego",
            "mar march mär märz mrz maart mrt mars marzo março marts marca",
            "apr april avril avr abril abr aprile kwietnia kwi",
            "may mai mei mayo maggio mag maio maj maja",
            "jun june juni juin junio giugno giu junho czerwca cze",
            "jul july juli juillet juil julio luglio lug julho lipca lip",
            "aug august augustus août agosto ago augusti sierpnia",
            "sep sept september septembre septiembre settembre set setembro września wrz",
            "oct october okt oktober octobre octubre ottobre ott outubro out października paź",
            "nov november novembre noviembre novembro listopada lis",
            "dec december dez dezember décembre déc diciembre dic dicembre dezembro desember"
            " grudnia gru",
        ),
        start=1,
    )
    for word in words.split()
}
# Words beside a day, a month and a year, as in "27th of June", "1er juin", "27 de junio del 2025".
BESIDE = {"st", "nd", "rd", "th", "of", "de", "del", "er", "o", "r"}
_WEEKDAYS = """
    monday tuesday wednesday thursday friday saturday sunday mon tue tues wed thu(?:rs?)? fri
    sat sun montag dienstag mittwoch donnerstag freitag samstag sonntag mo di mi do fr sa so
    lundi mardi mercredi jeudi vendredi samedi dimanche lun mer jeu ven sam dim
    lunes martes miércoles jueves viernes sábado domingo
    lunedì martedì mercoledì giovedì venerdì sabato domenica
    segunda-feira terça-feira quarta-feira quinta-feira sexta-feira segunda terça quarta quinta
    sexta
    maandag dinsdag woensdag donderdag vrijdag zaterdag zondag
    mandag tirsdag onsdag torsdag fredag lørdag søndag måndag tisdag lördag söndag
    poniedziałek wtorek środa czwartek piątek sobota niedziela
"""
WEEKDAY = re.compile(rf"^(?:{'|'.join(_WEEKDAYS.split())})[.,]*\s+", re.IGNORECASE)
# What stands between a date and a time.
BEFORE_TIME = r"(?:(?:um|at|à|om|klo?\.?|alle(?:\sore)?|ore|a\slas?|às|(?:o\s)?godz\.?|o)\s+)?"
# Zones whose names mean one offset only, in hours; EST, for example, is American and Australian.
ZONES = {"wet": 0, "west": 1, "cet": 1, "mez": 1, "cest": 2, "mesz": 2, "eet": 2, "eest": 3}
# Times with dots, as DB2 and people in the north and the south write them, and times that come
# first, as in "14:03, 27 June 2025".
_DOTTED = re.compile(
    rf"(?:(?<=\d)(?:[T,\s]+|-)|[,\s]+(?=[a-z]){BEFORE_TIME})"
    r"([01]?\d|2[0-3])\.([0-5]\d)\.([0-5]\d(?:\.\d{1,9})?)$"
    rf"|(?<=\d{{4}})[,\s]+{BEFORE_TIME}([01]?\d|2[0-3])\.([0-5]\d)$",
    re.IGNORECASE,
)
_TIME_FIRST = re.compile(
    r"(\d{1,2}:\d\d(?::\d\d(?:\.\d+)?)?(?:\s?[ap]\.?m\.?)?),?\s+([^:]*\d[^:]*?)(\s\(UTC\))?",
    re.IGNORECASE,
)


def with_usual_time(text: str) -> str:
    """Return the date with its time at the end, and with colons in it."""
    if found := _TIME_FIRST.fullmatch(text):
        return f"{found[2]} {found[1]}{'Z' if found[3] else ''}"
    return _DOTTED.sub(lambda time: f" {':'.join(filter(None, time.groups()))}", text)
