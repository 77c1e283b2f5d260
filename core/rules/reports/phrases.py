"""Mail systems' sentences in their languages: data, collected from the systems' own sources and manuals.

Subjects are matched from the start (a ticket that quotes one begins with its number), bodies anywhere.
"""

from __future__ import annotations

import re
from typing import Final


def _any(*phrases: str) -> re.Pattern[str]:
    return re.compile("|".join(phrases), re.IGNORECASE)


def _opening(*phrases: str) -> re.Pattern[str]:
    """The phrases at the start of a subject, after any prefix that filters added."""
    before = (
        r"^\W{0,3}(?:\[?(?:\*{0,5}spam\*{0,5}|extern(?:al)?|postmaster|avviso|aviso|avis|hinweis|achtung|注意|알림)\]?"
        r"\s?:?\s{0,3})?"
    )
    return re.compile(before + "(?:" + "|".join(phrases) + ")", re.IGNORECASE)


FAILURE_SUBJECT: Final = _opening(
    r"undeliver(?:able|ed)",
    r"non.?deliver",
    r"mail not delivered",
    r"(?:failure|error) notice",
    r"failed? mail",
    r"failed? (?:to deliver|message|delivery)",
    r"(?:mail |e-?mail |message |smtp )?(?:system )?(?:delivery|"
    r"transmission)(?: has)?(?: \w{1,12})? ?(?:failed|failure|error|problem|delayed|unsuccessful|"
    r"aborted|has been delayed)",
    r"delivery (?:status )?(?:notification|report|status|warning|incomplete|unsuccessful)",
    r"delivery to .{1,80} (?:failed|delayed)",
    r"returned (?:mail|e-?mail|message|to sender)",
    r"return(?:ed)? to sender",
    r"rejected (?:mail|message|e-?mail|posting)",
    r"bounced? (?:mail|message|e-?mail)",
    r"(?:mail|message|e-?mail|letter) (?:could not be|was not|not|cannot be|can't be|wasn't|"
    r"has not been|undeliverable|delivery|is undeliverable)\b.{0,40}(?:deliver|fail|sent|return)?",
    r"(?:your )?(?:mail|message|e-?mail) (?:to|for) .{1,100}(?:fail|not be|undeliver|reject|delay|"
    r"return|bounce|couldn't|wasn't)",
    r"message (?:status ?-? ?undeliver|you sent|distribution failed|not sent)",
    r"(?:mail|message|e-?mail) (?:rejected|blocked|refused|returned|delayed|bounced)",
    r".{0,30}(?:kunde inte|kunne ikke|kan ikke|nicht zugestellt|no (?:se )?(?:pudo|puede)|não (?:pôde|foi))",
    r"(?:warning|warn)\W{1,4}(?:message|mail|e-?mail|could not|delivery)",
    r"(?:warning|warn|error)\W{1,4}\S{1,100}@\S{1,100} .{0,20}(?:unknown|no such|not found|fail|undeliver)",
    r"(?:unable|unsuccessful) to deliver",
    r"could ?n[o']t (?:be delivered|deliver|send)",
    r"user (?:unknown|not found)",
    r"unknown (?:user|recipient|address)",
    r"nondeliverable",
    r"mail(?:er)?[- ]?(?:daemon|error|failure|system error)",
    r"mail (?:failure|delivery|returned|routing|bounce)",
    r"(?:recipient|address) (?:unknown|rejected|not found)",
    r"ndn:",
    r"ndr:",
    r"dsn:?\s",
    r"auto(?:matic)? ?(?:bounce|non.?delivery)",
    r"postmaster notify",
    r"problems? (?:delivering|sending)",
    r"considered unsolicited",
    r"your message was not delivered",
    r"request to mailing list .{1,60} rejected",
    r"banned|virus .{0,30}in (?:your )?mail(?! to you)",
    r"(?:mailbox|quota) (?:full|exceeded)",
    r"(?:e-?mail|mail) (?:address|account) .{0,40}(?:invalid|no longer)",
    r"(?:délai|retard|échec|echec|non remis|non distribu|avis de non|message non|courrier non|"
    r"remise (?:différée|retardée|du))",
    r"(?:unzustellbar|zustell|fehler bei der|nachricht (?:nicht|unzustell|konnte)|mail (?:nicht|"
    r"konnte nicht|unzustell)|e-mail konnte nicht|ihre (?:e-?mail|nachricht).{0,40}nicht|rückläufer|"
    r"übermittlungsfehler|unzustellbare)",
    r"(?:no se puede entregar|no entregad|correo devuelto|mensaje (?:no|devuelto)|error de entrega|"
    r"fallo (?:en|de)|entrega (?:fallida|diferida|retrasada)|notificaci[oó]n de(?:l)? estado|"
    r"devoluci[oó]n de correo)",
    r"(?:não (?:foi )?entreg|nao (?:foi )?entreg|mensagem (?:não|nao|devolvida)|falha na entrega|"
    r"não é possível entregar|e-?mail devolvido|não pôde ser)",
    r"(?:mancat[oa] (?:recapito|consegna)|consegna (?:non|fallita|ritardata)|messaggio non|"
    r"impossibile (?:recapitare|consegnare)|posta (?:non|respinta)|avviso di mancata|"
    r"notifica (?:di )?(?:mancat|stato)|non recapitabile|errore (?:di|nella) consegna|"
    r"avviso di (?:mancata|ritardata))",
    r"(?:onbestelbaar|niet bezorg|kan niet worden|bezorging|niet-bezorg|bericht niet)",
    r"(?:недоставлен|не ?доставлен|сообщение не|письмо не|ошибка доставки|невозможно доставить|"
    r"уведомление \w (?:не|статусе)|возврат|не удалось доставить)",
    r"(?:【?(?:エラー|重要)】?\s?)?(?:メール(?:が|の|を)?)?(?:お?(?:送信|届け|送り|配達|配送|"
    r"配信))(?:することが)?(?:でき(?:ません|なかった)|失敗|エラー|不能|されません|されていません)",
    r"(?:【エラー】\s?)?(?:メール(?:が|の|は)?)?(?:未送信|未達|不達|届きませ|届いていませ|"
    r"送信失敗|配送(?:エラー|不能|失敗)|宛先(?:エラー|不明))|エラー(?:通知|報告)|"
    r"(?:配信(?:不能|できません|エラー|失敗|状況|不可)|配信されませんでした|配達|送信エラー|"
    r"メール(?:が|の)?(?:配信|送信)(?:エラー|失敗|できません)|未配信|不達|"
    r"メールエラー|エラーメール|宛先不明|リターンメール|宛先が見つかりません)",
    r"(?:无法投递|退信|系统退信|投递失败|未送达|傳送失敗|無法傳遞|郵件無法|邮件(?:发送|投递|"
    r"传送)?失败|未传递|无法传递|無法傳送|信件退回|邮件被退回|来自.{1,20}的退信)",
    r"(?:邮件|郵件|信件|系统)?(?:投递|投遞|传送|傳送|发送|發送|送达|退回)(?:延迟|延遲|失败|失敗|"
    r"异常|異常|未成功|状态)",
    r"(?:메일 ?|메시지 ?|이메일 ?)?(?:배달|전송|발송|전달|수신)\s?(?:실패|할 수 없|되지|지연|오류|"
    r"불가)|반송|배달되지|메일 (?:전송|발송) 실패",
    r"(?:niedostarczal|niedostarczon|nie można dostarczyć|zwrot|nie dostarczono|"
    r"niepowodzenie dostarczenia|błąd dostar)",
    r"(?:det gick inte att leverera|kunde inte leverera|kunne ikke leveres|kan ikke leveres|"
    r"ikke levert|ikke leveret|olevererbart|går inte att leverera|ei voitu toimittaa|toimittaminen|"
    r"leveransfel|returneret mail|levering mislykkedes)",
    r"(?:nedoručiteln|nelze doručit|nedoručen|kézbesíthetetlen|nem kézbesíthető|iletilemedi|"
    r"teslim edilemedi|gönderilemedi|nu a putut fi livrat|nelivrat|αδυναμία παράδοσης|μη παραδ)",
)

SIGNATURE: Final = _any(
    # Sentences that only a mail system writes about a failure, as its own opening words.
    r"hi\. ?this is the (?:qmail|mail|deliver|e-?mail)?[\w .-]{0,20}(?:-send )?program at",
    r"this is the (?:mail system|postfix program|deliver program|email server|mail delivery (?:agent|"
    r"system)|machine generated message)",
    r"this message was created automatically by (?:the )?(?:mail delivery software|mail system|smtp relay)",
    r"message from (?:yahoo|interscan)[\w.-]{0,40}",
    r"the message (?:that )?you sent (?:was|is|could|has)|"
    r"a message (?:that )?you sent (?:could not be delivered|was rejected|contained a recipient|"
    r"has not)",
    r"the following addresses? had (?:permanent|transient|delivery|fatal)",
    r"this (?:report|message) relates to (?:a|your) message (?:that )?you sent",
    r"this is an? (?:automatic(?:ally)?[- ]generated|automated)? ?(?:non-?)?delivery (?:status|"
    r"failure)? ?(?:notification|report|message)",
    r"your message (?:did not reach|cannot be delivered to|could not be delivered to|wasn't delivered|"
    r"was not delivered|couldn't be delivered|has encountered delivery|was undeliverable)",
    r"delivery (?:has failed to|to the following|of the following message|"
    r"is delayed to) (?:these )?(?:recipients?|failed|message)?",
    r"address (?:not found|couldn't be found)",
    r"message (?:blocked|not delivered|could not be delivered to)",
    r"i'm (?:afraid|sorry),? (?:i|we) (?:wasn't|was not|couldn't|could not|have to inform)",
    r"the following recipients? (?:could not|cannot|can't|did not|failed|were not|was not|has been|have)",
    r"did not reach the following recipient",
    r"could not be delivered to the following (?:recipient|user|address)",
    r"(?:was|is) undeliverable to",
    r"(?:e-?mail|message) delivery to \S{3,200} (?:has )?failed",
    r"---+ ?(?:transcript of session|failed recipients|the following addresses)",
    r"failed addresses follow",
    r"sorry,? (?:we were |i was )?unable to deliver (?:your|this|the)",
    r"the (?:mail|message|e-?mail) (?:system|server|gateway)? ?(?:was )?(?:could not|unable to|cannot|"
    r"can't) (?:be )?deliver",
    r"(?:could not|couldn't|unable to|cannot) deliver (?:the |your |this |following |mail |message )",
    r"reporting-mta:",
    r"(?:次|以下|下記)の?(?:あて先|宛先|アドレス|受信者)\S{0,30}(?:届|配信|送信|配達)|(?:ihre|"
    r"die) (?:nachricht|e-?mail) (?:an|konnte)\b.{0,90}(?:nicht|konnte)|"
    r"votre (?:message|courriel|e-?mail) .{0,60}(?:n.a (?:pas )?(?:pu|été)|pas pu)|(?:su|"
    r"el) mensaje .{0,60}no (?:se )?(?:ha |pudo|puede)|"
    r"(?:sua|a) mensagem .{0,60}não (?:foi|pôde)|il (?:suo |tuo )?messaggio .{0,60}non (?:è|ha|"
    r"può)|uw bericht .{0,60}(?:niet|kon)|ваше (?:письмо|сообщение) .{0,60}не |"
    r"(?:您|你)(?:发送|發送|发)?.{0,30}(?:邮件|郵件).{0,30}(?:退回|无法|未能|無法|失败|失敗)",
    r"final-recipient:",
    r"user'?s mailbox is full",
    r"technical details of (?:permanent|temporary) failure",
    r"lotus (?:notes|domino)",
    r"no (?:valid )?recipients?\b",
    r"permanent error; i've given up",
    r"rejected by the list moderator|not allowed to post|posting of your message titled|"
    r"message has been automatically rejected|permanent fatal delivery errors",
)

FAILURE: Final = _any(
    r"undeliver(?:able|ed)",
    r"(?:not|n't|never|unable to be|cannot|no) (?:(?:be|been|yet|get|successfully|"
    r"currently) ){0,2}(?:deliver|reach|accept|process|relay|forward|route|complete|sent|send)",
    r"(?:fail|unable|unsuccessful|error|problem|trouble|rejected?|refused|bounced?|returned|"
    r"blocked)\w{0,4} .{0,60}(?:deliver|recipient|send|mailbox|address|message|mail)",
    r"(?:deliver\w{0,3}|message|mail|recipient|address|rcpt|send|mailbox|user|account|domain|"
    r"host)\b.{0,60}(?:fail|reject|unknown|not found|refused|denied|bounced|returned|disabled|"
    r"not exist|n't exist|unavailable|not (?:be )?found|blocked|unable|delayed|over quota|full\b)",
    r"user unknown|unknown user|no such (?:user|mailbox|recipient|address|account)",
    r"(?:does|do) ?n[o']t exist",
    r"permanent(?:ly)? (?:fatal )?(?:error|failure)",
    r"not (?:an? )?(?:valid|known|existing)|(?:is |was )?invalid\b|exceeds",
    r"finns inte|hittades inte|find?nes ikke|inte levereras",
    r"has (?:invalid|been delayed)",
    r"quota exceeded|over ?quota|mailbox (?:is )?full",
    r"\b[45]\d\d[ -]#?[45]\.\d\.\d",
    r"still (?:being|trying)|not yet been",
    r"nicht zugestellt|unzustellbar|nicht ausgeliefert|konnte nicht|fehlgeschlagen|nicht erreicht|"
    r"non (?:remis|distribu|délivr)|n.a (?:pas )?(?:pu|été)|pas pu être|impossible (?:de|d.)|échou?é|"
    r"no (?:se )?(?:ha )?(?:pudo|puede|podido|entreg|existe)|no ha sido|devuelto|não (?:foi|pôde|pode|"
    r"é possível)|nao (?:foi|pode)|falhou|impossibile|non (?:è|e') (?:ancora )?stat|non (?:può|e'? possibile|"
    r"recapit|consegn)|fallit|niet (?:worden )?(?:be|af)|kon niet|mislukt|не (?:может|был|удалось|"
    r"доставлен|существует)|невозможно|ошибка|недостав",
    r"できません|配信(?:不能|エラー|され)|送信できま|届け|届き(?:ませ|ませんで)|届いて|存在しませ|"
    r"不達|失敗|見つかりません|无法|退信|失败|"
    r"不存在|尚未|지연|延迟|延遲|"
    r"無法|未能|失敗|실패|없습니다|되지 않|nie (?:można|"
    r"został|udało|istnieje)|inte leverera|kunde inte|ikke (?:leve|be)|kunne ikke|ei voitu|nelze|"
    r"nepodařilo|nem (?:sikerült|lehet)|edilemedi|iletilemedi",
)

# A parcel service's text about an undeliverable parcel reads like a mail system's notice.
PARCEL: Final = _any(
    r"\b(?:parcels?|packages?|shipments?|consignment|courier|tracking (?:number|code|id)|delivery attempt|"
    r"(?:your|the|an?) order|sendung|pakete?s?|paketshop|lieferadresse|colis|livreur|paquetes?|envío|pacco|pacchi|"
    r"spedizione|encomenda|zending|pakket|przesyłk\w|paczk\w|försändelse)\b|посылк|荷物|お荷物|包裹|快递|택배",
)

DELAY: Final = _any(
    r"(?:has|have|was|is|been) (?:been )?(?:temporarily )?delayed",
    r"not (?:yet )?been (?:successfully )?delivered (?:yet|within|after|to one or more)",
    r"(?:will|shall|continue|keep)s? (?:be |to )?(?:continue|keep|retry|retried|try|trying|"
    r"attempt)\w*(?: (?:to|trying|for|again|deliver|sending|until))",
    r"warning message only|this is (?:only )?a warning",
    r"do not need to (?:resend|retransmit)|no need to resend|no action is required",
    r"still (?:being retried|in the queue|trying)",
    r"delivery (?:attempts will|is delayed|will continue)",
    r"will (?:be (?:re)?tried|retry|try again)|delivery incomplete",
    r"verzögert|weitere zustellversuche|noch nicht zugestellt|versuch\w* es weiter|weiterhin versucht|"
    r"wird (?:erneut|weiter) versucht|retardée?|remise différée|pas encore (?:pu |été )|"
    r"va réessayer|nouvelles? tentatives? (?:ser|aur|de)|"
    r"se ha retrasado|sigue intent|seguir[áa] (?:intent|reintent)|todavía no (?:se )?ha|"
    r"volverá a intentar|ainda não (?:foi|pôde)|"
    r"continuar\w* (?:a )?tentando|tentará novamente|atrasad[oa]|ritardat|non è ancora stat|"
    r"ulteriori tentativi (?:sar|ver)|riprover|"
    r"vertraagd|nog niet (?:bezorgd|afgeleverd)|blijft proberen|opnieuw geprobeerd|задерж|"
    r"будут? повтор|(?:пока|ещ[её]) не (?:\w+ )?доставлен|"
    r"продолжит? попыт|遅延|遅れて|再送(?:を|信を)?(?:試み|続け)|再試行(?:し|を続|中)|まだ(?:配信|"
    r"配達)|延迟投递|延遲|继续尝试|繼續嘗試|尚未(?:送达|投递|送達)|"
    r"지연|계속 ?시도|다시 ?시도(?:합|할|하)|opóźni|nie został\w* jeszcze|ponawiać|fördröj|"
    r"försenad|fortsätter försöka|forsink|fortsetter å prøve",
)
# Announcements of a future step: `Eventually the mail delivery software will give up`.
STILL_TO_COME: Final = re.compile(
    r"\b(?:will|shall|may|might|would|going to|eventually|if|until|when|unless|once|before|should|"
    r"and then|nach|wird|après|"
    r"sera|se |verrà|zal|dopo|когда|если|будет|через)\b[^.!?]{0,90}?(?:giv(?:e|en|ing) up|"
    r"no further|permanent\w*|last attempt|"
    r"expire\w*|aufgegeben|aufgeben)",
    re.IGNORECASE,
)
GIVEN_UP: Final = _any(
    r"given? up|giving up|no further|not (?:be )?(?:re)?(?:tried|attempted) again|"
    r"will not (?:be )?(?:re)?tr[yi]|not going to try|permanent(?:ly)? (?:error|failure|fatal|failed)|"
    r"in the queue too long|(?:has|have|was|retry time|message|envelope|delivery|"
    r"delivery time) (?:now |since |finally )?expired|failed permanently|last attempt",
)
DELAY_SUBJECT: Final = _any(
    r"delay(?:ed)?\b|warning|still (?:being )?(?:retried|trying)|incomplete|verzögert|retard|retras|"
    r"ritard|vertrag|vertraagd|задерж|отлож|遅延|延迟|延遲|지연|opóźni|fördröj|försenad|forsink|différée",
)

FINAL_SUBJECT: Final = _any(r"undeliver|fail|return|reject|unzustellbar|no (?:se puede|entreg)|échec|could not|cannot")

AUTO_REPLY_SUBJECT: Final = re.compile(
    r"^\W{0,3}(?:re:\s{0,3})?(?:auto(?:mat(?:ic|ed|ische?|isch|yczna|isk|isches|ique|ica|ico|"
    r"iskt))?[\s:_-]{0,3}(?:repl|re\b|response|answer|antwort|respon|reaktion|acknowledg|odpowied|"
    r"svar|generated reply)|out[ -]of[ -](?:the[ -])?office|ooo\b|vacation|on (?:holiday|vacation|"
    r"leave)|away from|i(?:'m| am) (?:away|out)|absen[ct]|abwesen|"
    r"r[ée]ponse automatique|absence|respuesta autom|fuera de|resposta autom|ausência|fora do|"
    r"risposta automatica|assenza|fuori (?:ufficio|sede)|automatisch antwoord|afwezig|autosvar|"
    r"frånvaro|fravær|ikke til ?stede|poissa|автоответ|автоматический ответ|нет на месте|в отпуске|"
    r"自動(?:返信|応答)|不在|自动(?:回复|答复)|自動回覆|부재|자동 ?(?:회신|응답)|nieobecno|"
    r"odpowiedź automat|autoodpowied|"
    r"mimo kancelář|automatická odpověď|házon kívül|otomatik yan|ofis d\u0131ş\u0131)|"
    r"\b(?:out of (?:the )?office|auto(?:matic)?[- ]?reply|autoreply|auto[- ]?respon(?:se|der)|abwesenheitsnotiz)\b",
    re.IGNORECASE,
)
CHALLENGE: Final = _any(
    r"(?:please |must |need to |required to )?(?:confirm|verify) (?:that )?(?:you(?:'re| are)?|"
    r"your (?:message|e-?mail|address|identity|request))",
    r"requires? (?:your )?(?:confirmation|verification|approval)",
    r"prove (?:that )?you(?:'re| are)",
    r"challenge[- ]response|spam ?arrest|boxbe|tmda|earthlink.{0,10}spamblocker",
    r"(?:awaits|awaiting|held for|waiting for) (?:the )?(?:moderator|moderation|approval|review)",
    r"to (?:have|get) your (?:message|e-?mail) delivered|so that your (?:message|mail) can be delivered",
    r"approved senders? list|guest list",
)
HUMAN_SUBJECT: Final = re.compile(
    r"^\W{0,3}(?:re|aw|antw|sv|vs|fwd?|wg|tr|rv|i|enc|rif|doorst|vl|res|odp|ynt|回复|转发|答复|返信|"
    r"転送)(?:\[\d{1,3}\])?\s{0,2}[:\uff1a]|^\W{0,2}(?:\[[^\]]{0,60}\]\s{0,3})?(?:re|aw|fwd?|wg|tr|rv)\s?:|"
    r"\(fwd\)\s*$|^\[[^\]]{1,60}#\s?\d+[^\]]{0,40}\]|^(?:ticket|case|issue|bug|pr)\b.{0,12}#?\d+",
    re.IGNORECASE,
)

SUCCESS: Final = re.compile(
    r"\b(?:was|were|has been|have been|is) successfully (?:delivered|relayed|sent|forwarded|"
    r"expanded)|erfolgreich (?:zugestellt|ausgeliefert)|"
    r"a été (?:remis|distribué) avec succès|(?:se )?(?:ha )?entregado correctamente|正常に配信されました",
    re.IGNORECASE,
)
ABSENT: Final = _any(
    r"(?:out of|away from|not in) (?:the |my )?office|on (?:annual |sick |parental |"
    r"maternity )?(?:leave|vacation|holiday)|nicht im (?:büro|haus)|im urlaub|außer haus|"
    r"abwesend|en (?:vacances|congés?)|absent(?:e)? (?:du|jusqu)|de vacaciones|"
    r"fuera de la oficina|de férias|in ferie|fuori ufficio|op vakantie|afwezig|na urlopie|"
    r"в отпуске|вне офиса|不在に|休暇中|休假|出差|부재중|휴가",
)
# A whole notice in one sentence, whatever its type: what was not delivered to whom, and why.
PRECISE: Final = re.compile(
    r"(?:message|e-?mail|mail)\b.{0,60}(?:not|n't|unable to) (?:be )?(?:deliver|sen[dt]|"
    r"accept).{0,60}@.{0,120}(?:mailbox|inbox|quota|user|recipient|account|address)\b"
    r".{0,40}(?:full|exceed|over|unknown|not exist|n't exist|not found|disabled|invalid)",
    re.IGNORECASE,
)
PERSON: Final = re.compile(
    r"^\W{0,3}(?:hi|hello|hey|dear|good (?:morning|day|evening)|hallo|guten|liebe|sehr geehrte|"
    r"bonjour|salut|hola|buenos|ciao|olá)\b(?!.{0,20}this is the)|"
    r"\b(?:can (?:you|anyone|anybody)|could you|any idea|please (?:advise|help|look)|(?:best |"
    r"kind )?regards|thanks|thank you|cheers|sent from my|my (?:e-?mail|mail|message)s? to|i (?:got|"
    r"get|received|tried|sent|think)|we (?:got|get|received|see))\b",
    re.IGNORECASE,
)
RETURNED_BELOW: Final = re.compile(
    r"^[\s>*]{0,8}(?:[-=_*#~+<]{2,}\W{0,4}.{0,40}(?:original|returned|copy of|unsent|undelivered|"
    r"message (?:header|text|follows|body)|forwarded message|begin message|headers? follow|start of|"
    r"attached|元のメール|ursprüng|d.origine|原始|original(?:e|er|es)?)|"
    r"(?:the )?(?:original|unsent|returned|rejected|undelivered) (?:message|mail|e-?mail|"
    r"headers?)(?: (?:follows|headers?|is attached|below|attached|details|text|body|included|begins|"
    r"information|subject)\b.{0,60})?\s*[:.]?\s*$|(?:message|mail|"
    r"text of)? ?(?:headers? (?:of (?:the )?(?:original )?message )?follows?|text follows|"
    r"copy of (?:the|your) (?:original )?message|contents follow).{0,40}$|original message (?:headers|"
    r"details)|(?:here is|included (?:is|below)|below is|attached is|following is|this is) (?:a |"
    r"the )?(?:copy|original|header|first|unsent|returned|your (?:returned|original|message|"
    r"mail)).{0,60}$|"
    r"old message:|received: (?:from|by|\(|with)|return-path:\s?<|dkim-signature:|x-received:|"
    r"arc-seal:|begin forwarded message|ursprüngliche nachricht|le message original|mensaje original|"
    r"messaggio originale|mensagem original)",
    re.IGNORECASE,
)
TURN_TO: Final = re.compile(
    # Just before an address: phrases that tell the reader to contact it.
    r"(?:\b(?<!not )(?<!unable to )(?<!failed to )(?:contact(?:ing)?|e-?mailing|(?:further|more|any|"
    r"need|questions?|assistance|for help|information|details)\b[^.]{0,50}|"
    r"please (?:write|mail|e-?mail|forward|send|report)\b[^.]{0,50}|write to|reach us at|"
    r"support(?: team)?(?: at)?|helpdesk(?: at)?|"
    r"(?:report|complain|appeal|forward this \w+|unblock\w*) (?:\w+ ){0,3}(?:to|at|via|write to)|"
    r"postmaster(?: at)?|administrator(?: at)?|"
    r"wenden sie sich (?:\w+ )?an|kontakt\w*(?: \w+)?|schreiben sie an|contact(?:er|ez)|écrire à|"
    r"écrivez à|contact[ae]r?|escriba a|contatt\w+|scriv\w+ a|"
    r"contate|neem contact op met|skontaktuj\w*(?: się z)?|обратитесь\b[^.]{0,30}|пишите на|联系|"
    r"聯絡|お問い?合わせ\S{0,8}|문의\S{0,8})"
    r"|(?:mailto|e-?mail|support|contact|help)\s?:)[\s<\"'(\[:]{0,4}$",
    re.IGNORECASE,
)
CONTACT: Final = _any(
    r"contact|questions?\b|assist|further (?:help|info)|for (?:help|more)|support|e-?mail (?:me|us)|"
    r"forward (?:this|it)|send (?:an? )?(?:e-?mail|message|mail|query|report)|please (?:mail|write|"
    r"call|notify|report)|notify|administrator at|in error|on behalf|unsubscribe|(?:reply|respond|"
    r"write|complain) to|hilfe|wenden sie|contactez|contacte|contatt|contato|neem contact|обратитесь|"
    r"お問い?合わせ|联系",
)
