#!/bin/sh
# Build what the image holds: build.sh CHECKOUT PAGE TARGET
#
# TARGET becomes a virtual environment with imgtag, the page that lies built in PAGE, and exactly the packages of
# requirements/runtime.txt, each checked by its hash; sbom.cdx.json in it lists them (cyclonedx.org). The same checkout
# gives the same bytes: nothing in it tells when, and the bytecode goes by content, which also spares a file system that
# is read-only from being written to.
set -eu

checkout=$1
page=$2
target=$3
python=${PYTHON:-python3}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# The date of every file in the wheel: https://reproducible-builds.org/specs/source-date-epoch/
export SOURCE_DATE_EPOCH=1700000000 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1 PIP_ROOT_USER_ACTION=ignore

pip() { "$scratch/tools/bin/python" -m pip --quiet "$@"; }

"$python" -m venv "$scratch/tools"
pip install --require-hashes --no-deps --only-binary :all: -r "$checkout/requirements/build.txt"

# A copy, so that the checkout stays as it was; with the page in it, the build needs no Node.
mkdir "$scratch/source"
for part in imgtag pyproject.toml hatch_build.py README.md LICENSE; do
    cp -R "$checkout/$part" "$scratch/source/$part"
done
rm -rf "$scratch/source/imgtag/_web"
cp -R "$page" "$scratch/source/imgtag/_web"
IMGTAG_SKIP_WEB=1 pip wheel --no-deps --no-build-isolation --wheel-dir "$scratch" "$scratch/source"

"$python" -m venv --without-pip "$target"
pip --python "$target/bin/python" install --require-hashes --no-deps --only-binary :all: --no-compile \
    -r "$checkout/requirements/runtime.txt"
# By its name and not by its file, whose path would be noted.
pip --python "$target/bin/python" install --no-deps --no-index --no-compile --find-links "$scratch" imgtag
# Every requirement is met, by something in there.
pip --python "$target/bin/python" check
"$scratch/tools/bin/cyclonedx-py" environment --output-reproducible --output-file "$target/sbom.cdx.json" \
    "$target/bin/python"
"$target/bin/python" -m compileall -q --invalidation-mode unchecked-hash "$target/lib"
