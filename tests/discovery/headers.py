"""Headers of real exports, with what each column means: `Header=meaning.form`, a bar between two of them.

The first nine meanings are what a log needs (customer, at, value, kind, event_id, arrived_at, signup_at, segment, and
quantity times price where a line has no value of its own); whatever else follows is there to lead astray.
A meaning with a question mark may be named or not, and so may another column with the same meaning.
`lines`: an order has several lines. Names in each set are those of the export's makers.
"""

from __future__ import annotations

SALES = {
    "Shopify": """Name=event_id?.hash | Email=customer_id.email | Financial Status=status | Paid at=later.shopify
        | Fulfilled at=later.shopify | Accepts Marketing=flag | Currency=currency | Subtotal=net | Shipping=postage
        | Taxes=tax | Total=value | Discount Code=blank
        | Discount Amount=discount | Created at=at.shopify
        | Billing Name=name | Billing Zip=postcode | Billing Country=country | Payment Method=method | Id=row""",
    "WooCommerce": """Order ID=event_id? | Order Number=event_id? | Order Date=at.iso | Paid Date=later.iso
        | Status=status | Shipping Total=postage | Tax Total=tax | Discount Total=discount | Order Total=value
        | Order Currency=currency | Payment Method=method | Customer ID=customer_id.int | Billing Email=email
        | Billing First Name=name | Billing Postcode=postcode | Customer Note=blank""",
    "Magento grid": """ID=event_id? | Purchase Point=constant | Purchase Date=at.us12 | Bill-to Name=name
        | Grand Total (Purchased)=value | Status=status | Customer Email=customer_id.email | Customer Group=group
        | Subtotal=net | Shipping and Handling=postage | Payment Method=method | Total Refunded=zero""",
    "Magento sales_order": """entity_id=row | state=status | status=status | store_id=constant
        | customer_id=customer_id.int | base_grand_total=value? | grand_total=value? | tax_amount=tax
        | created_at=at.iso | updated_at=update.iso | increment_id=event_id? | total_qty_ordered=quantity
        | customer_email=email | order_currency_code=currency""",
    "Stripe payments": """id=event_id?.ch | Description=text | Created date (UTC)=at.iso | Amount=value.comma
        | Amount Refunded=zero | Currency=currency | Fee=tax | Status=status | Customer ID=customer_id.cus
        | Customer Email=email | Card ID=token | Captured=flag""",
    "Amazon": """amazon-order-id=event_id.amazon | purchase-date=at.z | last-updated-date=update.z | order-status=status
        | fulfillment-channel=method | product-name=text | sku=product | quantity=count | currency=currency
        | item-price=value | item-tax=tax | shipping-price=postage | ship-city=city | ship-postal-code=postcode
        | ship-country=country | buyer-email=customer_id.email | lines""",
    "SAP VBRK": """VBELN=event_id? | FKART=constant | WAERK=currency | VKORG=constant | FKDAT=at.de | NETWR=value.de
        | MWSBK=tax | KUNAG=customer_id.zeros | LAND1=country | ERNAM=method""",
    "SAP Verkaufsbelege": """Verkaufsbeleg=event_id | Position=line | Auftraggeber=customer_id.zeros | Belegdatum=at.de
        | Wunschlieferdatum=later.de | Material=product | Bezeichnung=text | Auftragsmenge=count | Nettowert=value.de
        | Währung=currency | lines""",
    "Exact": """Factuurnummer=event_id? | Factuurdatum=at.eu | Vervaldatum=later.eu | Debiteur=customer_id.int
        | Naam=name | Omschrijving=text | Bedrag=value.de | BTW-bedrag=tax | Valuta=currency | Dagboek=constant""",
    "Lightspeed": """Ordernummer=event_id? | Klantnummer=customer_id.int | Klantnaam=name | E-mail=email
        | Besteldatum=at.euh | Leverdatum=later.eu | Status=status | Totaalbedrag=value.de | Verzendkosten=postage
        | Betaalmethode=method | Postcode=postcode | Woonplaats=city""",
    "bol": """Bestelnummer=event_id | Orderdatum=at.eu | Klant-ID=customer_id.int | EAN=product | Artikel=text
        | Aantal=quantity | Verkoopprijs=price.de | Verzenddatum=later.eu | Land=country | lines""",
    "Shopware": """Bestellnummer=event_id? | Bestellzeit=at.deh | Kundennummer=customer_id.int | E-Mail=email
        | Rechnungsbetrag=value.de | Versandkosten=postage | MwSt.=tax | Zahlungsart=method | Bestellstatus=status""",
    "JTL": """Auftragsnummer=event_id | Kundennummer=customer_id.code | Erstelldatum=at.de | Versanddatum=later.de
        | Artikelnummer=product | Artikelname=text | Menge=quantity | Einzelpreis=price.de | Rabatt=discount
        | PLZ=postcode | Ort=city | lines""",
    "Lexware": """Belegnummer=event_id? | Belegdatum=at.de | Fällig am=later.de
        | Kunden-Nr.=customer_id.int | Name=name
        | Bruttobetrag=value.de | Steuersatz=percent | Bearbeiter=method""",
    "PrestaShop": """ID=row | Référence=event_id?.hash | ID client=customer_id.int | Client=name | Total=value.fr
        | Paiement=method | État=status | Date=at.frh | Livraison=country""",
    "Sage": """N° facture=event_id? | Date facture=at.fr | Échéance=later.fr | Code client=customer_id.code
        | Raison sociale=name | Montant TTC=value.fr | TVA=tax | Devise=currency""",
    "commandes": """N° commande=event_id | N° ligne=line | Code client=customer_id.code | Date de commande=at.fr
        | Date d'expédition=later.fr | Code article=product | Désignation=text | Quantité=quantity
        | Prix unitaire=price.fr | Remise=discount | lines""",
    "pedidos": """Nº pedido=event_id? | Fecha pedido=at.fr | Fecha envío=later.fr | Código cliente=customer_id.int
        | Nombre=name | Importe=value.de | IVA=tax | Moneda=currency | Provincia=city""",
    "facturas": """Factura=event_id | Línea=line | Cliente=customer_id.int | Fecha=at.fr | Artículo=product
        | Cantidad=quantity | Precio=price.de | Descuento=discount | lines""",
    "Dynamics": """Entry No.=row | Posting Date=at.us | Document Type=kind.document | Document No.=event_id?
        | Customer No.=customer_id.code | Description=text | Amount=value.comma | Due Date=later.us | Open=flag""",
    "QuickBooks": """Date=at.us | Transaction Type=kind.document | Num=event_id? | Name=customer_id.firm | Memo=blank
        | Due date=later.us | Amount=value.comma | Open balance=zero""",
    "Xero": """ContactName=customer_id?.firm | EmailAddress=customer_id?.email | InvoiceNumber=event_id?
        | Reference=blank | InvoiceDate=at.fr | DueDate=later.fr | Total=value | TaxTotal=tax | Currency=currency
        | Status=status""",
    "Square": """Date=at?.day | Time=hour | Time Zone=constant | Gross Sales=value? | Discounts=discount
        | Net Sales=value? | Tax=tax | Tip=zero | Total Collected=value? | Transaction ID=event_id?.hash
        | Customer ID=customer_id.hash | Customer Name=name | Location=city""",
    "UCI Online Retail": """InvoiceNo=event_id | StockCode=product | Description=text | Quantity=quantity
        | InvoiceDate=at.uci | UnitPrice=price | CustomerID=customer_id.int | Country=country | lines""",
    "UCI Online Retail II": """Invoice=event_id | StockCode=product | Description=text | Quantity=quantity
        | InvoiceDate=at.iso | Price=price | Customer ID=customer_id.float | Country=country | lines""",
    "Olist": """order_id=event_id?.hash | customer_id=token | customer_unique_id=customer_id.hash | order_status=status
        | order_purchase_timestamp=at.iso | order_approved_at=later.iso | order_delivered_customer_date=later.iso
        | order_estimated_delivery_date=later.day | payment_type=method | payment_installments=count
        | payment_value=value | customer_zip_code_prefix=postcode | customer_city=city""",
    "H&M": """t_dat=at.day | customer_id=customer_id.hash | article_id=product | price=value | sales_channel_id=flag""",
    "CDNOW": """customer_id=customer_id.zeros | date=at.sap | number_of_cds=count | dollar_value=value""",
    "Acquire valued shoppers": """id=customer_id.int | chain=constant | dept=group | category=product | brand=product
        | date=at.day | productsize=percent | productmeasure=constant
        | purchasequantity=count | purchaseamount=value""",
    "Ta-Feng": """TRANSACTION_DT=at.us | CUSTOMER_ID=customer_id.zeros | AGE_GROUP=group | PIN_CODE=postcode
        | PRODUCT_SUBCLASS=product | PRODUCT_ID=product | AMOUNT=count | ASSET=net | SALES_PRICE=value""",
    "REES46": """event_time=at.utc | event_type=kind.shop | product_id=product | category_code=group | brand=city
        | price=value | user_id=customer_id.int | user_session=token""",
}
USE = {
    "Chargebee": """Invoice Number=event_id? | Customer Id=customer_id.cus | Subscription Id=own | Customer Email=email
        | Invoice Date=at.iso | Due Date=later.iso | Amount=value | Tax Total=tax
        | Status=status | Currency=currency""",
    "Recurly": """transaction_id=event_id?.hash | account_code=customer_id.code | type=kind.payment | origin=method
        | amount=value | tax=tax | currency=currency | status=status | created_at=at.z | modified_at=update.z""",
    "PayPal": """Date=at?.us | Time=hour | TimeZone=constant | Name=name | Type=kind.payment | Status=status
        | Currency=currency | Gross=value | Fee=tax | From Email Address=customer_id.email
        | To Email Address=constant | Transaction ID=event_id?.hash""",
    "Berka": """trans_id=row | account_id=customer_id.int | date=at.day | type=kind?.payment | operation=kind?.document
        | amount=value | balance=net""",
    "KKBox": """msno=customer_id.hash | payment_method_id=group | payment_plan_days=constant | plan_list_price=net
        | actual_amount_paid=value | is_auto_renew=flag | transaction_date=at.sap | membership_expire_date=later.sap
        | is_cancel=kind?.flag""",
    "Zendesk": """Id=event_id? | Requester=name | Requester id=customer_id.big | Requester email=email | Subject=text
        | Status=status | Priority=group | Via=method | Created at=at.iso | Updated at=update.iso | Solved at=later.iso
        | Satisfaction Score=blank""",
    "Freshdesk": """Ticket ID=event_id? | Subject=text | Status=status | Priority=group | Source=method
        | Created time=at.iso | Due by Time=later.iso | Resolved time=later.iso | Last update time=update.iso
        | Agent=name | Contact ID=customer_id.big""",
    "Intercom": """conversation_id=event_id? | user_id=customer_id.uuid | created_at=at.s | updated_at=update.s
        | state=status | first_response_time=value?.count""",
    "Salesforce cases": """Id=event_id?.ch | CaseNumber=event_id? | ContactId=customer_id.cus | Subject=text
        | Status=status | Priority=group | Origin=method | CreatedDate=at.z | ClosedDate=later.z
        | LastModifiedDate=update.z | OwnerId=group""",
    "Salesforce opportunities": """Id=event_id?.ch | IsDeleted=constant | AccountId=customer_id.cus | Name=text
        | StageName=status | Amount=value | Probability=percent | CloseDate=at?.day | CreatedDate=at?.z
        | LastModifiedDate=update.z | OwnerId=group""",
    "HubSpot deals": """Record ID=event_id? | Deal Name=text | Deal Stage=status | Close Date=at?.iso
        | Create Date=at?.iso | Deal owner=method | Amount=value | Associated Contact IDs=customer_id.int
        | Last Modified Date=update.iso""",
    "Google Analytics": """fullVisitorId=customer_id.big | visitId=token | visitNumber=count | visitStartTime=at?.s
        | date=at?.sap | channelGrouping=method | totals.pageviews=value?.count | device.browser=device
        | geoNetwork.country=country""",
    "Google Analytics 4": """event_date=at.sap | event_name=kind.web | user_pseudo_id=customer_id.uuid | platform=device
        | geo_country=country | event_value_in_usd=value""",
    "Mixpanel": """event=kind.web | time=at.s | distinct_id=customer_id.uuid | $browser=device | $city=city
        | mp_country_code=country | $insert_id=event_id?.hash""",
    "Amplitude": """event_type=kind.web | event_time=at.iso | user_id=customer_id.int | device_id=own
        | server_received_time=arrived_at?.iso | platform=device | country=country
        | session_id=row | uuid=event_id?.uuid""",
    "Segment": """id=event_id?.uuid | user_id=customer_id.uuid | event=kind.web | timestamp=at.z
        | received_at=arrived_at?.z | context_library_name=constant | context_page_url=url""",
    "Retailrocket": "timestamp=at.ms | visitorid=customer_id.int | event=kind.shop | itemid=product",
    "MovieLens": "userId=customer_id.int | movieId=product | rating=value?.count | timestamp=at.s",
    "Last.fm": """user_id=customer_id.code | timestamp=at.z | artid=own | artname=city | traid=token | traname=text""",
    "ledenadministratie": """Lidnummer=customer_id.int | Achternaam=name | Incheckdatum=at.euh | Vestiging=city
        | Abonnement=group | Geboortedatum=birth.eu""",
    "giften": """Relatienummer=customer_id.int | Boekdatum=at.eu | Bedrag=value.de | Omschrijving=text
        | Betaalwijze=method | Naam=name | Postcode=postcode | Woonplaats=city""",
    "Kontoauszug": """Buchungstag=at.de | Mitgliedsnummer=customer_id.int | Verwendungszweck=text | Betrag=value.de
        | Währung=currency | Auftragskonto=constant""",
    "dons": """N° adhérent=customer_id.int | Date du don=at.fr | Montant=value.fr | Mode de paiement=method
        | Campagne=group | Date de naissance=birth.fr""",
    "visitas": """Socio=customer_id.int | Fecha y hora=at.frh | Centro=city | Tarifa=group""",
}
OTHERS = {  # written before anything was mended by what the sets above had shown
    "Odoo": """Order Reference=event_id? | Order Date=at.iso | Customer=customer_id.firm | Salesperson=method
        | Total=value | Untaxed Amount=net | Status=status | Delivery Date=later.iso | Currency=currency""",
    "Zoho Books": """Invoice Date=at.day | Invoice ID=row | Invoice Number=event_id? | Invoice Status=status
        | Customer ID=customer_id.big | Customer Name=name | Due Date=later.day | Currency Code=currency
        | SubTotal=net | Total=value | Balance=zero""",
    "BigCommerce": """Order ID=event_id? | Customer ID=customer_id.int | Customer Name=name | Customer Email=email
        | Order Date=at.fr | Order Status=status | Subtotal (inc tax)=net | Shipping Cost (inc tax)=postage
        | Order Total (inc tax)=value | Payment Method=method | Date Shipped=later.fr""",
    "Etsy": """Sale Date=at.us | Order ID=event_id? | Buyer User ID=customer_id.code | Full Name=name
        | Number of Items=count | Payment Method=method | Date Shipped=later.us | Ship City=city | Currency=currency
        | Order Value=value | Discount Amount=discount | Shipping=postage | Sales Tax=tax""",
    "eBay": """Sales Record Number=row | Order Number=event_id? | Buyer Username=customer_id.code | Buyer Name=name
        | Item Number=product | Item Title=text | Sold For=value | Shipping And Handling=postage | Sale Date=at.us
        | Paid On Date=later.us | Shipped On Date=later.us""",
    "Mollie": """Datum=at.iso | Betaalmethode=method | Valuta=currency | Bedrag=value.de | Status=status
        | ID=event_id?.ch | Omschrijving=text | Consumentennaam=name
        | Klant-ID=customer_id.cus | Bedrag terugbetaald=zero""",
    "Braintree": """Transaction ID=event_id?.hash | Transaction Type=kind.payment | Transaction Status=status
        | Created Datetime=at.us12 | Settlement Date=later.us | Amount Authorized=value | Currency ISO Code=currency
        | Customer ID=customer_id.int | Customer Email=email | Payment Instrument Type=method""",
    "Mindbody": """Client ID=customer_id.int | Client=name | Visit Date=at?.us | Visit Time=hour
        | Visit Type=kind?.group | Location=city | Staff=method""",
    "Spotify": """ts=at.z | username=customer_id.code | platform=device | ms_played=value.count | conn_country=country
        | master_metadata_track_name=text | skipped=flag""",
    "Matomo": """idVisit=event_id? | visitorId=customer_id.hash | serverTimestamp=at.s | actions=value?.count
        | country=country | deviceType=device | referrerType=method""",
    "Jira": """Issue key=event_id? | Issue Type=kind?.group | Reporter=customer_id.code | Created=at.iso
        | Updated=update.iso | Resolved=later.iso | Priority=group | Status=status | Summary=text""",
    "ServiceNow": """number=event_id? | caller_id=customer_id.code | opened_at=at.iso | resolved_at=later.iso
        | closed_at=later.iso | sys_updated_on=update.iso | state=status | priority=group | short_description=text""",
    "AFAS": """Verkooprelatie=customer_id.int | Factuurnummer=event_id? | Factuurdatum=at.eu | Vervaldatum=later.eu
        | Factuurbedrag=value.de | Openstaand=zero | BTW bedrag=tax""",
    "DATEV": """Umsatz=value.de | Konto=customer_id.int | Gegenkonto=constant | Belegdatum=at.de | Belegfeld 1=event_id?
        | Buchungstext=text""",
    "Cegid": """Numéro de pièce=event_id? | Date de pièce=at.fr | Tiers=customer_id.code | Libellé=text | Total HT=net
        | Total TTC=value.fr | Date de livraison=later.fr""",
    "Holded": """Fecha=at.fr | Núm=event_id? | Cliente=customer_id.firm | Descripción=text | Subtotal=net | IVA=tax
        | Total=value.de | Vencimiento=later.fr | Estado=status""",
    "a till": """card_id=customer_id.big | trs_id=event_id | trs_date=at.iso | store=city | sku=product | qty=quantity
        | unit_price=price | lines""",
    "a telephone company": """msisdn=customer_id.big | call_start=at.iso | call_end=later.iso
        | duration_sec=value.count | cell_id=group | call_type=kind.web""",
}
PEOPLE = {  # a table of customers beside the events
    "Shopware": """Kundennummer=customer_id.int | E-Mail=email | Vorname=name | Erster Login=signup_at.deh
        | Letzter Login=update.deh | Geburtstag=birth.de | Kundengruppe=segment?.plan | Land=segment.country""",
    "KKBox": """msno=customer_id.hash | city=segment? | bd=birth | gender=segment?.country | registered_via=segment?
        | registration_init_time=signup_at.sap""",
    "WooCommerce": """ID=customer_id.int | Username=email | Last active=update.iso | Date registered=signup_at.iso
        | Orders=count | Total spend=net | Country / Region=segment.country""",
    "Salesforce opportunities": """Id=customer_id.cus | Name=name | Industry=segment.plan
        | BillingCountry=segment.country
        | Website=url | CreatedDate=signup_at.z | LastModifiedDate=update.z | IsDeleted=constant""",
    "ledenadministratie": """Lidnr=customer_id.int | Naam=name | Geboortedatum=birth.eu | Lid sinds=signup_at.eu
        | Soort lidmaatschap=segment.plan | Postcode=postcode""",
}
