output "topic_arn" {
  description = "Where alarms are announced."
  value       = aws_sns_topic.this.arn
}

output "names" {
  description = "The alarms' names, and what each is about."
  value       = { for name, alarm in local.alarms : name => alarm.about }
}
