"""The names that people and programs give to columns of contacts, in several languages, without accents and signs.

Collected from the exports of Excel and Outlook (English, German, French), Google Contacts, Shopify, WooCommerce,
Mailchimp, HubSpot, Klaviyo, Brevo and Salesforce.
"""

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache

LIST = "list"
ACCEPTS = "accepts_mail"  # yes: they want mail; no: they do not
DECLINES = "declines_mail"  # anything but no: they do not want mail, or it does not reach them
LEFT_OUT = ""

_NAMES = {
    "email": """
        email mail emailaddress emailaddresses mailaddress emailid primaryemail contactemail customeremail billingemail
        useremail youremail subscriberemail emailprimary email1 email1value email1address emailaddress1 workemail
        homeemail businessemail internetaddress
        emailadresse mailadresse emailprivat emailgeschaftlich emailadresse1 kundenemail
        adresseemail adressemail courriel adressedemessagerie adresseelectronique adressecourriel adressedecourriel
        courrierelectronique emailclient emailprofessionnel emailpersonnel
        correo correoelectronico direcciondecorreoelectronico direccioncorreoelectronico direcciondecorreo
        indirizzoemail indirizzodipostaelettronica postaelettronica indirizzomail
        emailadres mailadres enderecodeemail enderecodecorreioeletronico adresemail epost epostadress
    """,
    "first_name": """
        firstname givenname forename fname first billingfirstname contactfirstname customerfirstname
        vorname rufname prenom nombre nome nomedebatismo voornaam imie fornamn fornavn
    """,
    "last_name": """
        lastname surname familyname lname last billinglastname contactlastname customerlastname
        nachname familienname zuname nom nomdefamille apellido apellidos cognome achternaam sobrenome apelido nazwisko
        efternamn etternavn efternavn
    """,
    "phone": """
        phone telephone phonenumber telephonenumber mobile mobilephone mobilenumber mobilephonenumber cell cellphone tel
        primaryphone businessphone homephone workphone phone1value billingphone defaultaddressphone sms smsnumber
        telefon telefonnummer mobil mobiltelefon mobilnummer handy handynummer rufnummer telefongeschaftlich
        telefonprivat telefonmobil
        telephoneportable telephonemobile portable numerodetelephone telephonebureau telephonedomicile
        telephonepersonnel
        telefono movil telefonomovil cellulare numeroditelefono telefoon telefoonnummer telefone celular
    """,
    "city": """
        city town locality billingcity homecity businesscity defaultaddresscity address1city addresscity
        ort stadt wohnort ortgeschaftlich ortprivat
        ville villebureau villedomicile ciudad poblacion localidad citta plaats woonplaats cidade miasto
    """,
    "country": """
        country countrycode countryregion countryname billingcountry homecountry homecountryregion businesscountry
        businesscountryregion defaultaddresscountrycode defaultaddresscountry address1country addresscountry
        countryorregion
        land landregion lander landercode landescode landregiongeschaftlich landregionprivat
        pays paysregion codepays paysregionbureau paysregiondomicile pais paisregion paese nazione kraj
    """,
    "language": """
        language languages languagecode lang locale preferredlanguage contactlanguage customerlanguage userlanguage
        languagepreference preferredlocale defaultlanguage
        sprache sprachen sprachcode sprachkurzel korrespondenzsprache bevorzugtesprache muttersprache
        langue langues codelangue languepreferee languedecorrespondance languedecontact
        idioma idiomapreferido lingua linguapreferita taal voorkeurstaal jezyk sprak sprog
    """,
    "time_zone": """
        timezone timezones timezonename timezoneid tz tzname tzid iananame ianatimezone contacttimezone usertimezone
        preferredtimezone hstimezone
        zeitzone zeitzonen zeitzonenname fuseauhoraire fuseauxhoraires fuseau zonahoraria husohorario fusoorario
        fusohorario tijdzone strefaczasowa tidszon tidszone
    """,
    "score": "score punktzahl",
    "customer_id": """
        customerid customer customerno customernumber customernr clientnumber
        kundennummer kundennr kundenid kundenkennung
        numeroclient numerodeclient noclient codeclient idclient numerodecliente numerocliente idcliente klantnummer
    """,
    LIST: "list lists",
    # what our own files hold beside contacts
    LEFT_OUT: "reason grund motif",
    ACCEPTS: """
        acceptsemailmarketing acceptsmarketing acceptsmarketingemails emailmarketingconsent emailconsent
        marketingconsent marketingemailconsent consent consentstatus consenttomarketing gdprconsent
        optin optedin isoptedin emailoptin emailoptedin emailoptinstatus optinstatus newsletteroptin marketingoptin
        subscribed issubscribed subscriber newsletter newslettersubscribed newslettersubscription
        emailsubscriptionstatus emailmarketingstatus emailmarketing subscriptionstatus subscription status emailstatus
        memberstatus subscriberstatus contactstatus marketingstatus marketingcontactstatus emailpermission permission
        marketingpermission marketingpermissions emailpermissionstatus receivenewsletter receivesnewsletter wantsmail
        akzeptiertemailmarketing akzeptiertmarketing emailmarketingakzeptiert einwilligung werbeeinwilligung
        marketingeinwilligung einwilligungemail newsletterabonniert newsletterabo abonniert newsletteranmeldung
        anmeldestatus abonnementstatus abostatus zustimmung emailzustimmung newsletterzustimmung
        acceptelemarketingparemail acceptelemarketing acceptemarketing consentement consentementmarketing abonne
        abonnenewsletter abonnealanewsletter inscrit inscritnewsletter inscritalanewsletter statut statutdabonnement
        aceptamarketing aceptaemailmarketing suscrito consentimiento accettamarketing iscritto consenso
    """,
    DECLINES: """
        unsubscribed isunsubscribed unsubscribedat unsubscribedate unsubscribeddate unsubscribedon unsubtime unsubdate
        unsubscribetime unsubscribetimestamp unsubscribedfromallemail unsubscribedfromemail unsubscribe
        globalunsubscribe optout optedout isoptedout optoutdate optoutat optedoutat optouttime optedoutdate emailoptout
        emailoptedout optedoutofemail hasoptedoutofemail donotemail donotcontact donotmail donotsend noemail nomail
        nomarketing blacklisted isblacklisted emailblacklisted blocklisted emailblocklisted blocked suppressed
        emailsuppressions suppression suppressions bounced isbounced emailbounced bouncedat bouncedate hardbounce
        hardbounced cleaned cleantime cleanedat complained complaint spamcomplaint complainedat spam
        exclu exclus
        abgemeldet abgemeldetam abmeldedatum abmeldung ausgetragen austragung gesperrt werbesperre keinewerbung
        newsletterabgemeldet widerrufen widerruf widersprochen werbewiderspruch keinnewsletter
        desabonne desabonnele datededesabonnement desabonnement desinscrit desinscritle datededesinscription
        desinscription nepascontacter nepasenvoyer dadodebaja baja disiscritto
    """,
}
MEANINGS = {word: meaning for meaning, words in _NAMES.items() for word in words.split()}

YES = frozenset(
    """
    yes y true t 1 x ja j jo da evet igen kylla oui o si s sim tak
    wahr vrai verdadero vero on ok subscribed resubscribed active activated
    confirmed optin optedin singleoptin doubleoptin singleoptedin doubleoptedin accepted granted given enabled allowed
    accepts marketingcontact abonniert angemeldet aktiv bestatigt eingewilligt erteilt zugestimmt
    inscrit inscrite abonne abonnee accepte acceptee actif active confirme suscrito activo iscritto attivo
    """.split()
)
NO = frozenset(
    """
    no n false f 0 nein non nao nie nee nei nej ei hayir hayır nem
    falsch faux falso off unsubscribed notsubscribed nonsubscribed unsubscribe
    neversubscribed nosubscribed notoptedin optout optedout cleaned bounced bounce hardbounce hardbounced softbounced
    softbounce complained complaint spam spammed abuse reported inactive suppressed blocked blacklisted blocklisted
    pending unconfirmed notconfirmed deleted archived removed redacted declined denied revoked withdrawn refused invalid
    disabled nonmarketingcontact transactional never donotcontact donotemail junk cancelled canceled
    abgemeldet ausgetragen inaktiv unbestatigt gesperrt abgelehnt widerrufen nichtabonniert nichtangemeldet ausstehend
    desabonne desabonnee desinscrit desinscrite refuse refusee inactif inactive enattente noninscrit nonabonne baja
    """.split()
)
NOT_DECLINED = frozenset(
    "no n false f 0 nein non nao nie nee nei nej ei none never faux falsch subscribed".split()
)
SAYS_NOTHING = frozenset(["", "na", "null", "nil", "notset", "unknown", "unbekannt", "inconnu"])
# Words that speak of nothing but mail: a column of these is about consent, whatever its name is.
_ONLY_OF_MAIL = frozenset(
    """
    subscribed unsubscribed notsubscribed nonsubscribed neversubscribed cleaned bounced optin optout optedin optedout
    abonniert abgemeldet nichtabonniert abonne desabonne
    """.split()
)
_BOUNCED = re.compile("bounc|clean|invalid|rucklaufer|rebond").search
_COMPLAINED = re.compile("compl|spam|abuse|report|beschwer|plainte").search
# as our own files write them
_OWN_REASONS = {
    word: reason
    for reason, words in {
        "hard_bounce": "hardbounce harterrucklaufer rebonddefinitif",
        "soft_bounce": "softbouncesinarow weicherucklauferinfolge rebondstemporairesdesuite",
        "complaint": "complaint beschwerde plainte",
        "unsubscribed": "unsubscribed abgemeldet desabonne desabonnes",
        "manual": "manual addedbyhand vonhandhinzugefugt ajoutealamain",
        "list_import": "listimport imported importiert importe",
    }.items()
    for word in words.split()
}
# Parts of names of columns that say yes or no to mail, in whatever order people put them.
_REFUSES = re.compile(
    "unsub|optout|optedout|blacklist|blocklist|donot|nomail|noemail|nomarketing|nonewsletter|suppress|abgemeld|abmeld"
    "|widerruf|widersproch|keinewerbung|kein(?:en?)?newsletter|desinscri|desabon|disiscri|cancelad|dadodebaja"
).search
_OF_MAIL = re.compile(
    "newsletter|marketing|mailing|werbung|werbeeinwilligung|einwilligung|zustimmung|consent|optin|optedin|subscri"
    "|gdpr|rgpd|dsgvo|publicit|promotion|communication|boletin|nyhetsbrev|nyhedsbrev|nieuwsbrief|abonn|inscri|iscri"
).search
_OF_OTHER_WAYS = re.compile("sms|phone|whatsapp|telefon|push|brief|postal|letterbox|partner|third").search
_not_a_word = re.compile(r"[\W_]+")


@lru_cache(maxsize=4096)
def normalise_heading(text: str) -> str:
    """Return the letters and digits of a short text, without accents, in lower case."""
    plain = "".join(char for char in unicodedata.normalize("NFKD", text) if not unicodedata.combining(char))
    return _not_a_word.sub("", plain.casefold())


def meaning_of(name: str) -> str | None:
    """Return what a column of this name usually holds; None for an unknown name."""
    word = normalise_heading(name[:200])
    # as HubSpot writes it for each kind of mail: “Opted out of email: Newsletter”
    other = DECLINES if word.startswith(("optedoutofemail", "unsubscribedfrom")) else None
    return MEANINGS.get(word, other)


def _fold_heading(name: str) -> str:
    """Fold a heading as `fold` does, but keep the Dutch word for newsletter apart from the word for letter in it."""
    return normalise_heading(name[:200]).replace("nieuwsbrief", "newsletter")


def find_consent(name: str) -> str | None:
    """Return ACCEPTS or DECLINES for a column of yes and no, if its name says so; None otherwise."""
    word = _fold_heading(name)
    if _OF_OTHER_WAYS(word):
        return None
    if _REFUSES(word):
        return DECLINES
    return ACCEPTS if _OF_MAIL(word) else None


def is_of_other_ways(name: str) -> bool:
    """Return whether the name of a column is about another channel than e-mail, such as telephone."""
    word = _fold_heading(name)
    return "mail" not in word and _OF_OTHER_WAYS(word) is not None


def is_yes_or_no(values: Sequence[str]) -> bool:
    """Return whether a column holds nothing but yes and no."""
    words = {normalise_heading(value) for value in values} - SAYS_NOTHING
    return bool(words) and words <= YES | NO


def is_of_consent(values: Sequence[str], *, named: bool) -> bool:
    """Return whether a column says who wants mail: by its name and its values, or by words that mean nothing else."""
    words = {normalise_heading(value) for value in values}
    if named:
        return not words - SAYS_NOTHING or bool(words & (YES | NO))
    return len(words) > 0 and words <= _ONLY_OF_MAIL


def find_decline_reason(name: str, meaning: str, cell: str) -> str:
    """Return the reason of a suppression if this cell says that a person wants no mail; "" otherwise.

    In a column of consents, every word that is neither yes nor empty counts as no.
    """
    word = normalise_heading(cell)
    if word in SAYS_NOTHING:
        return ""
    if meaning == ACCEPTS:
        if word in YES:
            return ""
    elif word in NOT_DECLINED or cell.lower().startswith(("http:", "https:")):  # a link to unsubscribe by
        return ""
    if meaning == DECLINES and word in _OWN_REASONS:
        return _OWN_REASONS[word]
    told = word if word in NO or (meaning == DECLINES and not word.isdigit()) else ""
    for text in (told, normalise_heading(name)):
        if _BOUNCED(text):
            return "hard_bounce"
        if _COMPLAINED(text):
            return "complaint"
        if text in ("manual", "unsubscribed"):
            return text
    return "unsubscribed"
