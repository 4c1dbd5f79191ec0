#!/usr/bin/env bash
# Install what the tests use of Debian, where it is missing: other people's unzippers, rsync, and Chromium.
# Packages that are named as arguments come too.
set -euo pipefail

missing=()
need() { command -v "$1" >/dev/null 2>&1 || missing+=("$2"); }
need unzip unzip
need 7z p7zip-full
need bsdtar libarchive-tools
need rsync rsync
need jar default-jdk-headless
need chromium chromium
for package in "$@"; do
  dpkg -s "$package" >/dev/null 2>&1 || missing+=("$package")
done

if ((${#missing[@]})); then
  echo "installing: ${missing[*]}"
  sudo=""
  [ "$(id -u)" -eq 0 ] || sudo=sudo
  $sudo apt-get update -qq
  DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi
