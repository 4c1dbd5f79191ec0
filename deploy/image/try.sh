#!/bin/sh
# Start an image as compose.yaml does, wait until Docker calls it healthy, and end it: try.sh IMAGE
set -eu

name=imgtag-try-$$
trap 'docker logs "$name" >&2; docker rm --force --volumes "$name" >/dev/null' EXIT
docker run --detach --name "$name" --env IMGTAG_AUTH=local --health-interval 1s \
    --read-only --tmpfs /tmp --cap-drop ALL --security-opt no-new-privileges --pids-limit 256 "$1" >/dev/null
for _ in $(seq 60); do
    health=$(docker inspect --format '{{.State.Health.Status}}' "$name")
    [ "$health" = healthy ] && break
    sleep 1
done
[ "$health" = healthy ]
docker exec "$name" imgtag doctor
docker stop --time 40 "$name" >/dev/null
[ "$(docker inspect --format '{{.State.ExitCode}}' "$name")" = 0 ]
