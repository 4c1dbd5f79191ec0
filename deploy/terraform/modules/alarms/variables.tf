variable "name" {
  description = "What alarms and dashboard are called after."
  type        = string
}

variable "region" {
  description = "Where the metrics are."
  type        = string
}

variable "email" {
  description = "Who hears of alarms."
  type        = string
}

variable "queues" {
  description = "The names of the queues."
  type        = list(string)
}

variable "dead_queues" {
  description = "The names of their dead letters."
  type        = list(string)
}

variable "gateway_id" {
  description = "The gateway in front of the API."
  type        = string
}

variable "cluster" {
  description = "The name of the cluster whose tasks are watched."
  type        = string
}

variable "cluster_arn" {
  description = "Its ARN."
  type        = string
}

variable "worker" {
  description = "The name of the worker's service."
  type        = string
}

variable "rekognition_daily_alarm" {
  description = "Dollars a day above which an alarm goes off."
  type        = number
}
