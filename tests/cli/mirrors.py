"""A shop whose reseller ``one`` has a customer with a paid subscription, mirrored to ``acme``, and a trial."""

from tests.cli.runner import Shop

CATALOG = """\
---
kind: Product
key: archive
name: Acme Archive
category: productivity
add_on_of: [mail]
unit_prices: {P1M: 1.00}
---
kind: Product
key: mail-pro
name: Acme Mail Pro
category: productivity
unit_prices: {P1M: 4.00}
"""
STATE = """\
kind: Customer
key: huber
name: Blumen Huber
---
kind: Subscription
key: sub-1
customer: huber
product: mail
billing_cycle: P1M
quantity: 25
paid: true
start_date: 2026-11-05
renew_automatically: true
add_ons: {archive: {product: archive, billing_cycle: P1M, quantity: 25}}
---
kind: Subscription
key: trial
customer: huber
product: mail
paid: false
"""
MIRROR = "acme/subscription/one.sub-1"


def with_mirrors(shop: Shop) -> Shop:
    """A shop that sells with unit prices and mirrors ``one``; both in its git repository. Nothing is mirrored yet."""
    shop.edit("acme/catalog.yaml", "category: productivity\n", "category: productivity\nunit_prices: {P1M: 2.50}\n")
    shop.catalog.write_text(shop.catalog.read_text("utf-8") + CATALOG, "utf-8")
    shop.edit("acme/provider.yaml", "currency: EUR", "currency: EUR\napi_options: {responsible_user: partner-desk}")
    policy = shop.root / "acme/resellers/one.yaml"
    options = "options: {subscriptions: {mirror: true}}\nsubscriptions: {billing_day: 1}\n"
    policy.write_text(policy.read_text("utf-8") + options, "utf-8")
    shop.commit("mirroring")
    assert shop.run("tenant import one", stdin=STATE).status == 0
    return shop


def exported(shop: Shop, tenant: str, kind: str, key: str) -> str:
    """A document of a tenant's state, as text."""
    documents = shop.run(f"tenant export {tenant}").out.split("---\n")
    return next(each for each in documents if each.startswith(f"kind: {kind}\nkey: {key}\n"))
