"""Pictures that are no scenes, drawn or cut from scenes: what the model learns to refuse.

Every maker takes a random generator and a pool of photos, uint8 [n, side, side, 3], and returns one
picture, uint8 [side, side, 3]. No picture from outside the pool is used.
"""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

Pixels = NDArray[np.uint8]
Maker = Callable[[np.random.Generator, Pixels], Pixels]


def colour(rng: np.random.Generator) -> tuple[int, int, int]:
    """Any colour, the muted ones of walls, skin and fur more often than the pure ones."""
    hue, value = rng.random(), rng.uniform(0.1, 1)
    saturation = rng.beta(1.2, 2.5)
    swatch = Image.new("HSV", (1, 1), (int(hue * 255), int(saturation * 255), int(value * 255)))
    red, green, blue = np.asarray(swatch.convert("RGB"))[0, 0]
    return int(red), int(green), int(blue)


def field(rng: np.random.Generator, side: int, roughness: float) -> NDArray[np.float64]:
    """Noise whose spectrum falls with frequency to the power `roughness`, scaled to 0..1."""
    frequency = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)[None, :])
    frequency[0, 0] = 1
    spectrum = np.fft.rfft2(rng.standard_normal((side, side))) / frequency**roughness
    spectrum[0, 0] = 0
    noise = np.fft.irfft2(spectrum, s=(side, side))
    return (noise - noise.min()) / (np.ptp(noise) + 1e-9)


def ramp(values: NDArray[np.float64], stops: list[tuple[int, int, int]]) -> Pixels:
    """Paint values of 0..1 with the colours in `stops`, evenly spaced."""
    at = np.linspace(0, 1, len(stops))
    channels = [np.interp(values, at, [stop[i] for stop in stops]) for i in range(3)]
    return np.stack(channels, axis=-1).astype(np.uint8)


def noise(rng: np.random.Generator, pool: Pixels) -> Pixels:
    """Clouds, plaster, carpet: coloured noise from smooth to grainy."""
    shades = [colour(rng) for _ in range(int(rng.integers(2, 5)))]
    return ramp(field(rng, pool.shape[1], rng.uniform(0.3, 2.5)), shades)


def marble(rng: np.random.Generator, pool: Pixels) -> Pixels:
    """Bent stripes: cloth, wood, strata, waves of sand."""
    side = pool.shape[1]
    rows, columns = np.mgrid[0:side, 0:side] / side
    angle, waves = rng.uniform(0, np.pi), rng.uniform(1, 14)
    bend = rng.uniform(0, 1.2) * field(rng, side, rng.uniform(2, 3))
    phase = waves * (rows * np.sin(angle) + columns * np.cos(angle) + bend)
    stripes = 0.5 + 0.5 * np.sin(2 * np.pi * phase)
    shades = [colour(rng) for _ in range(int(rng.integers(2, 5)))]
    return ramp(0.75 * stripes + 0.25 * field(rng, side, 2), shades)


def shapes(rng: np.random.Generator, pool: Pixels) -> Pixels:
    """A plain ground with a few figures: signs, balls, toys, the moon."""
    side = pool.shape[1]
    dark, light = sorted([colour(rng), colour(rng)], key=sum)
    canvas = Image.fromarray(ramp(field(rng, side, 2.5), [light, light, dark]))
    if rng.random() < 0.5:
        canvas = Image.new("RGB", (side, side), colour(rng))
    draw = ImageDraw.Draw(canvas)
    for _ in range(int(rng.integers(1, 9))):
        _figure(rng, draw, side)
    return np.asarray(canvas.filter(ImageFilter.GaussianBlur(rng.uniform(0, 1.5))))


def _figure(rng: np.random.Generator, draw: ImageDraw.ImageDraw, side: int) -> None:
    x, y = rng.uniform(-0.1, 0.9, 2) * side
    wide, high = rng.uniform(0.05, 0.7, 2) * side
    kind = rng.integers(4)
    if kind == 0:
        draw.ellipse((x, y, x + wide, y + wide), fill=colour(rng))
    elif kind == 1:
        draw.rectangle((x, y, x + wide, y + high), fill=colour(rng))
    elif kind == 2:
        corners = rng.uniform(0, side, (int(rng.integers(3, 7)), 2)).ravel().tolist()
        draw.polygon(corners, fill=colour(rng))
    else:
        ends = rng.uniform(0, side, 4).tolist()
        draw.line(ends, fill=colour(rng), width=int(rng.integers(1, 10)))


def document(rng: np.random.Generator, pool: Pixels) -> Pixels:
    """Paper and screens: lines of marks, boxes, now and then a small picture."""
    side = pool.shape[1]
    paper, ink = (245, 245, 242), (30, 30, 35)
    if rng.random() < 0.35:
        paper, ink = colour(rng), colour(rng)
    canvas = Image.new("RGB", (side, side), paper)
    draw = ImageDraw.Draw(canvas)
    pitch = int(rng.integers(4, 14))
    for top in range(int(rng.integers(0, 20)), side, pitch):
        left = int(rng.integers(2, 20))
        while left < side - 10 and rng.random() < 0.93:
            length = int(rng.integers(2, 16))
            draw.rectangle((left, top, left + length, top + pitch // 2), fill=ink)
            left += length + int(rng.integers(2, 5))
    if rng.random() < 0.3:
        inset = Image.fromarray(pool[rng.integers(len(pool))]).resize((side // 3, side // 3))
        canvas.paste(inset, tuple(rng.integers(0, side // 2, 2).tolist()))
    return np.asarray(canvas.rotate(rng.uniform(-10, 10), fillcolor=paper))


def wall(rng: np.random.Generator, pool: Pixels) -> Pixels:
    """One thing over and over in rows: bricks, tiles, keys, shelves, scales."""
    side = pool.shape[1]
    wide, high = rng.uniform(0.05, 0.35, 2) * side
    gap, shift = rng.uniform(0.5, 4), rng.uniform(0, 0.5) * (rng.random() < 0.7)
    canvas = Image.new("RGB", (2 * side, 2 * side), colour(rng))
    draw = ImageDraw.Draw(canvas)
    base, spread = np.asarray(colour(rng)), rng.uniform(0, 35)
    for row, top in enumerate(np.arange(0, 2 * side, high)):
        for left in np.arange(-wide + wide * shift * (row % 2), 2 * side, wide):
            shade = (base + rng.normal(0, spread)).clip(0, 255).astype(int).tolist()
            draw.rectangle((left, top, left + wide - gap, top + high - gap), fill=tuple(shade))
    turned_a_little = canvas.rotate(rng.uniform(-30, 30), Image.Resampling.BILINEAR)
    middle = turned_a_little.crop((side // 2, side // 2, side // 2 + side, side // 2 + side))
    light = 0.6 + 0.5 * field(rng, side, rng.uniform(1, 2.5))[..., None]
    return (np.asarray(middle) * light).clip(0, 255).astype(np.uint8)


def specks(rng: np.random.Generator, pool: Pixels) -> Pixels:
    """Many small things on one ground: stars, coins, petals, crumbs, confetti."""
    side = pool.shape[1]
    shades = [colour(rng) for _ in range(int(rng.integers(1, 4)))]
    canvas = Image.fromarray(ramp(field(rng, side, rng.uniform(1, 2.5)), [colour(rng)] * 2))
    if rng.random() < 0.4:
        canvas = Image.new("RGB", (side, side), tuple(rng.integers(0, 40, 3).tolist()))
    draw = ImageDraw.Draw(canvas)
    largest = rng.uniform(1.5, 14)
    for _ in range(int(rng.integers(20, 260))):
        x, y = rng.uniform(0, side, 2)
        across, along = rng.uniform(0.4, 1, 2) * largest * rng.beta(1.5, 3) * 2
        draw.ellipse((x, y, x + across, y + along), fill=shades[rng.integers(len(shades))])
    return np.asarray(canvas.filter(ImageFilter.GaussianBlur(rng.uniform(0, 1))))


def room(rng: np.random.Generator, pool: Pixels) -> Pixels:
    """A room seen from inside: back wall, floor, ceiling, lamps and furniture as plain bodies."""
    side = pool.shape[1]
    left, right = rng.uniform(0.02, 0.35) * side, rng.uniform(0.65, 0.98) * side
    top, foot = rng.uniform(0, 0.3) * side, rng.uniform(0.55, 0.85) * side
    canvas = Image.new("RGB", (side, side), colour(rng))
    draw = ImageDraw.Draw(canvas)
    draw.polygon([(0, 0), (side, 0), (right, top), (left, top)], fill=colour(rng))
    draw.polygon([(0, side), (side, side), (right, foot), (left, foot)], fill=colour(rng))
    draw.rectangle((left, top, right, foot), fill=colour(rng))
    for _ in range(int(rng.integers(2, 8))):
        x, y = rng.uniform(0, side), rng.uniform(0.3, 0.9) * side
        wide, high = rng.uniform(0.05, 0.4, 2) * side
        draw.rounded_rectangle((x, y, x + wide, y + high), radius=3, fill=colour(rng))
    light = 0.55 + 0.6 * field(rng, side, 2.5)[..., None]
    lit = np.asarray(canvas.filter(ImageFilter.GaussianBlur(rng.uniform(0.3, 1.5)))) * light
    return (lit + rng.normal(0, 3, lit.shape)).clip(0, 255).astype(np.uint8)


def macro(rng: np.random.Generator, pool: Pixels) -> Pixels:
    """A very small piece of a photo, enlarged: a texture without a place."""
    return _recoloured(rng, _piece(rng, pool, rng.uniform(0.11, 0.2)))


def _part(rng: np.random.Generator, pool: Pixels) -> Pixels:
    return _piece(rng, pool, rng.uniform(0.2, 0.5))


def _piece(rng: np.random.Generator, pool: Pixels, share: float) -> Pixels:
    side = pool.shape[1]
    photo = Image.fromarray(pool[rng.integers(len(pool))])
    piece = int(side * share)
    x, y = rng.integers(0, side - piece, 2).tolist()
    close = photo.crop((x, y, x + piece, y + piece)).resize((side, side), Image.Resampling.BICUBIC)
    return np.asarray(close)


def _recoloured(rng: np.random.Generator, picture: Pixels) -> Pixels:
    gain, lift = rng.uniform(0.6, 1.5, 3), rng.uniform(-30, 30, 3)
    mixed = picture[..., rng.permutation(3)] if rng.random() < 0.4 else picture
    return (mixed * gain + lift).clip(0, 255).astype(np.uint8)


def subject(rng: np.random.Generator, pool: Pixels) -> Pixels:
    """A body with a texture of its own before a ground out of focus: animals, people, food."""
    side = pool.shape[1]
    ground = Image.fromarray(rng.choice([_part, macro, noise, marble])(rng, pool))
    ground = ground.filter(ImageFilter.GaussianBlur(rng.uniform(1, 7)))
    body = Image.fromarray(rng.choice([_part, macro, noise, marble])(rng, pool))
    rows, columns = np.mgrid[0:side, 0:side] / side
    middle, spread = rng.uniform(0.3, 0.7, 2), rng.uniform(0.12, 0.4, 2)
    distance = np.hypot((rows - middle[0]) / spread[0], (columns - middle[1]) / spread[1])
    inside = (distance + rng.uniform(0, 1.2) * (field(rng, side, 2) - 0.5)) < 1
    mask = Image.fromarray((inside * 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(1))
    return np.asarray(Image.composite(body, ground, mask))


def shuffled(rng: np.random.Generator, pool: Pixels) -> Pixels:
    """A photo cut into tiles that are dealt anew, some of them turned: right stuff, no layout."""
    photo = pool[rng.integers(len(pool))]
    parts = int(rng.choice([2, 3, 4]))
    tile = photo.shape[0] // parts
    tiles = [
        photo[r * tile : (r + 1) * tile, c * tile : (c + 1) * tile]
        for r in range(parts)
        for c in range(parts)
    ]
    turns = rng.integers(0, 4, len(tiles)) * (rng.random() < 0.5)
    dealt = [np.rot90(tiles[i], turns[i]) for i in rng.permutation(len(tiles))]
    rows = [np.concatenate(dealt[r * parts : (r + 1) * parts], axis=1) for r in range(parts)]
    whole = Image.fromarray(np.ascontiguousarray(np.concatenate(rows, axis=0)))
    return np.asarray(whole.resize(photo.shape[:2]))


def turned(rng: np.random.Generator, pool: Pixels) -> Pixels:
    """A photo on its side or its head: the sky is not where a scene has it."""
    return np.ascontiguousarray(np.rot90(pool[rng.integers(len(pool))], rng.integers(1, 4)))


def faded(rng: np.random.Generator, pool: Pixels) -> Pixels:
    """A photo blurred until only its colours are left."""
    photo = Image.fromarray(pool[rng.integers(len(pool))])
    radius = rng.uniform(0.08, 0.2) * pool.shape[1]
    return _recoloured(rng, np.asarray(photo.filter(ImageFilter.GaussianBlur(radius))))


MAKERS: dict[str, tuple[Maker, float]] = {
    "noise": (noise, 0.06),
    "marble": (marble, 0.09),
    "shapes": (shapes, 0.07),
    "document": (document, 0.05),
    "wall": (wall, 0.06),
    "specks": (specks, 0.06),
    "room": (room, 0.10),
    "macro": (macro, 0.11),
    "subject": (subject, 0.24),
    "shuffled": (shuffled, 0.08),
    "turned": (turned, 0.05),
    "faded": (faded, 0.03),
}
GREY_SHARE = 0.15


def make(count: int, pool: Pixels, seed: int) -> tuple[Pixels, list[str]]:
    """`count` pictures and the kind of each, the same ones for the same seed and pool."""
    rng = np.random.default_rng(seed)
    names = list(MAKERS)
    kinds = rng.choice(names, size=count, p=[MAKERS[name][1] for name in names])
    pictures = [_as_jpeg(rng, MAKERS[kind][0](rng, pool)) for kind in kinds]
    return np.stack(pictures), [str(kind) for kind in kinds]


def _as_jpeg(rng: np.random.Generator, picture: Pixels) -> Pixels:
    written = io.BytesIO()
    mode = "L" if rng.random() < GREY_SHARE else "RGB"
    Image.fromarray(picture).convert(mode).save(written, "JPEG", quality=int(rng.integers(70, 95)))
    return np.asarray(Image.open(written).convert("RGB"))
