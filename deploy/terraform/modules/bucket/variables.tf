variable "name" {
  description = "The bucket's name, unique in the world."
  type        = string
}

variable "protect" {
  description = "Whether a bucket with something in it refuses to be destroyed."
  type        = bool
}

variable "undelete_days" {
  description = "For how long what was deleted or replaced can be had back. Null keeps no versions."
  type        = number
  default     = null
}

variable "expire_days" {
  description = "After how many days objects go, by prefix."
  type        = map(number)
  default     = {}
}

variable "archive_after_days" {
  description = "When Intelligent-Tiering archives what nobody reads; null is never."
  type = object({
    archive      = number
    deep_archive = optional(number)
  })
  default = null
}

variable "upload_origins" {
  description = "Pages that may send photos here, and read them."
  type        = list(string)
  default     = []
}

variable "distributions" {
  description = "ARNs of the CloudFront distributions that hand out what is here."
  type        = list(string)
  default     = []
}
