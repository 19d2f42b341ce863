"""Several items as the one product, quantity and SKU that an event has room for."""

from __future__ import annotations

from collections.abc import Iterable

from producers.errors import Fault
from producers.shop import formats
from producers.shop.objectdata import ObjectData
from producers.shop.words import Item


def put_items(given: ObjectData, items: object) -> None:
    """`productname`: the names, parted by commas, which the names themselves lose. `quantity`: of all items together.

    `sku`: "Only accepts one SKU", so it is sent where all items have the same one and else left out: a list in its
    place would name a product that is none. Faults are told by `items[0].sku`.
    """
    if items is None:
        return
    if isinstance(items, str | Item) or not isinstance(items, Iterable):
        given.faults.append(Fault("items", f"expected a list of Item, got {type(items).__name__}"))
        return
    each = [_checked(given, item, f"items[{place}]") for place, item in enumerate(items)]
    if not each:
        return
    names = ",".join(one.fields["productname"] for one in each if "productname" in one.fields)
    skus = {one.fields.get("sku", "") for one in each}
    quantities = [int(one.fields["quantity"] or 0) for one in each if "quantity" in one.fields]
    given.put("productname", "items", names, formats.text)
    given.put("quantity", "items", sum(quantities), formats.count)
    given.put("sku", "items", skus.pop() if len(skus) == 1 else None, formats.text)


def _checked(given: ObjectData, item: object, at: str) -> ObjectData:
    """One item's own fields; its faults are the event's."""
    one = ObjectData()
    if isinstance(item, Item):
        one.put("productname", f"{at}.name", item.name, formats.product_name)
        one.put("sku", f"{at}.sku", item.sku, formats.sku)
        one.put("quantity", f"{at}.quantity", item.quantity, formats.count)
    else:
        one.faults.append(Fault(at, f"expected Item, got {type(item).__name__}"))
    given.faults.extend(one.faults)
    return one
