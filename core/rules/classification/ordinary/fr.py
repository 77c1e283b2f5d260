"""French cues."""

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

FRENCH: Final = Cues(
    (VALID, r"(?<!reste )<valables?|valides?|expire(?:nt)?> (?:jusqu|le|du|pour|en)"),
    (ASKS, r"<merci> (?:de|d'|d )(?: ?(?:bien vouloir|ne pas|nous|me|lui|leur|l'|le|la|les|y))* ?\w+(?:er|ir|re|oir)\b"),
    (ASKS, r"(?:<veuillez> (?!trouver|noter|agreer|recevoir)|<priere> de|(?:nous vous|je vous|vous etes) <prions|prie> (?:de|d'|instamment)|etes <prie>)"),
    (ASKS, r"(?:nous|je) vous <demandons|demande|invitons|invite|saurais|saurions> "),
    (ASKS, r"(?:<pensez>|n'<oubliez>|<oubliez|envoyez|renvoyez|apportez|retournez|transmettez|adressez|signez|reglez>)"),
    (MUST, r"(?:vous|tu|clients|locataires|participants|candidats|parents|il|demande|dossier|formulaire|documents?) (?:ne )?<devez|devrez|dois|doivent|doit|devront|devra|faudra|faut>\b"),
    (OTHERS_SAY, r"(?:le|la|les|l|votre|vos|son|sa|leur|un|une|notre|m|mme|il|elle|ils|elles)[ '](?:[\w'-]+ ){0,4}(?:(?:nous |vous |m'|l'|lui )*(?:a|ont|avait|avaient) (?:bien |deja |egalement )?)<dit|annonce|informe|indique|promis|affirme|explique|precise|confirme|assure|declare|ecrit|prevenu>\b"),
    (OTHERS_DECIDE, r"^\W*(?:le|la|les|l|votre|vos|son|sa|leur|un|une|m|mme)[ '](?:[\w'-]+ ){1,4}(?:a|ont|avait) (?:deja )?<decide|vote|approuve|adopte|accepte|rejete|refuse>\b"),
    (OTHERS_SAY, r"(?:<selon>|d'<apres>) (?:le|la|les|l'|votre|son|sa|leur)"),
    (IN_GENERAL, r"(?:en <general>|en <regle>|d'<habitude>|<generalement|normalement|habituellement>)"),
    (IN_GENERAL, r"(?:n'est|ne sont|ne peut|ne peuvent|n'est|uniquement) (?:[\w'-]+ ){0,4}(?:<que>|<qu>'|<possibles?|valables?>)"),
    (IN_GENERAL, r"jusqu'a \w+ (?:heures|jours|semaines|mois) <avant>"),
    (IN_GENERAL, r"^\W*(?:tous |toutes )?(?:les |vos )?<remboursements|annulations|retours|paiements|commandes|billets|livraisons|remises|demandes|reservations|frais|clients|adherents|salaires|virements|echanges|factures> "),
    (IN_GENERAL, r"^\W*<tout|toute|chaque> (?!est |sera )"),
    (DECLINES, r"(?:<malheureusement>|(?:devons|dois|contraints?|contraint) (?:\w+ ){0,3}<refuser|decliner>|<regret(?:te|tons)?>|<aucune> garantie|pas (?:<garantir?>|(?:de )?<garantie>)|<impossible>|ne <pouvons|peux>|rien ne <garantit>)"),
    (PERHAPS, r"<pourrait|pourrions|pourrais|pourraient|serait|serions|serais>\b"),
    (PERHAPS, r"^\W*(?:<si> |<s>'(?!il (?:vous|te) plait)|<sous> reserve|<sous> condition)"),
    (TAKES_PLACE, r"^\W*(?:le|la|les|l|notre|nos|ce|cette|un|une)[ '](?:[\w'-]+ ){0,7}(?:(?:aura|auront|a) <lieu>|<debut(?:e|era|eront)|commenc(?:e|era|eront)|reprend(?:ra|ront)?|rouvr(?:e|ira)|ferm(?:e|era|eront)|ouvr(?:ent|ira)|dur(?:e|era)|comport(?:e|era)>|se <tiendra>)"),
)  # fmt: skip
