"""One digest for an Arrow schema: the same before a table is written and when its file is read back."""

from __future__ import annotations

import pyarrow as pa

from kbtools.artefact import digest


def schema_digest(schema: pa.Schema) -> str:
    """Digest names, types and nullability of the columns, in order; metadata does not count."""
    return digest.of_json([_field(field) for field in schema])


def _field(field: pa.Field) -> list[object]:
    return [field.name, _type(field.type), field.nullable]


def _type(kind: pa.DataType) -> object:
    if pa.types.is_dictionary(kind):
        return ["dictionary", str(kind.index_type), _type(kind.value_type)]
    if pa.types.is_fixed_size_list(kind):
        return ["list", kind.list_size, *_item(kind)]
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return ["large_list" if pa.types.is_large_list(kind) else "list", *_item(kind)]
    if pa.types.is_struct(kind):
        return ["struct", *(_field(kind.field(at)) for at in range(kind.num_fields))]
    return str(kind)


def _item(kind: pa.DataType) -> list[object]:
    """Leave out the item's name: Parquet calls it `element`, Arrow `item`."""
    return [_type(kind.value_type), kind.value_field.nullable]
