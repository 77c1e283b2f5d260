"""English words by kind."""

from __future__ import annotations

from typing import Final

from core.rules.classification import kinds as k

ENGLISH: Final = k.Language(
    name="en",
    words={
        k.GRANT: (
            "refund* reimburs* repay repaid repaying waive* waiving extend* renew renewed renewing grant granted "
            "granting approv* award* accept accepted accepting authoris* authoriz* book booked booking reserv* "
            "schedul* reschedul* credit credited crediting cancel cancelled cancelling canceled canceling withdraw* "
            "withdrew releas* exempt* upgrad* honour* honor* sign signed signing countersign* settle settled settling "
            "secure secured securing allocat* appoint appointed hire hired hiring match matched matching lock locked "
            "locking cap capped capping freeze freezing frozen lift lifted lifting drop dropped dropping scrap "
            "scrapped scrapping eras* void voided revers* reinstat* replace replaced replacing replaces repair "
            "repaired repairing redo redone exchange exchanged exchanging swap swapped swapping absorb* knock* shav* "
            "reduce reduced reducing lower lowered lowering slash* halv* trim* double doubled doubling promot* enrol* "
            "sponsor* donat* lend lent lending pencil* squeez* slotted slotting postpon* forgiv* forgav* compensat* "
            "indemnif* underwr* vouch* prorat* backdat* conced* admit* rescind* abandon* relinquish* discount "
            "discounted deduct* reopen reopened restor* guarantee guaranteed guaranteeing promise promised promising "
            "pledg* commit committed committing undertak* undertook expedit* priorit* raise raised raising increase "
            "increased increasing uphold* upheld overturn* consent* earmark* assign* ringfenc* remit remitted "
            "disburs* remak* comp comped liable accommodat* rebook* reship* reissu* redeliver* rehous* bear bearing "
            "foot footing cover covered covering covers adjust* allow* permit* entitl* licens* cede ceded cleared "
            "clear clearing quash* nullif* dismiss* vacat* surrender* forego forgo forgone resolv* endors* ratif* "
            "adopt* top topped topping bump* treat rectif* correct corrected correcting remov* delete deleted split "
            "prolong* freed freeing unblock* unlock* shift* onboard* insur* confirm confirmed confirming uncondition* "
            "wiped wipe wiping reinvoic* rebat* reallocat* stretch* delay delayed defer* suspend suspended lengthen* "
            "shorten* stamp* greenlit greenlight* okayed subsidi* fund funded funding buy buying bought purchas* sell "
            "selling sold rent renting lease leased invest* transfer transferred transferring takeover excuse excused "
            "pardon* relieve* retract* revok* soften* relax* spare* rewrit* activated reactivat* overrul* greenlight "
            "back backed let lets elect bestow annul* abolish* nominat* substitut* sublet prepone "
            "reward* forgoing borrow* triple tripled shoulder"
        ),
        k.DO: (
            "send sending sent ship ships shipping deliver delivers delivering delivered bring brings bringing "
            "brought collect collecting call calling come comes coming put puts putting move moved moving push pushed "
            "pushing get gets getting make makes making made finish finishes finished finishing complete completed "
            "completing install installed installing fill filled start starts starting begin begins join joining meet "
            "meeting arrive arrives arriving keep keeps keeping kept take takes taking took taken give gives giving "
            "gave given offer offered offering add added adding include included set setting arrange arranged "
            "arranging sort sorted sorting do doing done supply supplied supplying provide provided providing apply "
            "applied applying pay pays paying paid cut cutting switch switched visit visiting submit submitted "
            "submitting file filed filing prepare prepared preparing build building built launch launching return "
            "returning attend attending hand handed handing wire wired wiring issue issued issuing issues dispatch* "
            "courier* drive driving fly pick picked picking fix fixed fixing hold held holding run running lay paint "
            "painting clean cleaning service serviced inspect serve serving host hosting teach translate design "
            "migrate test throw throwing threw thrown stop stopping turn place placed ordered ordering fit fitted "
            "fitting eat eating patch patched rebuild correct amend amended amending change changed changing "
            "redirect* leave leaving stay staying open opening close closing land deposit deposited deposits "
            "transferred reprint* post posting mail mailing stand stands back pop cater catering cook roll rolling "
            "load loading ride deploy deploying swing rework* go going goes be have speak remain lands represent "
            "defend handle handling indemnify pursue pull pulling pulled ring meets draft drafting quote mend mending "
            "drill bake reroute rerouted dig pour plant haul tow towed weld refill restock reprice transcribe "
            "proofread edit walk feed mow plough empty wash iron dry pack unpack unload store carry escort guide "
            "train coach staff extend replaced swap tidy assemble connect hook adds organise organised organize "
            "organized resend resent present compile finalis* finaliz* execute implement integrate configure "
            "provision enable disable unsubscribe purge recover procure source recruit fetch relocate mount plumb "
            "renovate vacuum sweep bind frame engrave construct demolish water prune lodge negotiate mediate "
            "coordinate tutor demonstrate rush fast-track accelerat* hasten boost downgrade recalculat* oversee "
            "supervis* safeguard write print save"
        ),
        k.SOFT: (
            "look looks looked looking check checks checked checking ask asks asked asking see sees seeing saw "
            "discuss* talk talked talking speak speaking chat review reviews reviewed reviewing investigat* follow "
            "following followed forward forwarded forwarding pass passed passing think thought consider considered "
            "considering try tries tried trying hope hopes hoped hoping need needs needed want wants wanted wish know "
            "knew understand* understood appreciat* apologi* regret* love enjoy* wonder* remember* notice* read "
            "reading receive received hear heard hearing attach* enclos* note noted noting log logged contact* reach "
            "reached reaching touch let find finds found feel felt believe* work works worked working examin* clarif* "
            "consult* verif* escalat* explain* mention* suggest* recommend* advise* share shared sharing welcome miss "
            "missed expect expects expected wait waiting waited suspect* assum* guess* sorry mean* use used using "
            "tell told writing wrote prefer* like liked struggl* differ* live lives figure figuring dig digging "
            "listen* learn* monitor* watch* study studying assess* compar* aim aiming plan intend* grateful count "
            "counted spoke met thank introduc* question* search* hesitate happen* update updating updated seem* "
            "doubt* relay* raise observe maintain revise audit block show"
        ),
        k.STATE: (
            "received updated changed recorded logged processed registered opened closed restarted rebooted uploaded "
            "downloaded detected forwarded sent delivered dispatched created reset generated published posted built "
            "located based designed known used required needed expected included printed written installed completed "
            "finished scanned archived reported verified activated subscribed signed-in shipped passed tested "
            "operated measured noted found seen called charged stored listed displayed linked attached enclosed "
            "renamed assigned synced synchronised migrated deployed indexed imported exported started stopped "
            "resolved calculated allowed taught left confirmed delayed cleaned merged returned"
        ),
        k.SAY: (
            "promise promised guarantee guarantees guaranteed pledge undertake vow swear accept commit confirm "
            "confirming hereby admit concede waive acknowledge warrant assure consent"
        ),
        k.LINK: (
            "agreed agree decided decide happy glad pleased delighted ready prepared willing going gonna gone ahead "
            "to and able resolved elected chosen chose arranged managed proceed proceeded went just also now already "
            "gladly hereby personally will'll both then today immediately certainly definitely naturally of course "
            "even be been further therefore fully only still formally officially finally happily always never can may "
            "count"
        ),
        k.FIRST: "i we im ive id weve ill well's",
        k.OURS: (
            "foundation trustees trust insurer association federation society league ministry council committee board "
            "panel jury judge team engineer technician fitter plumber electrician mechanic driver crew courier "
            "builder installer manager director owner legal practice firm company hr finance court university "
            "department faculty registrar principal headteacher dean supplier bank boss ceo cfo cto cmo coo vp "
            "chairman chair partner vendor landlord landlady seller buyer lender publisher editor solicitor "
            "solicitors lawyer counsel underwriter* management agency hospital clinic surgeon consultant school club "
            "hotel airline adjuster office warehouse garage workshop shop store studio gallery kitchen chef caterer "
            "farm client colleague captain head producer label accounts payroll admissions group authority governor "
            "union employer dr mr mrs ms professor contractor surveyor vet dentist supervisor accountant architect "
            "estate museum hairdresser carpenter gardener mover movers postman printer baker florist translator "
            "interpreter trainer coach teacher pilot therapist physio midwife nurse optician mason roofer tailor "
            "cleaner cleaners photographer insurance carrier"
        ),
        k.THEIRS: (
            "they he she neighbour neighbor others somebody someone people them his her their rumour rumor opponent "
            "competitor competitors government scientists researchers study report reports visitors analysts "
            "applicants"
        ),
        k.YOU: "you ya u yourself",
        k.YOUR: "your yours",
        k.WILL: "will shall ll gonna going ill wont won shan",
        k.HAVE: "have has ve had having gone went ive weve",
        k.BE: "is are was were be been being am s re m been's gets got",
        k.MIGHT: (
            "could would might perhaps maybe possibly should must d hoping probably likely unlikely subject"
        ),
        k.IF: "if whether unless once whenever",
        k.NOT: (
            "don didn doesn isn wasn haven hasn aren weren couldn wouldn shouldn not t never no cannot nothing nobody "
            "none neither nor without unable unfortunately afraid yet hardly sadly reject rejected rejects refuse "
            "refused refuses decline declined denied"
        ),
        k.DEAL: (
            "yes deal agreed done sure fine ok okay sold confirmed granted accepted approved booked sealed absolutely "
            "certainly settled yep yup perfect congratulations congrats hereby consider promise affirmative brilliant "
            "welcome pleased delighted happy glad good great word guarantee sorted shake handshake gladly formally "
            "official assured agrees"
        ),
        k.SUM: (
            "refund refunds fee fees deposit price prices rate rates rent discount rebate cashback voucher credit "
            "penalty charge charges surcharge invoice balance debt loan salary bonus raise payment instalment* "
            "installment* compensation cost costs expenses bill allowance reimbursement premium excess deductible "
            "interest fine pay wage wages stipend royalty royalties advance funds commission retainer overdraft "
            "budget amount sum half difference tab postage damages payout grant bursary scholarship tuition mortgage "
            "pension money cheque check levy tariff subsidy settlement fare fares hourly cent penny pence"
        ),
        k.SLOT: (
            "appointment slot seat seats table room rooms booking reservation visit engineer place spot suite cabin "
            "villa pitch session viewing meeting interview call inspection installation delivery pickup collection "
            "replacement repair upgrade technician shift class lesson checkout hotel flight ticket tickets pass "
            "pallets pallet copies unit units van car bike laptop truck boat key keys desk parking bed stand stall "
            "hall nursery crew weekend"
        ),
        k.PACT: (
            "contract agreement lease tenancy offer bid tender proposal quote request application claim deadline "
            "leave vacation holiday warranty cover subscription licence license position role job exclusivity "
            "permission permit visa extension terms clause notice settlement liability fault appeal complaint "
            "resignation transfer promotion probation sabbatical project option partnership policy plan membership "
            "hours scope term months weeks year years responsibility blame dispute case loans"
        ),
        k.SYSTEM: (
            "password login username tracking parcel package shipment number code server backup newsletter webinar "
            "ticket tickets link website portal app browser version release file folder device email e-mail message "
            "inbox subscription deploy build job queue cluster database train bus gate line weather road printer "
            "router software system page form survey report dashboard statement profile meter reading cookies wifi "
            "api order orders"
        ),
        k.TIME: (
            "monday tuesday wednesday thursday friday saturday sunday mon tue wed thu fri sat sun january february "
            "march april june july august september october november december noon midnight tonight morning afternoon "
            "evening today week month am pm o'clock hour hours days day weekend lunchtime minutes eod cob quarter "
            "year jan feb mar apr jun jul aug sept oct nov dec deadline dawn"
        ),
        k.AHEAD: (
            "tomorrow by within until till next before tonight soon later shortly through from latest asap straight "
            "immediately right onwards starting effective end"
        ),
        k.BEFORE: "yesterday last ago earlier previous previously since recently former was were past had",
        k.FREE: (
            "free complimentary gratis waived goodwill nothing penny cent nil zero extra courtesy unconditionally "
            "compliments obligation pocket gesture"
        ),
        k.GET: "get gets receive keep use stay enjoy expect owe yours entitled",
        k.SPARED: (
            "charge charged charging bill billed billing invoice* pursue* pay paying owe cost costs raise* increase* "
            "penal* fee fees surcharge deduct* return repay chase chased enforce* worry lose extra interest sue claim "
            "rise contest apply lift hold terminate sell evict reduce change* increase go up"
        ),
        k.RULE: (
            "policy policies normally usually generally customers members students employees tenants each every any "
            "anyone typically usual regular recommended depends depending section article clause guidelines handbook "
            "regulations rules law many most guests users residents applicants visitors per always daily eligible "
            "where standard category range opening required requires applies typical annual staff patients drivers "
            "guide manual brochure min max starts runs depend qualify unless expires"
        ),
        k.TOLD: (
            "said says say asked asks told wrote claims claimed thinks mentioned wants wanted requested requests "
            "suggested suggests proposed proposes insists heard believes reported states stated according wonders "
            "quoted writes alleges alleged argues demands demanded rumour apparently read thought per complained "
            "hopes complains"
        ),
        k.POLITE: (
            "thanks thank received attached newsletter reminder minutes welcome sorry apolog* hello hi dear wishes "
            "birthday status update feedback survey enclosed question questions touch patience fyi notes agenda "
            "summary regards details reference automated notification alert confirmation wonderful lovely hope "
            "curious"
        ),
        k.ASK: (
            "please let tell choose click reply fill advise kindly what when where which who why how did does do "
            "could would can are is have any press enter select send confirm note check bring remember ask make use "
            "turn hold"
        ),
        k.PART: (
            "put took gave made held kept set cut sent got paid given taken done sold bought lent brought found built "
            "left thrown withdrawn written frozen chosen gone upheld repaid split shut begun driven"
        ),
        k.AWAY: (
            "posted informed loop out office away vacation closed closing maintenance unavailable offline leave "
            "holiday desk absence downtime newsletter know agenda programme program edition issue vacancies"
        ),
        k.NUMBER: (
            "one two three four five six seven eight nine ten eleven twelve twenty thirty forty fifty sixty hundred "
            "thousand dozen twice"
        ),
        k.STAYS: (
            "stand stands holds hold held remains remain stays stay applies locked good valid honoured unchanged "
            "fixed guaranteed keep keeps"
        ),
        k.COSTS: (
            "costs cost lasts amounts weighs measures consists contains includes says states covers provides rose "
            "fell grew dropped requires departs leaves runs opens closes ended expired expires renews renew amount "
            "amounted drawn totals total carries"
        ),
        k.COMMON: (
            "off over under than between own other new old first more too very if only again rest the of and to in a "
            "for it this that with on at as or but our us me my an about there so up out all has not been which their "
            "some great good how its where here"
        ),
        k.MUST: "need must obliged required",
    },
    idioms=(
        "you got the job", "you have the job", "the job is yours", "you're hired", "you are hired", "you're in",
        "welcome to the team", "my word on it", "have my word", "have our word", "you my word", "you our word",
        "it's a deal", "its a deal", "it is a deal", "call it a deal", "we have a deal", "you can count on",
        "you can rely on", "consider it done", "consider it booked", "consider it settled", "at our expense",
        "at our cost", "on us this time", "is on us", "are on us", "at no cost to you", "at no extra cost",
        "at no charge", "no charge for this", "leave it with us", "you will not be charged", "you won't be charged",
        "won't cost you", "will not cost you", "you're all set for", "put you down for", "you're booked",
        "you are booked", "take care of the cost", "cover the cost", "foot the bill", "on the house", "make it right",
        "make this right", "make it up to you", "owe you a refund", "in your calendar for", "on the calendar for",
        "pencilled you in", "penciled you in", "i'm in for", "gesture of goodwill", "goodwill gesture",
        "on your behalf", "not be charged", "never be charged", "not be billed", "won't be billed", "see to it that",
        "gone ahead and", "went ahead and", "took the liberty", "count me in", "our word on", "keep my promise",
        "keep our promise", "make good on", "hold us to", "hold me to", "of our own pocket", "no strings attached",
        "on my tab", "on our tab", "our treat", "our mistake, our bill", "full and final settlement", "we stand by",
        "without any charge", "with our compliments", "you're in for", "rest assured", "no need to pay",
        "nothing to pay", "you don't have to pay", "you owe us nothing", "it's yours", "is all yours", "are yours",
        "is yours", "take full responsibility", "accept full responsibility", "responsibility for the", "at fault",
        "our fault", "on our side", "on our part", "from our end", "all arranged", "is arranged", "it's a done deal",
        "count us in", "we're on for", "you're on for", "hereby accept", "formal acceptance", "word of honour",
        "the green light", "green light for", "is for you", "are for you", "yes to the", "yes to your",
        "on the hook for", "count on us", "count on me", "off the hook", "is taken care of",
        "are taken care of", "has been written off", "every cent back", "full amount back",
        "we have you covered", "we've got you covered", "you have been granted", "consider yourself booked",
        "at our own expense",
    ),
    participle=r".{2,}ed",
)  # fmt: skip
