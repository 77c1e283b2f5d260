"""German cues."""

# ruff: noqa: E501 - a pattern that is cut at a margin can no longer be read
from __future__ import annotations

from typing import Final

from core.rules.classification.cues import Cues
from core.rules.classification.ordinary.names import (
    ASKS,
    DECLINES,
    IN_GENERAL,
    MUST,
    OTHERS_DECIDE,
    OTHERS_SAY,
    PERHAPS,
    TAKES_PLACE,
    VALID,
)

GERMAN: Final = Cues(
    (VALID, r"<gultig|gilt> (?:noch )?(?:bis|fur|am|im)"),
    (ASKS, r"<bitte> (?!beacht|find)"),
    (ASKS, r"(?:wir|ich) <bitten?|ersuchen?> (?:sie|dich|euch|um|alle|daher|deshalb)|<bitten|ersuchen> wir "),
    (ASKS, r"(?:werden|wird|sind) (?:\w+ ){0,12}<gebeten>"),
    (ASKS, r"(?:waeren|waren|ware) (?:\w+ ){0,4}<dankbar>|<denken> sie|<vergessen> sie|<denk> an|<vergiss> nicht"),
    (MUST, r"<mussen|musst|sollten|benotigen|brauchen> (?:sie|du|ihr|\w+)\b|(?:sie|du|ihr) (?:\w+ ){0,2}<mussen|musst|sollten|benotigen>|<haben> sie (?:\w+ ){0,6}zu \w+en"),
    (MUST, r"(?:ist|sind) (?:\w+ ){1,8}(?:<mitzubringen|vorzulegen|einzureichen|abzugeben|zuruckzugeben|nachzuweisen>|<zu> \w+en)\b"),
    (OTHERS_SAY, r"(?:der|die|das|ihr|ihre|sein|seine|herr|frau|dr|er|laut) (?:\w+ ){1,4}(?:hat|hatte|haben|hatten) (?:[\w'-]+ ){0,8}<mitgeteilt|gesagt|angekundigt|gemeldet|zugesagt|versprochen|berichtet|erklart|informiert|bestatigt>"),
    (OTHERS_SAY, r"(?:der|die|das|ihr|ihre|herr|frau|dr|er|\w+) (?:[\w'-]+ ){0,4}<teilte|teilt|kundigte|kundigt|meldet|meldete|sagte|sagt|schrieb|schreibt|versprach|erklarte|erklart|berichtet>\b"),
    (OTHERS_SAY, r"<laut> \w+|<zufolge>"),
    (OTHERS_DECIDE, r"^\W*(?:der|die|das) (?:\w+ ){1,3}(?:hat|haben) (?:[\w'-]+ ){0,10}<beschlossen|genehmigt|verabschiedet|gebilligt|abgelehnt>"),
    (IN_GENERAL, r"(?:in der <regel>|<normalerweise|ublicherweise|grundsatzlich|gewohnlich|generell|meist>)"),
    (IN_GENERAL, r"(?:ist|sind|kann|konnen|wird|werden) (?:[\w'-]+ ){0,5}<nur> (?:[\w'-]+ ){0,6}(?:moglich|gultig|wenn|bei|gegen|nach|innerhalb|mit)|<nur> (?:moglich|gultig)"),
    (IN_GENERAL, r"bis (?:zu )?(?:\w+ ){1,3}<vor> (?:der |dem |ihrer )?(?:anreise|abreise|abflug|beginn|kursbeginn|veranstaltung\w*|termin|antritt|reisebeginn|fahrt\w*)"),
    (IN_GENERAL, r"^\W*(?:alle |samtliche )?<stornierungen|erstattungen|ruckzahlungen|umbuchungen|lieferungen|bestellungen|gutscheine|anderungen|antrage|rechnungen|gehalter|ruckgaben|ruckerstattungen|kunden|mitglieder|gaste|kundigungen|reklamationen|buchungen|zahlungen> "),
    (DECLINES, r"(?:<leider>|(?:mussen|muss) (?:[\w'-]+ ){0,12}<ablehnen|absagen>|<keine?> (?:garantie|gewahr|zusage)|<bedauern|bedaure>|nicht <garantieren|zusagen|versprechen>)"),
    (PERHAPS, r"<konnten?|wurden?|ware|waren> (?:wir|ich|es|sich|ihnen|ein|eine|der|die|man|er)\b|(?:wir|ich|es|man) <konnten?|wurden?>\b"),
    (PERHAPS, r"^\W*<wenn|falls|sofern|sollten?> "),
    (TAKES_PLACE, r"^\W*(?:der|die|das|unser|unsere|am|im|\w+) (?:[\w.'-]+ ){0,6}(?:(?:findet|finden)\b.*<statt>|<beginnt|beginnen|endet|dauert|umfasst|offnet|schliesst|enthalt|tagt|startet|lauft|fallt>)\b"),
)  # fmt: skip
