"""French words by kind."""

from __future__ import annotations

from typing import Final

from core.rules.classification import kinds as k

FRENCH: Final = k.Language(
    name="fr",
    words={
        k.GRANT: (
            "rembours* recredit* credit* accord* offr* offert* promet* promis promise promettons engag* annul* "
            "reserv* programm* planifi* valid* approuv* accept* autoris* prolong* report* decal* sign* contresign* "
            "renonc* exoner* dispens* fixe fixee fixons bloqu* indemnis* dedommag* compens* remplac* echang* reduis* "
            "reduit* baiss* deduit* deduis* deduir* supprim* leve levee levons lever effac* retir* rendons rendr* "
            "rendu rendue assum* augment* octroy* octroi* vers* vire virons virerons virement cede cedons laissons "
            "attribu* admis* admet* retenu* retenons recrut* embauch* plafonn* maintien* maintenons maintiendr* gard* "
            "honor* repar* refair* refais* restitu* credite* reconnai* reconnu* garanti* caution* gele gelons geler "
            "facilit* rouvr* renouvel* titularis* nomm* promu* mut* affect* inscri* place placons avanc* repouss* "
            "surclass* etal* echelonn* fractionn* debloq* activ* retabli* reintegr* rachet* rachat achet* vend* lou* "
            "louons cedez sponsoris* finan* subvention* parrain* donnons abandonn* cess* suspend* resili* liber* "
            "delivr* solde soldons regl* rectifi* corrig* corrige ajust* majoron* concluons conclu* concede* consent* "
            "consens* certifi* cal* cale calons ponctu* livr* livrons couvr* couvert* support* prends prenons prendr* "
            "prend endoss* ratifi* homologu* confirm* attest* accueill* reprend* repren* recup* revers* reporte "
            "depann* resorb* convenu* adjug* retrocede* offrons remis* conced* enlev* ot* retranch* impute* imputons "
            "convers* bascul* agre* agreons agreee favorable acquiesc* transfer* prennent diminu* double doublons "
            "conserv* respect* etends etendons gracie derogation major* regularis* retiens conserve acheve resous "
            "resoudr* restaur*"
        ),
        k.DO: (
            "envoi* envoy* enverr* expedi* livr* appel* rappel* viens vient viendr* venons pass* pose* depos* fais "
            "fait faisons ferai fera ferons font faire mettr* mets mettons remett* remet termin* finir* fini finis "
            "install* commenc* demarr* repass* reviens apport* prepar* ramen* recuper* cherch* nettoy* peindr* rendre "
            "fourni* imprim* traduir* traduis* assur* boucl* attend* attends redig* effectu* ajout* inclu* modifi* "
            "chang* pay* paie paierons donn* donne dedi* transmettr* organis* occup* occupe charge charger chargeons "
            "regl* ouvr* ferm* tiens tient tenons port* confi* depech* intervien* intervenir mont* repeint* ser* "
            "serai sera serons aurez aura auras fourniss* soumett* soumettr* depot* cloture mis mise retourn* dispo "
            "disponible pret prete arriv* part partir* emball* debarr* facture factur* command* repart* complet* "
            "distribu* soud* perc* plant* coup* lav* sech* decharg* stock* accompagn* guid* encadr* nourr* cuisin* "
            "serv* remorqu* refer* raccord* branch* carrel* pret* amen* remets remettons regle veille veillons "
            "veillerai recevra recevrons developp* test* nettoi* peins conduis represent* defend* plaid* forme "
            "enseign* achev* garde commande commandons parte passera passer passe verra verrons"
        ),
        k.SOFT: (
            "regard* verifi* examin* etudi* demander demandons demandez discut* parl* parlons echang* transmet* "
            "transmis transmets transfere* pens* crois croyons esper* souhait* voudr* remerci* excus* regrett* sai* "
            "savons sais compren* compris trouv* lu lire lis entend* recu* recois recevons besoin veux voulons essay* "
            "tent* reflech* revien* reviens revenons renseign* inform* rappel* signal* expliqu* recommand* conseill* "
            "propos* suggere* attend* travaill* apprend* observ* mesur* analys* collect* cherch* estim* aim* contact* "
            "not* note constat* vu utilis* rencontr* consult* sign*al interrog* joins joint felicit* suppos* dout* "
            "ecoute* suis desol* tien* joindr* point* hesit* invit* compar* suiv* interess* prions prie demande"
        ),
        k.STATE: (
            "recu recue expedie expediee envoye envoyee modifie modifiee enregistre enregistree ouvert ouverte ferme "
            "fermee installe installee effectue effectuee termine terminee cree creee mis mise transmis transmise "
            "trouve trouvee mesure genere generee publie publiee traite traitee utilise utilisee prevu prevue retarde "
            "retardee livre livree remplace calcule calculee transferee transfere depose deposee imprime joint jointe"
        ),
        k.SAY: (
            "promets promettons garantis garantissons engage engageons accepte acceptons confirme confirmons assure "
            "assurons renonce renoncons reconnais reconnaissons accorde accordons autorise autorisons consens "
            "consentons certifie valide validons approuve approuvons offrons offre"
        ),
        k.LINK: (
            "bien donc volontiers par presentes decide decidons heureux ravi ravie plaisir convenu pret prete"
        ),
        k.FIRST: "je j nous on",
        k.OURS: (
            "association fondation editeur mairie federation ministere creche club theatre musee universite region "
            "departement president presidente adjoint prefet prefecture tribunal juge notaire avocat avocate huissier "
            "gestionnaire gerant gerante agence ecole faculte doyen professeur proviseur medecin clinique hopital "
            "veterinaire artisan plombier electricien peintre mecanicien garage atelier magasin boutique hotel "
            "compagnie transporteur fournisseur galerie mandant mandante locatrice vendeur vendeuse acheteur "
            "acquereur bailleresse copropriete actionnaires associes comptabilite drh rh service usine traiteur "
            "syndic jury maitre proprietaire direction equipe technicien societe cabinet banque directeur directrice "
            "comite conseil client cliente assureur assurance bailleur patron patronne dr commission responsable chef "
            "livreur rectorat chauffeur serrurier mutuelle caisse m mme collegue couvreur dentiste infirmiere kine "
            "coiffeur coiffeuse menuisier macon jardinier demenageur facteur imprimeur boulanger fleuriste traducteur "
            "interprete moniteur formateur guide pilote capitaine entraineur commune coursier"
        ),
        k.THEIRS: (
            "il elle ils elles voisin voisine voisins autres quelqu gens concurrent concurrents locataire lui adverse"
        ),
        k.YOU: "vous te t tu toi",
        k.YOUR: "votre vos ton ta tes",
        k.WILL: "sera seront serez aura aurez auront fera vais allons va vont",
        k.HAVE: "ai avons a ont",
        k.BE: "est sont ete etes sera seront fut sommes etait etaient soit serez",
        k.MIGHT: (
            "pourrait pourrions pourriez pourrais devrait devriez devrions doit doivent faut souhait* voudrais serait "
            "aimeriez peut-etre pourraient voudrait aurait auriez semble"
        ),
        k.IF: "si lorsque quand afin des",
        k.NOT: (
            "ne n pas aucun aucune jamais malheureusement ni sans helas personne encore rien plus impossible refuse "
            "refuses rejete rejetee refusent"
        ),
        k.DEAL: (
            "top tope impeccable banco adjuge vendu nickel super naturellement certainement assurement parole "
            "engagement acte actee acquis acquise reserve valide validee accepte acceptee marche entendu accord "
            "convenu felicitations parfait bon presente ca roule promis confirme volontiers bravo ok ferme oui regle "
            "fait note noté presentes d'accord formellement officiellement plaisir ravi heureux"
        ),
        k.SUM: (
            "remboursement* remise* reduction* avoir rabais frais penalite* agios somme* montant acompte caution "
            "loyer* prix tarif* salaire* prime* indemnite* dedommagement solde facture* cheque bon interets amende "
            "honoraires bourse depot provision commission mensualite* credit decouvert plafond franchise supplement* "
            "cotisation* aide allocation augmentation forfait geste arrhes difference majoration astreinte charges "
            "euros taux pret abonnement virement droits"
        ),
        k.SLOT: (
            "rendez rdv livraison reservation table chambre session poste creneau place* suite salle billet* train "
            "siege parking cle* appartement visite intervention technicien remplacement reparation hotel nuit* "
            "nuitee* voiture vehicule velo stand salon emplacement cours stage formation palette* exemplaires "
            "appareil modele piece chaudiere consultation box logement"
        ),
        k.PACT: (
            "contrat bail cdi devis demande offre proposition conge* mutation delai* echeance garantie candidature "
            "dossier licence permis autorisation litige reclamation recours responsabilite faute erreur tort accord "
            "clause preavis resiliation inscription teletravail promotion exclusivite option partenariat mois jours "
            "ans semaine sinistre mission avenant tort* periode report"
        ),
        k.SYSTEM: (
            "passe identifiant colis numero serveur sauvegarde newsletter webinaire ticket lien portail application "
            "version fichier dossier message mail train bus ligne route imprimante routeur logiciel systeme page "
            "formulaire enquete rapport releve site mise jour panne greve suivi cookies wifi commande"
        ),
        k.TIME: (
            "lundi mardi mercredi jeudi vendredi samedi dimanche janvier fevrier mars avril mai juin juillet aout "
            "septembre octobre novembre decembre h heure heures matin midi soir apres-midi semaine jours jour mois an "
            "ans minuit aujourd'hui aujourd hui week-end weekend trimestre rentree minutes apres"
        ),
        k.AHEAD: (
            "demain avant prochain prochaine prochains d'ici ici sous partir des compter immediatement jusqu jusqu'au "
            "tantot tard suite desormais fin ce cet cette"
        ),
        k.BEFORE: (
            "hier dernier derniere derniers passe passee depuis ancien precedent jadis deja avaient avait avions "
            "avais aviez"
        ),
        k.FREE: (
            "gratuit* offert* cadeau bonus gratuitement franco dispense exonere entier exceptionnel "
            "exceptionnellement"
        ),
        k.GET: (
            "gardez garde conservez recevrez aurez pouvez garder beneficie* pourrez auras recevras conserver avez "
            "aura"
        ),
        k.SPARED: (
            "factur* pay* debit* preleve* frais penalite* supplement cout* augment* poursui* contentieux interets "
            "reclam* rendre majoration coute* exig* redevable devez devrez chang*"
        ),
        k.RULE: (
            "reglementation convention habituellement souvent usagers adherents visiteurs patients etudiants salaries "
            "obligatoire necessaire possible version annuel mensuel quotidien standard minimum maximum politique "
            "generalement clients chaque conditions reglement article prevu forfait formule comprend inclut eleves "
            "parents horaires normalement abonnes ouvert ouverte disponible loi locataires membres ouverts fermes "
            "bureaux couvre valable valide valables depend dependent beneficier"
        ),
        k.TOLD: (
            "dit dites disiez ecrit ecrivez indique mentionne demandez parait apparemment affirme pretend soutient "
            "selon d'apres raconte explique reclame exige voudrait souhaite veut avaient aviez"
        ),
        k.POLITE: (
            "bulletin compte rendu proces verbal ordre cordialement bonne question reponse maintenance merci bonjour "
            "recu recue joint jointe ci newsletter rappel desole* excuses information infos bienvenue prochainement "
            "trouverez actuellement retour bonsoir cher chere veuillez invitation enquete"
        ),
        k.ASK: (
            "veuillez pouvez pourriez dites indiquer cliquez avez souhaitez preferez est quand comment pourquoi quel "
            "quelle quels quelles ou qui combien appuyez choisissez pensez merci voulez seriez etes peux as vous-meme"
        ),
        k.AWAY: (
            "informe informee courant informes absent absente bureau ferme fermee fermes maintenance conges vacances "
            "indisponible fermeture newsletter savoir programmation programme edition"
        ),
        k.YOUDO: "avez aviez etes auriez avons-vous disiez as serait",
        k.NUMBER: (
            "deux trois quatre cinq six sept huit neuf dix onze douze quinze vingt trente quarante cent mille"
        ),
        k.STAYS: "reste restent tient tiennent vaut maintenu maintenue inchange valable valide garanti",
        k.COSTS: (
            "coute coutent prend dure durent pese mesure contient comprend prevoit prevoient augmente baisse stipule "
            "commence finit ouvre fermera part expire elevent eleve renouvelle renouvellent peut supporte figure "
            "figurent expiree expirent s'elevent"
        ),
        k.COMMON: (
            "meme autre quai entre pendant contre chez nom nouveau nouvelle tres le la les l de d du des un une et en "
            "pour que qui dans sur au aux avec par ce cette ces se s y est il elle notre nos mon ma mes me m moi leur "
            "plus tout bien mais ou si a son sa ses c"
        ),
        k.MUST: "devez devrez aurez",
    },
    idioms=(
        "vous etes pris", "vous etes prise", "vous etes embauche", "vous etes embauchee", "bienvenue dans l'equipe",
        "le poste est", "est pour nous", "sont pour nous", "est pour moi", "pris en charge", "prise en charge",
        "prises en charge", "ne sera pas facture", "ne serez pas facture", "ne vous facturerons", "ne paierez rien",
        "ne payez rien", "ne paierez pas", "a notre charge", "a nos frais", "a mes frais", "vous avez ma parole",
        "avez notre parole", "marche conclu", "pouvez compter sur", "comptez sur moi", "comptez sur nous",
        "sans frais pour vous", "c'est note pour", "c'est convenu", "c'est d'accord", "gratuitement pour vous",
        "affaire conclue", "geste commercial", "a titre commercial", "a titre gracieux", "a titre exceptionnel",
        "c'est pour nous", "c'est pour moi", "prenons a notre", "prends a ma charge", "pour notre compte",
        "a notre compte", "ne vous coutera rien", "rien a payer", "rien a debourser", "sans supplement",
        "je m'en occupe", "on s'en occupe", "notre faute", "notre erreur", "sont a vous", "est a vous", "est a toi",
        "solde de tout compte", "c'est promis", "c'est regle", "en votre faveur", "je m'y engage",
        "nous nous y engageons", "vous est acquis", "vous sont acquis", "de notre cote", "de notre part",
        "ca marche,", "c'est bon pour", "est acquise", "vous sont offerts", "vous est offert", "est offert",
        "sont offerts", "parole d'honneur", "m'engage personnellement", "est pour vous", "sont pour vous",
        "c'est oui",
        "porte garant", "portons garant", "tout est arrange", "ma parole", "commande ferme",
        "d'accord avec vos", "d'accord pour votre", "prenons en charge", "prendrons en charge",
        "prend a sa charge", "c'est la maison qui invite",
    ),
    participle=r".{2,}(?:es?|ees?|ise?|ue?s?|ts?)",
    selves=("ons", "rai", "rons"),
    futures=(
        "era", "ira", "dra", "rra", "tra", "eront", "iront", "dront", "rront",
        "erai", "irai", "drai", "rrai", "erons", "irons", "drons", "rrons", "trons", "trai",
    ),
    plurals=(("s", ""), ("x", ""), ("aux", "al")),
)  # fmt: skip
