variable "email" {
  description = "Who owns the installation: the first to be able to sign in, and the one whom alarms reach."
  type        = string

  validation {
    condition     = can(regex("^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$", var.email))
    error_message = "This is not an e-mail address."
  }
}

variable "name" {
  description = "What everything is called, and what the names of buckets begin with."
  type        = string
  default     = "imgtag"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,18}[a-z0-9]$", var.name))
    error_message = "2 to 20 small letters, digits and hyphens, beginning with a letter."
  }

  validation {
    condition     = !can(regex("aws|amazon|cognito", var.name))
    error_message = "Cognito refuses domains that contain aws, amazon or cognito."
  }
}

variable "region" {
  description = "Where photos are kept and looked at. Rekognition has to exist there."
  type        = string
  default     = "us-east-1"
}

variable "always_on" {
  description = "Run the API on a Fargate task that never sleeps (about 15 USD a month more), in place of Lambda. Then nobody waits for a cold start."
  type        = bool
  default     = false
}

variable "protect_data" {
  description = "Let photos, catalog and accounts survive `terraform destroy`."
  type        = bool
  default     = true
}

variable "archive_after_days" {
  description = "Move originals that nobody reads into the archive tiers of Intelligent-Tiering: cheaper, and hours away. Null leaves them within milliseconds."
  type = object({
    archive      = number
    deep_archive = optional(number)
  })
  default = null

  validation {
    condition     = var.archive_after_days == null || try(var.archive_after_days.archive >= 90 && var.archive_after_days.archive <= 730, false)
    error_message = "S3 archives after 90 to 730 days."
  }

  validation {
    condition     = try(var.archive_after_days.deep_archive, null) == null || try(var.archive_after_days.deep_archive >= 180 && var.archive_after_days.deep_archive <= 730, false)
    error_message = "S3 archives deeply after 180 to 730 days."
  }
}

variable "domain" {
  description = "A name of your own, such as photos.example.com, and the Route 53 zone that it is in. Null uses CloudFront's name."
  type = object({
    name    = string
    zone_id = string
  })
  default = null
}

variable "firewall" {
  description = "Put a web application firewall in front (about 8 USD a month)."
  type        = bool
  default     = false
}

variable "image" {
  description = "A container image in ECR, in this account and region, that is there already. Null builds and pushes it from this checkout, which takes Docker and the AWS command line."
  type        = string
  default     = null

  validation {
    condition     = var.image == null || can(regex("\\.dkr\\.ecr\\..+[:@]", var.image))
    error_message = "Lambda runs images from ECR only, named with a tag or a digest."
  }
}

variable "architecture" {
  description = "The processors of Lambda and Fargate: X86_64, or ARM64, which costs a fifth less."
  type        = string
  default     = "X86_64"

  validation {
    condition     = contains(["X86_64", "ARM64"], var.architecture)
    error_message = "X86_64 or ARM64."
  }
}

variable "worker" {
  description = "How large one worker is (CPU units, MiB), and how many there are at most. Four photos fit into the memory of one at once for each CPU."
  type = object({
    cpu       = optional(number, 1024)
    memory    = optional(number, 3072)
    max_count = optional(number, 4)
  })
  default = {}

  validation {
    condition     = var.worker.max_count >= 1 && floor(var.worker.max_count) == var.worker.max_count
    error_message = "At least one worker has to be able to run."
  }
}

variable "rekognition" {
  description = "What may be asked of Rekognition: photos a second (see Service Quotas for your region's limit), photos a month (null is no limit), and dollars a day above which an alarm goes off."
  type = object({
    rate          = optional(number, 5)
    monthly_limit = optional(number)
    daily_alarm   = optional(number, 20)
  })
  default = {}
}

variable "import_sources" {
  description = "Places that may be imported from, such as s3://bucket/prefix."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for source in var.import_sources : can(regex("^s3://[a-z0-9.-]{3,63}(/.*)?$", source))])
    error_message = "Each is s3://bucket or s3://bucket/prefix."
  }
}

variable "parameters" {
  description = "A path in the Parameter Store under which secrets lie already, such as /photos, each called as imgtag's setting: secret, oidc_client_secret. Null makes up the one that is needed."
  type        = string
  default     = null

  validation {
    condition     = var.parameters == null || can(regex("^(/[a-zA-Z0-9_.-]+)+$", var.parameters))
    error_message = "A path begins with a slash and doesn't end with one."
  }
}

variable "log_days" {
  description = "How long logs are kept."
  type        = number
  default     = 30

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096], var.log_days)
    error_message = "CloudWatch keeps logs for 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731 or 1096 days."
  }
}

variable "page" {
  description = "The folder of the built page. Null is where `make web` leaves it."
  type        = string
  default     = null
}

variable "tags" {
  description = "Tags for everything, beside one that says which installation it belongs to."
  type        = map(string)
  default     = {}
}
