# What each process may do, and nothing else: a test runs imgtag, and compares every call that it made with this page.

locals {
  photo_objects   = { for kind in ["originals", "incoming", "thumbnails", "renditions", "manifests"] : kind => "${module.photo_bucket.arn}/${kind}/*" }
  archive_objects = "${module.working_bucket.arn}/archives/*"
  tables          = [for table in module.table : table.arn]
  secrets         = "arn:${data.aws_partition.this.partition}:ssm:${var.region}:${local.account}:parameter${local.parameters}"
  worker_service  = "arn:${data.aws_partition.this.partition}:ecs:${var.region}:${local.account}:service/${aws_ecs_cluster.this.name}/worker"

  # s3://bucket/prefix, as ARNs of buckets and of what is in them
  import_buckets = distinct([for source in var.import_sources : "arn:${data.aws_partition.this.partition}:s3:::${split("/", trimprefix(source, "s3://"))[0]}"])
  import_objects = [for source in var.import_sources : "arn:${data.aws_partition.this.partition}:s3:::${trimsuffix(trimprefix(source, "s3://"), "/")}/*"]
}

data "aws_iam_policy_document" "shared" {
  statement {
    sid       = "Secrets"
    actions   = ["ssm:GetParametersByPath"]
    resources = [local.secrets, "${local.secrets}/*"]
  }

  statement {
    sid       = "Read"
    actions   = ["s3:GetObject"]
    resources = concat(values(local.photo_objects), [local.archive_objects])
  }

  # One ends an archive that is being built when somebody cancels it, the other carries on with one.
  statement {
    sid       = "Archives"
    actions   = ["s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"]
    resources = [local.archive_objects]
  }

  statement {
    sid       = "Absent" # without it, S3 says 403 of what isn't there, and not 404
    actions   = ["s3:ListBucket"]
    resources = [module.photo_bucket.arn, module.working_bucket.arn]
  }

  statement {
    sid = "Catalog"
    actions = [
      "dynamodb:BatchGetItem", "dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query",
      "dynamodb:UpdateItem",
    ]
    resources = concat(local.tables, [for table in local.tables : "${table}/index/*"])
  }

  statement {
    sid       = "Events"
    actions   = ["sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:SendMessage"]
    resources = concat([for queue in module.queue : queue.arn], [for queue in module.queue : queue.dead_arn])
  }

  statement {
    sid       = "Unsubscribe"
    actions   = ["sns:Unsubscribe"]
    resources = ["*"] # for IAM, a subscription is no resource
  }
}

data "aws_iam_policy_document" "api" {
  source_policy_documents = [data.aws_iam_policy_document.shared.json]

  # Whoever has a ticket sends a photo in the API's name.
  statement {
    sid       = "Take"
    actions   = ["s3:PutObject"]
    resources = [for kind in ["originals", "incoming", "manifests"] : local.photo_objects[kind]]
  }

  statement {
    sid       = "TakeBack"
    actions   = ["s3:DeleteObject"]
    resources = [local.photo_objects.manifests, local.archive_objects]
  }

  statement {
    sid       = "Addresses"
    actions   = ["sns:Subscribe"]
    resources = [aws_sns_topic.news.arn]
  }

  statement {
    sid       = "Subscriptions"
    actions   = ["sns:GetSubscriptionAttributes"]
    resources = ["*"] # the same
  }

  statement {
    sid       = "Wake"
    actions   = ["ecs:DescribeServices", "ecs:UpdateService"]
    resources = [local.worker_service]
  }

  # It looks at what there is before an import starts.
  dynamic "statement" {
    for_each = length(var.import_sources) == 0 ? [] : [1]

    content {
      sid       = "Estimates"
      actions   = ["s3:ListBucket"]
      resources = local.import_buckets
    }
  }
}

data "aws_iam_policy_document" "worker" {
  source_policy_documents = [data.aws_iam_policy_document.shared.json]

  statement {
    sid       = "Work"
    actions   = ["sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:ReceiveMessage"]
    resources = [for queue in module.queue : queue.arn]
  }

  statement {
    sid       = "Write"
    actions   = ["s3:DeleteObject", "s3:PutObject"]
    resources = concat(values(local.photo_objects), [local.archive_objects])
  }

  statement {
    sid       = "Duplicates"
    actions   = ["dynamodb:ConditionCheckItem"]
    resources = local.tables
  }

  statement {
    sid       = "Labels"
    actions   = ["rekognition:DetectLabels"]
    resources = ["*"] # knows no resources
  }

  statement {
    sid       = "News"
    actions   = ["sns:Publish"]
    resources = [aws_sns_topic.news.arn]
  }

  statement {
    sid       = "Restore"
    actions   = ["s3:RestoreObject"]
    resources = [local.photo_objects.originals]
  }

  dynamic "statement" {
    for_each = length(var.import_sources) == 0 ? [] : [1]

    content {
      sid       = "Imports"
      actions   = ["s3:GetObject", "s3:ListBucket"]
      resources = concat(local.import_buckets, local.import_objects)
    }
  }
}
