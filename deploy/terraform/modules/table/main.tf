# A table as imgtag reads it: pk and sk, an index of what is due, and one by time where it is asked for.

resource "aws_dynamodb_table" "this" {
  name                        = var.name
  billing_mode                = "PAY_PER_REQUEST"
  hash_key                    = "pk"
  range_key                   = "sk"
  deletion_protection_enabled = var.protect

  dynamic "attribute" {
    for_each = setunion(["pk", "sk", "due", "at"], values(var.local_indexes))

    content {
      name = attribute.value
      type = "S"
    }
  }

  dynamic "local_secondary_index" {
    for_each = var.local_indexes

    content {
      name            = local_secondary_index.key
      range_key       = local_secondary_index.value
      projection_type = "ALL"
    }
  }

  global_secondary_index {
    name            = "due"
    hash_key        = "due"
    range_key       = "at"
    projection_type = "KEYS_ONLY"
  }

  ttl {
    attribute_name = "ttl"
    enabled        = true
  }

  point_in_time_recovery {
    enabled = true
  }

  server_side_encryption {
    enabled = false # is with a key of DynamoDB's own, which costs nothing
  }
}
