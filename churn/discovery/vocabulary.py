"""What people call the columns of an event log, in English, Dutch, German, French and Spanish."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

PERSON = """customer cust client klant kunde kunden cliente user usr member account acct donor donateur spender
subscriber abonnee abonnent abonne patient contact buyer shopper guest lid mitglied membre socio household requester
player student visitor debiteur debitor relatie utilisateur usuario gebruiker nutzer benutzer konto msno cardholder
koper kaufer kaeufer acheteur comprador person profile adherent donante donneur company bezoeker besucher visiteur
caller reporter melder party mandant partner uid login deelnemer teilnehmer participant suscriptor kundin""".split()
IDENTIFIER = (
    """id ids nr no num number nummer numero code key ref uuid guid kennung identifier sk pk tag cd hash""".split()
)
NO_PERSON = """name naam first last type typ segment group gruppe country land city zip phone since age gender address
status manager rating language tier level plan count lifetime title state region category agent rep note notes comment
owner seller vendor merchant staff employee session device product item order invoice ticket vorname nachname nom prenom
nombre apellido achternaam voornaam service representative assigned assignee prefix lat lng ip""".split()
EMAIL = "email mail emailadres courriel correo e-mail".split()

WHEN = """date datum time timestamp datetime zeit tijd tijdstip zeitpunkt fecha jour day dag tag heure hora ts
moment dt data when""".split()
HAPPENED = """order ordered invoice transaction purchase purchased event created create placed occurred visit visited start
started begin began paid payment booking booked donation gift received session checkin check entry played bestel besteld
bestelling bestell factuur rechnung rechnungs kauf kaufdatum auftrag auftrags beleg buchung buchungs commande facture
achat pedido compra factura venta opened open reported log logged posting document aankoop transactie betaal betaling
zahlung spende spenden bezoek besuch visite visita aangemaakt erstellt erstellungs cree creado txn trx sale sold post
posted activity request requested submit submitted call contribution close deal login scan swipe""".split()
LATER = """updated update modified modify changed gewijzigd geandert geaendert modifie shipped shipping ship delivery
delivered deliver estimated due closed resolved solved end ended finish finished expires expire expiry expiration birth
birthday geboorte geburt geburts naissance nacimiento dob cancelled canceled cancellation valid until approved processed
lieferung liefer versand levering lever verzend livraison envio entrega processing last first expected required fulfilled
settled settlement available refund refunded renewal return returned completed deadline trial checkout out membership
assigned solved acknowledged closing clearing limit vencimiento echeance faelligkeit vervaldatum next""".split()
ARRIVED = (
    "loaded load ingested ingestion synced sync fivetran etl arrived received inserted imported extracted dwh".split()
)
SIGNED_UP = """signup signed sign registered registration register since created create joined join enrolled enrolment
enrollment onboarded opened sinds seit inscription inscrit alta registro aangemeld anmeldung anmelde registrierung
registratie member lid mitglied first acquisition start activation activated became begin eintritt beitritt inschrijving
inschrijf""".split()

MONEY = """amount total revenue price value sales sale paid payment net gross subtotal sum turnover spend spent gmv amt
bedrag omzet prijs totaal betrag umsatz preis summe wert brutto netto montant prix somme ca importe precio valor venta
ventas donation gift fee charge charged cost kosten waarde proceeds tender uitgave monto""".split()
TOTAL = "total amount amt line subtotal revenue totaal bedrag betrag summe montant importe sales umsatz omzet sum gross".split()
UNIT = (
    "unit price prijs preis prix precio stuk stueck stuck each per item unitprice einzelpreis stuksprijs list".split()
)
NO_VALUE = """tax vat btw mwst tva iva discount korting rabatt remise descuento shipping freight currency rate exchange
refund refunded fee fees balance credit cost cogs margin tip surcharge deposit percent pct points rank score lifetime
verzend versand porto count latitude longitude lat lng lon installments sequential postcode zip year month week hour
version outstanding due fulfillment response first method status type""".split()
AMOUNT = "duration minutes mins min seconds sec secs duur dauer duree duracion hours length watched played time_spent".split()
QUANTITY = """quantity qty aantal anzahl menge quantite cantidad units pieces stuks stuck stueck num count items
hoeveelheid nb""".split()

KIND = """kind type event action activity soort art typ typus vorgang gebeurtenis evenement evento accion actie aktion
eventname eventtype activitytype tipo bewegung verb""".split()
STATUS = "status state statut estado zustand fulfillment financial toestand".split()
EVENT_ID = """order invoice transaction receipt bestelling factuur bestell rechnung beleg auftrag commande facture
pedido factura basket trans txn trx sale bon ticket purchase document bestelnummer ordernummer bestellnummer belegnummer
rechnungsnummer factuurnummer docnum salesorder voucher booking reservation""".split()
SEGMENT = """country land region plan tier segment channel contract gender geslacht geschlecht city state language kanaal
kanal pays canal pais market store type source platform industry size branche category group""".split()

CANCELLED = re.compile(
    r"cancel|churn|unsubscri|terminat|opzeg|opgezeg|k[uü]e?ndig|r[eé]sili|\bbaja\b|closed?[_ -]?account|deactivat"
    r"|account[_ -]?(?:closed|deleted)|\bended?\b|subscription[_ -]?(?:deleted|ended)|expired|lapsed|quit\b|\bleft\b|uitschrij",
    re.IGNORECASE,
)
BACKWARD = re.compile(
    r"return|refund|retour|r[uü]e?ck|storn|chargeback|credit|gutschrift|rembours|devol", re.IGNORECASE
)
PASSIVE = re.compile(
    r"fail|declin|bounce|(?:email|mail|push|sms|newsletter)[_ -]?(?:sent|deliver)|mislukt|fehlgeschlagen|impression"
    r"|reminder|dunning|overdue|unpaid|\bsent\b",
    re.IGNORECASE,
)
UNDONE = re.compile(
    r"cancel|annul|storn|fail|declin|refus|abgelehnt|void|draft|pending|reject|unpaid|expired|abandon|geannuleerd"
    r"|mislukt|refunded|voided|trash",
    re.IGNORECASE,
)
NOUNS = {
    "donation": "donation donations gift gifts spende spenden don dons donatie donaties contribution giving",
    "visit": "visit visits bezoek bezoeken besuch besuche checkin checkins attendance swipe swipes visites",
    "ticket": "ticket tickets case cases incident incidents issue issues helpdesk support",
    "session": "session sessions sessies sitzung play plays listen watch",
    "payment": "payment payments betaling betalingen zahlung zahlungen charge charges paiement pagos",
    "login": "login logins signin",
    "booking": "booking bookings reservation reservations reservering buchung",
    "call": "call calls",
    "purchase": "order orders invoice invoices transaction transactions sale sales purchase purchases bestelling "
    "bestellingen bestellung bestellungen commande commandes pedido pedidos factuur facturen rechnung rechnungen retail "
    "umsatz omzet receipt verkoop verkopen verkaufe verkaeufe ventas aankopen basket shop webshop auftrag lines orderregels items",
}  # fmt: skip


@lru_cache(maxsize=4096)
def words(name: str) -> tuple[str, ...]:
    """The words of a name, small and without accents: `CustomerID`, `customer-id` and `Customer ID` are the same."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    parted = re.sub(r"([a-z0-9])([A-Z])|([A-Z]+)([A-Z][a-z])", r"\1\3 \2\4", plain)
    return tuple(re.findall(r"[a-z]+|[0-9]+", parted.lower()))


@lru_cache(maxsize=65_536)
def _is_of(word: str, listed: tuple[str, ...]) -> bool:
    return word in listed or any(
        len(one) >= 4 and len(word) > len(one) + 1 and (word.startswith(one) or word.endswith(one)) for one in listed
    )


def has(name: str, listed: list[str]) -> bool:
    """Whether a name has one of the words in it, alone or as a part of a longer one (`klantnummer`)."""
    return any(_is_of(word, tuple(listed)) for word in words(name))


def has_word(name: str, listed: list[str]) -> bool:
    """Whether a name has one of the words in it as a whole word."""
    return bool({*words(name)} & {*listed})


def is_known(name: str) -> bool:
    """Whether a name is one that a column of a log might have: a line of such names is the header."""
    every = (PERSON, WHEN, HAPPENED, MONEY, QUANTITY, KIND, STATUS, EVENT_ID, SIGNED_UP, EMAIL, AMOUNT, IDENTIFIER)
    return len(name) <= 60 and any(has_word(name, listed) for listed in every)
