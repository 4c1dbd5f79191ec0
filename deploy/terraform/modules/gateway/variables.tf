variable "name" {
  description = "The gateway's name."
  type        = string
}

variable "target" {
  description = "Who answers: a function's invoke ARN, or the ARN of a Cloud Map service that is reached by a link."
  type        = string
}

variable "link_id" {
  description = "The link into a network; null calls a function."
  type        = string
  default     = null
}

variable "log_days" {
  description = "How long its log is kept."
  type        = number
}
