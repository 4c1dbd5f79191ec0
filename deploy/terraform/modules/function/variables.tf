variable "name" {
  description = "The function's name."
  type        = string
}

variable "image" {
  description = "The container image, in ECR."
  type        = string
}

variable "architecture" {
  description = "X86_64 or ARM64."
  type        = string
}

variable "command" {
  description = "What the image is to run."
  type        = list(string)
}

variable "environment" {
  description = "The settings."
  type        = map(string)
}

variable "policy" {
  description = "What the function may do, as IAM's JSON."
  type        = string
}

variable "gateway_arn" {
  description = "The gateway that may call it."
  type        = string
}

variable "log_days" {
  description = "How long its log is kept."
  type        = number
}
