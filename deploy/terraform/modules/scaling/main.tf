# How many workers run. The API wakes the first one itself, since SQS may take a quarter of an hour to tell that a queue
# which slept is no longer empty; what is here adds more, lets them sleep, and wakes one for whatever else is sent.

locals {
  queues = { for queue in var.queues : replace(queue, "-", "_") => queue }
  sum    = join(" + ", [for id in sort(keys(local.queues)) : "FILL(${id}, 0)"])
  # How many messages wait, and how many workers they call for.
  steps = [
    { from = 1, workers = 1 },
    { from = 250, workers = 2 },
    { from = 1000, workers = var.max_count },
  ]
}

resource "aws_appautoscaling_target" "this" {
  service_namespace  = "ecs"
  scalable_dimension = "ecs:service:DesiredCount"
  resource_id        = "service/${var.cluster}/${var.service}"
  min_capacity       = 0
  max_capacity       = var.max_count

  lifecycle {
    ignore_changes = [min_capacity] # it is 1 while the daily sweep begins
  }
}

resource "aws_appautoscaling_policy" "this" {
  for_each = {
    out = [for index, step in local.steps : {
      workers = min(step.workers, var.max_count)
      lower   = step.from - 1
      upper   = try(local.steps[index + 1].from - 1, null)
    }]
    in = [{ workers = 0, lower = 0, upper = null }]
  }

  name               = "${var.service}-${each.key}"
  policy_type        = "StepScaling"
  service_namespace  = aws_appautoscaling_target.this.service_namespace
  scalable_dimension = aws_appautoscaling_target.this.scalable_dimension
  resource_id        = aws_appautoscaling_target.this.resource_id

  step_scaling_policy_configuration {
    adjustment_type         = "ExactCapacity"
    cooldown                = 120
    metric_aggregation_type = "Maximum"

    dynamic "step_adjustment" {
      for_each = each.value

      content {
        scaling_adjustment          = step_adjustment.value.workers
        metric_interval_lower_bound = step_adjustment.value.lower
        metric_interval_upper_bound = step_adjustment.value.upper
      }
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "waiting" {
  alarm_name          = "${var.prefix}-scale-out"
  alarm_description   = "Messages wait: more workers start. Nothing to do."
  alarm_actions       = [aws_appautoscaling_policy.this["out"].arn]
  comparison_operator = "GreaterThanOrEqualToThreshold"
  threshold           = 1
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"

  metric_query {
    id          = "waiting"
    label       = "Messages waiting"
    expression  = local.sum
    return_data = true
  }

  dynamic "metric_query" {
    for_each = local.queues

    content {
      id = metric_query.key

      metric {
        namespace   = "AWS/SQS"
        metric_name = "ApproximateNumberOfMessagesVisible"
        dimensions  = { QueueName = metric_query.value }
        period      = 60
        stat        = "Maximum"
      }
    }
  }
}

# It only goes off while a worker asks in vain. An alarm on empty queues alone would stand all night, and an alarm that
# stands sets the number of workers again every minute: to 0, under the hands of the API that has just woken one.
resource "aws_cloudwatch_metric_alarm" "idle" {
  alarm_name          = "${var.prefix}-scale-in"
  alarm_description   = "Workers have asked in vain for ten minutes, and go to sleep. Nothing to do."
  alarm_actions       = [aws_appautoscaling_policy.this["in"].arn]
  comparison_operator = "GreaterThanOrEqualToThreshold"
  threshold           = 1
  evaluation_periods  = 10
  datapoints_to_alarm = 10
  treat_missing_data  = "notBreaching"

  metric_query {
    id          = "idle"
    label       = "Asked in vain"
    expression  = "IF((FILL(asked, 0) > 0) AND ((${local.sum}) == 0), 1, 0)"
    return_data = true
  }

  metric_query {
    id = "asked"

    metric {
      namespace   = "AWS/SQS"
      metric_name = "NumberOfEmptyReceives"
      dimensions  = { QueueName = var.queues[0] }
      period      = 60
      stat        = "Sum"
    }
  }

  dynamic "metric_query" {
    for_each = local.queues

    content {
      id = metric_query.key

      metric {
        namespace   = "AWS/SQS"
        metric_name = "ApproximateNumberOfMessagesNotVisible"
        dimensions  = { QueueName = metric_query.value }
        period      = 60
        stat        = "Maximum"
      }
    }
  }
}

# Once a day a worker wakes to empty the trash, and to find what fell between two steps.
resource "aws_appautoscaling_scheduled_action" "sweep" {
  for_each = {
    begins = { at = "cron(0 3 * * ? *)", workers = 1 }
    ends   = { at = "cron(10 3 * * ? *)", workers = 0 }
  }

  name               = "${var.service}-sweep-${each.key}"
  service_namespace  = aws_appautoscaling_target.this.service_namespace
  scalable_dimension = aws_appautoscaling_target.this.scalable_dimension
  resource_id        = aws_appautoscaling_target.this.resource_id
  schedule           = each.value.at

  scalable_target_action {
    min_capacity = each.value.workers
    max_capacity = var.max_count
  }
}
