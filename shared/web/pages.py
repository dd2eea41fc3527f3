"""The query of every list that is read in pages."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

LARGEST_PAGE = 200
LONGEST_CURSOR = 1000


class PageQuery(Schema):
    """Base of the query of every list: `limit` and the `cursor` that the page before gave."""

    limit = fields.Integer(load_default=50, validate=validate.Range(1, LARGEST_PAGE))
    cursor = fields.String(validate=validate.Length(1, LONGEST_CURSOR))
