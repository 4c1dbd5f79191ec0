variable "folder" {
  description = "The folder of the built page."
  type        = string

  validation {
    condition     = fileexists("${var.folder}/index.html")
    error_message = "The page has not been built: run `make web` at the top of the checkout, or `make deploy`, which does that first."
  }
}

variable "bucket" {
  description = "The bucket that it goes to."
  type        = string
}
