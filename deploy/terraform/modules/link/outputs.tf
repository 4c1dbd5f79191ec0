output "id" {
  description = "The link."
  value       = aws_apigatewayv2_vpc_link.this.id
}

output "security_group_id" {
  description = "Whom tasks have to let in."
  value       = aws_security_group.this.id
}

output "registry_arn" {
  description = "The Cloud Map service that tasks register with."
  value       = aws_service_discovery_service.this.arn
}
