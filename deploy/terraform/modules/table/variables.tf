variable "name" {
  description = "The table's name."
  type        = string
}

variable "protect" {
  description = "Whether the table refuses to be destroyed."
  type        = bool
}

variable "local_indexes" {
  description = "Attributes that a partition is also ordered by, by the index's name."
  type        = map(string)
  default     = {}
}
