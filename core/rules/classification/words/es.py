"""Spanish words by kind."""

from __future__ import annotations

from typing import Final

from core.rules.classification import kinds as k

SPANISH: Final = k.Language(
    name="es",
    words={
        k.GRANT: (
            "reembols* reintegr* devuel* devolv* abon* compens* indemniz* resarc* conced* otorg* aprob* aprueb* "
            "acept* autoriz* ampli* prorrog* prolong* extend* extiend* firm* garantiz* promet* compromet* comprometo "
            "asegur* reserv* program* agend* cancel* anul* condon* perdon* asum* descont* descuent* rebaj* baj* "
            "bonific* reduc* reduj* sustitu* reemplaz* repon* repuest* cambi* repar* arregl* regal* obsequi* exim* "
            "exent* quit* retir* elimin* manten* mantien* mantend* respet* renuev* renov* acord* pact* cerramos "
            "cerrado confirm* adjudic* admit* asign* apart* guard* fij* pon* puesto levant* renunci* ajust* igual* "
            "inclu* matricul* inscri* contrat* nombr* ascend* promov* selecc* readmit* restable* desbloque* activ* "
            "habilit* liber* congel* topa* dobl* fraccion* aplaz* pospon* retras* adelant* moví movido mover movimos "
            "traslad* cubr* cubier* sufrag* corr* liquid* salda* pag* rescind* desist* ced* cedido don* patrocin* "
            "financ* prest* alquil* vend* compr* encarg* anot* apunt* bloque* invit* rectific* correg* corrig* "
            "modific* reconoc* reconozc* responsabil* respond* hac* cargo estim* ratific* consient* consent* "
            "certific* suspend* archiv* exoner* dispens* abaj* mejor* jur* favorable subsan* revoc* retroa* destin* "
            "queda quedan quedo conserv* acog* acced* accedido acreditar acredit* ascendid* perm* libr* pondr* cubro "
            "anulo quito borr* duplic* paso bajo muevo fijado adopt* emit* emitid* recuper* limitad* decid* ampliad* "
            "prometo"
        ),
        k.DO: (
            "envi* mand* llev* entreg* llam* pas* hag* hac* hare* hech* dar* doy damos dado daremos empiez* comienz* "
            "lleg* instal* recog* sal* va van voy vamos ven* vien* vendr* termin* tram* ten* tendr* monta* prepar* "
            "traer* traig* trae acerc* limpi* imprim* traduc* form* asist* atend* atiend* acud* qued* sirv* construy* "
            "regres* vuelv* volver vuelta deposit* ingres* transfer* transfier* gir* despach* sac* met* coloc* cocin* "
            "dej* present* ir ira iran iremos soluc* resuelv* resolv* complet* ofrec* ofrezc* cobr* pint* remit* "
            "redact* gestion* emit* facilit* encarg* mont* sub* pong* ponemos ser* sera acab* corr* abrir* abr* "
            "cumpl* corrij* anad* agreg* repart* distribu* sold* perfor* plant* cort* lav* planch* empac* descarg* "
            "carg* almacen* acompan* aliment* cuid* remolc* conect* sumamos sumo pongo pone presto prestamos mando "
            "llevo recojo anoto hago firmo pedir* organiz* elabor* traduzc* disen* desarroll* prueb* conduzc* ire "
            "estare estaremos estara llegara llamo represent* defiend* defend* ensen* suministr* dejo tramit* queda "
            "quedado visit* tendra escrib*"
        ),
        k.SOFT: (
            "mir* revis* compr*bar comprueb* consult* pregunt* habl* hablar coment* reenvi* trasl* pas* cre* creo "
            "piens* pens* esper* dese* gustar* agradec* lament* sient* sentimos disculp* sabemos entend* entiend* "
            "comprend* encontr* encuentr* lei* leer leo oi* recib* necesit* quer* quier* intent* tratar* inform* "
            "record* avis* explic* recomend* aconsej* propon* propuse sugier* estudi* analiz* investig* observ* midi* "
            "med* trabaj* aprend* busc* usa* utiliz* contact* not* tom* tomado ver ve* visto veremos dig* dir* deci* "
            "duda* supon* segu* valor* consider* escuch* adjunt* compar* verific* escal* anot* deriv* averigu* invit* "
            "alegr* gust* interes* pued* podemos rogamos ruego pedimos pido pide pidio saber sabe saben"
        ),
        k.STATE: (
            "recibid* enviad* modificad* registrad* abiert* cerrad* instalad* realizad* terminad* cread* entregad* "
            "encontrad* medid* generad* publicad* procesad* utilizad* previst* retrasad* actualizad* reiniciad* "
            "despachad* salido cargad* adjuntad* adjunt* guardad* calculad* trasladad* tramitad* bloquead* detectad*"
        ),
        k.SAY: (
            "prometo prometemos garantizo garantizamos acepto aceptamos aseguro aseguramos comprometo comprometemos "
            "confirmo confirmamos renuncio renunciamos autorizo autorizamos concedo concedemos reconozco reconocemos "
            "asumo asumimos juro admito admitimos otorgamos otorgo"
        ),
        k.SELF: (
            "he hemos voy vamos tengo tenemos puedo podemos acabo acabamos estoy estamos quedo mando envio llamo "
            "reservo ofrezco devuelvo anulo cancelo paso dejo pongo hago doy cambio bajo subo quito retiro renuevo "
            "reparo pago cubro aparto guardo regalo incluyo apunto anoto firmo cierro entrego llevo traigo mantengo "
            "respeto descuento abono amplio extiendo perdono presto sumo"
        ),
        k.LINK: (
            "bien encantado encantada gusto decidido acordado presente mediante ya dispuestos dispuesto"
        ),
        k.FIRST: "yo nosotros nosotras",
        k.OURS: (
            "asociacion fundacion editorial ayuntamiento federacion ministerio guarderia club teatro museo "
            "universidad departamento presidente presidenta juez jueza juzgado tribunal notario abogado abogada "
            "gestor gestora agencia escuela colegio facultad decano profesor profesora medico medica clinica hospital "
            "veterinario fontanero electricista pintor mecanico taller almacen tienda hotel compania aerolinea "
            "transportista proveedor galeria vendedor vendedora comprador compradora casero casera arrendador "
            "propietario propietaria socios contabilidad rrhh servicio fabrica cocina mandante direccion equipo "
            "tecnico empresa banco director directora comite consejo cliente clienta aseguradora seguro jefe jefa "
            "comision responsable repartidor rectorado jurado doctor doctora dr dra cerrajero transportes instalador "
            "companero junta comunidad constructora administrador administradora dentista peluquero carpintero "
            "albanil jardinero mudanzas cartero impresor panadero florista traductor interprete entrenador piloto "
            "capitan fisioterapeuta enfermera fotografo sastre casa mensajero"
        ),
        k.THEIRS: (
            "ella ellos ellas vecino vecina vecinos otros alguien gente competencia inquilino contraria"
        ),
        k.YOU: "usted ustedes le les te ti os se vosotros tu",
        k.YOUR: "su sus tu tus vuestro vuestra vuestros",
        k.WILL: "sera seran estara estaran tendra tendran habra ira llegara voy vamos va van",
        k.HAVE: "he hemos ha han habra",
        k.BE: "es son sido sera seran esta estan fue fueron queda quedan quedara sea",
        k.MIGHT: (
            "podria podriamos podrian quizas tal vez gustaria deberia debe deben tendria habria seria pueda puedan "
            "acaso quisiera querria parece"
        ),
        k.IF: "si cuando caso cuanto",
        k.NOT: (
            "no ni nunca nada ningun ninguna ninguno nadie sin lamentablemente desgraciadamente tampoco todavia aun "
            "rechazo rechazado rechazada rechaza rechazaron nego denegado denegada"
        ),
        k.DEAL: (
            "perfecto hecho trato cerrado acuerdo conforme vale claro confirmado aprobado aprobada concedida "
            "concedido aceptado aceptada aceptamos acepto reservado garantizado compromiso oficialmente formalmente "
            "palabra prometido listo si felicidades enhorabuena tranquilo tranquila encantados gusto descuide ok okey "
            "genial fijado presente quedamos seguro dicho estupendo apuntado"
        ),
        k.SUM: (
            "reembolso* devolucion* descuento* rebaja vale bono fianza* deposito precio* tarifa* alquiler renta "
            "sueldo salario prima indemnizacion* compensacion* saldo factura* cheque interes* multa* honorarios beca "
            "comision cuota* credito* prestamo* limite franquicia recargo* gastos coste* costo* importe* dinero "
            "penalizacion* abono* aumento pago* nomina anticipo diferencia dieta* plus matricula portes euros dolares "
            "pesos suplemento cantidad cargo* suma tasa* comisiones envio"
        ),
        k.SLOT: (
            "cita* entrega reserva mesa habitacion sesion puesto plaza* hueco suite sala billete* entrada* tren "
            "asiento* vuelo aparcamiento llave* piso apartamento visita tecnico sustitucion reparacion hotel noche* "
            "coche vehiculo bicicleta stand curso practicas paquete* palets ejemplares aparato modelo pieza caldera "
            "consulta turno local instalacion cabana recogida unidades camion"
        ),
        k.PACT: (
            "contrato* arrendamiento presupuesto solicitud* oferta contraoferta propuesta vacaciones permiso "
            "excedencia traslado plazo* vencimiento garantia candidatura licencia autorizacion demanda reclamacion* "
            "recurso responsabilidad culpa error fallo acuerdo clausula preaviso baja alta inscripcion teletrabajo "
            "ascenso exclusividad opcion meses dias anos semana siniestro averia poliza prorroga jornada condiciones"
        ),
        k.SYSTEM: (
            "contrasena usuario paquete numero servidor copia boletin webinar ticket enlace portal aplicacion version "
            "archivo carpeta mensaje correo tren autobus linea carretera impresora router programa sistema pagina "
            "formulario encuesta informe lectura web actualizacion seguimiento wifi cookies almacen vuelo pedido"
        ),
        k.TIME: (
            "lunes martes miercoles jueves viernes sabado domingo enero febrero marzo abril mayo junio julio agosto "
            "septiembre setiembre octubre noviembre diciembre hora horas manana tarde mediodia noche semana dias dia "
            "mes meses ano anos hoy fin trimestre minutos primavera verano quincena"
        ),
        k.AHEAD: (
            "manana antes proximo proxima proximos partir dentro hasta plazo inmediato inmediatamente enseguida mas- "
            "tardar este esta desde pronto ahora mismo"
        ),
        k.BEFORE: (
            "ayer anoche pasado pasada ultimo ultima anterior hace desde entonces antiguo habia habian habiamos "
            "habias"
        ),
        k.FREE: (
            "gratis gratuit* cortesia regalo bonificado bonificada exento exenta integramente adicional incluido"
        ),
        k.GET: (
            "quedese quedate conserve quedaros recibira recibiran tendra tiene puede podra podras tendras recibiras "
            "quedarse conserva disfrut* tienes"
        ),
        k.SPARED: (
            "cobr* factur* pag* cargo* recargo* coste costes penaliz* interes* reclam* comision gastos preocup* "
            "cuesta costara demand* exig* subir* sub* debe abon* cambi*"
        ),
        k.RULE: (
            "normativa convenio habitualmente normalmente generalmente usuarios visitantes pacientes estudiantes "
            "trabajadores empleados socios clientes alumnos obligatorio necesario posible anual mensual diario minimo "
            "maximo abierto abre cierra politica cada plan planes incluye horario cualquier inquilinos version "
            "disponible reglamento clausula articulo ley suele suelen tarifas cubre termina empieza pueden margen "
            "bruto ventas acumulado valido valida validos depende dependen obtener"
        ),
        k.TOLD: (
            "dijo dice dicen comento escribio escribe indica menciona afirma asegura sostiene alega segun pregunta "
            "pidio pide reclama exige quiere parece cuenta contaron habia habian"
        ),
        k.POLITE: (
            "gracias adjunto adjunta boletin recordatorio acta bienvenido bienvenida lamentamos disculpe disculpas "
            "hola saludos cumpleanos estado encuesta pregunta preguntas informacion mantenimiento averia huelga "
            "atentamente buenos buenas estimado estimada felices comunicado aviso recibido mensaje encontrara"
        ),
        k.ASK: (
            "favor puede podria podrias puedes indique diga dime prefiere quiere necesita necesitamos rellene pulse "
            "haga ha cuando como donde quien cual cuanto por que tiene envie avise recuerde confirme elija le"
        ),
        k.AWAY: (
            "informado informada corriente tanto fuera oficina ausente cerrado cerrada vacaciones mantenimiento "
            "cerrados baja boletin newsletter aviso avisare digo"
        ),
        k.YOUDO: "ha has tiene han dijo pidio firmo pago",
        k.NUMBER: (
            "dos tres cuatro cinco seis siete ocho nueve diez once doce quince veinte treinta cuarenta cien mil"
        ),
        k.YOUSUBJECT: "usted ustedes tu vosotros",
        k.STAYS: "mantiene mantienen queda quedan vale valen vigente firme respeta sigue",
        k.COSTS: (
            "cuesta cuestan tarda dura pesa mide contiene incluye preve subieron bajo bajaron subio empieza termina "
            "abre cierra sale vence asciende dice establece prevee suman suma renueva renuevan admite aparece "
            "aparecen cubre vencio vencido caduca"
        ),
        k.COMMON: (
            "sobre entre durante otra otro nueva nuevo asi solo cada desde el la los las de del un una unos y en para "
            "que con por a al lo se es su nos nuestro nuestra nuestros me mi mis mas todo ya como pero o si este esta "
            "hay muy eso ese esa fue son hasta sus tambien mismo sin le les ha he"
        ),
        k.MUST: "tendra tiene tendras tienes debe",
    },
    idioms=(
        "estas contratado", "estas contratada", "queda contratado", "queda contratada", "bienvenido al equipo",
        "bienvenida al equipo", "no se le cobrara", "no le cobraremos", "no le cobrara", "no se le facturara",
        "no pagara nada", "no tiene que pagar", "no tendra que pagar", "no tienes que pagar",
        "corre por nuestra cuenta", "corren por nuestra cuenta", "corre de nuestra cuenta", "a nuestro cargo",
        "tiene mi palabra", "tienes mi palabra", "tiene nuestra palabra", "trato hecho", "puede contar con",
        "cuente con ello", "cuente con nosotros", "cuenta con ello", "sin coste para usted", "sin costo para usted",
        "por nuestra cuenta", "de nuestra parte", "corre a cargo nuestro", "invita la casa", "a cargo de la casa",
        "no le costara", "no te costara", "sin coste adicional", "sin coste alguno", "sin cargo", "sin recargo",
        "sin penalizacion", "es suyo", "es suya", "es tuyo", "es tuya", "nos hacemos cargo", "me hago cargo",
        "nos hacemos responsables", "culpa nuestra", "error nuestro", "fallo nuestro", "nuestro error",
        "nuestra culpa", "dalo por hecho", "delo por hecho", "a su favor", "asumimos la responsabilidad",
        "queda cerrado", "como compensacion", "me comprometo", "nos comprometemos", "le doy mi palabra",
        "queda anulado", "queda anulada", "queda cancelado", "queda cancelada", "queda eximido", "es para usted",
        "palabra de honor", "es para ti", "si a la", "si a su", "si al",
        "de nuestra cuenta", "todo arreglado", "mi palabra", "nuestra palabra", "a su nombre", "me encargo yo",
        "nos encargamos", "de acuerdo con sus condiciones", "de nuestro bolsillo",
    ),
    participle=r".{2,}[ai]d[oa]s?",
    selves=("mos", "are", "ere", "ire", "dre", "bre"),
    surely=("amos", "emos"),
    futures=("ara", "era", "ira", "dra", "bra", "aran", "eran", "iran", "dran", "are", "ere", "ire", "dre", "remos"),
    plurals=(("es", ""), ("s", "")),
)  # fmt: skip
