"""What counts as the store's fault, so that no message is blamed for it: all that the document cannot have caused."""

from __future__ import annotations

import pytest
from pymongo.errors import (
    AutoReconnect,
    BulkWriteError,
    CursorNotFound,
    DocumentTooLarge,
    DuplicateKeyError,
    ExecutionTimeout,
    OperationFailure,
    ServerSelectionTimeoutError,
)

from shared.events.errors import StoreUnavailable
from shared.events.mongo import is_store_away

NOT_PRIMARY, SNAPSHOT_GONE, DUPLICATE, BAD_VALUE = 10107, 246, 11000, 2


def refused(*codes: int, unconfirmed: int | None = None) -> BulkWriteError:
    concern = [{"code": unconfirmed}] if unconfirmed else []
    return BulkWriteError({"writeErrors": [{"code": code} for code in codes], "writeConcernErrors": concern})


@pytest.mark.parametrize(
    "error",
    [
        AutoReconnect(),
        ServerSelectionTimeoutError(),
        ExecutionTimeout("took too long", 50),
        CursorNotFound("the cursor died with its server", 43),
        OperationFailure("stepped down", NOT_PRIMARY),
        OperationFailure("something this version does not know", SNAPSHOT_GONE),
        OperationFailure("without a code"),
        refused(DUPLICATE, NOT_PRIMARY),
        refused(unconfirmed=64),
        StoreUnavailable("try again"),
    ],
)
def test_a_store_that_cannot_serve_is_no_messages_fault(error: Exception) -> None:
    assert is_store_away(error)


@pytest.mark.parametrize(
    "error",
    [
        DuplicateKeyError("taken", DUPLICATE),
        OperationFailure("cannot be stored", BAD_VALUE),
        DocumentTooLarge("over 16 MB"),
        refused(DUPLICATE, DUPLICATE),
        KeyError("subject"),
    ],
)
def test_what_only_the_document_can_cause_is_not_the_stores_fault(error: Exception) -> None:
    assert not is_store_away(error)


def test_an_error_raised_from_the_stores_counts_as_the_stores() -> None:
    error = RuntimeError("while folding")
    error.__cause__ = AutoReconnect()
    assert is_store_away(error)
