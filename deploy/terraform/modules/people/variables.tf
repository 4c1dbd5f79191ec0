variable "name" {
  description = "What the pool is called, and its domain begins with."
  type        = string
}

variable "email" {
  description = "The first to be able to sign in."
  type        = string
}

variable "url" {
  description = "Where imgtag is, without a slash at the end."
  type        = string
}

variable "protect" {
  description = "Whether the accounts refuse to be destroyed."
  type        = bool
}
