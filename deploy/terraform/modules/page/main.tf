# The built page. Files with a hash in their name never change and are kept for a year; the page itself is asked for
# again, and goes up after what it names.

locals {
  types = {
    css         = "text/css; charset=utf-8"
    html        = "text/html; charset=utf-8"
    ico         = "image/x-icon"
    js          = "text/javascript; charset=utf-8"
    json        = "application/json"
    map         = "application/json"
    png         = "image/png"
    svg         = "image/svg+xml"
    txt         = "text/plain; charset=utf-8"
    wasm        = "application/wasm"
    webmanifest = "application/manifest+json"
    webp        = "image/webp"
    woff2       = "font/woff2"
  }
  # CloudFront compresses by itself.
  files = toset([for name in fileset(var.folder, "**") : name if !endswith(name, ".br") && !endswith(name, ".gz")])
  pages = toset([for name in local.files : name if endswith(name, ".html")])
}

resource "aws_s3_object" "file" {
  for_each = setsubtract(local.files, local.pages)

  bucket        = var.bucket
  key           = each.value
  source        = "${var.folder}/${each.value}"
  source_hash   = filemd5("${var.folder}/${each.value}")
  content_type  = lookup(local.types, reverse(split(".", each.value))[0], "application/octet-stream")
  cache_control = startswith(each.value, "assets/") ? "public, max-age=31536000, immutable" : "no-cache"
}

resource "aws_s3_object" "page" {
  for_each = local.pages

  bucket        = var.bucket
  key           = each.value
  source        = "${var.folder}/${each.value}"
  source_hash   = filemd5("${var.folder}/${each.value}")
  content_type  = local.types.html
  cache_control = "no-cache"

  depends_on = [aws_s3_object.file]
}
