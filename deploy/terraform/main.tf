# imgtag on AWS, from the outside in: one address, the page behind it, the API, the worker, and what they keep.

data "aws_caller_identity" "this" {}
data "aws_partition" "this" {}

locals {
  account  = data.aws_caller_identity.this.account_id
  checkout = abspath("${path.root}/../..")
  tags     = merge({ imgtag = var.name }, var.tags)
  url      = "https://${var.domain == null ? module.edge.host : var.domain.name}"
  # Where the secrets lie
  parameters = coalesce(var.parameters, "/${var.name}")
  # What the worker asks for anew long before it ends.
  lease_seconds = 60
  port          = 8080
}

# The address

module "edge" {
  source = "./modules/edge"

  name         = var.name
  page_host    = module.page_bucket.host
  service_host = module.gateway.host
  page_sources = local.page_sources
  firewall_arn = one(module.firewall[*].arn)
  domain       = var.domain == null ? null : { name = var.domain.name, certificate_arn = module.domain[0].certificate_arn }
}

module "domain" {
  source    = "./modules/domain"
  count     = var.domain == null ? 0 : 1
  providers = { aws = aws.us_east_1 }

  name    = var.domain.name
  zone_id = var.domain.zone_id
  target  = { host = module.edge.host, zone_id = module.edge.zone_id }
}

module "firewall" {
  source    = "./modules/firewall"
  count     = var.firewall ? 1 : 0
  providers = { aws = aws.us_east_1 }

  name = var.name
}

module "page_bucket" {
  source = "./modules/bucket"

  name          = "${var.name}-page-${local.account}-${var.region}"
  protect       = false
  distributions = [module.edge.arn]
}

module "page" {
  source = "./modules/page"

  folder = coalesce(var.page, "${local.checkout}/imgtag/_web")
  bucket = module.page_bucket.name
}

module "people" {
  source = "./modules/people"

  name    = var.name
  email   = var.email
  url     = local.url
  protect = var.protect_data
}

# What runs

module "image" {
  source = "./modules/image"

  name         = var.name
  image        = var.image
  checkout     = local.checkout
  architecture = var.architecture
}

module "gateway" {
  source = "./modules/gateway"

  name     = var.name
  target   = var.always_on ? module.link[0].registry_arn : module.api_function[0].invoke_arn
  link_id  = one(module.link[*].id)
  log_days = var.log_days
}

module "api_function" {
  source = "./modules/function"
  count  = var.always_on ? 0 : 1

  name         = "${var.name}-api"
  image        = module.image.image
  architecture = var.architecture
  command      = local.commands.api
  environment  = merge(local.settings, local.settings_of_api, local.settings_of_function)
  policy       = data.aws_iam_policy_document.api.json
  gateway_arn  = module.gateway.arn
  log_days     = var.log_days
}

module "network" {
  source = "./modules/network"

  name = var.name
}

resource "aws_ecs_cluster" "this" {
  name = var.name
}

resource "aws_ecs_cluster_capacity_providers" "this" {
  cluster_name       = aws_ecs_cluster.this.name
  capacity_providers = ["FARGATE", "FARGATE_SPOT"]
}

module "api_service" {
  source     = "./modules/service"
  count      = var.always_on ? 1 : 0
  depends_on = [aws_ecs_cluster_capacity_providers.this]

  name           = "${var.name}/api"
  cluster_arn    = aws_ecs_cluster.this.arn
  network        = module.network
  image          = module.image.image
  repository_arn = module.image.repository_arn
  architecture   = var.architecture
  command        = local.commands.api
  environment    = merge(local.settings, local.settings_of_api, local.settings_of_service)
  size           = { cpu = 256, memory = 1024 }
  spot           = false
  count_at_first = 1
  policy         = data.aws_iam_policy_document.api.json
  log_days       = var.log_days

  door = {
    port         = local.port
    caller       = module.link[0].security_group_id
    registry_arn = module.link[0].registry_arn
  }
}

module "link" {
  source = "./modules/link"
  count  = var.always_on ? 1 : 0

  name    = var.name
  network = module.network
  port    = local.port
}

module "worker" {
  source     = "./modules/service"
  depends_on = [aws_ecs_cluster_capacity_providers.this]

  name           = "${var.name}/worker"
  cluster_arn    = aws_ecs_cluster.this.arn
  network        = module.network
  image          = module.image.image
  repository_arn = module.image.repository_arn
  architecture   = var.architecture
  command        = local.commands.worker
  environment    = merge(local.settings, local.settings_of_service)
  size           = var.worker
  spot           = true
  count_at_first = 0
  policy         = data.aws_iam_policy_document.worker.json
  log_days       = var.log_days
}

module "scaling" {
  source = "./modules/scaling"

  prefix    = var.name
  cluster   = aws_ecs_cluster.this.name
  service   = module.worker.name
  queues    = [for queue in module.queue : queue.name]
  max_count = var.worker.max_count
}

# What is kept

module "photo_bucket" {
  source = "./modules/bucket"

  name               = local.buckets.photos
  protect            = var.protect_data
  undelete_days      = 30
  expire_days        = { "incoming/" = 1 }
  archive_after_days = var.archive_after_days
  upload_origins     = [local.url]
}

module "working_bucket" {
  source = "./modules/bucket"

  name        = local.buckets.working
  protect     = false
  expire_days = { "archives/" = 2 }
}

module "table" {
  source   = "./modules/table"
  for_each = { catalog = { created = "ck" }, jobs = {} }

  name          = "${var.name}-${each.key}"
  protect       = var.protect_data
  local_indexes = each.value
}

module "queue" {
  source   = "./modules/queue"
  for_each = toset(["photos", "bundles"])

  name          = "${var.name}-${each.key}"
  lease_seconds = local.lease_seconds
  bucket_arn    = "arn:${data.aws_partition.this.partition}:s3:::${local.buckets.photos}"
}

resource "aws_s3_bucket_notification" "photos" {
  bucket = module.photo_bucket.name

  dynamic "queue" {
    for_each = toset(["originals/", "incoming/"])

    content {
      id            = "arrived-${trimsuffix(queue.value, "/")}"
      queue_arn     = module.queue["photos"].arn
      events        = ["s3:ObjectCreated:*"]
      filter_prefix = queue.value
    }
  }

  queue {
    id            = "restored"
    queue_arn     = module.queue["bundles"].arn
    events        = ["s3:ObjectRestore:Completed"]
    filter_prefix = "originals/"
  }
}

resource "aws_sns_topic" "news" {
  name = "${var.name}-news"
}

# Signs what only this installation can have written.
module "secret" {
  source    = "./modules/secret"
  count     = var.parameters == null ? 1 : 0
  providers = { aws = aws, aws.random = aws.us_east_1 }

  name        = "${local.parameters}/secret"
  description = "What imgtag signs cursors, tickets and thumbnail URLs with"
}

# Who looks on

module "alarms" {
  source = "./modules/alarms"

  name                    = var.name
  region                  = var.region
  email                   = var.email
  queues                  = [for queue in module.queue : queue.name]
  dead_queues             = [for queue in module.queue : queue.dead_name]
  gateway_id              = module.gateway.id
  cluster                 = aws_ecs_cluster.this.name
  cluster_arn             = aws_ecs_cluster.this.arn
  worker                  = module.worker.name
  rekognition_daily_alarm = var.rekognition.daily_alarm
}
