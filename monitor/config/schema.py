"""The JSON Schema of the configuration file, with defaults as users write them."""

from typing import Any
from zoneinfo import ZoneInfo

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from monitor.config.shape import Shape
from monitor.config.words import simple


def schema() -> dict[str, Any]:
    """Return the JSON Schema, for editors that complete and check TOML."""
    head = {"$schema": GenerateJsonSchema.schema_dialect, "title": "balance-monitor"}
    return head | {
        key: value for key, value in Shape.model_json_schema(schema_generator=_Ours).items() if key != "title"
    }


class _Ours(GenerateJsonSchema):
    """TOML has no null, and pydantic would write our defaults its own way, "5m" as "PT5M"."""

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        return (
            self.generate_inner(schema["schema"]) if schema.get("default") is None else super().default_schema(schema)
        )

    def encode_default(self, dft: Any) -> Any:  # noqa: ANN401 - the base class' signature
        if isinstance(dft, ZoneInfo):
            return str(dft)
        return super().encode_default(dft) if isinstance(dft, BaseModel | dict) else simple(dft)
