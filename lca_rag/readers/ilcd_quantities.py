"""Units of the flow properties of ILCD's reference package, which many packages leave out.

Their UUIDs are the same wherever ILCD is used; a package that brings the data set decides itself.
"""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["REFERENCE_UNITS"]

REFERENCE_UNITS: Mapping[str, str] = {
    "93a60a56-a3c8-11da-a746-0800200b9a66": "kg",  # mass
    "93a60a56-a3c8-11da-a746-0800200c9a66": "MJ",  # net calorific value
    "93a60a56-a3c8-14da-a746-0800200c9a66": "MJ",  # gross calorific value
    "f6811440-ee37-11de-8a39-0800200c9a66": "MJ",  # energy
    "93a60a56-a3c8-22da-a746-0800200c9a66": "m3",  # volume
    "93a60a56-a3c8-13da-a746-0800200c9a66": "m3",  # normal volume
    "93a60a56-a3c8-19da-a746-0800200c9a66": "m2",  # area
    "93a60a56-a3c8-21da-a746-0800200c9a66": "m2*a",  # area times time
    "838aaa23-0117-11db-92e3-0800200c9a66": "m",  # length
    "838aaa20-0117-11db-92e3-0800200c9a66": "t*km",  # goods transport
    "01846770-4cfe-4a25-8ad9-919d8d378345": "Item(s)",  # number of items
    "c0447923-0e60-4b3c-97c2-a86dddd9eea5": "a",  # duration
    "93a60a56-a3c8-17da-a746-0800200c9a66": "kBq",  # radioactivity
}
"""Name of the reference unit by UUID of the flow property."""
