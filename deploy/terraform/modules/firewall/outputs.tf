output "arn" {
  description = "The firewall, for a distribution."
  value       = aws_wafv2_web_acl.this.arn
}
