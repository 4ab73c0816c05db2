"""Mirrored subscriptions, the actions on them, and the permissions for actions.

Nothing here writes, or knows the tree.
"""

from reconciler.core.subscriptions.action_parameters import BadSetting, read_settings
from reconciler.core.subscriptions.actions import CUSTOMER, SUBSCRIPTION, ActionCase, CannotAct, act
from reconciler.core.subscriptions.cycles import plus_months
from reconciler.core.subscriptions.mirror import (
    MirrorClock,
    Projection,
    mirror,
    mirror_key,
    mirrored_from,
    mirrored_ids,
)
from reconciler.core.subscriptions.mirror_memory import ADD_ON, REMEMBERED, of_mirror, of_source
from reconciler.core.subscriptions.mirror_prices import Offer, PriceHolds, nothing_held
from reconciler.core.subscriptions.mirror_status import utc_day
from reconciler.core.subscriptions.offers import provider_offer, reseller_offer
from reconciler.core.subscriptions.permissions import denial, forbidden, mirrored_kinds
from reconciler.core.subscriptions.selling import (
    NotSold,
    Seller,
    distributor_seller,
    provider_seller,
    refuse_unsold,
    reseller_seller,
)

__all__ = [
    "ADD_ON",
    "CUSTOMER",
    "REMEMBERED",
    "SUBSCRIPTION",
    "ActionCase",
    "BadSetting",
    "CannotAct",
    "MirrorClock",
    "NotSold",
    "Offer",
    "PriceHolds",
    "Projection",
    "Seller",
    "act",
    "denial",
    "distributor_seller",
    "forbidden",
    "mirror",
    "mirror_key",
    "mirrored_from",
    "mirrored_ids",
    "mirrored_kinds",
    "nothing_held",
    "of_mirror",
    "of_source",
    "plus_months",
    "provider_offer",
    "provider_seller",
    "read_settings",
    "refuse_unsold",
    "reseller_offer",
    "reseller_seller",
    "utc_day",
]
