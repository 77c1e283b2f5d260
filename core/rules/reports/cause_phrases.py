r"""Phrases by which receivers report a dead address or a full mailbox, in their languages.

Data, matched against `plain` text. Written without accents, quotes and hyphens, an address as `addr`, a host as
`namedhost`. Where a language puts the noun first, the pattern allows a few words between: `Empfänger existiert nicht`,
`получатель с таким адресом не найден`.
"""
# ruff: noqa: RUF001, RUF002 - words of many scripts are what this file is for

from __future__ import annotations

from typing import Final

from core.rules.reports.normalize import any_of

_WHO: Final = (
    r"(?:users?|recipients?|recip|rcpts?|mailboxe?s?|address(?:es)?|addressee|accounts?|person|people|customers?|"
    r"subscribers?|members?|alias(?:es)?|login|local ?part|inbox|screen name|employee|mail ?drop|maildrop|addr|"
    r"email id|forward path|username)"
)
_NOT: Final = (
    r"(?:(?:does|do|did|is|are|was|were|has|have|can|could|may|would) (?:not|no longer|never)|not|no longer|never)"
)
_BETWEEN: Final = r"(?: \S{1,40}){0,5}?"

UNKNOWN: Final = any_of(
    # The noun, then the denial.
    rf"(?<!ip )(?<!your ){_WHO}{_BETWEEN} {_NOT} (?:\w+ ){{0,2}}?(?:exist|found\b|known|recogni[sz]ed|listed\b|"
    rf"defined|"
    rf"registered|valid\b|identified|located|present\b|hosted|in use\b|in service|local\b|available on this|here\b|"
    rf"belong|an? (?:known|valid|local|existing|registered|active)|match|resolv|in (?:the |our |my )?"
    rf"(?:director|list of (?:users|recipients)|domino|name|address ?book|validrcptto|database))",
    rf"(?<!ip )(?<!your ){_WHO} (?:\S{{1,30}} ){{0,4}}?(?:unknown|non ?exist\w*|no such|not exist\w*|"
    rf"invalid\b|misspelled|mistyped|incorrect|obsolete|defunct|unrecogni[sz]ed|undefined|nonexistent|nonexistant)",
    rf"\b(?:unknown|no such|non ?exist\w{{0,4}}|unrecogni[sz]ed|undefined|bogus|nonexistent|not existing|invalid|"
    rf"incorrect|illegal|unexisting|inexistent) (?:or (?:illegal|invalid|unknown|inactive) )?"
    rf"(?!sender|helo|domain|host|command)(?:\w+ ){{0,2}}?{_WHO}\b",
    r"^(?!.*\b(?:record|header|file|key|url|link|signature|certificate|page|zone|message|queue|"
    r"entry|sender|dns|site|directory)s?\b.{0,40}\b(?:not|no) (?:\w+ )?exist).*(?:\b(?:does|do|"
    r"did) no|\bno)t? (?:\w+ )?exist|(?:mailbox|user|account|address)s? is absent",
    r"there (?:is|was) no (?:such|one|user|mailbox|account|body)\b|no ?(?:one|"
    r"body) (?:here )?(?:by that|with that|at this)|do not know (?:any|this|that|"
    r"the) (?:\w+ )?(?:user|recipient|address|person|mailbox)|"
    r"not in (?:the |our |this )?(?:\w+ )?(?:database|user ?list|user table)",
    rf"\bno (?:{_WHO}|email account) (?:here|found|by|with|at|for|on|matching|exists?|under|called|named|"
    rf"registered|in|"
    rf"that|of|available for|is)\b(?! (?:spam|valid))",
    r"(?:not|no|never) (?:have|has|had) an? (?:\S+ ){0,3}(?:account|mailbox|email|inbox)|"
    r"ha(?:s|ve) no (?:\S+ )?(?:account|mailbox)",
    rf"(?:is|are) not (?:an? |one of )?(?:\w+ ){{0,3}}(?!addr\b){_WHO}\b",
    rf"\bnot (?:an? )?(?:\w+ )?(?:valid|known|existing|active|local) (?:\w+ )?{_WHO}\b",
    r"not (?:our|one of our) (?:customer|user|member|subscriber)s?",
    r"no longer (?:exists?|in use|valid|works? (?:here|for|at)|with (?:us|the)|employed|at this|part of|"
    r"associated|in service|registered|used|monitored|a valid|known)",
    r"(?:has |have )?left (?:the|our) (?:company|organi[sz]ation|firm|business)",
    rf"(?:can not|could not|unable to|not able to|failed to|did not) (?:find|locate|identify|look ?up|"
    rf"recogni[sz]e|match)"
    rf"(?! your)(?: \S{{1,20}}){{0,3}}? {_WHO}\b",
    r"(?:address|recipient|mailbox|account|email|user|name)(?: you (?:entered|typed|specified))? "
    r"(?:could|can) not be (?:found|located|resolved|identified)",
    r"\bunrout(?:e|)able (?:mail )?addr|undeliverable addr(?:ess)?(?! temporar)|non deliverable address",
    r"not listed in|directory (?:lookup|entry) (?:failed|not found)|missing home directory|"
    r"no such (?!domain|host|command|file|sender)\w+",
    r"(?:user|recipient|mailbox|customer|destination|address) (?:has |have )?(?:permanently )?(?:moved|changed)\b|"
    r"(?:address|email|mailbox) (?:has|was) (?:been )?(?:changed|replaced)",
    r"user not local|not a local (?:address|user|mailbox|recipient)|recipient is not local|"
    r"email account does no exist",
    r"(?:bad|malformed|illegal|wrong|incorrect|invalid) (?:recipient |destination |mailbox |rcpt )?address syntax|"
    r"(?:recipient|mailbox|destination|rcpt)(?: address)? (?:syntax|format)|bad destination mailbox|"
    r"address (?:was |is )?(?:misspelled|mistyped|wrong)|(?:bad|wrong) (?:recipient|mailbox|email) (?:name|"
    r"address|addr)",
    r"(?:find|found|locate|match)\w* .{0,40}? in (?:the |our )?(?:directory|address ?book)|"
    r"not a member of (?:this |the |our )?domain|"
    r"address(?: was)? not found|not in (?:the |our )?(?:address ?book|directory)|unavailable mail user|"
    r"unknown or no longer|no mailbox\b",
    r"^unknown$|^addr:? unknown|nicht (?:im|in) .{0,30}?(?:verzeichnis|adressbuch)|pas (?:repertorie|"
    r"dans) .{0,20}?annuaire|"
    r"non (?:\w+ )?(?:in|nell\w*) .{0,20}?(?:rubrica|elenco)|no (?:\w+ )?en .{0,20}?(?:directorio|libreta)",
    # German
    r"unbekannte[rnms]? (?:empf|benutzer|adress|nutzer|postfach|teilnehmer|mailbox|konto)",
    r"(?:empf(?:a|ae)nger\w{0,12}|benutzer\w{0,6}|nutzer|adresse|adressat\w{0,2}|address|"
    r"mailadresse|postfach|konto|teilnehmer|mailbox|"
    r"account|kunde)\b.{0,60}?\b(?:unbekannt|existier(?:t|en) (?:\w+ )?nicht|nicht (?:\w+ )?(?:gefunden|"
    r"bekannt|vorhanden|"
    r"existent|existiert|g(?:u|ue)ltig|registriert|angelegt|ermittelt)|ung(?:u|ue)ltig|gibt es nicht|gel(?:o|oe)scht|"
    r"falsch geschrieben|nicht mehr (?:vorhanden|g(?:u|ue)ltig|aktuell|in gebrauch))",
    r"(?:existiert|gibt es) (?:\w+ )?(?:nicht|kein)|kein(?:e|en)? (?:\w+ )?(?:benutzer|postfach|empf(?:a|"
    r"ae)nger|konto)\b"
    r"(?! (?:frei|gew))|nicht existierende",
    # French
    r"(?:utilisateur|destinataires?|adresse|boite|compte|abonne|bal|correspondant|usager)\b.{0,60}?\b(?:inconnue?s?|"
    r"n existe(?:nt)? (?:pas|plus)|inexistante?s?|introuvables?|invalides?|(?:non|pas) valide|pas (?:ete )?trouve|"
    r"supprimee?|n est plus|erronee?|incorrecte)",
    r"n existe (?:pas|plus)|(?:aucune?|pas d) (?:utilisateur|compte|destinataire|boite)\b",
    # Italian
    r"(?:utente|destinatari[oa]|indirizzo|casella|account|mailbox)\b.{0,60}?\b(?:sconosciut|inesistent|non (?:\w+ )?"
    r"(?:esiste|trovat|valid|conosciut|corrett|attiv)|errat|eliminat|cancellat|rimoss)|nessun utente|"
    r"non e stato possibile trovare",
    # Spanish, Portuguese
    r"(?:usuari[oa]|destinatari[oa]|direccion|buzon|cuenta|casilla|endereco|caixa|conta|utilizador)\b.{0,60}?\b(?:"
    r"desconocid|desconhecid|inexistent|no existe|nao (?:\w+ )?existe|(?:no|nao) (?:\w+ ){0,3}?(?:encontrad|valid|"
    r"cadastrad|reconocid|registrad|localizad)|invalid|incorrect|inexist|errone|eliminad|excluid)",
    r"no existe (?:el|la|ese|esa|dich|est|ningun)|no se (?:ha )?(?:encontrado|encontro|pudo encontrar)|"
    r"no such usuario|"
    r"usuario no existe|nao existe|nao foi encontrad",
    # Dutch, Polish, Czech, Slovak, Hungarian, Romanian, Turkish
    r"(?:gebruiker|ontvanger|e?mail ?adres|adres|postvak|mailbox|account|geadresseerde|"
    r"postbus)\b.{0,50}?\b(?:onbekend|"
    r"bestaat (?:\w+ )?niet|niet (?:\w+ )?(?:gevonden|bekend|geldig|bestaand)|ongeldig)|"
    r"geen (?:\w+ )?(?:gebruiker|ontvanger|postvak|account)\b.{0,30}?(?:bekend|gevonden|met die)|"
    r"onbekende? (?:gebr|"
    r"ontv|adres)",
    r"(?:uzytkownik|odbiorc|adres|skrzynk|konto|konta)\w*\b.{0,50}?(?:nie (?:\w+ )?istnieje|nieznan|nie (?:\w+ )?"
    r"(?:znalezion|znaleziono)|nie znaleziono|niepoprawn|nieprawidlow|usunie|nie odnaleziono)|nieznan\w+ (?:uzyt|odb|"
    r"adres)|brak (?:takiego )?(?:uzytkownika|konta|skrzynki|odbiorcy|adresu)|nie ma takie",
    r"(?:uzivatel|prijemc|prijemce|adres|schrank|ucet|pouzivatel|prijemca)\w*\b.{0,50}?(?:neexistuje|neznam|"
    r"nenalezen|"
    r"nebyl nalezen|neplatn|zrusen|neexist)|neznam[ya] (?:uziv|prij|adres)|neexistujici",
    r"(?:cimzett|felhasznalo|postafiok|cim)\w*\b.{0,50}?(?:ismeretlen|nem letezik|nem talalhato|ervenytelen)|"
    r"ismeretlen (?:cimz|felh)|nincs ilyen",
    r"(?:utilizator|destinatar|adresa|casuta|cont)\w*\b.{0,50}?(?:necunoscut|nu exista|inexistent|invalid|"
    r"nu a fost gasit)",
    r"(?:kullanici|alici|adres|hesa[pb]|posta kutusu)\w*\b.{0,50}?(?:bulunamadi|bilinmiyor|mevcut degil|gecersiz|"
    r"bulunmuyor|"
    r"bulunmamakta|tanimli degil|tanimsiz|yok\b)|bilinmeyen (?:kull|alici|adres)",
    # Scandinavian, Finnish, Greek, Baltic
    r"(?:anvandare|mottagare|bruker|mottaker|modtager|bruger|adress|konto|brevlada|postkasse|postboks|"
    r"mottak)\w*\b.{0,50}?"
    r"(?:okand|ukjent|ukendt|finns (?:\w+ )?inte|finnes (?:\w+ )?ikke|find?es (?:\w+ )?ikke|existerar inte|"
    r"eksisterer ikke|hittades inte|hittas inte|(?:ble |blev )?ikke fun[nd]et|ogiltig|ugyldig|kan ikke findes)|"
    r"ok(?:a|e)nd (?:anv|mott)|ukjent (?:bruk|mott)|ukendt (?:brug|modt)",
    r"(?:kayttaja|vastaanottaja|osoite|postilaatikko|tili)\w*\b.{0,50}?(?:tuntematon|"
    r"ei (?:\w+ )?ole(?:massa)?|ei loydy|"
    r"virheellinen|loytynyt)|tuntematon (?:kayt|vast|osoi)",
    r"αγνωστος? (?:χρηστ|παραληπτ)|(?:χρηστ|παραληπτ|διευθυνση|λογαριασμ)\w*.{0,40}?(?:δεν (?:υπαρχει|"
    r"βρεθηκε)|αγνωστ|"
    r"ακυρ)",
    r"kasutaja(?:t)? (?:ei|on) (?:\w+ )?(?:leitud|tundmatu|eksisteeri)|vartotoja\w* (?:nerasta|neegzist)|"
    r"lietotaj\w* (?:nav|neeksist)",
    # Russian, Ukrainian, Bulgarian, Serbian
    r"(?:пользовател|получател|адрес|ящик|аккаунт|абонент|учетн|почтов|користувач|одержувач|отримувач|скриньк|"
    r"потребител|кутия|корисник|прималац)\w*.{0,60}?(?:не (?:\w+ )?(?:существует|найден|известен|зарегистрирован|"
    r"обнаружен|существуют|действител|існує|знайдено|знайдений|съществува|е намерен|постоји)|неизвест|"
    r"удален|недействител|отсутств|невідом|непознат|несуществ|неверн)",
    r"нет так(?:ого|ой)|так(?:ого|ой) (?:\w+ )?(?:пользователя|адреса|ящика|получателя|почты) (?:\w+ )?нет|"
    r"неизвестн\w+ (?:пользов|получ|адрес)|несуществующ|немає такого|не существует|не (?:является|числится)",
    # Japanese
    r"(?:宛先|あて先|送信先|ユーザー?|アドレス|受信者|メールボックス|アカウント|"
    r"受取人)\S{0,24} ?\S{0,10}(?:不明|存在しま|存在しない|"
    r"見つかりません|見つかりませ|見つからな|見つかりま|無効|ありません|誤り|間違|確認できま|"
    r"使われて|[はが](?:い|おり)ません|登録されて)|宛先不明|存在しない(?:宛|アドレス|ユー|メー)|"
    r"該当(?:する)?(?:ユーザ|アカウント|アドレス|メール|宛).{0,12}(?:な|ありま|いま|おりま)|"
    r"ユーザー? ?不明|無効な(?:宛|アドレス|受信)",
    # Chinese
    r"(?:用户|用戶|收件人|收件者|邮箱|郵箱|信箱|邮件地址|郵件地址|电子邮件|電子郵件|地址|账号|"
    r"帐号|帳號|账户|帐户|帳戶|使用者|接收者|收信人)[^,.。,;]{0,20}?"
    r"(?:不存在|未找到|找不到|无法找到|無法找到|无效|無效|不正确|不正確|错误|錯誤|未注册|未註冊|"
    r"未开通|不是有效|无此|未知|没有找到|有误|有誤)",
    r"(?:无|無|没有|沒有|查无|查無)(?:此|该|該|这个|這個|这一)?(?:用户|用戶|邮箱|郵箱|信箱|收件人|"
    r"使用者|账号|帐号|帳號|地址)|"
    r"(?:未知|无效|無效|错误)的?(?:用户|用戶|收件|邮箱|郵箱|地址)|不存在的(?:用户|用戶|收件|邮箱|"
    r"地址|信箱)|找不到(?:收件|用户|用戶|地址|信箱|邮箱)",
    # Korean, Vietnamese, Arabic, Hebrew, Thai
    r"(?:사용자|수신자|수신인|받는 ?사람|주소|계정|편지함|메일함|이메일|아이디|메일 ?박스|"
    r"회원)\S{0,8}.{0,14}?(?:존재하지|찾을 ?수 ?없|알 ?수 ?없|"
    r"없습니다|없음|없는|잘못|유효하지|올바르지|등록되지|틀렸)|(?:(?:존재하지|등록되지) ?않[는은]|없는|"
    r"알 ?수 ?없는|잘못된|유효하지 ?않은) ?(?:사용자|수신|메일|주소|계정|이메일|아이디)",
    r"khong ton tai|khong tim thay (?:nguoi|dia chi)|غير موجود|غير معروف|לא קיים|לא נמצא|"
    r"ไม่พบ(?:ผู้|ที่อยู่)|"
    r"tidak (?:ditemukan|"
    r"dikenal|ada)\b",
)
"""No such recipient: the mailbox never existed, or is gone."""

INACTIVE: Final = any_of(
    rf"(?<!your )(?<!sender ){_WHO}(?: \S{{1,30}}){{0,4}}? (?:\w+ ){{0,2}}?(?:disabled|de ?activated|inactive|"
    rf"suspended|"
    rf"discontinued|closed|terminated|cancel+ed|expired|deleted|removed|retired|frozen|archived|dormant|"
    rf"abandoned|locked|"
    rf"not (?:\w+ )?(?:active|activated|enabled)|no longer (?:active|accept|available|receiv)|decommissioned|hangup|"
    rf"not (?:currently )?accepting|shut ?down|blocked (?:due to|for) inactiv)",
    rf"\b(?:inactive|disabled|de ?activated|suspended|expired|closed|discontinued|dormant|deleted|frozen|abandoned|"
    rf"cancelled|terminated) (?:\w+ ){{0,2}}?{_WHO}\b",
    r"^\S{1,40} is (?:now |currently )?(?:disabled|inactive|de ?activated|suspended)|(?:extended|"
    r"due to|for|because of) inactivity|disabled or discontinued|"
    r"no longer accepts? (?:any )?(?:mail|email)|"
    r"not currently being accepted for this mailbox|does not accept (?:any )?(?:mail|email|messages)(?: any ?more)?$",
    r"(?:empf(?:a|ae)nger\w{0,12}|benutzer\w{0,6}|postfach|konto|mailbox|account|adresse)\b.{0,50}?\b(?:deaktiviert|"
    r"stillgelegt|abgeschaltet|geschlossen|inaktiv|gek(?:u|ue)ndigt|abgemeldet|nicht (?:mehr )?aktiv)",
    r"(?:utilisateur|destinataire|adresse|boite|compte|abonne|bal)\b.{0,50}?\b(?:desactivee?|fermee?|clotur|"
    r"suspendue?|"
    r"archivee?|inactive?|resilie|n est (?:pas|plus) acti)",
    r"(?:utente|destinatari[oa]|indirizzo|casella|account|mailbox)\b.{0,50}?\b(?:disattivat|sospes|chius|disabilitat|"
    r"inattiv|scadut|dismess)",
    r"(?:usuari[oa]|destinatari[oa]|direccion|buzon|cuenta|casilla|endereco|caixa|conta)\b.{0,50}?\b(?:desactivad|"
    r"deshabilitad|suspendid|cerrad|cancelad|inactiv|inativ|desativad|suspens|encerrad|desabilitad|"
    r"dada de baja|expirad)",
    r"(?:gebruiker|ontvanger|adres|postvak|mailbox|account)\b.{0,50}?\b(?:gedeactiveerd|opgeheven|"
    r"uitgeschakeld|inactief|"
    r"niet (?:meer )?actief|gesloten|opgezegd)",
    r"(?:uzytkownik|odbiorc|adres|skrzynk|konto)\w*\b.{0,50}?(?:nieaktywn|zawieszon|zamkniet|wylaczon|"
    r"dezaktyw|wygas)",
    r"(?:пользовател|получател|адрес|ящик|аккаунт|абонент|учетн|почтов)\w*.{0,60}?(?:отключен|деактив|закрыт|"
    r"приостанов|"
    r"неактив|не активен|выключен)",
    r"(?:アカウント|メールボックス|アドレス|ユーザー?|受信者|サービス)\S{0,16}(?:停止|休止|退会|"
    r"解約|無効化|利用できな|廃止)",
    r"(?:用户|用戶|收件人|邮箱|郵箱|信箱|账号|帐号|帳號|账户|帐户|使用者)[^,.。,]{0,16}?(?:禁用|"
    r"停用|冻结|凍結|注销|註銷|休眠|过期|過期|停止使用|已关闭|失效)",
    r"(?:사용자|수신자|계정|편지함|메일함|주소|아이디|회원)\S{0,6}.{0,14}?(?:정지|휴면|해지|중지|비활성|탈퇴|폐쇄)",
)
"""The recipient existed; the mailbox is disabled."""

REFUSED_ADDRESS: Final = any_of(
    r"(?:recipients?|rcpt|address|addr|user|mailbox|account)(?: address)?(?: \S{1,20}){0,2}? (?:is |was |"
    r"has been |"
    r"are |were )?(?:rejected|refused|denied|not (?:\w+ )?(?:accepted|ok|available)|unavailable|unavaiable|failed|"
    r"unacceptable)",
    r"^(?:rejected|refused)$|bad (?:recipient|address|rcpt|mailbox)|can not accept (?:user|recipient|mailbox)|"
    r"no valid recipients|not deliverable|undeliverable|can not be delivered|invalid$",
    r"empf(?:a|ae)nger\w* (?:\w+ )?(?:abgelehnt|zur(?:u|ue)ckgewiesen|abgewiesen|nicht erreichbar)|"
    r"destinataire (?:\w+ )?"
    r"(?:refuse|rejete)|destinatario (?:\w+ )?(?:rechazad|rifiutat|recusad|rejeitad)|получател\w* (?:\w+ )?отклонен",
)
"""Refuses the address without a reason: a status code must give the rest."""

UNAVAILABLE: Final = any_of(
    r"(?:mailbox|user|account|recipient|destination|box)(?: \S{1,30}){0,3}? (?:is |was |are |"
    r"currently )*(?:unavailable|unavaiable|"
    r"not available)|unavailable (?:mailbox|mail user|user|recipient)|mailbox name not allowed|"
    r"mailbox unavailable or access denied|postfach nicht (?:verf(?:u|ue)gbar|erreichbar)|"
    r"boite (?:\w+ )?(?:indisponible|non disponible)|"
    r"buzon no disponible|casella non disponibile|caixa (?:\w+ )?indisponivel|ящик недоступен|邮箱不可用|"
    r"信箱不可用|メールボックスが利用できません",
)
"""RFC 5321's own words for 550. With that code and no other cause, they mean that there is no such recipient."""

FULL: Final = any_of(
    r"(?:mailbox|inbox|account|box|quota|disk|disc|storage|folder|maildir|user|recipient|mail ?file|mail ?store|mbox|"
    r"addr|allocat\w+|space|drive|capacity)s?\b(?: \S{1,30}){0,7}? (?:is |are |was |has |have |been |almost |"
    r"currently |"
    r"temporarily |already )*(?:full\b|over (?:\w+ ){0,3}(?:quota|storage|size|capacity|space|limit)|"
    r"over quota|overfull|"
    r"exceed(?:ed|s|ing)? (?:\w+ ){0,4}?(?:quota|storage|space|capacity|allocat\w+|disk|mailbox|size|limit)|"
    r"exhausted|used up|overdrawn|reached (?:\w+ ){0,3}(?:quota|capacity|storage|maximum|size|limit))",
    r"(?:over|above|beyond|exceed\w*|out of|exceeding|violat\w+|reached|hit)(?: \S{1,16}){0,5}? (?:disk |"
    r"disc |mail |hard |"
    r"soft |mailbox |storage |inbox )*(?:quota|storage|disk ?space|allocation)\b",
    r"(?:quota|storage (?:limit|allocation|space)|disk ?space|allocated space|mailbox (?:size )?limit|mailbox size)"
    r"(?: \S{1,16}){0,4}? (?:exceed\w*|full|reached|violat\w*|overrun|exhausted|over\b|used up)",
    r"(?:exceed\w*|over|reached|exhausted) (?:\w+ ){0,5}?(?:mailbox|inbox|storage|disk|quota|allocation|"
    r"user s? space)\b"
    r"(?! hop)|would exceed (?:\w+ ){0,3}(?:quota|mailbox|storage|limit|space)",
    r"(?:insufficient|not enough|no|lacks?|out of|low on|without) (?:\w+ ){0,3}?(?:storage|disk ?space|space|room|"
    r"diskspace)\b(?! char)|over quota|mailbox (?:too |is )?full|full mailbox|inbox full|disk full|no space left|"
    r"out of (?:\w+ )?(?:space|storage)|run out of (?:\w+ )?(?:space|storage)|space (?:\w+ ){0,3}used up|"
    r"too many (?:messages|mails|emails) (?:on|in) (?:the|his|her|their|your|this|user)|quota ?exceed|"
    r"exceed\w* quota|"
    r"quota (?:error|problem|limit|reached|full)|too much mail data|mailbox (?:has )?grown|"
    r"mailbox is too (?:large|big)",
    r"(?:postfach|mailbox|speicher\w*|kontingent|quota|konto|benutzer\w*|empf(?:a|ae)nger\w*|"
    r"posteingang)\b.{0,60}?\b(?:voll\b|"
    r"vollen|(?:u|ue)berschritten|(?:u|ue)bervoll|(?:u|ue)berf(?:u|ue)llt|ersch(?:o|oe)pft|ausgesch(?:o|"
    r"oe)pft|belegt|"
    r"(?:zu wenig|kein(?:en)?|nicht gen(?:u|ue)gend|nicht ausreichend) (?:\w+ )?(?:speicher\w*|platz)|aufgebraucht)|"
    r"zu ?viele (?:mails|nachrichten|emails) (?:auf|im)|nicht gen(?:u|ue)gend speicher|"
    r"speicherplatz (?:reicht|fehlt)|"
    r"volles postfach",
    r"(?:boite|bal|mailbox|espace|quota|compte|messagerie|stockage|capacite)\b.{0,60}?\b(?:pleine?|depassee?|"
    r"saturee?|"
    r"insuffisante?|atteinte?|remplie?|exced)|boite pleine|quota (?:\w+ )?depasse",
    r"(?:casella|mailbox|spazio|quota|posta|disco|capienza)\b.{0,60}?\b(?:pien[ao]|esaurit|superat|satur[ao]|"
    r"insufficiente|"
    r"eccedut)|oltre la quota",
    r"(?:buzon|casilla|cuenta|cuota|espacio|bandeja|almacenamiento|caixa|conta|cota|espaco|armazenamento|"
    r"quota|caja)\b.{0,60}?"
    r"\b(?:llen[oa]|exced\w+|superad|agotad|insuficiente|sobrepas|chei[oa]|esgotad|lotad|ultrapass|estourad|atingi|"
    r"sin espacio|sem espaco)",
    r"(?:postvak|mailbox|quotum|quota|inbox|postbus|opslag\w*|brievenbus)\b.{0,50}?\b(?:vol\b|overschreden|"
    r"onvoldoende|bereikt|"
    r"te vol)",
    r"(?:skrzynk|pojemnosc|konto|przestrzen|limit pojemn|quot)\w*\b.{0,50}?(?:peln[ay]|przepeln|przekrocz|"
    r"zapeln|wyczerp)|"
    r"brak (?:wolnego )?miejsca|przekrocz\w* (?:\w+ ){0,2}(?:pojemnosc|quot|miejsc)|\bquota$|"
    r"przepelnion|(?:schrank|kvot)\w*\b.{0,40}?(?:plna|prekroc|zaplnen)",
    r"(?:postafiok|kvota|tarhely)\w*\b.{0,40}?(?:megtelt|tele\b|tullep|betelt)|(?:kota|posta kutusu|"
    r"kutu)\w*\b.{0,40}?(?:"
    r"dolu|asil|doldu|asti)|(?:casuta|cota|spatiu)\w*\b.{0,40}?(?:plin|depas|insuficient)",
    r"(?:brevlada|inkorg|postlada|kvot|lagring|postkasse|innboks|indbakke|postboks|mailboks|"
    r"lager)\w*\b.{0,50}?\b(?:full\b|fuld\b|"
    r"fullt|overskr\w+|overfyl\w+|oversk\w+)|(?:postilaatikko|levytila|kiintio|tila)\w*\b.{0,40}?(?:taynna|"
    r"taysi|ylitt|ylit)",
    r"(?:γραμματοκιβωτιο|χωρος|οριο)\w*.{0,40}?(?:γεματο|πληρες|υπερβ|ξεπερ)",
    r"(?:ящик|квот|место|хранилищ|скриньк|диск)\w*.{0,60}?(?:переполнен|заполнен|превыш|исчерпан|недостаточно|"
    r"закончил|"
    r"переповнен|перевищен)|переполнен|недостаточно (?:\w+ )?места|нет (?:\w+ )?места|квота превышена|"
    r"превышен\w* (?:\w+ )?"
    r"(?:квот|размер почтового|объем ящ|лимит (?:хран|ящ))",
    r"(?:メールボックス|ボックス|容量|受信箱|受信トレイ|保存領域|ディスク|クォータ|空き|"
    r"ストレージ)\S{0,20}(?:一杯|いっぱい|満杯|超過|超え|オーバー|不足|上限|足り|フル|満|がない|"
    r"ありません)|"
    r"容量(?:オーバー|超過|不足)",
    r"(?:邮箱|郵箱|信箱|空间|空間|容量|配额|配額|收件箱|收件匣|存储|儲存)[^,.。,]{0,14}?(?:满|滿|"
    r"不足|超出|超过|超過|用完|超限|用尽|用盡|爆|不够|不夠|溢出)",
    r"(?:편지함|메일함|사서함|용량|저장 ?공간|받은 ?편지함|메일 ?박스|할당량|"
    r"보관함)\S{0,4}.{0,14}?(?:가득|초과|부족|꽉|찼|넘)",
    r"day hop thu|hop thu (?:\w+ )?day|صندوق البريد ممتلئ|תיבת הדואר מלאה|penuh\b",
)
"""The recipient exists, but the mailbox is full: it may pass."""

MAILBOX: Final = any_of(
    r"\b(?:users?|recipients?|mailbox|account|address|addr|inbox|rcpt|postfach|konto|adress|boite|compte|"
    r"casella|utente|buzon|cuenta|"
    r"usuari|conta|caixa|destinat|ящик|получат|пользов)|邮箱|用户|收件|信箱|アドレス|アカウント|"
    r"宛先|사용자|계정|수신|메일함",
)
