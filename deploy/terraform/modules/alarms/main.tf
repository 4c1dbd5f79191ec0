# What a person should hear of, and a page to look at. docs/operations.md says what to do about each.

data "aws_caller_identity" "this" {}

# Not encrypted: alarms can't publish to a topic under SNS's own key, and what they say is no secret.
resource "aws_sns_topic" "this" {
  name = "${var.name}-alarms"
}

resource "aws_sns_topic_subscription" "owner" {
  topic_arn = aws_sns_topic.this.arn
  protocol  = "email"
  endpoint  = var.email
}

resource "aws_sns_topic_policy" "this" {
  arn    = aws_sns_topic.this.arn
  policy = data.aws_iam_policy_document.topic.json
}

data "aws_iam_policy_document" "topic" {
  statement {
    sid       = "Alarms"
    actions   = ["sns:Publish"]
    resources = [aws_sns_topic.this.arn]

    principals {
      type        = "Service"
      identifiers = ["cloudwatch.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [data.aws_caller_identity.this.account_id]
    }
  }

  statement {
    sid       = "FailedTasks" # EventBridge supports no conditions here
    actions   = ["sns:Publish"]
    resources = [aws_sns_topic.this.arn]

    principals {
      type        = "Service"
      identifiers = ["events.amazonaws.com"]
    }
  }
}

locals {
  by_queue = { for queue in concat(var.queues, var.dead_queues) : queue => { QueueName = queue } }

  alarms = merge(
    { for queue in var.dead_queues : "${queue}-letters" => {
      about      = "Something could not be done after five tries, and lies in ${queue}."
      namespace  = "AWS/SQS"
      metric     = "ApproximateNumberOfMessagesVisible"
      dimensions = local.by_queue[queue]
      statistic  = "Maximum"
      period     = 300
      threshold  = 1
    } },
    { for queue in var.queues : "${queue}-age" => {
      about      = "The oldest message in ${queue} has waited for six hours: workers don't start, or don't keep up."
      namespace  = "AWS/SQS"
      metric     = "ApproximateAgeOfOldestMessage"
      dimensions = local.by_queue[queue]
      statistic  = "Maximum"
      period     = 300
      threshold  = 6 * 60 * 60
    } },
    { "${var.name}-api-5xx" = {
      about      = "The API has failed five times within five minutes."
      namespace  = "AWS/ApiGateway"
      metric     = "5xx"
      dimensions = { ApiId = var.gateway_id }
      statistic  = "Sum"
      period     = 300
      threshold  = 5
    } },
    { "${var.name}-rekognition-spend" = {
      about      = "Rekognition was asked about more than ${var.rekognition_daily_alarm} dollars' worth of photos within a day."
      namespace  = "AWS/Rekognition"
      metric     = "SuccessfulRequestCount"
      dimensions = { Operation = "DetectLabels" }
      statistic  = "Sum"
      period     = 24 * 60 * 60
      threshold  = var.rekognition_daily_alarm * 1000 # a tenth of a cent each
    } },
  )
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = local.alarms

  alarm_name          = each.key
  alarm_description   = each.value.about
  alarm_actions       = [aws_sns_topic.this.arn]
  ok_actions          = [aws_sns_topic.this.arn]
  namespace           = each.value.namespace
  metric_name         = each.value.metric
  dimensions          = each.value.dimensions
  statistic           = each.value.statistic
  period              = each.value.period
  threshold           = each.value.threshold
  comparison_operator = "GreaterThanOrEqualToThreshold"
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"
}

# A task that fails leaves no metric, but says so once.
resource "aws_cloudwatch_event_rule" "failed" {
  name        = "${var.name}-task-failed"
  description = "A task ended with an error, or could not start"

  event_pattern = jsonencode({
    source      = ["aws.ecs"]
    detail-type = ["ECS Task State Change"]
    detail = {
      clusterArn = [var.cluster_arn]
      lastStatus = ["STOPPED"]
      "$or" = [
        { containers = { exitCode = [{ "anything-but" = 0 }] } },
        { stopCode = ["TaskFailedToStart"] },
      ]
    }
  })
}

resource "aws_cloudwatch_event_target" "failed" {
  rule = aws_cloudwatch_event_rule.failed.name
  arn  = aws_sns_topic.this.arn
}

resource "aws_cloudwatch_dashboard" "this" {
  dashboard_name = var.name

  dashboard_body = jsonencode({
    widgets = [for index, widget in [
      { title = "Waiting", metrics = [for queue in var.queues : ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", queue]], stat = "Maximum" },
      { title = "Being worked on", metrics = [for queue in var.queues : ["AWS/SQS", "ApproximateNumberOfMessagesNotVisible", "QueueName", queue]], stat = "Maximum" },
      { title = "Dead letters", metrics = [for queue in var.dead_queues : ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", queue]], stat = "Maximum" },
      { title = "Oldest message (seconds)", metrics = [for queue in var.queues : ["AWS/SQS", "ApproximateAgeOfOldestMessage", "QueueName", queue]], stat = "Maximum" },
      { title = "API", metrics = [for metric in ["Count", "4xx", "5xx"] : ["AWS/ApiGateway", metric, "ApiId", var.gateway_id]], stat = "Sum" },
      { title = "API (milliseconds)", metrics = [["AWS/ApiGateway", "Latency", "ApiId", var.gateway_id]], stat = "p95" },
      { title = "Workers (% CPU)", metrics = [["AWS/ECS", "CPUUtilization", "ClusterName", var.cluster, "ServiceName", var.worker]], stat = "Average" },
      { title = "Photos looked at by Rekognition", metrics = [["AWS/Rekognition", "SuccessfulRequestCount", "Operation", "DetectLabels"]], stat = "Sum" },
      ] : {
      type   = "metric"
      x      = index % 2 * 12
      y      = floor(index / 2) * 6
      width  = 12
      height = 6
      properties = {
        title   = widget.title
        metrics = widget.metrics
        stat    = widget.stat
        region  = var.region
        period  = 300
        view    = "timeSeries"
      }
    }]
  })
}
