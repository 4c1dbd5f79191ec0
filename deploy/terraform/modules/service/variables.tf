variable "name" {
  description = "Installation and process, such as imgtag/worker."
  type        = string
}

variable "cluster_arn" {
  description = "The cluster that it runs in."
  type        = string
}

variable "network" {
  description = "Where it runs."
  type = object({
    vpc_id     = string
    subnet_ids = list(string)
  })
}

variable "image" {
  description = "The container image."
  type        = string
}

variable "repository_arn" {
  description = "The repository that the image is in."
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

variable "size" {
  description = "CPU units, and MiB of memory."
  type = object({
    cpu    = number
    memory = number
  })
}

variable "spot" {
  description = "Whether it may be interrupted, for a third of the price."
  type        = bool
}

variable "count_at_first" {
  description = "How many run before anything has scaled it."
  type        = number
}

variable "policy" {
  description = "What the process may do, as IAM's JSON."
  type        = string
}

variable "log_days" {
  description = "How long its log is kept."
  type        = number
}

variable "door" {
  description = "The port that it answers on, the security group that may call it, and the Cloud Map service that knows where it is. Null is never called."
  type = object({
    port         = number
    caller       = string
    registry_arn = string
  })
  default = null
}
