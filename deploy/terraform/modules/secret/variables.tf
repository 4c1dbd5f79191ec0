variable "name" {
  description = "The parameter's name."
  type        = string
}

variable "description" {
  description = "What it is for."
  type        = string
}
