# The repository, and the image that is built from this checkout and named after what went into it: nothing is built
# twice, no name ever means something else, and an old one can be run again.

resource "aws_ecr_repository" "this" {
  name                 = var.name
  image_tag_mutability = "IMMUTABLE"
  force_delete         = true # it can be built again

  image_scanning_configuration {
    scan_on_push = true
  }
}

resource "aws_ecr_lifecycle_policy" "this" {
  repository = aws_ecr_repository.this.name

  policy = jsonencode({
    rules = [{
      rulePriority = 1
      description  = "Enough to go back to"
      selection    = { tagStatus = "any", countType = "imageCountMoreThan", countNumber = 5 }
      action       = { type = "expire" }
    }]
  })
}

locals {
  build = var.image == null
  sources = sort(flatten([
    for pattern in [
      "deploy/Dockerfile*", "deploy/image/**", "pyproject.toml", "hatch_build.py", "README.md", "LICENSE",
      "requirements/build.txt", "requirements/runtime.txt", "imgtag/**/*.py", "imgtag/models/**", "imgtag/py.typed",
      "web/*", "web/build/**", "web/public/**", "web/scripts/**", "web/src/**",
    ] : tolist(fileset(var.checkout, pattern))
  ]))
  tag   = substr(sha256(join("", [for name in local.sources : "${name} ${filesha256("${var.checkout}/${name}")}\n"])), 0, 16)
  image = local.build ? "${aws_ecr_repository.this.repository_url}:${lower(var.architecture)}-${local.tag}" : var.image
}

resource "terraform_data" "image" {
  count            = local.build ? 1 : 0
  triggers_replace = [local.image]

  provisioner "local-exec" {
    command = "${path.module}/push.sh"

    environment = {
      CHECKOUT = var.checkout
      IMAGE    = local.image
      PLATFORM = var.architecture == "ARM64" ? "linux/arm64" : "linux/amd64"
    }
  }
}
