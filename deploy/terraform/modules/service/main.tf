# One process of imgtag on Fargate: its task, its two roles, its log, and the door through which it may be called.

data "aws_region" "this" {}

resource "aws_cloudwatch_log_group" "this" {
  name              = "/${var.name}"
  retention_in_days = var.log_days
}

resource "aws_security_group" "this" {
  name_prefix = "${replace(var.name, "/", "-")}-"
  description = "imgtag ${var.name}"
  vpc_id      = var.network.vpc_id

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_vpc_security_group_egress_rule" "https" {
  security_group_id = aws_security_group.this.id
  description       = "AWS, and whoever signs people in"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

resource "aws_vpc_security_group_ingress_rule" "caller" {
  count                        = var.door == null ? 0 : 1
  security_group_id            = aws_security_group.this.id
  description                  = "The gateway"
  referenced_security_group_id = var.door.caller
  ip_protocol                  = "tcp"
  from_port                    = var.door.port
  to_port                      = var.door.port
}

resource "aws_ecs_task_definition" "this" {
  family                   = replace(var.name, "/", "-")
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = var.size.cpu
  memory                   = var.size.memory
  execution_role_arn       = aws_iam_role.starter.arn
  task_role_arn            = aws_iam_role.this.arn

  runtime_platform {
    operating_system_family = "LINUX"
    cpu_architecture        = var.architecture
  }

  volume {
    name = "scratch"
  }

  container_definitions = jsonencode([{
    name                   = "imgtag"
    image                  = var.image
    essential              = true
    command                = var.command
    readonlyRootFilesystem = true
    environment            = [for name, value in var.environment : { name = name, value = value }]
    mountPoints            = [{ sourceVolume = "scratch", containerPath = "/tmp", readOnly = false }]
    portMappings           = [for door in var.door[*] : { containerPort = door.port, hostPort = door.port, protocol = "tcp" }]
    # The longest that Fargate grants, and what Spot announces its end by.
    stopTimeout = 120

    logConfiguration = {
      logDriver = "awslogs"
      options = {
        "awslogs-group"         = aws_cloudwatch_log_group.this.name
        "awslogs-region"        = data.aws_region.this.name
        "awslogs-stream-prefix" = "imgtag"
      }
    }
  }])
}

resource "aws_ecs_service" "this" {
  name                               = local.service
  cluster                            = var.cluster_arn
  task_definition                    = aws_ecs_task_definition.this.arn
  desired_count                      = var.count_at_first
  deployment_minimum_healthy_percent = 100
  deployment_maximum_percent         = 200
  enable_ecs_managed_tags            = true
  propagate_tags                     = "SERVICE"

  capacity_provider_strategy {
    capacity_provider = var.spot ? "FARGATE_SPOT" : "FARGATE"
    weight            = 1
  }

  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }

  network_configuration {
    subnets          = var.network.subnet_ids
    security_groups  = [aws_security_group.this.id]
    assign_public_ip = true
  }

  dynamic "service_registries" {
    for_each = var.door[*]

    content {
      registry_arn   = service_registries.value.registry_arn
      container_name = "imgtag"
      container_port = service_registries.value.port
    }
  }

  lifecycle {
    # Who scales decides how many there are.
    ignore_changes = [desired_count]
  }
}

locals {
  service = basename(var.name)
}
