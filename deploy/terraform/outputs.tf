output "url" {
  description = "Where imgtag is."
  value       = local.url
}

output "settings" {
  description = "The settings, as the processes get them and as `imgtag doctor` takes them on any machine with leave."
  value       = local.settings
}

output "region" {
  description = "Where everything is, as the processes get it in AWS_REGION."
  value       = var.region
}

output "user_pool" {
  description = "The user pool to invite others into."
  value       = module.people.pool_id
}

output "sign_in_host" {
  description = "The host of the page on which one signs in."
  value       = module.people.sign_in_host
}

output "image" {
  description = "The container image that runs."
  value       = module.image.image
}

output "alarms" {
  description = "The alarms that reach a person, and what each is about."
  value       = module.alarms.names
}

output "page_bucket" {
  description = "Where the page's files are."
  value       = module.page_bucket.name
}
