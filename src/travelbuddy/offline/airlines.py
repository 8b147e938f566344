"""Which airline a sentence asks for."""

from __future__ import annotations

import re

from travelbuddy.offline.text import Remainder

_UNMISTAKABLE = """
Aegean|Aer Lingus|ANA|Aeromexico|Aerolineas Argentinas|Air Arabia|Air Canada|Air China|Air Europa|Air France|Air India
Air Mauritius|Air New Zealand|Air Transat|AirAsia|AirBaltic|Akasa Air|All Nippon Airways|Allegiant|Asiana|Avianca
British Airways|Brussels Airlines|Cathay Pacific|Cathay|Cebu Pacific|China Airlines|China Eastern|China Southern|Condor
Copa Airlines|EasyJet|EgyptAir|El Al|Etihad|Eurowings|EVA Air|Fiji Airways|Finnair|Flydubai|Garuda|GlobalWings
Gol|Gulf Air|Hainan Airlines|Hawaiian Airlines|IndiGo|Icelandair|ITA Airways|JAL|Japan Airlines|JetBlue|Jetstar
Jet2|Kenya Airways|KLM|Korean Air|Kuwait Airways|LATAM|LOT|Lufthansa|Malaysia Airlines|Oman Air|Philippine Airlines
Porter|Qantas|Qatar Airways|Royal Air Maroc|Royal Jordanian|Ryanair|SAS|Saudia|Scoot|Singapore Airlines|SkyHighAir
South African Airways|SpiceJet|SriLankan|Sun Country|SunExpress|TAP|TAROM|Thai Airways|Transavia|TUI|Turkish Airlines
Vietnam Airlines|Virgin Atlantic|Virgin Australia|Vistara|Volaris|Vueling|WestJet|Wizz Air|Wizz|Paper Plane Airways
RwandAir|Air Peace|Air Tanzania|FlySafair|Airlink|Loganair|Corsair|Edelweiss|Pegasus|AJet|Flynas|Air Serbia
Croatia Airlines|Bulgaria Air|Azerbaijan Airlines|Air Astana|Bangkok Airways|Batik Air|Lion Air|Starlux|ZIPAIR|Skymark
Hong Kong Airlines|Juneyao|Sichuan Airlines|Xiamen Air|Shenzhen Airlines|Jeju Air|Jin Air|Bamboo Airways|VietJet
Citilink|Nok Air|JetSMART|Viva Aerobus|Avelo|Norse|Binter|Luxair|Widerøe|Air Malta|Tunisair|Air Algerie
Middle East Airlines
Imaginary Airlines|Cloudberry Air|UnicornJet|Nimbus & Sons
"""
_ALSO_WORDS = """
Alaska|American|Austrian|Azul|Delta|Emirates|Ethiopian|Frontier|Iberia|Norwegian|Qatar|Southwest|Spirit|Swiss|Turkish
United|Virgin|Hawaiian|Breeze
"""
_KIND = r"(?: (?:air ?lines?|airways|air))"


def _names(table: str) -> str:
    return "|".join(
        re.escape(name).replace(r"\ ", " ?")
        for name in sorted(table.replace("\n", "|").strip("|").split("|"), key=len)[::-1]
    )


_NOT_IT = r"(?<!not )(?<!but )(?<!except )(?<!without )(?<!avoid )"
_CUE = (
    r"(?:(?:on|with|by|via|fly(?:ing)?|prefer(?:ably)?|like|use|using|try|about|only|through|choose|want|take|does"
    r"|have|check|search|make (?:it|that)|rather|what|be) )"
)
_AIRLINE = re.compile(
    rf"(?:\b{_CUE}(?:the |an? )?)?\b{_NOT_IT}(?P<name>{_names(_UNMISTAKABLE)})\b{_KIND}?"
    rf"|(?:\b{_CUE}(?:the |an? )?)?\b{_NOT_IT}(?P<kind>{_names(_ALSO_WORDS)}){_KIND}\b"
    rf"|\b{_NOT_IT}(?P<fare>{_names(_ALSO_WORDS)})(?= (?:flights?|tickets?|economy|business|first|premium)\b)"
    rf"|\b(?:is|does|do|can|could|would) (?P<asked>{_names(_ALSO_WORDS)})(?= (?:\||any\b|have\b|fly\b|cheaper|go\b"
    rf"|offer))|(?:^(?:(?:and|or|maybe|what about|how about) )?|[,.;:!?|(] ?|(?<=\d ))(?P<alone>{_names(_ALSO_WORDS)})"
    r"(?= ?(?:$|[,.;!?)|]|(?:only|preferred|please|if possible|would be|is (?:my|our|the|fine|preferred)|has|from)\b))"
    rf"|\b{_CUE}{_NOT_IT}(?P<bare>{_names(_ALSO_WORDS)})\b(?! (?:states|kingdom|emirates|city|islands?|village|is\b))",
    re.I,
)
_OTHER = re.compile(
    r"\b(?:[Oo]n|[Ww]ith|[Bb]y|[Vv]ia|[Ff]ly(?:ing)?) (?P<name>[A-Z]\w+(?: [A-Z]\w+)?) (?:[Aa]ir ?[Ll]ines?"
    r"|[Aa]irways)\b"
)
_ANY = re.compile(
    r"\b(?:any|whatever|whichever|no (?:particular|preferred|specific)|all) (?:other )?(?:airlines?|carriers?)\b"
    r"|\b(?:no|don't have an?|do not have an?) (?:airline )?preference (?:for|on|of|in) (?:the )?(?:airlines?"
    r"|carriers?)\b|\bwhoever(?:'s| is)? (?:flies|flying)\b|\b(?:the )?(?:airline|carrier)s? (?:does not|doesn't"
    r"|do not|don't) matter\b",
    re.I,
)


_NOT_THAT = re.compile(rf"\b(?:forget|drop|skip)(?: about)? (?:{_names(_UNMISTAKABLE)}|{_names(_ALSO_WORDS)})\b", re.I)
_WORDS = {"lot", "tap", "gol", "condor", "porter", "scoot"}
"""Airlines that are common words where nothing but a small letter stands before them."""
_CAPITALS = {"ANA"}
"""Airlines that are people's names where they are not in capitals."""
_SHORT = {"Cathay": "Cathay Pacific", "Wizz": "Wizz Air"}
_FIRST_WORDS = {
    name.split()[0].lower().split("'")[0]
    for name in f"{_UNMISTAKABLE}|{_ALSO_WORDS}".replace("\n", "|").split("|")
    if name
}
_FIRST_WORDS |= {"airlines", "airline", "airways"}


def read_airline(rest: Remainder) -> tuple[str | None, bool]:
    """The airline named, the last one where there are several, and whether any will do; takes the words."""
    anything = [match for pattern in (_ANY, _NOT_THAT) for match in rest.take_all(pattern)] != []
    if not _FIRST_WORDS & set(re.findall(r"\w+", rest.text.lower())):  # spares the long search
        return None, anything
    found = [match for pattern in (_AIRLINE, _OTHER) for match in rest.take_all(pattern)]
    found = [match for match in found if match.group() not in _WORDS]
    names = [next(name for name in match.groupdict().values() if name) for match in found]
    names = [name for name in names if name.upper() not in _CAPITALS or name.isupper()]
    return (_written(names[-1]) if names else None), anything


def _written(name: str) -> str:
    """The name as airlines write it, where it is a known one."""
    plain = name.replace(" ", "").lower()
    for known in f"{_UNMISTAKABLE}|{_ALSO_WORDS}".replace("\n", "|").split("|"):
        if known.replace(" ", "").lower() == plain:
            return _SHORT.get(known, known)
    return name
