# The process itself, and Fargate on its behalf before it runs, are two, and may not do the same.

data "aws_iam_policy_document" "assumed" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["ecs-tasks.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "this" {
  name               = replace(var.name, "/", "-")
  assume_role_policy = data.aws_iam_policy_document.assumed.json
}

resource "aws_iam_role_policy" "this" {
  name   = "imgtag"
  role   = aws_iam_role.this.id
  policy = var.policy
}

resource "aws_iam_role" "starter" {
  name               = "${replace(var.name, "/", "-")}-starter"
  assume_role_policy = data.aws_iam_policy_document.assumed.json
}

resource "aws_iam_role_policy" "starter" {
  name   = "start"
  role   = aws_iam_role.starter.id
  policy = data.aws_iam_policy_document.starter.json
}

data "aws_iam_policy_document" "starter" {
  statement {
    actions   = ["ecr:GetAuthorizationToken"]
    resources = ["*"] # knows no resources
  }

  statement {
    actions   = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
    resources = [var.repository_arn]
  }

  statement {
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${aws_cloudwatch_log_group.this.arn}:*"]
  }
}
