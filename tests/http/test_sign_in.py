"""Signing in at a provider, with a browser's manners: cookies, redirects, and nothing else."""

import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import jwt
import pytest
from aiohttp import ClientResponse, ClientSession, CookieJar
from yarl import URL

from imgtag.api.sign_in import page_of
from imgtag.compose import SystemClock
from imgtag.settings import Settings
from tests.http.service import Service
from tests.http.service import serving as serving_imgtag
from tests.oidc.provider import CLIENT, FakeProvider, serving

HTML = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8", "Sec-Fetch-Mode": "navigate"}
OURS = {"Sec-Fetch-Site": "same-origin"}


@dataclass
class Browser:
    """Somebody's browser: keeps cookies, and follows one redirect at a time."""

    http: ClientSession
    url: str

    async def go(self, url: str, **headers: str) -> ClientResponse:
        """Navigate without following on."""
        return await self.http.get(
            URL(url, encoded=True), headers={**HTML, **headers}, allow_redirects=False
        )

    async def away(self, back_to: str = "/photos") -> str:
        """Begin to sign in, and go to the provider; answer with where it sends one back to."""
        begun = await self.go(f"{self.url}/api/auth/login?back_to={back_to}")
        assert begun.status == 303
        consented = await self.go(begun.headers["Location"])
        return consented.headers["Location"]

    async def session(self) -> int:
        """Ask who one is; answer with the status."""
        async with self.http.get(f"{self.url}/api/session") as answer:
            return answer.status

    def cookies(self) -> set[str]:
        """Name the cookies."""
        return {cookie.key.partition("_sign_in")[0] for cookie in self.http.cookie_jar}


@pytest.fixture
async def provider() -> AsyncIterator[FakeProvider]:
    """Serve a provider."""
    fake = FakeProvider(SystemClock())
    async with serving(fake):
        yield fake


@pytest.fixture
async def site(provider: FakeProvider, settings: Callable[..., Settings]) -> AsyncIterator[Service]:
    """A service whose people sign in there."""
    known = {"auth": "oidc", "oidc_issuer": provider.issuer, "oidc_client_id": CLIENT}
    async with serving_imgtag(settings(**known)) as running:
        yield running


@pytest.fixture
async def browser(site: Service) -> AsyncIterator[Browser]:
    """A browser that has been nowhere."""
    async with ClientSession(cookie_jar=CookieJar(unsafe=True)) as http:
        yield Browser(http, site.url)


async def test_a_person_signs_in_and_out(browser: Browser, provider: FakeProvider) -> None:
    """To the provider and back to the page that was asked for; and out here, then there."""
    assert await browser.session() == 401
    back = await browser.go(await browser.away("/labels%3Fall%3DLake"))
    assert (back.status, back.headers["Location"]) == (303, "/labels?all=Lake")
    cookie = back.cookies["imgtag_session"]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"
    assert cookie["path"] == "/"
    assert back.headers["Cache-Control"] == "no-store"
    assert browser.cookies() == {"imgtag_session"}
    async with browser.http.get(f"{browser.url}/api/session") as answer:
        session = await answer.json()
    assert (session["owner"], session["username"]) == (provider.subject, "ada")
    assert session["mode"] == "oidc"

    out = await browser.http.delete(f"{browser.url}/api/session", headers=OURS)
    assert out.status == 204
    assert await browser.session() == 401
    left = await browser.go(f"{browser.url}/api/auth/logout")
    assert left.status == 303
    url = URL(left.headers["Location"])
    assert (url.path, url.query["client_id"]) == ("/logout", CLIENT)
    assert url.query["logout_uri"] == f"{browser.url}/"


async def test_the_page_is_told_how_to_sign_in(site: Service) -> None:
    """Where to go, and where to leave."""
    _, config = await site.call("GET", "/api/config")
    assert config["auth"] == {
        "mode": "oidc",
        "setup_due": False,
        "login_url": "/api/auth/login",
        "logout_url": "/api/auth/logout",
    }


async def test_the_provider_is_asked_as_it_should_be(browser: Browser) -> None:
    """A code for our callback, with PKCE by S256, state and nonce."""
    begun = await browser.go(f"{browser.url}/api/auth/login")
    asked = URL(begun.headers["Location"]).query
    assert asked["response_type"] == "code"
    assert asked["redirect_uri"] == f"{browser.url}/api/auth/callback"
    assert asked["code_challenge_method"] == "S256"
    assert min(len(asked[name]) for name in ("state", "nonce", "code_challenge")) == 43
    [cookie] = begun.cookies.values()
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"


async def stale(browser: Browser, url: str) -> None:
    """See that a browser is brought back to the page, not signed in, and a program is told."""
    told = await browser.go(url)
    assert (told.status, told.headers["Location"]) == (303, "/?sign_in=sign_in_stale")
    assert "imgtag_session" not in told.cookies
    problem = await browser.go(url, Accept="application/json")
    assert problem.status == 401
    assert (await problem.json())["code"] == "sign_in_stale"
    assert await browser.session() == 401


async def test_nobody_signs_somebody_else_in(browser: Browser, site: Service) -> None:
    """A link with an attacker's own code does nothing in a browser that has not begun it."""
    async with ClientSession(cookie_jar=CookieJar(unsafe=True)) as http:
        link = await Browser(http, site.url).away()
    await stale(browser, link)


async def test_a_changed_state_is_refused(browser: Browser) -> None:
    """Whether it begins alike or not."""
    url = URL(await browser.away())
    state = url.query["state"]
    for other in (state[:-1], state[:8] + state[:7:-1], "x" * 43, ""):
        await stale(browser, str(url.update_query(state=other)))


async def test_a_changed_cookie_is_refused(browser: Browser) -> None:
    """It is signed."""
    url = await browser.away()
    [cookie] = browser.http.cookie_jar
    browser.http.cookie_jar.update_cookies({cookie.key: cookie.value[:-2] + "xx"}, URL(browser.url))
    await stale(browser, url)


async def test_a_callback_works_once(browser: Browser) -> None:
    """The same address again, from the history say, signs nobody in."""
    url = await browser.away()
    assert (await browser.go(url)).headers["Location"] == "/photos"
    await browser.http.delete(f"{browser.url}/api/session", headers=OURS)
    await stale(browser, url)


async def test_a_stolen_callback_and_cookie_work_once_too(browser: Browser) -> None:
    """The provider's code is used up, even for who has all else."""
    url = await browser.away()
    [cookie] = browser.http.cookie_jar
    stolen = {"Cookie": f"{cookie.key}={cookie.value}"}
    assert (await browser.go(url)).headers["Location"] == "/photos"
    async with ClientSession() as http:
        again = await Browser(http, browser.url).go(url, **stolen)
    assert again.headers["Location"] == "/?sign_in=sign_in_refused"
    assert "imgtag_session" not in again.cookies


async def test_two_windows_may_sign_in_at_once(browser: Browser) -> None:
    """Each has a cookie of its own, whichever comes back first."""
    first, second = await browser.away("/labels"), await browser.away("/uploads")
    assert (await browser.go(second)).headers["Location"] == "/uploads"
    assert (await browser.go(first)).headers["Location"] == "/labels"


async def test_signing_in_anew_ends_the_session_before(browser: Browser) -> None:
    """A cookie that somebody may have copied is worth nothing then."""
    await browser.go(await browser.away())
    [old] = browser.http.cookie_jar
    await browser.go(await browser.away())
    assert await browser.session() == 200
    async with (
        ClientSession() as http,
        http.get(
            f"{browser.url}/api/session", headers={"Cookie": f"imgtag_session={old.value}"}
        ) as answer,
    ):
        assert answer.status == 401


async def test_a_person_who_is_refused_comes_back_to_the_page(browser: Browser) -> None:
    """And learns why there."""
    state = URL(await browser.away()).query["state"]
    told = await browser.go(
        f"{browser.url}/api/auth/callback?error=access_denied&error_description=no&state={state}"
    )
    assert told.headers["Location"] == "/?sign_in=sign_in_refused"
    assert browser.cookies() == set()


async def test_a_provider_that_is_away_is_told(browser: Browser, provider: FakeProvider) -> None:
    """Before one leaves, and after one came back; leaving it works all the same."""
    url = await browser.away()
    provider.is_down = True
    told = await browser.go(url)
    assert told.headers["Location"] == "/?sign_in=oidc_unreachable"
    problem = await browser.go(await browser.away(), Accept="*/*")
    assert problem.status == 503
    assert (await problem.json())["code"] == "oidc_unreachable"


async def test_one_leaves_without_the_provider_but_does_not_come_in(
    provider: FakeProvider, site: Service, browser: Browser
) -> None:
    """When it can't say where to go, one goes to the first page."""
    provider.is_down = True
    told = await browser.go(f"{site.url}/api/auth/login")
    assert told.headers["Location"] == "/?sign_in=oidc_unreachable"
    left = await browser.go(f"{site.url}/api/auth/logout")
    assert (left.status, left.headers["Location"]) == (303, "/")


PAGES = ("/", "/photos", "/labels?all=Lake&any=S%C3%A9a", "/photos/01J#x", "/a/../b", "/%2F%2Fx")
TRICKS = (
    "",
    "photos",
    "//evil.example",
    "///evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    "\t//evil.example",
    " /photos",
    "/photos\r\nSet-Cookie: a=b",
    "/\0",
    "https://evil.example",
    "https:evil.example",
    "http:/evil.example",
    "javascript:alert(1)",
    "data:text/html,x",
    "@evil.example",
    ".evil.example",
    "/x\\y",
    "/" + "x" * 1001,
    "/api/auth/login",
    "/api/photos",
    "/b/token",
)


@pytest.mark.parametrize("back_to", PAGES)
def test_one_comes_back_to_any_page_of_this_site(back_to: str) -> None:
    """With its query and fragment."""
    assert page_of(back_to) == back_to


@pytest.mark.parametrize("back_to", TRICKS)
def test_one_comes_back_to_no_other_site(back_to: str) -> None:
    """Nor to anything that a browser could read as one; the first page it is."""
    assert page_of(back_to) == "/"


async def test_a_foreign_page_is_not_returned_to(browser: Browser) -> None:
    """All the way: one is signed in, and here."""
    back = await browser.go(await browser.away("https%3A%2F%2Fevil.example%2F"))
    assert back.headers["Location"] == "/"
    assert "imgtag_session" in back.cookies


async def test_behind_https_cookies_are_bound_to_the_host(
    provider: FakeProvider, settings: Callable[..., Settings]
) -> None:
    """No site beside this one can plant a sign-in of its own."""
    known = {"auth": "oidc", "oidc_issuer": provider.issuer, "oidc_client_id": CLIENT}
    public = settings(**known, public_url="https://photos.example")
    async with serving_imgtag(public) as running, ClientSession() as http:
        begun = await Browser(http, running.url).go(f"{running.url}/api/auth/login")
    [cookie] = begun.cookies.values()
    assert cookie.key.startswith("__Host-imgtag_sign_in_")
    assert cookie["secure"]
    assert cookie["path"] == "/"
    asked = URL(begun.headers["Location"]).query
    assert asked["redirect_uri"] == "https://photos.example/api/auth/callback"


@pytest.mark.parametrize("path", ["login", "callback", "logout"])
async def test_without_a_provider_there_is_no_such_place(service: Service, path: str) -> None:
    """Where one signs in here, or not at all, it is 404 with a code of its own."""
    status, problem = await service.call("GET", f"/api/auth/{path}", headers=HTML)
    assert (status, problem["code"]) == (404, "no_provider")


async def test_parameters_come_once(site: Service) -> None:
    """Which of two states is meant, nobody can tell."""
    status, _ = await site.call("GET", "/api/auth/callback?state=a&state=b&code=c")
    assert status == 422


# Bearers


async def status_of(site: Service, token: str) -> int:
    """Ask for the labels with *token*."""
    status, _ = await site.call("GET", "/api/labels", headers={"Authorization": f"Bearer {token}"})
    return status


@pytest.mark.parametrize("use", ["id", "access"])
@pytest.mark.parametrize("key_id", ["one", "curve"])
async def test_tokens_of_the_provider_are_bearers(
    site: Service, provider: FakeProvider, key_id: str, use: str
) -> None:
    """Id and access tokens, RS256 and ES256: for the AWS reference page, say."""
    assert await status_of(site, provider.token(key_id, use)) == 200


async def test_other_tokens_are_not(site: Service, provider: FakeProvider) -> None:
    """Of nobody, by a shared secret, for somebody else, over, not yet, or of another provider."""
    claims = provider.claims()
    header = {"kid": "one"}
    unsigned = jwt.encode(claims, None, "none", headers=header)
    shared = jwt.encode(claims, "x" * 32, "HS256", headers=header)
    now = claims["iat"]
    for token in (
        unsigned,
        shared,
        provider.token(aud="another"),
        provider.token(use="access", client_id="another"),
        provider.token(exp=now - 61),
        provider.token(nbf=now + 61),
        provider.token(iss="https://issuer.example"),
        provider.token(token_use="refresh"),
        json.dumps(claims),
    ):
        assert await status_of(site, token) == 401


async def test_a_person_is_one_owner_however_they_come(
    site: Service, browser: Browser, provider: FakeProvider
) -> None:
    """By cookie, by id token, by access token and by an API token made on the page."""
    await browser.go(await browser.away())
    made = await browser.http.post(f"{site.url}/api/tokens", json={"name": "laptop"}, headers=OURS)
    secret = (await made.json())["token"]
    owners = set()
    for token in (provider.token(), provider.token(use="access"), secret):
        headers = {"Authorization": f"Bearer {token}"}
        owners.add((await site.call("GET", "/api/session", headers=headers))[1]["owner"])
    assert owners == {provider.subject}


async def test_a_password_signs_nobody_in(site: Service) -> None:
    """There are none here."""
    body: dict[str, Any] = {"username": "ada", "password": "a long enough password"}
    status, problem = await site.call("POST", "/api/session", json=body)
    assert (status, problem["code"]) == (401, "wrong_credentials")
