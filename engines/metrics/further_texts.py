"""Texts that are spoken besides a voice's held-out lines where those do not decide: no recording of them is needed to
hear whose voice it is and whether the words are there. Written for Myna; nothing is ever trained on them.

`further` are a verdict's, and `close` are more of them for one that is close; `selection` are those by which a run
chooses among its own checkpoints: they share none, so that what is judged was never chosen by the lines that judge
it."""

from __future__ import annotations

from engines.metrics import texts_close, texts_latin, texts_other

TEXTS: dict[str, tuple[str, ...]] = {
    "de": (
        "Der alte Kahn lag still am Ufer, und niemand wollte ihn kaufen.",
        "Am Morgen roch die ganze Küche nach Kaffee und frischem Brot.",
        "Wenn der Zug um sieben fährt, müssen wir vor dem Frühstück gehen.",
        "Sie stellte die Lampe ans Fenster und wartete auf seine Antwort.",
        "Im dritten Stock wohnt ein Mann, der jeden Abend Geige spielt.",
        "Hast du den Brief gelesen, der gestern unter der Tür lag?",
        "Das Wetter bleibt bis zum Wochenende trocken, danach wird es kühler.",
        "Zwölf Stühle standen im Saal, doch nur einer war besetzt.",
        "Er zeichnete die Brücke aus dem Gedächtnis und vergaß kein Geländer.",
        "Bitte schließen Sie das Tor, bevor die Hunde auf die Straße laufen.",
        "Unsere Nachbarn haben den Garten im Herbst völlig neu angelegt.",
        "Nach dem Regen glänzten die Dächer wie frisch gestrichen.",
    ),
    "en": (
        "The old ferry lay still at the bank, and nobody wanted to buy it.",
        "By morning the whole kitchen smelled of coffee and fresh bread.",
        "If the train leaves at seven, we must go before breakfast.",
        "She put the lamp in the window and waited for his answer.",
        "On the third floor lives a man who plays the violin every night.",
        "Have you read the letter that lay under the door yesterday?",
        "The weather stays dry until the weekend, then it turns cooler.",
        "Twelve chairs stood in the hall, but only one was taken.",
        "He drew the bridge from memory and forgot none of its railings.",
        "Please close the gate before the dogs run out into the street.",
        "Our neighbours planted a new garden behind the house this autumn.",
        "After the rain the roofs shone as if somebody had painted them.",
    ),
    "es": (
        "La vieja barca seguía quieta en la orilla y nadie quería comprarla.",
        "Por la mañana toda la cocina olía a café y a pan recién hecho.",
        "Si el tren sale a las siete, tenemos que irnos antes del desayuno.",
        "Puso la lámpara en la ventana y esperó su respuesta.",
        "En el tercer piso vive un hombre que toca el violín cada noche.",
        "¿Has leído la carta que ayer estaba debajo de la puerta?",
        "El tiempo seguirá seco hasta el sábado y luego refrescará.",
        "Había doce sillas en la sala, pero solo una estaba ocupada.",
        "Dibujó el puente de memoria y no olvidó ninguna barandilla.",
        "Cierre la verja antes de que los perros salgan a la calle.",
    ),
    "fi": (
        "Vanha lautta oli rannassa paikallaan, eikä kukaan halunnut ostaa sitä.",
        "Aamulla koko keittiö tuoksui kahville ja tuoreelle leivälle.",
        "Jos juna lähtee seitsemältä, meidän on mentävä ennen aamiaista.",
        "Hän pani lampun ikkunalle ja odotti vastausta.",
        "Kolmannessa kerroksessa asuu mies, joka soittaa viulua joka ilta.",
        "Oletko lukenut kirjeen, joka oli eilen oven alla?",
        "Sää pysyy kuivana viikonloppuun asti, sitten se viilenee.",
        "Salissa oli kaksitoista tuolia, mutta vain yksi oli varattu.",
        "Hän piirsi sillan muistista eikä unohtanut yhtään kaidetta.",
        "Sulkekaa portti, ennen kuin koirat juoksevat kadulle.",
    ),
    "fr": (
        "Le vieux bac restait au bord de l'eau et personne ne voulait l'acheter.",
        "Le matin, toute la cuisine sentait le café et le pain frais.",
        "Si le train part à sept heures, il faut partir avant le déjeuner.",
        "Elle posa la lampe à la fenêtre et attendit sa réponse.",
        "Au troisième étage habite un homme qui joue du violon chaque soir.",
        "As-tu lu la lettre qui se trouvait hier sous la porte ?",
        "Le temps restera sec jusqu'à samedi, puis il fera plus frais.",
        "Douze chaises attendaient dans la salle, mais une seule était prise.",
        "Il dessina le pont de mémoire et n'oublia aucune rambarde.",
        "Fermez la grille avant que les chiens ne courent dans la rue.",
    ),
    "it": (
        "Il vecchio traghetto era fermo a riva e nessuno voleva comprarlo.",
        "La mattina tutta la cucina profumava di caffè e di pane fresco.",
        "Se il treno parte alle sette, dobbiamo uscire prima di colazione.",
        "Mise la lampada alla finestra e aspettò la sua risposta.",
        "Al terzo piano abita un uomo che suona il violino ogni sera.",
        "Hai letto la lettera che ieri era sotto la porta?",
        "Il tempo resta asciutto fino a sabato, poi farà più fresco.",
        "Nella sala c'erano dodici sedie, ma una sola era occupata.",
        "Disegnò il ponte a memoria e non dimenticò nessuna ringhiera.",
        "Chiudete il cancello prima che i cani corrano in strada.",
    ),
    **texts_latin.TEXTS,
    **texts_other.TEXTS,
}


def further(language: str) -> tuple[str, ...]:
    """Texts in a language (ISO 639-1, "pt-br" counts as "pt"); none for one that has no list."""
    return TEXTS.get(language.partition("-")[0].lower(), ())


def close(language: str) -> tuple[str, ...]:
    """More texts in a language, for a verdict that is close; none for one that has no list."""
    return texts_close.CLOSE.get(language.partition("-")[0].lower(), ())


SELECTION: dict[str, tuple[str, ...]] = {
    "de": (
        "Die Uhr am Bahnhof geht seit Jahren vier Minuten nach.",
        "Kannst du mir sagen, wo der kürzeste Weg zum Hafen ist?",
        "Auf dem Markt kaufte sie Äpfel, Käse und einen Strauß Tulpen.",
        "Der Schnee blieb nur eine Nacht, dann kam die Sonne zurück.",
        "Wir haben lange geredet, aber keine bessere Lösung gefunden.",
        "Hinter dem Hügel beginnt ein Wald, den niemand ganz kennt.",
    ),
    "en": (
        "The station clock has been four minutes slow for years.",
        "Can you tell me the shortest way down to the harbour?",
        "At the market she bought apples, cheese and a bunch of tulips.",
        "The snow stayed for one night only, then the sun came back.",
        "We talked for a long time, but found no better answer.",
        "Beyond the hill begins a forest that nobody knows completely.",
    ),
    "es": (
        "El reloj de la estación lleva años atrasado cuatro minutos.",
        "¿Puede decirme cuál es el camino más corto hasta el puerto?",
        "En el mercado compró manzanas, queso y un ramo de tulipanes.",
        "La nieve duró una sola noche y luego volvió el sol.",
        "Hablamos mucho rato, pero no encontramos una solución mejor.",
        "Detrás de la colina empieza un bosque que nadie conoce del todo.",
    ),
    "fi": (
        "Aseman kello on ollut vuosia neljä minuuttia jäljessä.",
        "Voitko sanoa, mikä on lyhin tie satamaan?",
        "Torilta hän osti omenoita, juustoa ja kimpun tulppaaneja.",
        "Lumi pysyi maassa vain yhden yön, sitten aurinko palasi.",
        "Puhuimme pitkään, mutta emme keksineet parempaa ratkaisua.",
        "Mäen takana alkaa metsä, jota kukaan ei tunne kokonaan.",
    ),
    "fr": (
        "L'horloge de la gare retarde de quatre minutes depuis des années.",
        "Pouvez-vous me dire quel est le chemin le plus court vers le port ?",
        "Au marché, elle a acheté des pommes, du fromage et des tulipes.",
        "La neige n'est restée qu'une nuit, puis le soleil est revenu.",
        "Nous avons parlé longtemps sans trouver de meilleure réponse.",
        "Derrière la colline commence une forêt que personne ne connaît vraiment.",
    ),
    "it": (
        "L'orologio della stazione è indietro di quattro minuti da anni.",
        "Può dirmi qual è la strada più breve per il porto?",
        "Al mercato ha comprato mele, formaggio e un mazzo di tulipani.",
        "La neve è rimasta una notte sola, poi è tornato il sole.",
        "Abbiamo parlato a lungo, ma senza trovare una soluzione migliore.",
        "Dietro la collina comincia un bosco che nessuno conosce del tutto.",
    ),
    **texts_latin.SELECTION,
    **texts_other.SELECTION,
}


def selection(language: str) -> tuple[str, ...]:
    """Texts in a language by which a run chooses among its checkpoints; none for one that has no list."""
    return SELECTION.get(language.partition("-")[0].lower(), ())
