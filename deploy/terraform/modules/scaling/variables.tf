variable "prefix" {
  description = "What the alarms' names begin with."
  type        = string
}

variable "cluster" {
  description = "The cluster's name."
  type        = string
}

variable "service" {
  description = "The service's name."
  type        = string
}

variable "queues" {
  description = "The names of the queues that it works on."
  type        = list(string)
}

variable "max_count" {
  description = "How many may run."
  type        = number
}
