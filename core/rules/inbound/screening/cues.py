"""Phrases that address a model, in English. `others.py` has further languages.

Weights: 0.7 holds a message alone; two of 0.4 do together; less only adds to the rest. What people write to each other
("please ignore my last mail", "you are now subscribed") must stay out.
"""

from __future__ import annotations

import re
from typing import Final

from core.rules.inbound.screening.phrases import Cue, cues
from core.text.prechecks import Guarded, guarded

OVERRIDE: Final = "override"
ROLE: Final = "new_role"
MODEL: Final = "addresses_model"
REVEAL: Final = "asks_for_prompt"
MACHINERY: Final = "prompt_markup"
SECRECY: Final = "secrecy"
UNAPPROVED: Final = "skips_approval"
EXFILTRATES: Final = "sends_data_out"
SECRETS: Final = "asks_for_secrets"
TOOLS: Final = "calls_tools"
AUTHORITY: Final = "claims_authority"
ENCODED: Final = "asks_to_decode"

_IGNORE = "ignore|ignoring|disregard|disregarding|forget|override|overrides|overriding|bypass|bypassing|neglect|abandon"
_EARLIER = (
    "previous|previously|prior|above|earlier|preceding|existing|original|initial|former|foregoing|all|any|every|your"
    "|current|other|those|past|old|system|default|the|these"
)
_RULES = (
    "instruction|instructions|prompt|prompts|directive|directives|guideline|guidelines|guardrail|guardrails|programming"
    "|safeguards"
)
_AI = "ai|a.i|llm|llms|chatgpt|gpt|copilot|chatbot|language"
_MODEL = "assistant|assistants|agent|agents|model|models|bot|bots|chatbot|system|systems"
_READS = (
    "reading|processing|summarizing|summarising|handling|parsing|analyzing|analysing|receiving|scanning|reads|processes"
    "|summarizes|summarises|handles|parses|triaging|ingesting"
)
_MAIL = "email|emails|e|mail|mails|message|messages|inbox|mailbox|thread|threads|text|document|content|conversation"
_USERS = (
    "user|users|owner|operator|operators|human|humans|anyone|anybody|reviewer|reviewers|recipient|principal|supervisor"
)
_SEND = (
    "forward|send|email|e-mail|mail|transmit|relay|bcc|copy|leak|exfiltrate|upload|export|dump|transfer|convey|share"
    "|provide|attach|include|paste|post"
)
_MASSES = "all|every|entire|whole|full|complete|latest|last|recent|contents|copies|any|each"
_DATA = (
    "email|emails|e-mails|messages|inbox|mailbox|contacts|conversation|conversations|correspondence|threads|records"
    "|database|files|documents|attachments|data|history|context|list|customers|addresses|memory|notes|logs|mail|mails"
)
_SECRET = "password|passwords|passphrase|passcode|credentials|credential|otp|2fa|cvv|ssn|secrets|apikey|api_key|pin"
_KEY = "api|secret|access|private|ssh|signing|encryption|bearer|auth|session|refresh|recovery|backup|verification|authentication|seed|wallet|security|login|one-time|time|admin|root|master|service"
_KEYS = "key|keys|token|tokens|cookie|cookies|phrase|code|codes|secret|secrets|password|passcode|credentials"
_HARMLESS = (
    "never not don't reset forgot forgotten documentation docs wifi wi pdf zip won't shouldn't change link guest policy"
    " meeting zoom webinar protected unlock tracking discount promo referral expired request requested resend"
)

ENGLISH: Final[list[Cue]] = [
    *cues(
        OVERRIDE, 0.7,
        f"{_IGNORE} ~ {_EARLIER} ~3 {_RULES}",
        f"{_IGNORE} {_RULES}",
        "do|must|should not ~2 follow|obey ~2 your|previous|prior|system|original|earlier ~2 instructions|rules|guidelines|prompt",
        "don't|stop|quit ~1 follow|obey|following|obeying ~2 your|previous|prior|system|original|earlier ~2 instructions|rules|guidelines|prompt",
        "forget|ignore|disregard everything|anything ~2 before|above|told|said|instructed|previously|earlier|prior",
        "forget|ignore|disregard all|everything of the|that ~1 above|previous|earlier|before",
        "forget|disregard all|what ~2 you ~3 told|instructed|learned|taught",
        "ignore|disregard|bypass ~1 your|all|any|content ~1 safety|security|content|ethical ~1 guidelines|policies|policy|rules|filters|restrictions|measures|protocols",
        "disable|deactivate|remove|suspend|lift ~1 your ~2 safety|filters|restrictions|guardrails|safeguards|limitations|guidelines",
        "instructions|directives|directive|instruction|prompt|message|rules ~3 supersede|supersedes|override|overrides|replace|replaces|precedence ~4 previous|prior|earlier|your|system|all|other|any",
        "your new|real|actual|true|updated task|goal|objective|instruction|instructions|mission|directive|purpose|role is|are",
        "new|updated|revised instructions|directive|directives|task for|from|to ~2 you|ai|assistant|agent|model|system|developer|administrator",
        "previous|prior|earlier|existing ~1 instructions|guidelines|restrictions|prompt ~2 void|invalid|suspended|obsolete|revoked|lifted|cancelled|canceled",
        unless="assembly recipe delivery shipping care washing payment parking driving joining installation cooking dosage",
    ),
    *cues(
        OVERRIDE, 0.7,
        "this|which|these|it ~1 supersedes|supersede|overrides|override|replaces|replace ~2 previous|prior|all|any|your|earlier ~2 instructions|directives|guidelines|prompt|rules",
    ),
    *cues(
        OVERRIDE, 0.5,
        "text|message|email|content|everything|instructions above|before|preceding ~1 was|is|were|are ~1 test|example|fake|irrelevant|decoy|joke|over|finished|void",
        "real|actual|true request|task|instructions|instruction starts|begins|follows|is|below",
        "conversation|session|context|chat ~1 has|is|was ended|over|reset|finished|closed|been",
        "without ~1 restrictions|limits|limitations|censorship|guardrails",
    ),
    *cues(
        OVERRIDE, 0.47,
        "ignore|disregard|forget|bypass|override ~2 all|your|previous|prior|system|any ~2 rules|restrictions|constraints|limitations|commands|policies|context|training",
        "instead|rather of ~2 your ~2 instructions|task|prompt|summary|summarizing",
        "new|updated|important instructions|directive|task follow|below|:",
        unless="assembly recipe delivery shipping diet fashion",
    ),
    *cues(
        ROLE, 0.7,
        "you are|re|have now|entered ~2 developer|debug|god|admin|root|unrestricted|jailbreak|jailbroken|sudo|dan|privileged|unfiltered|maintenance|diagnostic ~1 mode|assistant|ai|agent|bot|model|access",
        "you're now ~2 developer|debug|god|admin|root|unrestricted|jailbreak|jailbroken|sudo|dan|privileged|unfiltered ~1 mode|assistant|ai|agent|bot|model",
        "you are|will|must now|be|become dan|unrestricted|jailbroken|unfiltered|unbound|evil|root",
        "you are now a|an|the|my|acting ~2 assistant|bot|agent|ai|model|hacker|terminal|interpreter|shell",
        "you are|re no longer ~3 assistant|bot|agent|ai|model|bound|restricted",
        "act|behave|respond|operate|function|pretend as|like ~2 root|unrestricted|jailbroken|unfiltered|terminal|dan|ai|llm|hacker",
        "pretend ~2 you ~2 are|have ~2 no|not|unrestricted|different|another|ai|assistant",
        "from now on|onwards ~3 you ~2 act|respond|obey|follow|answer|behave|ignore|treat|forward|reply|send|output|bcc|copy",
        "from now on ~1 forward|ignore|obey|bcc|copy|treat|answer|respond",
        "developer|dan|god|jailbreak|unrestricted mode enabled|activated|engaged|unlocked",
        "jailbreak|jailbroken",
        "simulate|answer|respond ~2 without|no ~1 restrictions|filters|guidelines|censorship",
    ),
    *cues(ROLE, 0.3, "enter|enable|activate|switch|engage ~2 developer|debug|god|dan|unrestricted|admin mode"),
    *cues(
        MODEL, 0.62,
        "if|when|whenever|since|as you are|re ~1 ai|llm|bot|llms|chatbot|chatgpt|gpt",
        "if|when|since|as you're ~1 ai|llm|bot|llms|chatbot|chatgpt|gpt",
        "if|when|since|as you are|re a|an automated|large|language|artificial|autonomous|virtual ~1 system|model|agent|assistant|intelligence|language",
        "if|when|since|as you're a|an automated|large|language|artificial|autonomous|virtual ~1 system|model|agent|assistant|intelligence|language",
        "if you are an|a|the assistant|agent|email|model ~3 reading|processing|summarizing|handling",
        f"{_AI} ~1 {_MODEL} ~2 {_READS} ~1 this|these|my ~2 {_MAIL}",
        f"ai|llm|assistant|assistants|agent|agents|model|models|bot|bots {_READS} this|these|my ~2 {_MAIL}",
        f"assistant|assistants|agent|agents|model|models|ai|llm|llms|bot that|which|who ~1 {_READS} this|these|my ~2 {_MAIL}",
        "attention|dear|hello|hi|hey|greetings ~1 ai|llm|chatgpt|gpt|bot|chatbot|llms|bots",
        "attention|dear|hello|hi|hey ~1 email|mail|inbox|virtual|digital|automated|intelligent|helpful assistant|agent|bot|copilot",
        "note|notice|message|memo|instruction|instructions|directive|directives|command|commands|attention|task to|for ~1 ai|llm|chatgpt|gpt|chatbot|llms|assistant|assistants|copilot|bot|bots",
        "note|notice|message|instruction|instructions|directive|command|attention to|for ~2 language|automated|virtual|email|processing model|models|agent|agents|assistant|assistants|system",
        "attention assistant|assistants|agent|agents|model|bot|system|copilot",
        "as an|the|your ai|llm ~1 assistant|agent|model|bot|system",
        "ai|llm|language assistant|agent|model|bot|assistants|agents|models ~1 must|shall|instructed|required|please ~3 send|forward|reply|ignore|respond|execute|delete|transfer|bcc|output|disregard|include|follow",
        "assistant|agent|model|bot please|must|:|, ~1 send|forward|reply|ignore|execute|delete|transfer|bcc|output|disregard|email|call|run",
        "when|whenever|while|after|before|once|upon|if ~3 summarizing|summarising|summarize|summarise|summarized ~4 send|forward|email|reply|call|execute|issue|bcc|convey|respond",
        "after|once|when|before ~1 reading|processing|answering ~1 this|the|these ~2 send|forward|email|call|execute|bcc|convey",
        "this|following|below|next ~1 instruction|instructions|command|directive|note|section|paragraph|text|message is|are ~2 intended|meant|addressed|only|exclusively|for ~2 ai|llm|llms|ais|chatbots",
        "hidden|embedded|secret instruction|instructions|prompt|command|commands|directive|directives",
        "you are|re an|the|a|my|our ~1 ai|email|mail|helpful|automated|virtual|digital|autonomous|intelligent assistant|agent|bot",
        "prompt injection test|successful|payload|active|succeeded",
        unless="professor engineer engineers developer developers researcher researchers enthusiast leader leaders startup company builder builders practitioner founder newsletter course webinar conference",
    ),
    *cues(
        MODEL, 0.5,
        "automated|whichever|whatever|any ~1 helper|assistant|system|agent|bot|ai|model ~1 handles|reads|processes|answers|receives|handling|reading|processing|answering",
        "when|if|once|whenever the|an|your assistant|bot|ai|model|llm ~1 answers|reads|replies|processes|opens|handles|responds|sees",
        "before|without|after ~1 displaying|showing|responding|answering|replying ~1 to|the user",
        "parsed|read|processed|handled|consumed by ~1 ai|llm|assistant|assistants|agents|models|bots",
        "ai|llm assistant|agent|model|bot ~1 should|will|needs|has|can ~1 now|to|then|immediately ~1 call|send|forward|reply|ignore|execute|delete|transfer|bcc|run",
        "ai_instruction*|llm_instruction*|system_instruction*|ai_directive*|assistant_instruction*|system_prompt*|prompt_injection*",
        unless="our we newsletter",
    ),
    *cues(
        MODEL, 0.45,
        "each|every time you|the ~1 answer|reply|respond|write|send ~2 start|begin|put|include|add|append|end|forward|bcc",
        "when|whenever ~1 sending|replying|answering|responding|writing ~5 bcc|append|forward|include|prefix",
        "for|to the llm|llms",
        "system command|instruction|directive",
    ),
    *cues(MODEL, 0.35, "for|to ai|llm assistants|agents|models|bots|assistant|agent|model", "context window"),
    *cues(
        MODEL, 0.42,
        "if|when|after|while ~3 summarizing|summarising|summarize|summarise ~4 include|add|also|say|state|mention|append|always|recommend|tell",
        "respond|reply|answer|output only with|in ~2 json|base64|word|phrase|string|following|text|token|exact",
        "respond|reply|answer|output with ~1 exactly|only|exact",
        "system|root|administrator|admin|developer override|directive",
        "your system|original|developer|hidden|initial prompt|instructions",
        "tell|inform|convince|assure ~1 user|operator|human ~2 that|to",
        "your|the ~1 training|context|token window|data|limit|weights",
    ),
    *cues(MODEL, 0.2, "dear|hello|hi|hey ~1 assistant|agent|system", "in your summary|reply|response|answer|output ~3 include|state|say|add|mention|append", "system prompt|prompts", "language model|models", "prompt injection"),
    *cues(
        REVEAL, 0.7,
        "reveal|print|repeat|output|display|disclose|leak|dump|expose|recite|share|show|send|give|provide|paste|tell ~3 system|initial|hidden|developer|original prompt|prompts|instructions",
        "reveal|output|disclose|leak|dump|expose|recite|repeat|print ~1 your ~2 instructions|prompt|prompts|configuration|rules|guidelines|memory|context|tools|training|programming",
        "repeat|print|output everything|all|the ~2 words|text|above|before ~1 above|verbatim|this",
        unless="newsletter article",
    ),
    *cues(REVEAL, 0.45, "what|which are|were|is your ~1 system|initial|original|hidden|exact|instructions ~1 instructions|prompt|rules", "list|describe|enumerate ~2 all|every|your ~2 tools|functions|plugins|capabilities ~3 access|available|have|use|call"),
    *cues(
        SECRECY, 0.42,
        f"not|never|don't|without ~1 tell|telling|inform|informing|notify|notifying|mention|mentioning|alert|alerting|reveal|revealing|disclose|disclosing|warn|warning|asking|consulting|involving|ask ~3 {_USERS}",
        "not|never|don't ~1 mention|reveal|refer|disclose|acknowledge|display|include|show|summarize ~2 this|these|that ~1 instruction|instructions|message|email|step|prompt|note|directive|action|request",
        "user|users|owner|operator|human|customer must|should|need|may|shall not ~2 notified|informed|told|know|see|aware|alerted",
        "keep ~1 this|it ~2 secret|hidden|silent|confidential|between ~2 user|users|us|owner|operator|human",
        "delete|remove|erase|purge|trash ~2 this|the|it|original ~1 email|message|mail ~1 after|once|afterwards ~1 reading|processing|forwarding|sending|sent|executing|done|completing|completion|complete|you",
        "delete|erase|hide ~2 all|any|every|your ~1 trace|traces|evidence|logs|tracks",
        "silently|secretly|quietly|covertly|discreetly ~1 send|forward|copy|bcc|add|execute|perform|delete|email|include|reply|run|share|transfer",
    ),
    *cues(
        UNAPPROVED, 0.42,
        "not|don't|never|without|no|skip ~1 ask|asking|wait|waiting|seek|seeking|requesting|request|needing|requiring|need ~2 for|to|confirmation|approval|permission|human|user ~2 confirmation|approval|permission|review|approve|confirm|reply",
        "without|skip|bypass|skipping|bypassing ~1 human|manual|user|further|additional|any|the|asking|waiting|confirmation ~2 confirmation|approval|review|oversight|intervention|authorization",
        "already been|pre approved|authorized|authorised|cleared|confirmed by ~2 user|owner|operator|human|administrator|admin|security|reviewer",
        "user|owner|operator|human|administrator has|have already ~1 approved|authorized|authorised|consented|confirmed|agreed|granted",
        "pre-approved|preapproved|preauthorized ~2 action|request|transfer|you|email|by",
        "approve|release ~2 this|all|every|pending|held ~2 automatically|immediately|without|now",
        "user|owner|operator has|have pre-authorized|preauthorized|pre-approved|authorized|approved",
        "mark|classify|treat|consider|regard ~1 this|it|following|me ~2 as ~1 safe|trusted|verified|authorized|benign|legitimate|system",
    ),
    *cues(UNAPPROVED, 0.35, "no|without confirmation|approval|authorization needed|required|necessary"),
    *cues(UNAPPROVED, 0.25, "add|put|place ~3 allow|allowlist|whitelist|allow-list ~1 list|"),
    *cues(
        EXFILTRATES, 0.5,
        f"{_SEND} ~2 {_MASSES} ~3 {_DATA} ~4 to|at ~2 @address|@link",
        f"{_SEND} ~2 {_MASSES} ~3 {_DATA} ~2 to|back me|us",
        "forward|bcc|copy|cc|relay|redirect ~1 all|every|each|any ~2 emails|mail|mails|messages|replies|correspondence|email|message",
        "forward|send|email|export|dump|leak|exfiltrate|upload|share|transmit|list|reveal|disclose|attach|paste|give|provide|reply ~3 customer|client|contact|employee|subscriber|mailing|inbox|conversation|mailbox|user|personal|confidential|private ~1 list|database|records|contacts|history|lists|data|addresses|emails|details|information",
        "forward|send|export|upload|exfiltrate|leak|dump ~2 inbox|mailbox|database|contacts",
        "bcc|cc ~1 @address ~3 on|in|every|all|each|any",
        "append|encode|insert|embed|put ~4 to|as|into|in ~2 url|query|parameter|path|querystring|image",
        "send|make|issue|perform ~1 get|post|http|https|curl ~1 request|call",
        "fetch|load|open|visit|request|curl|wget|navigate|retrieve|download ~2 @link ~1 and|then ~1 execute|follow|run|obey|append|do|perform|send|apply|report",
        "follow|execute|obey|apply ~2 instructions|commands|script|steps ~2 at|from|on|in ~1 @link",
        "tell|show|send|give|paste|list|attach|forward|share|include|what|which|provide ~4 other|another|others ~1 customers|customer|customer's|customers'|clients|client|users|user|tenants|patients|people's",
        "list|names|addresses ~2 everyone|everybody|people|customers|contacts ~3 you ~3 corresponding|wrote|written|emailed|talked|talking|contact|know|have",
        "export|send|share|dump|give|forward ~2 address|contact book|list",
        unless="unsubscribe",
    ),
    *cues(EXFILTRATES, 0.62, "create|set|add|make|configure ~3 rule|filter|forwarding|redirect ~4 redirects|forwards|forward|redirect|sends|send|copies|to ~5 @address"),
    *cues(EXFILTRATES, 0.42, "bcc ~1 @address", "wire|transfer|pay|remit ~5 new|different|following|updated ~1 account|iban|wallet"),
    *cues(
        EXFILTRATES, 0.25,
        f"{_SEND} ~3 {_DATA} ~2 to|at ~1 @address",
        "send|write|compose|dispatch|issue|trigger ~1 an|a|the|another|new ~1 email|mail|message|confirmation|reply ~1 to @address",
    ),
    *cues(
        TOOLS, 0.62,
        "call|invoke|use|trigger|using|execute ~1 your|the|send|email|function|mail ~1 send|email|mail|forward|shell|code|search|function ~1 tool|function|tools|functions|plugin|api",
        "call|invoke|use|using ~1 your ~1 tools|functions|plugins|tool|function",
        "execute|run|eval|perform ~1 following|this|these|below ~1 command|commands|shell|script|code|python|bash|steps|instructions|actions ~2 immediately|silently|without|exactly|automatically",
        "rm rf",
        "curl|wget ~1 @link",
    ),
    *cues(TOOLS, 0.62, "send_*|forward_*|reply_* ~1 to|with|at|tool ~2 @address|@link|to"),
    *cues(TOOLS, 0.42, "execute|run|eval|perform ~1 following|this|these|below ~1 command|commands|shell|script|code|python|bash|instructions|actions"),
    *cues(OVERRIDE, 0.4, "forget|ignore|disregard everything|all ~2 know|learned"),
    *cues(TOOLS, 0.42, "send_*|delete_*|execute_*|forward_*|reply_*|run_*|transfer_*|read_*|search_*|call_*|tool_call*|function_call*|api_call*"),
    *cues(
        SECRETS, 0.62,
        "what|tell|send|give|read|share|forward|paste ~4 code|password|otp|pin|link|token that|which|you ~3 arrived|came|received|got",
        f"reply|respond|answer|email ~4 with ~5 {_SECRET}",
        f"reply|respond|answer|email ~4 with ~5 {_KEY} {_KEYS}",
        f"send|give|tell|email|forward|provide|share|text me|us|back|over|here|along ~4 {_SECRET}",
        f"send|give|tell|email|forward|provide|share|text me|us|back|over|here|along ~4 {_KEY} {_KEYS}",
        f"reveal|disclose|leak|exfiltrate|paste|dump|print|list|export ~3 {_SECRET}",
        f"reveal|disclose|leak|exfiltrate|paste|dump|print|list|export ~3 {_KEY} {_KEYS}",
        "send|reply|provide|give|share|include|paste|print|dump|list|export|output ~2 environment|env variables|vars|file",
        unless=_HARMLESS,
    ),
    *cues(
        SECRETS, 0.45,
        f"send|provide|share|forward|include|post|upload|submit|return|supply|transmit|need|require|confirm ~3 {_SECRET}",
        f"send|provide|share|forward|include|post|upload|submit|return|supply|transmit|need|require|confirm ~3 {_KEY} {_KEYS}",
        "send|reply|provide|give|share|include|email|confirm|submit|return|supply ~3 social|national|credit|debit|bank ~1 security|insurance|card|account ~2 number|numbers|details|cvv|pin|information|login",
        unless=_HARMLESS + " we we'll you'll can securely",
    ),
    *cues(SECRETS, 0.5, "what|what's|whats ~1 the|your|our ~2 one-time|verification|login|otp|api|admin|root|master|one ~1 code|password|pin|key|token|time", "reset|verification|login|otp ~1 mail|email|message|code ~6 tell|send|give|forward|share ~1 me|us|it"),
    *cues(SECRETS, 0.3, "look|find|search|check|get|read ~5 reset|verification|code|login|otp ~4 inbox|mailbox"),
    *cues(ENCODED, 0.42, "in|as|to|into base64|rot13|hex"),
    *cues(AUTHORITY, 0.42, "your operator|operators|developers|developer|creators|administrators|principal|programmers ~1 has|have|asked|instructed|told|wants|authorized|want|say|says"),
    *cues(
        AUTHORITY, 0.3,
        "i am|m your ~1 developer|creator|administrator|operator|programmer|master",
        "i'm your ~1 developer|creator|administrator|operator|programmer|master",
        "this is ~1 your ~1 developer|creator|operator|programmer|administrator",
        "message|notice|directive|instruction|instructions from ~1 openai|anthropic|developers|developer|system|operator|postroom",
        "you must|shall comply|obey",
        "failure|refusal to comply",
    ),
    *cues(ENCODED, 0.65, "join|combine|merge|put|concatenate|assemble|stitch|glue ~3 parts|pieces|fragments|halves|strings ~12 url|link|address|domain|@link"),
    *cues(
        ENCODED, 0.5,
        "decode|decrypt|deobfuscate|unscramble|base64|rot13|reverse ~3 following|this|below|string|text|base64|it|payload ~3 and|then ~1 follow|execute|obey|run|do|perform|act|comply|read",
        "base64|rot13|hex ~2 decode|decoded|instructions|instruction ~3 and|then|follow|execute",
        "concatenate|assemble|stitch|glue ~2 parts|pieces|fragments|strings|following|halves|url|link|address|letters",
        "remove|delete|strip|replace|omit ~2 spaces|space|dots|brackets|hyphens|underscores ~3 url|link|address|open|visit|from|get|it",
    ),
]  # fmt: skip
"""English cues."""

MARKUP: Final = (
    guarded(
        r"<\|(?:im_start|im_end|system|user|assistant|endoftext|end|begin_of_text|start_header_id|eot_id|endofprompt)\|?>",
        "<|",
    ),
    guarded(r"\[/?INST\]|<</?SYS>>|<start_of_turn>|<end_of_turn>", "inst]", "sys>>", "_of_turn>"),
    guarded(
        r"</?(?:system|assistant|user|human|instructions?|prompt|system[_-]?prompt|tool[_-]?(?:call|result|use)|function[_-]?(?:call|calls|results)"
        r"|invoke|untrusted\w{0,20}|document|context|admin|important|override|data|email|email_content|input)\s*/?>",
        "<",
    ),
    guarded(
        r"(?m)^[ \t>*#-]{0,8}#{2,4} ?(?:system|instructions?|assistant|user|human|response|new instructions?|task)\b",
        "##",
    ),
    guarded(
        r"(?m)^[ \t>*_-]{0,8}[\[({]\s?(?:system|assistant|admin|developer|instructions?|root|override|ai|maintenance mode|debug mode|security notice|end system|automated)\b[^\])}\n]{0,40}[\])}]",
        "[",
        "(",
        "{",
    ),
    guarded(
        r"(?m)^[ \t>*_-]{0,8}(?:system|assistant|developer|human|ai|tool|llm|agent|model)(?: (?:prompt|message|instructions?|note|override|notice|command|update))?\s?[:\uff1a]\s",
        ":",
        "\uff1a",
    ),
    Guarded(
        re.compile(
            r"(?:begin|start|end)[ _](?:of[ _])?(?:the[ _])?(?:system|admin|developer|hidden|secret|user|untrusted|email|prompt|context|instructions?|input|document|override)"
            r"(?:[ _](?:prompt|message|instructions?|input|content|text|override|mode|section|data|email|query|context|block))",
            re.IGNORECASE,
        ),
        re.compile(
            r"(?:begin|start|end)[ _](?:of|the|system|admin|developer|hidden|secret|user|untrusted|email|prompt|context|instruction|input|document|override)"
        ),
    ),
    guarded(
        r"\{\s?[\"'](?:tool|function|action|name|role|recipient_name|api_call|command|method)[\"']\s?:\s?[\"'](?:system|send_?\w{0,20}|forward\w{0,20}|reply\w{0,20}|delete\w{0,20}|read_\w{0,20}|search_\w{0,20}|exec\w{0,10}|run_\w{0,20}|assistant|transfer\w{0,20}|http\w{0,10}|fetch\w{0,10}|get_\w{0,20}|manage_\w{0,20}|tag_\w{0,20})",
        "{",
    ),
)
"""Regular expressions for the markup of prompts; each is linear: nothing unbounded repeats in them."""
