"""Cognito: the tier that a pool is of by default, and what an update may not touch."""

from typing import Any

from moto.cognitoidp.models import CognitoIdpUserPool

FIXED = ("UsernameAttributes", "UsernameConfiguration", "AliasAttributes", "UserPoolTags")


def install() -> None:
    """Install all of it."""
    update = CognitoIdpUserPool.update_extended_config

    def keep_fixed(self: CognitoIdpUserPool, config: dict[str, Any]) -> None:
        """Update, and keep what can't be changed."""
        old = getattr(self, "extended_config", {})
        kept = {name: old[name] for name in FIXED if name in old and name not in config}
        update(self, config)
        self.extended_config.update(kept)
        self.extended_config.setdefault("UserPoolTier", old.get("UserPoolTier", "ESSENTIALS"))

    CognitoIdpUserPool.update_extended_config = keep_fixed  # type: ignore[method-assign]
