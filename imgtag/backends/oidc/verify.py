"""Tell whether this is a token of our provider, for us, and good now.

OpenID Connect Core, 3.1.3.7; for access tokens
docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-tokens-verifying-a-jwt.html
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import jwt
from jwt.exceptions import PyJWTError

from imgtag.backends.oidc.keys import KEY_TYPES, KeySet
from imgtag.domain.errors import Unauthenticated
from imgtag.domain.ids import OwnerId
from imgtag.ports import Clock, Principal

LEEWAY_SECONDS: Final = 60
MAX_TOKEN_CHARACTERS: Final = 16_384
MAX_KEY_ID_CHARACTERS: Final = 256
# Headers that let a token say by what it is to be checked, or what must be understood.
_REFUSED_HEADERS: Final = frozenset({"crit", "jku", "jwk", "x5u", "x5c"})
_REFUSED: Final = "this token is not valid, or no longer"
_NAMES: Final = ("preferred_username", "cognito:username", "username", "email", "name")


@dataclass(frozen=True, slots=True)
class Verifier:
    """Checks tokens of *issuer* for *client_id*."""

    issuer: str
    client_id: str
    keys: KeySet
    clock: Clock

    async def claims(self, token: str, *, must_be_id: bool = False) -> Mapping[str, Any]:
        """Give what a valid id or access token claims. Raises `Unauthenticated`."""
        algorithm, key_id = _header(token)
        key = await self.keys.find(key_id, algorithm)
        try:
            # Times are checked by our own clock, and the audience by the kind of token.
            options: Any = {
                "require": ["exp", "iss", "sub"],
                "verify_exp": False,
                "verify_nbf": False,
                "verify_iat": False,
                "verify_aud": False,
            }
            claims = jwt.decode(
                token, key, algorithms=[algorithm], issuer=self.issuer, options=options
            )
        except PyJWTError as error:
            raise Unauthenticated(_REFUSED) from error
        if not (self._is_now(claims) and self._is_for_us(claims, must_be_id=must_be_id)):
            raise Unauthenticated(_REFUSED)
        return claims

    def _is_now(self, claims: Mapping[str, Any]) -> bool:
        now = self.clock.now().timestamp()
        ends, begins = claims["exp"], claims.get("nbf", claims.get("iat", 0))
        if not all(isinstance(time, int | float) for time in (ends, begins)):
            return False
        return bool(begins - LEEWAY_SECONDS <= now < ends + LEEWAY_SECONDS)

    def _is_for_us(self, claims: Mapping[str, Any], *, must_be_id: bool) -> bool:
        use = claims.get("token_use")
        if use == "access":
            return not must_be_id and claims.get("client_id") == self.client_id
        if use not in {None, "id"}:
            return False
        audience = claims.get("aud")
        audiences = audience if isinstance(audience, list) else [audience]
        party = claims.get("azp", self.client_id)
        return self.client_id in audiences and (len(audiences) == 1 or party == self.client_id)


def _header(token: str) -> tuple[str, str]:
    if len(token) > MAX_TOKEN_CHARACTERS or not token.isascii():
        raise Unauthenticated(_REFUSED)
    try:
        header = jwt.get_unverified_header(token)
    except PyJWTError as error:
        raise Unauthenticated(_REFUSED) from error
    algorithm, key_id = header.get("alg"), header.get("kid")
    if algorithm not in KEY_TYPES or _REFUSED_HEADERS & header.keys():
        raise Unauthenticated(_REFUSED)
    if not isinstance(key_id, str) or len(key_id) > MAX_KEY_ID_CHARACTERS:
        raise Unauthenticated(_REFUSED)
    return algorithm, key_id


def principal_of(claims: Mapping[str, Any]) -> Principal:
    """Tell who the claims are about. The owner is the subject, and never something one can edit."""
    subject = str(claims["sub"])
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}", subject):
        subject = f"sub-{hashlib.sha256(subject.encode()).hexdigest()}"
    username = next((str(claims[name]) for name in _NAMES if claims.get(name)), subject)
    return Principal(OwnerId(subject), username)
