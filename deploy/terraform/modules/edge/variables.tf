variable "name" {
  description = "What everything here is called."
  type        = string
}

variable "page_host" {
  description = "The host of the bucket that the page is in."
  type        = string
}

variable "service_host" {
  description = "The host that the service answers at."
  type        = string
}

variable "page_sources" {
  description = "Other origins that the page may load photos from and send them to."
  type        = list(string)
}

variable "domain" {
  description = "A name of one's own, and its certificate in us-east-1; null is CloudFront's."
  type = object({
    name            = string
    certificate_arn = string
  })
  default = null
}

variable "firewall_arn" {
  description = "The firewall in front; null is none."
  type        = string
  default     = null
}
