variable "name" {
  description = "The name."
  type        = string
}

variable "zone_id" {
  description = "The Route 53 zone that it is in."
  type        = string
}

variable "target" {
  description = "The distribution that the name leads to."
  type = object({
    host    = string
    zone_id = string
  })
}
