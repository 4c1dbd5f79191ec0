output "url" {
  description = "The queue's URL."
  value       = aws_sqs_queue.this.url
}

output "arn" {
  description = "The queue's ARN."
  value       = aws_sqs_queue.this.arn
}

output "name" {
  description = "The queue's name."
  value       = aws_sqs_queue.this.name
}

output "dead_arn" {
  description = "The ARN of the dead letters."
  value       = aws_sqs_queue.dead.arn
}

output "dead_name" {
  description = "The name of the dead letters."
  value       = aws_sqs_queue.dead.name
}
