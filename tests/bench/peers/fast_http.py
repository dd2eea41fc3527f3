"""FastAPI with FastStream's router and the asynchronous PyMongo, as their documentation has it; run by uvicorn."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date
from typing import Annotated, Any, Literal
from uuid import uuid4

import jwt
from fastapi import Depends, FastAPI, Header, HTTPException
from faststream.rabbit import RabbitQueue
from faststream.rabbit.fastapi import RabbitRouter
from pydantic import BaseModel, Field
from pymongo import AsyncMongoClient

from tests.bench.peers.domain import QUEUE, Tokens, event_of

router = RabbitRouter(os.environ["AMQP_URI"])
TOKENS = Tokens()
OUTSTANDING = RabbitQueue(QUEUE, durable=True)


class Person(BaseModel):
    given_name: str = Field(min_length=1, max_length=100)
    family_name: str = Field(min_length=1, max_length=100)
    date_of_birth: date | None = None


class Referral(BaseModel):
    person_id: str
    stage: Literal["intended", "sent"]
    service: str
    to_team: str | None = None
    reason_code: str


class Sent(BaseModel):
    channel: Literal["letter", "email", "phone", "e_referral"]


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    client: AsyncMongoClient[Any] = AsyncMongoClient(os.environ["MONGODB_URI"], w="majority")
    app.state.events = client[os.environ["MONGODB_DATABASE"]].events
    await router.broker.connect()
    await router.broker.declare_queue(OUTSTANDING)
    yield
    await client.close()


app = FastAPI(lifespan=lifespan)
app.include_router(router)


def actor(authorization: Annotated[str | None, Header()] = None) -> str:
    try:
        return TOKENS.actor_of(authorization)
    except jwt.PyJWTError:
        raise HTTPException(401, "token") from None


Actor = Annotated[str, Depends(actor)]


async def record(kind: str, actor: str, thing: str, thing_id: str, body: BaseModel) -> dict[str, str]:
    event = event_of(kind, actor, thing, thing_id, body.model_dump(mode="json", exclude_none=True))
    await app.state.events.insert_one(event)
    await router.broker.publish(event, OUTSTANDING, persist=True)
    return {f"{thing}_id": thing_id, "event_id": event["id"]}


@app.get("/health/ready")
async def ready() -> dict[str, str]:
    return {}


@app.post("/v1/people", status_code=201)
async def register(body: Person, by: Actor) -> dict[str, str]:
    return await record("person.registered.v1", by, "person", f"p_{uuid4().hex}", body)


@app.post("/v1/referrals", status_code=201)
async def refer(body: Referral, by: Actor) -> dict[str, str]:
    return await record("referral.intended.v1", by, "referral", str(uuid4()), body)


@app.post("/v1/referrals/{referral_id}/sent", status_code=201)
async def send(referral_id: str, body: Sent, by: Actor) -> dict[str, str]:
    return await record("referral.sent.v1", by, "referral", referral_id, body)
