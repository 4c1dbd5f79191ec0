variable "name" {
  description = "The firewall's name."
  type        = string
}
