output "image" {
  description = "The image, once it is there."
  value       = local.image
  depends_on  = [terraform_data.image]
}

output "repository_arn" {
  description = "The repository's ARN."
  value       = aws_ecr_repository.this.arn
}

output "repository_url" {
  description = "Where images are pushed to."
  value       = aws_ecr_repository.this.repository_url
}
