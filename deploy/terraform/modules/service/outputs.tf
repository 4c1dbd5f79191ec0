output "name" {
  description = "The service's name."
  value       = aws_ecs_service.this.name
}

output "log_group" {
  description = "Where it logs."
  value       = aws_cloudwatch_log_group.this.name
}
