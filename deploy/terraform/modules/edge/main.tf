# The one address of everything: the page from its bucket, and what is computed from the service.

locals {
  # Managed by AWS, and the same in every account:
  # docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/using-managed-cache-policies.html
  managed = {
    caching_optimized             = "658327ea-f89d-4fab-a63d-7e88639e58f6"
    caching_disabled              = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
    all_viewer_except_host_header = "b689b0a8-53d0-40ab-baf2-68738e2966ac"
  }
  service_paths = ["/api/*", "/b/*", "/healthz"]
  year          = 365 * 24 * 60 * 60
}

resource "aws_cloudfront_distribution" "this" {
  comment         = var.name
  enabled         = true
  is_ipv6_enabled = true
  http_version    = "http2and3"
  price_class     = "PriceClass_100"
  # The function below sees to paths; this is for the root where nothing has been put yet.
  default_root_object = "index.html"
  aliases             = var.domain[*].name
  web_acl_id          = var.firewall_arn
  # It answers within a minute or two of its making, and there is nothing here that waits for it.
  wait_for_deployment = false

  origin {
    origin_id                = "page"
    domain_name              = var.page_host
    origin_access_control_id = aws_cloudfront_origin_access_control.this.id
  }

  origin {
    origin_id   = "service"
    domain_name = var.service_host

    custom_origin_config {
      origin_protocol_policy = "https-only"
      origin_ssl_protocols   = ["TLSv1.2"]
      http_port              = 80
      https_port             = 443
      origin_read_timeout    = 30
    }
  }

  default_cache_behavior {
    target_origin_id           = "page"
    allowed_methods            = ["GET", "HEAD"]
    cached_methods             = ["GET", "HEAD"]
    viewer_protocol_policy     = "redirect-to-https"
    compress                   = true
    cache_policy_id            = local.managed.caching_optimized
    response_headers_policy_id = aws_cloudfront_response_headers_policy.page.id

    function_association {
      event_type   = "viewer-request"
      function_arn = aws_cloudfront_function.paths.arn
    }
  }

  dynamic "ordered_cache_behavior" {
    for_each = local.service_paths

    content {
      path_pattern             = ordered_cache_behavior.value
      target_origin_id         = "service"
      allowed_methods          = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"]
      cached_methods           = ["GET", "HEAD"]
      viewer_protocol_policy   = "https-only"
      compress                 = true
      cache_policy_id          = local.managed.caching_disabled
      origin_request_policy_id = local.managed.all_viewer_except_host_header
    }
  }

  restrictions {
    geo_restriction {
      restriction_type = "none"
    }
  }

  viewer_certificate {
    cloudfront_default_certificate = var.domain == null
    acm_certificate_arn            = one(var.domain[*].certificate_arn)
    ssl_support_method             = var.domain == null ? null : "sni-only"
    minimum_protocol_version       = var.domain == null ? "TLSv1" : "TLSv1.2_2021"
  }
}

resource "aws_cloudfront_origin_access_control" "this" {
  name                              = var.name
  description                       = "imgtag's page"
  origin_access_control_origin_type = "s3"
  signing_behavior                  = "always"
  signing_protocol                  = "sigv4"
}

resource "aws_cloudfront_function" "paths" {
  name    = "${var.name}-paths"
  comment = "The page reads paths itself"
  runtime = "cloudfront-js-2.0"
  publish = true
  code    = file("${path.module}/paths.js")
}

# The page's headers, as imgtag/api/headers.py sends them where imgtag serves the page itself; a test compares.
resource "aws_cloudfront_response_headers_policy" "page" {
  name = "${var.name}-page"

  security_headers_config {
    content_security_policy {
      override = true
      content_security_policy = join("; ", [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "font-src 'self'",
        join(" ", concat(["img-src 'self' blob: data:"], var.page_sources)),
        join(" ", concat(["connect-src 'self'"], var.page_sources)),
        "worker-src 'self'",
        "manifest-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
      ])
    }

    content_type_options {
      override = true
    }

    frame_options {
      frame_option = "DENY"
      override     = true
    }

    referrer_policy {
      referrer_policy = "same-origin"
      override        = true
    }

    strict_transport_security {
      access_control_max_age_sec = local.year
      override                   = true
    }
  }

  custom_headers_config {
    items {
      header   = "Cross-Origin-Opener-Policy"
      value    = "same-origin"
      override = true
    }

    items {
      header   = "Cross-Origin-Resource-Policy"
      value    = "same-origin"
      override = true
    }
  }
}
