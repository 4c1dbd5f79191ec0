variable "name" {
  description = "The repository's name."
  type        = string
}

variable "image" {
  description = "An image that is there already; null builds one."
  type        = string
}

variable "checkout" {
  description = "The top folder of the checkout that is built."
  type        = string
}

variable "architecture" {
  description = "X86_64 or ARM64."
  type        = string
}
