r"""Phrases by which receivers blame the message, its sender or the transport, in their languages.

Data, matched against `plain` text; for its spelling see `cause_phrases`.
"""

from __future__ import annotations

from typing import Final

from core.rules.reports.normalize import any_of

SENDER: Final = any_of(
    r"sender(?: address| email address| domain| mailbox)? (?:\S{1,40} ){0,3}?(?:verif\w+|validat\w+|"
    r"callout) (?:\w+ )?fail|sender verif\w*|"
    r"(?:sender|from|return|envelope from|return path|"
    r"originator)(?: email)? address(?:es)? (?:\S{1,30} ){0,3}?(?:rejected|invalid|"
    r"unknown|does not|refused|denied|not (?!in|found in)\w+|is not|could not|has no|must)",
    r"(?:unknown|invalid|bad|bogus|unroutable|unrouteable|unverif\w+|nonexistent|fake|forged) (?:envelope )?sender|"
    r"invalid (?:mail ?from|return path|from address)|"
    r"in reply to mail ?from|in (?:the )?mail ?from|mail ?from (?:command|parameter)|"
    r"sender (?:\S{1,30} ){0,2}?(?:is )?(?:unknown|invalid|not found|does not exist|non ?exist\w*|"
    r"can not be verified|empty)|"
    r"domain (?:name )?of (?:the )?sender|sender domain|sending domain|domain of sender|your domain (?:does|"
    r"has|is|was|name)|"
    r"(?:mail ?from|from) (?:domain|address|header)\b|bogus mail from|mail ?from: ?(?:\S+ )?(?:domain|invalid|"
    r"does not|"
    r"not owned|rejected)|returnpath|return path (?:does|is|has|not)",
    r"(?:sending|outgoing|outbound|submission)\b(?: \S+){0,4}? (?:disabled|suspended|blocked)|"
    r"your (?:email )?(?:account|"
    r"address) (?:is |has been |was )?(?:disabled|suspended|locked|blocked|not|does)|(?:your|"
    r"the sender s?) (?:email )?"
    r"address (?:\w+ )?(?:not found|invalid|unknown|could)",
    r"absender\w*\b.{0,40}?(?:unbekannt|abgelehnt|ung(?:u|ue)ltig|existiert|gesperrt|nicht)|"
    r"expediteur\b.{0,40}?(?:inconnu|invalide|"
    r"refuse|n existe|non autoris)|emetteur invalide|mittente\b.{0,40}?(?:sconosciut|non|rifiutat)|"
    r"remitente\b.{0,40}?"
    r"(?:desconocid|no |rechazad|invalid)|remetente\b.{0,40}?(?:desconhecid|nao|invalid|rejeitad)|"
    r"afzender\b.{0,40}?(?:onbekend|"
    r"niet|geweigerd)|nadawc\w+.{0,40}?(?:nieznan|nie |odrzuc)|отправител\w*.{0,40}?(?:не |неизвест|отклонен|запрещ)|"
    r"送信者.{0,16}?(?:不明|存在|拒否|無効|認証)|差出人.{0,16}?(?:不明|存在|拒否|無効)|"
    r"发件人.{0,12}?(?:不存在|无效|被拒|未知)|寄件(?:人|者).{0,12}?(?:不存在|無效|被拒|未知)|"
    r"보낸 ?사람.{0,14}?(?:없|거부|차단)|발신자.{0,14}?(?:없|거부|차단|확인)",
)
"""The receiver objects to our own address, not the recipient's."""

AUTHENTICATION: Final = any_of(
    r"\bspf\b|\bdkim\b|\bdmarc\b|dmarc|sender policy framework|senderid|sender id\b|unauthenticated|"
    r"(?:not|fail\w*|un|pass|requires?|without|lack\w*) (?:\w+ ){0,3}?authenticat\w*|"
    r"authenticat\w+ (?:\w+ ){0,3}?(?:fail|"
    r"required|check|result|polic|error|needed|credential)|anti ?spoof|spoof|impersonat|forged|forgery|fake sender|"
    r"not (?:permitted|authori[sz]ed|allowed|designated) (?:to )?(?:send|sender)\w*(?: \w+){0,3}? (?:from|"
    r"on behalf|as|in the name|for)|"
    r"not (?:a )?(?:permitted|designated|authori[sz]ed) sender|(?:domain|header from|identifier) (?:not )?align|"
    r"not (?:\w+ )?aligned|signature (?:\w+ ){0,2}(?:invalid|fail|missing|verif)|batv|srs\b.{0,20}(?:fail|invalid)",
    r"authentifizierung|nicht authentifiziert|gef(?:a|ae)lscht|authentification|non authentifi|usurpat|autenticazion|"
    r"autenticac|suplantac|falsific|authenticatie|uwierzytelni|аутентификац|подлинност|подделк|身份验证|"
    r"身份驗證|伪造|偽造|冒充|认证失败|"
    r"送信ドメイン認証|なりすまし|認証(?:エラー|失敗|され)|인증|위조|사칭",
)

SPAM: Final = any_of(
    r"\bspam\w*|\bjunk|unsolicited|bulk (?:mail|email|sender)|\bub?ce\b|\bube\b|virus|malware|malicious|"
    r"trojan|phish|infected|"
    r"content (?:was |is |has been )?(?:reject|filter|polic|den|block|restrict|not|scan|inspect|unaccept)|"
    r"banned (?!sending ip|ip|"
    r"sender|host)|(?:banned|illegal|forbidden|blocked|dangerous|prohibited|unsafe|infected|"
    r"disallowed|rejected|suspicious) (?:\w+ ){0,3}attachment|"
    r"attachments? (?:\S{1,20} ){0,4}?(?:not|block|reject|forbid|prohibit|type|polic|danger)|"
    r"(?:message|mail|email) (?:content|looks|contains(?! a copy)|appears)|"
    r"prohibited (?:content|file|attach)|"
    r"suspicious|\bscore[ds]?\b|scoring|unwanted|profan|offensive|dangerous|harmful|security (?:threat|risk|"
    r"issue)|quarantin|"
    r"heuristic|fingerprint|filtered|\bfiltro\b|fraud|\bscam|bayes|rspamd|spamassassin|uribl|surbl|(?:urls?|"
    r"links?) (?:in|listed|found)|"
    r"high probability|considered|classified as|identified as|message (?:was |has been )?(?:blocked|rejected|"
    r"refused) "
    r"as\b|\bdt:spm|low reputation of|advert|newsletter|illegal attachment|dropped by|"
    r"werbung|unerw(?:u|ue)nscht|schadsoftware|pourriel|indesirable|publicit|posta indesiderata|no deseado|"
    r"indesejad|basura|"
    r"niechcian|niezamawian|ongewenst|nevyzadan|kéretlen|istenmeyen|skrappost|soppel|roskaposti|"
    r"спам|вирус|нежелательн|реклам|вредонос|фишинг|スパム|迷惑メール|ウイルス|ウィルス|垃圾|病毒|"
    r"钓鱼|内容(?:被拒|不合|违规|过滤)|スパ|스팸|바이러스|광고|유해",
)

REPUTATION: Final = any_of(
    r"blocklist|blacklist|denylist|\bb(?:lack)? ?list|\brbls?\b|dnsbl|dnsrbl|\b(?:xbl|pbl|sbl|css|zen)\b|"
    r"reputation|spamhaus|spamcop|"
    r"\bsorbs\b|uceprotect|senderbase|(?<!not )(?<!not found )\blisted (?:at|in|on|by)|(?:ip|"
    r"ipaddr)(?: address)?(?: \S{1,30}){0,6}? "
    r"(?:\w*block\w*|bann?ed|reject\w*|denied|refus\w*|not (?:allowed|accepted|welcome)|listed|bad|poor|"
    r"restrict\w*|abus\w*)|"
    r"(?:blocked|bann?ed|rejected|denied|refused|blocking|block)(?: \S{1,16}){0,3}? (?:ip|ipaddr|host|client|"
    r"server|network|mta|country|region)\b|"
    r"client (?:host|address)|your (?:ip|server|host|network|mail server|mta|isp|provider|country|system|"
    r"range|subnet)\b|"
    r"(?:in|for|your) (?:your )?(?:helo|ehlo)|no reverse|reverse (?:dns|lookup|ip|mapping|name)|"
    r"\brdns\b|\bptr\b|fcrdns|dynamic(?:ally)? (?:ip|pool|address|"
    r"range|assigned)|dial ?up|residential|"
    r"generic (?:dns|rdns|host)|complaint|\babus(?:e|ive)\b(?! addr)|untrusted|not trusted|"
    r"not allowed to connect|access from|geograph|part of their network|"
    r"poor (?:sender|ip)|(?:helo|ehlo)(?: \w+)? (?:\S{1,30} ){0,3}?(?:rejected|invalid|not|command rejected|"
    r"name|does)|can not (?:find|resolve) your|"
    r"unusual (?:sending|traffic)|untrust|low trust|sending mta|^ip ipaddr",
    r"schwarze(?:n|r)? liste|sperrliste|gesperrte? (?:ip|absender|server|host)|(?:ip|server|host|absender|"
    r"domain)\w*\b.{0,40}?(?:gesperrt|blockiert|"
    r"geblockt)|liste noire|(?:ip|serveur|domaine|expediteur)\b.{0,40}?(?:bloquee?|blackliste|bannie?)|"
    r"lista ne(?:gra|ra)|"
    r"(?:ip|servidor|dominio|remitente|indirizzo ip|server)\b.{0,40}?(?:bloquead|bloccat|bloqueio)|"
    r"zwarte lijst|czarn\w+ list|"
    r"черн\w+ списк|ip.{0,20}(?:заблокирован|блокиров)|репутац|ブラックリスト|拒否リスト|黑名单|"
    r"黑名單|信誉|封锁|封鎖|블랙리스트|평판",
)

BLOCKED: Final = any_of(
    r"blocked (?:using|by|for|due|because|at|from|see|on|temporar)|(?:has|have|is|are|was|were|been|mail|"
    r"email|message|connection|domain|sender|access|"
    r"temporarily|permanently) (?:\w+ )?(?:blocked|bann?ed)|(?:^|:)(?:blocked|bann?ed)\b|go away|suspected|"
    r"geblokkeerd|geblockt|blockiert|zablokowan|заблокирован|блокиров|ブロック|"
    r"屏蔽|차단",
)
"""Blocked, without a reason."""

RATE: Final = any_of(
    r"too (?:many|much|fast|quickly|frequent\w*|often)(?! (?:hops|received|mail data|messages (?:on|in)))|"
    r"rate (?:is )?(?:limit|control|exceed|too|restrict)|"
    r"ratelimit|throttl|at a rate|receiving (?:mail|email|messages?|rate)|(?:sending|send|sender|outbound|"
    r"outgoing|relay|receiv\w+|"
    r"daily|hourly|connection|message|recipient|email|smtp|submission|user) (?:\w+ )?(?:rate|"
    r"limits?)\b(?! (?:of|for) (?:mailbox|size))|"
    r"(?:sending|send|daily|hourly|outbound|outgoing|rate|message count|traffic) (?:\w+ )?quota|"
    r"quota (?:\w+ ){0,4}?per (?:hour|day|minute)|"
    r"(?:per|an|each|in one|last|every) (?:hour|day|minute|second|60|24|\d+ (?:min|sec|hour))|"
    r"exceed\w*(?: \S{1,16}){0,5}? (?:rate|number of|connections?|"
    r"limit per|frequency|concurren\w*|threshold|messages?)\b|excessive|\bvolume|"
    r"max(?:imum)? (?:\w+ )?(?:number|connections?|messages?|recipients?|emails?|defers)|frequen(?:cy|tly)|"
    r"connection limit|defers and failures|slow(?:ing)? down|"
    r"concurren|flood|resources? (?:\w+ )?(?:restrict|exhaust)|message limit|reached (?:\w+ ){0,3}(?:sending|"
    r"receiv\w+|rate|daily|hourly) limit|"
    r"unusual rate|burst|deferred due to|busy|server load|overload",
    r"zu viele (?!mails auf|nachrichten (?:auf|im)|emails auf)|zu h(?:a|ae)ufig|zu schnell|zu hohe|"
    r"anzahl (?:\w+ )?(?:u|ue)berschritten|trop (?:de|d|rapide|souvent|"
    r"grand nombre)|nombre maxim|limite d envoi|demasiad[oa]s|muit[oa]s (?:conex|mensag|tentativ|destin)|"
    r"excesso de|limite de envio|troppi|troppe|eccessiv|te veel|te snel|"
    r"zbyt (?:wiele|duzo|czesto|szybko)|za duzo|prilis mnoho|tul sok|cok fazla|for mange|for manga|"
    r"liian monta|слишком (?:много|часто|быстро|больш)|превышен\w* "
    r"(?:\w+ )?(?:лимит (?:отправ|писем|сообщ|колич)|количество|частот|число|скорост)|频率|頻率|频繁|頻繁|"
    r"过快|過快|次数(?:过多|超)|过于|发信(?:超|过|量)|连接数|"
    r"並列|大量|頻度|短時間|送信(?:数|制限|回数)|流量|너무 ?많|과도|발송 ?제한|횟수|대량",
)

GREYLISTING: Final = any_of(
    r"gr[ae]y ?list|first time sender|postgrey|milter greylist|policyd|too early to|come back (?:in|later)|"
    r"灰名单|灰名單|グレイリスト|グレーリスト|"
    r"серы\w+ спис|liste grise|lista gris|grijze lijst|not yet authori[sz]ed to deliver",
)

RELAY: Final = any_of(
    r"relay(?:ing|ed)? (?:\w+ ){0,3}?(?:denied|prohibit|not|access|reject|refus|disabl|restrict|block|"
    r"forbidden|through|fail|disallow|attempt|operation)|"
    r"(?:not|no|unable to|can not|will not|deny|denied|refus\w*|reject\w*|prohibit\w*|unauthori[sz]ed|without|"
    r"allowed to|permission to|trying to|attempt to|disallow\w*) "
    r"(?:\w+ ){0,4}?relay|as (?:a )?relay|open relay|rcpthosts|relay\b.{0,10}?(?:\bnot|denied)|(?:we|server|"
    r"host|system|i) (?:do|does) not (?:relay|handle|host)|"
    r"(?:domain|namedhost)(?: \S{1,20}){0,2} (?:is )?not (?:hosted|local|served|handled|configured|in my)|"
    r"not (?:a )?(?:local|hosted) domain|"
    r"not (?:responsible|a gateway|the mx)|no ?relay|"
    r"ретрансл|пересылк|weiterleit\w+ (?:nicht|verweiger|abgelehnt)|relais|中继|中繼|转发|中継|릴레이|중계",
)

POLICY: Final = any_of(
    r"access (?:is |was )?(?:denied|refused|deny)|administrativ\w*|admin prohibit|prohibit\w*|\b(?:not|"
    r"un) ?(?:authori[sz]ed|permitted|allowed|entitled|approved)|unauthori[sz]ed|permission|polic(?:y|ies)|"
    r"restrict\w*|forbidden|disallow\w*|only (?:accept\w*|internal|members|authori[sz]ed|local|trusted|"
    r"registered|receiv\w*|for)|moderat\w*|not (?:a )?(?:member(?! of (?:this |the |our )?domain)|subscri\w+)|"
    r"closed (?:mailing )?list|approved sender|sender (?:is )?(?:denied|blocked|filter)|not accept(?:ed|"
    r"ing)? (?:\w+ )?(?:mail|email|messages?) from|"
    r"prefer\w*|by the recipient|recipient (?:refuses|has (?:blocked|chosen))|whitelist|safelist|guest list|"
    r"challenge|protected by|captcha|"
    r"rule\b|compliance|confidential|not auth\w*|delivery not author\w*|encrypt|badrcptto|bad ?rcpt|"
    r"badrecipient|requires\b|(?<!action is )required (?:to|by)\b|tls\b|senderfilter|local user only",
    r"richtlinie|nicht (?:\w+ )?(?:erlaubt|berechtigt|autorisiert|gestattet|zugelassen|zul(?:a|ae)ssig)|"
    r"verweigert|unzul(?:a|ae)ssig|keine berechtigung|verboten|politique|"
    r"(?:non|pas) autoris|interdi[te]|politic|non autorizzat|vietat|no (?:\w+ )?(?:autorizad|permitid)|"
    r"prohibid|denegad|nao (?:\w+ )?(?:autorizad|permitid)|proibid|"
    r"niet (?:toegestaan|geautoriseerd|bevoegd)|beleid|zabronion|niedozwol|niedopuszcz|odmow|polityk|запрещ|"
    r"отказано|политик|не разреш|許可|ポリシー|禁止|制限され|"
    r"策略|未授权|未授權|不允许|不允許|权限|政策|정책|허용되지|권한|금지|izin verilm|nije dozvol|zakazan|"
    r"pravidl|inte tillat|ikke tillatt|ikke tilladt",
)

DENIED: Final = any_of(
    r"denied|rejected|refus\w*|blocked|\bban|reject\w*|not accepted|unacceptable|declined|disallowed|"
    r"abgelehnt|abgewiesen|zur(?:u|ue)ckgewiesen|rejete|rifiutat|rechazad|rejeitad|recusad|geweigerd|odrzucon|"
    r"отклонен|отверг|拒否|拒绝|拒絕|拒收|거부|거절|reddedildi|zamitnuto",
)

SIZE: Final = any_of(
    r"(?:message|mail|email|attachment|file|data|it|line)s? (?:\S{1,20} ){0,4}?too (?:large|big|long)|"
    r"too (?:large|big) (?:\w+ )?(?:message|mail|email)|"
    r"(?:message|mail|email)(?: \S{1,20}){0,4}? (?:exceed\w*|larger|bigger|over) (?:\w+ ){0,6}?(?:size|limit|"
    r"maximum|length|bytes|\d+)|"
    r"(?:message|maximum|max|fixed|mail|email|attachment|mailsize) ?(?:\w+ )?(?:size|"
    r"length) (?:\w+ )?(?:limit|exceed|allowed|is|too|restrict)|"
    r"size (?:limit|exceed\w*|of (?:the |this |your )?message)|exceed\w*(?: \S{1,16}){0,5}? (?:message size|"
    r"maximum size|size limit|mailsize|databytes|max size)|databytes|mailsize|"
    r"too large|(?:message|mail)s? (?:that|this|so) (?:big|large)|(?:nachricht|mail|"
    r"email)\w* (?:\w+ ){0,3}?zu gro(?:ss|s)|gr(?:o|oe)sse\w* (?:\w+ )?(?:u|"
    r"ue)berschr|trop (?:gros|volumineu|lourd|long)|taille (?:\w+ ){0,3}?(?:depass|maxim|super)|"
    r"demasiado grande|tama(?:n|ñ)o|muito grande|tamanho|troppo grande|dimension|te groot|za duz[aey]|"
    r"zbyt duz|rozmiar|prilis velk|cok buyuk|for stor\b|liian suuri|"
    r"слишком больш\w+ (?:письм|сообщ|размер)|размер (?:письма|сообщ)|サイズ|大きすぎ|过大|過大|"
    r"太大|大小超|크기|너무 큽",
)

LOOP: Final = any_of(
    r"hop ?count|too many (?:hops|received)|hops exceed|maximum (?:number of )?hops|mail ?loop|\bloop(?:s|ing|"
    r"ed)?\b|loops? back|routing loop|forwarding loop|mailschleife|boucle|ciclo|bucle|"
    r"петл|зациклен|ループ|循环|迴圈|루프|delivered to: header",
)

DOMAIN: Final = any_of(
    r"(?:domain|host|namedhost)(?: ?name)?s?(?: \S{1,40}){0,4}? (?:does not|do not|not|can not|could not|is not|"
    r"no longer|was not|unknown|non ?exist\w*|invalid|unresolvable|has no)"
    r"(?: be)?(?: (?:exist\w*|found|known|resolv\w*|valid|registered|located|mx|mail))?(?=\W|$)(?! (?:accept|"
    r"allow|author|permit|trust|have (?:spf|reverse)|local|hosted|match|in my))",
    r"(?:unknown|no such|invalid|nonexistent|non existent|bad|illegal|unresolvable|unrouteable|unroutable|"
    r"undefined) (?:\w+ ){0,2}?(?:host|domain|hostname|domain ?name)\b|nxdomain|"
    r"no (?:valid )?(?:mx|mail exchang\w*|a record|dns (?:record|entr))|no mail (?:server|host|exchang)|"
    r"bad destination system|all relevant mx records point|"
    r"mx (?:lookup|record)s? (?:\w+ ){0,3}?(?:fail|not found|missing|invalid)|"
    r"lowest numbered mx record points|illegal host domain name found|"
    r"dns\b.{0,30}?(?:non ?exist|no such|nonexist|not exist|name error)|"
    r"can not resolve (?!your)(?:the )?(?:host|domain|mx|hostname)",
    r"dom(?:a|ai|i)(?:in|ine|ne|nio|inio)e?\b.{0,40}?(?:unbekannt|existiert|nicht gefunden|inconnu|n existe|"
    r"introuvable|inesistent|non esist|no existe|nao existe|inexistent|onbekend|bestaat|"
    r"nie istnieje|neexist)|rechner\w* (?:\w+ )?(?:unbekannt|nicht gefunden)|hote (?:\w+ )?(?:inconnu|"
    r"introuvable)|домен\w*.{0,40}?(?:не (?:существует|найден)|неизвест)|"
    r"ドメイン\S{0,16}(?:存在|見つか|不明|無効)|ホスト\S{0,12}(?:見つか|不明)|域名[^,.]{0,12}?(?:不存在|"
    r"无法解析|错误|无效|找不到)|網域[^,.]{0,12}?(?:不存在|找不到)|도메인\S{0,4}.{0,14}?(?:없|찾을|존재하지)",
)

NO_MAIL: Final = any_of(
    r"null ?mx|(?:domain|host|namedhost|hostname|server|system|site|zone|we|machine) (?:\S{1,40} )?(?:does|do|is|"
    r"are) not (?:\w+ )?(?:accept|receiv|tak)\w* (?:any |incoming |inbound )?(?:mail|email|messages)"
    r"(?! (?:from|for|with|without|that|via|to|unless|containing|directly|sent))|(?:never|"
    r"not) accepts? (?:mail|email) (?:at all|here)|no mail (?:is )?(?:accepted|service) (?:here|"
    r"for this domain)|"
    r"nimmt keine (?:e ?mails?|nachrichten) an|n accepte (?:pas|aucun) (?:de )?(?:mail|courriel|message)|"
    r"no acepta correo",
)

NETWORK: Final = any_of(
    r"time[ds]? ?out|timeout|connection (?:was |has been )?(?:refused|reset|lost|dropped|failed|closed|"
    r"aborted|interrupted)|(?:can not|could not|unable to|failed to|not able to) "
    r"(?:\w+ ){0,3}?(?:connect|contact|reach|establish)|connect\w* (?:to \S+ )?(?:\S+ ){0,3}?(?:fail|refus|"
    r"time)|not respond|no (?:route to|answer|response)|unreachable|network|"
    r"expired|retry (?:time|timeout)|too long|been failing|(?:tried|tries|attempts?|attempted|retries|"
    r"attempting) (?:\w+ ){0,4}?\d+|(?:\d+|multiple|several|many|repeated) (?:\w+ )?(?:tries|times|attempts|retries)|"
    r"for (?:\w+ )?\d+ (?:\w+ )?(?:hours?|days?)|did not accept our request|lost connection|conversation with|"
    r"(?:host|server|system|site) (?:is |was |are )?(?:\w+ )?(?:down|offline|not (?:available|accessible|"
    r"reachable))|could not be (?:contacted|reached)|(?:lookup|resol\w+) (?:\w+ )?(?:fail|time|error)|"
    r"servfail|name service error|"
    r"max(?:imum)? (?:\w+ )?(?:retr|queue|life|delivery)|undelivered for|no hosts? could",
    r"zeit(?:u|ue)berschreitung|server (?:\w+ )?nicht erreichbar|keine verbindung|"
    r"verbindung\w* (?:\w+ )?(?:abgelehnt|unterbrochen|fehlgeschlagen|nicht)|delai (?:\w+ )?(?:depass|expir)|"
    r"(?:connexion|conexion|conexao|connessione|verbinding)\b.{0,40}?(?:refus|echou|imposs|rechaz|fall|recus|"
    r"rifiut|scad|mislukt|geweigerd|perdu|agotad|esgotad)|injoignable|"
    r"tiempo de espera|tempo (?:limite|esgotado|scaduto|massimo)|tijdslimiet|przekroczono (?:czas|"
    r"limit czasu)|polaczeni\w+ (?:\w+ )?(?:odrzucon|nie)|соединен\w*.{0,30}?(?:отклон|невозмож|не удал|прерв|"
    r"разорв)|"
    r"истек\w* (?:\w+ )?(?:врем|срок)|таймаут|接続(?:でき|が?(?:拒否|失敗|切断|タイムアウト))|タイムアウト|"
    r"期限切れ|连接(?:超时|失败|被拒|中断)|連線(?:逾時|失敗)|超时|逾時|연결.{0,10}?(?:실패|거부|없)|"
    r"시간.{0,4}?초과",
)

PASSING: Final = any_of(
    r"temporar|try (?:\w+ )?(?:again|later)|later\b|\bretr(?:y|ied)|at this time|right now|moment|vor(?:u|"
    r"ue)bergehend|sp(?:a|ae)ter|zeitweise|temporaire|plus tard|piu tardi|temporane|mas tarde|"
    r"mais tarde|temporal|temporari|tijdelijk|opnieuw|tymczas|pozniej|docasne|ideiglenes|gecici|tillfall|"
    r"midlertidig|tilapai|временно|позже|попробуйте|тимчасов|暂时|稍后|暫時|稍後|一時的|後ほど|しばらく|"
    r"再度|일시|잠시|나중에",
)

PROTOCOL: Final = any_of(
    r"syntax|command (?:\S+ )?(?:not|unrecogni|unknown|rejected|out of|unimplement|fail)|"
    r"unrecogni[sz]ed command|bad (?:sequence|command)|out of sequence|pipelin|bare (?:lf|cr)|starttls|ehlo|"
    r"helo|8bit|"
    r"smtputf8|protocol|parameter|argument|not implemented|need (?:mail|rcpt)|malformed|\bheaders?\b|rfc ?\d+|"
    r"no recipients|non ?ascii|encoding",
)
