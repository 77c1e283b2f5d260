"""English cues."""

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

ENGLISH: Final = Cues(
    (VALID, r"<valid|expires?> (?:until|till|through|on|for|in)"),
    (ASKS, r"<please|kindly> (?!note|find|be |rest|accept|consider)(?:\w+ly )?[a-z]{2,}"),
    (ASKS, r"(?:we|i)(?:'d| would| must| do)?(?: like to| have to)? (?:kindly )?<ask|request|invite> (?:that )?(?:you|all|everyone|\w+s) "),
    (ASKS, r"(?:would be <grateful>|would <appreciate>|be <grateful>|<appreciate> it) (?:if|for)"),
    (ASKS, r"(?:(?<!will )(?<!ll )(?<!personally )make <sure>|be <sure> to|<remember> to|don't <forget>|do not <forget>)"),
    (MUST, r"(?:you|customers|guests|applicants|candidates|participants|tenants|students|visitors|passengers|members|employees|parents)(?:'ll| will| do| may| are| also)* (?:<need> to|<need|must>|<required> to|<supposed> to|<should>) "),
    (MUST, r"(?:you|customers|guests|applicants|candidates|participants|tenants|students|visitors|members|parents)(?:'ll| will| would| do)? <have|has> to "),
    (MUST, r"(?:forms?|documents?|payments?|claims?|applications?|invoices?|returns?|items?|keys?|requests?|reports?|proofs?) <must> "),
    (OTHERS_SAY, r"(?:the|your|their|his|her|a|an|this|that|mr|mrs|ms|dr|he|she|they)(?: [\w'-]+){0,4} (?:has |have |had |also |just |already )*<said|says|told|informed|announced|stated|reported|mentioned|confirmed|promised|assured|claimed|claims|wrote|explained|warned> (?:us |me |you |that |to |in |it |he |she |they |the )"),
    (OTHERS_SAY, r"<according> to "),
    (OTHERS_DECIDE, r"^\W*(?:the|a|his|her|their|your|\w+'s) (?:[\w'-]+ ){1,4}(?:has |have )?(?<!is )(?<!was )(?<!are )(?<!been )<approved|voted|adopted|rejected|decided|passed|ruled|agreed|accepted> "),
    (IN_GENERAL, r"(?:is|are|can be|may be) <only> (?:possible|available|valid|refundable|granted|offered|issued|accepted|made|given|paid|due)"),
    (IN_GENERAL, r"<normally|usually|generally|typically|ordinarily|customarily>"),
    (IN_GENERAL, r"(?:free of charge |free )?<up> to (?:\d+|[a-z]+) (?:hours|days|weeks|months)(?: before| prior|,? (?:free|cancellations?))"),
    (IN_GENERAL, r"^\W*(?:(?:all|most|any|late|online|full|partial|standard|free|some|new) )?<refunds|cancellations|returns|payments|orders|deposits|claims|tickets|fees|reservations|bookings|deliveries|discounts|changes|applications|invoices|exchanges|salaries|members|customers|guests>(?: [\w'-]+){0,5} (?:are|can|take|must|may|receive|get|have|require|apply|take|will be|pay)\b"),
    (IN_GENERAL, r"^\W*<any|each|every|whoever|anyone|everyone>\b"),
    (DECLINES, r"(?:have to|must|had to|will have to|are going to|need to|i|we) (?:regretfully |respectfully )?(?:<decline|refuse|reject>|<turn> down)|(?:<unable> to|<cannot|regret|afraid>|<can>'t)"),
    (DECLINES, r"(?:no|not|without|never|cannot|can't|nor)(?: \w+){0,3} <guarantees?|guaranteed|assurance|promises?|certainty>"),
    (PERHAPS, r"(?:we|i|it|there|they|he|she|you|discount|fee|price|refund|that|this)(?:'d)? <could|might|would|may> (?!like|happily)(?:\w+ )"),
    (PERHAPS, r"^\W*<if|provided|unless|should> "),
    (TAKES_PLACE, r"^\W*(?:the|our|this|next|all|classes|lessons|\w+'s|\w+) (?:[\w'-]+ ){0,5}(?:(?:will|shall) (?:take <place>|be <held>|<begin|start|resume|reopen|close|open|last|consist|contain|cover|meet|run>)|takes? <place>|<begins?|starts?|resumes?|reopens?|closes?|opens?>|is <held>|are <held>|<consists?|contains?|lasts?|meets>)"),
)  # fmt: skip
