"""What the demo retailer sells, and where."""

from campaigns.annotations import JsonObject

LOCATIONS = [  # code, name, time zone, currency, tills
    ("BER", "Berlin Mitte", "Europe/Berlin", "EUR", ["Till 1", "Till 2"]),
    ("HAM", "Hamburg Altona", "Europe/Berlin", "EUR", ["Till 1", "Till 2"]),
    ("VIE", "Wien Neubau", "Europe/Vienna", "EUR", ["Till 1"]),
]

CATALOGUE = {  # category → (brand, name, price in cents); the SKU is the category's letters and a number
    "coffee": [
        ("Nordlicht", "House Blend 250 g", 749),
        ("Nordlicht", "House Blend 1 kg", 2490),
        ("Nordlicht", "Espresso Bar 250 g", 799),
        ("Nordlicht", "Espresso Bar 1 kg", 2690),
        ("Nordlicht", "Decaf 250 g", 829),
        ("Kilimani", "Ethiopia Sidamo 250 g", 1190),
        ("Kilimani", "Kenya Nyeri 250 g", 1290),
        ("Kilimani", "Colombia Huila 250 g", 1090),
    ],
    "tea": [
        ("Teehaus", "Earl Grey 100 g", 690),
        ("Teehaus", "Darjeeling First Flush 100 g", 1250),
        ("Teehaus", "Sencha 100 g", 890),
        ("Teehaus", "Peppermint 60 g", 450),
        ("Teehaus", "Rooibos Vanilla 100 g", 590),
        ("Teehaus", "Chamomile 60 g", 450),
        ("Teehaus", "Masala Chai 100 g", 720),
    ],
    "chocolate": [
        ("Fontane", "Dark 70% 100 g", 329),
        ("Fontane", "Dark 85% 100 g", 349),
        ("Fontane", "Milk 100 g", 299),
        ("Fontane", "Hazelnut 100 g", 339),
        ("Fontane", "Sea Salt Caramel 100 g", 369),
        ("Fontane", "Pralines, box of 12", 1490),
        ("Fontane", "Pralines, box of 24", 2690),
        ("Fontane", "Drinking Chocolate 300 g", 890),
    ],
    "bakery": [
        ("Backstube", "Butter Croissant", 240),
        ("Backstube", "Cinnamon Roll", 320),
        ("Backstube", "Sourdough 750 g", 590),
        ("Backstube", "Rye 1 kg", 620),
        ("Backstube", "Banana Bread", 380),
        ("Backstube", "Cookies, bag of 6", 690),
    ],
    "ceramics": [
        ("Atelier 7", "Mug 300 ml", 1890),
        ("Atelier 7", "Espresso Cup", 1290),
        ("Atelier 7", "Cappuccino Cup", 1590),
        ("Atelier 7", "Tea Bowl", 2190),
        ("Atelier 7", "Teapot 1 l", 4990),
        ("Atelier 7", "Sugar Bowl", 2290),
        ("Atelier 7", "Milk Jug", 1990),
    ],
    "brewing": [
        ("Pourwerk", "Hand Dripper", 2490),
        ("Pourwerk", "Paper Filters, 100", 690),
        ("Pourwerk", "French Press 1 l", 3990),
        ("Pourwerk", "Moka Pot, 6 cups", 3490),
        ("Pourwerk", "Hand Grinder", 7990),
        ("Pourwerk", "Electric Grinder", 14900),
        ("Pourwerk", "Kettle with Gooseneck", 8990),
        ("Pourwerk", "Scale with Timer", 4490),
    ],
    "syrups": [
        ("Sirupwerk", "Vanilla 250 ml", 790),
        ("Sirupwerk", "Caramel 250 ml", 790),
        ("Sirupwerk", "Hazelnut 250 ml", 790),
        ("Sirupwerk", "Elderflower 500 ml", 1090),
        ("Sirupwerk", "Ginger 500 ml", 1090),
        ("Sirupwerk", "Lavender 250 ml", 850),
    ],
    "gifts": [
        ("Nordlicht", "Tasting Set, 4 coffees", 2990),
        ("Teehaus", "Tasting Set, 6 teas", 2790),
        ("Fontane", "Chocolate Library", 3990),
        ("Atelier 7", "Two Mugs in a Box", 3690),
        ("Pourwerk", "Starter Kit", 8900),
        ("Nordlicht", "Coffee Subscription Card", 5900),
        ("Backstube", "Baking Mix in a Jar", 1490),
        ("Nordlicht", "Tote Bag", 1290),
        ("Nordlicht", "Gift Wrapping", 290),
        ("Fontane", "Advent Calendar", 3490),
    ],
}


def list_products() -> list[JsonObject]:
    """Return every product: sku, name, category, brand and unit price in cents; 60 in 8 categories."""
    return [
        {
            "sku": f"{category[:3].upper()}{number:02d}",
            "name": name,
            "category": category,
            "brand": brand,
            "price": price,
        }
        for category, things in CATALOGUE.items()
        for number, (brand, name, price) in enumerate(things, start=1)
    ]
