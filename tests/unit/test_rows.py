"""The rows of an answer come out as marshmallow writes them one by one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from marshmallow import Schema, fields

from services.referrals_followup.api.schemas import FollowUpAnswer, SummaryRow
from shared.web.fields import Instant
from shared.web.rows import Rows

ROWS = (FollowUpAnswer, SummaryRow)


def values_of(field: fields.Field[Any]) -> st.SearchStrategy[Any]:
    if isinstance(field, fields.Nested):
        known = rows_of(field.schema)
    elif isinstance(field, Instant):
        london = timezone(timedelta(hours=1))
        known = st.datetimes(datetime(1900, 1, 1), timezones=st.sampled_from([UTC, london]))  # noqa: DTZ001
    elif isinstance(field, fields.Integer):
        known = st.integers()
    else:
        known = st.booleans() if isinstance(field, fields.Boolean) else st.text()
    return st.none() | known if field.allow_none else known


def rows_of(schema: Schema) -> st.SearchStrategy[dict[str, Any]]:
    said = {name: values_of(field) for name, field in schema.fields.items()}
    return st.fixed_dictionaries({**said, "more than is told": st.just("this")})


@pytest.mark.parametrize("row", ROWS)
@given(data=st.data())
def test_rows_are_written_as_marshmallow_writes_them(row: type[Schema], data: st.DataObject) -> None:
    told = Schema.from_dict({"rows": Rows(row)})()
    alike = Schema.from_dict({"rows": fields.List(fields.Nested(row))})()
    answer = {"rows": data.draw(st.none() | st.lists(rows_of(row()), max_size=3))}
    assert told.dump(answer) == alike.dump(answer)
    assert [list(one) for one in told.dump(answer)["rows"] or ()] == [list(row().fields) for _ in answer["rows"] or ()]


def test_a_row_of_another_kind_of_field_is_refused() -> None:
    told = Schema.from_dict({"rows": Rows(Schema.from_dict({"said": fields.Dict()}))})()
    with pytest.raises(TypeError, match="Dict is no field of a row"):
        told.dump({"rows": [{"said": {}}]})
