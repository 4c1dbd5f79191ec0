variable "name" {
  description = "What everything here is called."
  type        = string
}
