"""What AIVO's account is called, and what is in it."""

from __future__ import annotations

ACCOUNT, REGION = "123456789012", "us-east-1"
BALANCER, NEW, STABLE = "aivo-prod", "aivo-prod-new", "aivo-prod-tg"
TARGETS = 12
PRIMARY = "aivo-prod-primary"
UPLOADS, BACKUPS = "aivo-uploads", "aivo-backups"
PREFIX = "user-uploads/"
GATEWAY = "/aws/apigateway/aivo-prod"
SENDER = "alerts@aivo.edu"
