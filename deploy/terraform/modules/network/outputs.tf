output "vpc_id" {
  description = "The network."
  value       = aws_vpc.this.id
}

output "subnet_ids" {
  description = "Its subnets, in two zones."
  value       = aws_subnet.this[*].id
}
