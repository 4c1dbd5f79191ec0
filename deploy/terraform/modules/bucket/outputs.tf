output "name" {
  description = "The bucket's name, once requests to it have to be encrypted."
  value       = aws_s3_bucket.this.id
}

output "arn" {
  description = "The bucket's ARN."
  value       = aws_s3_bucket.this.arn
}

output "host" {
  description = "The host that its objects are reached at."
  value       = aws_s3_bucket.this.bucket_regional_domain_name
}
