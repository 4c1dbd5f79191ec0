variable "name" {
  description = "The queue's name; that of its dead letters ends in -dead."
  type        = string
}

variable "lease_seconds" {
  description = "How long a message is hidden from others once one has received it."
  type        = number
}

variable "bucket_arn" {
  description = "The bucket that may announce its objects here."
  type        = string
}
