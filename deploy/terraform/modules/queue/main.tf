# A queue and its dead letters. Both policies name their queues by name: as resources of their own they would take a
# minute longer, and the two queues would wait for each other.

data "aws_caller_identity" "this" {}
data "aws_partition" "this" {}
data "aws_region" "this" {}

locals {
  prefix   = "arn:${data.aws_partition.this.partition}:sqs:${data.aws_region.this.name}:${data.aws_caller_identity.this.account_id}"
  arn      = "${local.prefix}:${var.name}"
  dead_arn = "${local.prefix}:${var.name}-dead"
  day      = 24 * 60 * 60
}

resource "aws_sqs_queue" "this" {
  name                       = var.name
  visibility_timeout_seconds = var.lease_seconds
  message_retention_seconds  = 7 * local.day
  receive_wait_time_seconds  = 20
  sqs_managed_sse_enabled    = true
  policy                     = data.aws_iam_policy_document.this.json

  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead.arn
    maxReceiveCount     = 5
  })
}

resource "aws_sqs_queue" "dead" {
  name                      = "${var.name}-dead"
  message_retention_seconds = 14 * local.day
  sqs_managed_sse_enabled   = true
  policy                    = data.aws_iam_policy_document.dead.json

  redrive_allow_policy = jsonencode({
    redrivePermission = "byQueue"
    sourceQueueArns   = [local.arn]
  })
}

data "aws_iam_policy_document" "this" {
  source_policy_documents = [data.aws_iam_policy_document.tls_only[local.arn].json]

  statement {
    sid       = "Photos"
    actions   = ["sqs:SendMessage"]
    resources = [local.arn]

    principals {
      type        = "Service"
      identifiers = ["s3.amazonaws.com"]
    }

    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = [var.bucket_arn]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [data.aws_caller_identity.this.account_id]
    }
  }
}

data "aws_iam_policy_document" "dead" {
  source_policy_documents = [data.aws_iam_policy_document.tls_only[local.dead_arn].json]
}

data "aws_iam_policy_document" "tls_only" {
  for_each = toset([local.arn, local.dead_arn])

  statement {
    sid       = "TlsOnly"
    effect    = "Deny"
    actions   = ["sqs:*"]
    resources = [each.value]

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }
}
