# How the gateway finds and reaches a task: a link into the network, and a register of where the task is. Together they do
# what a load balancer does, for 60 cents a month and not 23 dollars.

resource "aws_security_group" "this" {
  name_prefix = "${var.name}-link-"
  description = "imgtag's gateway"
  vpc_id      = var.network.vpc_id

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_vpc_security_group_egress_rule" "this" {
  security_group_id = aws_security_group.this.id
  description       = "Tasks of the API"
  cidr_ipv4         = "10.0.0.0/16"
  ip_protocol       = "tcp"
  from_port         = var.port
  to_port           = var.port
}

resource "aws_apigatewayv2_vpc_link" "this" {
  name               = var.name
  subnet_ids         = var.network.subnet_ids
  security_group_ids = [aws_security_group.this.id]
}

resource "aws_service_discovery_private_dns_namespace" "this" {
  name        = "${var.name}.internal"
  description = "imgtag's tasks"
  vpc         = var.network.vpc_id
}

resource "aws_service_discovery_service" "this" {
  name = "api"

  dns_config {
    namespace_id   = aws_service_discovery_private_dns_namespace.this.id
    routing_policy = "MULTIVALUE"

    # With its port, which the gateway has to know.
    dns_records {
      type = "SRV"
      ttl  = 10
    }
  }
}
