variable "name" {
  description = "What everything here is called."
  type        = string
}

variable "network" {
  description = "The network that it leads into."
  type = object({
    vpc_id     = string
    subnet_ids = list(string)
  })
}

variable "port" {
  description = "The port that tasks answer on."
  type        = number
}
