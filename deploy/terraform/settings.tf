# What imgtag is told, in the words of docs/configuration.md.

locals {
  buckets = {
    photos  = "${var.name}-photos-${local.account}-${var.region}"
    working = "${var.name}-working-${local.account}-${var.region}"
  }
  page_sources = ["https://${module.photo_bucket.host}"]

  commands = {
    api    = ["serve", "--role", "api"]
    worker = ["serve", "--role", "worker"]
  }

  settings = merge(
    {
      IMGTAG_PROFILE           = "aws"
      IMGTAG_PUBLIC_URL        = local.url
      IMGTAG_PAGE_SOURCES      = join(",", local.page_sources)
      IMGTAG_PARAMETERS        = local.parameters
      IMGTAG_LOG_FORMAT        = "json"
      IMGTAG_S3_BUCKET         = module.photo_bucket.name
      IMGTAG_S3_WORKING_BUCKET = module.working_bucket.name
      IMGTAG_DYNAMODB_CATALOG  = module.table["catalog"].name
      IMGTAG_DYNAMODB_JOBS     = module.table["jobs"].name
      IMGTAG_SQS_PHOTOS        = module.queue["photos"].url
      IMGTAG_SQS_BUNDLES       = module.queue["bundles"].url
      IMGTAG_SQS_LEASE_SECONDS = tostring(local.lease_seconds)
      IMGTAG_SNS_TOPIC         = aws_sns_topic.news.arn
      IMGTAG_OIDC_ISSUER       = module.people.issuer
      IMGTAG_OIDC_CLIENT_ID    = module.people.client_id
      IMGTAG_REKOGNITION_RATE  = tostring(var.rekognition.rate)
    },
    var.rekognition.monthly_limit == null ? {} : {
      IMGTAG_REKOGNITION_MONTHLY_LIMIT = tostring(var.rekognition.monthly_limit)
    },
    length(var.import_sources) == 0 ? {} : {
      IMGTAG_IMPORT_SOURCES = join(",", var.import_sources)
    },
  )

  settings_of_api = {
    IMGTAG_WORKER_SERVICE = "${aws_ecs_cluster.this.name}/worker"
    IMGTAG_LIVE_EVENTS    = "false" # the gateway passes on whole answers, and no streams
  }

  settings_of_function = {
    IMGTAG_DATA_DIR = "/tmp/imgtag" # the only folder that can be written to
    IMGTAG_HOST     = "127.0.0.1"
    IMGTAG_PORT     = "0" # on loopback, where nobody but imgtag asks
  }

  settings_of_service = {
    IMGTAG_HOST          = "0.0.0.0"
    IMGTAG_PORT          = tostring(local.port)
    IMGTAG_DATA_DIR      = "/tmp/imgtag"
    IMGTAG_DRAIN_SECONDS = "110" # of the 120 that Fargate grants
    IMGTAG_POLL_SECONDS  = "20"  # the fewest receives, which SQS counts
  }
}
