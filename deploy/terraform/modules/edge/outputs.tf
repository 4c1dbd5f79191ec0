output "arn" {
  description = "The distribution, which buckets let in."
  value       = aws_cloudfront_distribution.this.arn
}

output "id" {
  description = "The distribution's id."
  value       = aws_cloudfront_distribution.this.id
}

output "host" {
  description = "CloudFront's name for it."
  value       = aws_cloudfront_distribution.this.domain_name
}

output "zone_id" {
  description = "CloudFront's zone, for aliases."
  value       = aws_cloudfront_distribution.this.hosted_zone_id
}

