"""Texts that are spoken besides a voice's held-out lines where those do not decide: no recording of them is needed to
hear whose voice it is and whether the words are there. Written for Myna; nothing is ever trained on them."""

from __future__ import annotations

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
}


def further(language: str) -> tuple[str, ...]:
    """Texts in a language (ISO 639-1, "pt-br" counts as "pt"); none for one that has no list."""
    return TEXTS.get(language.partition("-")[0].lower(), ())
