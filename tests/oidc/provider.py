"""An OpenID provider shaped like Cognito, on loopback, with keys and a clock that tests own."""

import asyncio
import base64
import hashlib
import json
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import jwt
from aiohttp import web
from aiohttp.test_utils import TestServer
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from imgtag.ports import Clock

CLIENT = "imgtag-web"


@dataclass
class FakeProvider:
    """Signs people in without asking: `subject` is whoever comes."""

    clock: Clock
    issuer: str = ""
    subject: str = "0f8f7a2e-1111-4222-8333-444455556666"
    client: str = CLIENT
    asked: list[str] = field(default_factory=list)
    keys: dict[str, Any] = field(default_factory=dict)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    refreshed: set[str] = field(default_factory=set)
    is_down: bool = False
    rotates: bool = False
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    _open: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.keys["one"] = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self._open.set()
        self.keys["curve"] = ec.generate_private_key(ec.SECP256R1())

    def hold(self) -> None:
        """Let whoever asks for new tokens wait."""
        self._open.clear()

    def release(self) -> None:
        """Let them go on."""
        self._open.set()

    def claims(self, use: str = "id", **changed: Any) -> dict[str, Any]:
        """Make what a good token claims; None takes a claim away."""
        now = int(self.clock.now().timestamp())
        claims = {
            "iss": self.issuer,
            "sub": self.subject,
            "iat": now,
            "exp": now + 3600,
            "token_use": use,
            "cognito:username": "ada",
            **({"aud": self.client} if use == "id" else {"client_id": self.client}),
            **changed,
        }
        return {name: value for name, value in claims.items() if value is not None}

    def token(self, key_id: str = "one", use: str = "id", **changed: Any) -> str:
        """Sign a token."""
        headers = changed.pop("headers", {})
        key = self.keys[key_id]
        algorithm = "RS256" if isinstance(key, rsa.RSAPrivateKey) else "ES256"
        return jwt.encode(
            self.claims(use, **changed), key, algorithm, headers={"kid": key_id, **headers}
        )

    async def discovery(self, request: web.Request) -> web.Response:
        """Tell where everything is."""
        self._note("discovery")
        base = str(request.url.origin())
        return web.json_response(
            {
                "issuer": self.issuer,
                "authorization_endpoint": f"{base}/oauth2/authorize",
                "token_endpoint": f"{base}/oauth2/token",
                "jwks_uri": f"{base}/jwks",
            }
        )

    async def jwks(self, _: web.Request) -> web.Response:
        """Show the public keys."""
        self._note("jwks")
        shown = []
        for key_id, key in self.keys.items():
            kind = "RS256" if isinstance(key, rsa.RSAPrivateKey) else "ES256"
            algorithm = jwt.get_algorithm_by_name(kind)
            public = json.loads(algorithm.to_jwk(key.public_key()))
            shown.append({**public, "kid": key_id, "alg": kind, "use": "sig"})
        return web.json_response({"keys": shown})

    async def authorize(self, request: web.Request) -> web.Response:
        """Sign in whoever comes, and send them back with a code."""
        query = dict(request.query)
        if query["code_challenge_method"] != "S256" or query["client_id"] != self.client:
            return web.json_response({"error": "invalid_request"}, status=400)
        code = secrets.token_urlsafe(16)
        self.codes[code] = query
        back = f"{query['redirect_uri']}?code={code}&state={query['state']}"
        raise web.HTTPFound(back)

    async def tokens(self, request: web.Request) -> web.Response:
        """Exchange a code or a refresh token."""
        form = {name: str(value) for name, value in (await request.post()).items()}
        self._note(f"tokens {form['grant_type']}")
        if form["grant_type"] == "refresh_token":
            self.reached.set()
            await self._open.wait()
            if form["refresh_token"] not in self.refreshed:
                return web.json_response({"error": "invalid_grant"}, status=400)
            renewed = {"id_token": self.token(), "token_type": "Bearer"}
            if self.rotates:
                self.refreshed.discard(form["refresh_token"])
                renewed["refresh_token"] = self._refresh_token()
            return web.json_response(renewed)
        query = self.codes.pop(form["code"], None)
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if not query or query["code_challenge"] != challenge:
            return web.json_response({"error": "invalid_grant"}, status=400)
        return web.json_response(
            {
                "id_token": self.token(nonce=query["nonce"]),
                "access_token": self.token(use="access"),
                "refresh_token": self._refresh_token(),
            }
        )

    def _refresh_token(self) -> str:
        token = secrets.token_urlsafe(16)
        self.refreshed.add(token)
        return token

    async def sign_out(self, request: web.Request) -> web.Response:
        """Sign whoever comes out, and send them back."""
        self._note("sign out")
        raise web.HTTPFound(request.query["logout_uri"])

    def _note(self, what: str) -> None:
        self.asked.append(what)
        if self.is_down:
            raise web.HTTPServiceUnavailable


@asynccontextmanager
async def serving(provider: FakeProvider) -> AsyncIterator[str]:
    """Serve it on loopback and give the issuer."""
    app = web.Application()
    app.router.add_get("/pool/.well-known/openid-configuration", provider.discovery)
    app.router.add_get("/jwks", provider.jwks)
    app.router.add_get("/oauth2/authorize", provider.authorize)
    app.router.add_post("/oauth2/token", provider.tokens)
    app.router.add_get("/logout", provider.sign_out)
    async with TestServer(app) as server:
        provider.issuer = str(server.make_url("/pool"))
        yield provider.issuer
