#!/bin/sh
# Build CHECKOUT's image for PLATFORM and push it as IMAGE, unless it is there. Wants Docker and the AWS command line.
set -eu

registry=${IMAGE%%/*}
repository=${IMAGE#*/}
name=${repository%%:*}
tag=${repository##*:}
region=$(echo "$registry" | cut -d . -f 4)

for tool in aws docker; do
    command -v $tool >/dev/null || {
        echo "imgtag: building the image takes $tool; install it, or set the variable \`image\` to an image in ECR" >&2
        exit 1
    }
done

if aws ecr describe-images --region "$region" --repository-name "$name" --image-ids "imageTag=$tag" >/dev/null 2>&1; then
    echo "imgtag: $IMAGE is there already"
    exit 0
fi
aws ecr get-login-password --region "$region" | docker login --username AWS --password-stdin "$registry"
# Lambda takes a plain image, not a list of images with attestations.
docker buildx build --platform "$PLATFORM" --provenance=false --sbom=false --push \
    --tag "$IMAGE" --file "$CHECKOUT/deploy/Dockerfile" "$CHECKOUT"
