"""Phrases that address a model in other languages: instructions overridden, models addressed, secrets asked for.

For scripts without spaces the phrase itself is searched for.
"""

from __future__ import annotations

from typing import Final

from core.rules.inbound.screening.cues import EXFILTRATES, MODEL, OVERRIDE, REVEAL, ROLE, SECRECY, SECRETS
from core.rules.inbound.screening.phrases import Cue, cues

_KI = "ki|ia|ai|sztuczna|yapay|искусственный"

SPACED: Final[list[Cue]] = [
    # German
    *cues(
        OVERRIDE, 0.7,
        "ignorier*|vergiss|vergessen|missacht*|verwirf|umgeh*|überschreib*|missachte ~ vorherige*|vorherigen|bisherige*|vorige*|früher*|alle|obige*|deine|ihre|systemvorgaben ~ anweisung*|instruktion*|regeln|vorgaben|befehle|prompts|richtlinien|aufträge",
        "ignorier*|vergiss|missachte alles ~ vorher*|bisher*|oben|zuvor",
        "anweisung*|instruktion* ~ ignorier*|vergiss|vergessen|missacht*",
    ),
    *cues(
        MODEL, 0.62,
        "ki|künstliche ~ assistent*|agent*|modell*|intelligenz ~ muss|soll|bitte|sende*|leite*|antworte*|ignoriere",
        "wenn|falls du|sie ~ ki|sprachmodell|assistent|bot|agent|modell ~ bist|sind|liest|lesen|verarbeitest|zusammenfasst",
        "anweisung*|hinweis|nachricht|achtung an|für ~ ki|sprachmodell|assistent*|agent*|assistenz",
        "hallo|achtung|lieber|liebe ~ ki|sprachmodell|assistent|ki-assistent|chatbot",
        "beim|bei|nach ~ zusammenfass* ~ sende*|schicke*|antworte*|füge|leite*",
    ),
    *cues(ROLE, 0.7, "du bist|agierst|handelst jetzt|nun|ab ~ modus|assistent|administrator|dan|ki|agent|bot|unbeschränkt*", "ab sofort|jetzt ~ du ~ leite*|sende*|antworte*|ignorier*|befolg*|handel*"),
    *cues(REVEAL, 0.7, "zeig*|gib|nenn*|verrate*|wiederhol*|sende*|schick* ~ system|systemprompt|system-prompt|prompt|deine anweisung*|prompt|instruktion*|wörtlich|aus", "zeig*|verrate*|nenn*|sende*|schick*|gib ~ systemprompt|systemanweisung*"),
    *cues(SECRECY, 0.42, "ohne ~ benutzer|nutzer|menschen|jemanden|jemandem|rückfrage|zustimmung|freigabe ~ informier*|fragen|sagen|erwähnen|mitzuteilen|einzuholen|zu", "sag*|erwähne*|informier*|verrate* ~ niemand*|nicht|keine* ~ nutzer|benutzer|davon|menschen|darüber|hiervon", "erwähne*|verrate* ~ diese* ~ nicht|nie|niemandem"),
    *cues(EXFILTRATES, 0.5, "sende*|schick*|leite*|übermittle*|exportiere*|weiterleite* ~ alle*|kundenliste|kundendaten|letzten|gesamte*|posteingang|kontakte|sämtliche* ~ an|weiter", "antworte* ~ mit ~ kundenliste|kundendaten|passwörter*|kontakte*|zugangsdaten"),
    *cues(SECRETS, 0.45, "sende*|schick*|nenn*|teil*|gib|geben|bestätig*|antworte*|übermitt*|mitteilen|brauche*|benötig* ~ passwort|passwörter|kennwort|zugangsdaten|api|api-schlüssel|tan|pin|geheimzahl|anmeldedaten|kreditkartennummer|schlüssel", unless="nie niemals nicht zurücksetzen zurückgesetzt vergessen ändern dokumentation wlan keine"),
    *cues(MODEL, 0.45, "systemanweisung*|systemnachricht|systembefehl", "instrucciones|instrucción|aviso|mensaje|orden del sistema", "aviso|instruções|mensagem|instrução do sistema", "instructions|message|consigne du système", "istruzioni|messaggio|avviso di|del sistema", "системн* инструкц*|команда|сообщение|указание"),
    *cues(SECRECY, 0.42, "não|no ~1 informar|notificar|avisar ~2 usuário|usuario|cliente|operador"),
    *cues(EXFILTRATES, 0.5, "enviar|reenviar|incluir|encaminhar ~ todo|todos|todas|toda ~4 datos|dados|usuario|usuário|conversación|conversa|histórico|historial|contactos|contatos"),
    *cues(OVERRIDE, 0.62, "ignorez|ignore|oubliez|oublie ~1 ce|tout ~1 qui ~1 précède*|précéd*", "sicherheitsregeln|sicherheitsrichtlinien|beschränkungen|einschränkungen ~5 aufgehoben|deaktiviert|außer|ungültig", "ignora|olvida|ignore ~1 todo ~1 anterior|lo", "vergiss|vergessen ~1 alles"),
    *cues(ROLE, 0.6, "tu|vous es|êtes maintenant|désormais ~1 agent|assistant|ia|modèle|en|un"),
    # French
    *cues(
        OVERRIDE, 0.7,
        "ignore*|ignorer|ignorez|oublie*|oubliez|oublier|outrepass*|contourne* ~ instruction*|consigne*|directive*|règles|ordres ~ précédent*|antérieur*|initial*|ci|système|ci-dessus",
        "ignore*|ignorez|oublie*|oubliez toutes|les|vos|tes ~ instruction*|consigne*|directive*",
        "ne ~ pas|plus ~ compte ~ instruction*|consigne*",
    ),
    *cues(MODEL, 0.62, "si|en|lorsque|quand ~ tu|vous ~ es|êtes ~ ia|assistant|modèle|agent|bot", "assistant|agent|modèle ia|virtuel|linguistique ~ dois|doit|devez|envoie*|transf*|répond*|ignore*", "instruction*|attention|message|note|consigne* ~ pour|à|destiné* ~ ia|assistant|modèle|agent", "bonjour|cher|chère|attention assistant|ia|agent|modèle ~ ia|virtuel|tu|vous|de"),
    *cues(ROLE, 0.7, "tu|vous es|êtes|agis|agissez maintenant|désormais|comme ~ mode|assistant|administrateur|dan|ia|restriction*", "désormais|maintenant|dorénavant ~ tu|vous ~ transf*|envoie*|envoyer*|ignor*|répond*|obéi*"),
    *cues(REVEAL, 0.7, "révèle*|révélez|affiche*|répète*|montre*|donne*|envoie*|envoyez ~ prompt|instructions ~ système|initial*|cachées|internes", "révèle*|affiche*|répète*|donne*|envoie* ~ invite|prompt système|system"),
    *cues(SECRECY, 0.42, "sans ~ informer|prévenir|demander|avertir|consulter|confirmation|autorisation|approbation|mentionner", "ne ~ dis|dites|mentionne*|informe*|préviens|prévenez|révèle*|parle* ~ pas|rien|jamais ~ utilisateur|personne|à|instruction*"),
    *cues(EXFILTRATES, 0.5, "envoie*|envoyez|transfère*|transférez|transmet*|exporte* ~ tous|toutes|liste|base|derniers|contacts|boîte|ensemble ~ à|vers|clients|messages|emails|courriels"),
    *cues(SECRETS, 0.45, "envoie*|envoyez|envoyer|donne*|communique*|fourni*|transmet*|confirme*|indique*|répond* ~ mot|mots|identifiants|clé|clés|code|codes|jeton|numéro ~ passe|api|secret*|accès|carte|confidentiel*|vérification|pin|connexion", unless="jamais réinitialiser réinitialisation oublié wifi pas postal promo client suivi"),
    # Spanish
    *cues(
        OVERRIDE, 0.7,
        "ignora*|ignore*|olvida*|olvide*|descarta*|omite|omita ~ instrucciones|indicaciones|órdenes|directrices|reglas ~ anterior*|previas|previos|iniciales|sistema",
        "ignora*|ignore|olvida*|olvide todas|las|tus|sus|todo ~ instrucciones|indicaciones|directrices|anterior*",
    ),
    *cues(MODEL, 0.62, "si|cuando ~ eres|es|seas ~ ia|asistente|modelo|agente|bot", "asistente|agente|modelo ~ ia|virtual|lenguaje ~ debes|debe|envía|envíe|reenvía|responde|ignora", "instrucciones|mensaje|atención|nota|instrucción para|a|al ~ ia|asistente|modelo|agente", "hola|estimado|atención asistente|ia|agente"),
    *cues(ROLE, 0.7, "ahora eres|actúa|actúe|actuarás ~ modo|asistente|administrador|dan|ia|restricciones", "eres ahora ~ modo|asistente|administrador|dan|ia|agente", "a|desde partir|ahora ~ ahora|adelante ~ reenv*|envía*|envi*|responde*|ignora*|obedece*"),
    *cues(REVEAL, 0.7, "revela*|muestra*|muestre|repite|repita|imprime|envía|dime|comparte ~ prompt|instrucciones|indicaciones ~ sistema|iniciales|internas|ocultas"),
    *cues(SECRECY, 0.42, "sin ~ informar|avisar|decir*|preguntar|notificar|pedir|consultar|mencionar", "no ~ digas|diga|menciones|mencione|informes|informe|avises|avise|reveles|revele|notifiques ~ usuario|nadie|esto|estas|humano|cliente|instrucciones"),
    *cues(EXFILTRATES, 0.5, "envía*|envíe*|reenvía*|reenvíe*|exporta*|manda*|mande ~ todos|todas|lista|base|últimos|contactos|correos|bandeja ~ a|clientes|correos|mensajes"),
    *cues(SECRETS, 0.45, "envía*|envíe*|envie*|proporciona*|proporcione*|comparte*|comparta*|facilit*|manda*|mande*|confirma*|confirme*|responde*|necesit*|indica*|indique* ~ contraseña*|clave*|credenciales|api|pin|token|código|tarjeta|secretos", unless="nunca jamás restablecer olvidado no wifi restablecimiento postal promocional seguimiento"),
    # Italian
    *cues(OVERRIDE, 0.7, "ignora*|ignori|ignorare|dimentica*|scorda*|trascura ~ istruzioni|indicazioni|direttive|regole ~ precedent*|iniziali|sistema|sopra", "ignora*|dimentica* tutte|le|tutto ~ istruzioni|direttive|precedent*", "ignora*|dimentica* ~ precedent* ~ istruzioni|direttive|regole"),
    *cues(MODEL, 0.62, "se ~ sei|un' ~ ia|assistente|modello|agente|intelligenza ~ artificiale|linguistico|virtuale|devi|ai|ia", "assistente|agente|modello ~ ia|ai|virtuale|linguistico ~ devi|deve|invia|inoltra|rispondi|ignora", "istruzioni|messaggio|attenzione per|all'|al|a ~ ia|ai|assistente|modello|agente"),
    *cues(SECRETS, 0.45, "invia*|inviare|inviami|fornisc*|fornire|comunica*|condividi|manda*|mandami|conferma*|rispondi|inoltra* ~ password|credenziali|api|pin|token|codice|carta|chiave|chiavi|segreti", unless="mai reimpostare dimenticato non wifi reimpostazione sconto fiscale postale"),
    *cues(EXFILTRATES, 0.5, "invia*|inoltra*|esporta*|manda* ~ tutti|tutte|elenco|lista|database|ultimi|contatti|rubrica ~ a|clienti|email|messaggi"),
    *cues(SECRECY, 0.42, "senza ~ informare|avvisare|dire|chiedere|avvertire|menzionare|conferma", "non ~ dire|dirlo|menzionare|informare|avvisare|rivelare ~ utente|nessuno|questo|queste"),
    *cues(ROLE, 0.7, "ora|adesso sei ~ modalità|assistente|amministratore|dan|ia|restrizioni", "sei ora ~ modalità|assistente|amministratore|dan|ia"),
    # Portuguese
    *cues(OVERRIDE, 0.7, "ignor*|esqueç*|esquece*|desconsider* ~ instruções|orientações|diretrizes|regras|comandos ~ anterior*|prévias|iniciais|sistema|acima", "ignor*|esqueç*|desconsider* todas|as|tudo ~ instruções|orientações|anterior*"),
    *cues(MODEL, 0.62, "se ~ você|for|és|é ~ ia|assistente|modelo|agente|bot", "assistente|agente|modelo ~ ia|virtual|linguagem ~ deve|envie|encaminhe|responda|ignore", "instruções|mensagem|atenção para|ao|à ~ ia|assistente|modelo|agente"),
    *cues(SECRETS, 0.45, "envi*|forneç*|forneca|compartilh*|mand*|confirm*|respond*|inform* ~ senha|senhas|credenciais|api|pin|token|cartão|chave|chaves|segredos", unless="nunca redefinir esqueci esqueceu não wifi redefinição acesso"),
    *cues(EXFILTRATES, 0.5, "envi*|encaminh*|export*|mand* ~ todos|todas|lista|base|últimos|contatos|caixa ~ para|clientes|emails|mensagens"),
    *cues(SECRECY, 0.42, "sem ~ informar|avisar|dizer|perguntar|notificar|confirmação|mencionar", "não ~ diga|mencione|informe|avise|revele ~ usuário|ninguém|isso|isto|estas"),
    *cues(ROLE, 0.7, "agora você|tu ~ é|és ~ modo|assistente|administrador|dan|ia|restrições", "você agora é|está ~ modo|assistente|administrador|dan|ia"),
    # Dutch
    *cues(OVERRIDE, 0.7, "negeer|vergeet|negeren ~ vorige|eerdere|bovenstaande|alle|voorgaande|je|uw ~ instructies|opdrachten|regels|aanwijzingen|richtlijnen|prompt"),
    *cues(MODEL, 0.62, "als ~ je|u|jij ~ ai|taalmodel|assistent|bot|agent ~ bent", "ai|taalmodel assistent|agent|model ~ moet|stuur|negeer|antwoord", "instructies|instructie|bericht|let ~ voor|op ~ ai|assistent|taalmodel|agent"),
    *cues(SECRETS, 0.45, "stuur|stuurt|geef|deel|verstrek|bevestig|mail ~ wachtwoord|wachtwoorden|inloggegevens|api|pincode|token|sleutel|creditcardnummer", unless="nooit niet vergeten reset wijzigen wifi opnieuw herstellen"),
    *cues(EXFILTRATES, 0.5, "stuur|mail|exporteer ~ alle|klantenlijst|contacten|laatste|volledige|inbox ~ naar|door|aan"),
    # Polish, Czech, Swedish, Danish, Norwegian, Turkish, Romanian, Indonesian
    *cues(
        OVERRIDE, 0.7,
        "zignoruj*|ignoruj*|zapomnij|pomiń ~ poprzedni*|wcześniejsz*|wszystkie|dotychczasowe ~ instrukcj*|poleceni*|polecenia|wytyczn*",
        "ignoruj*|zapomeň* ~ předchozí*|všechny|dřívější ~ instrukc*|pokyny|příkazy",
        "ignorera|ignorer|glöm|glem|se ~ tidigare|tidligere|alla|alle|föregående|forrige|foregående ~ instruktion*|instrukser|instruks*|anvisninger|regler",
        "önceki|tüm|yukarıdaki ~ talimatları|talimatlari|komutları|yönergeleri ~ yoksay|unut|görmezden|dikkate",
        "ignor*|uita* ~ instrucțiunile|instructiunile|toate ~ anterioare|instrucțiunile|precedente",
        "abaikan|lupakan ~ semua|instruksi|perintah ~ sebelumnya|instruksi|perintah|di",
        "игнорируй*|игнорировать|забудь*|забудьте|проигнорируй* ~ предыдущ*|все|прошлые|ранее|прежние|свои ~ инструкц*|указани*|команды|правила",
        "ігноруй*|забудь* ~ попередні|всі|усі ~ інструкції|вказівки",
        "تجاهل|تجاهلي|انس ~ جميع|كل|التعليمات|تعليماتك|الأوامر ~ السابقة|التعليمات|السابق",
        "تجاهل|انس التعليمات|الأوامر السابقة",
        "התעלם|התעלמי|שכח ~ ההוראות|מההוראות|הוראות|כל ~ הקודמות|קודמות|ההוראות|הקודמים",
        "पिछले|पिछली|सभी ~ निर्देशों|निर्देश|आदेशों ~ अनदेखा|भूल|नजरअंदाज|नज़रअंदाज़|उपेक्षा|अनदेखी",
        "αγνόησε|αγνοήστε|ξέχασε ~ προηγούμενες|όλες|προηγουμενες ~ οδηγίες|εντολές",
    ),
    *cues(
        MODEL, 0.62,
        "если ~ ты|вы ~ ии|искусственный|языковая|ассистент|бот|модель|нейросеть",
        "инструкци*|внимание|сообщение для ~ ии|ассистент*|модел*|бота|нейросети",
        "jeśli|jesli ~ jesteś|jestes ~ ai|asystentem|modelem|botem|sztuczną",
        "instrukcj*|uwaga|polecenie dla ~ ai|asystenta|modelu|agenta",
        "om ~ du ~ ai|språkmodell|assistent ~ är|läser",
        "eğer ~ bir|yapay ~ zeka|asistan|dil|model* ~ isen|iseniz|modeliysen|asistanıysan|modelisen",
    ),
    *cues(
        SECRETS, 0.45,
        "отправь*|отправьте|пришли*|пришлите|вышлите|сообщи*|сообщите|предостав*|перешли* ~ пароль|пароли|учетные|учётные|ключ|ключи|код|токен|пин",
        "wyślij|wyslij|podaj|prześlij|przeslij|udostępnij ~ hasło|haslo|hasła|dane|klucz|klucze|kod|pin|token ~ api|logowania|dostępu|do|hasło|dostępowe|weryfikacyjny",
        "skicka|sänd|send|ge|oppgi|oplys ~ lösenord|lösenordet|passord|passordet|adgangskode|api-nyckel|pinkod|inloggningsuppgifter",
        "şifreni*|parolani*|şifrenizi|parolanızı|şifresini|api ~ gönder*|paylaş*|ilet*|yaz*",
        unless="никогда не сброс сбросить nigdy nie resetuj zresetuj aldrig återställ sıfırla asla",
    ),
    *cues(
        EXFILTRATES, 0.5,
        "отправь*|перешли*|перешлите|отправьте|экспортируй ~ все|всю|список|базу|контакты|последние|переписку ~ на|клиентов|письма|сообщения",
        "wyślij|prześlij|przekaż ~ wszystkie|listę|bazę|kontakty|ostatnie ~ na|do|klientów|wiadomości",
    ),
]  # fmt: skip

UNSPACED: Final[tuple[tuple[str, float, str], ...]] = (
    (
        OVERRIDE,
        0.7,
        r"(?:忽略|无视|無視|忘记|忘掉|忘れ|不要遵守|不理会|忽視|跳过|覆盖).{0,12}(?:指令|指示|提示词|提示|规则|規則|命令|要求|说明|プロンプト|ルール)",
    ),
    (OVERRIDE, 0.7, r"(?:指示|命令|プロンプト|ルール|指令|提示|规则).{0,10}(?:無視|忘れ|破棄|無効|忽略|作废|作廢)"),
    (OVERRIDE, 0.7, r"(?:이전|위의|모든|기존).{0,12}(?:지시|명령|지침|프롬프트|규칙).{0,10}(?:무시|잊|따르지)"),
    (OVERRIDE, 0.7, r"(?:เพิกเฉย|ละเว้น|ลืม).{0,20}(?:คำสั่ง|คำแนะนำ)"),
    (
        ROLE,
        0.6,
        r"(?:你现在是|从现在起你|从现在开始,?你|你現在是|今からあなたは|あなたは今から|これからあなたは|지금부터 ?(?:너는|당신은))",
    ),
    (
        MODEL,
        0.62,
        r"(?:如果你是|作为|作為|尊敬的|致|给|亲爱的|致:).{0,6}(?:AI|ai|人工智能|语言模型|語言模型|智能助手|助手|大模型)",
    ),
    (
        MODEL,
        0.62,
        r"(?:AI|ai|人工知能|言語モデル).{0,8}(?:アシスタント|エージェント|モデル)?.{0,4}(?:への指示|へ|宛|の場合|は必ず|であれば|なら)",
    ),
    (
        MODEL,
        0.62,
        r"(?:AI|ai|인공지능|언어 ?모델).{0,8}(?:어시스턴트|비서|모델|에이전트)?.{0,6}(?:이라면|라면|에게|는 반드시|은 반드시)",
    ),
    (REVEAL, 0.7, r"(?:系统提示|系統提示|システムプロンプト|시스템 ?프롬프트)"),
    (
        SECRETS,
        0.45,
        r"(?:发送|发给|提供|告诉|回复|回覆|提交|告知|发|傳送|输入).{0,14}(?:密码|密碼|密钥|密鑰|口令|验证码|驗證碼|凭据|令牌|API|api)",
    ),
    (
        SECRETS,
        0.45,
        r"(?:パスワード|認証コード|APIキー|apiキー|秘密鍵|暗証番号|認証情報).{0,14}(?:送っ|教え(?!な)|返信|送信し(?!な)|共有し(?!な)|お知らせ)",
    ),
    (
        SECRETS,
        0.45,
        r"(?:비밀번호|인증번호|api ?키|인증 ?코드|비밀 ?키).{0,14}(?:보내(?!지 ?마)|알려(?! ?주지)|회신|전달(?!하지)|공유(?!하지))",
    ),
    (
        EXFILTRATES,
        0.5,
        r"(?:转发|发送|发到|發送|轉發|导出).{0,16}(?:所有|全部|客户|客戶|联系人|聯絡人|收件箱|邮件|郵件).{0,20}(?:到|至|给|給)",
    ),
    (EXFILTRATES, 0.5, r"(?:顧客|連絡先|受信箱|すべて|全て|全部).{0,16}(?:転送(?!され)|送信(?!でき|され)|送って)"),
    (EXFILTRATES, 0.5, r"(?:모든|고객|연락처|메일함|이메일).{0,16}(?:전달|보내|전송)"),
    (
        SECRECY,
        0.42,
        r"(?:不要|别|勿|請勿|请勿|不得).{0,6}(?:告诉|告知|通知|提及|透露|提示).{0,8}(?:用户|用戶|任何人|他人|主人|人类)",
    ),
    (SECRECY, 0.42, r"(?:ユーザー|誰|利用者|人間).{0,6}(?:言わ|知らせ|伝え|話さ|教え)な"),
    (SECRECY, 0.42, r"(?:사용자|누구|아무).{0,6}(?:말하지|알리지|언급하지)"),
)
"""(code, weight, regular expression) for scripts that are written without spaces."""
