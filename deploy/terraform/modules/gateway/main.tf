# What CloudFront calls: TLS, a limit on the rate, and the three ways into imgtag that the world may know. /metrics and
# /readyz are not among them.

resource "aws_cloudwatch_log_group" "this" {
  name              = "/aws/apigateway/${var.name}"
  retention_in_days = var.log_days
}

resource "aws_apigatewayv2_api" "this" {
  name          = var.name
  protocol_type = "HTTP"
}

resource "aws_apigatewayv2_stage" "this" {
  api_id      = aws_apigatewayv2_api.this.id
  name        = "$default"
  auto_deploy = true

  default_route_settings {
    throttling_rate_limit  = 200
    throttling_burst_limit = 400
  }

  access_log_settings {
    destination_arn = aws_cloudwatch_log_group.this.arn

    # No path: it may hold a short link, which needs no sign-in.
    format = jsonencode({
      request = "$context.requestId"
      at      = "$context.requestTimeEpoch"
      route   = "$context.routeKey"
      status  = "$context.status"
      millis  = "$context.responseLatency"
      error   = "$context.integrationErrorMessage"
    })
  }
}

resource "aws_apigatewayv2_route" "this" {
  for_each = toset(["ANY /api/{path+}", "ANY /b/{token}", "GET /healthz"])

  api_id             = aws_apigatewayv2_api.this.id
  route_key          = each.value
  authorization_type = "NONE" # imgtag knows who may do what
  target             = "integrations/${aws_apigatewayv2_integration.this.id}"
}

resource "aws_apigatewayv2_integration" "this" {
  api_id                 = aws_apigatewayv2_api.this.id
  integration_type       = var.link_id == null ? "AWS_PROXY" : "HTTP_PROXY"
  integration_method     = var.link_id == null ? "POST" : "ANY"
  integration_uri        = var.target
  connection_type        = var.link_id == null ? "INTERNET" : "VPC_LINK"
  connection_id          = var.link_id
  payload_format_version = var.link_id == null ? "2.0" : "1.0"
}
